"""What `%load_ext tinyad` brings to a notebook: `%%derivation` and `%%check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinyad.code.notebook_magic import check_cell
from tinyad.derivation.show.notebook_magic import derivation

if TYPE_CHECKING:
    from tinyad.code.report import Report


def load_ipython_extension(ipython: Any) -> None:
    """Register `%%derivation` and `%%check`, which check their cells; `%load_ext tinyad` calls this."""

    def check(line: str, cell: str) -> Report | None:
        """Check the backward pass of this cell, with copies of the names that the notebook has."""
        return check_cell(cell, ipython.user_ns)

    ipython.register_magic_function(derivation, "cell", "derivation")
    ipython.register_magic_function(check, "cell", "check")
