"""A forward and a backward pass of a program, and how they are run: arguments, outputs, upstream adjoints, cache."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.names import UPSTREAM, Meanings, looks_like_derivative
from tinyad.code.probes import FRAME, Kind, Listener, names_of
from tinyad.code.program import CodeError, Program, State
from tinyad.code.recording import Event, Recorded
from tinyad.code.values import Array, Path


class Example(NamedTuple):
    """The arguments that a pair is run with; owner: the object whose methods they are, None for functions."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    owner: Any = None


class Forwarded(NamedTuple):
    """A forward run: its result and events."""

    result: Any
    recorded: Recorded
    owner: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass
class Pair:
    """A forward and a backward pass with an example; backward is None where one function has both.

    forward, backward: names of functions, with their class.  outputs: paths into what the forward pass returns, for
    the values that reach the loss.  upstream: an adjoint for each leaf of them.
    """

    program: Program
    name: str
    forward: str
    backward: str | None
    example: Example
    seed: int = 0
    upstream_given: Any = None
    outputs: list[Path] = field(default_factory=list)
    upstream: list[Array] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = State(self.program.namespace)
        self.bindings: list[Callable[[Forwarded], Any]] = []
        self.keyword_bindings: dict[str, Callable[[Forwarded], Any]] = {}
        self.bind()

    def at(self, example: Example, seed: int) -> Pair | None:
        """Return the pair at another sample point; None if it has only one."""
        return Pair(self.program, self.name, self.forward, self.backward, example, seed)

    # Running

    def callable(self, name: str, owner: Any) -> Any:
        """Return a function of the program, or the method of an object."""
        if owner is not None:
            return getattr(owner, name.rsplit(".", 1)[-1])
        found: Any = self.program.namespace[name.split(".")[0]]
        for part in name.split(".")[1:]:
            found = getattr(found, part)
        return found

    def run_forward(self, listener: Listener) -> Forwarded:
        """Run the forward pass on copies of the example."""
        self.state.restore()
        arguments, keywords, owner = copy.deepcopy(tuple(self.example))
        function = self.callable(self.forward, owner)
        self.program.probe.listen(listener)
        result = function(*arguments, **keywords)
        recorded = listener if isinstance(listener, Recorded) else Recorded()
        return Forwarded(result, recorded, owner, arguments, keywords)

    def run_backward(self, listener: Listener) -> tuple[Forwarded, Any]:
        """Run the forward pass, then the backward pass with a listener, and return what both returned."""
        if self.backward is None:
            forwarded = self.run_forward(listener)
            return forwarded, forwarded.result
        forwarded = self.run_forward(Recorded())
        function = self.callable(self.backward, forwarded.owner)
        arguments = [bound(forwarded) for bound in self.bindings]
        keywords = {name: bound(forwarded) for name, bound in self.keyword_bindings.items()}
        self.program.probe.listen(listener)
        return forwarded, function(*arguments, **keywords)

    def loss(self, listener: Listener) -> float:
        """Return the sum of upstream adjoints times outputs of a forward run."""
        result = self.run_forward(listener).result
        return self.loss_of(result)

    def loss_of(self, result: Any) -> float:
        """Return the sum of upstream adjoints times outputs of a result."""
        terms = [np.sum(u * values.array(v)) for u, v in zip(self.upstream, self.output_leaves(result), strict=True)]
        return float(sum(terms))

    def output_leaves(self, result: Any) -> list[Any]:
        """Return the arrays and numbers of the outputs."""
        return [leaf for path in self.outputs for _, leaf in values.leaves(values.at(result, path))]

    # Binding

    def node(self, name: str) -> ast.FunctionDef:
        """Return the definition of a function."""
        return self.program.functions[name]

    def parameters(self, name: str) -> list[ast.arg]:
        """Return the parameters of a function, without self or cls."""
        node = self.node(name)
        found = [*node.args.posonlyargs, *node.args.args]
        bound = "." in name and not any("staticmethod" in ast.unparse(d) for d in node.decorator_list)
        return found[1:] if bound else found

    def required(self, name: str) -> list[str]:
        """Return the names of the parameters without defaults."""
        found = [argument.arg for argument in self.parameters(name)]
        return found[: len(found) - len(self.node(name).args.defaults)]

    def argument_names(self) -> list[str]:
        """Return the names of the example's arguments, in the forward's order."""
        names = [argument.arg for argument in self.parameters(self.forward)]
        extra = [f"argument {k + 1}" for k in range(len(names), len(self.example.arguments))]
        given = names[: len(self.example.arguments)] + extra
        return given + [name for name in self.example.keywords if name not in given]

    def argument(self, name: str) -> Any:
        """Return the example's value for an argument of the forward."""
        if name in self.example.keywords:
            return self.example.keywords[name]
        return self.example.arguments[self.argument_names().index(name)]

    def bind(self) -> None:
        """Find out which results are outputs, and what each argument of the backward pass is."""
        forwarded = self.run_forward(Recorded())
        returned = returned_names(self.node(self.forward))
        result = forwarded.result
        parts = len(result) if isinstance(result, tuple) else 1
        names = returned if len(returned) == parts else [""] * parts
        if self.backward is None:
            self.outputs = [_loss_path(result, names, self.forward)]
            self.draw_upstream(result, False)
            return
        required = self.required(self.backward)
        known = {argument: k for k, argument in enumerate(self.argument_names())}
        local = last_local_values(forwarded)
        meanings = Meanings([name for name in names if name])
        upstream_parameters = [
            p for p in required
            if p not in known and p not in names and p not in local and (meanings.of(p) or UPSTREAM.match(p))
        ]  # fmt: skip
        if not upstream_parameters:
            first = takewhile(lambda p: p not in {*known, *names, *local} and looks_like_derivative(p), required)
            upstream_parameters = list(first)
        order = self.output_order(upstream_parameters, names, meanings, parts)
        self.outputs = [(k,) if isinstance(result, tuple) else () for k in order]
        if not upstream_parameters:
            self.outputs = [_loss_path(result, names, self.forward)]
        self.draw_upstream(result, bool(upstream_parameters))
        rest = [k for k in range(parts) if isinstance(result, tuple) and (k,) not in self.outputs]
        for parameter in [p.arg for p in self.parameters(self.backward)][len(required) :]:
            if parameter in known:
                self.keyword_bindings[parameter] = _argument_binding(self, parameter)
        free = [k for k in rest if names[k] not in required]
        unknown = [p for p in required if p not in upstream_parameters and p not in {*known, *names}]
        for parameter in required:
            if parameter in upstream_parameters:
                path = self.outputs[upstream_parameters.index(parameter)]
                self.bindings.append(_upstream_binding(self, path))
            elif parameter in names and names.index(parameter) in rest:
                self.bindings.append(_result_binding(names.index(parameter)))
            elif parameter in known:
                self.bindings.append(_argument_binding(self, parameter))
            elif parameter in names:
                k = names.index(parameter)
                self.bindings.append(_result_binding(k if isinstance(result, tuple) else None))
            elif len(unknown) == 1 and free:
                self.bindings.append(_rest_binding(free))
            elif len(unknown) == len(free):
                self.bindings.append(_result_binding(free[unknown.index(parameter)]))
            elif parameter in local:
                self.bindings.append(_local_binding(parameter))
            elif free:
                self.bindings.append(_result_binding(free[-1]))
            else:
                raise CodeError(
                    f"{self.backward} takes {parameter}, and nothing tells what it is: no argument, result or local name of "
                    f"{self.forward} is called so. Name it as in {self.forward}, or return it as the cache"
                )

    def output_order(self, upstream: Sequence[str], names: list[str], meanings: Meanings, parts: int) -> list[int]:
        """Return which results the upstream parameters are the adjoints of."""
        order: list[int] = []
        for parameter in upstream:
            found = [names.index(m.name) for m in meanings.of(parameter) if m.name in names]
            free = [k for k in [*found, *range(parts)] if k not in order]
            if not free:
                raise CodeError(f"{self.backward} takes more adjoints ({', '.join(upstream)}) than {self.forward} returns")
            order.append(free[0])
        return order

    def draw_upstream(self, result: Any, taken: bool) -> None:
        """Draw the adjoints of the outputs; a loss that is one number has 1."""
        rng = np.random.default_rng([self.seed, 1])
        leaves = self.output_leaves(result)
        if not leaves:
            raise CodeError(f"{self.forward} returns nothing that has a derivative: {_kinds(result)}; return arrays or floats")
        if self.upstream_given is not None:
            self.upstream = [values.array(leaf) for _, leaf in values.leaves(self.upstream_given)]
        elif not taken:
            if len(leaves) != 1 or np.size(values.array(leaves[0])) != 1:
                raise CodeError(
                    f"{self.forward} returns {_kinds(result)}, and {self.backward} takes no adjoint for it: "
                    f"return the loss as one number, or let {self.backward} take the adjoint of the output first"
                )
            self.upstream = [np.ones(values.shape(leaves[0]))]
        else:
            self.upstream = [rng.standard_normal(values.shape(leaf)) for leaf in leaves]


