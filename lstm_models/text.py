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
    """Python's help topics in the order of their names, white space folded: some 450,000 characters, which differ by
    Python."""
    return " ".join(" ".join(topics[name] for name in sorted(topics)).split())


def read(path: Path) -> str:
    """A text file in UTF-8; ValueError says what else it is."""
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'no file'}; needed is a text file")
        string = path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        where = f"byte {byte:#04x} at offset {error.start}"
        raise ValueError(f"{path} is no UTF-8 text: {where}; convert it first") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; needed is a text file") from None
    if not string:
        raise ValueError(f"{path} is empty; needed is a text file")
    return string


def fingerprint(string: str) -> str:
    """Twelve hexadecimal digits that tell which text it is."""
    return hashlib.sha256(string.encode()).hexdigest()[:12]


def alphabet(string: str) -> str:
    """The characters of a text, each once, in order."""
    return "".join(sorted(set(string)))


def codes(string: str, alphabet: str) -> Matrix:
    """For each character its place in the alphabet; ValueError names a character that has none."""
    places = {c: k for k, c in enumerate(alphabet)}
    unknown = next((k for k, c in enumerate(string) if c not in places), None)
    if unknown is not None:
        c = string[unknown]
        raise ValueError(
            f"character {unknown + 1}, {c!r} (U+{ord(c):04X}), is not one of the {len(alphabet)} that were learned"
        )
    return np.array([places[c] for c in string], dtype=np.intp)


def windows(string: str, starts: Sequence[int], T: int, alphabet: str) -> tuple[list[Matrix], list[Matrix]]:
    """(inputs, labels) for t = 1 to T: X×B, one column for each start; a label is the character after its input."""
    excerpts = np.stack([codes(string[start : start + T + 1], alphabet) for start in starts], axis=1)
    coded = [one_hot(now, len(alphabet), len(starts)) for now in excerpts]
    return coded[:-1], coded[1:]
