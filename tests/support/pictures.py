"""Tapes to draw, and what a picture shows."""

import xml.etree.ElementTree as ET

import numpy as np

from lstm_models.model import parameters
from lstm_models.sequence import record
from lstm_models.slides import MODEL
from tinyad import Tape, graph, log, sigmoid, softmax, tanh

SVG = "{http://www.w3.org/2000/svg}"
NASTY = 'a"b\\c<d>\n&é:'
SEEN = 'a"b\\c<d>\\n&é:'


def lstm(steps, form="steps"):
    """The slides' LSTM, with sizes that are all different."""
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((3, 2)) for _ in range(steps)]
    start = {"C": rng.standard_normal((4, 2)), "h": rng.standard_normal((4, 2))}
    return record(MODEL[form], start, xs, parameters(MODEL[form], 4, 3, rng))[0]


def gated(steps):
    """An LSTM without peepholes over some time steps; only gates and states have names."""
    rng = np.random.default_rng(0)
    tape = Tape()
    shapes = {"W": (4, 3), "U": (4, 4), "b": (4, 1)}
    v = tape.variables(**{f"{k}_{gate}": rng.standard_normal(shapes[k]) for k in shapes for gate in "fioc"})
    h, C = (tape.variable(rng.standard_normal((4, 2)), f"{name}[0]") for name in "hC")
    for t in range(1, steps + 1):
        x = tape.variable(rng.standard_normal((3, 2)), f"x[{t}]")
        f, i, o, C_tilde = (
            act(v[f"W_{gate}"] @ x + v[f"U_{gate}"] @ h + v[f"b_{gate}"])
            for gate, act in zip("fioc", (sigmoid, sigmoid, sigmoid, tanh), strict=True)
        )
        C = f * C + i * C_tilde
        h = o * tanh(C)
        tape.name({"f": f, "i": i, "o": o, "C_tilde": C_tilde, "C": C, "h": h}, step=t)
    return tape


def classifier():
    """A softmax classifier with its cross-entropy; only z, p and L have names."""
    rng = np.random.default_rng(0)
    tape = Tape()
    W, x, b = (rng.standard_normal(size) for size in ((4, 3), (3, 2), (4, 1)))
    v = tape.variables(W=W, x=x, b=b, Y=np.eye(4)[:, [2, 0]])
    z = v["W"] @ v["x"] + v["b"]
    p = softmax(z)
    tape.name({"z": z, "p": p, "L": -np.sum(v["Y"] * log(p)) / 2})
    return tape


def both_ways():
    """Two chains through the same time steps, one of them from the last to the first."""
    tape = Tape()
    forth, back, forths = tape.variable(1.0, "f[0]"), tape.variable(1.0, "b[4]"), {}
    for t in (1, 2, 3):
        forths[t] = forth = tanh(forth)
        tape.name({"f": forth}, step=t)
    for t in (3, 2, 1):
        back = tanh(back)
        tape.name({"b": back, "o": back * forths[t]}, step=t)
    return tape


def nasty():
    """A picture of names that are no names in DOT, XML or a terminal."""
    tape = Tape()
    x = tape.variable(np.ones((2, 1)), NASTY)
    tape.name({NASTY + "z": tanh(x), "\\N": tanh(tanh(x)), "&lt;": tanh(-x), "<b>z</b>": -x}, step=1)
    d = tape.backward({"\\N[1]": np.ones((1, 2))})
    return graph(tape, weights=[], groups={NASTY: [NASTY + "z"]}, derivatives=d, contributions=True)


def texts(drawn):
    return {text.text.replace("\xa0", " ") for text in ET.fromstring(drawn).iter(f"{SVG}text")}


def expected(picture):
    """Every line of text that a picture shows."""
    lines = [line for box in picture.drawing.boxes for line in box.lines]
    lines += [line for edge in picture.drawing.edges for line in edge.label]
    return {*lines, *(cluster.title for cluster in picture.drawing.clusters[1:])}
