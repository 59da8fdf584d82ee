"""The rule of a step with one mistake in it, as a formula: what a hand derivation may have in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tinyad.arrays.matrix import Array, as_matrix
from tinyad.engine import table
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.expressions.symbol import Symbol

OTHER_OPERATOR = {"∘": "+", "/": "∘"}
OTHER_AXIS = {"softmax": "softmax_rows", "softmax_rows": "softmax", "log_softmax": "log_softmax(x.T).T"}


def has_another_axis(op: Op) -> bool:
    """Return whether it is one of these rows, and no user's row of the same name."""
    return op.symbol in OTHER_AXIS and op.forward is TABLE[op.symbol].forward


def over_other_axis(op: Op) -> tuple[Op, str]:
    """Return a row of `OTHER_AXIS` over the other axis, and what to write for the one that is on the tape."""
    other = Op(op.symbol, lambda x: op.forward(x.T).T, lambda dz, z, x: op.deriv(dz.T, z.T, x.T).T)
    return other, f"{op.symbol} over the other axis: use {OTHER_AXIS[op.symbol]}"


def altered_rules(rule: Any, unary: bool) -> Iterator[Any]:
    """Yield the rule with a transposition too many or too few, a factor or term forgotten, a sign, an order of factors,
    a comparison the other way, another operator, brackets forgotten or elsewhere, a square for what is none.

    For a unary row also with z for x, and x for z: the derivative at another point.
    """
    yield from _altered(rule)
    for old, new in (("z", "x"), ("x", "z")) if unary else ():
        changed = _renamed(rule, old, new)
        if changed is not None:
            yield changed


def _altered(rule: Any) -> Iterator[Any]:
    if not isinstance(rule, Symbol) or rule.head in ("1", "0"):
        return
    if not rule.operands:
        yield Symbol("transpose", rule)
    elif rule.head == "transpose" and not rule.operands[0].operands:
        yield rule.operands[0]
    else:
        yield from _altered_operation(rule)


def _altered_operation(rule: Symbol) -> Iterator[Any]:
    head, operands = rule.head, rule.operands
    if head in ("∘", "*", "/", "+", "-", "neg"):
        yield from operands
    if head in ("+", "-"):
        yield Symbol("-" if head == "+" else "+", *operands)
    if head in ("*", ">", "≥"):
        yield Symbol(head, *operands[::-1])
    for k, operand in enumerate(operands):
        for changed in _altered(operand):
            yield Symbol(head, *operands[:k], changed, *operands[k + 1 :], row=rule.row)
    if head in OTHER_OPERATOR:
        yield Symbol(OTHER_OPERATOR[head], *operands)
    if head == "∘":
        yield from _without_brackets(*operands)
    if head in ("+", "-") and _is_square(operands[1]):
        term = Symbol(head, operands[0], operands[1].operands[0])
        yield Symbol("∘", term, term)
    if head in ("+", "-") and _is_value(operands[1]):
        yield Symbol(head, operands[0], Symbol("∘", operands[1], operands[1]))


def _without_brackets(x: Any, y: Any) -> Iterator[Any]:
    """Yield x ∘ a - b for x ∘ (a - b), and a - b ∘ y for (a - b) ∘ y; also of sums, and of what is transposed."""
    for a, b in [_terms(y)] if _terms(y) else []:
        yield Symbol(_sign(y), Symbol("∘", x, a), b)
    for a, b in [_terms(x)] if _terms(x) else []:
        yield Symbol(_sign(x), a, Symbol("∘", b, y))


def _is_value(formula: Any) -> bool:
    return getattr(formula, "head", "") in ("x", "y", "z")


def _is_square(formula: Any) -> bool:
    """Return whether a formula is a value times itself."""
    if getattr(formula, "head", "") != "∘":
        return False
    x, y = (getattr(operand, "head", "") for operand in formula.operands)
    return x == y and x in ("x", "y", "z")


def _sign(formula: Any) -> str:
    head: str = formula.operands[0].head if formula.head == "transpose" else formula.head
    return head


def _terms(formula: Any) -> Any:
    """Return the two terms of a sum or difference, transposed as it is; () if it is none."""
    if not isinstance(formula, Symbol) or not formula.operands:
        return ()
    if formula.head == "transpose":
        terms = _terms(formula.operands[0])
        return tuple(Symbol("transpose", t) if isinstance(t, Symbol) else t for t in terms)
    return formula.operands if formula.head in ("+", "-") else ()


def _renamed(rule: Any, old: str, new: str) -> Any:
    """Return the rule with one name for another; None if it has no such name."""
    if not isinstance(rule, Symbol):
        return None
    if rule.head == old:
        return Symbol(new)
    changed = [_renamed(operand, old, new) for operand in rule.operands]
    if all(operand is None for operand in changed):
        return None
    operands = (o if c is None else c for c, o in zip(changed, rule.operands, strict=True))
    return Symbol(rule.head, *operands, row=rule.row)


def evaluated(rule: Any, values: Mapping[str, Array]) -> Any:
    """Return the value of a rule; ValueError if its sizes do not fit."""
    return as_matrix(table.evaluated(rule, values), "the value of a rule")
