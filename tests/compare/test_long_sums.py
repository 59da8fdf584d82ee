"""Names that are used thousands of times: what is tried stays in proportion, and what is found stays the same."""

import numpy as np
import pytest

from tests.support.points import draw
from tests.support.sampling import sampled
from tinyad import Tape, compare
from tinyad.compare import explanations
from tinyad.engine.derivatives import Derivatives


def long_sum(uses):
    """L = b ∘ s + b ∘ s + …, where s is the wrong name."""
    tape = Tape()
    v = tape.variables(b=draw((3, 1)), s=draw((3, 1), 1))
    total = v["b"] * v["s"]
    for _ in range(uses - 1):
        total = total + v["b"] * v["s"]
    tape.name({"L": total})
    return tape.backward({"L": draw((1, 3), 2)})


@pytest.mark.parametrize("uses", sampled([20, 2000], 2))
def test_a_factor_is_found_however_often_a_name_is_used(uses):
    d = long_sum(uses)
    found = compare(d, {"s": 1.7 * d["s"], "b": d["b"]})
    assert found.first_wrong.name == "s"
    assert found.first_wrong.looks_like == "a factor: 17/10 times what it should be"


def test_a_long_sum_is_gone_through_a_few_times_for_its_names(monkeypatch):
    asked = []
    contributions = Derivatives.contributions

    def counted(self, key):
        asked.append(key)
        return contributions(self, key)

    monkeypatch.setattr(Derivatives, "contributions", counted)
    d = long_sum(300)
    assert not compare(d, {"s": d["s"] + draw((1, 3), 3), "b": d["b"]}).ok
    assert len(asked) < 4 * 300


@pytest.mark.parametrize("mistake", ["factor", "missing", "sign"])
def test_paths_tell_what_noise_tells(monkeypatch, mistake):
    tape = Tape()
    v = tape.variables(W=draw((3, 3)), x=draw((3, 1), 1), b=draw((3, 1), 2))
    z = v["W"] @ v["x"] + v["b"]
    h = np.tanh(z) * v["b"]
    tape.name({"z": z, "h": h})
    d = tape.backward({"h": draw((1, 3), 3)})
    lines = {"factor": 2 * d["z"], "missing": d["z"], "sign": -d["z"]}
    hand = {
        "h": d["h"],
        "W": v["x"].value @ lines[mistake],
        "b": d["b"] - d["z"] + lines[mistake] * (mistake != "missing"),
    }
    by_noise = compare(d, hand).to_dict()
    monkeypatch.setattr(explanations, "NOISE_TRIED", -1)
    assert compare(d, hand).to_dict() == by_noise


@pytest.mark.parametrize(("uses", "name", "cause"), [(1, "", "own"), (1, "u", "open"), (2, "u", "open")])
def test_a_sum_of_several_copies_or_one_with_a_name_may_be_what_is_wrong(uses, name, cause):
    tape = Tape()
    v = tape.variables(x=draw((3, 1)), p=draw((3, 1), 1), q=draw((3, 1), 2))
    u = np.tanh(v["x"])
    tape.name({name: u} if name else {})
    tape.name({"s": u + v["p"], "t": u + v["q"] if uses == 2 else v["q"] + v["q"]})
    d = tape.backward({"s": draw((1, 3), 3), "t": draw((1, 3), 4)})
    found = compare(d, {"x": d["x"] + draw((1, 3), 5)})
    assert found.first_wrong.cause == cause
