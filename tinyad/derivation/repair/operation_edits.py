"""Edits of operators, signs, transpositions and the order of operands."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.derivation.language.syntax_tree import Node, flattened
from tinyad.derivation.repair import ranks
from tinyad.derivation.repair.author_notation import Fragment, bracketed, has_superscript, joined, sign_token
from tinyad.derivation.repair.edit import Context, Edit, Member, instead, replace_parts

ROUTINE_SYMBOLS = ("∘", "*", "+", "-", "tanh", "sigmoid", "softmax", "none")  # of the slides' deriv()
COMPARED = ("<", ">", "≤", "≥", "≠")
LATEX_SIGNS = {"≤": "\\le", "≥": "\\ge", "≠": "\\ne"}
MINUS = Fragment((sign_token("-"),), "-")


def transpositions(member: Member, context: Context) -> Iterator[Edit]:
    """Propose one transposition more, or one less."""
    inverted = {id(node.parts[0]) for node in member.nodes() if node.kind == "inverse"}
    for node in (n for n in member.nodes() if id(n) not in inverted):
        if node.kind == "transpose":
            if node.parts[0].end < node.end:
                yield member.unwrap(node, member.without_bracket(node.parts[0]), ranks.TRANSPOSE_LESS)
        elif node.kind in ("name", "d", "bracket", "call", "prime", "differential"):
            fragment, tree = member.fragment(node), instead(node, "transpose", node)
            if has_superscript(fragment):
                yield member.replace(node, context.notation.transposed(fragment), ranks.TRANSPOSE_MORE, tree)
            else:
                yield member.insert_after(node, context.notation.transpose_mark, ranks.TRANSPOSE_MORE, tree)


def operators(member: Member, context: Context) -> Iterator[Edit]:
    """Propose the other product, and the other operations of deriv()."""
    for node in member.nodes():
        if node.kind in ("∘", "*", "/"):
            yield from _other_product(member, context, node)
        elif node.kind == "deriv":
            k = member.span(node)[1] - 2
            if member.tokens[k].kind == "string":
                others = (symbol for symbol in ROUTINE_SYMBOLS if symbol != member.tokens[k].text)
                yield from (member.replace_sign(k, symbol, ranks.ROUTINE_SYMBOL) for symbol in others)


def _other_product(member: Member, context: Context, node: Node) -> Iterator[Edit]:
    """Propose ∘ for a matrix product, and a matrix product for ∘ and /."""
    before, after = member.between(node)
    gap = node.parts[0].end, node.parts[1].start
    new = context.notation.circle if node.kind == "*" else context.notation.product
    tree = node, node._replace(kind="∘" if node.kind == "*" else "*")
    if node.value is not None:
        signs = [k for k in range(before, after) if member.tokens[k].kind == "op"]
        yield from (Edit(k, k + 1, new.tokens, *gap, new.text, ranks.PRODUCT, tree) for k in signs[:1])
    elif node.kind == "*":  # nothing stands between the factors
        yield Edit(after, after, new.tokens, *gap, new.text, ranks.PRODUCT, tree)


def signs(member: Member, context: Context) -> Iterator[Edit]:
    """Propose + for -, and one sign more or less."""
    for node in member.nodes():
        if node.kind in ("+", "-"):
            other = "-" if node.kind == "+" else "+"
            places = [k for k in range(*member.between(node)) if member.tokens[k].text == node.kind]
            tree = node, node._replace(kind=other)
            yield from (member.replace_sign(k, other, ranks.SIGN, tree) for k in places[:1])
        elif node.kind == "neg":
            yield member.unwrap(node, node.parts[0], ranks.SIGN)
    fragment, tree = member.fragment(member.node), instead(member.node, "neg", member.node)
    if member.node.kind in ("+", "-"):
        yield member.replace(member.node, joined(MINUS, bracketed(fragment)), ranks.SIGN_OF_SUM, tree)
    else:
        yield member.replace(member.node, joined(MINUS, fragment), ranks.SIGN, tree)


def comparisons(member: Member, context: Context) -> Iterator[Edit]:
    """Propose another sign in comparisons, as ≥ for > in Σ_{i>j}, and the values of two cases in the other order."""
    text = member.source.text
    for k, token in enumerate(member.tokens):
        written = text[token.start : token.end]
        if token.kind != "op" or token.text not in COMPARED or written in ("⟨", "⟩", "\\langle", "\\rangle"):
            continue
        latex = any("\\" in text[t.start : t.end] for t in member.tokens)
        for sign in COMPARED:
            shown = LATEX_SIGNS.get(sign, sign) if latex else sign
            shown += " " * (shown[0] == "\\" and text[token.end : token.end + 1].isalnum())
            if sign != token.text:
                new = (token._replace(text=sign),)
                yield Edit(k, k + 1, new, token.start, token.end, shown, ranks.COMPARISON)
    for node in member.nodes():
        if node.kind == "cases":
            yield from _swapped_cases(member, node)


def _swapped_cases(member: Member, node: Node) -> Iterator[Edit]:
    """Propose the values of the first two cases in the other order."""
    a, condition, b, *rest = node.parts
    between = Fragment(member.tokens[member.span(a)[1] : member.span(b)[0]], member.source.text[a.end : b.start])
    new = joined(member.fragment(b), between, member.fragment(a))
    tree = node, node._replace(parts=(b, condition, a, *rest))
    yield Edit(member.span(a)[0], member.span(b)[1], new.tokens, a.start, b.end, new.text, ranks.CASES_SWAPPED, tree)


def swapped_operands(member: Member, context: Context) -> Iterator[Edit]:
    """Propose the operands in the other order."""
    for node in member.nodes():
        if node.kind == "*" and node.parts[0].kind == "*":
            yield _swapped_factors(member, node)
            continue
        if node.kind in ("*", "-", "/") and not (node.kind == "*" and node.parts[0].kind in ("number", "/")):
            before, after = member.between(node)
            x, y = map(member.fragment, node.parts)
            gap = member.source.text[node.parts[0].end : node.parts[1].start] or " "
            new = joined(y, Fragment(member.tokens[before:after], gap), x)
            tree = node, node._replace(parts=node.parts[::-1])
            yield member.replace(node, new, ranks.OPERANDS_SWAPPED, tree)


def exchanged_names(member: Member, context: Context) -> Iterator[Edit]:
    """Propose u vᵀ for v uᵀ: the names of two factors in each other's place, transposed where the other was."""
    for node in member.nodes():
        if node.kind != "*":
            continue
        first, second = map(_name_of, (flattened(node)[-2], node.parts[1]))
        if first is not None and second is not None and first.value != second.value:
            (start, _), (_, end) = member.span(first), member.span(second)
            tokens = member.tokens[member.span(first)[1] : member.span(second)[0]]
            between = Fragment(tokens, member.source.text[first.end : second.start])
            new = joined(member.fragment(second), between, member.fragment(first))
            changes = [(first, second), (second, first)]
            tree = node, replace_parts(node, [(old, _moved(other, old)) for old, other in changes])
            yield Edit(start, end, new.tokens, first.start, second.end, new.text, ranks.NAMES_EXCHANGED, tree)


def _name_of(node: Node) -> Node | None:
    """Return the name or derivative that a factor is, transposed or not; None for another formula."""
    inner = node.parts[0] if node.kind == "transpose" else node
    return inner if inner.kind in ("name", "d") else None


def _moved(node: Node, place: Node) -> Node:
    return node._replace(start=place.start, end=place.end)


def _swapped_factors(member: Member, node: Node) -> Edit:
    """Return the edit that changes the order of the last two factors of a product of three or more."""
    (a, x), y = node.parts[0].parts, node.parts[1]
    (_, before), (after, last) = member.span(x), member.span(y)
    gap = member.source.text[x.end : y.start] or " "
    new = joined(member.fragment(y), Fragment(member.tokens[before:after], gap), member.fragment(x))
    inner = node.parts[0]._replace(parts=(a, y))
    tree = node, node._replace(parts=(inner, x))
    return Edit(member.span(x)[0], last, new.tokens, x.start, y.end, new.text, ranks.OPERANDS_SWAPPED, tree)
