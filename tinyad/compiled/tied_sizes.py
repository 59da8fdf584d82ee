"""Find which rows and columns of the values on a tape are one size, whatever that is."""

from __future__ import annotations

from collections.abc import Iterator

from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.tape import PLAIN, Entry, Tape

ROWS, COLUMNS = 0, 1
Side = tuple[int, int]  # position on the tape, ROWS or COLUMNS
KEEP_COLUMNS = [TABLE[name] for name in ("stack", "upper", "under", "rows", "padded", "column_max")]


class TiedSizes:
    """The rows and columns of values, those that an operation needs to be equal tied together."""

    def __init__(self, tape: Tape) -> None:
        self._ends: dict[Side, Side] = {}
        for op, z, x, y in tape.steps:
            for a, b in _tied(op, z, x, y, tape.entries.get(z, PLAIN)):
                if tape.values[a[0]].shape[a[1]] == tape.values[b[0]].shape[b[1]]:
                    self.tie(a, b)

    def tie(self, a: Side, b: Side) -> None:
        self._ends[self.end(a)] = self.end(b)

    def end(self, side: Side) -> Side:
        """Return what is the same for all sides that are tied together."""
        path = [side]
        while path[-1] in self._ends and self._ends[path[-1]] != path[-1]:
            path.append(self._ends[path[-1]])
        self._ends |= dict.fromkeys(path, path[-1])
        return path[-1]


def _tied(op: Op, z: int, x: int, y: int | None, entry: Entry) -> Iterator[tuple[Side, Side]]:
    """Yield the sides that a step ties; what is repeated is of size 1."""
    if op is TABLE["*"] and y is not None:
        yield from [((x, COLUMNS), (y, ROWS)), ((z, ROWS), (x, ROWS)), ((z, COLUMNS), (y, COLUMNS))]
    elif op in (TABLE["transpose"], TABLE["inv"]):
        yield from [((z, ROWS), (x, COLUMNS)), ((z, COLUMNS), (x, ROWS))]
    elif op in KEEP_COLUMNS:
        yield (z, COLUMNS), (x, COLUMNS)
        if op is TABLE["stack"] and y is not None:
            yield (x, COLUMNS), (y, COLUMNS)
    elif op is TABLE["row_max"]:
        yield (z, ROWS), (x, ROWS)
    elif op is not TABLE["sum"]:  # component-wise, or taken to be
        for operand, how in zip((x, y), entry, strict=False):
            if operand is not None:
                yield from [((z, ROWS), (operand, ROWS))] if how not in ("columns", "all") else []
                yield from [((z, COLUMNS), (operand, COLUMNS))] if how not in ("rows", "all") else []
