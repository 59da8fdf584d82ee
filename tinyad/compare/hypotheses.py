"""The mistakes people make in the lines of a backward pass, as a table of small functions.

Each yields hypotheses about one line, at all time steps at which it is repeated.  A hypothesis is a change of the
backward pass and what to say of it; whether it explains anything is for `explanations` to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.altered_rules import altered_rules, evaluated, has_another_axis, over_other_axis
from tinyad.compare.lines import Lines, Use
from tinyad.compare.thresholds import EXACT, FACTORS_TRIED, OTHERS_SHOWN, SIMPLE_FACTOR, SUBSETS_TRIED
from tinyad.compare.verdicts import Grade
from tinyad.compare.walk import Change, Changed, OfUse, OfValue
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.printing.listing import Formulas, handed
from tinyad.printing.text import one_line

Pattern = tuple[Any, ...]


class Hypothesis(NamedTuple):
    """A mistake: the change of the backward pass, the lines it is in, and what to say of it.

    `uses` are the contributions that are wrong or missing; `values` those to whose derivatives they belong.  `say`
    takes one of the values.  `tie` is what a hypothesis has in common with others of which only a name differs.
    """

    pattern: Pattern
    change: Change
    values: tuple[int, ...]
    uses: tuple[Use, ...]
    say: Callable[[int], str]
    factor: float | None = None
    tie: Pattern = ()
    grade: Grade = Grade.LIKELY


Hypotheses = Iterator[Hypothesis]


def times(k: float) -> Callable[[Changed, Any, Array], Array]:
    """Return the change of what is there to k times that."""

    def changed(walk: Changed, where: Any, array: Array) -> Array:
        return k * array

    return changed


def plus(more: Array) -> OfValue:
    """Return the change of a sum to one with something more."""

    def changed(walk: Changed, where: int, array: Array) -> Array:
        made: Array = array + more
        return made

    return changed


def always(text: str) -> Callable[[Any], str]:
    """Return what is said whatever it is said of."""
    return lambda _: text


class Words:
    """What contributions and values are called."""

    def __init__(self, lines: Lines, layout: str) -> None:
        self.lines, self.tape = lines, lines.tape
        self.formulas = Formulas(lines.tape, layout=layout)
        self._handed: dict[int, int | None] = {}

    def handed(self, z: int) -> int:
        """Return z, or the named value whose derivative it gets unchanged."""
        return handed(self.lines.d, z, self._handed)

    def name(self, i: int) -> str:
        return one_line(self.tape.label(i))

    def size_named(self, k: float) -> str:
        """Return in brackets what a factor or its inverse is the number of: examples, or a value with a name."""
        tape, names = self.tape, [(i, name) for i, name in self.tape.names.items() if i < self.lines.d.length]
        for n in (k, 1 / k):
            near = [(i, name) for i, name in names if n > 1 and abs(n - round(n)) < EXACT * n]
            for i, name in near:
                if tape.values[i].size == 1 and abs(tape.values[i].item() - n) < EXACT * n:
                    return f" ({one_line(name)} = {n:.0f})"
            for i, name in near:
                if tape.values[i].shape[1] == round(n):
                    return f" ({n:.0f} is the number of columns of {one_line(name)})"
        return ""

    def printed(self, use: Use, rule: Any = None) -> str:
        dz = self.handed(self.tape.steps[use.step - 1][1])
        return self.formulas.contribution(use.step, use.operand, rule, dz)

    def describe(self, use: Use) -> str:
        return f"step {use.step}, {self.printed(use)}" if use.step else "the given one"

    def lost(self, missing: Sequence[Use]) -> str:
        if len(missing) > 1:
            more = "; …" if len(missing) > OTHERS_SHOWN else ""
            return f"the contributions of {'; '.join(map(self.describe, missing[:OTHERS_SHOWN]))}{more} are missing"
        if missing[0].step:
            return f"the contribution of {self.describe(missing[0])}, is missing"
        return "the given one is missing"


class OneLine(NamedTuple):
    """One line of code that adds to a derivative: a contribution, at one time step or at several."""

    words: Words
    uses: tuple[Use, ...]

    @property
    def first(self) -> Use:
        return self.uses[0]

    def op(self, use: Use | None = None) -> Op:
        op: Op = self.words.tape.steps[(use or self.first).step - 1][0]
        return op

    def position(self, use: Use, which: str) -> int:
        """Return the position of "z", "x" or "y" of the step."""
        _, *positions = self.words.tape.steps[use.step - 1]
        i = positions["zxy".index(which)]
        assert i is not None
        return i

    def arrays(self, walk: Changed, use: Use) -> dict[str, Array]:
        """Return what the rule of the step is a formula of."""
        _, *positions = self.words.tape.steps[use.step - 1]
        values = {k: self.words.tape.values[i] for k, i in zip("zxy", positions, strict=True) if i is not None}
        return {"dz": walk.column(self.position(use, "z")).T, **values}

    def alone(self, use: Use) -> bool:
        """Return whether it is all that its derivative is made of."""
        return len(self.words.lines.uses[use.of]) == 1 and use.of not in self.words.lines.d.seeds

    def changed(
        self,
        pattern: Pattern,
        alter: OfUse,
        text: Callable[[Use], str],
        reads: Sequence[Sequence[int]] = (),
        **more: Any,
    ) -> Hypothesis:
        """Return the hypothesis that all contributions of the line are `alter` of what they should be."""
        reads = reads or [()] * len(self.uses)
        change = Change({use: (alter, tuple(some)) for use, some in zip(self.uses, reads, strict=True)})
        values = tuple(dict.fromkeys(use.of for use in self.uses))

        def say(i: int) -> str:
            mine = [use for use in self.uses if use.of == i]
            said = text(mine[0])
            return said + ", and so on" * (len(mine) > 1 and ", and so on" not in said)

        role = self.words.lines.role(self.first) if len(self.uses) > 1 else ()
        return Hypothesis((*pattern, role), change, values, self.uses, say, **more)


def row(alter: Callable[[dict[str, Array], Use], Array]) -> Callable[[OneLine], OfUse]:
    """Return the change of a contribution that is given by a formula of arrays in row layout."""

    def of(line: OneLine) -> OfUse:
        def changed(walk: Changed, use: Use, array: Array) -> Array:
            made = alter(line.arrays(walk, use), use).T
            if made.shape != array.shape:
                raise ValueError("the sizes do not fit")
            return made

        return changed

    return of


# One contribution


def missing(line: OneLine) -> Hypotheses:
    if not all(map(line.alone, line.uses)):
        yield line.changed(("missing",), times(0), lambda use: line.words.lost([use]))


def added_wrongly(line: OneLine) -> Hypotheses:
    """Counted twice, with the wrong sign, or transposed."""
    if all(map(line.alone, line.uses)):
        return

    def described(kind: str) -> Callable[[Use], str]:
        return lambda use: f"{kind}: {line.words.describe(use)}"

    for kind, alter in {
        "a contribution counted twice": times(2),
        "the sign of one contribution": times(-1),
    }.items():
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
    if None in times:
        return
    # A value of a loop is seen from the value in whose place it stands: h[3] for h[2] is one step late.
    at = [lines.timed[i][1] if own and i in lines.timed else t for i, t in zip(of, times, strict=True)]
    for base, last in lines.last.items():
        mine = own is not None and own[0] == base
        for by in (1, -1) if mine else (0,):
            yield from _fitting(line, (base, by), [lines.at.get((base, t + by)) for t in at if t is not None], shape)
        for end in (last, 0, 1) if mine else ():
            yield from _fitting(line, (base, "always", end), [lines.at.get((base, end))] * len(at), shape)
    for u in tape.names:
        if u not in lines.timed and u < lines.d.length and u not in of:
            yield from _fitting(line, (u,), [u] * len(at), shape)


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
    of = [line.position(use, k) for use in line.uses]
    for other in others(line, of):

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            if u is None:
                return 0 * array
            _, z, *operands = tape.steps[use.step - 1]
            values = [tape.values[i] for i in (z, *operands) if i is not None]
            values[1 + "xy".index(k)] = tape.values[u]
            made = tape.contributions(use.step, walk.column(z), values)["xy".index(use.operand)]
            return 0 * array if made is None else made

        yield line.changed(("operand", *other.key), alter, instead(line, other, of, ""), tie=("operand",))


def _another_argument(line: OneLine) -> Hypotheses:
    """The derivative of a function taken at another value: as its result, or as its argument."""
    op, words = line.op(), line.words
    tape = words.tape
    if not op.formulas or not ({"z", "x"} & _names(op.formulas[0])):
        return
    for k in sorted({"z", "x"} & _names(op.formulas[0]), reverse=True):
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
    if "z" in _names(op.formulas[0]):
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


def _names(formula: Any) -> set[str]:
    """Return the names that a formula holds."""
    if not hasattr(formula, "head"):
        return set()
    return {formula.head} if not formula.operands else set().union(*map(_names, formula.operands))


def another_derivative(line: OneLine) -> Hypotheses:
    """Another derivative in place of that of the step's result."""
    lines, tape = line.words.lines, line.words.tape
    of = [line.position(use, "z") for use in line.uses]
    handed_on = [line.words.handed(z) for z in of]
    for other in others(line, handed_on):
        put = [(u, use) for use, u in other.at.items() if u is not None]
        if any(lines.rank[u] >= lines.rank[use.of] or u in tape.constants for u, use in put):
            continue

        def alter(walk: Changed, use: Use, array: Array, other: Other = other) -> Array:
            u = other.at[use]
            made = None if u is None else tape.contributions(use.step, walk.column(u))["xy".index(use.operand)]
            return 0 * array if made is None else made

        reads = [() if u is None else (u,) for u in other.at.values()]
        text = instead(line, other, handed_on, "∇")
        yield line.changed(("adjoint", *other.key), alter, text, reads, tie=("adjoint",))


