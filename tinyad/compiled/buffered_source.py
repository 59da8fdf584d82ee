"""Write the fast source: every result goes to memory planned before, and nothing is allocated in a loop.

`prepared()` allocates it once, for the `program` that it returns: arrays over time for what is read later, turns of two
for what is only carried, scratch for the rest; a result gets the memory of one that nothing reads any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tinyad.arrays.matrix import Shape
from tinyad.compiled.buffers import Places
from tinyad.compiled.flat_sums import gaps, terms_of
from tinyad.compiled.line_breaks import folded
from tinyad.compiled.operations import LEAVES, OPERATIONS, UFUNCS, filled
from tinyad.compiled.set_up import SetUp, together, view_lines
from tinyad.compiled.source_writer import Writer
from tinyad.compiled.value_names import value_name
from tinyad.compiled.values import Loop, Value, schedule

NUMPY = (
    "add",
    "concatenate",
    "divide",
    "empty",
    "exp",
    "matmul",
    "multiply",
    "ndarray",
    "negative",
    "reciprocal",
    "subtract",
    "vdot",
)
REDUCED = {
    "column_max": ("maximum", -2),
    "row_max": ("maximum", -1),
    "entries": ("add", (-2, -1)),
}  # and along which axes
TURNS = """def turns(pair, n, first):
    return [pair[(first + t) % 2] for t in range(n)]"""


Emit = Callable[[str], None]  # write a statement


class BufferedSource(Writer):
    TAKEN = (*NUMPY, *UFUNCS.values(), "dot", "turns")

    def __init__(self, roots: Sequence[Value]) -> None:
        super().__init__(roots)
        self.line = schedule(self.order)
        self.places = Places(self, self.line)
        self.made = SetUp()
        self.lines: list[str] = []  # lines of program()
        self.bytes = 0
        self.inner: list[str] = []  # lines of a loop
        self.columns: dict[Loop, dict[str, str]] = {}  # of a loop: name → what it is in each round
        self.rounds_of: dict[Any, str] = {}  # an array over time → the name of its matrix, in all loops
        self.known: dict[Value, str] = {}
        self.over_time: dict[Value, str] = {}  # the arrays of values in loops
        self.totals = {v.operands[0]: v for v in self.order if v.op == "total"}
        self.blocks: dict[tuple[Value, int, int], Value] = {}
        self.numbers: dict[str, str] = {}
        self.scalars: dict[Value, str] = {}
        self.flat: dict[tuple[Value, Shape], str] = {}  # all entries of a value as one row or column

    def text(self, results: Sequence[Value], comments: Sequence[str]) -> str:
        for argument in self.arguments:
            if argument.over_time:
                n, rows, columns = argument.value.shape
                below = f"{self.ref(argument.value)}.reshape{n * rows, columns}"
                self.lines.append(f"concatenate({argument.name}, 0, {below})")
            elif argument.value.op == "given":
                self.lines.append(f"{self.ref(argument.value)}[...] = {argument.name}")
        for part in self.line:
            if isinstance(part, Loop):
                self._loop(part)
            else:
                self._statement(part, self.lines)
        before = len(self.lines)
        returned = [self._result(v) for v in results]
        blocks = [
            (name, _base(text), text) for name, _, text in (line.partition(" = ") for line in self.lines[before:])
        ]
        program = [
            *(f"# {line}" for line in comments),
            *self.lines[:before],
            *view_lines(blocks),
            f"return {', '.join(returned)}{',' * (len(results) == 1)}",
        ]
        begin = f"def program({', '.join(argument.name for argument in self.arguments)}):"
        set_up = ["# memory, by all its names, and views of it", *self.made.all(), ""]
        inside = [*set_up, begin, *(f"    {line}" for line in program), "", "return program"]
        body = "\n".join(["def prepared():", *(folded(f"    {line}".rstrip()) for line in inside)])
        used = {"ndarray", *re.findall(r"\w+", body)}
        head = f"import numpy as np\nfrom numpy import {', '.join(sorted({*NUMPY, *UFUNCS.values()} & used))}"
        helpers = [self.dialect.definitions[name] for name in self.helpers] + [TURNS] * ("turns" in used)
        return "\n\n\n".join([f"{head}\n\ndot = ndarray.dot", *helpers, f"{body}\n"])

    def memory(self) -> int:
        return self.bytes

    def _result(self, v: Value) -> str:
        text = self.ref(v)
        return text if self.places.is_own(v) else f"{text}.copy()"

    # Names of places

    def ref(self, v: Value) -> str:
        """Return the name of a value where a statement reads or writes it."""
        if v not in self.known:
            self.known[v] = self._reference(v)
        return self.known[v]

    def _reference(self, v: Value) -> str:
        if v in self.names and v.op != "given":
            return self.names[v]
        if v.op in LEAVES and v.op != "given":
            return self.made.new(self.namer(v.op), self.leaf(v))
        if v.loop is not None:
            over = self._over(v)
            if over is not None:
                name = self.rounds_of.setdefault(self._rounds(v), "") or self.name(v)
                self.columns[v.loop][name] = over
                self.rounds_of[self._rounds(v)] = name
                return name
        if v.op == "last" and v.operands[0] not in self.places.arrays:
            return self.ref(v.operands[0])
        text = self._view(v)
        if text is None:
            return self._scratch(v)
        if text.isidentifier():
            return text
        if self.places.is_local(v):
            name = self.name(v)
            self.lines.append(f"{name} = {text}")
            return name
        return self.made.view(self.name(v), _base(text), text)

    def _scratch(self, v: Value) -> str:
        home = self.places.homes.get(v)
        if home is not None:
            return self.ref(self._block(home[0], home[1], home[1] + v.shape[-2], value_name(v)))
        if self.places.is_local(v):
            return self.name(v)
        name = self.namer(f"{self.names[v]}_t") if v.op == "given" else self.name(v)
        return self._memory(v, v.shape, name)

    def _memory(self, v: Value, shape: Shape, name: str) -> str:
        """Name the memory of a value, an array of a shape: new memory, or that of what had it before."""
        buffer = self.places.buffer(v)
        if buffer.name:
            same = buffer.shape == shape
            return self.made.view(name, buffer.name, buffer.name if same else f"{buffer.name}.reshape{shape}")
        buffer.name, buffer.shape = name, shape
        self.bytes += buffer.size * v.dtype.itemsize
        return self.made.new(name, f"empty({shape}{'' if v.dtype == float else f', np.{v.dtype}'})")

    def _block(self, v: Value, begin: int, end: int, name: str = "") -> Value:
        """Return rows of a value's memory as a value, whatever they hold; `name` is that of what they hold."""
        if (begin, end) == (0, v.shape[-2]):
            return v
        key = v, begin, end
        if key not in self.blocks:
            shape = (*v.shape[:-2], end - begin, v.shape[-1])
            self.blocks[key] = Value("rows", (v,), (begin, end), shape, v.dtype, v.loop)
            self.blocks[key].name = name or v.name
        return self.blocks[key]

    def _view(self, v: Value) -> str | None:
        """Return a value that is a view of another as an expression; None if it is no view."""
        if v.op == "long" and v not in self.places.views:
            return None
        if v.op in ("rows", "T") and self.places.is_local(v) and len(v.shape) == 2:
            block = self._block_of_both(v)
            if block is not None:
                return block
        if v.op in ("rows", "T", "at", "span", "long", "narrow"):
            return self.operation(v, [self.ref(v.operands[0])])
        if v.op == "all":
            return self._array(v.operands[0])[0]
        if v.op == "last":
            text, turn = self._array(v.operands[0])
            loop = v.operands[0].loop
            assert loop is not None
            if turn is None:
                return f"{text}[{0 if loop.back else -1}]"
            return f"{text}[{(loop.n - 1 + turn) % 2}]"
        return None

    def _block_of_both(self, v: Value) -> str | None:
        """Return rows of a transposed value, transposed, and the like as one block, a[0:5, 3:8]; None of others."""
        rows, columns, turned = (0, v.shape[0]), (0, v.shape[1]), False
        while v.op in ("rows", "T"):
            if v.op == "T":
                rows, columns, turned = columns, rows, not turned
            else:
                rows = rows[0] + v.extra[0], rows[1] + v.extra[0]
            (v,) = v.operands
        if turned or columns == (0, v.shape[1]):
            return None
        return f"{self.ref(v)}[{rows[0]}:{rows[1]}, {columns[0]}:{columns[1]}]"

    def _over(self, v: Value) -> str | None:
        """Return a sequence of a loop value's memory by round, as text; None if it is the same in every round."""
        text, turn = self._rounds(v)
        assert v.loop is not None
        if text is None:
            return None
        if turn is not None:
            return f"turns({text}, {v.loop.n}, {turn})"
        return f"{text}[::-1]" if v.loop.back else text

    def _rounds(self, v: Value) -> tuple[str | None, int | None]:
        if v.op == "step":
            (source,) = v.operands
            return self._rounds(source.operands[0]) if source.op == "all" else (self.ref(source), None)
        if v in self.places.homes:
            container, at = self.places.homes[v]
            text, turn = self._rounds(container)
            return text and f"{text}[:, {at}:{at + v.shape[-2]}]", turn
        if v.op in ("rows", "T"):
            if v.operands[0].loop is None:
                return None, None
            text, turn = self._rounds(v.operands[0])
            return text and filled(OPERATIONS[v.op].over_time, v, [text]), turn
        return self._array(v) if v in self.places.arrays else (None, None)

    def _array(self, v: Value) -> tuple[str, int | None]:
        """Return the array over time of a value in a loop, and with two in turn, which one is first."""
        owner, is_next, kept = self.places.arrays[v]
        loop = v.loop
        assert loop is not None
        if owner not in self.over_time:
            rounds = 2 if not kept else loop.n + (owner.op == "carry")
            shape = (rounds, *owner.shape)
            named = owner.next.name if owner.next is not None else owner.name
            wished = named or ("state" if owner.op == "carry" else value_name(owner))
            name = self.namer(wished + "s")
            self.over_time[owner] = name
            self._memory(owner, shape, name)
        name = self.over_time[owner]
        if not kept:
            return name, int(is_next)
        if owner.op != "carry":
            return name, None
        return (f"{name}[:-1]" if is_next == loop.back else f"{name}[1:]"), None

    # Statements

    def _loop(self, loop: Loop) -> None:
        self.columns[loop], self.inner = {}, []
        inside = self.inside(loop)
        firsts = []
        for v in inside:
            if v.op == "carry":
                array, (_, _, kept) = self._array(v)[0].partition("[")[0], self.places.arrays[v]
                first = "0" if v.operands[0].op == "zeros" else self.ref(v.operands[0])
                firsts.append((f"{array}[{-1 if kept and loop.back else 0}]", first))
            if v in self.totals:
                self.lines.append(f"{self.ref(self.totals[v])}.fill(0)")
        self.lines += together(firsts)
        for v in inside:
            self._statement(v, self.inner)
            if v in self.totals:
                total = self.ref(self.totals[v])
                self.inner.append(f"add({total}, {self.ref(v)}, {total})")
        name = self.namer("back" if loop.back else "rounds")
        columns = self.columns[loop]
        self.made.lines.append(f"{name} = list(zip({', '.join(columns.values())}))")
        order = "back, from the last to the first" if loop.back else "from the first to the last"
        self.lines.append(f"# {loop.n} time steps {order}")
        self.lines.append(f"for {', '.join(columns)}{',' * (len(columns) == 1)} in {name}:")
        self.lines += [f"    {line}" for line in self.inner]

    def _statement(self, v: Value, lines: list[str]) -> None:
        """Write the statements that compute a value, if it needs any."""
        if v in self.places.views or v.op in LEAVES or v.op == "total":
            return
        emit = lines.append
        if v.op in ("sum", "stack"):
            self._sum(v, emit)
        elif v.op == "beside":
            emit(f"concatenate(({', '.join(self._operand(part, v) for part in v.operands)}), 1, {self.ref(v)})")
        elif v.op == "gather":
            for t, part in enumerate(v.operands):
                emit(f"{self.ref(v)}[{t}] = {self.ref(part)}")
        elif v.op in ("place", "spread"):
            out = self.ref(v)
            emit(f"{out}.fill(0)")
            times = v.extra[1] if v.op == "place" else [f"{v.extra[1]}:{v.extra[2]}"]
            for t, part in zip(times, v.operands, strict=True):
                emit(f"{out}[{t}] = {self.ref(part)}")
        else:
            parts = [self._operand(operand, v) for operand in v.operands]
            self._computed(v, parts, emit)

    def _computed(self, v: Value, parts: list[str], emit: Emit) -> None:
        out, is_made = self.ref(v), self.places.is_made(v)
        if v.op in UFUNCS or v.op == "dot":
            function = UFUNCS.get(v.op, "dot" if len(v.shape) == 2 else "matmul")
            arguments = ", ".join(parts)
            into = f"out={out}" if v.op in ("maximum", "minimum") else out  # which NumPy takes by name only
            emit(f"{out} = {function}({arguments})" if is_made else f"{function}({arguments}, {into})")
        elif v.op == "sigmoid":
            emit(f"{out} = negative({parts[0]})" if is_made else f"negative({parts[0]}, {out})")
            emit(f"exp({out}, {out})")
            emit(f"add({out}, {self._number(1.0, v)}, {out})")
            emit(f"reciprocal({out}, {out})")
        elif v.op == "over":
            emit(f"{out} = add.reduce({parts[0]}, 0)" if is_made else f"add.reduce({parts[0]}, 0, None, {out})")
        elif v.op == "inner":
            self._inner(v, parts, emit)
        elif v.op in REDUCED:
            function, axis = REDUCED[v.op]
            emit(f"{function}.reduce({parts[0]}, {axis}, None, {out}, True)")
        elif v.op == "copy":
            emit(f"{out}[...] = {parts[0]}")
        elif v.op in ("cols", "long"):
            self._laid_out(v, parts[0], emit)
        else:
            emit(f"{out}[...] = {self.operation(v, parts)}")

    def _inner(self, v: Value, parts: list[str], emit: Emit) -> None:
        """Write the inner product of two matrices, as one of a row with a column where their memory is one piece."""
        out, is_made = self.ref(v), self.places.is_made(v)
        if all(map(self.places.is_one_piece, v.operands)):
            row, column = (self._flat(*part) for part in zip(v.operands, ((1, -1), (-1, 1)), strict=True))
            emit(f"{out} = dot({row}, {column})" if is_made else f"dot({row}, {column}, {out})")
        else:
            product = f"vdot({', '.join(parts)})"
            emit(f"{out} = {product}.reshape(1, 1)" if is_made else f"{out}[0, 0] = {product}")

    def _flat(self, v: Value, shape: tuple[int, int]) -> str:
        """Return all entries of a value as one row or column."""
        if (v, shape) not in self.flat:
            name, text = f"{'row' if shape[0] == 1 else 'column'}_of_{value_name(v)}", self.ref(v)
            self.flat[v, shape] = self.made.view(self.namer(name), _base(text), f"{text}.reshape{shape}")
        return self.flat[v, shape]

    def _laid_out(self, v: Value, source: str, emit: Emit) -> None:
        """Copy T matrices side by side, or one below the other, by one assignment between views."""
        n, rows, columns = v.operands[0].shape
        turned = v.op == "cols"
        shape = (rows, n, columns) if turned else (n, rows, columns)
        emit(f"{self.ref(v)}.reshape{shape}[...] = {source}{'.transpose(1, 0, 2)' * turned}")

    def _operand(self, operand: Value, v: Value) -> str:
        if operand.op == "T" and operand.loop is None and v.loop is None and self.uses[operand] == 1:
            return self.operation(operand, [self.ref(*operand.operands)])
        if operand.op == "number":
            return self._number(operand.extra, v)
        is_scaled = v.op in (*UFUNCS, "sum") and operand.shape == (1, 1) and v.shape != (1, 1)
        return self._scalar(operand) if is_scaled and operand.loop is None else self.ref(operand)

    def _scalar(self, v: Value) -> str:
        """Return a 1×1 value as an array of no dimensions, which NumPy repeats faster."""
        if v not in self.scalars:
            name, text = self.namer(f"{value_name(v)}_scalar"), f"{self.ref(v)}.reshape(())"
            if self.places.is_local(v):
                self.lines.append(f"{name} = {text}")
            else:
                self.made.view(name, _base(text), text)
            self.scalars[v] = name
        return self.scalars[v]

    def _number(self, number: float, v: Value) -> str:
        """Return a number as an array of no dimensions, which NumPy takes faster than a float."""
        text = f"np.array({number!r}, np.{v.dtype})"
        if text not in self.numbers:
            self.numbers[text] = self.made.new(self.namer("one" if number == 1 else "number"), text)
        return self.numbers[text]

    def _sum(self, v: Value, emit: Emit) -> None:
        settled = [p for p in terms_of(v) if self.places.homes.get(p.value) == (v, p.at)]
        terms = [p for p in terms_of(v) if p not in settled]
        begun = [p.rows for p in settled]
        terms.sort(key=lambda p: -p.value.shape[-2])
        rows = v.shape[-2]
        if v.op == "stack" and not settled and v.loop is None and len(v.shape) == 2:
            emit(f"concatenate(({', '.join(self._operand(p.value, v) for p in terms_of(v))}), 0, {self.ref(v)})")
            return
        full = sorted((p for p in terms if p.rows == (0, rows)), key=lambda p: -p.sign)
        if not begun and len(full) > 1:
            a, b = full[:2]
            if a.sign > 0:
                function = "add" if b.sign > 0 else "subtract"
                emit(f"{function}({self._operand(a.value, v)}, {self._operand(b.value, v)}, {self.ref(v)})")
                terms = [p for p in terms if p is not a and p is not b]
                begun.append((0, rows))
        for p in terms:
            inside = [r for r in begun if r[0] < p.rows[1] and p.rows[0] < r[1]]
            if not inside and p.sign > 0:
                write, number = emit, _number(p.value)
                if number and self._has_memory_alone(v):  # written once
                    write = self.made.lines.append
                write(f"{self._part(v, *p.rows)} = {number or self._operand(p.value, v)}")
            else:
                self._cleared(v, inside or [p.rows], p.rows, emit)
                part = self.ref(self._block(v, *p.rows))
                function = "negative(" if not inside else f"add({part}, " if p.sign > 0 else f"subtract({part}, "
                emit(f"{function}{self._operand(p.value, v)}, {part})")
            if not any(a <= p.at and p.rows[1] <= b for a, b in inside):
                begun.append(p.rows)
        self._cleared(v, begun, (0, rows), emit)

    def _has_memory_alone(self, v: Value) -> bool:
        """Return whether nothing else is written to the memory of a stack."""
        outside = v.op == "stack" and v.loop is None and v not in self.places.homes and v not in self.places.own
        return outside and self.places.buffer(v).users == 1

    def _part(self, v: Value, begin: int, end: int) -> str:
        """Return rows of a value's memory as an assignment target; in a loop a view made before."""
        if v.loop is not None or (begin, end) == (0, v.shape[-2]):
            return f"{self.ref(self._block(v, begin, end))}[...]"
        return f"{self.ref(v)}[{':, ' * (len(v.shape) - 2)}{begin}:{end}]"

    def _cleared(self, v: Value, begun: list[tuple[int, int]], within: tuple[int, int], emit: Emit) -> None:
        """Write zeros to the rows that nothing has been written to."""
        for begin, end in gaps(begun, within[1], within[0]):
            emit(f"{self.ref(self._block(v, begin, end))}.fill(0)")


def _number(v: Value) -> str:
    """Return the number that all entries are, as text; "" if they are not known to be one."""
    whole = v.operands[0] if v.op == "T" else v
    return {"ones": "1", "zeros": "0"}.get(whole.op, "")


def _base(text: str) -> str:
    """Return the name of what a view is a view of."""
    return text.partition("[")[0].partition(".")[0]
