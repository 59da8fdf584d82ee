"""Pictures as TikZ: the text, what is escaped in it, and that LaTeX takes it where there is one."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from lstm_models.slides import GATES
from tests.support import goldenfiles
from tests.support.pictures import NASTY, classifier, gated, lstm, nasty
from tinyad import Tape, compare, graph, tanh
from tinyad.printing.notation import LATEX

TOKENS = re.compile(r"\\[A-Za-z]+|\\.|[{}$%#&~^_]")


def contributions():
    tape = lstm(1)
    d = tape.backward({"h[1]": np.ones((2, 4))})
    wrong = compare(d, {"z6[1]": d["z6[1]"] + 1, "f[1]": d["f[1]"]})
    fold = ("candidate", "input gate")
    return graph(tape, groups=GATES, fold=fold, derivatives=d, contributions=True, comparison=wrong)


PICTURES = {
    "classifier": lambda: graph(classifier(), fold_unnamed=True),
    "down": lambda: graph(gated(2), fold_unnamed=True, direction="down"),
    "contributions": contributions,
    "names": nasty,
    "nothing": lambda: graph(Tape()),
}


def body(text):
    return text.split("\n\\begin{document}\n")[1].split("\n\\end{document}")[0].splitlines()


def sound(text):
    """Fails where a brace or a dollar has no other one, and where a sign of TeX stands for itself."""
    depth = 0
    for line in body(text):
        signs, formula = TOKENS.findall(line), False
        for sign in signs:
            depth += {"{": 1, "}": -1}.get(sign, 0)
            formula ^= sign == "$"
            assert depth >= 0, line
            assert sign != "^" or formula, line
        if line.startswith(r"\node"):
            assert depth == 0, line
            assert not {"&", "~", "%", "#"} & set(signs), line
        assert not formula, line
    assert depth == 0


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("width", [None, 900])
def test_the_text_is_sound(name, width):
    text = PICTURES[name]().tikz(width)
    sound(text)
    assert re.findall(r"\\(?:begin|end)\{(\w+)\}", text.split("\\documentclass")[1]) == [
        "document", "tikzpicture", "tikzpicture", "document"
    ]  # fmt: skip


@pytest.mark.parametrize("bad", ["{", "}", "$", "&", "~", "%", "#"])
def test_what_is_not_escaped_is_noticed(bad):
    text = PICTURES["classifier"]().tikz()
    sound(text)
    with pytest.raises(AssertionError):
        sound(text.replace(r"\, x", rf"\, {bad} x", 1))


def test_the_text_of_a_classifier():
    goldenfiles.check("classifier.tikz.tex", PICTURES["classifier"]().tikz(120).removesuffix("\n"))


def test_the_text_of_a_folded_cell():
    text = graph(lstm(1), groups=GATES, fold=("candidate", "input gate"), direction="down").tikz()
    goldenfiles.check("cell.tikz.tex", text.removesuffix("\n"))


def test_names_are_escaped():
    text = nasty().tikz()
    for word in (NASTY, NASTY + "z", "&lt;", "<b>z</b>"):
        assert LATEX.word(word) in text
    assert not re.search(r"[^\\]&", "".join(body(text)))
    assert r"c<d>\textbackslash{}n\&é" in "".join(body(text))


def test_a_step_that_is_wrong_has_its_colour():
    text = contributions().tikz()
    own = [line for line in body(text) if line.startswith(r"\node[tinyad box, tinyad own, ")]
    assert len(own) == sum(box.verdict == "own" for box in contributions().drawing.boxes) > 0
    assert text.count(r"\tinyadsmall{ink}") == sum(line.count(r"\tinyadsmall{ink}") for line in own) == 2 * len(own)


def test_every_node_and_line_is_there():
    picture = contributions()
    text = picture.tikz()
    for box in picture.drawing.boxes:
        assert text.count(f"({box.key})") == 1
    assert text.count(r"\draw[tinyad arrow") == len(picture.drawing.edges)
    assert text.count(r"\draw[tinyad line") == sum(bool(edge.label) for edge in picture.drawing.edges)
    assert text.count(r"\node[tinyad title]") == len(picture.drawing.clusters) - 1


def test_save(tmp_path):
    picture = PICTURES["down"]()
    picture.save(tmp_path / "a.TEX", width=150)
    assert (tmp_path / "a.TEX").read_text(encoding="utf-8") == picture.tikz(150)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PICTURES if name != "nothing"])
def test_latex_takes_it(name, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("there is no pdflatex")
    PICTURES[name]().save(tmp_path / "a.tex")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout


def test_a_tape_that_goes_on_leaves_its_picture_as_it_is():
    tape = classifier()
    picture = graph(tape)
    before = picture.tikz()
    tape.name({"more": tanh(tape["z"])})
    assert picture.tikz() == before
