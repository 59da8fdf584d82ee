"""The derivatives of the LSTM with diagonal peepholes by hand, in NumPy alone.

Everything here is in same-shape layout, columns are examples.  With a gate g = s(a), a = W_g x + R_g h_prev + p_g ∘ C'
+ b_g, and δg = dL/da:

    dL/dW_g = δg xᵀ     dL/dR_g = δg h_prevᵀ     dL/dp_g, dL/db_g = the sum of δg ∘ C', of δg over the examples
    dL/dx += W_gᵀ δg    dL/dh_prev += R_gᵀ δg    dL/dC' += p_g ∘ δg

C' is c_prev for f and i, c for o; g has no p_g.  So dL/dc_t comes by four paths: h_t and o_t of the same time step,
and c_{t+1} and the gates f, i of the next one (F. Gers et al. 2002, without their truncation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Values = dict[str, Matrix]


def _sigmoid(a: Matrix) -> Matrix:
    below = a.real < 0  # exp of what is not positive cannot overflow
    e = np.exp(np.where(below, a, -a))
    s: Matrix = np.where(below, e, 1) / (1 + e)
    return s


def forward(c: Matrix, h: Matrix, xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    """Return what `cell_backward` needs of every time step, from c = c_0 (H×B), h = h_0 (H×B), xs (X×B each),
    parameters P.
    """
    steps = []
    for x in xs:
        before = {"c_prev": c, "h_prev": h, "x": x}
        f = _sigmoid(P["W_f"] @ x + P["R_f"] @ h + P["p_f"] * c + P["b_f"])
        i = _sigmoid(P["W_i"] @ x + P["R_i"] @ h + P["p_i"] * c + P["b_i"])
        g = np.tanh(P["W_g"] @ x + P["R_g"] @ h + P["b_g"])
        c = g * i + c * f
        o = _sigmoid(P["W_o"] @ x + P["R_o"] @ h + P["p_o"] * c + P["b_o"])
        h = o * np.tanh(c)
        steps.append({**before, "f": f, "i": i, "g": g, "o": o, "c": c})
    return steps


def cell_backward(dc: Matrix, dh: Matrix, v: Mapping[str, Matrix], P: Mapping[str, Matrix]) -> Values:
    """Return every derivative of one time step with the values `v`, from dL/dh and the dL/dc that does not come through
    h.
    """
    c_prev, f, i, g, o, c = v["c_prev"], v["f"], v["i"], v["g"], v["o"], v["c"]
    tanh_c = np.tanh(c)
    do, dtanh_c = dh * tanh_c, dh * o
    a_o = do * o * (1 - o)
    dc = dc + dtanh_c * (1 - tanh_c**2) + P["p_o"] * a_o
    df, di, dg = dc * c_prev, dc * g, dc * i
    a_f = df * f * (1 - f)
    a_i = di * i * (1 - i)
    a_g = dg * (1 - g**2)
    d = {"h": dh, "tanh_c": dtanh_c, "c": dc, "f": df, "i": di, "g": dg, "o": do}
    for gate, delta in (("f", a_f), ("i", a_i), ("o", a_o), ("g", a_g)):
        d[f"a_{gate}"] = delta
        d[f"W_{gate}"] = delta @ v["x"].T
        d[f"R_{gate}"] = delta @ v["h_prev"].T
        d[f"b_{gate}"] = delta.sum(axis=1, keepdims=True)
    d["p_f"] = (a_f * c_prev).sum(axis=1, keepdims=True)
    d["p_i"] = (a_i * c_prev).sum(axis=1, keepdims=True)
    d["p_o"] = (a_o * c).sum(axis=1, keepdims=True)
    d["x"] = P["W_f"].T @ a_f + P["W_i"].T @ a_i + P["W_o"].T @ a_o + P["W_g"].T @ a_g
    d["h_prev"] = P["R_f"].T @ a_f + P["R_i"].T @ a_i + P["R_o"].T @ a_o + P["R_g"].T @ a_g
    d["c_prev"] = dc * f + P["p_f"] * a_f + P["p_i"] * a_i
    return d


COPIES = {"c": "gi cf", "a_g": "s_g Wx_g Rh_g"}  # sums hand their derivative on as it is
COPIES |= {f"a_{gate}": f"q_{gate} pc_{gate} s_{gate} Wx_{gate} Rh_{gate}" for gate in "fio"}


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Values:
    """Return dL/d(every value), given the part of each dL/dh_t from step t's own loss and in `last` dL/dc_T without
    h_T's.
    """
    total: Values = {}
    steps = forward(start["c"], start["h"], xs, P)
    dc, dh = last["c"], np.zeros_like(dhs[-1])
    for t in range(len(steps), 0, -1):
        d = cell_backward(dc, dhs[t - 1] + dh, steps[t - 1], P)
        dc, dh = d.pop("c_prev"), d.pop("h_prev")
        for name, value in d.items():
            if name in P:
                total[name] = total.get(name, 0) + value
            else:
                total[f"{name}[{t}]"] = value
                total |= {f"{copy}[{t}]": value for copy in COPIES.get(name, "").split()}
    return total | {"c[0]": dc, "h[0]": dh}
