"""`tinyad check`: what is checked, and what is printed about it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tinyad.commands.configuration import configuration_of, files_for, for_run
from tinyad.commands.discovery import candidates, files_in
from tinyad.commands.distribution import in_processes, on_cluster
from tinyad.commands.findings import FileResult, FileVerdict, result_of, result_of_error
from tinyad.commands.formats import FORMATS, schema, total_line
from tinyad.commands.mending import Mended, diff, mended, text_of, write
from tinyad.commands.sources import SECONDS_FOR_TEXT, checked, checked_text, files_read, message_about
from tinyad.commands.terminal import WHEN, Progress, coloured, coloured_diff, has_colour
from tinyad.commands.watching import watch
from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.proposal import proposed_declarations
from tinyad.derivation.language.source import decoded
from tinyad.printing.output import write_page
from tinyad.printing.text import for_terminal, visible

if TYPE_CHECKING:
    from tinyad.commands.findings import Report

STDIN, STDIN_BYTES = "-", 4_000_000  # as much as a file may have


def add_parser(commands: Any) -> None:
    """Add the command to the parser of the command line."""
    check = commands.add_parser(
        "check",
        help="check hand-derived gradients, statement by statement in code and line by line on paper",
        epilog="The exit status is 0 if everything is right, 1 if something is wrong, and 2 if a file could not be "
        "checked or the command not be carried out.",
    )
    check.add_argument(
        "files", nargs="*", metavar="FILE", help="Python or a notebook with a forward and a backward pass, Markdown "
        "with declare, forward and backward blocks, or a document in LaTeX; - is standard input, read as Markdown; "
        "of a folder, the files that have such; without any, the paths in pyproject.toml, or this folder. Python runs, "
        "as in a test"
    )  # fmt: skip
    check.add_argument(
        "--declare", action="store_true", help="only propose the declarations that a text or a document lacks"
    )
    check.add_argument("--all", action="store_true", help="all that is wrong in full, not only the first")
    check.add_argument("--summary", action="store_true", help="one line for every file")
    check.add_argument(
        "--output-format",
        choices=("text", *FORMATS),
        help="text; the findings as JSON; as annotations of GitHub; in SARIF; or as XML of JUnit (default: text)",
    )
    check.add_argument(
        "--json", action="store_const", const="json", dest="output_format", help="the same as --output-format json"
    )
    check.add_argument("--schema", action=_ShowSchema, help="print the JSON schema of that format and exit")
    check.add_argument(
        "--color",
        choices=WHEN,
        help="verdicts in colour; auto: on a terminal (default: auto)",
    )
    check.add_argument("--html", type=Path, dest="out", metavar="PAGE", help="also write one self-contained page")
    check.add_argument("--diff", action="store_true", help="what --fix would change, as a unified diff")
    check.add_argument(
        "--fix", action="store_true", help="write the certain suggestions into the file, and check it again"
    )
    check.add_argument("--watch", action="store_true", help="check again when a file is saved, until Ctrl-C")
    check.add_argument(
        "--stdin-filename", metavar="NAME", help="how a FILE - is read, standard input: as a file of this name would be"
    )
    check.add_argument("--seed", type=whole_number(0), help="which sample points are drawn (default: 0)")
    check.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="for one text (default: 5), or one pair of code (default: 60)",
    )
    check.add_argument("--jobs", type=whole_number(1), metavar="N", help="check N files at a time (default: 1)")
    check.add_argument(
        "--scheduler", metavar="ADDRESS", help="check on a Dask cluster, whose workers have the files and tinyad"
    )
    check.add_argument(
        "--suggest",
        action=argparse.BooleanOptionalAction,
        help="for texts: look for what was meant, or give verdicts only (default: --suggest)",
    )
    check.add_argument(
        "--against",
        type=Path,
        metavar="MASTER",
        help="the derivation whose declarations and forward a text has to have",
    )
    check.add_argument(
        "--exclude",
        action="append",
        metavar="PATTERN",
        help="leave out files and folders in a folder, by their names or paths, such as 'old*' or 'a/*.md'",
    )
    check.add_argument(
        "--force-exclude",
        action="store_true",
        help="leave out a FILE too that is excluded or has nothing to check, for hooks that give every file",
    )
    code = check.add_argument_group("for code")
    code.add_argument(
        "--example", metavar="FUNCTION", help="the function that returns the arguments of the forward pass"
    )
    code.add_argument("--shapes", metavar="SHAPES", help='their shapes, if that is all it takes: "X=6x5 W=5x4 b=4"')
    code.add_argument(
        "--pair",
        action="append",
        default=[],
        metavar="FORWARD:BACKWARD",
        help="the functions, if their names do not tell",
    )
    code.add_argument(
        "--name", action="append", default=[], metavar="NAME=NAME", help="what a name is the derivative for: delta3=Z3"
    )
    code.add_argument(
        "--sandbox",
        action=argparse.BooleanOptionalAction,
        help="run the code in a process of its own, with limits (default: --no-sandbox)",
    )
    check.set_defaults(run=run, other_place="a page with --html")


def default_options() -> argparse.Namespace:
    """Return the options of the command where nothing is said on the command line."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["check"])


