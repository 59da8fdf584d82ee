"""The zoo of derivations: every line is right at every seed, and one mistake in each is found where it is."""

import random
from functools import cache

import pytest

from lstm_models.zoo import DERIVATIONS, LSTMS, ZOO
from tests.support.exercises import plant_one
from tinyad import check_derivation
from tinyad.derivation.exercise.plant import KINDS

TEXTS = {name: path.read_text(encoding="utf-8") for name, path in ZOO.items()}
EACH = pytest.mark.parametrize("name", TEXTS)
OTHER_SEEDS = pytest.param(range(2, 20), marks=pytest.mark.slow)


@cache
def exercise(name):
    """A derivation of the zoo with one mistake, of a kind that its name draws."""
    for kind in random.Random(name).sample(list(KINDS), len(KINDS)):
        try:
            planted = plant_one(TEXTS[name], kind, 0, name)
        except ValueError:  # no line of it can have a mistake of this kind
            continue
        if not planted.removed:
            return planted
    raise AssertionError(f"{name}: no kind of mistake is possible")


def test_all_derivations_are_there():
    assert len(ZOO) == 34
    assert list(DERIVATIONS) == sorted([*ZOO, *LSTMS])
    assert all(path.is_file() for path in DERIVATIONS.values())


@EACH
@pytest.mark.parametrize("seeds", [range(2), OTHER_SEEDS])
def test_every_line_is_right_and_none_is_left_out(name, seeds):
    for seed in seeds:
        report = check_derivation(TEXTS[name], seed, suggest=False)
        assert report.ok
        assert {str(v.verdict) for v in report.verdicts} == {"right"}


@EACH
def test_a_planted_mistake_is_found_in_its_line_and_nowhere_else(name):
    planted = exercise(name)
    report = check_derivation(planted.text, suggest=False)
    assert [v.line for v in report.verdicts if str(v.verdict) != "right"] == [planted.line]


def test_the_exercises_are_of_many_kinds():
    assert len({exercise(name).kind for name in TEXTS}) >= 8
