"""Sums Σ and products Π with what stands below and above them, and Kronecker's δ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, NoReturn

from tinyad.derivation.language.names import Names
from tinyad.derivation.language.node_builder import NodeBuilder
from tinyad.derivation.language.syntax_tree import IndexComparison, Node, Ref, Token, walk
from tinyad.derivation.language.token_cursor import TokenCursor

ABOVE_SUM = 10  # the precedence of + and -: a sum takes the products that follow
LARGE = ("Σ", "Π")
LABELS = set("hwxyz")  # letters that rather tell matrices apart, as in W_{xh}, than count
COUNTING = set("ijklmn")  # letters that count even where they stand alone
TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "≠": "≠", "=": "="}
ORDERS = ("<", ">", "≤", "≥", "≠")


class Condition(NamedTuple):
    """A comparison below a Σ, as in an IndexComparison; without a sign it only says where an index ends, if that."""

    letters: tuple[str, ...]
    sign: str
    number: int
    end: str = ""


class Sums:
    """Read sums and products over times, members of families and indices; `expression` reads their terms."""

    def __init__(
        self, cursor: TokenCursor, names: Names, builder: NodeBuilder, expression: Callable[[int], Node]
    ) -> None:
        self.cursor, self.names, self.node, self.expression = cursor, names, builder.node, expression
        self.compares = False  # whether indices are compared in the line that is read

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
        values, conditions = self.ranges(scripts.get("_", []), scripts.get("^"), token)
        letters = [value[1] for value in values if value[0] == "index"]
        with self.names.binding(letters):
            body = self.expression(ABOVE_SUM)
        for condition in conditions:
            holds = self.comparison(condition, body, token)
            body = self.node("∘", (body, holds), None, body.start, body.end)
        for value in reversed(values):
            kind = "sum" if token.text == "Σ" else "product"
            if kind == "product" and (value[0] != "index" or conditions):
                self.cursor.fail("a product runs over a declared index: `indices: j`", token)
            body = self.node(kind, (body,), value, token.start, body.end)
        return body

    def ranges(
        self, below: list[Token], above: list[Token] | None, token: Token
    ) -> tuple[list[tuple[Any, ...]], list[Condition]]:
        """Return what a sum runs over, for every index below it, and the comparisons that its terms satisfy."""
        texts, end = self.without_set(plain_texts(below), token), plain_texts(above or ())
        if comparisons := self.compared(texts, end):
            return self.conditional(comparisons, end, token)
        first = texts.index("=") if "=" in texts else len(texts)
        letters = [c for text in texts[:first] for c in text if text not in ("(", ")", ",")]
        written = self.cursor.source.text[token.start : token.end]
        if len(letters) > 1 and written == "Σ" and self.names.is_known("Σ") and "," not in texts:
            below_it = "".join(letters)
            self.cursor.fail(
                f"Σ_{below_it} is a sum, or a component of Σ: write Σ_{{{','.join(letters)}}} for the sum", token
            )
        if len(letters) > 1 and set(letters) <= self.names.indices:
            return [self.range([letter, *texts[first:]], above, token) for letter in letters], []
        return [self.range(texts, above, token)], []

    def without_set(self, texts: list[str], token: Token) -> list[str]:
        """Return what stands below a Σ without the set of i ∈ I or (i, j) ∈ K, all of whose values are summed over."""
        if "∈" not in texts or texts[0] in self.names.families:
            return texts
        at = texts.index("∈")
        letters, members = [text for text in texts[:at] if text not in "(),"], "".join(texts[at + 1 :])
        if not letters or not set(letters) <= self.names.indices or not members.replace("_", "").isalnum():
            return texts
        for letter in letters:
            if self.names.sets.setdefault(letter, members) != members:
                both = f"{self.names.sets[letter]} and {members}"
                message = f"{letter} runs over two sets, {both}: sums over a part of an index are not read"
                self.cursor.fail(message, token)
        return letters

    def compared(self, texts: list[str], end: list[str]) -> list[list[str]]:
        """Return the parts below a Σ if indices are compared there, as in i < j, or k = 1 with an index above the Σ."""
        parts: list[list[str]] = [[]]
        for text in texts:
            if text in (",", ";", "|", ":"):
                parts.append([])
            else:
                parts[-1].append(text)
        known = self.names.indices
        limited = any(part[1:2] == ["="] and part[0] in known and known & {*part[2:], *end} for part in parts)
        ordered = any(text in ORDERS for text in texts) and any(text in known for text in texts)
        return [part for part in parts if part] if limited or ordered else []

    def conditional(
        self, parts: list[list[str]], end: list[str], token: Token
    ) -> tuple[list[tuple[Any, ...]], list[Condition]]:
        """Return the indices of a sum with comparisons below it: those that are new there, and what they satisfy."""
        listed, found, conditions, ends = list[str](), list[str](), list[Condition](), dict[str, str]()
        for part in parts:
            if not any(text in (*ORDERS, "=") for text in part):
                listed += [c for text in part for c in text]
                continue
            at = [-1, *(k for k, text in enumerate(part) if text in (*ORDERS, "=")), len(part)]
            sides = [self.side(part[a + 1 : b], part, token) for a, b in pairwise(at)]
            signs = [part[k] for k in at[1:-1]]
            found += [letter for letter, _ in sides if letter in self.names.indices]
            if signs == ["="] and end:
                sides, signs = [sides[1], sides[0], self.side(end, [*part, *end], token)], ["≤", "≤"]
            if signs.count("≠") > 1:
                self.cursor.fail(f"{' '.join(part)} leaves open which indices differ: write i≠j, j≠k, i≠k", token)
            made = [self.condition(*it, part, token) for it in zip(sides, signs, sides[1:], strict=False)]
            ends |= {it.letters[0]: it.end for it in made if it.end}
            conditions += [it for it in made if it.sign]
        if not {*listed, *found} <= self.names.indices or not found:
            self.refuse([text for part in parts for text in part], token)
        letters = listed or [c for c in dict.fromkeys(found) if c not in self.names.bound] or found[:1]
        return [("index", c, ends[c]) if c in ends else ("index", c) for c in letters], conditions

    def side(self, texts: list[str], whole: list[str], token: Token) -> tuple[str, int]:
        """Return a side of a comparison below a Σ as an index or a size, and a number that is added; "" for none."""
        first, rest = texts[:1], texts[1:]
        if len(first) == 1 and first[0].isdigit() and not rest:
            return "", int(first[0])
        shifted = len(rest) == 2 and rest[0] in "+-" and rest[1].isdigit()
        if first and first[0].isalpha() and (shifted or not rest):
            return first[0], int("".join(rest) or 0)
        self.refuse(whole, token)

    def condition(
        self, left: tuple[str, int], sign: str, right: tuple[str, int], whole: list[str], token: Token
    ) -> Condition:
        """Return one comparison: between indices, with a number, or with the size up to which an index runs."""
        known = self.names.indices
        if left[0] not in known:
            left, sign, right = right, TURNED[sign], left
        (letter, shift), (other, number) = left, right
        if letter not in known or (other and other not in known and (sign != "≤" or shift or number)):
            self.refuse(whole, token)
        if other and other not in known:
            return Condition((letter,), "", 0, other)
        if not other and sign == "≥" and number - shift == 1:  # 1 ≤ i says nothing
            return Condition((letter,), "", 0)
        return Condition((letter, other) if other else (letter,), sign, number - shift)

    def refuse(self, texts: list[str], token: Token) -> NoReturn:
        """Fail at what stands below a Σ and is no range and no comparison of indices."""
        written = " ".join(texts)
        self.cursor.fail(f"{written} below and above a Σ: write Σ_i, Σ_{{i<j}}, Σ_{{j≠i}}, Σ_{{j=1}}^{{i}}", token)

    def comparison(self, condition: Condition, body: Node | None, token: Token) -> Node:
        """Return 1 where a comparison of indices holds, 0 elsewhere; `body` says how far the indices run."""
        letters, sign, number, _ = condition
        lengths = tuple(witness(c, [body] if body else []) or self.names.with_index.get(c) for c in letters)
        self.compares = True
        at = (token.start, self.cursor.end) if body is None else (body.start, body.start)
        return self.node("delta", (), IndexComparison(letters, sign, number, lengths), *at)

    def with_lengths(self, members: Sequence[Node], left: Sequence[Node]) -> list[Node]:
        """Return formulas in which every comparison of indices has the names of its line that say how far these run."""
        computed = any(node.kind == "name" for node in left)  # by this equation: it has no value yet
        formulas = members if computed else [*members, *left]

        def completed(node: Node) -> Node:
            parts = tuple(completed(part) for part in node.parts)
            node = node if parts == node.parts else self.node(node.kind, parts, node.value, node.start, node.end)
            if node.kind != "delta":
                return node
            found = [witness(letter, formulas) for letter in node.value.letters]
            known = next((it for it in found if it is not None), None)
            if known is None:
                message = f"nothing here says how far {node.value.letters[0]} runs: no name has this index"
                raise self.cursor.source.error(message, node.start, node.end)
            if len(found) > 1 and None in found:  # compared with one another: they run equally far
                letters = node.value.letters
                other = letters[0] if found[0] is not None else letters[1]
                return node._replace(value=node.value._replace(lengths=(known, known), measured=(other, other)))
            return node._replace(value=node.value._replace(lengths=tuple(found)))

        return [completed(member) for member in members]

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
        if "'" in rest:
            self.cursor.fail("an index is a letter without a prime: write another letter", token)
        if letter in self.names.indices:
            return self.index_range(texts, end, token)
        if letter == "(":
            message = "a sum over pairs takes components, as P_{uk} and Q_{ik} for vectors p_u and q_i"
            self.cursor.fail(message, token)
        if not letter:
            self.cursor.fail("a sum without an index: write Σ_i", token)
        if letter == self.names.time:
            self.cursor.fail(f"a sum over {letter}: declare the sequence, `time: {letter} = 1..T`", token)
        known = letter in self.names.families or letter in self.names.indices or letter == self.names.time
        if known:
            self.cursor.fail(
                f"{' '.join([*texts, *end])} below and above a Σ: write Σ_{letter}, or Σ_{{t=1}}^T for times", token
            )
        self.cursor.fail(
            f"a sum over {letter}: expected the time, a declared index (`indices: j, k`) or a family "
            f"(`family θ: f, i, o`)", token
        )  # fmt: skip

    def index_range(self, texts: list[str], end: list[str], token: Token) -> tuple[str, ...]:
        """Return the range of a sum over all values of an index, Σ_j, Σ_{j=1}^N or Σ_{j=0}^{N-1}."""
        last = "".join(end)
        if texts[1:] == ["=", "0"] and last.endswith("-1"):
            last = last.removesuffix("-1")
        elif self.runs_over_all(texts[1:], end):
            last = ""
        elif texts[1:] not in ([], ["=", "1"]) or "-" in last or "+" in last:
            self.refuse([*texts, *end], token)
        return ("index", texts[0], last) if last else ("index", texts[0])

    def runs_over_all(self, first: list[str], end: list[str]) -> bool:
        """Return whether k runs from 0 to n, the last of all its values, or from 1 to n_{l-1}, the size of a layer."""
        of_layer = end[1:2] == ["_"] and bool({*end} & {"-", "+"})
        return (first == ["=", "1"] and of_layer) or (first == ["=", "0"] and "".join(end) in self.names.last_from_0)

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


def witness(letter: str, formulas: Sequence[Node]) -> Ref | Node | None:
    """Return a name or a formula of components with an index, which says how far it runs."""
    for node in (n for formula in formulas for n in walk(formula)):
        refs = [ref_of(node), *(r for r in (node.value,) if node.kind == "jacobian" and isinstance(r, Ref))]
        found = next((ref for ref in refs if ref is not None and letter in ref.indices), None)
        if found is not None or (node.kind == "component" and letter in node.value):
            return found or node
    return None


def plain_texts(tokens: Sequence[Token]) -> list[str]:
    """Return the texts of tokens but those of groups."""
    return [t.text for t in tokens if t.kind not in ("group(", ")group")]


def ref_of(node: Node) -> Ref | None:
    """Return the name in a node that is a name or a derivative of the loss."""
    ref: Ref | None = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    return ref


def undeclared_indices(names: Names, tokens: Sequence[Token]) -> set[str]:
    """Return the letters below a Σ or Π that nothing else is: not the time, a family, a name or a part of one."""
    found: set[str] = set()
    tokens = _without_arguments(tokens)
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
    found = under | below if under | names.indices | below & {"i", "j", "k"} else set()
    return found | (_beside(found | names.indices, tokens) - taken)


def _without_arguments(tokens: Sequence[Token]) -> list[Token]:
    """Return lines without the (p_1, …, p_k) of a left-hand side L(p_1, …, p_k)."""
    kept, at = list[Token](), 0
    while at < len(tokens):
        begins = at == 0 or tokens[at - 1].kind == "end"
        kept.append(tokens[at])
        at += 1
        if begins and kept[-1].kind == "word" and at < len(tokens) and tokens[at].text == "(":
            close = next((k for k in range(at, len(tokens)) if tokens[k].kind in ("close", "end")), at)
            at = close + 1 if tokens[close + 1 : close + 2] and tokens[close + 1].text == "=" else at
    return kept


def _beside(known: set[str], tokens: Sequence[Token]) -> set[str]:
    """Return the letters below names that elsewhere have indices in their place: a and b of O_ab where O_ip is."""
    below: dict[str, list[str]] = {}
    for k, name in enumerate(tokens[:-2]):
        if name.kind == "word" and tokens[k + 1].text == "_":
            inner = [t for t in tokens[k + 3 : _behind_group(tokens, k + 1) - 1] if t.text != ","]
            letters = "".join(t.text for t in inner)
            if all(t.kind == "word" for t in inner) and letters.isascii() and letters.islower() and len(letters) < 3:
                below.setdefault(name.text, []).append(letters)
    of_components = [found for found in below.values() if any(set(letters) <= known for letters in found)]
    beside = {c for found in of_components for letters in found for c in letters if len(letters) == 2 or c in COUNTING}
    return beside - LABELS


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
