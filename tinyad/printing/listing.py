"""A tape as numbered equations, and its backward pass as the gradients that the rules give: text, deriv() calls, LaTeX.

Source: the slides "LSTM" (equations 1 to 31 and the gradient pages) and "LSTM_derivative".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Shape, kind, size
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE, row_of
from tinyad.engine.tape import Tape
from tinyad.engine.vjp import in_same_layout
from tinyad.expressions.naming import number_label
from tinyad.expressions.symbol import Symbol
from tinyad.printing.formula import Notation, Printed, applied, called, number, raised, squared
from tinyad.printing.notation import LATEX, TEXT
from tinyad.printing.text import Lines, for_terminal, one_line

CODE = TEXT._replace(signs={**TEXT.signs, "∇": "d%s"})
ADDED = r"\mathrel{+}"  # += without a gap
ARITHMETIC: dict[str, Any] = {
    "+": operator.add, "-": operator.sub, "∘": operator.mul, "neg": operator.neg,
}  # fmt: skip
ONES = re.compile(r"\b1ᵀ|\* 1(?![\w.])")  # in a contribution
ABOUT_ONES = "1 is a column of ones: 1ᵀ * A sums the rows of A, A * 1 its columns"
LONGEST, DEEPEST = 200, 100  # of a formula inside another one: characters, operations in one another


class Listing:
    """Numbered lines: `str()` for people, `.latex` one align environment, which a notebook shows."""

    def __init__(self, text: str, latex: str) -> None:
        self.text, self.latex = text, latex

    def __str__(self) -> str:
        return for_terminal(self.text)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return self.latex


def equations(tape: Tape, shapes: bool = False, fold_unnamed: bool = False) -> Listing:
    """Return the steps of a tape as numbered equations, as on the slides' forward pages.

    `shapes` adds sizes at the right.  `fold_unnamed` writes the steps without a name inside the equations that use
    them; one whose formula is longer than 200 characters keeps its equation.
    """
    tape = tape_of(tape, "equations")
    inlined = inlined_steps(tape) if fold_unnamed else {}
    text, formulas = Formulas(tape, inlined=inlined), Formulas(tape, LATEX, inlined=inlined)
    rows, latex = [], []
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        if z in inlined:
            continue
        rows.append((str(n), one_line(tape.label(z)), "=", text.forward(n), size(tape.values[z].shape)))
        line = rf"{LATEX.name(tape.label(z))} &= {formulas.forward(n)}"
        latex.append(line + _latex_size(tape.values[z].shape) * shapes + rf" \tag{{{n}}}")
    return Listing(_table(rows, shapes), _align(latex))


def gradients(d: Derivatives, shapes: bool = False) -> Listing:
    """Return a backward pass as numbered equations in row layout, as on the slides' gradient pages, from the rules.

    `=` marks the first contribution to a derivative, `+=` the later ones; at the right stands the step whose rule the
    line is, and with `shapes` the size of the derivative.
    """
    tape = walk_back(d, "gradients").tape
    rows, latex = [], []
    for i in d.seeds:
        rows.append(("", f"∇{one_line(tape.label(i))}", "", "given", size(tape.values[i].shape[::-1])))
    for k, (n, operand, i, sign) in enumerate(walked(d), 1):
        shape = size(tape.values[i].shape[::-1])
        text = contribution_text(tape, n, operand)
        rows.append(
            (str(k), f"∇{one_line(tape.label(i))}", sign, text, f"{shape}  step {n}" if shapes else f"step {n}")
        )
        name = LATEX.signs["∇"] % LATEX.name(tape.label(i))
        right = contribution_text(tape, n, operand, notation=LATEX)
        line = rf"{name} &{sign.replace('+', ADDED)} {right}"
        latex.append(line + _latex_size(tape.values[i].shape[::-1]) * shapes + rf" \tag{{{k}}}")
    text = _table(rows, True)
    if any(ONES.search(row[3]) for row in rows):
        text += f"\n    ({ABOUT_ONES})"
    return Listing(text, _align(latex))


def routine(d: Derivatives) -> str:
    """Return a backward pass as calls of the slides' routine: `[do, dz25] += deriv(dh, o, z25, '∘')`."""
    walk_back(d, "routine")
    tape = d.tape
    lines = ["# every d(variable) = 0, but for: " + ", ".join(f"d{one_line(tape.label(i))}" for i in d.seeds)]
    for n in range(len(tape.steps), 0, -1):
        op, z, *operands = tape.steps[n - 1]
        if z < d.length and d.reaches(z):
            names, to = [operand_name(tape, op, i) for i in operands if i is not None], derived(tape, n)
            lines.append(f"# Derivative of eq. {n}  {one_line(tape.label(z))} = {forward_text(tape, n)}")
            if any(names_ones(tape, op, i) for i in operands if i is not None):  # 1 has no size that deriv() could read
                lines += [f"d{names['xy'.index(k)]} += {contribution_text(tape, n, k, notation=CODE)}" for k in to]
                continue
            left = ", ".join(f"d{name}" if operand in to else "_" for operand, name in zip("xy", names, strict=False))
            lines.append(f"[{left}] += deriv(d{one_line(tape.label(z))}, {', '.join(names)}, {op.symbol!r})")
    return Lines("\n".join(lines))


