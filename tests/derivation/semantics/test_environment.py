"""The environment of an evaluator: what a caller changes holds for that caller alone."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.semantics.drawing import Drawing
from tinyad.derivation.semantics.environment import NodeCache, Remarks
from tinyad.derivation.semantics.forward import Forward
from tinyad.derivation.semantics.sample_point import SamplePoint
from tinyad.derivation.semantics.values import Scope, Trouble

ANYWHERE = Scope(None, {})


def formula_at_point(line):
    """Return a sample point and the right-hand side of one backward line."""
    (derivation,) = derivations(Source(fenced(backward=line)))
    ((one,),) = derivation.backward.values()
    return SamplePoint(Forward(derivation, Drawing(0))), one.members[0]


def test_an_environment_is_frozen():
    point, _ = formula_at_point("∇z1 = ∇f_t")
    with pytest.raises(FrozenInstanceError):
        point.evaluator.environment.left_shape = (1, 2)


def test_another_derivative_holds_for_one_evaluator():
    point, formula = formula_at_point("∇z1 = ∇f_t")
    right = point.evaluator(formula, ANYWHERE)
    other = point.evaluator.replace(derivative=lambda evaluator, name, label, node: 2 * right)
    assert np.array_equal(other(formula, ANYWHERE), 2 * right)
    assert np.array_equal(point.evaluator(formula, ANYWHERE), right)


def test_a_cache_keeps_the_nodes_it_is_asked_to():
    point, formula = formula_at_point("∇z1 = ∇f_t")
    cache = NodeCache(frozenset([id(formula)]), {})
    right = point.evaluator.replace(cache=cache)(formula, ANYWHERE)
    assert [value is right for value in cache.values.values()] == [True]
    assert point.evaluator.replace(cache=cache)(formula, ANYWHERE) is right
    assert point.evaluator(formula, ANYWHERE) is not right


def test_a_jacobian_leaves_values_and_caches_as_they_are():
    point, formula = formula_at_point("∇z1 = ∇f_t ∂f_t/∂z1")
    cache = NodeCache(frozenset(map(id, [formula, *formula.parts])), {})
    before = {name: v.value.copy() for name, v in point.values.items()}
    point.evaluator.replace(cache=cache)(formula, ANYWHERE)
    assert all(np.array_equal(v.value, before[name]) for name, v in point.values.items())
    assert all(np.isrealobj(value) for value in cache.values.values())
    assert not point.evaluator.environment.is_moved


def test_labels_and_remarks_belong_to_the_point_that_was_asked_for_them():
    point, formula = formula_at_point("∇z1 = ∇f_t|_{a}")
    ones = np.ones(point.values["f", ("t", 0)].shape[::-1])
    labelled, remarks = point.with_labels(lambda at, evaluator, name, label: ones), Remarks()
    assert np.array_equal(labelled.with_remarks(remarks).evaluator(formula, ANYWHERE), ones)
    assert remarks.shapes
    assert not point.evaluator.remarks.shapes
    with pytest.raises(Trouble, match="no line with the label a"):
        point.evaluator(formula, ANYWHERE)
