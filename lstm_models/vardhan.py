"""The LSTM of H. Vardhan, "Long-short Term Memory (LSTM): back-propagation derivation" (2022), equations 1 to 12.

Sizes: x is X×B; a, c, c_tilde, Gamma_* and z_* are H×B, W_*a is H×H, W_*x is X×H, b_* is H×1; z_y, y_hat and the labels
y are Y×B, W_ya is H×Y, b_y is Y×1.  Every weight acts transposed; the B columns are examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_models import vardhan_by_hand
from lstm_models.model import Model, Shapes, gated
from tinyad import log, sigmoid, softmax, tanh


# fmt: off
def cell(c_prev: Any, a_prev: Any, x: Any,
         W_fa: Any, W_fx: Any, b_f: Any, W_ua: Any, W_ux: Any, b_u: Any,
         W_oa: Any, W_ox: Any, b_o: Any, W_ca: Any, W_cx: Any, b_c: Any) -> dict[str, Any]:
    """Compute one time step, for arrays or Variables; return every value under its name."""
    T_fa = W_fa.T
    T_fx = W_fx.T
    m_fa = T_fa @ a_prev
    m_fx = T_fx @ x
    s_f  = m_fa + m_fx
    z_f  = s_f + b_f                                                    # eq.1
    Gamma_f = sigmoid(z_f)                                              # eq.2

    T_ua = W_ua.T
    T_ux = W_ux.T
    m_ua = T_ua @ a_prev
    m_ux = T_ux @ x
    s_u  = m_ua + m_ux
    z_u  = s_u + b_u                                                    # eq.3
    Gamma_u = sigmoid(z_u)                                              # eq.4

    T_oa = W_oa.T
    T_ox = W_ox.T
    m_oa = T_oa @ a_prev
    m_ox = T_ox @ x
    s_o  = m_oa + m_ox
    z_o  = s_o + b_o                                                    # eq.5
    Gamma_o = sigmoid(z_o)                                              # eq.6

    T_ca = W_ca.T
    T_cx = W_cx.T
    m_ca = T_ca @ a_prev
    m_cx = T_cx @ x
    s_c  = m_ca + m_cx
    z_c  = s_c + b_c                                                    # eq.7
    c_tilde = tanh(z_c)                                                 # eq.8

    uc = Gamma_u * c_tilde
    fc = Gamma_f * c_prev
    c  = uc + fc                                                        # eq.9

    tanh_c = tanh(c)
    a = tanh_c * Gamma_o                                                # eq.10
    return locals()


def output(a: Any, W_ya: Any, b_y: Any) -> dict[str, Any]:
    T_ya = W_ya.T
    m_ya = T_ya @ a
    z_y  = m_ya + b_y                                                   # eq.11
    return locals()


def cross_entropy(z_y: Any, y: Any) -> dict[str, Any]:
    """Compute e = -Σ y ∘ log y_hat, 1×1: the loss that goes with section 2.1.1, which prints its derivative alone."""
    y_hat = softmax(z_y)                                                # eq.12
    log_y = log(y_hat)
    ylog  = y * log_y
    total = np.sum(ylog)
    e = -total
    return locals()
# fmt: on


def shapes(H: int, X: int) -> Shapes:
    return gated("fuoc", lambda gate: {f"W_{gate}a": (H, H), f"W_{gate}x": (X, H), f"b_{gate}": (H, 1)})


def output_shapes(H: int, Y: int) -> Shapes:
    return {"W_ya": (H, Y), "b_y": (Y, 1)}


def _steps(gate: str, result: str) -> list[str]:
    return [f"{name}_{gate}{of}" for name in ("T", "m") for of in "ax"] + [f"s_{gate}", f"z_{gate}", result]


GATES = {
    "forget gate": _steps("f", "Gamma_f"),
    "update gate": _steps("u", "Gamma_u"),
    "output gate": _steps("o", "Gamma_o"),
    "candidate": _steps("c", "c_tilde"),
    "cell state": "uc fc c".split(),
    "hidden state": "tanh_c a".split(),
}
STATES = {"c": "c_prev", "a": "a_prev"}
SOURCE = "Vardhan, LSTM: back-propagation derivation"
VARDHAN = Model(
    "vardhan", SOURCE, cell, STATES, shapes, GATES, vardhan_by_hand.derivatives, "row", output, output_shapes
)
