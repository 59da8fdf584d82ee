"""Training with machine code: the losses of NumPy, where numba is installed; else a message."""

import numpy as np
import pytest

from lstm_models import training
from lstm_models.training import Options, Run

FEW = Options(hidden=6, batch=4, steps=5, chunks=4, dtype="float64", seed=3)


def losses(options):
    run = Run(options)
    return [run.update() for _ in range(options.chunks)]


def test_losses_are_those_of_numpy(monkeypatch, tmp_path):
    pytest.importorskip("numba")
    pytest.importorskip("scipy")
    monkeypatch.setenv("TINYAD_CACHE", str(tmp_path))
    monkeypatch.setattr(training, "fastest_engine", lambda: "native")
    assert FEW.checked().engine == "native"
    assert np.allclose(losses(FEW), losses(FEW._replace(engine="numpy")), rtol=1e-12, atol=0)
    assert list(tmp_path.glob("program_*.py"))


def test_the_engine_is_decided_once(monkeypatch):
    assert FEW.checked().engine == "numpy"
    monkeypatch.setattr(training, "fastest_engine", lambda: "native")
    assert FEW.checked().engine == "native"
    assert FEW._replace(engine="numpy").checked().engine == "numpy"


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(training, "FOR_MACHINE_CODE", ("numpy", "no_such_package"))
    with pytest.raises(ValueError, match="'native': no_such_package not installed: pip install no_such_package"):
        Run(FEW._replace(engine="native"))
