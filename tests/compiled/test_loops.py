"""Loops are found as people write them, once for all time steps; sums of like terms are no time steps."""

import numpy as np
import pytest

import tinyad
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.gated_losses import FORMS, gated
from tests.support.modelpoints import ModelPoint
from tests.support.points import draw
from tinyad import Tape, tanh
from tinyad.compiled import PASSES


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("losses", FORMS)
def test_a_body_occurs_once(losses, named):
    names = ["W", "R", "b", "y"]
    lengths = set()
    for T in (3, 4, 9):
        tape = gated(T, losses, named)
        assert differs(tape, "L", PASSES, ["L", *names]) is None
        source = tinyad.compile(tape, ["L"], names, style="literal").source
        assert source.count("np.tanh") == 1
        lengths.add(source.count("\n"))
    assert len(lengths) == 1 or losses == "a mean"  # which names every time step in a stack


@pytest.mark.parametrize("losses", FORMS)
def test_losses_are_added_up_behind_the_loop(losses):
    literal = tinyad.compile(gated(5, losses), ["L"], ["W"], passes=["dead", "loops", "sums"]).source
    forward = literal[literal.index("for t in range") :].split("\n    for t in reversed")[0]
    states = [line for line in forward.split("\n") if line.startswith("        ") and line.count(" = ") == 1][-1]
    assert states.count(",") == 0, states  # h alone is handed on


@pytest.mark.parametrize("start", [0, 0.0, np.zeros((1, 1)), np.zeros((4, 2))])
def test_a_sum_of_matrices_starts_at_zero(start):
    def recorded(T):
        tape = Tape()
        W, R = tape.variable(draw((4, 3), 1) / 2, "W"), tape.variable(draw((4, 4), 2) / 2, "R")
        h, total = tape.variable(draw((4, 2), 3), "h"), start
        states = []
        for t in range(T):
            h = tanh(W @ draw((3, 2), 4 + t) + R @ h)
            states.append(h)
        for h in states:
            total = total + h * h
        tape.name({"L": np.sum(total)})
        return tape

    sources = [tinyad.compile(recorded(T), ["L"], ["W", "R"], passes=PASSES).source for T in (5, 12)]
    assert len({source.count("\n") for source in sources}) == 1
    for passes in (PASSES, ("dead", "loops"), ("loops", "sums"), ("dead",), ()):
        assert differs(recorded(5), "L", passes, ["L", "W", "R"]) is None
    assert ".fill(0)" not in sources[0]  # no time step is put among others that are 0


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_a_sum_of_like_terms_is_no_loop(count):
    for products in (False, True):
        tape = Tape()
        terms = []
        for k in range(count):
            A, x = tape.variable(draw((4, 3), k), f"A{k}"), tape.variable(draw((3, 3), 10 + k), f"x{k}")
            terms.append(A @ x if products else A)
        z = terms[0]
        for term in terms[1:]:
            z = z + term
        tape.name({"h": tanh(z)})
        program = tinyad.compile(tape, ["h"], ["A0", "A1"], {"h": draw((3, 4), 30)}, style="literal")
        assert "for t in" not in program.source
        assert differs(tape, {"h": draw((3, 4), 30)}, PASSES) is None


def test_examples_one_by_one_are_rounds_of_a_loop():
    tape, L = Tape(), 0
    W, b = tape.variable(draw((4, 3), 1), "W"), tape.variable(draw((4, 1), 2), "b")
    for k in range(6):
        x, y = tape.variable(draw((3, 1), 3 + k), f"x[{k}]"), tape.variable(draw((4, 1), 9 + k), f"y[{k}]")
        L = L + np.sum((tanh(W @ x + b) - y) ** 2)
    tape.name({"L": L})
    assert tinyad.compile(tape, ["L"], ["W", "b"], style="literal").source.count("np.tanh") == 1
    assert differs(tape, "L", PASSES, ["L", "W", "b", "x[2]"]) is None


def test_what_is_the_same_in_all_rounds_is_added_so_often():
    tape = Tape()
    a, b, h = (tape.variable(draw((2, 2), k), name) for k, name in enumerate("abh"))
    total = a
    for _ in range(4):
        h, total = tanh(h), total + b
    tape.name({"z": h, "L": total})
    for passes in (PASSES, ["loops", "sums"], ["loops", "sums", "hoist"]):
        assert differs(tape, {"L": draw((2, 2), 3)}, passes, ["L", "z", "a", "b"]) is None, passes


@pytest.mark.parametrize("name", MODELS)
def test_sums_within_a_time_step_stay_as_they_are(name):
    p = ModelPoint(MODELS[name])
    forward = tinyad.compile(p.tape, list(p.seeds), [], style="literal").source
    assert "np.zeros(" not in forward
    assert forward.count(" for ") == 1
