"""`%%check` in a notebook: the cell is code with a backward pass, and its report stands below it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinyad.printing.text import for_terminal

if TYPE_CHECKING:
    from tinyad.code.report import Report

NAME = re.compile(r"[^\W\d]\w*")


def check_cell(cell: str, names: Mapping[str, Any]) -> Report | None:
    """Check the code of a cell and return the report; print why it cannot be checked.

    names: what the notebook has.  The cell runs with copies of them, and what it sets is not left in the notebook.
    """
    # Here, so that who imports tinyad for its tape does not wait for them.
    from tinyad.code.checking import Options, check_text
    from tinyad.code.files import Text, without_magic
    from tinyad.code.program import CodeError

    # The line of %%check is counted, as the notebook counts it.
    text = "\n".join(["", *map(without_magic, cell.splitlines()), ""])
    try:
        return check_text(Text("cell", text), Options(), copies(text, names))
    except CodeError as error:
        print(for_terminal(str(error)))
        return None


def copies(text: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of what names hold that a text mentions; what cannot be copied, such as a module, is shared."""
    memo: dict[int, Any] = {}  # of all, so that two names of one array are two names of one copy
    found = {}
    for name in dict.fromkeys(NAME.findall(text)):
        if name in names:
            try:
                found[name] = copy.deepcopy(names[name], memo)
            except Exception:  # whatever the user's objects raise
                found[name] = names[name]
    return found
