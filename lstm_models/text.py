"""Real English text for the LSTM, with nothing to download: the help topics that come with Python."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pydoc_data.topics import topics
from typing import Any

import numpy as np

from tinyad import log, softmax

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]


def text() -> str:
    """All topics in the order of their names, white space folded: some 450,000 characters, which differ by Python."""
    return " ".join(" ".join(topics[name] for name in sorted(topics)).split())


def fingerprint(string: str) -> str:
    """Twelve hexadecimal digits that tell which text it is."""
    return hashlib.sha256(string.encode()).hexdigest()[:12]


def one_hot(string: str, alphabet: str) -> Matrix:
    """len(alphabet)×len(string): column k has its 1 in the row of character k."""
    columns = np.zeros((len(alphabet), len(string)))
    columns[[alphabet.index(c) for c in string], np.arange(len(string))] = 1
    return columns


def windows(string: str, starts: Sequence[int], T: int, alphabet: str) -> tuple[list[Matrix], list[Matrix]]:
    """(inputs, labels) for t = 1 to T: X×B, one column for each start; a label is the character after its input."""
    at = [[string[s + t] for s in starts] for t in range(T + 1)]
    coded = [one_hot("".join(characters), alphabet) for characters in at]
    return coded[:-1], coded[1:]


def output_layer(h: Any, y: Any, W_yh: Any, b_y: Any) -> dict[str, Any]:
    """Softmax and cross-entropy for the labels y (X×B): e = -Σ y ∘ log softmax(W_yh h + b_y), 1×1."""
    u1 = W_yh @ h
    u2 = u1 + b_y
    y_hat = softmax(u2)
    u3 = log(y_hat)
    u4 = y * u3
    u5 = np.sum(u4)
    e = -u5
    return locals()


def output_parameters(H: int, X: int, rng: np.random.Generator) -> dict[str, Matrix]:
    """Random W_yh (X×H) and b_y (X×1)."""
    return {"W_yh": rng.standard_normal((X, H)) / np.sqrt(H), "b_y": 0.1 * rng.standard_normal((X, 1))}


def total(losses: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The sums of the e of the first two time steps, of the first three, ..., of all; of one time step its e."""
    sums = [losses[0]["e"]]
    for eqs in losses[1:]:
        sums.append(sums[-1] + eqs["e"])
    return sums[1:] or sums
