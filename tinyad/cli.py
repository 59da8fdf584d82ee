"""The command line: `tinyad demo`, `new`, `check`, `report`, `serve`, `plant` and `grade`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tinyad.distribution import in_processes, on_cluster
from tinyad.printing.output import write_text
from tinyad.printing.text import for_terminal, visible
from tinyad.version import __version__
from tinyad.web import command as web

if TYPE_CHECKING:
    from tinyad.html.report import Report

# Installed packages register here: a demo is a function of a folder that returns whether all was right; models are
# {name: function without arguments that returns a Report}; derivations are {name: path of a Markdown file}.
DEMOS, MODELS, DERIVATIONS = "tinyad.demo", "tinyad.models", "tinyad.derivations"
SECONDS_FOR_TEXT = 5.0  # for one text on the command line: the longest derivation takes two
REPORT_OPTIONS = ("hand", "layout", "title", "groups")  # what a Python file may set for its report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 all right, 1 something is wrong, 2 the job could not be done."""
    other_place = "another place"
    try:
        # A terminal that has no ∇ shows an escape, and the job goes on.
        if sys.stdout:  # None where it was closed
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            options = _parser().parse_args(arguments)
            other_place = options.other_place
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
        advice = f"; choose {other_place}" if error.filename else ""
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
        prog="tinyad", description="Check hand-derived gradients against reverse-mode differentiation, line by line."
    )
    parser.add_argument("--version", action="version", version=f"tinyad {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser(
        "demo",
        help="the slides' LSTM on English text: tape, hand derivation and complex step compared, one mistake found",
    )
    demo.add_argument(
        "--out", type=Path, default=Path("build"), metavar="FOLDER", help="where to write (default: build)"
    )
    demo.set_defaults(run=_demo, other_place="a folder with --out")

    new = commands.add_parser("new", help="copy a right derivation into this folder, to start from")
    new.add_argument("name", nargs="?", metavar="NAME", help="which one; without it all are listed")
    new.set_defaults(run=_new, other_place="another folder")

    check = commands.add_parser(
        "check", help="check hand-derived gradients, statement by statement in code and line by line on paper"
    )
    check.add_argument(
        "files", nargs="+", metavar="FILE", help="Python or a notebook with a forward and a backward pass, Markdown "
        "with declare, forward and backward blocks, or a document in LaTeX; Python runs, as in a test"
    )  # fmt: skip
    check.add_argument(
        "--declare", action="store_true", help="only propose the declarations that a text or a document lacks"
    )
    check.add_argument("--all", action="store_true", help="all that is wrong in full, not only the first")
    check.add_argument("--summary", action="store_true", help="one line for every file")
    check.add_argument("--json", action="store_true", help="the findings as JSON")
    check.add_argument("--html", type=Path, dest="out", metavar="PAGE", help="also write one self-contained page")
    check.add_argument("--seed", type=int, default=0, help="which sample points are drawn (default: 0)")
    check.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="for one text (default: 5), or one pair of code (default: 60)",
    )
    check.add_argument("--jobs", type=_count, default=1, metavar="N", help="check N files at a time (default: 1)")
    check.add_argument(
        "--scheduler", metavar="ADDRESS", help="check on a Dask cluster, whose workers have the files and tinyad"
    )
    check.add_argument("--no-suggest", action="store_true", help="verdicts only: what was meant is not looked for")
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
    code.add_argument("--diff", action="store_true", help="the suggestions as a unified diff")
    code.add_argument("--fix", action="store_true", help="write the certain suggestions into the file")
    code.add_argument("--sandbox", action="store_true", help="run the code in a process of its own, with limits")
    check.set_defaults(run=_check, other_place="a page with --html")

    report = commands.add_parser("report", help="write a page with a drawing, every value and every derivative")
    report.add_argument(
        "what",
        help="a model, such as slides; a derivation; or a Python file that sets d, the derivatives of a backward "
        "pass, and perhaps hand, {name: derivative}, and its layout, 'row' or 'same'",
    )
    report.add_argument("--out", type=Path, metavar="PAGE", help="where to write (default: build/NAME-report.html)")
    report.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="for a derivation (default: 5)")
    report.set_defaults(run=_report, other_place="a page with --out")

    serve = commands.add_parser("serve", help="open a page in the browser to write derivations in")
    web.add_options(serve)
    serve.set_defaults(run=_serve, other_place="another address with --host")

    plant = commands.add_parser("plant", help="write a copy of a right derivation with one mistake in it")
    plant.add_argument("file", metavar="FILE")
    plant.add_argument("--kind", required=True, help="name, missing, sign, transpose, ...; a wrong one lists them all")
    plant.add_argument("--seed", type=int, default=0, help="which of the mistakes of this kind (default: 0)")
    plant.add_argument(
        "--out", type=Path, required=True, metavar="COPY", help="the copy; the answer is COPY.answer.json"
    )
    plant.set_defaults(run=_plant, other_place="a copy with --out")

    grade = commands.add_parser("grade", help="say whether a reader found the planted mistake and mended it")
    grade.add_argument("file", metavar="FILE", help="the copy as the reader returned it")
    grade.add_argument("--answer", required=True, metavar="ANSWER", help="the answer file that plant wrote")
    grade.set_defaults(run=_grade, other_place="a file that can be read")
    return parser


