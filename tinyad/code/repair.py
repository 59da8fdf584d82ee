"""The statement that was meant: edits of a wrong one, or of one that it is made from, that are right at every point."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.edits import Scope
from tinyad.code.judge import Judge, computes_with
from tinyad.code.limits import AUXILIARY_TRIALS, POINTS, TRIALS
from tinyad.code.probes import Statement, names_of
from tinyad.code.same_formula import same_formula
from tinyad.code.search import search
from tinyad.code.trial import Trial
from tinyad.code.verdicts import Grade

Suggest = Callable[[int], "Suggestion"]


class Suggestion(NamedTuple):
    """The statement that changes, its new text and how sure that is; no statement if nothing was found."""

    statement: Statement | None
    text: str
    grade: str
    others: tuple[str, ...]
    tried: int


NONE = Suggestion(None, "", "", (), 0)


class Repair:
    """Finds what was meant for wrong statements; judges: of the same pair at several sample points."""

    def __init__(self, judge: Judge, other_points: Callable[[], Sequence[Judge]]) -> None:
        self.judge = judge
        self.program = judge.pair.program
        self.other_points = other_points
        self.others: Sequence[Judge] | None = None
        self.known: dict[int, Suggestion] = {}

    def suggestion(self, statement: Statement) -> Suggestion:
        """Return what a wrong statement should be; else what one that it is made from should be."""
        if statement.number not in self.known:
            self.known[statement.number] = self._suggestion(statement)
        return self.known[statement.number]

    def _suggestion(self, statement: Statement) -> Suggestion:
        found = self._searched(statement, None, TRIALS)
        if found.text:
            return found
        for earlier in self._made_from(statement):
            other = self._searched(earlier, statement, AUXILIARY_TRIALS)
            if other.text:
                return other
        return found

    def _searched(self, statement: Statement, until: Statement | None, limit: int) -> Suggestion:
        text = self.text(statement)
        if not text or isinstance(statement.node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef)):
            return NONE
        trials = [Trial(self.judge, statement, until)]
        if not any(snapshot.tasks for snapshot in trials[0].snapshots) and not trials[0].returns:
            return NONE
        if until is not None and trials[0].fits(text):
            return NONE  # nothing tells that it is wrong

        def fits(edited: str) -> bool:
            if not trials[0].fits(edited):
                return False
            if len(trials) == 1:
                trials.extend(Trial(judge, statement, until) for judge in self.points())
            return all(trial.fits(edited) for trial in trials[1:])

        found = search(text, self.scope(trials[0], statement), fits, limit)
        if not found.found:
            return Suggestion(None, "", "", (), found.tried)
        best = found.found[0]
        others = [edit.text for edit in found.found[1:] if not same_formula(edit.text, best.text)]
        grade = Grade.CERTAIN if len(trials) >= POINTS else Grade.LIKELY
        return Suggestion(statement, best.text, grade, tuple(others[:2]), found.tried)

    def points(self) -> Sequence[Judge]:
        """Return judges of the pair at other points."""
        if self.others is None:
            self.others = self.other_points()
        return self.others

    def text(self, statement: Statement) -> str:
        """Return a statement as its author wrote it, without what stands around it."""
        return ast.get_source_segment(self.program.source, statement.node) or ""

    def _made_from(self, statement: Statement) -> Iterator[Statement]:
        """Yield the statements before a wrong one that it reads and that no verdict is about, the nearest first."""
        judged = {task.statement.number for task in self.judge.tasks.values()}
        own = [
            other
            for other in self.program.probe.statements
            if other.function == statement.function and other.line < statement.line and other.number not in judged
        ]
        readers: list[ast.stmt] = [statement.node]
        for other in reversed(own):
            names = [names_of(target) for target in _targets(other.node)]
            if any(name and computes_with(reader, name) for name in names for reader in readers):
                readers.append(other.node)
                yield other

    def scope(self, trial: Trial, statement: Statement) -> Scope:
        """Return what a statement can use."""
        names = trial.snapshots[0].names if trial.snapshots else {}
        found = dict(_reachable(names))
        for name in self.program.functions:
            if "." not in name and not name.startswith("example"):
                found.setdefault(name, self.program.namespace.get(name))
        sizes = {
            text: int(value)
            for text, value in found.items()
            if isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        }
        for text, value in list(found.items()):
            for axis, size in enumerate(values.shape(value)[:4]):
                sizes.setdefault(f"{text}.shape[{axis}]", size)
        statements = [
            s
            for s in self.program.probe.statements
            if not isinstance(s.node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef))
        ]
        backward = [
            self.text(s) for s in statements if s.function == statement.function and s.number != statement.number
        ]
        called = {call.function for call in self.judge.forward.calls.values()}
        forward = [self.text(s) for s in statements if s.function in called and s.function != statement.function]
        loops = [
            loop.variable
            for task in trial.judge.tasks.values()
            if task.statement.number == statement.number
            for loop in task.event.loops
        ]
        return Scope(found, sizes, backward, forward, list(dict.fromkeys(filter(None, loops))))


def _targets(node: ast.stmt) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [t for target in node.targets for t in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [node.target] if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else []


def _reachable(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what can be written in a statement: names, attributes of objects, items of dicts."""
    for name, value in names.items():
        if name.startswith("__") or callable(value) or isinstance(value, ModuleType):
            continue
        yield name, value
        if isinstance(value, dict):
            yield from ((f'{name}["{key}"]', part) for key, part in value.items() if isinstance(key, str))
        elif hasattr(value, "__dict__") and not isinstance(value, np.ndarray):
            yield from ((f"{name}.{key}", part) for key, part in vars(value).items())
