"""Edits of indices and slices."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.number_edits import number_of
from tinyad.code.splice import ATOM, BIT_OR, COMPARISON, PRODUCT, SUM, TEST, UNARY, Piece, Spot, bracketed
from tinyad.code.surroundings import Edit, Surroundings, parsed, plain, unlikeness

OPPOSITES: dict[type[ast.cmpop], str] = {
    ast.Gt: "<",
    ast.Lt: ">",
    ast.GtE: "<=",
    ast.LtE: ">=",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
NEGATIONS: dict[type[ast.cmpop], str] = {ast.Gt: "<=", ast.Lt: ">=", ast.GtE: "<", ast.LtE: ">"}
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def _index_nodes(around: Surroundings) -> list[Spot]:
    """Return what stands in the brackets of subscripts, elements of a tuple one by one."""
    found = []
    for node in around.source.spots:
        if isinstance(node, ast.Subscript):
            elements = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            found += [around.source.spots[element] for element in elements]
    return found


def _edit(around: Surroundings, spot: Spot, piece: Piece, rank: float) -> Edit:
    value = around.source.spots.get(getattr(around.source.tree, "value", None))  # type: ignore[arg-type]
    rank += ranks.INDEX_OF_TARGET if value is not None and spot.start < value.start else 0
    return around.replace(spot, piece, EditKind.INDEX, rank)


def shifted(around: Surroundings) -> Iterator[Edit]:
    """Propose t - 1 and t + 1 for t, t for t - 1, other numbers for a number."""
    for spot in _index_nodes(around):
        node = spot.node
        number = number_of(node)
        if number is None:
            yield from _numbers_inside(around, spot)
        if number is not None:
            for other in {number - 1, number + 1, 0, -1, -number} - {number}:
                yield _edit(around, spot, Piece(f"{other:g}"), ranks.INDEX_NUMBER)
            for variable in _variables(around):
                yield _edit(around, spot, Piece(variable), ranks.INDEX_NUMBER)
                for sign in "-+":
                    piece = around.join(Piece(variable), sign, Piece(f"{abs(number) or 1:g}"))
                    yield _edit(around, spot, piece, ranks.INDEX_NUMBER)
        elif isinstance(node, ast.Name | ast.BinOp | ast.UnaryOp):
            yield from _shifted_one(around, spot, node)


def _numbers_inside(around: Surroundings, outer: Spot) -> Iterator[Edit]:
    """Propose a variable, and one more and less than it, for a number in the call of an index: "b" + str(t)."""
    for call in ast.walk(outer.node):
        for node in call.args if isinstance(call, ast.Call) else ():
            if number_of(node) is None or node not in around.source.spots:
                continue
            for variable in _variables(around):
                texts = [variable, *(around.join(Piece(variable), sign, Piece("1")).text for sign in "+-")]
                for text in texts:
                    yield _edit(around, around.source.spots[node], Piece(text), ranks.INDEX_NUMBER)


def _variables(around: Surroundings) -> list[str]:
    """Return the variables of the loops around a statement, and the names in its own indices."""
    inside = [node.id for spot in _index_nodes(around) for node in ast.walk(spot.node) if isinstance(node, ast.Name)]
    numbers = [name for name in inside if not around.shapes.get(name)]
    return list(dict.fromkeys([*around.scope.loop_variables, *numbers]))[:6]


def signs_inside(around: Surroundings) -> Iterator[Edit]:
    """Propose the other sign in a sum in an index or in a bound of a slice."""
    for outer in _index_nodes(around):
        for node in ast.walk(outer.node):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and node in around.source.spots:
                sign = "-" if isinstance(node.op, ast.Add) else "+"
                piece = around.join(around.source.piece(node.left), sign, around.source.piece(node.right))
                yield _edit(around, around.source.spots[node], piece, ranks.INDEX_SHIFTED)


def _shifted_one(around: Surroundings, spot: Spot, node: ast.Name | ast.BinOp | ast.UnaryOp) -> Iterator[Edit]:
    own = around.source.code(node)
    base = around.source.piece(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        base = around.source.piece(node.left)
        yield _edit(around, spot, base, ranks.INDEX_SHIFTED)
        if isinstance(node.op, ast.Sub):  # t - 1 for 1 - t
            turned = around.join(around.source.piece(node.right), "-", Piece(bracketed(base, PRODUCT), PRODUCT))
            yield _edit(around, spot, turned, ranks.INDEX_SHIFTED)
    if isinstance(node, ast.Name) and around.shapes.get(node.id):
        return
    for operator in "-+":
        piece = around.join(base, operator, Piece("1"))
        if piece.text != own:
            yield _edit(around, spot, piece, ranks.INDEX_SHIFTED)
    for variable in around.scope.loop_variables:
        if variable != own:
            yield _edit(around, spot, Piece(variable), ranks.INDEX_SHIFTED)


@lru_cache(maxsize=512)
def slices_of(statement: str) -> tuple[str, ...]:
    """Return the slices of a statement as written."""
    tree = parsed(statement)
    if tree is None:
        return ()
    found = [ast.get_source_segment(statement.strip(), node) for node in ast.walk(tree) if isinstance(node, ast.Slice)]
    return tuple(text for text in found if text and text != ":")


def slices(around: Surroundings) -> Iterator[Edit]:
    """Propose the slices of other statements for a slice, and its bounds shifted."""
    written = dict.fromkeys(
        text
        for statement in (around.source.text, *around.scope.statements, *around.scope.forward)
        for text in slices_of(statement)
    )
    for spot in _index_nodes(around):
        if isinstance(spot.node, ast.Slice):
            own = around.source.code(spot.node)
            for other in written:
                if re.sub(r"\s", "", other) != re.sub(r"\s", "", own):
                    yield _edit(around, spot, Piece(other, TEST), ranks.SLICE_OTHER)
            yield from _other_bounds(around, spot.node)
        elif around.source.code(spot.node) in around.scope.loop_variables:
            yield _edit(around, spot, Piece(":", TEST), ranks.INDEX_LESS)


def _other_bounds(around: Surroundings, node: ast.Slice) -> Iterator[Edit]:
    lower = around.source.code(node.lower) if node.lower is not None else ""
    upper = around.source.code(node.upper) if node.upper is not None else ""
    bounds = [(upper, ""), ("", lower), ("1", ""), ("", "-1")]
    for bound in (node.lower, node.upper):
        if bound is not None:
            for operator in "-+":
                piece = around.join(around.source.piece(bound), operator, Piece("1"))
                yield Edit(around.source.replaced(bound, piece), EditKind.INDEX, ranks.SLICE_OTHER + 1, 1)
    starts = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", f"{lower} {upper}"))
    sizes = [text for text, _ in around.ranked_sizes if text.isidentifier()]
    windows = [(start, f"{start} + {size}") for start in starts for size in sizes if size != start]
    for (first, last), later in [*((bound, 0) for bound in bounds), *((window, 1) for window in windows)]:
        if node.step is None and (first or last) and (first, last) != (lower, upper):
            text = f"{first}:{last}"
            yield Edit(around.source.replaced(node, Piece(text, TEST)), EditKind.INDEX, ranks.SLICE_OTHER + later, 1)
    if not lower and not upper:
        turned = Piece(":" if node.step is not None else "::-1", TEST)
        yield Edit(around.source.replaced(node, turned), EditKind.INDEX, ranks.INDEX_REVERSED, 1)


def indices_more_and_less(around: Surroundings) -> Iterator[Edit]:
    """Propose x for x[t], x[t] for x, and x[::-1] for x."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.Subscript):
            yield _edit(around, spot, around.source.piece(node.value), ranks.INDEX_LESS)
            yield from _elements_exchanged(around, node)
    for spot, _ in around.name_spots:
        if isinstance(spot.parent, ast.Subscript):
            continue
        text = bracketed(around.source.piece(spot.node), ATOM)
        for variable in around.scope.loop_variables:
            yield _edit(around, spot, Piece(f"{text}[{variable}]"), ranks.INDEX_MORE)
        yield _edit(around, spot, Piece(f"{text}[::-1]"), ranks.INDEX_REVERSED)
        if ":, None]" in around.written or "newaxis" in around.written:
            yield _edit(around, spot, Piece(f"{text}[:, None]"), ranks.INDEX_MORE)


