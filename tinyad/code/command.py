"""`tinyad check FILE.py` and `FILE.ipynb`: read, check, mend."""

from __future__ import annotations

import argparse
import codecs
import os
import tempfile
from pathlib import Path

from tinyad.code.checking import Options, check_text, names_from
from tinyad.code.files import read
from tinyad.code.limits import SECONDS
from tinyad.code.program import CodeError
from tinyad.code.report import Report
from tinyad.code.sandbox import check_in_sandbox

SUFFIXES = (".py", ".ipynb")


def check_file(path: Path, given: argparse.Namespace) -> Report:
    """Return the report on a file, with the options of the command line."""
    options = Options(
        example=given.example,
        shapes=given.shapes,
        pairs=tuple(given.pair),
        names=names_from(given.name),
        seconds=SECONDS if given.timeout is None else given.timeout,
        seed=given.seed,
    )
    text = read(path)
    return check_in_sandbox(text, options) if given.sandbox else check_text(text, options)


def mend(path: Path, report: Report) -> list[str]:
    """Write the certain suggestions into the file, and return what was changed, one row each."""
    changed = report.suggested()
    if not changed:
        return [f"{path}: nothing is certain, and nothing was changed"]
    if report.source.is_notebook:
        raise CodeError(f"{path} is a notebook: --fix changes Python files only; --diff shows what to change")
    if path.is_symlink():
        raise CodeError(f"{path} is a link: --fix changes regular files only; give the file itself")
    _replace(path, report.fixed())
    return [
        f"{path}:{v.suggestion_line}: changed to {' '.join(v.suggestion.split())}"
        for v in sorted(changed, key=lambda v: v.suggestion_line)
    ]


def _replace(path: Path, text: str) -> None:
    """Write a file at once: whoever reads it finds the old text or the new one."""
    before = path.read_bytes()
    newline = "\r\n" if b"\r\n" in before else "\n"
    encoding = "utf-8-sig" if before.startswith(codecs.BOM_UTF8) else "utf-8"
    with tempfile.NamedTemporaryFile("w", encoding=encoding, newline=newline, dir=path.parent, delete=False) as file:
        file.write(text)
    try:
        os.chmod(file.name, path.stat().st_mode)
        os.replace(file.name, path)
    except OSError:
        os.unlink(file.name)
        raise
