"""The same derivative by a careful hand, in NumPy without a tape: only what is needed is computed and kept.

Derivatives have the size of their variable (D = dz.T).  First contributions are assigned, sums pass theirs on
uncopied, and buffers are used again.  Gates are not stacked, and no product waits until the end: it is the same
arithmetic as the tape's.  NumPy only: no code is shared with tinyad or lstm_models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def sigmoid_in_place(z: Array) -> Array:
    np.negative(z, z)
    np.exp(z, z)
    z += 1
    return np.reciprocal(z, z)


# fmt: off
def by_hand(p: Any, dot: Callable[[Array, Array], Array]) -> Callable[[], dict[str, Array]]:
    """`dot` is the product: operator.matmul, which is @, or np.ndarray.dot."""
    W_fC, W_fh, W_fx, b_f, W_iC, W_ih, W_ix, b_i, W_Ch, W_Cx, b_C, W_oC, W_oh, W_ox, b_o = p.parameters.values()
    sigmoid = sigmoid_in_place

    def run() -> dict[str, Array]:
        kept = []
        C, h = p.C, p.h
        for x in p.xs:
            C_prev, h_prev = C, h
            f = dot(W_fC, C_prev); f += dot(W_fh, h_prev); f += dot(W_fx, x); f += b_f; sigmoid(f)      # noqa: E702
            i = dot(W_iC, C_prev); i += dot(W_ih, h_prev); i += dot(W_ix, x); i += b_i; sigmoid(i)      # noqa: E702
            o = dot(W_oC, C_prev); o += dot(W_oh, h_prev); o += dot(W_ox, x); o += b_o; sigmoid(o)      # noqa: E702
            c = dot(W_Ch, h_prev); c += dot(W_Cx, x); c += b_C; sigmoid(c)                              # noqa: E702
            C = f * C_prev
            C += i * c
            z = np.tanh(C)
            h = o * z
            kept.append((C_prev, h_prev, x, f, i, o, c, z))

        d = None
        dxs = []
        dC, dh = np.ascontiguousarray(p.dC.T), np.ascontiguousarray(p.dh.T)
        ones = np.ones((dC.shape[1], 1), dC.dtype)
        for C_prev, h_prev, x, f, i, o, c, z in reversed(kept):
            # The derivatives for C, and for what goes into the four sigmoids
            t = z * z
            np.subtract(1, t, t)
            t *= dh
            t *= o
            t += dC
            dC = t
            do = (1 - o); do *= o; do *= z; do *= dh                                                    # noqa: E702
            di = (1 - i); di *= i; di *= c; di *= dC                                                    # noqa: E702
            dc = (1 - c); dc *= c; dc *= i; dc *= dC                                                    # noqa: E702
            df = (1 - f); df *= f; df *= C_prev; df *= dC                                               # noqa: E702
            Cr, hr, xr = C_prev.T, h_prev.T, x.T
            products = (
                (df, Cr), (df, hr), (df, xr), (df, ones), (di, Cr), (di, hr), (di, xr), (di, ones),
                (dc, hr), (dc, xr), (dc, ones), (do, Cr), (do, hr), (do, xr), (do, ones),
            )
            if d is None:
                d = [dot(dz, v) for dz, v in products]
            else:
                for total, (dz, v) in zip(d, products, strict=True):
                    total += dot(dz, v)
            dC *= f
            dC += dot(W_fC.T, df); dC += dot(W_iC.T, di); dC += dot(W_oC.T, do)                         # noqa: E702
            dh = dot(W_fh.T, df); dh += dot(W_ih.T, di); dh += dot(W_Ch.T, dc); dh += dot(W_oh.T, do)   # noqa: E702
            dx = dot(W_fx.T, df); dx += dot(W_ix.T, di); dx += dot(W_Cx.T, dc); dx += dot(W_ox.T, do)   # noqa: E702
            dxs.append(dx.T)
        result = dict(zip(p.parameters, (total.T for total in d or ()), strict=True))
        result |= {f"x[{t}]": dx for t, dx in enumerate(reversed(dxs), 1)}
        return result | {"C[0]": dC.T, "h[0]": dh.T}

    return run
# fmt: on