def _registered(group: str) -> list[Any]:
    """Return what installed packages register in a group of entry points."""
    loaded = []
    for entry in entry_points(group=group):
        try:
            loaded.append(entry.load())
        except (ImportError, AttributeError) as error:
            raise ValueError(f"{entry.value}, registered as {group}, cannot be loaded: {error}") from None
    return loaded


def _demo(options: argparse.Namespace) -> int:
    demos: list[Callable[[Path], bool]] = _registered(DEMOS)
    if not demos:
        raise ValueError(f"no installed package brings a demo: none registers an entry point of the group {DEMOS}")
    right = [demo(options.out) for demo in demos]
    return 0 if all(right) else 1


def _new(options: argparse.Namespace) -> int:
    """Copy a derivation that an installed package brings, or list them all."""
    paths = _derivations()
    if not paths:
        raise ValueError(
            f"no installed package brings derivations: none registers an entry point of the group {DERIVATIONS}"
        )
    if options.name is None:
        width = max(map(len, paths))
        print(for_terminal("\n".join(f"{name:{width}}  {_title(_read(path))}" for name, path in paths.items())))
        return 0
    if options.name not in paths:
        near = get_close_matches(options.name, paths, 1)
        hint = f"; did you mean {near[0]}?" if near else "; `tinyad new` lists them"
        raise ValueError(f"{options.name}: no such derivation{hint}")
    text, copy = _read(paths[options.name]), Path(f"{options.name}.md")
    try:
        with copy.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{copy} is there already, and stays as it is; move it, or go to another folder") from None
    print(for_terminal(f"{copy}   {_title(text)}"))
    return 0


def _derivations() -> dict[str, Path]:
    return {name: path for group in _registered(DERIVATIONS) for name, path in group.items()}


def _serve(options: argparse.Namespace) -> int:
    return web.serve(options, _derivations())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None


def _title(text: str) -> str:
    """Return the title of a Markdown file: its first line, without the sign of a heading."""
    return text.partition("\n")[0].lstrip("# ")


def _check(options: argparse.Namespace) -> int:
    if options.out and len(options.files) > 1:
        raise ValueError("--html writes one page: give one file")
    if options.scheduler and options.jobs > 1:
        raise ValueError("--jobs is for this machine, --scheduler for a cluster: give one of them")
    if options.scheduler and options.fix:
        raise ValueError("--fix writes into files, which a cluster's workers are not asked to: leave out --scheduler")
    if options.out and options.out.resolve() == Path(options.files[0]).resolve():
        raise ValueError(f"--html {options.out} would write over the derivation; give another file")
    return _propose(options) if options.declare else _check_files(options)


class Outcome(NamedTuple):
    """What becomes of one file: what is printed, or the message why it was not checked; what JSON and a page hold."""

    status: int
    shown: str = ""
    message: str = ""
    mended: str = ""
    entry: dict[str, Any] | None = None
    page: str = ""


