"""Exercises: a right derivation with one mistake planted in it, and whether a reader has found and mended it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from hashlib import sha256
from itertools import islice, pairwise, zip_longest
from typing import Any, NamedTuple

from tinyad import derivation as checker
from tinyad.derivation.check import Verdict
from tinyad.derivation.plain import SUBSCRIPTS, SUPERSCRIPTS
from tinyad.derivation.reader import Derivation, derivations
from tinyad.derivation.report import Report
from tinyad.derivation.source import DerivationError, Source
from tinyad.derivation.tree import Node, Ref, Statement, Token

KINDS = {
    "name": "another name or derivative in the place of one",
    "copied": "the formula of a neighbouring line",
    "missing": "a term of a sum, or a line that adds, left out",
    "sign": "+ for -, or a minus too many or too few",
    "assign": "= for +=, or += for =",
    "undefined": "a name or an index that stands for nothing here",
    "transpose": "a transposition too many or too few",
    "operator": "component-wise for the matrix product, or the other way round",
    "order": "two factors the wrong way round",
    "time": "a time step too early or too late",
    "activation": "the derivative of a function left out, or taken at the wrong point",
    "bracket": "brackets left out, or closed in the wrong place",
    "factor": "a factor too many or too few",
    "extra": "a term that does not belong",
}
MOST = 40  # mistakes of one kind in one line
TRIES = 50  # of plant, for a mistake that shows
NEAR = 3  # lines away, at the most, of a neighbour
ALIKE = 0.5  # of the lines of two files that are one and the same exercise
SIZED = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)\s*\.?\s*$")
NUMBER = re.compile(r"\s*\\tag\*?\{[^{}]*\}")
WRAPPED = re.compile(r"(?:\\(?:math|text|bold|operator|bm|pmb)[A-Za-z]*\s*)?\{\s*$")


class Plant(NamedTuple):
    """One mistake: `line` is where it is in the new `text`, `was` and `now` are that line before and after."""

    kind: str
    line: int
    was: str
    now: str
    text: str
    removed: bool = False


class Grade(NamedTuple):
    """Whether a reader has found a mistake."""

    found: bool
    message: str


class Edit(NamedTuple):
    """A slice of the text, and what stands there afterwards."""

    start: int
    end: int
    new: str
    removed: bool = False


Run = list[tuple[str, Node]]  # terms or factors, with the sign before each
Ident = tuple[Any, ...]  # kind, key, time, indices, label


def plants(text: str, name: str = "derivation") -> Iterator[Plant]:
    """All mistakes of every kind that one edit makes, line by line."""
    for line in _lines(Source(text, name)):
        for kind in KINDS:
            for edit in line.edits(kind):
                yield line.planted(kind, edit)


def plant(text: str, kind: str, seed: int, name: str = "derivation") -> Plant:
    """One mistake of a kind, chosen by a seed among those that the checker sees."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of mistake; there are {', '.join(KINDS)}")
    source = Source(text, name)
    lines = _lines(source)
    found = [(line, edit) for line in lines for edit in line.edits(kind)]
    if not found:
        possible = ", ".join(k for k in KINDS if any(line.edits(k) for line in lines))
        raise ValueError(f"{name}: no line can have a mistake of the kind {kind!r}; possible are {possible or 'none'}")
    before = _faults(checker.check_derivation(source.text))
    tried = random.Random(seed).sample(found, min(TRIES, len(found)))
    for line, edit in tried:
        made = line.planted(kind, edit)
        if _shows(made, before):
            return made
    raise ValueError(f"{name}: {len(tried)} mistakes of the kind {kind!r} were tried, and none changes a value")


def _shows(made: Plant, before: list[str]) -> bool:
    """Whether the checker can read the file, and finds more to say than before."""
    try:
        report = checker.check_derivation(made.text)
    except DerivationError:
        return False
    readable = all(v.verdict != "unreadable" for v in report.wrong if v.line == made.line)
    return readable and len(_faults(report)) > len(before)


def _faults(report: Report) -> list[str]:
    """Every wrong line and every missing derivative."""
    return [_squeezed(v.text) for v in report.wrong] + [fault for _, part in report.parts for fault in part.faults]


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _grows(a: str, b: str) -> bool:
    """Whether two signs side by side are one word."""
    return a.isalnum() and b.isalnum() and not {a, b} & (SUBSCRIPTS.keys() | SUPERSCRIPTS.keys())