def returned_names(node: ast.FunctionDef) -> list[str]:
    """Return the names that the last return of a function gives back, "" for other expressions."""
    found = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None]
    if not found:
        return []
    value = max(found, key=lambda part: part.lineno).value
    elements = value.elts if isinstance(value, ast.Tuple) else [value]
    return [names_of(element) if element is not None else "" for element in elements]


def last_local_values(forwarded: Forwarded) -> dict[str, Event]:
    """Return the last event of each plain name in the outermost call of a forward run."""
    first = min(forwarded.recorded.calls, default=0)
    return {
        event.name: event
        for event in forwarded.recorded.events
        if event.call == first and event.kind in (Kind.ASSIGNED, Kind.STORED) and event.name.isidentifier()
    }


def _loss_path(result: Any, names: list[str], forward: str) -> Path:
    """Return where the loss is in what a function returns: the first number."""
    if not isinstance(result, tuple):
        return ()
    for k, part in enumerate(result):
        if values.differentiable(part) and values.array(part).size == 1:
            return (k,)
    return (0,)


def _upstream_binding(pair: Pair, path: Path) -> Callable[[Forwarded], Any]:
    def bound(forwarded: Forwarded) -> Any:
        first = 0
        for other in pair.outputs:
            value = values.at(forwarded.result, other)
            found = list(values.leaves(value))
            if other == path:
                adjoint = copy.deepcopy(value)
                for k, (leaf_path, leaf) in enumerate(found):
                    adjoint = values.with_leaf(adjoint, leaf_path, values.like(pair.upstream[first + k], leaf))
                return adjoint
            first += len(found)
        return None

    return bound


def _result_binding(index: int | None) -> Callable[[Forwarded], Any]:
    return lambda forwarded: forwarded.result if index is None else forwarded.result[index]


def _rest_binding(rest: list[int]) -> Callable[[Forwarded], Any]:
    if len(rest) == 1:
        return _result_binding(rest[0])
    return lambda forwarded: tuple(forwarded.result[k] for k in rest)


def _argument_binding(pair: Pair, name: str) -> Callable[[Forwarded], Any]:
    place = pair.argument_names().index(name)

    def bound(forwarded: Forwarded) -> Any:
        return forwarded.keywords[name] if name in forwarded.keywords else forwarded.arguments[place]

    return bound


def _local_binding(name: str) -> Callable[[Forwarded], Any]:
    return lambda forwarded: last_local_values(forwarded)[name].value


def _kinds(result: Any) -> str:
    parts = result if isinstance(result, tuple) else (result,)
    return ", ".join(f"an array of shape {np.shape(p)}" if isinstance(p, np.ndarray) else type(p).__name__ for p in parts)
