"""The native engine: its loops give what the tape gives, run in Python entry by entry, and as machine code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyad
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.gated_losses import FORMS, gated
from tests.support.modelpoints import ModelPoint
from tests.support.native_interpreted import interpreted
from tests.support.points import draw
from tests.support.random_cells import SOME, cells, subsets
from tests.support.random_programs import examples, programs, recorded
from tests.support.sampling import sampled
from tinyad import Op, Tape
from tinyad.compiled import PASSES, native_source

__all__ = ["interpreted"]


def is_known(tape):
    return all(op.symbol not in ("inv",) for op, *_ in tape.steps)


@examples(40, 400)
def test_straight_tapes(interpreted, examples):
    def straight(program, passes, dtype_is_single):
        tape, seeds = recorded(program, np.float32 if dtype_is_single else np.float64)
        if seeds and is_known(tape):
            assert differs(tape, seeds, passes, engine="native") is None

    settings(SOME, max_examples=examples)(given(programs(), subsets, st.booleans())(straight))()


@examples(40, 600)
def test_cells_that_repeat(interpreted, examples):
    def repeats(cell, passes):
        tape, seeds = cell.record()
        assert differs(tape, seeds, passes, engine="native") is None
        leaves = [tape.label(i) for i in range(len(tape.values)) if tape.label(i)[0] in "spx"]
        assert differs(tape, seeds, passes, leaves, engine="native") is None

    settings(SOME, max_examples=examples)(given(cells, subsets)(repeats))()


@pytest.mark.parametrize("name", sampled(MODELS, 3))
def test_models(interpreted, name):
    for dtype in (np.float64, np.float32):
        p = ModelPoint(MODELS[name], dtype=dtype)
        names = [*p.leaves, *p.seeds, next(iter(p.tape.names.values()))]
        assert differs(p.tape, p.seeds, PASSES, names, engine="native") is None
        assert differs(p.tape, p.seeds, PASSES, engine="native") is None


@pytest.mark.parametrize("losses", FORMS)
def test_losses_at_every_time_step(interpreted, losses):
    for T in (2, 5):
        assert differs(gated(T, losses), "L", PASSES, ["L", "W", "R", "b", "y"], engine="native") is None


def test_rows_of_inputs_before_a_loop_of_large_states(interpreted):
    """What is component-wise and large stays in the loop, and so does the product that reads it."""
    tape, L = Tape(), 0
    U, R = tape.variable(draw((20, 18), 1), "U"), tape.variable(draw((20, 20), 2) / 9, "R")
    h = tape.variable(draw((20, 16), 3), "h[0]")
    for t in range(5):
        x = tape.variable(draw((18, 16), 4 + t), f"x[{t}]")
        h = tinyad.tanh(U @ tinyad.tanh(x * x) / 9 + R @ h)
        L = L + np.sum(h * h)
    tape.name({"L": L})
    for engine in ("numpy", "native"):
        assert differs(tape, "L", PASSES, ["L", "U", "R", "x[2]"], engine=engine) is None


def test_what_has_no_machine_code_is_refused(interpreted):
    tape = Tape()
    A = tape.variable(draw((3, 3)) + 3 * np.eye(3), "A")
    tape.name({"B": tinyad.inv(A)})
    with pytest.raises(ValueError, match="there is no machine code for the operation inv"):
        tinyad.compile(tape, ["B"], engine="native")
    cube = Op("cube", lambda x: x**3, lambda dz, z, x: 3 * dz * (x * x).T)
    tape = Tape()
    tape.name({"y": cube(tape.variable(draw((2, 3)), "x"))})
    with pytest.raises(ValueError, match="operation cube"):
        tinyad.compile(tape, ["y"], engine="native")
    assert tinyad.compile(tape, ["y"], engine="auto")()[0]["y"].shape == (2, 3)
    tape = Tape()
    tape.name({"y": tinyad.tanh(tape.variable(draw((2, 3)) + 1j, "x"))})
    with pytest.raises(ValueError, match="float64 or in float32 alone, and this tape has complex128"):
        tinyad.compile(tape, ["y"], engine="native")


def test_what_would_be_compiled_for_minutes_is_refused(interpreted, monkeypatch):
    p = ModelPoint(MODELS["slides"])
    monkeypatch.setattr(native_source, "MOST_LINES", 800)
    assert tinyad.compile(p.tape, [], list(p.leaves), p.seeds, engine="native").source.count("\n") < 400
    with pytest.raises(ValueError, match="lines takes too long to become machine code"):
        tinyad.compile(p.tape, [], list(p.leaves), p.seeds, passes=["dead"], engine="native")


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(tinyad.compiled.native_engine, "NEEDED", ("numpy", "no_such_package"))
    tape = gated(3, "from 0")
    with pytest.raises(ImportError, match="needs no_such_package: pip install no_such_package"):
        tinyad.compile(tape, ["L"], engine="native")
    assert tinyad.compile(tape, ["L"], engine="auto")()[0]["L"].shape == (1, 1)
    with pytest.raises(ValueError, match="unknown engine 'fast'; there are numpy, native, auto"):
        tinyad.compile(tape, ["L"], engine="fast")


def a_row_too_far(real):
    return lambda self, own, shape: (p := real(self, own, shape))._replace(start=p.start + (own != shape))


def never_in_the_next_round(real):
    return lambda self, v: (p := real(self, v)) and p._replace(phase=0)


def never_added(real):
    return lambda self, out, part, shape, sign: None


PLANTED = [
    (native_source.Place, "repeated", a_row_too_far),
    (native_source.NativeSource, "_turned", never_in_the_next_round),
    (native_source.NativeSource, "_added", never_added),
    (native_source.NativeSource, "_is_view", lambda real: lambda self, v: v.op != "step" and real(self, v)),
]


@pytest.mark.parametrize(("where", "name", "mistake"), PLANTED, ids=[p[1] for p in PLANTED])
def test_a_mistake_in_the_writer_is_found(interpreted, monkeypatch, where, name, mistake):
    def found():
        tapes = [(gated(4, "from 0"), "L")]
        tapes += [((p := ModelPoint(MODELS[m])).tape, p.seeds) for m in ("slides", "gru-before")]
        given = Tape()
        p, h, seeds = given.variable(draw((4, 3)), "p"), given.variable(draw((4, 3), 1), "h[0]"), {}
        for t in range(4):
            seeds[p + h] = draw((3, 4), t)
            h = tinyad.tanh(h)
        tapes.append((given, seeds))
        try:
            return any(
                differs(tape, seeds, passes, engine="native") is not None
                for tape, seeds in tapes
                for passes in (PASSES, ("dead", "loops"))
            )
        except Exception:  # what it leads to may not even run
            return True

    assert not found()
    monkeypatch.setattr(where, name, mistake(getattr(where, name)))
    assert found()
