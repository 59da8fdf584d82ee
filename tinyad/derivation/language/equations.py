"""Equations of a document, read in their displays and told apart: forward, backward, or neither."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.displays import Display, Instruction, rows
from tinyad.derivation.language.limits import EQUATIONS
from tinyad.derivation.language.names import ACCENTS
from tinyad.derivation.language.segments import segments
from tinyad.derivation.language.source import DerivationError, LimitError, Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, walk
from tinyad.derivation.language.tokenizer import tokens_of
from tinyad.derivation.language.unnamed_arguments import UnnamedArgument, unnamed_arguments

EQUALS = ("=", "+=", "≡")
CONTINUING = ("=", "+=", "+", "-", "∘", "*", "·", "@", "/", "≡")
BEFORE_FORMULA = re.compile(r"(?:[\s&]|\\q?quad(?![A-Za-z])|\\label\s*\{[^{}]*\})*")
BETWEEN_DISPLAYS = re.compile(r"[\s$,.&]*|\s*\\\]\s*\\\[\s*")
OF_COLUMNS = ("transpose", "inverse", "sum", "component")
FUNCTIONS_OF_COLUMNS = ("norm", "inner", "outer", "kron", "softmax", "sum", "mean", "var", "max", "diag", "tr", "det")
CONDITION = "a condition, as for an optimum, is not judged"
FOLLOWS = re.compile(
    r"[\s&,.]*(?:\\q?quad\s*)*(?:\\(?:implies|Rightarrow|Longrightarrow|iff|Leftrightarrow)(?![A-Za-z])|⇒)"
)
OTHER_FORMULA = "another formula for the same; the first one is taken"
DERIVED = ("d", "jacobian", "differential", "prime")


class Equation(NamedTuple):
    """An equation of a document: its place, its number, its tokens or why it has none, and what the author says it is.

    said: "forward", "backward", "ignore" or "", from a comment or a label, or "prose"; title: of a set of lines.
    """

    start: int
    end: int
    number: str
    tokens: tuple[Token, ...]
    error: DerivationError | None
    inline: bool
    said: str = ""
    title: str = ""


class NotRead(NamedTuple):
    """A formula of a document that is no line of its derivation, and why."""

    start: int
    end: int
    why: str


# Equations and what is said about them


def equations(source: Source, displays: Sequence[Display], instructions: Sequence[Instruction]) -> list[Equation]:
    """Return the equations of a document in order; inline formulas only where a comment says what they are."""
    found: list[Equation] = []
    for display in displays:
        for equation in _of_display(source, display):
            said, title = _said(source, equation, instructions)
            made = equation._replace(said=said, title=title)
            begins = made.tokens[:1] and made.tokens[0].text == "="
            if found and begins and BETWEEN_DISPLAYS.fullmatch(source.text, found[-1].end, made.start):
                _add(found, made, may_continue=True)
            else:
                found.append(made)
        if len(found) > EQUATIONS:
            raise source.error(f"more than {EQUATIONS} equations", display.start)
    return [_in_prose(source, equation) for equation in found if not equation.inline or _may_define(source, equation)]


def _in_prose(source: Source, equation: Equation) -> Equation:
    """Return an equation, marked where it stands in a line of prose without a comment that says what it is."""
    return equation._replace(said="prose") if equation.inline and not equation.said else equation


def _may_define(source: Source, equation: Equation) -> bool:
    """Return whether an equation in a line of prose may define a name: if lines need it and nothing else defines it."""
    if equation.said:
        return equation.said in ("forward", "backward")
    equals = [k for k, t in enumerate(equation.tokens) if t.kind == "op" and t.text in EQUALS]
    behind = equation.tokens[equals[0] + 1 :] if len(equals) == 1 else ()
    if behind and behind[0].kind == "open" and behind[-1].kind == "close" and len(behind) < 11:  # A = (a_{ij})
        return False
    computed = sum(t.kind == "word" for t in behind) > 1 or any(t.text in (*CONTINUING, "^") for t in behind)
    dots = any(t.kind == "dots" or t.text in ("≠", "≤", "≥", "<", ">", "∈") for t in equation.tokens)
    return computed and not dots and any(t.kind == "word" for t in behind)


def _said(source: Source, equation: Equation, instructions: Sequence[Instruction]) -> tuple[str, str]:
    """Return what a comment on the line of an equation, a section of the text or a label says it is."""
    first, last = source.place(equation.start)[0], source.place(max(equation.start, equation.end - 1))[0]
    section, title = "", ""
    for it in instructions:
        if it.word == "declare":
            continue
        if not it.alone:
            if first <= source.place(it.at)[0] <= last:
                return ("" if it.word == "end" else it.word), source.text[it.start : it.end].strip()
        elif it.at < equation.start:
            section = "" if it.word == "end" else it.word
            title = source.text[it.start : it.end].strip() if section == "backward" else ""
    if section and not (equation.inline and section == "ignore"):
        return ("", "") if equation.inline else (section, title)
    label = equation.number.lower()
    return next((word for word in ("forward", "backward") if word in label), ""), ""


def _of_display(source: Source, display: Display) -> Iterator[Equation]:
    """Yield the equations of one display; a row that begins with an operator goes on with the one before."""
    pending: list[Equation] = []
    found = rows(source, display)
    if len(found) > EQUATIONS:
        raise source.error(f"more than {EQUATIONS} equations", display.start)
    for row in found:
        source.check_time()
        error, tokens = None, list[Token]()
        try:
            tokens = tokens_of(source, row.start, row.end, latex=True)
        except LimitError:
            raise
        except DerivationError as reason:
            error = reason
        start, end = _trimmed(source, row.start, row.end)
        tokens = _joined_lines(tokens)
        for segment in segments(tokens):
            number = segment.number or row.label
            first = start if segment.tokens[0] is tokens[0] else segment.tokens[0].start
            begun, ended = _balanced(source.text, first, max(t.end for t in segment.tokens))
            made = Equation(begun, ended, number, tuple(segment.tokens), None, display.inline)
            continues = row.continues or segment.tokens[0] is not tokens[0]
            _add(pending, made, continues and not _sets_negative(source, row.start, segment.tokens))
        if error:
            _add(pending, Equation(start, end, row.label, (), error, display.inline), row.continues)
        elif not segments(tokens) and pending and (tag := next((t.text for t in tokens if t.kind == "tag"), "")):
            pending[-1] = pending[-1]._replace(number=pending[-1].number or tag)
    yield from pending


def _sets_negative(source: Source, start: int, tokens: Sequence[Token]) -> bool:
    """Return whether a row begins with the negative of a derivative and an equals sign: -∇_w L = …, and no & before."""
    if len(tokens) < 2 or tokens[0].text != "-" or "&" in source.text[start : tokens[0].start]:
        return False
    derivative = tokens[1].text in ("∇", "∂") or (tokens[1].kind == "frac" and tokens[3].text in ("∂", "d"))
    equals = next((k for k, t in enumerate(tokens) if t.kind == "op" and t.text in EQUALS), 0)
    return derivative and equals > 0 and not any(t.text in ("+", "-") for t in tokens[1:equals])


def _joined_lines(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens of a row without the ends of lines before a line that has no equals sign: it goes on."""
    ends = [k for k, t in enumerate(tokens) if t.kind == "end"]
    goes_on = [
        k for k, after in zip(ends, [*ends[1:], len(tokens)], strict=False)
        if not any(t.kind == "op" and t.text in (*EQUALS, "⇒") for t in tokens[k:after])
    ]  # fmt: skip
    return [t for k, t in enumerate(tokens) if k not in goes_on]


