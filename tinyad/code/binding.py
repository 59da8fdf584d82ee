"""What a backward pass is called with: upstream adjoints, parts of the forward's result, arguments, local values."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.losses import Loss, usual_losses
from tinyad.code.names import LABELS, LOSS, OUTPUT, UPSTREAM, Meanings, looks_like_derivative
from tinyad.code.probes import Kind
from tinyad.code.program import CodeError
from tinyad.code.recording import Event, Recorded
from tinyad.code.values import Array, Path


class NoAdjointError(CodeError):
    """A backward pass takes no adjoint of what the forward pass returns, which is no loss."""


class Forwarded(NamedTuple):
    """A forward run: its result and events, and what it was called with."""

    result: Any
    recorded: Recorded
    owner: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


RATES = re.compile(r"(?:lr|eta|rate|step(?:_?size)?|learn(?:ing)?_?rate)$")  # of an update in the backward pass
RATE = 0.1  # small, as they are


class Signatures(NamedTuple):
    """The names of a pair: arguments that the example gives, what the forward returns, parameters of the backward.

    predicted: where the backward pass of a loss takes the predictions again, and no adjoint.  averaged: the loss is the
    mean of what the forward pass returns.
    """

    forward: str
    arguments: list[str]
    returned: list[str]
    backward: str | None
    parameters: list[str]
    required: list[str]
    predicted: Source | None = None
    averaged: bool = True


class Source(NamedTuple):
    """Where an argument of the backward pass comes from: exactly one of these.  labels: those of the cost.

    upstream: the output whose adjoint it is.  results: the parts of the result; all of it for ().  argument: the place
    and name of an argument of the forward pass.  local: a local name of it.  attribute: of the object.  number: a rate.
    """

    upstream: Path | None = None
    results: tuple[int, ...] | None = None
    argument: tuple[int, str] | None = None
    local: str = ""
    attribute: str = ""
    labels: bool = False
    number: float | None = None


class Cost(NamedTuple):
    """A function of the output and of labels that returns the loss, apart from the forward pass.

    function: of the program; "" where it has none, and usual losses are tried.  parameter: of the backward pass, that
    takes the labels, which are drawn, since no example gives them; "" for labels that the example has.
    """

    function: str
    parameter: str
    labels: Array
    usual: tuple[Loss, ...] = ()


class Binding(NamedTuple):
    """How a backward pass is called; outputs: paths into the forward's result, with an adjoint for each leaf."""

    outputs: list[Path]
    upstream: list[Array]
    arguments: list[Source]
    keywords: dict[str, Source]
    cost: Cost | None = None

    @property
    def reads_local(self) -> bool:
        """Whether the backward pass is called with local values of the forward pass, which has to be recorded then."""
        return any(source.local for source in self.arguments)

    def output_leaves(self, result: Any) -> list[Any]:
        """Return the arrays and numbers of the outputs."""
        return [leaf for path in self.outputs for _, leaf in values.leaves(values.at(result, path))]

    def given(self, forwarded: Forwarded) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the backward pass after a forward run."""
        arguments = [self._value(source, forwarded) for source in self.arguments]
        return arguments, {name: self._value(source, forwarded) for name, source in self.keywords.items()}

    def _value(self, source: Source, forwarded: Forwarded) -> Any:
        if source.labels and self.cost is not None:
            return self.cost.labels.copy()
        if source.upstream is not None:
            return self._adjoint(source.upstream, forwarded.result)
        if source.results is not None:
            parts = tuple(forwarded.result[k] for k in source.results)
            return parts[0] if len(parts) == 1 else parts or forwarded.result
        if source.argument is not None:
            place, name = source.argument
            return forwarded.keywords[name] if name in forwarded.keywords else forwarded.arguments[place]
        if source.attribute or source.number is not None:
            return getattr(forwarded.owner, source.attribute) if source.attribute else source.number
        return last_local_values(forwarded.recorded)[source.local].value

    def _adjoint(self, output: Path, result: Any) -> Any:
        first = 0
        for other in self.outputs:
            value = values.at(result, other)
            found = list(values.leaves(value))
            if other == output:
                adjoint = copy.deepcopy(value)
                for k, (path, leaf) in enumerate(found):
                    adjoint = values.with_leaf(adjoint, path, values.like(self.upstream[first + k], leaf))
                return adjoint
            first += len(found)
        return None


def bind(
    signatures: Signatures, forwarded: Forwarded, upstream: Any, seed: int, costs: Mapping[str, tuple[str, str]]
) -> Binding:
    """Return how the backward pass is called after a forward run like this one; costs: name → output and labels."""
    names = _Names(signatures, forwarded)
    cost = names.cost(costs, seed)
    if cost is None and upstream is None:
        cost = names.usual_cost(forwarded, seed)
    if cost is not None:
        names.labels = cost.parameter
    adjoints = [] if cost else names.upstream_parameters()
    outputs = names.outputs(adjoints)
    if cost is not None:
        sources = [names.source(parameter, adjoints, outputs) for parameter in signatures.required]
        return Binding(outputs, [], sources, {}, cost)
    leaves = [leaf for path in outputs for _, leaf in values.leaves(values.at(forwarded.result, path))]
    if signatures.predicted is not None and upstream is None:
        drawn = [_weights(leaf, signatures.averaged) for leaf in leaves]
    else:
        drawn = _upstream(signatures, leaves, bool(adjoints), upstream, seed)
    if signatures.backward is None:
        return Binding(outputs, drawn, [], {})
    sources = [names.source(parameter, adjoints, outputs) for parameter in signatures.required]
    optional = signatures.parameters[len(signatures.required) :]
    keywords = {p: names.argument(p) for p in optional if p in signatures.arguments}
    return Binding(outputs, drawn, sources, keywords)


class _Names:
    """What the names of a backward pass's parameters may refer to."""

    def __init__(self, signatures: Signatures, forwarded: Forwarded) -> None:
        self.signatures = signatures
        self.result = forwarded.result
        self.count = len(self.result) if isinstance(self.result, tuple) else 1
        own = signatures.returned
        self.returned = own if len(own) == self.count else [""] * self.count
        self.local = last_local_values(forwarded.recorded)
        self.meanings = Meanings([name for name in self.returned if name])
        self.known = {*signatures.arguments, *self.returned}
        self.labels = ""  # the parameter that takes those of the cost

    def cost(self, costs: Mapping[str, tuple[str, str]], seed: int) -> Cost | None:
        """Return the function that makes the loss of the output and of labels that the backward pass takes too."""
        output = self.result[0] if isinstance(self.result, tuple) and self.result else self.result
        if not values.shape(output) or not values.differentiable(output) or self.upstream_parameters():
            return None
        for function, (_, labels) in costs.items():
            if labels in self.signatures.required and labels not in self.known:
                return Cost(function, labels, _labels(values.array(output), seed))
        return None

    def usual_cost(self, forwarded: Forwarded, seed: int) -> Cost | None:
        """Return the usual losses of the output and of labels that the backward pass takes, or that the object has."""
        output = self.result[0] if isinstance(self.result, tuple) and self.result else self.result
        if self.signatures.predicted is not None or self.signatures.backward is None:
            return None
        if not values.shape(output) or not values.differentiable(output):
            return None
        if values.array(output).size == 1 or self.upstream_parameters() or self.returns_loss():
            return None
        entries = values.array(output)
        for parameter in self.signatures.required:
            if LABELS.match(parameter) and parameter not in self.known:
                labels = _labels(entries, seed)
                return Cost("", parameter, labels, tuple(usual_losses(entries, labels)))
        given = {**(vars(forwarded.owner) if hasattr(forwarded.owner, "__dict__") else {}), **forwarded.keywords}
        given |= dict(zip(self.signatures.arguments, forwarded.arguments, strict=False))
        for name, value in given.items():
            if LABELS.match(name) and values.is_numeric(value) and values.shape(value):
                usual = usual_losses(entries, values.array(value))
                if usual:
                    return Cost("", "", values.array(value), tuple(usual))
        return None

    def returns_loss(self) -> bool:
        """Return whether one of several results is a number that is called a loss."""
        parts = zip(self.returned, self.result, strict=True) if isinstance(self.result, tuple) else ()
        return any(
            LOSS.match(name) is not None and values.differentiable(part) and values.array(part).size == 1
            for name, part in parts
        )

    def upstream_parameters(self) -> list[str]:
        """Return the parameters that take adjoints of outputs."""
        required = self.signatures.required
        if self.signatures.predicted is not None:
            return []
        new = [p for p in required if p not in self.known and p not in self.local]
        found = [p for p in new if self.meanings.of(p) or UPSTREAM.match(p)]
        found = found or list(takewhile(lambda p: p in new and looks_like_derivative(p), required))
        caches = self.count - 1 if isinstance(self.result, tuple) else 0
        labelled = bool(new) and len(new[0]) > 1 and LABELS.match(new[0]) is not None
        labelled = labelled or any(LABELS.match(p) for p in new[1:])  # backward(cache, y): no adjoint, but labels
        if not found and len(new) > max(caches, 1) and new[0] == required[0] and not labelled:
            return new[:1]  # one more than there are parts of the result: backward(err, cache)
        return found

    def outputs(self, adjoints: Sequence[str]) -> list[Path]:
        """Return where the outputs are in the result; without adjoints, the loss: the first number."""
        if not isinstance(self.result, tuple):
            return [()]
        if not adjoints:
            numbers = [k for k, p in enumerate(self.result) if values.differentiable(p) and values.array(p).size == 1]
            return [(numbers[0] if numbers else 0,)]
        order: list[int] = []
        for parameter in adjoints:
            named = [self.returned.index(m.name) for m in self.meanings.of(parameter) if m.name in self.returned]
            free = [k for k in [*named, *range(self.count)] if k not in order]
            if not free:
                raise CodeError(
                    f"{self.signatures.backward} takes more adjoints ({', '.join(adjoints)}) than "
                    f"{self.signatures.forward} returns"
                )
            order.append(free[0])
        return [(k,) for k in order]

    def argument(self, parameter: str) -> Source:
        """Return an argument of the forward pass as a source."""
        return Source(argument=(self.signatures.arguments.index(parameter), parameter))

    def source(self, parameter: str, adjoints: Sequence[str], outputs: Sequence[Path]) -> Source:
        """Return what a parameter of the backward pass is called with."""
        if self.signatures.predicted is not None and parameter == self.signatures.required[0]:
            return self.signatures.predicted
        if parameter == self.labels or parameter in adjoints:
            labels = parameter == self.labels
            return Source(labels=True) if labels else Source(upstream=outputs[adjoints.index(parameter)])
        rest = [k for k in range(self.count) if isinstance(self.result, tuple) and (k,) not in outputs]
        if parameter in self.returned and self.returned.index(parameter) in rest:
            return Source(results=(self.returned.index(parameter),))
        if parameter in self.signatures.arguments:
            return self.argument(parameter)
        if parameter in self.returned:
            return Source(results=(self.returned.index(parameter),) if isinstance(self.result, tuple) else ())
        return self._from_rest(parameter, adjoints, rest, outputs)

    def _from_rest(
        self, parameter: str, adjoints: Sequence[str], rest: Sequence[int], outputs: Sequence[Path]
    ) -> Source:
        """Return the part of the result that has no name for a parameter that has none: the cache."""
        required = self.signatures.required
        free = tuple(k for k in rest if self.returned[k] not in required)
        if RATES.match(parameter):
            return Source(number=RATE)
        unknown = [p for p in required if p not in adjoints and p not in self.known and p != self.labels]
        unknown = [p for p in unknown if not RATES.match(p)]
        if free and len(unknown) == 1:
            return Source(results=free)
        if len(unknown) == len(free):
            return Source(results=(free[unknown.index(parameter)],))
        if parameter in self.local:
            return Source(local=parameter)
        if free:
            return Source(results=free[-1:])
        if OUTPUT.match(parameter):
            return Source(results=(outputs[0][0],) if outputs[0] else ())
        raise CodeError(
            f"{self.signatures.backward} takes {parameter}, and nothing tells what it is: no argument, result or local "
            f"name of {self.signatures.forward} is called so. Call it as there, or return it as the cache"
        )


