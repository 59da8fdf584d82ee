"""Colours where the terminal has them, and a row of progress that leaves no trace."""

import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.cli import main
from tinyad.commands import terminal
from tinyad.commands.terminal import Progress, coloured, has_colour

WRONG = fenced(*CELL).replace("∇f += -∇z5", "∇f = -∇z5").replace("∇W_g = x ∇z3", "∇W_g = ∇z3 x")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Screen(io.StringIO):
    """A terminal that remembers what was written."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("when", "environment", "stream", "expected"),
    [
        ("auto", {}, Screen(), True),
        ("auto", {}, io.StringIO(), False),
        ("auto", {}, None, False),
        ("auto", {"TERM": "dumb"}, Screen(), False),
        ("auto", {"NO_COLOR": "1"}, Screen(), False),
        ("auto", {"NO_COLOR": ""}, Screen(), True),
        ("auto", {"FORCE_COLOR": "1"}, io.StringIO(), True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, Screen(), False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, io.StringIO(), True),
        ("never", {"FORCE_COLOR": "1"}, Screen(), False),
    ],
)
def test_where_there_are_colours(monkeypatch, when, environment, stream, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_colour(when, stream) == expected


@pytest.mark.parametrize("options", [[], ["--all"], ["--summary"], ["--diff"]])
def test_colours_change_nothing_else(tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    Path("a.md").write_text(WRONG, encoding="utf-8")
    main(["check", "a.md", *options])
    plain = capsys.readouterr().out
    main(["check", "a.md", "--color", "always", *options])
    colour = capsys.readouterr().out
    assert "\x1b" not in plain
    assert "\x1b[3" in colour
    assert STYLE.sub("", colour) == plain


def test_what_is_coloured():
    report = """\
title: 1 of 3 lines holds

line 3, does not fit: why
    ∇x = y
         ^
    certain: ∇x = z
    line 4, wrong: ∇y = 1  →  likely: ∇y = 2

a.md: 1 of 3 lines holds; 1 wrong
b.md: 2 of 2 lines hold"""
    rows = coloured(report).split("\n")
    assert rows[2] == "line 3, \x1b[31mdoes not fit\x1b[0m: why"
    assert rows[3] == "    ∇x = y"
    assert rows[4] == "         \x1b[1;31m^\x1b[0m"
    assert rows[5] == "    \x1b[32mcertain: ∇x = z\x1b[0m"
    assert rows[6] == "    line 4, \x1b[31mwrong\x1b[0m: ∇y = 1  →  \x1b[33mlikely: ∇y = 2\x1b[0m"
    assert rows[8] == "a.md: 1 of 3 lines holds; \x1b[31m1 wrong\x1b[0m"
    assert rows[9] == "\x1b[32mb.md: 2 of 2 lines hold\x1b[0m"


@pytest.mark.parametrize("options", [[], ["--all"], ["--diff"], ["--summary"], ["--fix"]])
def test_nothing_in_a_file_reaches_the_terminal_as_it_is(tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    text = WRONG.replace("```backward", "# \x1b[31m\x07\x9b\x7f\u202e\n```backward \x1b]0;title\x07", 1)
    Path("\x1b[2J.md").write_text(text + "\x1b[2J", encoding="utf-8")
    main(["check", "--color", "never", *options, "\x1b[2J.md", "\x1b[5n.md"])
    out, err = capsys.readouterr()
    for sign in "\x1b\x07\x9b\x7f\u202e":
        assert sign not in out + err


def test_progress_appears_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(terminal, "SECONDS_WITHOUT_ROW", 0.01)
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_ROWS", 0.01)
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress(["a\x1b.md", "b.md"]) as progress:
        wait_for(screen, "checking 1 of 2: a\\x1b.md")
        with progress.away():
            screen.write("found\n")
        wait_for(screen, "checking 2 of 2: b.md")
    rows = screen.getvalue().split("\n")
    assert [row.split("\r\x1b[K")[-1] for row in rows] == ["found", ""]


def wait_for(screen, text):
    for _ in range(1000):
        if text in screen.getvalue():
            return
        time.sleep(0.01)
    raise AssertionError(text)


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO(), "xterm"), (Screen(), "dumb")])
def test_no_progress_where_nothing_can_be_erased(monkeypatch, stream, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(terminal, "SECONDS_WITHOUT_ROW", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(["a.md"]):
        time.sleep(0.05)
    assert not stream.getvalue()


def test_on_a_terminal(tmp_path):
    (tmp_path / "a.md").write_text(WRONG, encoding="utf-8")
    mine, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {"TERM": "xterm"}
    done = subprocess.Popen(
        [sys.executable, "-m", "tinyad", "check", str(tmp_path / "a.md")], stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(mine, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    assert done.wait() == 1
    assert b"\x1b[31moverwrites\x1b[0m" in seen
