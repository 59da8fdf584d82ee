"""No statement of code that is right is called wrong, whatever is drawn."""

import pytest

from tests.support.code_plants import founds, paired
from tests.support.paths import ROOT
from tinyad.code.check import check_pair
from tinyad.code.points import another
from tinyad.code.program import undisturbed

FILES = sorted((ROOT / "tests/code/written").glob("*.py"))
PAIRS = [(path, found) for path in FILES for found in founds(path)]
SHORT = PAIRS[::16]


def name(pair):
    path, found = pair
    return f"{path.stem}.{found.name}"


def checked(pair, **options):
    """What a check says about a pair."""
    path, found = pair
    with undisturbed():
        return check_pair(paired(path.read_text(encoding="utf-8"), str(path), found, **options))


def complaints(verdict):
    """What a check calls wrong, as text."""
    return [f"{s.line} {s.name} {s.verdict}" for s in verdict.wrong] + [*verdict.returned, verdict.error]


@pytest.mark.parametrize("pair", SHORT, ids=name)
def test_nothing_right_is_called_wrong(pair):
    verdict = checked(pair)
    assert complaints(verdict) == [""]
    assert verdict.ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_nothing_right_is_called_wrong_whatever_upstream_adjoints_are_drawn(pair, seed):
    assert complaints(checked(pair, seed=seed)) == [""]


OUT_OF_BOUNDS = ("bilinear_sample", 2)  # there the code itself raises: it samples outside of its image


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "seed"),
    [(pair, seed) for pair in PAIRS for seed in (1, 2) if pair[1].forward and (pair[1].name, seed) != OUT_OF_BOUNDS],
    ids=lambda value: name(value) if isinstance(value, tuple) else str(value),
)
def test_nothing_right_is_called_wrong_at_another_point(pair, seed):
    assert complaints(checked(pair, moved=lambda example: another(example, seed))) == [""]
