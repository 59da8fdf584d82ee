"""Edits of inverses: A⁻¹ for A, A⁻ᵀ for A⁻¹, and back."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import AuthorNotation, Fragment, bracketed, has_superscript, joined
from tinyad.derivation.repair.edit import Context, Edit, Member

SCRIPTED = ("transpose", "inverse", "square", "power")  # kinds of formulas that have a superscript


def inverses(member: Member, context: Context) -> Iterator[Edit]:
    """Propose an inverse, transposed or not, for a name or a bracket, and back."""
    if context.notation.program or not context.notation.has_inverses:
        return
    below = {id(node.parts[0]) for node in member.nodes() if node.kind in SCRIPTED}
    for node in member.nodes():
        if id(node) in below:
            continue
        if node.kind == "inverse":
            base = node.parts[0]
            yield member.unwrap(node, member.without_bracket(base), ranks.INVERSE)
            yield _inverse(member, context.notation, node, (base, True), ranks.INVERSE_TURNED)
        elif node.kind == "transpose" and node.parts[0].kind == "inverse":
            base = node.parts[0].parts[0]
            yield _inverse(member, context.notation, node, (base, False), ranks.INVERSE_TURNED)
            turned = joined(_base(member, base), context.notation.transpose_mark)
            yield member.replace(node, turned, ranks.INVERSE, (node, node._replace(parts=(base,))))
        elif node.kind == "transpose":
            yield _inverse(member, context.notation, node, (node.parts[0], True), ranks.INVERSE)
        elif node.kind in ("name", "bracket"):
            yield _inverse(member, context.notation, node, (node, False), ranks.INVERSE)
            yield _inverse(member, context.notation, node, (node, True), ranks.INVERSE_AND_TURN)


def _inverse(member: Member, notation: AuthorNotation, node: Node, of: tuple[Node, bool], rank: ranks.Rank) -> Edit:
    """Return the edit that puts an inverse, if need be transposed, in the place of a formula."""
    base, turned = of
    mark = notation.mark(notation.transposed_inverse_text if turned else notation.inverse_text)
    made = Node("inverse", (base,), None, node.start, node.end)
    made = Node("transpose", (made,), None, node.start, node.end) if turned else made
    return member.replace(node, joined(_base(member, base), mark), rank, (node, made))


def _base(member: Member, base: Node) -> Fragment:
    """Return what gets a superscript, in brackets if it ends in one."""
    inner = member.fragment(base)
    return bracketed(inner) if has_superscript(inner) else inner
