"""What the author has written in a like place: a right line in the names of another equation of the same form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.derivation.judge.contributions import in_order
from tinyad.derivation.judge.verdicts import Verdict, derivatives_in, is_part
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.repair.author_notation import Spelling, Spellings, leaves, span
from tinyad.derivation.repair.edit import Edit, Pen, applied
from tinyad.derivation.semantics.sample_point import Point

Exchange = dict[Ref, Ref]


class Alike:
    """Formulas of like lines, for the search of one line."""

    point: Point
    line: Statement
    verdicts: Sequence[Verdict]
    also: Sequence[Verdict]  # the right lines of the other sets
    labels: set[tuple[str, str]]
    v: Verdict
    spellings: Spellings

    def like_members(self, member: int) -> Iterator[Spelling]:
        """What stands there in right lines of the same build, the nearest of them first."""
        for line, pairs in self.like_lines():
            for k, other in enumerate(line.members):
                same = is_routine(other) == is_routine(self.line.members[member])
                if same and (k == member or len(self.line.members) == 1):
                    made = exchanged(self.spellings, line, other, pairs)
                    if made is not None:
                        yield made

    def like_lines(self) -> Iterator[tuple[Statement, Exchange]]:
        """Right lines whose left-hand side becomes that of this one when names are exchanged."""
        mine = [_target(left) for left in self.line.left]
        for v in self.near():
            if is_part(v, self.labels) != is_part(self.v, self.labels):
                continue
            seen: list[Exchange] = []
            for pairs in self.exchanges(v):
                left = [_exchanged_target(_target(side), pairs) for side in v.statement.left]
                if left == mine and pairs not in seen:
                    seen.append(pairs)
                    yield v.statement, pairs

    def near(self) -> list[Verdict]:
        """The right lines, the nearest first, then those of the other sets of lines for the same forward."""
        at = next(n for n, v in enumerate(self.verdicts) if v is self.v)
        order = sorted(range(len(self.verdicts)), key=lambda n: abs(n - at))
        return [v for v in (*(self.verdicts[n] for n in order), *self.also) if v.ok and v.statement is not None]

    def exchanges(self, v: Verdict) -> Iterator[Exchange]:
        """No exchange at all, and those that make an equation that a line is about one that this line is about."""
        yield {}
        forward = self.point.derivation.forward
        mine = self.equations_of(self.v)
        for there in self.equations_of(v):
            for here in mine:
                pairs = paired(forward[there], forward[here]) if here != there else turned(forward[here].members[0])
                if pairs is not None:
                    yield pairs

    def equations_of(self, v: Verdict) -> list[int]:
        """The forward equations that a line is about: by what it sets, and by the derivatives that it uses."""
        found = [way[0] for r in v.readings for way in in_order(r.all_ways if v is self.v else r.ways)]
        formulas = (*v.statement.left, *v.statement.members)
        results = {d.value[0].key for formula in formulas for d in derivatives_in(formula)}
        results |= {n.value.key for left in v.statement.left for n in (left, *left.parts) if n.kind == "name"}
        moved = {n.parts[0].value.key for formula in formulas for n in walk(formula) if _moves_name(n)}
        for k, eq in enumerate(self.point.derivation.forward):
            inside = {leaf.value.key for member in eq.members for leaf in leaves(member)}
            found += [k] if eq.left[0].value.key in results or inside & moved else []
        return list(dict.fromkeys(k for k in found if k is not None))


def exchanged(spellings: Spellings, line: Statement, formula: Node, pairs: Exchange) -> Spelling | None:
    """A formula of a line with its names exchanged; None if a name was never spelled."""
    first, last = span(line.tokens, formula)
    part = line._replace(tokens=line.tokens[first:last], start=formula.start, end=formula.end, members=(formula,))
    pen, edits = Pen(part, 0, spellings, (), ()), list[Edit]()
    for node in _named(formula):
        at = pen.below(node) if node.kind == "jacobian" else (*span(part.tokens, node), node.start, node.end)
        ref = node.value[0] if node.kind == "d" else node.value
        new = _other(ref, pairs)
        spelling = spellings.derivative(new) if node.kind == "d" else spellings.name(new)
        if new == ref:
            continue
        if spelling is None or at is None or (node.kind == "d" and node.value[1] is not None):
            return None
        first, last, start, end = at
        edits.append(Edit(first, last, spelling.tokens, start, end, spelling.text, 0, "name"))
    return Spelling(*applied(part, edits, spellings.source))


def _moves_name(node: Node) -> bool:
    """d(x) of a name."""
    return node.kind == "differential" and node.parts[0].kind == "name"


def turned(node: Node) -> Exchange | None:
    """The two operands of x ∘ y for one another."""
    x, y = (part.value for part in node.parts) if node.kind == "∘" and len(node.parts) == 2 else (None, None)
    return {x: y, y: x} if isinstance(x, Ref) and isinstance(y, Ref) else None


def is_routine(node: Node) -> bool:
    """Whether a formula is deriv(...), and no other."""
    return node.kind == "deriv"


def _named(node: Node) -> Iterator[Node]:
    """Names, derivatives, and Jacobians for what stands below them."""
    if node.kind in ("name", "d") or (node.kind == "jacobian" and isinstance(node.value, Ref)):
        yield node
    for part in node.parts:
        yield from _named(part)


def _target(left: Node) -> Any:
    if left.kind in ("name", "d"):
        return left.kind, left.value
    if left.kind in ("differential", "bracket") and left.parts[0].kind == "name":
        return left.kind, left.parts[0].value
    return left.kind, left.start  # like no other


def _exchanged_target(target: Any, pairs: Exchange) -> Any:
    kind, value = target
    if kind == "d":
        return kind, (_other(value[0], pairs), value[1])
    return kind, _other(value, pairs) if isinstance(value, Ref) else value


def _other(ref: Ref, pairs: Exchange) -> Ref:
    """What a name becomes, at whatever time and with whatever indices."""
    if ref in pairs:
        return pairs[ref]
    like = next((new for old, new in pairs.items() if old.key == ref.key and old.time == new.time), None)
    return ref if like is None else ref._replace(key=like.key)


def paired(old: Statement, new: Statement) -> Exchange | None:
    """Which name of one equation stands where in another of the same form; None if the forms differ."""
    found: Exchange = {}

    def walk(a: Node, b: Node) -> bool:
        if a.kind != b.kind or len(a.parts) != len(b.parts):
            return False
        if a.kind == "name":
            return bool(found.setdefault(a.value, b.value) == b.value)
        if a.kind == "call" and a.value.key != b.value.key:
            return False
        return all(walk(x, y) for x, y in zip(a.parts, b.parts, strict=True))

    sides = [(old.left[0], new.left[0]), (old.members[0], new.members[0])]
    return found if all(walk(a, b) for a, b in sides) else None
