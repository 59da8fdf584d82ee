"""`tinyad check FILE.py` and `FILE.ipynb`, with the options of the command line."""

from __future__ import annotations

import argparse

from tinyad.code.checking import Options, check_text, names_from
from tinyad.code.files import Text
from tinyad.code.limits import SECONDS
from tinyad.code.report import Report
from tinyad.code.sandbox import check_in_sandbox


def check_source(text: Text, given: argparse.Namespace) -> Report:
    """Return the report on a source, with the options of the command line."""
    options = Options(
        example=given.example,
        shapes=given.shapes,
        pairs=tuple(given.pair),
        names=names_from(given.name),
        seconds=SECONDS if given.timeout is None else given.timeout,
        seed=given.seed,
    )
    return check_in_sandbox(text, options) if given.sandbox else check_text(text, options)
