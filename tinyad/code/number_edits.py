"""Edits of numbers, sizes, factors and powers."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

import numpy as np

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.splice import ATOM, POWER, PRODUCT, Piece, Spot, bracketed
from tinyad.code.surroundings import Edit, Surroundings

NEAR = {0: ("1",), 1: ("2", "0"), 2: ("1", "3", "4", "0.5"), 3: ("2", "1"), 4: ("2", "3", "1"), 0.5: ("1", "2", "0.25")}
POWERS = ("2", "3", "-1", "-2", "0.5", "-0.5", "-1.5")


def number_of(node: ast.expr) -> float | None:
    """Return the number that an expression is as it stands; None where it is none."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_of(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None


def numbers(around: Surroundings) -> Iterator[Edit]:
    """Propose other numbers and sizes for a number, and numbers for a size."""
    for spot in around.spots:
        value = number_of(spot.node)
        if value is None or (isinstance(spot.parent, ast.BinOp) and isinstance(spot.parent.op, ast.Pow)):
            continue
        near = NEAR.get(value, ())
        others = {*near, *("0", "1", "2", "3", "0.5"), f"{value * 2:g}", f"{value / 2:g}", f"{value + 1:g}"}
        others |= {f"{-value:g}", f"{value - 1:g}"}
        factor = isinstance(spot.parent, ast.BinOp) and isinstance(spot.parent.op, ast.Mult)
        for other in sorted(others):
            if float(other) != value and not (factor and float(other) == 1):
                rank = ranks.NUMBER if other in near else ranks.NUMBER_FAR
                yield around.replace(spot, Piece(other), EditKind.NUMBER, rank)
        for size, later in around.ranked_sizes:
            yield around.replace(spot, around.piece_of(size), EditKind.NUMBER, ranks.SIZE_OTHER + later)


def sizes(around: Surroundings) -> Iterator[Edit]:
    """Propose another size for a size."""
    known = dict(around.ranked_sizes)
    for spot in around.spots:
        text = around.source.code(spot.node)
        if text in around.scope.sizes or (isinstance(spot.node, ast.Call) and text.startswith("len(")):
            for size, later in known.items():
                if size != text:
                    yield around.replace(spot, around.piece_of(size), EditKind.FACTOR, ranks.SIZE_OTHER + later)
            for one, two in itertools.combinations_with_replacement(list(known)[:5], 2):
                product = around.join(around.piece_of(one), "*", around.piece_of(two))
                yield around.replace(spot, product, EditKind.FACTOR, ranks.FACTOR_SIZES)
    yield from _shape_indices(around)


def _shape_indices(around: Surroundings) -> Iterator[Edit]:
    for node in around.source.spots:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            for index in ("0", "1", "2", "-1"):
                if index != around.source.code(node.slice):
                    yield Edit(around.source.replaced(node.slice, Piece(index)), EditKind.INDEX, ranks.INDEX_NUMBER, 1)


