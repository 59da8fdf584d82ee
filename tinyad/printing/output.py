"""Text written to a file at once, and never through a link."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4


def write_text(path: Path, text: str) -> None:
    """Write a file: whoever reads it finds the old text or the new one; its mode stays, and a file linked to it.

    Raises ValueError where the path is a symbolic link.
    """
    if path.is_symlink():
        raise ValueError(f"{path} is a link, and nothing is written through a link; give the file itself")
    if path.exists() and not path.is_file():  # a device, such as /dev/null; a folder is refused by the system
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    beside = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_page(path: Path, html: str) -> None:
    """Write a page, and make the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, html)