def walk_back(d: Any, what: str) -> Derivatives:
    """Return d itself; TypeError if it is no backward pass."""
    if not isinstance(d, Derivatives):
        raise TypeError(f"{what}(d) takes a backward pass, d = tape.backward(...), not {kind(d)}")
    return d


def tape_of(given: Any, what: str) -> Tape:
    """Return a tape itself, or that of a backward pass; TypeError for anything else."""
    if isinstance(given, Derivatives):
        return given.tape
    if not isinstance(given, Tape):
        raise TypeError(f"{what}(tape) takes a tape, or a backward pass d = tape.backward(...), not {kind(given)}")
    return given


def inlined_steps(tape: Tape, kept: Collection[int] = ()) -> dict[int, int]:
    """Return {position: step} of the results that stand as formulas inside the results that use them.

    These are the ones without a name that a later step uses, but not those in `kept`, and none whose formula is too
    long to be read: so all formulas together grow no faster than the tape.
    """
    used = {i for _, _, *operands in tape.steps for i in operands}
    inlined: dict[int, int] = {}
    depth: dict[int, int] = {}
    formulas = Formulas(tape, inlined=inlined)
    for n, (_, z, *operands) in enumerate(tape.steps, 1):
        if z in used and z not in tape.names and z not in kept:
            deep = 1 + max(depth.get(i, 0) for i in operands if i is not None)
            if deep <= DEEPEST and len(formulas.forward(n)) <= LONGEST:
                inlined[z], depth[z] = n, deep
    return inlined


class Formulas:
    """The formulas of a tape: its steps and what they contribute, in a notation and a layout, "row" or "same".

    The results of steps in `inlined`, {position: step}, stand as formulas inside the others.
    """

    def __init__(
        self, tape: Tape, notation: Notation = TEXT, layout: str = "row", inlined: Mapping[int, int] | None = None
    ) -> None:
        self.tape, self.notation, self.layout = tape, notation, layout
        self.inlined = {} if inlined is None else inlined

    def forward(self, n: int) -> str:
        """Return the right-hand side of step n, in the names of the tape."""
        return self._forward(n).text

    def contribution(self, n: int, operand: str, rule: Any = None, dz: int | None = None) -> str:
        """Return what step n contributes to the derivative of its operand "x" or "y", in the names of the tape.

        A `rule` is printed instead of that of the step, the derivative of the value at `dz` instead of its result's.
        """
        op, z, *positions = self.tape.steps[n - 1]
        operands = {k: i for k, i in zip("xy", positions, strict=True) if i is not None}
        above = Printed(self.notation.signs["∇"] % self._value(z if dz is None else dz).text)
        # As on the slides the result of a function stands as σ(z24) and not under its own name.
        names = {"dz": above, "z": self._value(z) if op.arity == 2 else self._forward(n)}
        names |= {k: self._operand(op, i) for k, i in operands.items()}
        if op.formulas is None:
            return self._deriv(op, operand, [names[k].text for k in ("dz", "x", "y") if k in names])
        rule = self.tape.formula(n, operand) if rule is None else rule
        rule = _folded(rule, {k: self.tape.values[i].item() for k, i in operands.items() if self._is_number(i)})
        return self._rule(rule if self.layout == "row" else in_same_layout(rule), names).text

    def _operand(self, op: Op, i: int) -> Printed:
        if is_span(self.tape, op, i):
            start, stop, _ = self.tape.values[i][0]
            return Printed(self.notation.number(f"{start:.0f}:{stop:.0f}"), symbol="span")
        if not names_ones(self.tape, op, i):
            return self._value(i)
        one = Printed(self.notation.signs["1"], symbol="1")
        row = applied("transpose", [one], self.notation)._replace(symbol="1ᵀ")
        return one if self.tape.values[i].shape[1] == 1 else row

    def _value(self, i: int) -> Printed:
        if i in self.inlined:
            return self._forward(self.inlined[i])
        name = self.tape.label(i)
        return number(name, self.notation) if self._is_number(i) else Printed(self.notation.name(name))

    def _is_number(self, i: int) -> bool:
        return i in self.tape.constants and self.tape.values[i].size == 1

    def _forward(self, n: int) -> Printed:
        op, _, *operands = self.tape.steps[n - 1]
        return _operation(op, [self._operand(op, i) for i in operands if i is not None], self.notation)

    def _deriv(self, op: Op, operand: str, arguments: list[str]) -> str:
        """A rule that is no formula."""
        signs = self.notation.signs
        call = signs["deriv"] % (self.notation.comma.join(arguments), self.notation.word(op.symbol))
        return signs[operand] % call if op.arity == 2 else call

    def _rule(self, rule: Any, names: dict[str, Printed]) -> Printed:
        """Print a rule.  Rules are a few operations deep, whatever the length of the tape."""
        if not isinstance(rule, Symbol):
            if np.size(rule) > 1:
                return Printed(self.notation.word("array"))
            return number(number_label(np.asarray(rule).item()), self.notation)
        if rule.head in ("1", "0"):
            return Printed(self.notation.signs[rule.head])
        if not rule.operands:
            return names[rule.head]
        operands = [self._rule(part, names) for part in rule.operands]
        if rule.head == "∘" and operands[0].text == operands[1].text:
            return squared(operands[0], self.notation)
        return _operation(row_of(rule), operands, self.notation)


