"""Edits that add a term or take one away."""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections.abc import Iterator

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.number_edits import number_of
from tinyad.code.splice import PRODUCT, SUM, Piece, Spot, bracketed, negated
from tinyad.code.surroundings import Edit, Pair, Surroundings, differing_letters, exchanged, last_part, plain, primal


def terms_less(around: Surroundings) -> Iterator[Edit]:
    """Propose each sum without one of its terms."""
    for spot in around.spots:
        node = spot.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            left, right = around.source.piece(node.left), around.source.piece(node.right)
            terms = [ast.unparse(term) for _, term in _terms_of(node.left)]
            twice = isinstance(node.op, ast.Add) and ast.unparse(node.right) in terms
            yield around.replace(spot, left, EditKind.EXTRA_TERM, ranks.TERM_LESS - (ranks.TERM_TWICE if twice else 0))
            rest = right if isinstance(node.op, ast.Add) else negated(right)
            yield around.replace(spot, rest, EditKind.EXTRA_TERM, ranks.TERM_LESS + 0.5)


def _sums(around: Surroundings) -> Iterator[tuple[Spot, float]]:
    """Return the places to which a term can be added, with how much later it is tried there."""
    for spot in around.terms:
        if isinstance(spot.parent, ast.BinOp) or number_of(spot.node) is not None:
            continue
        yield spot, 0 if isinstance(spot.parent, ast.stmt) else ranks.TERM_INSIDE
    for spot in around.spots:
        if isinstance(spot.parent, ast.BinOp) and not isinstance(spot.parent.op, ast.Add | ast.Sub | ast.Pow):
            is_sum = isinstance(spot.node, ast.BinOp) and isinstance(spot.node.op, ast.Add | ast.Sub)
            if is_sum or around.text_of(spot.node) in around.adjoints:
                yield spot, ranks.TERM_INSIDE


def _term_rank(around: Surroundings, name: str, like: tuple[int, ...] | None) -> float:
    rank = ranks.TERM + around.misfit(like, around.shapes[name])
    if name in around.unused:
        rank += ranks.TERM_ADJOINT
    elif name not in around.adjoints:
        rank += ranks.NAME_OTHER_SORT
    return rank if around.is_related(name) else rank + ranks.NAME_UNRELATED / 3


def _likely_shape(around: Surroundings, spot: Spot) -> tuple[int, ...] | None:
    """Return the shape of a place where it is known: of a name, or of the variable whose derivative is set."""
    text = around.text_of(spot.node)
    if text is not None:
        return around.shapes[text]
    if isinstance(spot.parent, ast.stmt):
        for name in around.arrays:
            if last_part(name) in around.primals:
                return around.shapes[name]
    return None


def names_as_terms(around: Surroundings) -> Iterator[Edit]:
    """Propose each array of the scope as one more term."""
    for spot, later in _sums(around):
        piece, like = around.source.piece(spot.node), _likely_shape(around, spot)
        for name in around.arrays:
            if name == piece.text:
                continue
            rank = _term_rank(around, name, like) + later
            term = around.piece_of(name)
            yield around.replace(spot, around.join(piece, "+", term), EditKind.MISSING_TERM, rank)
            if name in around.unused and not later:
                yield from _divided_terms(around, spot, term, rank)
            if not later:
                less = around.join(piece, "-", term)
                yield around.replace(spot, less, EditKind.MISSING_TERM, rank + ranks.TERM_SUBTRACTED)


def differences(around: Surroundings) -> Iterator[Edit]:
    """Propose n - h and n + h for a name n that is a factor."""
    for spot, old in around.name_spots:
        parent = spot.parent
        if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, ast.Mult) or old in around.adjoints:
            continue
        for name in around.arrays:
            if name != old and name not in around.adjoints and around.shapes[name] == around.shapes.get(old):
                rank = ranks.TERM_IN_FACTOR + (0 if around.is_related(name) else ranks.NAME_UNRELATED)
                for sign in "-+":
                    piece = around.join(around.source.piece(spot.node), sign, around.piece_of(name))
                    yield around.replace(spot, piece, EditKind.MISSING_TERM, rank)


def _divided_terms(around: Surroundings, spot: Spot, term: Piece, rank: float) -> Iterator[Edit]:
    for size, further in around.ranked_sizes:
        piece = around.join(around.source.piece(spot.node), "+", around.join(term, "/", around.piece_of(size)))
        yield around.replace(spot, piece, EditKind.MISSING_TERM, rank + ranks.TERM_DIVIDED + further)


