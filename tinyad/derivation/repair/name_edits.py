"""Edits that put one name in the place of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyad.derivation.language.syntax_tree import Node, Ref, walk
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.author_notation import (
    Fragment,
    bracketed,
    is_differential_of_name,
    joined,
    names_in,
    ref_of,
    sign_token,
)
from tinyad.derivation.repair.edit import Context, Edit, Member, apply, named, replace_parts

OTHER = {"name": "d", "d": "name"}


def routine_operands(member: Member, context: Context) -> Iterator[Edit]:
    """Propose for deriv(dz, x, y) the result and the operands of one equation, in their order."""
    for node in walk(member.node):
        if node.kind == "deriv":
            for refs in context.equations:
                yield from _lacking_operands(member, context, node, refs)
                for k, (part, ref) in enumerate(zip(node.parts, refs, strict=False)):
                    kind = "name" if k else "d"
                    new = context.notation.fragment(kind, ref)
                    if new is not None:
                        yield member.replace(part, new, ranks.ROUTINE_OPERAND, named(part, kind, ref))


def _lacking_operands(member: Member, context: Context, node: Node, refs: Sequence[Ref]) -> Iterator[Edit]:
    """Propose the operand of an equation that deriv() lacks."""
    if len(node.parts) >= len(refs):
        return
    for k in range(1, len(refs)):
        name = context.notation.name(refs[k])
        if name is not None:
            before = node.parts[min(k, len(node.parts)) - 1]
            rest = [part.value for part in node.parts[1:] if part.kind == "name"]
            complete = rest == [ref for ref in refs[1:] if ref != refs[k]]
            rank = ranks.ROUTINE_COMPLETE if complete else ranks.ROUTINE_LACKING
            yield member.insert_after(before, joined(Fragment((sign_token(","),), ", "), name), rank)


def labels(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a part of a derivative, by its label, for another part or for all of it."""
    targets = [left.value[0] for left in member.line.left if left.kind == "d"]
    for node in (n for n in names_in(member.node) if n.kind == "d"):
        refs = dict.fromkeys((*targets, node.value[0]))
        for value in [(ref, label) for ref in refs for label in sorted(context.labels)]:
            new = context.notation.labelled_derivative(*value)
            if value != node.value and new is not None:
                made = Node("d", (), value, node.start, node.end)
                yield member.replace(node, new, ranks.LABEL, (node, made))


