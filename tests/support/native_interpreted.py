"""Run what is written for the native engine in Python, without numba: the same statements, entry by entry."""

import sys
from types import ModuleType

import numpy as np
import pytest

from tinyad.compiled import native_engine, native_source


@pytest.fixture
def interpreted(monkeypatch, tmp_path):
    """Whether numba is there or not, machine code is Python, and no file is written outside the test's folder."""
    functions = ModuleType("tinyad.compiled.native_functions")
    functions.kept = lambda function: function
    for dtype in ("float64", "float32"):
        for name, f in (("exp", np.exp), ("tanh", np.tanh), ("sigmoid", lambda x: 1 / (1 + np.exp(-x)))):
            setattr(functions, f"{name}_{dtype}", f)
    monkeypatch.setitem(sys.modules, functions.__name__, functions)
    monkeypatch.setattr(native_engine, "NEEDED", ())
    monkeypatch.setattr(native_source, "MOST_LINES", 100_000)  # Python takes no time to compile
    monkeypatch.setenv("TINYAD_CACHE", str(tmp_path))
