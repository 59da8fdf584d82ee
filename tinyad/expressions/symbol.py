"""Formulas that are shown, not computed: what a rule gives when it is run on Symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinyad.expressions.operand import Operand

if TYPE_CHECKING:
    from tinyad.engine.op import Op


class Symbol(Operand):
    """A formula: a name, or the symbol of a row applied to formulas.  A rule run on Symbols shows itself.

    `row` is the Op itself where it was called, as in exp(z); an operator has its symbol alone.
    """

    __slots__ = ("head", "operands", "row")

    def __init__(self, head: str, *operands: Any, row: Op | None = None) -> None:
        self.head, self.operands, self.row = head, operands, row

    def __eq__(self, other: object) -> bool:
        raise TypeError("a Symbol has no values to compare")

    __hash__ = None  # type: ignore[assignment]

    def apply(self, op: Op | str, x: Any, y: Any = None) -> Symbol:
        """Return the formula of op(x) or x op y."""
        head, row = (op, None) if isinstance(op, str) else (op.symbol, op)
        return Symbol(head, x, row=row) if y is None else Symbol(head, x, y, row=row)
