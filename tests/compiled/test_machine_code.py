"""Machine code itself, where numba is installed: functions right to rounding, programs right, kept on disk."""

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

import tinyad
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.gated_losses import gated
from tests.support.modelpoints import ModelPoint
from tests.support.points import draw
from tinyad import TABLE, Tape
from tinyad.compiled import PASSES, native_engine

pytest.importorskip("numba")
pytest.importorskip("scipy")

from tinyad.compiled import native_functions


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYAD_CACHE", str(tmp_path / "kept"))


EXACT = {"exp": mpmath.exp, "tanh": mpmath.tanh, "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x))}
POINTS = [
    *np.linspace(-9, 9, 401),
    *np.linspace(-80, 80, 83),
    *np.logspace(-30, -1, 30),
    *-np.logspace(-30, -1, 30),
    0.0,
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", EXACT)
def test_functions_are_right_to_four_units_in_the_last_place(name, dtype):
    f = getattr(native_functions, f"{name}_{np.dtype(dtype).name}")
    for x in map(dtype, POINTS):
        found = f(x)
        exact = EXACT[name](mpmath.mpf(float(x)))
        assert abs(float(found) - exact) <= 4 * np.finfo(dtype).eps * abs(exact), x


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_functions_at_the_ends(dtype):
    with np.errstate(over="ignore"):
        for x in map(dtype, (np.inf, -np.inf, np.nan, 1e3, -1e3, 1e30, -1e30)):
            for name, f in (("exp", np.exp), ("tanh", np.tanh), ("sigmoid", lambda x: 1 / (1 + np.exp(-x)))):
                found = getattr(native_functions, f"{name}_{np.dtype(dtype).name}")(x)
                assert np.array_equal(found, f(x), equal_nan=True), (name, x)


@pytest.mark.parametrize("name", ["slides", pytest.param("gru-before", marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_models(name, dtype):
    p = ModelPoint(MODELS[name], dtype=dtype)
    assert differs(p.tape, p.seeds, PASSES, [*p.leaves, *p.seeds], engine="native") is None


def test_products_of_many_numbers_go_through_blas():
    tape = gated(3, "from 0")
    assert "np.dot" not in tinyad.compile(tape, ["L"], ["W"], engine="native").source
    p = ModelPoint(MODELS["sancho"], B=60)
    assert "np.dot" in tinyad.compile(p.tape, [], list(p.leaves), p.seeds, engine="native").source
    assert differs(p.tape, p.seeds, PASSES, list(p.leaves), engine="native") is None


def test_machine_code_is_kept_and_loaded_by_the_next_process(tmp_path):
    script = """
import numpy as np, tinyad
from tests.support.gated_losses import gated
program = tinyad.compile(gated(3, "from 0"), ["L"], ["W"], engine="native")
print(repr(program()[0]["L"].item()))
print(sum(program._run._prepared.__globals__["computed"].stats.cache_hits.values()))
"""
    environment = os.environ | {"TINYAD_CACHE": str(tmp_path / "kept")}
    runs = [
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    (first, before), (second, hits) = (run.stdout.split() for run in runs)
    assert first == second
    assert (before, hits) == ("0", "1")


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYAD_CACHE", str(tmp_path / "file" / "below"))
    assert not native_engine.stored("pass").exists()
    tape = gated(3, "from 0")
    assert np.isclose(tinyad.compile(tape, ["L"], engine="native")()[0]["L"].item(), tape["L"].value.item(), rtol=1e-13)


def test_auto_takes_the_faster_one():
    tape = gated(40, "from 0")
    program = tinyad.compile(tape, ["L"], ["W", "R"], engine="auto")
    assert "def computed(w)" in program.source  # of small states: several times as fast
    assert np.allclose(program()[1]["W"], tape.backward("L")["W"], rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_operation_has_machine_code(dtype):
    tape, x = Tape(), draw((4, 3), 1)
    values = {"x": tape.variable(x.astype(dtype)), "y": tape.variable(np.abs(x + 2).astype(dtype))}
    made, known = [], set()
    for op in TABLE.values():
        if op.symbol in ("rows", "padded", "inv", "*", "under", "upper"):
            continue
        operands = [values["y"] if op.symbol in ("log", "sqrt", "**", "log1p") else values["x"], values["y"]]
        made.append(op(*operands[: op.arity]))
        known.add(op.symbol)
    tape.name({f"z{k}": z for k, z in enumerate(made)})
    seeds = {z: draw(z.shape[::-1], k).astype(dtype) for k, z in enumerate(made)}
    assert {"erf", "sign", "maximum", "softplus", "first_max", "row_max", "log_softmax", "softmax_rows"} <= known
    assert differs(tape, seeds, PASSES, engine="native") is None
