"""The derivatives of the GRU, in its four forms, and of the plain RNN by hand, in NumPy alone.

Everything here is in same-shape layout, columns are examples.  With a gate g = s(a_g) and δg = dL/da_g:

    dL/dW_g = δg xᵀ     dL/db_g = the sum of δg over the examples     dL/dx += W_gᵀ δg

r and z, where a_g = W_g x + R_g h_prev + b_g:

    dL/dR_g = δg h_prevᵀ     dL/dh_prev += R_gᵀ δg

n, with reset="before" (K. Cho et al. 2014), where a_n = W_n x + R_n q + b_n and q = r ∘ h_prev:

    dL/dR_n = δn qᵀ     dL/dq = R_nᵀ δn     dL/dr = dL/dq ∘ h_prev     dL/dh_prev += dL/dq ∘ r

n, with reset="after" (cuDNN, torch), where a_n = W_n x + r ∘ q + b_n and q = R_n h_prev + c_n:

    dL/dr = δn ∘ q     dL/dq = δn ∘ r     dL/dR_n = dL/dq h_prevᵀ     dL/dh_prev += R_nᵀ dL/dq     dL/dc_n as of b_n

update="keeps" is h = z ∘ h_prev + (1 - z) ∘ n (Cho, torch), update="takes" is h = (1 - z) ∘ h_prev + z ∘ n (J. Chung
et al. 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Values = dict[str, Matrix]


def check_form(reset: str, update: str) -> None:
    if reset not in ("after", "before") or update not in ("keeps", "takes"):
        raise ValueError(
            f"reset={reset!r}, update={update!r}: reset is 'after' or 'before' the product, update 'keeps' or 'takes'"
        )


def _sigmoid(a: Matrix) -> Matrix:
    below = a.real < 0  # exp of what is not positive cannot overflow
    e = np.exp(np.where(below, a, -a))
    s: Matrix = np.where(below, e, 1) / (1 + e)
    return s


def forward(h: Matrix, xs: Sequence[Matrix], P: Mapping[str, Matrix], reset: str, update: str) -> list[Values]:
    """Return what `cell_backward` needs of every time step, from h = h_0 (H×B), xs (X×B each), parameters P."""
    check_form(reset, update)
    steps = []
    for x in xs:
        r = _sigmoid(P["W_r"] @ x + P["R_r"] @ h + P["b_r"])
        z = _sigmoid(P["W_z"] @ x + P["R_z"] @ h + P["b_z"])
        q = P["R_n"] @ h + P["c_n"] if reset == "after" else r * h
        n = np.tanh(P["W_n"] @ x + (r * q if reset == "after" else P["R_n"] @ q) + P["b_n"])
        steps.append({"h_prev": h, "x": x, "r": r, "z": z, "q": q, "n": n})
        h = z * h + (1 - z) * n if update == "keeps" else (1 - z) * h + z * n
    return steps


def cell_backward(dh: Matrix, v: Mapping[str, Matrix], P: Mapping[str, Matrix], reset: str, update: str) -> Values:
    """Return every derivative of one time step with the values `v`, from dL/dh; q_n and rh_n are the q of the two
    resets.
    """
    h_prev, r, z, q, n = v["h_prev"], v["r"], v["z"], v["q"], v["n"]
    d = {"h": dh}
    if update == "keeps":
        d["rest"] = dh * n
        dz = dh * h_prev - d["rest"]
        dn = dh * (1 - z)
        dh_prev = dh * z
    else:
        d["rest"] = dh * h_prev
        dz = dh * n - d["rest"]
        dn = dh * z
        dh_prev = dh * (1 - z)
    a_n = dn * (1 - n**2)
    if reset == "after":
        dr = a_n * q
        dq = a_n * r
        d |= {"q_n": dq, "c_n": _over_examples(dq)}
        d["R_n"] = dq @ h_prev.T
        dh_prev = dh_prev + P["R_n"].T @ dq
    else:
        dq = P["R_n"].T @ a_n
        dr = dq * h_prev
        d["rh_n"] = dq
        d["R_n"] = a_n @ q.T
        dh_prev = dh_prev + dq * r
    a_r = dr * r * (1 - r)
    a_z = dz * z * (1 - z)
    d |= {"n": dn, "r": dr, "z": dz, "a_n": a_n, "a_r": a_r, "a_z": a_z}
    d["R_r"] = a_r @ h_prev.T
    d["R_z"] = a_z @ h_prev.T
    for gate, delta in (("r", a_r), ("z", a_z), ("n", a_n)):
        d[f"W_{gate}"] = delta @ v["x"].T
        d[f"b_{gate}"] = _over_examples(delta)
    d["x"] = P["W_r"].T @ a_r + P["W_z"].T @ a_z + P["W_n"].T @ a_n
    d["h_prev"] = dh_prev + P["R_r"].T @ a_r + P["R_z"].T @ a_z
    return d


def _over_examples(delta: Matrix) -> Matrix:
    total: Matrix = delta.sum(axis=1, keepdims=True)
    return total


def _over_time(
    step: Callable[[Matrix, Values], Values], dhs: Sequence[Matrix], steps: Sequence[Values], P: Mapping[str, Matrix]
) -> Values:
    """Apply `step` for t = T to 1: the derivatives as x[t], h[t], ..., h[0], and of the parameters summed over t."""
    total: Values = {}
    dh = np.zeros_like(dhs[-1])
    for t in range(len(steps), 0, -1):
        d = step(dhs[t - 1] + dh, steps[t - 1])
        dh = d.pop("h_prev")
        for name, value in d.items():
            if name in P:
                total[name] = total.get(name, 0) + value
            else:
                total[f"{name}[{t}]"] = value
    return total | {"h[0]": dh}


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
    reset: str = "after",
    update: str = "keeps",
) -> Values:
    """Return dL/d(every value of the GRU), given the part of each dL/dh_t from step t's own loss; `last` is empty."""
    steps = forward(start["h"], xs, P, reset, update)
    d = _over_time(lambda dh, v: cell_backward(dh, v, P, reset, update), dhs, steps, P)
    # sums hand their derivative on as it is
    copies = {"h": "kept taken", "a_r": "s_r Wx_r Rh_r", "a_z": "s_z Wx_z Rh_z"}
    copies |= {"a_n": "s_n Wx_n rq_n", "q_n": "Rh_n"} if reset == "after" else {"a_n": "s_n Wx_n Rh_n"}
    for t in range(1, len(xs) + 1):
        for name, others in copies.items():
            d |= {f"{other}[{t}]": d[f"{name}[{t}]"] for other in others.split()}
    return d


def rnn_forward(h: Matrix, xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    steps = []
    for x in xs:
        h_prev, h = h, np.tanh(P["W"] @ x + P["R"] @ h + P["b"])
        steps.append({"h_prev": h_prev, "x": x, "h": h})
    return steps


def rnn_backward(dh: Matrix, v: Mapping[str, Matrix], P: Mapping[str, Matrix]) -> Values:
    a = dh * (1 - v["h"] ** 2)
    d = {"h": dh, "a": a, "s": a, "Wx": a, "Rh": a, "W": a @ v["x"].T, "R": a @ v["h_prev"].T, "b": _over_examples(a)}
    return d | {"x": P["W"].T @ a, "h_prev": P["R"].T @ a}


def rnn_derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Values:
    """Return dL/d(every value of the RNN h = tanh(W x + R h_prev + b)); `last` is empty."""
    return _over_time(lambda dh, v: rnn_backward(dh, v, P), dhs, rnn_forward(start["h"], xs, P), P)
