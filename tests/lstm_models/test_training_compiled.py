"""Training by compiled programs has the losses and parameters of training on tapes."""

import numpy as np
import pytest

from lstm_models.models import MODELS
from lstm_models.training import Options, Run
from tests.support.sampling import sampled
from tests.support.training_text import STRING


def losses(tmp_path, eager, updates=6, **options):
    text = tmp_path / "text"
    text.write_text(STRING, encoding="utf-8")
    given = {"hidden": 7, "batch": 3, "steps": 4, "dtype": "float64", "eager": eager} | options
    run = Run(Options(text=str(text) if given.get("task", "text") == "text" else None, **given))
    return [run.update() for _ in range(updates)], run


@pytest.mark.parametrize("model", sampled(MODELS))
def test_every_model(model, tmp_path):
    compiled, run = losses(tmp_path, False, model=model)
    eager, walked = losses(tmp_path, True, model=model)
    assert np.allclose(compiled, eager, rtol=1e-10, atol=0)
    assert run.programs
    assert not walked.programs
    for name, p in run.parameters.items():
        assert np.allclose(p, walked.parameters[name], rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize("options", [{"back": 7}, {"task": "sine-one"}, {"task": "sine-many"}, {"task": "adding"}])
def test_every_task(options, tmp_path):
    compiled, run = losses(tmp_path, False, **options)
    assert np.allclose(compiled, losses(tmp_path, True, **options)[0], rtol=1e-10, atol=0)
    assert bool(run.programs) == (options.get("task") != "adding")  # its examples are of different lengths


def test_single_precision(tmp_path):
    (compiled, run), (eager, walked) = (losses(tmp_path, e, 20, dtype="float32", rate=0.01) for e in (False, True))
    assert any((run.parameters[name] != p).any() for name, p in walked.parameters.items())  # they round otherwise
    assert np.allclose(compiled, eager, rtol=1e-4, atol=0)
