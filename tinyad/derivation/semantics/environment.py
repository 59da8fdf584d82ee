"""The environment of an evaluation: what names, derivatives, Jacobians and differentials in a formula mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.syntax_tree import Node
from tinyad.derivation.semantics.functions import Functions
from tinyad.derivation.semantics.values import Scope, Trouble, Unbound, Uncontracted

if TYPE_CHECKING:
    from tinyad.derivation.semantics.evaluator import Evaluator

Time = Any  # an int in a sequence, ("t", k) in one time step, None for what has no time
TimedName = tuple[str, Time]


@dataclass(frozen=True)
class Remarks:
    """Collect what evaluations observe: sizes of parts of the text, and how it was read."""

    shapes: dict[tuple[int, int], str] = field(default_factory=dict)  # (start, end) of a part → its size
    notes: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class NodeCache:
    """Keep the values of some nodes, and of all names, over evaluations of one size at one sample point."""

    nodes: frozenset[int]  # their ids
    values: dict[Any, Any] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)  # the ids of those that have no value, whatever is around them

    def note_failure(self, node: Node, trouble: Trouble) -> None:
        """Note that a node has no value; not if it may have one beside other parts.

        t gets a value from a Σ, a Jacobian that is no matrix may be a link of a chain, and a 1 is a number in 1/b.
        """
        elsewhere = isinstance(trouble, Unbound | Uncontracted) or trouble.verdict == "ambiguous"
        elsewhere = elsewhere or node.kind == "jacobian"
        if id(node) in self.nodes and not elsewhere:
            self.failed.add(id(node))

    def place(self, node: Node, scope: Scope) -> Any:
        """Return the key of a value: what it is of, the time and the family members; None if it is not kept."""
        if id(node) in self.nodes:
            return id(node), scope.t, *scope.members.values(), *scope.places.items()
        if node.kind in ("name", "d"):
            return node.kind, node.value, scope.t, *scope.members.values(), *scope.places.items()
        if node.kind in ("jacobian", "prime") and node.parts[0].kind == "name":
            return node.kind, node.value, node.parts[0].value, scope.t, *scope.members.values(), *scope.places.items()
        return None


@dataclass(frozen=True)
class MovedNames:
    """Hold the values of names that a complex step has moved; `recomputed` names follow by their equations."""

    values: dict[TimedName, Any]
    recomputed: frozenset[TimedName] = frozenset()


@dataclass(frozen=True)
class Environment:
    """Say what a formula means: an evaluator reads it and never changes it.

    The four functions get the evaluator that asks, so that what they evaluate has the same environment.
    """

    declarations: Declarations
    functions: Functions
    sizes: Mapping[str, int]
    last: int | None  # T of a sequence
    value: Callable[[Evaluator, str, Time, Node], Any]
    derivative: Callable[[Evaluator, TimedName, str | None, Node], Any]
    jacobian: Callable[[Evaluator, Node, Scope], Any]
    differential: Callable[[Evaluator, Node, Scope], Any]
    left_shape: tuple[int, ...] = ()  # of the derivative that a formula stands for, in row layout
    formulas: Mapping[Any, Any] = field(default_factory=dict)  # structures of formulas with a value of their own
    moved: MovedNames = field(default_factory=lambda: MovedNames({}))
    moving: frozenset[TimedName] = frozenset()  # names whose differentials are not 0
    open_labels: frozenset[tuple[TimedName, str]] = frozenset()  # labelled terms that are being evaluated
    cache: NodeCache | None = None
    count: Callable[[int], None] = lambda entries: None  # told of every value that is recorded on a tape

    @property
    def is_moved(self) -> bool:
        """Return whether values are not those of the sample point: inside of a Jacobian or a differential."""
        return bool(self.moved.values or self.formulas)

    def replace(self, **changes: Any) -> Environment:
        """Return the same environment with some fields changed."""
        return replace(self, **changes)
