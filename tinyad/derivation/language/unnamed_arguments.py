"""Arguments of activations that only the lines name: δa_t beside h_t = tanh(W x_t + b), which computes no a_t."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tinyad.derivation.language.names import FUNCTIONS, Names
from tinyad.derivation.language.syntax_tree import Node, Ref, Statement, walk

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "softplus", "softmax", "softmax_rows", "log_softmax", "exp", "sin", "cos", "erf",
    "arctan",
)  # fmt: skip


class UnnamedArgument(NamedTuple):
    """The argument of the one activation in an equation: the name that lines give to it, and what is computed."""

    name: Ref
    computed: str
    start: int  # of the derivative on the left-hand side of the line that sets it
    end: int


def unnamed_arguments(
    forward: Mapping[str, Statement], lines: Sequence[Statement], known: set[str], names: Names
) -> list[UnnamedArgument]:
    """Return the arguments whose derivatives lines set and use, and that no equation names.

    Which one a line means follows from the derivatives in it, or else from the names: δa = δh ∘ (1 - h²) is about the
    activation in the equation for h, as is δa = (Uᵀ δy) ∘ (1 - h²); δa = (Uᵀ δy) ∘ f'(a) is about the f in one alone.
    """
    used = {key for line in lines for key, _ in _derivatives(line.members)}
    activations = {key: _activation(line, names) for key, line in forward.items()}
    open_: dict[str, str] = {key: node.value.key for key, node in activations.items() if node is not None}
    found: dict[str, UnnamedArgument] = {}
    for line in lines:
        left = line.left[0]
        if len(line.left) > 1 or left.kind != "d" or left.value[0].key in known | found.keys():
            continue
        ref: Ref = left.value[0]
        if ref.key in used:
            derived = [key for key, _ in _derivatives(line.members[:1]) if key in open_]
            named = [n.value.key for n in walk(line.members[0]) if n.kind == "name" and n.value.key in open_]
            primes = {n.value.key for n in walk(line.members[0]) if n.kind == "prime"}
            applied = [key for key, function in open_.items() if function in primes]
            meant = {*derived} or {*named} or {*applied}
            if len(meant) == 1:
                computed = meant.pop()
                del open_[computed]
                found[ref.key] = UnnamedArgument(ref, computed, left.start, left.end)
    return [*found.values()]


def _derivatives(members: Sequence[Node]) -> Iterator[tuple[str, Node]]:
    for n in (n for member in members for n in walk(member)):
        if n.kind == "d":
            yield n.value[0].key, n


def _activation(line: Statement, names: Names) -> Node | None:
    """Return the one activation in an equation; None if there are more, or if its argument has a name."""
    calls = [n for n in walk(line.members[0]) if n.kind == "call" and len(n.parts) == 1]
    found = [n for n in calls if _is_activation(n.value.key, names)]
    return found[0] if len(found) == 1 and found[0].parts[0].kind != "name" else None


def _is_activation(key: str, names: Names) -> bool:
    return names.functions.get(key, key) in ACTIVATIONS or (key in names.functions and key not in FUNCTIONS)


def with_named_arguments(forward: Sequence[Statement], named: Mapping[str, Ref], names: Names) -> list[Statement]:
    """Return equations in which the arguments of activations are computed first, by the names that lines give them.

    named: what an equation computes → the name of the argument in it.
    """
    found: list[Statement] = []
    for line in forward:
        computed: Ref = line.left[0].value
        activation = _activation(line, names) if computed.key in named else None
        if activation is not None:
            argument = activation.parts[0]
            name = Node("name", (), named[computed.key]._replace(time=computed.time), argument.start, argument.end)
            found.append(line._replace(number="", left=(name,), members=(argument,)))
            first, *others = line.members
            line = line._replace(members=(_replaced(first, argument, name), *others))
        found.append(line)
    return found


def _replaced(node: Node, old: Node, new: Node) -> Node:
    if node is old:
        return new
    return node._replace(parts=tuple(_replaced(part, old, new) for part in node.parts)) if node.parts else node
