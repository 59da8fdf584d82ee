"""A rule as Python for arrays: the formulas in row layout, transposed once, so that the walk back transposes nothing.

With D = dz.T a derivative has the size, and the memory order, of its variable: (A ∘ B)ᵀ = Aᵀ ∘ Bᵀ, (A B)ᵀ = Bᵀ Aᵀ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiled(formulas: tuple[Any, ...], names: tuple[str, ...], ones: Callable[..., Any]) -> Callable[..., Any]:
    """kernel(D, z, *names) → the transposes of the formulas."""
    functions = {"ones": ones}
    code = ", ".join(_code(formula, True, functions) for formula in formulas)
    return eval(f"lambda D, z, {', '.join(names)}: ({code})", functions)  # type: ignore[no-any-return]


def _code(formula: Any, flip: bool, functions: dict[str, Callable[..., Any]]) -> str:
    """Python for a formula, or for its transpose."""
    if not hasattr(formula, "head"):
        # A number, or None for an operand that needs no derivative; NumPy takes 1.0 faster than 1.
        return repr(float(formula) if isinstance(formula, int) else formula)
    head, operands = formula.head, formula.operands
    if head == "dz":
        return "D" if flip else "D.T"
    if head == "1":
        return f"ones({_code(operands[0], False, functions)})" + ".T" * flip
    if isinstance(head, str):
        return head + ".T" * flip
    symbol = head.symbol
    if symbol == "transpose":
        return _code(operands[0], not flip, functions)
    if symbol == "*":  # ndarray.dot is the same product as @ in a third of the time on small matrices
        first, second = operands[::-1] if flip else operands
        return f"{_code(first, flip, functions)}.dot({_code(second, flip, functions)})"
    if symbol == "neg":
        return f"(-{_code(operands[0], flip, functions)})"
    if symbol in ("∘", "+", "-", "/"):
        left, right = (_code(operand, flip, functions) for operand in operands)
        return f"({left} {'*' if symbol == '∘' else symbol} {right})"
    name = f"f{len(functions)}"
    functions[name] = head.forward
    return f"{name}({', '.join(_code(operand, False, functions) for operand in operands)})" + ".T" * flip
