"""Collect what every style of source needs: arguments, names, results, and the parts of expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compiled.dialects import NUMPY, Dialect
from tinyad.compiled.identifiers import Namer
from tinyad.compiled.operations import GIVEN, filled, template
from tinyad.compiled.value_names import LONGEST, joined, value_name
from tinyad.compiled.values import Loop, Value, enclosing, ordered
from tinyad.engine.table import TABLE

FOR_NUMPY = 'compile it for NumPy (style="literal" or "grouped", engine="numpy")'
SMALL = 16  # entries of a constant that is written out


class Argument:
    """An argument of the program: a matrix, or with `over_time` a list of them."""

    def __init__(self, name: str, parts: tuple[Value, ...], over_time: bool, value: Value) -> None:
        self.name, self.parts, self.over_time, self.value = name, parts, over_time, value


class Writer:
    """The values that the roots need, outside the loops and in each of them, and their names."""

    TAKEN: tuple[str, ...] = ()  # names that the text uses itself

    def __init__(self, roots: Sequence[Value], dialect: Dialect = NUMPY) -> None:
        self.roots, self.dialect = list(roots), dialect
        self.order = ordered(self.roots)
        self.users: dict[Value, list[Value]] = {}
        self._inside: dict[Loop, list[Value]] = {}
        for v in self.order:
            if v.loop is not None:
                self._inside.setdefault(v.loop, []).append(v)
            for operand in v.inputs():
                self.users.setdefault(operand, []).append(v)
        self.uses = Counter(operand for v in self.order for operand in v.inputs())
        self.uses.update(self.roots)
        self.namer = Namer({*self.TAKEN, *dialect.taken, *dialect.definitions})
        self.names: dict[Value, str] = {}
        self._blocks = self._named_blocks()
        self.arguments: list[Argument] = []
        self.functions: dict[str, tuple[str, Any]] = {}  # name → ("forward" or "back", row)
        self.helpers: list[str] = []
        for v in self.order:
            if v.op in GIVEN and not _is_written_out(v):
                self._argument(v)
        self.arguments.sort(key=lambda a: _place(a.parts[0]))
        nested = any(len(enclosing(v.loop)) > 1 for v in self.order)
        self._inner_round = self.namer("k") if nested else ""

    def _argument(self, v: Value) -> None:
        is_over_time = v.op == "given" and len(v.extra) > 1
        self.names[v] = self.namer((v.name or "array") + "s" * (v.op == "given"))
        parts: tuple[Any, ...] = v.extra if v.op == "given" else (v,)
        if is_over_time and len(v.shape) == 4:  # over the rounds of two loops: those of the inner one after the other
            parts = tuple(chain.from_iterable(parts))
        self.arguments.append(Argument(self.names[v], parts, is_over_time, v))

    def name(self, v: Value) -> str:
        if v not in self.names:
            self.names[v] = self.namer(self._blocks.get(v) or value_name(v))
        return self.names[v]

    def _named_blocks(self) -> dict[Value, str]:
        """Return a name for each value that has no own one and of which several results are blocks."""
        found: dict[Value, list[str]] = {}
        for root in self.roots:
            v = root
            while v.op in ("rows", "T"):
                (v,) = v.operands
            if v is not root and root.name and not v.name:
                found.setdefault(v, []).append(root.name)
        names = {v: joined(list(dict.fromkeys(own))) for v, own in found.items() if len(own) > 1}
        return {v: name if len(name) <= LONGEST else "derivatives" for v, name in names.items()}

    def memory(self) -> int:
        """Return the bytes held between runs."""
        return 0

    def round(self, loop: Loop) -> str:
        """Return the name of the round of a loop."""
        return "t" if loop.outer is None else self._inner_round

    def inside(self, loop: Loop) -> list[Value]:
        return self._inside[loop]

    def leaf(self, v: Value) -> str:
        """Return the text of a leaf that is no argument."""
        if v.op == "number":
            if not np.isfinite(v.extra):
                return f"float('{v.extra}')"
            return repr(int(v.extra)) if float(v.extra).is_integer() and abs(v.extra) < 1e15 else repr(v.extra)
        if v.op == "constant":
            return self.new("array", constant(v).tolist(), v.dtype)
        return self.new(v.op, v.shape, v.dtype)

    def new(self, how: str, what: Any, dtype: Any, name: str = "") -> str:
        """Return the text of a new array; zeros for the derivative of an argument, by its name, are like it."""
        for a in self.arguments:
            if how == "zeros" and (f"d{a.name}", a.value.shape, a.value.dtype) == (name, what, dtype):
                return f"{self.dialect.module}.zeros_like({a.name})"
        return self.dialect.array(how, what, dtype, self._like(dtype))

    def dtype_text(self, v: Value) -> str:
        return self.dialect.dtype(v.dtype, self._like(v.dtype))

    def _like(self, dtype: Any) -> str:
        """Return the text of an argument of this dtype, a matrix if there is one; "" if there is none."""
        known = sorted((a for a in self.arguments if a.value.dtype == dtype), key=lambda a: a.over_time)
        return f"{known[0].name}{'[0]' * known[0].over_time}" if known else ""

    def function(self, kind: str, op: Any) -> str:
        for name, known in self.functions.items():
            if known == (kind, op):
                return name
        name = self.namer(f"{op.symbol if op.symbol.isidentifier() else 'row'}{'_back' if kind == 'back' else ''}")
        self.functions[name] = kind, op
        return name

    def borrowed(self) -> list[str]:
        """What the text alone does not have: users' rows, and rows that NumPy has for real numbers only."""
        table, users = (
            [name for name, (_, op) in self.functions.items() if (TABLE.get(op.symbol) is op) == of_table]
            for of_table in (True, False)
        )
        lines = [f"calls {', '.join(table)}, of the table, for complex numbers"] if table else []
        return lines + ([f"calls {', '.join(users)}, of operations that are not in the table"] if users else [])

    def operation(self, v: Value, operands: Sequence[str]) -> str:
        """Return an operation on its operands as text; "" if it is no expression."""
        if v.op in ("call", "kernel") and self.dialect is not NUMPY:
            raise ValueError(
                f"the row {v.extra[0].symbol} is not in tinyad's table, and {self.dialect.library} cannot run its "
                f"functions: {FOR_NUMPY}, or write it in rows of the table"
            )
        if v.op == "call":
            return f"{self.function('forward', v.extra[0])}({', '.join(operands)})"
        if v.op == "kernel":
            return f"{self.function('back', v.extra[0])}({', '.join(operands)})[{v.extra[1]}]"
        if v.op in self.dialect.definitions and v.op not in self.helpers:
            self.helpers.append(v.op)
        return filled(template(v, self.dialect.column), v, operands, self.dialect.module)


def _is_written_out(v: Value) -> bool:
    """Return whether v is a small constant of numbers that can be written as numbers."""
    return v.op == "constant" and v.shape[0] * v.shape[1] <= SMALL and bool(np.isfinite(constant(v)).all())


def _place(v: Value) -> tuple[int, int]:
    """Return a sort key: what was given by position, then seeds, then constants."""
    return GIVEN.index(v.op), v.extra if v.op != "constant" else 0


def constant(v: Value) -> Array:
    return np.frombuffer(v.extra, v.dtype).reshape(v.shape)