def _terms_of(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _terms_of(node.left)
        yield "+" if isinstance(node.op, ast.Add) else "-", node.right
    else:
        yield "+", node


def other_terms(around: Surroundings) -> Iterator[Edit]:
    """Propose the terms of other statements, and a number times an array, as one more term."""
    written: dict[str, tuple[str, Piece]] = {}
    for target, value, _, _ in around.other_pairs:
        if not target or isinstance(value, ast.Tuple | ast.List):
            continue
        for sign, node in _terms_of(value):
            if not isinstance(node, ast.Name | ast.Constant):
                text = ast.unparse(node)
                minus = text.startswith("-")
                piece = Piece(text.removeprefix("-"), PRODUCT)
                written[text] = ("-" if minus else sign, piece)
    for spot, later in _sums(around):
        if later:
            continue
        piece = around.source.piece(spot.node)
        for sign, term in list(written.values())[:40]:
            added = Piece(piece.text + around.spaced.around(sign) + bracketed(term, SUM), SUM)
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.TERM_OF_OTHERS)
        yield from _scaled_arrays(around, spot, piece)


def similar_terms(around: Surroundings) -> Iterator[Edit]:
    """Propose one more term, built as the last one of a sum: dg @ Wg.T after df @ Wf.T."""
    for spot, _ in _sums(around):
        terms = list(_terms_of(spot.node))
        sign, last = terms[-1]
        names = {text: around.source.code(node) for node, text in _names_inside(around, last)}
        if isinstance(last, ast.Name | ast.Constant) or not names:
            continue
        piece = around.source.piece(spot.node)
        for text in _of_same_shapes(around, around.source.code(last), names):
            added = Piece(piece.text + around.spaced.around(sign) + text, SUM)
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.TERM_OF_SHAPES)
        for text in dict.fromkeys(_renamed(around, around.source.code(last), names)):
            added = Piece(piece.text + around.spaced.around(sign) + text, SUM)
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.TERM_LIKE_OTHERS)


def _of_same_shapes(around: Surroundings, term: str, names: dict[str, str]) -> Iterator[str]:
    """Return a term of two names with other names of the same shapes in their places."""
    if len(names) == 2 and all(around.shapes.get(name) for name in names):
        alike = [
            [other for other in around.arrays if around.shapes[other] == around.shapes[name] and other != name][:10]
            for name in names
        ]
        for chosen in itertools.product(*alike):
            yield exchanged(term, dict(zip(names.values(), map(around.in_own_quotes, chosen), strict=True)))


def terms_of_the_rule(around: Surroundings) -> Iterator[Edit]:
    """Propose one more term: the adjoint of a result of the forward pass times what the variable was combined with."""
    terms = list(_terms_by_rule(around))
    for spot, later in _sums(around):
        if not later:
            piece = around.source.piece(spot.node)
            for term, rank in terms:
                sign = "-" if term.text.startswith("-") else "+"
                added = Piece(piece.text + around.spaced.around(sign) + term.text.removeprefix("-"), SUM)
                yield around.replace(spot, added, EditKind.MISSING_TERM, rank)


def _terms_by_rule(around: Surroundings) -> Iterator[tuple[Piece, float]]:
    for pair in (pair for name in around.primals for pair in around.uses(name)):
        for adjoint in around.adjoints:
            if primal(adjoint) != last_part(pair.target):
                continue
            rank = ranks.TERM_OF_RULE + (0 if adjoint in around.unused else ranks.NAME_UNRELATED)
            for term in (*_linear(around, pair, adjoint), *_through_function(around, pair, adjoint)):
                yield term, rank
            for factor in _factors(around, pair):
                yield from _products(around, around.piece_of(adjoint), factor, rank)


def _linear(around: Surroundings, pair: Pair, adjoint: str) -> Iterator[Piece]:
    """Yield the products that the forward pass sums with the adjoint of the result in the place of the variable."""
    for sign, term in _terms_of(pair.value):
        value = copy.deepcopy(term)
        own = [node for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in around.primals]
        if len(own) == 1 and value is not own[0] and _is_product(value, own[0]) and adjoint.isidentifier():
            own[0].id = adjoint
            if _is_known(around, value):
                text = ast.unparse(value)
                yield Piece(text if sign == "+" else f"-{text}", PRODUCT)


def _is_known(around: Surroundings, value: ast.expr) -> bool:
    """Return whether the scope has all names of an expression."""
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    return all(name in around.texts or name == around.numpy for name in names)


