"""The files in folders that have something to check: derivations with declarations, and code with both passes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from tinyad.derivation.language.documents import SUFFIXES
from tinyad.derivation.language.limits import FILE_BYTES
from tinyad.derivation.language.source import file_bytes

DECLARED = re.compile(
    rb"^[ \t]*```+[ \t]*declare\b|<!--[ \t]*tinyad:|^[ \t]*%[ \t%]*tinyad:|^[ \t]*\.\. tinyad:", re.MULTILINE
)
BACKWARD = re.compile(rb"^[ \t]*def \w*(?:backward|bwd|grad)", re.MULTILINE)
READ = (*SUFFIXES, ".py")
SKIPPED = ("node_modules", "__pycache__", "build", "dist", "venv")
FILES = 10_000  # in folders: more is a mistake, such as the root of a disk

Exclude = tuple[Path, str]  # a pattern, and the folder that it is relative to


def files_in(paths: Sequence[str], exclude: Sequence[Exclude] = ()) -> list[str]:
    """Return files as they are given, and in the place of each folder those in it that have something to check."""
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            own = [file for file in _walk(path, exclude) if has_derivation(Path(file))]
            if not own:
                raise ValueError(
                    f"{path}: no file in this folder has a derivation with its declarations, or a forward and a "
                    f"backward pass in Python"
                )
            found += [file for file in own if file not in found]
        else:
            found.append(path)
    return found


def _walk(folder: str, exclude: Sequence[Exclude]) -> Iterator[str]:
    count = 0
    for top, folders, names in os.walk(folder):
        inside = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        folders[:] = [f for f in inside if not is_excluded(Path(top, f), exclude)]
        for name in sorted(names):
            path = Path(top, name)
            if path.suffix.lower() not in READ or path.is_symlink() or is_excluded(path, exclude):
                continue
            count += 1
            if count > FILES:
                raise ValueError(f"{folder}: more than {FILES:,} files to look at; give a smaller folder")
            yield str(path)


def is_excluded(path: Path, exclude: Sequence[Exclude]) -> bool:
    """Return whether a pattern matches a path below its folder, or the name of the file or of a folder above it."""
    for folder, pattern in exclude:
        try:
            below = PurePath(os.path.abspath(path)).relative_to(os.path.abspath(folder))
        except ValueError:
            continue
        if any(fnmatchcase(part, pattern) for part in (below.as_posix(), *below.parts)):
            return True
    return False


def has_derivation(path: Path) -> bool:
    """Return whether a text declares a derivation, or Python has a forward and a backward pass; nothing is run."""
    try:
        raw = file_bytes(path)
    except (OSError, ValueError):
        return False
    if path.suffix.lower() != ".py":
        return bool(DECLARED.search(raw))
    return len(raw) <= FILE_BYTES and bool(BACKWARD.search(raw)) and _has_pair(path, raw)


def _has_pair(path: Path, raw: bytes) -> bool:
    from tinyad.code.find import found_in
    from tinyad.code.program import Program

    try:
        program = Program(raw.decode("utf-8-sig").replace("\r\n", "\n"), str(path))
        return any(found.forward and found.backward for found in found_in(program))
    except ValueError:  # which the check of the file will say, if it is asked for
        return False
