"""Try an edited statement in the whole program: run both passes with it, and judge all that is returned or left."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType
from typing import Any

from tinyad.code import values
from tinyad.code.judge import Judge, Task
from tinyad.code.limits import TRIAL_SECONDS
from tinyad.code.names import looks_like_derivative
from tinyad.code.pair import Pair
from tinyad.code.probes import FRAME, PROBE, Kind, Statement, names_of, reads
from tinyad.code.program import QUIET
from tinyad.code.results import result_values
from tinyad.code.time_limit import TimedOut, limited


class Rerun:
    """Statements of a program at some sample points: edited ones fit if all that is returned or left is right.

    That is so only if these statements are all that was wrong.
    """

    def __init__(self, judges: Sequence[Judge], *statements: Statement) -> None:
        self.judges = judges
        self.program = judges[0].pair.program
        self.functions: dict[str, ast.FunctionDef | None] = {}
        self.places = [list(_places(self._tree(statement), statement)) for statement in statements]
        self.outside = [k for k, statement in enumerate(statements) if not statement.function]
        self.script = self._script() if self.outside else None

    def fits(self, *texts: str) -> bool:
        """Return whether the program with other statements is right at all points."""
        if not all(self.places):
            return False
        try:
            nodes = [ast.parse(text).body[0] for text in texts]
            edited = [compile(ast.Module([nodes[k]], []), "<statement>", "exec") for k in self.outside]
            self.program.probe.edited = edited
            with self._replaced(nodes), limited(TRIAL_SECONDS):
                return all(self._is_right(judge) for judge in self.judges)
        except (Exception, TimedOut):
            return False  # whatever the edited program raises, or a loop that has become endless

    @contextmanager
    def _replaced(self, nodes: Sequence[ast.stmt]) -> Iterator[None]:
        """Let other statements stand in the places of these, for a while."""
        old = [[body[index] for body, index in places] for places in self.places]
        try:
            for places, node in zip(self.places, nodes, strict=True):
                for body, index in places:
                    body[index] = ast.increment_lineno(copy.deepcopy(node), body[index].lineno - node.lineno)
            yield
        finally:
            for places, kept in zip(self.places, old, strict=True):
                for (body, index), statement in zip(places, kept, strict=True):
                    body[index] = statement

    def _script(self) -> CodeType:
        """Return the program as code that runs edited statements where those outside functions stand."""
        edited = {k: ast.parse(f"exec({PROBE}.edited[{n}])").body[0] for n, k in enumerate(self.outside)}
        own = [places[0][0][places[0][1]] if places else ast.Pass() for places in self.places]
        with self._replaced([edited.get(k, node) for k, node in enumerate(own)]):
            return compile(self.program.rewritten, self.program.path, "exec")

    def _tree(self, statement: Statement) -> ast.AST:
        """Return the outermost function around a statement, without probes, or the program outside functions."""
        if not statement.function:
            return self.program.rewritten
        outermost = self._outermost(statement)
        if outermost not in self.functions:
            self.functions[outermost] = self._definition(outermost)
        return self.functions[outermost] or ast.Module([], [])

    def _definition(self, outermost: str) -> ast.FunctionDef | None:
        """Return a function without probes."""
        *owner, last = outermost.split(".")
        body: list[ast.stmt] = self.program.tree.body
        for name in owner:
            body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == name), [])
        found = next((n for n in body if isinstance(n, ast.FunctionDef) and n.name == last), None)
        found = copy.deepcopy(found)
        if found is not None and outermost == self.judges[0].pair.forward:
            self.judges[0].pair.keeping(found)
        return found

    def _outermost(self, statement: Statement) -> str:
        """Return the name of the function around a statement that is in no other, with its classes."""
        parts = statement.function.split(".")
        count = 1
        while ".".join(parts[:count]) in self.program.classes and count < len(parts):
            count += 1
        return ".".join(parts[:count])

    def _is_right(self, judge: Judge) -> bool:
        with ExitStack() as installed:
            if self.script is not None:
                installed.enter_context(self._running(self.script))
            for name, tree in self.functions.items():
                if tree is not None:
                    installed.enter_context(self._installed(judge.pair, name, tree))
            forwarded, returned = judge.pair.run_backward(QUIET)
        factors = {1.0, self.judges[0].end_factor or 1.0}
        for result, value in result_values(judge.results, returned):
            if not (values.is_numeric(value) and values.shape(value) == result.target.shape):
                return False
            if not any(judge.truth.agrees(result.target, values.array(value) / f, None) for f in factors):
                return False
        names = {**self.program.namespace, **self.program.probe.kept, "self": forwarded.owner}
        left = [task for task in judge.tasks.values() if judge.is_left(task)]
        return bool(judge.results or left) and all(_holds(judge, task, names) for task in left)

    @contextmanager
    def _running(self, script: CodeType) -> Iterator[None]:
        """Let the program be other code."""
        old = self.program.code
        self.program.code = script
        try:
            yield
        finally:
            self.program.code = old

    @contextmanager
    def _installed(self, pair: Pair, name: str, tree: ast.FunctionDef) -> Iterator[None]:
        """Let a pair run with an edited function."""
        *owner, last = name.split(".")
        namespace = dict(pair.program.namespace)
        exec(compile(ast.Module([tree], []), self.program.path, "exec"), namespace)
        if owner:
            place: Any = pair.program.namespace[owner[0]]
            for part in owner[1:]:
                place = getattr(place, part)
            kept = vars(place)[last]
            setattr(place, last, _with_globals(namespace[last], pair.program.namespace))
            try:
                yield
            finally:
                setattr(place, last, kept)
            return
        kept = pair.state.names[last]
        pair.state.names[last] = _with_globals(namespace[last], pair.program.namespace)
        try:
            yield
        finally:
            pair.state.names[last] = kept
            pair.program.namespace[last] = kept


def _with_globals(function: Any, names: dict[str, Any]) -> Any:
    """Return a function that finds its globals in other names."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(_with_globals(function.__func__, names))
    if not hasattr(function, "__code__"):
        return function
    new = type(function)(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    new.__kwdefaults__ = function.__kwdefaults__
    return new


def _holds(judge: Judge, task: Task, names: dict[str, Any]) -> bool:
    """Return whether what a name holds at the end is right."""
    holder = judge.holder(task.event)
    if holder:
        names = {**names, "self": values.at(names["self"], holder)}
    value: Any = eval(task.event.name, names)
    if task.event.kind is Kind.ITEM:
        value = value[task.event.key]
    return values.differentiable(value) and judge.verdict(task, value).right is True


def _places(tree: ast.AST, statement: Statement) -> Iterator[tuple[list[ast.stmt], int]]:
    """Yield the blocks that a statement is in, and where: one, or with probes one for each kind of run."""
    for part in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(part, name, None)
            for index, node in enumerate(block if isinstance(block, list) else ()):
                if _stands_there(node, statement):
                    yield block, index  # type: ignore[misc]
                    break  # what follows it reports what it set


def _stands_there(node: ast.stmt, statement: Statement) -> bool:
    """Return whether a node is a statement, and not the report that it is about to run."""
    place = (type(node), node.lineno, node.col_offset)
    if place != (type(statement.node), statement.line, statement.node.col_offset):
        return False
    call = node.value if isinstance(node, ast.Expr) else None
    return not (isinstance(call, ast.Call) and names_of(call.func) == f"{FRAME}.before")


def suspects(judge: Judge, wrong: Sequence[Statement]) -> list[Statement]:
    """Return the statements that may be why others are wrong, the nearest first: no verdict says that they are right.

    They are those that a wrong one reads from, by way of others on which there is no verdict, those of functions that
    it calls, and those that set a part of the same.
    """
    holds = {v.task.statement.number for v in judge.judged.verdicts if v.right and not v.candidate.part}
    names = {name for s in wrong for name in set_names(s)}
    for s in judge.pair.program.probe.statements:
        if _gathers(s) or _masks(s, names):
            holds.discard(s.number)
    fails = {v.task.statement.number for v in judge.judged.verdicts if v.right is False}
    own = [s for s in judge.pair.program.probe.statements if s.number in judge.backward.ran]
    if any(result.value is None for result in judge.judged.results):  # an item that another key may have got
        holds -= {s.number for s in own if _stores_by_computed_key(s)}
    free = [s for s in own if s.number not in holds - fails and s.number not in {w.number for w in wrong}]
    loss = judge.pair.loss_event(judge.forward)
    if loss is not None:  # what comes before it is part of the backward pass only by its name, as in a loop of both
        first = {e.site.statement.number for e in judge.forward.events[: loss + 1]}
        free = [s for s in free if s.number not in first or any(map(looks_like_derivative, set_names(s)))]
    free = [s for s in free if isinstance(s.node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return))]
    found = {s.number: s for s in free if _stores_elsewhere(s)}
    todo = list(wrong)
    while todo:
        reader = todo.pop(0)
        for other in reversed(free):
            if other.number not in found and _leads_to(other, reader):
                found[other.number] = other
                todo.append(other)
    return sorted(found.values(), key=lambda s: min(abs(s.line - w.line) for w in wrong))


