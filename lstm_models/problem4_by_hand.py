"""The derivatives of the LSTM of "Problem 4" by hand, in NumPy alone, in the document's order, for columns and rows.

Every derivative has the size of its variable.  With a gate g = s(a), a = W_x^g x_t + W_h^g h_{t-1} + b^g, and
{...} = ∂L/∂a, what the document writes in braces:

    ∂L/∂W_x^g = {...} x_tᵀ     ∂L/∂W_h^g = {...} h_{t-1}ᵀ     ∂L/∂b^g = the sum of {...} over the examples
    ∂L/∂x_t += (W_x^g)ᵀ {...}  ∂L/∂h_{t-1} += (W_h^g)ᵀ {...}

Where the document differs:

- Its ∂L/∂c_t has to be all of it, the path through h_t = o_t * tanh(c_t) too: ∂L/∂h_t * o_t * (1 - tanh²(c_t)) is
  printed nowhere.  Here a given dc is the part without that path.
- Part 1, ∂L/∂x_t and ∂L/∂h_{t-1}: their o-terms have ∂L/∂c_t, but c_t does not depend on o_t; ∂L/∂h_t belongs there,
  as in the o_t family and in part 2.
- Part 2, ∂L/∂x_t: its i-term repeats the braces of the f-term, c_{t-1} * [f_t * (1 - f_t)]; the i_t family's belong
  there, as in part 1.
- The "prepared" derivatives of f_t and c~_t are those of the sum of their components.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[Any]]
Values = dict[str, Matrix]

COLUMNS = "examples are columns"
ROWS = "examples are rows, the gates i, f, o, g stand side by side"


def _sigmoid(a: Matrix) -> Matrix:
    below = a.real < 0  # exp of what is not positive cannot overflow
    e = np.exp(np.where(below, a, -a))
    s: Matrix = np.where(below, e, 1) / (1 + e)
    return s


# What both orientations share: component by component


def _states(c_prev: Matrix, a_f: Matrix, a_i: Matrix, a_o: Matrix, a_c: Matrix) -> Values:
    """Compute the forward equations that the derivatives imply, from the arguments of σ and tanh on."""
    f, i, o, c_tilde = _sigmoid(a_f), _sigmoid(a_i), _sigmoid(a_o), np.tanh(a_c)
    c = f * c_prev + i * c_tilde
    tanh_c = np.tanh(c)
    h = o * tanh_c
    return {"c_prev": c_prev, "f": f, "i": i, "o": o, "c_tilde": c_tilde, "c": c, "tanh_c": tanh_c, "h": h}


def _families(dh: Matrix, dc: Matrix, v: Mapping[str, Matrix]) -> Values:
    """Return Part 1 down to the braces of each family, a_f to a_c, from ∂L/∂h_t and the ∂L/∂c_t that is not through
    h_t.
    """
    f, i, o, c_tilde, tanh_c = v["f"], v["i"], v["o"], v["c_tilde"], v["tanh_c"]
    dtanh_c = dh * o
    dc = dc + dtanh_c * (1 - tanh_c**2)  # the document's ∂L/∂c_t
    dc_prev = dc * f  # "the easy one"
    df = dc * v["c_prev"]
    a_f = df * f * (1 - f)
    di = dc * c_tilde
    a_i = di * i * (1 - i)
    do = dh * tanh_c
    a_o = do * o * (1 - o)
    dc_tilde = dc * i
    a_c = dc_tilde * (1 - c_tilde**2)
    d = {"h": dh, "tanh_c": dtanh_c, "c": dc, "c_prev": dc_prev, "f": df, "i": di, "o": do, "c_tilde": dc_tilde}
    return d | {"a_f": a_f, "a_i": a_i, "a_o": a_o, "a_c": a_c}


def _over_time(
    step: Callable[[Matrix, Matrix, Values], Values],
    dhs: Sequence[Matrix],
    dc: Matrix,
    steps: Sequence[Values],
    parameters: Container[str],
) -> Values:
    """Apply, Part 2, `step` for t = T to 1; the derivatives as c[t], ..., c[0], h[0], and of the parameters summed over
    t.
    """
    total: Values = {}
    dh = np.zeros_like(dc)
    for t in range(len(steps), 0, -1):
        d = step(dhs[t - 1] + dh, dc, steps[t - 1])
        dc, dh = d.pop("c_prev"), d.pop("h_prev")
        for name, value in d.items():
            if name in parameters:
                total[name] = total.get(name, 0) + value
            else:
                total[f"{name}[{t}]"] = value
    return total | {"c[0]": dc, "h[0]": dh}


def _fit(rule: str, **arrays: tuple[Matrix, str]) -> None:
    """Raise ValueError if an array has not the size its letters say; a letter is the size it stands for first."""
    sizes, first = {"1": 1}, {}
    for name, (array, letters) in arrays.items():
        found, wanted = np.shape(array), letters.split("×")
        if len(found) == len(wanted):
            for letter, n in zip(wanted, found, strict=True):
                if letter not in sizes:
                    sizes[letter], first[letter] = n, f"{name} of {_by(found)}"
                if letter == "H":
                    sizes["4H"], first["4H"] = 4 * sizes["H"], first["H"]
        needed = tuple(sizes.get(letter, -1) for letter in wanted)
        if found != needed:
            known = "" if -1 in needed else f" = {_by(needed)}"
            others = ", ".join(dict.fromkeys(first[letter] for letter in wanted if letter in first))
            turned = "; transposed it fits" if found == needed[::-1] else ""
            beside = f" with {others}" if others else ""
            raise ValueError(f"{name} is {_by(found)}, expected {letters}{known}{beside} ({rule}{turned})")


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if len(shape) > 1 else str(shape)


# The document's orientation: columns, W_x^g, W_h^g and b^g for each gate


SIZES = {f"{name}{g}": letters for g in "fioc" for name, letters in (("W_x", "H×X"), ("W_h", "H×H"), ("b_", "H×1"))}


def step_forward(c_prev: Matrix, h_prev: Matrix, x: Matrix, P: Mapping[str, Matrix]) -> Values:
    """Return what `step_backward` needs of one time step, c and h among it; x is X×N, the states are H×N."""
    weights = {name: (P[name], letters) for name, letters in SIZES.items()}
    _fit(COLUMNS, x=(x, "X×N"), h_prev=(h_prev, "H×N"), c_prev=(c_prev, "H×N"), **weights)
    a_f, a_i, a_o, a_c = (P[f"W_x{g}"] @ x + P[f"W_h{g}"] @ h_prev + P[f"b_{g}"] for g in "fioc")
    return {"x": x, "h_prev": h_prev} | _states(c_prev, a_f, a_i, a_o, a_c)


def step_backward(dh: Matrix, dc: Matrix, v: Mapping[str, Matrix], P: Mapping[str, Matrix]) -> Values:
    """Return every derivative, Part 1, of one time step with the values `v`, among them those of x, h_prev and c_prev.

    Given are ∂L/∂h_t and the part of ∂L/∂c_t that does not come through h_t.
    """
    _fit(COLUMNS, h=(v["h"], "H×N"), dh=(dh, "H×N"), dc=(dc, "H×N"))
    d = _families(dh, dc, v)
    for g in "fioc":
        braces = d[f"a_{g}"]
        d[f"W_x{g}"] = braces @ v["x"].T
        d[f"W_h{g}"] = braces @ v["h_prev"].T
        d[f"b_{g}"] = braces.sum(axis=1, keepdims=True)
    f, i, c, o = d["a_f"], d["a_i"], d["a_c"], d["a_o"]
    d["x"] = P["W_xf"].T @ f + P["W_xi"].T @ i + P["W_xc"].T @ c + P["W_xo"].T @ o
    d["h_prev"] = P["W_hf"].T @ f + P["W_hi"].T @ i + P["W_hc"].T @ c + P["W_ho"].T @ o
    return d


def forward(c: Matrix, h: Matrix, xs: Sequence[Matrix], P: Mapping[str, Matrix]) -> list[Values]:
    """Apply `step_forward` for t = 1 to T, from c = c_0 and h = h_0."""
    steps = []
    for x in xs:
        steps.append(step_forward(c, h, x, P))
        c, h = steps[-1]["c"], steps[-1]["h"]
    return steps


def backward(
    dhs: Sequence[Matrix], steps: Sequence[Values], P: Mapping[str, Matrix], dc: Matrix | None = None
) -> Values:
    """Apply, Part 2, `step_backward` for t = T to 1, given the part of each ∂L/∂h_t that comes from step t's own loss.

    dc is the part of ∂L/∂c_T that does not come through h_T, if there is one.  Returns the derivatives as W_xf, ...,
    b_c (summed over t), x[t], h[t], c[t], a_f[t], ..., c[0] and h[0]; those of h[t] and c[t] are all of them.
    """
    if not steps or len(dhs) != len(steps):
        raise ValueError(f"{len(dhs)} derivatives of h for T = {len(steps)}: give one for each time step, at least one")
    h, dc = steps[-1]["h"], np.zeros_like(steps[-1]["c"]) if dc is None else dc
    _fit(COLUMNS, h=(h, "H×N"), dc=(dc, "H×N"), **{f"dh_{t}": (dh, "H×N") for t, dh in enumerate(dhs, 1)})
    return _over_time(lambda dh, dc, v: step_backward(dh, dc, v, P), dhs, dc, steps, P)


def derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Values:
    """Return `backward` with the names of all values of the tape: sums hand their derivative on as it is."""
    d = backward(dhs, forward(start["c"], start["h"], xs, P), P, last["c"])
    for t in range(1, len(xs) + 1):
        d[f"fc[{t}]"] = d[f"ic[{t}]"] = d[f"c[{t}]"]
        for g in "fioc":
            d |= {f"{name}_{g}[{t}]": d[f"a_{g}[{t}]"] for name in ("s", "Wx", "Wh")}
    return d


# Examples as rows, the gates side by side in the order i, f, o, g


def lstm_step_forward(
    x: Matrix, prev_h: Matrix, prev_c: Matrix, Wx: Matrix, Wh: Matrix, b: Matrix
) -> tuple[Matrix, Matrix, Values]:
    """Return (next_h, next_c, cache): x is N×D, the states N×H, Wx D×4H, Wh H×4H, b has 4H or 1×4H entries."""
    weights = {"Wx": (Wx, "D×4H"), "Wh": (Wh, "H×4H"), "b": (b, "4H" if np.ndim(b) == 1 else "1×4H")}
    _fit(ROWS, x=(x, "N×D"), prev_h=(prev_h, "N×H"), prev_c=(prev_c, "N×H"), **weights)
    a_i, a_f, a_o, a_g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    v = {"x": x, "h_prev": prev_h, "Wx": Wx, "Wh": Wh, "b": b} | _states(prev_c, a_f, a_i, a_o, a_g)
    return v["h"], v["c"], v


def _rows_step(dh: Matrix, dc: Matrix, v: Mapping[str, Matrix]) -> Values:
    """Return Part 1 with every product transposed."""
    d = _families(dh, dc, v)
    da = np.hstack([d["a_i"], d["a_f"], d["a_o"], d["a_c"]])
    d |= {"a": da, "x": da @ v["Wx"].T, "h_prev": da @ v["Wh"].T}
    return d | {"Wx": v["x"].T @ da, "Wh": v["h_prev"].T @ da, "b": da.sum(axis=0).reshape(v["b"].shape)}


def lstm_step_backward(
    dnext_h: Matrix, dnext_c: Matrix, cache: Values
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Return (dx, dprev_h, dprev_c, dWx, dWh, db) of one time step; dnext_c is what does not come through next_h."""
    _fit(ROWS, next_h=(cache["h"], "N×H"), dnext_h=(dnext_h, "N×H"), dnext_c=(dnext_c, "N×H"))
    d = _rows_step(dnext_h, dnext_c, cache)
    return d["x"], d["h_prev"], d["c_prev"], d["Wx"], d["Wh"], d["b"]


