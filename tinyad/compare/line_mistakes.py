"""The mistakes people make in one contribution of a backward pass, as a table of small functions.

Each yields hypotheses about one line; whether they explain anything is for `explanations` to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.altered_rules import altered_rules, evaluated, has_another_axis, over_other_axis
from tinyad.compare.hypotheses import Hypotheses, OneLine, Pattern, Words, always, names_in, row, shown, times
from tinyad.compare.lines import Use
from tinyad.compare.thresholds import FACTORS_TRIED
from tinyad.compare.walk import Changed
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE


def missing(line: OneLine) -> Hypotheses:
    if not all(map(line.alone, line.uses)):
        yield line.changed(("missing",), times(0), lambda use: line.words.lost([use]))


def added_wrongly(line: OneLine) -> Hypotheses:
    """Counted twice, with the wrong sign, or transposed."""
    if all(map(line.alone, line.uses)):
        return

    def described(kind: str) -> Callable[[Use], str]:
        return lambda use: f"{kind}: {line.words.describe(use)}"

    kinds = {"a contribution counted twice": times(2), "the sign of one contribution": times(-1)}
    if line.constant_factor() == 0.5:  # it is forgotten, which `altered_rule` says
        del kinds["a contribution counted twice"]
    for kind, alter in kinds.items():
        yield line.changed((kind,), alter, described(kind))
    shape = line.words.tape.values[line.first.of].shape
    if shape[0] == shape[1] > 1:
        kind = "one contribution transposed"
        yield line.changed((kind,), lambda _, use, a: a.T, described(kind))


def other_axis(line: OneLine) -> Hypotheses:
    if has_another_axis(line.op()):
        other, text = over_other_axis(line.op())

        def alter(a: dict[str, Array], use: Use) -> Array:
            made: Array = other.deriv(a["dz"], other.run(a["x"]), a["x"])
            return made

        yield line.changed(("other axis",), row(alter)(line), always(text))


def another_point(line: OneLine) -> Hypotheses:
    """The derivative of a function left out, taken at its result, or the function in its place."""
    op = line.op()
    if op.arity != 1:
        return

    def place(use: Use) -> str:
        return f"in the line of {line.words.describe(use)}"

    yield line.changed(
        ("no derivative",), row(lambda a, use: a["dz"])(line),
        lambda use: f"the derivative of {op.symbol} is missing {place(use)}",
    )  # fmt: skip
    sizes = {line.words.tape.values[line.position(line.first, k)].shape for k in "zx"}
    if not op.formulas or len(sizes) > 1:
        return

    def at_result(a: dict[str, Array], use: Use) -> Array:
        made: Array = evaluated(op.formulas[0], {**a, "z": op.run(a["z"]), "x": a["z"]})  # type: ignore[index]
        return made

    def text(use: Use) -> str:
        z, x = (line.words.name(line.position(use, k)) for k in "zx")
        return f"the derivative of {op.symbol} is taken at {z} instead of {x} {place(use)}"

    yield line.changed(("another point",), row(at_result)(line), text)

    def function(use: Use) -> str:
        return f"{op.symbol} of its result where the derivative of {op.symbol} belongs {place(use)}"

    yield line.changed(("function",), row(lambda a, use: a["dz"] * op.run(a["z"]).T)(line), function)

    def twice(walk: Changed, use: Use, array: Array) -> Array:
        made = line.words.tape.contributions(use.step, array)[0]
        return 0 * array if made is None else made

    yield line.changed(
        ("derivative twice",), twice, lambda use: f"the derivative of {op.symbol} is taken twice {place(use)}"
    )


def altered_rule(line: OneLine) -> Hypotheses:
    """The rule of the step misread: see `altered_rules`."""
    op, words = line.op(), line.words
    if not op.formulas:
        return

    @cache
    def rules(step: int, operand: str) -> list[Any]:
        return list(altered_rules(words.tape.formula(step, operand), op.arity == 1))

    for k in range(len(rules(line.first.step, line.first.operand))):

        def alter(a: dict[str, Array], use: Use, k: int = k) -> Array:
            made: Array = evaluated(rules(use.step, use.operand)[k], a)
            return made

        def text(use: Use, k: int = k) -> str:
            rule = rules(use.step, use.operand)[k]
            return f"{words.printed(use, rule)} where {words.printed(use)} belongs, in the line of step {use.step}"

        yield line.changed(("altered rule", k), row(alter)(line), text)


def another_function(line: OneLine) -> Hypotheses:
    op = line.op()
    for other in TABLE.values() if op.arity == 1 else ():
        if other.arity == 1 and other.formulas and other.symbol not in (op.symbol, "none", "transpose", "neg"):

            def alter(a: dict[str, Array], use: Use, other: Op = other) -> Array:
                made: Array = evaluated(other.formulas[0], a)  # type: ignore[index]
                return made

            def text(use: Use, other: Op = other) -> str:
                said = f"the derivative of {other.symbol} where that of {op.symbol} belongs in the line of "
                return said + line.words.describe(use)

            yield line.changed((f"derivative of {other.symbol}",), row(alter)(line), text)


class Other(NamedTuple):
    """Something in place of a value: for each contribution of a line its position, None where there is none."""

    key: Pattern
    at: dict[Use, int | None]


def others(line: OneLine, of: Sequence[int]) -> Iterator[Other]:
    """Yield values with names that may stand in place of those at `of`, one for each contribution of a line.

    Those of a loop are at the same time step, the one before or behind, or always the last or the first.
    """
    lines, tape = line.words.lines, line.words.tape
    shape, times = tape.values[of[0]].shape, [lines.time(use.step) for use in line.uses]
    own = lines.timed.get(of[0])
    if len(of) == 1:
        for u in sorted(
            lines.near(of[0]), key=lambda u: u not in lines.timed
        ):  # of equal values the state is said first
            if u == of[0] or tape.values[u].shape != shape:
                continue
            base, t = lines.timed.get(u, (u, None))
            ago = t - own[1] if own and t is not None else t
            yield Other((base, ago), {line.first: u})
        return
    yield from _other_times(line, of, shape)
    if None in times:
        return
    # A value of a loop is seen from the value in whose place it stands: h[3] for h[2] is one step late.
    at = [lines.timed[i][1] if own and i in lines.timed else t for i, t in zip(of, times, strict=True)]
    for base, last in lines.last.items():
        mine = own is not None and own[0] == base
        # A state is used one time step later than what is computed with it.
        early, late = own is not None and (own[0], 0) in lines.at, (base, 0) in lines.at
        for by in (1, -1) if mine else (0, *(1,) * early, *(-1,) * late):
            yield from _fitting(line, (base, by), [lines.at.get((base, t + by)) for t in at if t is not None], shape)
        for end in (last, 0, 1) if mine else ():
            yield from _fitting(line, (base, "always", end), [lines.at.get((base, end))] * len(at), shape)
    for u in tape.names:
        if u not in lines.timed and u < lines.d.length and u not in of:
            yield from _fitting(line, (u,), [u] * len(at), shape)


def _other_times(line: OneLine, of: Sequence[int], shape: Any) -> Iterator[Other]:
    """Yield what has no name in place of what has none, as inputs of a loop: of another time step, always of one."""
    lines = line.words.lines
    if {*of} & (line.words.tape.names.keys() | lines.made.keys()):
        return
    all_uses = lines.of_role(line.first)
    k = lines.tape.steps[line.first.step - 1].index(of[0], 2)
    inputs: list[Any] = [lines.tape.steps[use.step - 1][k] for use in all_uses]
    at = [all_uses.index(use) for use in line.uses]
    for by in (1, -1):
        shifted = {t: inputs[t + by] for t in at if 0 <= t + by < len(inputs)}
        yield from _fitting(line, ("one of", by), [shifted.get(t) for t in at], shape)
    for end in (0, -1):
        yield from _fitting(line, ("one of", "always", end), [inputs[end]] * len(of), shape)


def _fitting(line: OneLine, key: Pattern, places: Sequence[int | None], shape: Any) -> Iterator[Other]:
    shapes = {line.words.tape.values[u].shape for u in places if u is not None}
    if shapes == {shape}:
        yield Other(key, dict(zip(line.uses, places, strict=True)))


def instead(line: OneLine, other: Other, of: Sequence[int], sign: str) -> Callable[[Use], str]:
    """Return the text that something stands where another belongs."""

    def text(use: Use) -> str:
        words = line.words
        mine = [some for some in line.uses if some.of == use.of]
        use = next((some for some in mine if other.at[some] is not None), use)
        u, stands = other.at[use], dict(zip(line.uses, of, strict=True))[use]
        put = "nothing" if u is None else f"{sign}{words.name(u)}"
        right = words.handed(stands) if sign else stands
        where = f"{put} where {sign}{words.name(right)} belongs in the line of {words.describe(use)}"
        if len(mine) == 1:
            return where
        where += ", and so on"
        where += "; what has no such time step is missing" * any(other.at[some] is None for some in mine)
        shifted = len(other.key) == 2 and words.lines.timed.get(of[0], ("",))[0] == other.key[0]
        kind = "shifted by one time step" if shifted else "another variable"
        return f"{kind} in every contribution: {where}"

    return text


def another_operand(line: OneLine) -> Hypotheses:
    """Another value in place of an operand."""
    op, words = line.op(), line.words
    tape = words.tape
    if op.arity == 1:
        yield from _another_argument(line)
        return
    k = "yx"["xy".index(line.first.operand)]
    if op.symbol not in ("∘", "*", "/") or op is not TABLE[op.symbol]:
        return
    turned, of = _unturned(line, [line.position(use, k) for use in line.uses])
    for other in others(line, of):

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            if u is None:
                return 0 * array
            _, z, *operands = tape.steps[use.step - 1]
            values = [tape.values[i] for i in (z, *operands) if i is not None]
            values[1 + "xy".index(k)] = tape.values[u].T if turned else tape.values[u]
            if op.symbol == "/":  # its rule has the result in the place of x / y
                values[0] = op.run(*values[1:])
            made = tape.contributions(use.step, walk.column(z), values)["xy".index(use.operand)]
            return 0 * array if made is None else made

        yield line.changed(("operand", *other.key), alter, instead(line, other, of, ""), tie=("operand",))


def _unturned(line: OneLine, of: list[int]) -> tuple[bool, list[int]]:
    """Return whether all of these are transposes without a name, and what they are transposes of."""
    tape, made = line.words.tape, line.words.lines.made
    steps = [tape.steps[made[i] - 1] if i in made and i not in tape.names else None for i in of]
    turned = [step[2] for step in steps if step and step[0] is TABLE["transpose"]]
    return (True, turned) if len(turned) == len(of) else (False, of)


def complement(line: OneLine) -> Hypotheses:
    """1 - y in place of a factor y: what a gate keeps, and what not."""
    words, tape, k = line.words, line.words.tape, "yx"["xy".index(line.first.operand)]
    if line.op() is not TABLE["∘"] or line.constant_factor() is not None:
        return

    def alter(walk: Changed, use: Use, array: Array) -> Array:
        _, z, *operands = tape.steps[use.step - 1]
        values = [tape.values[i] for i in (z, *operands) if i is not None]
        values[1 + "xy".index(k)] = 1 - values[1 + "xy".index(k)]
        made = tape.contributions(use.step, walk.column(z), values)["xy".index(use.operand)]
        return 0 * array if made is None else made

    def text(use: Use) -> str:
        y = words.name(line.position(use, k))
        return f"1 - {y} where {y} belongs in the line of {words.describe(use)}"

    yield line.changed(("complement",), alter, text)


def _another_argument(line: OneLine) -> Hypotheses:
    """The derivative of a function taken at another value: as its result, or as its argument."""
    op, words = line.op(), line.words
    tape = words.tape
    if not op.formulas or not ({"z", "x"} & names_in(op.formulas[0])):
        return
    for k in sorted({"z", "x"} & names_in(op.formulas[0]), reverse=True):
        of = [line.position(use, k) for use in line.uses]
        for other in others(line, of):

            def alter(walk: Changed, use: Use, array: Array, other: Other = other, k: str = k) -> Array:
                u = other.at[use]
                if u is None:
                    return 0 * array
                a = line.arrays(walk, use)
                made: Array = evaluated(op.formulas[0], {**a, k: tape.values[u]}).T  # type: ignore[index]
                if made.shape != array.shape:
                    raise ValueError("the sizes do not fit")
                return made

            yield line.changed((f"argument {k}", *other.key), alter, instead(line, other, of, ""), tie=("argument", k))
    if "z" in names_in(op.formulas[0]):
        yield from _taken_at(line)


def _taken_at(line: OneLine) -> Hypotheses:
    """The derivative of a function taken at another argument."""
    op, words = line.op(), line.words
    tape = words.tape
    of = [line.position(use, "x") for use in line.uses]
    for other in others(line, of):

        def of_it(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            if u is None:
                return 0 * array
            z = op.run(tape.values[u])
            made = tape.contributions(use.step, walk.column(line.position(use, "z")), [z, tape.values[u]])[0]
            return 0 * array if made is None else made

        def text(use: Use, other: Other = other) -> str:
            u = other.at[use]
            at = "nothing" if u is None else words.name(u)
            right = words.name(line.position(use, "x"))
            where = f"in the line of {words.describe(use)}"
            return f"the derivative of {op.symbol} is taken at {at} instead of {right} {where}"

        yield line.changed(("taken at", *other.key), of_it, text, tie=("taken at",))


def another_derivative(line: OneLine) -> Hypotheses:
    """Another derivative in place of that of the step's result."""
    lines, tape = line.words.lines, line.words.tape
    of = [line.position(use, "z") for use in line.uses]
    handed_on = [line.words.handed(z) for z in of]
    for other in others(line, handed_on):
        put = [(u, use) for use, u in other.at.items() if u is not None]
        unused = any(u in tape.constants or not lines.d.reaches(u) for u, _ in put)
        if unused or any(lines.rank[u] >= lines.rank[use.of] for u, use in put):
            continue

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            made = None if u is None else tape.contributions(use.step, walk.column(u))["xy".index(use.operand)]
            return 0 * array if made is None else made

        reads = [() if u is None else (u,) for u in other.at.values()]
        text = instead(line, other, handed_on, "∇")
        yield line.changed(("adjoint", *other.key), alter, text, reads, tie=("adjoint",))


