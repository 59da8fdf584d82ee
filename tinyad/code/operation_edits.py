"""Edits of operations on the operands that are there: transposes, order, operators, signs, brackets."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.splice import ATOM, UNARY, Piece, Spot, bracketed, negated, symbol
from tinyad.code.surroundings import Edit, Surroundings

PRODUCTS = ("dot", "matmul", "outer", "inner", "multiply", "kron")
OF_TWO = (*PRODUCTS, "subtract", "divide", "power", "maximum", "minimum", "add")
OTHER_OPERATORS: dict[type[ast.operator], tuple[tuple[str, float], ...]] = {
    ast.Add: (("-", ranks.OPERATOR_SIGN), ("*", ranks.OPERATOR_OTHER)),
    ast.Sub: (("+", ranks.OPERATOR_SIGN), ("*", ranks.OPERATOR_OTHER)),
    ast.Mult: (("@", ranks.OPERATOR_PRODUCT), ("/", ranks.OPERATOR_OTHER), ("+", ranks.OPERATOR_OTHER)),
    ast.Div: (("*", ranks.OPERATOR_OTHER),),
    ast.MatMult: (("*", ranks.OPERATOR_PRODUCT),),
    ast.BitAnd: (("|", ranks.OPERATOR_OTHER),),
    ast.BitOr: (("&", ranks.OPERATOR_OTHER),),
}


def operands(around: Surroundings, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return both operands of an operator, of a function of two arguments or of a method such as x.dot(y)."""
    if isinstance(node, ast.BinOp):
        return node.left, node.right
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in OF_TWO:
        return None
    if around.is_method(node.func):
        return (node.func.value, node.args[0]) if len(node.args) == 1 else None
    return (node.args[0], node.args[1]) if len(node.args) == 2 else None


def is_matrix_product(around: Surroundings, node: ast.AST) -> bool:
    """Say whether an expression is a matrix product of two operands."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.MatMult)
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("dot", "matmul")
    return named and isinstance(node, ast.Call) and operands(around, node) is not None


def turned(around: Surroundings, node: ast.expr) -> Piece:
    """Return an operand with .T added, or without the .T that it has."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return around.source.piece(node.value)
    return Piece(bracketed(around.source.piece(node), ATOM) + ".T")


def _product(around: Surroundings, spot: Spot) -> ast.expr | None:
    """Return the matrix product that a place is an operand of."""
    parent = spot.parent
    if isinstance(parent, ast.Attribute) and isinstance(around.source.spots[parent].parent, ast.Call):
        parent = around.source.spots[parent].parent
    is_operand = (
        isinstance(parent, ast.expr)
        and is_matrix_product(around, parent)
        and spot.node in (operands(around, parent) or ())
    )
    return parent if is_operand and isinstance(parent, ast.expr) else None


def transposes(around: Surroundings) -> Iterator[Edit]:
    """Propose operands with .T added or taken away."""
    known = {spot.node for spot, _ in around.name_spots}
    for spot in around.spots:
        has_it = isinstance(spot.node, ast.Attribute) and spot.node.attr == "T"
        inside = isinstance(spot.parent, ast.Attribute) and spot.parent.attr == "T"
        inside = inside or (isinstance(spot.parent, ast.Subscript) and not has_it)
        result = isinstance(spot.node, ast.Call | ast.BinOp | ast.Subscript)
        result = result and isinstance(spot.parent, ast.stmt | ast.BinOp | ast.Call | ast.Attribute)
        if (has_it or spot.node in known or result) and not inside:
            rank = ranks.TRANSPOSE if _product(around, spot) is not None else ranks.TRANSPOSE_FAR
            if has_it:
                rank = ranks.TRANSPOSE
            yield around.replace(spot, turned(around, spot.node), EditKind.TRANSPOSE, rank)
    for spot in around.spots:
        if is_matrix_product(around, spot.node):
            both = operands(around, spot.node) or ()
            changes = [(node, turned(around, node)) for node in both]
            yield Edit(around.source.replaced_all(changes), EditKind.TRANSPOSE, ranks.TRANSPOSES, 1)


def transposes_everywhere(around: Surroundings) -> Iterator[Edit]:
    """Propose all first operands, or all second operands, of several matrix products with .T added or taken away."""
    products = [operands(around, spot.node) for spot in around.spots if is_matrix_product(around, spot.node)]
    for number in (0, 1):
        nodes = [both[number] for both in products if both is not None]
        apart = not any(one in set(ast.walk(two)) for one in nodes for two in nodes if one is not two)
        if len(nodes) > 1 and apart:
            text = around.source.replaced_all([(node, turned(around, node)) for node in nodes])
            yield Edit(text, EditKind.REPEATED, ranks.TRANSPOSE + ranks.REPEATED, 2)


