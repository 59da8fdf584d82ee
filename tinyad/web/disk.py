"""The texts on the disk that the page may open and write: those in one folder, or one file."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import NamedTuple

from tinyad.derivation.language.source import decoded, file_bytes
from tinyad.printing.output import write_text
from tinyad.web.limits import FILES_LISTED, FOLDERS_DEEP, NAME_CHARACTERS

SUFFIXES = (".md", ".markdown", ".tex", ".ltx", ".latex", ".rst", ".qmd", ".rmd", ".txt", ".py")


class ChangedError(ValueError):
    """A file is not as it was when the page opened it."""


class Opened(NamedTuple):
    """A text, and what tells whether its file has been changed since."""

    text: str
    version: str


class Disk:
    """The texts in a folder, or a single one."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.writable = writable
        self._writing = Lock()  # two pages write one file after the other
        self._only = path.name if path.is_file() else ""
        if self._only and path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path}: the page opens {', '.join(SUFFIXES)}")
        if not self._only and not path.is_dir():
            raise ValueError(f"{path}: no such file or folder")
        self._folder = (path.parent if self._only else path).resolve()

    @property
    def first(self) -> str:
        """Return the name of the file that the page opens with; "" if there is none."""
        return self._only

    def names(self) -> list[str]:
        """Return the names of the texts, with the folders below this one."""
        if self._only:
            return [self._only]
        return sorted(self._found())[:FILES_LISTED]

    def _found(self) -> Iterator[str]:
        count = 0
        for folder, folders, files in os.walk(self._folder):
            below = Path(folder).relative_to(self._folder)
            folders[:] = sorted(f for f in folders if not f.startswith(".") and len(below.parts) < FOLDERS_DEEP)
            for file in sorted(files):
                path = Path(folder, file)
                name = (below / file).as_posix()
                if path.suffix.lower() not in SUFFIXES or file.startswith(".") or path.is_symlink():
                    continue
                if len(name) <= NAME_CHARACTERS:
                    yield name
                    count += 1
                    if count == FILES_LISTED:
                        return

    def _path(self, name: str) -> Path:
        """Return the path of a text; ValueError where a name leads out of the folder, or is no text's."""
        if len(name) > NAME_CHARACTERS:
            raise ValueError(f"a name of more than {NAME_CHARACTERS} characters: there is no such text here")
        path = self._folder / PurePosixPath(name)
        try:
            inside = path.resolve() == path and path.is_relative_to(self._folder)
        except (OSError, ValueError, RuntimeError):
            inside = False
        if not inside or (self._only and name != self._only) or name.startswith("."):
            raise ValueError(f"{name}: there is no such text here")
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{name}: the page opens {', '.join(SUFFIXES)}")
        return path

    def folder_of(self, name: str) -> str | None:
        """Return the folder that the text of a name includes files from: none if others than its owner may look."""
        return str(self._path(name).parent) if self.writable else None

    def read(self, name: str) -> Opened:
        """Return a text; ValueError where it cannot be read."""
        try:
            raw = file_bytes(self._path(name))
        except OSError as error:
            raise ValueError(f"{name}: {error.strerror}") from None
        return Opened(decoded(raw, name).removeprefix("\ufeff"), sha256(raw).hexdigest())

    def write(self, name: str, text: str, version: str) -> str:
        """Write a text in the place of one of a version, or a new one where that is ""; return its version.

        Raises ChangedError if another program has written the file since.
        """
        if not self.writable:
            raise ValueError("files are not written here: save the text in the browser")
        path = self._path(name)
        try:
            with self._writing:
                self._replace(path, name, text, version)
                return sha256(file_bytes(path)).hexdigest()
        except OSError as error:
            raise ValueError(f"{name}: {error.strerror}") from None

    def _replace(self, path: Path, name: str, text: str, version: str) -> None:
        is_there = path.exists()
        before = file_bytes(path) if is_there else b""
        if is_there and not version:
            raise ChangedError(f"there is another text with the name {name}")
        if version and (sha256(before).hexdigest() if is_there else "") != version:
            raise ChangedError(f"{name} has been changed by another program since it was opened")
        if is_there and not os.access(path, os.W_OK):
            raise ValueError(f"{name} may not be written: it is read-only")
        newline = "\r\n" if b"\r\n" in before else "\n"
        mark = "\ufeff" if before.startswith(codecs.BOM_UTF8) else ""
        write_text(path, mark + text.replace("\r\n", "\n").replace("\n", newline))
