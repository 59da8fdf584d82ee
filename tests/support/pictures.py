"""Tapes to draw, and what a picture shows."""

import xml.etree.ElementTree as ET

import numpy as np

from lstm_models.model import parameters
from lstm_models.sequence import record
from lstm_models.slides import MODEL
from tinyad import Tape, graph, tanh

SVG = "{http://www.w3.org/2000/svg}"
NASTY = 'a"b\\c<d>\n&é:'
SEEN = 'a"b\\c<d>\\n&é:'


def lstm(steps, form="steps"):
    """The slides' LSTM, with sizes that are all different."""
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((3, 2)) for _ in range(steps)]
    start = {"C": rng.standard_normal((4, 2)), "h": rng.standard_normal((4, 2))}
    return record(MODEL[form], start, xs, parameters(MODEL[form], 4, 3, rng))[0]


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
