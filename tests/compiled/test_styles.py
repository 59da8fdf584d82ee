"""Sources for PyTorch and JAX: run on stand-ins they give what the tape gives, and they read as written by hand.

PyTorch itself runs them in test_torch_programs, JAX in test_jax_programs.
"""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyad
from lstm_models.models import MODELS
from tests.support import goldenfiles
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tests.support.points import LSTMPoint, draw, fitting
from tests.support.random_cells import SOME, cells
from tests.support.random_programs import examples, programs, recorded
from tests.support.read_out_losses import read_out
from tests.support.sampling import sampled
from tests.support.stand_ins import stand_ins
from tests.support.works_of_other_kinds import classifier
from tinyad import TABLE, Op, Tape
from tinyad.compiled import PASSES, build
from tinyad.compiled.dialects import TORCH
from tinyad.compiled.operations import OPERATIONS

__all__ = ["stand_ins"]

STYLES = ("torch", "jax")
WITHOUT_BUFFERS = PASSES[:-1]
IN_BOTH = pytest.mark.parametrize("style", STYLES)


def with_one_row(op, dtype=np.float64):
    """Tapes of one row of the table, on Variables, and on a Variable and a constant."""
    for operands in fitting(op):
        for constant in range(3 if op.arity == 2 else 1):  # 1: y is a number or array, 2: x is
            if constant != 1 and op.symbol in ("rows", "padded"):
                continue
            a = [operand.astype(dtype) for operand in operands]
            tape = Tape()
            z = op(*(a[k] if k + constant == 2 else tape.variable(a[k], "xy"[k]) for k in range(op.arity)))
            tape.name({"z": z})
            yield tape, {"z": draw(z.shape[::-1], 4).astype(dtype)}


@IN_BOTH
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", sampled(TABLE.values(), 2), ids=str)
def test_every_row_of_the_table(stand_ins, op, dtype, style):
    for tape, seeds in with_one_row(op, dtype):
        assert differs(tape, seeds, None, style=style) is None


@IN_BOTH
@pytest.mark.parametrize("name", sampled(MODELS, 6))
def test_models(stand_ins, name, style):
    for dtype in (np.float64, np.float32):
        p = ModelPoint(MODELS[name], dtype=dtype)
        for passes in (None, WITHOUT_BUFFERS):
            assert differs(p.tape, p.seeds, passes, style=style) is None
            assert differs(p.tape, p.seeds, passes, list(p.leaves), style=style) is None


@IN_BOTH
@pytest.mark.parametrize("lengths", [None, [4, 2, 0]])
def test_a_loss_at_every_time_step(stand_ins, lengths, style):
    tape, P = read_out(3, 7, lengths)
    for passes in (None, WITHOUT_BUFFERS):
        names = ["L", "a_y[2]", *P, "W_y", "b_y", "h[0]", "x[3]"]
        assert differs(tape, "L", passes, names, style=style) is None


@examples(20, 200)
def test_straight_tapes(stand_ins, examples):
    def equal(program, dtype, style):
        tape, seeds = recorded(program, dtype)
        assert not seeds or differs(tape, seeds, None, style=style) is None

    arguments = programs(), st.sampled_from([np.float64, np.float32]), st.sampled_from(STYLES)
    settings(SOME, max_examples=examples)(given(*arguments)(equal))()


@examples(15, 200)
def test_cells_that_repeat(stand_ins, examples):
    def equal(cell, passes, style):
        tape, seeds = cell.record()
        assert differs(tape, seeds, passes, style=style) is None

    arguments = cells, st.sampled_from([None, WITHOUT_BUFFERS]), st.sampled_from(STYLES)
    settings(SOME, max_examples=examples)(given(*arguments)(equal))()


