"""An LSTM over sequences of other lengths, forward and back, as fast as a careful hand makes it in NumPy, in two forms.

An example that has ended keeps its states: with the mask m, 1 where it goes on, S' = m ∘ S_new + (1 - m) ∘ S for
S = [C; h].  So m ∘ dS' goes into the cell and (1 - m) ∘ dS' past it, for both states in one call, as they lie one below
the other, [C; h; x; 1].  The cell is that of `lstm_stacked_by_hand`: f, i, o and the tanh candidate as blocks of rows,
parameters' derivatives as one product after the loop.  NumPy only: no code is shared with tinyad.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks.lstm_stacked_by_hand import Array, side_by_side


def lengths_by_hand(
    p: Any, lengths: Array, few_calls: bool, targets: Array | None = None
) -> Callable[[], dict[str, Array]]:
    """`few_calls`: the slopes of the gates for all time steps at once, before the loop back; else in it.

    The derivatives are those of p.dC and p.dh at the last time step, or, with `targets`, T×H×B, of the sum of squares
    of h[t] - targets[t] over the time steps that the examples have, which is "L" of the result.
    """
    (H, B), X, T, dtype = p.C.shape, p.xs[0].shape[0], len(p.xs), p.C.dtype
    negative, exp, add, subtract, multiply = np.negative, np.exp, np.add, np.subtract, np.multiply
    reciprocal, tanh, dot = np.reciprocal, np.tanh, np.ndarray.dot

    def empty(*shape: int) -> Array:
        return np.empty(shape, dtype)

    one, P = np.array(1, dtype), p.parameters
    blocks = [slice(k * H, (k + 1) * H) for k in range(4)]
    S, G, dZ, tanhs = empty(T + 1, 2 * H + X + 1, B), empty(T, 4 * H, B), empty(T, 4 * H, B), empty(T, H, B)
    S[:, -1] = 1
    W, turned = empty(4 * H, H + X + 1), empty(H, 4 * H)
    s, s2, s3, live, rest, dS = (
        empty(H, B), empty(2 * H, B), empty(3 * H, B), empty(2 * H, B), empty(2 * H, B), empty(2 * H, B)
    )  # fmt: skip
    slopes, slopes_C = (empty(T, 4 * H, B), empty(T, H, B)) if few_calls else (dZ, tanhs)
    errors = tanhs if targets is None else empty(T, H, B)
    dC, dh = live[:H], live[H:]
    masks, others = empty(T, 1, B), empty(T, 1, B)
    forward = [
        (S[t, H:], S[t, : 2 * H], S[t, :H], G[t], G[t, : 3 * H], *(G[t, b] for b in blocks), S[t + 1, : 2 * H],
         S[t + 1, :H], S[t + 1, H : 2 * H], tanhs[t], masks[t], others[t])
        for t in range(T)
    ]  # fmt: skip
    backward = [
        (S[t, :H], tanhs[t], G[t, : 3 * H], *(G[t, b] for b in blocks), dZ[t], dZ[t, : 3 * H],
         *(dZ[t, b] for b in blocks), slopes[t], slopes_C[t], masks[t], others[t], errors[t])
        for t in reversed(range(T))
    ]  # fmt: skip

    def run() -> dict[str, Array]:
        masks[:, 0] = lengths > np.arange(T)[:, None]
        subtract(one, masks, others)
        for rows, gate in zip(blocks, "fiog", strict=True):
            W[rows, :H], W[rows, H:-1], W[rows, -1:] = P[f"R_{gate}"], P[f"W_{gate}"], P[f"b_{gate}"]
        turned[...] = W[:, :H].T
        S[0, :H], S[0, H : 2 * H] = p.C, p.h
        for place, x in zip(S[:, 2 * H : -1], p.xs, strict=False):
            place[...] = x
        for column, before, C, g, sigmoids, f, i, o, c, after, C_new, h_new, tanh_C, m, k in forward:
            dot(W, column, g)
            negative(sigmoids, sigmoids)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            reciprocal(sigmoids, sigmoids)
            tanh(c, c)
            multiply(f, C, s)
            multiply(i, c, C_new)
            add(C_new, s, C_new)
            tanh(C_new, tanh_C)
            multiply(o, tanh_C, h_new)
            multiply(after, m, after)
            multiply(before, k, s2)
            add(after, s2, after)
        found: dict[str, Array] = {}
        if targets is None:
            dS[:H], dS[H:] = p.dC.T, p.dh.T
        else:
            dS.fill(0)
            subtract(S[1:, H : 2 * H], targets, errors)
            multiply(errors, masks, errors)
            found["L"] = np.vdot(errors, errors).reshape(1, 1)
            add(errors, errors, errors)
        if few_calls:
            multiply(G, G, slopes)
            subtract(G[:, : 3 * H], slopes[:, : 3 * H], slopes[:, : 3 * H])
            subtract(one, slopes[:, 3 * H :], slopes[:, 3 * H :])
            multiply(tanhs, tanhs, slopes_C)
            subtract(one, slopes_C, slopes_C)
            multiply(slopes_C, G[:, 2 * H : 3 * H], slopes_C)
        for C, tanh_C, sigmoids, f, i, o, c, d, d3, df, di, do, dc, slope, slope_C, m, k, e in backward:
            if targets is not None:
                add(dS[H:], e, dS[H:])
            multiply(dS, m, live)
            multiply(dS, k, rest)
            if few_calls:
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
            if few_calls:
                multiply(d, slope, d)
            else:
                multiply(d3, sigmoids, d3)
                subtract(one, sigmoids, s3)
                multiply(d3, s3, d3)
                multiply(c, c, s)
                subtract(one, s, s)
                multiply(dc, s, dc)
            multiply(dC, f, dS[:H])
            dot(turned, d, dS[H:])
            add(dS, rest, dS)
        wide = side_by_side(dZ)
        dW = dot(wide, side_by_side(S[:-1, H:]).T)
        for rows, gate in zip(blocks, "fiog", strict=True):
            found[f"R_{gate}"], found[f"W_{gate}"] = dW[rows, :H].T, dW[rows, H:-1].T
            found[f"b_{gate}"] = dW[rows, -1:].T
        d_xs = dot(np.ascontiguousarray(W[:, H:-1].T), wide).reshape(X, T, B)
        found |= {f"x[{t}]": d_xs[:, t - 1].T for t in range(1, T + 1)}
        return found | {"C[0]": dS[:H].T.copy(), "h[0]": dS[H:].T.copy()}

    return run
