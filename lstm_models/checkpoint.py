"""A run on disk: one .npz of plain arrays, the first of them a JSON header; nothing in it is ever executed."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from lstm_models.model import Matrix

FORMAT, VERSION = "tinyad run", 1


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Matrix]) -> None:
    """Write all or nothing: a run that is killed on the way leaves the file as it was.

    The file before is kept as path + ".new", and the next save writes over it: pages that the system has already cost
    a third of new ones, and go to the disk once in a while, not at every save.
    """
    head = json.dumps({"format": FORMAT, "version": VERSION, **header})
    spare, before = _beside(path)
    with _writing(path), undisturbed():
        if not _ours_alone(spare):
            spare.unlink(missing_ok=True)
        with spare.open("r+b" if spare.exists() else "wb") as file:
            with zipfile.ZipFile(file, "w") as members:
                for name, array in {"header": np.array(head), **arrays}.items():
                    with members.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.truncate()
        with suppress(OSError):  # some file systems have no second name for a file: then every save makes a new one
            os.link(path, before)
        os.replace(spare, path)
        with suppress(FileNotFoundError):
            os.replace(before, spare)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until this is over: it must not come between two things that belong together."""
    if threading.current_thread() is not threading.main_thread():  # where Ctrl-C never comes
        yield
        return
    caught: list[object] = []
    handler = signal.signal(signal.SIGINT, lambda *_: caught.append(_))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if caught:
        signal.raise_signal(signal.SIGINT)


def tidy(path: Path) -> None:
    """Remove what `save` keeps beside the file."""
    for beside in _beside(path):
        with suppress(OSError):
            beside.unlink()


def back_up(path: Path) -> None:
    """Write a copy that is on the disk when this returns; the file itself may be damaged by a power cut."""
    tidy(path)
    spare, _ = _beside(path)
    with _writing(backup(path)):
        with spare.open("wb") as file:
            file.write(path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(spare, backup(path))


def backup(path: Path) -> Path:
    return path.with_name(f"{path.stem}.backup{path.suffix}")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Raise ValueError if another run is in the folder; one that is killed leaves no lock behind."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError(f"{folder}: another run is training there; --out takes another folder") from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Matrix]]:
    """Return (header, arrays); ValueError if the file is damaged, of another kind, or of a later version.

    It is only read.
    """
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a file; give the folder of a run")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path} is not there{_older(path) or ': give the folder of a run'}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); give the folder of a run") from None
    try:
        arrays = _read(data)
    except Exception as error:  # whatever zipfile and NumPy say to bytes that are not theirs
        why = " ".join(str(error).split())[:120] or type(error).__name__
        advice = _older(path) or "; start again in another folder"
        raise ValueError(f"{path} is damaged, or not a checkpoint ({why}){advice}") from None
    try:
        header = json.loads(arrays.pop("header").item())
        kind, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise ValueError(f"{path} is not a checkpoint of a tinyad run: it has no header") from None
    if kind != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of a tinyad run, but {kind!r}")
    if version != VERSION:
        known = f"this program knows version {VERSION}"
        raise ValueError(f"{path} has version {version!r}, {known}: use the tinyad that wrote it")
    return header, arrays


def _older(path: Path) -> str:
    copy = backup(path)
    return f"; {copy} is an older one: copy it there" if copy.is_file() else ""


def _read(data: bytes) -> dict[str, Matrix]:
    """Return the arrays, which share the memory of their members; nothing is made of the size that a member claims to
    have.
    """
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = file.infolist()
        if any(m.compress_type != zipfile.ZIP_STORED or m.compress_size != m.file_size for m in members):
            raise ValueError("its arrays are compressed")
        if sum(m.file_size for m in members) > len(data):
            raise ValueError("its members are larger than the file")
        for member in members:
            raw = file.read(member)  # ValueError unless it has its checksum
            stream = io.BytesIO(raw)
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError(f"{member.filename} is of an unknown version of .npy")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
            if dtype.hasobject:  # its bytes would be taken for addresses
                raise ValueError(f"{member.filename} has objects")
            array: Matrix = np.ndarray(shape, dtype, raw, stream.tell(), order="F" if fortran else "C")
            arrays[member.filename.removesuffix(".npy")] = array
    return arrays


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Let an error of the system name the file, which it does not do by itself when a disk is full."""
    try:
        yield
    except OSError as error:
        tidy(path)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + ".new"), path.with_name(path.name + ".before")


def _ours_alone(spare: Path) -> bool:
    """Return whether it is a file without another name, such as a copy that somebody made of the run by a link."""
    try:
        found = os.lstat(spare)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
