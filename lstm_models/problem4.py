"""The LSTM of "Problem 4": no forward equation is printed there, its derivatives imply the ones below.

Columns are examples in `cell`: x is X×N, the states and gates are H×N, W_x* is H×X, W_h* is H×H, b_* is H×1.  In
`rows_cell`, which has the arrays of a well-known course exercise, an example is a row: x is N×D, the states are N×H,
Wx is D×4H, Wh is H×4H and b is 1×4H, with the gates in the order i, f, o, g.
"""

from __future__ import annotations

from typing import Any

from lstm_models import problem4_by_hand
from lstm_models.model import Model, Shapes, gated
from tinyad import sigmoid, tanh, under, upper


# fmt: off
def cell(c_prev: Any, h_prev: Any, x: Any,
         W_xf: Any, W_hf: Any, b_f: Any, W_xi: Any, W_hi: Any, b_i: Any,
         W_xo: Any, W_ho: Any, b_o: Any, W_xc: Any, W_hc: Any, b_c: Any) -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name."""
    Wx_f = W_xf @ x
    Wh_f = W_hf @ h_prev
    s_f  = Wx_f + Wh_f
    a_f  = s_f + b_f
    f    = sigmoid(a_f)

    Wx_i = W_xi @ x
    Wh_i = W_hi @ h_prev
    s_i  = Wx_i + Wh_i
    a_i  = s_i + b_i
    i    = sigmoid(a_i)

    Wx_c = W_xc @ x
    Wh_c = W_hc @ h_prev
    s_c  = Wx_c + Wh_c
    a_c  = s_c + b_c
    c_tilde = tanh(a_c)

    fc = f * c_prev
    ic = i * c_tilde
    c  = fc + ic

    Wx_o = W_xo @ x
    Wh_o = W_ho @ h_prev
    s_o  = Wx_o + Wh_o
    a_o  = s_o + b_o
    o    = sigmoid(a_o)

    tanh_c = tanh(c)
    h = o * tanh_c
    return locals()


def rows_cell(prev_c: Any, prev_h: Any, x: Any, Wx: Any, Wh: Any, b: Any) -> dict[str, Any]:
    """Compute one time step with examples as rows: the columns of a are cut into those of i, f, o and g."""
    xW = x @ Wx
    hW = prev_h @ Wh
    s  = xW + hW
    a  = s + b

    aT  = a.T                           # 4H×N: a gate is H of its rows, as many as
    hT  = prev_h.T                      # H×N has
    iT  = upper(aT, hT)
    fog = under(aT, hT)
    fT  = upper(fog, hT)
    og  = under(fog, hT)
    oT  = upper(og, hT)
    gT  = under(og, hT)
    a_i = iT.T
    a_f = fT.T
    a_o = oT.T
    a_g = gT.T

    i = sigmoid(a_i)
    f = sigmoid(a_f)
    o = sigmoid(a_o)
    g = tanh(a_g)

    fc = f * prev_c
    ig = i * g
    next_c = fc + ig

    tanh_c = tanh(next_c)
    next_h = o * tanh_c
    return locals()
# fmt: on


def shapes(H: int, X: int) -> Shapes:
    return gated("fioc", lambda gate: {f"W_x{gate}": (H, X), f"W_h{gate}": (H, H), f"b_{gate}": (H, 1)})


def rows_shapes(H: int, X: int) -> Shapes:
    return {"Wx": (X, 4 * H), "Wh": (H, 4 * H), "b": (1, 4 * H)}


def _steps(gate: str, result: str) -> list[str]:
    return [f"{name}_{gate}" for name in ("Wx", "Wh", "s", "a")] + [result]


GATES = {
    "forget gate": _steps("f", "f"),
    "input gate": _steps("i", "i"),
    "output gate": _steps("o", "o"),
    "candidate": _steps("c", "c_tilde"),
    "cell state": "fc ic c".split(),
    "hidden state": "tanh_c h".split(),
}
ROWS_GATES = {
    "gates": "xW hW s a aT hT fog og iT fT oT gT a_i a_f a_o a_g i f o g".split(),
    "cell state": "fc ig next_c".split(),
    "hidden state": "tanh_c next_h".split(),
}
STATES, ROWS_STATES = {"c": "c_prev", "h": "h_prev"}, {"next_c": "prev_c", "next_h": "prev_h"}
PROBLEM4 = Model("problem4", "Problem 4", cell, STATES, shapes, GATES, problem4_by_hand.derivatives)
ROWS = Model(
    "problem4-rows",
    "Problem 4, examples as rows",
    rows_cell,
    ROWS_STATES,
    rows_shapes,
    ROWS_GATES,
    problem4_by_hand.rows_derivatives,
    rows=True,
)
