"""Programs of tapes with slices, reductions, powers and kinks: loops are found, and values are right."""

import pickle
import re

import numpy as np
import pytest

import tinyad
from tests.support.compiled_difference import differs
from tests.support.points import draw
from tests.support.sampling import sampled
from tinyad import Op, Tape, relu, sigmoid, softplus
from tinyad.compiled import PASSES
from tinyad.compiled.loop_detection import Steps

LITERAL = ("dead", "loops")
CHOICES = [PASSES, LITERAL, ("dead",), (), *(tuple(set(PASSES) - {name}) for name in PASSES)]
H, X, B, T = 3, 4, 2, 5


def gated(dtype=np.float64, steps=T):
    """A recurrent cell whose four gates are slices of one matrix, normalized over its rows."""
    tape = Tape()
    W, U, b, g = (
        tape.variable(draw(shape, k, dtype) / 2, name)
        for k, (name, shape) in enumerate({"W": (4 * H, X), "U": (4 * H, H), "b": (4 * H, 1), "g": (1, 1)}.items())
    )
    h, c = (tape.variable(draw((H, B), k, dtype), f"{name}[0]") for k, name in ((5, "h"), (6, "c")))
    for t in range(1, steps + 1):
        x = tape.variable(draw((X, B), 10 + t, dtype), f"x[{t}]")
        z = W @ x + U @ h + b
        i, f, o, n = sigmoid(z[:H]), sigmoid(z[H : 2 * H]), softplus(z[2 * H : 3 * H]), relu(z[3 * H :])
        c = np.maximum(f * c, i * n) - 0.1 * np.tanh(c) ** 3
        m = np.mean(c, axis=0, keepdims=True)
        s = np.sqrt(np.mean(np.square(c - m), axis=0, keepdims=True) + 0.1)
        h = np.tanh((c - m) / s * g) * o + (c > 0) * abs(c) - np.max(c, axis=0, keepdims=True) * (c <= 0.2)
        tape.name({"h": h, "c": c}, step=t)
    return tape, {f"h[{steps}]": draw((B, H), 7, dtype), f"c[{steps}]": draw((B, H), 8, dtype)}


