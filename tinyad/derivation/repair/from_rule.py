"""A line written anew, as the table's own rules give it."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.judge.contributions import Way, in_order
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token
from tinyad.derivation.repair.analogy import Alike, exchanged, is_routine
from tinyad.derivation.repair.author_notation import CLOSE, OPEN, Spelling, Spellings, equals
from tinyad.derivation.repair.rule_formulas import contribution
from tinyad.derivation.semantics.sample_point import Point


class Anew(Alike):
    """Whole lines in the place of a wrong one."""

    needed: list[frozenset[Way] | None]

    def forward(self) -> list[Statement]:
        """The equations that use what the line sets."""
        raise NotImplementedError

    def by_rule(self) -> tuple[tuple[Token, ...], str] | None:
        """The line that the table's own rules give for what is needed."""
        if is_routine(self.line.members[0]):
            return self.routine()
        return next(map(self.under, self.by_rules(one=True)), None)

    def by_rules(self, one: bool) -> list[Spelling]:
        """What is needed, as the table's rules give it, for the `one` formula of a line, or for a member of a chain."""
        if len(self.line.left) != 1 or self.line.left[0].kind != "d" or not self.needed[0]:
            return []
        made = sum_of_rules(self.point, self.spellings, self.needed[0], self.line.left[0].value[0])
        return [] if made is None or one != (len(self.line.members) == 1) else [made]

    def whole_lines(self) -> Iterator[tuple[tuple[Token, ...], str]]:
        """All that stands behind the equals sign of like lines."""
        for line, pairs in self.like_lines():
            first, last = line.members[0], line.members[-1]
            made = exchanged(self.spellings, line, Node("chain", line.members, None, first.start, last.end), pairs)
            if made is not None and is_routine(first) == is_routine(self.line.members[0]):
                yield self.under(made)

    def under(self, formula: Spelling) -> tuple[tuple[Token, ...], str]:
        """The line with another formula behind its equals sign."""
        sign = equals(self.line.tokens)
        head = self.point.source.text[self.line.start : self.line.tokens[sign].end]
        return (*self.line.tokens[: sign + 1], *formula.tokens), f"{head} {formula.text}"

    def routine(self) -> tuple[tuple[Token, ...], str] | None:
        """deriv() of the equation that has the derived names as its operands."""
        derived = [left.value[0] for left in self.line.left if left.kind == "d"]
        made = (routine(self.point, self.spellings, eq) for eq in self.forward() if operands(eq) == derived)
        return next((self.under(formula) for formula in made if formula is not None), None)


def operands(eq: Statement) -> list[Ref]:
    """The operands of an equation that is one operation on names."""
    return [part.value for part in eq.members[0].parts if part.kind == "name"]


def routine(point: Point, spellings: Spellings, eq: Statement) -> Spelling | None:
    """deriv() of an equation that is one operation on names, as on the slide "LSTM: derivative routine"."""
    node = eq.members[0]
    symbol = point.it.names.functions.get(node.value.key, "") if node.kind == "call" else node.kind
    names = [spellings.derivative(eq.left[0].value), *map(spellings.name, operands(eq))]
    if len(names) != len(node.parts) + 1 or len(names) == 1 or any(name is None for name in names):
        return None
    parts = [name for name in names if name is not None]
    begin, comma = (Token("word", "deriv", 0, 0), OPEN), Token("op", ",", 0, 0)
    inside = [token for part in parts for token in (*part.tokens, comma)]
    tokens = (*begin, *inside, Token("string", symbol, 0, 0), CLOSE)
    return Spelling(tokens, f"deriv({', '.join(part.text for part in parts)}, '{symbol}')")


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
