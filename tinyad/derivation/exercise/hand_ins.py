"""What is handed in: the files of a folder or of an archive, who each is from, and why some cannot be graded.

Nothing is unpacked, no link is followed, and one file at a time is held.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from tinyad.derivation.exercise.limits import (
    ARCHIVE_BYTES,
    DIRECTORY_BYTES,
    HAND_INS,
    NESTED_FILES,
    WHO_CHARACTERS,
)
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
ARCHIVE = b"PK\x03\x04"
END_OF_ARCHIVE = b"PK\x05\x06"
LEARNING_PLATFORM = re.compile(r"(_\d{1,12}_assignsubmission)_.*$")  # a name, the number of a hand-in, its sort
UTF_8_NAME = 0x800  # a flag of a file in an archive


class HandIn(NamedTuple):
    """One file: its path below the folder or in the archive, whose it is, when it was written, and its content.

    refused: why it is not graded, "" if it is.
    """

    name: str
    owner: str
    written: datetime | None
    content: bytes = b""
    refused: str = ""

    @property
    def who(self) -> str:
        """Return who it is from, as a table shows it."""
        return shown_owner(self.owner)

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
        owner = owner_of(name.removeprefix(shared))
        try:
            status = path.lstat()
            written = datetime.fromtimestamp(status.st_mtime)
            if stat.S_ISLNK(status.st_mode):
                yield HandIn(name, owner, written, refused="a link, which is not followed; hand in the file itself")
            elif not stat.S_ISREG(status.st_mode):
                yield HandIn(name, owner, written, refused="no regular file")
            elif status.st_size > FILE_BYTES:
                yield HandIn(name, owner, written, refused=_too_large(status.st_size))
            else:
                yield from _looked_at(HandIn(name, owner, written, path.read_bytes()))
        except OSError as error:
            yield HandIn(name, owner, None, refused=f"cannot be read: {error.strerror}")


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
        entries = _entries(archive)
        if len(entries) > HAND_INS:
            raise ValueError(f"{path}: more than {HAND_INS} files")
        shared = _shared_folder([name for name, _ in entries])
        for name, it in entries:
            found = _unpacked(archive, it, HandIn(name, owner_of(name.removeprefix(shared)), _written(it)))
            yield from [found] if found.refused else _looked_at(found)


def _entries(archive: ZipFile) -> list[tuple[str, ZipInfo]]:
    """Return the files of an archive with their names, by these, without those of the system."""
    named = sorted(((_name(it), it) for it in archive.infolist()), key=lambda entry: entry[0])
    return [(name, it) for name, it in named if name[-1:] != "/" and not any(map(is_of_system, name.split("/")))]


def _name(it: ZipInfo) -> str:
    """Return the name of a file in an archive, with / also where Windows has made it."""
    name = it.filename
    if not it.flag_bits & UTF_8_NAME:  # as macOS writes it: in UTF-8 all the same
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


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


def _refused(it: ZipInfo, name: str) -> str:
    """Say why a file of an archive is not read; "" if it is."""
    if ".." in name.split("/") or name.startswith("/") or re.match("[A-Za-z]:", name):
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
    refused = _refused(it, found.name)
    if refused:
        return found._replace(refused=refused)
    try:
        with archive.open(it) as file:
            content = file.read(FILE_BYTES + 1)
    except (BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        return found._replace(refused=f"it cannot be unpacked: {error}")
    if len(content) > FILE_BYTES:
        return found._replace(refused=_too_large(len(content)))
    return found._replace(content=content)


def _looked_at(found: HandIn, nested: bool = False) -> Iterator[HandIn]:
    """Yield a hand-in, without its content if that is no text; of an archive the files in it."""
    what = next((what for begin, what in SIGNATURES.items() if found.content.startswith(begin)), "")
    if found.suffix == ".zip" and found.content.startswith(ARCHIVE) and not nested:
        yield from _in_archive_of_one(found)
    elif what:
        yield found._replace(content=b"", refused=f"{what}, which cannot be graded; {ADVICE}")
    elif found.suffix not in SUFFIXES:
        yield found._replace(content=b"", refused=f"a file {found.suffix}, which cannot be graded; {ADVICE}")
    else:
        yield found if found.content.strip() else found._replace(refused="it is empty")


def _in_archive_of_one(found: HandIn) -> Iterator[HandIn]:
    """Yield the files in an archive that one person has handed in."""
    try:
        archive = ZipFile(BytesIO(found.content))
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        yield found._replace(content=b"", refused=f"this is no zip archive: {error}")
        return
    with archive:
        entries = _entries(archive)
        if not 0 < len(entries) <= NESTED_FILES:
            what = f"of more than {NESTED_FILES} files" if entries else "without files"
            yield found._replace(content=b"", refused=f"an archive {what}; {ADVICE}")
            return
        for name, it in entries:
            one = _unpacked(archive, it, found._replace(name=f"{found.name}/{name}", content=b""))
            yield from [one] if one.refused else _looked_at(one, nested=True)


def is_of_system(name: str) -> bool:
    """Return whether a file or folder is one that a system leaves behind, or a hidden one."""
    return name.lower() in NO_HAND_INS or name.startswith("~$") or (name.startswith(".") and name != "..")


def owner_of(name: str) -> str:
    """Return whose a file is: its folder, or its name without the ending; with the number of a learning platform."""
    path = PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/")))
    folders = [part for part in path.parts[:-1] if part not in ("/", "..", ".")]
    return LEARNING_PLATFORM.sub(r"\1_", folders[0] if folders else path.stem)


def shown_owner(owner: str) -> str:
    """Return whose a file is without the number of a learning platform, and not longer than a table has room for."""
    who = LEARNING_PLATFORM.sub("", owner)
    return who if len(who) <= WHO_CHARACTERS else who[: WHO_CHARACTERS - 1] + "…"


def _shared_folder(names: list[str]) -> str:
    """Return the folder that all files are in, and all folders around them, with / at its end; "" if there is none."""
    if len(names) < 2:
        return ""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    shared = [parts[0] for parts in takewhile(lambda parts: len({*parts}) == 1, zip(*folders, strict=False))]
    return "/".join([*shared, ""]) if shared else ""


def _written(it: ZipInfo) -> datetime | None:
    try:
        return datetime(*it.date_time)
    except ValueError:
        return None


def _too_large(size: int) -> str:
    return f"{size} bytes; at most {FILE_BYTES} are read"
