"""`tinyad report` with all that it can be given: models, Python files, derivations, and what is none of them."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.support.derivation_texts import fenced
from tests.support.pages import harmless_page
from tinyad import cli
from tinyad.cli import main
from tinyad.html.page import resource

LINKS = r"#(step|leaf)_\d+"

SCRIPT = """\
import numpy as np
from tinyad import Tape, tanh
tape = Tape()
v = tape.variables(W=np.ones((2, 3)), x=np.ones((3, 1)))
tape.name({"h": tanh(v["W"] @ v["x"])})
d = tape.backward({"h": np.ones((1, 2))})
"""


def written(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ("", 0, "not compared with a derivation by hand"),
        ("hand = {'W': d['W'].T}\nlayout = 'same'\ntitle = 'Mine'", 0, "right"),
        ("hand = {'W': 2 * d['W']}", 1, "not right"),
    ],
)
def test_a_python_file(tmp_path, capsys, more, status, said):
    out = tmp_path / "page.html"
    assert main(["report", written(tmp_path, SCRIPT + more), "--out", str(out)]) == status
    assert capsys.readouterr().out.endswith(f"mine.py, {said}\n")
    html = out.read_text(encoding="utf-8")
    harmless_page(html, LINKS)
    assert ("<h1>Mine</h1>" if "title" in more else "<h1>mine.py</h1>") in html


def test_a_file_that_imports_its_neighbour(tmp_path):
    (tmp_path / "its_neighbour.py").write_text("from tinyad import tanh as squash\n")
    path = written(
        tmp_path, SCRIPT.replace("import Tape, tanh", "import Tape\nfrom its_neighbour import squash as tanh")
    )
    assert main(["report", path, "--out", str(tmp_path / "page.html")]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "mine.py: d is not set to a backward pass; end the file with d = tape.backward(...)"),
        (SCRIPT + "\n1 / 0", "mine.py, line 8: ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('no <b>')\n\nf()", "mine.py, line 2: KeyError: no <b>"),
        ("x = (", "mine.py, line 1: '(' was never closed"),
        ("import sys\nsys.exit('enough')", "mine.py, line 2: SystemExit: enough"),
        (SCRIPT + "hand = {'V': 1}", "mine.py: no Variable is named 'V'"),
        (SCRIPT + "hand = 3", "mine.py: hand is of type int, expected {name: derivative}"),
        (SCRIPT + "hand = {}", "mine.py: nothing to compare: give {name: derivative}"),
        (SCRIPT + "groups = ['h']", "mine.py: groups: {title: names}, not a list"),
        (SCRIPT + "title = b'x'", "mine.py: title: a string, not a bytes"),
        (SCRIPT + "layout = 'rows'", "mine.py: layout='rows': there are 'row' and 'same'"),
        ("class E(BaseException):\n    pass\nraise E", "mine.py, line 3: E:"),
        ("class E(Exception):\n    def __str__(self):\n        return 3\nraise E", "mine.py, line 4: E: no message"),
        ("import sys\nsys.path.clear()\nraise KeyError", "mine.py, line 3: KeyError:"),
        ("exec('1\\n2\\n3 +')", "<string>, line 3: invalid syntax"),
        (
            "import sys\nassert not sys.argv[1:], sys.argv",
            "mine.py: d is not set to a backward pass; end the file with d = tape.backward(...)",
        ),
        ("raise ValueError('\\x1b[31m')", "mine.py, line 1: ValueError: \\x1b[31m"),
        (
            SCRIPT + "class M(dict):\n    def items(self):\n        raise RuntimeError('no')\nhand = M(W=1)",
            "mine.py: RuntimeError: no",
        ),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, capsys, text, said):
    assert main(["report", written(tmp_path, text), "--out", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinyad: ")
    assert error.rstrip().endswith(said)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    "text",
    [
        f"if __name__ == '__main__':\n{''.join(f'    {line}' for line in SCRIPT.splitlines(True))}",
        SCRIPT + "import sys\nsys.exit(0)",
        SCRIPT + "import sys\nsys.path.clear()",
        "# -*- coding: latin-1 -*-\n" + SCRIPT,
        SCRIPT + "weights = [np.ones(3)]\nfold = 7",
    ],
)
def test_files_that_are_right(tmp_path, text):
    path = tmp_path / "mine.PY"
    path.write_text(text, encoding="utf-8")
    before = list(sys.path), list(sys.argv)
    assert main(["report", str(path), "--out", str(tmp_path / "page.html")]) == 0
    assert (list(sys.path), list(sys.argv)) == before


def test_a_file_that_goes_elsewhere(tmp_path, monkeypatch, capsys):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    written(tmp_path, f"import os\nos.chdir('elsewhere')\n{SCRIPT}")
    assert main(["report", "mine.py"]) == 0
    assert (tmp_path / "build" / "mine-report.html").exists()


def test_an_error_in_what_a_file_imports(tmp_path, capsys):
    (tmp_path / "the_neighbour.py").write_text("x = 1\ny = (")
    assert main(["report", written(tmp_path, "import the_neighbour")]) == 2
    assert capsys.readouterr().err == f"tinyad: {tmp_path / 'the_neighbour.py'}, line 2: '(' was never closed\n"


def test_what_is_written_over(tmp_path, capsys):
    path = written(tmp_path, SCRIPT)
    assert main(["report", path, "--out", path]) == 2
    assert "would write over the file that the page shows" in capsys.readouterr().err
    assert Path(path).read_text() == SCRIPT


def test_what_there_is_not(tmp_path, capsys):
    for what in ("slide", str(tmp_path / "no.md"), "a" * 5000):
        assert main(["report", what]) == 2
        assert capsys.readouterr().err.startswith(
            f"tinyad: {what}: no such file, and no such model; the models are slides, pic"
        )
    assert main(["report", str(tmp_path / "no.py")]) == 2
    assert capsys.readouterr().err == f"tinyad: {tmp_path / 'no.py'}: no such file\n"


def test_models_are_those_that_installed_packages_register(tmp_path, capsys, monkeypatch):
    page = str(tmp_path / "page.html")
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert main(["report", "slides"]) == 2
    assert capsys.readouterr().err.endswith(
        "there are no models: no installed package registers an entry point of the group tinyad.models\n"
    )
    names = {}
    exec(SCRIPT + "from tinyad import report", names)
    registered = EntryPoint("mine", "none_such", "tinyad.models")
    monkeypatch.setattr(cli, "entry_points", lambda group: [registered])
    assert main(["report", "slides"]) == 2
    assert capsys.readouterr().err == (
        "tinyad: none_such, registered as tinyad.models, cannot be loaded: No module named 'none_such'\n"
    )
    monkeypatch.setattr(EntryPoint, "load", lambda entry: {"mine": lambda: names["report"](names["d"])})
    assert main(["report", "mine", "--out", page]) == 0


def test_a_place_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").write_text("a file")
    assert main(["report", "rnn", "--out", str(tmp_path / "build" / "page.html")]) == 2
    assert capsys.readouterr().err.endswith("choose a page with --out\n")
    assert main(["report", "rnn"]) == 2
    assert capsys.readouterr().err.startswith("tinyad: cannot write to build")


def test_a_derivation(tmp_path, capsys):
    text = "```declare\ngiven: ∇h\nx: N×1\n```\n```forward\nh = tanh(x)\n```\n```backward\n∇x = ∇h\n```\n"
    path = tmp_path / "mine.md"
    path.write_text(text, encoding="utf-8")
    assert main(["report", str(path), "--out", str(tmp_path / "page.html")]) == 1
    assert capsys.readouterr().out.endswith("not right\n")
    assert resource("explore.js") in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("seconds", "status", "message"), [("0.000001", 2, "takes more than 1e-06 s; --timeout allows more"), ("60", 0, "")]
)
def test_a_derivation_has_a_time_limit(tmp_path, capsys, seconds, status, message):
    path = tmp_path / "mine.md"
    path.write_text(fenced("u: N×1", "L = uᵀ u", "dL/du = 2 uᵀ"), encoding="utf-8")
    out = str(tmp_path / "page.html")
    assert main(["report", str(path), "--out", out, "--timeout", seconds]) == status
    assert message in capsys.readouterr().err


def test_a_file_whose_ending_was_left_out_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate.md").write_text("x", encoding="utf-8")
    assert main(["report", "gate"]) == 2
    assert "did you mean gate.md?" in capsys.readouterr().err
    assert main(["report", "gat"]) == 2
    assert "the models are" in capsys.readouterr().err