def _folded(rule: Any, numbers: dict[str, complex]) -> Any:
    """Return a rule with its arithmetic on numbers done; `numbers` has the operands of the step that are numbers."""
    if not isinstance(rule, Symbol) or not rule.operands:
        return rule
    operands = [_folded(part, numbers) for part in rule.operands]
    values = [numbers.get(part.head, part) if isinstance(part, Symbol) else part for part in operands]
    if rule.head in ARITHMETIC and all(isinstance(value, int | float) for value in values):
        return ARITHMETIC[rule.head](*values)
    if rule.head == "**" and isinstance(operands[1], int | float) and operands[1] == 1:
        return operands[0]
    return Symbol(rule.head, *operands, row=rule.row)


def forward_text(tape: Tape, n: int, notation: Notation = TEXT) -> str:
    """Return the right-hand side of step n, in the names of the tape."""
    return Formulas(tape, notation).forward(n)


def contribution_text(tape: Tape, n: int, operand: str, layout: str = "row", notation: Notation = TEXT) -> str:
    """Return what step n contributes to the derivative of its operand "x" or "y", in "row" or "same" layout."""
    return Formulas(tape, notation, layout).contribution(n, operand)


def names_ones(tape: Tape, op: Op, i: int) -> bool:
    """Return whether an operand stands as 1 or 1ᵀ: what `ones` made, or its transpose, in a matrix product."""
    if op.forward is not TABLE["*"].forward or i not in tape.constants or i in tape.names:
        return False
    value = tape.values[i]
    return value.size > 1 and 1 in value.shape and bool(np.all(value == 1))


def is_span(tape: Tape, op: Op, i: int) -> bool:
    """Return whether an operand of a step stands as start:stop, for some rows of the other one."""
    slicing = op.forward in (TABLE["rows"].forward, TABLE["padded"].forward)
    return slicing and i in tape.constants and i not in tape.names and tape.values[i].shape == (1, 3)


def operand_name(tape: Tape, op: Op, i: int) -> str:
    """Return the name of an operand of a step on one line, 1 for a column of ones, a span of rows as it is recorded."""
    if is_span(tape, op, i):
        return str(tape.values[i].astype(int).tolist())
    if names_ones(tape, op, i):
        return "1" if tape.values[i].shape[1] == 1 else "1ᵀ"
    return one_line(tape.label(i))


