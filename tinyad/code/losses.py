"""The losses that a backward pass may be meant for where the file computes none: squares and cross-entropies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tinyad.code.values import Array


class Loss(NamedTuple):
    """A loss of an output, in words and as a function; size: by what the sum over all entries is divided."""

    words: str
    of: Callable[[Array], float]
    size: int = 1


def usual_losses(output: Array, labels: Array) -> list[Loss]:
    """Return the usual losses of an output with labels of its shape or whole numbers for its rows, likeliest first."""
    targets = _targets(output, labels)
    if targets is None:
        return []
    return [
        Loss(words if size == 1 else f"{words} / {size}", _divided(total, size), size)
        for words, total in _totals(output, targets)
        for size in dict.fromkeys([max(output.shape, default=1), 1, *(n for n in output.shape if n > 1), output.size])
    ]


def supported(losses: Sequence[Loss], output: Array, derivatives: Iterable[Array]) -> list[int]:
    """Return which losses a backward pass may be meant for that sets these derivatives, by their places.

    The derivative for the output, or for what a usual activation makes it of, is a number of times one of them.  If
    that tells nothing, it may be any loss that is a sum, or a mean over one axis.
    """
    known = [d.ravel() for d in derivatives if d.size == output.size and np.any(d)]
    found = []
    for place, loss in enumerate(losses):
        slopes = _slopes(loss, output)
        variants = [slopes, slopes * output * (1 - output), slopes * (1 - output**2)]
        for axis in range(output.ndim):  # of a softmax
            variants.append(output * (slopes - np.sum(slopes * output, axis, keepdims=True)))
        if any(_proportional(v.ravel(), d) for v in variants for d in known):
            found.append(place)
    return found or [k for k, loss in enumerate(losses) if loss.size in (1, max(output.shape, default=1))]


def _slopes(loss: Loss, output: Array) -> Array:
    found = np.zeros(output.shape)
    for place in np.ndindex(*output.shape):
        step = np.zeros(output.shape)
        step[place] = 1e-5 * max(abs(float(output[place])), 1e-3)
        found[place] = (loss.of(output + step) - loss.of(output - step)) / (2 * step[place])
    return found


def _proportional(one: Array, other: Array) -> bool:
    ratio = float(one @ other) / float(other @ other)
    return bool(ratio) and bool(np.allclose(one, ratio * other, 1e-4, 1e-6 * float(np.max(np.abs(one)))))


def _targets(output: Array, labels: Array) -> Array | None:
    """Return labels in the shape of an output: 1 in the place of each whole number; None if they do not fit."""
    if labels.size == output.size:
        return labels.reshape(output.shape)
    if output.ndim == 2 and labels.ndim == 1 and len(labels) == len(output) and np.all(labels == labels.astype(int)):
        places = labels.astype(int)
        if np.all((places >= 0) & (places < output.shape[1])):
            found: Array = np.eye(output.shape[1])[places]
            return found
    return None


def _totals(output: Array, targets: Array) -> Iterator[tuple[str, Callable[[Array], float]]]:
    """Yield what the usual losses add up over all entries, in words and as functions."""
    between = bool(np.all((output > 0) & (output < 1)) and np.all((targets >= 0) & (targets <= 1)))
    shares = any(size > 1 and np.allclose(output.sum(axis), 1) for axis, size in enumerate(output.shape))
    if between and shares:
        yield "-sum(y * log(output))", lambda a: -float(np.sum(targets * np.log(a)))
    if between:
        yield (
            "-sum(y * log(output) + (1 - y) * log(1 - output))",
            lambda a: -float(np.sum(targets * np.log(a) + (1 - targets) * np.log(1 - a))),
        )
    yield "sum((output - y) ** 2) / 2", lambda a: float(np.sum((a - targets) ** 2)) / 2
    yield "sum((output - y) ** 2)", lambda a: float(np.sum((a - targets) ** 2))


def _divided(total: Callable[[Array], float], size: int) -> Callable[[Array], float]:
    return lambda output: total(output) / size
