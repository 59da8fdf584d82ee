"""A column of ones where one was forgotten: da 1 sums the columns of da, 1 dm repeats dm."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.repair.author_notation import CLOSE, OPEN, Spelling, span
from tinyad.derivation.repair.edit import FIRST, Edit, Pen


class SumEdits(Pen):
    """Edits that put 1 or 1ᵀ beside a term."""

    ones: Sequence[tuple[Node, Spelling]] = ()  # 1 as the author may write it here; none where all fits
    ahead = True  # whether it stands in front of a number, as in the layout of the variables

    def sums(self) -> list[Edit]:
        """A 1 behind every term, or in front of it."""
        found, tail = [], self.spellings.transposed
        for term in _terms(self.node) if self.ones else ():
            first, last = span(self.tokens, term)
            for one, spelling in self.ones:
                row = one._replace(kind="transpose", parts=(one,), value=None)
                turned = Spelling((*spelling.tokens, *tail.tokens), spelling.text + tail.text)
                for node, new in ((one, spelling), (row, turned)):
                    if term.kind == "∘":
                        found += self._around(term, node, new)
                        continue
                    before, after = Spelling(new.tokens, new.text + " "), Spelling(new.tokens, " " + new.text)
                    ahead = self.insert(first, term.start, before, 25, "missing", ("*", term, FIRST, node))
                    behind = self.insert(last, term.end, after, 25, "missing", ("*", term, node))
                    found += [ahead, behind] if self.ahead else [behind, ahead]
        return found

    def _around(self, term: Node, node: Node, new: Spelling) -> list[Edit]:
        """The same with brackets around the term."""
        inner = self.spelled(term)
        tokens, text = (OPEN, *inner.tokens, CLOSE), f"({inner.text})"
        behind = Spelling((*tokens, *new.tokens), f"{text} {new.text}")
        ahead = Spelling((*new.tokens, *tokens), f"{new.text} {text}")
        whole = Node("bracket", (term,), "(", term.start, term.end)
        made = [Node("*", parts, None, term.start, term.end) for parts in ((whole, node), (node, whole))]
        return [self.replace(term, x, 25, "missing", tree) for x, tree in zip((behind, ahead), made, strict=True)]


def _terms(node: Node) -> list[Node]:
    """The terms of a sum, those under a Σ as well."""
    if node.kind in ("+", "-", "sum", "neg"):
        return [term for part in node.parts for term in _terms(part)]
    return [node]
