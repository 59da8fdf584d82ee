"""Edits that change every place of a kind alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tinyad.code import edit_ranks as ranks
from tinyad.code.edit_ranks import EditKind
from tinyad.code.surroundings import Edit, Surroundings

EVERYWHERE = (
    (r"axis ?= ?0", "axis=1"),
    (r"axis ?= ?1", "axis=0"),
    (r" @ ", " * "),
    (r"(?<!\*) \* (?!\*)", " @ "),
    (r"\.T\b", ""),
    (r"(?<=[\w)\]]) - (?=\w)", " + "),
    (r"(?<=[\w)\]]) \+ (?=\w)", " - "),
    (r">=?", "<"),
    (r"<=?", ">"),
)


def everywhere(around: Surroundings) -> Iterator[Edit]:
    """Propose another axis, operator or index in every place that has the same, where there are several."""
    changes = list(EVERYWHERE)
    for variable in around.scope.loop_variables:
        index = rf"(?<=[\[, ]){re.escape(variable)}(?=[\],])"
        changes += [(index, f"{variable} - 1"), (index, f"{variable} + 1")]
        changes += [(rf"(?<=[\[, ]){re.escape(variable)} ?[-+] ?1(?=[\],])", variable)]
    for pattern, other in changes:
        text, count = re.subn(pattern, other, around.source.text)
        if count > 1:
            yield Edit(text, EditKind.REPEATED, ranks.AXIS + ranks.REPEATED, 2)
