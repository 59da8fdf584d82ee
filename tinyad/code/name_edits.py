"""Edits that put another name in the place of a name."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.splice import Piece, Spot
from tinyad.code.surroundings import Edit, Surroundings, last_part


def other_names(around: Surroundings) -> Iterator[Edit]:
    """Propose each name of the scope for each name of the statement."""
    texts = [text for _, text in around.name_spots]
    for spot, old in around.name_spots:
        returned_twice = isinstance(around.source.tree, ast.Return) and texts.count(old) > 1
        for new in around.arrays:
            if new != old:
                forgotten = returned_twice and new in around.adjoints and new not in texts
                rank = around.name_rank(old, new) - (ranks.NAME_FORGOTTEN if forgotten else 0)
                yield around.replace(spot, around.piece_of(new), EditKind.NAME, rank)


def exchanged_names(around: Surroundings) -> Iterator[Edit]:
    """Propose two names of the statement for each other."""
    for (one, first), (two, second) in itertools.combinations(around.name_spots, 2):
        if first != second and (one.outer_end <= two.outer_start or two.outer_end <= one.outer_start):
            changes = [(one.node, Piece(around.source.code(two.node))), (two.node, Piece(around.source.code(one.node)))]
            yield Edit(around.source.replaced_all(changes), EditKind.ORDER, ranks.NAMES_EXCHANGED, 1)


def names_everywhere(around: Surroundings) -> Iterator[Edit]:
    """Propose another name in every place of a name that the statement has more than once."""
    places: dict[str, list[Spot]] = {}
    for spot, text in around.name_spots:
        places.setdefault(text, []).append(spot)
    for old, spots in places.items():
        if len(spots) > 1:
            for new in around.arrays:
                if new != old:
                    text = around.source.replaced_all([(spot.node, around.piece_of(new)) for spot in spots])
                    yield Edit(text, EditKind.REPEATED, around.name_rank(old, new) + ranks.REPEATED, 2)


def expressions(around: Surroundings) -> Iterator[Edit]:
    """Propose for a name what other statements make of it: x - mu for x, np.tanh(c) for c."""
    for spot, old in around.name_spots:
        for piece in around.made_of(last_part(old)):
            yield around.replace(spot, piece, EditKind.NAME, ranks.EXPRESSION)
