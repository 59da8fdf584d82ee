"""Edits that take a term or a factor away, or add one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from tinyad.derivation.language.syntax_tree import Node, walk
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.author_notation import Fragment, bracketed, joined, number_token, sign_token
from tinyad.derivation.repair.edit import Context, Edit, Member, instead

NUMBERS = ("2", "0.5", "3")  # factors that people forget: of squares, of means and of cubes
CLOSED = ("bracket", "call", "prime")  # formulas that are one factor as they stand


def fewer_terms(member: Member, context: Context) -> Iterator[Edit]:
    """Propose to leave a term out."""
    for node in walk(member.node):
        if node.kind in ("+", "-"):
            yield member.keep_operand(node, 0, ranks.SECOND_TERM_LESS)
            yield member.keep_operand(node, 1, ranks.FIRST_TERM_LESS)


def fewer_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose to leave a factor out."""
    for node in walk(member.node):
        if node.kind in ("∘", "*", "/"):
            for k in (0, 1):
                rank = ranks.NUMBER_LESS if _is_number(node.parts[1 - k]) else ranks.FACTOR_LESS
                yield member.keep_operand(node, k, rank)


def _is_number(node: Node) -> bool:
    """Return whether a formula is a number or made of two, as 1/2."""
    return node.kind == "number" or (bool(node.parts) and all(part.kind == "number" for part in node.parts))


def further_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose 2 or 1/2, one of the rule's names, or a factor of another line beside a term."""
    named = _operands(context)
    if member.node.kind in ("+", "-"):
        yield from _numbers(member, member.node)
    indexed = any(left.kind == "d" and left.value[0].indices for left in member.line.left)
    for term in _summands(member.node):
        yield from _numbers(member, term)
        yield from _derivatives(member, context, term)
        yield from _names(member, context, term, named)
        for factor, fragment in context.factors:
            if indexed:
                new, tree = joined(" ", fragment), instead(term, "*", term, factor)
            else:
                new, tree = joined(context.notation.circle, fragment), instead(term, "∘", term, factor)
            yield member.insert_after(term, new, ranks.FACTOR_OF_OTHERS, tree)


def _summands(formula: Node) -> Iterator[Node]:
    """Yield a formula, and what stands in sums and brackets, without the sums themselves."""
    for node in [formula, *(n for n in walk(formula) if n.kind in ("bracket", "sum", "+", "-"))]:
        for part in node.parts if node.kind in ("+", "-", "bracket", "sum") else [node]:
            if part.kind not in ("+", "-", "sum"):
                yield part


def _numbers(member: Member, term: Node) -> Iterator[Edit]:
    for number in NUMBERS:
        new = Fragment((number_token(number),), number + " ")
        tree = instead(term, "*", Node("number", (), float(number), term.start, term.start), term)
        if term.kind in ("+", "-"):
            yield member.replace(term, joined(new, bracketed(member.fragment(term))), ranks.NUMBER_MORE, tree)
        else:
            yield member.insert_before(term, new, ranks.NUMBER_MORE, tree)


def _derivatives(member: Member, context: Context, term: Node) -> Iterator[Edit]:
    """Propose the derivative of an equation's result as a factor, on either side."""
    for ref in context.results:
        fragment = context.notation.derivative(ref)
        if fragment is not None:
            dz, rank = Node("d", (), (ref, None), term.start, term.start), ranks.DERIVATIVE_MORE
            component = joined(fragment, context.notation.circle)
            yield member.insert_before(term, component, rank, instead(term, "∘", dz, term))
            times = context.notation.product
            yield member.insert_before(term, joined(fragment, times), rank, instead(term, "*", dz, term))
            yield member.insert_after(term, joined(times, fragment), rank, instead(term, "*", term, dz))


def _operands(context: Context) -> list[tuple[Node, Fragment]]:
    """Return the names and calls of the rule, each as it stands and transposed."""
    refs = context.rule_names[: limits.RULE_NAMES]
    named = [(Node("name", (), ref, 0, 0), context.notation.name(ref)) for ref in refs]
    factors = []
    for node, fragment in [*named, *context.operand_calls]:
        if fragment is not None:
            turned = Node("transpose", (node,), None, node.start, node.end)
            factors += [(node, fragment), (turned, context.notation.transposed(fragment))]
    return factors


def _names(member: Member, context: Context, term: Node, operands: Sequence[tuple[Node, Fragment]]) -> Iterator[Edit]:
    """Propose one of the rule's names as a further factor, on either side."""
    for factor, fragment in operands:
        component = joined(context.notation.circle, fragment)
        yield member.insert_after(term, component, ranks.COMPONENT_FACTOR, instead(term, "∘", term, factor))
        times = context.notation.product
        behind, ahead = joined(times, fragment), joined(fragment, times)
        yield member.insert_after(term, behind, ranks.MATRIX_FACTOR, instead(term, "*", term, factor))
        yield member.insert_before(term, ahead, ranks.MATRIX_FACTOR, instead(term, "*", factor, term))


def other_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a bracket or a call of another line in the place of one, those first that look like it."""
    pool = [(factor, new) for factor, new in context.factors if factor.kind in CLOSED]
    for node in (n for n in walk(member.node) if n.kind in CLOSED):
        matcher = SequenceMatcher(None, b=[t.text for t in member.fragment(node).tokens], autojunk=False)
        for factor, new in pool:
            matcher.set_seq1([t.text for t in new.tokens])
            similar = matcher.quick_ratio() > limits.SIMILAR_TOKENS and matcher.ratio() > limits.SIMILAR_TOKENS
            rank = ranks.FACTOR_SIMILAR if similar else ranks.FACTOR_OTHER
            yield member.replace(node, new, rank, (node, factor))


def further_terms(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a term that another line has."""
    here = [node.value for node in walk(member.node) if node.kind == "d"]
    for term, new in context.terms_of_same:
        if term.value not in here:
            rank = ranks.LABELLED_TERM if _is_labelled(term) else ranks.TERM_OF_SAME
            yield _term_added(member, member.node, "+", (term, new), rank)
    inside = [n.parts[0] for n in walk(member.node) if n.kind in ("bracket", "call", "differential") and n.parts]
    for formula in [member.node, *inside][: limits.SUMS_EXTENDED]:
        for sign, term, new in context.signed_terms:
            yield _term_added(member, formula, sign, (term, new), ranks.TERM_OF_OTHERS)


def _term_added(member: Member, formula: Node, sign: str, term: tuple[Node, Fragment], rank: ranks.Rank) -> Edit:
    """Return the edit that puts one term more at the end of a sum."""
    node, fragment = term
    if node.kind == "neg" and fragment.text.startswith("-"):
        sign, node = "+" if sign == "-" else "-", node.parts[0]
        fragment = Fragment(fragment.tokens[1:], fragment.text[1:].lstrip())
    new = joined(" ", Fragment((sign_token(sign),), sign), " ", fragment)
    return member.insert_after(formula, new, rank, instead(formula, sign, formula, node))


def _is_labelled(node: Node) -> bool:
    """Return whether a formula is a part of a derivative, by its label."""
    return node.kind == "d" and node.value[1] is not None
