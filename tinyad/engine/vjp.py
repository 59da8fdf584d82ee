"""A rule as Python for arrays: its formulas transposed once, so that the walk back transposes nothing.

With D = dz.T a derivative has the size, and the memory order, of its variable: (A ∘ B)ᵀ = Aᵀ ∘ Bᵀ, (A B)ᵀ = Bᵀ Aᵀ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

COMPONENTS = {"∘": "*", "+": "+", "-": "-", "/": "/"}


def in_same_layout(formula: Any, transpose: Any, flip: bool = True) -> Any:
    """The transpose of a formula in row layout, in which dz now stands for dz.T; without `flip` the formula itself."""
    if not hasattr(formula, "head"):
        return formula  # a number, or None for an operand that needs no derivative
    head, operands, make = formula.head, formula.operands, type(formula)
    if head == "dz":
        return formula if flip else make(transpose, formula)
    if head is transpose:
        return in_same_layout(operands[0], transpose, not flip)
    symbol = getattr(head, "symbol", "")
    if symbol in COMPONENTS or symbol == "neg":
        return make(head, *(in_same_layout(operand, transpose, flip) for operand in operands))
    if symbol == "*":
        factors = operands[::-1] if flip else operands
        return make(head, *(in_same_layout(factor, transpose, flip) for factor in factors))
    whole = make(head, *(in_same_layout(operand, transpose, False) for operand in operands))
    return make(transpose, whole) if flip else whole


def compiled(
    formulas: tuple[Any, ...], names: tuple[str, ...], sized: dict[str, Callable[..., Any]], transpose: Any
) -> Callable[..., Any]:
    """kernel(D, z, *names) → the transposes of the formulas; `sized` makes 1 and 0 of the size of a matrix."""
    functions = {f"_{head}": function for head, function in sized.items()}
    code = ", ".join(_code(in_same_layout(formula, transpose), functions) for formula in formulas)
    kernel: Callable[..., Any] = eval(f"lambda D, z, {', '.join(names)}: ({code})", functions)
    return kernel


def _code(formula: Any, functions: dict[str, Callable[..., Any]]) -> str:
    if not hasattr(formula, "head"):
        return repr(float(formula) if isinstance(formula, int) else formula)  # NumPy takes 1.0 faster than 1
    head, parts = formula.head, [_code(operand, functions) for operand in formula.operands]
    if isinstance(head, str):
        return f"_{head}({parts[0]})" if parts else "D" if head == "dz" else head
    if head.symbol in COMPONENTS:
        return f"({parts[0]} {COMPONENTS[head.symbol]} {parts[1]})"
    if head.symbol == "*":  # ndarray.dot is the same product as @ in a third of the time on small matrices
        return f"{parts[0]}.dot({parts[1]})"
    if head.symbol in ("neg", "transpose"):
        return f"(-{parts[0]})" if head.symbol == "neg" else f"{parts[0]}.T"
    name = f"f{len(functions)}"
    functions[name] = head.forward
    return f"{name}({', '.join(parts)})"
