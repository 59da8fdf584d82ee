"""How a parameter follows its derivative.  All update their arrays in place; n counts the updates from 1.

SGD with momentum: B. Polyak (1964).  RMSProp: T. Tieleman, G. Hinton, lecture 6.5 (2012).  Adam: D. Kingma, J. Ba
(2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_models.model import Matrix


def sgd(p: Matrix, d: Matrix, rate: float, n: int, m: Matrix) -> None:
    m *= 0.9
    m += d
    p -= rate * m


def rmsprop(p: Matrix, d: Matrix, rate: float, n: int, v: Matrix) -> None:
    v *= 0.9
    v += 0.1 * d * d
    p -= rate * d / (np.sqrt(v) + 1e-8)


def adam(p: Matrix, d: Matrix, rate: float, n: int, m: Matrix, v: Matrix) -> None:
    m *= 0.9
    m += 0.1 * d
    v *= 0.999
    v += 0.001 * d * d
    p -= rate / (1 - 0.9**n) * m / (np.sqrt(v / (1 - 0.999**n)) + 1e-8)


class Optimizer(NamedTuple):
    """An update, the names of the arrays it keeps for each parameter, zeros at first, and its usual rate."""

    update: Callable[..., None]
    keeps: tuple[str, ...]
    rate: float


OPTIMIZERS = {
    "sgd": Optimizer(sgd, ("m",), 0.1),
    "rmsprop": Optimizer(rmsprop, ("v",), 1e-3),
    "adam": Optimizer(adam, ("m", "v"), 3e-3),
}


def norm(d: Matrix) -> float:
    """Return the root of the sum of the squares of all entries."""
    d = d.astype(np.float64, copy=False)  # in float32 the squares of what is to be clipped can overflow
    return math.sqrt(np.vdot(d, d))
