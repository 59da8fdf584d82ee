"""The LSTM as the slides' picture of the equations has it: one matrix for each gate, on the stacked column [C; h; x].

The candidate is a tanh of [h; x], and the output gate looks at the new state, [C_t; h; x].  Sizes: C, h, f, i, o,
C_tilde, z_* are H×B, x is X×B, W_f, W_i and W_o are H×(2H+X), W_C is H×(H+X), b_* is H×1.
"""

from __future__ import annotations

from typing import Any

from lstm_models import picture_by_hand
from lstm_models.model import Model, Shapes
from tinyad import sigmoid, stack, tanh


# fmt: off
def cell(C_prev: Any, h_prev: Any, x: Any, W_f: Any, b_f: Any, W_i: Any, b_i: Any,
         W_C: Any, b_C: Any, W_o: Any, b_o: Any) -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name."""
    hx  = stack(h_prev, x)
    Chx = stack(C_prev, hx)

    Wz_f = W_f @ Chx
    z_f  = Wz_f + b_f
    f    = sigmoid(z_f)

    Wz_i = W_i @ Chx
    z_i  = Wz_i + b_i
    i    = sigmoid(z_i)

    Wz_C = W_C @ hx
    z_C  = Wz_C + b_C
    C_tilde = tanh(z_C)

    fC = f * C_prev
    iC = i * C_tilde
    C  = fC + iC

    Chx_o = stack(C, hx)
    Wz_o  = W_o @ Chx_o
    z_o   = Wz_o + b_o
    o     = sigmoid(z_o)

    tanh_C = tanh(C)
    h = o * tanh_C
    return locals()
# fmt: on


def shapes(H: int, X: int) -> Shapes:
    matrices = {f"W_{gate}": (H, (1 if gate == "C" else 2) * H + X) for gate in "fiCo"}
    return matrices | {f"b_{gate}": (H, 1) for gate in "fiCo"}


GATES = {
    "stacked": "hx Chx".split(),
    "forget gate": "Wz_f z_f f".split(),
    "input gate": "Wz_i z_i i".split(),
    "candidate": "Wz_C z_C C_tilde".split(),
    "cell state": "fC iC C".split(),
    "output gate": "Chx_o Wz_o z_o o".split(),
    "hidden state": "tanh_C h".split(),
}
PICTURE = Model(
    "picture-stacked",
    "slides, picture of the equations",
    cell,
    {"C": "C_prev", "h": "h_prev"},
    shapes,
    GATES,
    picture_by_hand.derivatives,
)
