"""`%%derivation` in a notebook: the cell is a derivation, and its report stands below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinyad.derivation import DerivationError, check_derivation

if TYPE_CHECKING:
    from tinyad.derivation.show.report import Report


def derivation(line: str, cell: str) -> Report | None:
    """Check the text of a cell; what cannot be read is said in one message."""
    try:
        return check_derivation(cell + "\n")
    except DerivationError as error:
        print(error)
        return None


def load_ipython_extension(ipython: Any) -> None:
    """What `%load_ext tinyad` calls: from then on `%%derivation` checks the text of its cell."""
    ipython.register_magic_function(derivation, "cell", "derivation")
