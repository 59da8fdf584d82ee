"""The GRU, which the slides name and do not print, in its four forms, and the plain RNN.

K. Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014): the reset gate acts before the
recurrent product, the update gate z keeps the old state.  J. Chung et al., "Empirical evaluation of gated recurrent
neural networks on sequence modeling" (2014): z takes the new one.  cuDNN and torch: the reset gate acts after the
product and its bias c_n, z keeps.  After the product with a z that takes is the fourth.

Sizes: x is X×B; h, r, z, n are H×B, W_* is H×X, R_* is H×H, b_* and c_n are H×1; the B columns are examples.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lstm_models import gru_by_hand
from lstm_models.model import Model, Shapes, gated
from tinyad import sigmoid, tanh

FORMS = {"gru": ("after", "keeps"), "gru-takes": ("after", "takes")}
FORMS |= {"gru-before": ("before", "keeps"), "gru-before-takes": ("before", "takes")}


# fmt: off
def cell(h_prev: Any, x: Any, W_r: Any, R_r: Any, b_r: Any, W_z: Any, R_z: Any, b_z: Any,
         W_n: Any, R_n: Any, b_n: Any, c_n: Any = None, reset: str = "after", update: str = "keeps") -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name.

    c_n belongs to reset="after".
    """
    gru_by_hand.check_form(reset, update)

    Wx_r = W_r @ x
    Rh_r = R_r @ h_prev
    s_r  = Wx_r + Rh_r
    a_r  = s_r + b_r
    r    = sigmoid(a_r)

    Wx_z = W_z @ x
    Rh_z = R_z @ h_prev
    s_z  = Wx_z + Rh_z
    a_z  = s_z + b_z
    z    = sigmoid(a_z)

    Wx_n = W_n @ x
    if reset == "after":
        Rh_n = R_n @ h_prev
        q_n  = Rh_n + c_n
        rq_n = r * q_n
        s_n  = Wx_n + rq_n
    else:
        rh_n = r * h_prev
        Rh_n = R_n @ rh_n
        s_n  = Wx_n + Rh_n
    a_n  = s_n + b_n
    n    = tanh(a_n)

    rest = 1 - z
    old, new = (z, rest) if update == "keeps" else (rest, z)
    kept  = old * h_prev
    taken = new * n
    h = kept + taken
    return {name: value for name, value in locals().items() if name not in ("old", "new", "reset", "update")}


def rnn_cell(h_prev: Any, x: Any, W: Any, R: Any, b: Any) -> dict[str, Any]:
    """Compute one time step of h = tanh(W x + R h_prev + b), for arrays or Variables."""
    Wx = W @ x
    Rh = R @ h_prev
    s  = Wx + Rh
    a  = s + b
    h  = tanh(a)
    return locals()
# fmt: on


def shapes(H: int, X: int, reset: str) -> Shapes:
    bias = {"c_n": (H, 1)} if reset == "after" else {}
    return gated("rzn", lambda gate: {f"W_{gate}": (H, X), f"R_{gate}": (H, H), f"b_{gate}": (H, 1)}) | bias


def rnn_shapes(H: int, X: int) -> Shapes:
    return {"W": (H, X), "R": (H, H), "b": (H, 1)}


def _gates(reset: str) -> dict[str, list[str]]:
    inside = "Rh_n q_n rq_n" if reset == "after" else "rh_n Rh_n"
    return {
        "reset gate": "Wx_r Rh_r s_r a_r r".split(),
        "update gate": "Wx_z Rh_z s_z a_z z".split(),
        "candidate": f"Wx_n {inside} s_n a_n n".split(),
        "hidden state": "rest kept taken h".split(),
    }


STATES = {"h": "h_prev"}
GRUS = tuple(
    Model(
        name,
        f"GRU, reset {reset} the recurrent product, z {update} the {'old' if update == 'keeps' else 'new'} state",
        partial(cell, reset=reset, update=update),
        STATES,
        partial(shapes, reset=reset),
        _gates(reset),
        partial(gru_by_hand.derivatives, reset=reset, update=update),
    )
    for name, (reset, update) in FORMS.items()
)
RNN = Model(
    "rnn",
    "plain RNN",
    rnn_cell,
    STATES,
    rnn_shapes,
    {"hidden state": "Wx Rh s a h".split()},
    gru_by_hand.rnn_derivatives,
)
