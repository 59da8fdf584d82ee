"""What the rest of a derivation says about one line of it: names, factors and terms that may belong there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from tinyad.derivation.judge.contributions import in_order
from tinyad.derivation.judge.verdicts import derivatives_in, target_of
from tinyad.derivation.language.reader import tokens_of
from tinyad.derivation.language.source import Source
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, Token, walk
from tinyad.derivation.repair.analogy import exchanged
from tinyad.derivation.repair.author_notation import Spelling, leaves, span
from tinyad.derivation.repair.editor import Editor
from tinyad.derivation.repair.from_rule import Anew
from tinyad.derivation.repair.rule_formulas import contribution
from tinyad.derivation.semantics.sample_point import Point

FACTORS, ADDENDS = 60, 20  # pieces of other lines that are tried in a line
SIZES = 8  # letters of sizes that a column of ones is tried with
LONGEST = 200  # signs in such a piece


class Hints(Anew):
    """Where the edits of a line take their pieces from."""

    functions: Sequence[Spelling]

    def editor(self, member: int) -> Editor:
        equations = self.equations()
        made = Editor(self.line, member, self.spellings, self.wanted(), self.functions, equations, self.calls())
        used = {d.value[0] for d in derivatives_in(self.line.members[member])}
        forward = self.point.derivation.forward
        made.operands_near = [
            n.value for eq in forward if eq.left[0].value in used for m in eq.members for n in leaves(m)
        ]
        set_ = {r.of.key for v in self.verdicts for r in v.readings if r.of is not None}
        own = [left.value[0] for left in self.line.left if left.kind == "d"]
        whole = [r.of for v in self.verdicts if v.ok and v is not self.v for r in v.readings if r.ways == r.all_ways]
        made.doubled = any(ref in own for ref in whole)
        made.labels_known = {v.number for v in self.verdicts if v.number and not v.number.isdigit()}
        made.absent = {key for key, _ in self.point.values} - set_
        made.ahead = self.point.it.layout == "same"
        matrices = all(left.kind == "d" and not left.value[0].indices for left in self.line.left)
        made.ones = self.ones() if self.v.verdict == "does not fit" and matrices else ()
        made.harvest, made.terms_near, made.addends = self.harvested(member), self.same_target(), self.addends(member)
        return made

    def ones(self) -> list[tuple[Node, Spelling]]:
        """1 as it was declared, or else of every length that has a letter."""
        if self.point.it.ones:
            return [(Node("number", (), 1.0, 0, 0), Spelling((Token("number", "1", 0, 0),), "1"))]
        texts = {f"{letter},1": f"1_{{({letter},1)}}" for letter in list(self.point.sizes)[:SIZES]}
        tokens = {value: tokens_of(Source(text, "ones"), 0, len(text)) for value, text in texts.items()}
        made = {value: tuple(t for t in row if t.kind != "end") for value, row in tokens.items()}
        return [(Node("ones", (), value, 0, 0), Spelling(made[value], text)) for value, text in texts.items()]

    def elsewhere(self, member: int) -> Iterator[tuple[Statement, Node]]:
        """All parts of the other members of the line, and of right lines, the nearest first."""
        own = [(self.line, m) for k, m in enumerate(self.line.members) if k != member]
        others = [(v.statement, m) for v in self.near() for m in v.statement.members]
        yield from ((line, node) for line, m in (*own, *others) for node in walk(m))

    def harvested(self, member: int) -> list[tuple[Node, Spelling]]:
        """Brackets and functions, transposed or not, each once."""
        found: dict[str, tuple[Node, Spelling]] = {}
        for line, node in self.elsewhere(member):
            inner = node.parts[0] if node.kind == "transpose" else node
            if inner.kind in ("bracket", "call", "prime") and node.end - node.start < LONGEST:
                found.setdefault(self.point.source.text[node.start : node.end], (node, self.spelled(line, node)))
                if len(found) == FACTORS:
                    break
        return list(found.values())

    def addends(self, member: int) -> list[tuple[str, Node, Spelling]]:
        """What stands behind + and - there, and in the forward equations that the line is about, each once."""
        found: dict[str, tuple[str, Node, Spelling]] = {}
        forward = [self.point.derivation.forward[k] for k in self.equations_of(self.v)]
        ahead = ((eq, node) for eq in forward for m in eq.members for node in walk(m))
        for line, node in chain(ahead, self.elsewhere(member)):
            if node.kind in ("+", "-") and node.parts[1].end - node.parts[1].start < LONGEST:
                term = node.parts[1]
                text = node.kind + self.point.source.text[term.start : term.end]
                found.setdefault(text, (node.kind, term, self.spelled(line, term)))
                if len(found) == ADDENDS:
                    break
        return [*self.other_terms(member), *found.values()]

    def other_terms(self, member: int) -> list[tuple[str, Node, Spelling]]:
        """The terms of the line itself, about another equation."""
        found = []
        for term in terms(self.line.members[member]):
            for a in self.results():
                for b in self.results():
                    made = exchanged(self.spellings, self.line, term, {a: b}) if a != b else None
                    if made is not None:
                        found.append(("+", self.point.it.parser().inside(made.tokens), made))
        return found[:ADDENDS]

    def results(self) -> list[Ref]:
        """What is computed from what the line sets, at its times."""
        forward = self.point.derivation.forward
        ways = [(w[0], w[1], r.of) for r in self.v.readings for w in in_order(r.all_ways) if w[0] is not None]
        refs = [self.as_here(_shifted(forward[k].left[0].value, n or 0, of)) for k, n, of in ways]
        letters = next((left.value[0].indices for left in self.line.left if left.kind == "d"), ())
        alike = [ref._replace(indices=letters) if len(ref.indices) == len(letters) else ref for ref in refs]
        return list(dict.fromkeys(alike))

    def spelled(self, line: Statement, node: Node) -> Spelling:
        return Spelling(line.tokens[slice(*span(line.tokens, node))], self.point.source.text[node.start : node.end])

    def same_target(self) -> list[tuple[Node, Spelling]]:
        """The terms of other lines for the derivative that this one sets."""
        targets = [target_of(self.point, left.value[0]) for left in self.line.left if left.kind == "d"]
        found = []
        for v in self.verdicts:
            if v is not self.v and any(r.of is not None and target_of(self.point, r.of) in targets for r in v.readings):
                found += [(t, self.spelled(v.statement, t)) for m in v.statement.members for t in terms(m)]
        labelled = [(Node("d", (), value, 0, 0), s) for value, s in self.spellings.labelled.items()]
        labelled = [(node, s) for node, s in labelled if target_of(self.point, node.value[0]) in targets]
        return (labelled + found + self.ruled())[:FACTORS]

    def ruled(self) -> list[tuple[Node, Spelling]]:
        """The contributions that are needed, as the table's rules give them."""
        found = []
        for left, need in zip(self.line.left, self.needed, strict=True):
            for equation, _, use in in_order(need or ()):
                part = (
                    contribution(self.point, self.spellings, equation, left.value[0], use)
                    if equation is not None
                    else None
                )
                if part is not None:
                    found.append((self.point.it.parser().inside(part.tokens), part))
        return found

    def forward(self) -> list[Statement]:
        """The equations that use what the line sets."""
        found = [w[0] for r in self.v.readings for w in in_order(r.all_ways) if w[0] is not None]
        return [self.point.derivation.forward[k] for k in dict.fromkeys(found)]

    def equations(self) -> list[list[Ref]]:
        refs = [[eq.left[0].value, *(n.value for m in eq.members for n in leaves(m))] for eq in self.forward()]
        return [[self.as_here(ref) for ref in row] for row in refs]

    def calls(self) -> list[tuple[Node, Spelling]]:
        """The function calls in these equations."""
        found = []
        for eq in self.forward():
            for node in (n for m in eq.members for n in walk(m) if n.kind == "call"):
                found.append((node, self.spelled(eq, node)))
        return found[:4]

    def as_here(self, ref: Ref) -> Ref:
        """A name of a forward equation of components, in a line without them."""
        indexed = any(left.kind == "d" and left.value[0].indices for left in self.line.left)
        return ref if indexed else ref._replace(indices=())

    def wanted(self) -> list[Ref]:
        """The names of the equations that the line is about: the result first, then the operands."""
        refs: list[Ref] = []
        if all(reading.of is None for reading in self.v.readings):
            about = [self.point.derivation.forward[k] for k in self.equations_of(self.v)]
            refs = [node.value for eq in about for part in (*eq.left, *eq.members) for node in leaves(part)]
        for reading in self.v.readings:
            for equation, later, _ in in_order(reading.all_ways):
                if equation is not None:
                    eq = self.point.derivation.forward[equation]
                    inside = [eq.left[0].value, *(node.value for member in eq.members for node in leaves(member))]
                    shift = later if isinstance(later, int) and self.point.last is not None else 0
                    refs += [self.as_here(_shifted(ref, shift, reading.of)) for ref in inside]
        return list(dict.fromkeys(refs))

    def about(self, ref: Ref) -> list[Ref]:
        """The names of the equations that use a name."""
        refs: list[Ref] = []
        for eq in self.point.derivation.forward:
            inside = [node.value for member in eq.members for node in leaves(member)]
            if ref in inside:
                refs += [eq.left[0].value, *inside]
        return list(dict.fromkeys(refs))


def functions_of(point: Point, lines: Sequence[Statement]) -> list[Spelling]:
    """The functions of the derivation, as they are written."""
    known: dict[str, Spelling] = {}
    for line in [*lines, *point.derivation.forward]:
        for k, token in enumerate(line.tokens[:-1]):
            if token.kind == "word" and token.text in point.it.names.functions and line.tokens[k + 1].kind == "open":
                text = point.source.text[token.start : token.end]
                known.setdefault(point.it.names.functions[token.text], Spelling((token,), text))
    return list(known.values())


def terms(node: Node) -> list[Node]:
    """The terms of a sum."""
    if node.kind == "+":
        return [*terms(node.parts[0]), *terms(node.parts[1])]
    return [node]


def _shifted(ref: Ref, later: int, of: Ref | None) -> Ref:
    """A name of an equation at t, seen from the line: `later` steps after the line's own time."""
    if of is None or of.time is None or ref.time is None or ref.time[0] != "t" or of.time[0] != "t":
        return ref
    return ref._replace(time=("t", ref.time[1] + later + of.time[1]))