def _through_function(around: Surroundings, pair: Pair, adjoint: str) -> Iterator[Piece]:
    """Yield the adjoint of f(k * x) times the derivative of f and k."""
    result = next((text for text in around.arrays if last_part(text) == last_part(pair.target)), None)
    applied = _applied(pair.value)
    if result is None or applied is None:
        return
    function, argument = applied
    y = around.in_own_quotes(result)
    derivative = {"tanh": f"(1 - {y} ** 2)", "sigmoid": f"{y} * (1 - {y})", "exp": y}[function]
    inside = [node for node in ast.walk(argument) if isinstance(node, ast.Name) and node.id in around.primals]
    if len(inside) == 1 and _is_product(argument, inside[0]):
        factors = [f for f in _factors_of(argument) if inside[0] not in ast.walk(f)]
        if all(_is_known(around, factor) for factor in factors):
            texts = [ast.unparse(factor) for factor in factors if isinstance(factor, ast.Constant | ast.Name)]
            if len(texts) == len(factors):
                yield Piece(" * ".join([*texts, adjoint, derivative]), PRODUCT)


def _applied(value: ast.expr) -> tuple[str, ast.expr] | None:
    """Return the function that an expression applies and its argument; 1 / (1 + exp(-z)) applies the sigmoid to z."""
    if isinstance(value, ast.Call) and len(value.args) == 1:
        name = last_part(ast.unparse(value.func)).lower()
        known = next((f for f in ("tanh", "sigmoid", "exp") if name == f or (f != "exp" and f in name)), None)
        return (known, value.args[0]) if known else None
    text = ast.unparse(value)
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("exp")]
    if len(calls) != 1 or not re.fullmatch(
        r"1(?:\.0)? / \((?:1(?:\.0)? \+ [\w.]*exp\(.*\)|[\w.]*exp\(.*\) \+ 1(?:\.0)?)\)", text
    ):
        return None
    argument = ast.unparse(calls[0].args[0]) if calls[0].args else ""
    return ("sigmoid", ast.parse(argument[1:], mode="eval").body) if argument.startswith("-") else None


def _factors_of(node: ast.expr) -> list[ast.expr]:
    """Return the factors of a product."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors_of(node.left), *_factors_of(node.right)]
    return [node]


def _is_product(value: ast.expr, name: ast.expr) -> bool:
    """Return whether an expression multiplies a name, or divides it."""
    while value is not name:
        if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Mult | ast.Div):
            return False
        inside = [side for side in (value.left, value.right) if name in ast.walk(side)]
        if not inside or (inside[0] is value.right and isinstance(value.op, ast.Div)):
            return False
        value = inside[0]
    return True


def _factors(around: Surroundings, pair: Pair) -> list[Piece]:
    """Return the names of a forward statement that the scope has, and its differences and calls."""
    names = [around.piece_of(name) for name in around.arrays if last_part(name) in pair.parts]
    return names + [
        piece for part in pair.parts for piece in around.made_of(part) if piece.text in ast.unparse(pair.value)
    ]


def _products(around: Surroundings, adjoint: Piece, factor: Piece, rank: float) -> Iterator[tuple[Piece, float]]:
    product = around.join(adjoint, "*", factor)
    twice = Piece(f"2{around.spaced.around('*')}{around.join(factor, '*', adjoint).text}", PRODUCT)
    yield product, rank
    yield twice, rank + ranks.TERM_SCALED
    for size, later in around.ranked_sizes[:4]:
        for one in (product, twice):
            yield around.join(one, "/", around.piece_of(size)), rank + later + ranks.TERM_SCALED
    shape = around.shapes.get(factor.text)
    if shape is not None and len(shape) == 2:
        turned = Piece(f"{factor.text}.T")
        yield around.matrix_product(adjoint, turned), rank
        yield around.matrix_product(turned, adjoint), rank


def _names_inside(around: Surroundings, term: ast.expr) -> list[tuple[ast.expr, str]]:
    inside = set(ast.walk(term))
    return [(spot.node, text) for spot, text in around.name_spots if spot.node in inside]


def _renamed(around: Surroundings, term: str, names: dict[str, str]) -> Iterator[str]:
    """Return a term with letters exchanged alike in all its names, where the scope has these."""
    for first in names:
        for other in around.arrays:
            letters = differing_letters(first, other)
            if letters is None or around.shapes[other] is None:
                continue
            renamed = {code: code.replace(*letters) for code in names.values()}
            known = {code: new for code, new in renamed.items() if plain(new) in around.texts and new != code}
            if known:
                yield exchanged(term, known)


def _scaled_arrays(around: Surroundings, spot: Spot, piece: Piece) -> Iterator[Edit]:
    numbers = [text for text in around.arrays if around.shapes[text] == () and text not in around.scope.sizes]
    own = [name for name in around.arrays if last_part(name) in around.primals]
    for number in numbers[:8]:
        for name in own:
            product = around.join(around.piece_of(number), "*", around.piece_of(name))
            added = around.join(piece, "+", product)
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.TERM_OF_SCALE)
            twice = Piece(f"2{around.spaced.around('*')}{product.text}", PRODUCT)
            added = around.join(piece, "+", twice)
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.TERM_OF_SCALE + 1)
