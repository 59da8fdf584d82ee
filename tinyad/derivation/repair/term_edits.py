"""Edits that take a term or a factor away, or add one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import permutations

from tinyad.derivation.language.syntax_tree import Node, Ref, structure, walk
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.author_notation import (
    AuthorNotation,
    Fragment,
    bracketed,
    has_superscript,
    joined,
    ref_of,
    sign_token,
)
from tinyad.derivation.repair.edit import Context, Edit, Member, instead

SUMS = ("+", "-", "neg", "sum")
CLOSED = ("bracket", "call", "prime")  # formulas that are one factor as they stand


def fewer_terms(member: Member, context: Context) -> Iterator[Edit]:
    """Propose to leave a term out."""
    for node in walk(member.node):
        if node.kind in ("+", "-"):
            repeated = structure(node.parts[1]) in [structure(term) for term in _terms(node.parts[0])]
            yield member.keep_operand(node, 0, ranks.REPEATED if repeated else ranks.SECOND_TERM_LESS)
            yield member.keep_operand(node, 1, ranks.FIRST_TERM_LESS)


def fewer_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose to leave a factor out."""
    for node in walk(member.node):
        if node.kind in ("∘", "*", "/"):
            for k in (0, 1):
                repeated = node.kind != "/" and all(map(_is_number, node.parts))
                number = ranks.REPEATED if repeated else ranks.NUMBER_LESS
                rank = number if _is_number(node.parts[1 - k]) else ranks.FACTOR_LESS
                yield member.keep_operand(node, k, rank)


def _terms(node: Node) -> list[Node]:
    """Return the terms of a sum."""
    return [*_terms(node.parts[0]), node.parts[1]] if node.kind in ("+", "-") else [node]


def _is_number(node: Node) -> bool:
    """Return whether a formula is a number or made of two, as 1/2."""
    return node.kind == "number" or (bool(node.parts) and all(part.kind == "number" for part in node.parts))


def further_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose 2 or 1/2, one of the rule's names, or a factor of another line beside a term."""
    named = _operands(member, context)
    if member.node.kind in ("+", "-"):
        yield from _numbers(member, context, member.node)
    for term in (term for term in _summands(member.node) if not is_one(term)):
        yield from _numbers(member, context, term)
        yield from _derivatives(member, context, term)
        yield from _names(member, context, term, named)
        for factor in context.factors:
            yield _componentwise(member, context, term, factor, ranks.FACTOR_OF_OTHERS)


def _summands(formula: Node) -> Iterator[Node]:
    """Yield a formula, and what stands in sums, brackets, traces and cases, without the sums and their signs."""
    if formula.kind not in SUMS:
        yield formula
    for node in (n for n in walk(formula) if n.kind in (*SUMS, "bracket", "cases") or _is_of_entries(n)):
        for part in node.parts[::2] if node.kind == "cases" else node.parts:
            if part.kind not in SUMS:
                yield part


def _is_of_entries(node: Node) -> bool:
    """Return whether a formula is a sum of entries, as a trace is."""
    return node.kind == "call" and node.value.key in ("tr", "sum", "mean")


def _numbers(member: Member, context: Context, term: Node) -> Iterator[Edit]:
    """Propose numbers, sizes and names that are one number as factors of a term, or below it."""
    notation = context.notation
    for value in limits.FACTORS_FORGOTTEN:
        text = notation.half_text if value == limits.HALF else f"{value:g}"
        yield _scaled(member, context, term, (Node("number", (), value, 0, 0), notation.plain(text)), ranks.NUMBER_MORE)
    for size in context.sizes:
        yield from _divided(member, context, term, size, ranks.SIZE_MORE)
        yield _scaled(member, context, term, size, ranks.SIZE_MORE.later(1))
    for number in context.numbers:
        yield _scaled(member, context, term, number, ranks.SCALAR_MORE)
        yield from _divided(member, context, term, number, ranks.SCALAR_MORE)
        yield from _divided(member, context, term, _squared(notation, number), ranks.SCALAR_MORE.later(1))


