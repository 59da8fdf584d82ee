"""Write the source for JAX: loops over time are scans, what they carry and add up is carried by the scan.

Arrays of JAX are never changed, so that a sum is one expression, its blocks of rows joined before they are added; a
product over all time steps has the time steps of an example side by side: it can be shared among devices by example.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tinyad.arrays.matrix import Shape
from tinyad.compiled.dialects import JAX
from tinyad.compiled.flat_sums import Term, terms_of
from tinyad.compiled.readable_source import PYTHON, ReadableSource
from tinyad.compiled.value_names import value_name
from tinyad.compiled.values import Loop, Value, schedule
from tinyad.printing.formula import Precedence, bracketed

ATOM, SUM, PRODUCT = Precedence.ATOM, Precedence.SUM, Precedence.PRODUCT


class Carried(NamedTuple):
    """What a scan carries: its name in a round, what it is first, what it is next, and its name behind the scan."""

    name: str
    first: str
    next: str
    last: str


class JaxSource(ReadableSource):
    """A readable source, as in NumPy but for loops and sums: hence a class that stands on another one's."""

    def __init__(self, roots: Sequence[Value]) -> None:
        super().__init__(roots, JAX)
        self.read: dict[Value, str] = {}  # array over time → its matrix in a round

    def _begun(self) -> list[str]:
        self.lasts = {v.operands[0]: v for v in self.order if v.op == "last"}
        over_time = [argument for argument in self.arguments if argument.over_time]
        return [
            f"    {a.name} = jnp.asarray({a.name}){f'.reshape{a.value.shape}' * (len(a.value.shape) == 4)}"
            f"  # {len(a.parts)} matrices"
            for a in over_time
        ]

    def _result(self, v: Value) -> str:
        return self._array_of(v, v.shape, v.dtype)

    # Loops

    def _loop(self, loop: Loop, indent: str) -> None:
        inside = self.inside(loop)
        steps = [v for v in inside if v.op == "step"]
        kept = [v for v in inside if v in self.kept]
        names = {v.name for v in inside if v.op != "step"}
        for v in steps:
            self._step_name(v, names)
        function, before = self.namer("backward" if loop.back else "forward"), len(self.lines)
        for part in schedule(self.order, loop):
            if isinstance(part, Loop) or part.op != "carry":
                self._part(part, indent + "    ")
            if part in self.totals:
                text = self._array_of(part, part.shape, part.dtype)
                self.lines.append(f"{indent}    {self.name(self.totals[part])} += {text}")
        for v in inside:
            if v in self.lasts and v in self.names and v.op != "carry":
                self.names[self.lasts[v]] = self.names[v]  # a round has names of its own
        carried, lines = self._carried(inside), self.lines[before:]
        xs, ys = [self._expression(v.operands[0]).text for v in steps], [self._expression(v).text for v in kept]
        result = f"{_tuple(c.next for c in carried)}, {_tuple(ys)}"
        self.lines[before:] = [
            "",
            f"{indent}def {function}({'carried' if carried else '_'}, {'given' if xs else '_' * (1 + (not carried))}):",
            *([f"{indent}    {_tuple(c.name for c in carried)} = carried"] if carried else []),
            *([f"{indent}    {_tuple(map(self.name, steps))} = given"] if xs else []),
            *lines,
            f"{indent}    return {result}",
            "",
        ]
        options = f", length={loop.n}" * (not xs) + ", reverse=True" * loop.back
        targets = f"{_tuple((c.last for c in carried), '_')}, {_tuple((self.name(self.kept[v]) for v in kept), '_')}"
        self.lines.append(
            f"{indent}{targets} = jax.lax.scan({function}, {_tuple(c.first for c in carried)}, {_tuple(xs)}{options})"
        )

    def _step_name(self, step: Value, names: set[str]) -> None:
        """Name what a round reads as the other scan does, which made it or reads it too, if that name is free; with _t
        if the round, which computes `names`, or its array is called so."""
        (source,) = step.operands
        made = source.operands[0] if source.op == "all" else None
        wished = value_name(step)
        if made in self.names and made not in self.lasts:
            self.names[step] = self.names[made]
        elif source in self.read:
            self.names[step] = self.read[source]
        elif wished in {*names, self.names.get(source)}:
            self.names[step] = self.namer(f"{wished}_t")
        self.read[source] = self.name(step)

    def _carried(self, inside: Sequence[Value]) -> list[Carried]:
        found, handed_on = [], set[Value]()
        for v in inside:
            if v.op == "carry" and v.next is not None:
                handed_on.add(v.next)
                dtype = v.next.dtype if v.dtype is None else v.dtype
                first, following = (self._array_of(w, v.shape, dtype) for w in (v.operands[0], v.next))
                last = self.name(self.lasts[v.next]) if v.next in self.lasts else "_"
                found.append(Carried(self.name(v), first, following, last))
        for v in inside:
            if v in self.totals:
                name = self.name(self.totals[v])
                found.append(Carried(name, self.new("zeros", v.shape, v.dtype, name), name, name))
            if v in self.lasts and v not in handed_on:
                text = self._array_of(v, v.shape, v.dtype)
                found.append(Carried("_", self.new("zeros", v.shape, v.dtype), text, self.name(self.lasts[v])))
        return found

    # Values

    def _line(self, v: Value, indent: str) -> None:
        if v not in self.inline:
            text = self._added(v) if v.op == "sum" else self._expression(v, whole=True).text
            self.lines.append(f"{indent}{self.name(v)} = {text}")

    def _array_of(self, v: Value, shape: Shape, dtype: Any) -> str:
        """Return a value as an array of a dtype, which a number has none of."""
        printed = self._expression(v)
        if v.op == "number":
            return f"jnp.full({shape}, {printed.text}{'' if dtype is None else f', jnp.{dtype}'})"
        if v.dtype != dtype:
            return self.dialect.cast.format(bracketed(printed, ATOM, PYTHON), self.dialect.dtype(dtype, ""))
        return bracketed(printed, SUM, PYTHON)

    def _array(self, v: Value, texts: list[str]) -> str:
        match v.op:
            case "stack":
                return self._joined(terms_of(v), v)
            case "place":
                return f"{self.new('zeros', v.shape, v.dtype)}.at[{v.extra[1]},].set(jnp.stack(({', '.join(texts)},)))"
            case "spread":
                n, begin, end = v.extra
                shape = end - begin, *v.shape[1:]
                part = texts[0] if v.operands[0].shape == shape else f"jnp.broadcast_to({texts[0]}, {shape})"
                return f"jnp.pad({part}, (({begin}, {n - end}), (0, 0), (0, 0)))"
        return super()._array(v, texts)

    def _added(self, v: Value) -> str:
        """Return a sum: its terms, and the blocks of rows among them side by side as far as they do not overlap."""
        terms = sorted(terms_of(v), key=lambda p: -p.sign)
        whole = [p for p in terms if p.rows == (0, v.shape[-2])]
        text = "" if any(p.value.shape == v.shape for p in whole) else self.new("zeros", v.shape, v.dtype)
        layers: list[list[Term]] = []
        for p in terms:
            if p not in whole:
                free = [layer for layer in layers if all(q.rows[1] <= p.at or p.rows[1] <= q.at for q in layer)]
                if not free:
                    layers.append([])
                (free or layers[-1:])[0].append(p)
        if layers and not whole:
            text = ""
        for p in whole:
            term, is_less = self._without_sign(p.value, p.sign < 0)
            part = bracketed(self._expression(term), PRODUCT, PYTHON)
            text = f"{text} {'-' if is_less else '+'} {part}" if text else f"-{part}" if is_less else part
        for layer in layers:
            part = self._joined(layer, v)
            text = f"{text} + {part}" if text else part
        return text

    def _joined(self, terms: Iterable[Term], v: Value) -> str:
        """Return blocks of rows, and zeros between them, as one array of the shape of v."""
        parts, at = [], 0
        for p in sorted(terms, key=lambda p: p.at):
            if p.at > at:
                parts.append(self.new("zeros", (*v.shape[:-2], p.at - at, v.shape[-1]), v.dtype))
            text, at = self._expression(p.value).text, p.rows[1]
            if p.sign < 0:
                text = f"-{bracketed(self._expression(p.value), Precedence.SIGN, PYTHON)}"
            shape = (*v.shape[:-2], p.value.shape[-2], v.shape[-1])
            parts.append(text if p.value.shape == shape else f"jnp.broadcast_to({text}, {shape})")
        if at < v.shape[-2]:
            parts.append(self.new("zeros", (*v.shape[:-2], v.shape[-2] - at, v.shape[-1]), v.dtype))
        return f"jnp.concatenate(({', '.join(parts)}), axis=-2)"


def _tuple(parts: Iterable[str], empty: str = "None") -> str:
    found = list(parts)
    return f"({', '.join(found)}{',' * (len(found) == 1)})" if found else empty
