"""Edits of whole statements: how a value is assigned, what is returned, a statement after another one."""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections.abc import Iterator

import numpy as np

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.splice import Piece
from tinyad.code.surroundings import (
    Edit,
    Surroundings,
    differing_letters,
    exchanged,
    last_part,
    names_in,
    parsed,
    plain,
    primal,
    shape_of,
)

SIGNS: dict[type[ast.operator], str] = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}


def assignments(around: Surroundings) -> Iterator[Edit]:
    """Propose += for =, *= for =, np.add.at for += with indices, append for insert, and all of these back."""
    tree, source = around.source.tree, around.source
    if isinstance(tree, ast.Assign) and len(tree.targets) == 1 and not isinstance(tree.targets[0], ast.Tuple):
        target = tree.targets[0]
        yield from _reassigned(around, target, tree.value, ("+=", "-=", "*=", "/="), own="")
    if isinstance(tree, ast.AugAssign):
        own = SIGNS.get(type(tree.op), "")
        others = [sign for sign in ("=", "+=", "-=") if sign != own]
        yield from _reassigned(around, tree.target, tree.value, tuple(others), own)
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Call):
        call = tree.value
        function = source.code(call.func)
        if function.endswith(".append") and len(call.args) == 1:
            text = f"{function.removesuffix('append')}insert(0, {source.code(call.args[0])})"
            yield Edit(text, EditKind.ASSIGNMENT, ranks.APPEND_INSERT, 1)
        if function.endswith(".insert") and len(call.args) == 2:
            text = f"{function.removesuffix('insert')}append({source.code(call.args[1])})"
            yield Edit(text, EditKind.ASSIGNMENT, ranks.APPEND_INSERT, 1)
        if function.endswith((".add.at", ".subtract.at")):
            other = function.replace("add", "subtract") if ".add." in function else function.replace("subtract", "add")
            yield Edit(source.replaced(call.func, Piece(other)), EditKind.SIGN, ranks.SIGN, 1)


def _reassigned(
    around: Surroundings, target: ast.expr, value: ast.expr, signs: tuple[str, ...], own: str
) -> Iterator[Edit]:
    source = around.source
    left, right = source.spots[target], source.spots[value]
    for sign in signs:
        text = f"{source.text[: left.outer_end]} {sign} {source.text[right.outer_start :]}"
        rank = ranks.ASSIGN_SIGN if own in ("+=", "-=") and sign != "=" else ranks.ASSIGN
        if not own and sign != "+=":
            rank = ranks.ASSIGN_BOTH if sign == "-=" else ranks.ASSIGN_PRODUCT
        yield Edit(text, EditKind.ASSIGNMENT, rank, 1)
    if isinstance(target, ast.Subscript) and own in ("", "+=", "-="):
        at = f"{around.numpy}.{'subtract' if own == '-=' else 'add'}.at"
        index = source.code(target.slice)
        if isinstance(target.slice, ast.Tuple) and not index.startswith("("):
            index = f"({index})"
        if not any(isinstance(node, ast.Slice) for node in ast.walk(target.slice)):
            text = f"{at}({source.code(target.value)}, {index}, {source.piece(value).text})"
            parts = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
            one = all(_is_number(around.scope.values.get(source.code(part), part)) for part in parts)
            yield Edit(text, EditKind.ASSIGNMENT, ranks.ADD_AT_ONE if one else ranks.ADD_AT, 1)


def _is_number(index: object) -> bool:
    """Return whether an index is one whole number, or an expression that does not say."""
    return isinstance(index, (int, np.integer, ast.Constant, ast.UnaryOp, ast.BinOp)) and not isinstance(index, bool)