def value_for_derivative(line: OneLine) -> Hypotheses:
    """A value in place of the derivative of the step's result: that of the result itself first."""
    words, tape = line.words, line.words.tape
    of = [line.position(use, "z") for use in line.uses]
    own = Other(("own value",), dict(zip(line.uses, of, strict=True)))
    for other in (own, *others(line, of)):

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            made = None if u is None else tape.contributions(use.step, tape.values[u])["xy".index(use.operand)]
            return 0 * array if made is None else made

        def text(use: Use, other: Other = other) -> str:
            u = other.at[use]
            put, z = "nothing" if u is None else words.name(u), words.handed(line.position(use, "z"))
            return f"{put} where ∇{words.name(z)} belongs in the line of {words.describe(use)}"

        yield line.changed(("value", *other.key), alter, text, tie=("value",))


def passed_on(line: OneLine) -> Hypotheses:
    """Another derivative in place of a whole contribution: nothing of the step is taken."""
    lines, tape = line.words.lines, line.words.tape
    if len(line.uses) == 1 and line.alone(line.first):
        return  # `derivative_of_another` says it
    of = [use.of for use in line.uses]
    for other in others(line, of):
        put = [(u, use) for use, u in other.at.items() if u is not None]
        if any(u in tape.constants or not lines.d.reaches(u) for u, _ in put):
            continue
        if any(lines.rank[u] >= lines.rank[use.of] for u, use in put):
            continue

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            return 0 * array if u is None else walk.column(u)

        def text(use: Use, other: Other = other) -> str:
            u = other.at[use]
            put = "nothing" if u is None else f"∇{line.words.name(u)}"
            return f"{put} where {line.words.printed(use)} belongs, in the line of step {use.step}"

        reads = [() if u is None else (u,) for u in other.at.values()]
        yield line.changed(("passed on", *other.key), alter, text, reads, tie=("passed on",))


