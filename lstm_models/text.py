"""Text for character models: real English with nothing to download, or a file, as numbers and as one-hot columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from lstm_models.losses import one_hot
from lstm_models.model import Matrix


def text() -> str:
    """Return Python's help topics in the order of their names, white space folded: some 450,000 characters, which
    differ by
    Python."""
    return " ".join(" ".join(topics[name] for name in sorted(topics)).split())


def read(path: Path) -> str:
    """Return the text of a file in UTF-8; ValueError if it is something else."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'not a file'}; expected a text file")
        string = path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        where = f"byte {byte:#04x} at offset {error.start}"
        raise ValueError(f"{path} is not UTF-8 text: {where}; convert it first") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; expected a text file") from None
    if not string:
        raise ValueError(f"{path} is empty; expected a text file")
    return string


def fingerprint(string: str) -> str:
    """Return twelve hexadecimal digits that tell which text it is."""
    return hashlib.sha256(string.encode()).hexdigest()[:12]


def alphabet(string: str) -> str:
    """Return the characters of a text, each once, in order."""
    return "".join(sorted(set(string)))


def codes(string: str, alphabet: str) -> Matrix:
    """Return for each character its place in the alphabet; ValueError names a character that has none."""
    places = {c: k for k, c in enumerate(alphabet)}
    unknown = next((k for k, c in enumerate(string) if c not in places), None)
    if unknown is not None:
        c = string[unknown]
        raise ValueError(
            f"character {unknown + 1}, {c!r} (U+{ord(c):04X}), is not one of the {len(alphabet)} that were learned"
        )
    return np.array([places[c] for c in string], dtype=np.intp)


def windows(string: str, starts: Sequence[int], T: int, alphabet: str) -> tuple[list[Matrix], list[Matrix]]:
    """Return (inputs, labels) for t = 1 to T: X×B, a column for each start; a label follows its input."""
    excerpts = np.stack([codes(string[start : start + T + 1], alphabet) for start in starts], axis=1)
    coded = [one_hot(now, len(alphabet), len(starts)) for now in excerpts]
    return coded[:-1], coded[1:]