def axes_turned(around: Surroundings) -> Iterator[Edit]:
    """Propose the last two axes of an array of several dimensions in the other order, in the author's way."""
    for spot, text in around.name_spots:
        shape = around.shapes.get(text)
        parent = spot.parent
        if shape is None or len(shape) < 3 or (isinstance(parent, ast.Call) and _moves_axes(parent)):
            continue
        own, last = around.source.piece(spot.node).text, len(shape)
        order = ", ".join(str(axis) for axis in (*range(last - 2), last - 1, last - 2))
        written = (
            (f"{own}.swapaxes({last - 2}, {last - 1})", ".swapaxes("),
            (f"{own}.transpose({order})", ".transpose("),
            (f"{around.numpy}.transpose({own}, ({order}))", f"{around.numpy}.transpose("),
            (f"{around.numpy}.swapaxes({own}, {last - 2}, {last - 1})", f"{around.numpy}.swapaxes("),
        )
        for text, way in written:
            rank = ranks.TRANSPOSE if _product(around, spot) is not None else ranks.TRANSPOSE_FAR
            count = around.written.count(way) - (around.written.count(around.numpy + way) if way[0] == "." else 0)
            later = 0 if count > 0 else 2
            yield around.replace(spot, Piece(text), EditKind.TRANSPOSE, rank + later)


def axes_moved(around: Surroundings) -> Iterator[Edit]:
    """Propose the orders of axes that the author writes elsewhere, and those back, for an array of as many."""
    orders = set[tuple[int, ...]]()
    for found in re.findall(r"transpose\((?:[A-Za-z_][\w.]*, )?\(?((?:\d, ?)+\d)\)?\)", around.written):
        order = tuple(int(axis) for axis in found.split(","))
        if sorted(order) == list(range(len(order))):
            orders |= {order, tuple(order.index(axis) for axis in range(len(order)))}
    for spot, text in around.name_spots:
        moved = isinstance(spot.parent, ast.Call) and _moves_axes(spot.parent)
        for order in sorted(orders):
            if len(around.shapes.get(text) or ()) == len(order) and not moved:
                piece = Piece(f"{around.source.piece(spot.node).text}.transpose({', '.join(map(str, order))})")
                yield around.replace(spot, piece, EditKind.TRANSPOSE, ranks.AXES)


def _moves_axes(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr in ("swapaxes", "transpose", "moveaxis")


def axes(around: Surroundings) -> Iterator[Edit]:
    """Propose other axes for swapaxes and transpose, and other letters for einsum."""
    for spot in around.spots:
        node = spot.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("swapaxes", "transpose", "moveaxis"):
            yield from _other_axes(around, spot, node)
        if node.func.attr == "einsum" and node.args and isinstance(node.args[0], ast.Constant):
            yield from _other_letters(around, node)


def _other_axes(around: Surroundings, spot: Spot, node: ast.Call) -> Iterator[Edit]:
    is_method = around.is_method(node.func)
    array = node.func.value if is_method and isinstance(node.func, ast.Attribute) else node.args[0]
    numbers = node.args if is_method else node.args[1:]
    yield around.replace(spot, around.source.piece(array), EditKind.TRANSPOSE, ranks.AXES + 1)
    if len(numbers) == 1 and isinstance(numbers[0], ast.Tuple):
        numbers = numbers[0].elts
    texts = [around.source.code(number) for number in numbers]
    if "swapaxes" in around.source.code(node.func):
        orders = list(itertools.permutations(("0", "1", "2", "3"), 2))
        others = [list(pair) for pair in orders if pair[0] < pair[1]]
    else:
        others = [list(order) for order in itertools.permutations(texts)][:24]
    for other in others:
        if other != texts and len(other) == len(numbers):
            changes = [(number, Piece(text)) for number, text in zip(numbers, other, strict=True)]
            yield Edit(around.source.replaced_all(changes), EditKind.TRANSPOSE, ranks.AXES, 1)


def _other_letters(around: Surroundings, node: ast.Call) -> Iterator[Edit]:
    text = around.source.code(node.args[0])
    letters = sorted({letter for letter in text if letter.isalpha()})
    found = []
    for at, letter in enumerate(text):
        if letter.isalpha():
            found += [text[:at] + other + text[at + 1 :] for other in letters if other != letter]
            following = text[at + 1 : at + 2]
            found += [text[:at] + following + letter + text[at + 2 :]] if following.isalpha() else []
    inside = text[1:-1]
    left, arrow, right = inside.partition("->")
    parts = [part.strip() for part in left.split(",")]
    if arrow:
        found += [f"{text[0]}{left}->{''.join(order)}{text[-1]}" for order in itertools.permutations(right.strip())][
            :24
        ]
    for one, two in itertools.combinations(range(len(parts)), 2):
        swapped = list(parts)
        swapped[one], swapped[two] = parts[two], parts[one]
        found.append(f"{text[0]}{','.join(swapped)}{arrow}{right}{text[-1]}")
    for other in found:
        if other != text:
            rank = ranks.AXES_OF_RESULT if other.startswith(text.partition("->")[0] + "->") else ranks.AXES
            yield Edit(around.source.replaced(node.args[0], Piece(other)), EditKind.TRANSPOSE, rank, 1)


def orders(around: Surroundings) -> Iterator[Edit]:
    """Propose operands in the other order where the order matters."""
    for spot in around.spots:
        node = spot.node
        both = operands(around, node)
        if both is None or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult)):
            continue
        left, right = (around.source.piece(operand) for operand in both)
        changes = [(both[0], right), (both[1], left)]
        yield Edit(around.source.replaced_all(changes), EditKind.ORDER, ranks.ORDER, 1)
        if is_matrix_product(around, node):
            changes = [(both[0], turned(around, both[1])), (both[1], turned(around, both[0]))]
            yield Edit(around.source.replaced_all(changes), EditKind.ORDER, ranks.ORDER_AND_TURNED, 1)


