"""An exercise and its answer: the right text, the text with mistakes in it, and where they are; as JSON."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, NamedTuple

VERSION = 2  # of an answer file


class PlantedMistake(NamedTuple):
    """One mistake: `line` is where it is in the exercise, `was` and `now` are that line before and after.

    text: the file with this mistake alone; removed: the line is left out.
    """

    kind: str
    line: int
    was: str
    now: str
    text: str
    removed: bool = False


class Exercise(NamedTuple):
    """A derivation with mistakes: its text, the right one that it was made from, and the name of that file."""

    text: str
    original: str
    source: str
    mistakes: tuple[PlantedMistake, ...]


def answer(exercise: Exercise) -> str:
    """Return the answer to an exercise, as JSON."""
    found: dict[str, Any] = {"version": VERSION, "source": exercise.source}
    found |= {"mistakes": [mistake._asdict() for mistake in exercise.mistakes], "sha256": _digest(exercise)}
    found |= {"text": exercise.text, "original": exercise.original}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def answered(text: str) -> Exercise:
    """Return the exercise that an answer file belongs to.  Raises ValueError for a file that is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as reason:
        raise ValueError(f"this is not an answer file: {reason}") from None
    sorts = {"version": int, "source": str, "mistakes": list, "sha256": str, "text": str, "original": str}
    if isinstance(found, dict) and "kind" in found:
        raise ValueError("this answer file is of an earlier version of tinyad; plant the exercise anew")
    _require(found, sorts)
    if found["version"] != VERSION:
        raise ValueError(
            f"this answer file has version {found['version']}, and {VERSION} is read; plant the exercise anew"
        )
    of_mistake = dict.fromkeys(("kind", "was", "now", "text"), str) | {"line": int, "removed": bool}
    for mistake in found["mistakes"]:
        _require(mistake, of_mistake)
    mistakes = tuple(PlantedMistake(*(m[key] for key in PlantedMistake._fields)) for m in found["mistakes"])
    exercise = Exercise(found["text"], found["original"], found["source"], mistakes)
    if _digest(exercise) != found["sha256"]:
        raise ValueError("this answer file has been changed: its texts are not those that its SHA-256 belongs to")
    return exercise


def _require(found: Any, sorts: dict[str, type]) -> None:
    """Raise ValueError if an object of JSON lacks a key, or has another type there."""
    if not isinstance(found, dict):
        raise ValueError("this is not an answer file: expected a JSON object")
    for key, sort in sorts.items():
        if not isinstance(found.get(key), sort) or (sort is int and isinstance(found[key], bool)):
            raise ValueError(f"this is not an answer file: {key!r} is missing, or not of type {sort.__name__}")


def _digest(exercise: Exercise) -> str:
    """Return the SHA-256 of all texts of an exercise."""
    texts = (exercise.text, exercise.original, *(part for m in exercise.mistakes for part in (m.was, m.now, m.text)))
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
