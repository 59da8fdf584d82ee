"""The files in folders that have something to check: derivations with declarations, and code with both passes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from tinyad.derivation.language.documents import SUFFIXES, declares_in_markdown
from tinyad.derivation.language.source import file_bytes

DECLARED = re.compile(
    rb"^[ \t]*```+[ \t]*declare\b|<!--[ \t]*tinyad:|^[ \t]*%[ \t%]*tinyad:|^[ \t]*\.\. tinyad:", re.MULTILINE
)
FORWARD = re.compile(rb"def \w*(?:forward|fwd|loss|cost)")
BACKWARD = re.compile(rb"def \w*(?:backward|bwd|b(?:ack)?prop|grad|vjp|deriv|prime)")
NOTEBOOK = ".ipynb"
READ = (*SUFFIXES, ".py", NOTEBOOK)
SKIPPED = ("node_modules", "site-packages", "__pycache__", "_build", "build", "dist", "venv")
ENVIRONMENT = ("pyvenv.cfg", "conda-meta")  # what a folder has that is an environment of Python
FILES = 10_000  # in folders: more is a mistake, such as the root of a disk

Exclude = tuple[Path, str]  # a pattern, and the folder that it is relative to


def files_in(paths: Sequence[str], exclude: Sequence[Exclude] = (), force: bool = False) -> list[str]:
    """Return files as they are given, and in the place of each folder those in it that have something to check.

    force: the files that are given, too, are left out if they are excluded or have nothing to check.
    """
    found: dict[str, None] = {}
    given: list[str] = []
    for path in paths:
        if os.path.isdir(path):
            found |= dict.fromkeys(
                file for file in _kept_by_git(path, candidates(path, exclude)) if has_derivation(file)
            )
        elif not force or (not is_excluded(path, exclude) and has_derivation(path)):
            given.append(path)
            found[path] = None
    folders = [path for path in paths if os.path.isdir(path)]
    if folders and not found and not force:
        raise ValueError(
            f"{', '.join(folders)}: no file in there has a derivation with its declarations, or a forward and a "
            f"backward pass in Python"
        )
    twice = [path for k, path in enumerate(given) if path in given[:k]]
    return [*found, *twice]


def candidates(folder: str, exclude: Sequence[Exclude]) -> Iterator[str]:
    """Yield the files of a folder whose names say that they are read."""
    count = 0
    for top, folders, names in os.walk(folder):
        inside = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        folders[:] = [f for f in inside if not is_excluded(path := os.path.join(top, f), exclude) and not _has(path)]
        for name in sorted(names):
            path = str(Path(top, name))
            if not name.lower().endswith(READ) or os.path.islink(path) or is_excluded(path, exclude):
                continue
            count += 1
            if count > FILES:
                raise ValueError(f"{folder}: more than {FILES:,} files to look at; give a smaller folder")
            yield path


def _has(folder: str) -> bool:
    """Return whether a folder is an environment of Python."""
    return any(os.path.exists(os.path.join(folder, name)) for name in ENVIRONMENT)


def _kept_by_git(folder: str, files: Iterable[str]) -> list[str]:
    """Return the files without those that git ignores, if it knows the folder and does not ignore it all."""
    beside = {os.path.relpath(file, folder): file for file in files}
    asked = "\0".join([".", *beside]).encode(errors="surrogateescape")
    command = ["git", "-C", folder, "-c", "core.fsmonitor=false", "check-ignore", "-z", "--stdin"]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, check=False)
    except OSError:
        return [*beside.values()]
    ignored = set(done.stdout.decode(errors="surrogateescape").split("\0"))
    return [file for name, file in beside.items() if name not in ignored or "." in ignored]


def is_excluded(path: str | Path, exclude: Sequence[Exclude]) -> bool:
    """Return whether a pattern matches a path below its folder, that of a folder above it, or one of their names."""
    for folder, pattern in exclude:
        try:
            below = PurePath(os.path.abspath(path)).relative_to(os.path.abspath(folder))
        except ValueError:
            continue
        parts = {part.as_posix() for part in (below, *below.parents)} - {"."} | {*below.parts}
        relative = os.path.relpath(os.path.join(folder, pattern), folder).replace(os.sep, "/")
        plain = relative.removesuffix("/**")
        if any(fnmatchcase(part, one) for part in parts for one in (plain, plain.removeprefix("**/"))):
            return True
    return False


def has_derivation(path: str | Path) -> bool:
    """Return whether a text declares a derivation, or Python has a forward and a backward pass; nothing is run.

    Python that cannot be read counts if it looks so: the check says why.
    """
    try:
        raw = file_bytes(Path(path))
    except (OSError, ValueError):
        return False
    suffix = Path(path).suffix.lower()
    if suffix == NOTEBOOK and declares_in_markdown(Path(path)):
        return True
    if suffix not in (".py", NOTEBOOK):
        return bool(DECLARED.search(raw))
    return bool(BACKWARD.search(raw)) and _has_pair(Path(path), raw)


def _has_pair(path: Path, raw: bytes) -> bool:
    from tinyad.code.files import read
    from tinyad.code.find import found_in
    from tinyad.code.program import Program

    try:
        program = Program(read(path).text, str(path))
        return any(found.forward and found.backward for found in found_in(program))
    except ValueError:
        return bool(FORWARD.search(raw))
