"""Sums Σ and products Π with what stands below and above them, and Kronecker's δ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinyad.derivation.language.names import Names
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.syntax_tree import Node, Ref, Token, walk
from tinyad.derivation.language.token_cursor import TokenCursor

ABOVE_SUM = 10  # the precedence of + and -: a sum takes the products that follow
LARGE = ("Σ", "Π")


class Sums:
    """Read sums and products over times, members of families and indices; `expression` reads their terms."""

    def __init__(
        self, cursor: TokenCursor, names: Names, builder: NodeBuilder, expression: Callable[[int], Node]
    ) -> None:
        self.cursor, self.names, self.node, self.expression = cursor, names, builder.node, expression

    def begins(self) -> bool:
        """Return whether a Σ or Π is next, and not a matrix that was declared as Σ."""
        scripted = self.cursor.ahead().kind == "op" and self.cursor.ahead().text == "_"
        return self.cursor.is_op(*LARGE) and (scripted or not self.names.is_known(self.cursor.token.text))

    def sum(self) -> Node:
        """Read Σ_j, Σ_{i,j}, Σ_{j≠i}, Σ_t, Σ_{t=1}^T, Σ_θ or Π_j with the term that follows."""
        token = self.cursor.token
        self.cursor.at += 1
        scripts: dict[str, list[Token]] = {}
        while self.cursor.is_op("_", "^"):
            sign = self.cursor.token.text
            self.cursor.at += 1
            scripts[sign] = self.cursor.group()
        values, apart = self.ranges(scripts.get("_", []), scripts.get("^"), token)
        body = self.expression(ABOVE_SUM)
        if apart is not None:
            body = self.without_equal(values[0][1], apart, body, token)
        for value in reversed(values):
            kind = "sum" if token.text == "Σ" else "product"
            if kind == "product" and value[0] != "index":
                self.cursor.fail("a product runs over a declared index: `indices: j`", token)
            body = self.node(kind, (body,), value, token.start, body.end)
        return body

    def ranges(
        self, below: list[Token], above: list[Token] | None, token: Token
    ) -> tuple[list[tuple[Any, ...]], str | None]:
        """Return what a sum runs over, for every index below it, and the index from which the only one differs."""
        texts = [t.text for t in below if t.kind not in ("group(", ")group")]
        end = "".join(t.text for t in above or () if t.kind not in ("group(", ")group"))
        if len(texts) == 3 and texts[1] == "≠" and {texts[0], texts[2]} <= self.names.indices and not end:
            return [("index", texts[0])], texts[2]
        first = texts.index("=") if "=" in texts else len(texts)
        letters = [c for text in texts[:first] for c in text if text != ","]
        written = self.cursor.source.text[token.start : token.end]
        if len(letters) > 1 and written == "Σ" and self.names.is_known("Σ") and "," not in texts:
            below_it = "".join(letters)
            self.cursor.fail(
                f"Σ_{below_it} is a sum, or a component of Σ: write Σ_{{{','.join(letters)}}} for the sum", token
            )
        if len(letters) > 1 and set(letters) <= self.names.indices:
            return [self.range([letter, *texts[first:]], above, token) for letter in letters], None
        return [self.range(texts, above, token)], None

    def without_equal(self, letter: str, other: str, body: Node, token: Token) -> Node:
        """Return a term times 1 - δ: a sum over j ≠ i."""
        witnesses = tuple(self.witness(index, body, token) for index in (letter, other))
        delta = self.node("delta", (), (letter, other, *witnesses), body.start, body.start)
        one = self.node("number", (), 1.0, body.start, body.start)
        apart = self.node("-", (one, delta), None, body.start, body.start)
        return self.node("∘", (body, apart), None, body.start, body.end)

    def witness(self, letter: str, body: Node | None, token: Token) -> Ref:
        """Return a name with an index, which says how far it runs: of a term, or else of the line before it."""
        inside = (ref_of(node) for node in walk(body)) if body is not None else ()
        ref = next((ref for ref in inside if ref is not None and letter in ref.indices), None)
        ref = ref or self.names.with_index.get(letter)
        if ref is None:
            self.cursor.fail(f"nothing before this says how far {letter} runs: no name has this index", token)
        return ref

    def delta(self, indices: tuple[str, ...], token: Token) -> Node:
        """Return δ_ij, which is 1 where two indices are equal."""
        witnesses = tuple(self.witness(index, None, token) for index in indices)
        return self.node("delta", (), (*indices, *witnesses), token.start, self.cursor.end)

    def members(self, letter: str, rest: Sequence[str], token: Token) -> tuple[str, ...]:
        """Return the members listed after θ = below a Σ, or all of them if there is no list."""
        members = self.names.families[letter]
        if not rest:
            return members
        listed = tuple(text for text in rest[1:] if text not in (",", "{", "}"))
        unknown = [text for text in listed if text not in members]
        if rest[0] not in ("=", "∈") or unknown or not listed:
            self.cursor.fail(f"Σ over {letter}: its members are {', '.join(members)}", token)
        return listed

    def range(self, texts: list[str], above: list[Token] | None, token: Token) -> tuple[Any, ...]:
        """Return the range of a sum: ("time", first, last), ("family", θ, members) or ("index", j, end or "")."""
        letter = texts[0] if texts else ""
        rest, end = texts[1:], [t.text for t in above or () if t.kind not in ("group(", ")group")]
        if letter == self.names.time and self.names.last and rest[:1] in ([], ["="]):
            return (
                "time",
                self.limit(rest[1:], token) if rest else None,
                self.limit(end, token) if end else None,
            )
        if letter in self.names.families and not end:
            return "family", letter, self.members(letter, rest, token)
        if letter in self.names.indices:
            last = "".join(end)
            if rest == ["=", "0"] and last.endswith("-1"):
                last = last.removesuffix("-1")
            elif rest not in ([], ["=", "1"]) or "-" in last or "+" in last:
                last = "?"
            if last != "?":
                return ("index", letter, last) if last else ("index", letter)
        if "'" in rest:
            self.cursor.fail("an index is a letter without a prime: write another letter", token)
        if letter and letter == self.names.time:
            self.cursor.fail(f"a sum over {letter}: declare the sequence, `time: {letter} = 1..T`", token)
        known = letter in self.names.families or letter in self.names.indices or letter == self.names.time
        if known:
            self.cursor.fail(
                f"{' '.join([*texts, *end])} below and above a Σ: write Σ_{letter}, or Σ_{{t=1}}^T for times", token
            )
        self.cursor.fail(
            f"a sum over {letter or 'nothing'}: expected the time, a declared index (`indices: j, k`) or a family "
            f"(`family θ: f, i, o`)", token
        )  # fmt: skip

    def limit(self, texts: list[str], token: Token) -> tuple[str, int]:
        """Return the first or last time of a sum, as in a Ref."""
        if len(texts) == 1 and texts[0].isdigit():
            return "=", int(texts[0])
        if texts and texts[0] in (self.names.last, self.names.time):
            letter = "T" if texts[0] == self.names.last else "t"
            if len(texts) == 1:
                return letter, 0
            if len(texts) == 3 and texts[1] in "+-" and texts[2].isdigit():
                return letter, int(texts[1] + texts[2])
        self.cursor.fail(f"{' '.join(texts)} is not a limit of a sum over time: write a number, t or T", token)


def ref_of(node: Node) -> Ref | None:
    """Return the name in a node that is a name or a derivative of the loss."""
    ref: Ref | None = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    return ref


def undeclared_indices(names: Names, tokens: Sequence[Token]) -> set[str]:
    """Return the letters below a Σ or Π that nothing else is: not the time, a family, a name or a part of one."""
    found: set[str] = set()
    for k, token in enumerate(tokens[:-2]):
        if (token.kind, token.text) != ("op", tokens[k].text) or token.text not in LARGE or tokens[k + 1].text != "_":
            continue
        end = next((n for n in range(k + 2, len(tokens)) if tokens[n].kind == ")group"), len(tokens))
        inner = tokens[k + 2 : end]
        first = next((n for n, t in enumerate(inner) if t.text in ("=", "∈", ":")), len(inner))
        found |= {c for t in inner[:first] if t.kind == "word" for c in t.text}
    scripts = {part for key in names.known for part in names.parts_of(key)[1:]}
    taken = {names.time, *names.families, *names.known, *scripts}
    under = {letter for letter in found - taken if letter.isascii() and letter.islower()}
    below = _below_names(names, tokens) - taken - _labels(tokens)
    return under | below if under | names.indices | below & {"i", "j", "k"} else set()


def _below_names(names: Names, tokens: Sequence[Token]) -> set[str]:
    """Return the letters below a δ, or below names that have no script where they are set or declared: j of x_j."""
    end_of_line = Token("end", "", 0, 0)
    starts = zip((end_of_line, *tokens), tokens, (*tokens[1:], end_of_line), strict=False)
    named = {t.text for before, t, after in starts if before.kind in ("end", "quad") and after.text not in ("_", "^")}
    named |= {"δ", *(names.parts_of(key)[0] for key in names.known if "_" not in key)}
    found: set[str] = set()
    for k, name in enumerate(tokens):
        at = k + 1
        if at < len(tokens) and tokens[at].text == "^":  # j of w^l_j
            at = _behind_group(tokens, at)
        if name.kind != "word" or at + 2 >= len(tokens) or tokens[at].text != "_":
            continue
        inner = [t for t in tokens[at + 2 : _behind_group(tokens, at) - 1] if t.text != ","]
        letters = "".join(t.text for t in inner)
        plain = all(t.kind == "word" for t in inner) and letters.isascii() and letters.islower() and len(letters) < 3
        if plain and {name.text, name.text[1:]} & named:
            found |= set(letters)
    return found


def _labels(tokens: Sequence[Token]) -> set[str]:
    """Return the letters below names that are set beside the name without a script: i of a_i where a is set too."""
    plain, below = set[str](), dict[str, set[str]]()
    for k, name in enumerate(tokens):
        before = [token.kind for token in tokens[max(k - 2, 0) : k]]
        first = before[-1:] == ["number"] and before[:-1] in ([], ["end"])  # behind the number of a line
        if name.kind != "word" or not (not before or before[-1] in ("end", "quad") or first):
            continue
        at = k + 1
        if tokens[at : at + 1] and tokens[at].text == "^":
            at = _behind_group(tokens, at)
        if tokens[at : at + 1] and tokens[at].text == "_":
            below.setdefault(name.text, set()).update(t.text for t in tokens[at + 2 : _behind_group(tokens, at) - 1])
        else:
            plain.add(name.text)
    return {letter for name in plain for letter in below.get(name, ())}


def _behind_group(tokens: Sequence[Token], at: int) -> int:
    """Return where the script that begins at a sign ends."""
    return next((k + 1 for k in range(at, len(tokens)) if tokens[k].kind == ")group"), len(tokens))
