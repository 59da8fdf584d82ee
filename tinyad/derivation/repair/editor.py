"""All single edits of a line, the likeliest first."""

from __future__ import annotations

from tinyad.derivation.repair.edit import Edit
from tinyad.derivation.repair.name_edits import NameEdits
from tinyad.derivation.repair.ones_edits import SumEdits
from tinyad.derivation.repair.operation_edits import FormEdits
from tinyad.derivation.repair.term_edits import PartEdits


class Editor(NameEdits, FormEdits, PartEdits, SumEdits):
    """The single edits of one member of a line."""

    def all(self) -> list[Edit]:
        found: list[Edit] = []
        for make in (
            self.names,
            self.assign,
            self.transpositions,
            self.sums,
            self.operators,
            self.signs,
            self.times,
            self.calls,
            self.primes,
            self.squares,
            self.complements,
            self.swapped_left,
            self.replaced_factors,
            self.added_terms,
            self.denominators,
            self.terms,
            self.factors,
            self.swaps,
            self.brackets,
            self.left,
        ):
            found += make()
        return sorted(found, key=lambda e: e.rank)
