"""A run on disk: one .npz of plain arrays, the first of them a JSON header; nothing in it is ever executed."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstm_models.model import Matrix

FORMAT, VERSION = "tinyad run", 1
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    OSError,
    ValueError,
)


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Matrix]) -> None:
    """Write all or nothing: a run that is killed on the way leaves the file as it was."""
    head = json.dumps({"format": FORMAT, "version": VERSION, **header})
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            np.savez(file, allow_pickle=False, header=np.array(head), **arrays)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Matrix]]:
    """(header, arrays); ValueError if the file is damaged, of another kind, or of a later version.  It is only read."""
    try:
        arrays = _read(path)
    except FileNotFoundError:
        raise ValueError(f"{path} is not there: nothing to go on from") from None
    except DAMAGED as error:
        raise ValueError(f"{path} is damaged, or no checkpoint ({error}); take another one") from None
    try:
        header = json.loads(arrays.pop("header").item())
        kind, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{path} is no checkpoint of a tinyad run: it has no header of one") from None
    if kind != FORMAT:
        raise ValueError(f"{path} is no checkpoint of a tinyad run, but {kind!r}")
    if version != VERSION:
        known = f"this program knows version {VERSION}"
        raise ValueError(f"{path} has version {version}, {known}: use the tinyad that wrote it")
    return header, arrays


def _read(path: Path) -> dict[str, Matrix]:
    with zipfile.ZipFile(path) as members:
        broken = members.testzip()
    if broken:
        raise ValueError(f"{broken} does not have its checksum")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
