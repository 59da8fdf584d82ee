"""From DOT to SVG with `dot`, and without it; and what goes wrong with `dot`."""

import os
import re
import shutil
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from lstm_models.slides import GATES
from tests.support.pictures import SEEN, expected, lstm, nasty, texts
from tinyad import Tape, graph
from tinyad.drawing import dot


def test_nasty_names_in_dot():
    """Every box has its node, and what its label says is what DOT reads between the quotes."""
    picture = nasty()
    nodes = dict(
        re.findall(r'^\t+((?:leaf|step)_\d+) \[label="((?:[^"\\]|\\.)*)"', picture.dot, re.MULTILINE | re.DOTALL)
    )
    assert set(nodes) == {box.key for box in picture.drawing.boxes}
    for box in picture.drawing.boxes:
        label = nodes[box.key].replace('\\"', '"').replace(r"\\", "\0").replace(r"\n", "\n").replace("\0", "\\")
        assert tuple(label.replace("&amp;", "&").split("\n")) == box.lines


def test_nasty_names_in_svg(draw):
    picture = nasty()
    assert {
        f"{SEEN}z = tanh({SEEN})",
        "\\N = tanh(_2)",
        f"<b>z</b> = -{SEEN}",
        SEEN,
        "∇\\N ∘ (1 - tanh²(_2))ᵀ",
    } <= expected(picture)
    assert texts(picture.svg()) == expected(picture)


@pytest.fixture(params=["dot", "tinyad"])
def draw(request, monkeypatch):
    """Leaves only one of the two to draw with."""
    if request.param == "dot" and not shutil.which("dot"):
        pytest.skip("there is no dot")
    if request.param != "dot":
        monkeypatch.setenv("PATH", "")
    return request.param


def test_every_renderer_draws_everything(draw):
    tape = lstm(2)
    d = tape.backward({"h[2]": np.ones((2, 4))})
    picture = graph(tape, groups=GATES, fold=("candidate",), derivatives=d, contributions=True)
    assert picture.drawn_by == ""
    drawn = picture.svg()
    assert picture.drawn_by == draw
    assert drawn.startswith("<svg")
    assert picture._repr_mimebundle_() == {"image/svg+xml": drawn, "text/vnd.graphviz": picture.dot}
    assert texts(drawn) == expected(picture)


def test_an_empty_tape(draw):
    picture = graph(Tape())
    assert texts(picture.svg()) == set()
    assert picture.drawn_by == draw


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a `dot` on PATH that runs these lines of Python, and nothing else."""
    if os.name == "nt":
        pytest.skip("a script is no program there")
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(code, first=f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/code.py" "$@"\n'):
        (tmp_path / "code.py").write_text(code, encoding="utf-8")
        (tmp_path / "dot").write_text(first, encoding="utf-8")
        (tmp_path / "dot").chmod(0o755)

    return write


def test_dot_is_given_the_text_and_asked_for_svg(program, tmp_path):
    kept = tmp_path / "kept"
    program(
        f"import sys; open({str(kept)!r}, 'wb').write(sys.stdin.buffer.read())\n"
        "print('<?xml version=\"1.0\"?>\\n<!DOCTYPE svg>\\n<svg>', *sys.argv[1:], '</svg>')"
    )
    picture = nasty()
    assert picture.svg() == "<svg> -Tsvg </svg>\n"
    assert picture.drawn_by == "dot"
    assert kept.read_text(encoding="utf-8") == picture.dot


@pytest.mark.parametrize(
    "code",
    [
        "print('<svg></svg>'); raise SystemExit(1)",
        "print('nothing')",
        "print('<svg> broken off')",
        "import sys; sys.stdout.buffer.write(b'<svg>\\xff</svg>')",
        "import os; os.kill(os.getpid(), 9)",
    ],
)
def test_a_dot_that_fails(program, code):
    program(code)
    picture = graph(lstm(1))
    ET.fromstring(picture.svg())
    assert picture.drawn_by == "tinyad"


def test_a_dot_that_is_no_program(program):
    program("", first="\0\1\2")
    picture = graph(lstm(1))
    ET.fromstring(picture.svg())
    assert picture.drawn_by == "tinyad"


def test_a_dot_that_hangs(program, monkeypatch):
    program("import time; time.sleep(60)")
    monkeypatch.setattr(dot, "TIMEOUT", 0.3)
    picture = graph(lstm(1))
    start = time.perf_counter()
    ET.fromstring(picture.svg())
    assert picture.drawn_by == "tinyad"
    assert time.perf_counter() - start < 30


def test_save(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    picture = nasty()
    picture.save(tmp_path / "a.svg")
    picture.save(str(tmp_path / "a.DOT"))
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg()
    assert (tmp_path / "a.DOT").read_text(encoding="utf-8") == picture.dot


@pytest.mark.parametrize("name", ["a.jpg", "a"])
def test_save_knows_five_suffixes(name, tmp_path):
    with pytest.raises(ValueError, match=r"a graph is saved as \.svg, \.pdf, \.png, \.tex \(TikZ\) or \.dot") as caught:
        graph(lstm(1)).save(tmp_path / name)
    assert name in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_save_where_there_is_no_folder():
    with pytest.raises(OSError, match="nowhere"):
        graph(lstm(1)).save(Path("nowhere") / "a.dot")
