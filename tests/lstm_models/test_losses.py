"""Losses against mpmath and plain NumPy: far from 0, with masks, as a mean, twice derived, listed and drawn."""

import re

import mpmath
import numpy as np
import pytest

from lstm_models.losses import cross_entropy, one_hot, over_time, squared_error
from lstm_models.models import MODELS
from tests.support.points import close, complex_step, draw
from tinyad import Tape, equations, gradients, graph

Y, B = 4, 3
A = draw((Y, B))
INDICES = [2, 0, 2]
SOFT = np.abs(draw((Y, B), 1)) / np.abs(draw((Y, B), 1)).sum(axis=0)
MASKS = {"bools": [True, False, True], "row": np.array([[1, 0, 1]]), "column": np.array([[1.0], [0], [1]])}
KEPT = [0, 2]
LOSSES = pytest.mark.parametrize("loss", [cross_entropy, squared_error])


def walked(loss, a, *given):
    """(the values of a loss on a tape, its derivative for a, of the size of a)."""
    tape = Tape()
    v = tape.variable(a, "a")
    values = loss(v, *given)
    d = tape.backward(values["e"])
    assert values["e"].shape == (1, 1)
    return values, d[v].T


def softmax(a):
    return np.exp(a) / np.exp(a).sum(axis=0)


# Far from 0