def factors_less(around: Surroundings) -> Iterator[Edit]:
    """Propose each product without one of its factors, each quotient without its divisor."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.MatMult):
            yield around.replace(spot, around.source.piece(node.left), EditKind.FACTOR, _rank_less(around, node.right))
            if isinstance(node.op, ast.Div):
                reciprocal = around.join(Piece("1"), "/", around.source.piece(node.right))
                yield around.replace(spot, reciprocal, EditKind.FACTOR, ranks.FACTOR_NAME_LESS + 1)
            else:
                rank = _rank_less(around, node.left)
                yield around.replace(spot, around.source.piece(node.right), EditKind.FACTOR, rank)


def _rank_less(around: Surroundings, node: ast.expr) -> float:
    if number_of(node) is not None or around.source.code(node) in around.scope.sizes:
        return ranks.FACTOR_LESS
    is_reciprocal = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and number_of(node.left) is not None
    is_name = isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
    if is_reciprocal or not is_name:
        return ranks.ACTIVATION_LESS
    return ranks.FACTOR_NAME_LESS


def factors_more(around: Surroundings) -> Iterator[Edit]:
    """Propose a number or sizes as a factor or a divisor of the whole, of a term, of an argument."""
    for spot in around.terms:
        if number_of(spot.node) is not None:
            if isinstance(spot.parent, ast.stmt):
                for size, later in around.ranked_sizes:
                    yield from _size_more(around, spot, around.piece_of(size), ranks.FACTOR_SIZE + later)
            continue
        yield around.replace(spot, around.multiplied("2", spot.node), EditKind.FACTOR, ranks.FACTOR_NUMBER)
        half = around.divided(spot.node, Piece("2"))
        yield around.replace(spot, half, EditKind.FACTOR, ranks.FACTOR_NUMBER)
        for size, later in around.ranked_sizes:
            yield from _size_more(around, spot, around.piece_of(size), ranks.FACTOR_SIZE + later)
        for (one, _), (two, _) in itertools.combinations(around.ranked_sizes[:5], 2):
            both = around.join(around.piece_of(one), "*", around.piece_of(two))
            yield from _size_more(around, spot, both, ranks.FACTOR_SIZES)
        for scale in around.scales:
            yield from _size_more(around, spot, scale, ranks.FACTOR_SCALE)


def _size_more(around: Surroundings, spot: Spot, size: Piece, rank: float) -> Iterator[Edit]:
    piece = around.source.piece(spot.node)
    yield around.replace(spot, around.divided(spot.node, size), EditKind.FACTOR, rank)
    product = Piece(bracketed(piece, PRODUCT) + around.spaced.around("*") + size.text, PRODUCT)
    yield around.replace(spot, product, EditKind.FACTOR, rank + ranks.PER_LEVEL)


def names_more(around: Surroundings) -> Iterator[Edit]:
    """Propose each array of the scope as a factor or a divisor."""
    for spot in dict.fromkeys([*around.terms, *around.summed]):
        if number_of(spot.node) is not None:
            continue
        piece = around.source.piece(spot.node)
        held = around.text_of(spot.node)
        for name in around.arrays:
            later = 0.0 if around.is_related(name) else ranks.NAME_UNRELATED
            later += ranks.NAME_OTHER_SORT if name in around.adjoints else 0
            later += around.misfit(around.shapes.get(held or ""), around.shapes[name])
            factor = around.piece_of(name)
            product = around.join(piece, "*", factor)
            yield around.replace(spot, product, EditKind.FACTOR, ranks.FACTOR_NAME + later)
            quotient = around.divided(spot.node, factor)
            yield around.replace(spot, quotient, EditKind.FACTOR, ranks.DENOMINATOR_NAME + later)
            if around.shapes[name] and _is_share(around.scope.values[name]):
                rest = around.join(piece, "*", around.join(Piece("1"), "-", factor))
                yield around.replace(spot, rest, EditKind.FACTOR, ranks.FACTOR_NAME + ranks.FACTOR_REST + later)


def _is_share(value: object) -> bool:
    """Return whether all entries of an array lie between 0 and 1, as those of a gate do."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return False
    return bool(np.all((value > 0) & (value < 1)))


def powers(around: Surroundings) -> Iterator[Edit]:
    """Propose other powers, and squares for names and calls."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            yield from _other_powers(around, spot, node)
        elif isinstance(node, ast.Call) or around.text_of(node) is not None:
            if isinstance(spot.parent, ast.BinOp) and isinstance(spot.parent.op, ast.Pow):
                continue
            squared = around.join(around.source.piece(node), "**", Piece("2"))
            divides = (
                isinstance(spot.parent, ast.BinOp) and isinstance(spot.parent.op, ast.Div) and spot.field == "right"
            )
            rank = ranks.POWER_OF_DIVISOR if divides else ranks.POWER_MORE
            yield around.replace(spot, squared, EditKind.POWER, rank)


def _other_powers(around: Surroundings, spot: Spot, node: ast.BinOp) -> Iterator[Edit]:
    base, power = around.source.piece(node.left), number_of(node.right)
    yield around.replace(spot, base, EditKind.POWER, ranks.POWER)
    if power is None:
        less = around.join(around.source.piece(node.right), "-", Piece("1"))
        yield Edit(around.source.replaced(node.right, less), EditKind.POWER, ranks.POWER, 1)
        return
    near = {f"{power + 1:g}", f"{power - 1:g}", f"{-power:g}"}
    for other in sorted({*near, *POWERS}):
        if float(other) not in (power, 0, 1):
            rank = ranks.POWER if other in near else ranks.POWER_MORE
            changed = Piece(other, POWER if other.startswith("-") else ATOM)
            yield Edit(around.source.replaced(node.right, changed), EditKind.POWER, rank, 1)


def complements(around: Surroundings) -> Iterator[Edit]:
    """Propose 1 - x for x and for -x, and x for 1 - x."""
    for spot in around.spots:
        node = spot.node
        is_complement = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and number_of(node.left) == 1
        if is_complement and isinstance(node, ast.BinOp):
            yield around.replace(spot, around.source.piece(node.right), EditKind.ACTIVATION, ranks.COMPLEMENT)
            continue
        is_square = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
        if is_square or around.text_of(node) is not None or isinstance(node, ast.Call | ast.UnaryOp):
            inner = node.operand if isinstance(node, ast.UnaryOp) else node
            if number_of(inner) is None:
                piece = around.join(Piece("1"), "-", around.source.piece(inner))
                yield around.replace(spot, piece, EditKind.ACTIVATION, ranks.COMPLEMENT)
