"""All single edits of a statement, the likeliest first."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tinyad.code import (
    activation_edits,
    call_edits,
    index_edits,
    name_edits,
    number_edits,
    operation_edits,
    repeated_edits,
    rule_edits,
    statement_edits,
    term_edits,
)
from tinyad.code.splice import Source
from tinyad.code.surroundings import Edit, Scope, Surroundings

__all__ = ["Edit", "Scope", "edits", "edits_of_all_places"]

PROPOSALS: tuple[Callable[[Surroundings], Iterator[Edit]], ...] = (
    statement_edits.assignments,
    statement_edits.elements_of_tuples,
    statement_edits.analogies,
    name_edits.other_names,
    name_edits.exchanged_names,
    name_edits.expressions,
    operation_edits.transposes,
    operation_edits.axes,
    operation_edits.axes_turned,
    operation_edits.axes_moved,
    operation_edits.orders,
    operation_edits.operators,
    operation_edits.signs,
    operation_edits.brackets,
    number_edits.numbers,
    number_edits.sizes,
    number_edits.factors_less,
    number_edits.factors_more,
    number_edits.names_more,
    number_edits.powers,
    number_edits.complements,
    call_edits.axes,
    call_edits.sums,
    call_edits.functions,
    call_edits.methods,
    call_edits.calls,
    call_edits.repeats,
    rule_edits.products,
    call_edits.comparisons,
    call_edits.elements,
    activation_edits.activations,
    index_edits.shifted,
    index_edits.slices,
    index_edits.signs_inside,
    index_edits.slices_more,
    index_edits.indices_more_and_less,
    index_edits.masks,
    index_edits.stored_names,
    term_edits.terms_less,
    term_edits.names_as_terms,
    term_edits.other_terms,
    term_edits.similar_terms,
    term_edits.terms_of_the_rule,
    term_edits.differences,
    activation_edits.softmax,
)


EVERYWHERE = (name_edits.names_everywhere, operation_edits.transposes_everywhere, repeated_edits.everywhere)
NUMBER_AS_ARRAY = re.compile(r"(?<![\w.])\d+(?:\[|\.[A-Za-z])")  # 1[t], 2.dot(x): what is left of (1 - h)[t]


def edits(statement: str, scope: Scope) -> Iterator[Edit]:
    """Return every statement that differs from this one by one change, each once, by rank."""
    return iter(_best(statement, scope, PROPOSALS))


def edits_of_all_places(statement: str, scope: Scope) -> Iterator[Edit]:
    """Return the statements in which every place of a kind is changed alike, by rank."""
    return iter(_best(statement, scope, EVERYWHERE))


def _best(statement: str, scope: Scope, proposals: tuple[Callable[[Surroundings], Iterator[Edit]], ...]) -> list[Edit]:
    try:
        source = Source(statement)
    except SyntaxError:
        return []
    if not isinstance(source.tree, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return | ast.Expr):
        return []
    around = Surroundings(source, scope)
    found: dict[str, Edit] = {}
    for propose in proposals:
        for edit in propose(around):
            old = found.get(edit.text)
            if (
                edit.text != statement
                and not NUMBER_AS_ARRAY.search(edit.text)
                and (old is None or edit.rank < old.rank)
            ):
                found[edit.text] = edit
    return sorted(found.values(), key=lambda edit: edit.rank)