def _check_files(options: argparse.Namespace) -> int:
    """Check every file, print what is found in the order of the files, and return the exit status."""
    entries, status = [], 0
    job = partial(_outcome, options=options)
    if options.scheduler:
        outcomes = on_cluster(job, options.files, options.scheduler, _lost)
    else:
        outcomes = in_processes(job, options.files, options.jobs, _lost)
    for file, outcome in zip(options.files, outcomes, strict=True):
        status = max(status, outcome.status)
        if outcome.message:
            print(f"tinyad: {visible(outcome.message)}", file=sys.stderr)
            entries.append({"file": file, "ok": False, "error": outcome.message})
            if not options.json and (options.summary or len(options.files) > 1):
                print(for_terminal(f"{visible(file)}: not checked"))
            continue
        if options.out:
            _write_page(options.out, outcome.page)
        if options.json:
            entries.append(outcome.entry or {})
        else:
            print(for_terminal(outcome.shown), flush=True)
        if outcome.mended:
            print(for_terminal(outcome.mended), file=sys.stderr if options.json else None)
    if options.json:
        print(json.dumps(entries, indent=2))
    return status


def _outcome(file: str, options: argparse.Namespace) -> Outcome:
    """Check one file, and mend it where that is asked for."""
    try:
        report = _checked(Path(file), options)
        shown = "" if options.json else visible(_shown(report, options))
    except Exception as error:  # of one file: the others are checked all the same
        return Outcome(2, message=_message_about(file, error))
    mended = ""
    if options.fix:
        from tinyad.code.command import mend

        mended = "\n".join(mend(Path(file), report))
    entry = report.to_dict() if options.json else None
    return Outcome(_status(report), shown, "", mended, entry, report.html() if options.out else "")


def _lost(file: str) -> Outcome:
    return Outcome(2, message=f"{file}: the process that checked it ended before it was done")


def _propose(options: argparse.Namespace) -> int:
    """Print the declarations that texts lack, to be pasted into them."""
    from tinyad.derivation.language.documents import opened
    from tinyad.derivation.language.proposal import proposed_declarations

    status = 0
    for file in options.files:
        try:
            proposed = proposed_declarations(opened(Path(file), options.timeout or SECONDS_FOR_TEXT))
        except Exception as error:  # of one file: the others are looked at all the same
            print(f"tinyad: {visible(_message_about(file, error))}", file=sys.stderr)
            status = 2
            continue
        print(for_terminal(visible(proposed)) if proposed else f"{visible(file)}: nothing is left to declare")
    return status


def _message_about(file: str, error: Exception) -> str:
    """Say why a file was not checked."""
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{file}: more memory than there is"
    if isinstance(error, RecursionError):
        return f"{file}: nested too deeply"
    if isinstance(error, OSError):
        return f"{file}: {error.strerror}"
    return f"{file}: a fault of tinyad itself, {type(error).__name__}: {_message(error)}"


def _seconds(text: str) -> float:
    """Return a number of seconds, or fail."""
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return seconds


