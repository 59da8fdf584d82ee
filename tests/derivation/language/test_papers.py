"""Whole documents with one mistake each: the line that is found, its place, and the line that was meant."""

import re

import pytest

from tests.support.paths import ROOT
from tinyad.derivation import check_derivation
from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.proposal import proposed_declarations

PAPERS = ROOT / "tests/derivation/language/papers"

# fmt: off
FOUND = {  # document: (place of the wrong line, what was meant, equations that are read, and that are not)
    "batch_norm.tex": ("line 25, column 66, wrong",
                       r"+ 2 \grad{v} \frac{(x_i - \mu)}{m} + \frac{1}{m} \grad{\mu}", 10, 0),
    "attention.tex": ("line 26, column 11 (eq:dk), wrong", r"d\mK &= d\mathbf{S}\T \mQ", 15, 0),
    "gru.tex": ("line 25, column 42, wrong", r"\pdv{L}{z_t} &= \pdv{L}{h_t} \had (c_t - h_{t-1})", 8, 1),
    "encoder.tex": ("line 41, column 130, wrong", r"\odot \exp(s/2) + \frac{1}{2} (\exp(s) - 1)", 11, 6),
    "mlp.tex": ("line 31, column 44, wrong", r"\grad{\vec{a}_1} \odot \vec{a}_1 \odot (1 - \vec{a}_1)", 14, 1),
    "lstm.md": ("line 34, column 62, wrong", r"\sum_{t=1}^{T} \delta^f_t h_{t-1}^\top", 15, 0),
    "classifier/main.tex": ("line 8 of sections/gradients.tex, column 20 (eq:dh), does not fit",
                            r"\dd{\Ls}{\vh} &= \mV\tp \dd{\Ls}{\bm{s}}", 13, 2),
}
# fmt: on


@pytest.mark.parametrize("name", FOUND)
def test_the_mistake_in_a_paper(name):
    place, meant, read, left = FOUND[name]
    report = check_derivation(PAPERS / name)
    (wrong,) = report.wrong
    shown = report.text()
    assert f"\n{place}" in shown
    assert wrong.suggestion.endswith(meant)
    assert wrong.grade == "certain"
    assert f"{read} equations read" in report.summary()
    assert f", {left} not read" in report.summary()
    assert report.html().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", FOUND)
def test_a_corrected_paper_is_right(name, tmp_path):
    (wrong,) = check_derivation(PAPERS / name).wrong
    for path in sorted((PAPERS / name).parent.rglob("*.*")):
        text = path.read_text(encoding="utf-8").replace(wrong.text, wrong.suggestion)
        copy = tmp_path / path.relative_to((PAPERS / name).parent)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text, encoding="utf-8")
    assert [v.text for v in check_derivation(tmp_path / (PAPERS / name).name, suggest=False).wrong] == []


@pytest.mark.parametrize("name", ["batch_norm.tex", "gru.tex", "encoder.tex", "mlp.tex"])  # attention has 1_{(n,n)}
def test_a_paper_without_declarations_is_read_with_those_that_are_proposed(name, tmp_path):
    text = re.sub(r"^% tinyad:.*\n", "", (PAPERS / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    bare = tmp_path / "bare.tex"
    bare.write_text(text, encoding="utf-8")
    proposed = proposed_declarations(opened(bare))
    bare.write_text(text.replace("\\begin{document}", proposed + "\n\\begin{document}", 1), encoding="utf-8")
    report = check_derivation(bare, suggest=False)
    assert len(report.verdicts) == len(check_derivation(PAPERS / name, suggest=False).verdicts)
    assert not {"undefined", "unreadable"} & {str(v.verdict) for v in report.verdicts}