def factor_on_one(line: OneLine, k: float | None = None) -> Hypotheses:
    """A factor on one contribution of several."""

    def described(k: float) -> Callable[[Use], str]:
        text = f"a factor on one contribution: {shown(k)[0]} times what it should be"
        return lambda use: f"{text}: {line.words.describe(use)}"

    if not all(map(line.alone, line.uses)):
        for tried in factors_of_sizes(line.words) if k is None else [k]:
            yield line.changed(("factor on one", shown(tried)[0]), times(tried), described(tried))


def factors_of_sizes(words: Words) -> list[float]:
    """Return factors that people forget or put in: 2, and the sizes that are on the tape."""
    sizes = {float(n) for value in words.tape.values[: words.lines.d.length] for n in value.shape if n > 1}
    sizes = set(sorted(sizes)[:FACTORS_TRIED])
    return sorted({k for n in sizes | {2.0} for k in (n, 1 / n)}, key=lambda k: abs(np.log(k)))


# A derivative: the sum of its contributions


class OneSum(NamedTuple):
    """A derivative, at one time step or at several."""

    words: Words
    values: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.values[0]

    def uses(self, i: int) -> list[Use]:
        """Return the contributions to a derivative in the order of the walk; the seed is one of step 0."""
        lines = self.words.lines
        return [Use(0, "seed", i)] * (i in lines.d.seeds) + lines.uses.get(i, [])

    def changed(
        self, pattern: Pattern, alter: OfValue, text: str | Callable[[int], str], reads: Sequence[int] = (), **more: Any
    ) -> Hypothesis:
        """Return the hypothesis that all the sums are `alter` of what they should be."""
        change = Change({}, {i: (alter, tuple(reads)) for i in self.values})
        uses = tuple(self.uses(i)[0] for i in self.values if len(self.uses(i)) == 1)
        role = self.words.lines.value_role(self.first) if len(self.values) > 1 else ()
        say = always(text) if isinstance(text, str) else text
        return Hypothesis((*pattern, role), change, self.values, uses, say, **more)

    def without(self, kind: str, lost: dict[int, list[Use]], text: Callable[[int], str]) -> Hypothesis:
        """Return the hypothesis that some contributions are missing."""
        seeds = {i: self.words.lines.d.seeds[i] for i, some in lost.items() if any(not use.step for use in some)}
        uses = tuple(use for some in lost.values() for use in some if use.step)
        change = Change(
            dict.fromkeys(uses, (times(0), ())),
            {i: (plus(-seed), ()) for i, seed in seeds.items()},
        )
        role = self.words.lines.value_role(self.first) if len(self.values) > 1 else ()
        return Hypothesis((kind, role), change, tuple(lost), uses, text)


