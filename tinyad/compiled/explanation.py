"""Count what each pass leaves of a program."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tinyad.compiled.operations import LEAVES, VIEWS
from tinyad.compiled.values import Value, enclosing, ordered

WHY = {
    "recorded": "every step, and the backward pass over it",
    "loops": "time steps that repeat are one loop",
    "sums": "additions one after the other are one sum",
    "defer": "derivatives of parameters are products over all time steps",
    "hoist": "what does not depend on the recurrence leaves the loop",
    "stack": "equal operations run as one on blocks of rows",
    "calls": "softmax is written entry by entry, sums of products are one call",
    "wide": "derivatives of inputs are one product for all time steps",
    "buffers": "every result has its place before the run",
}


class PassTable:
    """A table with a line for each pass: the operations in the source, and the calls and products of a run."""

    def __init__(self, steps: int) -> None:
        self.rows: list[tuple[str, ...]] = [("after", "operations", "calls", "products", "Mflop", "")]
        self.steps = steps

    def add(self, name: str, roots: Sequence[Value]) -> None:
        values = [v for v in ordered(roots) if v.op not in (*LEAVES, *VIEWS, "all", "total")]
        calls = sum(_rounds(v) * _calls(v) for v in values)
        products = [v for v in values if v.op == "dot"]
        flops = sum(_rounds(v) * 2 * prod(v.shape) * v.operands[0].shape[-1] for v in products)
        numbers = len(values), calls, sum(map(_rounds, products)), flops / 1e6
        self.rows.append((name, *(f"{n:,}" for n in numbers[:3]), f"{numbers[3]:,.3f}", WHY[name]))

    def text(self, memory: int) -> str:
        widths = [max(len(row[k]) for row in self.rows) for k in range(5)]
        lines = [f"{self.steps:,} steps on the tape"]
        for name, *numbers, why in self.rows:
            cells = "  ".join(f"{n:>{w}}" for n, w in zip(numbers, widths[1:], strict=True))
            lines.append(f"{name:<{widths[0]}}  {cells}  {why}".rstrip())
        if memory:
            lines.append(f"workspace: {memory:,} bytes")
        return "\n".join(lines)


def _rounds(v: Value) -> int:
    return prod(loop.n for loop in enclosing(v.loop))


def _calls(v: Value) -> int:
    """Return the number of NumPy calls that compute a value."""
    if v.op == "sigmoid":
        return 4
    return max(len(v.operands) - 1, 1) if v.op in ("sum", "place") else len(v.operands) if v.op == "stack" else 1
