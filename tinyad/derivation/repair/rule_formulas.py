"""What a forward equation contributes to a derivative, by the table's own rule, in the author's notation."""

from __future__ import annotations

from typing import Any, NamedTuple

from tinyad.derivation.language.syntax_tree import Ref, Statement, Token
from tinyad.derivation.repair.author_notation import CLOSE, OPEN, Spelling, Spellings, span
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Scope, Trouble
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.vjp import in_same_layout

ROWS = {"*": "*", "∘": "∘", "+": "+", "-": "-", "/": "/", "neg": "neg", "transpose": "transpose"}


class Piece(NamedTuple):
    """A part of a formula, and the operation it was made with: "" if it holds by itself."""

    spelling: Spelling
    made: str = ""


def contribution(point: Point, spellings: Spellings, equation: int, of: Ref, use: int) -> Spelling | None:
    """The rule of an equation for one use of a name in it; None if the equation is more than one operation."""
    eq = point.derivation.forward[equation]
    node = eq.members[0]
    names = [part.value for part in node.parts if part.kind == "name"]
    if len(names) != len(node.parts) or of not in names or node.kind == "bracket":
        return None
    try:
        op = point.functions.row(node.value, Scope(None, {}), node) if node.kind == "call" else TABLE[ROWS[node.kind]]
    except (KeyError, Trouble):
        return None
    uses = [k for k, name in enumerate(names) if name == of]
    if op.formulas is None or use >= len(uses) or not _plain(point, op, names):
        return None
    formula = op.formulas[uses[use]]
    if point.it.layout == "same":
        formula = in_same_layout(formula)
    known = _names(spellings, eq, op, names)
    piece = _piece(formula, known, spellings) if known else None
    return piece.spelling if piece else None


def _plain(point: Point, op: Op, names: list[Ref]) -> bool:
    """Whether no operand is repeated to fit the other."""
    if not op.elementwise:
        return True
    shapes = {v.shape for (key, _), v in point.values.items() if key in {name.key for name in names}}
    return len(shapes) == 1


def _names(spellings: Spellings, eq: Statement, op: Op, names: list[Ref]) -> dict[str, Piece]:
    left = eq.left[0].value
    dz, z = spellings.derivative(left), spellings.name(left)
    if op.arity == 1 and z is not None:  # as on the slides the result of a function stands as σ(z)
        node = eq.members[0]
        first, last = span(eq.tokens, node)
        z = Spelling(eq.tokens[first:last], spellings.source.text[node.start : node.end])
    found = {"dz": dz, "z": z} | {k: spellings.name(name) for k, name in zip("xy", names, strict=False)}
    return {} if None in found.values() else {k: Piece(s) for k, s in found.items() if s is not None}


def _piece(formula: Any, known: dict[str, Piece], spellings: Spellings) -> Piece | None:
    if not hasattr(formula, "head"):
        number = f"{formula:g}" if isinstance(formula, int | float) else ""
        return Piece(Spelling((Token("number", number, 0, 0),), number)) if number and formula >= 0 else None
    if not formula.operands or formula.head in ("1", "0"):
        return known.get(formula.head)
    parts = [_piece(part, known, spellings) for part in formula.operands]
    if any(part is None for part in parts):
        return None
    symbol, pieces = formula.head, [part for part in parts if part is not None]
    if symbol == "transpose":
        inner = _bracketed(pieces[0], "^")
        tail = spellings.transposed
        return Piece(Spelling((*inner.tokens, *tail.tokens), inner.text + tail.text))
    if symbol == "neg":
        inner = _bracketed(pieces[0], "neg")
        return Piece(Spelling((Token("op", "-", 0, 0), *inner.tokens), "-" + inner.text), "neg")
    if symbol not in ("+", "-", "∘", "*", "/"):
        return None
    a, b = _bracketed(pieces[0], symbol), _bracketed(pieces[1], symbol)
    sign = () if symbol == "*" else (Token("op", symbol, 0, 0),)
    text = " " if symbol == "*" else r" \circ " if symbol == "∘" and spellings.latex else f" {symbol} "
    return Piece(Spelling((*a.tokens, *sign, *b.tokens), a.text + text + b.text), symbol)


def _bracketed(piece: Piece, inside: str) -> Spelling:
    made, spelling = piece.made, piece.spelling
    if not made or made == inside in ("∘", "*", "+") or (inside in "+-" and made in ("∘", "*", "/")):
        return spelling
    return Spelling((OPEN, *spelling.tokens, CLOSE), f"({spelling.text})")
