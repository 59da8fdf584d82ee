"""The search for the statement that was meant: one change first, then two."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tinyad.code import edit_ranks as ranks
from tinyad.code.edits import Edit, Scope, edits, edits_of_all_places

ENOUGH = 5  # found with as many changes: more would only be other spellings


class SearchResult(NamedTuple):
    """The statements that fit, by rank, how many were tried, and whether all were."""

    found: list[Edit]
    tried: int
    complete: bool


def search(statement: str, scope: Scope, fits: Callable[[str], bool], limit: int) -> SearchResult:
    """Return statements that fit and differ by one change, or, where none does, by two.

    fits: executes a statement and says whether it is right
    limit: how many statements are tried at most
    """
    attempt = _Attempt(fits, limit, statement)
    singles = list(edits(statement, scope))
    for candidates in (iter(singles), edits_of_all_places(statement, scope), pairs(singles, scope)):
        for edit in candidates:
            if attempt.is_over():
                return attempt.result(complete=len(attempt.found) >= ENOUGH)
            if edit.changes == 2 and attempt.found and edit.rank > attempt.found[0].rank + ranks.PAIR_MARGIN:
                break
            attempt.attempt(edit)
        if attempt.found:
            break
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

    The second changes of a statement are worked out only when a pair of it may come next.
    """
    if not singles:
        return
    least = singles[0].rank
    waiting: list[tuple[float, int, int, Iterator[Edit], Edit | None]] = []
    following = 0
    while following < len(singles) or waiting:
        if following < len(singles) and (not waiting or singles[following].rank + least <= waiting[0][0]):
            seconds = edits(singles[following].text, scope)
            heapq.heappush(waiting, (singles[following].rank + least, following, 0, seconds, None))
            following += 1
        rank, first, count, seconds, edit = heapq.heappop(waiting)
        if edit is not None:
            yield edit._replace(kind=ranks.EditKind.TWO, rank=rank + ranks.PAIR, changes=2)
        second = next(seconds, None)
        if second is not None:
            total = singles[first].rank + second.rank
            heapq.heappush(waiting, (total, first, count + 1, seconds, second))