def _operation(op: Op, operands: list[Printed], notation: Notation) -> Printed:
    row = TABLE.get(op.symbol)
    if row is None or row.forward is not op.forward:  # a user's row is a function, whatever its symbol
        return called(notation.word(op.symbol), [operand.text for operand in operands], notation)
    if op.symbol == "transpose" and operands[0].symbol == "1ᵀ":
        return Printed(notation.signs["1"], symbol="1")
    if op.symbol == "none" or (op.symbol == "transpose" and operands[0].symbol == "number"):
        return operands[0]
    if op.symbol == "**":
        return raised(operands[0], operands[1], notation)
    if op.symbol == "rows" and operands[1].symbol != "span":
        return called(notation.word(op.symbol), [operand.text for operand in operands], notation)
    return applied(op.symbol, operands, notation)


def handed(d: Derivatives, z: int, known: dict[int, int | None] | None = None) -> int:
    """Return z, or, if it has no name, the named value whose derivative additions hand on to it unchanged.

    `known` keeps that value, or None, for all positions on the way, so that a long sum is gone through once.
    """
    known = {} if known is None else known
    way, at = list[int](), z
    while at not in d.tape.names and at not in known:
        way.append(at)
        above = _handed_from(d, at)
        if above is None:
            break
        at = above
    named = at if at in d.tape.names else known.get(at)
    known.update(dict.fromkeys(way, named))
    return z if named is None else named


def _handed_from(d: Derivatives, z: int) -> int | None:
    """Return the result of the one addition that hands its derivative on to z; None if z has it from elsewhere."""
    contributions = d.contributions(d.tape.at(z))
    if len(contributions) != 1 or not contributions[0].step:
        return None
    step, operand, _ = contributions[0]
    return d.tape.steps[step - 1][1] if getattr(d.tape.formula(step, operand), "head", "") == "dz" else None


def first_nonfinite(tape: Tape) -> str | None:
    """Return what made the first NaN or infinity on a tape, as a sentence; None if every value is finite."""
    tape = tape_of(tape, "first_nonfinite")
    made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
    for i, value in enumerate(tape.values):
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            row, column = bad[0]
            where = f"{value[row, column]} at row {row + 1}, column {column + 1} ({len(bad)} of {value.size} entries)"
            if i not in made:
                return f"{one_line(tape.label(i))} was given with {where}"
            return f"step {made[i]}, {one_line(tape.label(i))} = {forward_text(tape, made[i])}, made {where}"
    return None


def walked(d: Derivatives) -> Iterator[tuple[int, str, int, str]]:
    """Yield (step, operand, position, "=" or "+=") in the order of the walk."""
    begun = set(d.seeds)
    for n in range(len(d.tape.steps), 0, -1):
        z = d.tape.steps[n - 1][1]
        if z < d.length and d.reaches(z):
            for operand, i in derived(d.tape, n).items():
                if d.tape.steps[n - 1][0].formulas is None and not _contributes(d, n, operand, i):
                    continue
                yield n, operand, i, "+=" if i in begun else "="
                begun.add(i)


def _contributes(d: Derivatives, n: int, operand: str, i: int) -> bool:
    """Return whether a rule that is no formula gives something for this operand, and not None."""
    return any((c.step, c.operand) == (n, operand) for c in d.contributions(d.tape.at(i)))


def derived(tape: Tape, n: int) -> dict[str, int]:
    """Return {operand "x" or "y": its position} for those to whose derivatives step n contributes."""
    op, _, *positions = tape.steps[n - 1]
    operands = {operand: i for operand, i in zip("xy", positions, strict=True) if i is not None}
    return {
        operand: i
        for operand, i in operands.items()
        if i not in tape.constants and (op.formulas is None or tape.formula(n, operand) is not None)
    }


def _table(rows: Sequence[tuple[str, str, str, str, str]], margin: bool) -> str:
    if not rows:
        return "(no steps)"
    number, name, formula = (max(len(row[k]) for row in rows) for k in (0, 1, 3))
    lines = []
    for n, left, sign, right, note in rows:
        line = f"{n:>{number}}  {left:<{name}} {sign:>2} {right:<{formula}}"
        lines.append((f"{line}   {note}" if margin else line).rstrip())
    return "\n".join(lines)


def _latex_size(shape: Shape) -> str:
    """In a column of its own."""
    return " && " + r" \times ".join(map(str, shape))


def _align(lines: list[str]) -> str:
    return "\\begin{align}\n" + " \\\\\n".join(lines) + "\n\\end{align}"
