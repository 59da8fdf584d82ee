"""The README's examples run, one after the other, and print what stands below them."""

import os
import re

from lstm_models.models import MODELS
from tests.support.examples import ROOT, blocks, rounded, run
from tinyad.drawing import layout

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "cell.svg"
BLOCKS = blocks(README.read_text(encoding="utf-8"))


def test_every_example(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {}
    shown = list(run(BLOCKS, names))
    assert len(shown) == 12
    for printed, expected in shown:
        assert rounded(printed) == rounded(expected)
    assert (tmp_path / "cell.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "wrong, first at step 22, ∇z17" in (tmp_path / "cell.html").read_text(encoding="utf-8")
    drawn = layout.svg(names["picture"].drawing)
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        PICTURE.write_text(drawn, encoding="utf-8", newline="\n")
    assert drawn == PICTURE.read_text(encoding="utf-8"), "another picture: TINYAD_WRITE_GOLDEN=1 pytest, and look at it"


def test_a_changed_output_is_seen():
    ((printed, expected),) = run([("python", "", "print(0.123456789)"), ("text", "", "0.123466789\n")])
    assert rounded(printed) != rounded(expected)


def test_links_and_commands_exist():
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (README.parent / path).exists(), path
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in makefile, target


def test_every_model_is_in_the_table():
    table = README.read_text(encoding="utf-8").partition("| source ")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([\w-]+)`", row.split("|")[2])]
    assert sorted(named) == sorted(MODELS)
