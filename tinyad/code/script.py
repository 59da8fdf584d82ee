"""A flat script as a pair of both passes: its loss is a name, and it is run from its top."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.binding import Binding, Forwarded
from tinyad.code.find import script_statements, targets
from tinyad.code.names import LOSS, looks_like_derivative
from tinyad.code.pair import Example, Pair
from tinyad.code.points import other_values
from tinyad.code.probes import PROBE, Frame, Kind, Listener, Site, Stopped, names_of, reads
from tinyad.code.program import CodeError, Program
from tinyad.code.recording import Recorded


class Varied(Listener):
    """A run in which arrays that a script sets have other values, and that another listener hears."""

    def __init__(self, listener: Listener, drawn: frozenset[int], seed: int) -> None:
        self.drawn = drawn
        self.rng = np.random.default_rng([seed, 4])
        self.other = listener
        for method in ("entry", "stored", "item", "returned", "expression", "comparison", "before"):
            setattr(self, method, getattr(listener, method))

    def assigned(self, frame: Frame, site: Site, value: Any) -> Any:
        if site.number in self.drawn and values.differentiable(value):
            value = values.like(other_values(values.array(value), self.rng), value)
        return self.other.assigned(frame, site, value)


class Script(Pair):
    """The statements of a source outside its functions: forward statements, a loss that is one number, derivatives."""

    def __init__(self, program: Program, seed: int = 0) -> None:
        self.visible = {name: value for name, value in program.namespace.items() if name != PROBE}
        self.loss_name, self.loop = _loss_of(program)
        self.drawn: frozenset[int] = frozenset()  # sites that set arrays that have other values
        super().__init__(program, "", "", None, Example((), {}), seed)

    def at(self, example: Example, seed: int, outside: Mapping[str, Any]) -> Pair | None:
        """Return the script with other values where it sets arrays that it does not compute from others."""
        first = self.run_forward(Recorded()).recorded
        data = {event.name for event in first.events if values.differentiable(event.value) and event.name}
        drawn = {
            event.site.number
            for event in first.events
            if event.kind is Kind.ASSIGNED
            and values.shape(event.value)
            and values.differentiable(event.value)
            and not looks_like_derivative(event.name)
            and not any(reads(event.site.statement.node, name) for name in data)
        }
        if not drawn:
            return None
        other = copy.copy(self)
        other.drawn, other.seed = frozenset(drawn), seed
        return other

    def run_forward(self, listener: Listener) -> Forwarded:
        """Run the script."""
        self.state.restore()
        namespace = self.program.namespace
        for name in namespace.keys() - self.visible.keys() - {PROBE}:
            del namespace[name]
        namespace.update(self.visible)
        self.program.probe.stop_line = self.loop.lineno if self.loop else 0
        try:
            self.program.execute(Varied(listener, self.drawn, self.seed) if self.drawn else listener)
        except Stopped:
            pass
        finally:
            self.program.probe.stop_line = 0
        recorded = listener if isinstance(listener, Recorded) else Recorded()
        return Forwarded(namespace.get(self.loss_name), recorded, None, (), {})

    def bind(self) -> Binding:
        """Return that the loss is the output."""
        result = self.run_forward(Recorded()).result
        if not values.differentiable(result):
            raise CodeError(
                f"{self.program.path}: {self.loss_name} is taken for the loss, and the script computes no such number; "
                f"functions are checked with --pair FORWARD:BACKWARD or with an example: def example_NAME(): return …"
            )
        if values.array(result).size != 1:
            raise CodeError(
                f"{self.program.path}: {self.loss_name} is taken for the loss, and has shape {values.shape(result)}: "
                f"compute one number before the derivatives, as loss = np.sum({self.loss_name} ** 2) / 2"
            )
        return Binding([()], [np.ones(values.shape(result))], [], {})

    def names_outside(self) -> dict[str, Site]:
        return {}

    def loss_name_of(self) -> str:
        return self.loss_name

    def argument_names(self) -> list[str]:
        return []


def _loss_of(program: Program) -> tuple[str, ast.stmt | None]:
    """Return the name of the loss, and the loop whose first pass is enough."""
    names = list[tuple[str, ast.stmt]]()
    for statement in script_statements(program.tree.body):
        for target in targets(statement):
            name = names_of(target)
            if looks_like_derivative(name) and any(LOSS.match(known) for known, _ in names):
                losses = [(known, where) for known, where in names if LOSS.match(known)]
                return losses[-1][0], _loop_around(program.tree.body, losses[-1][1])
            if name:
                names.append((name, statement))
    losses = [(known, where) for known, where in names if LOSS.match(known)]
    if losses:
        return losses[-1][0], _loop_around(program.tree.body, losses[-1][1])
    raise CodeError(
        f"{program.path}: there is no pair of a forward and a backward function, and no loss: call it loss, "
        f"or name the functions forward and backward, or NAME_forward and NAME_backward"
    )


def _loop_around(body: list[ast.stmt], statement: ast.stmt) -> ast.stmt | None:
    for node in body:
        if isinstance(node, (ast.For, ast.While)) and any(part is statement for part in ast.walk(node)):
            return node
    return None
