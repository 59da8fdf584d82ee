"""A statement as its author wrote it, of which one expression is replaced by another text.

All that is not replaced keeps its spelling and its spacing.  Brackets are added only where the order of operations
needs them, and brackets that stood there stay around an operation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

# How tightly expressions bind, as in the grammar of Python; a higher level never needs brackets in a lower one.
TUPLE, TEST, OR, AND, NOT, COMPARISON = range(6)
BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, PRODUCT, UNARY, POWER, ATOM = range(6, 15)

_BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("%", PRODUCT),
    ast.Pow: ("**", POWER),
    ast.BitOr: ("|", BIT_OR),
    ast.BitXor: ("^", BIT_XOR),
    ast.BitAnd: ("&", BIT_AND),
    ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT),
}
_LEVELS: dict[type[ast.expr], int] = {
    ast.Lambda: TEST,
    ast.IfExp: TEST,
    ast.NamedExpr: TUPLE,
    ast.Compare: COMPARISON,
    ast.Slice: TEST,
    ast.Yield: TUPLE,
}
_WITHOUT_BRACKETS = (ast.Call, ast.keyword, ast.List, ast.Set, ast.Dict, ast.Slice, ast.Tuple, ast.AugAssign)
_OUTERMOST = (ast.Assign, ast.Return, ast.Expr, ast.AnnAssign, ast.Subscript)


class Piece(NamedTuple):
    """The text of an expression without brackets around it, and how tightly its last operation binds."""

    text: str
    level: int = ATOM


def symbol(operator: ast.operator) -> str:
    """Return the symbol of a binary operator."""
    return _BINARY[type(operator)][0]


def level(node: ast.expr) -> int:
    """Return how tightly the last operation of an expression binds."""
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)][1]
    if isinstance(node, ast.UnaryOp):
        return NOT if isinstance(node.op, ast.Not) else UNARY
    if isinstance(node, ast.BoolOp):
        return OR if isinstance(node.op, ast.Or) else AND
    return _LEVELS.get(type(node), ATOM)


def _level_beside_operator(parent: ast.BinOp, field: str) -> int:
    own = _BINARY[type(parent.op)][1]
    if isinstance(parent.op, ast.Pow):
        return POWER + 1 if field == "left" else UNARY
    return own if field == "left" else own + 1


def required_level(parent: ast.AST, field: str) -> int:
    """Return the least level at which an expression stands in a field of its parent without brackets."""
    if isinstance(parent, ast.BinOp):
        return _level_beside_operator(parent, field)
    if isinstance(parent, ast.UnaryOp):
        return level(parent)
    if isinstance(parent, ast.BoolOp | ast.Compare):
        return level(parent) + 1
    if isinstance(parent, ast.IfExp):
        return TEST if field == "orelse" else OR
    if isinstance(parent, _OUTERMOST) and field in ("value", "slice") and not _is_subscripted(parent, field):
        return TUPLE
    return TEST if isinstance(parent, _WITHOUT_BRACKETS) and field != "func" else ATOM


def _is_subscripted(parent: ast.AST, field: str) -> bool:
    return isinstance(parent, ast.Subscript) and field == "value"


@lru_cache(maxsize=1024)
def _tight_operators(text: str) -> tuple[tuple[str, int], ...]:
    """Return each operator between two operands: 1 where no space is around it, else -1."""
    matches = re.finditer(r"(?<=[\w)\]])(\s*)(\*\*|[-+*/@])(\s*)(?=[\w(])", text)
    return tuple((match.group(2), -1 if match.group(1) and match.group(3) else 1) for match in matches)


class SpacedOperators:
    """How an author spaces operators: `a*b` or `a * b`; first in the statement itself, then in the others."""

    def __init__(self, statement: str, others: Iterable[str]) -> None:
        own, all_votes = _votes([statement]), _votes([statement, *others])
        products = sum(own.get(operator, 0) for operator in "*/@")
        self.tight = {
            operator
            for operator in ("+", "-", "*", "/", "@", "**")
            if (own.get(operator, 0) or (products if operator in "*/@" else 0) or all_votes.get(operator, 0)) > 0
        }

    def around(self, operator: str) -> str:
        """Return the operator with the author's space around it."""
        return operator if operator in self.tight else f" {operator} "


def _votes(texts: Iterable[str]) -> dict[str, int]:
    votes: dict[str, int] = {}
    for text in texts:
        for operator, vote in _tight_operators(text):
            votes[operator] = votes.get(operator, 0) + vote
    return votes


def bracketed(piece: Piece, least: int) -> str:
    """Return the text of a piece, in brackets where it binds less than needed."""
    return piece.text if piece.level >= least else f"({piece.text})"