def _scaled(member: Member, context: Context, term: Node, number: tuple[Node, Fragment], rank: ranks.Rank) -> Edit:
    """Return the edit that multiplies a term by a number: in the fraction or behind the number that it begins with."""
    node, fragment = number
    scale = context.notation.plain(context.notation.scale_text)
    first = _first_factor(term)
    if term.kind in ("+", "-"):
        new = joined(fragment, scale, bracketed(member.fragment(term)))
        return member.replace(term, new, rank, instead(term, "*", node, term))
    if first.kind == "/" and is_one(first.parts[0]) and not _is_number(first) and node.kind != "/":
        return member.replace(first.parts[0], fragment, rank, (first.parts[0], node))
    if first is not term and _is_number(first) and node.kind != "number":
        return member.insert_after(first, joined(scale, fragment), rank, instead(first, "*", first, node))
    return member.insert_before(term, joined(fragment, scale), rank, instead(term, "*", node, term))


def is_one(node: Node) -> bool:
    """Return whether a formula is the number 1."""
    return (node.kind, node.value) == ("number", 1.0)


def _first_factor(term: Node) -> Node:
    """Return the factor that a product begins with."""
    while term.kind in ("*", "∘") and term.parts[0].end > term.parts[0].start:
        term = term.parts[0]
    return term


def _divided(
    member: Member, context: Context, term: Node, number: tuple[Node, Fragment], rank: ranks.Rank
) -> Iterator[Edit]:
    """Propose to divide a term by a number: below a fraction that it has, or by a fraction of its own."""
    first = term if term.kind == "/" else _first_factor(term)
    below = first.parts[1] if first.kind == "/" else None
    if below is not None:
        inner = below.parts[0] if below.kind == "bracket" else below
        if inner.kind not in ("+", "-"):
            new = joined(member.fragment(inner), " ", number[1])
            closed = first.value is None or below.kind == "bracket"  # the braces of a fraction, or brackets
            tree = instead(inner, "*", inner, number[0])
            yield member.replace(inner, new if closed else bracketed(new), rank, tree)
            return
    if first.kind == "number" and not is_one(first) and not context.notation.program:
        text = (
            rf"\frac{{{first.value:g}}}{{{number[1].text}}}"
            if context.notation.latex
            else f"{first.value:g}/{number[1].text}"
        )
        made = Node("/", (first, number[0]), None, first.start, first.end)
        yield member.replace(first, context.notation.plain(text), rank, (first, made))
    elif context.notation.latex or (term.kind in ("+", "-") and not context.notation.program):
        yield _scaled(member, context, term, _reciprocal(context.notation, number), rank)
    else:
        new = joined(" ", context.notation.plain("/"), " ", number[1])
        inside = bracketed(member.fragment(term)) if term.kind in ("+", "-") else member.fragment(term)
        made = Node("/", (term, number[0]), (term.end, term.end), term.start, term.end)
        yield member.replace(term, joined(inside, new), rank, (term, made))


def _squared(notation: AuthorNotation, number: tuple[Node, Fragment]) -> tuple[Node, Fragment]:
    """Return n²."""
    node, fragment = number
    base = bracketed(fragment) if has_superscript(fragment) else fragment
    return Node("square", (node,), None, 0, 0), joined(base, notation.mark(notation.square_text))


def _reciprocal(notation: AuthorNotation, number: tuple[Node, Fragment]) -> tuple[Node, Fragment]:
    """Return 1/n, as it stands elsewhere."""
    node, fragment = number
    below = fragment.text
    text = notation.reciprocals.get(node.value, rf"\frac{{1}}{{{below}}}" if notation.latex else f"1/{below}")
    return Node("/", (Node("number", (), 1.0, 0, 0), node), None, 0, 0), notation.plain(text)


