"""Rows as users write them, what happens to a rule, and what a wrong row is told."""

import gc
import weakref

import numpy as np
import pytest

import tinyad
from tests.support.points import BY_WAY, WAYS, by_deriv, by_recorded_walk, by_walk, close, complex_step, draw, is_right
from tinyad import TABLE, Op, Tape, check_op, ones, sigmoid

A, B = draw((4, 3), 1), draw((4, 3), 2)
DZ = draw((3, 4), 3)


# Users' rows that are expressions


def softplus():
    return Op("softplus", lambda x: np.log(1 + np.exp(x)), lambda dz, z, x: dz * sigmoid(x).T)


def square():
    return Op("square", lambda x: x * x, lambda dz, z, x: 2 * dz * x.T)


def hypot():
    def forward(x, y):
        return np.sqrt(x * x + y * y)

    return Op("hypot", forward, lambda dz, z, x, y: (dz * (x / z).T, dz * (y / z).T))


def bilinear():
    """x Q y for a fixed Q: a rule that holds an array."""
    Q = draw((3, 2), 9)
    return Op("bilinear", lambda x, y: x @ Q @ y, lambda dz, z, x, y: (Q @ y @ dz, dz @ x @ Q))


def scaled():
    """Numbers with a dtype, and none that repr() can write."""
    a = np.float64(2.5)
    return Op("scaled", lambda x: a * x, lambda dz, z, x: dz * a)


def masked():
    mask = (B > 0) * 2.0
    return Op("masked", lambda x: x * mask, lambda dz, z, x: mask.T * dz)


def mean():
    return Op("mean", lambda x: x.mean(0, keepdims=True), lambda dz, z, x: dz @ ones(x).T / 4)


EXPRESSIONS = [
    (softplus, (A,)),
    (square, (A,)),
    (hypot, (A, B)),
    (bilinear, (A, draw((2, 5), 4))),
    (scaled, (A,)),
    (masked, (A,)),
    (mean, (A,)),
]


@BY_WAY
@pytest.mark.parametrize(("row", "operands"), EXPRESSIONS)
def test_expressions(row, operands, way):
    assert is_right(row(), operands, way)


def test_second_derivative_of_a_users_row():
    row = softplus()
    tape = Tape()
    x = tape.variable(A)
    first = tape.backward({row(x): DZ}, record=True)[x]
    second = tape.backward({first: B})[x]
    assert close(second, complex_step(lambda a: (B.T * by_deriv(row, DZ, (a,))[0]).sum(), A))


# Users' rows that are more than expressions


def maximum():
    return Op("maximum", np.maximum, lambda dz, z, x, y: (dz * (x >= y).T, dz * (x < y).T))


def relu():
    return Op("relu", lambda x: np.where(x > 0, x, 0), lambda dz, z, x: np.where(x.T > 0, dz, 0))


def relu_by_equality():
    """== is False on anything but arrays: a rule that is run on something else gives 0."""
    return Op("relu", lambda x: np.maximum(x, 0), lambda dz, z, x: dz * (x.T == z.T))


def leaky_by_inequality():
    return Op("leaky", lambda x: np.maximum(x, 0.1 * x), lambda dz, z, x: dz * (1 - 0.9 * (x.T != z.T)))


def by_branch():
    return Op("branch", lambda x: 2 * x, lambda dz, z, x: dz * (2 if (z * z).sum() else 3))


RELU_A = DZ * (A.T > 0)


@pytest.mark.parametrize("way", [by_deriv, by_walk])
def test_more_than_expressions(way):
    assert np.array_equal(way(relu(), DZ, (A,))[0], RELU_A)
    assert np.array_equal(way(relu_by_equality(), DZ, (A,))[0], RELU_A)
    assert close(way(leaky_by_inequality(), DZ, (A,))[0], np.where(A.T > 0, DZ, 0.1 * DZ))
    assert np.array_equal(way(by_branch(), DZ, (A,))[0], 2 * DZ)
    for x, y in ((A, B), (A, draw((4, 1))), (draw((1, 3)), A)):
        dx, dy = way(maximum(), DZ, (x, y))
        assert close(dx.sum() + dy.sum(), DZ.sum())
    dx, dy = way(maximum(), DZ, (A, draw((4, 1))))
    assert close(dy, (DZ * np.greater(draw((4, 1)), A).T).sum(0, keepdims=True))


@pytest.mark.parametrize("row", [relu, relu_by_equality, by_branch], ids=lambda row: row.__name__)
def test_a_recorded_walk_refuses_what_it_cannot_record(row):
    op = row()
    with pytest.raises(TypeError, match=f"{op.symbol}"):
        by_recorded_walk(op, DZ, (A, B)[: op.arity])


@pytest.mark.parametrize("constant", [0.0, 0.5, draw((4, 1)), draw((1, 3)), B])
def test_constants_with_an_opaque_row(constant):
    op = maximum()
    for operands, right in (
        ((None, constant), np.greater_equal(A, constant)),
        ((constant, None), np.greater(A, constant)),
    ):
        tape = Tape()
        x = tape.variable(A, "x")
        z = op(*(x if operand is None else operand for operand in operands))
        assert np.array_equal(tape.backward({z: DZ})[x], DZ * right.T)


