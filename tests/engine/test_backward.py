"""The backward pass: +=, contributions, recorded walks, memory, threads, and a million steps."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tinyad
from tests.support.points import STEP, LSTMPoint, close, draw, replayed
from tinyad import Op, Tape

A, B = draw((4, 3), 1), draw((4, 3), 2)
DZ = draw((3, 4), 3)


@pytest.fixture
def tape():
    return Tape()


def refusal(kind, call, *arguments):
    with pytest.raises(kind) as error:
        call(*arguments)
    return error.value.args[0]


def model(tape):
    """Every kind of use: repeated operands, broadcasts, copies through + and none, both operands the same."""
    W, v, b, s = tape.variables(W=A, v=draw((3, 2), 4), b=draw((4, 1), 5), s=0.7).values()
    p = W @ v + b
    q = p * p + s
    r = tinyad.none(q) - q / (2 + q * q)
    t = r + r + tinyad.softmax(p) * b
    h = np.tanh(t) * s
    unused = np.exp(v)
    tape.name({"p": p, "q": q, "r": r, "t": t, "h": h, "unused": unused})
    return {h: draw((2, 4), 6), q: draw((2, 4), 7)}  # an intermediate value and the last


# += in the walk


def test_every_value_has_the_derivative_of_the_replayed_steps(tape):
    seeds = model(tape)
    d = tape.backward(seeds)
    of = {v.index: dz for v, dz in seeds.items()}
    for name in ("W", "v", "b", "s", "p", "q", "r", "t", "h"):
        assert close(d[name], replayed(tape, of, tape[name].index)), name


def from_zero(tape, seeds):
    """The slides' cheap trick, literally: every derivative is an array of zeros, every contribution is +=."""
    d = [np.zeros_like(value) for value in tape.values]
    for v, dz in seeds.items():
        d[v.index] += dz.T
    for n in range(len(tape), 0, -1):
        _, z, x, y = tape.steps[n - 1]
        for i, c in zip((x, y), tape.contributions(n, d[z].copy()), strict=False):
            if c is not None:
                d[i] += c
    return d


def test_equals_accumulation_from_zero_bit_for_bit(tape):
    seeds = model(tape)
    d, naive = tape.backward(seeds), from_zero(tape, seeds)
    for i in set(range(len(tape.values))) - tape.constants:
        assert np.array_equal(d[tape[tape.label(i)] if i in tape.names else variable(tape, i)], naive[i].T)


def variable(tape, position):
    return tinyad.Variable(tape, position, tape.values[position])


def test_the_lstm_equals_accumulation_from_zero_bit_for_bit():
    point = LSTMPoint()
    naive = from_zero(point.tape, {point.tape[name]: dz for name, dz in point.seeds.items()})
    for i, name in point.tape.names.items():
        assert np.array_equal(point.d[name], naive[i].T), name


def test_contributions_sum_to_the_derivative_exactly(tape):
    d = tape.backward(model(tape))
    for i in set(range(len(tape.values))) - tape.constants:
        v = variable(tape, i)
        total = np.zeros(v.shape[::-1])
        for c in d.contributions(v):
            total = total + c.array
        assert np.array_equal(total, d[v]), tape.label(i)


def test_contributions_say_which_step_and_operand(tape):
    x = tape.variable(A, "x")
    y = x * x
    z = x + y
    d = tape.backward({z: DZ, x: 2 * DZ, y: 3 * DZ})
    found = d.contributions("x")
    assert [(c.step, c.operand) for c in found] == [(0, "seed"), (2, "x"), (1, "x"), (1, "y")]
    right = [2 * DZ, DZ, 4 * DZ * A.T, 4 * DZ * A.T]
    assert all(close(c.array, r) for c, r in zip(found, right, strict=True))
    assert [(c.step, c.operand) for c in d.contributions(y)] == [(0, "seed"), (2, "y")]
    assert d.contributions(z)[0].operand == "seed"


def test_contributions_leave_out_what_leads_nowhere_and_what_came_later(tape):
    x = tape.variable(A, "x")
    dead, z = np.exp(x), 2 * x
    d = tape.backward({z: DZ})
    tinyad.schur(x, z)
    assert [(c.step, c.operand) for c in d.contributions(x)] == [(2, "y")]
    assert [c.operand for c in d.contributions(z)] == ["seed"]
    assert d.contributions(dead) == []


def test_x_times_x(tape):
    x = tape.variable(A)
    assert close(tape.backward({x * x: DZ})[x], 2 * DZ * A.T)
    assert close(tape.backward({(x + x) * x: DZ})[x], 4 * DZ * A.T)
    assert np.array_equal(tape.backward({x + x: DZ})[x], 2 * DZ)
    assert np.array_equal(tape.backward({x - x: DZ})[x], 0 * DZ)
    assert close(tape.backward({x / x: DZ})[x], 0 * DZ + 1e-300, 1e290)
    q = tape.variable(draw((3, 3), 7))
    dz = draw((3, 3), 8)
    assert close(tape.backward({q @ q: dz})[q], q.value @ dz + dz @ q.value)


