"""Write the source as a person would: forward lines, then backward lines with = and +=, in the author's names."""

from __future__ import annotations

from collections.abc import Sequence

from tinyad.compiled.line_breaks import folded
from tinyad.compiled.source_writer import Writer
from tinyad.compiled.values import COMPARISONS, COMPONENTS, GIVEN, LEAVES, UFUNCS, VIEWS, Loop, Value, schedule
from tinyad.printing.formula import Precedence, Printed, applied, bracketed

ATOM, PRODUCT = Precedence.ATOM, Precedence.PRODUCT
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
            if isinstance(part, Loop):
                self._loop(part)
            elif part.op not in NOWHERE:
                self._line(part, "    ")
        returned = ", ".join(self._result(v) for v in results)
        lines = [
            f"def program({arguments}):",
            *(f"    # {line}" for line in [*comments, *self.borrowed()]),
            *self.lines,
            f"    return {returned}{',' * (len(results) == 1)}",
        ]
        head = [self.dialect.imports, *(self.dialect.helpers[name] for name in self.helpers)]
        return "\n\n\n".join([*head, self.dialect.decorator + "\n".join(map(folded, lines))]) + "\n"

    def _begun(self) -> list[str]:
        """Return the lines before the first value."""
        return []

    def _result(self, v: Value) -> str:
        """Return a result as an expression; one that is part of an argument is copied, as it belongs to the caller."""
        base = v
        while base.op in ("rows", "T", "at", "span"):
            (base,) = base.operands
        printed = self._expression(v)
        is_given = base.op in GIVEN and printed.precedence == ATOM
        return self.dialect.calls["copied"] % printed.text if is_given else printed.text

    def _loop(self, loop: Loop) -> None:
        inside = self.inside(loop)
        carries = [v for v in inside if v.op == "carry"]
        for v in inside:
            if v in self.kept:
                self._start(self.kept[v], "empty")
            if v in self.totals:
                self._start(self.totals[v], "zeros")
        for v in carries:
            self.lines.append(f"    {self.name(v)} = {self._expression(v.operands[0]).text}")
        rounds = f"range({loop.n})"
        self.lines.append(f"    for t in {f'reversed({rounds})' if loop.back else rounds}:")
        self.lines += [f"        {self.name(self.lasts[v])} = {self.name(v)}" for v in carries if v in self.lasts]
        for v in inside:
            if v not in carries:
                self._line(v, " " * 8)
            if v in self.kept:
                self.lines.append(f"        {self.name(self.kept[v])}[t] = {self._expression(v).text}")
            if v in self.totals:
                self.lines.append(f"        {self.name(self.totals[v])} += {self._expression(v).text}")
        if carries:
            states = ", ".join(map(self.name, carries))
            self.lines.append(
                f"        {states} = {', '.join(self._expression(v.next).text for v in carries if v.next)}"
            )

    def _start(self, v: Value, how: str) -> None:
        """Write the line before a loop that makes what the loop fills or adds up."""
        self.lines.append(f"    {self.name(v)} = {self.new(how, v.shape, v.dtype, self.name(v))}")

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
                start += (
                    f" {'+' if sign > 0 else '-'} {bracketed(self._expression(second), PRODUCT, self.dialect.notation)}"
                )
            else:
                how = "copied" if pieces[0][0].dtype == v.dtype else "cast"
                start = self.written(self.dialect.calls[how], v, start)
        self.lines.append(f"{indent}{name} = {start}")
        pieces = pieces[1:] if first else pieces
        for piece, (sign, at) in pieces:
            part = "" if piece.shape[-2] == shape[0] else f"[..., {at}:{at + piece.shape[-2]}, :]"
            self.lines.append(f"{indent}{name}{part} {'+' if sign > 0 else '-'}= {self._expression(piece).text}")

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
            return Printed(text, self.dialect.notation.grammar.negative if text.startswith("-") else ATOM)
        return self._summed(v) or self._operation(v, [self._expression(operand) for operand in v.operands])

    def _operation(self, v: Value, operands: list[Printed]) -> Printed:
        notation, grammar = self.dialect.notation, self.dialect.notation.grammar
        if v.op in COMPARISONS and not self._is_factor(v):
            return self._form("cast", v, applied(v.op, operands, notation))
        if v.op == "dot" and not self.dialect.mixes:
            pairs = zip(v.operands, operands, strict=True)
            operands = [p if operand.dtype == v.dtype else self._form("cast", v, p) for operand, p in pairs]
        if v.op in grammar.infix or v.op in grammar.binary or v.op == "neg":
            return applied(v.op, operands, notation)
        if v.op in self.dialect.numbers and any(operand.op == "number" for operand in v.operands):
            return self._with_number(v, operands)
        enclosed = v.op in VIEWS or self.dialect.calls.get(v.op, "").startswith("%s.")
        texts = [bracketed(operand, ATOM, notation) if enclosed else operand.text for operand in operands]
        text = self.call(v, texts)
        if text is not None:
            return Printed(text)
        return applied(v.op, operands, notation) if v.op in UFUNCS else Printed(self._array(v, texts))

    def _form(self, key: str, v: Value, operand: Printed) -> Printed:
        """Return the dialect's text of this key on an operand, which gives v."""
        text = self.dialect.calls[key]
        needs = ATOM if text.startswith("%s.") else Precedence.COMPARISON
        return Printed(self.written(text, v, bracketed(operand, needs, self.dialect.notation)))

    def _with_number(self, v: Value, operands: list[Printed]) -> Printed:
        """Return an operation on an array and a number, in either order."""
        text = self.dialect.numbers[v.op]
        array, number = operands if v.operands[1].op == "number" else operands[::-1]
        needs = ATOM if text.startswith("%s.") else Precedence.COMPARISON
        return Printed((text % bracketed(array, needs, self.dialect.notation)).format(number=number.text))

    def _is_factor(self, v: Value) -> bool:
        """Whether a comparison may stay a mask of booleans: it only multiplies numbers of its own dtype."""
        user = self.users[v][0] if v in self.inline else v
        return user.op == "*" and any(o.op not in COMPARISONS and o.dtype == v.dtype for o in user.operands)

    def _array(self, v: Value, texts: list[str]) -> str:
        """Return a view of an array, or an array made of others, as text."""
        a = texts[0]
        match v.op:
            case "T":
                text = f"{a}.T" if len(v.shape) == 2 else self.dialect.calls["each T"] % a
            case "rows":
                begin, end = v.extra
                text = f"{a}[{begin}:{end}]" if len(v.shape) == 2 else f"{a}[:, {begin}:{end}]"
            case "step":
                text = f"{a}[t]"
            case "at":
                text = f"{a}[{v.extra}]"
            case "span":
                text = f"{a}[{v.extra[0]}:{v.extra[1]}]"
            case "stack":
                text = self.dialect.calls["joined"] % ", ".join(self._repeated(v, texts))
            case "gather":
                text = self.dialect.calls["gathered"] % ", ".join(texts)
            case "place" | "spread":
                text = self.new("zeros", v.shape, v.dtype)
            case _:
                raise NotImplementedError(v.op)
        return text

    def _summed(self, v: Value) -> Printed | None:
        """Return a product with a column of ones as a sum; None for another value."""
        if v.op != "dot":
            return None
        x, y = v.operands
        if y.op == "ones":
            return self._form("@ ones", v, self._expression(x))
        if x.op == "T" and x.operands[0].op == "ones":
            return self._form("ones @", v, self._expression(y))
        return None

    def _repeated(self, v: Value, texts: list[str]) -> list[str]:
        """Return the parts of a stack, those of one time step repeated over all."""
        return [
            (self.dialect.calls["repeated"] % text).format(shape=(*v.shape[:-2], *part.shape[-2:]))
            if len(part.shape) < len(v.shape)
            else text
            for text, part in zip(texts, v.operands, strict=True)
        ]
