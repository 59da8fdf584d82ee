"""A rule compiled for arrays: its formulas transposed once, so that the backward pass transposes nothing.

With D = dz.T a derivative has the size, and the memory order, of its variable: (A ∘ B)ᵀ = Aᵀ ∘ Bᵀ, (A B)ᵀ = Bᵀ Aᵀ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinyad.expressions.symbol import Symbol

INFIX = {"∘": "*", "+": "+", "-": "-", "/": "/", "**": "**", ">": ">", "≥": ">="}  # component-wise, in Python


def in_same_layout(formula: Any, flip: bool = True) -> Any:
    """Return the transpose of a formula in row layout, in which dz now stands for dz.T.

    Without `flip` it is the formula itself, of dz.T all the same.
    """
    if not isinstance(formula, Symbol):
        return formula  # a number, or None for an operand that needs no derivative
    head, operands = formula.head, formula.operands
    if head == "dz":
        return formula if flip else Symbol("transpose", formula)
    if head == "transpose":
        return in_same_layout(operands[0], not flip)
    if head in INFIX or head == "neg":
        return Symbol(head, *(in_same_layout(operand, flip) for operand in operands), row=formula.row)
    if head == "*":
        return Symbol(head, *(in_same_layout(factor, flip) for factor in (operands[::-1] if flip else operands)))
    same = Symbol(head, *(in_same_layout(operand, False) for operand in operands), row=formula.row)
    return Symbol("transpose", same) if flip else same


def compiled(
    formulas: Sequence[Any], names: Sequence[str], forwards: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any]:
    """Return vjp(D, z, *names), which gives the transposes of the formulas, one by itself, two as a pair.

    `forwards` computes what a formula has besides operators, by its symbol; a row that a formula holds has its own.
    """
    functions: dict[str, Callable[..., Any]] = {}
    code = ", ".join(_code(in_same_layout(formula), functions, forwards) for formula in formulas)
    vjp: Callable[..., Any] = eval(f"lambda D, z, {', '.join(names)}: ({code})", functions)
    return vjp


def _code(formula: Any, functions: dict[str, Callable[..., Any]], forwards: Mapping[str, Callable[..., Any]]) -> str:
    if not isinstance(formula, Symbol):
        return repr(float(formula) if isinstance(formula, int) else formula)  # NumPy takes 1.0 faster than 1
    head, parts = formula.head, [_code(operand, functions, forwards) for operand in formula.operands]
    if not parts:
        return "D" if head == "dz" else str(head)
    if head in INFIX:
        return f"({parts[0]} {INFIX[head]} {parts[1]})"
    if head == "*":  # ndarray.dot is the same product as @ in a third of the time on small matrices
        return f"{parts[0]}.dot({parts[1]})"
    if head in ("neg", "transpose"):
        return f"(-{parts[0]})" if head == "neg" else f"{parts[0]}.T"
    name = f"f{len(functions)}"
    functions[name] = formula.row.forward if formula.row else forwards[head]
    return f"{name}({', '.join(parts)})"
