"""What the sample point of an example cannot show: branches that never ran, masks that are all true, equal sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from tinyad.code import values
from tinyad.code.judge import Judge
from tinyad.code.results import arguments_of


def unseen(judge: Judge) -> Iterator[str]:
    """Yield what would let a mistake pass at this sample point, in words."""
    yield from _comparisons(judge)
    yield from _branches(judge)
    yield from _arguments(judge)
    yield from _outputs(judge)


def _comparisons(judge: Judge) -> Iterator[str]:
    recorded = judge.backward.comparisons | {}
    sites = judge.pair.program.probe.sites
    for number, seen in sorted(recorded.items()):
        node = sites[number].node
        if len(seen) == 1 and isinstance(node, ast.Compare) and not _in_condition(sites[number].statement.node):
            yield (
                f"line {sites[number].line}: {ast.unparse(node)} is {'true' if seen == {True} else 'false'} "
                f"for every entry at this point, so that this mask was not tried"
            )


def _in_condition(node: ast.stmt) -> bool:
    return isinstance(node, (ast.If, ast.While, ast.For))


def _branches(judge: Judge) -> Iterator[str]:
    ran = judge.backward.ran | judge.forward.ran
    functions = {call.function for call in judge.backward.calls.values() if call.function or not judge.pair.forward}
    for statement in judge.pair.program.probe.statements:
        if statement.function in functions and statement.number not in ran and _computes(statement.node):
            yield f"line {statement.line} did not run: {ast.unparse(statement.node).splitlines()[0]}"


def _computes(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Assign, ast.AugAssign, ast.Return))


def _arguments(judge: Judge) -> Iterator[str]:
    arguments = arguments_of(judge.pair, judge.matching)
    sizes: dict[int, set[str]] = {}
    for argument in arguments:
        leaf = values.at(argument.event.value, argument.path)
        name = argument.name
        if leaf is not None and values.shape(leaf) and not np.any(values.array(leaf)):
            yield f"{name} is zero at this point, so that what is multiplied by it was not tried"
        if len(argument.shape) == 2 and argument.shape[0] == argument.shape[1] and argument.shape[0] > 1:
            sizes.setdefault(argument.shape[0], set()).add(name)
        if len(argument.shape) >= 2 and argument.shape[0] == 1 and len(arguments) > 1 and argument is arguments[0]:
            yield f"{name} holds one example only, so that sums over the examples were not tried"
    for size, names in sizes.items():
        yield f"{', '.join(sorted(names))} is square ({size}×{size}), so that a transpose that is missing may not show"


def _outputs(judge: Judge) -> Iterator[str]:
    one_pass = {
        event.loops[-1].variable
        for event in judge.forward.events
        if event.loops and event.loops[-1].variable in ("t", "step")
    }
    for variable in sorted(one_pass):
        counts = {loop.passes for event in judge.forward.events for loop in event.loops if loop.variable == variable}
        if counts == {0}:
            yield f"the loop over {variable} makes one pass, so that what goes from one pass to the next was not tried"
