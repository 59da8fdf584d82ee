"""The command line: `tinyad demo`, `new`, `check`, `report`, `serve`, `plant`, `class` and `grade`."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tinyad.commands import check, completion, exercises, mcp_server
from tinyad.commands.check import seconds
from tinyad.commands.sources import SECONDS_FOR_TEXT, message_of
from tinyad.commands.version import __version__
from tinyad.printing.output import write_page
from tinyad.printing.text import for_terminal, visible
from tinyad.web import command as web

if TYPE_CHECKING:
    from tinyad.html.report import Report

# Installed packages register here: a demo is a function of a folder that returns whether all was right; models are
# {name: function without arguments that returns a Report}; derivations are {name: path of a Markdown file}.
DEMOS, MODELS, DERIVATIONS = "tinyad.demo", "tinyad.models", "tinyad.derivations"
REPORT_OPTIONS = ("hand", "layout", "title", "groups")  # what a Python file may set for its report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 all right, 1 something is wrong, 2 the job could not be done."""
    other_place = "another place"
    try:
        # A terminal that has no ∇ shows an escape, and the job goes on.
        if sys.stdout:  # None where it was closed
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            given, parser = sys.argv[1:] if arguments is None else arguments, _parser()
            if not given:
                parser.print_help(sys.stderr)
                return 2
            options = parser.parse_args(given)
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


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, the same on every Python, and say what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and exit."""
        self.exit(2, f"{self.prog}: {visible(message)}; `{self.prog} --help` says more\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [*map(str, action.choices)]
            raise argparse.ArgumentError(action, f"{value} is none of {', '.join(known)}{_meant(str(value), known)}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse, and refuse here what is not known: an outer parser does not know what was meant."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f"{' '.join(unknown)}: not known{_meant(unknown[0].partition('=')[0], known)}")
        return options, unknown


def _meant(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="tinyad",
        description="Check hand-derived gradients against reverse-mode differentiation, line by line.",
        # A column of its own: how wide argparse makes the one of the commands differs between Pythons.
        formatter_class=partial(argparse.HelpFormatter, max_help_position=14),
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

    check.add_parser(commands)

    report = commands.add_parser("report", help="write a page with a drawing, every value and every derivative")
    report.add_argument(
        "what",
        help="a model, such as slides; a derivation; or a Python file that sets d, the derivatives of a backward "
        "pass, and perhaps hand, {name: derivative}, and its layout, 'row' or 'same'",
    )
    report.add_argument("--out", type=Path, metavar="PAGE", help="where to write (default: build/NAME-report.html)")
    report.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for a derivation (default: 5)")
    report.set_defaults(run=_report, other_place="a page with --out")

    serve = commands.add_parser("serve", help="open a page in the browser to write derivations in")
    web.add_options(serve)
    serve.set_defaults(run=_serve, other_place="another address with --host")

    exercises.add_commands(commands)

    mcp_server.add_parser(commands)
    completion.add_parser(commands, parser)
    of = commands.add_parser("help", help="print the help of a command")
    of.add_argument("of", nargs="?", choices=[*commands.choices], metavar="COMMAND", help="which one")
    of.add_argument("step", nargs="?", metavar="STEP", help="and which of its steps, such as class init")
    of.set_defaults(run=partial(_help, parser), other_place="a terminal")
    return parser


def _help(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.parse_args([*filter(None, [options.of, options.step]), "--help"])
    return 0


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
        hint = _meant(options.name, [*paths]) or "; `tinyad new` lists them"
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


def _report(options: argparse.Namespace) -> int:
    html, ok = _page(options.what, options.timeout)
    if options.out is None:
        options.out = Path("build", f"{Path(options.what).stem}-report.html")
    if options.out.resolve() == Path(options.what).resolve():
        raise ValueError(f"--out {options.out} would write over the file that the page shows; give another file")
    write_page(options.out, html)
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
                near = next((f"{what}{end}" for end in (".md", ".tex", ".py") if _is_file(Path(f"{what}{end}"))), "")
                hint = f"did you mean {near}?" if near else _choice(models)
                raise ValueError(f"{what}: no such file, and no such model; {hint}")
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
        raise ValueError(f"{path}: {message_of(error)}") from None
    except Exception as error:  # of a rule or a mapping of the user's
        raise ValueError(f"{path}: {type(error).__name__}: {message_of(error)}") from None


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
            raise ValueError(f"{path}{where}: {type(error).__name__}: {message_of(error)}") from None
    finally:
        sys.path[:], sys.argv = before[:2]
        os.chdir(before[2])
    return names
