"""The derivatives of the slides' LSTM by hand, in NumPy alone: gate by gate, without the 31 steps.

Everything here is in same-shape (denominator) layout: d has the size of its variable, columns are examples.  With a
gate g = s(a), a = W_gC C' + W_gh h_prev + W_gx x + b_g, and δg = dL/da:

    dL/dW_gC = δg C'ᵀ     dL/dW_gh = δg h_prevᵀ     dL/dW_gx = δg xᵀ     dL/db_g = the sum of δg over the examples
    dL/dC'  += W_gCᵀ δg   dL/dh_prev += W_ghᵀ δg    dL/dx += W_gxᵀ δg

C' is C_prev, but for the output gate of form="picture", where it is C.  The candidate has no W_CC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]


def _sigmoid(a: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-a))


def forward(C: Matrix, h: Matrix, xs: Sequence[Matrix], P: Mapping[str, Matrix], form: str) -> list[dict[str, Matrix]]:
    """Return what `backward` needs of each time step, from C = C_0 and h = h_0 (H×B), xs (X×B each), parameters P."""
    steps = []
    for x in xs:
        before = {"C_prev": C, "h_prev": h, "x": x}
        f = _sigmoid(P["W_fC"] @ C + P["W_fh"] @ h + P["W_fx"] @ x + P["b_f"])
        i = _sigmoid(P["W_iC"] @ C + P["W_ih"] @ h + P["W_ix"] @ x + P["b_i"])
        a = P["W_Ch"] @ h + P["W_Cx"] @ x + P["b_C"]
        C_tilde = _sigmoid(a) if form == "steps" else np.tanh(a)
        C_next = f * C + i * C_tilde
        o = _sigmoid(P["W_oC"] @ (C if form == "steps" else C_next) + P["W_oh"] @ h + P["W_ox"] @ x + P["b_o"])
        C, h = C_next, o * np.tanh(C_next)
        steps.append({**before, "f": f, "i": i, "C_tilde": C_tilde, "o": o, "C": C, "h": h})
    return steps


def cell_backward(
    dC: Matrix, dh: Matrix, v: Mapping[str, Matrix], P: Mapping[str, Matrix], form: str
) -> dict[str, Matrix]:
    """Return every derivative of one time step with the values `v`, from dL/dh and the dL/dC that does not come through
    h.

    The pre-activations are named as in the slides' steps: z6, z12, z16 and z24.
    """
    picture = form == "picture"
    f, i, o, C_tilde, C, C_prev = v["f"], v["i"], v["o"], v["C_tilde"], v["C"], v["C_prev"]
    tanh_C = np.tanh(C)
    do = dh * tanh_C
    z24 = do * o * (1 - o)
    dC = dC + dh * o * (1 - tanh_C**2) + (P["W_oC"].T @ z24 if picture else 0)
    df, di, dC_tilde = dC * C_prev, dC * C_tilde, dC * i
    z6 = df * f * (1 - f)
    z12 = di * i * (1 - i)
    z16 = dC_tilde * ((1 - C_tilde**2) if picture else C_tilde * (1 - C_tilde))
    d = {"h": dh, "C": dC, "o": do, "f": df, "i": di, "C_tilde": dC_tilde, "z24": z24, "z6": z6, "z12": z12, "z16": z16}
    d["C_prev"] = dC * f + P["W_fC"].T @ z6 + P["W_iC"].T @ z12 + (0 if picture else P["W_oC"].T @ z24)
    d["h_prev"] = P["W_fh"].T @ z6 + P["W_ih"].T @ z12 + P["W_Ch"].T @ z16 + P["W_oh"].T @ z24
    d["x"] = P["W_fx"].T @ z6 + P["W_ix"].T @ z12 + P["W_Cx"].T @ z16 + P["W_ox"].T @ z24
    for gate, delta in (("f", z6), ("i", z12), ("C", z16), ("o", z24)):
        if gate != "C":
            d[f"W_{gate}C"] = delta @ (C if gate == "o" and picture else C_prev).T
        d[f"W_{gate}h"] = delta @ v["h_prev"].T
        d[f"W_{gate}x"] = delta @ v["x"].T
        d[f"b_{gate}"] = delta.sum(axis=1, keepdims=True)
    return d


def backward(
    dC: Matrix,
    dhs: Sequence[Matrix],
    steps: Sequence[Mapping[str, Matrix]],
    P: Mapping[str, Matrix],
    form: str,
    first: int = 1,
) -> dict[str, Matrix]:
    """Apply `cell_backward` for t = T down to `first`, given dL/dC_T and the part of each dL/dh_t from step t's own
    loss.

    Returns the derivatives as W_fC, ..., b_o (summed over t), h[t], C[t], x[t], o[t], z24[t], ..., and of the state
    that the first of these steps starts from, C[first - 1] and h[first - 1].
    """
    total: dict[str, Matrix] = {}
    dh = np.zeros_like(dhs[-1])
    for t in range(len(steps), first - 1, -1):
        d = cell_backward(dC, dhs[t - 1] + dh, steps[t - 1], P, form)
        dC, dh = d.pop("C_prev"), d.pop("h_prev")
        for name, value in d.items():
            if name in P:
                total[name] = total.get(name, 0) + value
            else:
                total[f"{name}[{t}]"] = value
    return total | {f"C[{first - 1}]": dC, f"h[{first - 1}]": dh}


# fmt: off
COPIES = {  # sums hand their derivative on as it is: the slides' steps 2 to 6, 9 to 13, 16 to 18, 24 to 28 and 22
    "z6": "z1 z2 z3 z4 z5", "z12": "z7 z8 z9 z10 z11", "z16": "z13 z14 z15", "z24": "z19 z20 z21 z22 z23",
    "C": "z17 z18",
}
# fmt: on


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
    form: str = "steps",
) -> dict[str, Matrix]:
    """Return dL/d(every value of the 31 steps), given the part of each dL/dh_t from step t's own loss and dL/dC_T."""
    steps = forward(start["C"], start["h"], xs, P, form)
    d = backward(last["C"], dhs, steps, P, form)
    for t, v in enumerate(steps, 1):
        d[f"z25[{t}]"] = d[f"h[{t}]"] * v["o"]
        for name, copies in COPIES.items():
            d |= {f"{copy}[{t}]": d[f"{name}[{t}]"] for copy in copies.split()}
    return d


def output_backward(
    hs: Sequence[Matrix], labels: Sequence[Matrix], W: Matrix, b: Matrix
) -> tuple[list[Matrix], Matrix, Matrix]:
    """Return (dL/dh_t for every t, dL/dW, dL/db) of L = -Σ_t Σ y_t log softmax(W h_t + b), from dL/da_t = softmax(a_t)
    - y_t.

    That holds for labels whose columns sum to 1 (H. Vardhan, "LSTM: back-propagation derivation", section 2.1.2).
    """
    dhs, dW, db = [], np.zeros_like(W), np.zeros_like(b)
    for h, y in zip(hs, labels, strict=True):
        a = W @ h + b
        e = np.exp(a - a.max(axis=0))
        da = e / e.sum(axis=0) - y
        dhs.append(W.T @ da)
        dW += da @ h.T
        db += da.sum(axis=1, keepdims=True)
    return dhs, dW, db
