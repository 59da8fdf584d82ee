"""A function that holds both passes and returns no loss: a step or a loop of training, or the derivatives alone."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.binding import Binding, Forwarded
from tinyad.code.layout import GRADIENT, is_step, layout_of
from tinyad.code.losses import Loss, usual_losses
from tinyad.code.names import CONTAINERS, LABELS, canonical, looks_like_derivative
from tinyad.code.pair import Example, Pair, first_parameter
from tinyad.code.probes import PROBE, Frame, Kind, Listener, Site, Stopped, Unfinished
from tinyad.code.program import CodeError, Program
from tinyad.code.recording import Event, Recorded
from tinyad.code.values import Array

NO_OUTPUT = re.compile(r"(?:\w*_)?(?:err|error|errors|diff|difference|residuals?|loss|cost)\d*$", re.IGNORECASE)


class Heard(Listener):
    """A run that another listener hears, and of which the value of one event is kept."""

    def __init__(self, listener: Listener, ordinal: int, place: int) -> None:
        self.listener, self.lean = listener, listener.lean
        self.wanted = place if listener.lean else ordinal
        self.count = -1
        self.kept: Any = None

    def _keep(self, value: Any) -> Any:
        self.count += 1
        if self.count == self.wanted:
            self.kept = copy.deepcopy(value)
        return value

    def value(self, value: Any) -> Any:
        return self._keep(self.listener.value(value))

    def store(self, base: Any) -> None:
        self.listener.store(base)
        self._keep(base)

    def entry(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._keep(self.listener.entry(frame, site, value))

    def assigned(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._keep(self.listener.assigned(frame, site, value))

    def returned(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._keep(self.listener.returned(frame, site, value))

    def expression(self, frame: Frame, site: Site, value: Any) -> Any:
        return self._keep(self.listener.expression(frame, site, value))

    def item(self, frame: Frame, site: Site, value: Any, key: Any) -> Any:
        return self._keep(self.listener.item(frame, site, value, key))

    def stored(self, frame: Frame, site: Site, base: Any, index: Any) -> None:
        self.listener.stored(frame, site, base, index)
        self._keep(base)


class Training(Pair):
    """A function with both passes whose loss is a local name, or none: then the one under which the least is wrong.

    choice: which of the usual losses.
    """

    def __init__(  # noqa: PLR0913  what a pair is, and which loss
        self,
        program: Program,
        name: str,
        function: str,
        example: Example,
        seed: int = 0,
        choice: int = 0,
        outside: Mapping[str, Any] | None = None,
    ) -> None:
        layout = layout_of(program.functions[function])
        if layout is None:
            raise CodeError(f"{function} has no loss and no derivatives whose names say so: return the loss first")
        self.layout = layout
        self.event = -1  # the one that sets the loss, or the output that it is a function of
        self.place = -1
        self.choices: list[Loss] = []
        super().__init__(program, name, function, None, example, seed, None, outside or {}, choice)

    def bind(self) -> Binding:
        """Find the event that sets the loss or the output."""
        recorded = self.run_forward(Recorded()).recorded
        event = self._loss_of(recorded) or self._output_of(recorded)
        if event is None:
            raise CodeError(
                f"{self.forward} computes no loss and no output that its labels are compared with: call the loss loss, "
                f"or return it first"
            )
        self.event = event.ordinal
        self.place = sum(e.kind is not Kind.EXPRESSION for e in recorded.events[: event.ordinal])
        return Binding([], [], [], {})

    def _loss_of(self, recorded: Recorded) -> Event | None:
        for name in reversed(self.layout.losses):
            own = [e for e in recorded.events if e.call == recorded.first and e.name == name]
            own = [e for e in own if e.kind is Kind.ASSIGNED and values.differentiable(e.value)]
            if own and values.array(own[-1].value).size == 1:
                return own[-1]
        return None

    def _output_of(self, recorded: Recorded) -> Event | None:
        """Return the event that sets what is compared with labels first, and find the losses that it may have."""
        events = [e for e in recorded.events if e.call == recorded.first]
        labels = [e for e in events if e.kind is Kind.ENTRY and LABELS.match(e.name) and values.is_numeric(e.value)]
        if not labels:
            return None
        kept = values.array(labels[-1].value)
        for output in self._compared(events, labels[-1].name):
            self.choices = usual_losses(values.array(output.value), kept)
            if self.choices:
                return output
        return None

    def _compared(self, events: Sequence[Event], labels: str) -> Iterator[Event]:
        """Yield what a statement reads that reads the labels too, the latest first."""
        first: dict[Any, Event] = {}
        computed = [e for e in events if e.kind in (Kind.ASSIGNED, Kind.STORED) and values.differentiable(e.value)]
        for event in computed:
            if event.place is not None:
                first.setdefault(event.place, event)
        names = {e.name: e for e in computed if e.place is None}
        reading = [e.site.statement for e in events if e.kind is Kind.EXPRESSION and e.name == labels]
        for statement in dict.fromkeys(reading):
            read = [e for e in events if e.site.statement is statement and e.kind is Kind.EXPRESSION]
            origins = [first.get(e.place) or names.get(e.name) for e in read if e.name != labels]
            found = {e.ordinal: e for e in origins if e is not None and e.site.statement is not statement}
            yield from (found[k] for k in sorted(found, reverse=True) if not NO_OUTPUT.match(canonical(found[k].name)))

    # What a pair is asked

    def loss_event(self, recorded: Recorded) -> int:
        return self.event

    def loss(self, listener: Listener) -> float:
        kept = values.array(self._kept(listener))
        loss = self.choices[self.choice].of(kept) if self.choices else float(np.sum(kept))
        return -loss if self.layout.adds else loss

    def size_of_loss(self, result: Any) -> float:
        return abs(self.loss(Listener()))

    def run_forward(self, listener: Listener) -> Forwarded:
        """Run the function; of a loop of training, one pass."""
        probe = self.program.probe
        probe.stop_line, probe.stop_function = (self.layout.loop.lineno, self.forward) if self.layout.loop else (0, "")
        try:
            return super().run_forward(listener)
        finally:
            probe.stop_line, probe.stop_function = 0, ""

    def called(self, function: Any, arguments: Any, keywords: Any) -> Any:
        try:
            return super().called(function, arguments, keywords)
        except (Stopped, Unfinished):
            return None

    def _with(self, example: Example, seed: int, choice: int, outside: Mapping[str, Any]) -> Pair:
        return Training(self.program, self.name, self.forward, example, seed, choice, outside)

    def usual(self) -> Sequence[Loss]:
        return self.choices

    def output(self) -> Array | None:
        return values.array(self._kept(Listener())) if self.choices else None

    def _kept(self, listener: Listener) -> Any:
        """Return the loss or the output of a run."""
        heard = Heard(listener, self.event, self.place)
        self.run_forward(heard)
        return heard.kept

    def declared(self) -> dict[str, str]:
        """Return what names without a meaning are the derivatives for, as the steps of training tell."""
        own = [a.arg for a in self.parameters(self.forward)]
        known = {*own, *self.arguments()}
        owner = first_parameter(self.node(self.forward)) if "." in self.forward else ""
        return {
            derivative: canonical(name)
            for derivative, name in self.layout.steps.items()
            if GRADIENT.match(canonical(derivative)) and (name in known or (owner and name.startswith(f"{owner}.")))
        }

    def is_step(self, node: ast.stmt, name: str) -> bool:
        """Return whether a statement sets what a parameter changes by, which is no derivative."""
        return is_step(node, name)

    def keeping(self, node: ast.FunctionDef) -> None:
        """Let the function without probes keep its names: at the end of its first pass of training, or at its own."""
        lines = [self.layout.loop.lineno] if self.layout.loop else []
        loops = [part for part in node.body if isinstance(part, (ast.For, ast.While)) and part.lineno in lines]
        kept = ast.parse(f"{PROBE}.keep(locals(), {bool(loops)})").body
        if loops:
            loops[0].body += kept
        else:
            node.body = [ast.Try(node.body, [], [], kept)]
        ast.fix_missing_locations(node)

    @property
    def keeps_names(self) -> bool:
        return True

    def may_be_derivative(self, text: str) -> bool:
        """Return whether what is returned as a text may be a derivative, and no parameter after a step of training."""
        if not text or not re.fullmatch(r"[\w.]+", text):
            return not self.layout.steps
        return text in self.layout.derivatives or bool(CONTAINERS.match(text)) or looks_like_derivative(text)
