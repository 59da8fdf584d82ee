"""A recurrent network with a loss at each time step, written in the ways in which people add losses up."""

import numpy as np

from tests.support.points import draw
from tinyad import Tape, sigmoid, tanh


def gated(T, losses, named=False):
    """h_t = f_t ∘ h_{t-1} + (1 - f_t) ∘ tanh(R h_{t-1} + x_t), with a squared error at each time step."""
    tape, L, errors = Tape(), 0, []
    v = tape.variables(W=draw((4, 4), 1), R=draw((4, 4), 2), b=draw((4, 1), 3), y=draw((4, 3), 4))
    h = np.zeros((4, 3)) if losses == "states from a constant" else tape.variable(draw((4, 3), 5), "h[0]")
    for t in range(1, T + 1):
        x = tape.variable(draw((4, 3), 5 + t), f"x[{t}]")
        f = sigmoid(v["W"] @ h + v["b"])
        h = f * h + (1 - f) * tanh(v["R"] @ h + x)
        e = np.mean((h - v["y"]) ** 2)
        errors.append(e)
        L = e if losses == "from the first" and t == 1 else (e + L if losses == "on the right" else L + e)
        if named:
            tape.name({"f": f, "h": h, "e": e}, step=t)
    if losses == "a list":
        L = sum(errors)
    elif losses == "a mean":
        L = np.mean(np.vstack(errors))
    tape.name({"L": L})
    return tape


FORMS = ["from 0", "from the first", "on the right", "a list", "a mean", "states from a constant"]
