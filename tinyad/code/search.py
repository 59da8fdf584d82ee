"""The search for the statement that was meant: one change first, then two."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tinyad.code import edit_ranks as ranks
from tinyad.code.edits import Edit, Scope, edits, edits_of_all_places

ENOUGH = 5  # found with as many changes: more would only be other spellings


class SearchResult(NamedTuple):
    """The statements that fit, by rank, how many were tried, and whether all were."""

    found: list[Edit]
    tried: int
    complete: bool


def search(statement: str, scope: Scope, fits: Callable[[str], bool], limit: int, changes: int = 2) -> SearchResult:
    """Return statements that fit and differ by one change, or, where none does, by two.

    fits: executes a statement and says whether it is right
    limit: how many statements are tried at most
    changes: 1 if two changes are not tried
    """
    attempt = _Attempt(fits, limit, statement)
    singles = list(edits(statement, scope))
    twice = pairs(singles, scope) if changes > 1 else iter(())
    for candidates in (iter(singles), edits_of_all_places(statement, scope), twice):
        for edit in candidates:
            if attempt.is_over():
                return attempt.result(complete=len(attempt.found) >= ENOUGH)
            if edit.changes == 2 and attempt.found and edit.rank > attempt.found[0].rank + ranks.PAIR_MARGIN:
                break
            attempt.attempt(edit)
        if attempt.found:
            break
    return attempt.result(complete=True)


def first_of(candidates: Iterable[Edit], statement: str, fits: Callable[[str], bool], limit: int) -> SearchResult:
    """Return those of some statements that fit, by rank."""
    attempt = _Attempt(fits, limit, statement)
    for edit in candidates:
        if attempt.is_over():
            break
        attempt.attempt(edit)
    return attempt.result(complete=True)


class _Attempt:
    """What was tried and what fitted."""

    def __init__(self, fits: Callable[[str], bool], limit: int, statement: str) -> None:
        self.fits = fits
        self.limit = limit
        self.seen = {statement}
        self.tried = 0
        self.found: list[Edit] = []

    def is_over(self) -> bool:
        return self.tried >= self.limit or len(self.found) >= ENOUGH

    def attempt(self, edit: Edit) -> None:
        """Try an edit unless its text was tried before."""
        if edit.text in self.seen:
            return
        self.seen.add(edit.text)
        self.tried += 1
        if self.fits(edit.text):
            self.found.append(edit)

    def result(self, complete: bool) -> SearchResult:
        return SearchResult(sorted(self.found, key=lambda edit: edit.rank), self.tried, complete)


def pairs(singles: list[Edit], scope: Scope) -> Iterator[Edit]:
    """Return the statements with two changes, by the sum of the ranks of both.

    The likelier change of a pair is made first, so that the second changes are worked out for few statements only; a
    second one that is a little likelier is taken too, as it may change what the first has added.
    """
    waiting: list[tuple[float, int, Iterator[Edit], Edit | None]] = []
    following = 0
    while following < len(singles) or waiting:
        if following < len(singles):
            first = singles[following]
            earliest = 2 * first.rank - ranks.PAIR_SLACK
            if not waiting or earliest <= waiting[0][0]:
                heapq.heappush(waiting, (earliest, following, _seconds(first, scope), None))
                following += 1
        rank, number, seconds, edit = heapq.heappop(waiting)
        if edit is not None:
            yield Edit(edit.text, ranks.EditKind.TWO, rank + ranks.PAIR, 2)
        second = next(seconds, None)
        if second is not None:
            heapq.heappush(waiting, (singles[number].rank + second.rank, number, seconds, second))


def _seconds(first: Edit, scope: Scope) -> Iterator[Edit]:
    """Return the edits of an edited statement, without those that are far likelier than the first."""
    for edit in edits(first.text, scope):
        if edit.rank >= first.rank - ranks.PAIR_SLACK:
            yield edit
