"""What people write who know NumPy or PyTorch: it works as they expect, or one sentence says what to write."""

import copy
import math
import pickle

import numpy as np
import pytest

from tinyad import (
    Op,
    Tape,
    central_difference,
    check_op,
    compare,
    compile,
    complex_step,
    deriv,
    equations,
    first_nonfinite,
    graph,
    matmul,
    numeric_derivative,
    ones,
    plot,
    sigmoid,
    softmax,
    sum,
    tanh,
)
from tinyad.expressions.messages import TEXTS


@pytest.fixture
def tape():
    tape = Tape()
    v = tape.variable(np.array([[1.0, -2.0], [3.0, 4.0], [0.5, 0.25]]), "v")
    tape.name({"L": sum(v * v)})
    return tape


def test_what_works(tape):
    v, L = tape["v"], tape["L"]
    assert len(v) == 3
    assert L.item() == 30.3125
    assert f"{L:.3f}" == "30.312"
    assert f"{L:>10.1e}" == "   3.0e+01"
    assert f"{L}" == str(L)
    assert np.array_equal(abs(v).value, np.abs(v.value))
    assert np.array_equal((v < 1).value, v.value < 1)
    assert tape.backward(L)["v"].shape == (2, 3)


def test_a_backward_pass_is_drawn(tape):
    d = tape.backward(tape["L"])
    assert graph(d).dot == graph(tape, derivatives=d).dot != graph(tape).dot
    assert graph(d, contributions=True).dot == graph(tape, derivatives=d, contributions=True).dot


@pytest.mark.parametrize("take", [float, int, complex, math.tanh])
def test_what_would_leave_the_tape(tape, take):
    with pytest.raises(
        TypeError, match=r"Variable\(L, 1×1\) stays on its tape: v\.value .* v\.item\(\) .* np\.tanh\(v\)"
    ):
        take(tape["L"])


def test_only_one_number_is_one_number(tape):
    for take in (tape["v"].item, lambda: f"{tape['v']:.2f}"):
        with pytest.raises(ValueError, match=r"Variable\(v, 3×2\) is no single number: v\.value"):
            take()


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda t: t.backward([t["L"]]), TypeError, r"backward\(L\), or {v: dv}, not a list"),
        (lambda t: t.backward(1.0), TypeError, r"not a float"),
        (lambda t: ones(3), TypeError, r"ones\(x\); a column of 3 ones is np\.ones\(\(3, 1\)\)"),
        (lambda t: ones((3, 2)), TypeError, r"ones takes a matrix"),
        (lambda t: compile(t.backward(t["L"])), TypeError, r"compile\(d\.tape, derivatives=\[\.\.\.\]\)"),
        (lambda t: compile(3), TypeError, r"a tape or a model function, not an int"),
        (lambda t: check_op(tanh, method="Central"), ValueError, r"'Central': there are 'complex' and 'central'"),
        (lambda t: numeric_derivative(t.backward(t["L"]), "v", method="Complex"), ValueError, r"there are 'complex'"),
        (lambda t: t.backward(t["L"], t["v"]), TypeError, r"all seeds in one mapping, {v: dv, w: dw}"),
        (lambda t: t.backward(None), TypeError, r"not None$"),
        (lambda t: t.backward(t["L"].value), TypeError, r"not an array$"),
        (lambda t: t.backward(t["v"]), ValueError, r"Variable\(v, 3×2\) is no 1×1 loss, such as sum\(v\)"),
        (lambda t: t["V"], KeyError, r"named 'V'; did you mean v\?"),
        (lambda t: t[t["v"].value], KeyError, r"a key is a Variable or its name, not an array"),
        (lambda t: t["v"] * t["v"].T, ValueError, r"v ∘ _3: 3×2 and 2×3 do not fit .*; the matrix product, @, would"),
        (lambda t: compile(t["L"]), TypeError, r"not a Variable: compile\(v\.tape, outputs=\[v\]\)"),
        (lambda t: compile(lambda x: {"y": x}), TypeError, r"compile\(model, x=x\): missing a required argument: 'x'"),
        (
            lambda t: compare(t.backward(t["L"]), {"v": t["v"]}),
            TypeError,
            r"by hand: Variable\(v, 3×2\) is no array",
        ),
        (
            lambda t: deriv(np.ones((2, 3)), t["v"], "tanh"),
            TypeError,
            r"x: Variable\(v, 3×2\) is no array; v\.val",
        ),
        (lambda t: softmax(t["v"], axis=0), TypeError, r"softmax takes one operand and no options; help\(\)"),
        (lambda t: matmul(t["v"], t["v"], t["v"]), TypeError, r"\* takes two operands and no options"),
        (lambda t: sigmoid("v"), TypeError, r"matrices of numbers, not a str"),
        (lambda t: sigmoid(None), TypeError, r"matrices of numbers, not None"),
        (lambda t: Op("f", np.tanh, 3), TypeError, r"Op\(symbol, forward, rule\) .*, not a str, a ufunc, an int"),
        (lambda t: Op(np.tanh, "f", lambda dz, z, x: dz), TypeError, r"Op\(symbol, forward, rule\)"),
        (lambda t: Op("", np.tanh, lambda dz, z, x: dz), TypeError, r"Op\(symbol, forward, rule\)"),
        (lambda t: check_op(np.tanh), TypeError, r"Op\(symbol, forward, rule\), not a ufunc"),
        (
            lambda t: check_op(matmul, np.ones((2, 3)), np.ones((2, 3))),
            ValueError,
            r"operands of 2×3 and 2×3",
        ),
        (lambda t: check_op(tanh, [[np.nan]]), ValueError, r"x has entries that are not finite"),
        (lambda t: check_op(Op("f", lambda x: None, lambda dz, z, x: dz)), TypeError, r"the forward of f gives None"),
        (
            lambda t: numeric_derivative(t, "v"),
            TypeError,
            r"\(d\) takes a backward pass, .*, not a Tape",
        ),
        (lambda t: complex_step(np.ones((2, 2)), np.sum), TypeError, r"f\(x\) first, not an array"),
        (lambda t: central_difference(3, np.ones((2, 2))), TypeError, r"f\(x\) first, not an int"),
        (lambda t: complex_step(lambda x: None, np.ones((2, 2))), TypeError, r"f gives None, not a number"),
        (lambda t: graph(3), TypeError, r"graph\(tape\) takes a tape, or a backward pass .*, not an int"),
        (lambda t: graph(t["v"]), TypeError, r"graph\(tape\) takes a tape, .* not a Variable"),
        (lambda t: graph(t, derivatives=True), TypeError, r"derivatives: a backward pass, .*, not a bool"),
        (lambda t: graph(t, comparison={}), TypeError, r"comparison: what compare\(d, hand\) returned, not a dict"),
        (lambda t: equations("t"), TypeError, r"equations\(tape\) takes a tape, .*, not a str"),
        (lambda t: first_nonfinite(t["v"]), TypeError, r"first_nonfinite\(tape\) takes a tape, .*, not a Variable"),
        (lambda t: plot.norms(t), TypeError, r"norms\(d\) takes a backward pass, .*, not a Tape"),
        (lambda t: plot.gates(3, "v"), TypeError, r"gates\(tape\) takes a tape, .*, not an int"),
    ],
)
def test_what_is_meant_is_said(tape, wrong, error, said):
    with pytest.raises(error, match=said):
        wrong(tape)


