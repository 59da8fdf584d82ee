"""Derivations as text: read, checked line by line, and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinyad.derivation.language.source import DerivationError, read

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report

__all__ = ["DerivationError", "check_derivation"]


def check_derivation(text_or_path: str | Path, seed: int = 0) -> Report:
    """Check a derivation as it is written on paper, from a Markdown file or from its text; returns a `Report`.

    A str with a line break is the text, else a path.  Every line is evaluated with the true derivatives on its
    right-hand side, at generic points that `seed` draws.  Raises DerivationError, with line and column, for what cannot
    be read.
    """
    # Here, for who imports tinyad for its tape should not wait for them.
    from tinyad.derivation.judge.check import check, use_labels
    from tinyad.derivation.judge.propagation import spoiled
    from tinyad.derivation.language.reader import derivations
    from tinyad.derivation.repair.suggestion import proposed_lines, with_suggestions
    from tinyad.derivation.show.report import Report

    source = read(text_or_path)
    found = []
    with np.errstate(all="ignore"):  # a wrong line may divide by 0: what is not finite is not right
        for derivation in derivations(source):
            latex = any("\\" in source.text[line.start : line.end] for line in derivation.forward)
            parts = check(derivation, seed)
            for part in parts:
                use_labels(part.points, part.labels)
                also = [v for other in parts if other is not part for v in other.verdicts if v.ok]
                verdicts = spoiled(part.points, with_suggestions(part.points, part.verdicts, also, latex))
                proposed = proposed_lines(part.points, verdicts, part.lacking, latex) if part.faults else []
                found.append((derivation, part._replace(verdicts=verdicts, proposed=proposed)))
    return Report(source, found)
