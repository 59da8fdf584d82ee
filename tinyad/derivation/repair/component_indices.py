"""The free indices of a formula of components."""

from __future__ import annotations

from tinyad.derivation.language.declarations import Declarations
from tinyad.derivation.language.syntax_tree import Node, Ref
from tinyad.derivation.repair.author_notation import ref_of

KINDS = "bracket neg square power call sum + - * ∘ /".split()  # of formulas whose indices are those of their parts
NO_INDICES = frozenset[str]()
UNLIKE = frozenset({"unlike"})  # of terms with other indices than their neighbours, and of a component transposed


class FreeIndices:
    """Find the free indices of formulas; those of some nodes, by their ids, are kept."""

    def __init__(self, declarations: Declarations, kept: frozenset[int] = frozenset()) -> None:
        self._declarations, self._kept = declarations, kept
        self._known: dict[int, frozenset[str] | None] = {}

    def of(self, node: Node) -> frozenset[str] | None:
        """Return the free indices of a formula of components; None where only its value tells."""
        if id(node) in self._known:
            return self._known[id(node)]
        free = self._found(node)
        if id(node) in self._kept:
            self._known[id(node)] = free
        return free

    def _found(self, node: Node) -> frozenset[str] | None:
        own = _own_indices(node)
        if own is not None:
            return own
        if node.kind in ("prime", "jacobian"):
            return self._of_prime(node) if node.kind == "prime" else self._of_jacobian(node)
        inside = [self.of(part) for part in node.parts]
        known = [part for part in inside if part is not None]
        if NO_INDICES.union(*known) >= UNLIKE or (node.kind == "transpose" and inside[0]):
            return UNLIKE
        if len(known) < len(inside) or node.kind not in KINDS:
            return None
        if node.kind == "sum" and node.value[0] == "index":
            return known[0] - {node.value[1]} if node.value[1] in known[0] else UNLIKE
        nested = node.kind not in ("+", "-") or known[0] <= known[1] or known[1] <= known[0]  # x_ij - m_j
        return NO_INDICES.union(*known) if nested else UNLIKE

    def _of_jacobian(self, node: Node) -> frozenset[str] | None:
        """Return the indices of the derivative of a formula of components for a name."""
        above = self.of(node.parts[0])
        return above | {*node.value.indices} if above and isinstance(node.value, Ref) else None

    def _of_prime(self, node: Node) -> frozenset[str] | None:
        """Return the indices of a derivative f'(x): those of x, where it has some, or of f."""
        argument, it = node.parts[0], self._declarations
        meaning = None
        if argument.kind == "name":
            meaning = it.arguments.get((argument.value.key, it.names.functions.get(node.value.key, node.value.key)))
        inside = self.of(meaning or argument)
        if inside is None:
            return None
        own = frozenset(argument.value.indices) if meaning else NO_INDICES
        return inside or own or frozenset(node.value.indices)


def _own_indices(node: Node) -> frozenset[str] | None:
    """Return the indices of a name, a derivative, a Jacobian of names or a number; None for another formula."""
    if node.kind in ("name", "d"):
        return frozenset(ref_of(node).indices)
    if node.kind == "jacobian" and node.parts[0].kind == "name" and isinstance(node.value, Ref):
        return frozenset((*node.parts[0].value.indices, *node.value.indices))
    return NO_INDICES if node.kind in ("number", "ones") else None
