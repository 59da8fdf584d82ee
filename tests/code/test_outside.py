"""Functions that read parameters from outside of them, and derivatives named after a part of an argument's name."""

import numpy as np
import pytest

from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad.code import check_code
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.names import abbreviates

SOURCE = (ROOT / "tests/code/forms/parameters_outside.py").read_text(encoding="utf-8")


def wrong(was, now):
    """The verdicts on what is wrong after one change, with the source."""
    assert SOURCE.count(was) == 1
    report = check_text(Text("model.py", SOURCE.replace(was, now)), Options())
    return report.wrong


@pytest.mark.parametrize(
    ("was", "now"),
    sampled(
        [
            ("dW += draw @ h[t - 1].T", "dW += draw @ h[t].T"),
            ("dV += dscores @ h[t].T", "dV = dscores @ h[t].T"),
            ("draw = dh * (1 - h[t] ** 2)", "draw = dh * (1 - h[t])"),
            ("grads = {'w2': h.T @ dout}".replace("'", '"'), 'grads = {"w2": 2 * h.T @ dout}'),
            ("dshift = da.sum(axis=0)", "dshift = dh.sum(axis=0)"),
            ("gradOutsideVecs = np.outer(delta, centreWordVec)", "gradOutsideVecs = np.outer(centreWordVec, delta)"),
            ("gradCentreVec += (1 - zk) * other", "gradCentreVec -= (1 - zk) * other"),
        ],
        one_in=2,
    ),
)
def test_the_changed_statement_is_found(was, now):
    (found,) = wrong(was, now)
    line = SOURCE[: SOURCE.index(was)].count("\n") + 1
    assert line in (found.line, found.suggestion_line)
    assert found.suggestion.replace(" ", "") == was.replace(" ", "")


def test_where_a_parameter_is_set_is_shown():
    (found,) = wrong("dU += draw @ x[t].T", "dU -= draw @ x[t].T")
    assert (found.of, found.of_text) == ("U", "U = generator.randn(hidden, len(letters)) * 0.4")


def loaded():
    """The names of the file, as Python makes them."""
    names = {}
    exec(compile(SOURCE, "model.py", "exec"), names)
    return names


def slope(loss, array, entry, step=1e-5):
    """The central difference of a loss for an entry of an array."""
    kept, values = array[entry], []
    for displaced in (kept + step, kept - step):
        array[entry] = displaced
        values.append(loss())
    array[entry] = kept
    return (values[0] - values[1]) / (2 * step)


def test_the_derivatives_of_the_file_are_the_numeric_ones():
    names = loaded()
    arguments = names["example_letters_loss"]()
    found = names["letters_loss"](*arguments)
    for name, derivative in zip(("U", "W", "V", "b", "c"), found[1:6], strict=True):
        for entry in np.ndindex(*derivative.shape):
            numeric = slope(lambda: names["letters_loss"](*arguments)[0], names[name], entry)
            assert numeric == pytest.approx(derivative[entry], abs=1e-7)
    (x,) = names["example_net"]()
    upstream = np.random.default_rng(2).standard_normal((4, 2))
    dx, grads, dshift = names["net_backward"](upstream, names["net_forward"](x)[1])
    arrays = [(x, dx), (names["shift"], dshift), *((names["weights"][key], grads[key]) for key in grads)]
    for array, derivative in arrays:
        for entry in np.ndindex(*array.shape):
            numeric = slope(lambda: np.sum(upstream * names["net_forward"](x)[0]), array, entry)
            assert numeric == pytest.approx(derivative[entry], abs=1e-7)


SCALE = np.array([0.5, -2.0, 1.5])


def scale_forward(x):
    return np.sin(SCALE * x)


def scale_backward(dout, x):
    dz = dout * np.cos(SCALE * x)
    dSCALE = dz
    return dz * SCALE, dSCALE


@pytest.mark.slow
def test_functions_that_exist_read_parameters_from_outside():
    before = SCALE.copy()
    report = check_code(scale_forward, scale_backward, np.array([0.3, 0.7, -1.1]))
    assert [v.name for v in report.wrong] == ["dSCALE"]
    assert report.wrong[0].of_text == "SCALE, set outside of scale_forward"
    assert np.array_equal(SCALE, before)


@pytest.mark.parametrize(
    ("name", "of", "expected"),
    [
        ("CenterVec", "centerWordVec", True),
        ("OutsideVecs", "outsideVectors", True),
        ("bias", "biases", True),
        ("VecCenter", "centerWordVec", False),
        ("Wx", "Wh", False),
        ("W1", "W12", False),
        ("", "x", False),
    ],
)
def test_a_name_cut_short(name, of, expected):
    assert abbreviates(name, of) is expected
