"""The same derivative written out in NumPy, without a tape: the slides' lines, and what a careful hand makes of them.

NumPy only: no code is shared with tinyad or lstm_models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def inputs(dxs: list[Array]) -> dict[str, Array]:
    return {f"x[{t}]": dx for t, dx in enumerate(dxs, 1)}


# fmt: off
def slides_lines(p: Any) -> Callable[[], dict[str, Array]]:
    """31 + 31 lines, row layout: every derivative starts at zero, every line is a +=, every array is kept."""
    W_fC, W_fh, W_fx, b_f, W_iC, W_ih, W_ix, b_i, W_Ch, W_Cx, b_C, W_oC, W_oh, W_ox, b_o = p.parameters.values()
    (H, B), X, dtype = p.C.shape, p.xs[0].shape[0], p.C.dtype
    BH = B, H

    def zeros(*shape: int) -> Array:
        return np.zeros(shape, dtype)

    def sigmoid(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def run() -> dict[str, Array]:
        values: list[tuple[Array, ...]] = []
        kept: list[tuple[Array, ...]] = []
        C, h = p.C, p.h
        for x in p.xs:
            C_prev, h_prev = C, h
            z1  = W_fC @ C_prev                                         # 1
            z2  = W_fh @ h_prev                                         # 2
            z3  = z1 + z2                                               # 3
            z4  = W_fx @ x                                              # 4
            z5  = z3 + z4                                               # 5
            z6  = z5 + b_f                                              # 6
            f   = sigmoid(z6)                                           # 7
            z7  = W_iC @ C_prev                                         # 8
            z8  = W_ih @ h_prev                                         # 9
            z9  = z7 + z8                                               # 10
            z10 = W_ix @ x                                              # 11
            z11 = z9 + z10                                              # 12
            z12 = z11 + b_i                                             # 13
            i   = sigmoid(z12)                                          # 14
            z13 = W_Ch @ h_prev                                         # 15
            z14 = W_Cx @ x                                              # 16
            z15 = z13 + z14                                             # 17
            z16 = z15 + b_C                                             # 18
            C_tilde = sigmoid(z16)                                      # 19
            z17 = f * C_prev                                            # 20
            z18 = i * C_tilde                                           # 21
            C   = z17 + z18                                             # 22
            z19 = W_oC @ C_prev                                         # 23
            z20 = W_oh @ h_prev                                         # 24
            z21 = z19 + z20                                             # 25
            z22 = W_ox @ x                                              # 26
            z23 = z21 + z22                                             # 27
            z24 = z23 + b_o                                             # 28
            o   = sigmoid(z24)                                          # 29
            z25 = np.tanh(C)                                            # 30
            h   = o * z25                                               # 31
            values.append((C_prev, h_prev, x, z1, z2, z3, z4, z5, z6, f, z7, z8, z9, z10, z11, z12, i, z13, z14, z15,
                           z16, C_tilde, z17, z18, z19, z20, z21, z22, z23, z24, o, z25))

        dW_fC, dW_fh, dW_fx, db_f = zeros(H, H), zeros(H, H), zeros(X, H), zeros(1, H)
        dW_iC, dW_ih, dW_ix, db_i = zeros(H, H), zeros(H, H), zeros(X, H), zeros(1, H)
        dW_Ch, dW_Cx, db_C        =              zeros(H, H), zeros(X, H), zeros(1, H)
        dW_oC, dW_oh, dW_ox, db_o = zeros(H, H), zeros(H, H), zeros(X, H), zeros(1, H)
        dxs = []
        dC, dh = zeros(B, H), zeros(B, H)
        dC += p.dC
        dh += p.dh
        for (C_prev, h_prev, x, z1, z2, z3, z4, z5, z6, f, z7, z8, z9, z10, z11, z12, i, z13, z14,  # noqa: B007
             z15, z16, C_tilde, z17, z18, z19, z20, z21, z22, z23, z24, o, z25) in reversed(values):  # noqa: B007
            dz1, dz2, dz3, dz4, dz5, dz6, dz7, dz8, dz9, dz10 = [np.zeros(BH, dtype) for _ in range(10)]
            dz11, dz12, dz13, dz14, dz15, dz16, dz17, dz18, dz19, dz20 = [np.zeros(BH, dtype) for _ in range(10)]
            dz21, dz22, dz23, dz24, dz25 = [np.zeros(BH, dtype) for _ in range(5)]
            df, di, dC_tilde, do, dC_prev, dh_prev = [np.zeros(BH, dtype) for _ in range(6)]
            dx = zeros(B, X)
            do += dh * z25.T;               dz25 += dh * o.T                                # noqa: E702  31
            dC += dz25 * (1 - z25 * z25).T                                                  # 30
            dz24 += do * (o * (1 - o)).T                                                    # 29
            dz23 += dz24;                   db_o += dz24.sum(axis=0, keepdims=True)         # noqa: E702  28
            dz21 += dz23;                   dz22 += dz23                                    # noqa: E702  27
            dW_ox += x @ dz22;              dx += dz22 @ W_ox                               # noqa: E702  26
            dz19 += dz21;                   dz20 += dz21                                    # noqa: E702  25
            dW_oh += h_prev @ dz20;         dh_prev += dz20 @ W_oh                          # noqa: E702  24
            dW_oC += C_prev @ dz19;         dC_prev += dz19 @ W_oC                          # noqa: E702  23
            dz17 += dC;                     dz18 += dC                                      # noqa: E702  22
            di += dz18 * C_tilde.T;         dC_tilde += dz18 * i.T                          # noqa: E702  21
            df += dz17 * C_prev.T;          dC_prev += dz17 * f.T                           # noqa: E702  20
            dz16 += dC_tilde * (C_tilde * (1 - C_tilde)).T                                  # 19
            dz15 += dz16;                   db_C += dz16.sum(axis=0, keepdims=True)         # noqa: E702  18
            dz13 += dz15;                   dz14 += dz15                                    # noqa: E702  17
            dW_Cx += x @ dz14;              dx += dz14 @ W_Cx                               # noqa: E702  16
            dW_Ch += h_prev @ dz13;         dh_prev += dz13 @ W_Ch                          # noqa: E702  15
            dz12 += di * (i * (1 - i)).T                                                    # 14
            dz11 += dz12;                   db_i += dz12.sum(axis=0, keepdims=True)         # noqa: E702  13
            dz9 += dz11;                    dz10 += dz11                                    # noqa: E702  12
            dW_ix += x @ dz10;              dx += dz10 @ W_ix                               # noqa: E702  11
            dz7 += dz9;                     dz8 += dz9                                      # noqa: E702  10
            dW_ih += h_prev @ dz8;          dh_prev += dz8 @ W_ih                           # noqa: E702  9
            dW_iC += C_prev @ dz7;          dC_prev += dz7 @ W_iC                           # noqa: E702  8
            dz6 += df * (f * (1 - f)).T                                                     # 7
            dz5 += dz6;                     db_f += dz6.sum(axis=0, keepdims=True)          # noqa: E702  6
            dz3 += dz5;                     dz4 += dz5                                      # noqa: E702  5
            dW_fx += x @ dz4;               dx += dz4 @ W_fx                                # noqa: E702  4
            dz1 += dz3;                     dz2 += dz3                                      # noqa: E702  3
            dW_fh += h_prev @ dz2;          dh_prev += dz2 @ W_fh                           # noqa: E702  2
            dW_fC += C_prev @ dz1;          dC_prev += dz1 @ W_fC                           # noqa: E702  1
            kept.append((dz1, dz2, dz3, dz4, dz5, dz6, dz7, dz8, dz9, dz10, dz11, dz12, dz13, dz14, dz15, dz16, dz17,
                         dz18, dz19, dz20, dz21, dz22, dz23, dz24, dz25, df, di, dC_tilde, do, dC, dh))
            dxs.append(dx)
            dC, dh = dC_prev, dh_prev
        weights = (dW_fC, dW_fh, dW_fx, db_f, dW_iC, dW_ih, dW_ix, db_i, dW_Ch, dW_Cx, db_C, dW_oC, dW_oh, dW_ox, db_o)
        return dict(zip(p.parameters, weights, strict=True)) | {"C[0]": dC, "h[0]": dh} | inputs(dxs[::-1])

    return run
# fmt: on
