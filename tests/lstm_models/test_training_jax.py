"""Training in JAX, on one device or on several, has the losses of training in NumPy."""

import subprocess
import sys

import numpy as np
import pytest

from lstm_models.training import Options, Run
from tests.support.paths import ROOT
from tests.support.training_text import STRING

HERE = {"hidden": 7, "batch": 4, "steps": 4, "dtype": "float64"}


def options(tmp_path, **given):
    text = tmp_path / "text"
    text.write_text(STRING, encoding="utf-8")
    return Options(text=str(text) if given.get("task", "text") == "text" else None, **HERE | given)


def losses(o, updates=6):
    run = Run(o)
    return [run.update() for _ in range(updates)]


@pytest.mark.parametrize("given", [{}, {"back": 7}, {"task": "sine-one"}, {"model": "problem4-rows"}])
def test_the_losses_are_those_of_numpy(given, tmp_path):
    pytest.importorskip("jax")
    o = options(tmp_path, **given)
    assert np.allclose(losses(o._replace(engine="jax")), losses(o), rtol=1e-10, atol=0)


ON_FOUR = """
import sys
from lstm_models.training import Options, Run
here = {"hidden": 7, "batch": 4, "steps": 4, "dtype": "float64", "engine": "jax", "devices": 4}
run = Run(Options(text=sys.argv[1], model=sys.argv[2], **here))
print(*[run.update() for _ in range(6)])
"""


@pytest.mark.parametrize("model", ["gru", "problem4-rows"])
def test_four_devices_have_the_losses_of_one(model, tmp_path):
    pytest.importorskip("jax")
    o = options(tmp_path, model=model)
    found = subprocess.run(
        [sys.executable, "-c", ON_FOUR, o.text, model],
        cwd=ROOT,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert np.allclose([float(loss) for loss in found.stdout.split()], losses(o), rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "torch"}, "engine 'torch': there are auto, numpy, native, jax"),
        ({"engine": "jax", "eager": True}, "engine = 'jax': eager records a tape for every chunk, in NumPy"),
        ({"engine": "jax", "task": "adding"}, "engine = 'jax': the task adding, .* of different lengths"),
        ({"devices": 2}, "devices = 2: several devices need the engine jax, not numpy"),
        ({"engine": "jax", "devices": 3}, "devices = 3: they cannot share 4 examples equally"),
        ({"engine": "jax", "devices": 0}, "devices = 0: expected a whole number of 1 or more"),
    ],
)
def test_what_is_impossible(given, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        options(tmp_path, **given).checked()


def test_devices_that_are_not_there(tmp_path):
    pytest.importorskip("jax")
    with pytest.raises(ValueError, match="devices = 4: JAX has 1; XLA_FLAGS"):
        Run(options(tmp_path, engine="jax", devices=4))


def test_without_jax(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ValueError, match="engine = 'jax': JAX is not installed: pip install jax"):
        Run(options(tmp_path, engine="jax"))