def _upstream(signatures: Signatures, leaves: list[Any], taken: bool, given: Any, seed: int) -> list[Array]:
    """Return the adjoints of the outputs: 1 for a loss that is one number, else drawn or given."""
    shapes = [values.shape(leaf) for leaf in leaves]
    if not leaves:
        raise CodeError(
            f"{signatures.forward} returns nothing that has a derivative: return arrays of floats, or floats"
        )
    if given is not None:
        found = [values.array(leaf) for _, leaf in values.leaves(given)]
        if [adjoint.shape for adjoint in found] != shapes:
            raise CodeError(f"upstream has shapes {[a.shape for a in found]}, and the outputs have {shapes}")
        return found
    if taken:
        rng = np.random.default_rng([seed, 1])
        return [rng.standard_normal(shape) for shape in shapes]
    if len(leaves) != 1 or np.prod(shapes[0]) != 1:
        raise NoAdjointError(
            f"{signatures.forward} returns an array of shape {shapes[0]}, and {signatures.backward or 'nothing'} takes "
            f"no adjoint for it: return the loss as one number, or let the backward pass take that adjoint first"
        )
    return [np.ones(shapes[0])]


def _weights(leaf: Any, averaged: bool) -> Array:
    """Return how much each entry of what a loss returns for the examples counts: their mean or sum is the loss."""
    entries = values.array(leaf)
    return np.full(entries.shape, 1 / entries.size if averaged else 1.0)


def _labels(output: Array, seed: int) -> Array:
    """Return labels for an output: one 1 in each row or column that sums to 1, else 0 and 1 for what lies between."""
    rng = np.random.default_rng([seed, 5])
    if not np.all((output > 0) & (output < 1)):
        return rng.standard_normal(output.shape)
    for axis in range(output.ndim):
        if output.shape[axis] > 1 and np.allclose(output.sum(axis), 1):
            places = rng.integers(0, output.shape[axis], np.delete(output.shape, axis))
            labels = np.zeros(output.shape)
            np.put_along_axis(labels, np.expand_dims(places, axis), 1.0, axis)
            return labels
    return (rng.random(output.shape) < 0.5).astype(float)


def last_local_values(recorded: Recorded) -> dict[str, Event]:
    """Return the last event of each plain name in the outermost call of a run."""
    first = recorded.first
    return {
        event.name: event
        for event in recorded.events
        if event.call == first and event.kind in (Kind.ASSIGNED, Kind.STORED) and event.name.isidentifier()
    }
