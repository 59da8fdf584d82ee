"""Every model by every name: tape = by hand = complex step, at a generic point, for one example and for three."""

import numpy as np
import pytest

from lstm_models import sequence
from lstm_models.model import parameters
from lstm_models.models import MODELS
from tests.support.modelpoints import H, ModelPoint, X
from tests.support.points import close, replayed
from tests.support.sampling import sampled
from tinyad import Tape, compare, graph

EACH = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
BATCH = pytest.mark.parametrize("B", sampled([3, 1], 2))
SMALL = ("gru", "rnn")
SMALL_FIRST = pytest.mark.parametrize(
    "model", [pytest.param(m, marks=[] if name in SMALL else pytest.mark.slow, id=name) for name, m in MODELS.items()]
)


@EACH
@BATCH
def test_tape_is_by_hand(model, B):
    point = ModelPoint(model, B)
    hand = point.hand()
    assert set(hand) == set(point.tape.names.values())
    found = compare(point.d, hand, layout=model.layout)
    assert found.ok, str(found)
    assert len(found.findings) == len(point.tape.names)


@EACH
@BATCH
def test_tape_is_the_complex_step_of_the_model(model, B):
    """On plain arrays: the model without a tape."""
    point = ModelPoint(model, B)
    for name in point.leaves:
        assert close(point.d[name], point.by_complex_step(name)), name


@SMALL_FIRST
@BATCH
def test_every_value_is_the_complex_step_of_the_replayed_tape(model, B):
    point = ModelPoint(model, B, T=3)
    seeds = {point.tape[name].index: dz for name, dz in point.seeds.items()}
    for position, name in point.tape.names.items():
        assert close(point.d[name], replayed(point.tape, seeds, position)), name


@SMALL_FIRST
def test_a_wrong_derivative_of_any_name_is_found(model):
    """One entry off by a millionth of the largest: the comparison of every name can fail."""
    point = ModelPoint(model, T=3)
    hand = {name: d.copy() for name, d in point.hand().items() if d.any()}
    for wrong in hand.values():
        wrong.flat[-1] += 1e-6 * np.abs(wrong).max()
    assert {f.name for f in compare(point.d, hand, layout=model.layout).wrong} == set(hand)


@EACH
def test_every_parameter_and_state_counts_at_this_point(model):
    point = ModelPoint(model)
    for name in point.leaves:
        assert np.abs(point.d[name]).min() > 0, name
    assert not compare(point.d, point.hand(), layout=model.layout).not_exercised


@EACH
def test_a_drawing_has_every_value_of_the_cell_in_a_frame(model):
    point = ModelPoint(model)
    framed = [name for names in model.gates.values() for name in names]
    results = {point.tape.label(z) for _, z, _, _ in point.tape.steps}
    assert sorted(framed) == sorted(name.removesuffix("[2]") for name in results if name.endswith("[2]"))
    picture = graph(point.tape, groups=model.gates)
    titles = [cluster.title for cluster in picture.drawing.clusters]
    assert all(titles.count(title) == len(point.xs) for title in model.gates)


@EACH
def test_every_step_has_a_name(model):
    point = ModelPoint(model)
    unnamed = [z for _, z, _, _ in point.tape.steps if z not in point.tape.names]
    assert unnamed == []


@EACH
def test_float32(model):
    point = ModelPoint(model, dtype=np.float32)
    assert {value.dtype for value in point.tape.values} == {np.dtype("f4")}
    hand = point.hand()
    assert {d.dtype for d in hand.values()} == {np.dtype("f4")}
    assert compare(point.d, hand, layout=model.layout).ok


@EACH
def test_the_hand_derivation_leaves_its_arguments_alone(model):
    point = ModelPoint(model)
    arrays = [*point.leaves.values(), *point.dhs, *point.last.values()]
    before = [a.copy() for a in arrays]
    point.hand()
    assert all(np.array_equal(a, b) for a, b in zip(before, arrays, strict=True))


@EACH
def test_parameters_are_of_their_sizes_and_none_is_zero(model):
    P = parameters(model, H, X, np.random.default_rng(0))
    assert {name: p.shape for name, p in P.items()} == model.shapes(H, X)
    assert all(np.abs(p).min() > 0 for p in P.values())
    for sizes, said in (((0, 2), "H = 0"), ((5, 0), "X = 0")):
        with pytest.raises(ValueError, match=f"{model.name}: {said}, but a size is at least 1"):
            parameters(model, *sizes, np.random.default_rng(0))


@EACH
def test_the_output_layer_has_a_column_for_each_example(model):
    point = ModelPoint(model)
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(size) for name, size in model.output_shapes(H, 7).items()}
    eqs, a_y = sequence.readout(model, point.steps[-1][model.read].value, P)
    assert a_y.shape == (7, 3)
    assert a_y is list(eqs.values())[-1]
    tape = Tape()
    assert np.array_equal(sequence.readout(model, tape.variable(point.steps[-1][model.read].value), P)[1].value, a_y)


def test_the_systems_that_are_one():
    """Sancho = Problem 4 = Vardhan with other names (weights transposed), and the picture without peepholes."""
    point = ModelPoint(MODELS["sancho"])
    P = point.parameters
    zero = np.zeros((H, H))
    others = {
        "problem4": {f"{new}{p}": P[f"{old}_{q}"] for new, old in (("W_x", "W"), ("W_h", "R"), ("b_", "b"))
                     for p, q in ("ff", "ii", "oo", "cg")},
        "vardhan": {f"W_{p}{new}": P[f"{old}_{q}"].T for new, old in (("a", "R"), ("x", "W"))
                    for p, q in ("ff", "ui", "oo", "cg")}
                   | {f"b_{p}": P[f"b_{q}"] for p, q in ("ff", "ui", "oo", "cg")},
        "picture": {f"W_{p}{new}": P[f"{old}_{q}"] for new, old in (("h", "R"), ("x", "W"))
                    for p, q in ("ff", "ii", "oo", "Cg")} | {f"b_{p}": P[f"b_{q}"] for p, q in ("ff", "ii", "oo", "Cg")}
                   | {"W_fC": zero, "W_iC": zero, "W_oC": zero},
    }  # fmt: skip
    right = sequence.unrolled(MODELS["sancho"], point.start, point.xs, P)
    for name, weights in others.items():
        model = MODELS[name]
        start = dict(zip(model.states, point.start.values(), strict=True))
        for eqs, other in zip(right, sequence.unrolled(model, start, point.xs, weights), strict=True):
            for state, of in zip(("c", "h"), model.states, strict=True):
                assert close(other[of], eqs[state], 1e-14), name


def test_no_model_is_lost():
    assert set(MODELS) == {
        "slides", "picture", "picture-stacked", "vardhan", "sancho", "sancho-stacked", "problem4", "problem4-rows",
        "peephole", "gru", "gru-takes", "gru-before", "gru-before-takes", "rnn",
    }  # fmt: skip