def _balanced(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a part of a text with the braces that it begins or ends in."""
    signs = re.findall(r"\\[\s\S]|[{}]", text[start:end])
    depth = low = 0
    for sign in signs:
        depth += (sign == "{") - (sign == "}")
        low = min(low, depth)
    for _ in range(-low):
        start = max(0, text.rfind("{", 0, start))
    for _ in range(depth - low):
        end = text.find("}", end) + 1 or end
    return start, end


def _trimmed(source: Source, start: int, end: int) -> tuple[int, int]:
    """Return a row without the space around it."""
    text = source.text[start:end]
    before = BEFORE_FORMULA.match(text)
    return start + (before.end() if before else 0), start + len(text.rstrip(" \n,.;"))


def _add(pending: list[Equation], made: Equation, may_continue: bool) -> None:
    """Add an equation, or join it with the one that it continues."""
    first = made.tokens[0].text if made.tokens else ""
    before = pending[-1] if pending else None
    unfinished = bool(
        before and before.tokens and before.tokens[-1].kind == "op" and before.tokens[-1].text in CONTINUING
    )
    continues = may_continue and (first in CONTINUING or unfinished)
    if not before or not continues:
        pending.append(made)
        return
    error = before.error or made.error
    tokens = () if error else (*before.tokens, *made.tokens)
    pending[-1] = before._replace(end=made.end, tokens=tokens, error=error, number=before.number or made.number)


# Forward, backward, or neither


@dataclass
class Parts:
    """The equations of one derivation by what they are; `given` are derivatives that it starts from without saying so.

    named: the names on the left-hand sides of forward equations; used: all names of the derivation.
    """

    forward: list[Equation] = field(default_factory=list)
    backward: list[Equation] = field(default_factory=list)
    not_read: list[NotRead] = field(default_factory=list)
    abbreviations: list[Equation] = field(default_factory=list)  # the number of each is the name that it sets
    given: list[Node] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)  # of the forward equations that can be read
    rules: list[Statement] = field(default_factory=list)  # lines about derivatives of formulas and functions
    arguments: list[UnnamedArgument] = field(default_factory=list)


class Candidate(NamedTuple):
    """An equation with what it can be read as: a statement, or why not; what its left-hand side computes."""

    equation: Equation
    statement: Statement | None
    error: DerivationError | None
    computes: Ref | None

    @property
    def uses(self) -> set[str]:
        """Return the names on the right-hand side."""
        return {key for member in self.statement.members for key in names_in(member)} if self.statement else set()

    def needs(self, other: Candidate) -> bool:
        """Return whether what another equation computes stands on the right-hand side, at its time."""
        members = self.statement.members if self.statement else ()
        names = (n.value for member in members for n in walk(member) if n.kind == "name")
        at_t = (None, ("t", 0))
        return any(
            other.computes is not None
            and name.key == other.computes.key
            and (name.time == other.computes.time or (name.time in at_t and other.computes.time in at_t))
            for name in names
        )

    @property
    def sets_itself(self) -> bool:
        """Return whether what the left-hand side computes stands on the right as well, at the same time."""
        nodes = (n for member in self.statement.members for n in walk(member)) if self.statement else ()
        same = (n for n in nodes if n.kind == "name" and self.computes and n.value.key == self.computes.key)
        return any(self.computes and n.value.time == self.computes.time for n in same)

    @property
    def is_of_derivatives(self) -> bool:
        """Return whether a derivative stands on either side."""
        line = self.statement
        return line is not None and any(n.kind in DERIVED for part in (*line.left, *line.members) for n in walk(part))


def names_in(node: Node) -> Iterator[str]:
    """Yield the names in a formula, and those whose derivatives are in it."""
    for part in walk(node):
        if part.kind == "name":
            yield part.value.key
        elif part.kind == "d":
            yield part.value[0].key
        elif part.kind == "jacobian":
            yield from (part.value.key,) if isinstance(part.value, Ref) else names_in(part.value)


def _is_derivative(c: Candidate) -> bool:
    """Return whether an equation gives a name to a derivative of the loss, or to its negative: δ = -∂L/∂a = …"""
    first = c.statement.members[0] if c.statement else None
    first = first.parts[0] if first is not None and first.kind == "neg" else first
    return first is not None and first.kind == "d"


def _is_zero(line: Statement) -> bool:
    """Return whether a line sets a derivative to 0."""
    members = [(m.kind, m.value) for m in line.members]
    return members == [("number", 0.0)] and any(n.kind == "d" for n in walk(line.left[0]))


def _length_of_left(line: Statement) -> int:
    return next(k for k, t in enumerate(line.tokens) if t.kind == "op" and t.text in EQUALS)


def is_rule(line: Statement) -> bool:
    """Return whether a line says what the derivative of a formula or of a function is: ∂/∂x aᵀ x = a, σ'(z) = …"""
    left = line.left[0]
    derived = left.parts[0] if left.kind == "jacobian" and isinstance(left.value, Ref) else None
    return len(line.left) == 1 and (left.kind == "prime" or (derived is not None and derived.kind != "name"))


def numbers_of_rule(line: Statement) -> set[str]:
    """Return the names of a formula that is derived as one of numbers: d/dx x², without a letter of a matrix."""
    left = line.left[0]
    nodes = list(walk(left)) if is_rule(line) else []
    names = {n.value.key for n in nodes if n.kind == "name"}
    columns = any(n.kind in OF_COLUMNS or (n.kind == "call" and n.value.key in FUNCTIONS_OF_COLUMNS) for n in nodes)
    return set() if columns or any(key[:1].isupper() for key in names) else names


def in_order_of_definition(equations: Sequence[Candidate]) -> list[Candidate]:
    """Return forward equations so that each stands behind those that compute what it uses."""
    defined: dict[str, list[Candidate]] = {}
    for c in equations:
        if c.computes:
            defined.setdefault(c.computes.key, []).append(c)
    ordered, entered = list[Candidate](), set[int]()
    for first in equations:
        open_ = [first]
        while open_:
            c = open_[-1]
            needed = (
                [] if id(c) in entered else [d for key in sorted(c.uses) for d in defined.get(key, ()) if c.needs(d)]
            )
            entered.add(id(c))
            needed = [d for d in needed if id(d) not in entered]
            if needed:
                open_ += sorted(needed, key=lambda d: -d.equation.start)
                continue
            open_.pop()
            if not any(c is other for other in ordered):
                ordered.append(c)
    return ordered


class Sorting:
    """The sorting of a document's equations, with the names that it declares."""

    def __init__(self, declarations: Declarations, found: Sequence[Equation]) -> None:
        self.source, self.declarations, self.parts = declarations.source, declarations, Parts()
        self._short: set[str] = set()  # abbreviations
        self.candidates = self._candidates([e for e in found if e.said != "ignore"])
        for equation in found:
            if equation.said == "ignore":
                self._leave(equation, "marked to be ignored")
        known = {*declarations.names.known} if not declarations.shapes else {*declarations.shapes}
        definitions = [c for c in self.candidates if c.computes]
        self._names_of_definitions = {key for c in definitions if not c.is_of_derivatives for key in c.uses}
        known |= {c.computes.key for c in definitions if c.computes}
        known |= {key for c in definitions if not c.is_of_derivatives for key in c.uses}
        known |= self._name_arguments(definitions, known)
        backward = self._without_conditions(self._backward(known))
        forward = self._forward(backward)
        self._sort(backward, forward)
        self._find_given(backward, forward)

    def _name_arguments(self, definitions: Sequence[Candidate], known: set[str]) -> set[str]:
        """Return the names that lines give to arguments of activations which no equation names."""
        forward = {c.computes.key: c.statement for c in definitions if c.computes and c.statement}
        lines = [c.statement for c in self.candidates if c.statement and not c.computes]
        self.parts.arguments = unnamed_arguments(forward, lines, known, self.declarations.names)
        return {it.name.key for it in self.parts.arguments}

    def _leave(self, equation: Equation, why: str) -> None:
        self.parts.not_read.append(NotRead(equation.start, equation.end, why))

    def _candidates(self, found: Sequence[Equation]) -> list[Candidate]:
        """Return the equations as far as they can be read; names that are computed are known then."""
        names = self.declarations.names
        in_blocks = not self.source.is_document  # where lines set derivatives alone
        computes = [None if in_blocks and e.said == "backward" else self._computed(e) for e in found]
        for ref in computes:
            for key in names.instances_of(ref.key) if ref else ():
                names.add(ref._replace(key=key))  # type: ignore[union-attr]
        return [self._read(equation, ref) for equation, ref in zip(found, computes, strict=True)]

    def _computed(self, equation: Equation) -> Ref | None:
        """Return the name that stands alone on the left-hand side; None for anything else."""
        tokens = equation.tokens or tuple(self._left_tokens(equation))
        tokens = tuple(self.declarations.names.with_own_signs(tokens))
        equals = next((k for k, t in enumerate(tokens) if t.kind == "op" and t.text in EQUALS), 0)
        if not equals or tokens[0].kind not in ("word", "group("):
            return None
        if tokens[0].text in self.declarations.names.functions and tokens[1].text in ("'", "("):  # σ'(z) = …, σ(z) = …
            return None
        derives = tokens[0].text in ("d", "δ") and tokens[1].kind in ("word", "group(")
        derives = derives or (self.declarations.names.bars and tokens[0].text.endswith(ACCENTS["bar"]))
        if derives or (tokens[0].text == self.declarations.names.time and equals == 1):
            return None
        try:
            node = self.declarations.parser().declared_name(tokens[:equals])
        except DerivationError:
            return None
        ref: Ref = node.value
        apart = tokens[0].text[:1] in "dδ" and self.declarations.names.is_known(ref.key[1:])
        return None if apart else ref

    def _left_tokens(self, equation: Equation) -> list[Token]:
        """Return the left-hand side of an equation that cannot be read as a whole."""
        at = self.source.text.find("=", equation.start, equation.end)
        if at < 0:
            return []
        try:
            return tokens_of(self.source, equation.start, at + 1, latex=True)
        except DerivationError:
            return []

    def _read(self, equation: Equation, computes: Ref | None) -> Candidate:
        if equation.error:
            return Candidate(equation, None, equation.error, computes)
        try:
            statement = self.declarations.parser().statement(equation.tokens, equation.number)
        except LimitError:
            raise
        except DerivationError as error:
            return self._read_first_formula(equation, computes) or Candidate(equation, None, error, computes)
        return Candidate(equation, statement, None, computes)

    def _read_first_formula(self, equation: Equation, computes: Ref | None) -> Candidate | None:
        """Return a definition h = a = b with the first of its formulas alone, where another one cannot be read."""
        ends = [k for k, t in enumerate(equation.tokens) if t.kind == "op" and t.text in EQUALS]
        if computes is None or len(ends) < 2:
            return None
        tokens = equation.tokens[: ends[1]]
        try:
            statement = self.declarations.parser().statement(tokens, equation.number)
        except LimitError:
            raise
        except DerivationError:
            return None
        start, end = _balanced(self.source.text, equation.start, tokens[-1].end)
        made = Candidate(equation._replace(start=start, end=end, tokens=tokens), statement, None, computes)
        if made.is_of_derivatives:
            return None
        self.parts.not_read.append(NotRead(end, equation.end, OTHER_FORMULA))
        return made

    def _backward(self, known: set[str]) -> list[Candidate]:
        """Return the lines about derivatives of known names, and the abbreviations that are made of derivatives."""
        lines = [c for c in self.candidates if c.equation.said == "backward"]
        self._leave_out_prose()
        computed = Counter(c.computes.key for c in self.candidates if c.computes)
        self._derivatives = {
            (c.computes.key, c.computes.time): c for c in self.candidates[::-1] if c.computes and _is_derivative(c)
        }
        twice = {key for key, count in computed.items() if count > 1}  # such as h, in h = 2 among the lines
        twice -= {key for key, _ in self._derivatives}
        abbreviations = {c.computes.key for c in lines if c.computes} - twice
        changed = True
        while changed:
            changed = False
            for c in self.candidates:
                if c.equation.said not in ("", "prose") or c in lines or not self._is_line(c, known, abbreviations):
                    continue
                lines.append(c)
                abbreviations |= {c.computes.key} - twice if c.computes else set()
                changed = True
        return lines

    def _leave_out_prose(self) -> None:
        """Leave out what stands in lines of prose and defines no name, or one that a display defines."""
        shown = {c.computes.key for c in self.candidates if c.computes and c.equation.said != "prose"}
        declared = self.declarations.shapes
        found = set[str]()
        kept: list[Candidate] = []
        for c in self.candidates:
            if c.equation.said == "prose":
                key = c.computes.key if c.computes else ""
                derivative = _is_derivative(c) and bool(c.statement and len(c.statement.members) == 1)
                if key in shown and key not in found and derivative:
                    kept.append(c)
                    continue
                if (
                    not key
                    or not c.statement
                    or key in self.declarations.names.functions
                    or key in shown | found
                    or key in declared
                ):
                    continue
                found.add(key)
            kept.append(c)
        self.candidates = kept

    def _without_conditions(self, lines: list[Candidate]) -> list[Candidate]:
        """Return lines without ∂L/∂w = 0 where another line sets that derivative, or something follows from it."""
        zero = [c for c in lines if c.statement and _is_zero(c.statement)]
        texts = [[t.text for t in c.statement.tokens][: _length_of_left(c.statement)] for c in lines if c.statement]
        self._conditions = [
            c
            for c in zero
            if c.statement
            and (
                texts.count([t.text for t in c.statement.tokens][: _length_of_left(c.statement)]) > 1
                or FOLLOWS.match(self.source.text, c.equation.end)
            )
        ]
        return [c for c in lines if c not in self._conditions]

    def _is_line(self, c: Candidate, known: set[str], abbreviations: set[str]) -> bool:
        if c.statement is None:
            return self._left_is_derivative_of(c.equation, known)
        if c.computes:
            if c.sets_itself or c.computes.key in self.declarations.shapes:
                return False  # such as W = W - η ∂L/∂W, which is no part of the derivation
            if any(key == c.computes.key for key, _ in self._derivatives):
                return True
            return c.is_of_derivatives or bool(c.uses & abbreviations - {c.computes.key})
        if is_rule(c.statement) and (self.source.proposed or not self.declarations.shapes):
            return not (numbers_of_rule(c.statement) & self._names_of_definitions)  # such as the x of σ'(x) beside x_i
        left = [n for node in c.statement.left for n in walk(node) if n.kind in DERIVED]
        return bool(left) and all(key in known for node in left for key in names_in(node))

    def _left_is_derivative_of(self, equation: Equation, known: set[str]) -> bool:
        """Return whether a line that cannot be read sets the derivative of a known name."""
        tokens = equation.tokens or tuple(self._left_tokens(equation))
        equals = next((k for k, t in enumerate(tokens) if t.kind == "op" and t.text in EQUALS), 0)
        if not equals or (tokens[0].kind != "frac" and tokens[0].text not in ("∇", "∂", "d", "δ")):
            return False
        try:
            node = self.declarations.parser().inside(tokens[:equals])
        except DerivationError:
            return False
        return node.kind in ("d", "jacobian") and all(key in known for key in names_in(node))

    def _forward(self, backward: Sequence[Candidate]) -> list[Candidate]:
        """Return the definitions that the lines, the loss and what is given need, with those that these need."""
        chosen = [c for c in self.candidates if c.equation.said == "forward"]
        definitions: dict[str, list[Candidate]] = {}
        for c in self.candidates:
            if c.computes and c.equation.said in ("", "prose") and c not in backward and self._may_define(c):
                definitions.setdefault(c.computes.key, []).append(c)
        computed = {c.computes.key for c in chosen if c.computes}
        given = list(self.declarations.given_at.values())
        needed = [key for c in backward if c.statement for part in (*c.statement.left, *c.statement.members)
                  for key in names_in(part)]  # fmt: skip
        needed += [self.declarations.names.loss, *(key for node in given for key in names_in(node))]
        needed += [key for c in chosen for key in c.uses]
        seen = set[str]()
        while needed:
            key = needed.pop()
            for c in () if key in seen else self._first_readable(definitions.get(key, [])):
                if key not in computed:
                    chosen.append(c)
                    needed += c.uses
            seen.add(key)
        chosen = sorted(chosen, key=lambda c: c.equation.start)
        return chosen if self.declarations.names.last else in_order_of_definition(chosen)

    def _may_define(self, c: Candidate) -> bool:
        if c.statement is None:
            return True
        alone = len(c.statement.left) == 1 and c.statement.left[0].kind == "name"
        return alone and not (c.sets_itself or c.is_of_derivatives)

    @staticmethod
    def _first_readable(candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the first equation that can be read for each time of a name; the first of all if none can."""
        readable: dict[object, Candidate] = {}
        for c in candidates:
            if c.statement is not None and c.computes is not None:
                readable.setdefault(c.computes.time, c)
        return list(readable.values()) or list(candidates[:1])

    def _sort(self, backward: Sequence[Candidate], forward: Sequence[Candidate]) -> None:
        starts = {c.equation.start for c in (*backward, *forward)}
        defined = {c.computes.key: c for c in forward if c.computes}
        for c in forward:
            if c.error:
                name = self.source.text[c.equation.start : c.equation.end].split("=")[0].strip(" &\n")
                advice = (
                    ""
                    if c.equation.said
                    else f"; a line needs {name}: write it so that it can be read, or declare "
                    f"the size of {name} and put the comment `tinyad: ignore` behind the equation"
                )
                raise self.source.error(c.error.message + advice, c.error.at, c.error.to)
        self.parts.forward = [c.equation for c in forward]
        self.parts.statements = [c.statement._replace(members=c.statement.members[:1]) for c in forward if c.statement]
        for c in sorted(backward, key=lambda c: c.equation.start):
            self._sort_line(c)
        for c in self.candidates:
            if c.equation.start not in starts and c.equation.said != "prose":
                self._leave(c.equation, self._reason(c, defined))
        self.parts.not_read.sort()

    def _sort_line(self, c: Candidate) -> None:
        """Take a line to check: an abbreviation for a derivative, δ = ∂L/∂a = ..., is one, and the line for ∂L/∂a."""
        equation, line = c.equation, c.statement
        of_derivatives = c.is_of_derivatives or bool(c.uses & self._short)
        if line is not None and is_rule(line):
            self.parts.rules.append(line)
        if c.computes and self._is_set_elsewhere(c, c.computes):  # δ = … where δ = ∂L/∂a stands elsewhere
            self.parts.backward.append(equation)
            return
        if not (c.computes and line and line.sign == "=" and of_derivatives):
            self.parts.backward.append(equation)
            return
        first = line.members[0]
        if len(line.members) == 1 or first.kind == "d":
            self._short.add(c.computes.key)
        if len(line.members) == 1:
            self.parts.abbreviations.append(equation._replace(number=c.computes.key))
        elif first.kind == "d":
            self.parts.abbreviations.append(equation._replace(end=first.end, number=c.computes.key))
            rest = tuple(token for token in equation.tokens if token.start >= first.start)
            self.parts.backward.append(equation._replace(start=first.start, tokens=rest))
        else:
            self.parts.backward.append(equation)

    def _is_set_elsewhere(self, c: Candidate, computes: Ref) -> bool:
        """Return whether another equation says for which derivative a name stands, at this time or at every time."""
        of_name = {time: other for (key, time), other in self._derivatives.items() if key == computes.key}
        at_time = of_name.get(computes.time, None if _is_derivative(c) else of_name.get(("t", 0)))
        return at_time is not None and at_time is not c

    def _reason(self, c: Candidate, defined: dict[str, Candidate]) -> str:
        """Say why an equation is no line of the derivation."""
        if any(c is other for other in self._conditions):
            return CONDITION
        if c.computes and c.computes.key in defined and not c.sets_itself:
            return f"{c.computes.key} is set in {self.source.line_name(defined[c.computes.key].equation.start)} already"
        if c.error:
            return c.error.message.split(";")[0]
        if c.computes and c.sets_itself:
            return f"{c.computes.key} stands on both sides"
        if c.computes:
            return f"no line needs {c.computes.key}"
        assert c.statement
        return _reason_of_left_side(c.statement.left)

    def _find_given(self, backward: Sequence[Candidate], forward: Sequence[Candidate]) -> None:
        """Find the derivatives that the lines use and none sets, of results that no forward equation uses."""
        self._lines = [c.statement for c in backward if c.statement]
        self._computed_keys = {c.computes.key for c in forward if c.computes}
        if self.declarations.names.loss not in self._computed_keys:
            used = {key for c in forward for key in c.uses}
            self.parts.given = [n for n in self._unset() if n.value[0].key not in used]

    def _unset(self) -> list[Node]:
        """Return the derivatives of computed names that the lines use and none sets, each once."""
        lines = self._lines
        done = {
            node.value[0].key
            for s in lines
            for node in s.left
            if node.kind == "d" and all(m.kind != "d" or m.value[0].key != node.value[0].key for m in s.members)
        }  # but for dP = ∂L/∂P, which says how a derivative is written
        found: list[Node] = []
        for n in (n for s in lines for member in s.members for n in walk(member) if n.kind == "d"):
            if n.value[0].key in self._computed_keys - done:
                done.add(n.value[0].key)
                found.append(n)
        return found

    def added_to_given(self) -> list[Node]:
        """Return the derivatives that are perhaps given: those that lines only add to, or use and never set."""
        left = [s.left[0] for s in self._lines if s.sign == "+=" and s.left[0].kind == "d"]
        return [*[n for n in left if n.value[0].key in self._computed_keys][:1], *self._unset()]

    def set_before(self) -> list[Node]:
        """Return the derivatives used at t that lines set at t - 1 alone: what is given is given at the last time."""
        left = [n for s in self._lines for node in s.left for n in walk(node) if n.kind == "d"]
        times = {key: {n.value[0].time for n in left if n.value[0].key == key} for key in self._computed_keys}
        used = [n for s in self._lines for member in s.members for n in walk(member) if n.kind == "d"]
        found = [n for n in used if n.value[0].time == ("t", 0) and times.get(n.value[0].key) == {("t", -1)}]
        return [*{n.value[0].key: n for n in reversed(found)}.values()]

    @property
    def assigned_before(self) -> set[str]:
        """Return the names whose derivatives lines set at t - 1 with =, and do not add to."""
        left = [(s.sign, n) for s in self._lines for n in s.left if n.kind == "d"]
        before = [(sign, n.value[0].key) for sign, n in left if n.value[0].time == ("t", -1)]
        return {key for sign, key in before if sign == "="} - {key for sign, key in before if sign == "+="}


def _reason_of_left_side(left: Sequence[Node]) -> str:
    """Say why an equation with this left-hand side is no line."""
    if left[0].kind in ("call", "component"):
        return "its left-hand side is a function of something"
    names = [key for node in left for key in names_in(node)]
    if any(n.kind in DERIVED for node in left for n in walk(node)) and names:
        return f"{names[0]} is neither declared nor computed"
    return "its left-hand side is neither a name nor a derivative"
