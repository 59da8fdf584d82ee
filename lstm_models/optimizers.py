"""How a parameter follows its derivative.  All update their arrays in place; n counts the updates from 1.

SGD with momentum: B. Polyak (1964).  RMSProp: T. Tieleman, G. Hinton, lecture 6.5 (2012).  Adam: D. Kingma, J. Ba
(2015); its weight decay apart from the derivative: I. Loshchilov, F. Hutter (2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from lstm_models.model import Matrix


def sgd(p: Matrix, d: Matrix, rate: float, n: int, m: Matrix, *, beta1: float = 0.9) -> None:
    m *= beta1
    m += d
    p -= rate * m


def rmsprop(p: Matrix, d: Matrix, rate: float, n: int, v: Matrix, *, beta2: float = 0.9, eps: float = 1e-8) -> None:
    v *= beta2
    v += (1 - beta2) * d * d
    p -= rate * d / (np.sqrt(v) + eps)


def adam(
    p: Matrix, d: Matrix, rate: float, n: int, m: Matrix, v: Matrix,
    *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> None:  # fmt: skip
    m *= beta1
    m += (1 - beta1) * d
    v *= beta2
    v += (1 - beta2) * d * d
    p -= rate / (1 - beta1**n) * m / (np.sqrt(v / (1 - beta2**n)) + eps)


class Optimizer(NamedTuple):
    """An update, the names of the arrays it keeps for each parameter, zeros at first, and its usual rate and decays.

    beta1: of the mean of the derivatives, the momentum; beta2: of the mean of their squares; eps: what its root is
    kept from 0 by.
    """

    update: Callable[..., None]
    keeps: tuple[str, ...]
    rate: float
    decays: Mapping[str, float]


OPTIMIZERS = {
    "sgd": Optimizer(sgd, ("m",), 0.1, {"beta1": 0.9}),
    "rmsprop": Optimizer(rmsprop, ("v",), 1e-3, {"beta2": 0.9, "eps": 1e-8}),
    "adam": Optimizer(adam, ("m", "v"), 3e-3, {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
}
DECAYS = ("beta1", "beta2", "eps")


def norm(d: Matrix) -> float:
    """Return the root of the sum of the squares of all entries."""
    d = d.astype(np.float64, copy=False)  # in float32 the squares of what is to be clipped can overflow
    return math.sqrt(np.vdot(d, d))
