"""Plan the memory of every result: arrays over time, blocks of a stack, and buffers that are reused once read."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyad.arrays.matrix import Shape
from tinyad.compiled.flat_sums import terms_of
from tinyad.compiled.operations import COMPARISONS, COMPONENTS, LEAVES, UFUNCS, VIEWS
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.values import Loop, Value, ordered

if TYPE_CHECKING:
    from tinyad.compiled.source_writer import Writer

# What can write its result into a given block.
PLACED = (*COMPONENTS, "dot", "sum", "stack", "over", "gather", "cols")
# What can make the array of a result; a comparison writes numbers only into a place that it is given.
FRESH = {*UFUNCS, "dot", "sigmoid", "over", "inner"} - {*COMPARISONS}


def add_copies(roots: list[Value], make: Maker) -> list[Value]:
    """Add copies: of carried states and of what is kept over time, where they are no results of their own, and of a
    transposed left factor of many products, because BLAS then takes a product of few columns faster."""
    taken: set[Value] = set()
    copied: dict[Value, Value] = {}
    order = ordered(roots)
    for v in order:
        if v.next is not None:
            fresh = v.next.loop is v.loop and v.next.op not in (*VIEWS, *LEAVES)
            if not fresh or v.next in taken:
                copied[v] = v.next
            taken.add(v.next)

    def change(v: Value, operands: list[Value], new: dict[Value, Value]) -> Value | None:
        if v.op == "all" and operands[0].op in VIEWS and operands[0].op not in ("carry", "all"):
            return make("all", make("copy", operands[0]), extra=v.extra)
        if v.op != "dot" or (v.loop is None and len(v.shape) == 2):
            return None
        left = operands[0]
        is_turned = left.op == "T" and left.operands[0].op != "ones"
        laid_out = is_turned and left.loop is None and len(left.shape) == 2
        if not laid_out:
            return None
        whole = left.operands[0]
        if whole.op == "stack" and all(part.op == "T" for part in whole.operands):
            return make("dot", make("beside", *(part.operands[0] for part in whole.operands)), operands[1])
        return make("dot", make("copy", left), operands[1])

    new: dict[Value, Value] = {}
    roots = rebuilt(roots, make, change, new)
    for k, (v, following) in enumerate(copied.items()):
        copy = Value("copy", (new[following],), k, v.shape, v.dtype, v.loop)
        copy.name, copy.rank = v.name and f"{v.name}_copy", 2**40 + k
        new[v].next = copy
    return roots


class Buffer:
    """Memory that several results use one after the other."""

    def __init__(self, size: int) -> None:
        self.size, self.users, self.name, self.shape = size, 0, "", Shape()


class Places:
    def __init__(self, writer: Writer, line: Sequence[Value | Loop]) -> None:
        self.writer, order = writer, writer.order
        self.arrays: dict[Value, tuple[Value, bool, bool]] = {}  # (whose array, is it the next, is it kept over time)
        kept = {v.operands[0] for v in order if v.op == "all"}
        for v in order:
            if v.op == "carry" and v.next is not None:
                both = v in kept or v.next in kept
                self.arrays[v], self.arrays[v.next] = (v, False, both), (v, True, both)
        self.arrays |= {v: (v, False, True) for v in order if v in kept and v not in self.arrays}
        self._read_in_loops = {self._base(o) for v in order if v.loop is not None for o in v.inputs() if o.loop is None}
        bases = {self._base(v) for v in writer.roots}
        alone = {v for v in bases if v.loop is None and v not in self._read_in_loops}
        self.own = {v for v in alone if v.op in FRESH}
        self.begins: dict[Value, Value] = {}  # of a sum that is a result: the term that is computed in its memory
        self.homes: dict[Value, tuple[Value, int]] = {}
        for v in order:
            if v.op in ("sum", "stack"):
                self._settle(v)
        self._begin({v for v in alone if v.op == "sum"})
        strided = {
            v for v in order if v.op == "long" and self._base(v) not in self.own and self._is_strided(v.operands[0])
        }
        self.views = {v for v in order if v.op in VIEWS and v not in strided}
        self._buffers: dict[Value, Buffer] = {}
        self._plan(line)

    def _base(self, v: Value) -> Value:
        """Return the value that a view outside the loops is a view of."""
        while v.op in ("rows", "T", "at", "span", "long", "narrow") and v.operands:
            (v,) = v.operands
        return v

    def _is_strided(self, v: Value) -> bool:
        """Return whether its matrices are not contiguous, so that reshaping them into one is a copy."""
        if v.op == "T" and 1 in v.shape[1:]:
            return self._is_strided(v.operands[0])
        return v.op in ("rows", "T") or v in self.homes

    def is_one_piece(self, v: Value) -> bool:
        """Return whether the entries of a value outside the loops follow one another in the workspace."""
        made = v.operands[0] if v.op == "all" else v
        strided = made in self.homes and len(v.shape) > 2
        is_view = made.op in VIEWS and made.op != "carry"
        return v.loop is None and not (is_view or strided or self.is_local(v) or v.op == "last")

    def is_local(self, v: Value) -> bool:
        """Return whether program() allocates it in every run: a result, or a view of an argument."""
        base = self._base(v)
        given = base.op in ("leaf", "seed") or (base.op == "constant" and base in self.writer.names)
        return v.loop is None and (base in self.own or given)

    def is_made(self, v: Value) -> bool:
        """Return whether the statement of a value makes its array."""
        return v in self.begins or self.is_local(v)

    def is_own(self, v: Value) -> bool:
        """Return whether a result belongs neither to the workspace nor to an argument."""
        return self._base(v) in self.own

    def buffer(self, v: Value) -> Buffer:
        return self._buffers[v]

    def _settle(self, v: Value) -> None:
        """Give the terms that can be computed in their rows of a sum or stack these rows as memory."""
        terms = sorted(terms_of(v), key=lambda p: -p.value.shape[-2])
        counts, settled = np.zeros(v.shape[-2], int), np.zeros(v.shape[-2], bool)  # of the terms at each row
        for p in terms:
            counts[slice(*p.rows)] += 1
        for p in terms:
            part = p.value
            if part in self.homes or part in self.arrays or part in self.own or part.op not in PLACED or p.sign < 0:
                continue
            if part.loop is not v.loop or part.dtype != v.dtype or len(part.shape) != len(v.shape):
                continue
            if part.shape[-1] != v.shape[-1] or part in self.writer.roots:
                continue
            rows = slice(*p.rows)
            if settled[rows].any() or (counts[rows].max(initial=0) > 1 and self.writer.uses[part] > 1):
                continue
            self.homes[part] = v, p.at
            settled[rows] = True

    def _begin(self, results: set[Value]) -> None:
        """Let a sum that is a result begin with the array that its first term makes."""
        for part, (v, _) in self.homes.items():
            if v in results and part.shape == v.shape and part.op in FRESH:
                self.begins[part] = v
                self.own.add(v)

    def storage(self, v: Value) -> Value:
        """Return the value whose buffer holds v."""
        while True:
            if v in self.homes:
                v = self.homes[v][0]
            elif v in self.arrays:
                return self.arrays[v][0]
            elif v in self.views or v.op == "rows":  # of the place of a value too
                (v,) = v.operands
            else:
                return v

    def _plan(self, line: Sequence[Value | Loop]) -> None:
        """Assign buffers, from the statements that first write and last read each storage."""
        first: dict[Value, int] = {}
        last: dict[Value, int] = {}
        statements: dict[int, Value] = {}
        n = 0

        def touch(v: Value, at: int) -> None:
            root = self.storage(v)
            first[root] = min(first.get(root, at), at)
            last[root] = max(last.get(root, at), at)

        for part in line:
            if isinstance(part, Value):
                n += 1
                statements[n] = part
                if part not in self.views:
                    for v in (part, *part.operands):
                        touch(v, 0 if part.op == "given" else n)  # which is filled first
                continue
            start, inside = n + 1, self.writer.inside(part)
            end = start + len(inside) + 1
            for v in self.writer.order:
                if v.op == "total" and v.operands[0].loop is part:
                    touch(v, start)
            for k, v in enumerate(inside, start + 1):
                statements[k] = v
                for read in (v, *v.inputs()):
                    root = self.storage(read)
                    if root.loop is not part or root in self.arrays:
                        touch(read, start)
                        touch(read, end)
                    elif v not in self.views:
                        touch(read, k)
            n = end
        n += 1
        for v in self.writer.order:
            if v.op == "last" and v.operands[0] not in self.arrays:
                last[self.storage(v)] = n  # scratch of a loop that is read behind it
        for v in self.writer.roots:
            touch(v, n)
        free: dict[Any, list[tuple[int, Value, Buffer]]] = defaultdict(list)
        for root in sorted(first, key=lambda v: (first[v], v.rank)):
            if (root.op in LEAVES and root.op != "given") or root in self.own:
                continue
            loop = root.loop if root not in self.arrays else None
            size = self._size(root)
            buffers = free[loop, size, root.dtype]
            buffer = self._read_before(buffers, first[root], root, statements.get(first[root])) or Buffer(size)
            self._buffers[root] = buffer
            buffer.users += 1
            insort(buffers, (last[root], root, buffer), key=lambda known: known[0])

    def _read_before(
        self, buffers: list[tuple[int, Value, Buffer]], at: int, root: Value, statement: Value | None
    ) -> Buffer | None:
        """Return a buffer that nothing reads any more; a component-wise operation may overwrite its operand, unless it
        is one number, for which NumPy takes longer then."""
        for k, (until, before, buffer) in enumerate(buffers):  # in the order of their last reading
            if until > at:
                break
            over_it = statement is root and root.op in COMPONENTS and before in root.operands
            if until < at or (over_it and before.shape == root.shape and prod(root.shape) > 1):
                del buffers[k]
                return buffer
        return None

    def _size(self, root: Value) -> int:
        if root not in self.arrays:
            return prod(root.shape)
        _, _, kept = self.arrays[root]
        assert root.loop is not None
        return prod(root.shape) * (2 if not kept else root.loop.n + (root.op == "carry"))
