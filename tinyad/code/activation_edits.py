"""Edits of the derivatives of activations, as the forward pass applies them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.number_edits import number_of
from tinyad.code.splice import ATOM, COMPARISON, PRODUCT, SUM, Piece, Spot, bracketed
from tinyad.code.surroundings import Edit, Surroundings, last_part, names_in, plain, primal


class Derivative(NamedTuple):
    """The derivative of an activation as a piece of code, and how much later it is tried than the likeliest."""

    piece: Piece
    later: float
    divides: bool = False


class _Application(NamedTuple):
    """A function that the forward pass applies: the call, its name, its argument, and the name of its value if any."""

    call: ast.Call
    function: str
    argument: ast.expr
    value: str | None
    variables: frozenset[str]


def _applications(around: Surroundings) -> Iterator[_Application]:
    for target, value, _, _ in around.forward_pairs:
        for node in ast.walk(value):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = last_part(ast.unparse(node.func))
                arguments = [argument for argument in node.args if number_of(argument) is None]
                if isinstance(node.func, ast.Attribute) and around.is_method(node.func):
                    arguments = [node.func.value]
                if name == "where":
                    arguments = node.args[1:2]
                if arguments:
                    own = target if node is value else None
                    variables = {last_part(text) for text in names_in(node)} | {last_part(target)}
                    yield _Application(node, name.lower(), arguments[0], own, frozenset(variables))


def _local_texts(around: Surroundings, name: str) -> list[str]:
    """Return the texts of the scope for a name of the forward pass."""
    found = [around.in_own_quotes(t) for t in around.arrays if plain(t) == name or last_part(t) == last_part(name)]
    return sorted(found, key=lambda text: not text.isidentifier())


def _arguments(around: Surroundings, used: _Application) -> list[str]:
    is_name = isinstance(used.argument, ast.Name | ast.Attribute | ast.Subscript)
    return _local_texts(around, ast.unparse(used.argument)) if is_name else []


def _values(around: Surroundings, used: _Application) -> list[str]:
    return _local_texts(around, used.value) if used.value else []


def _of_tanh(around: Surroundings, used: _Application) -> Iterator[Piece]:
    for text in [*_values(around, used), *(f"{around.numpy}.tanh({a})" for a in _arguments(around, used))]:
        yield around.join(Piece("1"), "-", around.join(Piece(text), "**", Piece("2")))


def _of_sigmoid(around: Surroundings, used: _Application) -> Iterator[Piece]:
    function = ast.unparse(used.call.func)
    called = (
        [f"{function}({argument})" for argument in _arguments(around, used)] if function in around.functions else []
    )
    for text in [*_values(around, used), *called]:
        yield around.join(Piece(text), "*", around.join(Piece("1"), "-", Piece(text)))


def _of_relu(around: Surroundings, used: _Application) -> Iterator[Piece]:
    for text in [*_arguments(around, used), *_values(around, used)]:
        yield Piece(f"{text} > 0", COMPARISON)


def _of_cases(around: Surroundings, used: _Application) -> Iterator[Piece]:
    """Derivatives of np.where(z > 0, z, k * z): the same cases of 1 and k."""
    yield from _of_relu(around, used)
    if len(used.call.args) == 3:
        condition, first, second = used.call.args
        slopes = [_slope(case, ast.unparse(used.argument)) for case in (first, second)]
        if None not in slopes:
            function = ast.unparse(used.call.func)
            yield Piece(f"{function}({ast.unparse(condition)}, {slopes[0]}, {slopes[1]})")


def _slope(node: ast.expr, variable: str) -> str | None:
    """Return the derivative of a number, of a variable, or of a multiple of it; None for all else."""
    if number_of(node) is not None:
        return "0"
    if ast.unparse(node) == variable:
        return "1"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for factor, other in ((node.left, node.right), (node.right, node.left)):
            if ast.unparse(other) == variable:
                return ast.unparse(factor)
    return None


def _of_exp(around: Surroundings, used: _Application) -> Iterator[Piece]:
    for text in [*_values(around, used), *(f"{around.numpy}.exp({a})" for a in _arguments(around, used))]:
        yield Piece(text)


def _of_others(around: Surroundings, used: _Application) -> Iterator[Piece]:
    other = {"sin": "cos", "cos": "sin", "abs": "sign"}[used.function]
    for text in _arguments(around, used):
        yield Piece(f"{around.numpy}.{other}({text})")


def _of_largest(around: Surroundings, used: _Application) -> Iterator[Piece]:
    for argument in _arguments(around, used):
        for value in _values(around, used):
            yield Piece(f"{argument} == {value}", COMPARISON)


BY_FUNCTION: tuple[tuple[str, Callable[[Surroundings, _Application], Iterator[Piece]]], ...] = (
    (r".*tanh", _of_tanh),
    (r".*sigm.*|logistic|expit", _of_sigmoid),
    (r".*relu|maximum", _of_relu),
    (r"where", _of_cases),
    (r"exp", _of_exp),
    (r"sin|cos|abs", _of_others),
    (r"a?max", _of_largest),
)


def _divisors(around: Surroundings, used: _Application) -> Iterator[Piece]:
    if used.function == "sqrt":
        for text in _values(around, used):
            yield around.join(Piece("2"), "*", Piece(text))
    elif used.function == "log":
        for text in _arguments(around, used):
            yield Piece(text)


def derivatives(around: Surroundings) -> list[Derivative]:
    """Return the derivatives of all functions that the forward pass applies."""
    found: dict[str, Derivative] = {}
    for used in _applications(around):
        later = 0 if used.variables & around.primals else ranks.ACTIVATION_FAR
        pieces = [
            piece for pattern, of in BY_FUNCTION if re.fullmatch(pattern, used.function) for piece in of(around, used)
        ]
        for piece in pieces:
            extra = ranks.ACTIVATION_CALLED if "(" in piece.text.replace("(1", "") else 0
            one = Derivative(piece, later + extra)
            found[piece.text] = min(one, found.get(piece.text, one), key=lambda known: known.later)
        for piece in _divisors(around, used):
            found.setdefault(f"/{piece.text}", Derivative(piece, later, divides=True))
    return list(found.values())


def activations(around: Surroundings) -> Iterator[Edit]:
    """Propose the derivative of an activation as a factor, and in place of another or of a name."""
    known = derivatives(around)
    for spot in around.terms:
        if number_of(spot.node) is None:
            yield from _more(around, spot, known)
    for spot in around.spots:
        if _is_derivative(spot.node):
            yield from _instead(around, spot, known, ranks.ACTIVATION_OTHER)
            yield from _other_forms(around, spot)
    for spot, _ in around.name_spots:
        if isinstance(spot.parent, ast.BinOp | ast.Call):
            yield from _instead(around, spot, known, ranks.ACTIVATION_NAME)
    yield from _both_factors_less(around, known)


def _instead(around: Surroundings, spot: Spot, known: list[Derivative], rank: float) -> Iterator[Edit]:
    for one in known:
        if not one.divides:
            yield around.replace(spot, one.piece, EditKind.ACTIVATION, rank + one.later)


def _product(around: Surroundings, left: Piece, right: Piece) -> Piece:
    """Return left * right without brackets around a product on the right."""
    return Piece(bracketed(left, PRODUCT) + around.spaced.around("*") + bracketed(right, PRODUCT), PRODUCT)


def _more(around: Surroundings, spot: Spot, known: list[Derivative]) -> Iterator[Edit]:
    own = around.source.code(spot.node)
    for one in known:
        rank = ranks.ACTIVATION_MORE + one.later + (ranks.ACTIVATION_FAR if own in one.piece.text else 0)
        rank += ranks.ACTIVATION_INSIDE if isinstance(spot.parent, ast.Call) else 0
        if one.divides:
            yield around.replace(spot, around.divided(spot.node, one.piece), EditKind.ACTIVATION, rank)
            continue
        product = _product(around, around.source.piece(spot.node), one.piece)
        yield around.replace(spot, product, EditKind.ACTIVATION, rank)
        for inner in _elementwise_factors(spot.node):
            product = _product(around, around.source.piece(inner), one.piece)
            place = around.source.spots[inner]
            yield around.replace(place, product, EditKind.ACTIVATION, rank + ranks.ACTIVATION_FAR)


def _elementwise_factors(node: ast.expr) -> list[ast.expr]:
    """Return the operands of a matrix product, where a factor is another than beside the product."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dot":
        return [*node.args, node.func.value] if len(node.args) == 1 else []
    return []


