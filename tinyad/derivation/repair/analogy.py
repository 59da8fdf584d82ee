"""Analogies: a right line in the names of another equation of the same form."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from tinyad.derivation.judge.contributions import in_order
from tinyad.derivation.judge.targets import derivatives_in, is_labelled_term
from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, structure, walk
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, names_in, ref_of
from tinyad.derivation.repair.edit import Edit, Member, apply
from tinyad.derivation.repair.wrong_line import WrongLine

Exchange = dict[Ref, Ref]  # which name stands for which


class Analogies:
    """The right lines of a derivation, in the names of one wrong line."""

    def __init__(self, wrong: WrongLine) -> None:
        self._wrong = wrong

    def members(self, index: int) -> Iterator[Fragment]:
        """Yield what stands in the place of a member in right lines, the nearest of them first."""
        members = self._wrong.line.members
        for line, exchange in self._lines():
            for k, other in enumerate(line.members):
                same = is_routine(other) == is_routine(members[index])
                if same and (k == index or len(members) == 1):
                    made = exchange_names(self._wrong.notation, line, other, exchange)
                    if made is not None:
                        yield made

    def lines(self) -> Iterator[Fragment]:
        """Yield the line with all that stands behind the equals sign of right lines."""
        for line, exchange in self._lines():
            made = exchange_names(self._wrong.notation, line, chain_of(line), exchange)
            if made is not None and is_routine(line.members[0]) == is_routine(self._wrong.line.members[0]):
                yield self._wrong.with_formula(made)

    def is_repeated(self, formula: str) -> bool:
        """Return whether a right line has this formula for what the line sets: who writes both means two forms."""
        own = [structure(left) for left in self._wrong.line.left]
        text = self._wrong.point.source.text
        return any(
            text[member.start : member.end] == formula
            for v in self.right_lines()
            if [structure(left) for left in v.statement.left] == own
            for member in v.statement.members
        )

    def right_lines(self) -> list[LineVerdict]:
        """Return the right lines, the nearest first, then those of the other sets for the same forward."""
        verdicts, at = self._wrong.verdicts, self._wrong.index
        nearest = sorted(range(len(verdicts)), key=lambda n: abs(n - at))
        ordered = (*(verdicts[n] for n in nearest), *self._wrong.elsewhere)
        return [v for v in ordered if v.ok and v.statement is not None]

    def equations_of(self, v: LineVerdict) -> list[int]:
        """Return the forward equations of a line: by what it sets, and by the derivatives that it uses."""
        own = v is self._wrong.verdict
        equations = [
            key.equation for r in v.readings for key in in_order(r.all_contributions if own else r.contributions)
        ]
        formulas = (*v.statement.left, *v.statement.members)
        results = {d.value[0].key for formula in formulas for d in derivatives_in(formula)}
        results |= {n.value.key for left in v.statement.left for n in (left, *left.parts) if n.kind == "name"}
        moved = {n.parts[0].value.key for formula in formulas for n in walk(formula) if _is_differential_of_name(n)}
        for k, eq in enumerate(self._wrong.point.derivation.forward):
            inside = {node.value.key for member in eq.members for node in names_in(member)}
            equations += [k] if eq.left[0].value.key in results or inside & moved else []
        return list(dict.fromkeys(k for k in equations if k is not None))

    def _lines(self) -> Iterator[tuple[Statement, Exchange]]:
        """Yield right lines whose left-hand side becomes that of the wrong one when names are exchanged."""
        wrong = self._wrong
        own = [_side(left) for left in wrong.line.left]
        for v in self.right_lines():
            if is_labelled_term(v, wrong.labels) != is_labelled_term(wrong.verdict, wrong.labels):
                continue
            seen: list[Exchange] = []
            for exchange in self._exchanges(v):
                left = [_exchanged_side(_side(side), exchange) for side in v.statement.left]
                if left == own and exchange not in seen:
                    seen.append(exchange)
                    yield v.statement, exchange

    def _exchanges(self, v: LineVerdict) -> Iterator[Exchange]:
        """Yield no exchange at all, and those that make an equation of a right line one of the wrong line."""
        yield {}
        forward = self._wrong.point.derivation.forward
        own = self.equations_of(self._wrong.verdict)
        for there in self.equations_of(v):
            for here in own:
                same = here == there
                exchange = swapped(forward[here].members[0]) if same else matched(forward[there], forward[here])
                if exchange is not None:
                    yield exchange
                elif same:
                    yield from _between_terms(forward[here])


def exchange_names(notation: AuthorNotation, line: Statement, formula: Node, exchange: Exchange) -> Fragment | None:
    """Return a formula of a line with its names exchanged; None if the author has no notation for one of them."""
    member, edits = Member.alone(line, formula, notation.source), list[Edit]()
    for node in _exchangeable(formula):
        denominator = node.kind == "jacobian"
        at = member.denominator(node) if denominator else (*member.span(node), node.start, node.end)
        ref = node.value if denominator else ref_of(node)
        new = _other_name(ref, exchange)
        if new == ref:
            continue
        fragment = notation.derivative(new) if node.kind == "d" else notation.name(new)
        if fragment is None or at is None or (node.kind == "d" and node.value[1] is not None):
            return None
        first, last, start, end = at
        edits.append(Edit(first, last, fragment.tokens, start, end, fragment.text, ranks.ANALOGY))
    return apply(member.line, edits, notation.source)


def chain_of(line: Statement) -> Node:
    """Return all members of a line as one node."""
    return Node("chain", line.members, None, line.members[0].start, line.members[-1].end)


def is_routine(node: Node) -> bool:
    """Return whether a formula is deriv(...)."""
    return node.kind == "deriv"


def matched(old: Statement, new: Statement) -> Exchange | None:
    """Return which name of one equation stands where in another of the same form; None if the forms differ."""
    exchange: Exchange = {}

    def match(a: Node, b: Node) -> bool:
        if a.kind != b.kind or len(a.parts) != len(b.parts):
            return False
        if a.kind == "name":
            return bool(exchange.setdefault(a.value, b.value) == b.value)
        if a.kind == "call" and a.value.key != b.value.key:
            return False
        return all(match(x, y) for x, y in zip(a.parts, b.parts, strict=True))

    sides = [(old.left[0], new.left[0]), (old.members[0], new.members[0])]
    return exchange if all(match(a, b) for a, b in sides) else None


def swapped(node: Node) -> Exchange | None:
    """Return the exchange of the two operands of x ∘ y; None for another formula."""
    x, y = (part.value for part in node.parts) if node.kind == "∘" and len(node.parts) == 2 else (None, None)
    return {x: y, y: x} if isinstance(x, Ref) and isinstance(y, Ref) else None


def _between_terms(eq: Statement) -> Iterator[Exchange]:
    """Yield the exchanges of two products of the same form in one equation."""
    products = [n for member in eq.members for n in walk(member) if n.kind == "*"][: limits.PRODUCTS_PAIRED]
    for old, new in permutations(products, 2):
        exchange = matched(eq._replace(members=(old,)), eq._replace(members=(new,)))
        if exchange is not None:
            yield exchange


def _is_differential_of_name(node: Node) -> bool:
    return node.kind == "differential" and node.parts[0].kind == "name"


def _exchangeable(node: Node) -> Iterator[Node]:
    """Yield names, derivatives, and Jacobians for their denominators."""
    if node.kind in ("name", "d") or (node.kind == "jacobian" and isinstance(node.value, Ref)):
        yield node
    for part in node.parts:
        yield from _exchangeable(part)


def _side(left: Node) -> Any:
    """Return what a left-hand side sets, to be compared."""
    if left.kind in ("name", "d"):
        return left.kind, left.value
    if left.kind in ("differential", "bracket") and left.parts[0].kind == "name":
        return left.kind, left.parts[0].value
    return left.kind, left.start  # equal to no other


def _exchanged_side(side: Any, exchange: Exchange) -> Any:
    kind, value = side
    if kind == "d":
        return kind, (_other_name(value[0], exchange), value[1])
    return kind, _other_name(value, exchange) if isinstance(value, Ref) else value


def _other_name(ref: Ref, exchange: Exchange) -> Ref:
    """Return what a name becomes, at whatever time and with whatever indices."""
    if ref in exchange:
        return exchange[ref]
    same = next((new for old, new in exchange.items() if old.key == ref.key and old.time == new.time), None)
    return ref if same is None else ref._replace(key=same.key)
