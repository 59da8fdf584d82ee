"""What a check has taken for things that the author did not declare."""

from __future__ import annotations

import re
from math import pi

from tinyad.derivation.judge.verdicts import CheckedLines
from tinyad.derivation.language.abbreviations import abbreviated
from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.reader import Derivation
from tinyad.derivation.language.source import PROPOSED
from tinyad.derivation.language.syntax_tree import Statement, walk
from tinyad.printing.text import one_line


def assumed(derivation: Derivation, checked: CheckedLines) -> list[str]:
    """Return sizes that follow, derivatives that are taken as given, and abbreviations, each in one line."""
    source, it = derivation.source, derivation.declarations
    rows = [f"size that follows: {name_text(it, key)}: {size}" for key, size in it.inferred.items()]
    if source.proposed:
        taken = (re.sub(r"^[%\s]+|\s+#.*", "", row) for row in source.proposed.split("\n"))
        said = [row for row in taken if row and "tinyad: declare" not in row and row != "-->" and row[:3] != "```"]
        declares = isinstance(source, Document) and any(source.part(b.start) != PROPOSED for b in source.declared())
        before = "taken besides what is declared" if declares else "nothing is declared; taken"
        rows.append(f"{before}: {one_line('; '.join(said))}")
    statements = [*derivation.forward, *(v.statement for v in checked.verdicts if v.statement is not None)]
    formulas = (part for s in statements for part in (*s.left, *s.members))
    if any(n.kind == "name" and it.names.is_pi(n.value.key) for formula in formulas for n in walk(formula)):
        rows.append(f"π is the number {pi:.6g}: nothing declares, computes or derives for it")
    if not isinstance(source, Document):
        return rows
    for node in source.given.get(derivation.begun, ()):
        rows.append(f"taken as given: {one_line(source.text[node.start : node.end])}")
    for block in source.arguments.get(derivation.begun, ()):
        where = source.line_name(block.start)
        rows.append(
            f"{block.number}: the argument of the activation in {block.title}, as only its derivative says  ({where})"
        )
    for block in source.abbreviations.get(derivation.begun, ()):
        text = source.numbered(source.text[block.start : block.end], "")
        rows.append(f"abbreviation: {one_line(text)}  ({source.line_name(block.start)}{_doubt(block.number, checked)})")
    return rows


def _doubt(key: str, checked: CheckedLines) -> str:
    """Say that an abbreviation may itself be wrong: where no line that uses it holds."""
    users = [v for v in checked.verdicts if v.statement is not None and key in _abbreviations(v.statement)]
    return "; no line that uses it holds: it may be wrong itself" if users and not any(v.ok for v in users) else ""


def _abbreviations(line: Statement) -> set[str]:
    nodes = (node for member in line.members for node in walk(member))
    return {ref.key for node in nodes if (ref := abbreviated(node)) is not None}


def name_text(declarations: Declarations, key: str) -> str:
    """Return a name as its author wrote it."""
    node = declarations.declared.get(key)
    return one_line(declarations.source.text[node.start : node.end]) if node else key
