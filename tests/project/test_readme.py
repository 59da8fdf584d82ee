"""The README's examples run, one after the other, and print what stands below them."""

import os
import re

from tests.support.examples import blocks, rewritten, rounded, run
from tests.support.house import read
from tests.support.paths import ROOT
from tinyad.drawing.svg import svg

README = ROOT / "README.md"
EXAMPLE = ROOT / "docs/examples/backward.py"
PICTURE = ROOT / "docs" / "cell.svg"
LINES = 250


def test_every_example(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {}
    text = read(README)
    shown = list(run(blocks(text), names))
    assert len(shown) == 6
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        README.write_text(rewritten(text, shown), encoding="utf-8", newline="\n")
        shown = []
    for printed, expected in shown:
        assert rounded(printed) == rounded(expected)
    assert read(tmp_path / "cell.svg").startswith("<svg")
    assert "wrong, first at step 22, ∇z17" in read(tmp_path / "cell.html")
    drawn = svg(names["picture"].drawing)
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        PICTURE.write_text(drawn, encoding="utf-8", newline="\n")
    assert drawn == read(PICTURE), "another picture: TINYAD_WRITE_GOLDEN=1 pytest, and look at it"


def test_the_first_example_is_a_file():
    (code,) = [code for kind, name, code in blocks(read(README)) if name == "backward.py"]
    assert code == read(EXAMPLE)


def test_a_changed_output_is_seen():
    ((printed, expected),) = run([("python", "", "print(0.123456789)"), ("text", "", "0.123466789\n")])
    assert rounded(printed) != rounded(expected)


def test_links_and_commands_exist():
    text = read(README)
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    makefile = read(ROOT / "Makefile")
    for target in re.findall(r"`make (\w+)`", text):
        assert f"\n{target}:" in makefile, target


def test_it_is_short():
    assert len(read(README).splitlines()) <= LINES


def rows_that_differ(text, table):
    """Return the rows of operations in a text that the table does not have, whatever the spaces between them."""

    def plain(line):
        return re.sub(r"\s+", "", line)

    return [row for row in re.findall(r"`(\w+ = row\(.+\))`", text) if plain(row) not in plain(table)]


def test_rows_are_those_of_the_table():
    text, table = read(README), read(ROOT / "tinyad/engine/table.py")
    assert len(re.findall(r"`\w+ = row\(", text)) == 3
    assert rows_that_differ(text, table) == []
    assert rows_that_differ(text.replace("(y @ dz, dz @ x)", "(dz @ y, dz @ x)"), table) != []
