"""A tape as numbered equations, and its walk back as the gradients that the rules give: text, deriv() calls, LaTeX.

Source: the slides "LSTM" (equations 1 to 31 and the gradient pages) and "LSTM_derivative".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.engine.derivatives import Derivatives
from tinyad.engine.matrix import Shape, size
from tinyad.engine.op import Op, Symbol
from tinyad.engine.table import TABLE, row_of
from tinyad.engine.tape import Tape
from tinyad.engine.vjp import in_same_layout
from tinyad.printing.notation import LATEX, POWER, TEXT, Notation
from tinyad.printing.text import Lines, for_terminal, one_line

ADDITIVE, MULTIPLICATIVE, POSTFIX, ATOM = range(4)  # how tightly a piece of a formula holds together
INFIX = {"+": ADDITIVE, "-": ADDITIVE, "∘": MULTIPLICATIVE, "*": MULTIPLICATIVE, "/": MULTIPLICATIVE}
POSTFIXES = ("transpose", "inv")
ADDED = r"\mathrel{+}"  # += without a gap
ONES = re.compile(r"\b1ᵀ|\* 1(?![\w.])")  # in a contribution
SAID_OF_ONES = "1 is a column of ones: 1ᵀ * A sums the rows of A, A * 1 its columns"


class Piece(NamedTuple):
    """Part of a formula as printed, how tightly it holds together, and the symbol it was made with."""

    text: str
    holds: int = ATOM
    symbol: str = ""
    call: tuple[str, str] | None = None  # a function and its arguments


class Listing:
    """Numbered lines: `str()` for people, `.latex` one align environment, which a notebook shows."""

    def __init__(self, text: str, latex: str) -> None:
        self.text, self.latex = text, latex

    def __str__(self) -> str:
        return for_terminal(self.text)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return self.latex


def equations(tape: Tape, shapes: bool = False) -> Listing:
    """The steps of a tape as numbered equations, as on the slides' forward pages; `shapes` adds sizes at the right."""
    tape = tape.tape if isinstance(tape, Derivatives) else tape
    rows, latex = [], []
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        rows.append((str(n), one_line(tape.label(z)), "=", forward_text(tape, n), size(tape.values[z].shape)))
        line = rf"{LATEX.name(tape.label(z))} &= {forward_text(tape, n, LATEX)}"
        latex.append(line + _latex_size(tape.values[z].shape) * shapes + rf" \tag{{{n}}}")
    return Listing(_table(rows, shapes), _align(latex))


def gradients(d: Derivatives, shapes: bool = False) -> Listing:
    """A walk back as numbered equations in row layout, as on the slides' gradient pages, from the rules themselves.

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
        text += f"\n    ({SAID_OF_ONES})"
    return Listing(text, _align(latex))


def routine(d: Derivatives) -> str:
    """A walk back as calls of the slides' routine: `[do, dz25] += deriv(dh, o, z25, '∘')`."""
    walk_back(d, "routine")
    tape, lines = d.tape, ["# every d(variable) = 0, but for: " + ", ".join(f"d{_d(d.tape, i)}" for i in d.seeds)]
    for n in range(len(tape.steps), 0, -1):
        op, z, *operands = tape.steps[n - 1]
        if z < d.length and d.reaches(z):
            names, to = [_d(tape, i) for i in operands if i is not None], derived(tape, n)
            left = ", ".join(f"d{name}" if operand in to else "_" for operand, name in zip("xy", names, strict=False))
            lines.append(f"# Derivative of eq. {n}  {_d(tape, z)} = {forward_text(tape, n)}")
            lines.append(f"[{left}] += deriv(d{_d(tape, z)}, {', '.join(names)}, {op.symbol!r})")
    return Lines("\n".join(lines))


def walk_back(d: Any, what: str) -> Derivatives:
    """d itself; TypeError if it is none."""
    if not isinstance(d, Derivatives):
        raise TypeError(f"{what}(d) takes a walk back, d = tape.backward(...), not a {type(d).__name__}")
    return d


def forward_text(tape: Tape, n: int, notation: Notation = TEXT) -> str:
    """The right-hand side of step n, in the names of the tape."""
    return _forward(tape, n, notation).text


def contribution_text(
    tape: Tape,
    n: int,
    operand: str,
    layout: str = "row",
    formula: Any = None,
    notation: Notation = TEXT,
    dz: int | None = None,
) -> str:
    """What step n contributes to the derivative of its operand "x" or "y", in the names of the tape.

    `layout` is "row" or "same"; a `formula` is printed in the place of the rule, the derivative of the value at `dz` in
    that of the step's result.
    """
    return _backward(tape, n, operand, notation, layout, formula, dz).text


def handed(d: Derivatives, z: int) -> int:
    """z, or, where it has no name, the named value whose derivative additions hand on to it unchanged."""
    tape, found = d.tape, z
    while found not in tape.names:
        parts = d.contributions(tape.at(found))
        if len(parts) != 1 or not parts[0].step:
            return z
        above = tape.steps[parts[0].step - 1][1]
        if getattr(_formula_of(tape, parts[0].step, parts[0].operand), "head", "") != "dz":
            return z
        found = above
    return found


def first_nonfinite(tape: Tape) -> str | None:
    """What made the first NaN or infinity on a tape, as a sentence; None if every value is finite."""
    made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
    for i, value in enumerate(tape.values):
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            row, column = bad[0]
            where = f"{value[row, column]} at row {row + 1}, column {column + 1} ({len(bad)} of {value.size} entries)"
            if i not in made:
                return f"{_d(tape, i)} was given with {where}"
            return f"step {made[i]}, {_d(tape, i)} = {forward_text(tape, made[i])}, made {where}"
    return None


