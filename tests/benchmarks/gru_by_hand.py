"""A GRU forward and back as fast as a careful hand makes it in NumPy, in two forms.

    r = σ(W_r x + R_r h + b_r)     q = R_n h + c_n             h' = n + z ∘ (h - n)
    z = σ(W_z x + R_z h + b_z)     n = tanh(W_n x + b_n + r ∘ q)

With a the arguments of σ and tanh, and d for the derivative of the result by what follows it:

    dn = dh' ∘ (1 - z)        da_n = dn ∘ (1 - n²)     dq = da_n ∘ r     da_r = da_n ∘ q ∘ r ∘ (1 - r)
    da_z = dh' ∘ (h - n) ∘ z ∘ (1 - z)                 dh = dh' ∘ z + R_rᵀ da_r + R_zᵀ da_z + R_nᵀ dq

The derivatives lie as blocks of rows da_n, da_r, da_z, dq: the first three go with x, the last three with h, so that
each is one product, in the loop and over all time steps.  Every result goes to a place that is made once, and so do the
views.  Columns are examples, derivatives have the size of their variable.  NumPy only: no code is shared with tinyad.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.lstm_stacked_by_hand import Array, side_by_side


def gru_by_hand(p: Any, few_calls: bool, targets: Array | None = None) -> Callable[[], dict[str, Array]]:
    """`few_calls`: one product a time step with [h; x; 1], with blocks of zeros, and the slopes of the gates for all
    time steps at once; else the product with x is done for all time steps before the loop, and slopes in it.

    The derivatives are those of p.dh at the last time step, or, with `targets`, T×H×B, of the sum of squares of
    h[t] - targets[t] over all time steps, which is "L" of the result.
    """
    (H, B), X, T, dtype = p.h.shape, p.xs[0].shape[0], len(p.xs), p.h.dtype
    negative, exp, add, subtract, multiply = np.negative, np.exp, np.add, np.subtract, np.multiply
    reciprocal, tanh, dot, matmul = np.reciprocal, np.tanh, np.ndarray.dot, np.matmul

    def empty(*shape: int) -> Array:
        return np.empty(shape, dtype)

    one, P = np.array(1, dtype), p.parameters
    n_block, r_block, z_block, q_block = (slice(k * H, (k + 1) * H) for k in range(4))
    hx1, x_part = empty(T + 1, H + X + 1, B), slice(H, H + X)
    hx1[:, -1] = 1
    h1 = empty(T + 1, H + 1, B)  # where the product with x is done before
    h1[:, -1] = 1
    hs = hx1[:, :H] if few_calls else h1[:, :H]
    W = np.zeros((4 * H, H + X + 1), dtype)  # blocks n without r ∘ q, r, z, q; columns h, x, 1
    W_x1, R = empty(3 * H, X + 1), np.zeros((3 * H, H + 1), dtype)
    A = empty(T, 4 * H, B)  # all that is computed of n, r, z, q
    products = slopes = empty(T, 3 * H, B)  # W_x1 [x; 1], or the slopes of the gates
    n, differences, d = empty(T, H, B), empty(T, H, B), empty(T, 4 * H, B)
    s, s2, kept = empty(H, B), empty(2 * H, B), empty(H, B)
    turned, dh_place, dh_sum, errors = (
        empty(H, 3 * H),
        empty(H, B),
        empty(H, B),
        n if targets is None else empty(T, H, B),
    )
    forward = [
        (hx1[t], h1[t], hs[t], A[t], A[t, H:], A[t, H : 3 * H], products[t, :H], products[t, H:], A[t, n_block],
         A[t, r_block], A[t, z_block], A[t, q_block], n[t], differences[t], hs[t + 1])
        for t in range(T)
    ]  # fmt: skip
    backward = [
        (A[t, H : 3 * H], A[t, r_block], A[t, z_block], A[t, q_block], n[t], differences[t], slopes[t, :H],
         slopes[t, H:], d[t, H:], d[t, H : 3 * H], d[t, n_block], d[t, r_block], d[t, z_block], d[t, q_block],
         errors[t])
        for t in reversed(range(T))
    ]  # fmt: skip

    def run() -> dict[str, Array]:
        for rows, gate in ((n_block, "n"), (r_block, "r"), (z_block, "z")):
            W[rows, x_part], W[rows, -1:] = P[f"W_{gate}"], P[f"b_{gate}"]
        for rows, gate in ((r_block, "r"), (z_block, "z"), (q_block, "n")):
            W[rows, :H] = P[f"R_{gate}"]
        W[q_block, -1:] = P["c_n"]
        turned[...] = W[H:, :H].T
        hs[0] = p.h
        for place, x in zip(hx1[:, x_part], p.xs, strict=False):
            place[...] = x
        if not few_calls:
            W_x1[...], R[:, :H], R[2 * H :, -1:] = W[: 3 * H, H:], W[H:, :H], P["c_n"]
            matmul(W_x1, hx1[:-1, H:], products)
        for column, h_one, h, a, rzq, rz, x_n, x_rz, n_x, r, z, q, n_t, difference, h_new in forward:
            if few_calls:
                dot(W, column, a)
            else:
                dot(R, h_one, rzq)
                add(rz, x_rz, rz)
                n_x = x_n
            negative(rz, rz)
            exp(rz, rz)
            add(rz, one, rz)
            reciprocal(rz, rz)
            multiply(r, q, s)
            add(s, n_x, s)
            tanh(s, n_t)
            subtract(h, n_t, difference)
            multiply(z, difference, s)
            add(n_t, s, h_new)
        found: dict[str, Array] = {}
        if targets is None:
            dh_place[...] = p.dh.T
        else:
            dh_place.fill(0)
            subtract(hs[1:], targets, errors)
            found["L"] = np.vdot(errors, errors).reshape(1, 1)
            add(errors, errors, errors)
        if few_calls:
            multiply(n, n, slopes[:, :H])
            multiply(A[:, H : 3 * H], A[:, H : 3 * H], slopes[:, H:])
            subtract(one, slopes[:, :H], slopes[:, :H])
            subtract(A[:, H : 3 * H], slopes[:, H:], slopes[:, H:])
        dh = dh_place
        for rz, r, z, q, n_t, difference, slope_n, slope_rz, d_h, d_rz, da_n, da_r, da_z, dq, e in backward:
            if targets is not None:
                dh = add(dh_place, e, dh_sum)
            multiply(dh, z, kept)
            subtract(dh, kept, da_n)
            if few_calls:
                multiply(da_n, slope_n, da_n)
            else:
                multiply(n_t, n_t, s)
                subtract(one, s, s)
                multiply(da_n, s, da_n)
            multiply(dh, difference, da_z)
            multiply(da_n, q, da_r)
            multiply(da_n, r, dq)
            if few_calls:
                multiply(d_rz, slope_rz, d_rz)
            else:
                multiply(d_rz, rz, d_rz)
                subtract(one, rz, s2)
                multiply(d_rz, s2, d_rz)
            dot(turned, d_h, dh_place)
            add(dh_place, kept, dh_place)
        wide = side_by_side(d)
        if few_calls:
            whole = dot(wide, side_by_side(hx1[:-1]).T)
            d_x1, d_h1, dc = whole[: 3 * H, H:], whole[H:, :H], whole[q_block, -1:]
        else:
            d_x1 = dot(wide[: 3 * H], side_by_side(hx1[:-1, H:]).T)
            d_h1 = dot(wide[H:], side_by_side(h1[:-1]).T)
            dc = d_h1[2 * H :, -1:]
        for k, gate in enumerate("nrz"):
            rows = slice(k * H, (k + 1) * H)
            found[f"W_{gate}"], found[f"b_{gate}"] = d_x1[rows, :X].T, d_x1[rows, X:].T
        for k, gate in enumerate("rzn"):
            found[f"R_{gate}"] = d_h1[k * H : (k + 1) * H, :H].T
        found["c_n"] = dc.T
        d_xs = dot(np.ascontiguousarray(W[: 3 * H, x_part].T), wide[: 3 * H]).reshape(X, T, B)
        found |= {f"x[{t}]": d_xs[:, t - 1].T for t in range(1, T + 1)}
        return found | {"h[0]": dh_place.T.copy()}

    return run
