"""The search for the statement that was meant, over statements of real style."""

import pytest

from tests.support.code_case_table import CASES
from tests.support.code_cases import Bench, Case
from tinyad.code.edit_ranks import EditKind
from tinyad.code.same_formula import same_formula
from tinyad.code.search import ENOUGH, search
from tinyad.code.surroundings import Scope

LIMIT = 20_000


@pytest.fixture(scope="module")
def results():
    """What the search finds for each wrong statement."""
    found = {}
    for case in (Case(*row) for row in CASES):
        bench = Bench(case)
        assert bench.fits(case.intended), case
        assert not bench.fits(case.wrong), case
        found[case] = search(case.wrong, bench.scope, bench.fits, LIMIT).found
    return found


@pytest.mark.slow
def test_what_was_meant_is_found(results):
    missed = [c for c, found in results.items() if not any(same_formula(e.text, c.intended) for e in found)]
    assert missed == []


@pytest.mark.slow
def test_what_was_meant_comes_first(results):
    first = [case for case, found in results.items() if found and same_formula(found[0].text, case.intended)]
    assert len(first) >= 0.9 * len(CASES)


@pytest.mark.slow
def test_what_is_found_fits_and_is_sorted(results):
    for case, found in results.items():
        bench = Bench(case)
        assert all(bench.fits(edit.text) for edit in found), case
        assert [edit.rank for edit in found] == sorted(edit.rank for edit in found)
        assert len({edit.changes for edit in found}) == 1
        assert len(found) <= ENOUGH


def test_the_spelling_is_the_authors():
    bench = Bench(Case("batch_norm", "dv = ds / s", "dv = ds / (2 * s)"))
    assert search("dv = ds / s", bench.scope, bench.fits, LIMIT).found[0].text == "dv = ds / (2 * s)"
    assert search("dv = ds/s", bench.scope, bench.fits, LIMIT).found[0].text == "dv = ds/(2*s)"
    bench = Bench(Case("columns", "", 'grads["db2"] = 1 / m * np.sum(dZ2, axis=1, keepdims=True)'))
    wrong = 'grads["db2"] = (1 / m\n                * dZ2)'
    meant = 'grads["db2"] = (1 / m\n                * np.sum(dZ2, axis=1, keepdims=True))'
    assert meant in [edit.text for edit in search(wrong, bench.scope, bench.fits, LIMIT).found]


NAMES = Scope({"a": 1.0, "b": 2.0, "c": 3.0}, {}, [], [], [])


def test_the_limit_is_kept():
    tried = []
    result = search("x = a * b", NAMES, lambda text: bool(tried.append(text)), 7)
    assert (len(tried), result.tried, result.found, result.complete) == (7, 7, [], False)


def test_nothing_is_tried_twice_nor_the_statement_itself():
    tried = []
    result = search("x = a * b", NAMES, lambda text: bool(tried.append(text)), 3_000)
    assert len(set(tried)) == len(tried) == result.tried
    assert "x = a * b" not in tried


def test_two_changes_only_where_one_is_not_enough():
    tried = []

    def fits(text):
        tried.append(text)
        return same_formula(text, "x = a * c")

    result = search("x = a * b", NAMES, fits, LIMIT)
    assert [edit.text for edit in result.found] == ["x = a * c"]
    assert result.complete
    assert result.found[0].kind is EditKind.NAME
    assert "x = c - b" not in tried

    result = search("x = a * b", NAMES, lambda text: same_formula(text, "x = -a * c"), LIMIT)
    assert {edit.changes for edit in result.found} == {2}
    assert same_formula(result.found[0].text, "x = -a * c")


def test_every_place_before_two_changes():
    result = search("x = a * (1 - a) + a", NAMES, lambda text: same_formula(text, "x = b * (1 - b) + b"), LIMIT)
    assert (result.found[0].kind, result.found[0].text) == (EditKind.REPEATED, "x = b * (1 - b) + b")


@pytest.mark.parametrize("text", ["for t in x: pass", "def f(): pass", "x = (", "pass", ""])
def test_what_cannot_be_edited(text):
    assert search(text, NAMES, lambda text: True, LIMIT) == ([], 0, True)
