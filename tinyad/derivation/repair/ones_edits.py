"""A column of ones where one was forgotten: da 1 sums the columns of da, 1 dm repeats dm."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import Node, walk
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import Fragment, bracketed, joined
from tinyad.derivation.repair.edit import Context, Edit, Member, instead


def ones(member: Member, context: Context) -> Iterator[Edit]:
    """Propose 1 or 1ᵀ behind every term, or in front of it."""
    mark = context.notation.transpose_mark
    for term in _terms(member.node) if context.ones else ():
        summed = any(node.kind == "ones" or (node.kind, node.value) == ("number", 1.0) for node in walk(term))
        rank = ranks.ONES_AGAIN if summed else ranks.ONES
        for one, fragment in context.ones:
            row = Node("transpose", (one,), None, one.start, one.end)
            for node, new in ((one, fragment), (row, joined(fragment, mark))):
                if term.kind == "∘":
                    yield from _around(member, term, (node, new), rank)
                    continue
                ahead = member.insert_before(term, joined(new, " "), rank, instead(term, "*", node, term))
                behind = member.insert_after(term, joined(" ", new), rank, instead(term, "*", term, node))
                yield from (ahead, behind) if context.ones_first else (behind, ahead)


def _around(member: Member, term: Node, ones_: tuple[Node, Fragment], rank: ranks.Rank) -> Iterator[Edit]:
    """Propose the same with brackets around the term."""
    one, new = ones_
    inner = bracketed(member.fragment(term))
    bracket = Node("bracket", (term,), "(", term.start, term.end)
    yield member.replace(term, joined(inner, " ", new), rank, instead(term, "*", bracket, one))
    yield member.replace(term, joined(new, " ", inner), rank, instead(term, "*", one, bracket))


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum, those under a Σ as well."""
    if node.kind in ("+", "-", "sum", "neg"):
        return [term for part in node.parts for term in _terms(part)]
    return [node]
