"""The LSTM with diagonal peepholes: each component of a gate looks at the same component of the cell state.

F. Gers, N. Schraudolph, J. Schmidhuber, "Learning precise timing with LSTM recurrent networks" (2002).  p_* is H×1, so
p_f ∘ C stands where the slides have W_fC C: W_fC = diag(p_f).  f and i look at c_prev, o looks at c, as in the slides'
picture.  The other names and sizes are those of `sancho`.
"""

from __future__ import annotations

from typing import Any

from lstm_models import peephole_by_hand
from lstm_models.model import Model, Shapes
from lstm_models.sancho import STATES
from lstm_models.sancho import shapes as sancho_shapes
from tinyad import sigmoid, tanh


# fmt: off
def cell(c_prev: Any, h_prev: Any, x: Any,
         W_f: Any, R_f: Any, p_f: Any, b_f: Any, W_i: Any, R_i: Any, p_i: Any, b_i: Any,
         W_o: Any, R_o: Any, p_o: Any, b_o: Any, W_g: Any, R_g: Any, b_g: Any) -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name."""
    Wx_f = W_f @ x
    Rh_f = R_f @ h_prev
    pc_f = p_f * c_prev
    s_f  = Wx_f + Rh_f
    q_f  = s_f + pc_f
    a_f  = q_f + b_f
    f    = sigmoid(a_f)

    Wx_i = W_i @ x
    Rh_i = R_i @ h_prev
    pc_i = p_i * c_prev
    s_i  = Wx_i + Rh_i
    q_i  = s_i + pc_i
    a_i  = q_i + b_i
    i    = sigmoid(a_i)

    Wx_g = W_g @ x
    Rh_g = R_g @ h_prev
    s_g  = Wx_g + Rh_g
    a_g  = s_g + b_g
    g    = tanh(a_g)

    gi = g * i
    cf = c_prev * f
    c  = gi + cf

    Wx_o = W_o @ x
    Rh_o = R_o @ h_prev
    pc_o = p_o * c
    s_o  = Wx_o + Rh_o
    q_o  = s_o + pc_o
    a_o  = q_o + b_o
    o    = sigmoid(a_o)

    tanh_c = tanh(c)
    h = o * tanh_c
    return locals()
# fmt: on


def shapes(H: int, X: int) -> Shapes:
    return sancho_shapes(H, X) | {f"p_{gate}": (H, 1) for gate in "fio"}


def _steps(gate: str, *more: str) -> list[str]:
    return [f"{name}_{gate}" for name in ("Wx", "Rh", *more, "s", "a")] + [gate]


GATES = {
    "forget gate": _steps("f", "pc", "q"),
    "input gate": _steps("i", "pc", "q"),
    "candidate": _steps("g"),
    "cell state": "gi cf c".split(),
    "output gate": _steps("o", "pc", "q"),
    "hidden state": "tanh_c h".split(),
}
PEEPHOLE = Model("peephole", "LSTM with diagonal peepholes", cell, STATES, shapes, GATES, peephole_by_hand.derivatives)
