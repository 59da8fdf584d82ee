"""What is handed in: the files of a folder or of an archive, who each is from, and why some cannot be graded.

Nothing is unpacked, no link is followed, and one file at a time is held.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from tinyad.derivation.exercise.limits import ARCHIVE_BYTES, DIRECTORY_BYTES, HAND_INS, WHO_CHARACTERS
from tinyad.derivation.language.limits import FILE_BYTES

SUFFIXES = ("", ".md", ".markdown", ".txt", ".tex", ".ltx", ".latex", ".rst", ".qmd", ".rmd", ".ipynb")
NO_HAND_INS = ("thumbs.db", "desktop.ini", "__macosx")
OFFICE = "a document of an office program"
SIGNATURES = {  # the first bytes of files that are no text → what they are
    b"%PDF": "a PDF", b"PK\x03\x04": f"an archive, or {OFFICE}", b"PK\x05\x06": "an empty archive",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture", b"\xd0\xcf\x11\xe0": OFFICE,
    b"{\\rtf": OFFICE, b"\x1f\x8b": "an archive", b"7z\xbc\xaf": "an archive", b"Rar!": "an archive",
}  # fmt: skip
ADVICE = "hand in Markdown, LaTeX or a notebook"
END_OF_ARCHIVE = b"PK\x05\x06"
LEARNING_PLATFORM = re.compile(r"_\d{1,12}_assignsubmission_.*$")


class HandIn(NamedTuple):
    """One file: its path below the folder or in the archive, who it is from, when it was written, and its content.

    refused: why it is not graded, "" if it is.
    """

    name: str
    who: str
    written: datetime | None
    content: bytes = b""
    refused: str = ""

    @property
    def suffix(self) -> str:
        """Return how the name of the file ends."""
        return PurePosixPath(self.name).suffix.lower()


def hand_ins(place: Path) -> Iterator[HandIn]:
    """Yield the hand-ins in a folder or in a zip archive, by name.

    Raises ValueError for what is neither, or has too many files.
    """
    if place.is_dir():
        yield from _in_folder(place)
    elif place.is_file():
        yield from _in_archive(place)
    else:
        raise ValueError(f"{place}: no such file or folder")


def is_collection(place: Path) -> bool:
    """Return whether a path is that of a folder or an archive, and not of one hand-in."""
    return place.is_dir() or place.suffix.lower() == ".zip"


def _in_folder(folder: Path) -> Iterator[HandIn]:
    names = sorted(_files_below(folder, folder))
    shared = _shared_folder(names)
    for name in names:
        path = folder / name
        who = who_of(name.removeprefix(shared))
        try:
            status = path.lstat()
            written = datetime.fromtimestamp(status.st_mtime)
            if stat.S_ISLNK(status.st_mode):
                yield HandIn(name, who, written, refused="a link, which is not followed; hand in the file itself")
            elif not stat.S_ISREG(status.st_mode):
                yield HandIn(name, who, written, refused="no regular file")
            elif status.st_size > FILE_BYTES:
                yield HandIn(name, who, written, refused=_too_large(status.st_size))
            else:
                yield _looked_at(HandIn(name, who, written, path.read_bytes()))
        except OSError as error:
            yield HandIn(name, who, None, refused=f"cannot be read: {error.strerror}")


def _files_below(folder: Path, root: Path) -> Iterator[str]:
    """Yield the files below a folder, without those of the system, as paths with /; links to folders are files."""
    count, ahead = 0, [folder]
    while ahead:
        with os.scandir(ahead.pop()) as entries:
            for entry in entries:
                if is_of_system(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(Path(entry.path))
                    continue
                count += 1
                if count > HAND_INS:
                    raise ValueError(f"{root}: more than {HAND_INS} files")
                yield Path(entry.path).relative_to(root).as_posix()


def _in_archive(path: Path) -> Iterator[HandIn]:
    _refuse_long_directory(path)
    try:
        archive = ZipFile(path)
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path}: this is no zip archive: {error}") from None
    with archive:
        entries = [it for it in archive.infolist() if not it.is_dir() and not any(map(is_of_system, _parts(it)))]
        if len(entries) > HAND_INS:
            raise ValueError(f"{path}: more than {HAND_INS} files")
        shared = _shared_folder([it.filename for it in entries])
        for it in sorted(entries, key=lambda it: it.filename):
            found = HandIn(it.filename, who_of(it.filename.removeprefix(shared)), _written(it))
            refused = _refused(it)
            yield found._replace(refused=refused) if refused else _unpacked(archive, it, found)


def _refuse_long_directory(path: Path) -> None:
    """Raise ValueError for an archive whose list of files is too long to be kept: its last record tells."""
    size = path.stat().st_size
    if size > ARCHIVE_BYTES:
        raise ValueError(f"{path}: {size} bytes; at most {ARCHIVE_BYTES} are read")
    with path.open("rb") as file:
        file.seek(max(0, size - 22 - 65_535))
        record = file.read()
    at = record.rfind(END_OF_ARCHIVE)
    length = int.from_bytes(record[at + 12 : at + 16], "little")
    if at >= 0 and length > DIRECTORY_BYTES:
        raise ValueError(f"{path}: more files than are read; at most {HAND_INS}")


def _refused(it: ZipInfo) -> str:
    """Say why a file of an archive is not read; "" if it is."""
    parts = _parts(it)
    if ".." in parts or it.filename.startswith(("/", "\\")) or re.match("[A-Za-z]:", it.filename):
        return "its path leads out of the archive"
    if stat.S_ISLNK(it.external_attr >> 16):
        return "a link, which is not followed; hand in the file itself"
    if it.flag_bits & 1:
        return "it is encrypted"
    if it.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "it is compressed in a way that is not read; make a plain zip archive"
    return _too_large(it.file_size) if it.file_size > FILE_BYTES else ""


def _unpacked(archive: ZipFile, it: ZipInfo, found: HandIn) -> HandIn:
    """Return a file of an archive with its content; no more than may be read of it is ever unpacked."""
    try:
        with archive.open(it) as file:
            content = file.read(FILE_BYTES + 1)
    except (BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        return found._replace(refused=f"it cannot be unpacked: {error}")
    if len(content) > FILE_BYTES:
        return found._replace(refused=_too_large(len(content)))
    return _looked_at(found._replace(content=content))


def _looked_at(found: HandIn) -> HandIn:
    """Return a hand-in without its content, if that is no text."""
    what = next((what for begin, what in SIGNATURES.items() if found.content.startswith(begin)), "")
    if what:
        return found._replace(content=b"", refused=f"{what}, which cannot be graded; {ADVICE}")
    if found.suffix not in SUFFIXES:
        return found._replace(content=b"", refused=f"a file {found.suffix}, which cannot be graded; {ADVICE}")
    return found if found.content.strip() else found._replace(refused="it is empty")


def is_of_system(name: str) -> bool:
    """Return whether a file or folder is one that a system leaves behind, or a hidden one."""
    return name.lower() in NO_HAND_INS or (name.startswith(".") and name != "..")


def who_of(name: str) -> str:
    """Return who a hand-in is from: its folder, or its name without the ending; both in one line."""
    path = PurePosixPath(name.replace("\\", "/"))
    folders = [part for part in path.parts[:-1] if part not in ("/", "..", ".")]
    who = LEARNING_PLATFORM.sub("", folders[0]) if folders else path.stem
    return who if len(who) <= WHO_CHARACTERS else who[: WHO_CHARACTERS - 1] + "…"


def _shared_folder(names: list[str]) -> str:
    """Return the folder that all files are in, and all folders around them, with / at its end; "" if there is none."""
    if len(names) < 2:
        return ""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    shared = [parts[0] for parts in takewhile(lambda parts: len({*parts}) == 1, zip(*folders, strict=False))]
    return "/".join([*shared, ""]) if shared else ""


def _parts(it: ZipInfo) -> tuple[str, ...]:
    return tuple(it.filename.replace("\\", "/").split("/"))


def _written(it: ZipInfo) -> datetime | None:
    try:
        return datetime(*it.date_time)
    except ValueError:
        return None


def _too_large(size: int) -> str:
    return f"{size} bytes; at most {FILE_BYTES} are read"
