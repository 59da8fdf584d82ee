"""Differentials as the rules give them: d(A B) = dA B + A dB, d tr(X) = tr(dX)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tinyad.derivation.language.syntax_tree import Node, Ref, walk
from tinyad.derivation.repair import limits
from tinyad.derivation.repair.formula import (
    NUMBER,
    Formula,
    NoFormula,
    added,
    componentwise,
    leaf,
    product,
    quotient,
    transposed,
)
from tinyad.derivation.repair.rule_walk import WRITTEN_OUT, EquationAt, RuleWalk
from tinyad.derivation.semantics.functions import NOT_COMPONENTWISE
from tinyad.engine.vjp import in_same_layout


def differentials(walk_: RuleWalk, left: Node, members: Sequence[Node]) -> Iterator[str]:
    """Yield the differential that a line sets: by what moves in its members, or by all that may move."""
    part = left.parts[0]
    moved = (n.parts[0] for member in members for n in walk(member) if n.kind == "differential")
    named = [n.value for part in moved for n in walk(part) if n.kind == "name"]
    for moving in (named, None):
        if moving != []:
            try:
                text = walk_.text(_Differential(walk_, moving).of_left(part))
            except NoFormula:
                continue
            yield text


class _Differential:
    """The differential of formulas where some names move; None: all that no equation computes and is not constant."""

    def __init__(self, walk_: RuleWalk, moving: Sequence[Ref] | None) -> None:
        self._walk, self._moving = walk_, moving
        self._depth = 0

    def of_left(self, part: Node) -> Formula:
        """Return the differential of what stands on the left-hand side."""
        if part.kind == "name":
            return self._of_equation(part.value)
        eq = self._walk.forward[0]
        return self._required(self._of(part, EquationAt(self._walk, eq, eq.left[0].value, None)))

    @staticmethod
    def _required(formula: Formula | None) -> Formula:
        if formula is None:
            raise NoFormula
        return formula

    def _of_equation(self, ref: Ref) -> Formula:
        """Return the differential of a computed name by its equation."""
        eq = next((eq for eq in self._walk.forward if eq.left[0].value.key == ref.key), None)
        self._depth += 1
        if eq is None or ref.indices or ref.time is not None or self._depth > limits.EQUATIONS_WALKED:
            raise NoFormula
        found = self._required(self._of(eq.members[0], EquationAt(self._walk, eq, eq.left[0].value, None)))
        self._depth -= 1
        return found

    def _of_name(self, node: Node, at: EquationAt) -> Formula | None:
        """Return the differential of a name; None if it does not move."""
        ref: Ref = node.value
        computed = any(eq.left[0].value.key == ref.key for eq in self._walk.forward)
        constant = ref.key in self._walk.point.declarations.constant
        if self._moving is None:
            moves = not constant
        elif ref in self._moving:
            moves = True
        else:
            return self._of_equation(ref) if computed and self._depends(ref) else None
        if not moves:
            return None
        size, fragment = at.size_of(node), self._walk.notation.differential(ref)
        if size is None or fragment is None:
            raise NoFormula
        return leaf(fragment.text, size)

    def _depends(self, ref: Ref) -> bool:
        """Return whether a computed name depends on a name that moves."""
        eq = next((eq for eq in self._walk.forward if eq.left[0].value.key == ref.key), None)
        names = [n.value for member in eq.members for n in walk(member) if n.kind == "name"] if eq is not None else []
        return any(name in (self._moving or ()) or (name != ref and self._depends(name)) for name in names)

    def _of(self, node: Node, at: EquationAt) -> Formula | None:
        """Return the differential of a formula; None if it does not move."""
        node = at.simplest(node)
        if node.kind == "name":
            return self._of_name(node, at)
        inner = [self._of(part, at) for part in node.parts]
        if not any(d is not None for d in inner):
            return None
        rules: dict[str, Callable[[Node, Sequence[Formula | None], EquationAt], Formula]] = {
            "bracket": lambda n, d, a: self._only(d),
            "neg": lambda n, d, a: self._only(d).times(-1),
            "transpose": lambda n, d, a: transposed(self._only(d)),
            "+": self._of_sum,
            "-": self._of_sum,
            "*": self._of_product,
            "∘": self._of_product,
            "/": self._of_quotient,
            "square": self._of_power,
            "power": self._of_power,
            "inverse": self._of_inverse,
            "call": self._of_call,
        }
        if node.kind not in rules:
            raise NoFormula
        return rules[node.kind](node, inner, at)

    def _only(self, inner: Sequence[Formula | None]) -> Formula:
        (d,) = inner
        return self._required(d)

    def _of_sum(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        signs = (1, -1 if node.kind == "-" else 1)
        return added([d.times(sign) for d, sign in zip(inner, signs, strict=True) if d is not None])

    def _of_product(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        multiply = product if node.kind == "*" else componentwise
        a, b = map(at.formula, node.parts)
        terms = [multiply(d, b) for d in inner[:1] if d is not None] + [
            multiply(a, d) for d in inner[1:] if d is not None
        ]
        return added(terms)

    def _of_quotient(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        above, below = map(at.formula, node.parts)
        terms = [quotient(d, below) for d in inner[:1] if d is not None]
        for d in (d for d in inner[1:] if d is not None):
            terms.append(quotient(componentwise(above, d), at.squared(below)).times(-1))
        return added(terms)

    def _of_power(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        exponent = limits.SQUARE if node.kind == "square" else node.value
        return componentwise(at.power_less(at.formula(node.parts[0]), exponent), self._only(inner))

    def _of_inverse(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        z = at.formula(node)
        return product(product(z, self._only(inner)), z).times(-1)

    def _of_call(self, node: Node, inner: Sequence[Formula | None], at: EquationAt) -> Formula:
        """Return the differential of the value of a function."""
        d, key = self._only(inner), at.function(node)
        if key in ("tr", "sum"):
            return d if d.is_number else leaf(self._call(key, d.alone()), NUMBER).times(d.factor)
        if key in ("logdet", "det"):
            x = leaf(self._call("tr", product(at.inverse_of(node.parts[0]), d)), NUMBER)
            return x if key == "logdet" else product(at.as_written(node), x)
        op = self._walk.point.forward.functions.row(node.value, at.scope, node)
        if op.symbol in NOT_COMPONENTWISE:
            raise NoFormula
        if op.formulas is None or op.symbol not in WRITTEN_OUT or node.value.key in self._walk.notation.primed:
            return componentwise(at.prime(node), d)
        names = {"dz": d, "z": at.formula(node), "x": at.formula(node.parts[0])}
        return at.from_symbol(in_same_layout(op.formulas[0]), names)

    def _call(self, key: str, argument: Formula) -> str:
        head = rf"\operatorname{{{key}}}" if self._walk.notation.latex else key
        return f"{head}({self._walk.text(argument)})"