def operators(around: Surroundings) -> Iterator[Edit]:
    """Propose another operation on the same operands."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.BinOp):
            left, right = around.source.piece(node.left), around.source.piece(node.right)
            for operator, rank in OTHER_OPERATORS.get(type(node.op), ()):
                yield around.replace(spot, around.join(left, operator, right), EditKind.OPERATOR, rank)
            if isinstance(node.op, ast.Mult):
                yield from _written_products(around, spot, left, right)
        elif isinstance(node, ast.Call) and (both := operands(around, node)) is not None:
            left, right = (around.source.piece(operand) for operand in both)
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("dot", "matmul", "outer"):
                yield around.replace(spot, around.join(left, "*", right), EditKind.OPERATOR, ranks.OPERATOR_PRODUCT)


def _written_products(around: Surroundings, spot: Spot, left: Piece, right: Piece) -> Iterator[Edit]:
    """Propose the matrix products that the author writes as calls."""
    calls = [f"{around.numpy}.{name}" for name in ("dot", "matmul", "outer")]
    for call in calls:
        if f"{call}(" in around.written:
            piece = Piece(f"{call}({left.text}, {right.text})")
            yield around.replace(spot, piece, EditKind.OPERATOR, ranks.OPERATOR_PRODUCT)
    if ".dot(" in around.written.replace(f"{around.numpy}.dot(", ""):
        piece = Piece(f"{bracketed(left, ATOM)}.dot({right.text})")
        yield around.replace(spot, piece, EditKind.OPERATOR, ranks.OPERATOR_PRODUCT)


def signs(around: Surroundings) -> Iterator[Edit]:
    """Propose the opposite sign of the whole, of a term, of an argument, or of what has a minus."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            odd = ranks.SIGN_ODD if isinstance(node.operand, ast.BinOp) and isinstance(spot.parent, ast.stmt) else 0
            yield around.replace(spot, around.source.piece(node.operand), EditKind.SIGN, ranks.SIGN - odd)
    for spot in around.terms:
        is_first = isinstance(spot.parent, ast.BinOp) and spot.field == "left"
        is_whole = isinstance(spot.parent, ast.stmt)
        if isinstance(spot.node, ast.UnaryOp) or (isinstance(spot.parent, ast.BinOp) and not is_first):
            continue
        piece = around.source.piece(spot.node)
        rank = ranks.SIGN if is_first or is_whole else ranks.SIGN_INSIDE
        if piece.text.startswith("-") and piece.level < UNARY:
            yield around.replace(spot, Piece(piece.text[1:].lstrip(), piece.level), EditKind.SIGN, rank)
        else:
            yield around.replace(spot, negated(piece), EditKind.SIGN, rank)


def brackets(around: Surroundings) -> Iterator[Edit]:
    """Propose brackets in another place: a * b + c for a * (b + c), a / (b * c) for a / b * c."""
    for spot in around.spots:
        outer = spot.node
        if not isinstance(outer, ast.BinOp) or isinstance(outer.op, ast.Pow):
            continue
        for inner, first in ((outer.left, True), (outer.right, False)):
            if isinstance(inner, ast.BinOp) and not isinstance(inner.op, ast.Pow):
                yield around.replace(spot, _regrouped(around, outer, inner, first), EditKind.BRACKETS, ranks.BRACKETS)


def _regrouped(around: Surroundings, outer: ast.BinOp, inner: ast.BinOp, first: bool) -> Piece:
    """Return (a . b) : c as a . (b : c), or a : (b . c) as (a : b) . c."""
    if first:
        a, b, c = (around.source.piece(node) for node in (inner.left, inner.right, outer.right))
        right = around.join(b, symbol(outer.op), c)
        return around.join(a, symbol(inner.op), right)
    a, b, c = (around.source.piece(node) for node in (outer.left, inner.left, inner.right))
    return around.join(around.join(a, symbol(outer.op), b), symbol(inner.op), c)
