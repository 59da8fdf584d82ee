"""The derivatives of Sancho's LSTM by hand, in NumPy alone, as in his equations (14) to (25).

Everything here is in his layout, "same": δv has the size of v, columns are examples.  f_θ' is taken at a_θ, the
argument of f_θ, which he calls x^(t) like the input.  Terms of T + 1 are zero, but for what is handed in for c^(T).
δx, δh^(0) and δc^(0) are not in the document.  `stacked_derivatives` has R_θ and W_θ in one matrix (section 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Derivatives = dict[str, Matrix]
GATES = "fiog"


class Values(NamedTuple):
    """The values of one time step that the backward pass needs; `a` are the arguments of the gates."""

    c_prev: Matrix
    h_prev: Matrix
    x: Matrix
    a: dict[str, Matrix]
    c: Matrix
    h: Matrix


def _sigmoid(a: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-a))


def _dsigmoid(a: Matrix) -> Matrix:
    s = _sigmoid(a)
    ds: Matrix = s * (1 - s)
    return ds


def _dtanh(a: Matrix) -> Matrix:
    return 1 - np.tanh(a) ** 2


def _time_step(c_prev: Matrix, h_prev: Matrix, x: Matrix, a: dict[str, Matrix]) -> Values:
    c = np.tanh(a["g"]) * _sigmoid(a["i"]) + c_prev * _sigmoid(a["f"])  # (4), (2), (1), (5)
    h = _sigmoid(a["o"]) * np.tanh(c)  # (3), (6)
    return Values(c_prev, h_prev, x, a, c, h)


def forward(start: Mapping[str, Matrix], xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    c, h, steps = start["c"], start["h"], []
    for x in xs:
        v = _time_step(c, h, x, {q: P[f"W_{q}"] @ x + P[f"R_{q}"] @ h + P[f"b_{q}"] for q in GATES})
        c, h = v.c, v.h
        steps.append(v)
    return steps


def stacked_forward(start: Mapping[str, Matrix], xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    c, h, steps = start["c"], start["h"], []
    for x in xs:
        v = _time_step(c, h, x, {q: P[f"V_{q}"] @ np.vstack([h, x]) + P[f"b_{q}"] for q in GATES})
        c, h = v.c, v.h
        steps.append(v)
    return steps


def _gates(dh: Matrix, c_later: Matrix, v: Values) -> tuple[Derivatives, dict[str, Matrix]]:
    """Return δ of the states, of the gates θ and of their arguments, δa_θ = δθ ⊙ f_θ'(a_θ): no weights are needed.

    `c_later` is δc^(t+1) ⊙ f^(t+1).
    """
    f, i, o, g = _sigmoid(v.a["f"]), _sigmoid(v.a["i"]), _sigmoid(v.a["o"]), np.tanh(v.a["g"])
    dc = dh * o * _dtanh(v.c) + c_later  # (16)
    do = dh * np.tanh(v.c)  # (17)
    df = dc * v.c_prev  # (18)
    di = dc * g  # (19)
    dg = dc * i  # (20)
    da = {}
    da["f"] = df * _dsigmoid(v.a["f"])
    da["i"] = di * _dsigmoid(v.a["i"])
    da["o"] = do * _dsigmoid(v.a["o"])
    da["g"] = dg * _dtanh(v.a["g"])
    d = {"h": dh, "tanh_c": dh * o, "c": dc, "gi": dc, "cf": dc, "o": do, "f": df, "i": di, "g": dg}
    return d | {f"a_{q}": da[q] for q in GATES} | {"c_prev": dc * f}, da


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Derivatives:
    """Return δ of every value of (1) to (6), given the first term of each δh^(t) in (14), and δc^(T) without δh^(T)."""
    steps = forward(start, xs, P)
    total: Derivatives = {}
    h_later, c_later = np.zeros_like(dhs[-1]), last["c"]
    for t in range(len(steps), 0, -1):
        v = steps[t - 1]
        d, da = _gates(dhs[t - 1] + h_later, c_later, v)  # (14)
        c_later = d.pop("c_prev")
        h_later = np.sum([P[f"R_{q}"].T @ da[q] for q in GATES], axis=0)  # second term of (14), of t - 1
        d["x"] = np.sum([P[f"W_{q}"].T @ da[q] for q in GATES], axis=0)
        for q in GATES:
            d |= {f"s_{q}": da[q], f"Wx_{q}": da[q], f"Rh_{q}": da[q]}  # a_θ = s_θ + b_θ, s_θ = Wx_θ + Rh_θ
            d[f"W_{q}"] = da[q] @ v.x.T  # (23)
            d[f"R_{q}"] = da[q] @ v.h_prev.T  # (24)
            d[f"b_{q}"] = da[q].sum(axis=1, keepdims=True)  # (25)
        _add(total, d, t, P)
    return total | {"c[0]": c_later, "h[0]": h_later}


def stacked_derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Derivatives:
    """Return the same for a_θ = V_θ [h^(t-1); x^(t)] + b_θ: the first H rows of δhx are for h^(t-1), then x^(t)."""
    steps, H = stacked_forward(start, xs, P), len(start["h"])
    total: Derivatives = {}
    h_later, c_later = np.zeros_like(dhs[-1]), last["c"]
    for t in range(len(steps), 0, -1):
        v = steps[t - 1]
        d, da = _gates(dhs[t - 1] + h_later, c_later, v)
        c_later = d.pop("c_prev")
        dhx = np.sum([P[f"V_{q}"].T @ da[q] for q in GATES], axis=0)
        h_later, dx = dhx[:H], dhx[H:]
        d |= {"hx": dhx, "x": dx}
        for q in GATES:
            d[f"Vhx_{q}"] = da[q]
            d[f"V_{q}"] = da[q] @ np.vstack([v.h_prev, v.x]).T
            d[f"b_{q}"] = da[q].sum(axis=1, keepdims=True)
        _add(total, d, t, P)
    return total | {"c[0]": c_later, "h[0]": h_later}


def _add(total: Derivatives, d: Derivatives, t: int, P: Mapping[str, Matrix]) -> None:
    """Add derivatives: parameters are summed over t; every other value has a derivative of its own at each t."""
    for name, value in d.items():
        if name in P:
            total[name] = total.get(name, 0) + value
        else:
            total[f"{name}[{t}]"] = value


def output(
    hs: Sequence[Matrix], dys: Sequence[Matrix], P: Mapping[str, Matrix], dF: Callable[[Matrix], Matrix]
) -> tuple[list[Matrix], Derivatives]:
    """Return the first term of every δh^(t) in (14), and δ of the values of (7), from every δy^(t).

    F is any function of one number, applied to each component; `dF` is its derivative, as a function of the argument
    a_y = W_y h + b_y.
    """
    return _output(hs, dys, P, lambda a_y, dy: dy * dF(a_y))  # δy ⊙ dF/dx at a_y, (12)


def softmax_output(
    hs: Sequence[Matrix], dys: Sequence[Matrix], P: Mapping[str, Matrix]
) -> tuple[list[Matrix], Derivatives]:
    """Return the same for F = softmax, of which each component depends on all: δa_y = Jᵀ δy, J = diag(y) - y yᵀ."""

    def at_argument(a_y: Matrix, dy: Matrix) -> Matrix:
        e = np.exp(a_y - a_y.max(axis=0))
        y = e / e.sum(axis=0)
        da_y: Matrix = y * dy - y * (y * dy).sum(axis=0)
        return da_y

    return _output(hs, dys, P, at_argument)


def _output(
    hs: Sequence[Matrix],
    dys: Sequence[Matrix],
    P: Mapping[str, Matrix],
    at_argument: Callable[[Matrix, Matrix], Matrix],
) -> tuple[list[Matrix], Derivatives]:
    first_terms, total = [], Derivatives()
    for t, (h, dy) in enumerate(zip(hs, dys, strict=True), 1):
        da_y = at_argument(P["W_y"] @ h + P["b_y"], dy)
        first_terms.append(P["W_y"].T @ da_y)  # (12), (14)
        d = {"y": dy, "a_y": da_y, "Wh_y": da_y}
        d["W_y"] = da_y @ h.T  # (21)
        d["b_y"] = da_y.sum(axis=1, keepdims=True)  # (22)
        _add(total, d, t, P)
    return first_terms, total