def _complemented(node: ast.AST) -> ast.expr | None:
    """Return x of 1 - x."""
    is_complement = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and number_of(node.left) == 1
    return node.right if is_complement and isinstance(node, ast.BinOp) else None


def _is_derivative(node: ast.expr) -> bool:
    if isinstance(node, ast.Compare) or _complemented(node) is not None:
        return True
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".where"):
        return True
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and _complemented(node.right) is not None


def _other_forms(around: Surroundings, spot: Spot) -> Iterator[Edit]:
    """Propose h * (1 - h) for 1 - h ** 2 and back, with the same h."""
    inner = _complemented(spot.node)
    if inner is None:
        return
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
        piece = around.source.piece(inner.left)
        complement = around.join(Piece("1"), "-", piece)
        product = Piece(f"{bracketed(piece, ATOM)}{around.spaced.around('*')}({complement.text})", PRODUCT)
        yield around.replace(spot, product, EditKind.ACTIVATION, ranks.ACTIVATION_OTHER)
    else:
        piece = around.source.piece(inner)
        plus = around.join(Piece("1"), "+", piece)
        yield around.replace(spot, Piece(plus.text, SUM), EditKind.ACTIVATION, ranks.ACTIVATION_OTHER + 2)
        squared = around.join(Piece("1"), "-", around.join(piece, "**", Piece("2")))
        yield around.replace(spot, squared, EditKind.ACTIVATION, ranks.ACTIVATION_OTHER)
        product = Piece(
            f"{bracketed(piece, ATOM)}{around.spaced.around('*')}({around.source.code(spot.node)})", PRODUCT
        )
        yield around.replace(spot, product, EditKind.ACTIVATION, ranks.ACTIVATION_OTHER)


