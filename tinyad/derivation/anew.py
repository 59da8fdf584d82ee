"""A line written anew: after a like line, or as the table's own rules give it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tinyad.derivation.editor import Editor
from tinyad.derivation.edits import applied
from tinyad.derivation.point import Point
from tinyad.derivation.rules import contribution
from tinyad.derivation.spelling import CLOSE, OPEN, Spelling, Spellings, equals, leaves
from tinyad.derivation.tree import Node, Ref, Statement, Token
from tinyad.derivation.verdict import Verdict
from tinyad.derivation.ways import Way, in_order


class Anew:
    """Whole lines in the place of a wrong one."""

    point: Point
    line: Statement
    verdicts: Sequence[Verdict]
    v: Verdict
    spellings: Spellings
    needed: list[frozenset[Way] | None]

    def forward(self) -> list[Statement]:
        """The equations that use what the line sets."""
        raise NotImplementedError

    def by_rule(self) -> tuple[tuple[Token, ...], str] | None:
        """The line that the table's own rules give for what is needed."""
        if self.line.members[0].kind == "deriv":
            return self.routine()
        if (
            len(self.line.left) != 1
            or self.line.left[0].kind != "d"
            or not self.needed[0]
            or len(self.line.members) > 1
        ):
            return None
        parts = sum_of_rules(self.point, self.spellings, self.needed[0], self.line.left[0].value[0])
        if parts is None:
            return None
        return self.under(parts)

    def under(self, formula: Spelling) -> tuple[tuple[Token, ...], str]:
        """The line with another formula behind its equals sign."""
        sign = equals(self.line.tokens)
        head = self.point.source.text[self.line.start : self.line.tokens[sign].end]
        return (*self.line.tokens[: sign + 1], *formula.tokens), f"{head} {formula.text}"

    def routine(self) -> tuple[tuple[Token, ...], str] | None:
        """deriv() of the equation that has the derived names as its operands."""
        derived = [left.value[0] for left in self.line.left if left.kind == "d"]
        for eq in self.forward():
            node = eq.members[0]
            operands = [part.value for part in node.parts if part.kind == "name"]
            symbol = self.point.it.names.functions.get(node.value.key, "") if node.kind == "call" else node.kind
            names = [self.spellings.derivative(eq.left[0].value), *map(self.spellings.name, operands)]
            if operands == derived and len(operands) == len(node.parts) and None not in names:
                parts = [name for name in names if name is not None]
                begin, comma = (Token("word", "deriv", 0, 0), OPEN), Token("op", ",", 0, 0)
                inside = [token for part in parts for token in (*part.tokens, comma)]
                tokens = (*begin, *inside, Token("string", symbol, 0, 0), CLOSE)
                return self.under(Spelling(tokens, f"deriv({', '.join(part.text for part in parts)}, '{symbol}')"))
        return None

    def whole_lines(self) -> Iterator[tuple[tuple[Token, ...], str]]:
        """Right lines for like equations, with their names exchanged."""
        for reading in self.v.readings:
            if reading.of is None:
                continue
            for equation, *_ in in_order(reading.all_ways):
                if equation is None:
                    continue
                mine = self.point.derivation.forward[equation]
                for other in self.verdicts:
                    if not other.ok or other.statement is None or len(other.statement.left) != 1 or not other.readings:
                        continue
                    for there, *_ in in_order(other.readings[0].ways):
                        if there is not None and there != equation:
                            made = self.exchanged(other.statement, self.point.derivation.forward[there], mine)
                            if made is not None:
                                yield made

    def exchanged(self, line: Statement, old: Statement, new: Statement) -> tuple[tuple[Token, ...], str] | None:
        """A line about one equation, in the names of another equation of the same form."""
        pairs = _pairs(old, new)
        if pairs is None or line.left[0].kind != "d" or pairs.get(line.left[0].value[0]) != self.line.left[0].value[0]:
            return None
        edits = []
        for member in line.members:
            editor = Editor(line, 0, self.spellings, (), ())
            for node in leaves(member):
                ref = node.value if node.kind == "name" else node.value[0]
                if ref in pairs and pairs[ref] != ref:
                    spelling = (
                        self.spellings.name(pairs[ref])
                        if node.kind == "name"
                        else self.spellings.derivative(pairs[ref])
                    )
                    if spelling is None:
                        return None
                    edits.append(editor.change(node, spelling, 0, "name"))
        tokens, text = applied(line, edits, self.point.source)
        return self.under(Spelling(tokens[equals(tokens) + 1 :], text.split("=", 1)[1].lstrip()))


def sum_of_rules(point: Point, spellings: Spellings, ways: frozenset[Way], of: Ref) -> Spelling | None:
    """The contributions as the table's rules give them, with + between them; None if one of them is not to be had."""
    tokens: list[Token] = []
    texts = []
    for equation, _, use in in_order(ways):
        part = contribution(point, spellings, equation, of, use) if equation is not None else None
        if part is None:
            return None
        tokens += [*([Token("op", "+", 0, 0)] if tokens else []), *part.tokens]
        texts.append(part.text)
    return Spelling(tuple(tokens), " + ".join(texts))


def _pairs(old: Statement, new: Statement) -> dict[Ref, Ref] | None:
    """Which name of one equation stands where in another of the same form; None if the forms differ."""
    found: dict[Ref, Ref] = {}

    def walk(a: Node, b: Node) -> bool:
        if a.kind != b.kind or len(a.parts) != len(b.parts):
            return False
        if a.kind == "name":
            return bool(found.setdefault(a.value, b.value) == b.value)
        if a.kind == "call" and a.value.key != b.value.key:
            return False
        return all(walk(x, y) for x, y in zip(a.parts, b.parts, strict=True))

    sides: list[tuple[Any, Any]] = [(old.left[0], new.left[0]), (old.members[0], new.members[0])]
    return found if all(walk(a, b) for a, b in sides) else None