def lstm_forward(x: Matrix, h0: Matrix, Wx: Matrix, Wh: Matrix, b: Matrix) -> tuple[Matrix, list[Values]]:
    """Return (h, cache): x is N×T×D, h is N×T×H, c_0 = 0."""
    _fit(ROWS, x=(x, "N×T×D"), h0=(h0, "N×H"))
    if not x.shape[1]:
        raise ValueError("T = 0 in x of N×T×D: a sequence has at least one time step")
    h, c, hs, cache = h0, np.zeros_like(h0), [], []
    for t in range(x.shape[1]):
        h, c, v = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
        cache.append(v)
    return np.stack(hs, axis=1), cache


def lstm_backward(dh: Matrix, cache: Sequence[Values]) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Return (dx, dh0, dWx, dWh, db), given the part of each ∂L/∂h_t, N×T×H, that comes from step t's own loss."""
    h = np.stack([v["h"] for v in cache], axis=1)
    _fit(ROWS, h=(h, "N×T×H"), dh=(dh, "N×T×H"))
    T, dc = len(cache), np.zeros_like(h[:, 0])
    d = _over_time(_rows_step, [dh[:, t] for t in range(T)], dc, cache, ("Wx", "Wh", "b"))
    dx = np.stack([d[f"x[{t}]"] for t in range(1, T + 1)], axis=1)
    return dx, d["h[0]"], d["Wx"], d["Wh"], d["b"]