class _ShowSchema(argparse.Action):
    """Print the schema of the JSON format, as --version prints the version."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(schema(), end="")
        parser.exit()


def run(options: argparse.Namespace) -> int:
    """Check the files and return the exit status."""
    if (options.diff or options.declare) and options.output_format is None:
        options.output_format = "text"  # whatever pyproject.toml says
    if options.watch:
        return _watch(options)
    _find_files(options)
    _refuse(options)
    if STDIN in options.files:
        _read_standard_input(options)
    return _propose(options) if options.declare else _status(_check_files(options))


def _watch(given: argparse.Namespace) -> int:
    """Check again and again; what is wrong with the options ends it at once, and later what is wrong is said."""
    first = copy(given)
    _find_files(first)
    _refuse(first)

    def look() -> set[str]:
        folders = [path for path in first.paths if os.path.isdir(path)]
        files = {path for path in first.paths if path not in folders}
        files |= {file for folder in folders for file in candidates(folder, first.excluded)}
        beside = {Path.cwd(), *(Path(file).absolute().parent for file in files)}
        return files | {str(path) for folder in beside for path in files_for(folder)}

    def check() -> tuple[int, set[str]]:
        configuration_of.cache_clear()
        options = copy(given)
        try:
            _find_files(options)
            _refuse(options)
            outcomes = _check_files(options)
        except ValueError as error:
            print(f"tinyad: {visible(str(error))}", file=sys.stderr)
            return FileVerdict.NOT_CHECKED.status, set()
        read = {file for outcome in outcomes for file in outcome.read}
        return _status(outcomes), read | ({str(options.against)} if options.against else set())

    return watch(look, check)


def _find_files(options: argparse.Namespace) -> None:
    """Set what the command line leaves open for the run, the paths to check, and the files in the place of folders."""
    found = for_run(options)
    folder = found.folder if options.exclude is found.values.get("exclude") else Path.cwd()
    options.excluded = [(folder, pattern) for pattern in options.exclude]
    configured = [os.path.relpath(found.folder / path) for path in options.paths]
    options.paths = options.files or configured or [os.curdir]
    options.files = files_in(options.paths, options.excluded, options.force_exclude)


def _refuse(options: argparse.Namespace) -> None:
    """Raise ValueError for options that do not go together."""
    elsewhere = options.scheduler or options.declare
    stdin = options.files.count(STDIN)
    other = next((name for name in ("fix", "diff", "out", "watch") if getattr(options, name)), "")
    for is_wrong, message in (
        (options.out and len(options.files) > 1, "--html writes one page: give one file"),
        (
            options.diff and (options.fix or options.output_format != "text"),
            f"--diff is an output of its own: leave out {'--fix' if options.fix else '--output-format'}",
        ),
        (
            options.declare and (other or options.output_format != "text"),
            f"--declare is an output of its own: leave out --{other.replace('out', 'html') or 'output-format'}",
        ),
        (
            options.stdin_filename and not stdin,
            "--stdin-filename is for standard input: give - as FILE",
        ),
        (
            options.scheduler and options.jobs > 1,
            "--jobs is for this machine, --scheduler for a cluster: give one of them",
        ),
        (
            options.scheduler and options.fix,
            "--fix writes into files, which a cluster's workers are not asked to: leave out --scheduler",
        ),
        (
            options.out and options.files and options.out.resolve() == Path(options.files[0]).resolve(),
            f"--html {options.out} would write over the derivation; give another file",
        ),
        (
            options.watch and (stdin or options.scheduler),
            "--watch is for files on this machine, without - and without --scheduler",
        ),
        (
            stdin > 1 or (stdin and (options.fix or elsewhere)),
            "- is standard input: once, and without --fix, --scheduler and --declare; --diff says what to change",
        ),
    ):
        if is_wrong:
            raise ValueError(message)


def _read_standard_input(options: argparse.Namespace) -> None:
    raw = sys.stdin.buffer.read(STDIN_BYTES + 1) if sys.stdin else b""
    if len(raw) > STDIN_BYTES:
        raise ValueError(f"standard input has more than the {STDIN_BYTES:,} bytes that a file may have")
    options.stdin = decoded(raw, "standard input")


class Outcome(NamedTuple):
    """What becomes of one file: what was found, what is printed, what was changed in it, and a page about it.

    read: the other files that the check has read.
    """

    result: FileResult
    shown: str = ""
    mended: str = ""
    page: str = ""
    read: tuple[str, ...] = ()


def _check_files(options: argparse.Namespace) -> list[Outcome]:
    """Check every file, print what is found in the order of the files, and return it."""
    job = partial(_outcome, options=options)
    if options.scheduler:
        outcomes = on_cluster(job, options.files, options.scheduler, _lost)
    else:
        outcomes = in_processes(job, options.files, options.jobs, _lost)
    as_text = options.output_format == "text"
    if sys.stdout and not sys.stdout.isatty() and (options.diff or not as_text):  # for programs, as files are
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    every = []
    names = [_name(file, options) for file in options.files]
    with Progress(names) as progress:
        for name, outcome in zip(names, outcomes, strict=True):
            with progress.away():
                _print(name, outcome, options)
            every.append(outcome._replace(result=outcome.result._replace(file=name)))
    results = [outcome.result for outcome in every]
    if as_text and len(results) > 1 and not options.diff:
        print(total_line(results))
    elif not as_text and (written := FORMATS[options.output_format](results)):
        print(for_terminal(written))
    return every


def _status(outcomes: list[Outcome]) -> int:
    return max((outcome.result.verdict.status for outcome in outcomes), default=FileVerdict.RIGHT.status)


def _print(name: str, outcome: Outcome, options: argparse.Namespace) -> None:
    """Print what is found in one file, and what was changed in it."""
    as_text = options.output_format == "text"
    if outcome.result.error:
        print(f"tinyad: {visible(outcome.result.error)}", file=sys.stderr)
        if as_text and (options.summary or len(options.files) > 1):
            print(for_terminal(f"{visible(name)}: not checked"))
        return
    if options.out:
        write_page(options.out, outcome.page)
    if outcome.mended:
        print(for_terminal(outcome.mended), file=sys.stderr if options.diff or not as_text else None)
    if as_text:
        shown = for_terminal(outcome.shown)
        if has_colour(options.color, sys.stdout):
            shown = coloured_diff(shown) if options.diff else coloured(shown)
        print(shown, flush=True, end="" if options.diff else "\n")


def _outcome(file: str, options: argparse.Namespace) -> Outcome:
    """Check one file, and mend it where that is asked for."""
    try:
        return _of_file(file, options)
    except Exception as error:  # of one file: the others are checked all the same
        return Outcome(result_of_error(_name(file, options), message_about(_name(file, options), error), error))


def _of_file(file: str, options: argparse.Namespace) -> Outcome:
    name = _name(file, options)
    report = checked_text(name, options.stdin, options) if file == STDIN else checked(Path(file), options)
    shown = mended = ""
    if options.diff or options.fix:
        before = options.stdin if file == STDIN else text_of(Path(file))
        after = _mended(name, before, report, options)
        mended = visible("\n".join(after.rows)) if options.fix else ""
        if options.diff:
            shown = _visible_rows(diff(name, before, after.text))
        elif after.text != before:
            write(Path(file), after.text)
            report = after.report
        if after.text == before and not report.ok:
            mended = f"{visible(name)}: nothing is certain, and nothing {'would be' if options.diff else 'was'} changed"
    result = result_of(name, report, with_details=options.output_format == "json")
    if not options.diff and options.output_format == "text":
        shown = visible(report.summary() if options.summary else report.text(options.all))
    return Outcome(result, shown, mended, report.html() if options.out else "", files_read(report))


def _mended(name: str, text: str, report: Report, options: argparse.Namespace) -> Mended:
    """Return the text of a file with the certain suggestions in place, and the report on it."""
    if Path(name).suffix.lower() == ".ipynb":
        raise ValueError(
            f"{name} is a notebook: --fix and --diff are for Python files and texts; the report says what to change"
        )
    return mended(name, text, report, lambda text: checked_text(name, text, options))


def _visible_rows(text: str) -> str:
    """Return rows with their control characters as escapes, but for tabs and what ends a row."""
    rows = [(row.removesuffix("\r"), "\r" * row.endswith("\r")) for row in text.split("\n")]
    return "\n".join("\t".join(map(visible, row.split("\t"))) + end for row, end in rows)


def _lost(file: str) -> Outcome:
    return Outcome(result_of_error(file, f"{file}: the process that checked it ended before it was done"))


def _propose(options: argparse.Namespace) -> int:
    """Print the declarations that texts lack, to be pasted into them."""
    status = FileVerdict.RIGHT.status
    for file in options.files:
        try:
            proposed = proposed_declarations(opened(Path(file), options.timeout or SECONDS_FOR_TEXT))
        except Exception as error:  # of one file: the others are looked at all the same
            print(f"tinyad: {visible(message_about(file, error))}", file=sys.stderr)
            status = FileVerdict.NOT_CHECKED.status
            continue
        print(for_terminal(visible(proposed)) if proposed else f"{visible(file)}: nothing is left to declare")
    return status


def seconds(text: str) -> float:
    """Return a number of seconds, or fail."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return number


def whole_number(least: int) -> Callable[[str], int]:
    """Return a function that reads a whole number of so many or more."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
        return int(text)

    return read


def _name(file: str, options: argparse.Namespace) -> str:
    return options.stdin_filename or "stdin" if file == STDIN else file