@pytest.mark.parametrize("dtype", [np.float64, pytest.param(np.float32, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "passes", sampled([(choice,) for choice in CHOICES], 3), ids=lambda passes: "+".join(sorted(passes)) or "none"
)
def test_gates_that_are_slices(passes, dtype):
    tape, seeds = gated(dtype)
    assert differs(tape, seeds, passes, ["W", "U", "b", "g", "h[0]", "x[2]", "h[3]"]) is None
    assert differs(tape, seeds, passes) is None


def test_slices_and_reductions_stop_no_loop():
    tape, _ = gated()
    assert [(repeat.times, repeat.period * T) for repeat in Steps.of_tape(tape)[0].repeats()] == [(T, len(tape))]


@pytest.mark.parametrize("style", ["literal", "grouped"])
def test_the_text_has_all_that_it_needs(style):
    tape, seeds = gated(steps=7)  # at 5 and 6 two buffers happen to be of one size, and are one
    program = tinyad.compile(tape, "h[7]", ["W", "U", "x[2]"], seeds, style=style)
    assert "# calls" not in program.source
    values, d = pickle.loads(pickle.dumps(program))()
    assert np.allclose(values["h[7]"], tape["h[7]"].value, rtol=1e-12)
    assert np.allclose(d["U"], tape.backward(seeds)["U"], rtol=1e-11)
    longer, its_seeds = gated(steps=19)
    text = tinyad.compile(longer, "h[19]", ["W", "U", "x[2]"], its_seeds, style=style).source
    assert len(text.splitlines()) == len(program.source.splitlines())


def test_what_a_person_would_write():
    tape = Tape()
    x, y = tape.variable(draw((4, 3)), "x"), tape.variable(np.abs(draw((4, 3), 1)), "y")
    tape.name({"a": np.maximum(x, y) + relu(x), "b": y**1.5 - abs(x), "c": (x > y) * x, "d": x[1:3], "e": x >= 0})
    tape.name(
        {"s": np.sin(x) * softplus(x), "m": np.max(x, axis=0, keepdims=True), "u": np.mean(x, axis=1, keepdims=True)}
    )
    source = tinyad.compile(tape, list("abcdesmu"), style="literal").source
    lines = [line.strip() for line in source.splitlines()]
    for line in (
        "a = np.maximum(x, y) + np.maximum(x, 0)",
        "b = y ** 1.5 - np.abs(x)",
        "c = (x > y) * x",
        "e = (x >= 0).astype(np.float64)",
        "s = np.sin(x) * np.logaddexp(0, x)",
        "m = x.max(axis=-2, keepdims=True)",
        "u = x.sum(axis=-1, keepdims=True) / 3",
    ):
        assert line in lines, source
    assert "x[1:3].copy()" in source


def test_gates_that_look_the_same_are_no_loop():
    """Slices of one size of other rows: a loop over them would need another slice in every round."""
    tape = Tape()
    z = tape.variable(draw((10, 3)), "z")
    total = sigmoid(z[:2])
    for k in range(1, 5):
        total = total + sigmoid(z[2 * k : 2 * k + 2])
    tape.name({"total": total})
    assert Steps.of_tape(tape)[0].repeats() == []
    for passes in CHOICES:
        assert differs(tape, {"total": draw((3, 2))}, passes) is None


@pytest.mark.parametrize("passes", [PASSES, LITERAL], ids=["grouped", "literal"])
def test_exponents_and_bounds_that_change_with_time(passes):
    tape = Tape()
    v, x = tape.variable(np.abs(draw((3, 2))), "v"), tape.variable(draw((8, 2), 1), "x")
    for t in range(5):
        v = sigmoid(v ** (1.5 + t)) + np.maximum(v, 0.1 * t) - x[t : t + 3]
        v = np.exp(v * 0.1)
    tape.name({"y": v})
    assert differs(tape, {"y": draw((2, 3), 2)}, passes) is None


@pytest.mark.parametrize("passes", [PASSES, LITERAL], ids=["grouped", "literal"])
def test_users_rows_with_a_repeated_operand(passes):
    """One whose rule is no expression, and one that gives one operand no derivative."""
    hypot = Op("hypot", np.hypot, lambda dz, z, x, y: (dz * np.asarray(x / z).T, dz * np.asarray(y / z).T))
    above = Op("above", np.fmax, lambda dz, z, x, y: (dz * (np.asarray(x) > y).T, None))
    for shapes in (((4, 3), (4, 1)), ((1, 3), (4, 3)), ((1, 1), (4, 3)), ((4, 3), (1, 1))):
        tape = Tape()
        x, y = (tape.variable(draw(shape, k), "xy"[k]) for k, shape in enumerate(shapes))
        z = y
        for t in range(1, 5):
            z = np.tanh(above(hypot(x, z), y))
            tape.name({"z": z}, step=t)
        seeds = {"z[4]": draw(z.shape[::-1], 3), "z[2]": draw(tape["z[2]"].shape[::-1], 4)}
        assert differs(tape, seeds, passes) is None, shapes


def test_a_row_in_the_rule_of_a_users_row_has_the_size_that_it_gives():
    spread = Op("spread", lambda dz, x: np.pad(dz, ((0, 0), (0, len(x) - 1))), lambda dw, w, dz, x: (dw, None))
    top = Op("top", lambda x: x[:1], lambda dz, z, x: spread(dz, x))
    tape = Tape()
    x = tape.variable(draw((4, 3)), "x")
    tape.name({"z": top(np.tanh(x))})
    for passes in (PASSES, LITERAL):
        assert differs(tape, {"z": draw((3, 1))}, passes) is None


def test_slices_with_bounds_that_are_no_constant_are_refused():
    tape = Tape()
    x, y = tape.variable(draw((5, 2)), "x"), tape.variable([[1.0, 3.0, 5.0]], "y")
    tape.name({"z": tinyad.TABLE["rows"](x, y)})
    with pytest.raises(ValueError, match=r"^rows: a program has fixed sizes; its y, .* is a constant"):
        tinyad.compile(tape, "z")


def test_complex_numbers_call_the_rows_that_numpy_has_for_real_ones_only():
    tape = Tape()
    x = tape.variable(draw((3, 2)) + 0.1j, "x")
    tape.name({"z": abs(x) + softplus(x)})
    source = tinyad.compile(tape, "z", "x", {"z": np.ones((2, 3))}, style="literal").source
    (remark,) = re.findall("# calls (.*), of the table, for complex numbers", source)
    assert set(remark.split(", ")) >= {"softplus"}
    assert differs(tape, {"z": np.ones((2, 3), complex)}, LITERAL) is None
