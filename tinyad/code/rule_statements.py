"""A wrong statement as the rules of differentiation give it: its derivatives written out, one or all of them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from tinyad.code.judge import Judge
from tinyad.code.matching import Candidate
from tinyad.code.probes import Kind, Statement
from tinyad.code.recording import Event, Target
from tinyad.code.rule_edits import all_written_out, written_out
from tinyad.code.rules import Computed, Rules, Step
from tinyad.code.surroundings import Edit, Surroundings, last_part, pairs_of, target_values


class _Meant(NamedTuple):
    """An expression that should be the derivative for a variable of a function of the forward pass."""

    value: ast.expr
    variable: str
    function: str


def by_the_rules(judge: Judge, statement: Statement, around: Surroundings, forward: Collection[int]) -> Iterator[Edit]:
    """Yield the statement with what the rules give in the place of what is wrong in it.

    forward: the numbers of the statements of the forward pass
    """
    adjoints = _adjoints(judge)
    firsts = []
    for meant in dict.fromkeys(_meant(judge, statement, around)):
        computed = _computed_by(judge, meant.function, forward)
        derivatives = list(Rules(around, computed, adjoints).derivative(meant.variable))
        if judge.factor is not None:  # of derivatives in between, which those for parameters are divided by
            derivatives += Rules(around, computed, adjoints, judge.factor).derivative(meant.variable)
        firsts += [(meant.value, derivative) for derivative in derivatives[:1] if derivative.complete]
        for derivative in derivatives:
            yield from written_out(around, meant.value, derivative)
    if len(firsts) > 1:
        yield all_written_out(around, firsts)


def _meant(judge: Judge, statement: Statement, around: Surroundings) -> Iterator[_Meant]:
    tree = around.source.tree
    meant = {
        verdict.task.event.name: (_set_as(judge, verdict.candidate), _function(judge, verdict.candidate.target))
        for verdict in judge.judged.wrong
        if verdict.task.statement.number == statement.number
    }
    for pair in target_values(tree):
        if pair[0] in meant:
            yield _Meant(pair[1], *meant[pair[0]])
    if isinstance(tree, ast.Return) and tree.value is not None:
        for one in judge.judged.results:
            result = one.result
            if one.right is False and result.statement.number == statement.number:
                place = result.path[0] if result.path else None
                elements = tree.value.elts if isinstance(tree.value, ast.Tuple) else []
                element = elements[place] if isinstance(place, int) and place < len(elements) else tree.value
                yield _Meant(element, result.argument, _function(judge, result.target))


def _computed_by(judge: Judge, function: str, forward: Collection[int]) -> Computed:
    """Return what a function of the forward pass computed."""
    pair, program = judge.pair, judge.pair.program
    own = [s for s in program.probe.statements if s.function == function]
    numbers = {s.number for s in own}
    events = [e for e in judge.matching.events if e.site.statement.number in numbers]
    held = {**program.namespace, **{e.name: e.value for e in events if e.name}}
    loops = {loop.variable: loop.value for e in events for loop in e.loops if loop.variable.isidentifier()}
    read: dict[int, dict[str, Any]] = {}  # by statement: the values of its expressions
    for event in events:
        if event.kind is Kind.EXPRESSION and isinstance(event.site.node, ast.expr):
            read.setdefault(event.site.statement.number, {})[_text(event.site.node)] = event.value
    steps = []
    for one in (s for s in own if s.number in forward):
        text = ast.get_source_segment(program.source, one.node) or ""
        texts = [*(_unpacked(one.node) or [text]), *(_appended(one.node, variable) for variable in loops)]
        steps += [Step(p.target, p.value, read.get(one.number, {})) for t in texts for p in pairs_of(t)]
    is_whole = function == pair.forward
    return Computed(
        steps,
        {**held, **loops},
        pair.upstream if is_whole and pair.backward is not None else [],
        pair.loss_name_of() if is_whole and pair.backward is None else "",
    )


@lru_cache(maxsize=4096)
def _text(node: ast.expr) -> str:
    return ast.unparse(node)


def _unpacked(node: ast.stmt) -> list[str]:
    """Return what takes the values of a call apart as an assignment of an item each."""
    value = node.value if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) else None
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if value is None or not isinstance(target, ast.Tuple):
        return []
    return [f"{ast.unparse(part)} = ({ast.unparse(value)})[{place}]" for place, part in enumerate(target.elts)]


def _appended(node: ast.stmt, variable: str) -> str:
    """Return what appends to a list in a loop as a store at the loop's variable; "" for another statement."""
    call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr != "append" or len(call.args) != 1:
        return ""
    return f"{ast.unparse(call.func.value)}[{variable}] = {ast.unparse(call.args[0])}"


def _adjoints(judge: Judge) -> dict[str, set[str]]:
    """Return the names of the backward pass that hold the derivative for each name of the forward pass."""
    found: dict[str, set[str]] = {}
    for task in judge.tasks.values():
        for candidate in task.candidates:
            found.setdefault(last_part(_set_as(judge, candidate)), set()).add(task.event.name)
    return found


def _set_as(judge: Judge, candidate: Candidate) -> str:
    """Return the name under which the forward pass computed what a value may be the derivative for."""
    return _event(judge, candidate.target).name or candidate.name


def _function(judge: Judge, target: Target) -> str:
    return _event(judge, target).site.statement.function


def _event(judge: Judge, target: Target) -> Event:
    """Return the first event of the forward pass that a target displaces."""
    return judge.forward.events[target.ordinals[0]]
