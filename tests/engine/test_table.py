"""The table and deriv(): rows against the complex step, the slides' rules against their printed formulas."""

import math

import mpmath
import numpy as np
import pytest

import tinyad
from tests.support.points import BY_WAY, by_deriv, close, complex_step, draw, fitting, is_right, wrong_rows
from tests.support.sampling import sampled
from tinyad import TABLE, Op, Tape, absolute, deriv

ROWS = pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)


# Every row


@ROWS
@BY_WAY
def test_row_has_the_derivative_of_its_forward(op, way):
    for operands in fitting(op):
        assert is_right(op, operands, way), [a.shape for a in operands]


@pytest.mark.parametrize("op", sampled(TABLE.values()), ids=str)
@BY_WAY
def test_the_check_fails_on_a_wrong_row(op, way):
    for operands in fitting(op):
        for mistake, wrong in wrong_rows(op):
            x, y = operands[0], operands[-1]
            assert is_right(wrong, operands, way) == (mistake == "nothing"), (mistake, x.shape, y.shape)


@ROWS
def test_the_vjp_is_the_rule_transposed(op):
    for operands in fitting(op):
        z = op.forward(*operands)
        dz = draw(z.shape[::-1], 3)
        D = np.ascontiguousarray(dz.T)
        rule, vjp = op.deriv(dz, z, *operands), op.vjp(D, z, *operands)
        alone = tuple(one(D, z, *operands) for one in op.vjps)
        for a, b, c in zip(*((o if op.arity == 2 else (o,)) for o in (rule, vjp)), alone, strict=True):
            assert (a is None and b is None and c is None) or (close(b, a.T, 1e-15) and np.array_equal(b, c))


@ROWS
def test_every_row_is_public_and_found_by_numpy(op):
    named = [name for name, value in vars(tinyad).items() if value is op]
    assert named
    assert set(named) <= {*tinyad.__all__, "sum"}
    if isinstance(op.forward, np.ufunc):
        tape = Tape()
        operands = fitting(op)[0]
        z = op.forward(*(tape.variable(a) for a in operands))
        assert len(tape) == 1
        assert np.array_equal(z.value, op(*operands))


@ROWS
def test_second_derivatives(op):
    """Of g = Σ R ∘ (first derivative), by every operand and by dz."""
    for operands in fitting(op):
        arrays = [*operands, draw(op(*operands).shape[::-1], 3)]

        def walk(arrays, record, op=op):
            tape = Tape()
            *leaves, dz = (tape.variable(a) for a in arrays)
            d = tape.backward({op(*leaves): dz if record else dz.value}, record=record)
            g = sum(tinyad.sum(draw(v.shape[::-1], 10 + i) * d[v]) for i, v in enumerate(leaves))
            return tape, [*leaves, dz], g

        tape, leaves, g = walk(arrays, record=True)
        d = tape.backward(g)
        for i, leaf in enumerate(leaves):

            def along(moved, i=i, arrays=arrays, walk=walk):
                return walk([moved if i == j else a for j, a in enumerate(arrays)], record=False)[2]

            right = complex_step(along, arrays[i])
            assert np.allclose(d[leaf], right, rtol=1e-13, atol=1e-13), (i, [a.shape for a in operands])


X, Y = draw((4, 3), 5), draw((4, 3), 6)
Q, V = draw((3, 3), 7), draw((3, 2), 8)


def loops(f, *operands):
    return np.array([[f(*(a[n, m] for a in operands)) for m in range(3)] for n in range(len(operands[0]))])


