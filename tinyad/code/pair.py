"""A forward and a backward pass of a program, and how they are run."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinyad.code import values
from tinyad.code.binding import Binding, Forwarded, NoAdjointError, Signatures, Source, bind
from tinyad.code.context import Context
from tinyad.code.layout import adds_derivatives
from tinyad.code.limits import AGREEMENT, STEP
from tinyad.code.losses import Loss, supported
from tinyad.code.names import LABELS, OUTPUT, canonical
from tinyad.code.probes import Kind, Listener, Site, Unfinished, Unheard, flat, names_of
from tinyad.code.program import Program, State
from tinyad.code.recording import Recorded
from tinyad.code.values import Array

CONTEXTS = ("ctx", "context")
COST = re.compile(r"(?:^|_)(?:cost|loss|criterion|objective|cross_entropy|mse|bce|nll)(?:_|$)", re.IGNORECASE)


class Example(NamedTuple):
    """The arguments that a pair is run with; owner: the object whose methods they are, None for functions."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    owner: Any = None


@dataclass
class Pair:
    """A forward and a backward pass with an example; backward is None where one function has both.

    forward, backward: names of functions, with their class.  upstream_given: the adjoint of the output, if
    it is not drawn.  outside: what functions read of the names around them, as the parameters of a network, with where
    it is set.  outside_given: other values of these.
    """

    program: Program
    name: str
    forward: str
    backward: str | None
    example: Example
    seed: int = 0
    upstream_given: Any = None
    outside_given: Mapping[str, Any] = field(default_factory=dict)
    choice: int = 0  # of the usual losses, where the program has none
    binding: Binding = field(init=False)
    outside: dict[str, Site] = field(init=False)
    stored: str = field(init=False, default="")  # the attribute that holds the output, where none is returned
    by_entry: bool = field(init=False, default=False)  # it is a function of numbers and its derivative

    def __post_init__(self) -> None:
        self.given = self.example
        self.example = Example(*(values.as_float64(copy.deepcopy(part)) for part in self.given))
        self.outside = self.names_outside()
        for name in self.outside:
            given = self.outside_given.get(name, self.program.namespace[name])
            self.program.namespace[name] = values.as_float64(given)
        self.state = State(self.program.namespace)
        self.binding = self.bind()

    def bind(self) -> Binding:
        """Find out which results are outputs, and what each argument of the backward pass is."""
        parameters = [argument.arg for argument in self.parameters(self.backward)] if self.backward else []
        required = self.required(self.backward) if self.backward else []
        forwarded = self.run_forward(Recorded())
        if forwarded.result is None:
            self.stored = self.stored_output(forwarded.recorded)
            forwarded = forwarded._replace(result=self.result(None, forwarded.owner))
        signatures = Signatures(
            self.forward,
            self.argument_names(),
            [self.stored] if self.stored else returned_names(self.node(self.forward)),
            self.backward,
            parameters,
            required,
            self.predicted(forwarded, required),
            not self.adds_examples(),
        )
        try:
            return bind(signatures, forwarded, self.upstream_given, self.seed, self.costs())
        except NoAdjointError:
            source = self.of_numbers(forwarded, required)
            if source is None:
                raise
            self.by_entry = True
            return Binding([()], [np.ones(values.shape(forwarded.result))], [source], {})

    def of_numbers(self, forwarded: Forwarded, required: Sequence[str]) -> Source | None:
        """Return what the derivative of a function of numbers takes: its argument, or what the function returned.

        None if the forward pass is no function of numbers, that works entry by entry, or the backward pass takes more.
        """
        names = self.argument_names()
        if self.backward is None or len(required) != 1 or len(names) != 1 or not values.shape(forwarded.result):
            return None
        given = values.array(self.arguments()[names[0]]).astype(float)

        def of(name: str, x: Array) -> Array:
            self.state.restore()
            self.program.probe.listen(Listener())
            return values.array(self.callable(name, copy.deepcopy(self.example.owner))(x.copy()))

        apart = given.copy()
        apart.flat[0] += 1
        result, moved = of(self.forward, given), of(self.forward, apart)
        if result.shape != given.shape or moved.shape != given.shape or np.any((moved != result).flat[1:]):
            return None
        truth = (of(self.forward, given + STEP) - of(self.forward, given - STEP)) / (2 * STEP)
        try:
            in_terms_of_result = np.allclose(of(self.backward, result), truth, AGREEMENT, AGREEMENT)
        except Exception:
            in_terms_of_result = False
        return Source(results=()) if in_terms_of_result else Source(argument=(0, names[0]))

    def stored_output(self, recorded: Recorded) -> str:
        """Return the attribute that a forward pass which returns nothing leaves its output in; "" if there is none."""
        own = [
            canonical(event.name)
            for event in recorded.events
            if event.call == recorded.first and event.kind in (Kind.ASSIGNED, Kind.STORED)
            if re.fullmatch(r"self\.\w+", event.name) and values.differentiable(event.value)
        ]
        return next((name for name in reversed(own) if OUTPUT.match(name)), own[-1] if own else "")

    def predicted(self, forwarded: Forwarded, required: Sequence[str]) -> Source | None:
        """Return what the backward pass of a loss takes first, if that is what the loss is of, and no adjoint."""
        names = self.argument_names()
        taken_again = len(required) == len(names) >= 2 and all(name in names for name in required[1:])
        if forwarded.owner is None or not taken_again or required[0] in names:
            return None
        if not any(LABELS.match(name) for name in required[1:]):
            return None
        kept = any(event.name == "self.output" for event in forwarded.recorded.events)
        return Source(attribute="output") if kept else Source(argument=(0, names[0]))

    def adds_examples(self) -> bool:
        """Return whether a method that calls the forward pass of a loss adds up what it returns."""
        owner, _, last = self.forward.rpartition(".")
        methods = [
            ast.unparse(self.node(f"{name}.{method}"))
            for name in self.program.bases(owner)
            for method in ("calculate", "__call__", "loss", "compute")
            if f"{name}.{method}" in self.program.functions
        ]
        calling = [text for text in methods if f"self.{last}(" in text]
        return any("sum(" in text and "mean(" not in text for text in calling)

    def result(self, returned: Any, owner: Any) -> Any:
        """Return what a forward pass returned; where that is nothing, what it left in the object."""
        return getattr(owner, self.stored) if returned is None and self.stored else returned

    def costs(self) -> dict[str, tuple[str, str]]:
        """Return the functions of the program that take an output and labels and may return the loss of a pair."""
        if self.backward is None or "." in self.backward:
            return {}
        found = {name: self.required(name) for name in self.program.functions if COST.search(name) and "." not in name}
        return {name: (names[0], names[1]) for name, names in found.items() if len(names) == 2}

    def loss_event(self, recorded: Recorded) -> int | None:
        """Return the event that sets the loss, where one function has both passes; None elsewhere."""
        if self.backward is not None:
            return None
        name = self.loss_name_of()
        own = [e.ordinal for e in recorded.events if e.name == name and e.kind is not Kind.EXPRESSION]
        return max(own, default=len(recorded.events) - 1)

    def loss_name_of(self) -> str:
        """Return the name of the loss that a function of both passes returns."""
        names = returned_names(self.node(self.forward))
        path = self.binding.outputs[0] if self.binding.outputs else ()
        return names[path[0]] if path and path[0] < len(names) else ""

    @property
    def upstream(self) -> list[Array]:
        """The adjoints of the outputs."""
        return self.binding.upstream

    def at(self, example: Example, seed: int, outside: Mapping[str, Any]) -> Pair | None:
        """Return the pair at another sample point; None if it has only one."""
        return self._with(example, seed, self.choice, outside)

    def names_outside(self) -> dict[str, Site]:
        """Return what functions read of the names around them, with where it is set."""
        return self.program.outside()

    def _with(self, example: Example, seed: int, choice: int, outside: Mapping[str, Any]) -> Pair:
        names = self.program, self.name, self.forward, self.backward
        given = self.upstream_given if example is self.given else None
        return Pair(*names, example, seed, given, outside, choice)

    def usual(self) -> Sequence[Loss]:
        """Return the losses that the pair may be meant for, where the program computes none."""
        return self.binding.cost.usual if self.binding.cost is not None else ()

    def others(self, derivatives: Sequence[Array]) -> Iterator[Pair]:
        """Yield the same pair with other losses that it may be meant for; derivatives: what its backward pass sets."""
        output = self.output()
        for choice in supported(self.usual(), output, derivatives) if output is not None else ():
            if choice != self.choice:
                yield self._with(self.given, self.seed, choice, self.outside_given)

    def output(self) -> Array | None:
        """Return the output that the usual losses are of; None where none is needed."""
        return values.array(self.output_leaves(self.run_forward(Listener()).result)[0]) if self.usual() else None

    @property
    def loss_in_words(self) -> str:
        """What the loss is taken to be; "" where the program computes it."""
        return self.usual()[self.choice].words if self.usual() else ""

    # What a function of both passes that returns no loss knows better

    def declared(self) -> dict[str, str]:
        """Return what names without a meaning are the derivatives for."""
        return {}

    def is_step(self, node: ast.stmt, name: str) -> bool:
        """Return whether a statement sets what a parameter changes by, which is no derivative."""
        return False

    def keeping(self, node: ast.FunctionDef) -> None:
        """Let a function without probes keep its names, if nothing that it returns or leaves tells what they hold."""

    @property
    def keeps_names(self) -> bool:
        """Whether the derivatives are names of a function, and neither returned nor left anywhere."""
        return False

    def may_be_derivative(self, text: str) -> bool:
        """Return whether what is returned as a text may be a derivative."""
        return True

    # Running

    def called(self, function: Any, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Return what the forward pass returns."""
        return function(*arguments, **keywords)

    def callable(self, name: str, owner: Any) -> Any:
        """Return a function of the program, or the method of an object."""
        if owner is not None and not isinstance(owner, Context):
            return getattr(owner, name.rsplit(".", 1)[-1])
        found: Any = self.program.namespace[name.split(".")[0]]
        for part in name.split(".")[1:]:
            found = getattr(found, part)
        if isinstance(owner, Context) and self.takes_context(name):
            return partial(found, owner)
        return found

    def returned_function(self, result: Any) -> Any:
        """Return the backward pass that a forward pass returns as a function, None if it is one of its own."""
        return result[-1] if self.is_closure and isinstance(result, tuple) and callable(result[-1]) else None

    @property
    def is_closure(self) -> bool:
        """Whether the backward pass is a function inside the forward pass."""
        return self.backward is not None and self.backward.rpartition(".")[0] == self.forward

    def setup_context(self, owner: Any) -> Any:
        """Return the function of a torch Function that saves what the backward pass needs, if it is one of its own."""
        name = self.forward.rpartition(".")[0] + ".setup_context"
        return self.callable(name, None) if isinstance(owner, Context) and name in self.program.functions else None

    def is_static(self, name: str) -> bool:
        """Return whether a function is a static method, as those of a torch Function are."""
        return is_static(self.program, name)

    def takes_context(self, name: str) -> bool:
        """Return whether a static method takes torch's ctx first."""
        return self.is_static(name) and first_parameter(self.node(name)) in CONTEXTS

    def run_forward(self, listener: Listener) -> Forwarded:
        """Run the forward pass on copies of the example."""
        self.state.restore()
        arguments, keywords, owner = copy.deepcopy(tuple(self.example))
        if owner is None and self.is_static(self.forward):
            owner = Context(len(arguments))
        function = self.callable(self.forward, owner)
        if isinstance(listener, Recorded):
            listener.function = self.forward
        self.program.probe.listen(listener)
        self.report_outside(listener)
        result = self.called(function, arguments, keywords)
        setup = self.setup_context(owner)
        if setup is not None:
            setup(owner, arguments, result)
        recorded = listener if isinstance(listener, Recorded) else Recorded()
        return Forwarded(self.result(result, owner), recorded, owner, arguments, keywords)

    def report_outside(self, listener: Listener) -> None:
        """Report the names outside functions as set in a call of their own, before the forward pass."""
        if self.outside:
            probe, namespace = self.program.probe, self.program.namespace
            frame = probe.frame("")
            for name, site in self.outside.items():
                value = namespace[name]
                namespace[name] = listener.value(value) if probe.lean else listener.assigned(frame, site, value)

    def run_backward(self, listener: Listener) -> tuple[Forwarded, Any]:
        """Run the forward pass, then the backward pass with a listener, and return what both returned."""
        if self.backward is None:
            forwarded = self.run_forward(listener)
            return forwarded, forwarded.result
        recorded = isinstance(listener, Recorded) or self.binding.reads_local
        unheard = Listener() if self.is_closure else Unheard()  # a function that a lean run makes reports no sites
        forwarded = self.run_forward(Recorded() if recorded else unheard)
        function = self.returned_function(forwarded.result) or self.callable(self.backward, forwarded.owner)
        arguments, keywords = self.binding.given(forwarded)
        if isinstance(listener, Recorded):
            listener.function = self.backward
        self.program.probe.listen(listener)
        try:
            return forwarded, function(*arguments, **keywords)
        except Unfinished:
            return forwarded, None

    def loss(self, listener: Listener) -> float:
        """Return the sum of upstream adjoints times outputs of a forward run."""
        result = self.run_forward(listener).result
        return self.loss_of(result)

    def loss_of(self, result: Any) -> float:
        """Return the sum of upstream adjoints times outputs of a result, or the cost of the output."""
        if self.binding.cost is not None:
            output = self.output_leaves(result)[0]
            if self.usual():
                loss = self.usual()[self.choice].of(values.array(output))
                return -loss if self.backward is not None and adds_derivatives(self.node(self.backward)) else loss
            cost = self.callable(self.binding.cost.function, None)(output, self.binding.cost.labels.copy())
            return float(np.sum(values.array(cost)))
        terms = [np.sum(u * values.array(v)) for u, v in zip(self.upstream, self.output_leaves(result), strict=True)]
        return float(sum(terms))

    def size_of_loss(self, result: Any) -> float:
        """Return how large the terms of the loss are in all."""
        if self.binding.cost is not None:
            return abs(self.loss_of(result))
        pairs = zip(self.upstream, self.output_leaves(result), strict=True)
        return sum(float(np.sum(np.abs(u * values.array(v)))) for u, v in pairs)

    def output_leaves(self, result: Any) -> list[Any]:
        """Return the arrays and numbers of the outputs."""
        return self.binding.output_leaves(result)

    # Signatures

    def arguments(self) -> dict[str, Any]:
        """Return the example's arguments by name, as they were given."""
        names = self.argument_names()
        return dict(zip(names, self.given.arguments, strict=False)) | dict(self.given.keywords)

    def node(self, name: str) -> ast.FunctionDef:
        """Return the definition of a function."""
        return self.program.functions[name]

    def parameters(self, name: str) -> list[ast.arg]:
        """Return the parameters of a function, without self, cls or ctx."""
        node = self.node(name)
        found = [*node.args.posonlyargs, *node.args.args]
        if node.args.vararg is not None and not found[1:] and self.backward == name:
            found.append(node.args.vararg)
        bound = self.program.is_method(name) and (not self.is_static(name) or self.takes_context(name))
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


def is_static(program: Program, name: str) -> bool:
    """Return whether a function of a class takes no object: its first parameter may be a context."""
    if not program.is_method(name):
        return False
    node = program.functions[name]
    return first_parameter(node) in CONTEXTS or any("staticmethod" in ast.unparse(d) for d in node.decorator_list)


def first_parameter(node: ast.FunctionDef) -> str:
    """Return the name of a function's first parameter, "" if it has none."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    return arguments[0].arg if arguments else ""


def returned_names(node: ast.FunctionDef, inside: bool = False) -> list[str]:
    """Return the names that the last return of a function gives back, "" for other expressions.

    inside: those in a tuple or list that is returned among others too.
    """
    found = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None]
    if not found:
        return []
    value = max(found, key=lambda part: part.lineno).value
    elements = value.elts if isinstance(value, ast.Tuple) else [value]
    if inside:
        elements = [part for element in elements if element is not None for part in flat(element)]
    return [names_of(element) if element is not None else "" for element in elements]
