"""Works without gates: what a careful hand does not compute, copy or lay out, a program does not either."""

import numpy as np
import pytest

import tinyad
from tests.support.compiled_difference import differs
from tests.support.points import draw
from tests.support.works_of_other_kinds import characters, classifier, layers, oscillator
from tinyad import Tape, softmax, softmax_rows, tanh
from tinyad.compiled import PASSES

LOOP = "time steps"
WORKS = {
    "classifier": classifier,
    "two layers": lambda: layers(2),
    "five layers": lambda: layers(5),
    "oscillator": oscillator,
    "one oscillator": lambda: oscillator(B=1),
    "letters": characters,
    "letters of three": lambda: characters(B=3),
}


def program(tape, *asked, **options):
    names = [v for v in asked or tape.names.values() if v != "L"]
    return tinyad.compile(tape, ["L"], names, "L", **options)


def body(source):
    """The statements of program()."""
    return source.partition("def program")[2]


def loops(source):
    """The statements of each loop over time steps."""
    parts = [part.partition(" in ")[2].split("\n        ") for part in body(source).split("        for ")[1:]]
    return [[line for line in lines[1:] if line.startswith("    ") and "(" in line] for lines in parts]


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("without", ["", *PASSES[1:]])
def test_a_program_gives_what_the_tape_gives(work, without):
    tape = WORKS[work]()
    assert differs(tape, "L", [name for name in PASSES if name != without]) is None


def test_the_logarithm_of_softmax_and_its_derivative_share_a_power():
    source = program(classifier(), "W").source
    assert body(source).count(" exp(") == 1
    assert "softmax(" not in source


@pytest.mark.parametrize("row", [softmax, softmax_rows])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
def test_softmax_is_written_entry_by_entry(row, dtype):
    tape = Tape()
    x = tape.variable(draw((4, 3), 1, dtype), "x")
    tape.name({"p": row(x)})
    assert ("def softmax" in tinyad.compile(tape, ["p"]).source) == (dtype is np.complex128)
    assert differs(tape, {"p": draw((3, 4), 2, dtype)}, PASSES) is None


def test_softmax_of_large_numbers_does_not_overflow():
    tape = Tape()
    tape.name({"p": softmax(tape.variable([[1000.0], [999.0], [-1000.0]], "x"))})
    values, _ = tinyad.compile(tape, ["p"])()
    np.testing.assert_allclose(values["p"], tape["p"].value, rtol=1e-15)


def test_a_sum_of_products_is_one_call_for_each():
    tape = Tape()
    v = tape.variables(**{name: draw((4, 3), k) for k, name in enumerate("abcd")})
    tape.name({"L": np.sum(v["a"] * v["b"] - v["c"] * v["d"])})
    source = body(tinyad.compile(tape, ["L"]).source)
    assert source.count("vdot(") == 2
    assert "multiply(" not in source


def test_what_something_else_reads_stays_a_product():
    tape = Tape()
    v = tape.variables(a=draw((4, 3), 1), b=draw((4, 3), 2))
    p = v["a"] * v["b"]
    tape.name({"p": p, "L": np.sum(p)})
    values, _ = tinyad.compile(tape, ["L", "p"])()
    np.testing.assert_allclose(values["p"], p.value)
    np.testing.assert_allclose(values["L"], tape["L"].value)


def test_numbers_that_multiply_a_matrix_are_one_factor():
    tape = Tape()
    v = tape.variables(a=draw((4, 3), 1), b=draw((4, 3), 2))
    tape.name({"y": -(2 * (v["a"] / 8)) * 3, "z": -(v["b"] / 8)})
    source = body(tinyad.compile(tape, ["y", "z"]).source)
    assert (source.count("multiply("), source.count("divide("), source.count("negative(")) == (1, 1, 0)


@pytest.mark.parametrize("number", [1e-200, 1e200])
def test_numbers_are_not_merged_to_zero_or_to_infinity(number):
    tape = Tape()
    x = tape.variable(draw((4, 3), 1) / number, "x")
    tape.name({"y": x * number * number})
    values, _ = tinyad.compile(tape, ["y"])()
    np.testing.assert_allclose(values["y"], tape["y"].value)


def test_a_square_is_derived_with_one_product():
    tape = Tape()
    v = tape.variables(x=draw((4, 3), 1), y=draw((4, 3), 2))
    tape.name({"L": np.mean((v["x"] - v["y"]) ** 2)})
    assert body(program(tape, "x").source).count("multiply(") == 2  # of dL with a number, and of the rest with that


def test_a_number_from_outside_is_no_matrix():
    """NumPy takes more than twice as long for a 1×1 matrix times another one."""
    source = body(program(classifier(), "W").source)
    assert "_scalar, y, " in source


def test_a_result_is_made_where_it_is_computed():
    tape = Tape()
    v = tape.variables(W=draw((4, 3), 1), x=draw((3, 2), 2))
    tape.name({"L": np.sum(v["W"] @ v["x"]) + np.sum(v["W"] ** 2)})
    assert "dW.copy()" not in program(tape).source


def test_each_run_has_results_of_its_own():
    tape = layers(2)
    compiled = program(tape)
    _, first = compiled()
    kept = {name: d.copy() for name, d in first.items()}
    compiled(x=draw((3, 2), 7))
    assert all(np.array_equal(first[name], kept[name]) for name in kept)


def test_a_few_layers_are_written_out_and_time_steps_are_a_loop():
    assert LOOP not in program(layers(3)).source
    assert LOOP in program(layers(5)).source
    assert LOOP in program(oscillator(2)).source
    assert LOOP in program(characters(2)).source


def test_large_factors_outside_loops_are_not_copied_into_one():
    tape = Tape()
    v = tape.variables(x=draw((40, 30), 1), W=draw((30, 20), 2), b=draw((1, 20), 3))
    tape.name({"L": np.sum(tanh(v["x"] @ v["W"] + v["b"]) ** 2)})
    assert "concatenate" not in program(tape, "W", "b").source


def test_what_a_later_pass_reads_over_time_is_computed_once():
    """At 2,000 entries component-wise work stays in a loop; that on what has left it does not."""
    tape = characters(B=500)
    assert program(tape, "U").source.count("maximum.reduce(") == 1


def test_numbers_in_a_recurrence_go_into_its_other_factors():
    forward, back = loops(program(oscillator(), "K", "c", "g", "x", "u").source)
    assert (len(forward), len(back)) == (7, 7)


def test_single_columns_are_not_laid_out():
    source = program(characters(), "W", "R", "b", "U", "c").source
    assert "matmul" not in source
    assert "transpose" not in source