def factor_on_one(line: OneLine, k: float | None = None) -> Hypotheses:
    """A factor on one contribution of several."""

    def described(k: float) -> Callable[[Use], str]:
        text = f"a factor on one contribution: {shown(k)[0]} times what it should be"
        return lambda use: f"{text}: {line.words.describe(use)}"

    if not all(map(line.alone, line.uses)):
        for tried in factors_on_tape(line.words) if k is None else [k]:
            yield line.changed(("factor on one", shown(tried)[0]), times(tried), described(tried))


def factors_on_tape(words: Words) -> list[float]:
    """Return factors that people forget or put in: 2, and the sizes and numbers that are on the tape."""
    tape, length = words.tape, words.lines.d.length
    sizes = {float(n) for value in tape.values[:length] for n in value.shape if n > 1}
    numbers = {abs(float(tape.values[i].item().real)) for i in tape.constants if tape.values[i].size == 1}
    numbers = {n for n in numbers - {0.0, 1.0} if np.isfinite(n)}
    some = {2.0, *sorted(sizes)[:FACTORS_TRIED], *sorted(numbers)[:FACTORS_TRIED]}
    return sorted({k for n in some for k in (n, 1 / n)} - {1.0}, key=lambda k: abs(np.log(k)))


KINDS = (missing, added_wrongly, other_axis, another_point, altered_rule, another_function)
KINDS_BY_NAME = (another_operand, complement, another_derivative, passed_on, value_for_derivative)
