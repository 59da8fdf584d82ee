"""A recurrence in every time step is a loop in the loop: its rounds are written once, and give what the tape gives."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyad
from tests.support.compiled_difference import differs
from tests.support.native_interpreted import interpreted
from tests.support.nested_cells import leaves, nested_cells
from tests.support.points import draw
from tests.support.random_cells import SOME
from tests.support.random_programs import examples
from tinyad import Tape, tanh
from tinyad.compiled import PASSES, backward, forward

__all__ = ["interpreted"]

LITERAL = ("dead", "loops")
subsets = st.one_of(
    st.sampled_from([LITERAL, PASSES[:-1]]), st.lists(st.sampled_from(PASSES[:-1]), unique=True).map(tuple)
)


def fixed_point(T=4, K=3, layers=False, words=False, other=()):
    """h_t from z_1, z_2, ... z_K, where z_k = tanh(R z_{k-1} + W x_t).

    `layers`: each has a parameter of its own; `words`: each has an input of its own, `other` ones by name.
    """
    tape = Tape()
    W, U = tape.variable(draw((3, 2), 1), "W"), tape.variable(draw((3, 3), 2), "U")
    R = [tape.variable(draw((3, 3), 3 + k), f"R{k}") for k in range(K if layers else 1)]
    h = tape.variable(draw((3, 2), 30), "h[0]")
    for t in range(1, T + 1):
        z, a = h, W @ tape.variable(draw((2, 2), 100 * t), f"x[{t}]")
        for k in range(K):
            if words:
                name = f"word{k}[{t}]"
                a = W @ tape.variable(dict(other).get(name, draw((2, 2), 100 * t + k)), name)
            z = tanh(R[k if layers else 0] @ z + a)
        h = tanh(U @ h + z)
        tape.name({"h": h}, step=t)
    tape.name({"L": np.sum(h * h)})
    return tape


def examples_of_sentences(E=4, T=6):
    """A loss over examples, each of T time steps."""
    tape, L = Tape(), 0
    W, R = tape.variable(draw((3, 2), 1), "W"), tape.variable(draw((3, 3), 2), "R")
    for e in range(E):
        h = np.zeros((3, 1))
        for t in range(T):
            h = tanh(W @ tape.variable(draw((2, 1), 10 * e + t), f"x{t}[{e}]") + R @ h)
        L = L + np.sum((h - tape.variable(draw((3, 1), 100 + e), f"y[{e}]")) ** 2)
    tape.name({"L": L})
    return tape


def literal(tape, names=("W",)):
    return tinyad.compile(tape, ["L"], names, style="literal").source


def loops(source):
    return re.findall(r"^ *for (\w+) in (.*):$", source, flags=re.MULTILINE)


def test_the_rounds_are_written_once():
    lengths = set()
    for K in (3, 5, 20):
        tape = fixed_point(K=K)
        source = literal(tape, ["W", "U", "R0", "h[0]", "x[2]"])
        rounds = [("t", "range(4)"), ("k", f"range({K})")]
        assert loops(source) == rounds + [(name, f"reversed({count})") for name, count in rounds]
        assert source.count("np.tanh") == 2
        assert differs(tape, "L", LITERAL) is None
        lengths.add(source.count("\n"))
    assert len(lengths) == 1


def test_time_steps_of_examples_are_a_loop_in_the_loop_over_examples():
    tape = examples_of_sentences()
    source = literal(tape)
    assert [count for _, count in loops(source)] == [f"range({n})" for n in (4, 6)] + [
        f"reversed(range({n}))" for n in (4, 6)
    ]
    assert source.count("np.tanh") == 1
    for passes in (LITERAL, PASSES[:-1], PASSES):
        assert differs(tape, "L", passes) is None


def test_what_every_round_of_every_time_step_reads_is_one_argument():
    names = ["word0[1]", "word4[3]", "word2[4]", "W"]
    program = tinyad.compile(fixed_point(K=5, words=True), ["L"], names, style="literal")
    assert re.findall(r"def program\((.*)\)", program.source) == ["W, U, R0, h_0, word0s, dL"]
    other = {name: draw((2, 2), 7 + k) for k, name in enumerate(names[1:3])}
    tape = fixed_point(K=5, words=True, other=other)
    _, d = program(other)
    for name in names:
        np.testing.assert_allclose(d[name], tape.backward("L")[name], rtol=1e-12)


def test_layers_and_two_rounds_are_written_out():
    for tape in (fixed_point(K=4, layers=True), fixed_point(K=2)):
        assert {name for name, _ in loops(literal(tape))} == {"t"}
        assert differs(tape, "L", LITERAL) is None


def test_a_name_k_stays():
    tape, k = Tape(), 0
    k = tape.variable(draw((2, 2), 1), "k")
    h = tape.variable(draw((2, 2), 2), "h")
    for _ in range(4):
        z = h
        for _ in range(4):
            z = tanh(k @ z)
        h = h + tanh(z)
    tape.name({"L": np.sum(h * h)})
    source = literal(tape, ["k"])
    assert "def program(k, h, dL)" in source
    assert ("k_2", "range(4)") in loops(source)
    assert differs(tape, "L", LITERAL) is None


def off(found, true):
    """How far derivatives are from those of another tape of the same cell, at most."""
    return max(np.abs(found[name] - true[name]).max(initial=0) for name in leaves(true.tape))


@examples(12, 600)
def test_random_cells(examples):
    def equal(cell, passes):
        state = cell.rng.bit_generator.state
        tape, seeds = cell.record()
        found = differs(tape, seeds, passes) or differs(tape, seeds, passes, leaves(tape))
        if not found or cell.dtype is np.float64:
            assert found is None
            return
        # float32, and long recurrences: the same in float64, and at most three bits less exact than the tape itself
        cell.rng.bit_generator.state, cell.dtype = state, np.float64
        exact, exact_seeds = cell.record()
        assert differs(exact, exact_seeds, passes) is None
        assert differs(exact, exact_seeds, passes, leaves(exact)) is None
        true = exact.backward(exact_seeds)
        _, d = tinyad.compile(tape, leaves(tape), leaves(tape), seeds, passes=passes)()
        assert off(d, true) <= 8 * off(tape.backward(seeds), true)

    settings(SOME, max_examples=examples)(given(nested_cells, subsets)(equal))()


@examples(5, 200)
def test_random_cells_as_machine_code(interpreted, examples):
    def equal(cell, passes):
        tape, seeds = cell.record()
        assert differs(tape, seeds, passes, engine="native") is None
        assert differs(tape, seeds, passes, leaves(tape), "native") is None

    settings(SOME, max_examples=examples)(given(nested_cells, subsets)(equal))()


def test_machine_code_does_not_grow_with_the_rounds(interpreted):
    few, many = (tinyad.compile(fixed_point(K=K), ["L"], ["W"], engine="native").source for K in (3, 30))
    assert few.count("\n") == many.count("\n")


def test_planned_memory_writes_the_rounds_out():
    tape = fixed_point()
    source = tinyad.compile(tape, ["L"], ["W"]).source
    assert source.count("tanh(") == 4
    assert differs(tape, "L", PASSES) is None


def rounds_forgotten(real):
    return lambda self, round_, j, c: real(self, round_, j, c) if round_.body.inner(j) is None else None


def another_round(real):
    def read(operands, repeat):
        found = real(operands, repeat)
        return found._replace(sources=found.sources[::-1]) if len(found.sources) > 1 else found

    return read


@pytest.mark.parametrize(
    ("where", "function", "mistake"),
    [(backward.Backward, "_to_step", rounds_forgotten), (forward, "_operand_in", another_round)],
)
def test_a_mistake_is_found(monkeypatch, where, function, mistake):
    tape = fixed_point(words=True)
    assert differs(tape, "L", LITERAL) is None
    monkeypatch.setattr(where, function, mistake(getattr(where, function)))
    assert differs(tape, "L", LITERAL) is not None