# Where a piece of a formula is in the text


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    r"""The slice with the braces, fonts and \left that belong to it."""
    while True:
        depth = lowest = 0
        for sign in re.findall(r"\\.|[{}]", text[start:end], re.DOTALL):
            depth += {"{": 1, "}": -1}.get(sign, 0)
            lowest = min(lowest, depth)
        before = WRAPPED.search(text, max(0, start - 40), start)
        after = re.compile(r"\s*\}").match(text, end)
        size = SIZED.search(text, max(0, start - 20), start)
        if lowest < 0 and before:
            start = before.start()
        elif depth > lowest and after:
            end = after.end()
        elif before and after and before[0].startswith("\\"):
            start, end = before.start(), after.end()
        elif size:
            start = size.start()
        else:
            return start, end


def walk(node: Node) -> Iterator[Node]:
    """A formula and its parts, without the names that make one word."""
    yield node
    if not any((part.start, part.end) == (node.start, node.end) for part in node.parts) or node.kind in POWERS:
        for part in node.parts:
            yield from walk(part)


POWERS = ("square", "transpose", "inverse")


def terms(node: Node) -> Run:
    if node.kind in ("+", "-"):
        return [*terms(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def factors(node: Node) -> Run:
    if node.kind in ("∘", "*", "/") and (node.value or node.kind == "*") and node.parts[0].end <= node.parts[1].start:
        return [*factors(node.parts[0]), (node.kind, node.parts[1])]
    return [("", node)]


def runs(node: Node, split: Callable[[Node], Run]) -> Iterator[Run]:
    """The sums, or the products, of a formula, each once."""
    within: set[int] = set()
    for part in walk(node):
        run, left = split(part), part
        while len(split(left)) > 1:
            left = left.parts[0]
            within.add(id(left))
        if len(run) > 1 and id(part) not in within:
            yield run


def core(node: Node) -> Node:
    """A formula without the brackets and transpositions around it."""
    return core(node.parts[0]) if node.kind in ("bracket", "transpose") else node


def complement(node: Node) -> Node | None:
    """x, where a formula is 1 - x."""
    inner = core(node)
    one = inner.kind == "-" and core(inner.parts[0])
    return inner.parts[1] if one and (one.kind == "ones" or (one.kind == "number" and one.value == 1)) else None


def ref_of(node: Node) -> Ref | None:
    ref = node.value if node.kind == "name" else node.value[0] if node.kind == "d" else None
    return ref if isinstance(ref, Ref) else None


def ident_of(node: Node) -> Ident | None:
    """What a name, a derivative or a Jacobian is, however it is spelled."""
    ref = ref_of(node)
    if ref is not None:
        return node.kind, *ref, node.value[1] if node.kind == "d" else None
    if node.kind == "jacobian" and node.parts[0].kind == "name" and isinstance(node.value, Ref):
        return "jacobian", f"{node.parts[0].value.key} {node.value.key}", node.value.time, node.value.indices, None
    return None


def interleaved(lists: Iterable[Iterable[Edit]]) -> Iterator[Edit]:
    for row in zip_longest(*lists):
        yield from (edit for edit in row if edit is not None)


class Spellings:
    """How the author of a derivation spells things, once in plain text and once in LaTeX."""

    def __init__(self, derivation: Derivation) -> None:
        self.source, self.derivation = derivation.source, derivation
        self.blocks = [(b.start, b.end, "\\" in self.source.text[b.start : b.end]) for b in self.source.blocks()]
        self.names: dict[tuple[bool, Ident], str] = {}
        self.signs: dict[tuple[bool, str], str] = {}
        self.functions: dict[tuple[bool, str], str] = {}  # name of what a function has computed → its spelling
        backward = [line for lines in derivation.backward.values() for line in lines if isinstance(line, Statement)]
        for statement in [*derivation.forward, *backward]:
            latex = self.latex(statement.start)
            for node in (n for part in (*statement.left, *statement.members) for n in walk(part)):
                self._add(latex, node)
            head = statement.members and statement.members[0]
            if head and head.kind == "call" and statement.left[0].kind == "name":
                function = statement.tokens[[t.start for t in statement.tokens].index(head.start)]
                self.functions[latex, statement.left[0].value.key] = self.slice(function)

    def _add(self, latex: bool, node: Node) -> None:
        ident, text = ident_of(node), self.source.text
        if ident is not None:
            self.names.setdefault((latex, ident), self.slice(node))
        elif node.kind == "transpose" and node.parts[0].end < node.end:
            self.signs.setdefault((latex, "transpose"), text[widened(text, *node.parts[0][3:5])[1] : node.end])
        elif node.kind in ("∘", "*") and node.value:
            self.signs.setdefault((latex, node.kind), f" {text[node.value[0] : node.value[1]]} ")
        elif node.kind == "*":
            self.signs.setdefault((latex, "beside"), " ")

    def latex(self, at: int) -> bool:
        return next(latex for start, end, latex in self.blocks if start <= at <= end)

    def slice(self, piece: Node | Token) -> str:
        start, end = widened(self.source.text, piece.start, piece.end)
        return self.source.text[start:end]

    def sign(self, latex: bool, what: str) -> str:
        default = {"transpose": "^T" if latex else "ᵀ", "∘": r" \circ " if latex else " ∘ ", "*": " "}
        beside = "*" if (latex, "beside") in self.signs else ""
        return " " if what == beside else self.signs.get((latex, what), default[what])


class Line:
    """A backward line in which mistakes are planted."""

    def __init__(self, statement: Statement, others: Sequence[Statement], spellings: Spellings) -> None:
        self.statement, self.others, self.spellings = statement, others, spellings
        self.source, self.text = spellings.source, spellings.source.text
        self.it = spellings.derivation.declarations
        self.latex = spellings.latex(statement.start)
        self.whole = widened(self.text, statement.start, statement.end)

    def edits(self, kind: str) -> list[Edit]:
        """The mistakes of a kind, without those that are no change or come twice."""
        found: dict[str, Edit] = {}
        for edit in (self.parted(e) for e in getattr(self, "_" + kind)()):
            now = self.after(edit)
            if edit.removed or _squeezed(now) != _squeezed(self.text[self.whole[0] : self.whole[1]]):
                found.setdefault(_squeezed(now), edit)
        return list(islice(found.values(), MOST))

    def after(self, edit: Edit) -> str:
        start, end = self.whole
        return self.text[start : edit.start] + edit.new + self.text[edit.end : max(end, edit.end)]

    def parted(self, edit: Edit) -> Edit:
        """With a space where two words would grow together."""
        before, after = self.text[edit.start - 1], self.text[edit.end : edit.end + 1]
        new = edit.new
        if not new and not edit.removed and _grows(before, after):
            new = " "
        if new and _grows(before, new[0]):
            new = " " + new
        if new and edit.end > edit.start and _grows(new[-1], after):
            new += " "
        return edit._replace(new=new)

    def planted(self, kind: str, edit: Edit) -> Plant:
        text = self.text[: edit.start] + edit.new + self.text[edit.end :]
        was = self.text[self.whole[0] : self.whole[1]]
        at = edit.start if edit.removed else self.statement.start
        return Plant(kind, self.source.place(at)[0], was, "" if edit.removed else self.after(edit), text, edit.removed)

    # Pieces of the line

    def span(self, node: Node | Token) -> tuple[int, int]:
        return widened(self.text, node.start, node.end)

    def slice(self, node: Node | Token) -> str:
        return self.spellings.slice(node)

    def tokens(self, node: Node) -> list[Token]:
        return [t for t in self.statement.tokens if node.start <= t.start and t.end <= node.end]

    def between(self, start: int, end: int, *signs: str) -> Token | None:
        """The first of some operators in a slice."""
        return next((t for t in self.statement.tokens if start <= t.start < end and t.text in signs), None)

    def replaced(self, node: Node | Token, new: str) -> Edit:
        return Edit(*self.span(node), new)

    def nodes(self) -> list[Node]:
        return [node for member in self.statement.members for node in walk(member)]

    @cached_property
    def leaves(self) -> list[Node]:
        """Names, derivatives and Jacobians: of the formula, then of the left-hand side."""
        return [node for node in (*self.nodes(), *self.statement.left) if ident_of(node) is not None]

    def sums(self) -> list[Run]:
        return [run for member in self.statement.members for run in runs(member, terms)]

    def products(self) -> list[Run]:
        return [run for member in self.statement.members for run in runs(member, factors)]

    def dropped(self, run: Run, k: int) -> Edit:
        """A term or a factor left out, with the sign before it."""
        start, end = self.span(run[k][1])
        if k:
            return Edit(self.span(run[k - 1][1])[1], end, "")
        minus = run[1][0] == "-" and self.between(end, run[1][1].start, "-")
        return Edit(start, minus.start if minus else self.span(run[1][1])[0], "")

    def neighbours(self) -> list[Statement]:
        """Lines for the same sort of left-hand side, the nearest first."""
        at, sort = self.others.index(self.statement), [left.kind for left in self.statement.left]
        near = [(abs(k - at), s) for k, s in enumerate(self.others) if 0 < abs(k - at) <= NEAR and s.members]
        return [s for _, s in sorted(near, key=lambda pair: pair[0]) if [left.kind for left in s.left] == sort]

    def strings(self) -> Iterator[tuple[Node, Token]]:
        """deriv(...) with the token of its operator."""
        for node in self.nodes():
            if node.kind == "deriv":
                yield node, next(t for t in self.tokens(node)[::-1] if t.kind == "string")

    # The kinds

    def _name(self) -> Iterator[Edit]:
        return interleaved([[self.replaced(node, new) for new in self.namesakes(node)] for node in self.leaves])

    def namesakes(self, node: Node) -> list[str]:
        """What may be taken for a name by mistake, the likeliest first."""
        own = ident_of(node)
        assert own is not None
        found = []
        for (latex, ident), text in self.spellings.names.items():
            swapped = ident[0] != own[0] and "jacobian" not in (ident[0], own[0]) and ident[1:4] == own[1:4]
            if latex == self.latex and ident != own and (swapped or (ident[0] == own[0] and ident[1] != own[1])):
                far = (ident[2] != own[2]) + 2 * (ident[3] != own[3]) + 0.5 * swapped
                found.append((far + 1 - SequenceMatcher(None, ident[1], own[1]).ratio(), text))
        return [text for _, text in sorted(found)]

    def _copied(self) -> Iterator[Edit]:
        start, end = self.formula(self.statement)
        for other in self.neighbours():
            if self.spellings.latex(other.start) == self.latex:
                first, last = self.formula(other)
                yield Edit(start, end, NUMBER.sub("", self.text[first:last]))

    def formula(self, statement: Statement) -> tuple[int, int]:
        return self.span(statement.members[0])[0], self.span(statement.members[-1])[1]

    def _missing(self) -> Iterator[Edit]:
        yield from (self.dropped(run, k) for run in self.sums() for k in range(len(run)))
        lines = [self.rows(other) for other in self.others if other is not self.statement]
        first, last = self.rows(self.statement)
        if self.statement.sign == "+=" and all(b < first or a > last for a, b in lines):
            yield Edit(self.source.line_start(first), self.source.line_start(last + 1), "", True)

    def rows(self, statement: Statement) -> tuple[int, int]:
        return self.source.place(statement.start)[0], self.source.place(statement.end)[0]

    def _sign(self) -> Iterator[Edit]:
        for run in self.sums():
            for (_, before), (sign, term) in pairwise(run):
                token = self.between(before.end, term.start, sign)
                if token:
                    yield Edit(token.start, token.end, {"+": "-", "-": "+"}[sign])
        for node in self.nodes():
            if node.kind == "neg":
                yield Edit(node.start, self.span(node.parts[0])[0], "")
        for member in self.statement.members:
            if member.kind not in ("neg", "deriv"):
                yield Edit(self.span(member)[0], self.span(member)[0], "-")

    def _assign(self) -> Iterator[Edit]:
        left, members = self.statement.left, self.statement.members
        token = self.between(left[-1].end, members[0].start, "=", "+=", "≡")
        if token and all(node.kind == "d" for node in left):
            yield self.replaced(token, "=" if token.text == "+=" else "+=")

    def _undefined(self) -> Iterator[Edit]:
        return interleaved([self.misspelled(node) for node in self.leaves if node.kind != "jacobian"])

    def misspelled(self, node: Node) -> Iterator[Edit]:
        """The name with another number, script, index or letter."""
        ref = ref_of(node)
        assert ref is not None
        names, base = self.it.names, re.split("[_^]", ref.key)[0]
        tokens = self.spelled(node)
        at = next((k for k, t in enumerate(tokens) if t.kind == "word" and base in t.text), len(tokens))
        for token in tokens[at : at + 1]:
            head, digits = re.fullmatch(r"(.*?)(\d*)", token.text).groups()  # type: ignore[union-attr]
            prefix = head[: len(head) - len(base)]
            yield self.replaced(token, head + "99" if digits else prefix + self.strange())
        for token in tokens[at + 1 :]:
            if token.kind == "word" and set(token.text) <= names.indices:
                others = sorted(names.indices - set(token.text))
                yield from (self.replaced(token, other + token.text[1:]) for other in others)
            elif token.kind == "word" and token.text not in (names.time, names.last, names.loss, "T", "⊤"):
                yield self.replaced(token, token.text[:-1] + self.strange())

    def spelled(self, node: Node) -> list[Token]:
        """The tokens of the name itself, in a derivative those behind the last ∂."""
        tokens = self.tokens(node)
        last = max((k for k, t in enumerate(tokens) if t.text in ("∂", "∇", "/")), default=-1)
        return tokens[last + 1 :]

    def strange(self) -> str:
        """A letter that no name here has."""
        taken = {*"".join(self.it.names.known), *self.it.names.functions, *self.it.names.families}
        taken |= {*self.it.names.indices, self.it.names.loss, self.it.names.time}
        return next((c for c in "qpvruwemnlsk" if c not in taken), "qq")

    def _transpose(self) -> Iterator[Edit]:
        turned = {id(node.parts[0]) for node in self.nodes() if node.kind in ("transpose", "jacobian")}
        sign = self.spellings.sign(self.latex, "transpose")
        for node in self.nodes():
            part = self.slice(node)
            if node.kind == "transpose" and node.parts[0].end < node.end:
                yield self.replaced(node, self.slice(node.parts[0]))
            elif id(node) not in turned and (node.kind == "bracket" or ident_of(node) is not None):
                plain = node.kind == "bracket" or not re.search(r"[\^/∂∇\s]|\\frac|\\partial|\\nabla|\\delta", part)
                yield self.replaced(node, part + sign if plain else f"({part}){sign}")

    def _operator(self) -> Iterator[Edit]:
        for run in self.products():
            for (_, before), (sign, factor) in pairwise(run):
                start, end = self.span(before)[1], self.span(factor)[0]
                if sign != "/":
                    yield Edit(start, end, self.spellings.sign(self.latex, {"∘": "*", "*": "∘"}[sign]))
        for node, token in self.strings():
            others = [sign for sign in "∘*+-" if sign != token.text] if len(node.parts) == 3 else []
            yield from (Edit(token.start + 1, token.end - 1, sign) for sign in others)

    def _order(self) -> Iterator[Edit]:
        for run in self.products():
            for (_, before), (sign, factor) in pairwise(run):
                if sign == "*":
                    yield self.swapped(before, factor)
        for node, _ in self.strings():
            yield from (self.swapped(a, b) for a, b in pairwise(node.parts))
        yield from (self.swapped(a, b) for a, b in pairwise(self.statement.left))

    def swapped(self, a: Node, b: Node) -> Edit:
        (start, middle), (later, end) = self.span(a), self.span(b)
        return Edit(start, end, self.text[later:end] + (self.text[middle:later] or " ") + self.text[start:middle])

    def _time(self) -> Iterator[Edit]:
        yield from interleaved([self.moved(node) for node in self.leaves if node.kind != "jacobian"])
        for node in self.nodes():
            if node.kind == "sum" and node.value[:2] == ("time", ("=", 1)):
                number = next(t for t in self.tokens(node) if t.kind == "number")
                yield self.replaced(number, "2")

    def moved(self, node: Node) -> Iterator[Edit]:
        """The same name at another time: as it is spelled elsewhere, or with another step."""
        own, ref = ident_of(node), ref_of(node)
        assert own is not None
        assert ref is not None
        for (latex, ident), text in self.spellings.names.items():
            if latex == self.latex and ident != own and (*ident[:2], *ident[3:]) == (*own[:2], *own[3:]):
                yield self.replaced(node, text)
        if ref.time and ref.time[0] == "t":
            yield from (edit for k in (-1, 0, 1) if k != ref.time[1] for edit in self.shifted(node, k))

    def shifted(self, node: Node, k: int) -> Iterator[Edit]:
        time, tokens = self.it.names.time, self.spelled(node)
        shift = f"{k:+d}" if k else ""
        at = next((n for n, t in enumerate(tokens) if t.kind == "word" and t.text == time and n), None)
        if at is None:
            if tokens and tokens[0].text.endswith(time):
                yield Edit(tokens[0].end, self.span(node)[1], shift)
            return
        start, end = self.span(tokens[at])
        letter = self.text[start:end]
        if len(tokens) > at + 2 and tokens[at + 1].text in ("+", "-"):
            end = self.span(tokens[at + 2])[1]
        for table in (SUBSCRIPTS, SUPERSCRIPTS):
            if letter in table:
                back = {plain: sign for sign, plain in table.items()}
                yield Edit(start, end, letter + "".join(back[c] for c in shift))
                return
        if not shift and self.text[start - 2 : start] == "_{" and self.text[end : end + 1] == "}":
            start, end = start - 1, end + 1
        bare = tokens[at - 1].kind == "group(" and tokens[at - 1].start == tokens[at - 1].end
        yield Edit(start, end, f"{{{letter}{shift}}}" if bare else letter + shift)

    def _activation(self) -> Iterator[Edit]:
        for run in self.products():
            for k, (sign, factor) in enumerate(run):
                if (complement(factor) or core(factor).kind == "prime") and (k or run[1][0] != "/") and sign != "/":
                    yield self.dropped(run, k)
                    yield from self.wrong_sigmoid(run, k)
        for node in self.nodes():
            inner = complement(node)
            if node.kind == "-" and inner:
                yield from self.wrong_slope(node, inner)
            elif node.kind == "prime":
                prime = self.between(node.start, node.parts[0].start, "'")
                yield from [Edit(prime.start, prime.end, "")] if prime else []
                yield from [self.at_itself(node, self.text[node.start : prime.start])] if prime else []
            elif node.kind == "call" and self.is_activation(node.value.key) and not self.power(node):
                argument = self.slice(node.parts[0])
                yield self.replaced(node, argument if ident_of(node.parts[0]) else f"({argument})")
        for node, token in self.strings():
            others = [name for name in ("tanh", "sigmoid") if name != token.text] if len(node.parts) == 2 else []
            yield from (Edit(token.start + 1, token.end - 1, other) for other in others)

    def is_activation(self, key: str) -> bool:
        return key in self.it.functions or self.it.names.functions.get(key) in ("sigmoid", "tanh")

    def at_itself(self, node: Node, head: str) -> Edit:
        """f(f(x)) for f(x), f'(f(x)) for f'(x)."""
        return self.replaced(node.parts[0], f"{head}({self.slice(node.parts[0])})")

    def wrong_sigmoid(self, run: Run, k: int) -> Iterator[Edit]:
        """x and 1 - x side by side: 1 - x² for both, both at the wrong point, or x left out."""
        inner = complement(run[k][1])
        for n in (k - 1, k + 1):
            if inner is None or not 0 <= n < len(run) or self.slice(core(run[n][1])) != self.slice(core(inner)):
                continue
            first, last = sorted((n, k))
            start, end, x = self.span(run[first][1])[0], self.span(run[last][1])[1], self.slice(core(inner))
            (begin, stop), (at, to) = self.span(run[k][1]), self.span(core(inner))
            yield self.dropped(run, n)
            yield Edit(start, end, self.text[begin:at] + self.squared(x) + self.text[to:stop])
            head = self.head(core(inner))
            yield from [Edit(start, end, self.text[start:end].replace(x, f"{head}({x})"))] if head else []

    def wrong_slope(self, node: Node, inner: Node) -> Iterator[Edit]:
        """1 - x for 1 - x², x(1 - x), 1 - tanh² at the wrong point; 1 - x² for 1 - x."""
        one = self.text[self.span(node)[0] : self.span(inner)[0]]
        if core(inner).kind != "square":
            yield self.replaced(inner, self.squared(self.slice(inner)))
            return
        base, power = core(inner).parts[0], self.power(core(inner))
        x = self.slice(base)
        if power:
            x = self.text[self.span(base)[0] : power.start] + self.text[power.end : self.span(base)[1]]
            yield power
        yield self.replaced(node, f"{x}{self.spellings.sign(self.latex, '∘')}({one}{x})")
        if base.kind == "call":
            yield self.at_itself(base, self.head(base))
        elif self.head(base):
            yield self.replaced(inner, self.squared(f"{self.head(base)}({x})"))

    def head(self, node: Node) -> str:
        """The function that a call has, or that has computed a name."""
        if node.kind == "call" and self.is_activation(node.value.key):
            return self.slice(next(t for t in self.tokens(node) if t.kind == "word"))
        return self.spellings.functions.get((self.latex, node.value.key), "") if node.kind == "name" else ""

    def squared(self, x: str) -> str:
        two = "^2" if self.latex else "²"
        return x + two if "^" not in x or not self.latex else f"({x}){two}"

    def power(self, node: Node) -> Edit | None:
        """The 2 of a square, behind it or behind the name of its function, left out."""
        if node.parts[0].end < node.end and node.kind == "square":
            return Edit(self.span(node.parts[0])[1], node.end, "")
        tokens = self.tokens(node)
        for k, token in enumerate(tokens[:-3]):
            if token.text == "^" and tokens[k + 2].text == "2" and tokens[k + 3].kind == ")group" and k < 3:
                return Edit(token.start, tokens[k + 3].end, "")
        return None

    def _bracket(self) -> Iterator[Edit]:
        for node in self.nodes():
            if node.kind == "bracket" and len(node.parts[0].parts) > 1:
                yield from self.unbracketed(node)
        for run in self.products():
            for (_, before), (_, factor) in pairwise(run):
                if core(before).kind in ("+", "-") and before.kind == "bracket":
                    closing, end = self.closing(before), self.span(factor)[1]
                    yield Edit(closing, end, self.text[before.end : end] + self.text[closing : before.end])

    def unbracketed(self, node: Node) -> Iterator[Edit]:
        """Without the brackets, and with the first term in them alone."""
        inner, (start, end) = node.parts[0], self.span(node)
        opened, closed = self.span(inner)
        yield Edit(start, end, self.text[opened:closed])
        run = terms(inner)
        if len(run) > 1:
            middle, closing = self.span(run[0][1])[1], self.closing(node)
            bracket = self.text[closing : node.end]
            yield Edit(start, end, self.text[start:middle] + bracket + self.text[middle:closed])

    def closing(self, node: Node) -> int:
        """Where the closing bracket begins."""
        at = next(t.start for t in self.statement.tokens if t.kind == "close" and t.end == node.end)
        size = SIZED.search(self.text, max(0, at - 20), at)
        return size.start() if size else at

    def _factor(self) -> Iterator[Edit]:
        half = r"\frac{1}{2} " if self.latex else "0.5 " if self.it.ones else "1/2 "
        for member in self.statement.members:
            for _, term in terms(member):
                at = self.span(term.parts[0] if term.kind == "neg" else term)[0]
                if term.kind == "number":
                    yield self.replaced(term, "2")
                elif term.kind not in ("deriv", "ones"):
                    yield from (Edit(at, at, new) for new in ("2 ", half))
        for run in self.products():
            for k in range(len(run)):
                if k or run[1][0] != "/":
                    yield self.dropped(run, k)

    def _extra(self) -> Iterator[Edit]:
        sources = [s for s in (*self.neighbours(), self.statement) if self.spellings.latex(s.start) == self.latex]
        for member in self.statement.members:
            for source in sources if member.kind != "deriv" else ():
                for _, term in terms(source.members[-1]):
                    if term.kind not in ("deriv", "neg", "number", "ones"):
                        at = self.span(member)[1]
                        yield Edit(at, at, f" + {self.slice(term)}")


def _lines(source: Source) -> list[Line]:
    """The backward lines of all derivations of a file."""
    found = []
    for derivation in derivations(source):
        spellings = Spellings(derivation)
        for lines in derivation.backward.values():
            others = [line for line in lines if isinstance(line, Statement)]
            found += [Line(line, others, spellings) for line in others if line.members]
    return found


# The answer, and what a reader has made of it


def answer(plant: Plant, source_name: str) -> str:
    """The answer to an exercise, as JSON."""
    found = {"kind": plant.kind, "line": plant.line, "was": plant.was, "now": plant.now, "removed": plant.removed}
    found |= {"source": source_name, "sha256": _digest(plant.text), "text": plant.text}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def grade(text: str, answer_text: str) -> Grade:
    """Whether a reader's file is the exercise with its mistake mended, and nothing spoiled."""
    planted, source_name = _answered(answer_text)
    mine = Source(text).text
    same = SequenceMatcher(None, _rows(planted.text), _rows(mine), autojunk=False)
    if same.ratio() < ALIKE:
        raise ValueError(f"this answer belongs to another file, made from {source_name}")
    return _graded(planted, *(checker.check_derivation(t) for t in (_mended(planted), planted.text, mine)))


def _answered(answer_text: str) -> tuple[Plant, str]:
    try:
        found = json.loads(answer_text)
    except ValueError as reason:
        raise ValueError(f"this is no answer file: {reason}") from None
    sorts = dict.fromkeys(("kind", "was", "now", "source", "sha256", "text"), str) | {"line": int, "removed": bool}
    if not isinstance(found, dict):
        raise ValueError("this is no answer file: a JSON object is awaited")
    for key, sort in sorts.items():
        if not isinstance(found.get(key), sort):
            raise ValueError(f"this is no answer file: {key!r} is missing, or no {sort.__name__}")
    planted = Plant(*(found[key] for key in Plant._fields))
    if _digest(planted.text) != found["sha256"] or _mended(planted) == planted.text:
        raise ValueError("this answer file has been changed: its text is not the one that its SHA-256 belongs to")
    return planted, found["source"]


def _mended(planted: Plant) -> str:
    """The text before the mistake."""
    rows = planted.text.split("\n")
    before, rest = "\n".join(rows[: planted.line - 1]), "\n".join(rows[planted.line - 1 :])
    rest = f"{planted.was}\n{rest}" if planted.removed else rest.replace(planted.now, planted.was, 1)
    return before + "\n" + rest


def _rows(text: str) -> list[str]:
    return [row for row in map(_squeezed, text.split("\n")) if row]


def _graded(planted: Plant, original: Report, given: Report, mine: Report) -> Grade:
    old, new = given.verdicts, mine.verdicts
    if [_squeezed(v.text) for v in old] == [_squeezed(v.text) for v in new]:
        return Grade(False, "nothing was changed")
    pairs = _paired(old, new)
    known = set(_faults(original))
    said = [] if _is_mended(planted, original, given, mine, pairs) else [_still(planted)]
    for n, v in enumerate(old):
        partner, own = pairs.get(n), v.line == planted.line and not planted.removed
        if own or not v.ok or _squeezed(v.text) in known:
            continue
        if partner is None and v.target not in {w.target for w in new}:
            said.append(f"line {v.line} was right and is gone")
        elif partner is not None and not new[partner].ok and _squeezed(new[partner].text) != _squeezed(v.text):
            said.append(f"line {v.line} was right and was changed")
    added = [v for n, v in enumerate(new) if n not in pairs.values() and not v.ok]
    said += [f"line {v.line} of the new file was added and is wrong" for v in added]
    if not said and not set(_faults(mine)) <= known:
        said.append(_still(planted))
    return Grade(not said, "; ".join(said) or f"line {planted.line}: found and mended")


def _still(planted: Plant) -> str:
    return f"line {planted.line} is still " + ("missing" if planted.removed else "wrong")


def _is_mended(planted: Plant, original: Report, given: Report, mine: Report, pairs: dict[int, int]) -> bool:
    """Whether the line with the mistake is right now; a mistake that changes no value counts by its text."""
    seen = set(_faults(given)) - set(_faults(original))
    if planted.removed:
        lines = {_squeezed(v.text) for v in mine.verdicts}
        return not seen & set(_faults(mine)) if seen else _squeezed(planted.was) in lines
    at = next((n for n, v in enumerate(given.verdicts) if v.line == planted.line), None)
    if at is None or at not in pairs:
        return False
    line = mine.verdicts[pairs[at]]
    now = _squeezed(line.text)
    return line.ok and now != _squeezed(given.verdicts[at].text) if seen else now in _squeezed(planted.was)


def _paired(old: Sequence[Verdict], new: Sequence[Verdict]) -> dict[int, int]:
    """Which line of the first file is which of the second: equal ones, those for the same target, then in order."""
    found: dict[int, int] = {}
    matcher = SequenceMatcher(None, [_squeezed(v.text) for v in old], [_squeezed(v.text) for v in new], autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            found |= dict(zip(range(i, i_end), range(j, j_end), strict=True))
            continue
        left = list(range(j, j_end))
        for n in range(i, i_end):
            partner = next((m for m in left if new[m].target == old[n].target != ""), None)
            if partner is not None:
                found[n] = partner
                left.remove(partner)
        rest = [n for n in range(i, i_end) if n not in found]
        found |= dict(zip(rest, left, strict=False))
    return found
