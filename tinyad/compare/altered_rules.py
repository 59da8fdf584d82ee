"""The rule of a step with one slip in it, as a formula: what a hand derivation may say in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tinyad.engine.matrix import Array, as_matrix
from tinyad.engine.op import TABLE, Op, Symbol, ones, zeros

OTHER_AXIS = {"softmax": "softmax_rows", "softmax_rows": "softmax", "log_softmax": "log_softmax(x.T).T"}


def has_another_axis(op: Op) -> bool:
    """Whether it is one of these rows, and no user's row of the same name."""
    return op.symbol in OTHER_AXIS and op.forward is TABLE[op.symbol].forward


class Turned:
    """A row of `OTHER_AXIS` over the other axis, as a walk back uses it."""

    def __init__(self, op: Op) -> None:
        self.op, self.arity, self.symbol, self.formulas = op, 1, op.symbol, op.formulas
        self.says = f"{op.symbol} over the other axis: use {OTHER_AXIS[op.symbol]}"

    def run(self, x: Array) -> Array:
        result: Array = self.op.run(x.T).T
        return result

    def kernel(self, D: Array, z: Array, x: Array) -> Array:
        result: Array = self.op.kernel(D.T, z.T, x.T).T
        return result


def slips(formula: Any, unary: bool) -> Iterator[Any]:
    """A transposition too many or too few, a factor or term forgotten, a sign, the order of a product.

    In the rule of a unary row also z for x: the derivative at another point.
    """
    yield from _inside(formula)
    for old, new in (("z", "x"), ("x", "z")) if unary else ():
        changed = _renamed(formula, old, new)
        if changed is not None:
            yield changed


def _inside(formula: Any) -> Iterator[Any]:
    if not isinstance(formula, Symbol) or formula.head in ("1", "0"):
        return
    head, operands = formula.head, formula.operands
    if isinstance(head, str):
        yield Symbol(TABLE["transpose"], formula)
        return
    if head.symbol == "transpose" and isinstance(operands[0].head, str):
        yield operands[0]
        return
    if head.symbol in ("∘", "*", "/", "+", "-", "neg"):
        yield from operands
    if head.symbol in ("+", "-"):
        yield Symbol(TABLE["-" if head.symbol == "+" else "+"], *operands)
    if head.symbol == "*":
        yield Symbol(head, *operands[::-1])
    for k, part in enumerate(operands):
        for changed in _inside(part):
            yield Symbol(head, *operands[:k], changed, *operands[k + 1 :])


def _renamed(formula: Any, old: str, new: str) -> Any:
    """The formula with one name for another; None if it has no such name."""
    if not isinstance(formula, Symbol):
        return None
    if formula.head == old:
        return Symbol(new)
    parts = [_renamed(part, old, new) for part in formula.operands]
    if all(part is None for part in parts):
        return None
    return Symbol(formula.head, *(o if p is None else p for p, o in zip(parts, formula.operands, strict=True)))


def value_of(formula: Any, values: Mapping[str, Array]) -> Any:
    """What a formula comes to; ValueError if its sizes do not fit."""
    if not isinstance(formula, Symbol):
        return as_matrix(formula, "a number of the rule")
    operands = [value_of(operand, values) for operand in formula.operands]
    if isinstance(formula.head, str):
        return {"1": ones, "0": zeros}[formula.head](*operands) if operands else values[formula.head]
    return formula.head.forward(*operands)
