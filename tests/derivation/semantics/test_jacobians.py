"""Jacobians of names: by the steps of the tape between them, and nothing else."""

import numpy as np
import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.semantics.drawing import Drawing
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope

DECLARE = "layout: row\nx: N×1\nW: M×N\ngiven: ∂L/∂h"
FORWARD = "a = W x\nb = tanh(a)\nc = b ∘ a\nh = softmax(c)"


def jacobian(above, below):
    (one,) = derivations(Source(fenced(DECLARE, FORWARD, f"∂L/∂x = ∂L/∂h ∂{above}/∂{below}")))
    point = SamplePoint(Forward(one, Drawing(0)))
    node = one.backward[""][0].members[0].parts[1]
    values = {key: v.value for (key, _), v in point.values.items()}
    return point.evaluator(node, Scope(None, {})), values


def test_a_jacobian_by_hand():
    full, values = jacobian("b", "a")
    np.testing.assert_allclose(full, np.diag((1 - np.tanh(values["a"]) ** 2).ravel()), rtol=1e-12)
    full, values = jacobian("b", "x")  # through a, which does not stand in the equation of b
    np.testing.assert_allclose(full, np.diag((1 - np.tanh(values["a"]) ** 2).ravel()) @ values["W"], rtol=1e-12)


def test_a_name_in_the_equation_moves_alone():
    """c = b ∘ a: the derivative for a keeps b, although b is made from a."""
    full, values = jacobian("c", "a")
    np.testing.assert_allclose(full, np.diag(values["b"].ravel()), rtol=1e-12)


@pytest.mark.parametrize(("above", "below"), [("a", "h"), ("b", "c")])
def test_what_does_not_depend_on_a_name_has_the_jacobian_0(above, below):
    assert not np.any(jacobian(above, below)[0])


def test_times_beyond_the_sequence():
    """At the last time h_{t+1} is after the end: its Jacobian is 0."""
    declare = "layout: row\ntime: t = 1..T\nx_t: N×1\nh_t: N×1\nR: N×N\ngiven: ∂L/∂h_t"
    forward = "a_t = R h_{t-1} + x_t\nh_t = tanh(a_t)"
    backward = (
        "∂L/∂h_t += ∂L/∂h_{t+1} ∂h_{t+1}/∂h_t\n∂L/∂a_t = ∂L/∂h_t ∂h_t/∂a_t\n∂L/∂x_t = ∂L/∂h_{t+1} ∂h_{t+1}/∂x_{t+1}"
    )
    found = check_derivation(fenced(declare, forward, backward)).verdicts
    assert [str(v.verdict) for v in found[:2]] == ["right", "right"]
    assert not found[2].ok