def _both_factors_less(around: Surroundings, known: list[Derivative]) -> Iterator[Edit]:
    """Propose dz for dz * s * (1 - s), and dz with another derivative of an activation."""
    for spot in around.spots:
        node = spot.node
        if not (isinstance(node, ast.BinOp) and isinstance(node.left, ast.BinOp) and isinstance(node.op, ast.Mult)):
            continue
        complemented = _complemented(node.right)
        if complemented is None or ast.unparse(node.left.right) != ast.unparse(complemented):
            continue
        rest = around.source.piece(node.left.left)
        yield around.replace(spot, rest, EditKind.ACTIVATION, ranks.ACTIVATION_LESS)
        squared = around.join(around.source.piece(complemented), "**", Piece("2"))
        factor = around.join(Piece("1"), "-", squared)
        yield around.replace(spot, _product(around, rest, factor), EditKind.ACTIVATION, ranks.ACTIVATION_OTHER)
        for one in known:
            if not one.divides:
                rank = ranks.ACTIVATION_OTHER + one.later
                yield around.replace(spot, _product(around, rest, one.piece), EditKind.ACTIVATION, rank)


def softmax(around: Surroundings) -> Iterator[Edit]:
    """Propose p * (dp - (dp * p).sum(axis=-1, keepdims=True)) where the forward has p = e / e.sum(...)."""
    value = getattr(around.source.tree, "value", None)
    if value not in around.source.spots:
        return
    for target, divided, _, _ in around.forward_pairs:
        options = _options_of_softmax(divided)
        if options is None:
            continue
        for p in _local_texts(around, target):
            for dp in sorted(name for name in around.adjoints if primal(name) == last_part(target)):
                product = around.join(Piece(dp), "*", Piece(p)).text
                by_method = f"({product}).sum({options})"
                total = by_method if around.sums_by_method else f"{around.numpy}.sum({product}, {options})"
                piece = around.join(Piece(p), "*", around.join(Piece(dp), "-", Piece(total)))
                later = ranks.SOFTMAX + (0 if around.is_related(target) else ranks.ACTIVATION_FAR)
                yield around.replace(around.source.spots[value], piece, EditKind.ACTIVATION, later)


def _options_of_softmax(node: ast.expr) -> str | None:
    """Return the axis of a softmax with keepdims; None for all that is no softmax."""
    if isinstance(node, ast.Call) and last_part(ast.unparse(node.func)).lower() == "softmax":
        return "axis=-1, keepdims=True"
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Call)):
        return None
    is_sum = last_part(ast.unparse(node.right.func)) == "sum" and ast.unparse(node.left) in ast.unparse(node.right)
    options = ", ".join(f"{option.arg}={ast.unparse(option.value)}" for option in node.right.keywords)
    return options if is_sum and "keepdims" in options else None
