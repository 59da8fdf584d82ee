"""The pages that are looked at in a browser."""

import numpy as np

from lstm_models.example import example
from lstm_models.models import MODELS
from lstm_models.slides import GATES
from tests.support.checked_sources import checked
from tests.support.pictures import both_ways
from tinyad import Tape, explore, report, tanh


def write_pages(folder):
    """A file for each."""
    d, hand = example(MODELS["slides"])
    hand["C[1]"] = hand["C[1]"] - d.tape["W_oC"].value.T @ hand["z24[2]"]  # eq. 23 of t = 2 is lost
    pages = {"report": report(d, hand, "same", groups=GATES, fold=[]).html}
    pages["plain"] = report(d, groups=GATES, fold=[]).html
    pages["first screen"] = report(d, hand, "same", groups=GATES).html
    pages["first screen, right"] = report(d, groups=GATES).html
    pages |= {name: checked(name).html() for name in ("slides", "vardhan", "sancho")}
    pages["pieces"] = alone(explore(d, groups=GATES, fold=[1, "candidate"]), explore(d, fold=[]))
    tape = Tape()
    pages["a leaf"] = alone(explore(tape.backward(tape.variable(2.0, "x"))))
    pages["a circle"] = alone(explore(both_ways().backward({"o[1]": 1.0})))
    pages["tall"], pages["many"] = alone(explore(tall())), alone(explore(many()))
    pages["no boxes"] = alone(explore(only_a_weight()))
    pages["names"] = alone(explore(odd().backward({"o'dd]": 1.0}), groups={'a"b': ["o'dd]"]}))
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")


def alone(*pieces):
    inside = "".join(piece.html for piece in pieces)
    return f"<!DOCTYPE html><meta charset=utf-8><title>pieces</title><body>{inside}</body>"


def tall():
    """Sixty time steps, folded at first, and a sum over all of them."""
    tape = Tape()
    v, errors = tape.variables(W=np.eye(2) / 2, U=np.eye(2)), []
    h = tape.variable(np.zeros((2, 1)), "h[0]")
    for t in range(1, 61):
        h = tanh(v["W"] @ h + v["U"] @ tape.variable(np.ones((2, 1)), f"x[{t}]"))
        errors.append(np.sum(h * h))
        tape.name({"h": h, "e": errors[-1]}, step=t)
    return tape.backward(sum(errors[1:], errors[0]))


def many():
    tape = Tape()
    x = tape.variable(0.5, "x")
    parts = [tanh(x) for _ in range(250)]
    return tape.backward(sum(parts[1:], parts[0]))


def only_a_weight():
    tape = Tape()
    return tape.backward(tape.variable(2.0, "W"))


def odd():
    tape = Tape()
    tape.name({"o'dd]": tanh(tape.variable(2.0, "<x>\\"))})
    return tape
