"""Edits of the left-hand side of a line, and of the sign behind it."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import Fragment, equals_sign, joined, names_in, with_indices
from tinyad.derivation.repair.edit import Context, Edit, Member, named
from tinyad.derivation.repair.name_edits import alternatives


def assign(member: Member, context: Context) -> Iterator[Edit]:
    """Propose += for =, and back."""
    yield toggle_assign(member)


def toggle_assign(member: Member) -> Edit:
    """Return the edit that makes += of =, or = of +=."""
    k = equals_sign(member.tokens)
    return member.replace_sign(k, "+=" if member.tokens[k].text != "+=" else "=", ranks.ASSIGN)


def left_sides(member: Member, context: Context) -> Iterator[Edit]:
    """Propose that the line sets something else."""
    for node in (part for left in member.line.left for part in names_in(left)):
        if node.kind == "name":
            derivative = context.notation.derivative(node.value)
            if derivative is not None:
                yield member.replace(node, derivative, ranks.LEFT_DERIVATIVE, named(node, "d", node.value))
            for ref in alternatives(context, node.value):
                name = context.notation.name(ref)
                if name is not None:
                    yield member.replace(node, name, ranks.LEFT_NAME, named(node, "name", ref))
        else:
            yield from _other_indices(member, context, node)
            yield from _other_derivatives(member, context, node)


def _other_indices(member: Member, context: Context, node: Node) -> Iterator[Edit]:
    """Propose the same derivative with another index."""
    ref = node.value[0]
    for k in range(len(ref.indices)):
        for letter in sorted(context.notation.names.indices - {*ref.indices}):
            new = ref._replace(indices=(*ref.indices[:k], letter, *ref.indices[k + 1 :]))
            fragment = with_indices(member.fragment(node), ref.indices, new.indices)
            yield member.replace(node, fragment, ranks.LEFT_INDEX, named(node, "d", new))


def _other_derivatives(member: Member, context: Context, node: Node) -> Iterator[Edit]:
    """Propose the derivatives of all other names."""
    own = [other.value[0] for other in member.line.left if other.kind == "d"]
    known = [ref for kind, ref in context.notation.known if kind == "name"]
    indices = node.value[0].indices
    known = [ref._replace(indices=indices) if len(ref.indices) == len(indices) or not indices else ref for ref in known]
    for ref in dict.fromkeys(known):
        derivative = context.notation.derivative(ref) if ref not in own else None
        if derivative is not None:
            yield member.replace(node, derivative, _rank(context, ref), named(node, "d", ref))


def _rank(context: Context, ref: Ref) -> ranks.Rank:
    unset = ref.key in context.unset
    if context.set_elsewhere and unset:
        return ranks.LEFT_SET_TWICE
    if ref in context.near_operands:
        return ranks.LEFT_UNSET if unset else ranks.LEFT_NEAR
    return ranks.LEFT_FAR


def swapped_left_sides(member: Member, context: Context) -> Iterator[Edit]:
    """Propose [dy, dx] for [dx, dy]."""
    if len(member.line.left) == 2:
        x, y = member.line.left
        (first, x_last), (y_first, last) = member.span(x), member.span(y)
        between = Fragment(member.tokens[x_last:y_first], member.source.text[x.end : y.start])
        new = joined(member.fragment(y), between, member.fragment(x))
        yield Edit(first, last, new.tokens, x.start, y.end, new.text, ranks.LEFT_SWAPPED)
