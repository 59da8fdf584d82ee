"""The mistakes people make in a derivative as a whole, the sum of its contributions, as a table of small functions.

Each yields hypotheses about one sum; whether they explain anything is for `explanations` to try.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.hypotheses import Hypotheses, Hypothesis, OneSum, always, shown, times
from tinyad.compare.lines import Use
from tinyad.compare.thresholds import SUBSETS_TRIED
from tinyad.compare.walk import Change, Changed, OfValue


def contributions_missing(sums: OneSum) -> Hypotheses:
    """It is 0; = stood where += belongs; it stops early."""
    words, uses = sums.words, {i: sums.uses(i) for i in sums.values}
    if any(map(len, uses.values())):
        yield sums.without("zero", uses, always("it is 0: every contribution is missing"))
    several = {i: some for i, some in uses.items() if len(some) > 1}
    if not several:
        return
    counts = range(1, max(map(len, several.values())))
    # With more contributions only the ends are tried: the last alone, all but the last, and so on.
    if len(counts) > SUBSETS_TRIED:
        counts = [*counts[: SUBSETS_TRIED // 2], *counts[-SUBSETS_TRIED // 2 :]]  # type: ignore[assignment]
    for kept in sorted(counts, reverse=True):
        first = {i: some[: len(some) - kept] for i, some in several.items() if len(some) > kept}

        def overwritten(i: int, first: dict[int, list[Use]] = first) -> str:
            at = several[i][len(first[i])].step
            return f"{words.lost(first[i])}, as if = stood where += belongs at step {at}"

        yield sums.without(f"overwritten {kept}", first, overwritten)
    if len(sums.values) == 1:
        ((i, some),) = several.items()
        if not some[0].step:
            yield sums.without("missing", {i: some[:1]}, lambda i: words.lost(some[:1]))
        for k in sorted(counts):
            text = f"it stops early: the contributions from {words.describe(some[k])} on are missing"
            if k < len(some) - 1:
                yield sums.without(f"stops early {k}", {i: some[k:]}, always(text))


def seed_wrong(sums: OneSum) -> Hypotheses:
    """What was given to start from is missing, counted twice, or has the wrong sign."""
    seeds = sums.words.lines.d.seeds
    if not any(i in seeds and sums.words.lines.uses.get(i) for i in sums.values):
        return

    def more(k: float) -> OfValue:
        def changed(walk: Changed, i: int, total: Array) -> Array:
            made: Array = total + k * seeds[i] if i in seeds else total
            return made

        return changed

    said = {
        "a contribution counted twice: the given one": 1.0,
        "the sign of one contribution: the given one": -2.0,
        "the given one is missing": -1.0,
    }
    for text, k in said.items():
        yield sums.changed((text,), more(k), text)


def sum_turned(sums: OneSum) -> Hypotheses:
    """The sign, transposed, or in reverse order."""
    yield sums.changed(("sign",), times(-1), "the sign", factor=-1.0)
    rows, columns = sums.words.tape.values[sums.first].shape
    if rows == columns > 1:
        yield sums.changed(("transposed",), lambda _, i, total: total.T, "transposed")
    for which, size in (("rows", rows), ("columns", columns), ("rows and columns", min(rows, columns))):
        if size > 1:
            yield sums.changed((which,), reversed_along(which), f"its {which} are in reverse order")


def reversed_along(which: str) -> OfValue:
    axes = tuple(k for k, name in enumerate(("rows", "columns")) if name in which)
    return lambda _, i, total: np.flip(total, axes)


def scaled(sums: OneSum, k: float) -> Hypothesis:
    """Return the hypothesis that a derivative is k times what it should be."""
    said, _ = shown(k)
    text = f"a factor: {said} times what it should be{sums.words.size_named(k)}"
    return sums.changed(("factor", said), times(k), text, factor=k)


def derivative_of_another(sums: OneSum) -> Hypotheses:
    """The derivative of something else."""
    lines, tape = sums.words.lines, sums.words.tape
    if len(sums.values) > 1:
        return
    i, above = sums.first, lines.computed_from(sums.first)
    for u in lines.near(i):
        if tape.values[u].shape != tape.values[i].shape:
            continue
        if u not in above and u not in tape.constants and lines.d.reaches(u):
            text = f"it is the derivative of {sums.words.name(u)}"
            yield sums.changed(("derivative of", u), derivative_at(u), text, (u,), tie=("derivative of",))


def derivative_at(u: int) -> OfValue:
    return lambda walk, i, total: walk.column(u)


def misdirected(sums: OneSum) -> Hypotheses:
    """A contribution that is added to a derivative nearer to the end: it goes through a function that it does not."""
    lines, tape = sums.words.lines, sums.words.tape
    if len(sums.values) > 1 or len(sums.uses(sums.first)) < 2:
        return
    i = sums.first
    later = lines.used_for(i)
    for use in sums.uses(i)[:SUBSETS_TRIED]:
        z = tape.steps[use.step - 1][1] if use.step else -1
        for u in lines.near(i):
            fits = u not in (i, z) and tape.values[u].shape == tape.values[i].shape
            if not fits or lines.rank[u] >= lines.rank[i] or (use.step and lines.rank[u] <= lines.rank[z]):
                continue
            if u in tape.constants or u not in later:
                continue
            seed = None if use.step else lines.d.seeds[i]

            def moved(walk: Changed, u: int, total: Array, use: Use = use, seed: Any = seed) -> Array:
                made: Array = total + (walk.contribution(use) if seed is None else seed)
                return made

            def without(walk: Changed, i: int, total: Array, use: Use = use, seed: Any = seed) -> Array:
                made: Array = total - (walk.contribution(use) if seed is None else seed)
                return made

            what = sums.words.describe(use)
            text = f"{what if use.step else 'what was given for it'}, is added to ∇{sums.words.name(u)} instead"
            change = Change({}, {u: (moved, ()), i: (without, ())})
            uses = (use,) if use.step else ()
            yield Hypothesis(("misdirected", use, u), change, (i,), uses, always(text))


KINDS = (sum_turned, contributions_missing, seed_wrong)
KINDS_BY_NAME = (derivative_of_another, misdirected)
