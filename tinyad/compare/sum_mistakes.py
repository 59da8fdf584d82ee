"""The mistakes people make in a derivative as a whole, the sum of its contributions, as a table of small functions.

Each yields hypotheses about one sum; whether they explain anything is for `explanations` to try.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.hypotheses import Hypotheses, Hypothesis, OneSum, always, shown, times
from tinyad.compare.lines import Use
from tinyad.compare.thresholds import SUBSETS_TRIED
from tinyad.compare.walk import Change, Changed, OfValue

TERMS = {0.0: "", -1.0: "the sign of", 2.0: "a factor 2 on", 0.5: "a factor 1/2 on"}


def contributions_missing(sums: OneSum) -> Hypotheses:
    """It is 0; = stood where += belongs."""
    words, uses = sums.words, {i: sums.uses(i) for i in sums.values}
    if any(map(len, uses.values())):
        yield sums.without("zero", uses, always("it is 0: every contribution is missing"))
    several = {i: some for i, some in uses.items() if len(some) > 1}
    if not several:
        return
    for kept in reversed(_counts(max(map(len, several.values())))):
        first = {i: some[: len(some) - kept] for i, some in several.items() if len(some) > kept}

        def overwritten(i: int, first: dict[int, list[Use]] = first) -> str:
            at = several[i][len(first[i])].step
            return f"{words.lost(first[i])}, as if = stood where += belongs at step {at}"

        yield sums.without(f"overwritten {kept}", first, overwritten)


def the_rest_missing(sums: OneSum) -> Hypotheses:
    """Only what came first is there: the given one alone, or it stops early."""
    words, uses = sums.words, {i: sums.uses(i) for i in sums.values}
    several = {i: some for i, some in uses.items() if len(some) > 1}
    given = {i: some[1:] for i, some in several.items() if not some[0].step}
    if given:
        yield sums.without("given alone", given, lambda i: f"the given one is there alone: {words.lost(given[i])}")
    if len(sums.values) == 1 and several:
        ((i, some),) = several.items()
        if not some[0].step:
            yield sums.without("missing", {i: some[:1]}, lambda i: words.lost(some[:1]))
        for k in _counts(len(some)):
            text = f"it stops early: the contributions from {words.describe(some[k])} on are missing"
            if k < len(some) - 1:
                yield sums.without(f"stops early {k}", {i: some[k:]}, always(text))


def two_missing(sums: OneSum) -> Hypotheses:
    """Two contributions are missing that are no term together."""
    words, by_role = sums.words, dict[Any, list[Use]]()
    for use in (use for i in sums.values for use in sums.uses(i) if use.step):
        by_role.setdefault(words.lines.role(use), []).append(use)
    if 2 < len(by_role) <= SUBSETS_TRIED:
        for two in combinations(by_role.values(), 2):
            uses = sorted((use for some in two for use in some), key=lambda use: -use.step)
            lost = {i: [use for use in uses if use.of == i] for i in dict.fromkeys(use.of for use in uses)}

            def text(i: int, lost: dict[int, list[Use]] = lost) -> str:
                return words.lost(lost[i])

            yield sums.without("two missing", lost, text)


def _counts(most: int) -> list[int]:
    """Return how many of several contributions may be there: of many the least and the most alone."""
    counts = list(range(1, most))
    if len(counts) > SUBSETS_TRIED:
        counts = [*counts[: SUBSETS_TRIED // 2], *counts[-SUBSETS_TRIED // 2 :]]
    return counts


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


def of_one_source(sums: OneSum) -> Hypotheses:
    """One term of the line is missing, has another sign or a factor: of one derivative with a name, or of a square."""
    words, groups = sums.words, dict[Any, dict[int, list[Use]]]()
    for use in (use for i in sums.values for use in sums.uses(i) if use.step):
        _, _, x, y = words.tape.steps[use.step - 1]
        for source in (words.lines.source_role(use), *([words.lines.step_role(use.step)] if x == y else ())):
            groups.setdefault(source, {}).setdefault(use.of, []).append(use)
    role = words.lines.value_role(sums.first) if len(sums.values) > 1 else ()
    for source, some in groups.items():
        term = {i: uses for i, uses in some.items() if 1 < len(uses) < len(sums.uses(i))}
        for k, what in TERMS.items() if term and source else ():

            def text(i: int, term: dict[int, list[Use]] = term, what: str = what) -> str:
                return f"{what} one term, {words.all_of(term[i])}" if what else words.lost(term[i])

            uses = tuple(use for some in term.values() for use in some)
            change = Change(dict.fromkeys(uses, (times(k), ())))
            kind = "missing" if k == 0 else "term"
            yield Hypothesis((kind, k, source, role), change, tuple(term), uses, text)


def copied(sums: OneSum) -> Hypotheses:
    """One contribution stands in the place of another too: a line that was copied and not changed."""
    words, by_role = sums.words, dict[Any, dict[Any, list[Use]]]()
    lines = words.lines
    for use in (use for i in sums.values for use in sums.uses(i) if use.step):
        t = lines.time(use.step)
        by_role.setdefault(lines.role(use), {}).setdefault(use.of if t is None else (t,), []).append(use)
    single = [{at: uses[0] for at, uses in some.items() if len(uses) == 1} for some in by_role.values()]
    for stands in single[:SUBSETS_TRIED]:
        for belongs in single[:SUBSETS_TRIED]:
            pairs = {belongs[at]: stands[at] for at in belongs if at in stands}
            reads = {use: words.tape.steps[other.step - 1][1] for use, other in pairs.items()}
            if stands is belongs or not pairs or any(lines.rank[z] >= lines.rank[use.of] for use, z in reads.items()):
                continue

            def alter(walk: Changed, use: Use, _: Array, pairs: dict[Use, Use] = pairs) -> Array:
                return walk.contribution(pairs[use])

            def text(i: int, pairs: dict[Use, Use] = pairs) -> str:
                use = next(use for use in pairs if use.of == i)
                stands, belongs = (f"that of {words.describe(some)}," for some in (pairs[use], use))
                return f"another contribution in the place of one: {stands} where {belongs} belongs"

            first = next(iter(pairs))
            change = Change({use: (alter, (z,)) for use, z in reads.items()})
            pattern = ("copied", lines.role(first), lines.role(pairs[first]))
            yield Hypothesis(pattern, change, tuple(use.of for use in pairs), tuple(pairs), text)


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


KINDS = (sum_turned, contributions_missing, the_rest_missing, seed_wrong, of_one_source, copied, two_missing)
KINDS_BY_NAME = (derivative_of_another, misdirected)
