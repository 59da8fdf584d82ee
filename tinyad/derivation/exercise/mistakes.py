"""The kinds of mistakes that are planted: each gives the edits of a line that make it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest

from tinyad.derivation.exercise.activation_mistakes import activations
from tinyad.derivation.exercise.line_parts import SIZED, EditableLine, TextEdit, core, identity_of, ref_of, terms
from tinyad.derivation.language.plain_tokens import SUBSCRIPTS, SUPERSCRIPTS
from tinyad.derivation.language.syntax_tree import Node, Token

NUMBER = re.compile(r"\s*\\tag\*?\{[^{}]*\}")


def interleaved(lists: Iterable[Iterable[TextEdit]]) -> Iterator[TextEdit]:
    """Yield the first of each list, then the second of each, and so on."""
    for row in zip_longest(*lists):
        yield from (edit for edit in row if edit is not None)


def other_names(line: EditableLine) -> Iterator[TextEdit]:
    """Put another name in the place of one."""
    return interleaved([[line.replaced(node, new) for new in namesakes(line, node)] for node in line.leaves])


def namesakes(line: EditableLine, node: Node) -> list[str]:
    """Return the names that may be taken for one by mistake, the likeliest first."""
    own = identity_of(node)
    assert own is not None
    found = []
    for (latex, identity), text in line.signs_of_author.names.items():
        swapped = identity[0] != own[0] and "jacobian" not in (identity[0], own[0]) and identity[1:4] == own[1:4]
        if latex == line.latex and identity != own and (swapped or (identity[0] == own[0] and identity[1] != own[1])):
            far = (identity[2] != own[2]) + 2 * (identity[3] != own[3]) + 0.5 * swapped
            found.append((far + 1 - SequenceMatcher(None, identity[1], own[1]).ratio(), text))
    return [text for _, text in sorted(found)]


def copied(line: EditableLine) -> Iterator[TextEdit]:
    """Copy the formula of a neighbouring line."""
    start, end = line.formula(line.statement)
    for other in line.neighbours():
        if line.signs_of_author.latex(other.start) == line.latex:
            first, last = line.formula(other)
            yield TextEdit(start, end, NUMBER.sub("", line.text[first:last]))


def left_out(line: EditableLine) -> Iterator[TextEdit]:
    """Leave out a term of a sum, or a line that adds."""
    yield from (line.dropped(operands, k) for operands in line.sums() for k in range(len(operands)))
    lines = [line.rows(other) for other in line.others if other is not line.statement]
    first, last = line.rows(line.statement)
    if line.statement.sign == "+=" and all(b < first or a > last for a, b in lines):
        yield TextEdit(line.source.line_start(first), line.source.line_start(last + 1), "", True)


def signs(line: EditableLine) -> Iterator[TextEdit]:
    """Put + for -, or a minus too many or too few."""
    for operands in line.sums():
        for (_, before), (sign, term) in pairwise(operands):
            token = line.between(before.end, term.start, sign)
            if token:
                yield TextEdit(token.start, token.end, {"+": "-", "-": "+"}[sign])
    for node in line.nodes():
        if node.kind == "neg":
            yield TextEdit(node.start, line.span(node.parts[0])[0], "")
    for member in line.statement.members:
        if member.kind not in ("neg", "deriv"):
            yield TextEdit(line.span(member)[0], line.span(member)[0], "-")


def assigned(line: EditableLine) -> Iterator[TextEdit]:
    """Put = for +=, or += for =."""
    left, members = line.statement.left, line.statement.members
    token = line.between(left[-1].end, members[0].start, "=", "+=", "≡")
    if token and all(node.kind == "d" for node in left):
        yield line.replaced(token, "=" if token.text == "+=" else "+=")


def undefined(line: EditableLine) -> Iterator[TextEdit]:
    """Put a name or an index that stands for nothing here."""
    return interleaved([misspelled(line, node) for node in line.leaves if node.kind != "jacobian"])


def misspelled(line: EditableLine, node: Node) -> Iterator[TextEdit]:
    """Give a name another number, script, index or letter."""
    ref = ref_of(node)
    assert ref is not None
    names, base = line.it.names, re.split("[_^]", ref.key)[0]
    tokens = name_tokens(line, node)
    at = next((k for k, t in enumerate(tokens) if t.kind == "word" and base in t.text), len(tokens))
    for token in tokens[at : at + 1]:
        head = token.text.rstrip("0123456789")
        digits, prefix = token.text[len(head) :], head[: len(head) - len(base)]
        yield line.replaced(token, head + "99" if digits else prefix + strange(line))
    for token in tokens[at + 1 :]:
        if token.kind == "word" and set(token.text) <= names.indices:
            others = sorted(names.indices - set(token.text))
            yield from (line.replaced(token, other + token.text[1:]) for other in others)
        elif token.kind == "word" and token.text not in (names.time, names.last, names.loss, "T", "⊤"):
            yield line.replaced(token, token.text[:-1] + strange(line))


def name_tokens(line: EditableLine, node: Node) -> list[Token]:
    """Return the tokens of the name itself, in a derivative those behind the last ∂."""
    tokens = line.tokens(node)
    last = max((k for k, t in enumerate(tokens) if t.text in ("∂", "∇", "/")), default=-1)
    return tokens[last + 1 :]


def strange(line: EditableLine) -> str:
    """Return a letter that no name here has."""
    taken = {*"".join(line.it.names.known), *line.it.names.functions, *line.it.names.families}
    taken |= {*line.it.names.indices, line.it.names.loss, line.it.names.time}
    return next((c for c in "qpvruwemnlsk" if c not in taken), "qq")


def transposed(line: EditableLine) -> Iterator[TextEdit]:
    """Put a transposition too many or too few."""
    turned = {id(node.parts[0]) for node in line.nodes() if node.kind in ("transpose", "jacobian")}
    sign = line.signs_of_author.sign(line.latex, "transpose")
    for node in line.nodes():
        part = line.slice(node)
        if node.kind == "transpose" and node.parts[0].end < node.end:
            yield line.replaced(node, line.slice(node.parts[0]))
        elif id(node) not in turned and (node.kind == "bracket" or identity_of(node) is not None):
            plain = node.kind == "bracket" or not re.search(r"[\^/∂∇\s]|\\frac|\\partial|\\nabla|\\delta", part)
            yield line.replaced(node, part + sign if plain else f"({part}){sign}")


def operators(line: EditableLine) -> Iterator[TextEdit]:
    """Put ∘ for the matrix product, or the other way round."""
    for operands in line.products():
        for (_, before), (sign, factor) in pairwise(operands):
            start, end = line.span(before)[1], line.span(factor)[0]
            if sign != "/":
                yield TextEdit(start, end, line.signs_of_author.sign(line.latex, {"∘": "*", "*": "∘"}[sign]))
    for node, token in line.strings():
        others = [sign for sign in "∘*+-" if sign != token.text] if len(node.parts) == 3 else []
        yield from (TextEdit(token.start + 1, token.end - 1, sign) for sign in others)


def swaps(line: EditableLine) -> Iterator[TextEdit]:
    """Exchange two neighbours."""
    for operands in line.products():
        for (_, before), (sign, factor) in pairwise(operands):
            if sign == "*":
                yield swapped(line, before, factor)
    for node, _ in line.strings():
        yield from (swapped(line, a, b) for a, b in pairwise(node.parts))
    yield from (swapped(line, a, b) for a, b in pairwise(line.statement.left))


def swapped(line: EditableLine, a: Node, b: Node) -> TextEdit:
    """Exchange two parts."""
    (start, middle), (later, end) = line.span(a), line.span(b)
    return TextEdit(start, end, line.text[later:end] + (line.text[middle:later] or " ") + line.text[start:middle])


def times(line: EditableLine) -> Iterator[TextEdit]:
    """Put a time step too early or too late."""
    yield from interleaved([moved(line, node) for node in line.leaves if node.kind != "jacobian"])
    for node in line.nodes():
        if node.kind == "sum" and node.value[:2] == ("time", ("=", 1)):
            number = next(t for t in line.tokens(node) if t.kind == "number")
            yield line.replaced(number, "2")


def moved(line: EditableLine, node: Node) -> Iterator[TextEdit]:
    """Put a name at another time: as it stands elsewhere, or with another step."""
    own, ref = identity_of(node), ref_of(node)
    assert own is not None
    assert ref is not None
    for (latex, identity), text in line.signs_of_author.names.items():
        if latex == line.latex and identity != own and (*identity[:2], *identity[3:]) == (*own[:2], *own[3:]):
            yield line.replaced(node, text)
    if ref.time and ref.time[0] == "t":
        yield from (edit for k in (-1, 0, 1) if k != ref.time[1] for edit in shifted(line, node, k))


def shifted(line: EditableLine, node: Node, k: int) -> Iterator[TextEdit]:
    """Put the time of a name as t + k."""
    time, tokens = line.it.names.time, name_tokens(line, node)
    shift = f"{k:+d}" if k else ""
    at = next((n for n, t in enumerate(tokens) if t.kind == "word" and t.text == time and n), None)
    if at is None:
        if tokens and tokens[0].text.endswith(time):
            yield TextEdit(tokens[0].end, line.span(node)[1], shift)
        return
    start, end = line.span(tokens[at])
    letter = line.text[start:end]
    if len(tokens) > at + 2 and tokens[at + 1].text in ("+", "-"):
        end = line.span(tokens[at + 2])[1]
    for table in (SUBSCRIPTS, SUPERSCRIPTS):
        if letter in table:
            back = {plain: sign for sign, plain in table.items()}
            yield TextEdit(start, end, letter + "".join(back[c] for c in shift))
            return
    if not shift and line.text[start - 2 : start] == "_{" and line.text[end : end + 1] == "}":
        start, end = start - 1, end + 1
    bare = tokens[at - 1].kind == "group(" and tokens[at - 1].start == tokens[at - 1].end
    yield TextEdit(start, end, f"{{{letter}{shift}}}" if bare else letter + shift)


def brackets(line: EditableLine) -> Iterator[TextEdit]:
    """Leave brackets out, or close them in the wrong place."""
    for node in line.nodes():
        if node.kind == "bracket" and len(node.parts[0].parts) > 1:
            yield from unbracketed(line, node)
    for operands in line.products():
        for (_, before), (_, factor) in pairwise(operands):
            if core(before).kind in ("+", "-") and before.kind == "bracket":
                closing, end = closing_bracket(line, before), line.span(factor)[1]
                yield TextEdit(closing, end, line.text[before.end : end] + line.text[closing : before.end])


def unbracketed(line: EditableLine, node: Node) -> Iterator[TextEdit]:
    """Leave brackets out, or put the first term alone in them."""
    inner, (start, end) = node.parts[0], line.span(node)
    opened, closed = line.span(inner)
    yield TextEdit(start, end, line.text[opened:closed])
    operands = terms(inner)
    if len(operands) > 1:
        middle, closing = line.span(operands[0][1])[1], closing_bracket(line, node)
        bracket = line.text[closing : node.end]
        yield TextEdit(start, end, line.text[start:middle] + bracket + line.text[middle:closed])


def closing_bracket(line: EditableLine, node: Node) -> int:
    """Return where the closing bracket begins."""
    at = next(t.start for t in line.statement.tokens if t.kind == "close" and t.end == node.end)
    size = SIZED.search(line.text, max(0, at - 20), at)
    return size.start() if size else at


def numbers(line: EditableLine) -> Iterator[TextEdit]:
    """Put a factor too many or too few."""
    half = r"\frac{1}{2} " if line.latex else "0.5 " if line.it.ones else "1/2 "
    for member in line.statement.members:
        for _, term in terms(member):
            at = line.span(term.parts[0] if term.kind == "neg" else term)[0]
            if term.kind == "number":
                yield line.replaced(term, "2")
            elif term.kind not in ("deriv", "ones"):
                yield from (TextEdit(at, at, new) for new in ("2 ", half))
    for operands in line.products():
        for k in range(len(operands)):
            if k or operands[1][0] != "/":
                yield line.dropped(operands, k)


def extras(line: EditableLine) -> Iterator[TextEdit]:
    """Add a term that does not belong."""
    sources = [s for s in (*line.neighbours(), line.statement) if line.signs_of_author.latex(s.start) == line.latex]
    for member in line.statement.members:
        for source in sources if member.kind != "deriv" else ():
            for _, term in terms(source.members[-1]):
                if term.kind not in ("deriv", "neg", "number", "ones"):
                    at = line.span(member)[1]
                    yield TextEdit(at, at, f" + {line.slice(term)}")


MISTAKES: dict[str, Callable[[EditableLine], Iterable[TextEdit]]] = {
    "name": other_names,
    "copied": copied,
    "missing": left_out,
    "sign": signs,
    "assign": assigned,
    "undefined": undefined,
    "transpose": transposed,
    "operator": operators,
    "order": swaps,
    "time": times,
    "activation": activations,
    "bracket": brackets,
    "factor": numbers,
    "extra": extras,
}
