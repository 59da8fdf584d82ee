"""Try an edited statement: run it where it stood, with what was there at each sample point, and judge what it sets."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.judge import Forced, Judge, Task
from tinyad.code.probes import FRAME, Frame, Kind, Listener, Site, Statement, names_of, root
from tinyad.code.program import QUIET
from tinyad.code.results import result_values
from tinyad.code.values import Array

RETURNED = "__returned__"
MORE = "__more__"
SNAPSHOTS = 200  # passes of a loop whose statement is run again
LOCAL_DATA = (np.ndarray, list, dict, tuple, float, int, np.generic)


@dataclass
class Snapshot:
    """What a pass of a statement found: the names, copied before it ran, and its tasks.

    count: how many events of the run were before it.
    """

    names: dict[str, Any]
    call: int
    count: int
    tasks: list[Task] = field(default_factory=list)


class Snapshots:
    """A backward run, with the truth in the place of what is wrong, that copies the names before a statement runs."""

    def __init__(self, judge: Judge, number: int) -> None:
        truths = {v.task.event.ordinal: v.truth for v in judge.judged.wrong if v.truth is not None}
        statements = dict.fromkeys(truths, -2)
        self.run = Forced(truths, statements, watch=self.before)
        self.number = number
        self.found: list[Snapshot] = []

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        if statement.number == self.number and len(self.found) < SNAPSHOTS:
            self.found.append(Snapshot(copied(names), frame.call, self.run.count))


def copied(names: dict[str, Any]) -> dict[str, Any]:
    """Return the names of a function with copies of its data; what is shared stays shared."""
    data = {name: value for name, value in names.items() if name != FRAME and _is_data(value)}
    try:
        kept = copy.deepcopy(data)
    except Exception:
        kept = data
    return {name: value for name, value in names.items() if name != FRAME} | kept


def _is_data(value: Any) -> bool:
    module = type(value).__module__
    return (
        isinstance(value, LOCAL_DATA)
        or values.is_tensor(value)
        or (hasattr(value, "__dict__") and module not in ("builtins",) and not callable(value))
    )


class Entries(Listener):
    """Keeps the arguments that functions got, by site."""

    def __init__(self) -> None:
        self.found: dict[int, list[Any]] = {}

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        self.found.setdefault(site.number, []).append(value)
        return value


class Trial:
    """A wrong statement at one sample point: an edited one fits if it makes right all that the statement sets.

    until: the statement whose tasks count, if it is a later one of the same block; all between them run too.
    """

    def __init__(self, judge: Judge, statement: Statement, until: Statement | None = None) -> None:
        self.judge, self.statement = judge, statement
        self.compiled: Compiled | None = None
        self.judged_statement = until or statement
        listener = Snapshots(judge, statement.number)
        judge.pair.run_backward(listener.run)
        self.rest = self._rest(until) if until is not None else []
        self.snapshots = listener.found
        self.returns = isinstance(self.judged_statement.node, ast.Return)
        self._give_tasks()
        self.summed = self._summed()
        self.before = self._before() if self.summed else {}

    def _before(self) -> dict[int, dict[str, Any]]:
        """Return the names after each pass of the statement as it stands; none if it raises."""
        try:
            return {id(s): self._run(s, self.statement.node) for s in self.snapshots}
        except Exception:
            return {}

    def _rest(self, until: Statement) -> Sequence[ast.stmt]:
        """Return the statements of the block behind the statement, up to and with another one."""
        for block in _blocks(self.judge.pair.program.tree):
            lines = [node.lineno for node in block]
            if self.statement.line in lines and until.line in lines:
                return block[lines.index(self.statement.line) + 1 : lines.index(until.line) + 1]
        return []

    def _give_tasks(self) -> None:
        """Give each snapshot the tasks of its pass: those after it, and before the next one of the same call."""
        wanted = [t for t in self.judge.tasks.values() if t.statement.number == self.judged_statement.number]
        for task in sorted(wanted, key=lambda t: t.event.ordinal):
            before = [s for s in self.snapshots if s.count < task.event.ordinal and self._of_call(s, task)]
            if before:
                before[-1].tasks.append(task)

    def _of_call(self, snapshot: Snapshot, task: Task) -> bool:
        event = task.event
        call = self.judge.backward.calls[event.call].parent if event.kind is Kind.ENTRY else event.call
        return snapshot.call == call

    def _summed(self) -> bool:
        """Return whether the passes of a loop add up to what is judged, so that all of them have to be run."""
        node = self.judged_statement.node
        adds = isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub))
        calls = isinstance(node, ast.Expr) and ".at(" in ast.unparse(node)
        judged = [s for s in self.snapshots if s.tasks]
        return (adds or calls) and len(judged) < len(self.snapshots)

    def fits(self, text: str) -> bool:
        """Return whether a statement, as it would stand, makes right all that it sets."""
        try:
            node = ast.parse(text).body[0]
        except (SyntaxError, ValueError, IndexError):
            return False
        try:
            if self.summed:
                return self._fits_in_sum(node)
            judged = [s for s in self.snapshots if s.tasks]
            if self.returns and not judged:
                judged = self.snapshots[-1:]
            return bool(judged) and all(self._fits_at(snapshot, node) for snapshot in judged)
        except Exception:
            return False

    def _fits_at(self, snapshot: Snapshot, node: ast.stmt) -> bool:
        entries = Entries()
        names = self._run(snapshot, node, entries)
        for task in snapshot.tasks:
            entry = task.event.kind is Kind.ENTRY
            value = entries.found[task.event.site.number][0] if entry else _value(names, task)
            if not self.judge.is_right(task, value):
                return False
        return not self.returns or self._returns_right(names)

    def _returns_right(self, names: dict[str, Any]) -> bool:
        returned, before = names[RETURNED], self.judge.returned
        complete = all(value is not None for _, value in result_values(self.judge.results, before))
        if (
            isinstance(before, tuple)
            and complete
            and not (isinstance(returned, tuple) and len(returned) == len(before))
        ):
            return False
        found = result_values(self.judge.results, returned)
        truth = self.judge.truth
        return all(
            values.differentiable(value)
            and values.shape(value) == result.target.shape
            and truth.agrees(result.target, values.array(value), None) is True
            for result, value in found
        )

    def _fits_in_sum(self, node: ast.stmt) -> bool:
        """Judge a sum over the passes of a loop: each goes on with what the pass before has made of it."""
        tasks = [task for snapshot in self.snapshots for task in snapshot.tasks]
        for task in tasks:
            more: Array | None = None  # what the sum holds, less what it held
            for snapshot in self.snapshots:
                if snapshot.call == task.event.call:
                    after = self._run(snapshot, node, more=None if more is None else (task, more))
                    more = values.array(_value(after, task)) - values.array(_value(self.before[id(snapshot)], task))
            if more is None or not self.judge.is_right(task, values.array(task.event.value) + more):
                return False
        return bool(tasks)

    def _run(
        self, snapshot: Snapshot, node: ast.stmt, listener: Listener = QUIET, more: tuple[Task, Array] | None = None
    ) -> dict[str, Any]:
        """Run a statement, and those behind it, on copies of the names; return the names.

        more: what is added, before it runs, to what it sets.
        """
        if self.compiled is None or self.compiled.node is not node:
            self.compiled = _compiled([node, *self.rest])
        names = {**self.judge.pair.program.namespace, **snapshot.names}
        changed = self.compiled.changed | ({root(more[0].event.name)} if more else set())
        names.update({name: copy.deepcopy(names[name]) for name in changed if _is_data(names.get(name))})
        if more is not None:
            _add(names, *more)
        self.judge.pair.program.probe.listen(listener)
        exec(self.compiled.code, names)
        return names


class Compiled(NamedTuple):
    """Statements as code: the first of them, and the names whose values they may change in place."""

    node: ast.stmt
    code: CodeType
    changed: set[str]


def _compiled(nodes: Sequence[ast.stmt]) -> Compiled:
    body = [_assigning(part) if isinstance(part, ast.Return) else part for part in nodes]
    code = compile(ast.Module(body, []), "<statement>", "exec")
    return Compiled(nodes[0], code, set[str]().union(*map(_changes, nodes)))


@lru_cache(maxsize=1024)
def _changes(node: ast.stmt) -> frozenset[str]:
    """Return the names whose values a statement may change in place."""
    return frozenset(_changed_in_place(node))


def _assigning(node: ast.Return) -> ast.stmt:
    target = ast.Name(RETURNED, ast.Store())
    return ast.fix_missing_locations(ast.Assign([target], node.value or ast.Constant(None), lineno=1, col_offset=0))


@lru_cache(maxsize=1024)
def _expression(text: str) -> CodeType:
    """Return an expression as code."""
    return compile(text, "<name>", "eval")


def _value(names: dict[str, Any], task: Task) -> Any:
    """Return what a name holds after a statement."""
    value: Any = eval(_expression(task.event.name), names)
    return value[task.event.key] if task.event.kind is Kind.ITEM else value


def _add(names: dict[str, Any], task: Task, more: Array) -> None:
    """Add to what a name holds."""
    value = _value(names, task)
    names[MORE] = values.like(values.array(value) + more, value)
    key = f"[{task.event.key!r}]" if task.event.kind is Kind.ITEM else ""
    exec(f"{task.event.name}{key} = {MORE}", names)


def _changed_in_place(node: ast.stmt) -> Iterable[str]:
    """Yield the names whose values a statement may change in place."""
    for part in ast.walk(node):
        if isinstance(part, ast.AugAssign):
            yield root(names_of(part.target) or ast.unparse(part.target))
        elif isinstance(part, (ast.Subscript, ast.Attribute)) and isinstance(part.ctx, ast.Store):
            yield root(ast.unparse(part.value))
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            call = part.value
            yield from (
                root(ast.unparse(a))
                for a in [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
            )
        elif isinstance(part, ast.keyword) and part.arg == "out":
            yield root(ast.unparse(part.value))


def _blocks(node: ast.AST) -> Iterable[Sequence[ast.stmt]]:
    for part in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(part, name, None)
            if isinstance(block, list) and block:
                yield block
