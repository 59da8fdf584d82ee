"""No statement of code that is right is called wrong, whatever is drawn."""

import pytest

from tests.support.code_plants import founds, paired
from tests.support.paths import ROOT
from tinyad.code.check import check_pair
from tinyad.code.points import another
from tinyad.code.program import undisturbed

FILES = sorted((ROOT / "tests/code/written").glob("*.py"))
PAIRS = [(path, found) for path in FILES for found in founds(path)]
SHORT = PAIRS[::5]


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


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[1].forward], ids=name)
def test_nothing_right_is_called_wrong_at_another_point(pair, seed):
    try:
        verdict = checked(pair, moved=lambda example: another(example, seed))
    except IndexError:
        pytest.skip("the code does not take this point: an index out of bounds")
    assert complaints(verdict) == [""]
