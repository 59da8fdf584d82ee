"""Write the source as a person would: forward lines, then backward lines with = and +=, in the author's names."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.compiled.line_breaks import folded
from tinyad.compiled.operations import COMPARISONS, COMPONENTS, GIVEN, LEAVES, OPERATIONS, template
from tinyad.compiled.rewriting import repeated
from tinyad.compiled.source_writer import Writer
from tinyad.compiled.values import Loop, Value, schedule
from tinyad.printing.formula import Grammar, Notation, Precedence, Printed, applied, bracketed

ATOM, PRODUCT = Precedence.ATOM, Precedence.PRODUCT
COMPARED = Precedence.SUM, Precedence.SUM, Precedence.COMPARISON


GRAMMAR = Grammar(
    {"+": Precedence.SUM, "-": Precedence.SUM, "*": PRODUCT, "/": PRODUCT, "dot": PRODUCT},
    {"neg": (Precedence.SIGN, Precedence.SIGN)},
    Precedence.SIGN,
    associative=False,
    binary={"**": (ATOM, Precedence.SIGN, Precedence.POSTFIX), **dict.fromkeys(COMPARISONS, COMPARED)},
)
SIGNS = (*GRAMMAR.infix, *GRAMMAR.unary, *GRAMMAR.binary)  # operations that Python has signs for
PYTHON = Notation(
    {"()": "(%s)"} | {op: OPERATIONS[op].numpy.format("%s", "%s") for op in SIGNS}, {}, str, str, str, GRAMMAR
)


NOWHERE = ("all", "total")  # filled in the loop
DEEP = 8  # expressions within expressions


class ReadableSource(Writer):
    """A program in a dialect: its `text`."""

    def text(self, results: Sequence[Value], comments: Sequence[str]) -> str:
        self.kept = {v.operands[0]: v for v in self.order if v.op == "all"}
        self.totals = {v.operands[0]: v for v in self.order if v.op == "total"}
        self.lasts = {v.operands[0]: v for v in self.order if v.op == "last" and v.operands[0].op == "carry"}
        self.stays = {v.operands[0] for v in self.order if v.op == "last"}
        self.stays |= {v.next for v in self.order if v.next is not None} | set(self.roots)
        self.inline = self._inlined()
        self.lines = self._begun()
        arguments = ", ".join(argument.name for argument in self.arguments)
        for part in schedule(self.order):
            self._part(part, "    ")
        returned = ", ".join(self._result(v) for v in results)
        lines = [
            f"def program({arguments}):",
            *(f"    # {line}" for line in [*comments, *self.borrowed()]),
            *self.lines,
            f"    return {returned}{',' * (len(results) == 1)}",
        ]
        head = [self.dialect.imports, *(self.dialect.definitions[name] for name in self.helpers)]
        return "\n\n\n".join([*head, self.dialect.decorator + "\n".join(map(folded, lines))]) + "\n"

    def _begun(self) -> list[str]:
        """Return the lines before the first value."""
        return [f"    {a.name} = {a.name}.reshape{a.value.shape}" for a in self.arguments if len(a.value.shape) == 4]

    def _result(self, v: Value) -> str:
        """Return a result as an expression; one that is part of an argument is copied, as it belongs to the caller."""
        base = v
        while base.op in ("rows", "T", "at", "span"):
            (base,) = base.operands
        printed = self._expression(v)
        is_given = base.op in GIVEN and printed.precedence == ATOM
        return self.dialect.copied.format(printed.text) if is_given else printed.text

    def _part(self, part: Value | Loop, indent: str) -> None:
        if isinstance(part, Loop):
            self._loop(part, indent)
        elif part.op not in NOWHERE:
            self._line(part, indent)

    def _loop(self, loop: Loop, indent: str) -> None:
        inside = self.inside(loop)
        carries = [v for v in inside if v.op == "carry"]
        for v in inside:
            if v in self.kept and not self._is_stored_outside(v):
                self._start(self.kept[v], "empty", indent)
            if v in self.totals:
                self._start(self.totals[v], "zeros", indent)
        for v in carries:
            self.lines.append(f"{indent}{self.name(v)} = {self._expression(v.operands[0]).text}")
        t, rounds = self.round(loop), f"range({loop.n})"
        self.lines.append(f"{indent}for {t} in {f'reversed({rounds})' if loop.back else rounds}:")
        indent += "    "
        self.lines += [f"{indent}{self.name(self.lasts[v])} = {self.name(v)}" for v in carries if v in self.lasts]
        for part in schedule(self.order, loop):
            if part not in carries:
                self._part(part, indent)
            if part in self.kept and not self._is_stored_inside(part):
                self.lines.append(f"{indent}{self._stored(part, t)} = {self._expression(part).text}")
            if part in self.totals:
                self.lines.append(f"{indent}{self.name(self.totals[part])} += {self._expression(part).text}")
        if carries:
            states = ", ".join(map(self.name, carries))
            self.lines.append(
                f"{indent}{states} = {', '.join(self._expression(v.next).text for v in carries if v.next)}"
            )

    def _start(self, v: Value, how: str, indent: str) -> None:
        """Write the line before a loop that makes what the loop fills or adds up."""
        self.lines.append(f"{indent}{self.name(v)} = {self.new(how, v.shape, v.dtype, self.name(v))}")

    def _stored(self, v: Value, t: str) -> str:
        """Return the place of a round in an array over time: of a loop in a loop, in that over the rounds of both."""
        over_time = self.kept[v]
        if self._is_stored_outside(v):
            return f"{self.name(self.kept[over_time])}[t, {t}]"
        return f"{self.name(over_time)}[{t}]"

    def _is_stored_outside(self, v: Value) -> bool:
        """Return whether a value of a loop in a loop is read in the rounds of both only."""
        over_time = self.kept[v]
        return over_time in self.kept and self.uses[over_time] == 1

    def _is_stored_inside(self, v: Value) -> bool:
        return v.op == "all" and self._is_stored_outside(v.operands[0])

    def _line(self, v: Value, indent: str) -> None:
        """Write the statements that compute a value, if it needs any."""
        if v in self.names and v not in self.stays:
            return
        if v.op == "sum":
            self._sum(v, indent)
        elif v not in self.inline:
            text = self._expression(v, whole=True).text
            self.lines.append(f"{indent}{self.name(v)} = {text}")
            if v.op in ("place", "spread"):
                self._filled(v, indent)

    def _inlined(self) -> set[Value]:
        """Return the values without a line of their own: views, and unnamed values that one other value reads."""
        found: set[Value] = set()
        depth: dict[Value, int] = {}
        for v in self.order:
            depth[v] = 1 + max((depth[operand] for operand in v.operands if operand in found), default=0)
            if v.op in (*LEAVES, "carry", "last", *NOWHERE, "T", "rows", "step", "at", "span", "narrow"):
                found.add(v)
            elif v.op not in ("gather", "place", "spread", "stack", "sum") and v not in self.stays and depth[v] < DEEP:
                user = self.users[v][0] if self.uses[v] == 1 and v in self.users else None
                if user is not None and (user.op in NOWHERE or (user.loop is v.loop and not v.name)):
                    found.add(v)
        return found

    def _filled(self, v: Value, indent: str) -> None:
        name = self.name(v)
        if v.op == "place":
            for t, part in zip(v.extra[1], v.operands, strict=True):
                self.lines.append(f"{indent}{name}[{t}] = {self._expression(part).text}")
        else:
            self.lines.append(f"{indent}{name}[{v.extra[1]}:{v.extra[2]}] = {self._expression(v.operands[0]).text}")

    def _sum(self, v: Value, indent: str) -> None:
        """Write = for the first term, += for the others."""
        name, (shape, terms) = self.name(v), v.extra
        pieces = list(zip(v.operands, terms, strict=True))
        whole = [k for k, (p, (sign, at)) in enumerate(pieces) if p.shape == v.shape and sign > 0 and not at]
        fresh = [k for k in whole if self._makes_an_array(pieces[k][0]) and pieces[k][0].dtype == v.dtype]
        first = (fresh or whole)[:1]
        pieces = [pieces.pop(k) for k in first] + pieces
        start = self._expression(pieces[0][0]).text if first else self.new("zeros", v.shape, v.dtype, name)
        if whole and not fresh:  # += would change what it is
            others = [k for k, (p, (_, at)) in enumerate(pieces) if k and p.shape[-2] == shape[0]]
            if others:
                second, (sign, _) = pieces.pop(others[0])
                start += f" {'+' if sign > 0 else '-'} {bracketed(self._expression(second), PRODUCT, PYTHON)}"
            else:
                whole_dtype = pieces[0][0].dtype
                start = (
                    self.dialect.copied.format(start) if whole_dtype == v.dtype else self._cast(Printed(start), v).text
                )
        self.lines.append(f"{indent}{name} = {start}")
        pieces = pieces[1:] if first else pieces
        for piece, (sign, at) in pieces:
            part = "" if piece.shape[-2] == shape[0] else f"[..., {at}:{at + piece.shape[-2]}, :]"
            term, is_less = self._without_sign(piece if part else repeated(piece, self.inline), sign < 0)
            self.lines.append(f"{indent}{name}{part} {'-' if is_less else '+'}= {self._expression(term).text}")

    def _without_sign(self, v: Value, is_less: bool) -> tuple[Value, bool]:
        """Return a term without the sign that is written in its line, and whether it is subtracted."""
        while v in self.inline and v.op == "neg":
            v, is_less = v.operands[0], not is_less
        return v, is_less

    def _makes_an_array(self, v: Value) -> bool:
        """Return whether its expression gives a new array."""
        return v in self.inline and v.op in (*COMPONENTS, "dot", "call", "kernel")

    def _expression(self, v: Value, whole: bool = False) -> Printed:
        """Print a value: its name if it has a line of its own, unless that line is printed, else what it is made of."""
        if v.op == "last" and v.operands[0] not in self.lasts:
            return self._expression(v.operands[0])
        named = v in self.names or v.op in ("carry", "last", *NOWHERE)
        if named or not (whole or v in self.inline):
            return Printed(self.name(v))
        if v.op in LEAVES:
            text = self.leaf(v)
            return Printed(text, PYTHON.grammar.negative if text.startswith("-") else ATOM)
        return self._summed(v) or self._operation(v, [self._expression(operand) for operand in self._repeating(v)])

    def _repeating(self, v: Value) -> list[Value]:
        """Return the operands of v; without its products with ones, one that a component-wise operation repeats."""
        operands = list(v.operands)
        if v.op in ("+", "-", "*", "/"):
            for k, other in enumerate(reversed(v.operands)):
                if other.shape == v.shape and repeated(other, self.inline) is other:
                    operands[k] = repeated(operands[k], self.inline)
        return operands

    def _operation(self, v: Value, operands: list[Printed]) -> Printed:
        if v.op in COMPARISONS and not self._is_factor(v):
            return self._cast(applied(v.op, operands, PYTHON), v)
        if v.op == "dot" and not self.dialect.mixes:
            pairs = zip(v.operands, operands, strict=True)
            operands = [p if operand.dtype == v.dtype else self._cast(p, v) for operand, p in pairs]
        if v.op in SIGNS:
            return applied(v.op, operands, PYTHON)
        if v.op in self.dialect.numbers and any(operand.op == "number" for operand in v.operands):
            array, number = operands if v.operands[1].op == "number" else operands[::-1]
            return Printed(self.dialect.numbers[v.op].format(bracketed(array, ATOM, PYTHON), number.text))
        text = template(v, self.dialect.column)
        enclosed = "{0}." in text or "{0}[" in text
        texts = [bracketed(operand, ATOM, PYTHON) if enclosed else operand.text for operand in operands]
        return Printed(self._array(v, texts))

    def _cast(self, printed: Printed, v: Value) -> Printed:
        """Return an expression in the dtype of v."""
        return Printed(self.dialect.cast.format(bracketed(printed, ATOM, PYTHON), self.dtype_text(v)))

    def _is_factor(self, v: Value) -> bool:
        """Whether a comparison may stay a mask of booleans: it only multiplies numbers of its own dtype."""
        user = self.users[v][0] if v in self.inline else v
        return user.op == "*" and any(o.op not in COMPARISONS and o.dtype == v.dtype for o in user.operands)

    def _array(self, v: Value, texts: list[str]) -> str:
        """Return a function of arrays, a view of one, or an array made of others, as text."""
        if v.op == "step" and v.loop is not None and v.loop.outer is not None:
            a, k = texts[0], self.round(v.loop)
            return f"{a[:-1]}, {k}]" if v.operands[0].op == "step" and a.endswith("]") else f"{a}[{k}]"
        if v.op in ("place", "spread"):
            return self.new("zeros", v.shape, v.dtype)
        return self.operation(v, self._repeated(v, texts) if v.op == "stack" else texts)

    def _summed(self, v: Value) -> Printed | None:
        """Return a product with a column of ones as a sum; None for another value."""
        if v.op != "dot":
            return None
        x, y = v.operands
        sums = (x, self.dialect.sums[0]) if y.op == "ones" else (y, self.dialect.sums[1])
        if y.op == "ones" or (x.op == "T" and x.operands[0].op == "ones"):
            return Printed(sums[1].format(bracketed(self._expression(sums[0]), ATOM, PYTHON)))
        return None

    def _repeated(self, v: Value, texts: list[str]) -> list[str]:
        """Return the parts of a stack, those of one time step repeated over all."""
        return [
            f"{self.dialect.module}.broadcast_to({text}, {(*v.shape[:-2], *part.shape[-2:])})"
            if len(part.shape) < len(v.shape)
            else text
            for text, part in zip(texts, v.operands, strict=True)
        ]