def _elements_exchanged(around: Surroundings, node: ast.Subscript) -> Iterator[Edit]:
    """Propose x[j, i] for x[i, j]."""
    if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        first, second = node.slice.elts
        one, two = around.source.code(first), around.source.code(second)
        text = around.source.replaced_all([(first, Piece(two, SUM)), (second, Piece(one, SUM))])
        yield Edit(text, EditKind.INDEX, ranks.SLICE_OTHER + 1, 1)


def slices_more(around: Surroundings) -> Iterator[Edit]:
    """Propose a sum into a part of an array, of the same part of another: b[1:] += w[1:] for b += w."""
    tree = around.source.tree
    if not isinstance(tree, ast.AugAssign) or isinstance(tree.target, ast.Subscript):
        return
    shape = around.shapes.get(around.texts.get(ast.unparse(tree.target), ""))
    for spot, name in around.name_spots:
        if not shape or around.shapes.get(name) != shape:
            continue
        for part in ["1:", ":-1"] if len(shape) == 1 else [":, 1:", "1:", ":, :-1", ":-1"]:
            later = 0 if f"[{part}]" in around.written else 1
            changes = [(node, Piece(f"{around.source.code(node)}[{part}]")) for node in (tree.target, spot.node)]
            yield Edit(around.source.replaced_all(changes), EditKind.INDEX, ranks.INDEX_MORE + later, 1)