def joined(left: Piece, operator: str, right: Piece, spaced: SpacedOperators) -> Piece:
    """Return two pieces joined by an operator; a sum added to a sum needs no brackets."""
    own = next(lev for text, lev in _BINARY.values() if text == operator)
    if own == POWER:
        return Piece(bracketed(left, ATOM) + spaced.around(operator) + bracketed(right, UNARY), POWER)
    least = own if operator == "+" else own + 1
    return Piece(bracketed(left, own) + spaced.around(operator) + bracketed(right, least), own)


def negated(piece: Piece) -> Piece:
    """Return the piece with the opposite sign: -a * b for a * b, -(a + b) for a + b."""
    return Piece("-" + bracketed(piece, PRODUCT), PRODUCT if piece.level == PRODUCT else UNARY)


class Spot(NamedTuple):
    """An expression of a statement: where it stands, brackets around it apart, and in which field of its parent."""

    node: ast.expr
    parent: ast.AST
    field: str
    start: int
    end: int
    outer_start: int
    outer_end: int
    depth: int


def _placed(spot: Spot, piece: Piece) -> str:
    """Return the text of a piece, in brackets where its place needs them; 2.T would be no number with a transpose."""
    if isinstance(spot.parent, ast.Attribute) and piece.text.isdigit():
        return f"({piece.text})"
    return bracketed(piece, required_level(spot.parent, spot.field))


class Source:
    """A statement's text, its tree, and the place of every expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        body = ast.parse(text).body
        if len(body) != 1:
            raise SyntaxError(f"expected one statement: {text}")
        self.tree = body[0]
        self.spots: dict[ast.expr, Spot] = {}
        self._line_starts = [0]
        for line in text.split("\n"):
            self._line_starts.append(self._line_starts[-1] + len(line) + 1)
        self._lines = text.split("\n")
        self._ascii = text.isascii()
        self._place(self.tree, 0)

    def _offset(self, line: int, column: int) -> int:
        if not self._ascii:
            column = len(self._lines[line - 1].encode()[:column].decode())
        return self._line_starts[line - 1] + column

    def _place(self, parent: ast.AST, depth: int) -> None:
        for field, value in ast.iter_fields(parent):
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.expr):
                    self.spots[node] = self._spot(node, parent, field, depth)
                if isinstance(node, ast.expr | ast.keyword | ast.comprehension):
                    self._place(node, depth + 1)

    def _spot(self, node: ast.expr, parent: ast.AST, field: str, depth: int) -> Spot:
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        spot = Spot(node, parent, field, start, end, start, end, depth)
        own = -1
        if isinstance(parent, ast.Call) and field != "func":
            own = self.text.index("(", self.spots[parent.func].outer_end)
        while True:
            before = len(self.text[: spot.outer_start].rstrip()) - 1
            after = spot.outer_end + len(self.text[spot.outer_end :]) - len(self.text[spot.outer_end :].lstrip())
            if before < 0 or before == own or self.text[before : before + 1] + self.text[after : after + 1] != "()":
                return spot
            spot = spot._replace(outer_start=before, outer_end=after + 1)

    def code(self, node: ast.expr) -> str:
        """Return an expression as it stands, without brackets around it."""
        spot = self.spots[node]
        return self.text[spot.start : spot.end]

    def piece(self, node: ast.expr) -> Piece:
        """Return an expression as a piece to build others from."""
        text = self.code(node)
        if "\n" in text:
            text = re.sub(r"\s*\n\s*", " ", text)
        return Piece(text, level(node))

    def replaced(self, node: ast.expr, piece: Piece) -> str:
        """Return the statement with an expression replaced."""
        spot = self.spots[node]
        if spot.outer_start < spot.start and piece.level < ATOM:
            return self.text[: spot.start] + piece.text + self.text[spot.end :]
        new = _placed(spot, piece)
        before, after = self.text[: spot.outer_start], self.text[spot.outer_end :]
        if new[:1].isalnum() and before[-1:].isalnum():
            new = " " + new
        return before + new + after

    def replaced_all(self, changes: list[tuple[ast.expr, Piece]]) -> str:
        """Return the statement with several expressions replaced, none inside another."""
        text = self.text
        for node, piece in sorted(changes, key=lambda change: -self.spots[change[0]].start):
            spot = self.spots[node]
            if spot.outer_start < spot.start and piece.level < ATOM:
                text = text[: spot.start] + piece.text + text[spot.end :]
            else:
                new = _placed(spot, piece)
                text = text[: spot.outer_start] + new + text[spot.outer_end :]
        return text
