"""The check of a whole file: verdicts, suggestions, and the derivatives that are wrong because of a wrong line."""

from __future__ import annotations

import re

import numpy as np

from tinyad.derivation.judge.check import check
from tinyad.derivation.judge.propagation import with_consequences
from tinyad.derivation.judge.verdicts import CheckedLines
from tinyad.derivation.language.reader import Derivation, derivations
from tinyad.derivation.language.source import LimitError, Source
from tinyad.derivation.repair.suggestion import proposed_lines, with_suggestions

LATEX, PLAIN = re.compile(r"\\"), re.compile("[∇∂δᵀ∘⊙²Σ]")


def check_all(source: Source, seed: int = 0) -> list[tuple[Derivation, CheckedLines]]:
    """Check every set of backward lines of a file, at the sample points that `seed` draws.

    Raises DerivationError, with line and column, for what cannot be read.
    """
    with np.errstate(all="ignore"):  # a wrong line may divide by 0: what is not finite is not right
        judged = [(derivation, check(derivation, seed)) for derivation in derivations(source)]
        return [
            (derivation, _corrected(lines, sets, _in_latex(derivation)))
            for derivation, sets in judged
            for lines in sets
        ]


def _in_latex(derivation: Derivation) -> bool:
    """Return whether the forward, or most of the lines whose signs say so, are written in LaTeX."""
    text = derivation.source.text
    lines = [text[line.start : line.end] for rows in derivation.backward.values() for line in rows]
    latex, plain = (sum(bool(signs.search(line)) for line in lines) for signs in (LATEX, PLAIN))
    return latex > plain or any(LATEX.search(text, line.start, line.end) for line in derivation.forward)


def _corrected(lines: CheckedLines, sets: list[CheckedLines], latex: bool) -> CheckedLines:
    """Return a set of lines with suggestions for its wrong lines, and for what is left out."""
    elsewhere = [v for other in sets if other is not lines for v in other.verdicts if v.ok]
    suggested = with_suggestions(lines.points, lines.verdicts, elsewhere, latex)
    try:
        verdicts = with_consequences(lines.points, suggested)
        missing = lines.missing_contributions
        proposed = proposed_lines(lines.points, verdicts, missing, latex) if lines.faults else ()
    except LimitError:  # the verdicts stand, and what was found by then
        return lines._replace(verdicts=suggested)
    return lines._replace(verdicts=verdicts, proposed=proposed)
