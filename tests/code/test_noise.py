"""The tolerance grows with what rounding leaves of the loss, and no further."""

import numpy as np
import pytest

import tinyad
from tests.support.code_plants import founds, paired
from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad.code.check import check_pair
from tinyad.code.points import another
from tinyad.code.program import CodeError, undisturbed

PATH = ROOT / "tests/code/written/two_layer_dict.py"


def cost_with_regularization(seed, was="", now=""):
    """What a check says at a point where log(1 - sigmoid(z)) has lost half of its digits."""
    found = next(f for f in founds(PATH) if f.name == "compute_cost_with_regularization")
    source = PATH.read_text(encoding="utf-8").replace(was, now)
    with undisturbed():
        return check_pair(paired(source, str(PATH), found, seed, lambda example: another(example, seed)))


@pytest.mark.parametrize("seed", [8, 10, 11])
def test_right_code_is_right_where_its_loss_is_noisy(seed):
    verdict = cost_with_regularization(seed)
    assert verdict.ok
    assert not verdict.wrong
    assert {statement.verdict for statement in verdict.statements} == {"right"}


@pytest.mark.parametrize(
    ("was", "now"),
    sampled(
        [
            ("dW2 = np.dot(dZ2, A1.T) + lambd / m * W2", "dW2 = np.dot(dZ2, A1.T) + lambd * W2"),
            ("dZ2 = 1. / m * (A2 - Y)", "dZ2 = 1. / m * (Y - A2)"),
            ("db1 = np.sum(dZ1, axis=1, keepdims=True)", "db1 = 1.001 * np.sum(dZ1, axis=1, keepdims=True)"),
        ]
    ),
)
def test_a_mistake_is_found_where_the_loss_is_noisy(was, now):
    assert [s.text.strip() for s in cost_with_regularization(11, was, now).wrong] == [now]


def saturated(x):
    return np.log(1 - 1 / (1 + np.exp(-x)))


def saturated_backward(dout, x):
    dx = -dout / (1 + np.exp(-x))
    return dx


def test_what_noise_hides_is_not_judged():
    with pytest.raises(CodeError, match="rounding hides the derivatives at the example of saturated_backward"):
        tinyad.check_code(saturated, saturated_backward, np.array([27.0, 26.0, 28.0]))
