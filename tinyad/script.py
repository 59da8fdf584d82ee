"""What `tinyad report` is asked about: a model by its name, a user's Python file, or a derivation."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyad.derivation import check_derivation
from tinyad.engine.derivatives import Derivatives
from tinyad.html.report import Report, report

OPTIONS = ("hand", "layout", "title", "groups")  # what a file may leave for its report


def page(what: str) -> tuple[str, bool | None]:
    """The page, and whether all is right; None if there is nothing by hand.  ValueError says what is needed."""
    from lstm_models.models import MODELS

    path = Path(what)
    if what in MODELS:
        from lstm_models.example import example

        model = MODELS[what]
        it = example(model)
        made = report(it.d, it.hand, model.layout, groups=model.gates, title=f"{model.source}: {model.name}")
    elif path.suffix.lower() == ".py":
        made = _of_file(path)
    elif _is_file(path):
        found = check_derivation(path)
        return found.html(), found.ok
    else:
        raise ValueError(f"{what}: no file, and no model; there are {', '.join(MODELS)}")
    return made.html, made.comparison.ok if made.comparison else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _of_file(path: Path) -> Report:
    """The report on the walk back that a file leaves in `d`, with `hand` and what else report() takes."""
    names = _run(path)
    d = names.get("d")
    if not isinstance(d, Derivatives):
        raise ValueError(f"{path}: leaves no walk back; end it with d = tape.backward(...)")
    options = {name: names[name] for name in OPTIONS if name in names}
    if not isinstance(options.get("hand", {}), Mapping):
        raise ValueError(f"{path}: hand is a {type(options['hand']).__name__}, and not {{name: derivative}}")
    try:
        return report(d, **({"title": path.name} | options))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {_said(error)}") from None
    except Exception as error:  # of a rule or a mapping of the user's
        raise ValueError(f"{path}: {type(error).__name__}: {_said(error)}") from None


def _run(path: Path) -> dict[str, Any]:
    """The names that a file leaves, run as `python FILE` runs it; ValueError with its line for what it raises."""
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
            raise ValueError(f"{path}{where}: {type(error).__name__}: {_said(error)}") from None
    finally:
        sys.path[:], sys.argv = before[:2]
        os.chdir(before[2])
    return names


def _said(error: BaseException) -> str:
    try:
        return str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    except Exception:  # an exception that cannot say what it is
        return "no message"
