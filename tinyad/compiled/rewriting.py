"""Make values, each once and in its simplest form, and rebuild them with changes, as every pass does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Shape
from tinyad.compiled.operations import GIVEN, LEAVES, OPERATIONS, READ_OUTSIDE, UFUNCS
from tinyad.compiled.value_names import joined
from tinyad.compiled.values import Loop, Value, ordered


class Maker:
    """A factory of values: it makes each once, and in its simplest form."""

    def __init__(self) -> None:
        self._made: dict[Any, Value] = {}

    def __call__(self, op: str, *operands: Value, extra: Any = None, name: str = "") -> Value:
        if op in UFUNCS and all(v.op == "number" for v in operands):
            with np.errstate(all="ignore"):
                return self.number(float(getattr(np, UFUNCS[op])(*(v.extra for v in operands))))
        simpler = getattr(self, f"_{'times' if op == '*' else op}", None)
        found = simpler(operands, extra) if simpler else None
        if found is None:
            key = (op, tuple(map(id, operands)), extra)
            found = self._made.get(key)
            if found is None:
                row = OPERATIONS[op]
                loop = None if row.in_loop in READ_OUTSIDE else _loop(operands)
                shape, dtype = row.shape(operands, extra), _dtype(operands)
                found = self._made[key] = Value(op, operands, extra, shape, dtype, loop)
                found.rank = len(self._made)
                if op == "stack" and all(v.op == "leaf" for v in operands):
                    found.name = joined([v.name for v in operands])
        if name and not found.name:
            found.name = name
        return found

    def leaf(self, op: str, extra: Any, shape: Shape, dtype: Any, name: str = "") -> Value:
        key = (op, extra, shape, dtype)
        if key not in self._made:
            self._made[key] = Value(op, (), extra, shape, dtype, None)
            self._made[key].name = name
        return self._made[key]

    def number(self, number: float) -> Value:
        return self.leaf("number", number, (1, 1), None)

    def zeros(self, shape: Shape, dtype: Any) -> Value:
        return self.leaf("zeros", None, shape, dtype)

    def step(self, over_time: Value, loop: Loop) -> Value:
        """Return the matrix of this round of a loop."""
        if over_time.op == "all" and over_time.operands[0].loop is loop:
            return over_time.operands[0]
        if len(over_time.shape) == 2:
            return over_time
        if over_time.op in ("rows", "T"):
            whole = self.step(over_time.operands[0], loop)
            return self(over_time.op, whole, extra=over_time.extra, name=over_time.name)
        key = ("step", id(over_time), loop)
        if key not in self._made:
            made = Value("step", (over_time,), None, over_time.shape[1:], over_time.dtype, loop)
            made.name, self._made[key] = over_time.name, made
        return self._made[key]

    def carry(self, first: Value, loop: Loop | None, name: str = "") -> Value:
        made = Value("carry", (first,), None, first.shape, first.dtype, loop)
        made.name = name
        return made

    def total(self, v: Value, loop: Loop) -> Value:
        """Return the sum of a value over the rounds of a loop."""
        return self("*", self.number(loop.n), v) if v.loop is None else self("total", v)

    def gather(self, parts: list[Value], name: str = "") -> Value:
        """Return T matrices as one value over time."""
        first = parts[0]
        if all(part is first for part in parts):
            return first
        if first.op in ("at", "last") and len({_source(part) for part in parts}) == 1:
            source, times = _source(first), [_time(part) for part in parts]
            if source is not None and times == list(range(times[0], times[0] + len(times))):
                whole = source if len(source.shape) == 3 and source.loop is None else self("all", source)
                return self("span", whole, extra=(times[0], times[0] + len(times)))
        if all(part.op in GIVEN for part in parts):
            return self.leaf("given", tuple(parts), (len(parts), *first.shape), first.dtype, name)
        return self("gather", *parts, name=name)

    # Simplifications: each returns a simpler value, or None.

    def _T(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (a,) = operands
        return a.operands[0] if a.op == "T" else a if a.shape[-2:] == (1, 1) else None

    def _times(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        x, y = operands
        shape = np.broadcast_shapes(x.shape, y.shape)
        if y.shape == shape and (narrow := repeated(x)) is not x:
            return self("*", narrow, y)
        return self("*", x, narrow) if x.shape == shape and (narrow := repeated(y)) is not y else None

    def _none(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        return operands[0]

    def _rows(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (a,), (begin, end) = operands, extra
        if (begin, end) == (0, a.shape[-2]):
            return a
        if a.op == "rows":
            return self("rows", *a.operands, extra=(begin + a.extra[0], end + a.extra[0]))
        if a.op == "stack":
            at = 0
            for part in a.operands:
                if (at, at + part.shape[-2]) == (begin, end):
                    return part
                at += part.shape[-2]
        return None

    def _stack(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        parts: list[Value] = []
        for part in operands:
            before = parts[-1] if parts else None
            if before is not None and continues(before, part):
                parts[-1] = self("rows", *part.operands, extra=(before.extra[0], part.extra[1]))
            else:
                parts.append(part)
        if len(parts) == 1:
            return parts[0]
        return self("stack", *parts) if len(parts) < len(operands) else None

    def _all(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        if v.loop is None:
            return v
        if v.op == "step":
            return v.operands[0]
        return self(v.op, self("all", *v.operands), extra=v.extra, name=v.name) if v.op in ("rows", "T") else None

    def _at(self, operands: tuple[Value, ...], t: Any) -> Value | None:
        (v,) = operands
        if len(v.shape) == 2:
            return v
        if v.op in ("gather", "given"):
            parts: tuple[Value, ...] = v.operands or v.extra
            return parts[int(t)]
        if v.op == "span":
            return self("at", *v.operands, extra=int(t + v.extra[0]))
        if v.op == "all" and t == _last_round(v.operands[0]):
            return self("last", *v.operands)
        return self(v.op, self("at", *v.operands, extra=t), extra=v.extra) if v.op in ("rows", "T") else None

    def _span(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return v if len(v.shape) == 2 or extra == (0, v.shape[0]) else None

    def _last(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        if v.loop is None:
            return v
        if v.op == "step":
            return self("at", *v.operands, extra=_last_round(v))
        return self(v.op, self("last", *v.operands), extra=v.extra) if v.op in ("rows", "T") else None

    def _over(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return self("rows", self("over", *v.operands), extra=v.extra) if v.op == "rows" else None

    def _cols(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        if v.op == "T":
            return self("T", self("long", *v.operands))
        return self("rows", self("cols", *v.operands), extra=v.extra) if v.op == "rows" else None

    def _long(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return self("T", self("cols", *v.operands)) if v.op == "T" else None


def repeated(v: Value) -> Value:
    """Return the row, the column or the number that a product with ones repeats to a matrix; v if it is none."""
    while v.op == "dot":
        x, y = v.operands
        if x.op == "ones":
            v = y
        elif y.op == "T" and y.operands[0].op == "ones":
            v = x
        else:
            break
    return v


def continues(a: Value, b: Value) -> bool:
    """Return whether b are the rows that follow those of a."""
    return a.op == b.op == "rows" and a.operands == b.operands and bool(a.extra[1] == b.extra[0])


def _source(part: Value) -> Value | None:
    """Return what an "at" or "last" is taken from: a value over time, or one in a loop."""
    if part.op not in ("at", "last"):
        return None
    (v,) = part.operands
    return v.operands[0] if v.op == "all" else v


def _time(part: Value) -> int:
    if part.op == "at":
        return int(part.extra)
    return _last_round(part.operands[0])


def _last_round(v: Value) -> int:
    return 0 if v.loop is None or v.loop.back else v.loop.n - 1


def _loop(operands: Iterable[Value]) -> Loop | None:
    loops = {v.loop for v in operands} - {None}
    assert len(loops) < 2, "a value of one loop in another"
    return loops.pop() if loops else None


def _dtype(operands: tuple[Value, ...]) -> Any:
    dtypes = {v.dtype for v in operands} - {None}
    return dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes) if dtypes else None


Change = Callable[[Value, list[Value], dict[Value, Value]], Value | None]


def rebuilt(
    roots: Iterable[Value], make: Maker, change: Change | None = None, new: dict[Value, Value] | None = None
) -> list[Value]:
    """Return the roots rebuilt: `change` takes a value, its new operands and all new values so far, and returns the
    new value, or None to rebuild it unchanged.  What is in `new` already stays as it is."""
    roots, new = list(roots), {} if new is None else new
    for v in ordered(roots):
        if v in new:
            continue
        operands = [new[operand] for operand in v.operands]
        if v.op in LEAVES:
            new[v] = v
        elif v.op == "carry" and v.next is v:
            new[v] = operands[0]
        elif v.op == "carry":
            new[v] = make.carry(operands[0], v.loop, v.name)
            new[v].dtype = v.dtype
        else:
            new[v] = (change and change(v, operands, new)) or again(make, v, operands)
        new[v].name, new[v].rank = new[v].name or v.name, min(new[v].rank, v.rank)
    for v in ordered(roots):
        if v.next is not None and v.next is not v:
            new[v].next = new[v.next]
    return [new[v] for v in roots]


def again(make: Maker, v: Value, operands: Sequence[Value]) -> Value:
    """Return the same operation on other operands."""
    if v.op == "step":
        assert v.loop is not None
        return make.step(operands[0], v.loop)
    if v.op == "gather":
        return make.gather(list(operands), v.name)
    if v.op == "total" and operands[0].loop is None:
        loop = v.operands[0].loop
        assert loop is not None
        return make.total(operands[0], loop)
    return make(v.op, *operands, extra=v.extra)
