"""Products entry by entry: shared factors are taken out of sums, and known ones are multiplied before the loop."""

from itertools import takewhile

import numpy as np
import pytest

import tinyad
from lstm_models import sequence
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tests.support.points import draw
from tinyad import Tape, sigmoid
from tinyad.compiled import PASSES


def loop(source, name):
    """The statements of a loop over time steps."""
    lines = source.splitlines()
    begin = next(k for k, line in enumerate(lines) if line.endswith(f" in {name}:"))
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    return list(takewhile(lambda line: line.startswith(" " * (indent + 1)), lines[begin + 1 :]))


def products(lines):
    return sum("multiply(" in line for line in lines)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_shared_factor_is_taken_out_of_a_sum(dtype):
    tape = Tape()
    v = tape.variables(**{name: draw((4, 3), k, dtype) for k, name in enumerate("xyzuw")})
    tape.name({"s": v["x"] * v["y"] - v["x"] * v["z"] + v["u"] * v["z"] - v["w"] - v["u"] * v["y"]})
    program = tinyad.compile(tape, ["s"])
    assert products(program.source.splitlines()) == 2  # x (y - z) + u (z - y) - w
    assert differs(tape, {"s": draw((3, 4), 9, dtype)}, PASSES) is None


def test_a_factor_stays_where_other_values_read_the_product():
    tape = Tape()
    v = tape.variables(**{name: draw((4, 3), k) for k, name in enumerate("xyz")})
    a, b = v["x"] * v["y"], v["x"] * v["z"]
    tape.name({"a": a, "b": b, "s": a + b})
    assert products(tinyad.compile(tape, ["a", "b", "s"]).source.splitlines()) == 2
    assert differs(tape, {"s": draw((3, 4), 9)}, PASSES) is None


def test_a_factor_is_taken_out_only_where_what_is_left_has_one_size():
    tape = Tape()
    x, row, column = (tape.variable(draw(shape, k), n) for k, (n, shape) in enumerate(SIZED.items()))
    tape.name({"s": x * row + x * column + 2 * x + x * x})
    assert differs(tape, {"s": draw((3, 4), 9)}, PASSES) is None


SIZED = {"x": (4, 3), "row": (1, 3), "column": (4, 1)}


def test_the_backward_pass_of_a_gru_multiplies_the_slopes_of_its_gates_before_the_loop():
    p = ModelPoint(MODELS["gru"])
    program = tinyad.compile(p.tape, [], list(p.leaves), p.seeds)
    assert products(loop(program.source, "back")) <= 5  # of dh by n, by z and past the cell, of da_n by q and r
    assert differs(p.tape, p.seeds, PASSES) is None


def test_a_value_that_is_read_elsewhere_keeps_its_factors():
    tape = Tape()
    W, h = tape.variable(draw((3, 3), 0), "W"), tape.variable(draw((3, 2), 1), "h[0]")
    for t in range(1, 6):
        x = tape.variable(draw((3, 2), 9 + t), f"x[{t}]")
        a = h * sigmoid(x)
        b = a * tinyad.tanh(x)
        h = W @ b + a * b
        tape.name({"a": a, "h": h}, step=t)
    seeds = {"h[5]": draw((2, 3), 5), "a[2]": draw((2, 3), 6)}
    assert differs(tape, seeds, PASSES) is None
    assert differs(tape, seeds, PASSES, ["W", "x[2]", "a[3]"]) is None


@pytest.mark.parametrize("style", ["literal", "grouped"])
def test_masks_of_other_lengths_are_one_constant(style):
    def source(T):
        model, B = MODELS["sancho"], 20
        P = {name: draw(shape, k) for k, (name, shape) in enumerate(model.shapes(3, 2).items())}
        start = {name: draw((3, B), k) for k, name in enumerate(model.states)}
        lengths = np.arange(B) % T + 1
        tape, steps = sequence.record(model, start, [draw((2, B), t) for t in range(T)], P, lengths)
        ends = sequence.after(model, steps[-1])
        seeds = {v: draw((B, 3), k) for k, v in enumerate(ends.values())}
        assert differs(tape, seeds, PASSES) is None
        return tinyad.compile(tape, [], list(P), seeds, style=style).source

    assert len(source(7).splitlines()) == len(source(12).splitlines())


def test_a_constant_over_time_is_read_at_one_time_step_too():
    tape, h = Tape(), None
    x = tape.variable(draw((3, 2), 0), "x")
    masks = [(draw((1, 2), t) > 0).astype(float) for t in range(6)]
    h = x
    for t, mask in enumerate(masks, 1):
        h = tinyad.tanh(h * mask + x * (1 - mask))
        tape.name({"h": h}, step=t)
    assert differs(tape, {"h[6]": draw((2, 3), 3), "h[2]": draw((2, 3), 4)}, PASSES) is None