def test_two_uses_of_an_opaque_row():
    tape = Tape()
    x = tape.variable(A)
    op = maximum()
    assert np.array_equal(tape.backward({op(x, x): DZ})[x], DZ)


def test_a_users_row_has_the_broadcasts_of_its_ufunc():
    def rule(dz, z, x, y):
        total = np.exp(x) + np.exp(y)
        return dz * (np.exp(x) / total).T, dz * (np.exp(y) / total).T

    op = Op("logaddexp", np.logaddexp, rule)
    x, y = draw((4, 1), 1), draw((1, 1), 2)
    for operands in ((A, x), (x, A), (A, y), (y, A), (x, y)):
        z = op(*operands)
        dz = draw(z.shape[::-1], 5)
        for way in WAYS:
            found = way(op, dz, operands)
            for i, a in enumerate(operands):

                def loss(moved, i=i, dz=dz, operands=operands):
                    p, q = (moved if i == j else b for j, b in enumerate(operands))
                    return (dz.T * np.log(np.exp(p) + np.exp(q))).sum()

                assert close(found[i], complex_step(loss, a))
    with pytest.raises(ValueError, match="4×1 and 1×3 do not fit"):
        op(Tape().variable(x, "x"), draw((1, 3)))


def test_a_row_of_a_taken_symbol_is_its_own_row():
    """The variants for repeated operands belong to the row, not to its symbol."""
    triple = Op("∘", np.multiply, lambda dz, z, x, y: (3 * dz * y.T, 3 * dz * x.T))
    tape = Tape()
    x, y = tape.variable(A), tape.variable(draw((4, 1)))
    for order in ((triple, tinyad.schur), (tinyad.schur, triple)):
        d = [tape.backward({op(x, y): DZ})[y] for op in order]
        factor = 3 if order[0] is triple else 1 / 3
        assert close(d[0], factor * d[1])
    assert TABLE["∘"] is tinyad.schur


def test_numbers_of_a_rule_are_those_of_its_forward():
    """A rule is not a snapshot: alpha is read when it runs, by the walk as by the forward."""
    alpha = 0.1
    row = Op("scaled", lambda x: alpha * x, lambda dz, z, x: alpha * dz)
    alpha = 5.0
    for way in WAYS:
        assert close(way(row, DZ, (A,))[0], alpha * DZ)


# Rows that are wrong


def spoiled(name, rule, arity=1):
    return Op(name, (lambda x: x * 2) if arity == 1 else (lambda x, y: x * y), rule)


MISSHAPEN = [
    spoiled("turned", lambda dz, z, x: dz.T),
    spoiled("short", lambda dz, z, x: ones(dz).T @ dz),
    spoiled("number", lambda dz, z, x: 0),
    spoiled("tuple", lambda dz, z, x: (dz * 2,)),
    spoiled("single", lambda dz, z, x, y: dz * y.T, 2),
    spoiled("triple", lambda dz, z, x, y: (dz * y.T, dz * x.T, dz), 2),
    spoiled("second", lambda dz, z, x, y: (dz * y.T, (dz * x.T).T), 2),
    spoiled("opaque", lambda dz, z, x: np.where(x > 0, dz.T, 0)),
    spoiled("flat", lambda dz, z, x: np.where(x > 0, dz.T, 0).ravel()),
]


@BY_WAY
@pytest.mark.parametrize("row", MISSHAPEN, ids=lambda row: row.symbol)
def test_misshapen_derivatives_are_refused(row, way):
    operands = (A[:2], B[:2])[: row.arity]  # two rows: a single array of two rows unpacks like a pair
    with pytest.raises((ValueError, TypeError), match=rf"\b{row.symbol}\b"):
        way(row, DZ[:, :2], operands)


def test_message_of_a_misshapen_derivative():
    with pytest.raises(ValueError, match=r"^the rule of turned gives 4×3 for x: x is 4×3, row layout needs 3×4$"):
        by_walk(MISSHAPEN[0], DZ, (A,))
    with pytest.raises(ValueError, match=r"^the rule of second gives 4×3 for y: y is 4×3, row layout needs 3×4$"):
        by_walk(MISSHAPEN[6], DZ, (A, B))


def test_a_pair_may_be_a_list():
    row = spoiled("list", lambda dz, z, x, y: [dz * y.T, dz * x.T], 2)
    for way in WAYS:
        assert is_right(row, (A, B), way)


@pytest.mark.parametrize("rule", [lambda dz, x: dz, lambda dz, z, x, y, w: dz, lambda *a: a], ids=["1", "3", "*"])
def test_a_rule_of_no_known_arity_is_refused(rule):
    with pytest.raises(TypeError, match=r"f: .*dz, z, x"):
        Op("f", lambda x: x, rule)


