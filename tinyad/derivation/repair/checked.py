"""The check of a whole file: verdicts, suggestions, and the derivatives that are wrong because of a wrong line."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.judge.propagation import with_consequences
from tinyad.derivation.judge.verdicts import CheckedLines
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import LimitError, Source
from tinyad.derivation.repair.suggestion import proposed_lines, with_suggestions

LATEX, PLAIN = re.compile(r"\\"), re.compile("[∇∂δᵀ∘⊙²Σ]")


def check_all(source: Source, seed: int = 0) -> list[tuple[Derivation, CheckedLines]]:
    """Check every set of backward lines of a file, at the sample points that `seed` draws.

    Raises DerivationError, with line and column, for what cannot be read.
    """
    return with_corrections(check_without_corrections(source, seed))


def with_corrections(judged: Sequence[tuple[Derivation, CheckedLines]]) -> list[tuple[Derivation, CheckedLines]]:
    """Return sets of lines with what was meant by those that are wrong."""
    with np.errstate(all="ignore"):
        return [
            (derivation, _corrected(lines, [other for d, other in judged if d is derivation], _in_latex(derivation)))
            for derivation, lines in judged
        ]


def _in_latex(derivation: Derivation) -> bool:
    """Return whether the forward, or most of the lines whose signs say so, are written in LaTeX."""
    text = derivation.source.text
    lines = [text[line.start : line.end] for rows in derivation.backward.values() for line in rows]
    latex, plain = (sum(bool(signs.search(line)) for line in lines) for signs in (LATEX, PLAIN))
    return latex > plain or any(LATEX.search(text, line.start, line.end) for line in derivation.forward)


def _corrected(lines: CheckedLines, sets: list[CheckedLines], latex: bool) -> CheckedLines:
    """Return a set of lines with suggestions for its wrong lines, and for what is left out."""
    if lines.changes:
        return lines
    elsewhere = [v for other in sets if other is not lines for v in other.verdicts if v.ok]
    suggested = with_suggestions(lines.points, lines.verdicts, elsewhere, latex)
    try:
        verdicts = with_consequences(lines.points, suggested)
        missing = lines.missing_contributions
        proposed = proposed_lines(lines.points, verdicts, missing, latex) if lines.faults else ()
    except LimitError:  # the verdicts stand, and what was found by then
        return lines._replace(verdicts=suggested)
    return lines._replace(verdicts=verdicts, proposed=proposed)