def test_paths_are_not_walked_one_by_one(tape):
    x = first = tape.variable(A)
    for _ in range(10_000):
        x = (x + x) / 2
    d = tape.backward({x: DZ})
    assert np.array_equal(d[first], DZ)
    assert len(tape) == 20_000


@pytest.mark.parametrize("steps", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_million_steps(steps):
    tape = Tape()
    x = first = tape.variable(1.0, "x")
    for _ in range(steps // 2):
        x = -x
        x = x + first
    d = tape.backward(x)
    assert len(tape) == steps
    assert d[first] == 1  # 1 - 1 + 1 - ..., and the first x itself
    there = weakref.ref(tape)
    del tape, x, first, d
    assert there() is None


# Derivatives


def test_two_walks_give_the_same_answer(tape):
    seeds = model(tape)
    first, second = tape.backward(seeds), tape.backward(seeds)
    steps = len(tape)
    recorded, third = tape.backward(seeds, record=True), tape.backward(seeds)
    assert len(tape) > steps
    for name in tape.names.values():
        assert np.array_equal(first[name], second[name])
        assert np.array_equal(first[name], third[name])
        assert close(recorded[name].value, first[name])


def test_zeros_where_the_loss_does_not_look(tape):
    x, other = tape.variable(A, "x"), tape.variable(draw((5, 2)), "other")
    exp = np.exp(other)
    loss = tinyad.sum(x)
    later = loss * 2
    for record in (False, True):
        d = tape.backward(loss, record=record)
        for v in (other, exp, later):
            dv = d[v].value if record else d[v]
            assert np.array_equal(dv, np.zeros(v.shape[::-1]))
            assert not d.reaches(v.index)
        assert d.reaches(x.index)
    assert d.contributions(other) == []


def test_a_later_variable_has_no_derivative(tape):
    x = tape.variable(A, "x")
    for record in (False, True):
        d = tape.backward({x: DZ}, record=record)
        y = np.exp(x)
        said = f"{y!r} was recorded after this backward pass; call backward again"
        assert refusal(KeyError, d.__getitem__, y) == said
        assert refusal(KeyError, d.contributions, y) == said


def test_derivatives_cannot_be_changed(tape):
    x, y = tape.variable(A, "x"), tape.variable(B, "y")
    z = x + y
    w = z - y
    d = tape.backward({w: DZ})
    found = [d[v] for v in (x, y, z, w)] + [c.array for v in (x, y, z, w) for c in d.contributions(v)]
    for array in found:
        with pytest.raises(ValueError, match="read-only"):
            array += 1
    assert np.array_equal(d[x], DZ)


def test_the_operands_of_a_sum_share_no_memory_that_can_change(tape):
    """The caller may take an array as its own: .copy() is not asked of him when he makes it writable."""
    x, y = tape.variable(A, "x"), tape.variable(B, "y")
    d = tape.backward({x + y: DZ})
    for array in (d[x], d.contributions(x)[0].array):
        try:
            array.setflags(write=True)
        except ValueError:
            continue
        array[:] = 7
    assert np.array_equal(d[y], DZ)


def test_seeds_are_copied(tape):
    x = tape.variable(A, "x")
    seed = DZ.copy()
    z = x + A
    d = tape.backward({z: seed})
    seed[:] = 0
    assert np.array_equal(d[x], DZ)
    assert np.array_equal(d[z], DZ)
    assert np.array_equal(d.contributions(z)[0].array, DZ)


def test_a_change_between_record_and_walk_is_no_change(tape):
    mine = A.copy()
    x = tape.variable(mine)
    z = x * x
    mine *= 5
    assert close(tape.backward({z: DZ})[x], 2 * DZ * A.T)


# Seeds


def test_seeds_of_the_same_variable_add_up(tape):
    x = tape.variable(A, "x")
    tape.name({"alias": x})
    d = tape.backward({x: DZ, "x": 2 * DZ, tape["x"]: 3 * DZ, "alias": 4 * DZ})
    assert close(d[x], 10 * DZ)
    assert np.array_equal(sum(c.array for c in d.contributions(x)), d[x])


def test_seeds_of_a_leaf_of_nothing_and_of_a_number(tape):
    x = tape.variable(A, "x")
    loss = tinyad.sum(x * x)
    tape.name({"loss": loss})
    assert np.array_equal(tape.backward({x: DZ})[x], DZ)
    assert np.array_equal(tape.backward({loss: 2})[x], 2 * tape.backward(loss)[x])
    assert np.array_equal(tape.backward("loss")[x], tape.backward(loss)[x])
    one = tape.variable(3.0)
    assert tape.backward(one)[one] == 1


def test_refusals_of_seeds(tape):
    x, s = tape.variable(A, "x"), tape.variable(draw((3, 3)), "s")
    back = tape.backward
    said = "Variable(x, 4×3) is no 1×1 loss, such as sum(v); or give its derivative: backward({v: dv})"
    assert refusal(ValueError, back, x) == said
    said = "the seed of x is 4×3: row layout needs 3×4 for a 4×3 variable; pass its .T"
    assert refusal(ValueError, back, {x: A}) == said
    said = "the seed of x is 2×4: row layout needs 3×4 for a 4×3 variable"
    assert refusal(ValueError, back, {x: np.ones((2, 4))}) == said
    assert refusal(ValueError, back, {x: 1.0}).startswith("the seed of x is 1×1: row layout needs 3×4")
    assert refusal(TypeError, back, {x: "one"}) == "the seed of x: values are matrices of numbers, not a str"
    assert refusal(ValueError, back, {x: np.ones(4)}).startswith(
        "the seed of x: values are matrices (2-D), this is 1-D"
    )
    assert "no Variable is named 'y'" in refusal(KeyError, back, {"y": DZ})
    assert back({s: np.eye(3)})[s].shape == (3, 3)


def test_a_variable_as_seed_of_a_walk_that_is_not_recorded(tape):
    x, seed = tape.variable(A, "x"), tape.variable(DZ, "seed")
    z = x * x
    steps = len(tape)
    try:
        d = tape.backward({z: seed})
    except TypeError as error:
        assert "record=True" in str(error)  # noqa: PT017  either answer will do
    else:
        assert close(d[x], 2 * DZ * A.T)
    assert len(tape) == steps


# Recorded walks


@pytest.mark.parametrize("form", ["steps", "picture"])
def test_hessian_times_vector_of_the_lstm(form):
    point = LSTMPoint(form)
    tape, d = point.tape, point.tape.backward(point.seeds, record=True)
    along = {name: draw(a.shape, 20 + i) for i, (name, a) in enumerate(point.leaves.items())}
    Hv = tape.backward({d[name]: v for name, v in along.items()})
    moved = LSTMPoint(form, change={name: STEP * 1j * v for name, v in along.items()})
    for name in along:
        assert close(Hv[name], moved.d[name].imag / STEP, 1e-12), name


def test_constants_in_a_recorded_walk(tape):
    """The rule of a step is recorded too, and there the constant is an operand like any other."""
    cube = Op("cubic", lambda x, y: x * x * y, lambda dz, z, x, y: ((2 * x * y).T * dz, (x * x).T * dz))
    for constant in (A, B):
        tape = Tape()
        x = tape.variable(B, "x")
        z = cube(constant, x) * x
        first = tape.backward({z: DZ}, record=True)
        second = tape.backward({first[x]: A})[x]
        assert close(second, 2 * (constant * constant).T * DZ * A.T)


def test_a_recorded_walk_with_variables_as_seeds(tape):
    x, seed = tape.variable(A, "x"), tape.variable(DZ, "seed")
    d = tape.backward({np.tanh(x): seed}, record=True)
    second = tape.backward({d[x]: A})
    assert close(second[seed], A * (1 - np.tanh(A) ** 2))
    assert "on another tape" in refusal(ValueError, tape.backward, {x: Tape().variable(DZ)}, True)


def test_derivatives_that_are_one_variable_are_two_seeds(tape):
    """z = x + y hands dz to both: {d[x]: u, d[y]: v} has to keep both."""
    x, y, dz = tape.variable(A), tape.variable(B), tape.variable(DZ)
    d = tape.backward({x + y: dz}, record=True)
    assert close(tape.backward({d[x]: A, d[y]: 2 * B})[dz], A + 2 * B)


def test_third_derivative(tape):
    x = tape.variable(0.3, "x")
    v = x * x * x * x
    for factor in (4 * 0.3**3, 12 * 0.3**2, 24 * 0.3, 24, 0):
        v = tape.backward(v, record=True)[x]
        assert v.value == pytest.approx(factor, rel=1e-14)


# Memory and threads


def test_a_dropped_tape_is_freed():
    gc.collect()
    gc.disable()
    try:
        point = LSTMPoint()
        point.tape.backward(point.seeds, record=True)
        kept = [weakref.ref(o) for o in (point.tape, point.d, point.tape["h[3]"].value, point.steps[0]["f"].value)]
        del point
        assert [ref() for ref in kept] == [None] * 4
        tracemalloc.start()
        for n in range(181):
            LSTMPoint()
            if n == 140:  # Python keeps some thousand freed tuples for later
                before = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - before < 20_000  # one tape holds more
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_refusal_keeps_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        tape = Tape()
        x = tape.variable(A)
        with pytest.raises(ValueError, match="do not fit"):
            x @ x
        there = weakref.ref(tape)
        del tape, x
        assert there() is None
    finally:
        gc.enable()


def test_two_threads_two_tapes():
    right = {form: LSTMPoint(form).d for form in ("steps", "picture")}
    wrong, start = [], threading.Barrier(4)

    def work(form):
        start.wait()
        for _ in range(10):
            d = LSTMPoint(form).d
            wrong.extend(n for n in right[form].tape.names.values() if not np.array_equal(d[n], right[form][n]))

    threads = [threading.Thread(target=work, args=(form,)) for form in ("steps", "picture") * 2]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
