"""`tinyad check --watch`: a save is seen, and Ctrl-C ends quietly with the status of the last check."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.cli import main
from tinyad.commands import watching
from tinyad.commands.configuration import configuration_of

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5")


@pytest.fixture
def saves(monkeypatch):
    """Run one action after the other where watching waits, and Ctrl-C at the end."""

    def saves(*actions):
        left = [*actions]

        def sleep(_):
            if not left:
                raise KeyboardInterrupt
            action = left.pop(0)
            if action:
                action()

        monkeypatch.setattr(watching.time, "sleep", sleep)

    return saves


def save(name, text):
    def saved():
        Path(name).write_text(text, encoding="utf-8")
        os.utime(name, ns=(0, time.time_ns()))

    return saved


def test_a_save_is_checked_and_the_last_status_counts(tmp_path, monkeypatch, capsys, saves):
    monkeypatch.chdir(tmp_path)
    save("a.md", WRONG)()
    saves(
        None,
        None,
        save("a.md", RIGHT),
        None,
        None,
        save("a.md", WRONG),
        None,
        None,
        lambda: Path("a.md").unlink(),
        None,
    )
    assert main(["check", "--watch", "--summary", "a.md"]) == 2
    out, err = capsys.readouterr()
    wrong = "a.md: 15 of 16 lines hold; 1 overwrites"
    assert out.splitlines() == [wrong, "a.md: 16 of 16 lines hold", wrong, "a.md: not checked"]
    watching = "watching for changes; Ctrl-C ends\n"
    assert err == watching * 3 + "tinyad: a.md: No such file or directory\n" + watching
    assert "\x1b" not in out + err


def test_a_module_beside_a_file_is_watched_and_read_again(tmp_path, monkeypatch, capsys, saves):
    monkeypatch.chdir(tmp_path)
    code = "from beside_it import factor\n\ndef forward(x):\n    return 2 * x\n\n"
    code += "def backward(dy):\n    return factor * dy\n\ndef example():\n    return (3.0,)\n"
    save("a.py", code)()
    save("beside_it.py", "factor = 2")()
    saves(save("beside_it.py", "factor = 30"), None)
    assert main(["check", "--watch", "--summary", "a.py"]) == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows == ["a.py: 1 of 1 statement holds", "a.py: 0 of 1 statement holds; 1 wrong"]
    assert "beside_it" not in sys.modules


def test_the_screen_is_cleared_on_a_terminal_only(tmp_path, monkeypatch, capsys, saves):
    monkeypatch.chdir(tmp_path)
    save("a.md", RIGHT)()
    saves()
    monkeypatch.setattr(watching, "is_terminal", lambda stream: True)
    assert main(["check", "--watch", "a.md"]) == 0
    assert capsys.readouterr().out.startswith("\x1b[2J")


@pytest.mark.parametrize("more", [["-"], ["--scheduler", "tcp://a"]])
def test_what_cannot_be_watched(more, capsys):
    assert main(["check", "--watch", "a.md", *more]) == 2
    assert "--watch is for files on this machine" in capsys.readouterr().err


def test_new_files_and_the_configuration_are_seen(tmp_path, monkeypatch, capsys, saves):
    monkeypatch.chdir(tmp_path)
    save("a.md", RIGHT)()
    saves(
        save("b.md", WRONG),
        None,
        save("pyproject.toml", "[tool.tinyad]\njob = 1\n"),
        None,
        save("pyproject.toml", '[tool.tinyad]\nexclude = ["b.md"]\n'),
        None,
    )
    assert main(["check", "--watch", "--summary", "."]) == 0
    out, err = capsys.readouterr()
    right = "a.md: 16 of 16 lines hold"
    assert [row for row in out.splitlines() if not row.startswith("b.md")] == [
        right,
        right,
        "2 files: 1 right, 1 wrong",
        right,
    ]
    assert "knows no job; did you mean jobs?" in err
    configuration_of.cache_clear()


def test_a_file_that_a_document_includes_is_watched(tmp_path, monkeypatch, capsys, saves):
    monkeypatch.chdir(tmp_path)
    head = "\\documentclass{article}\n\\begin{document}\n% tinyad: declare\n% x: N×1\n% given: ∇z\n"
    save("doc.tex", head + "\\begin{align}\nz &= 2 x\n\\end{align}\n\\input{back}\n\\end{document}\n")()
    back = "\\begin{align}\n\\nabla x &= 2 \\nabla z\n\\end{align}\n"
    save("back.tex", back)()
    saves(save("back.tex", back.replace("2", "3")), None)
    assert main(["check", "--watch", "--summary", "doc.tex"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(("text", "status"), [(RIGHT, 0), (WRONG, 1), ("no block", 2)])
def test_ctrl_c_ends_quietly(tmp_path, text, status):
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    arguments = [sys.executable, "-m", "tinyad", "check", "--watch", str(tmp_path / "a.md")]
    watcher = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for line in watcher.stderr:
        if line.startswith("watching"):
            break
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=60)
    assert watcher.returncode == status
    assert err == ""
