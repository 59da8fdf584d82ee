"""Files with planted mistakes: what `tinyad check` prints about them, as text and as JSON, and its exit status."""

import ast
import json
import shutil

import pytest

from tests.support import goldenfiles
from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad.cli import main

WRONG = ROOT / "tests/code/wrong"
PLANTED = {  # {file: {wrong statement: the one that was meant}}
    "two_layers": {
        "dZ1 = dA1 * A1": "dZ1 = dA1 * (Z1 > 0)",
        'grads["b1"] = np.sum(dA1, axis=1, keepdims=True) / m': 'grads["b1"] = np.sum(dZ1, axis=1, keepdims=True) / m',
    },
    "batch_norm": {"dvar = -0.5 * ivar**2 * divar": "dvar = -0.5 * ivar**3 * divar"},
    "lstm": {
        "dh = dhs[t]": "dh = dhs[t] + dh_next",
        "dc = dc_next + dh * o * (1 - c**2)": "dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)",
    },
    "conv_class": {
        "self.d_bias = dy.mean(axis=(0, 1))": "self.d_bias = dy.sum(axis=(0, 1))",
        'self.d_kernel += np.einsum("bkc,bo->kco", window, dy[:, s - 1])': (
            'self.d_kernel += np.einsum("bkc,bo->kco", window, dy[:, s])'
        ),
    },
}


@pytest.fixture
def file(request, tmp_path, monkeypatch):
    """A copy of a file in an empty folder, so that its name in a report is its own."""
    monkeypatch.chdir(tmp_path)
    return shutil.copy(WRONG / f"{request.param}.py", tmp_path)


def same(statement, other):
    return ast.dump(ast.parse(statement)) == ast.dump(ast.parse(other))


def faults(found, planted, source):
    """Sentences about mistakes that are not found, statements that are marked without one, and other suggestions."""
    lines = [line.strip() for line in source.splitlines()]
    marked = {s["line"]: s for pair in found["pairs"] for s in pair["statements"] if s["verdict"] != "right"}
    said = []
    for wrong, meant in planted.items():
        statement = marked.pop(lines.index(wrong) + 1, None)
        if statement is None:
            said.append(f"not found: {wrong}")
        elif not same(statement["suggestion"], meant) or statement["grade"] != "certain":
            said.append(f"{wrong}: {statement['grade']} {statement['suggestion']}")
    return said + [f"marked: {statement['text']}" for statement in marked.values()]


def test_every_file_is_here():
    assert {path.stem for path in WRONG.glob("*.py")} == set(PLANTED)


@pytest.mark.parametrize(("file", "name"), [(name, name) for name in PLANTED], indirect=["file"])
def test_reports(file, name, capsys):
    assert main(["check", "--all", "--html", "page.html", f"{name}.py"]) == 1
    goldenfiles.check(f"code_{name}.txt", capsys.readouterr().out.rstrip("\n"))
    with open("page.html", encoding="utf-8") as page:
        assert page.read().count('<details id="v') == len(PLANTED[name])


@pytest.mark.parametrize(("file", "name"), sampled([(name, name) for name in PLANTED]), indirect=["file"])
def test_the_mistakes_are_found_and_mended(file, name, capsys):
    with open(file, encoding="utf-8") as opened:
        source = opened.read()
    assert main(["check", "--json", f"{name}.py"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["files"]
    assert faults(found, PLANTED[name], source) == []
    assert found["file"] == f"{name}.py"
    assert not found["ok"]
    assert main(["check", "--summary", "--fix", f"{name}.py"]) == 0
    assert "statements hold\n" in capsys.readouterr().out


def test_what_is_not_found_is_seen():
    source = "dx = dy\ndw = dy * 2\ndb = dy\n"
    right = {"line": 1, "text": "dx = dy", "verdict": "right", "suggestion": "", "grade": ""}
    wrong = {"line": 2, "text": "dw = dy * 2", "verdict": "wrong", "suggestion": "dw = dy * x", "grade": "certain"}
    found = {"pairs": [{"statements": [right, wrong]}]}
    assert faults(found, {"dw = dy * 2": "dw = (dy * x)"}, source) == []
    assert faults(found, {"dw = dy * 2": "dw = x * dy"}, source) == ["dw = dy * 2: certain dw = dy * x"]
    assert faults(found, {}, source) == ["marked: dw = dy * 2"]
    assert faults(found, {"dx = dy": "dx = 2 * dy"}, source) == ["not found: dx = dy", "marked: dw = dy * 2"]
    wrong["grade"] = "likely"
    assert faults(found, {"dw = dy * 2": "dw = dy * x"}, source) == ["dw = dy * 2: likely dw = dy * x"]


def test_a_file_that_cannot_be_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.py").write_text("x = 1\n", encoding="utf-8")
    assert main(["check", "none.py"]) == 2
    assert "none.py has no pair to check" in capsys.readouterr().err
