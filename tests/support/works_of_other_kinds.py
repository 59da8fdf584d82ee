"""Tapes that are no recurrence of gates: classifiers, layers, and time steps of an equation of motion."""

import numpy as np

from tests.support.points import draw
from tinyad import Tape, log_softmax, relu, tanh


def classifier(B=4, dtype=np.float64):
    """Two layers, and the mean of the cross entropy over B examples."""
    tape = Tape()
    shapes = {"W": (5, 3), "b": (5, 1), "U": (4, 5), "c": (4, 1), "x": (3, B), "y": (4, B)}
    v = tape.variables(**{name: draw(shape, k, dtype) for k, (name, shape) in enumerate(shapes.items())})
    scores = v["U"] @ tanh(v["W"] @ v["x"] + v["b"]) + v["c"]
    tape.name({"L": -np.sum(v["y"] * log_softmax(scores)) / B})
    return tape


def layers(count, rows=3):
    """Layers with weights of their own, each added to what it was handed."""
    tape = Tape()
    x = tape.variable(draw((rows, 2), 1), "x")
    for k in range(1, count + 1):
        W, b = tape.variable(draw((rows, rows), 2 * k), f"W{k}"), tape.variable(draw((rows, 1), 2 * k + 1), f"b{k}")
        x = x + relu(W @ x + b)
    tape.name({"L": np.mean(x**2)})
    return tape


def oscillator(T=8, B=2):
    """Masses on springs, with friction, over T steps of Euler's; the squared distance to what was seen at each."""
    tape = Tape()
    shapes = {"K": (3, 3), "c": (3, 1), "g": (3, 1), "x": (3, B), "u": (3, B)}
    v = tape.variables(**{name: draw(shape, k) for k, (name, shape) in enumerate(shapes.items())})
    x, u, L = v["x"], v["u"], 0
    for t in range(T):
        seen = tape.variable(draw((3, B), 10 + t), f"seen[{t}]")
        x, u = x + 0.1 * u, u + 0.1 * (v["g"] - v["K"] @ x - v["c"] * u)
        L = L + np.sum((x - seen) ** 2)
    tape.name({"L": L})
    return tape


def characters(T=6, B=1):
    """A recurrent network that guesses the next of 4 letters at each time step."""
    tape = Tape()
    shapes = {"W": (5, 4), "R": (5, 5), "b": (5, 1), "U": (4, 5), "c": (4, 1), "h": (5, B)}
    v = tape.variables(**{name: draw(shape, k) for k, (name, shape) in enumerate(shapes.items())})
    h, L = v["h"], 0
    for t in range(T):
        x, y = (tape.variable(draw((4, B), 10 + 2 * t + k), f"{name}[{t}]") for k, name in enumerate("xy"))
        h = tanh(v["W"] @ x + v["R"] @ h + v["b"])
        L = L - np.sum(y * log_softmax(v["U"] @ h + v["c"]))
    tape.name({"L": L})
    return tape