COLUMNS = {
    "+-1000": [1000, -1000, 0, 999],
    "-1000": [-1000, -1000, -1000.5, -1001],
    "1000": [1000, 1000, 1000, 1000],
    "saturated": [40, 0, -1, 2],
    "far": [1e8, -1e8, 0, 1e8 - 3],
    "tails": [0, -600, -700, -20],
    "near": [0.1, -0.2, 0.3, 0.7],
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("label", range(Y))
def test_cross_entropy_is_that_of_mpmath(column, label):
    a = np.array(column, dtype=float).reshape(-1, 1)
    values, d = walked(cross_entropy, a, [label])
    with mpmath.workdps(60):
        e = [mpmath.exp(mpmath.mpf(x)) for x in column]
        p = [x / mpmath.fsum(e) for x in e]
        right = -mpmath.log(p[label])
        derivative = [x - (k == label) for k, x in enumerate(p)]
        assert abs(values["e"].value.item() - right) <= 4e-16 * max(1, right)
        for k, exact in enumerate(derivative):
            l = abs(mpmath.log(p[k]))  # what stands in exp, whose relative error it is
            allowed = 1e-300 + (4e-16 if k == label else 1e-15 * (1 + l) * abs(exact))
            assert abs(d[k, 0] - exact) <= allowed, k
    assert cross_entropy(a, [label])["e"].item() == values["e"].value.item()


def test_squared_error_is_that_of_mpmath():
    y, target = np.array([[1e6 + 0.1], [-1000.0], [1e-8]]), np.array([[1e6], [1000.0], [3e-9]])
    values, d = walked(squared_error, y, target)
    with mpmath.workdps(60):
        r = [mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(y[:, 0].tolist(), target[:, 0].tolist(), strict=True)]
        assert abs(values["e"].value.item() / mpmath.fsum(x * x for x in r) - 1) < 5e-16
        assert all(abs(d[k, 0] / (2 * x) - 1) < 5e-16 for k, x in enumerate(r))


# Values and derivatives, written again

FORMULAS = {
    cross_entropy: (lambda a, y: -y * np.log(softmax(a)), lambda a, y: softmax(a) * y.sum(axis=0) - y),
    squared_error: (lambda a, y: (a - y) ** 2, lambda a, y: 2 * (a - y)),
}


@LOSSES
@pytest.mark.parametrize("given", ["sum to 1", "any"])
@pytest.mark.parametrize("mask", [None, [0.5, 0.0, 3.0]])
def test_value_and_derivatives(loss, given, mask):
    """For numbers in the mask, too: an example then counts for as much."""
    y = SOFT if given == "sum to 1" else draw((Y, B), 2)
    value, derivative = FORMULAS[loss]
    weights = np.ones(B) if mask is None else np.array(mask)
    values, d = walked(loss, A, y, mask)
    assert close(values["e"].value, [[(value(A, y) * weights).sum()]], 1e-15)
    assert close(d, derivative(A, y) * weights)
    assert close(d.T, complex_step(lambda a: loss(a, y, mask)["e"], A))
    if given == "sum to 1" and loss is cross_entropy:
        assert close(d, (softmax(A) - y) * weights)
    plain = loss(A, y, mask)["e"]
    assert plain.shape == (1, 1)
    assert plain == values["e"].value


@LOSSES
@pytest.mark.parametrize("mask", [None, MASKS["bools"]])
def test_labels_and_targets_may_be_variables(loss, mask):
    tape = Tape()
    v = tape.variables(a=A, y=SOFT)
    values = loss(v["a"], v["y"], mask)
    tape.name(values)
    assert all(z in tape.names for _, z, _, _ in tape.steps)
    d = tape.backward(values["e"])
    for name, at in (("a", {"y": SOFT}), ("y", {"a": A})):

        def by_step(moved, name=name, at=at):
            point = {name: moved, **at}
            return loss(point["a"], point["y"], mask)["e"]

        assert close(d[name], complex_step(by_step, v[name].value)), name
    right, da = walked(loss, A, SOFT, mask)
    assert np.array_equal(values["e"].value, right["e"].value)
    assert np.array_equal(d["a"].T, da)


@pytest.mark.parametrize(
    "indices", [INDICES, tuple(INDICES), np.array(INDICES), np.array(INDICES, np.uint8)], ids=lambda i: type(i).__name__
)
def test_indices_are_one_hot_columns(indices):
    columns = np.eye(Y)[:, INDICES]
    assert np.array_equal(one_hot(indices, Y, B), columns)
    right, d = walked(cross_entropy, A, columns)
    for same in (indices, columns.astype(int), columns.astype(bool), columns.tolist()):
        values, again = walked(cross_entropy, A, same)
        assert values["e"].value == right["e"].value
        assert np.array_equal(again, d)
    assert close(d, softmax(A) - columns)
    assert cross_entropy(A[:, :1], 2)["e"] == cross_entropy(A[:, :1], [2])["e"]


# Masks


@LOSSES
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_mask_leaves_examples_out(loss, mask):
    y = SOFT.copy()
    y[:, 1] = np.nan  # whatever stands there
    values, d = walked(loss, A, y, mask)
    right, kept = walked(loss, A[:, KEPT], SOFT[:, KEPT])
    assert close(values["e"].value, right["e"].value, 1e-15)
    assert close(d[:, KEPT], kept, 1e-15)
    assert not d[:, 1].any()
    assert not close(values["e"].value, loss(A, SOFT)["e"], 1e-2)
    everything, all_ = walked(loss, A, SOFT, np.ones(B))
    assert everything["e"].value == loss(A, SOFT)["e"]
    assert np.array_equal(all_, walked(loss, A, SOFT)[1])


@pytest.mark.parametrize("hidden", [-1, -100, Y, 1])
def test_the_index_of_an_example_that_is_left_out_may_be_any(hidden):
    values, d = walked(cross_entropy, A, [2, hidden, 1], MASKS["bools"])
    right, kept = walked(cross_entropy, A[:, KEPT], [2, 1])
    assert close(values["e"].value, right["e"].value, 1e-15)
    assert close(d[:, KEPT], kept, 1e-15)
    assert not d[:, 1].any()


# Over time


def test_sums_and_means_over_time():
    """The mean is over what was counted, not over T·B; lengths or masks say it as well as a number."""
    a = [draw((Y, B), seed) for seed in range(3)]
    labels, lengths = np.array([[2, 0, 1], [1, 1, 3], [0, 3, 2]]), np.array([3, 1, 2])
    masks = [lengths >= t for t in (1, 2, 3)]
    each = [-np.log(softmax(at)[y, np.arange(B)]) for at, y in zip(a, labels, strict=True)]
    total = sum((e * mask).sum() for e, mask in zip(each, masks, strict=True))
    tape = Tape()
    vs = [tape.variable(at, f"a[{t}]") for t, at in enumerate(a, 1)]
    errors = [cross_entropy(v, y, mask)["e"] for v, y, mask in zip(vs, labels, masks, strict=True)]
    sums = over_time(errors)
    assert sums[0] is errors[0]
    running = np.cumsum([e.value.item() for e in errors])
    assert [s.value.item() for s in sums] == running.tolist()
    assert close(running[-1], total, 1e-15)
    d = tape.backward(sums[-1])
    for count in (6, 6.0, lengths, masks, lengths.sum(), [[m] for m in masks]):
        *same, mean = over_time(errors, count)
        assert [s.value for s in same] == [s.value for s in sums]
        assert close(mean.value, [[total / 6]], 1e-15)
        d_mean = tape.backward(mean)
        assert all(close(d_mean[v], d[v] / 6, 1e-15) for v in vs)
    plain = over_time([cross_entropy(at, y, mask)["e"] for at, y, mask in zip(a, labels, masks, strict=True)], masks)
    assert plain[-1] == mean.value
    assert over_time(errors[:1]) == errors[:1]
    for count in (1, 0.5):
        assert over_time(errors[:1], count)[-1].value == errors[0].value / count


@LOSSES
def test_float32_stays(loss):
    given = {cross_entropy: [INDICES, SOFT.astype("f4"), np.eye(Y, dtype=int)[:, INDICES]]}
    for y in given.get(loss, [SOFT.astype("f4"), np.ones((Y, B), int)]):
        for mask in (None, np.array([1, 0, 1]), np.array([1.0, 0, 1])):
            tape = Tape()
            v = tape.variable(A.astype("f4"), "a")
            L = over_time([loss(v, y, mask)["e"]], np.array([1, 1]).sum())[-1]
            d = tape.backward(L)
            assert {a.dtype for a in tape.values} | {d[v].dtype} == {np.dtype("f4")}
            assert over_time([loss(A.astype("f4"), y, mask)["e"]], np.int64(2))[-1].dtype == np.float32
            with64 = loss(A, np.asarray(y), mask)["e"].item() / 2
            assert abs(L.value.item() - with64) < 1e-6 * abs(with64)


# Second derivatives


@LOSSES
def test_second_derivatives(loss):
    mask, R = np.array([0.5, 0.0, 2.0]), draw((Y, B), 5)
    tape = Tape()
    v = tape.variables(a=A, y=SOFT)
    first = tape.backward(over_time([loss(v["a"], v["y"], mask)["e"]], 2)[-1], record=True)
    second = tape.backward({first["a"]: R})
    derivative = FORMULAS[loss][1]
    for name, at in (("a", {"y": SOFT}), ("y", {"a": A})):

        def by_step(moved, name=name, at=at):
            point = {name: moved, **at}
            return (R * derivative(point["a"], point["y"]) * mask / 2).sum()

        assert close(second[name], complex_step(by_step, v[name].value)), name
        assert np.abs(second[name]).max() > 0.1


# Listed and drawn


def listed(loss, *given):
    tape = Tape()
    v = tape.variables(a=A, y=SOFT)
    values = loss(v["a"], v["y"], *given)
    *_, L = over_time([values["e"]], 2)
    tape.name({**values, "L": L})
    return tape, tape.backward(L)


def test_cross_entropy_reads_as_it_is_written():
    tape, d = listed(cross_entropy)
    assert list(cross_entropy(A, SOFT)) == ["l", "yl", "total", "e"]
    assert list(cross_entropy(A, SOFT, [1, 1, 1])) == ["counted", "l", "yl", "total", "e"]
    assert equations(tape).text.splitlines() == [
        "1  l      = log_softmax(a)",
        "2  yl     = l ∘ y",
        "3  total  = sum(yl)",
        "4  e      = -total",
        "5  L      = e / 2",
    ]
    assert [line.split("step")[0].rstrip() for line in gradients(d).text.splitlines()][1:7] == [
        "1  ∇e      = ∇L / 2",
        "2  ∇total  = -∇e",
        "3  ∇yl     = 1 * ∇total * 1ᵀ",
        "4  ∇l      = ∇yl ∘ yᵀ",
        "5  ∇y      = ∇yl ∘ lᵀ",
        "6  ∇a      = ∇l - (∇l * 1) ∘ exp(log_softmax(a))ᵀ",
    ]


def test_squared_error_reads_as_it_is_written():
    tape, _ = listed(squared_error, MASKS["bools"])
    text = re.sub(r"_v\d+", "mask", equations(tape).text)
    assert text.splitlines() == [
        "1  residual  = a - y",
        "2  squared   = residual ∘ residual",
        "3  counted   = squared ∘ mask",
        "4  e         = sum(counted)",
        "5  L         = e / 2",
    ]


@LOSSES
@pytest.mark.parametrize("mask", [None, MASKS["bools"]])
def test_a_graph_has_a_box_for_every_value(loss, mask):
    tape, _ = listed(loss, mask)
    names = [name for name in loss(A, SOFT, mask) if name in tape.names.values()]
    picture = graph(tape, groups={"loss": [*names, "L"]})
    drawn = [box.lines[0].split(" = ")[0] for box in picture.drawing.boxes]
    assert sorted(drawn) == sorted(["a", "y", "L", *names])
    framed = [box.lines[0].split(" = ")[0] for box in picture.drawing.boxes if box.cluster]
    assert sorted(framed) == sorted(["L", *names])


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_names_of_a_loss_are_free_in_every_model(model):
    """Or a loss could not be named at the time step of its cell."""
    in_loss = set(cross_entropy(A, SOFT, [1, 1, 1])) | set(squared_error(A, SOFT))
    in_model = {name for names in model.gates.values() for name in names} | set(model.shapes(2, 3)) | {"x"}
    in_model |= {*model.states, *model.states.values(), *model.output_shapes(2, 3), "a_y", "Wh_y", "z_y"}
    assert not in_loss & in_model


# What cannot be


@pytest.mark.parametrize(
    ("loss", "given", "message"),
    [
        (cross_entropy, [[0, 4, 1]], "labels: 4 of example 2 is out of range, the 4 classes are 0 to 3"),
        (cross_entropy, [[4, 5, -1]], "labels: 4 of example 1 is out of range, the 4 classes are 0 to 3"),
        (cross_entropy, [[0, 3, -1]], "labels: -1 of example 3 is out of range, the 4 classes are 0 to 3"),
        (cross_entropy, [[0, -1, 4], [1, 0, 1]], "labels: 4 of example 3 is out of range, the 4 classes are 0 to 3"),
        (cross_entropy, [[0, 1]], "labels: expected 3 whole numbers, or a matrix of 4×3; got int64 of shape (2"),
        (cross_entropy, [[0, 1], [1, 0, 1]], "labels: expected 3 whole numbers, or a matrix of 4×3; got int64"),
        (cross_entropy, [2], "labels: expected 3 whole numbers, or a matrix of 4×3; got int64 of shape (1,)"),
        (cross_entropy, [[0.0, 1, 2]], "labels: expected 3 whole numbers, or a matrix of 4×3; got float64"),
        (cross_entropy, [[True, True, False]], "labels: expected 3 whole numbers, or a matrix of 4×3; got bool"),
        (cross_entropy, [np.array([INDICES])], "labels: expected a matrix of 4×3, got one of shape (1, 3)"),
        (cross_entropy, [SOFT[:, :1]], "labels: expected a matrix of 4×3, got one of shape (4, 1)"),
        (cross_entropy, [SOFT.T], "labels: expected a matrix of 4×3, got one of shape (3, 4)"),
        (squared_error, [SOFT.T], "the target: expected a matrix of 4×3, got one of shape (3, 4)"),
        (squared_error, [SOFT[:1]], "the target: expected a matrix of 4×3, got one of shape (1, 3)"),
        (squared_error, [SOFT[0]], "the target: expected a matrix of 4×3, got one of shape (3,)"),
        (squared_error, [1.0], "the target: expected a matrix of 4×3, got one of shape ()"),
        (squared_error, [SOFT, [1, 0]], "the mask is of shape (2,), expected 3 entries, one for each example"),
        (cross_entropy, [SOFT, np.ones((Y, B))], "the mask is of shape (4, 3), expected 3 entries, one for each"),
        (cross_entropy, [INDICES, 1], "the mask is of shape (1,), expected 3 entries, one for each example"),
    ],
)  # fmt: skip
def test_what_does_not_fit(loss, given, message):
    tape = Tape()
    for a in (A, tape.variable(A)):
        with pytest.raises(ValueError, match="^" + re.escape(message)):
            loss(a, *given)
    assert len(tape) == 0


@LOSSES
def test_variables_that_do_not_fit(loss):
    tape = Tape()
    v = tape.variables(a=A, y=SOFT[:, :1])
    with pytest.raises(ValueError, match=r"expected a matrix of 4×3, got one of shape \(4, 1\)$"):
        loss(v["a"], v["y"])
    with pytest.raises(ValueError, match=r"^the result is of shape \(4,\), expected a matrix with a column for each"):
        loss(A[:, 0], [1])


@pytest.mark.parametrize("count", [0, 0.0, [], [0, 0], np.zeros((3, B), bool), -1])
def test_a_mean_of_nothing(count):
    nothing = [cross_entropy(A, [-1] * B, np.zeros(B))["e"]]
    assert nothing[0] == 0
    with pytest.raises(ValueError, match=r"^the mean of -?[01] losses: the mask leaves nothing to count$"):
        over_time(nothing, count)
    with pytest.raises(ValueError, match=r"^no losses to add$"):
        over_time([], 3)


def test_a_mask_has_no_odd_weights():
    for mask, said in (([1, -1, 1], "-1"), ([1, np.nan, 1], "nan"), ([1, 1, np.inf], "inf")):
        said = f"the mask has {said}(.0)?; expected 0 for an example that is left out, else 1 or a weight"
        with pytest.raises(ValueError, match=said):
            cross_entropy(np.zeros((4, 3)), [0, 1, 2], mask)
