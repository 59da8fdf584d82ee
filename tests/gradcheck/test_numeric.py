"""The numeric derivatives, against exact ones, and on wrong rules and functions they have to refuse."""

import numpy as np
import pytest

from lstm_models import slides
from lstm_models.model import parameters
from lstm_models.sequence import record
from tests.support.points import close, draw, fitting, wrong_rows
from tests.support.sampling import sampled
from tinyad import TABLE, Op, Tape, central_difference, check_op, complex_step, numeric_derivative, tanh

X = draw((3, 2))


def cube(a):
    return (a * a * a).sum()


def test_complex_step_is_exact_in_row_layout():
    assert close(complex_step(cube, X), 3 * X.T**2, 1e-15)


def test_a_direction_gives_one_number():
    v = draw((3, 2), 1)
    assert complex_step(cube, X, v) == pytest.approx((3 * X**2 * v).sum(), rel=1e-15)
    value, error = central_difference(cube, X, v)
    assert abs(value - (3 * X**2 * v).sum()) <= error < 1e-9


def test_central_differences_are_within_their_error():
    def f(a):
        return np.exp(a).sum() + np.sin(3 * a).sum()

    value, error = central_difference(f, X)
    off = np.abs(value - (np.exp(X) + 3 * np.cos(3 * X)).T)
    assert np.all(off <= error)
    assert np.all(error < 1e-8)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda a: np.abs(a).sum(), "gives a real number for complex values"),
        (lambda a: (a * np.conj(a)).sum(), "not analytic here"),
        (lambda a: a.sum() + np.abs(a).sum(), "not analytic here"),
        (lambda a: (a * a.real).sum(), "not analytic here"),
        (lambda a: np.floor(a).sum(), "does not take complex values"),
    ],
)
def test_complex_step_refuses_what_is_not_analytic(f, says):
    for direction in (None, draw((3, 2), 1)):
        with pytest.raises(ValueError, match=f"{says}.*use central differences"):
            complex_step(f, X, direction)


def test_a_matrix_is_no_loss():
    with pytest.raises(ValueError, match="f gives a matrix of 3×2"):
        complex_step(lambda a: a * a, X)


@pytest.mark.parametrize("op", TABLE.values(), ids=str)
@pytest.mark.parametrize("method", sampled(["complex", "central"], 2))
def test_check_op_passes_every_row(op, method):
    assert check_op(op, *own_operands(op), method=method) < 1e-7


@pytest.mark.parametrize("op", sampled(TABLE.values()), ids=str)
@pytest.mark.parametrize("method", ["complex", "central"])
def test_check_op_fails_on_every_wrong_rule(op, method):
    for mistake, wrong in wrong_rows(op):
        if mistake == "nothing":
            assert check_op(wrong, *own_operands(op), method=method) < 1e-7
            continue
        with pytest.raises(ValueError, match=r"from the function values it is|row layout needs"):
            check_op(wrong, *own_operands(op), method=method)


def own_operands(op):
    """Operands of a row that no random point has: slices need bounds."""
    return fitting(op)[0] if op.symbol in ("rows", "padded") else ()


def test_a_slice_needs_its_bounds():
    with pytest.raises(ValueError, match=r"rows gives no finite value at a random point: call check_op\(op, x\)"):
        check_op(TABLE["rows"])


@pytest.mark.parametrize("distance", [1e-2, 1e-3, 1e-5, 1e-7])
def test_central_differences_next_to_a_kink_or_jump(distance):
    x = np.array([[distance, -distance]])
    value, error = central_difference(lambda a: np.abs(a).sum(), x)
    assert np.all(np.abs(value - np.sign(x).T) <= error)
    assert np.all(error < 1e-5)
    value, error = central_difference(lambda a: (a > 0).sum() + 2 * a.sum(), x)
    assert np.all(np.abs(value - 2) <= error)
    assert np.all(error < 1e-5)


def test_check_op_fails_on_a_wrong_size():
    with pytest.raises(ValueError, match=r"4×3 for x: .*row layout needs 3×4"):
        check_op(Op("same", np.tanh, lambda dz, z, x: (dz * (1 - z * z).T).T))


def test_check_op_at_a_point_of_the_user():
    asin = Op("asin", np.arcsin, lambda dz, z, x: dz / np.sqrt(1 - x * x).T)
    assert check_op(asin, [[0.3, -0.7]]) < 1e-12
    never = Op("never", lambda x: x * np.nan, lambda dz, z, x: dz)
    with pytest.raises(ValueError, match="gives no finite value at a random point"):
        check_op(never)
    with pytest.raises(TypeError, match="asin takes one operand"):
        check_op(asin, [[0.3]], [[0.2]])


