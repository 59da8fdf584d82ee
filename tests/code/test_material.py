"""The code in `written` is right: what each backward returns is what differences of its forward say."""

import functools
import importlib.util
import pickle
import sys

import numpy as np
import pytest

from tests.support.numeric_pair import Pair, disagreement, script_gradients
from tests.support.paths import ROOT

WRITTEN = ROOT / "tests/code/written"
ALLOWED = 1e-6

# The inputs of the gradients returned, where they are not the first arguments that could have one.
ORDERS = {"char_rnn.lossFun": "Wxh Whh Why bh by"}

# A bias in front of a normalization has no effect, nor has one that a softmax cancels.
VANISHING = {("affine_bn_relu", "b"), ("Sequential", "layers[0].self.db"), ("self_attention", "b_k")}


def loaded(path):
    """Return the namespace of a file, run as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"written_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return vars(module)


NAMESPACES = {path.stem: loaded(path) for path in sorted(WRITTEN.glob("*.py"))}
PAIRS = [
    (file, key.removeprefix("example").removeprefix("_"))
    for file, namespace in NAMESPACES.items()
    for key in namespace
    if key.startswith("example")
]
SCRIPTS = [file for file, namespace in NAMESPACES.items() if "loss" in namespace]


def ordered(file, name):
    """Return the names of the arguments whose gradients are returned, if the file has them in its own order."""
    return ORDERS[f"{file}.{name}"].split() if f"{file}.{name}" in ORDERS else None


@pytest.mark.parametrize(("file", "name"), PAIRS)
def test_an_example_is_the_same_each_time(file, name):
    example = NAMESPACES[file][f"example_{name}" if name else "example"]
    assert pickle.dumps(example()) == pickle.dumps(example())


@functools.cache
def compared(file, name):
    """Return (label, gradient by hand, numeric gradient) for each gradient of a pair."""
    pair = Pair(NAMESPACES[file], name)
    return [(label, by_hand, pair.numeric(path)) for label, by_hand, path in pair.gradients(ordered(file, name))]


@pytest.mark.parametrize(("file", "name"), PAIRS)
def test_each_returned_gradient_is_the_numeric_one(file, name):
    assert compared(file, name)
    for label, by_hand, numeric in compared(file, name):
        assert ((name, label) in VANISHING) == (np.max(np.abs(numeric)) < ALLOWED), label
        assert disagreement(by_hand, numeric) < ALLOWED, label


@pytest.mark.parametrize("file", SCRIPTS)
def test_each_derivative_of_a_script_is_the_numeric_one(file):
    rows = script_gradients((WRITTEN / f"{file}.py").read_text())
    assert len(rows) > 5
    for label, by_hand, numeric in rows:
        assert disagreement(by_hand, numeric) < ALLOWED, label


@pytest.mark.parametrize(("file", "name"), PAIRS)
def test_a_gradient_scaled_by_one_percent_is_told(file, name):
    for label, by_hand, numeric in compared(file, name):
        if (name, label) not in VANISHING:
            assert disagreement(1.01 * np.asarray(by_hand), numeric) > ALLOWED, label


def test_a_gradient_of_another_shape_is_told():
    assert disagreement(np.zeros(3), np.zeros((1, 3))) == np.inf
