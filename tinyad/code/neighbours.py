"""The modules beside a checked file: imported as `python FILE` imports them, and forgotten behind the check."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tinyad.code.program import package_of

STAYING = ("__main__", __name__.partition(".")[0])  # these run
INSTALLED = {Path(folder) for folder in sysconfig.get_paths().values()}


@contextmanager
def importable(path: str) -> Iterator[list[str]]:
    """Let a file import its neighbours, and what its package and the folder at hand hold; yield a list of their files.

    Two folders may each have a helper.py: what another one has left stands aside meanwhile, and nothing is left behind.
    The file finds no arguments of a command line.
    """
    folders = [Path(path).absolute().parent, package_of(path)[1], Path.cwd()]
    found: list[str] = []
    search, arguments, loaded = list(sys.path), list(sys.argv), dict(sys.modules)
    aside = _taken_out({top for top in set(map(_top, loaded)) if _is_in_the_way(top, folders)})
    sys.path[:0] = map(str, folders)
    sys.argv[:] = [path]
    importlib.invalidate_caches()
    try:
        yield found
    finally:
        sys.path[:], sys.argv[:] = search, arguments
        new = set(map(_top, sys.modules)) - (set(map(_top, loaded)) - set(map(_top, aside)))
        mine = _taken_out({top for top in new if _home(top) in folders})
        found += sorted(file for module in mine.values() if (file := getattr(module, "__file__", None)))
        sys.modules.update(aside)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _taken_out(tops: set[str]) -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _top(name) in tops}


def _is_in_the_way(top: str, folders: Sequence[Path]) -> bool:
    """Return whether a module is that of another folder, and hides a neighbour."""
    home = _home(top)
    if home is None or home in INSTALLED or top in STAYING:
        return False
    found = (folder for folder in folders if (folder / f"{top}.py").is_file() or (folder / top).is_dir())
    return next(found, home) != home


def _home(top: str) -> Path | None:
    """Return the folder that a module or a package was found in; None if it is of no file."""
    module = sys.modules.get(top)
    file, parts = getattr(module, "__file__", None), list(getattr(module, "__path__", ()))
    if parts:
        return Path(parts[0]).parent
    return Path(file).parent if file else None
