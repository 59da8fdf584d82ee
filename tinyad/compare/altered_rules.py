"""The rule of a step with one slip in it, as a formula: what a hand derivation may say in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tinyad.engine.matrix import Array, as_matrix
from tinyad.engine.op import Op, Symbol, ones, zeros
from tinyad.engine.table import TABLE, row_of

OTHER_AXIS = {"softmax": "softmax_rows", "softmax_rows": "softmax", "log_softmax": "log_softmax(x.T).T"}


def has_another_axis(op: Op) -> bool:
    """Whether it is one of these rows, and no user's row of the same name."""
    return op.symbol in OTHER_AXIS and op.forward is TABLE[op.symbol].forward


def transposed_row(op: Op) -> Op:
    """Return a row of `OTHER_AXIS` over the other axis."""
    return Op(op.symbol, lambda x: op.forward(x.T).T, lambda dz, z, x: op.deriv(dz.T, z.T, x.T).T)


def use_the_other_axis(op: Op) -> str:
    """Return what to say of a row over the wrong axis."""
    return f"{op.symbol} over the other axis: use {OTHER_AXIS[op.symbol]}"


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
    if not operands:
        yield Symbol("transpose", formula)
        return
    if head == "transpose" and not operands[0].operands:
        yield operands[0]
        return
    if head in ("∘", "*", "/", "+", "-", "neg"):
        yield from operands
    if head in ("+", "-"):
        yield Symbol("-" if head == "+" else "+", *operands)
    if head == "*":
        yield Symbol(head, *operands[::-1])
    for k, part in enumerate(operands):
        for changed in _inside(part):
            yield Symbol(head, *operands[:k], changed, *operands[k + 1 :], row=formula.row)


def _renamed(formula: Any, old: str, new: str) -> Any:
    """The formula with one name for another; None if it has no such name."""
    if not isinstance(formula, Symbol):
        return None
    if formula.head == old:
        return Symbol(new)
    parts = [_renamed(part, old, new) for part in formula.operands]
    if all(part is None for part in parts):
        return None
    operands = (o if p is None else p for p, o in zip(parts, formula.operands, strict=True))
    return Symbol(formula.head, *operands, row=formula.row)


def value_of(formula: Any, values: Mapping[str, Array]) -> Any:
    """What a formula comes to; ValueError if its sizes do not fit."""
    if not isinstance(formula, Symbol):
        return as_matrix(formula, "a number of the rule")
    operands = [value_of(operand, values) for operand in formula.operands]
    if not operands:
        return values[formula.head]
    if formula.head in ("1", "0"):
        return {"1": ones, "0": zeros}[formula.head](*operands)
    return row_of(formula).forward(*operands)
