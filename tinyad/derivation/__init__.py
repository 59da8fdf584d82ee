"""Derivations as text: read, checked line by line, and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.source import DerivationError, Source

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report

__all__ = ["DerivationError", "check_derivation"]


def check_derivation(
    text_or_path: str | Path,
    seed: int = 0,
    *,
    timeout: float | None = None,
    suggest: bool = True,
    against: str | Path | None = None,
) -> Report:
    """Check a derivation as it stands on paper, from a file or from its text; return a `Report`.

    A file has blocks, or is a document in LaTeX, Markdown or reStructuredText, or a notebook, whose formulas are read.

    A str with a line break is the text, else a path.  Every line is evaluated with the true derivatives on its
    right-hand side, at generic points that `seed` draws.  Without `suggest` no suggestions are looked for; after
    `timeout` seconds no more of them are, and a file that is not judged by then is refused.  The declarations and the
    forward of the derivation `against`, a text or a path too, say what has to be derived: the report tells where those
    of this one mean something else.  Raises DerivationError, with line and column, for what cannot be read.
    """
    exercise = None if against is None else opened(against, timeout)
    return check_source(opened(text_or_path, timeout), seed, suggest, exercise)


def check_source(source: Source, seed: int = 0, suggest: bool = True, against: Source | None = None) -> Report:
    """Return the report on a text that was opened, as `check_derivation` does."""
    # Here, so that who imports tinyad for its tape does not wait for them.
    from tinyad.derivation.judge.against import check_against, models_of
    from tinyad.derivation.judge.check import check_without_corrections
    from tinyad.derivation.language.proposal import with_parts_of, with_proposed
    from tinyad.derivation.repair.checked import with_corrections
    from tinyad.derivation.show.report import Report

    if against is None:
        source = with_proposed(source)
        judged = check_without_corrections(source, seed)
    else:
        exercise = with_proposed(against)
        source = with_parts_of(exercise, source)
        judged = check_against(models_of(exercise, seed), source)
    return Report(source, with_corrections(judged) if suggest else judged)
