"""Errors that name what to write instead, and the line that help() shows."""

import pydoc

import numpy as np
import pytest

from tests.support.points import draw
from tinyad import TABLE, Op, Tape, equations, gradients, routine, softmax, written
from tinyad.expressions.messages import ROWS, TEXTS, described

FUNCTIONS = TEXTS["functions"]


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
    message = "tape.name(locals()) or tape.name({'z': z}): expected a mapping of names to Variables, not a list"
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
        needed = f"{f.__name__}(d) takes a backward pass, d = tape.backward(...), not a Tape"
        assert said(TypeError, f, tape) == needed


@pytest.mark.parametrize(
    ("call", "phrase"),
    [
        (
            lambda v: np.clip(v, 0, 1),
            "np.clip is no operation of the table; write np.maximum(np.minimum(v, high), low)",
        ),
        (lambda v: np.where(v > 0, v, 0), "np.where is no operation of the table; write mask * v + (1 - mask) * w"),
        (np.arctan, "write it with operations of the table, or add one, arctan = Op('arctan', np.arctan, rule)"),
    ],
)
def test_what_to_write_instead(tape, call, phrase):
    assert phrase in said(TypeError, call, tape.variable(draw((4, 3))))


def test_attributes_of_arrays(tape):
    v = tape.variable(draw((4, 3)))
    assert said(AttributeError, getattr, v, "clip").endswith(f"; write {FUNCTIONS['clip']}")


@pytest.mark.parametrize(
    ("name", "values", "right"),
    [
        ("clip", {"low": 0.5, "high": 0.7}, lambda v, w: np.clip(v, 0.5, 0.7)),
        ("outer", {}, lambda v, w: np.outer(v[:, :1], w[:, :1])),
        ("inner", {}, lambda v, w: np.inner(v[:, 0], w[:, 0]).reshape(1, 1)),
        ("linalg.solve", {"A": draw((4, 4), 5), "b": draw((4, 1), 6)}, lambda v, w: None),
        ("prod", {}, lambda v, w: np.prod(v).reshape(1, 1)),
        ("where", {"mask": draw((4, 3), 7) > 0}, lambda v, w: np.where(draw((4, 3), 7) > 0, v, w)),
    ],
)
def test_what_is_written_instead_is_right(tape, name, values, right):
    a, b = draw((4, 3)) ** 2 + 0.1, draw((4, 3), 1)
    one = slice(None, 1) if name in ("outer", "inner") else slice(None)
    v, w = tape.variable(a)[:, one], tape.variable(b)[:, one]
    code = FUNCTIONS[name].partition(", for")[0]
    got = eval(code, {"np": np, "v": v, "w": w, **{k: tape.variable(x) for k, x in values.items()}}).value
    expected = np.linalg.solve(values["A"], values["b"]) if name == "linalg.solve" else right(a, b)
    assert np.allclose(got, expected)


def test_every_operation_says_what_it_does():
    assert [*ROWS] == [symbol for symbol in TABLE if symbol in ROWS]
    for symbol, op in TABLE.items():
        assert op.__doc__ == described(symbol)
        assert op.__doc__.split(":")[0] in pydoc.render_doc(op)
    assert softmax.__doc__.startswith("each column")
    assert Op("softmax", np.tanh, lambda dz, z, x: dz).__doc__ == Op.__doc__
