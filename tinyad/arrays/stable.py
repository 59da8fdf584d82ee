"""Functions that NumPy has no stable form of; they take complex numbers, as the complex step needs."""

from __future__ import annotations

import math

import numpy as np

from tinyad.arrays.matrix import Array


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + e^-x), which keeps the lower tail; where e^-x could overflow, e^x/(1 + e^x)."""
    if x.size and x.item(x.argmin()).real > -80:
        e = np.exp(-x)
        e += 1.0
        return np.reciprocal(e)
    negative = x.real < 0
    e = np.exp(np.where(negative, x, -x))
    result: Array = np.where(negative, e, 1) / (1 + e)
    return result


def softmax(x: Array, axis: int = 0) -> Array:
    """Return e^x over its sum along `axis`; subtracting the largest entry first cancels, and nothing overflows."""
    e = np.exp(x - x.real.max(axis=axis, keepdims=True, initial=-np.inf))
    result: Array = e / e.sum(axis=axis, keepdims=True)
    return result


def softmax_rows(x: Array) -> Array:
    """Return the softmax of each row."""
    return softmax(x, -1)


def log_softmax(x: Array) -> Array:
    """Return log softmax(x), each column of its own; finite where softmax is 0 to rounding."""
    below = x - x.real.max(axis=0, keepdims=True, initial=-np.inf)
    result: Array = below - np.log(np.exp(below).sum(axis=0, keepdims=True))
    return result


def softplus(x: Array) -> Array:
    """Return log(1 + e^x), which overflows nowhere and keeps the lower tail."""
    positive = x.real > 0
    result: Array = np.where(positive, x, 0) + np.log1p(np.exp(np.where(positive, -x, x)))
    return result.astype(x.dtype, copy=False)


def erf(x: Array) -> Array:
    """Return 2/√π ∫₀ˣ e^(-t²) dt, by the C library; complex numbers by series and fraction (DLMF 7.6.2, 7.9.1)."""
    if x.dtype.kind != "c":
        return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), x.dtype)
    far = np.abs(x.real) > 2  # where the derivative of the series, taken by a complex step, would cancel
    near, away = np.where(far, 0, x), np.where(far, x, 3)
    term = total = 2 * near
    for n in range(1, 60):
        term = term * 2 * near**2 / (2 * n + 1)
        total = total + term
    fraction = away
    for n in range(120, 0, -1):
        fraction = away + n / 2 / fraction
    outside = np.sign(away.real) - np.exp(-(away**2)) / (fraction * math.sqrt(math.pi))
    result: Array = np.where(far, outside, np.exp(-(near**2)) * total / math.sqrt(math.pi))
    return result.astype(x.dtype, copy=False)
