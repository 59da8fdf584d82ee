"""The command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all right; 1: something is wrong; 2: the job could not be done."""
    parser = argparse.ArgumentParser(
        prog="tinyad", description="Hold hand-derived gradients against reverse-mode differentiation, line by line."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo",
        help="the slides' LSTM on English text: tape, hand derivation and complex step compared, one mistake found",
    )
    demo.add_argument(
        "--out", type=Path, default=Path("build"), metavar="FOLDER", help="where to write (default: build)"
    )
    options = parser.parse_args(arguments)
    # A terminal that has no ∇ shows an escape, and the job goes on.
    if sys.stdout:  # none where it was closed
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    from lstm_models.demo import run

    try:
        return 0 if run(options.out) else 1
    except BrokenPipeError:  # `tinyad demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"tinyad: cannot write to {options.out}: {error.strerror}; choose a folder with --out", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinyad: stopped", file=sys.stderr)
        return 130