def _derivatives(member: Member, context: Context, term: Node) -> Iterator[Edit]:
    """Propose the derivative of an equation's result as a factor, on either side."""
    for ref in context.results:
        fragment = context.notation.derivative(ref)
        if fragment is not None:
            dz, rank = Node("d", (), (ref, None), term.start, term.start), ranks.DERIVATIVE_MORE
            component = joined(fragment, " " if context.indexed else context.notation.circle)
            kind = "*" if context.indexed else "∘"
            yield member.insert_before(term, component, rank, instead(term, kind, dz, term))
            if not context.indexed:
                times = context.notation.product
                yield member.insert_before(term, joined(fragment, times), rank, instead(term, "*", dz, term))
                yield member.insert_after(term, joined(times, fragment), rank, instead(term, "*", term, dz))
                yield from _between(member, term, (dz, joined(fragment, times)), rank)


def _operands(member: Member, context: Context) -> list[tuple[Node, Fragment]]:
    """Return the names and calls of the rule, each as it stands and transposed, and inverses."""
    refs = list(context.rule_names[: limits.RULE_NAMES])
    if context.indexed:
        return _components(member, context, refs)
    named = [(Node("name", (), ref, 0, 0), context.notation.name(ref)) for ref in refs]
    factors = []
    for node, fragment in [*named, *context.operand_calls]:
        if fragment is not None:
            turned = Node("transpose", (node,), None, node.start, node.end)
            factors += [(node, fragment), (turned, context.notation.transposed(fragment))]
    return factors + list(context.inverses)


def _components(member: Member, context: Context, refs: Sequence[Ref]) -> list[tuple[Node, Fragment]]:
    """Return the components of the rule's names, with the letters of the line."""
    used = [names for node in (*member.line.left, member.node) for names in map(_indices, walk(node))]
    letters = list(dict.fromkeys(letter for names in used for letter in names))[: limits.LETTERS]
    factors = []
    for ref in dict.fromkeys(ref._replace(indices=()) for ref in refs):
        for count in (0, 1, 2):
            for some in permutations(letters, count):
                own = ref._replace(indices=some)
                fragment = context.notation.name(own) if any(len(r.indices) == count for r in refs) else None
                factors += [] if fragment is None else [(Node("name", (), own, 0, 0), fragment)]
    return factors


def _indices(node: Node) -> tuple[str, ...]:
    """Return the letters of a component."""
    indices: tuple[str, ...] = ref_of(node).indices if node.kind in ("name", "d") else ()
    return indices


def _names(member: Member, context: Context, term: Node, operands: Sequence[tuple[Node, Fragment]]) -> Iterator[Edit]:
    """Propose one of the rule's names as a further factor, on either side and between two factors."""
    term = term.parts[0] if term.kind == "/" and term.value is not None else term  # above the fraction
    for factor, fragment in operands:
        yield _componentwise(member, context, term, (factor, fragment), ranks.COMPONENT_FACTOR)
        if context.indexed:
            continue
        times = context.notation.product
        behind, ahead = joined(times, fragment), joined(fragment, times)
        yield member.insert_after(term, behind, ranks.MATRIX_FACTOR, instead(term, "*", term, factor))
        if _first_factor(term).kind not in ("number", "/"):
            yield member.insert_before(term, ahead, ranks.MATRIX_FACTOR, instead(term, "*", factor, term))
        yield from _between(member, term, (factor, ahead), ranks.MATRIX_FACTOR)


def _between(member: Member, term: Node, factor: tuple[Node, Fragment], rank: ranks.Rank) -> Iterator[Edit]:
    """Propose a factor between two factors of a matrix product."""
    node, (new, ahead) = term, factor
    while node.kind == "*":
        a, b = node.parts
        made = node._replace(parts=(Node("*", (a, new), None, a.start, a.end), b))
        yield member.insert_before(b, ahead, rank, (node, made))
        node = a


def _componentwise(
    member: Member, context: Context, term: Node, factor: tuple[Node, Fragment], rank: ranks.Rank
) -> Edit:
    """Return the edit that multiplies a term by a factor, component by component."""
    node, fragment = factor
    if context.indexed or context.of_numbers:
        return member.insert_after(term, joined(" ", fragment), rank, instead(term, "*", term, node))
    circle = context.notation.circle
    if term.kind == "*":
        new = joined(bracketed(member.fragment(term)), circle, fragment)
        inner = Node("bracket", (term,), "(", term.start, term.end)
        return member.replace(term, new, rank, instead(term, "∘", inner, node))
    return member.insert_after(term, joined(circle, fragment), rank, instead(term, "∘", term, node))


