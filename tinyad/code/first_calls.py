"""The arguments of the first call of a forward pass that a file makes itself, where it has no example function."""

from __future__ import annotations

import ast
import contextlib
import copy
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinyad.code.find import Found
from tinyad.code.limits import CALL_ENTRIES, MAIN_SECONDS
from tinyad.code.pair import Example, is_static
from tinyad.code.points import values_of
from tinyad.code.probes import Frame, Listener, Statement, Stopped
from tinyad.code.program import Program
from tinyad.code.time_limit import TimedOut, limited


class FirstCalls(Listener):
    """Keeps what each wanted function was called with first, if its arrays are no more than an exercise has.

    stops: it ends the run when all were called.  Once one was, a run that takes longer is ended in any case: it trains.
    """

    def __init__(self, wanted: Iterable[str], stops: bool = False) -> None:
        self.open, self.stops = set(wanted), stops
        self.until = time.process_time() + MAIN_SECONDS
        self.found: dict[str, Mapping[str, Any]] = {}
        self._begun = set[int]()

    def before(self, frame: Frame, statement: Statement, names: dict[str, Any]) -> None:
        """Keep the names of a call at its first statement, where they are its arguments alone."""
        if self.found and frame.function and time.process_time() > self.until:
            raise Stopped
        if frame.function not in self.open or frame.call in self._begun:
            return
        self._begun.add(frame.call)
        arrays = values_of(Example((), names, names.get("self")))
        if sum(int(np.size(part)) for part in arrays) <= CALL_ENTRIES:
            with contextlib.suppress(Exception):  # of what cannot be copied, as a module: it is not taken
                self.found[frame.function] = copy.deepcopy(names)
                self.open.discard(frame.function)
        if self.stops and not self.open:
            raise Stopped


def run_main(program: Program, listener: FirstCalls) -> None:
    """Run what a file does as a program, under `if __name__ == "__main__":`, until all wanted functions were called."""
    body = [part for node in program.tree.body if _is_main(node) for part in node.body]  # type: ignore[attr-defined]
    if not body or not listener.open:
        return
    listener.stops = True
    program.probe.listen(listener)
    try:
        with limited(MAIN_SECONDS):
            exec(compile(ast.Module(body, []), program.path, "exec"), program.namespace)
    except (Exception, SystemExit, Stopped, TimedOut):
        return  # it needs data that is not here, trains for hours, or has shown what was wanted


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) and "__main__" in ast.unparse(node.test)


def example_of_call(program: Program, found: Found, names: Mapping[str, Any]) -> Example | None:
    """Return what a forward pass was called with as an example; None if its object is of another class."""
    arguments = program.functions[found.forward].args
    positional = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
    owner = None
    if program.is_method(found.forward) and not is_static(program, found.forward):
        owner = names[positional.pop(0)]
        if found.owner not in [base.__name__ for base in type(owner).__mro__]:
            return None
    given = [names[name] for name in positional]
    if arguments.vararg is not None:
        given += names[arguments.vararg.arg]
    keywords = {argument.arg: names[argument.arg] for argument in arguments.kwonlyargs}
    if arguments.kwarg is not None:
        keywords |= names[arguments.kwarg.arg]
    return Example(tuple(given), keywords, owner)
