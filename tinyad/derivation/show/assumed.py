"""What a check has taken for things that the author did not declare."""

from __future__ import annotations

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.document import Document
from tinyad.derivation.language.reader import Derivation
from tinyad.printing.text import one_line


def assumed(derivation: Derivation) -> list[str]:
    """Return sizes that follow, derivatives that are taken as given, and abbreviations, each in one line."""
    source, it = derivation.source, derivation.declarations
    rows = [f"size that follows: {name_text(it, key)}: {size}" for key, size in it.inferred.items()]
    if not isinstance(source, Document):
        return rows
    for node in source.given.get(derivation.begun, ()):
        rows.append(f"taken as given: {one_line(source.text[node.start : node.end])}")
    for block in source.abbreviations.get(derivation.begun, ()):
        text = source.numbered(source.text[block.start : block.end], "")
        rows.append(f"abbreviation: {one_line(text)}  ({source.line_name(block.start)})")
    return rows


def name_text(declarations: Declarations, key: str) -> str:
    """Return a name as its author wrote it."""
    node = declarations.declared.get(key)
    return one_line(declarations.source.text[node.start : node.end]) if node else key