def masks(around: Surroundings) -> Iterator[Edit]:
    """Propose other comparisons and other arrays in the brackets of a subscript, and masks turned."""
    for outer in _index_nodes(around):
        for node in ast.walk(outer.node):
            if not isinstance(node, ast.expr) or node not in around.source.spots:
                continue
            spot = around.source.spots[node]
            if isinstance(node, ast.Compare) and len(node.ops) == 1:
                yield from compared(around, spot, node)
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
                yield around.replace(spot, around.source.piece(node.operand), EditKind.COMPARISON, ranks.MASK_TURNED)
            yield from _other_arrays(around, spot, node)


def compared(around: Surroundings, spot: Spot, node: ast.Compare) -> Iterator[Edit]:
    """Propose other signs of a comparison, the opposite one first."""
    left, right = around.source.piece(node.left), around.source.piece(node.comparators[0])
    own = type(node.ops[0])
    for kind, sign in COMPARISONS.items():
        if kind is not own:
            text = f"{bracketed(left, BIT_OR)} {sign} {bracketed(right, BIT_OR)}"
            later = 0 if sign in (OPPOSITES.get(own), NEGATIONS.get(own)) else ranks.COMPARISON_FAR
            yield around.replace(spot, Piece(text, COMPARISON), EditKind.COMPARISON, ranks.COMPARISON + later)
    if isinstance(node.left, ast.Name | ast.Attribute | ast.Subscript):  # clipped on both sides
        size = Piece(f"{around.numpy}.abs({around.source.code(node.left)})")
        yield around.replace(around.source.spots[node.left], size, EditKind.COMPARISON, ranks.COMPARISON_SIZE)


def _other_arrays(around: Surroundings, spot: Spot, node: ast.expr) -> Iterator[Edit]:
    """Propose arrays of the same shape and kind for one in an index, and a mask turned."""
    name = around.text_of(node)
    shape = around.shapes.get(name or "")
    if name is None or not shape:
        return
    kind = getattr(around.scope.values[name], "dtype", None)
    for other in around.arrays:
        same = around.shapes[other] == shape and getattr(around.scope.values[other], "dtype", None) == kind
        if other != name and same:
            yield around.replace(spot, around.piece_of(other), EditKind.NAME, around.name_rank(name, other))
    if kind == np.dtype(bool):
        piece = Piece(f"~{around.source.code(node)}", UNARY)
        yield around.replace(spot, piece, EditKind.COMPARISON, ranks.MASK_TURNED)


def stored_names(around: Surroundings) -> Iterator[Edit]:
    """Propose other arrays of the same shape for one that is stored into: mask[i] = 1 for scores[i] = 1."""
    tree = around.source.tree
    targets = tree.targets if isinstance(tree, ast.Assign) else [getattr(tree, "target", None)]
    for target in targets:
        if isinstance(target, ast.Subscript):
            node = target.value
            shape = around.shapes.get(around.texts.get(ast.unparse(node), ""))
            for other in around.arrays if shape else ():
                if around.shapes[other] == shape and plain(other) != ast.unparse(node):
                    rank = ranks.NAME + ranks.NAME_UNLIKE * unlikeness(ast.unparse(node), other)
                    later = 0 if other in around.adjoints else ranks.NAME_UNRELATED
                    text = around.source.replaced(node, around.piece_of(other))
                    yield Edit(text, EditKind.NAME, rank + later, 1)
