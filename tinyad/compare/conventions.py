"""Factors that are conventions: a mean for a sum, 1/m in the lines of the parameters alone.  Each is said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tinyad.compare.explanations import fitted
from tinyad.compare.hypotheses import shown
from tinyad.compare.judge import Judge
from tinyad.compare.thresholds import MANY_LINES, MOST_LINES, SAME_FACTOR
from tinyad.printing.text import one_line


class Convention(NamedTuple):
    """A factor on some of what was given, as a sentence; under it the rest is judged."""

    factor: float
    scaled: frozenset[int]
    text: str
    sure: bool  # no single mistake could make the parameters right again


def convention(judge: Judge) -> Convention | None:
    """Return the factor that most intermediate derivatives share, or most of the parameters', where the rest have 1."""
    factors = {i: factor(judge, i) for i in judge.fitting if np.any(judge.true(i))}
    inner = [i for i in factors if i in judge.lines.made]
    outer = [i for i in factors if i not in judge.lines.made]
    of_inner, of_outer = most(factors[i] for i in inner), most(factors[i] for i in outer)
    if of_inner not in (None, 1.0) and of_outer == 1.0 and len(inner) > 1 and _undone(judge, outer, of_inner):
        scaled = {i for i in judge.fitting if i in inner or factors.get(i) == of_inner}
        named = judge.words.size_named(of_inner)
        text = f"{_number(factors, of_inner)} of them are {shown(of_inner)[0]} times the tape's{named}: "
        text += f"a convention, with {shown(1 / of_inner)[0]} in the lines of the parameters alone"
        return Convention(of_inner, frozenset(scaled), text, True)
    if of_outer not in (None, 1.0) and of_inner in (None, 1.0) and not (inner and of_inner is None):
        if sum(factors[i] == of_outer for i in outer) < MANY_LINES:
            return None
        scaled = {i for i in outer if factors[i] != 1.0}
        means = "" if of_outer > 1 else "".join(f" (a mean over {b} columns?)" for b in _columns(judge, 1 / of_outer))
        text = f"{_number(factors, of_outer)} of them are {of_outer:.{SAME_FACTOR}g} times the tape's{means}: "
        text += "a scale"
        without = [judge.names[i] for i in outer if factors[i] == 1.0]
        if without:
            text += f"; right without it: {', '.join(map(one_line, without))}"
        return Convention(of_outer, frozenset(scaled), text, False)
    return None


def _undone(judge: Judge, outer: Iterable[int], factor: float) -> bool:
    """Return whether the line of some parameter that is right takes the factor off what it is computed from."""
    return any(judge.right(i) and judge.agrees(i, judge.expected(i) / factor) for i in outer)


def _number(factors: dict[int, float | None], k: float) -> int:
    return sum(factor == k for factor in factors.values())


def _columns(judge: Judge, size: float) -> list[int]:
    widths = {value.shape[1] for value in judge.tape.values[: judge.d.length]}
    return [b for b in sorted(widths) if f"{size:.{SAME_FACTOR}g}" == str(b)]


def factor(judge: Judge, i: int) -> float | None:
    """Return the positive factor between what was given for i and the tape's; None if there is none."""
    if judge.right(i):
        return 1.0
    hand, true = judge.fitting[i], judge.true(i)
    k = fitted(hand, true, 0 * true)
    if k is None or k <= 0 or not judge.agrees(i, k * true):
        return None
    return float(f"{k:.{SAME_FACTOR}g}")


def most(factors: Iterable[float | None]) -> float | None:
    """Return the factor that by far the most have; None if there is none."""
    all_of_them = list(factors)
    common: list[Any] = Counter(all_of_them).most_common(1)
    return common[0][0] if common and common[0][1] >= MOST_LINES * len(all_of_them) else None
