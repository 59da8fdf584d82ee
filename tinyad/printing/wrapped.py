"""A long formula in several lines, broken at the same places in text and in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate

from tinyad.printing.formula import Notation

BREAK = "\x1f"  # in a printed formula, where a line may end; names have no control characters
GROUPS = re.compile(r"\\begin|\\end|\\.|[{}]")  # in LaTeX; \{ is a sign
BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}
CHANGE = {"{": 1, r"\begin": 1, "}": -1, r"\end": -1}


def breakable(notation: Notation) -> Notation:
    """Return a notation that writes BREAK before the signs between two operands, but in matrix products."""
    between = notation.grammar.infix.keys() - {"*"}
    signs = {sign: notation.signs[sign].replace("%s", f"%s{BREAK}", 1) for sign in between}
    return notation._replace(signs={**notation.signs, **signs})


def in_lines(text: str, latex: str, longest: int, length: Callable[[str, str], float]) -> tuple[list[str], list[str]]:
    """Return a formula, printed in two breakable notations, as lines of text and the same lines of LaTeX.

    `length` is that of a part, given as text and as LaTeX.  Lines are no longer than `longest` where the formula has
    enough signs, and are about equally long; they end before the outermost signs, and of these before + and -.  No
    line of LaTeX ends inside a group.
    """
    texts, latexes = text.split(BREAK), latex.split(BREAK)
    ends = list(accumulate(map(length, texts, latexes)))
    cuts = [0]
    if ends[-1] > longest:
        cuts = _cuts(texts, latexes, ends, longest)
        shortest = min(int(ends[-1] / len(cuts)), longest)
        tried = (_cuts(texts, latexes, ends, k) for k in range(shortest, longest + 1))
        cuts = next(others for others in tried if len(others) == len(cuts))
    spans = list(zip(cuts, [*cuts[1:], len(texts)], strict=True))
    begin = "{} "  # so that a sign at the start of a line stands as between two operands
    return (
        ["".join(texts[start:stop]).strip() for start, stop in spans],
        [begin * bool(start) + "".join(latexes[start:stop]).strip() for start, stop in spans],
    )


def _cuts(texts: list[str], latexes: list[str], ends: list[float], longest: int) -> list[int]:
    """Return the parts with which lines begin; `ends`: how long the formula is up to the end of each part."""
    inside = list(accumulate(sum(BRACKETS.get(sign, 0) for sign in part) for part in texts))
    groups = list(accumulate(sum(CHANGE.get(sign, 0) for sign in GROUPS.findall(part)) for part in latexes))
    allowed = [k for k in range(1, len(texts)) if groups[k - 1] == 0]
    cost = {k: (inside[k - 1], texts[k].strip()[:1] not in "+-") for k in allowed}
    cuts, begun = [0], 0.0
    while ends[-1] - begun > longest:
        later = [k for k in allowed if k > cuts[-1]]
        fitting = [k for k in later if ends[k - 1] - begun <= longest]
        full = [k for k in fitting if ends[k - 1] - begun >= longest / 3]
        options = full or fitting or later[:1]
        if not options:
            break
        cuts.append(min(options, key=lambda k: (cost[k], -k)))
        begun = ends[cuts[-1] - 1]
    return cuts
