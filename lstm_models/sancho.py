"""The LSTM of J. Sancho Molero, "Forward and Backpropagation in an LSTM" (2022), equations 1 to 7.

Sizes: x is X×B; f, i, o, g, c, h and the a_θ are H×B, W_θ is H×X, R_θ is H×H, b_θ is H×1, W_y is Y×H, b_y is Y×1;
the B columns are examples.  θ is f, i, o or g; a_θ is what the document also calls x^(t), the argument of f_θ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lstm_models import sancho_by_hand
from lstm_models.model import Model, Shapes, gated, linear
from tinyad import sigmoid, stack, tanh

STATES = {"c": "c_prev", "h": "h_prev"}
NAMES = {"f": "forget gate", "i": "input gate", "o": "output gate", "g": "candidate"}
CELL = {"cell state": "gi cf c".split(), "hidden state": "tanh_c h".split()}


# fmt: off
def cell(c_prev: Any, h_prev: Any, x: Any,
         W_f: Any, R_f: Any, b_f: Any, W_i: Any, R_i: Any, b_i: Any,
         W_o: Any, R_o: Any, b_o: Any, W_g: Any, R_g: Any, b_g: Any) -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name."""
    Wx_f = W_f @ x
    Rh_f = R_f @ h_prev
    s_f  = Wx_f + Rh_f
    a_f  = s_f + b_f
    f    = sigmoid(a_f)                                                 # (1)

    Wx_i = W_i @ x
    Rh_i = R_i @ h_prev
    s_i  = Wx_i + Rh_i
    a_i  = s_i + b_i
    i    = sigmoid(a_i)                                                 # (2)

    Wx_o = W_o @ x
    Rh_o = R_o @ h_prev
    s_o  = Wx_o + Rh_o
    a_o  = s_o + b_o
    o    = sigmoid(a_o)                                                 # (3)

    Wx_g = W_g @ x
    Rh_g = R_g @ h_prev
    s_g  = Wx_g + Rh_g
    a_g  = s_g + b_g
    g    = tanh(a_g)                                                    # (4)

    gi = g * i
    cf = c_prev * f
    c  = gi + cf                                                        # (5)

    tanh_c = tanh(c)
    h = o * tanh_c                                                      # (6)
    return locals()


def stacked_cell(c_prev: Any, h_prev: Any, x: Any,
                 V_f: Any, b_f: Any, V_i: Any, b_i: Any, V_o: Any, b_o: Any, V_g: Any, b_g: Any) -> dict[str, Any]:
    """Compute the same with h_prev and x in one column and V_θ = [R_θ W_θ], H×(H+X) (section "Final Comments")."""
    hx = stack(h_prev, x)

    Vhx_f = V_f @ hx
    a_f   = Vhx_f + b_f
    f     = sigmoid(a_f)                                                # (1)

    Vhx_i = V_i @ hx
    a_i   = Vhx_i + b_i
    i     = sigmoid(a_i)                                                # (2)

    Vhx_o = V_o @ hx
    a_o   = Vhx_o + b_o
    o     = sigmoid(a_o)                                                # (3)

    Vhx_g = V_g @ hx
    a_g   = Vhx_g + b_g
    g     = tanh(a_g)                                                   # (4)

    gi = g * i
    cf = c_prev * f
    c  = gi + cf                                                        # (5)

    tanh_c = tanh(c)
    h = o * tanh_c                                                      # (6)
    return locals()
# fmt: on


def prediction(h: Any, W_y: Any, b_y: Any, F: Callable[[Any], Any]) -> dict[str, Any]:
    """Return y = F(W_y h + b_y) (eq. 7), for any F that takes arrays and Variables, such as tanh, softmax or none."""
    eqs = linear(h, W_y, b_y)
    return eqs | {"y": F(eqs["a_y"])}


def shapes(H: int, X: int) -> Shapes:
    return gated("fiog", lambda gate: {f"W_{gate}": (H, X), f"R_{gate}": (H, H), f"b_{gate}": (H, 1)})


def stacked_shapes(H: int, X: int) -> Shapes:
    return gated("fiog", lambda gate: {f"V_{gate}": (H, H + X), f"b_{gate}": (H, 1)})


def _frames(*names: str) -> dict[str, list[str]]:
    return {title: [f"{name}_{gate}" for name in names] + [gate] for gate, title in NAMES.items()} | CELL


SOURCE = "Sancho, Forward and Backpropagation in an LSTM"
SANCHO = Model("sancho", SOURCE, cell, STATES, shapes, _frames("Wx", "Rh", "s", "a"), sancho_by_hand.derivatives)
STACKED = Model(
    "sancho-stacked",
    f"{SOURCE}, 4.1",
    stacked_cell,
    STATES,
    stacked_shapes,
    {"stacked": ["hx"]} | _frames("Vhx", "a"),
    sancho_by_hand.stacked_derivatives,
)
