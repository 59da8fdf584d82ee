"""A file to derivations: each with its declarations, forward equations and sets of backward lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinyad.derivation.language import latex_tokens, plain_tokens
from tinyad.derivation.language.declarations import Declarations, declare, finish
from tinyad.derivation.language.limits import UNREADABLE_LINES
from tinyad.derivation.language.source import Block, DerivationError, Source
from tinyad.derivation.language.syntax_tree import Node, Statement, Token

BINARY = ("+", "-", "∘", "*", "·", "@", "/")


class Unreadable(NamedTuple):
    """A backward line that the reader could not make anything of."""

    number: str
    error: DerivationError
    start: int
    end: int
    title: str


class Derivation(NamedTuple):
    """One derivation of a file."""

    source: Source
    declarations: Declarations
    forward: list[Statement]
    backward: dict[str, list[Statement | Unreadable]]  # title → lines
    claims: dict[int, str]  # start of a line → the step or equation it says it belongs to


class Segment(NamedTuple):
    """The tokens of one equation, joined over the lines it takes, and its number."""

    tokens: list[Token]
    number: str
    claim: str


def derivations(source: Source) -> list[Derivation]:
    groups: list[list[Block]] = []
    for block in source.blocks():
        if block.kind == "declare" and (not groups or groups[-1][-1].kind != "declare"):
            groups.append([])
        elif not groups:
            raise source.error(f"a {block.kind} block before any declare block: sizes are declared first", block.start)
        groups[-1].append(block)
    return [_derivation(source, group) for group in groups]


def tokens_of(source: Source, start: int, end: int) -> list[Token]:
    """LaTeX where the block that this is in holds a backslash, else plain text."""
    if "\\" in source.text[start:end]:
        return latex_tokens.tokens(source, start, end)
    return plain_tokens.tokens(source, start, end)


def _derivation(source: Source, blocks: list[Block]) -> Derivation:
    declaring = [block for block in blocks if block.kind == "declare"]
    it = declare(source, declaring[0], tokens_of)
    forward_segments = [
        s for b in blocks if b.kind == "forward" for s in segments(source, tokens_of(source, b.start, b.end))
    ]
    if not forward_segments:
        raise source.error("no forward block: what is derived stands in ```forward", declaring[0].start)
    for segment in forward_segments:
        ref = _left(it, segment.tokens).value
        for key in it.names.instances_of(ref.key):
            it.names.add(ref._replace(key=key))
    finish(it, tokens_of)
    forward = [it.parser().statement(segment.tokens, segment.number) for segment in forward_segments]
    for line in forward:
        if len(line.left) != 1 or line.left[0].kind != "name":
            raise source.error("a forward equation is `name = formula`", line.start, line.end)
    backward: dict[str, list[Statement | Unreadable]] = {}
    claims: dict[int, str] = {}
    title = ""
    for block in blocks:
        if block.kind != "backward":
            continue
        title = block.title or title
        lines = backward.setdefault(title, [])
        tokens, unreadable = _readable(source, block, title)
        for segment in segments(source, tokens):
            lines.append(_line(it, segment, title))
            if segment.claim:
                claims[lines[-1].start] = segment.claim
        lines += unreadable
        lines.sort(key=lambda line: line.start)
    if not backward:
        raise source.error("no backward block: the lines to check stand in ```backward", blocks[-1].start)
    return Derivation(source, it, forward, backward, claims)


def _readable(source: Source, block: Block, title: str) -> tuple[list[Token], list[Unreadable]]:
    """The tokens of a block, but for lines that hold a sign or a bracket that goes with nothing."""
    text, found = source.text, list[Unreadable]()
    while True:
        try:
            tokens = tokens_of(Source(text, source.name), block.start, block.end)
        except DerivationError as error:
            number = source.place(error.at)[0]
            start = source.line_start(number)
            end = start + len(source.line(number))
            if not (block.start <= error.at < block.end and text[start:end].strip()) or len(found) == UNREADABLE_LINES:
                raise
            found.append(Unreadable("", error, start, end, title))
            text = text[:start] + " " * (end - start) + text[end:]
            continue
        if found and all(token.kind == "end" for token in tokens):  # nothing is left to check
            raise found[0].error
        return tokens, found


def _left(it: Declarations, tokens: Sequence[Token]) -> Node:
    """The name that a forward equation computes."""
    equals = next((k for k, token in enumerate(tokens) if token.kind == "op" and token.text in ("=", "≡")), None)
    if not equals:
        raise it.source.error("a forward equation is `name = formula`", tokens[0].start, tokens[0].end)
    return it.parser().declared_name(tokens[:equals])


def _line(it: Declarations, segment: Segment, title: str) -> Statement | Unreadable:
    first, last = segment.tokens[0], segment.tokens[-1]
    try:
        return it.parser().statement(segment.tokens, segment.number, title)
    except DerivationError as error:
        return Unreadable(segment.number, error, first.start, last.end, title)


def segments(source: Source, tokens: list[Token]) -> list[Segment]:
    """The equations: lines that begin with a sign, or end with one, belong together."""
    lines: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "end" or (token.kind == "op" and token.text == "⇒"):
            if lines[-1]:
                lines.append([])
        else:
            lines[-1].append(token)
    found: list[Segment] = []
    for line in lines:
        number, claim, rest = _numbered(line)
        continues = rest and rest[0].kind == "op" and rest[0].text in ("=", *BINARY)
        unfinished = (
            found
            and found[-1].tokens
            and found[-1].tokens[-1].kind == "op"
            and found[-1].tokens[-1].text in ("=", "+=", *BINARY)
        )
        if found and not rest and number and not found[-1].number:
            found[-1] = found[-1]._replace(number=number)
        elif found and rest and (continues or unfinished):
            before = found[-1]
            found[-1] = Segment(before.tokens + rest, before.number or number, before.claim or claim)
        elif rest:
            found.append(Segment(rest, number, claim))
    return found


def _numbered(line: list[Token]) -> tuple[str, str, list[Token]]:
    """(number, claimed step, tokens without them)."""
    rest = [token for token in line if token.kind != "tag"]
    number = next((token.text for token in line if token.kind == "tag"), "")
    claim = ""
    texts = [token.text for token in rest]
    # at the end: (12) or step 29, after a space
    if len(rest) >= 2 and texts[-2] == "step" and rest[-1].kind == "number":
        claim, rest = texts[-1], rest[:-2]
        if len(rest) >= 3 and rest[-2].text == "×" and rest[-1].kind == rest[-3].kind == "number":
            rest = rest[:-3]
    elif len(rest) > 4 and texts[-2] == "×" and texts[-4] == "given":
        rest = rest[:-3]
    elif texts[-3:-2] == ["("] and texts[-1] == ")" and rest[-2].kind == "number" and rest[-3].spaced:
        number, rest = number or texts[-2], rest[:-3]
    while rest and rest[-1].kind == "op" and rest[-1].text in (",", ".", ";"):
        rest = rest[:-1]
    texts = [token.text for token in rest]
    if not rest:
        return number, claim, rest
    # at the beginning: 12.  (12)  eq.12  12  Comp-1:
    colon = texts[:16].index(":") if ":" in texts[:16] else 0
    if colon and all(t.kind in ("word", "number") or t.text in ("-", ".") for t in rest[:colon]):
        return "".join(texts[:colon]), claim, rest[colon + 1 :]
    if texts[0] in ("eq", "Eq") and len(rest) > 2:
        k = 2 if texts[1] == "." else 1
        if rest[k].kind == "number":
            return texts[k], claim, rest[k + 1 :]
    if len(rest) > 3 and texts[0] == "(" and rest[1].kind == "number" and texts[2] == ")" and texts[3] != "=":
        return texts[1], claim, rest[3:]
    if rest[0].kind == "number" and len(rest) > 1:
        if texts[1] in (".", ")") and len(rest) > 2:
            return texts[0], claim, rest[2:]
        if rest[1].spaced and (rest[1].kind in ("word", "open", "frac") or texts[1] in ("∇", "∂")):
            return texts[0], claim, rest[1:]
    return number, claim, rest
