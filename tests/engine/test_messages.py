"""What is said where something else was meant, what to write instead, and the line that help() shows."""

import pydoc

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import TABLE, Op, Tape, equations, gradients, ones, routine, softmax, written
from tinyad.engine.messages import ABOUT, INSTEAD, RELU


def said(kind, call, *given):
    with pytest.raises(kind) as error:
        call(*given)
    return str(error.value)


@pytest.fixture
def tape():
    return Tape()


def test_a_name_before_its_value(tape):
    for name in (draw((4, 3)), [[1.0]]):
        assert said(TypeError, tape.variable, "W", name).startswith("variable(value, name): the value comes first")
    assert "variables(W=W, ...), or variables(**...)" in said(TypeError, tape.variables, {"W": draw((4, 3))})
    assert not tape.values
    assert [*tape.variables(**{"W": draw((4, 3))})] == ["W"]


def test_names_need_a_mapping(tape):
    v = tape.variable(draw((4, 3)))
    message = "tape.name(locals()) or tape.name({'z': z}): a mapping of names to Variables is needed, not a list"
    assert said(TypeError, tape.name, [v]) == message


def test_a_variable_of_another_tape_is_named_with_its_key(tape):
    other = Tape().variable(draw((4, 3)), "old")
    assert said(ValueError, tape.name, {"z": other}).startswith("z: Variable(old, 4×3) is on another tape")
    assert said(ValueError, lambda: tape.name({"z": other}, step=2)).startswith("z[2]: Variable(old")


def test_a_tape_where_a_walk_back_is_needed(tape):
    x = tape.variable(draw((4, 3)), "x")
    d = tape.backward({x * x: draw((3, 4), 1)})
    assert equations(d).text == equations(tape).text
    for f in (gradients, routine, written):
        needed = f"{f.__name__}(d) takes a walk back, d = tape.backward(...), not a Tape"
        assert said(TypeError, f, tape) == needed


@pytest.mark.parametrize(
    ("call", "phrase"),
    [
        (lambda v: np.mean(v, axis=0), "np.sum(a) / n is the mean of n entries, ones(a).T @ a / n that of n rows"),
        (lambda v: np.sum(v, axis=0), "ones(a).T @ a sums the rows of a, a @ ones(a.T) its columns"),
        (lambda v: np.maximum(v, 0), RELU),
        (lambda v: np.vstack([v, v]), "stack(x, y) is x on top of y, stack(x.T, y.T).T side by side"),
        (np.linalg.norm, "np.linalg.norm is no operation"),
        (np.linalg.norm, "np.sqrt(np.sum(v * v)) is the norm"),
        (lambda v: v**0.5, "write np.sqrt(v)"),
        (lambda v: v**-1, "write 1 / v"),
        (lambda v: v**3, "write v ** 3 in products"),
        (lambda v: v**1.5, "write np.exp(1.5 * np.log(v))"),
        (lambda v: v**v, "write products"),
    ],
)
def test_what_to_write_instead(tape, call, phrase):
    assert phrase in said(TypeError, call, tape.variable(draw((4, 3))))


def test_methods_of_arrays(tape):
    v = tape.variable(draw((4, 3)))
    assert INSTEAD["mean"] in said(AttributeError, getattr, v, "mean")
    assert "ones(a).T @ a sums the rows" in said(AttributeError, getattr, v, "sum")


def test_what_is_written_instead_is_right(tape):
    a = draw((4, 3)) ** 2 + 0.1
    v = tape.variable(a)
    relu = eval(RELU.partition(" = ")[2], {"Op": Op, "np": np})
    x = tape.variable(draw((4, 3)), "x")
    d = tape.backward({relu(x): draw((3, 4), 1)})
    assert np.array_equal(d["x"], draw((3, 4), 1) * (draw((4, 3)) > 0).T)
    assert np.allclose((ones(a).T @ v / 4).value, a.mean(axis=0, keepdims=True))
    for p in (0.5, -1, -2, -0.5, 1.5):
        how = said(TypeError, lambda p=p: v**p).partition("write ")[2]
        assert np.allclose(eval(how, {"np": np, "v": v}).value, a**p), p


def test_every_operation_says_what_it_does():
    assert [*ABOUT] == [symbol for symbol in ABOUT if symbol in TABLE]
    assert {*ABOUT} == {*TABLE}
    for symbol, op in TABLE.items():
        assert op.__doc__ == ABOUT[symbol]
        assert ABOUT[symbol] in pydoc.render_doc(op)
    assert softmax.__doc__.startswith("softmax(x): each column")
    assert Op("softmax", np.tanh, lambda dz, z, x: dz).__doc__ == Op.__doc__
