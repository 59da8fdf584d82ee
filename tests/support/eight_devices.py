"""Programs on eight devices made of one CPU: `python -m tests.support.eight_devices` fails where one differs."""

from __future__ import annotations

import os
import re

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import numpy as np
import pytest

import tinyad
from lstm_models.models import MODELS
from tests.support.modelpoints import ModelPoint
from tests.support.read_out_losses import read_out

MODEL_NAMES = ("slides", "gru", "problem4-rows")


def near(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    assert np.abs(found - expected).max() <= 1e-10 * max(1.0, np.abs(expected).max())


def same(program, shared, arrays):
    one, eight = program(arrays), shared(arrays)
    for found, expected in zip(eight, one, strict=True):
        assert list(found) == list(expected)
        for name, a in expected.items():
            near(found[name], a)
            assert len(found[name].devices()) == 8, name
    return eight


def a_model(name):
    """Every derivative, from seeds of all states, which are shared too."""
    p = ModelPoint(MODELS[name], B=16)
    program = tinyad.compile(p.tape, list(p.seeds), list(p.leaves), p.seeds, engine="jax")
    kind = {"rows" if p.model.rows else "columns": ["x", *p.model.states]}
    arrays = {name: 1.1 * a for name, a in p.leaves.items()}
    values, d = same(program, program.sharded(8, **kind), arrays)
    axis = 0 if p.model.rows else 1
    assert d[next(iter(p.parameters))].sharding.is_fully_replicated
    for a, part in ((values[next(iter(p.seeds))], axis), (d["x[2]"], 1 - axis)):
        assert a.addressable_shards[0].data.shape[part] == 2


def a_mean_over_the_examples(lengths):
    """The loss divides by the number of all examples, which no device has."""
    tape, P = read_out(8, 32, lengths)
    program = tinyad.compile(tape, ["L"], [*P, "W_y", "x[2]"], engine="jax")
    shared = program.sharded(jax.make_mesh((4, 2), ("a", "b")), columns=["x", "h"])
    same(program, shared, {})


def sums_are_taken_once():
    """Between the devices there are sums alone, and none in a loop."""
    p = ModelPoint(MODELS["gru"], B=16)
    program = tinyad.compile(p.tape, [], list(p.parameters), p.seeds, engine="jax").sharded(8, columns=["x", "h"])
    engine, taken = program._run, []
    compiled = engine._run
    engine._run = lambda *arguments: taken.append(compiled.lower(*arguments).compile()) or compiled(*arguments)
    program()
    text = taken[0].as_text()
    assert "all-reduce" in text
    bodies = tuple(f"%{body} " for body in re.findall(r"body=%([\w.-]+)", text))
    assert len(bodies) == 2
    assert not any("all-reduce" in part for part in text.split("\n\n") if part.startswith(bodies))
    assert not any(moved in text for moved in ("all-gather", "all-to-all", "collective-permute"))


def refusals():
    p = ModelPoint(MODELS["gru"], B=6)
    program = tinyad.compile(p.tape, [], list(p.parameters), p.seeds, engine="jax")
    for devices, name, said in [
        (8, "x", "x[1] has 6 columns, which 8 devices cannot share equally"),
        (9, "x", "9 devices: JAX has 8"),
        (0, "x", "0 devices: JAX has 8"),
        (2, "y", "no matrix of this program is named 'y'"),
    ]:
        with pytest.raises((KeyError, ValueError), match=re.escape(said)):
            program.sharded(devices, columns=[name])


if __name__ == "__main__":
    for name in MODEL_NAMES:
        a_model(name)
    for lengths in (None, [4, 2, 0, 3, 1, 4, 2, 2]):
        a_mean_over_the_examples(lengths)
    sums_are_taken_once()
    refusals()