FORWARDS = {
    "none": X,
    "∘": loops(lambda x, y: x * y, X, Y),
    "*": [[math.fsum(X[n, k] * V[k, m] for k in range(3)) for m in range(2)] for n in range(4)],
    "+": loops(lambda x, y: x + y, X, Y),
    "-": loops(lambda x, y: x - y, X, Y),
    "/": loops(lambda x, y: x / y, X, Y),
    "neg": loops(lambda x: 0 - x, X),
    "tanh": loops(math.tanh, X),
    "sigmoid": loops(lambda x: float(1 / (1 + mpmath.exp(-x))), X),
    "softmax": [[math.exp(X[n, m]) / sum(math.exp(X[k, m]) for k in range(4)) for m in range(3)] for n in range(4)],
    "softmax_rows": [
        [math.exp(X[n, m]) / sum(math.exp(X[n, k]) for k in range(3)) for m in range(3)] for n in range(4)
    ],
    "inv": np.array(mpmath.matrix(Q.tolist()) ** -1, float).reshape(3, 3),
    "transpose": [[X[n, m] for n in range(4)] for m in range(3)],
    "exp": loops(math.exp, X),
    "log": loops(math.log, abs(X)),
    "sqrt": loops(math.sqrt, abs(X)),
    "log_softmax": [
        [float(mpmath.log(mpmath.exp(X[n, m]) / sum(mpmath.exp(X[k, m]) for k in range(4)))) for m in range(3)]
        for n in range(4)
    ],
    "sum": [[math.fsum(X.ravel())]],
    "stack": [*X.tolist(), *Q.tolist()],
    "upper": [X[0], X[1], X[2]],
    "under": [X[3]],
    "rows": [X[1], X[2]],
    "padded": [[0.0] * 3, *X.tolist(), [0.0] * 3],
    ">": loops(lambda x, y: float(x > y), X, Y),
    "≥": loops(lambda x, y: float(x >= y), X, Y),
    "sign": loops(lambda x: math.copysign(1, x), X),
    "first_max": [[float(X[n, m] == max(X[k, m] for k in range(4))) for m in range(3)] for n in range(4)],
    "relu": loops(lambda x: x if x > 0 else 0.0, X),
    "maximum": loops(max, X, Y),
    "minimum": loops(min, X, Y),
    "abs": loops(math.fabs, X),
    "column_max": [[max(X[n, m] for n in range(4)) for m in range(3)]],
    "row_max": [[max(X[n, m] for m in range(3))] for n in range(4)],
    "**": loops(math.pow, abs(X), Y),
    "sin": loops(math.sin, X),
    "cos": loops(math.cos, X),
    "sinh": loops(math.sinh, X),
    "cosh": loops(math.cosh, X),
    "log1p": loops(math.log1p, abs(X)),
    "expm1": loops(math.expm1, X),
    "softplus": loops(lambda x: float(mpmath.log(1 + mpmath.exp(x))), X),
    "erf": loops(lambda x: float(mpmath.erf(x)), X),
}
OPERANDS = {
    "*": (X, V),
    "stack": (X, Q),
    "upper": (X, Q),
    "under": (X, Q),
    "rows": (X, np.array([[1.0, 3.0, 4.0]])),
    "padded": (X, np.array([[1.0, 5.0, 6.0]])),
    "inv": (Q,),
    "**": (abs(X), Y),
    "log1p": (abs(X),),
    "log": (abs(X),),
    "sqrt": (abs(X),),
}


@ROWS
def test_forward(op):
    operands = OPERANDS.get(op.symbol, (X, Y)[: op.arity])
    assert close(op(*operands), FORWARDS[op.symbol], 2e-15)


# The slides' rules, N×1 vectors, derivatives 1×N

N, M = 4, 3
x, y, dz = draw((N, 1), 1), draw((N, 1), 2), draw((1, N), 3)


def test_rule_1():
    W, v = draw((N, M), 1), draw((M, 1), 2)
    dW, dv = deriv(dz, W, v, "*")
    assert close(dv, [[sum(dz[0, n] * W[n, m] for n in range(N)) for m in range(M)]], 1e-15)  # (∇z)W
    assert close(dW, [[v[m, 0] * dz[0, n] for n in range(N)] for m in range(M)], 1e-15)  # x(∇z)


def test_rule_2():
    dx, dy = deriv(dz, x, y, "∘")
    assert np.array_equal(dx, [[dz[0, n] * y[n, 0] for n in range(N)]])
    assert np.array_equal(dy, [[dz[0, n] * x[n, 0] for n in range(N)]])


def test_rule_3():
    dx, dy = deriv(dz, x, y, "+")
    assert np.array_equal(dx, dz)
    assert np.array_equal(dy, dz)
    dx, dy = deriv(dz, x, y, "-")
    assert np.array_equal(dx, dz)
    assert np.array_equal(dy, -dz)