@IN_BOTH
def test_matrices_of_two_dtypes(stand_ins, style):
    tape = Tape()
    W, x = tape.variable(draw((4, 3), 1), "W"), tape.variable(draw((3, 2), 2).astype(np.float32), "x")
    tape.name({"h": tinyad.tanh(W @ x) * (W @ x > 0.1)})
    assert differs(tape, {"h": draw((2, 4), 3)}, None, style=style) is None


def kinks():
    """Expressions within calls, a mask that is no factor, and a sum that starts as a matrix that is read later."""
    tape = Tape()
    a, b = tape.variable(draw((4, 3), 1), "a"), tape.variable(draw((4, 3), 2), "b")
    m = TABLE["first_max"](a + b) + (a > b) - TABLE["column_max"](a - b)
    z = np.maximum(a + b, 0.5) * m[1:3].sum(axis=0, keepdims=True) + tinyad.sum(np.minimum(-b, 0.3))
    c = tape.variable(draw((4, 3), 3), "c")
    tape.name({"z": z, "y": c * (c + TABLE["padded"](tinyad.tanh(c[1:3]), np.array([[1, 3, 4]])))})
    return tape, {"z": draw((3, 4), 5), "y": draw((3, 4), 6)}


@IN_BOTH
def test_expressions_within_calls_keep_their_brackets(stand_ins, style):
    tape, seeds = kinks()
    for passes in (None, WITHOUT_BUFFERS):
        assert differs(tape, seeds, passes, ["z", "y", "a", "b", "c"], style=style) is None


@IN_BOTH
def test_names_of_users_are_not_those_of_the_text(stand_ins, style):
    tape = Tape()
    names = ["torch", "jax", "jnp", "np", "t", "carried", "given", "forward", "backward", "program", "zeros_like", "_"]
    leaves = [tape.variable(draw((2, 2), k), name) for k, name in enumerate(names)]
    h = leaves[0]
    for k in range(4):
        h = tinyad.tanh(sum(leaves[1:], h @ leaves[k]))
    for k in range(4):
        h = tinyad.tanh(h @ leaves[-1])
        tape.name({"t": h}, step=k)
    assert differs(tape, {"t[3]": draw((2, 2), 99)}, None, style=style) is None


# A mistake in any text of PyTorch's is found by the cases above.

OWN_TEXTS = [op for op, row in OPERATIONS.items() if row.torch]


def is_found():
    p, loss = ModelPoint(MODELS["slides"]), read_out(3, 7, None)[0]
    cases = [(p.tape, p.seeds, list(p.leaves), WITHOUT_BUFFERS), (loss, "L", ["L", "b_y"], WITHOUT_BUFFERS)]
    cases.append((classifier(), "L", ["L", "W"], WITHOUT_BUFFERS))
    cases += [(*kinks(), ["z", "y", "a", "b", "c"], passes) for passes in (None, WITHOUT_BUFFERS)]
    cases += [(*case, None, None) for op in TABLE.values() for case in with_one_row(op)]
    for tape, seeds, names, passes in cases:
        try:
            if differs(tape, seeds, passes, names, style="torch") is not None:
                return True
        except (ValueError, AssertionError):  # what it leads to may not even run
            return True
    return False


@pytest.mark.parametrize("op", sampled(OWN_TEXTS, 3))
def test_a_mistake_in_a_row_is_found(stand_ins, monkeypatch, op):
    row = OPERATIONS[op]
    monkeypatch.setitem(OPERATIONS, op, row._replace(torch=f"({row.torch} * 1.5)"))
    assert is_found()


FIELDS = [("copied", "{0}"), ("cast", "({0} * 1.5)"), ("sums", TORCH.sums[::-1])]
FIELDS += [("numbers", TORCH.numbers | {op: f"({text} * 1.5)"}) for op, text in TORCH.numbers.items()]
FIELDS += [("array", lambda how, what, dtype, like: TORCH.array(how, what, dtype, like).replace("zeros", "ones"))]


