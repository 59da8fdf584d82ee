"""The examples of a page: its code is run from top to bottom, and what is printed stands below it.

A block `python` or `sh` is run, and a block `text` after it is what it prints; a block with a name, such as
`markdown NAME`, is written to a file.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tinyad.cli import main

FENCED = re.compile(r"^(`{3,4})(python|sh|markdown|latex|text)(?: (\S+))?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"[|<>&;$`*]")
COMMANDS = 'python() { "$PYTHON" "$@"; }\ntinyad() { "$PYTHON" -m tinyad "$@"; }\n'  # not those of another environment


def blocks(text):
    """(kind, name of a file, code) of every example in order."""
    return [(kind, name, code) for _, kind, name, code in FENCED.findall(text)]


def rewritten(text, shown):
    """The page with what is printed, [(printed, expected), ...], in its text blocks."""
    parts, last, k = [], 0, 0
    found = list(FENCED.finditer(text))
    for example, below in zip_longest(found, found[1:]):
        if runs(example[2], example[3]):
            if below and below[2] == "text":
                parts += [text[last : below.start(4)], shown[k][0]]
                last = below.end(4)
            k += 1
    return "".join([*parts, text[last:]])


def runs(kind, name):
    """Whether a block is run."""
    return kind in ("python", "sh") and not name


def rounded(text):
    """Numbers to 8 digits: the last ones differ between processors."""
    return re.sub(r"-?\d+\.\d{8,}(e-?\d+)?", lambda m: f"{float(m[0]):.8g}", text)


def run(blocks, names=None):
    """(printed, expected) of every block that is run, expected being the text block below it."""
    names = {} if names is None else names
    for k, (kind, name, code) in enumerate(blocks):
        if name:
            Path(name).write_text(code, encoding="utf-8")
        if runs(kind, name):
            below = blocks[k + 1] if k + 1 < len(blocks) else ("", "", "")
            yield (printed(code, k, names) if kind == "python" else said(code)), below[2] if below[0] == "text" else ""


def printed(code, k, names):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, f"example {k}", "exec"), names)
    return out.getvalue()


def said(code):
    """What a shell shows: both outputs, in the order in which they are written."""
    lines = code.splitlines()
    if not SHELL.search(code) and all(line.startswith("tinyad ") for line in lines):
        return "".join(said_here(shlex.split(line)[1:]) for line in lines)
    here = {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    here |= {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    ran = subprocess.run(
        ["sh", "-c", COMMANDS + code],
        env=os.environ | here,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=600,
    )
    return ran.stdout


def said_here(arguments):
    """What a command of tinyad shows, without a process of its own."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)  # as a terminal
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        patch.setenv("COLUMNS", "80")
        with contextlib.suppress(SystemExit):
            main(arguments)
    return out.buffer.getvalue().decode("utf-8")