def jacobians():
    s, e = 1 / (1 + np.exp(-x)), np.exp(x)
    p = e / e.sum()
    yield "tanh", [[(1 - math.tanh(x[i, 0]) ** 2) * (i == j) for j in range(N)] for i in range(N)]
    yield "sigmoid", [[s[i, 0] * (1 - s[i, 0]) * (i == j) for j in range(N)] for i in range(N)]
    yield "softmax", [[p[i, 0] * ((i == j) - p[j, 0]) for j in range(N)] for i in range(N)]


@pytest.mark.parametrize(("symbol", "J"), [*jacobians()])
def test_rule_4(symbol, J):
    assert close(deriv(dz, x, symbol), [[sum(dz[0, i] * J[i][j] for i in range(N)) for j in range(N)]], 1e-14)


def test_rule_4b():
    assert close(deriv(dz, x, "tanh"), [[dz[0, n] * (1 - math.tanh(x[n, 0]) ** 2) for n in range(N)]], 1e-15)
    s = [1 / (1 + math.exp(-x[n, 0])) for n in range(N)]
    assert close(deriv(dz, x, "sigmoid"), [[dz[0, n] * s[n] * (1 - s[n]) for n in range(N)]], 1e-15)
    assert np.array_equal(deriv(dz, x, "none"), dz)


def test_rule_5():
    a, dy = 0.7, draw((1, N), 4)
    for sizes in ((1, 1), (N, 1)):  # scalar, vector
        v = a * draw(sizes, 1)
        dz_, dy_ = dz[:, : sizes[0]], dy[:, : sizes[0]]
        tape = Tape()
        leaf = tape.variable(v)
        d = tape.backward({np.tanh(leaf): dz_, tinyad.sigmoid(leaf): dy_})[leaf]
        s = 1 / (1 + np.exp(-v.T))
        assert close(d, dz_ * (1 - np.tanh(v.T) ** 2) + dy_ * s * (1 - s), 1e-15)


# deriv(): the scalar page


def test_scalar_version():
    assert deriv(2.0, 3.0, 5.0, "*") == (10.0, 6.0) == deriv(2.0, 3.0, 5.0, "∘")  # y*dz, dz*x
    assert deriv(2.0, 3.0, 5.0, "+") == (2.0, 2.0)
    assert deriv(2.0, 3.0, 5.0, "-") == (2.0, -2.0)
    assert deriv(2.0, 3.0, "none") == 2.0
    assert deriv(2.0, 0.0, "tanh") == 2.0
    assert deriv(2.0, 0.0, "sigmoid") == 0.5
    assert deriv(2.0, 3.0, "softmax") == 0.0
    assert deriv(2.0, 0.5, "tanh") == pytest.approx(2 * (1 - math.tanh(0.5) ** 2), rel=1e-15)


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2), np.float32(2), np.array(2), True])
def test_scalars_give_plain_floats(number):
    dx, dy = deriv(number, 3, number, "*")
    assert type(dx) is type(dy) is float
    assert type(deriv(number, number, "tanh")) is float


def test_operator_as_a_row_and_y_left_out():
    assert deriv(2.0, 3.0, 5.0, tinyad.schur) == (10.0, 6.0)
    assert deriv(2.0, 0.5, None, "tanh") == deriv(2.0, 0.5, "tanh") == deriv(2.0, 0.5, tinyad.tanh)


def test_deriv_gives_its_own_arrays():
    given = draw((1, N), 3)
    dx, dy = deriv(given, x, y, "+")
    dx += 100
    assert np.array_equal(dy, dz)
    assert np.array_equal(given, dz)
    assert np.array_equal(deriv(given, x, "none"), dz)


def test_deriv_sums_over_a_repeated_operand():
    A, b, dA = draw((4, 3), 1), draw((4, 1), 2), draw((3, 4), 3)
    assert close(deriv(dA, A, b, "+")[1], [[sum(dA[m, n] for m in range(3)) for n in range(4)]], 1e-15)
    assert close(deriv(dA, 2.0, A, "∘")[0], [[math.fsum((dA.T * A).ravel())]], 1e-14)


