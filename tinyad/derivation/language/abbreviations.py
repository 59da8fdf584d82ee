"""Names that stand for a formula of derivatives, such as δ = ∂L/∂a: put into the lines that use them."""

from __future__ import annotations

from typing import Any, NamedTuple

from tinyad.derivation.language.limits import ABBREVIATED_PARTS
from tinyad.derivation.language.syntax_tree import IndexComparison, Node, Ref, walk

TIMED = ("name", "d", "jacobian")  # kinds whose value has a time
LETTERS = "abcdefghijklmnopqrstuvwxyz"  # of indices
STAYS = ("t", 0)  # the time t stays t
SIGNED = ("*", "∘", "/")


class Abbreviation(NamedTuple):
    """What a name stands for, the time at which it was set, and the indices of the component that it is."""

    time: tuple[str, int] | None
    formula: Node
    indices: tuple[str, ...] = ()

    @property
    def is_short(self) -> bool:
        """Return whether it may be put into lines: one in another can double a formula again and again."""
        return sum(1 for _ in walk(self.formula)) <= ABBREVIATED_PARTS


def abbreviated(node: Node) -> Ref | None:
    """Return the name that stands for a formula; None for what is no abbreviation."""
    return node.value if node.kind == "bracket" and isinstance(node.value, Ref) else None


def resolved(node: Node, abbreviations: dict[str, list[Abbreviation]]) -> Node:
    """Return a formula with what its abbreviations stand for, each part where the abbreviation is used."""
    if node.kind == "name" and node.value.key in abbreviations:
        inside = _formula(node, abbreviations[node.value.key])
        if inside is not None:
            return Node("bracket", (inside,), node.value, node.start, node.end)
    if not node.parts:
        return node
    parts = tuple(resolved(part, abbreviations) for part in node.parts)
    return node if all(a is b for a, b in zip(parts, node.parts, strict=True)) else node._replace(parts=parts)


def _formula(node: Node, abbreviations: list[Abbreviation]) -> Node | None:
    """Return what a name stands for at the time at which it is used; None if no abbreviation says that."""
    at_that_time = sorted(abbreviations, key=lambda it: it.time != node.value.time)
    for abbreviation in at_that_time:
        move = _move(abbreviation.time, node.value.time)
        formula = _with_indices(abbreviation, node.value.indices)
        if formula and move and not (move != STAYS and any(n.kind == "sum" for n in walk(formula))):
            return _moved(formula, move, node.start, node.end)
    return None


def _with_indices(abbreviation: Abbreviation, used: tuple[str, ...]) -> Node | None:
    """Return the formula for the component that is used, or for all of them; None if there is no such formula."""
    formula, own = abbreviation.formula, abbreviation.indices
    if used == own:
        return formula
    if len(used) == len(own):
        bound = {n.value[1] for n in walk(formula) if n.kind in ("sum", "product") and n.value[0] == "index"}
        free = (c for c in LETTERS if c not in {*used, *own, *bound})
        return _renamed(formula, {**dict(zip(sorted(bound), free, strict=False)), **dict(zip(own, used, strict=True))})
    whole = formula.parts[0] if formula.kind == "neg" else formula
    if whole.kind != "d" or whole.value[0].indices != own or (own and used):
        return None  # of δ_i = ∂L/∂a_i all components are ∂L/∂a
    whole = whole._replace(value=(whole.value[0]._replace(indices=used), whole.value[1]))
    return formula._replace(parts=(whole,)) if formula.kind == "neg" else whole


def _renamed(node: Node, letters: dict[str, str]) -> Node:
    """Return a formula of components with other letters for indices."""
    return node._replace(
        parts=tuple(_renamed(part, letters) for part in node.parts), value=_renamed_value(node.value, letters)
    )


def _renamed_value(value: Any, letters: dict[str, str]) -> Any:
    """Return the value of a node with other letters for the indices in it."""
    if isinstance(value, Ref):
        return value._replace(indices=tuple(letters.get(c, c) for c in value.indices))
    if isinstance(value, Node):
        return _renamed(value, letters)
    if isinstance(value, IndexComparison):
        return value._replace(
            letters=tuple(letters.get(c, c) for c in value.letters),
            lengths=tuple(_renamed_value(it, letters) for it in value.lengths),
            measured=tuple(letters.get(c, c) for c in value.measured),
        )
    if type(value) is not tuple:
        return value
    if value[:1] == ("index",):  # of a sum
        return ("index", letters.get(value[1], value[1]), *value[2:])
    return tuple(letters.get(it, it) if isinstance(it, str) else _renamed_value(it, letters) for it in value)


def _move(set_at: tuple[str, int] | None, used_at: tuple[str, int] | None) -> tuple[str, int] | None:
    """Return what the time t becomes where a name is used, and how many steps later; None for times of other kinds."""
    if set_at == used_at:
        return STAYS
    if set_at is None or used_at is None or set_at[0] != "t" or used_at[0] not in ("t", "T"):
        return None
    return used_at[0], used_at[1] - set_at[1]


def _moved(node: Node, move: tuple[str, int], start: int, end: int) -> Node:
    """Return a formula at other times, at another place of the text."""
    parts = tuple(_moved(part, move, start, end) for part in node.parts)
    value = _later(node.value, move) if node.kind in TIMED else node.value
    if node.kind in SIGNED:
        value = None  # the place of a sign that is not in the line
    return Node(node.kind, parts, value, start, end)


def _later(value: Any, move: tuple[str, int]) -> Any:
    if isinstance(value, Ref):
        moves = value.time is not None and value.time[0] == "t"
        return value._replace(time=(move[0], value.time[1] + move[1])) if moves and value.time else value
    return (_later(value[0], move), *value[1:]) if isinstance(value, tuple) and isinstance(value[0], Ref) else value