def _gathers(statement: Statement) -> bool:
    """Return whether a statement sets a list of what is left of several values: no verdict is about its items."""
    targets = statement.node.targets if isinstance(statement.node, ast.Assign) else []
    return any(isinstance(part, ast.Starred) for target in targets for part in ast.walk(target))


def _masks(statement: Statement, names: Collection[str]) -> bool:
    """Return whether a statement sets those entries of a name that a comparison selects: others may be left out."""
    targets = statement.node.targets if isinstance(statement.node, ast.Assign) else []
    return any(
        isinstance(target, ast.Subscript)
        and names_of(target.value) in names
        and any(isinstance(part, ast.Compare) for part in ast.walk(target.slice))
        for target in targets
    )


def _stores_by_computed_key(statement: Statement) -> bool:
    """Return whether a statement sets an item whose key it works out."""
    targets = statement.node.targets if isinstance(statement.node, ast.Assign) else []
    items = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Subscript)]
    return any(isinstance(item.slice, (ast.BinOp, ast.JoinedStr, ast.Call)) for item in items)


def _stores_elsewhere(statement: Statement) -> bool:
    """Return whether a statement changes in place what is no derivative by its name."""
    node = statement.node
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    stored = [names_of(target.value) for target in targets if isinstance(target, ast.Subscript)]
    return any(name and not looks_like_derivative(name) for name in stored)


def _leads_to(one: Statement, reader: Statement) -> bool:
    """Return whether a statement may set what another one reads or changes."""
    if isinstance(one.node, ast.Return):
        called = one.function.rsplit(".", 1)[-1]
        return one.function != reader.function and any(
            isinstance(part, ast.Call) and names_of(part.func).rsplit(".", 1)[-1] == called
            for part in ast.walk(reader.node)
        )
    if one.function != reader.function:
        return False
    return any(reads(reader.node, name) or name in set_names(reader) for name in set_names(one))


def set_names(statement: Statement) -> set[str]:
    """Return the names that a statement sets, all of them or a part."""
    node = statement.node
    found = set[str]()
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        parts = [*call.args[:1], *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
        found = {names_of(part) for part in parts}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        for part in ast.walk(target) if target is not None else ():
            if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Store):
                found.add(names_of(part))
            elif isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store):
                found.add(names_of(part.value))
    return found - {"", "np", "np.add", "self"}