def test_deriv_keeps_float32_and_complex():
    a32 = draw((4, 3), 1, np.float32)
    assert deriv(a32.T, a32, "sigmoid").dtype == np.float32
    assert deriv(a32.T, a32, a32, "/")[1].dtype == np.float32
    assert deriv(X.T, X + 1j, "tanh").dtype == np.complex128


# deriv(): refusals


def refusal(kind, *arguments):
    with pytest.raises(kind) as error:
        deriv(*arguments)
    return error.value.args[0]


A43, A31, A41, A14 = np.ones((4, 3)), np.ones((3, 1)), np.ones((4, 1)), np.ones((1, 4))
MESSAGES = [
    (KeyError, (1.0, 2.0, 3.0, "%"), "unknown operator '%'; the table has " + " ".join(TABLE)),
    (TypeError, (1.0, 2.0, 3.0, "tanh"), "tanh takes one operand: deriv(dz, x, 'tanh')"),
    (TypeError, (1.0, 2.0, "∘"), "∘ takes two operands: deriv(dz, x, y, '∘')"),
    (ValueError, (A43, A43, A41, "*"), "x * y: 4×3 and 4×1 do not fit (inner sizes 3 and 4)"),
    (
        ValueError,
        (np.ones((4, 4)), A41, A14, "+"),
        "x + y: 4×1 and 1×4 do not fit (expected equal sizes, or 1×1 with any, N×1 with N×B, 1×B with N×B)",
    ),
    (ValueError, (A41, A41, "tanh"), "dz is 4×1, but z is 4×1: row layout needs 1×4"),
    (ValueError, (A14, A43, A31, "∘"), "x ∘ y: 4×3 and 3×1 do not fit"),
    (
        ValueError,
        (A14, np.ones(4), "tanh"),
        "x: values are matrices (2-D), this is 1-D of shape (4,); "
        "write a.reshape(-1, 1) for a column, a.reshape(1, -1) for a row",
    ),
    (TypeError, (A14, "W", A41, "∘"), "x: values are matrices of numbers, not a str"),
    (TypeError, ("a", 1.0, "tanh"), "dz: values are matrices of numbers, not a str"),
    (ValueError, (np.ones((3, 4)), A43, "inv"), "inv(x): x is 4×3 ("),
    (ValueError, (A43, np.zeros((3, 3)), "inv"), "inv(x): x is 3×3 (Singular matrix)"),
]


@pytest.mark.parametrize(("kind", "arguments", "message"), MESSAGES)
def test_refusals(kind, arguments, message):
    assert refusal(kind, *arguments).startswith(message)


def test_operator_left_out():
    for forgotten in (A43, 3.0, [[1.0]]):
        assert "unknown operator" in refusal(KeyError, A43.T, A43, forgotten)


def test_deriv_holds_a_users_row_to_its_sizes():
    turned = Op("turned", lambda x: 2 * x, lambda dz, z, x: 2 * dz.T)
    message = "the rule of turned gives 4×3 for x: x is 4×3, row layout needs 3×4"
    assert refusal(ValueError, A43.T, A43, turned) == message
    one = Op("one", lambda x, y: x * y, lambda dz, z, x, y: dz * y.T)
    assert "one" in refusal(ValueError, np.ones((3, 2)), np.ones((2, 3)), np.ones((2, 3)), one)


def test_is_right_looks_at_every_operand():
    half = Op("half", np.multiply, lambda dz, z, x, y: (dz * y.T, dz * 0))
    assert not is_right(half, (A43, A43), by_deriv)


def test_the_derivative_of_an_absolute_value_is_0_at_0():
    tape = Tape()
    x = tape.variable(np.array([[1.5, 0.0, -2.0]]), name="x")
    assert np.array_equal(tape.backward({absolute(x): np.ones((3, 1))})["x"].T, [[1.0, 0.0, -1.0]])


@pytest.mark.parametrize("method", ["sum", "mean"])
def test_sums_along_an_axis_stay_matrices(method):
    x = Tape().variable(np.ones((2, 3)))
    with pytest.raises(ValueError, match="axis=0 without keepdims=True gives a 1-D array"):
        getattr(x, method)(0)
    assert getattr(x, method)(0, True).shape == (1, 3)
