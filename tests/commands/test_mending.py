"""`tinyad check --fix`, `--diff` and `-`: what is certain is written, and every other character stays."""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.cli import main

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5").replace("∇W_g = x ∇z3", "∇W_g = ∇z3 x")
LATEX = """\
\\documentclass{article}
\\begin{document}
% tinyad: declare
% z: N×1
% W: N×M
% x: M×1
% given: ∇f
\\begin{align}
\tz &= W x \\label{z} \\\\
\tf &= \\sigma(z)
\\end{align}
Back:
\\begin{align}
\t\\nabla z &= \\nabla f \\circ f \\circ (1 - f) \\\\ % so
\t\\nabla W &= \\nabla z x \\\\\t% and so
\t\\nabla x &= W^\\top \\nabla z
\\end{align}
\\end{document}
"""
CODE = """\
def forward(x, w):
\treturn x @ w


def backward(dy, x, w):
\tdx = dy @ w.T
\tdw = x.T @ dy * 2  # mine
\treturn dx, dw


def example():
\timport numpy as np
\treturn np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(-1, 2, 6).reshape(3, 2)
"""


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run `tinyad check` in an empty folder: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = main(["check", *arguments])
        return (status, *capsys.readouterr())

    return run


def written(name, text, encoding="utf-8"):
    Path(name).write_bytes(text.encode(encoding))
    return name


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("name", "text", "fixed"),
    [
        ("cell.md", WRONG, RIGHT),
        ("cell.md", WRONG.removesuffix("\n"), RIGHT.removesuffix("\n")),
        ("doc.tex", LATEX, LATEX.replace("\\nabla z x \\\\", "\\nabla z x^\\top \\\\")),
        ("layer.py", CODE, CODE.replace(" * 2", "")),
    ],
)
def test_what_is_certain_is_written_and_all_else_stays(run, newline, mark, name, text, fixed):
    written(name, mark + text.replace("\n", newline))
    os.chmod(name, 0o640)
    status, out, err = run("--fix", name)
    assert (status, err) == (0, "")
    assert Path(name).read_bytes().decode() == mark + fixed.replace("\n", newline)
    assert os.stat(name).st_mode & 0o777 == 0o640
    assert os.listdir() == [name]
    assert ": changed to " in out
    assert "hold\n" in out
    before = os.stat(name).st_mtime_ns
    status, out, _ = run("--fix", name)  # again
    assert (status, os.stat(name).st_mtime_ns) == (0, before)
    assert "changed" not in out


def test_what_is_not_certain_stays(run):
    line = "∇z = ∇f ∘ fᵀ ∘ fᵀ ∘ fᵀ"
    text = fenced("z: N×1\ngiven: ∇f", "f = σ(z)", line)
    _, out, _ = run(written("a.md", text))
    assert "certain" not in out
    status, out, _ = run("--fix", "a.md")
    assert status == 1
    assert "nothing is certain, and nothing was changed" in out
    assert Path("a.md").read_text(encoding="utf-8") == text


def test_the_new_result_is_reported_in_every_format(run):
    written("a.md", WRONG)
    status, out, err = run("--fix", "--json", "a.md")
    assert status == 0
    assert '"ok": true' in out
    assert "a.md:36: changed to" in err or "changed to" in err


def test_a_link_is_not_followed(run, tmp_path):
    written("a.md", WRONG)
    os.symlink("a.md", "link.md")
    status, _, err = run("--fix", "link.md")
    assert status == 2
    assert "link.md is a link" in err
    assert Path("a.md").read_text(encoding="utf-8") == WRONG
    assert Path("link.md").is_symlink()


def test_a_file_linked_to_another_name_stays_as_it_is_there(run):
    written("a.md", WRONG)
    os.link("a.md", "other.md")
    assert run("--fix", "a.md")[0] == 0
    assert Path("other.md").read_text(encoding="utf-8") == WRONG


def test_other_files_of_a_document_are_not_changed(run):
    head, _, tail = LATEX.partition("Back:\n")
    body, _, tail = tail.partition("\\end{document}")
    written("doc.tex", f"{head}\\input{{back}}\n\\end{{document}}{tail}")
    written("back.tex", body)
    status, out, _ = run("--fix", "doc.tex")
    assert status == 1
    assert "line 3 of back.tex" in out or "of back.tex" in out
    assert Path("back.tex").read_text(encoding="utf-8") == body


def test_a_notebook_is_not_changed(run):
    written("n.ipynb", "{}")
    status, _, err = run("--fix", "n.ipynb")
    assert status == 2
    assert "n.ipynb" in err
    code = "def forward(x):\n    return 2 * x\n\ndef backward(dy):\n    return 3 * dy\n"
    cells = [{"cell_type": "code", "source": code}]
    written("n.ipynb", json.dumps({"cells": cells, "nbformat": 4}))
    for option in ("--fix", "--diff"):
        assert "n.ipynb is a notebook" in run(option, "n.ipynb")[2]