def repeated_names(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another name in every place of one that is used more than once."""
    nodes = [node for node in names_in(member.node) if node.kind == "name"]
    formula = Member.alone(member.line, member.node, member.source)
    for own in dict.fromkeys(node.value for node in nodes):
        places = [node for node in nodes if node.value == own]
        for ref in alternatives(context, own)[: limits.NAMES_REPEATED] if len(places) > 1 else ():
            name = context.notation.name(ref)
            if name is not None:
                changes = [named(node, "name", ref) for node in places]
                edits = [formula.replace(node, name, ranks.NAME_OTHER) for node in places]
                new = apply(formula.line, edits, member.source)
                made = replace_parts(member.node, changes)
                yield member.replace(member.node, new, ranks.NAME_REPEATED, (member.node, made))


def other_names(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another name or derivative for one: those of the rule first."""
    for node in names_in(member.node):
        own = ref_of(node)
        labelled = node.kind == "d" and node.value[1] is not None
        for ref in (*alternatives(context, own), *([own] if labelled else [])):
            rank = _rank(context, ref, own)
            same_kind = _like(member, context, node, ref)
            if same_kind is not None:
                yield member.replace(node, same_kind, rank, named(node, node.kind, ref))
            other = OTHER[node.kind]
            other_kind = context.notation.fragment(other, ref)
            if other_kind is not None:
                yield member.replace(node, other_kind, rank.later(ranks.OTHER_SORT), named(node, other, ref))
        other = OTHER[node.kind]
        for_own = context.notation.fragment(other, own)
        if for_own is not None:
            yield member.replace(node, for_own, ranks.NAME_FOR_OWN, named(node, other, own))


def differentials(member: Member, context: Context) -> Iterator[Edit]:
    """Propose dX for X, and dX and X for the differential of another name."""
    for node in walk(member.node):
        if is_differential_of_name(node):
            own = node.parts[0].value
            for ref in dict.fromkeys((*context.rule_names, own)):
                new, name = context.notation.differential(ref), context.notation.name(ref)
                inner = Node("name", (), ref, node.start, node.end)
                if new is not None and ref != own:
                    made = node._replace(parts=(inner,))
                    yield member.replace(node, new, _rank(context, ref, own), (node, made))
                if name is not None:
                    rank = ranks.NAME_FOR_OWN if ref == own else _rank(context, ref, own).later(ranks.OTHER_SORT)
                    yield member.replace(node, name, rank, (node, inner))
    for node in (n for n in names_in(member.node) if n.kind == "name"):
        new = context.notation.differential(node.value)
        if new is not None:
            made = Node("differential", (node,), None, node.start, node.end)
            yield member.replace(node, new, ranks.NAME_FOR_OWN, (node, made))


def sum_letters(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another letter of a sum or product over an index."""
    for node in walk(member.node):
        if node.kind in ("sum", "product") and node.value[0] == "index":
            own = node.value[1]
            head = range(member.span(node)[0], member.span(node.parts[0])[0])
            k = next((k for k in head if member.tokens[k].text == own), None)
            if k is None:
                continue
            for letter in sorted(context.notation.names.indices - {own}):
                made = node, node._replace(value=("index", letter, *node.value[2:]))
                yield member.replace_sign(k, letter, ranks.INDEX_OF_SUM, made)


def names_for_numbers(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another number, the name of a number or a call for a number, and for one size another."""
    sizes = {node.value for node, _ in context.sizes}
    terms = {id(part) for node in walk(member.node) if node.kind in ("+", "-") for part in node.parts}
    for node in walk(member.node):
        if node.kind == "number":
            if node.value in (0, 1):
                other = 1 - node.value
                made = node._replace(value=other)
                yield member.replace(node, context.notation.plain(f"{other:g}"), ranks.OTHER_NUMBER, (node, made))
            calls = [call for call in context.operand_calls if id(node) not in terms]
            for new, fragment in (*context.numbers, *calls):
                yield member.replace(node, fragment, ranks.NAME_FOR_NUMBER, (node, new))
        if node.kind == "name" and (node.value in sizes or not context.notation.names.is_known(node.value.key)):
            for new, fragment in context.sizes:
                if new.value != node.value:
                    yield member.replace(node, fragment, ranks.SIZE, (node, new))


def names_in_products(member: Member, context: Context) -> Iterator[Edit]:
    """Propose for a name a product or a sum that the line has with this name in another place."""
    nodes = [node for node in walk(member.node) if node.kind in ("∘", "*", "/", "+", "-")]
    for node in names_in(member.node):
        for whole in nodes:
            apart = whole.end <= node.start or node.end <= whole.start
            if apart and any(part.kind == node.kind and part.value == node.value for part in whole.parts):
                made = Node("bracket", (whole,), "(", node.start, node.end)
                yield member.replace(node, bracketed(member.fragment(whole)), ranks.NAME_IN_PRODUCT, (node, made))


def _like(member: Member, context: Context, node: Node, ref: Ref) -> Fragment | None:
    """Return another name for a name, and for a derivative another one, if need be after its pattern."""
    if node.kind == "name":
        return context.notation.name(ref)
    pattern = member.fragment(node) if node.value[1] is None else None
    return context.notation.derivative(ref, pattern, node.value[0])


def _rank(context: Context, ref: Ref, own: Ref) -> ranks.Rank:
    position = context.rule_names.index(ref) if ref in context.rule_names else limits.RULE_NAMES_FIRST
    if position < limits.RULE_NAMES_FIRST:
        return ranks.NAME_OF_RULE.later(position)
    return ranks.NAME_SIMILAR if ref.key == own.key else ranks.NAME_OTHER


def alternatives(context: Context, own: Ref) -> list[Ref]:
    """Return the names that may be meant in the place of one."""
    refs = [*context.rule_names, *(ref for _, ref in context.notation.known)]
    letters = sorted(context.notation.names.indices)
    if own.indices:
        refs = [ref._replace(indices=own.indices) for ref in refs if len(ref.indices) == len(own.indices)]
        for k in range(len(own.indices)):
            refs += [own._replace(indices=(*own.indices[:k], x, *own.indices[k + 1 :])) for x in letters]
        refs.append(own._replace(indices=own.indices[::-1]))
    return [ref for ref in dict.fromkeys(refs) if ref != own and ref.key != context.notation.names.loss]


def denominators(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another name in the denominator of a Jacobian."""
    own = [node for node in walk(member.node) if _is_jacobian(node)]
    left = [node for root in member.line.left for node in walk(root) if _is_jacobian(node)]
    for node in (*left, *own):
        at = member.denominator(node)
        if at is None:
            continue
        first, last, start, end = at
        inside = any(node is other for other in own)
        rank = ranks.DENOMINATOR if inside else ranks.LEFT_DENOMINATOR
        for ref in alternatives(context, node.value):
            name = context.notation.name(ref)
            own_rank = rank.later(ranks.INDIRECT) if _is_indirect(context, node, ref) else rank
            trivial = node.parts[0].kind == "name" and node.parts[0].value == ref  # ∂s/∂s
            if name is not None and not trivial:
                tree = (node, node._replace(value=ref)) if inside else None
                yield Edit(first, last, name.tokens, start, end, name.text, own_rank, tree)


def _is_jacobian(node: Node) -> bool:
    return node.kind == "jacobian" and isinstance(node.value, Ref)


def _is_indirect(context: Context, node: Node, ref: Ref) -> bool:
    """Return whether the equation of what is derived does not use a name, but the one that it would replace."""
    above = node.parts[0]
    used = next((refs[1:] for refs in context.forward if above.kind == "name" and refs[0].key == above.value.key), [])
    keys = {other.key for other in used}
    return node.value.key in keys and ref.key not in keys