def other_factors(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a bracket or a call of another line in the place of one, those first that look like it."""
    pool = [(factor, new) for factor, new in context.factors if factor.kind in CLOSED]
    for node in (n for n in walk(member.node) if n.kind in CLOSED):
        matcher = SequenceMatcher(None, b=[t.text for t in member.fragment(node).tokens], autojunk=False)
        for factor, new in pool:
            matcher.set_seq1([t.text for t in new.tokens])
            if sorted(t.text for t in new.tokens) == sorted(t.text for t in member.fragment(node).tokens):
                yield member.replace(node, new, ranks.BRACKET_REORDERED, (node, factor))
                continue
            similar = matcher.quick_ratio() > limits.SIMILAR_TOKENS and matcher.ratio() > limits.SIMILAR_TOKENS
            rank = ranks.FACTOR_SIMILAR if similar else ranks.FACTOR_OTHER
            yield member.replace(node, new, rank, (node, factor))


def terms_in_brackets(member: Member, context: Context) -> Iterator[Edit]:
    """Propose for a name or a call a bracket of another line in which it is a term."""
    brackets = [
        (node, new)
        for node, new in context.factors
        if node.kind == "bracket" and new.text[:1] == "(" and node.parts[0].kind in "+-"
    ]
    inside = [[structure(term) for term in node.parts[0].parts] for node, _ in brackets]
    closed = {id(node.parts[0]) for node in walk(member.node) if node.kind == "bracket"}
    for node in (n for n in walk(member.node) if n.kind in ("name", "call", "d")):
        own = structure(node)
        for (bracket, new), terms in zip(brackets, inside, strict=True):
            if own in terms and id(node) in closed:
                inner = Fragment(new.tokens[1:-1], new.text[1:-1])
                yield member.replace(node, inner, ranks.TERM_IN_BRACKET, (node, bracket.parts[0]))
            elif own in terms:
                yield member.replace(node, new, ranks.TERM_IN_BRACKET, (node, bracket))


def leading_terms(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a derivative or a name of the rule before what begins with a minus."""
    for node in member.nodes():
        if node.kind == "neg":
            for kind, ref in _leading(member, context):
                fragment = context.notation.fragment(kind, ref)
                if fragment is not None:
                    first = Node(kind, (), ref if kind == "name" else (ref, None), node.start, node.start)
                    tree = instead(node, "-", first, *node.parts)
                    yield member.insert_before(node, joined(fragment, " "), ranks.LEADING_TERM, tree)


def _leading(member: Member, context: Context) -> list[tuple[str, Ref]]:
    """Return the names of the rule, and their derivatives; components with the letters of the left-hand side."""
    refs = context.rule_names[: limits.RULE_NAMES]
    if context.indexed:
        own = [left.value[0].indices for left in member.line.left if left.kind == "d"]
        refs = [ref._replace(indices=some) for ref in refs for some in own if len(some) == len(ref.indices)]
    return [(kind, ref) for ref in dict.fromkeys(refs) for kind in ("d", "name")]


def further_terms(member: Member, context: Context) -> Iterator[Edit]:
    """Propose a term that another line has."""
    here = [node.value for node in walk(member.node) if node.kind == "d"]
    for term, new in context.terms_of_same:
        if term.value not in here:
            rank = ranks.LABELLED_TERM if _is_labelled(term) else ranks.TERM_OF_SAME
            yield _term_added(member, member.node, "+", (term, new), rank)
    inside = [n.parts[0] for n in walk(member.node) if n.kind in ("bracket", "call", "differential") and n.parts]
    inside += [part for n in walk(member.node) if n.kind == "/" and n.value is None for part in n.parts[::-1]]
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
