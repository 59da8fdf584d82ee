"""`%%check` in a notebook: the cell is code with a backward pass, and its report stands below it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tinyad.printing.text import for_terminal

if TYPE_CHECKING:
    from tinyad.code.report import Report


def check_cell(cell: str, names: Mapping[str, Any]) -> Report | None:
    """Check the code of a cell and return the report; print why it cannot be checked.

    names: what the notebook has.  The cell runs with copies of them, and what it sets is not left in the notebook.
    """
    # Here, so that who imports tinyad for its tape does not wait for them.
    from tinyad.code.checking import Options, check_text
    from tinyad.code.files import Text, without_magic
    from tinyad.code.program import CodeError

    text = "\n".join([*map(without_magic, cell.splitlines()), ""])
    given = copies([name for name in read_first(text) if name in names], names)
    line, namespace = _as_variables(given)
    try:
        return check_text(Text("cell", f"{line}\n{text}"), Options(), namespace)
    except CodeError as error:
        print(for_terminal(str(error)))
        return None


def read_first(text: str) -> list[str]:
    """Return the names that a text reads before it sets them, and those that its functions read."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found, assigned = dict[str, None](), set[str]()
    for statement in statements:
        nodes = list(ast.walk(statement))
        changed = {id(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
        used = [node for node in nodes if isinstance(node, ast.Name)]
        found |= {
            n.id: None for n in used if (isinstance(n.ctx, ast.Load) or id(n) in changed) and n.id not in assigned
        }
        assigned |= {n.id for n in used if isinstance(n.ctx, ast.Store)}
    return list(found)


def copies(wanted: list[str], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of what some names hold; what cannot be copied, such as a module, is shared."""
    memo: dict[int, Any] = {}  # of all, so that two names of one array are two names of one copy
    found = {}
    for name in wanted:
        try:
            found[name] = copy.deepcopy(names[name], memo)
        except Exception:  # whatever the user's objects raise
            found[name] = names[name]
    return found


def _as_variables(given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a line that sets the data that are given, so that there are derivatives for them, and what it needs.

    The line stands in the place of `%%check`, and those of the cell are counted as the notebook counts them.
    """
    from tinyad.code import values

    data = {name: value for name, value in given.items() if any(True for _ in values.leaves(value))}
    notebook = "notebook"
    while notebook in given:
        notebook += "_"
    line = "; ".join(f"{name} = {notebook}.{name}" for name in data)
    others = {name: value for name, value in given.items() if name not in data}
    return line, {**others, notebook: SimpleNamespace(**data)}
