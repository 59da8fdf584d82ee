"""`%%derivation` in a notebook: the cell is a derivation, and its report stands below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyad.derivation.language.source import DerivationError, Source

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report


def derivation(line: str, cell: str) -> Report | None:
    """Check the text of a cell and return the report; print why it cannot be read."""
    # Here, so that who imports tinyad for its tape does not wait for them.
    from tinyad.derivation.repair.checked import check_all
    from tinyad.derivation.show.report import Report

    try:
        source = Source(cell + "\n")
        return Report(source, check_all(source))
    except DerivationError as error:
        print(error)
        return None
