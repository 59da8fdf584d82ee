"""Texts that are kept as files: a test fails if one changes.  TINYAD_WRITE_GOLDEN=1 writes them anew."""

import os

from tests.support.paths import GOLDEN as FOLDER


def check(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    kept = path.read_text(encoding="utf-8")
    assert text + "\n" == kept, f"{path} differs; if that is meant: TINYAD_WRITE_GOLDEN=1 pytest, and read the diff"