def _d(tape: Tape, i: int) -> str:
    return one_line(tape.label(i))


def walked(d: Derivatives) -> Iterator[tuple[int, str, int, str]]:
    """(step, operand, position, "=" or "+=") in the order of the walk."""
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
    """Whether a rule that is no formula has something for this operand, and not None."""
    return any((c.step, c.operand) == (n, operand) for c in d.contributions(d.tape.at(i)))


def derived(tape: Tape, n: int) -> dict[str, int]:
    """Operand "x" or "y" → its position, for those to whose derivatives step n contributes."""
    _, _, *operands = tape.steps[n - 1]
    asked = zip("xy", operands, tape.formulas(n) or operands, strict=False)
    return {operand: i for operand, i, c in asked if i is not None and c is not None and i not in tape.constants}


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


def _named(tape: Tape, i: int, notation: Notation) -> Piece:
    name = tape.label(i)
    if i in tape.constants and tape.values[i].size == 1:
        return _number(name, notation)
    return Piece(notation.name(name))


def _number(number: str, notation: Notation) -> Piece:
    product = notation is not TEXT and POWER.fullmatch(number)  # 1e-05 is 1 · 10^{-5}
    return Piece(notation.number(number), ADDITIVE if product or number.startswith("-") else ATOM, "number")


def _forward(tape: Tape, n: int, notation: Notation) -> Piece:
    op, _, *operands = tape.steps[n - 1]
    return _applied(op, [_named(tape, i, notation) for i in operands if i is not None], notation)


def _backward(
    tape: Tape,
    n: int,
    operand: str,
    notation: Notation,
    layout: str = "row",
    formula: Any = None,
    named: int | None = None,
) -> Piece:
    op, z, x, y = tape.steps[n - 1]
    dz = Piece(notation.signs["∇"] % _named(tape, z if named is None else named, notation).text)
    # As on the slides the result of a function stands as σ(z24) and not under its own name.
    names = {"dz": dz, "z": _named(tape, z, notation) if op.arity == 2 else _forward(tape, n, notation)}
    names |= {"x": _named(tape, x, notation)} | ({} if y is None else {"y": _named(tape, y, notation)})
    if op.formulas is None:
        arguments = notation.comma.join(names[k].text for k in ("dz", "x", "y") if k in names)
        call = notation.signs["deriv"] % (arguments, notation.word(op.symbol))
        return Piece(notation.signs[operand] % call if op.arity == 2 else call)
    formula = _formula_of(tape, n, operand) if formula is None else formula
    return _formula(formula if layout == "row" else in_same_layout(formula), names, notation)


def _formula_of(tape: Tape, n: int, operand: str) -> Any:
    formulas = tape.formulas(n)
    return formulas["xy".index(operand)] if formulas else None


def _formula(formula: Any, names: dict[str, Piece], notation: Notation) -> Piece:
    """A rule as printed.  Rules are a few operations deep, whatever the length of the tape."""
    if not isinstance(formula, Symbol):
        if np.size(formula) > 1:
            return Piece(notation.word("array"))
        return _number(repr(np.asarray(formula).item()), notation)
    if formula.head in ("1", "0"):
        return Piece(notation.signs[formula.head])
    if not formula.operands:
        return names[formula.head]
    operands = [_formula(part, names, notation) for part in formula.operands]
    if formula.head == "∘" and operands[0].text == operands[1].text:
        return _squared(operands[0], notation)
    return _applied(row_of(formula), operands, notation)


def _squared(piece: Piece, notation: Notation) -> Piece:
    """tanh(C) ∘ tanh(C) in a rule is tanh²(C), as on the slides."""
    if piece.call:
        function, arguments = piece.call
        return Piece(notation.signs["call"] % (notation.signs["power"] % function, arguments))
    text = piece.text if piece.holds == ATOM else notation.signs["()"] % piece.text
    return Piece(notation.signs["square"] % text, POSTFIX)


def _applied(op: Op, operands: list[Piece], notation: Notation) -> Piece:
    texts, row, signs = [piece.text for piece in operands], TABLE.get(op.symbol), notation.signs
    symbol = op.symbol if row is not None and row.forward is op.forward else ""  # "": a user's row is a function
    if symbol in INFIX:
        holds = INFIX[symbol]
        left, right = operands
        open_left = left.holds < holds or (left.holds == holds == MULTIPLICATIVE and left.symbol != symbol)
        open_right = right.holds < holds or (right.holds == holds and (right.symbol != symbol or symbol in "-/"))
        texts = [signs["()"] % p.text if o else p.text for p, o in ((left, open_left), (right, open_right))]
        return Piece(signs[symbol] % tuple(texts), holds, symbol)
    if symbol == "none" or (symbol == "transpose" and operands[0].symbol == "number"):
        return operands[0]
    if symbol in POSTFIXES or symbol == "neg":
        needed = ATOM if symbol != "neg" else MULTIPLICATIVE
        text = operands[0].text if operands[0].holds >= needed else signs["()"] % operands[0].text
        return Piece(signs[symbol] % text, POSTFIX if symbol != "neg" else ADDITIVE, symbol)
    if symbol and symbol in signs:
        return Piece(signs[symbol] % tuple(texts))
    call = (
        notation.functions[symbol] if symbol in notation.functions else notation.word(op.symbol),
        notation.comma.join(texts),
    )
    return Piece(signs["call"] % call, call=call)
