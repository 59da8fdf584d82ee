"""Edits of the times in a formula."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import walk
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import (
    Fragment,
    bracketed,
    joined,
    names_in,
    ref_of,
    time_fragment,
    time_tokens,
    tokenized,
)
from tinyad.derivation.repair.edit import Context, Edit, Member


def sums_over_time(member: Member, context: Context) -> Iterator[Edit]:
    """Propose the sum over all times of an author who writes such sums."""
    notation = context.notation
    timed = any(ref_of(node).time is not None for left in member.line.left for node in names_in(left))
    if (
        not notation.has_sum_over_time
        or timed
        or context.set_elsewhere
        or any(node.kind == "sum" for node in walk(member.node))
    ):
        return
    head = Fragment(tokenized(notation.sum_over_time, "sum", notation.source), notation.sum_over_time)
    inner = member.fragment(member.node)
    body = bracketed(inner) if member.node.kind in ("+", "-", "neg") else inner
    yield member.replace(member.node, joined(head, " ", body), ranks.SUM_OVER_TIME)


def first_steps(member: Member, context: Context) -> Iterator[Edit]:
    """Propose that a sum over time begins with the first step."""
    for node in walk(member.node):
        if node.kind == "sum" and node.value[0] == "time" and node.value[1] and node.value[1][0] == "=":
            k = next(k for k in range(*member.span(node)) if member.tokens[k].kind == "number")
            if member.tokens[k].text != "1":
                made = node._replace(value=("time", ("=", 1), node.value[2]))
                yield member.replace_sign(k, "1", ranks.FIRST_STEP, (node, made))


def times(member: Member, context: Context) -> Iterator[Edit]:
    """Propose t - 1, t and t + 1 for one another."""
    letter = context.notation.names.time
    for node in names_in(member.node):
        ref = ref_of(node)
        if ref.time is None or ref.time[0] != "t":
            continue
        first, last = member.span(node)
        at = time_tokens(member.tokens[first:last], letter)
        if at is None:
            continue
        k, end = first + at[0], first + at[1]
        start, stop = member.tokens[k].start, member.tokens[end - 1].end
        for shift in (-1, 0, 1):
            if shift != ref.time[1]:
                moved = ref._replace(time=("t", shift))
                made = node._replace(value=moved if node.kind == "name" else (moved, node.value[1]))
                new = time_fragment(member.tokens[k], shift, member.source.text[start - 1 : stop])
                yield Edit(k, end, new.tokens, start, stop, new.text, ranks.TIME, (node, made))
