"""The derivatives of Vardhan's LSTM by hand, in NumPy alone, in the order of his sections 2.1.1 to 2.1.10.

Everything here is in his numerator layout, "row": the derivative of a p×q value is q×p, and dv stands for ∂J/∂v.  The B
columns of the values are examples, so the B rows of a derivative are; his Jacobians are applied row by row, and the
derivative of a bias is the sum of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Derivatives = dict[str, Matrix]


class Values(NamedTuple):
    """The values of one time step that the backward pass needs."""

    c_prev: Matrix
    a_prev: Matrix
    x: Matrix
    Gamma_f: Matrix
    Gamma_u: Matrix
    Gamma_o: Matrix
    c_tilde: Matrix
    c: Matrix
    a: Matrix


class Flows(NamedTuple):
    """What flows into ∂J/∂a, ∂J/∂c, ∂J/∂x of one time step and into ∂J/∂a of the one before: Comp-1, Comp-2, ..."""

    a: tuple[Matrix, ...]
    c: tuple[Matrix, ...]
    x: tuple[Matrix, ...]
    a_prev: tuple[Matrix, ...]


def _sigmoid(z: Matrix) -> Matrix:
    return 1 / (1 + np.exp(-z))


def forward(start: Mapping[str, Matrix], xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    c, a, steps = start["c"], start["a"], []
    for x in xs:
        z_f, z_u, z_o, z_c = (P[f"W_{g}a"].T @ a + P[f"W_{g}x"].T @ x + P[f"b_{g}"] for g in "fuoc")  # eq.1, 3, 5, 7
        Gamma_f, Gamma_u, Gamma_o, c_tilde = _sigmoid(z_f), _sigmoid(z_u), _sigmoid(z_o), np.tanh(z_c)  # eq.2, 4, 6, 8
        c_prev, a_prev = c, a
        c = Gamma_u * c_tilde + Gamma_f * c_prev  # eq.9
        a = np.tanh(c) * Gamma_o  # eq.10
        steps.append(Values(c_prev, a_prev, x, Gamma_f, Gamma_u, Gamma_o, c_tilde, c, a))
    return steps


def output(a: Matrix, y: Matrix, P: Mapping[str, Matrix]) -> Derivatives:
    """Return the derivatives of a time step's J = -Σ y ∘ log ŷ, by the names of eq.11, 12, J; "a" is Comp-2 of ∂J/∂a.

    The labels y may be any numbers: ∂J/∂z_y is (ŷ Σ_k y_k - y)ᵀ, and (ŷ - y)ᵀ only where they sum to 1.
    """
    z_y = P["W_ya"].T @ a + P["b_y"]  # eq.11
    exp = np.exp(z_y - z_y.max(axis=0))
    y_hat = exp / exp.sum(axis=0)  # eq.12
    de = np.ones((1, 1), y_hat.dtype)  # J is the sum of e = -total over t, and total = Σ ylog, ylog = y ∘ log ŷ
    dtotal = -de
    dylog = dtotal * np.ones_like(y.T)
    dy = dylog * np.log(y_hat).T
    dlog_y = dylog * y.T
    dy_hat = -(y / y_hat).T  # 2.1.1, where the sign is not printed
    dz_y = dy_hat * y_hat.T - (dy_hat * y_hat.T).sum(axis=1, keepdims=True) * y_hat.T  # 2.1.2: diag(ŷ) - ŷ ŷᵀ
    dW_ya = dz_y.T @ a.T
    dT_ya = a @ dz_y
    db_y = dz_y.sum(axis=0, keepdims=True)
    da = dz_y @ P["W_ya"].T  # 2.1.3, Comp-2
    d = {"e": de, "total": dtotal, "ylog": dylog, "y": dy, "log_y": dlog_y, "y_hat": dy_hat}
    return d | {"z_y": dz_y, "m_ya": dz_y, "W_ya": dW_ya, "T_ya": dT_ya, "b_y": db_y, "a": da}


def time_step(
    da_1: Matrix, da_2: Matrix, dc_1: Matrix, v: Values, P: Mapping[str, Matrix]
) -> tuple[Derivatives, Flows]:
    """Return every derivative of one time step, and its components, from Comp-1 and Comp-2 of ∂J/∂a and Comp-1 of
    ∂J/∂c.
    """
    c_prev, a_prev, x, Gamma_f, Gamma_u, Gamma_o, c_tilde, c, _ = v

    da = da_1 + da_2  # 2.1.3

    dGamma_o = da * np.tanh(c).T  # 2.1.4
    dtanh_c = da * Gamma_o.T
    dc_2 = da * (Gamma_o * (1 - np.tanh(c) ** 2)).T
    dc = dc_1 + dc_2

    dz_o = dGamma_o * (Gamma_o * (1 - Gamma_o)).T  # 2.1.5

    dGamma_u = dc * c_tilde.T  # 2.1.6
    dc_tilde = dc * Gamma_u.T
    dGamma_f = dc * c_prev.T
    dc_prev = dc * Gamma_f.T

    dz_u = dGamma_u * (Gamma_u * (1 - Gamma_u)).T  # 2.1.7
    dz_f = dGamma_f * (Gamma_f * (1 - Gamma_f)).T  # 2.1.8
    dz_c = dc_tilde * (1 - c_tilde**2).T  # 2.1.9: c_tilde is tanh(z_c)

    # 2.1.10, Comp-1 to Comp-4
    da_prev = (dz_o @ P["W_oa"].T, dz_c @ P["W_ca"].T, dz_u @ P["W_ua"].T, dz_f @ P["W_fa"].T)
    dx = (dz_o @ P["W_ox"].T, dz_c @ P["W_cx"].T, dz_u @ P["W_ux"].T, dz_f @ P["W_fx"].T)

    d = {"a": da, "tanh_c": dtanh_c, "c": dc, "uc": dc, "fc": dc}  # eq.9 is a sum: uc = Gamma_u ∘ c_tilde, fc the other
    d |= {"Gamma_f": dGamma_f, "Gamma_u": dGamma_u, "Gamma_o": dGamma_o, "c_tilde": dc_tilde}
    d |= {"c_prev": dc_prev, "a_prev": np.sum(da_prev, axis=0), "x": np.sum(dx, axis=0)}
    for g, dz in (("o", dz_o), ("u", dz_u), ("f", dz_f), ("c", dz_c)):  # 2.1.5, 2.1.7 to 2.1.9
        d |= {f"W_{g}a": dz.T @ a_prev.T, f"W_{g}x": dz.T @ x.T, f"b_{g}": dz.sum(axis=0, keepdims=True)}
        d |= {f"T_{g}a": a_prev @ dz, f"T_{g}x": x @ dz}  # T_ga is W_gaᵀ at this time step
        d |= {f"z_{g}": dz, f"s_{g}": dz, f"m_{g}a": dz, f"m_{g}x": dz}  # z_g = s_g + b_g, s_g = m_ga + m_gx
    return d, Flows((da_1, da_2), (dc_1, dc_2), dx, da_prev)


def walk(
    steps: Sequence[Values], P: Mapping[str, Matrix], da_2: Sequence[Matrix], dc_1: Matrix
) -> tuple[Derivatives, list[Flows]]:
    """Apply `time_step` for t = T to 1, from Comp-2 of every ∂J/∂a^(t) and Comp-1 of ∂J/∂c^(T); Comp-1 of ∂J/∂a^(T) is
    0.
    """
    total: Derivatives = {}
    flows: list[Flows] = []
    da_1 = np.zeros_like(da_2[-1])
    for t in range(len(steps), 0, -1):
        d, into = time_step(da_1, da_2[t - 1], dc_1, steps[t - 1], P)
        da_1, dc_1 = d.pop("a_prev"), d.pop("c_prev")
        _add(total, d, t, P)
        flows.insert(0, into)
    return total | {"c[0]": dc_1, "a[0]": da_1}, flows


def _add(total: Derivatives, d: Derivatives, t: int, P: Mapping[str, Matrix]) -> None:
    """Add derivatives: parameters are summed over t; every other value has a derivative of its own at each t."""
    for name, value in d.items():
        if name in P:
            total[name] = total.get(name, 0) + value
        else:
            total[f"{name}[{t}]"] = value


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Derivatives:
    """Return ∂J/∂(every value of eq.1-10), given Comp-2 of every ∂J/∂a^(t) (B×H) and in `last` Comp-1 of ∂J/∂c^(T)."""
    return walk(forward(start, xs, P), P, dhs, last["c"])[0]


def flows(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> list[Flows]:
    """Return the components of the derivatives for t = 1 to T, given what `derivatives` is given."""
    return walk(forward(start, xs, P), P, dhs, last["c"])[1]


def with_output(
    start: Mapping[str, Matrix], xs: Sequence[Matrix], P: Mapping[str, Matrix], ys: Sequence[Matrix]
) -> Derivatives:
    """Return ∂J/∂(every value of eq.1 to 12 and of J = -Σ_t Σ y^(t) ∘ log ŷ^(t), the labels too), given y^(t) (Y×B)."""
    steps = forward(start, xs, P)
    total: Derivatives = {}
    da_2 = []
    for t, (v, y) in enumerate(zip(steps, ys, strict=True), 1):
        d = output(v.a, y, P)
        da_2.append(d.pop("a"))
        _add(total, d, t, P)
    return total | walk(steps, P, da_2, np.zeros_like(da_2[-1]))[0]
