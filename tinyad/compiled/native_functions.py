"""Functions of one number for machine code, without branches, so that a compiler computes several numbers at once.

e^x = 2^k e^r with k a whole number and |r| <= ln 2 / 2, where e^r - 1 is its Taylor polynomial, for float64 of degree
13, for float32 of degree 7, each with a remainder below rounding.  tanh x = m / (m + 2) with m = e^(2x) - 1, in which
no digits are lost near 0.  Both are right to 4 units in the last place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

compiled = njit(error_model="numpy", fastmath={"contract"})


def kept(function: Any) -> Any:
    """Return a function compiled, its machine code beside its file; where none can be written, in memory alone.

    Sums may be formed in another order, several terms at once.
    """
    options = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}, "nogil": True}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


LOG2_E = 1 / math.log(2)
HIGH_64, LOW_64 = (
    0.6931471803691238,
    1.9082149292705877e-10,
)  # ln 2, the first with zeros at its end: k times it is exact
HIGH_32, LOW_32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOG2_E_32, HALF_32 = np.float32(LOG2_E), np.float32(0.5)
ONE_32, TWO_32 = np.float32(1), np.float32(2)
C = [1 / math.factorial(n) for n in range(14)]
C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13 = C[2:]
D2, D3, D4, D5, D6, D7 = map(np.float32, C[2:8])
LEAST_64, MOST_64 = -708.0, 709.0  # where e^x is neither 0 nor infinite
LEAST_32, MOST_32 = np.float32(-87), np.float32(88)


@intrinsic  # type: ignore[untyped-decorator]
def _float64_of_bits(context: Any, bits: Any) -> Any:
    return types.float64(types.int64), lambda _, builder, __, given: builder.bitcast(given[0], ir.DoubleType())


@intrinsic  # type: ignore[untyped-decorator]
def _float32_of_bits(context: Any, bits: Any) -> Any:
    return types.float32(types.int32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@compiled  # type: ignore[untyped-decorator]
def parts_float64(x: Any) -> Any:
    """Return 2^k and e^r - 1."""
    k = np.floor(x * LOG2_E + 0.5)
    r = (x - k * HIGH_64) - k * LOW_64
    p = ((((((C13 * r + C12) * r + C11) * r + C10) * r + C9) * r + C8) * r + C7) * r + C6
    p = (((p * r + C5) * r + C4) * r + C3) * r + C2
    return _float64_of_bits((np.int64(k) + 1023) << 52), p * r * r + r


@compiled  # type: ignore[untyped-decorator]
def parts_float32(x: Any) -> Any:
    """Return 2^k and e^r - 1."""
    k = np.floor(x * LOG2_E_32 + HALF_32)
    r = (x - k * HIGH_32) - k * LOW_32
    p = ((((D7 * r + D6) * r + D5) * r + D4) * r + D3) * r + D2
    return _float32_of_bits((np.int32(k) + np.int32(127)) << np.int32(23)), p * r * r + r


@compiled  # type: ignore[untyped-decorator]
def exp_float64(x: Any) -> Any:
    """Return e^x, to 0 below -708 and to infinity above 709."""
    scale, p = parts_float64(min(max(x, LEAST_64), MOST_64))
    inside = scale * p + scale
    return (np.inf if x > MOST_64 else 0.0 if x < LEAST_64 else inside) if x == x else x  # NaN


@compiled  # type: ignore[untyped-decorator]
def exp_float32(x: Any) -> Any:
    """Return e^x, to 0 below -87 and to infinity above 88."""
    scale, p = parts_float32(min(max(x, LEAST_32), MOST_32))
    inside = scale * p + scale
    beyond = np.float32(np.inf) if x > MOST_32 else np.float32(0)
    return (inside if LEAST_32 <= x <= MOST_32 else beyond) if x == x else x  # NaN


@compiled  # type: ignore[untyped-decorator]
def sigmoid_float64(x: Any) -> Any:
    """Return 1 / (1 + e^-x)."""
    return 1.0 / (1.0 + exp_float64(-x))


@compiled  # type: ignore[untyped-decorator]
def sigmoid_float32(x: Any) -> Any:
    """Return 1 / (1 + e^-x)."""
    return ONE_32 / (ONE_32 + exp_float32(-x))


@compiled  # type: ignore[untyped-decorator]
def tanh_float64(x: Any) -> Any:
    """Return tanh x, which is ±1 to rounding beyond ±20."""
    scale, p = parts_float64(2.0 * min(max(x, -20.0), 20.0))
    m = scale * p + (scale - 1.0)
    return m / (m + 2.0) if x == x else x  # NaN


@compiled  # type: ignore[untyped-decorator]
def tanh_float32(x: Any) -> Any:
    """Return tanh x, which is ±1 to rounding beyond ±10."""
    scale, p = parts_float32(TWO_32 * min(max(x, np.float32(-10)), np.float32(10)))
    m = scale * p + (scale - ONE_32)
    return m / (m + TWO_32) if x == x else x  # NaN