REFUSED = {
    "__bool__": lambda v: 1 if v else 0,
    "__iter__": lambda v: [*v],
    "__setitem__": lambda v: v.__setitem__(slice(1), 0.0),
    "__float__": float,
    "__int__": int,
    "__index__": range,
    "__complex__": complex,
    "__round__": round,
    "__xor__": lambda v: v ^ 2,
    "__and__": lambda v: v & v,
    "__or__": lambda v: v | v,
    "__invert__": lambda v: ~v,
    "__mod__": lambda v: v % 2,
    "__floordiv__": lambda v: v // 2,
    "__array__": np.asarray,
}


def test_what_python_asks_of_arrays_is_refused_by_name_and_size(tape):
    assert [*REFUSED] == [*TEXTS["refused"]]
    for method, call in REFUSED.items():
        with pytest.raises(TypeError) as error:
            call(tape["v"])
        assert str(error.value) == f"Variable(v, 3×2) {TEXTS['refused'][method]}", method
    assert len(tape) == 2


def test_equal_means_the_same_variable(tape):
    v, L = tape["v"], tape["L"]
    assert v == v
    assert v != L
    assert v != "v"
    assert v is not None
    assert v in [L, v]
    assert L not in [v]
    assert {v: 1, L: 2}[L] == 2
    assert len({v, L, v}) == 2
    for number in (1, 1.0, 1j, True, np.float64(1), np.ones((3, 2)), [1.0], (1, 2)):
        for ask in (lambda: v == number, lambda: v != number, lambda: number == v):  # noqa: B023
            with pytest.raises(TypeError, match=r"v\.value [!=]= "):
                ask()
    assert copy.copy(v).value is v.value
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(v)


def test_comparisons_are_recorded_whoever_is_asked(tape):
    v = tape["v"]
    for recorded, right in (
        (v.value < v, v.value < v.value),
        (np.zeros((3, 2)) <= v, v.value >= 0),
        (np.less(v, 1), v.value < 1),
        (np.less_equal(v, v), v.value <= v.value),
    ):
        assert np.array_equal(recorded.value, right)


def test_derivatives_have_no_order(tape):
    for keyed in (tape, tape.backward(tape["L"])):
        for call in (lambda: [*keyed], lambda: "v" in keyed):  # noqa: B023
            with pytest.raises(TypeError, match="iterable"):
                call()


@pytest.mark.parametrize("name", [*TEXTS["attributes"], "clip", "isnan", "exp", "sort"])
def test_an_attribute_of_other_libraries_says_what_to_write(tape, name):
    with pytest.raises(AttributeError, match=f"^a Variable has no '{name}'; .*write "):
        getattr(tape["v"], name)


def test_what_attributes_say_runs(tape):
    v = abs(tape["v"]) + 0.1
    names = {"np": np, "v": v, "w": v, "tape": tape, "high": 1.0, "low": 0.0}
    for name in (
        "numpy",
        "tolist",
        "size",
        "t",
        "mul",
        "pow",
        "clamp",
        "norm",
        "max",
        "std",
        "trace",
        "square",
        "name",
    ):
        assert eval(TEXTS["attributes"][name].partition(", or")[0], names) is not None


@pytest.mark.parametrize("name", TEXTS["without_derivative"]["names"])
def test_what_has_no_derivative_is_computed_of_the_array(tape, name):
    function = getattr(np, name)
    with pytest.raises(TypeError, match=rf"np\.{name} has no derivative, .* write np\.{name}\(v\.value\)"):
        tape["v"]._numpy(function, name, (tape["v"],), {})