def contributions_missing(sums: OneSum) -> Hypotheses:
    """It is 0; = stood where += belongs; it stops early."""
    words, uses = sums.words, {i: sums.uses(i) for i in sums.values}
    if any(map(len, uses.values())):
        yield sums.without("zero", uses, always("it is 0: every contribution is missing"))
    several = {i: some for i, some in uses.items() if len(some) > 1}
    if not several:
        return
    counts = range(1, max(map(len, several.values())))
    # With more contributions only the ends are tried: the last alone, all but the last, and so on.
    if len(counts) > SUBSETS_TRIED:
        counts = [*counts[: SUBSETS_TRIED // 2], *counts[-SUBSETS_TRIED // 2 :]]  # type: ignore[assignment]
    for kept in sorted(counts, reverse=True):
        first = {i: some[: len(some) - kept] for i, some in several.items() if len(some) > kept}

        def overwritten(i: int, first: dict[int, list[Use]] = first) -> str:
            at = several[i][len(first[i])].step
            return f"{words.lost(first[i])}, as if = stood where += belongs at step {at}"

        yield sums.without(f"overwritten {kept}", first, overwritten)
    if len(sums.values) == 1:
        ((i, some),) = several.items()
        if not some[0].step:
            yield sums.without("missing", {i: some[:1]}, lambda i: words.lost(some[:1]))
        for k in sorted(counts):
            text = f"it stops early: the contributions from {words.describe(some[k])} on are missing"
            if k < len(some) - 1:
                yield sums.without(f"stops early {k}", {i: some[k:]}, always(text))


def seed_wrong(sums: OneSum) -> Hypotheses:
    """What was given to start from is missing, counted twice, or has the wrong sign."""
    seeds = sums.words.lines.d.seeds
    if not any(i in seeds and sums.words.lines.uses.get(i) for i in sums.values):
        return

    def more(k: float) -> OfValue:
        def changed(walk: Changed, i: int, total: Array) -> Array:
            made: Array = total + k * seeds[i] if i in seeds else total
            return made

        return changed

    said = {
        "a contribution counted twice: the given one": 1.0,
        "the sign of one contribution: the given one": -2.0,
        "the given one is missing": -1.0,
    }
    for text, k in said.items():
        yield sums.changed((text,), more(k), text)


def sum_turned(sums: OneSum) -> Hypotheses:
    """The sign, transposed, or in reverse order."""
    yield sums.changed(("sign",), times(-1), "the sign", factor=-1.0)
    rows, columns = sums.words.tape.values[sums.first].shape
    if rows == columns > 1:
        yield sums.changed(("transposed",), lambda _, i, total: total.T, "transposed")
    for which, size in (("rows", rows), ("columns", columns), ("rows and columns", min(rows, columns))):
        if size > 1:
            yield sums.changed((which,), reversed_along(which), f"its {which} are in reverse order")


def reversed_along(which: str) -> OfValue:
    axes = tuple(k for k, name in enumerate(("rows", "columns")) if name in which)
    return lambda _, i, total: np.flip(total, axes)


def scaled(sums: OneSum, k: float) -> Hypothesis:
    """Return the hypothesis that a derivative is k times what it should be."""
    said, _ = shown(k)
    text = f"a factor: {said} times what it should be{sums.words.size_named(k)}"
    return sums.changed(("factor", said), times(k), text, factor=k)


def derivative_of_another(sums: OneSum) -> Hypotheses:
    """The derivative of something else."""
    lines, tape = sums.words.lines, sums.words.tape
    if len(sums.values) > 1:
        return
    i, above = sums.first, lines.computed_from(sums.first)
    for u in lines.near(i):
        if tape.values[u].shape != tape.values[i].shape:
            continue
        if u not in above and u not in tape.constants and lines.d.reaches(u):
            text = f"it is the derivative of {sums.words.name(u)}"
            yield sums.changed(("derivative of", u), derivative_at(u), text, (u,), tie=("derivative of",))


def derivative_at(u: int) -> OfValue:
    return lambda walk, i, total: walk.column(u)


def misdirected(sums: OneSum) -> Hypotheses:
    """A contribution that is added to a derivative nearer to the end: it goes through a function that it does not."""
    lines, tape = sums.words.lines, sums.words.tape
    if len(sums.values) > 1 or len(sums.uses(sums.first)) < 2:
        return
    i = sums.first
    later = lines.used_for(i)
    for use in sums.uses(i)[:SUBSETS_TRIED]:
        z = tape.steps[use.step - 1][1] if use.step else -1
        for u in lines.near(i):
            fits = u not in (i, z) and tape.values[u].shape == tape.values[i].shape
            if not fits or lines.rank[u] >= lines.rank[i] or (use.step and lines.rank[u] <= lines.rank[z]):
                continue
            if u in tape.constants or u not in later:
                continue
            seed = None if use.step else lines.d.seeds[i]

            def moved(walk: Changed, u: int, total: Array, use: Use = use, seed: Any = seed) -> Array:
                made: Array = total + (walk.contribution(use) if seed is None else seed)
                return made

            def without(walk: Changed, i: int, total: Array, use: Use = use, seed: Any = seed) -> Array:
                made: Array = total - (walk.contribution(use) if seed is None else seed)
                return made

            what = sums.words.describe(use)
            text = f"{what if use.step else 'what was given for it'}, is added to ∇{sums.words.name(u)} instead"
            change = Change({}, {u: (moved, ()), i: (without, ())})
            uses = (use,) if use.step else ()
            yield Hypothesis(("misdirected", use, u), change, (i,), uses, always(text))


def shown(factor: float) -> tuple[str, bool]:
    """Return a factor as a fraction if it is a simple one, and whether it is."""
    from fractions import Fraction  # 2 ms that an import of tinyad need not take

    simple = Fraction(factor).limit_denominator(SIMPLE_FACTOR)
    exact = bool(simple) and abs(factor - simple) < EXACT * abs(factor)
    return str(simple) if exact else f"{factor:.6g}", exact


OF_A_SUM = (sum_turned, contributions_missing, seed_wrong)
OF_A_LINE = (missing, added_wrongly, other_axis, another_point, altered_rule, another_function)
OF_A_LINE_BY_NAME = (another_operand, another_derivative)
OF_A_SUM_BY_NAME = (derivative_of_another, misdirected)
