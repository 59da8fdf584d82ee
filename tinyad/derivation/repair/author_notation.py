"""How an author writes names, derivatives, products and transpositions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tinyad.derivation.language.names import Names
from tinyad.derivation.language.plain_tokens import SUBSCRIPTS
from tinyad.derivation.language.reader import tokens_of
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, walk

OPEN, CLOSE = Token("open", "(", 0, 0), Token("close", ")", 0, 0)
TRANSPOSED = ("⊤", "T", "'")


class Spelling(NamedTuple):
    """A name or derivative as the author writes it."""

    tokens: tuple[Token, ...]
    text: str


def span(tokens: Sequence[Token], node: Node) -> tuple[int, int]:
    """The tokens that a node was read from.  Scripts without braces have group tokens of no length at their ends."""
    first = next(k for k, t in enumerate(tokens) if t.start >= node.start and t.end > t.start)
    last = next((k for k in range(first, len(tokens)) if tokens[k].start >= node.end), len(tokens))
    while last < len(tokens) and _open(tokens[first:last]) > 0:
        last += 1
    return first, last


def _open(tokens: Sequence[Token]) -> int:
    return sum({"group(": 1, ")group": -1}.get(t.kind, 0) for t in tokens)


def equals(tokens: Sequence[Token]) -> int:
    """Where the sign behind the left-hand side stands."""
    return next(k for k, t in enumerate(tokens) if t.kind == "op" and t.text in ("=", "+=", "≡"))


def leaves(node: Node) -> Iterator[Node]:
    """Names and derivatives in a formula."""
    if node.kind in ("name", "d"):
        yield node
    for part in node.parts:
        yield from leaves(part)


class Spellings:
    """How an author writes names, derivatives, products and transpositions."""

    def __init__(self, source: Source, names: Names, lines: Sequence[Statement], latex: bool) -> None:
        self.source, self.names, self.latex = source, names, latex
        self.known: dict[tuple[str, Ref], Spelling] = {}
        self.labelled: dict[tuple[Ref, str], Spelling] = {}  # parts of derivatives, by their labels
        self.templates: list[tuple[Spelling, Ref]] = []
        for line in lines:
            for part in (*line.left, *line.members):
                for node in leaves(part):
                    self.add(line, node)
        self.primes = any(n.kind == "prime" for line in lines for member in line.members for n in walk(member))
        self.transposed = self._transposed(lines)
        self.circle = self._circle(lines)

    def add(self, line: Statement, node: Node) -> None:
        ref = node.value if node.kind == "name" else node.value[0]
        first, last = span(line.tokens, node)
        tokens = line.tokens[first:last]
        spelling = Spelling(tokens, self.source.text[node.start : node.end])
        if node.kind == "d" and node.value[1] is not None:
            self.labelled.setdefault(node.value, spelling)
            return
        self.known.setdefault((node.kind, ref), spelling)
        if node.kind == "d":
            self.templates.append((spelling, ref))

    def part(self, ref: Ref, label: str) -> Spelling | None:
        """A part of a derivative, after the pattern of another part of it."""
        known = self.labelled.get((ref, label))
        if known is None:
            pattern = next(((other, s) for (like, other), s in self.labelled.items() if like == ref), None)
            if pattern is not None:
                text = pattern[1].text.replace(pattern[0], label)
                tokens = tokens_of(Source(text, "part"), 0, len(text))
                known = Spelling(tuple(t for t in tokens if t.kind != "end"), text)
        return known

    def _transposed(self, lines: Sequence[Statement]) -> Spelling:
        for line in lines:
            for k, token in enumerate(line.tokens):
                if token.kind == "op" and token.text == "^" and k + 3 < len(line.tokens):
                    inner = line.tokens[k + 2]
                    if inner.text in TRANSPOSED and line.tokens[k + 3].kind == ")group":
                        end = max(t.end for t in line.tokens[k : k + 4])
                        return Spelling(tuple(line.tokens[k : k + 4]), self.source.text[token.start : end])
        signs = (Token("op", "^", 0, 0), Token("group(", "", 0, 0), Token("word", "T", 0, 0), Token(")group", "", 0, 0))
        return Spelling(signs, r"^\top" if self.latex else "ᵀ")

    def _circle(self, lines: Sequence[Statement]) -> Spelling:
        """The component-wise product, with a space on either side."""
        for line in lines:
            for node in (n for member in line.members for n in walk(member)):
                if node.kind == "∘" and node.value is not None:
                    text = self.source.text[slice(*node.value)]
                    token = next(t for t in line.tokens if t.start == node.value[0] and t.end > t.start)
                    return Spelling((token,), f" {text} ")
        return Spelling((Token("op", "∘", 0, 0),), r" \circ " if self.latex else " ∘ ")

    def name(self, ref: Ref) -> Spelling | None:
        found = self.known.get(("name", ref)) or self.bared(ref)
        if found is None and not ref.indices:
            for (kind, other), spelling in self.known.items():
                if kind == "name" and other.indices and (other.key, other.time) == (ref.key, ref.time):
                    return unindexed(spelling, other.indices)
        if found is None and ref.indices:
            for (kind, other), spelling in self.known.items():
                if (
                    kind == "name"
                    and other.key == ref.key
                    and other.time == ref.time
                    and len(other.indices) == len(ref.indices)
                ):
                    return reindexed(spelling, other.indices, ref.indices)
        return found or self.at_another_time("name", ref)

    def at_another_time(self, kind: str, ref: Ref) -> Spelling | None:
        """What is written at t - 1, t or t + 1 alone, at another one of them."""
        if not self.names.last or ref.time is None or ref.time not in [("t", k) for k in (-1, 0, 1)]:
            return None
        for shift in (0, 1, -1):
            known = self.known.get((kind, ref._replace(time=("t", shift))))
            at = known and time_in(known.tokens, self.names.time)
            if known and at and shift != ref.time[1]:
                k, end = at
                first = known.tokens[0].start
                begun, stop = known.tokens[k].start - first, known.tokens[end - 1].end - first
                new = time_said(known.tokens[k], ref.time[1], known.text[begun - 1 : stop])
                text = known.text[:begun] + new.text + known.text[stop:]
                return Spelling((*known.tokens[:k], *new.tokens, *known.tokens[end:]), text)
        return None

    def bared(self, ref: Ref) -> Spelling | None:
        """The name inside of a derivative of it, where the name itself does not occur."""
        whole = self.known.get(("d", ref))
        if whole is None:
            return None
        for pattern, other in self.templates[:5]:
            inner = self.known.get(("name", other))
            if inner is None or inner.text not in pattern.text:
                continue
            texts, part = [t.text for t in pattern.tokens], [t.text for t in inner.tokens]
            k = next((k for k in range(len(texts), -1, -1) if texts[k : k + len(part)] == part), None)
            head, _, tail = pattern.text.rpartition(inner.text)
            if k is not None and whole.text.startswith(head) and whole.text.endswith(tail):
                end = len(whole.tokens) - (len(texts) - k - len(part))
                return Spelling(whole.tokens[k:end], whole.text[len(head) : len(whole.text) - len(tail)])
        return None

    def derivative(self, ref: Ref, like: Spelling | None = None, of: Ref | None = None) -> Spelling | None:
        """A derivative as it is written, or made after the pattern of another one."""
        found = self.known.get(("d", ref)) or self.at_another_time("d", ref)
        if found is not None:
            return found
        name = self.name(ref)
        if name is None:
            return None
        for pattern, inner in [*([(like, of)] if like and of else []), *self.templates[:5]]:
            old = self.name(inner) if inner is not None else None
            if old is None or pattern is None:
                continue
            made = replaced(pattern, old, name)
            if made is not None:
                return made
        return None


def time_in(tokens: Sequence[Token], letter: str) -> tuple[int, int] | None:
    """The tokens of t, t - 1, t + 1 in a name."""
    k = next((k for k, token in enumerate(tokens) if token.text == letter), None)
    if k is None:
        return None
    shifted = k + 2 < len(tokens) and tokens[k + 1].kind == "op" and tokens[k + 1].text in "+-"
    return k, k + 3 if shifted else k + 1


def time_said(token: Token, shift: int, place: str) -> Spelling:
    """The time t + shift; `place` is what stands there now, and the sign before it."""
    tokens, text = [token], f"{token.text}{shift:+d}" if shift else token.text
    if shift:
        tokens += [Token("op", text[1], 0, 0), Token("number", "1", 0, 0)]
    if place[1:] and place[1] in SUBSCRIPTS:
        low = {plain: sign for sign, plain in SUBSCRIPTS.items()}
        return Spelling(tuple(tokens), "".join(low[c] for c in text))
    return Spelling(tuple(tokens), text if place[0] in "({<" or not shift else "{" + text + "}")


def reindexed(spelling: Spelling, old: Sequence[str], new: Sequence[str]) -> Spelling:
    """A spelling with other component indices."""
    letters = dict(zip(old, new, strict=True))
    tokens, text, begun = [], spelling.text, spelling.tokens[0].start
    for token in reversed(spelling.tokens):
        if token.text and all(c in letters for c in token.text) and token is not spelling.tokens[0]:
            word = "".join(letters[c] for c in token.text)
            text = text[: token.start - begun] + word + text[token.end - begun :]
            token = token._replace(text=word)
        tokens.append(token)
    return Spelling(tuple(reversed(tokens)), text)


def unindexed(spelling: Spelling, indices: Sequence[str]) -> Spelling | None:
    """A spelling without its component indices, where they stand in a script of their own."""
    tokens, begun = spelling.tokens, spelling.tokens[0].start
    for k, token in enumerate(tokens[:-3]):
        last = next((j for j in range(k, len(tokens)) if tokens[j].kind == ")group"), k)
        said = "".join(t.text for t in tokens[k + 2 : last])
        if (token.kind, token.text) == ("op", "_") and said == "".join(indices):
            end = tokens[last].end
            text = spelling.text[: token.start - begun] + spelling.text[end - begun :]
            return Spelling((*tokens[:k], *tokens[last + 1 :]), text)
    return None


def replaced(pattern: Spelling, old: Spelling, new: Spelling) -> Spelling | None:
    """The pattern with the name in it exchanged."""
    texts, inner = [t.text for t in pattern.tokens], [t.text for t in old.tokens]
    for k in range(len(texts) - len(inner), -1, -1):
        if old.text and texts[k : k + len(inner)] == inner and old.text in pattern.text:
            head, _, tail = pattern.text.rpartition(old.text)
            return Spelling(
                (*pattern.tokens[:k], *new.tokens, *pattern.tokens[k + len(inner) :]), head + new.text + tail
            )
    first = pattern.tokens[0]
    if first.kind == "word" and first.text[:1] in ("d", "δ") and first.text[1:] == inner[0] and texts[1:] == inner[1:]:
        word = new.tokens[0]._replace(text=first.text[0] + new.tokens[0].text)
        return Spelling((word, *new.tokens[1:]), pattern.text[0] + new.text)
    return None