def elements_of_tuples(around: Surroundings) -> Iterator[Edit]:
    """Propose what is returned, assigned or set in another order, and with one element more or less."""
    for spot in list(around.source.spots.values()):
        if isinstance(spot.node, ast.Tuple) and isinstance(spot.parent, ast.stmt):
            elements = spot.node.elts
            texts = [around.source.code(element) for element in elements]
            returned = isinstance(spot.parent, ast.Return)
            rank = ranks.RETURNED_SWAPPED if returned else ranks.TARGETS_SWAPPED
            rank = ranks.ELEMENTS_SWAPPED if spot.field == "value" and not returned else rank
            for one, two in itertools.combinations(range(len(elements)), 2):
                changes = [(elements[one], Piece(texts[two], 1)), (elements[two], Piece(texts[one], 1))]
                yield Edit(around.source.replaced_all(changes), EditKind.RETURNED, rank, 1)
            if 2 < len(elements) <= 5:
                for order in itertools.permutations(range(len(elements))):
                    changes = [(elements[at], Piece(texts[other], 1)) for at, other in enumerate(order) if at != other]
                    if len(changes) > 2:
                        yield Edit(
                            around.source.replaced_all(changes), EditKind.RETURNED, rank + ranks.THREE_OR_MORE, 1
                        )
    if isinstance(around.source.tree, ast.Return) and around.source.tree.value is not None:
        yield from _returned_more_and_less(around, around.source.tree.value)


def _returned_more_and_less(around: Surroundings, value: ast.expr) -> Iterator[Edit]:
    texts = [around.source.code(node) for node in (value.elts if isinstance(value, ast.Tuple) else [value])]
    for at in range(len(texts)):
        if len(texts) > 1:
            less = ", ".join(texts[:at] + texts[at + 1 :])
            yield Edit(around.source.replaced(value, Piece(less, 0)), EditKind.RETURNED, ranks.RETURNED_OTHER, 1)
    for at in range(len(texts) + 1):
        for name in around.arrays:
            if name in around.adjoints and name not in texts:
                more = ", ".join([*texts[:at], name, *texts[at:]])
                later = 0 if name in around.unused else ranks.NAME_UNRELATED
                edit = around.source.replaced(value, Piece(more, 0))
                yield Edit(edit, EditKind.RETURNED, ranks.RETURNED_OTHER + later, 1)


def _single_target(statement: ast.stmt | None) -> tuple[str, ast.expr] | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return ast.unparse(statement.targets[0]), statement.value
    if isinstance(statement, ast.AugAssign):
        return ast.unparse(statement.target), statement.value
    return None


def _aligned(first: ast.AST, second: ast.AST, found: dict[str, str]) -> bool:
    """Collect which names of one tree stand where those of another of the same build do."""
    names = ast.Name | ast.Attribute | ast.Subscript
    if isinstance(first, names) and isinstance(second, names):
        same_attribute = isinstance(first, ast.Attribute) and first.attr == getattr(second, "attr", None)
        found |= {} if same_attribute else {ast.unparse(first): ast.unparse(second)}
        if not same_attribute:
            return True
    if type(first) is not type(second):
        return False
    ones, twos = list(ast.iter_child_nodes(first)), list(ast.iter_child_nodes(second))
    return len(ones) == len(twos) and all(_aligned(one, two, found) for one, two in zip(ones, twos, strict=True))


def _exchanges(around: Surroundings, other: str, own: str) -> dict[str, str]:
    """Return which forward name stands for which: of the statements that use two variables, of the same build."""
    found: dict[str, str] = {}
    for first in around.uses(other):
        for second in around.uses(own):
            names: dict[str, str] = {}
            if not _aligned(first.value, second.value, names):
                continue
            parts = {last_part(one): last_part(two) for one, two in names.items()}
            if parts.get(other) == own:
                found |= parts
                found[last_part(first.target)] = last_part(second.target)
    return found


