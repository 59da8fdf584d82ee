"""Edits of functions and their derivatives: another function, f' for f, x² for x, 1 - x for x."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import (
    Fragment,
    bracketed,
    joined,
    number_token,
    sign_token,
)
from tinyad.derivation.repair.edit import Context, Edit, Member, instead

ONE = Node("number", (), 1.0, 0, 0)
PRIME = sign_token("'")


def calls(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another function, none, or one where there was none."""
    for node in member.nodes():
        if node.kind in ("call", "prime") and len(node.parts) == 1:
            yield member.unwrap(node, node.parts[0], ranks.CALL_LESS)
        if node.kind == "call":
            yield from _other_functions(member, context, node)
        if node.kind in ("name", "call"):
            yield from _further_functions(member, context, node)


def _other_functions(member: Member, context: Context, node: Node) -> Iterator[Edit]:
    """Propose another function of the same argument."""
    k = member.span(node)[0]
    token = member.tokens[k]
    for function in context.functions if token.kind == "word" else ():
        name = function.tokens[0].text
        if name != token.text:
            tree = node, node._replace(value=Ref(name))
            yield Edit(k, k + 1, function.tokens, token.start, token.end, function.text, ranks.CALL_OTHER, tree)


def _further_functions(member: Member, context: Context, node: Node) -> Iterator[Edit]:
    """Propose a function of a name or of a call."""
    inner = member.fragment(node)
    for function in context.functions:
        made = Node("call", (node,), Ref(function.tokens[0].text), node.start, node.end)
        new = joined(function, bracketed(inner))
        repeated = new.text in member.fragment(member.node).text
        rank = ranks.CALL_MORE if node.kind == "name" else ranks.CALL_NESTED
        yield member.replace(node, new, ranks.CALL_REPEATED if repeated else rank, (node, made))


def primes(member: Member, context: Context) -> Iterator[Edit]:
    """Propose f' for f, and back."""
    for node in member.nodes():
        if node.kind == "call" and len(node.parts) == 1:
            first, _ = member.span(node)
            opened = next((k for k in range(first, len(member.tokens)) if member.tokens[k].kind == "open"), None)
            if opened is not None:  # else it is tanh c, without brackets
                at = member.tokens[opened - 1].end
                rank = ranks.PRIME if context.notation.has_primes else ranks.PRIME_UNUSUAL
                yield Edit(opened, opened, (PRIME,), at, at, "'", rank, (node, node._replace(kind="prime")))
        elif node.kind == "prime":
            k = next((k for k in range(*member.span(node)) if member.tokens[k].text == "'"), None)
            if k is not None:
                mark = member.tokens[k]
                tree = node, node._replace(kind="call")
                yield Edit(k, k + 1, (), mark.start, mark.end, "", ranks.PRIME, tree)


def squares(member: Member, context: Context) -> Iterator[Edit]:
    """Propose x² for x, and back."""
    mark = context.notation.mark(context.notation.square_text)
    inverted = {id(node.parts[0]) for node in member.nodes() if node.kind == "inverse"}
    for node in (n for n in member.nodes() if id(n) not in inverted):
        if node.kind in ("name", "call", "bracket"):
            yield member.insert_after(node, mark, ranks.SQUARE, instead(node, "square", node))
        elif node.kind == "square":
            yield member.unwrap(node, member.without_bracket(node.parts[0]), ranks.SQUARE)


def exponents(member: Member, context: Context) -> Iterator[Edit]:
    """Propose x³ for x², x^{-3/2} for x^{-1/2}, x^{p-1} for x^p, and back."""
    notation = context.notation
    for node in member.nodes():
        if node.kind in ("power", "square"):
            value = 2.0 if node.kind == "square" else node.value
            for new in (value - 1, value + 1):
                base = joined(member.fragment(node.parts[0]), notation.mark(notation.power_text(new)))
                if member.source.text[node.parts[0].end : node.end].strip() and new not in (0, 1):
                    made = node._replace(kind="square" if new == 2 else "power", value=None if new == 2 else new)
                    yield member.replace(node, base, ranks.EXPONENT, (node, made))
        elif node.kind == "call" and node.value.key == "**" and not notation.program:
            yield from _less_by_one(member, context, node.parts[1])


def _less_by_one(member: Member, context: Context, exponent: Node) -> Iterator[Edit]:
    """Propose p - 1 for the exponent p, and back."""
    if exponent.kind == "-" and exponent.parts[1] == ONE._replace(start=exponent.parts[1].start, end=exponent.end):
        yield member.unwrap(exponent, exponent.parts[0], ranks.EXPONENT)
    if exponent.kind == "name":
        less = joined(member.fragment(exponent), Fragment((sign_token("-"), number_token("1")), "-1"))
        braced = member.source.text[exponent.start - 1] in "{("
        new = less if braced else Fragment(less.tokens, f"{{{less.text}}}")
        yield member.replace(exponent, new, ranks.EXPONENT, instead(exponent, "-", exponent, ONE))


def complements(member: Member, context: Context) -> Iterator[Edit]:
    """Propose 1 - x for x."""
    one, minus = Fragment((number_token("1"),), "1"), Fragment((sign_token("-"),), "-")
    for node in member.nodes():
        if node.kind == "neg":
            tree = instead(node, "-", ONE, *node.parts)
            yield member.insert_before(node, joined(one, " "), ranks.COMPLEMENT_SIGN, tree)
        if node.kind in ("name", "call", "square"):
            _, difference = instead(node, "-", ONE, node)
            made = Node("bracket", (difference,), "(", node.start, node.end)
            new = bracketed(joined(one, " ", minus, " ", member.fragment(node)))
            yield member.replace(node, new, ranks.COMPLEMENT, (node, made))