RENAMED = {"c": "next_c", "h": "next_h", "c_tilde": "g", "a_c": "a_g"}  # ours: those of rows_cell


def rows_derivatives(
    start: Mapping[str, Matrix],
    xs: Sequence[Matrix],
    P: Mapping[str, Matrix],
    dhs: Sequence[Matrix],
    last: Mapping[str, Matrix],
) -> Values:
    """Return dL/d(every value of rows_cell); hT gives a number of rows and nothing else, its derivative is 0."""
    c, h, steps = start["next_c"], start["next_h"], []
    for x in xs:
        h, c, v = lstm_step_forward(x, h, c, P["Wx"], P["Wh"], P["b"])
        steps.append(v)
    d = _over_time(_rows_step, dhs, last["next_c"], steps, P)
    for t in range(1, len(xs) + 1):
        d[f"fc[{t}]"] = d[f"ig[{t}]"] = d[f"c[{t}]"]
        d[f"xW[{t}]"] = d[f"hW[{t}]"] = d[f"s[{t}]"] = d[f"a[{t}]"]
        iT, fT, oT, gT = (d[f"a_{g}[{t}]"].T for g in "ifoc")
        d |= {f"iT[{t}]": iT, f"fT[{t}]": fT, f"oT[{t}]": oT, f"gT[{t}]": gT, f"hT[{t}]": 0 * iT}
        d |= {f"aT[{t}]": d[f"a[{t}]"].T, f"fog[{t}]": np.vstack([fT, oT, gT]), f"og[{t}]": np.vstack([oT, gT])}
    named = {}
    for name, value in d.items():
        ours, bracket, step = name.partition("[")
        named[RENAMED.get(ours, ours) + bracket + step] = value
    return named