def analogies(around: Surroundings) -> Iterator[Edit]:
    """Propose the right-hand sides of other statements with their names exchanged for the names of this one."""
    own = _single_target(around.source.tree)
    if own is None:
        return
    for statement in around.scope.statements:
        other = _single_target(parsed(statement))
        if other is not None and other[0] != own[0] and not isinstance(other[1], ast.Constant | ast.Tuple):
            yield from _after(around, own, other, statement.strip())
    for statement in around.scope.forward:  # what is computed again as there
        other = _single_target(parsed(statement))
        if other is None:
            continue
        same_name = last_part(other[0]) == last_part(own[0])
        if same_name or (primal(own[0]) is None and _is_of_the_same(around, own[1], other[1])):
            rank = ranks.ANALOGY if same_name else ranks.COMPUTED_AGAIN
            segment = ast.get_source_segment(statement.strip(), other[1]) or ""
            for text in dict.fromkeys([segment, ast.unparse(_inlined(around, other[1]))]):
                piece = Piece(re.sub(r"\s*\n\s*", " ", text), 0)
                yield Edit(around.source.replaced(own[1], piece), EditKind.ANALOGY, rank, 1)


def _is_of_the_same(around: Surroundings, own: ast.expr, other: ast.expr) -> bool:
    """Return whether two expressions are computed from a name that both have, and all of the second's are in scope."""
    names = [name for name in names_in(other) if name.isidentifier() and name != around.numpy]
    known = all(name in around.scope.values for name in names)
    return known and not isinstance(other, ast.Name | ast.Tuple) and not set(names).isdisjoint(names_in(own))


def _inlined(around: Surroundings, value: ast.expr, depth: int = 3) -> ast.expr:
    """Return an expression of the forward pass with what that has for names in the place of those the scope lacks."""
    formulas = {pair.target: pair.value for pair in around.forward_pairs}

    class Inlining(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            known = node.id in around.texts or node.id not in formulas
            return node if known or not depth else _inlined(around, formulas[node.id], depth - 1)

    inlined: ast.expr = Inlining().visit(copy.deepcopy(value))
    return inlined


def _after(
    around: Surroundings, own: tuple[str, ast.expr], other: tuple[str, ast.expr], statement: str
) -> Iterator[Edit]:
    letters = differing_letters(other[0], own[0])
    first, second = primal(other[0]), primal(own[0])
    counterparts = _exchanges(around, first, second) if first and second else {}
    segment = ast.get_source_segment(statement, other[1]) or ""
    choices: dict[str, list[tuple[str, float]]] = {}
    for node in ast.walk(other[1]):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            text = ast.get_source_segment(statement, node) or ""
            options = _options(around, text, letters, counterparts)
            if options and text not in choices:
                choices[text] = options
    names = sorted(choices, key=len, reverse=True)
    if not names:
        return
    for chosen in itertools.islice(itertools.product(*(choices[name] for name in names)), 64):
        mapping = {name: text for name, (text, _) in zip(names, chosen, strict=True)}
        text = exchanged(segment, mapping)
        later = sum(rank for _, rank in chosen)
        level_of = parsed(text)
        if isinstance(level_of, ast.Expr):
            piece = Piece(re.sub(r"\s*\n\s*", " ", text), 0)
            yield Edit(around.source.replaced(own[1], piece), EditKind.ANALOGY, ranks.ANALOGY + later, 1)


def _options(
    around: Surroundings, text: str, letters: tuple[str, str] | None, counterparts: dict[str, str]
) -> list[tuple[str, float]]:
    """Return the texts that may stand for a name of another statement, with how much later each is tried."""
    known = around.texts.get(plain(text))
    if known is None or shape_of(around.scope.values[known]) is None:
        return []
    found = {text: ranks.NAME_KEPT}
    part = last_part(text)
    mapped = counterparts.get(part)
    inner = primal(text)
    if mapped is None and inner in counterparts:
        mapped = part.replace(inner, counterparts[inner])
    for name in around.arrays:
        if mapped is not None and last_part(name) == mapped:
            found[around.in_own_quotes(name)] = 0.0
    if letters is not None and letters[0] in text:
        replaced = text.replace(letters[0], letters[1])
        if plain(replaced) in around.texts:
            found[replaced] = min(found.get(replaced, ranks.NAME_BY_LETTERS), ranks.NAME_BY_LETTERS)
    return sorted(found.items(), key=lambda item: item[1])
