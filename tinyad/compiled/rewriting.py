"""Make values, each once and in its simplest form, and rebuild them with changes, as every pass does."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array, Shape
from tinyad.compiled.operations import GIVEN, LEAVES, OPERATIONS, READ_OUTSIDE, UFUNCS
from tinyad.compiled.value_names import joined
from tinyad.compiled.values import Loop, Value, enclosing, ordered


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
                row, loop = OPERATIONS[op], _loop(operands)
                if row.in_loop in READ_OUTSIDE and loop is not None and loop is extra:
                    loop = loop.outer
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
        if over_time.op == "all" and (over_time.extra is loop or over_time.operands[0].loop is not over_time.extra):
            return over_time.operands[0]
        if len(over_time.shape) == 2:
            return over_time
        if over_time.op in ("rows", "T") and len(over_time.shape) == 3:
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
        return self("total", v, extra=loop)

    def gather(self, parts: list[Value], name: str = "") -> Value:
        """Return T matrices as one value over time."""
        first = parts[0]
        if all(part is first for part in parts):
            return first
        if first.op in ("at", "last") and len({_source(part) for part in parts}) == 1:
            source, times = _source(first), [_time(part) for part in parts]
            if times == list(range(times[0], times[0] + len(times))):
                whole = source[0] if len(source) == 1 else self("all", source[0], extra=source[1])
                return self("span", whole, extra=(times[0], times[0] + len(times)))
        constants = [_constant(part) for part in parts]
        if all(a is not None for a in constants):
            every = np.array(constants, first.dtype)
            whole = self.leaf("constant", every.tobytes(), every.shape, first.dtype, "constant")
            return self.leaf("given", (whole,), every.shape, first.dtype, name or "constant")
        if all(part.op in GIVEN for part in parts):
            return self.leaf("given", tuple(parts), (len(parts), *first.shape), first.dtype, name)
        if all(_is_given(part) and part.loop is first.loop for part in parts):
            loop, given = first.loop, tuple(zip(*(part.operands[0].extra for part in parts), strict=True))
            assert loop is not None
            shape = loop.n, len(parts), *first.shape
            return self.step(self.leaf("given", given, shape, first.dtype, first.name), loop)
        return self("gather", *parts, name=name)

    # Simplifications: each returns a simpler value, or None.

    def _T(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (a,) = operands
        return a.operands[0] if a.op == "T" else a if a.shape[-2:] == (1, 1) else None

    def _dot(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        x, y = operands
        if x.dtype != y.dtype:
            return None
        return x if _is_one(y) else y if _is_one(x) else None

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
        (v,), loop = operands, extra
        if v.loop is not loop:
            return v if len(v.shape) == 2 else None
        if v.op == "step":
            return v.operands[0]
        if v.op in ("rows", "T") and len(v.shape) == 2:
            return self(v.op, self("all", *v.operands, extra=loop), extra=v.extra, name=v.name)
        return None

    def _at(self, operands: tuple[Value, ...], t: Any) -> Value | None:
        (v,) = operands
        if len(v.shape) == 2:
            return v
        if v.op in ("gather", "given"):
            parts: Any = v.operands or v.extra
            if isinstance(parts[0], Value) and parts[0].op == "constant" and len(parts[0].shape) == 3:
                one = _constant(parts[0])[int(t)]  # type: ignore[index]
                return self.leaf("constant", one.tobytes(), one.shape, one.dtype, "constant")
            part = parts[int(t)]
            return part if isinstance(part, Value) else self.leaf("given", part, v.shape[1:], v.dtype, v.name)
        if v.op == "span":
            return self("at", *v.operands, extra=int(t + v.extra[0]))
        loop = v.extra
        if v.op == "all" and (t == loop.last_round or v.operands[0].loop is not loop):
            return self("last", *v.operands, extra=loop)
        return self(v.op, self("at", *v.operands, extra=t), extra=v.extra) if v.op in ("rows", "T") else None

    def _span(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return v if len(v.shape) == 2 or extra == (0, v.shape[0]) else None

    def _last(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,), loop = operands, extra
        if v.loop is not loop:
            return v
        if v.op == "step":
            return self("at", *v.operands, extra=extra.last_round)
        return self(v.op, self("last", *v.operands, extra=loop), extra=v.extra) if v.op in ("rows", "T") else None

    def _total(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,), loop = operands, extra
        return None if v.loop is loop else self("*", self.number(loop.n), v)

    def _over(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return self("rows", self("over", *v.operands), extra=v.extra) if v.op == "rows" else None

    def _cols(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        if v.op == "T":
            return self("T", self("long", *v.operands))
        if v.op == "rows":
            return self("rows", self("cols", *v.operands), extra=v.extra)
        return self("T", self("long", self("T", v))) if v.shape[2] == 1 else None  # which needs no memory

    def _long(self, operands: tuple[Value, ...], extra: Any) -> Value | None:
        (v,) = operands
        return self("T", self("cols", *v.operands)) if v.op == "T" and v.shape[1] > 1 else None


def repeated(v: Value, among: Container[Value] | None = None) -> Value:
    """Return the row, column or number that v repeats by products with ones, those `among` if given; v for others."""
    while v.op == "dot" and (among is None or v in among):
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


def _is_one(v: Value) -> bool:
    """Return whether it is a single 1, with which a product is its other factor."""
    return v.op == "ones" and v.shape == (1, 1)


def _is_given(v: Value) -> bool:
    """Return whether it is one of the arguments that are given for all rounds, in its round."""
    return v.op == "step" and v.operands[0].op == "given" and len(v.operands[0].extra) == v.operands[0].shape[0]


def _constant(v: Value) -> Array | None:
    """Return the numbers of a constant; None for another value."""
    if v.op == "constant":
        return np.frombuffer(v.extra, v.dtype).reshape(v.shape)
    if v.op in ("ones", "zeros"):
        return np.full(v.shape, v.op == "ones", v.dtype)
    return np.ones(v.shape, v.dtype) if v.op == "T" and v.operands[0].op == "ones" else None


def _source(part: Value) -> Any:
    """Return what an "at" or "last" is taken from: a value over time, or one in a loop and the loop."""
    if part.op not in ("at", "last"):
        return None
    (v,) = part.operands
    if part.op == "last":
        return v, part.extra
    return (v.operands[0], v.extra) if v.op == "all" else (v,)


def _time(part: Value) -> int:
    return int(part.extra) if part.op == "at" else part.extra.last_round


def _loop(operands: Iterable[Value]) -> Loop | None:
    """Return the innermost of the loops that the operands are in."""
    loops = {v.loop for v in operands} - {None}
    inner = max(loops, key=lambda loop: len(enclosing(loop)), default=None)
    assert loops.issubset(enclosing(inner)), "a value of one loop in another"
    return inner


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
    order = ordered(roots)
    for v in order:
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
    for v in order:
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
    return make(v.op, *operands, extra=v.extra)
