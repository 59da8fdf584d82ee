"""All single edits of a member of a line, the likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tinyad.derivation.repair.bracket_edits import brackets
from tinyad.derivation.repair.edit import Context, Edit, Member
from tinyad.derivation.repair.function_edits import calls, complements, primes, squares
from tinyad.derivation.repair.left_side_edits import assign, left_sides, swapped_left_sides
from tinyad.derivation.repair.name_edits import (
    denominators,
    labels,
    names_in_products,
    other_names,
    repeated_names,
    routine_operands,
)
from tinyad.derivation.repair.ones_edits import ones
from tinyad.derivation.repair.operation_edits import comparisons, operators, signs, swapped_operands, transpositions
from tinyad.derivation.repair.term_edits import (
    fewer_factors,
    fewer_terms,
    further_factors,
    further_terms,
    other_factors,
)
from tinyad.derivation.repair.time_edits import first_steps, sums_over_time, times

# Edits of one rank are tried in this order.
GENERATORS: tuple[Callable[[Member, Context], Iterator[Edit]], ...] = (
    routine_operands,
    labels,
    repeated_names,
    other_names,
    names_in_products,
    assign,
    sums_over_time,
    transpositions,
    ones,
    operators,
    signs,
    comparisons,
    first_steps,
    times,
    calls,
    primes,
    squares,
    complements,
    swapped_left_sides,
    other_factors,
    further_terms,
    denominators,
    fewer_terms,
    fewer_factors,
    further_factors,
    swapped_operands,
    brackets,
    left_sides,
)


def all_edits(member: Member, context: Context) -> list[Edit]:
    """Return all single edits of a member, by rank."""
    edits = [edit for generate in GENERATORS for edit in generate(member, context)]
    return sorted(edits, key=lambda edit: edit.rank.order)
