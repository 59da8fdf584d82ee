"""What `tinyad report` is asked about: a model by its name, a user's Python file, or a derivation."""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from tinyad.derivation import check_derivation
from tinyad.derivatives import Derivatives
from tinyad.report import Report, report

OPTIONS = ("hand", "layout", "title", "groups", "weights", "fold")  # what a file may leave for its report


def page(what: str) -> tuple[str, bool | None]:
    """The page, and whether all is right; None if there is nothing by hand.  ValueError says what is needed."""
    from lstm_models.models import MODELS

    if what in MODELS:
        from lstm_models.example import example

        model = MODELS[what]
        it = example(model)
        made = report(it.d, it.hand, model.layout, groups=model.gates, title=f"{model.source}: {model.name}")
    elif what.endswith(".py"):
        made = _of_file(Path(what))
    elif Path(what).is_file():
        found = check_derivation(Path(what))
        return found.html(), found.ok
    else:
        raise ValueError(f"{what}: no file, and no model; there are {', '.join(MODELS)}")
    return made.html, made.comparison.ok if made.comparison else None


def _of_file(path: Path) -> Report:
    """The report on the walk back that a file leaves in `d`, with `hand` and what else report() takes."""
    names = _run(path)
    d = names.get("d")
    if not isinstance(d, Derivatives):
        raise ValueError(f"{path}: leaves no walk back; end it with d = tape.backward(...)")
    options = {name: names[name] for name in OPTIONS if name in names}
    try:
        return report(d, **({"title": path.name} | options))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: {error.args[0]}") from None


def _run(path: Path) -> dict[str, Any]:
    """The names that are there when the file has run; ValueError with its line for what it raises."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    sys.path.insert(0, str(path.parent))
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        said = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise ValueError(f"{path}{where}: {type(error).__name__}: {said}") from None
    finally:
        sys.path.remove(str(path.parent))