@pytest.mark.parametrize(("field", "wrong"), sampled(FIELDS, 3), ids=[f"{k}-{f[0]}" for k, f in enumerate(FIELDS)])
def test_a_mistake_in_the_dialect_is_found(stand_ins, monkeypatch, field, wrong):
    assert not is_found()
    monkeypatch.setattr(build, "TORCH", TORCH._replace(**{field: wrong}))
    assert is_found()


# What is taken and given


def small(dtype=np.float64):
    tape = Tape()
    v = tape.variables(W=draw((4, 3), 1).astype(dtype), x=draw((3, 2), 2).astype(dtype))
    h = tinyad.tanh(v["W"] @ v["x"])
    tape.name({"h": h, "L": np.sum(h * h)})
    return tape


def test_a_style_has_its_engine():
    for style in STYLES:
        for engine in {"numpy", "native", "auto", *STYLES} - {style}:
            with pytest.raises(
                ValueError, match=f'style="{style}" has an engine of its own: leave out engine="{engine}"'
            ):
                tinyad.compile(small(), ["L"], style=style, engine=engine)
        with pytest.raises(ValueError, match="the pass 'buffers' is for NumPy"):
            tinyad.compile(small(), ["L"], style=style, passes=PASSES)
    with pytest.raises(ValueError, match="unknown engine 'torch'; there are numpy, native, auto, jax"):
        tinyad.compile(small(), ["L"], engine="torch")


@IN_BOTH
def test_what_runs_in_numpy_only_is_refused(style):
    opaque = Op("opaque", lambda x: np.arctan(x), lambda dz, z, x: dz / (1 + x * x).T)
    tape = small()
    tape.name({"o": opaque(tape["h"])})
    with pytest.raises(
        ValueError, match=r'the row opaque is not in tinyad\'s table, .* compile it for NumPy \(style="lit'
    ):
        tinyad.compile(tape, ["o"], style=style)
    tape = Tape()
    tape.name({"z": tape.variable(np.ones((2, 2)) * 1j, "a") * 2})
    with pytest.raises(ValueError, match=r"complex numbers: compile it for NumPy \(style"):
        tinyad.compile(tape, ["z"], style=style)


@pytest.mark.parametrize(("style", "library"), [("torch", "PyTorch"), ("jax", "JAX")])
def test_a_source_is_written_without_the_library_and_a_run_says_what_is_missing(monkeypatch, style, library):
    monkeypatch.setitem(sys.modules, style, None)
    program = tinyad.compile(small(), ["L"], ["W"], style=style)
    assert program.source.startswith(f"import {style}\n")
    again = pickle.loads(pickle.dumps(program))
    for run in (program, again):
        with pytest.raises(
            ImportError, match=f"this program runs in {library}, which is not installed: pip install {style}"
        ):
            run()
    with pytest.raises(ValueError, match='runs on one device: compile it with engine="jax"'):
        tinyad.compile(small(), ["L"], style="torch").sharded(2, columns=["x"])


def test_results_are_the_callers_own(stand_ins):
    tape = small()
    program = tinyad.compile(tape, ["W", "h"], ["W", "h"], {"h": draw((2, 4))}, style="torch")
    W = draw((4, 3), 7)
    values, d = program(W=W)
    assert not np.shares_memory(values["W"], W)
    assert not any(np.shares_memory(d["h"], a) for a in tape.values)


@IN_BOTH
def test_what_it_looks_like(style):
    p = LSTMPoint()
    program = tinyad.compile(p.tape, ["h[3]"], list(p.leaves), p.seeds, style=style)
    goldenfiles.check(f"compiled-slides-{style}.txt", program.source.rstrip("\n"))


def test_the_source_does_not_grow_with_time():
    def lines(T, style):
        p = LSTMPoint(sizes=(7, 11, 2, T))
        return len(tinyad.compile(p.tape, [f"h[{T}]"], list(p.leaves), {f"h[{T}]": p.dhs[-1]}, style=style).source)

    for style in STYLES:
        assert abs(lines(30, style) - lines(90, style)) < 5
