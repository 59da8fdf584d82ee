"""The derivatives of the LSTM in the slides' picture of the equations, by hand, in NumPy alone.

Everything here is in same-shape layout: dv has the size of v, columns are examples.  The columns of W_f, W_i and W_o
stand for [C; h; x] and those of W_C for [h; x], so Wᵀ dz has the derivatives of these parts under one another.  The
output gate looks at the new C: its part is one more path into dC, and has to be there before the other gates need dC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Derivatives = dict[str, Matrix]


class Values(NamedTuple):
    """The values of one time step that the backward pass needs."""

    C_prev: Matrix
    Chx: Matrix
    f: Matrix
    i: Matrix
    C_tilde: Matrix
    C: Matrix
    o: Matrix
    h: Matrix


def _sigmoid(z: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-z))


def forward(start: Mapping[str, Matrix], xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    C, h, steps = start["C"], start["h"], []
    for x in xs:
        C_prev, hx = C, np.vstack([h, x])
        Chx = np.vstack([C_prev, hx])
        f = _sigmoid(P["W_f"] @ Chx + P["b_f"])
        i = _sigmoid(P["W_i"] @ Chx + P["b_i"])
        C_tilde = np.tanh(P["W_C"] @ hx + P["b_C"])
        C = f * C_prev + i * C_tilde
        o = _sigmoid(P["W_o"] @ np.vstack([C, hx]) + P["b_o"])
        h = o * np.tanh(C)
        steps.append(Values(C_prev, Chx, f, i, C_tilde, C, o, h))
    return steps


def time_step(dC: Matrix, dh: Matrix, v: Values, P: Mapping[str, Matrix]) -> Derivatives:
    """Return every derivative of one time step, from dL/dh and the dL/dC that does not come from this time step."""
    C_prev, Chx, f, i, C_tilde, C, o, _ = v
    H = len(C)
    hx = Chx[H:]
    Chx_o = np.vstack([C, hx])
    tanh_C = np.tanh(C)

    do = dh * tanh_C
    dtanh_C = dh * o
    dz_o = do * o * (1 - o)
    dChx_o = P["W_o"].T @ dz_o
    dC = dC + dtanh_C * (1 - tanh_C**2) + dChx_o[:H]

    df, dC_prev = dC * C_prev, dC * f
    di, dC_tilde = dC * C_tilde, dC * i
    dz_f = df * f * (1 - f)
    dz_i = di * i * (1 - i)
    dz_C = dC_tilde * (1 - C_tilde**2)

    dChx = P["W_f"].T @ dz_f + P["W_i"].T @ dz_i
    dhx = P["W_C"].T @ dz_C + dChx[H:] + dChx_o[H:]
    dC_prev = dC_prev + dChx[:H]

    d = {"h": dh, "o": do, "tanh_C": dtanh_C, "C": dC, "fC": dC, "iC": dC, "f": df, "i": di, "C_tilde": dC_tilde}
    d |= {"Chx_o": dChx_o, "Chx": dChx, "hx": dhx, "C_prev": dC_prev, "h_prev": dhx[:H], "x": dhx[H:]}
    for gate, dz, column in (("f", dz_f, Chx), ("i", dz_i, Chx), ("C", dz_C, hx), ("o", dz_o, Chx_o)):
        d |= {f"z_{gate}": dz, f"Wz_{gate}": dz}
        d[f"W_{gate}"] = dz @ column.T
        d[f"b_{gate}"] = dz.sum(axis=1, keepdims=True)
    return d


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Derivatives:
    """Return dL/d(every value of the picture), given the part of each dL/dh_t from step t's own loss and dL/dC_T in
    `last`.
    """
    steps = forward(start, xs, P)
    total: Derivatives = {}
    dh, dC = np.zeros_like(dhs[-1]), last["C"]
    for t in range(len(steps), 0, -1):
        d = time_step(dC, dhs[t - 1] + dh, steps[t - 1], P)
        dC, dh = d.pop("C_prev"), d.pop("h_prev")
        for name, value in d.items():
            if name in P:  # the parameters are summed over t
                total[name] = total.get(name, 0) + value
            else:
                total[f"{name}[{t}]"] = value
    return total | {"C[0]": dC, "h[0]": dh}
