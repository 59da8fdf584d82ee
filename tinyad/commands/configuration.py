"""`[tool.tinyad]` in pyproject.toml: options for a project, found upwards from a folder; the command line wins."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tinyad.commands.formats import FORMATS
from tinyad.commands.terminal import WHEN

FILE = "pyproject.toml"


class Key(NamedTuple):
    """What may stand in the table: a test of the value, what is expected, and what holds if nothing is said."""

    fits: Callable[[Any], bool]
    expected: str
    default: Any = None


def _one_of(*values: str) -> Key:
    return Key(lambda value: value in values, f"one of {', '.join(values)}", values[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


TEXTS = Key(_are_texts, "a list of strings", [])
FOR_RUN = {
    "paths": TEXTS,
    "exclude": TEXTS,
    "jobs": Key(lambda value: _is_count(value) and value >= 1, "a whole number of 1 or more", 1),
    "output-format": _one_of("text", *FORMATS),
    "color": _one_of(*WHEN),
}
FOR_FILE = {
    "seed": Key(lambda value: _is_count(value) and value >= 0, "a whole number of 0 or more", 0),
    "timeout": Key(lambda value: _is_number(value) and 0 < value < float("inf"), "a number of seconds above 0"),
}
FOR_TEXT = {"suggest": Key(lambda value: isinstance(value, bool), "true or false", True)}
FOR_CODE = {
    "example": Key(lambda value: isinstance(value, str), "the name of a function"),
    "sandbox": Key(lambda value: isinstance(value, bool), "true or false", False),
}
KEYS = FOR_RUN | FOR_FILE | FOR_TEXT | FOR_CODE


class Configuration(NamedTuple):
    """The values of a table, and the folder of its file."""

    folder: Path
    values: dict[str, Any]


def files_for(folder: Path) -> list[Path]:
    """Return where the configuration for a folder may stand."""
    return [above / FILE for above in (folder, *folder.parents)]


@cache
def configuration_of(folder: Path) -> Configuration:
    """Return the configuration for the files in a folder: of the nearest pyproject.toml that has one, or none.

    Raises ValueError for one that cannot be read, or has what is not known.
    """
    for path in files_for(folder):
        table = _table(path)
        if table is not None:
            return Configuration(path.parent, table)
    return Configuration(folder, {})


def _table(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if "tinyad" not in text:  # what another tool cannot read is its matter
        return None
    try:
        table = tomllib.loads(text).get("tool", {}).get("tinyad")
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ValueError(f"{path}: tool.tinyad is {table!r}, expected a table [tool.tinyad]")
    for name, value in table.items():
        if name not in KEYS:
            near = get_close_matches(name, KEYS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(KEYS)}"
            raise ValueError(f"{path}: [tool.tinyad] knows no {name}; {hint}")
        if not KEYS[name].fits(value):
            raise ValueError(f"{path}: {name} in [tool.tinyad] is {value!r}, expected {KEYS[name].expected}")
    return table


def for_run(options: argparse.Namespace) -> Configuration:
    """Set what holds for a whole run and the command line leaves open, by the current folder; return its table."""
    found = configuration_of(Path.cwd())
    _complete(options, found, FOR_RUN)
    return found


def for_file(options: argparse.Namespace, path: Path, is_code: bool) -> argparse.Namespace:
    """Return the options for one file, with what its folder says where the command line leaves it open."""
    own = argparse.Namespace(**vars(options))
    found = configuration_of(path.absolute().parent)
    _complete(own, found, FOR_FILE | (FOR_CODE if is_code else FOR_TEXT))
    return own


def _complete(options: argparse.Namespace, found: Configuration, keys: dict[str, Key]) -> None:
    for name, key in keys.items():
        attribute = name.replace("-", "_")
        if getattr(options, attribute, None) is None:
            setattr(options, attribute, found.values.get(name, key.default))
