"""The LSTM of the slides "How to compute a derivative": 31 steps, and its derivative as a sequence of deriv() calls.

Sizes: C, h, z1..z25, f, i, o, C_tilde and b_* are H×B, x is X×B, W_*C and W_*h are H×H, W_*x is H×X, b_* is H×1;
the B columns are examples.  H = B = 1 is the scalar LSTM.

form="steps" is the slides' list of 31 steps.  form="picture" is the slides' picture of the equations: there the
candidate is a tanh (step 19) and the output gate looks at C_t (step 23).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lstm_models import slides_by_hand
from lstm_models.model import Matrix, Model, Shapes
from tinyad import deriv, sigmoid, tanh

PARAMETERS = tuple("W_fC W_fh W_fx b_f W_iC W_ih W_ix b_i W_Ch W_Cx b_C W_oC W_oh W_ox b_o".split())
FORMS = ("steps", "picture")
GATES = {
    "forget gate": "z1 z2 z3 z4 z5 z6 f".split(),
    "input gate": "z7 z8 z9 z10 z11 z12 i".split(),
    "candidate": "z13 z14 z15 z16 C_tilde".split(),
    "cell state": "z17 z18 C".split(),
    "output gate": "z19 z20 z21 z22 z23 z24 o".split(),
    "hidden state": "z25 h".split(),
}


def shapes(H: int, X: int) -> Shapes:
    columns = {"C": H, "h": H, "x": X}
    return {name: (H, 1 if name[0] == "b" else columns[name[-1]]) for name in PARAMETERS}


def check_form(form: str) -> None:
    if form not in FORMS:
        raise ValueError(f"form={form!r}: there are {' and '.join(map(repr, FORMS))}")


# fmt: off
def cell(C_prev: Any, h_prev: Any, x: Any,
         W_fC: Any, W_fh: Any, W_fx: Any, b_f: Any,
         W_iC: Any, W_ih: Any, W_ix: Any, b_i: Any,
         W_Ch: Any, W_Cx: Any, b_C: Any,
         W_oC: Any, W_oh: Any, W_ox: Any, b_o: Any, form: str = "steps") -> dict[str, Any]:
    """Compute steps 1 to 31, for arrays or Variables; return every value under its name on the slides."""
    check_form(form)

    z1  = W_fC @ C_prev                                                 # 1
    z2  = W_fh @ h_prev                                                 # 2
    z3  = z1 + z2                                                       # 3
    z4  = W_fx @ x                                                      # 4
    z5  = z3 + z4                                                       # 5
    z6  = z5 + b_f                                                      # 6
    f   = sigmoid(z6)                                                   # 7

    z7  = W_iC @ C_prev                                                 # 8
    z8  = W_ih @ h_prev                                                 # 9
    z9  = z7 + z8                                                       # 10
    z10 = W_ix @ x                                                      # 11
    z11 = z9 + z10                                                      # 12
    z12 = z11 + b_i                                                     # 13
    i   = sigmoid(z12)                                                  # 14

    z13 = W_Ch @ h_prev                                                 # 15
    z14 = W_Cx @ x                                                      # 16
    z15 = z13 + z14                                                     # 17
    z16 = z15 + b_C                                                     # 18
    C_tilde = sigmoid(z16) if form == "steps" else tanh(z16)            # 19

    z17 = f * C_prev                                                    # 20
    z18 = i * C_tilde                                                   # 21
    C   = z17 + z18                                                     # 22

    z19 = W_oC @ (C_prev if form == "steps" else C)                     # 23
    z20 = W_oh @ h_prev                                                 # 24
    z21 = z19 + z20                                                     # 25
    z22 = W_ox @ x                                                      # 26
    z23 = z21 + z22                                                     # 27
    z24 = z23 + b_o                                                     # 28
    o   = sigmoid(z24)                                                  # 29

    z25 = tanh(C)                                                       # 30
    h   = o * z25                                                       # 31
    return locals()
# fmt: on


STATES = {"C": "C_prev", "h": "h_prev"}
SLIDES = Model("slides", "slides, 31 steps", cell, STATES, shapes, GATES, slides_by_hand.derivatives)
PICTURE = Model(
    "picture",
    "slides, picture of the equations",
    partial(cell, form="picture"),
    STATES,
    shapes,
    GATES,
    partial(slides_by_hand.derivatives, form="picture"),
)
MODEL = {"steps": SLIDES, "picture": PICTURE}  # by form


# fmt: off
def LSTM_derivative(dC: Matrix, dh: Matrix, v: Mapping[str, Any], form: str = "steps") -> dict[str, Matrix]:
    """The slide "[dCt-1, dxt, dht-1, d[W,b]] = LSTM_derivative(dCt, dht)", as the values `v` of `cell` need it.

    dC and dh are B×H (row layout): dL/dC_t without the path through h_t, and dL/dh_t.  Returns the derivative of
    every value under its name, in row layout.  Where the slide's routine differs from its own equations, the
    equations hold: eq. 29 gives dz24, eq. 22 takes z17 and z18, eq. 21 takes C_tilde and not its derivative,
    the sigmoids take z24, z16, z12 and z6, eq. 11 is a matrix product, and eq. 1 starts from dz1.
    """
    check_form(form)
    a = {name: value for name, value in v.items() if isinstance(value, np.ndarray)}
    d = {name: np.zeros(value.shape[::-1], value.dtype) for name, value in a.items()}     # d(variable) = 0

    def derivative(z: str, operator: str, x: str, y: str | None = None) -> None:
        """[dx, dy] += deriv(dz, x, y, operator)"""
        if y is None:
            d[x] += deriv(d[z], a[x], operator)
        else:
            dx, dy = deriv(d[z], a[x], a[y], operator)
            d[x] += dx
            d[y] += dy

    d["C"] += dC
    d["h"] += dh
    derivative("h", "∘", "o", "z25")                                                      # 31
    derivative("z25", "tanh", "C")                                                        # 30
    derivative("o", "sigmoid", "z24")                                                     # 29
    derivative("z24", "+", "z23", "b_o")                                                  # 28
    derivative("z23", "+", "z21", "z22")                                                  # 27
    derivative("z22", "*", "W_ox", "x")                                                   # 26
    derivative("z21", "+", "z19", "z20")                                                  # 25
    derivative("z20", "*", "W_oh", "h_prev")                                              # 24
    derivative("z19", "*", "W_oC", "C_prev" if form == "steps" else "C")                  # 23
    derivative("C", "+", "z17", "z18")                                                    # 22
    derivative("z18", "∘", "i", "C_tilde")                                                # 21
    derivative("z17", "∘", "f", "C_prev")                                                 # 20
    derivative("C_tilde", "sigmoid" if form == "steps" else "tanh", "z16")                # 19
    derivative("z16", "+", "z15", "b_C")                                                  # 18
    derivative("z15", "+", "z13", "z14")                                                  # 17
    derivative("z14", "*", "W_Cx", "x")                                                   # 16
    derivative("z13", "*", "W_Ch", "h_prev")                                              # 15
    derivative("i", "sigmoid", "z12")                                                     # 14
    derivative("z12", "+", "z11", "b_i")                                                  # 13
    derivative("z11", "+", "z9", "z10")                                                   # 12
    derivative("z10", "*", "W_ix", "x")                                                   # 11
    derivative("z9", "+", "z7", "z8")                                                     # 10
    derivative("z8", "*", "W_ih", "h_prev")                                               # 9
    derivative("z7", "*", "W_iC", "C_prev")                                               # 8
    derivative("f", "sigmoid", "z6")                                                      # 7
    derivative("z6", "+", "z5", "b_f")                                                    # 6
    derivative("z5", "+", "z3", "z4")                                                     # 5
    derivative("z4", "*", "W_fx", "x")                                                    # 4
    derivative("z3", "+", "z1", "z2")                                                     # 3
    derivative("z2", "*", "W_fh", "h_prev")                                               # 2
    derivative("z1", "*", "W_fC", "C_prev")                                               # 1
    return d
# fmt: on


def unrolled_derivative(
    dC: Matrix, dhs: Sequence[Matrix], steps: Sequence[Mapping[str, Any]], form: str = "steps"
) -> dict[str, Matrix]:
    """Apply `LSTM_derivative` for t = T to 1, given dL/dC_T and the part of each dL/dh_t that comes from step t's own
    loss.

    Returns the derivatives under the names that `sequence.record` gives, in row layout; d[W,b] is summed over t.
    """
    d: dict[str, Matrix] = {}
    dh = np.zeros_like(dhs[-1])
    for t in range(len(steps), 0, -1):
        now = LSTM_derivative(dC, dhs[t - 1] + dh, steps[t - 1], form)
        dC, dh = now.pop("C_prev"), now.pop("h_prev")
        for name, value in now.items():
            if name in PARAMETERS:
                d[name] = d.get(name, 0) + value
            else:
                d[f"{name}[{t}]"] = value
    return d | {"C[0]": dC, "h[0]": dh}
