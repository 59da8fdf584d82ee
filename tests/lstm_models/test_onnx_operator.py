"""The operators of ONNX in each direction and layout: against themselves turned round, and each example on its own."""

import numpy as np
import pytest

from lstm_models import sequence
from lstm_models.layouts import ONNX, from_onnx
from lstm_models.models import MODELS
from lstm_models.onnx_operator import onnx_operator
from tinyad import compare

T, B, X, H = 4, 3, 2, 5
LENGTHS = [4, 2, 0]


def arrays(name, directions=1):
    rng = np.random.default_rng(3)
    n = len(ONNX[name])
    shapes = {"W": (n * H, X), "R": (n * H, H), "B": (2 * n * H,)} | ({"P": (3 * H,)} if name == "peephole" else {})
    return {k: rng.normal(size=(directions, *shape)) * 0.5 for k, shape in shapes.items()}


def values(directions=1):
    rng = np.random.default_rng(4)
    return rng.normal(size=(T, B, X)), rng.normal(size=(directions, B, H)), rng.normal(size=(directions, B, H))


def states(name, h, c):
    return {"initial_h": h} | ({"initial_c": c} if "c" in MODELS[name].states else {})


def same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("name", ONNX)
def test_backwards_is_forwards_with_time_turned_round(name):
    given, (x, h, c) = arrays(name), values()
    start = states(name, h, c)
    there = onnx_operator(name, given, x[::-1], **start)
    back = onnx_operator(name, given, x, "reverse", **start)
    same(back, there._replace(Y=there.Y[::-1]))
    assert not np.allclose(back.Y, onnx_operator(name, given, x, **start).Y)


@pytest.mark.parametrize("name", ONNX)
def test_both_ways_are_each_way(name):
    given, (x, h, c) = arrays(name, 2), values(2)
    both = onnx_operator(name, given, x, "bidirectional", lengths=LENGTHS, **states(name, h, c))
    assert both.Y.shape == (T, 2, B, H)
    for k, direction in enumerate(("forward", "reverse")):
        own = {key: a[k : k + 1] for key, a in given.items()}
        one = onnx_operator(name, own, x, direction, lengths=LENGTHS, **states(name, h[k : k + 1], c[k : k + 1]))
        same(one, both._replace(**{f: a[:, k : k + 1] if f == "Y" else a[k : k + 1]
                                   for f, a in both._asdict().items() if a is not None}))  # fmt: skip


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("name", ONNX)
def test_each_example_is_as_on_its_own(name, direction):
    given, (x, h, c) = arrays(name), values()
    found = onnx_operator(name, given, x, direction, lengths=LENGTHS, **states(name, h, c))
    for b, length in enumerate(LENGTHS):
        assert not found.Y[length:, :, b].any()
        if length:
            alone = onnx_operator(
                name, given, x[:length, b : b + 1], direction, **states(name, h[:, b : b + 1], c[:, b : b + 1])
            )
            np.testing.assert_allclose(found.Y[:length, :, b : b + 1], alone.Y, rtol=1e-13)
            np.testing.assert_allclose(found.Y_h[:, b : b + 1], alone.Y_h, rtol=1e-13)
        else:
            np.testing.assert_array_equal(found.Y_h[:, b], h[:, b])


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_the_other_layout_has_the_examples_first(direction):
    D = 1 + (direction == "bidirectional")
    given, (x, h, c) = arrays("sancho", D), values(D)
    first = onnx_operator("sancho", given, x, direction, initial_h=h, initial_c=c)
    turned = onnx_operator("sancho", given, x.swapaxes(0, 1), direction, 1, None, h.swapaxes(0, 1), c.swapaxes(0, 1))
    assert turned.Y.shape == (B, T, D, H)
    same(turned, (first.Y.transpose(2, 0, 1, 3), first.Y_h.swapaxes(0, 1), first.Y_c.swapaxes(0, 1)))


@pytest.mark.parametrize("name", ONNX)
def test_what_is_not_given_is_0(name):
    given, (x, h, c) = arrays(name), values()
    zeros = {key: np.zeros_like(a) if key in "BP" else a for key, a in given.items()}
    few = {key: given[key] for key in "WR"}
    same(onnx_operator(name, few, x), onnx_operator(name, zeros, x, **states(name, 0 * h, 0 * c)))
    for key, a in from_onnx(name, few).items():
        assert np.array_equal(a, from_onnx(name, zeros)[key])


def test_a_backward_pass_of_a_sequence_that_runs_backwards():
    """Its tape has the same derivatives as that of the sequence turned round."""
    model, (x, h, c) = MODELS["sancho"], values()
    weights = from_onnx("sancho", arrays("sancho"))
    start, xs = {"c": c[0].T, "h": h[0].T}, [one.T for one in x]
    back, _ = sequence.record(model, start, xs, weights, backwards=True)
    there, _ = sequence.record(model, start, xs[::-1], weights)
    seed = np.random.default_rng(5).normal(size=(B, H))
    d, other = back.backward({"h[1]": seed}), there.backward({f"h[{T}]": seed})
    pairs = {name: other[name] for name in weights} | {f"x[{t}]": other[f"x[{T + 1 - t}]"] for t in range(1, T + 1)}
    pairs |= {f"h[{T + 1}]": other["h[0]"], f"c[{T + 1}]": other["c[0]"]}
    assert compare(d, pairs, layout="row").ok


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"direction": "both"}, "direction 'both': there are forward, reverse, bidirectional"),
        ({"layout": 2}, "layout 2: there are 0 and 1"),
        ({"X": np.ones((T, X))}, "X has 2 axes, expected 3: T×B×X"),
        ({"direction": "bidirectional"}, r"W is \(1, 20, 2\), expected 2 on its first axis"),
        ({"initial_h": np.ones((B, H))}, r"initial_h is \(3, 5\), expected \(1, 3, 5\)"),
        ({"model": "slides"}, "'slides' has no layout in ONNX"),
    ],
)
def test_what_does_not_fit(changes, why):
    given = {"model": "sancho", "arrays": arrays("sancho"), "X": values()[0]}
    with pytest.raises(ValueError, match=why):
        onnx_operator(**(given | changes))
