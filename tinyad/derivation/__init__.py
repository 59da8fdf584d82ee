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
    text_or_path: str | Path, seed: int = 0, *, timeout: float | None = None, suggest: bool = True
) -> Report:
    """Check a derivation as it stands on paper, from a file or from its text; return a `Report`.

    A file has blocks, or is a document in LaTeX, Markdown or reStructuredText, or a notebook, whose formulas are read.

    A str with a line break is the text, else a path.  Every line is evaluated with the true derivatives on its
    right-hand side, at generic points that `seed` draws.  Without `suggest` no suggestions are looked for; after
    `timeout` seconds no more of them are, and a file that is not judged by then is refused.  Raises DerivationError,
    with line and column, for what cannot be read.
    """
    return check_source(opened(text_or_path, timeout), seed, suggest)


def check_source(source: Source, seed: int = 0, suggest: bool = True) -> Report:
    """Return the report on a text that was opened."""
    # Here, so that who imports tinyad for its tape does not wait for them.
    from tinyad.derivation.judge.check import check_without_corrections
    from tinyad.derivation.language.proposal import with_proposed
    from tinyad.derivation.repair.checked import check_all
    from tinyad.derivation.show.report import Report

    source = with_proposed(source)
    return Report(source, check_all(source, seed) if suggest else check_without_corrections(source, seed))