def test_a_callable_object_is_a_rule():
    class Rule:
        def __call__(self, dz, z, x):
            return 2 * dz * x.T

    assert is_right(Op("square", lambda x: x * x, Rule()), (A,), by_walk)


def test_forwards_are_held_to_matrices():
    x = Tape().variable(A, "x")
    for name, forward, said in (
        ("flat", lambda x: x.ravel(), "2-D"),
        ("text", lambda x: "no", "not a str"),
        ("nothing", lambda x: None, "not None"),
    ):
        with pytest.raises((ValueError, TypeError), match=f"the forward of {name}: .*{said}"):
            Op(name, forward, lambda dz, z, x: dz)(x)
    assert Op("mean", np.mean, lambda dz, z, x: dz)(x).shape == (1, 1)


# Rows that write where they should not


def test_a_row_cannot_write_into_its_inputs():
    def forward(x):
        x *= 2
        return x

    tape = Tape()
    x = tape.variable(A, "x")
    with pytest.raises(ValueError, match="read-only"):
        Op("doubled", forward, lambda dz, z, x: 2 * dz)(x)
    assert np.array_equal(x.value, A)


@pytest.mark.parametrize("which", ["dz", "z", "x", "y"])
def test_a_rule_cannot_write_into_what_it_is_given(which):
    def rule(dz, z, x, y):
        np.multiply(3, locals()[which], out=locals()[which])
        return dz * y.T, dz * x.T

    tape = Tape()
    x, y = tape.variable(A), tape.variable(B)
    z = Op("writes", lambda x, y: x * y, rule)(x, y)
    with pytest.raises(ValueError, match="read-only"):
        tape.backward({z: DZ})
    assert np.array_equal(x.value, A)
    assert np.array_equal(y.value, B)
    assert np.array_equal(z.value, A * B)


def test_a_buffer_that_the_row_uses_again():
    kept, given = np.empty((4, 3)), np.empty((3, 4))

    def rule(dz, z, x):
        np.multiply(dz, 2 * np.asarray(x).T, out=given)
        return given

    row = Op("square", lambda x: np.multiply(x, x, out=kept), rule)
    tape = Tape()
    x, y = tape.variable(A), tape.variable(B)
    zx, zy = row(x), row(y)
    d = tape.backward({zx: DZ, zy: DZ})
    assert np.array_equal(zx.value, A * A)
    assert np.array_equal(zy.value, B * B)
    assert np.array_equal(d[x], DZ * 2 * A.T)
    assert np.array_equal(d[y], DZ * 2 * B.T)


# Op


def test_calling_a_row():
    x = Tape().variable(A, "x")
    assert np.array_equal(tinyad.add(A, B), A + B)
    assert np.array_equal(tinyad.add(A, x).value, 2 * A)
    for op, arguments in ((tinyad.add, (x,)), (tinyad.tanh, (x, x)), (tinyad.tanh, (A, A))):
        with pytest.raises(TypeError, match=r"^tanh takes one operand|^\+ takes two operands"):
            op(*arguments)
    assert repr(tinyad.schur) == "Op('∘')"


def test_a_dropped_row_is_freed():
    class Forward:
        def __call__(self, x):
            return x * 2

    gc.disable()
    try:
        forward = Forward()
        row = Op("double", forward, lambda dz, z, x: 2 * dz)
        is_right(row, (A,), by_walk)
        there = weakref.ref(forward)
        del row, forward
        assert there() is None
    finally:
        gc.enable()


def test_what_numpy_code_writes_and_a_tape_has_or_says_why_not():
    v = Tape().variable(A)
    assert np.array_equal((v**2).value, A * A)
    assert np.array_equal(v.dot(v.T).value, A @ A.T)
    assert np.array_equal(v.sum().value, [[A.sum()]])
    assert np.array_equal(v[1:3].value, A[1:3])
    for name, said in (("std", r"write np\.std\(v\)"), ("foo", r"it takes .* v\.value is the array")):
        with pytest.raises(AttributeError, match=f"a Variable has no '{name}'.* {said}"):
            getattr(v, name)
    with pytest.raises(TypeError, match=r"one entry is v\[i:i\+1, j:j\+1\]"):
        v[0]


def test_the_result_of_a_step_without_a_name_is_found_by_its_label():
    tape = Tape()
    v = tape.variable(A, "v")
    tape.name({"w": np.tanh(v * v)})
    d = tape.backward({"w": np.ones_like(A.T)})
    assert tape["_1"].index == 1
    assert np.array_equal(d["_1"], (1 - np.tanh(A * A) ** 2).T)
    for name in ("_1", "_v3", ""):
        with pytest.raises(ValueError, match="is no name"):
            tape.name({name: v})


def test_a_rule_that_does_not_fit_is_named():
    softplus = Op("softplus", lambda x: np.log(1 + np.exp(x)), lambda dz, z, x: dz * np.tanh(x))
    with pytest.raises(ValueError, match=r"^the rule of softplus with dz 3×4, z 4×3, x 4×3: operands could not be"):
        check_op(softplus)
