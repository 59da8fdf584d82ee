"""Edits of brackets: a pair less, a pair more, or a pair that closes or opens elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyad.derivation.language.syntax_tree import Node, Token
from tinyad.derivation.repair import limits, ranks
from tinyad.derivation.repair.author_notation import Fragment, bracketed
from tinyad.derivation.repair.edit import Context, Edit, Member

DEPTH = {"open": 1, "close": -1, "group(": 1, ")group": -1}


def brackets(member: Member, context: Context) -> Iterator[Edit]:
    """Propose to take a pair away, to move one of its ends, or to put one around neighbours."""
    for node in (node for node in member.nodes() if node.kind == "bracket"):
        yield member.replace(node, member.fragment(node.parts[0]), ranks.BRACKET_LESS)
        yield from _closed_later(member, node)
        yield from _opened_earlier(member, node)
    yield from _new_brackets(member)


def _new_brackets(member: Member) -> Iterator[Edit]:
    """Propose brackets around neighbours."""
    for first, start in _ends(member, 0)[: limits.BRACKETS_OPENED]:
        after = [end for end in _ends(member, 1) if end[0] > first + 1]
        for last, end in after[: limits.BRACKETS_CLOSED]:
            inside = Fragment(member.tokens[first:last], member.source.text[start:end])
            if balanced(inside.tokens) and not _enclosed(member, first, last) and _divisible(inside.tokens):
                new = bracketed(inside)
                yield Edit(first, last, new.tokens, start, end, new.text, ranks.BRACKET_MORE)


def _closed_later(member: Member, node: Node) -> Iterator[Edit]:
    """Propose that a pair of brackets closes later."""
    (first, last), tokens, text = member.span(node), member.tokens, member.source.text
    inner = node.parts[0]
    mark = text[inner.end : node.end].lstrip()
    for end, place in _ends(member, 1):
        if end > last and balanced(tokens[last:end]) and not _enclosed(member, first, end):
            new = *tokens[first : last - 1], *tokens[last:end], *tokens[last - 1 : last]
            made = text[node.start : inner.end] + text[node.end : place] + mark
            yield Edit(first, end, new, node.start, place, made, ranks.BRACKET_MOVED)


def _opened_earlier(member: Member, node: Node) -> Iterator[Edit]:
    """Propose that a pair of brackets opens earlier."""
    (first, last), tokens, text = member.span(node), member.tokens, member.source.text
    inner = node.parts[0]
    mark = text[node.start : inner.start].rstrip()
    for start, place in _ends(member, 0):
        if start < first and balanced(tokens[start:first]) and not _enclosed(member, start, last):
            new = *tokens[first : first + 1], *tokens[start:first], *tokens[first + 1 : last]
            made = mark + text[place : node.start] + text[inner.start : node.end]
            yield Edit(start, last, new, place, node.end, made, ranks.BRACKET_MOVED)


def _enclosed(member: Member, first: int, last: int) -> bool:
    """Return whether brackets stand around these tokens already."""
    after = member.tokens[last].kind if last < len(member.tokens) else ""
    return member.tokens[first - 1].kind == "open" and after == "close"


def _ends(member: Member, side: int) -> list[tuple[int, int]]:
    """Return where operands begin (side 0) or end (side 1), each as a token and a place in the text."""
    operands = [n for n in member.nodes() if n.kind not in ("+", "-", "∘", "*", "/", "neg", "sum")]
    return sorted({(member.span(n)[side], (n.start, n.end)[side]) for n in operands})


def _divisible(tokens: Sequence[Token]) -> bool:
    """Return whether an operation that another one could divide stands outside of inner brackets."""
    depth = 0
    for token in tokens:
        depth += DEPTH.get(token.kind, 0)
        if depth == 0 and token.kind == "op" and token.text in "+-∘*·":
            return True
    return False


def balanced(tokens: Sequence[Token]) -> bool:
    """Return whether every bracket and every script that begins here also ends here."""
    depth = {"open": 0, "group(": 0}
    for token in tokens:
        if token.kind in DEPTH:
            opening = "open" if token.kind in ("open", "close") else "group("
            depth[opening] += DEPTH[token.kind]
            if depth[opening] < 0:
                return False
    return not any(depth.values())
