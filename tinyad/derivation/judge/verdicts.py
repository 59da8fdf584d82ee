"""What is found about one line, and about a set of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tinyad.derivation.judge.contributions import Case, Reading, Way, Worst, cases, in_order
from tinyad.derivation.judge.line_verdict import read_line
from tinyad.derivation.language.reader import Unreadable
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement
from tinyad.derivation.semantics.sample_point import Point
from tinyad.derivation.semantics.values import Trouble

GOOD = ("right", "given")
SEVERAL = {"does not fit": "do not fit", "overwrites": "overwrite", "used before it is set": "used before they are set"}
OTHER_LAYOUT = "in the other layout"  # what a note begins with that is said first


def counted(verdict: str, n: int) -> str:
    """So many lines of a verdict, in its own words."""
    return f"{n} {SEVERAL.get(verdict, verdict) if n > 1 else verdict}"


class Verdict(NamedTuple):
    """What was found about one line.

    verdict: "right", "given", "other layout", "wrong", "does not fit", "undefined", "used before it is set",
    "counted twice", "overwrites", "missing", "ambiguous", "not evaluable", "unreadable".
    line, number: of the file, and as the author numbered it.  start, end: the line as places in the text; at: the part
    that it is about, as (start, end).  worst: the entry furthest off, expected and found.  suggestion: the line that
    was probably meant; grade: "certain", "likely" or "possible".  spoils: what it makes wrong in a program.
    """

    line: int
    number: str
    text: str
    verdict: str
    message: str
    start: int
    end: int
    at: tuple[int, int]
    target: str = ""
    worst: Worst | None = None
    looks_like: str = ""
    rules: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shapes: tuple[tuple[int, int, str], ...] = ()
    suggestion: str = ""
    grade: str = ""
    spoils: tuple[str, ...] = ()
    statement: Any = None
    readings: tuple[Reading, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the line holds."""
        return self.verdict in GOOD


class Part(NamedTuple):
    """One set of backward lines: its verdicts, and what is to be said about them together."""

    title: str
    verdicts: list[Verdict]
    faults: list[str]
    notes: list[str]
    unseen: list[str]
    points: Sequence[Point]
    lacking: dict[Any, frozenset[Way]]  # by (name, time)
    labels: dict[tuple[str, str], list[Statement]]  # (label, name) → the lines that set that part of a derivative
    proposed: Sequence[str] = ()  # lines for what is lacking

    @property
    def first(self) -> str:
        """What is said before anything else; "" if there is nothing."""
        return next((note for note in self.notes if note.startswith(OTHER_LAYOUT)), "")

    @property
    def ok(self) -> bool:
        """Whether every line holds, and none is left out."""
        return not self.faults and all(v.ok for v in self.verdicts)


def verdict_of(points: Sequence[Point], line: Statement | Unreadable) -> Verdict:
    """Judge one line on its own."""
    source = points[0].source
    number = source.place(line.start)[0]
    text = source.text[line.start : line.end]
    if isinstance(line, Unreadable):
        at = (line.error.at, line.error.to)
        return Verdict(number, line.number, text, "unreadable", line.error.message, line.start, line.end, at)
    target = ", ".join(source.text[left.start : left.end] for left in line.left)
    base = Verdict(
        number, line.number, text, "right", "", line.start, line.end, (line.start, line.end), target, statement=line
    )
    if line.sign == "given":
        return base._replace(verdict="given")
    readings = tuple(read_line(points, line, k) for k in range(len(line.left)) if not _blank(line.left[k]))
    bad = next((r for r in readings if r.verdict != "right"), None)
    notes = tuple(dict.fromkeys(n for r in readings for n in r.notes))
    shapes = readings[0].shapes if readings else ()
    rules = tuple(dict.fromkeys(rule for r in readings for rule in rules_of(points[0], r)))
    base = base._replace(readings=readings, notes=notes, shapes=shapes, rules=rules)
    if bad is None:
        return base
    node = bad.node or line.members[min(bad.member, len(line.members) - 1)]
    return base._replace(
        verdict=bad.verdict, message=bad.message, at=(node.start, node.end), worst=bad.worst, looks_like=bad.looks_like
    )


def _blank(node: Node) -> bool:
    """_ in [_, dz] += deriv(...): nothing is kept."""
    return node.kind == "name" and node.value.key == "_"


def rules_of(point: Point, reading: Reading) -> list[str]:
    """The forward equations whose contributions the line should hold, as they stand in the file."""
    source, found = point.source, []
    for equation, *_ in in_order(reading.all_ways):
        if equation is not None:
            eq = point.derivation.forward[equation]
            text = " ".join(source.text[eq.start : eq.end].split())
            found.append(f"{eq.number + '. ' if eq.number else ''}{text}")
    return found


def target_of(point: Point, ref: Ref) -> Any:
    """What a line sets, whatever the moment; a time that is a number is a moment of its own."""
    time = ref.time
    if time is None and point.it.names.timed(ref.key):
        time = ("t", 0)
    return ref.key, time if point.last is None or (time is not None and time[0] != "t") else time is not None


def derivatives_in(node: Node) -> list[Node]:
    """The derivatives of the loss in a formula."""
    found = [node] if node.kind == "d" else []
    for part in node.parts:
        found += derivatives_in(part)
    return found


def known_cases(point: Point, left: Node) -> list[Case]:
    """The moments and members of a left-hand side; none if it is unknown."""
    try:
        return list(cases(point, left))
    except Trouble:  # the line was found out already
        return []


def labels_of(verdicts: Sequence[Verdict]) -> set[tuple[str, str]]:
    """(label, key) of the parts that some line adds up."""
    members = [m for v in verdicts if v.statement is not None for m in v.statement.members]
    values = [d.value for m in members for d in derivatives_in(m)]
    return {(name, ref.key) for ref, name in values if name is not None}


def is_part(v: Verdict, labels: set[tuple[str, str]]) -> bool:
    """Whether a line is a part of a derivative, which another line names."""
    left = v.statement.left[0] if v.statement is not None else None
    return left is not None and left.kind == "d" and (v.number, left.value[0].key) in labels