def _count(text: str) -> int:
    """Return a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _checked(path: Path, options: argparse.Namespace) -> Any:
    """Return the report on a derivation, as code or as text."""
    if path.suffix.lower() == ".py" or (path.suffix.lower() == ".ipynb" and not _is_derivation(path)):
        from tinyad.code.command import check_file

        if options.no_suggest:
            raise ValueError(f"--no-suggest is for texts, and {path} is read as code")
        return check_file(path, options)
    for option in ("example", "shapes", "pair", "name", "diff", "fix", "sandbox"):
        if getattr(options, option):
            raise ValueError(f"--{option} is for code, and {path} is read as a text; code ends in .py or .ipynb")
    from tinyad.derivation import check_derivation

    seconds = options.timeout or SECONDS_FOR_TEXT
    return check_derivation(path, options.seed, timeout=seconds, suggest=not options.no_suggest)


def _is_derivation(notebook: Path) -> bool:
    """Return whether the Markdown cells of a notebook hold a derivation, with its declarations."""
    from tinyad.derivation.language.documents import declares_in_markdown

    return declares_in_markdown(notebook)


def _status(report: Any) -> int:
    if getattr(report, "errors", None):
        return 2
    return 0 if report.ok else 1


def _shown(report: Any, options: argparse.Namespace) -> str:
    if options.summary:
        return str(report.summary())
    return str(report.diff() if options.diff else report.text(options.all))


def _report(options: argparse.Namespace) -> int:
    html, ok = _page(options.what, options.timeout)
    if options.out is None:
        options.out = Path("build", f"{Path(options.what).stem}-report.html")
    if options.out.resolve() == Path(options.what).resolve():
        raise ValueError(f"--out {options.out} would write over the file that the page shows; give another file")
    _write_page(options.out, html)
    verdict = {True: "right", False: "not right", None: "not compared with a derivation by hand"}[ok]
    print(for_terminal(f"{options.out}   {options.what}, {verdict}"))
    return 0 if ok is not False else 1


def _page(what: str, seconds: float | None) -> tuple[str, bool | None]:
    """Return the page on a model, a derivation or a Python file, and whether all is right; None if nothing tells."""
    path = Path(what)
    if seconds is not None and (path.suffix.lower() == ".py" or not _is_file(path)):
        raise ValueError(f"--timeout is for a derivation, and {what} is none")
    if path.suffix.lower() == ".py":
        report = _report_of_file(path)
    else:
        models: dict[str, Callable[[], Report]] = {k: f for group in _registered(MODELS) for k, f in group.items()}
        if what not in models:
            if not _is_file(path):
                raise ValueError(f"{what}: no such file, and no such model; {_choice(models)}")
            from tinyad.derivation import check_derivation

            checked = check_derivation(path, timeout=seconds or SECONDS_FOR_TEXT)
            return checked.html(), checked.ok
        report = models[what]()
    return report.html, report.comparison.ok if report.comparison else None


def _choice(models: Mapping[str, object]) -> str:
    if models:
        return f"the models are {', '.join(models)}"
    return f"there are no models: no installed package registers an entry point of the group {MODELS}"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _report_of_file(path: Path) -> Report:
    """Return the report on the backward pass that a Python file leaves in `d`, with `hand` and other options."""
    from tinyad.engine.derivatives import Derivatives
    from tinyad.html.report import report

    names = _run_file(path)
    d = names.get("d")
    if not isinstance(d, Derivatives):
        raise ValueError(f"{path}: d is not set to a backward pass; end the file with d = tape.backward(...)")
    options = {name: names[name] for name in REPORT_OPTIONS if name in names}
    if not isinstance(options.get("hand", {}), Mapping):
        raise ValueError(f"{path}: hand is of type {type(options['hand']).__name__}, expected {{name: derivative}}")
    try:
        return report(d, **({"title": path.name} | options))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {_message(error)}") from None
    except Exception as error:  # of a rule or a mapping of the user's
        raise ValueError(f"{path}: {type(error).__name__}: {_message(error)}") from None


def _run_file(path: Path) -> dict[str, Any]:
    """Return the names that a file sets, run as `python FILE` runs it; ValueError with its line for what it raises."""
    if not _is_file(path):
        raise ValueError(f"{path}: no such file")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path), "__builtins__": __builtins__}
    before = list(sys.path), list(sys.argv), os.getcwd()
    sys.path.insert(0, str(path.absolute().parent))
    sys.argv = [str(path)]
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), names)
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:  # perhaps of a file that this one imports
        where = f"{error.filename or path}" + (f", line {error.lineno}" if error.lineno else "")
        raise ValueError(f"{where}: {error.msg}") from None
    except BaseException as error:
        if not (isinstance(error, SystemExit) and "d" in names and not error.code):
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == str(path)]
            where = f", line {lines[-1]}" if lines else ""
            raise ValueError(f"{path}{where}: {type(error).__name__}: {_message(error)}") from None
    finally:
        sys.path[:], sys.argv = before[:2]
        os.chdir(before[2])
    return names


def _message(error: BaseException) -> str:
    try:
        return str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    except Exception:  # an exception whose __str__ fails
        return "no message"


def _write_page(path: Path, html: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, html)


def _plant(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.plant import answer, plant
    from tinyad.derivation.language.source import read

    source = read(Path(options.file))
    key = options.out.with_name(options.out.name + ".answer.json")
    if Path(options.file).resolve() in (options.out.resolve(), key.resolve()):
        raise ValueError(f"--out {options.out} would write over the derivation; give another file")
    planted = plant(source.text, options.kind, options.seed, source.name)
    write_text(options.out, planted.text)
    write_text(key, answer(planted, source.name))
    print(f"{options.out} has one mistake of kind {options.kind}; the answer is in {key}")
    return 0


def _grade(options: argparse.Namespace) -> int:
    from tinyad.derivation.exercise.plant import grade
    from tinyad.derivation.language.source import read

    result = grade(read(Path(options.file)).text, read(Path(options.answer)).text)
    print(for_terminal(result.message))
    return 0 if result.found else 1
