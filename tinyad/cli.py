"""The command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyad.printing.text import for_terminal, visible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0: all right; 1: something is wrong; 2: the job could not be done."""
    place = "another place"
    try:
        # A terminal that has no ∇ shows an escape, and the job goes on.
        if sys.stdout:  # none where it was closed
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            options = _parser().parse_args(arguments)
            place = options.place
            status: int = options.run(options)
            return status
        finally:  # what is still in the buffer, --help included, while an error can still be reported
            if sys.stdout:
                sys.stdout.flush()
    except BrokenPipeError:  # `tinyad demo | head`
        _discard_output()
        return 1
    except ValueError as error:  # a file that cannot be read, or a kind of mistake that is not possible in it
        print(f"tinyad: {visible(str(error))}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.filename is None:
            _discard_output()
        where = error.filename or "standard output"
        advice = f"; choose {place}" if error.filename else ""
        print(f"tinyad: cannot write to {where}: {error.strerror}{advice}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinyad: stopped", file=sys.stderr)
        return 130


def _discard_output() -> None:
    """Send what standard output could not take nowhere, or Python complains about it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
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
    demo.set_defaults(run=_demo, place="a folder with --out")

    check = commands.add_parser("check", help="check derivations written on paper, line by line")
    check.add_argument("files", nargs="+", metavar="FILE", help="Markdown with declare, forward and backward blocks")
    check.add_argument("--all", action="store_true", help="every wrong line in full, not only the first")
    check.add_argument("--summary", action="store_true", help="one line for every file")
    check.add_argument("--json", action="store_true", help="the findings as JSON")
    check.add_argument("--html", type=Path, dest="out", metavar="PAGE", help="also write one self-contained page")
    check.add_argument("--seed", type=int, default=0, help="which points are drawn (default: 0)")
    check.set_defaults(run=_check, place="a page with --html")

    report = commands.add_parser("report", help="write a page with a drawing, every value and every derivative")
    report.add_argument(
        "what",
        help="a model, such as slides; a derivation; or a Python file that leaves d, a walk back, and perhaps hand, "
        "{name: derivative}, and its layout, 'row' or 'same'",
    )
    report.add_argument("--out", type=Path, metavar="PAGE", help="where to write (default: build/NAME-report.html)")
    report.set_defaults(run=_report, place="a page with --out")

    plant = commands.add_parser("plant", help="write a copy of a right derivation with one mistake in it")
    plant.add_argument("file", metavar="FILE")
    plant.add_argument("--kind", required=True, help="name, missing, sign, transpose, ...; a wrong one lists them all")
    plant.add_argument("--seed", type=int, default=0, help="which of the mistakes of this kind (default: 0)")
    plant.add_argument(
        "--out", type=Path, required=True, metavar="COPY", help="the copy; the answer is COPY.answer.json"
    )
    plant.set_defaults(run=_plant, place="a copy with --out")

    grade = commands.add_parser("grade", help="say whether a reader found the planted mistake and mended it")
    grade.add_argument("file", metavar="FILE", help="the copy as the reader returned it")
    grade.add_argument("--answer", required=True, metavar="ANSWER", help="the answer file that plant wrote")
    grade.set_defaults(run=_grade, place="a file that can be read")
    return parser


def _demo(options: argparse.Namespace) -> int:
    from lstm_models.demo import run

    return 0 if run(options.out) else 1


def _check(options: argparse.Namespace) -> int:
    from tinyad.derivation import check_derivation

    if options.out and len(options.files) > 1:
        raise ValueError("--html writes one page: give one file")
    if options.out and options.out.resolve() == Path(options.files[0]).resolve():
        raise ValueError(f"--html {options.out} would write over the derivation; give another file")
    reports, status = [], 0
    for file in options.files:
        try:
            report = check_derivation(Path(file), options.seed)
        except ValueError as error:
            print(f"tinyad: {visible(str(error))}", file=sys.stderr)
            status = 2
            continue
        reports.append(report)
        status = max(status, 0 if report.ok else 1)
        if options.out:
            _write(options.out, report.html())
        if not options.json:
            print(for_terminal(report.summary() if options.summary else report.text(options.all)))
    if options.json:
        print(json.dumps([report.to_dict() for report in reports], indent=2))
    return status


def _report(options: argparse.Namespace) -> int:
    from tinyad.script import page

    html, ok = page(options.what)
    if options.out is None:
        options.out = Path("build", f"{Path(options.what).stem}-report.html")
    if options.out.resolve() == Path(options.what).resolve():
        raise ValueError(f"--out {options.out} would write over what the page is about")
    _write(options.out, html)
    said = "right" if ok else "not held against anything" if ok is None else "not right"
    print(for_terminal(f"{options.out}   {options.what}, {said}"))
    return 0 if ok is not False else 1


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _plant(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.plant import answer, plant
    from tinyad.derivation.language.source import read

    source = read(Path(options.file))
    key = options.out.with_name(options.out.name + ".answer.json")
    if Path(options.file).resolve() in (options.out.resolve(), key.resolve()):
        raise ValueError(f"--out {options.out} would write over the derivation; give another file")
    planted = plant(source.text, options.kind, options.seed, source.name)
    options.out.write_text(planted.text, encoding="utf-8")
    key.write_text(answer(planted, source.name), encoding="utf-8")
    print(f"one mistake of kind {options.kind} is in {options.out}; what it is stands in {key}")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.plant import grade
    from tinyad.derivation.language.source import read

    result = grade(read(Path(options.file)).text, read(Path(options.answer)).text)
    print(for_terminal(result.message))
    return 0 if result.found else 1
