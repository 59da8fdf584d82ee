"""Edits by the rules: the derivative for an operand of a product of the forward pass, and derivatives written out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.limits import RULE_TERMS
from tinyad.code.rules import ByTheRules
from tinyad.code.splice import SUM, Piece, level
from tinyad.code.surroundings import Edit, Pair, Surroundings, last_part, names_in, plain, primal


def products(around: Surroundings) -> Iterator[Edit]:
    """Propose the derivative by the rule for the whole, and as one more term."""
    value = getattr(around.source.tree, "value", None)
    if value not in around.source.spots:
        return
    spot = around.source.spots[value]
    for piece, rank in _by_the_rule(around):
        yield around.replace(spot, piece, EditKind.ANALOGY, rank)
        added = around.join(around.source.piece(value), "+", piece)
        yield around.replace(spot, Piece(added.text, SUM), EditKind.MISSING_TERM, rank + ranks.TERM_INSIDE)


def written_out(around: Surroundings, value: ast.expr, derivative: ByTheRules) -> Iterator[Edit]:
    """Propose a derivative by the rules for an expression that should hold it, or some of its terms."""
    spot = around.source.spots[value]
    terms = _pieces(derivative)
    for count in range(1, len(terms) + 1) if len(terms) <= RULE_TERMS else (1,):
        for chosen in combinations(terms, count):
            added = _sum_of(around, [around.source.piece(value), *chosen])
            yield around.replace(spot, added, EditKind.MISSING_TERM, ranks.WRITTEN_TERM + count)
    for addend in _addends(value):
        for term in terms:
            yield around.replace(around.source.spots[addend], term, EditKind.ANALOGY, ranks.WRITTEN_TERM + 1)
    if derivative.complete:
        yield around.replace(spot, _sum_of(around, terms), EditKind.ANALOGY, ranks.WRITTEN_OUT)
    for term in terms if isinstance(around.source.tree, ast.AugAssign) else ():
        yield around.replace(spot, term, EditKind.ANALOGY, ranks.WRITTEN_OUT)


def all_written_out(around: Surroundings, derivatives: Sequence[tuple[ast.expr, ByTheRules]]) -> Edit:
    """Return the statement with derivatives by the rules in the place of several expressions at once."""
    changes = [(value, _sum_of(around, _pieces(derivative))) for value, derivative in derivatives]
    return Edit(around.source.replaced_all(changes), EditKind.ANALOGY, ranks.WRITTEN_OUT, 1)


def _pieces(derivative: ByTheRules) -> list[Piece]:
    return [Piece(term, level(ast.parse(term, mode="eval").body)) for term in derivative.terms]


def _addends(node: ast.expr) -> list[ast.expr]:
    """Return what a sum adds up; nothing for another expression."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
        return []
    return [part for side in (node.left, node.right) for part in (_addends(side) or [side])]


def _sum_of(around: Surroundings, terms: Sequence[Piece]) -> Piece:
    total = terms[0]
    for term in terms[1:]:
        sign = "-" if term.text.startswith("-") else "+"
        total = around.join(total, sign, Piece(term.text.removeprefix("-"), term.level))
    return Piece(total.text, SUM if len(terms) > 1 else total.level)


def _by_the_rule(around: Surroundings) -> Iterator[tuple[Piece, float]]:
    for pair in (pair for name in sorted(around.primals) for pair in around.uses(name)):
        for node in ast.walk(pair.value):
            if isinstance(node, ast.Call) and (letters := _letters(node)) is not None:
                yield from _of_einsum(around, pair, node, letters)
            elif isinstance(node, ast.expr) and (operands := _operands(around, node)) is not None:
                yield from _of_product(around, pair, *operands)


def _of_einsum(around: Surroundings, pair: Pair, node: ast.Call, letters: list[str]) -> Iterator[tuple[Piece, float]]:
    *inputs, result = letters
    names = [ast.unparse(argument) for argument in node.args[1:]]
    for place, name in enumerate(names):
        others = [k for k in range(len(names)) if k != place]
        kept = set(result).union(*(inputs[k] for k in others))
        known = all(names[k] in around.texts for k in others)
        if last_part(name) not in around.primals or not set(inputs[place]) <= kept or not known:
            continue
        subscripts = ",".join([result, *(inputs[k] for k in others)]) + f"->{inputs[place]}"
        quote = '"' if '"' in around.source.text else "'"
        rest = [around.in_own_quotes(around.texts[names[k]]) for k in others]
        for adjoint, later in _adjoints_of(around, last_part(pair.target), len(result)):
            arguments = ", ".join([adjoint, *rest])
            piece = Piece(f"{around.numpy}.einsum({quote}{subscripts}{quote}, {arguments})")
            yield piece, ranks.BY_RULE + later


def _of_product(around: Surroundings, pair: Pair, left: ast.expr, right: ast.expr) -> Iterator[tuple[Piece, float]]:
    texts = [ast.unparse(side) for side in (left, right)]
    for place, (own, other) in enumerate((texts, texts[::-1])):
        known = around.texts.get(plain(other))
        shape = around.shapes.get(known or "")
        if last_part(own) not in around.primals or known is None or not shape:
            continue
        factor = around.in_own_quotes(known)
        for adjoint, later in _adjoints_of(around, last_part(pair.target), None):
            dimensions = len(around.shapes[adjoint] or ())
            if place and len(shape) > 2 and dimensions >= len(shape) - 1:
                axes = ", ".join(map(str, range(len(shape) - 1)))
                text = f"{around.numpy}.tensordot({factor}, {adjoint}, axes=([{axes}], [{axes}]))"
                yield Piece(text), ranks.BY_RULE + later
            elif len(shape) == 2:
                sides = (Piece(adjoint), Piece(f"{factor}.T"))
                one, two = sides if not place else sides[::-1]
                yield around.matrix_product(one, two), ranks.BY_RULE + later


def _operands(around: Surroundings, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Return the operands of a matrix product, however it is written; None for all else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("dot", "matmul"):
        operands = [node.func.value, *node.args] if around.is_method(node.func) else node.args
        return (operands[0], operands[1]) if len(operands) == 2 else None
    return None


def _letters(node: ast.AST) -> list[str] | None:
    """Return the subscripts of the operands of an einsum and of its result; None for all else."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("einsum") and node.args):
        return None
    text = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    if not isinstance(text, str) or "->" not in text:
        return None
    left, _, right = text.replace(" ", "").partition("->")
    found = [*left.split(","), right]
    return found if len(found) == len(node.args) and all(part.isalpha() for part in found) else None


def _adjoints_of(around: Surroundings, name: str, dimensions: int | None) -> list[tuple[str, float]]:
    """Return the adjoints of a name, and what else may hold it, with how much later it is tried.

    dimensions: of what it is, if they are known.
    """
    own = sorted(n for n in around.adjoints if primal(n) == name)
    used = names_in(around.source.tree).union(*(pair.names for pair in around.other_pairs))
    others = [n for n in around.arrays if plain(n) in used and n not in own]
    if dimensions is None:
        others = [n for n in others if n in around.adjoints]
    else:
        others = [n for n in others if len(around.shapes[n] or ()) == dimensions]
    return [*((n, 0.0) for n in own), *((n, ranks.NAME_UNRELATED) for n in others[:8])]
