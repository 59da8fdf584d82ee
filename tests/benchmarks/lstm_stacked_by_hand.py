"""An LSTM forward and back as fast as a careful hand makes it in NumPy: what a compiled tape is measured against.

The gates f, i, o and the candidate are blocks of rows of one matrix: one product with [h; x; 1], bias included, and for
peepholes one with C.  The derivatives of the parameters are one product over all time steps after the loop; a copy of
the weights, transposed, serves the backward pass; every result goes to a place that is made once, and so do the views.
Columns are examples, derivatives have the size of their variable.  NumPy only: no code is shared with tinyad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Gates = Sequence[tuple[str | None, str, str, str]]  # the names of W_C, W_h, W_x and b; f, i, o, candidate

SLIDES: Gates = (
    ("W_fC", "W_fh", "W_fx", "b_f"),
    ("W_iC", "W_ih", "W_ix", "b_i"),
    ("W_oC", "W_oh", "W_ox", "b_o"),
    (None, "W_Ch", "W_Cx", "b_C"),
)
STANDARD: Gates = tuple((None, f"R_{gate}", f"W_{gate}", f"b_{gate}") for gate in "fiog")


def side_by_side(a: Array) -> Array:
    """T matrices N×B as one, N×TB."""
    steps, rows, columns = a.shape
    return a.transpose(1, 0, 2).reshape(rows, steps * columns)


def stacked_by_hand(p: Any, gates: Gates, form: str, targets: Array | None = None) -> Callable[[], dict[str, Array]]:
    """`form` is "dx after the loop", of all time steps in one product; "dx in the loop", with that of h; or "slopes
    before the loop", in which the slopes of the gates are computed for all time steps at once.  With peepholes the
    candidate is a sigmoid as the gates, without a tanh.

    The derivatives are those of p.dC and p.dh at the last time step, or, with `targets`, T×H×B, of the sum of squares
    of h[t] - targets[t] over all time steps, which is "L" of the result.
    """
    (H, B), X, T, dtype = p.C.shape, p.xs[0].shape[0], len(p.xs), p.C.dtype
    peepholes = gates[0][0] is not None
    inputs_in_loop, slopes_before = form == "dx in the loop", form == "slopes before the loop"
    negative, exp, add, subtract, multiply = np.negative, np.exp, np.add, np.subtract, np.multiply
    reciprocal, tanh, dot = np.reciprocal, np.tanh, np.ndarray.dot

    def empty(*shape: int) -> Array:
        return np.empty(shape, dtype)

    blocks = [slice(k * H, (k + 1) * H) for k in range(4)]
    one = np.array(1, dtype)
    hx1, Cs, tanhs, G, dZ = (
        empty(T + 1, H + X + 1, B),
        empty(T + 1, H, B),
        empty(T, H, B),
        empty(T, 4 * H, B),
        empty(T, 4 * H, B),
    )
    hx1[:, -1] = 1
    W, W_C = empty(4 * H, H + X + 1), empty(3 * H, H)
    turned, turned_C = empty(H + X if inputs_in_loop else H, 4 * H), empty(H, 3 * H)
    z_C, s, s4, dC = empty(3 * H, B), empty(H, B), empty(4 * H, B), empty(H, B)
    d_in = empty(H + X if inputs_in_loop else H, B)
    dxs = empty(T, X, B)
    cut = 4 * H if peepholes else 3 * H
    slopes, slopes_C = (empty(T, 4 * H, B), empty(T, H, B)) if slopes_before else (dZ, tanhs)
    errors, dh_sum = tanhs if targets is None else empty(T, H, B), empty(H, B)

    forward = [
        (
            hx1[t],
            Cs[t],
            G[t],
            G[t, : 3 * H],
            G[t, :cut],
            G[t, cut:],
            *(G[t, b] for b in blocks),
            Cs[t + 1],
            tanhs[t],
            hx1[t + 1, :H],
        )
        for t in range(T)
    ]
    backward = [
        (Cs[t], tanhs[t], G[t, :cut], G[t, cut:], *(G[t, b] for b in blocks),
         dZ[t], dZ[t, :cut], dZ[t, cut:], dZ[t, : 3 * H], *(dZ[t, b] for b in blocks), dxs[t], errors[t],
         slopes[t], slopes_C[t])
        for t in reversed(range(T))
    ]  # fmt: skip

    def run() -> dict[str, Array]:
        for rows, (c, h, x, b) in zip(blocks, gates, strict=True):
            W[rows, :H], W[rows, H:-1], W[rows, -1:] = p.parameters[h], p.parameters[x], p.parameters[b]
            if c is not None:
                W_C[rows] = p.parameters[c]
        turned[...] = W[:, : len(turned)].T
        if peepholes:
            turned_C[...] = W_C.T
        hx1[0, :H], Cs[0] = p.h, p.C
        for place, x in zip(hx1[:, H:-1], p.xs, strict=False):
            place[...] = x
        for column, C, g, g3, sigmoids, candidate, f, i, o, c, C_new, tanh_C, h_new in forward:
            dot(W, column, g)
            if peepholes:
                dot(W_C, C, z_C)
                add(g3, z_C, g3)
            negative(sigmoids, sigmoids)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            reciprocal(sigmoids, sigmoids)
            if not peepholes:
                tanh(candidate, candidate)
            multiply(f, C, s)
            multiply(i, c, C_new)
            add(C_new, s, C_new)
            tanh(C_new, tanh_C)
            multiply(o, tanh_C, h_new)
        found: dict[str, Array] = {}
        if targets is None:
            dC[...], dh = p.dC.T, p.dh.T
        else:
            dC.fill(0)
            d_in.fill(0)
            dh = d_in[:H]
            subtract(hx1[1:, :H], targets, errors)
            found["L"] = np.vdot(errors, errors).reshape(1, 1)
            add(errors, errors, errors)
        if slopes_before:
            multiply(G, G, slopes)
            subtract(G[:, :cut], slopes[:, :cut], slopes[:, :cut])
            subtract(one, slopes[:, cut:], slopes[:, cut:])
            multiply(tanhs, tanhs, slopes_C)
            subtract(one, slopes_C, slopes_C)
            multiply(slopes_C, G[:, 2 * H : 3 * H], slopes_C)
        for (
            C, tanh_C, sigmoids, candidate, f, i, o, c, d, d_sigmoids, d_candidate, d3, df, di, do, dc, dx, e, slope,
            slope_C,
        ) in backward:  # fmt: skip
            if targets is not None:
                add(dh, e, dh_sum)
                dh = dh_sum
            if slopes_before:
                multiply(dh, slope_C, s)
            else:
                multiply(tanh_C, tanh_C, s)
                subtract(one, s, s)
                multiply(s, o, s)
                multiply(s, dh, s)
            add(dC, s, dC)
            multiply(dh, tanh_C, do)
            multiply(dC, C, df)
            multiply(dC, c, di)
            multiply(dC, i, dc)
            if slopes_before:
                multiply(d, slope, d)
            else:
                part = s4[:cut]
                multiply(d_sigmoids, sigmoids, d_sigmoids)
                subtract(one, sigmoids, part)
                multiply(d_sigmoids, part, d_sigmoids)
                if not peepholes:
                    multiply(candidate, candidate, s)
                    subtract(one, s, s)
                    multiply(d_candidate, s, d_candidate)
            multiply(dC, f, dC)
            dot(turned, d, d_in)
            dh = d_in[:H]
            if inputs_in_loop:
                dx[...] = d_in[H:]
            if peepholes:
                dot(turned_C, d3, s)
                add(dC, s, dC)
        d_wide = side_by_side(dZ)
        dW = dot(d_wide, side_by_side(hx1[:-1]).T)
        dW_C = dot(d_wide[: 3 * H], side_by_side(Cs[:-1]).T) if peepholes else W_C
        for rows, (c, h, x, b) in zip(blocks, gates, strict=True):
            found[h], found[x], found[b] = dW[rows, :H].T, dW[rows, H:-1].T, dW[rows, -1:].T
            if c is not None:
                found[c] = dW_C[rows].T
        if inputs_in_loop:
            d_inputs = dxs.copy()
        else:
            d_inputs = dot(np.ascontiguousarray(W[:, H:-1].T), d_wide).reshape(X, T, B).transpose(1, 0, 2)
        found |= {f"x[{t}]": dx.T for t, dx in enumerate(d_inputs, 1)}
        return found | {"C[0]": dC.T.copy(), "h[0]": dh.T.copy()}

    return run
