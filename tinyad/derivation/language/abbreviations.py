"""Names that stand for a formula of derivatives, such as δ = ∂L/∂a: put into the lines that use them."""

from __future__ import annotations

from typing import Any, NamedTuple

from tinyad.derivation.language.limits import ABBREVIATED_PARTS
from tinyad.derivation.language.syntax_tree import Node, Ref, walk

TIMED = ("name", "d", "jacobian")  # kinds whose value has a time
SIGNED = ("*", "∘", "/")


class Abbreviation(NamedTuple):
    """What a name stands for, and the time at which it was set."""

    time: tuple[str, int] | None
    formula: Node

    @property
    def is_short(self) -> bool:
        """Return whether it may be put into lines: one in another can double a formula again and again."""
        return sum(1 for _ in walk(self.formula)) <= ABBREVIATED_PARTS


def abbreviated(node: Node) -> Ref | None:
    """Return the name that stands for a formula; None for what is no abbreviation."""
    return node.value if node.kind == "bracket" and isinstance(node.value, Ref) else None


def resolved(node: Node, abbreviations: dict[str, Abbreviation]) -> Node:
    """Return a formula with what its abbreviations stand for, each part where the abbreviation is used."""
    if node.kind == "name" and node.value.key in abbreviations and not node.value.indices:
        abbreviation = abbreviations[node.value.key]
        shift = _shift(abbreviation.time, node.value.time)
        if shift is not None and not (shift and any(n.kind == "sum" for n in walk(abbreviation.formula))):
            inside = _moved(abbreviation.formula, shift, node.start, node.end)
            return Node("bracket", (inside,), node.value, node.start, node.end)
    if not node.parts:
        return node
    parts = tuple(resolved(part, abbreviations) for part in node.parts)
    return node if all(a is b for a, b in zip(parts, node.parts, strict=True)) else node._replace(parts=parts)


def _shift(set_at: tuple[str, int] | None, used_at: tuple[str, int] | None) -> int | None:
    """Return by how many steps a use is later than the definition; None if these are no times of one kind."""
    if set_at == used_at:
        return 0
    if set_at is None or used_at is None or set_at[0] != "t" or used_at[0] != "t":
        return None
    return used_at[1] - set_at[1]


def _moved(node: Node, shift: int, start: int, end: int) -> Node:
    """Return a formula some steps later, at another place of the text."""
    parts = tuple(_moved(part, shift, start, end) for part in node.parts)
    value = _later(node.value, shift) if shift and node.kind in TIMED else node.value
    if node.kind in SIGNED:
        value = None  # the place of a sign that is not in the line
    return Node(node.kind, parts, value, start, end)


def _later(value: Any, shift: int) -> Any:
    if isinstance(value, Ref):
        return (
            value._replace(time=(value.time[0], value.time[1] + shift))
            if value.time and value.time[0] == "t"
            else value
        )
    return (_later(value[0], shift), *value[1:]) if isinstance(value, tuple) and isinstance(value[0], Ref) else value