def test_a_correction_that_makes_no_less_wrong_is_not_made(run, monkeypatch):
    written("a.md", WRONG)
    monkeypatch.setattr("tinyad.commands.mending.with_changes", lambda text, changes: text.replace("∇f", "∇g", 1))
    status, _, _ = run("--fix", "a.md")
    assert status == 1
    assert Path("a.md").read_text(encoding="utf-8") == WRONG


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("name", "text"), [("cell.md", WRONG), ("doc.tex", LATEX), ("layer.py", CODE)])
def test_a_diff_can_be_applied(run, newline, name, text):
    written(name, text.replace("\n", newline))
    status, out, _ = run("--diff", name)
    assert status == 1
    rows = [row for row in out.split("\n") if row.startswith(("+", "-")) and not row.startswith(("+++", "---"))]
    assert len(rows) in (2, 4)
    assert {row.endswith("\r") for row in rows} == {newline == "\r\n"}
    subprocess.run(["patch", "--binary", "-s", name], input=out.encode(), check=True)
    assert run(name)[0] == 0


def test_a_right_file_has_no_diff(run):
    written("a.md", RIGHT)
    assert run("--diff", "a.md") == (0, "", "")


def test_the_diff_is_what_fix_writes(run):
    """A suggestion that is not certain is in neither."""
    text = WRONG + "\n\n" + fenced("z: N×1\ngiven: ∇f", "f = σ(z)", "∇z = ∇f ∘ fᵀ ∘ fᵀ ∘ fᵀ")
    text = fenced("z: N×1\nw: N×1\ngiven: ∇f", "y = σ(z)\nf = y ∘ w", "∇w = ∇f ∘ y\n∇z = ∇f ∘ yᵀ ∘ yᵀ ∘ yᵀ")
    _, out, err = run(written("a.md", text), "--diff")
    assert err == ""
    run("--fix", "a.md")
    after = Path("a.md").read_text(encoding="utf-8")
    assert after != text
    Path("a.md").write_text(text, encoding="utf-8")
    subprocess.run(["patch", "--binary", "-s", "a.md"], input=out.encode(), check=True)
    assert Path("a.md").read_text(encoding="utf-8") == after


def test_a_diff_without_what_is_certain_says_so(run):
    text = fenced("z: N×1\ngiven: ∇f", "f = σ(z)", "∇z = ∇f ∘ fᵀ ∘ fᵀ ∘ fᵀ")
    assert run(written("a.md", text), "--diff") == (1, "", "a.md: nothing is certain, and nothing would be changed\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_diff_of_a_file_whose_last_row_does_not_end_can_be_applied(run, newline):
    text = "def forward(x):\n    return 2 * x\n\ndef backward(dy):\n    return 3 * dy".replace("\n", newline)
    _, out, _ = run(written("a.py", text), "--diff")
    assert out.count("\\ No newline at end of file\n") == 2
    subprocess.run(["patch", "--binary", "-s", "a.py"], input=out.encode(), check=True)
    assert Path("a.py").read_bytes().decode() == text.replace("3", "2")


def test_a_diff_is_in_utf_8_whatever_the_locale(tmp_path):
    (tmp_path / "a.md").write_text(WRONG, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tinyad", "check", "--diff", str(tmp_path / "a.md")],
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        stdout=subprocess.PIPE,
        check=False,
    )
    assert "+12. ∇f += -∇z5" in done.stdout.decode().replace("+∇f", "+12. ∇f")


def test_a_file_that_is_read_only_stays(run, monkeypatch):
    written("a.md", WRONG)
    monkeypatch.setattr("tinyad.commands.mending.os.access", lambda path, mode: False)  # root may write all
    status, _, err = run("--fix", "a.md")
    assert (status, err) == (2, "tinyad: a.md is read-only, and --fix does not change it\n")
    assert Path("a.md").read_text(encoding="utf-8") == WRONG


def test_diff_is_an_output_of_its_own(run):
    written("a.md", WRONG)
    for option in ("--fix", "--json"):
        status, _, err = run("--diff", option, "a.md")
        assert status == 2
        assert "--diff is an output of its own" in err


# Standard input


@pytest.fixture
def given(monkeypatch):
    def given(raw):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="ascii"))

    return given


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [("cell.md", WRONG, "cell.md: "), ("doc.tex", LATEX, "doc.tex: "), ("layer.py", CODE, "layer.py:7  wrong")],
)
def test_standard_input_is_read_as_a_file_of_its_name(run, given, name, text, shown):
    given(text.encode())
    status, out, _ = run("-", "--stdin-filename", name)
    assert status == 1
    assert shown in out
    assert not Path(name).exists()
    given(text.encode())
    assert "\n+" in run("-", "--stdin-filename", name, "--diff")[1]


def test_standard_input_is_a_text_if_nothing_tells(run, given):
    given(WRONG.encode())
    status, out, _ = run("-")
    assert status == 1
    assert "stdin: 14 of 16 lines hold" in out
    given(b"x" * 4_000_001)
    assert "standard input has more than the 4,000,000 bytes" in run("-")[2]
    given(b"\xff\xff")
    assert "is not UTF-8" in run("-")[2]


def test_standard_input_with_what_it_cannot_be(run, given):
    given(b"")
    for arguments in (["-", "-"], ["-", "--fix"], ["-", "--declare"], ["a.md", "--stdin-filename", "b.md"]):
        status, _, err = run(*arguments)
        assert status == 2
        assert "standard input" in err


def test_standard_input_and_other_files_in_several_processes(run, given):
    given(WRONG.encode())
    written("a.md", RIGHT)
    status, out, _ = run("a.md", "-", "--summary", "--jobs", "2")
    assert status == 1
    assert [row.partition(":")[0] for row in out.splitlines()] == ["a.md", "stdin", "2 files"]


def test_a_closed_standard_input(tmp_path):
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m tinyad check - <&-",
        shell=True,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