def test_rows_that_are_not_analytic_need_central_differences():
    absolute = Op("abs", np.abs, lambda dz, z, x: dz * np.sign(x).T)
    with pytest.raises(ValueError, match="use central differences"):
        check_op(absolute)
    assert check_op(absolute, method="central") < 1e-9


@pytest.mark.parametrize("form", slides.FORMS)
def test_every_derivative_of_the_lstm(form):
    rng = np.random.default_rng(3)
    xs = [draw((3, 2), t) for t in range(3)]
    model = slides.MODEL[form]
    tape, _ = record(model, {"C": draw((4, 2), 8), "h": draw((4, 2), 9)}, xs, parameters(model, 4, 3, rng))
    d = tape.backward({"h[3]": draw((2, 4), 5), "h[2]": draw((2, 4), 6), "C[3]": draw((2, 4), 7)})
    for name in ("W_fC", "W_Ch", "b_o", "x[2]", "z5[1]", "C[0]", "C[2]", "h[3]"):
        assert close(numeric_derivative(d, name), d[name], 1e-14), name
        v = draw(d.tape[name].shape, 4)
        value, error = numeric_derivative(d, name, v, method="central")
        assert abs(value - (v * d[name].T).sum()) <= 10 * error


def test_it_works_in_float64_whatever_the_model_is_in():
    def model(dtype):
        tape = Tape()
        v = tape.variables(W=draw((4, 3), dtype=dtype), x=draw((3, 2), 1, dtype))
        h = tanh(v["W"] @ v["x"])
        return tape.backward({h: draw((2, 4), 2)})

    values = draw((4, 3), dtype=np.float32), draw((3, 2), 1, np.float32)
    tape = Tape()
    v = tape.variables(W=values[0].astype(float), x=values[1].astype(float))
    double = tape.backward({tanh(v["W"] @ v["x"]): draw((2, 4), 2)})
    numeric = numeric_derivative(model(np.float32), "W")
    assert numeric.dtype == np.float64
    assert close(numeric, double["W"], 1e-14)


def test_a_derivative_of_nothing_is_zero():
    tape = Tape()
    a, b = tape.variable([[1.0, 2.0]], "a"), tape.variable([[3.0]], "b")
    d = tape.backward({a * 2: [[1.0], [1.0]]})
    assert np.array_equal(numeric_derivative(d, b), [[0.0]])


def test_unknown_method():
    tape = Tape()
    a = tape.variable([[1.0]], "a")
    with pytest.raises(ValueError, match="method='magic': there are 'complex' and 'central'"):
        numeric_derivative(tape.backward(a * 2), "a", method="magic")


def test_a_step_that_is_not_analytic_is_named():
    absolute = Op("abs", np.abs, lambda dz, z, x: dz * np.sign(x).T)
    tape = Tape()
    a = tape.variable([[1.0, -2.0]], "a")
    b = a * a
    tape.name({"b": b, "c": absolute(b - 3), "e": absolute(a)})
    d = tape.backward({"c": [[1.0], [1.0]]})
    with pytest.raises(ValueError, match=r"step 3, c by abs: .*use central differences"):
        numeric_derivative(d, "a")
    value, error = numeric_derivative(d, "a", method="central")
    assert np.all(np.abs(value - d["a"]) <= error)


def test_near_the_edge_of_a_domain():
    x = np.array([[1e-3, 2e-4]])
    assert close(complex_step(lambda a: np.log(a).sum(), x), 1 / x.T, 1e-13)


def test_what_no_derivative_is_of():
    with pytest.raises(ValueError, match="the direction is 2×1, and x is 1×2: it needs x's size"):
        complex_step(cube, np.ones((1, 2)), np.ones((2, 1)))
    with pytest.raises(TypeError, match="the direction is complex"):
        central_difference(cube, np.ones((1, 2)), 1j * np.ones((1, 2)))
    with pytest.raises(TypeError, match="x is complex"):
        complex_step(cube, np.array([[1j]]))
    tape = Tape()
    a = tape.variable([[1.0]], "a")
    d = tape.backward(a * 2)
    with pytest.raises(KeyError, match="was recorded after this backward pass"):
        numeric_derivative(d, a + 1)


@pytest.mark.parametrize(
    "op",
    [
        Op("clip", lambda x: x + 0, lambda dz, z, x: dz * (np.abs(x) < 3).T),
        Op("column", lambda x: x + 0, lambda dz, z, x: dz * (1 if x.shape[1] > 1 else 2)),
        Op("matvec", np.matmul, lambda dz, z, x, y: (y @ dz, dz @ x * (1 if y.shape[1] > 1 else 2))),
        Op("negative", lambda x: x * x, lambda dz, z, x: dz * 2 * np.abs(x).T),
    ],
    ids=lambda op: op.symbol,
)
def test_check_op_sees_what_is_wrong_at_some_points_only(op):
    with pytest.raises(ValueError, match="from the function values it is"):
        check_op(op)
