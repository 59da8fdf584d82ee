"""A hand derivation with one line changed, as people get it wrong: everywhere, or at one time step."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from itertools import count
from types import ModuleType

import pytest

from lstm_models.models import MODELS
from tests.support.modelpoints import ModelPoint, T
from tinyad import compare

# The time step of a mistake; everywhere takes the checks another way through the same lines.
AT = pytest.mark.parametrize("at", [2, pytest.param(None, marks=pytest.mark.slow)])


def changed(thing, right, wrong, names):
    """Run the source of a module or a function, `wrong` in the one place of `right`; what it defines is in `names`."""
    source = inspect.getsource(thing)
    assert source.count(right) == 1, right
    exec(compile(source.replace(right, wrong), f"{right} -> {wrong}", "exec"), names)


def planted(module, right, wrong):
    """A module of hand derivations with one line of it changed."""
    spoiled = ModuleType(module.__name__)
    changed(module, right, wrong, spoiled.__dict__)
    return spoiled


def assert_blamed(found, name):
    """The first wrong line is that of `name`, and no other is blamed, but for the same one at other time steps."""
    assert found.first_wrong.name == name
    assert {f.name.partition("[")[0] for f in found.wrong if f.cause != "inherited"} == {name.partition("[")[0]}


def plant(monkeypatch, function, right, wrong, at=None):
    """Write `wrong` for the one place of `right` in a function that is called for t = T down to 1; only at t = `at`."""
    module = sys.modules[function.__module__]
    spoiled = dict(vars(module))
    changed(function, right, wrong, spoiled)
    spoiled, t = spoiled[function.__name__], count(T, -1)
    monkeypatch.setattr(
        module, function.__name__, lambda *given: (spoiled if at in (None, next(t)) else function)(*given)
    )


def compare_by_hand(point):
    return compare(point.d, point.hand(), layout="same")


@cache
def right_point(name):
    point = ModelPoint(MODELS[name])
    assert compare_by_hand(point).ok
    return point


def found_in_its_line(monkeypatch, model, function, right, wrong, name, at=None):
    """A mistake in the line of a parameter, of `name` at time step `at`, or of the state before, is found; no other."""
    point = right_point(model.name)
    plant(monkeypatch, function, right, wrong, at)
    found = compare_by_hand(point)
    stem = name.removesuffix("_prev")
    lines = [f"{stem}[{t - (stem != name)}]" for t in ([at] if at else range(T, 0, -1))]
    lines = [name] if name in point.parameters else lines
    assert found.first_wrong.name == lines[0], found
    assert [f.name for f in found.wrong if f.cause == "own"] == lines, found
