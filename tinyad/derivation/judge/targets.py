"""The derivatives that lines set and use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk
from tinyad.derivation.semantics.sample_point import SamplePoint


def target_of(point: SamplePoint, ref: Ref) -> Any:
    """Return what a line for a name sets, whatever the time; a time that is a number is a target of its own."""
    time = ref.time
    if time is None and point.declarations.names.timed(ref.key):
        time = ("t", 0)
    return ref.key, time if point.last is None or (time is not None and time[0] != "t") else time is not None


def derivatives_in(node: Node) -> list[Node]:
    """Return the derivatives of the loss in a formula."""
    return [part for part in walk(node) if part.kind == "d"]


def derivatives_used(verdicts: Sequence[LineVerdict]) -> list[Node]:
    """Return the derivatives of the loss on the right-hand sides of lines."""
    members = [member for v in verdicts if v.statement is not None for member in v.statement.members]
    return [node for member in members for node in derivatives_in(member)]


def used_labels(verdicts: Sequence[LineVerdict]) -> set[tuple[str, str]]:
    """Return (label, name) of the labelled terms that some line adds up."""
    values = [node.value for node in derivatives_used(verdicts)]
    return {(label, ref.key) for ref, label in values if label is not None}


def is_labelled_term(v: LineVerdict, labels: set[tuple[str, str]]) -> bool:
    """Return whether a line sets a term of a derivative, which another line names by its label."""
    left = v.statement.left[0] if v.statement is not None else None
    return left is not None and left.kind == "d" and (v.number, left.value[0].key) in labels


def is_kept(left: Node) -> bool:
    """Return whether a left-hand side is judged; _ in [_, dz] += deriv(...) is not."""
    return not (left.kind == "name" and left.value.key == "_")


def kept_sides(line: Statement) -> list[Node]:
    """Return the left-hand sides that are judged."""
    return [left for left in line.left if is_kept(left)]


def defines_notation(line: Statement) -> bool:
    """Return whether a line only says that a derivative is itself, in another notation: δy = ∂L/∂y."""
    left = line.left[0]
    same = (m.kind == "d" and m.value == left.value for m in line.members)
    return len(line.left) == 1 and left.kind == "d" and line.sign == "=" and bool(line.members) and all(same)
