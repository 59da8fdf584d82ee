"""Additions one after the other become one sum of pieces, so that their order is free for the other passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Value, ordered, use_counts


class Piece(NamedTuple):
    """What is added, or with sign -1 taken away, at the rows from `at` on."""

    value: Value
    sign: int = 1
    at: int = 0

    @property
    def rows(self) -> tuple[int, int]:
        return self.at, self.at + self.value.shape[-2]


def pieces_of(v: Value) -> list[Piece]:
    """Of a sum or a stack; a stack's do not overlap."""
    if v.op == "sum":
        return [Piece(part, *term) for part, term in zip(v.operands, v.extra[1], strict=True)]
    found, at = [], 0
    for part in v.operands:
        found.append(Piece(part, 1, at))
        at += part.shape[-2]
    return found


def sum_of(make: Maker, pieces: Iterable[Piece], like: Value) -> Value:
    """The pieces as one value of the size of `like`; rows that nothing is added to are 0."""
    pieces = [piece for piece in pieces if piece.value.op != "zeros"]
    if not pieces:
        return make.zeros(like.shape, like.dtype)
    if len(pieces) == 1 and pieces[0].value.shape == like.shape and pieces[0].value.dtype == like.dtype:
        (piece,) = pieces
        return piece.value if piece.sign > 0 else make("neg", piece.value)
    terms = tuple((piece.sign, piece.at) for piece in pieces)
    return make("sum", *(piece.value for piece in pieces), extra=(like.shape[-2:], terms), name=like.name)


def flattened(roots: list[Value], make: Maker) -> list[Value]:
    order = ordered(roots)
    uses = use_counts(order, roots)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op in ("+", "-"):
            if any(operand.shape[-2] != v.shape[-2] for operand in operands):
                return None
            pieces = [Piece(operands[0]), Piece(operands[1], 1 if v.op == "+" else -1)]
        elif v.op == "sum":
            pieces = [Piece(part, *term) for part, term in zip(operands, v.extra[1], strict=True)]
        else:
            return None
        parts = zip(v.operands, pieces, strict=True)
        flat = [
            q for old, p in parts for q in _inside(p, uses[old] == 1 and old.loop is v.loop and old.dtype == v.dtype)
        ]
        if sum(piece.value.shape == v.shape for piece in flat) == 0 and v.op != "sum":
            return None  # N×1 and 1×B, say
        return sum_of(make, flat, v)

    return rebuilt(roots, make, change)


def _inside(piece: Piece, is_own: bool) -> list[Piece]:
    """The pieces of a piece that nothing else reads."""
    v = piece.value
    if not is_own or v.op not in ("sum", "stack", "neg"):
        return [piece]
    if v.op == "neg":
        return [Piece(v.operands[0], -piece.sign, piece.at)]
    return [Piece(p.value, p.sign * piece.sign, p.at + piece.at) for p in pieces_of(v)]
