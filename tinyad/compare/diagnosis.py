"""The mistake that a wrong derivative looks like: hypotheses about its contributions, tried in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compare.altered_rules import altered_rules, evaluated, has_another_axis, over_other_axis
from tinyad.compare.thresholds import EXACT, LESS_EXACT, OPERANDS_TRIED, OTHERS_SHOWN, SIMPLE_FACTOR
from tinyad.compare.verdicts import Grade
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.engine.op import Op
from tinyad.engine.table import TABLE
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import Formulas, derived, handed
from tinyad.printing.text import at_time, one_line

Close = Callable[[Array, Array], bool]
TIMED = re.compile(r"(.*)\[(-?\d+)\]", re.DOTALL)


class ValueAt(NamedTuple):
    """A value of the tape in a pattern, by its position."""

    position: int


Pattern = tuple[Any, ...]  # strings, numbers, and ValueAt for what moves with the time step


class Diagnosis(NamedTuple):
    """A mistake that explains a difference, the step it points to (None: no one step), and how much that says.

    own: nothing upstream could look like this, so the line itself is wrong.  steps: all it points to, if several.
    pattern: the mistake, whatever its wording.
    """

    text: str
    pattern: Pattern
    step: int | None = None
    grade: Grade = Grade.LIKELY
    factor: float | None = None
    own: bool = False
    steps: tuple[int, ...] = ()


Hypotheses = Iterator[tuple[Array, Diagnosis]]


def without_time(pattern: Pattern, tape: Tape, t: int) -> Pattern:
    """Return a pattern with its values as seen from time step t: equal for the same mistake at another time step."""

    def seen(item: Any) -> Any:
        if not isinstance(item, ValueAt):
            return item
        if item.position not in tape.names and item.position not in tape.constants:
            return ""  # _3 is another one at every time step
        base, time = at_time(tape.label(item.position))
        return base, None if time is None else time - t

    return tuple(map(seen, pattern))


class Mistakes:
    """The mistakes people make in the lines of one derivative, given the derivatives `used` upstream of it.

    Rules are printed in `layout`; at most `tries` other variables are tried in place of an operand.
    """

    def __init__(self, used: Derivatives, v: Variable, layout: str, tries: int = OPERANDS_TRIED) -> None:
        self.used, self.tape, self.v, self.tries = used, used.tape, v, tries
        self.formulas = Formulas(used.tape, layout=layout)
        self.contributions = used.contributions(v)
        self.total = _sum(self.contributions)
        self.handed = cache(partial(handed, used))

    def diagnose(self, hand: Array, close: Close) -> Diagnosis | None:
        """Return the first hypothesis that turns the contributions into `hand` (row layout)."""
        if not np.all(np.isfinite(hand)):
            return Diagnosis("it has entries that are not finite", ("not finite",), grade=Grade.CERTAIN)
        if not self.contributions:
            return None
        for made, diagnosis in chain(self.in_one_line(), self.other_derivatives()):
            if made.shape == hand.shape and close(made, hand):
                return diagnosis
        return self.less_exact(hand) or self.factors(hand, close)

    def in_one_line(self) -> Hypotheses:
        """Yield (what the derivative would be, the mistake that makes it so) for mistakes in one line."""
        if not self.contributions:
            return
        yield from self.missing_contributions()
        yield from self.of_the_sum()
        for c in self.contributions:
            yield from self.of_one_contribution(c)
        for c in self.contributions:
            if c.step:
                yield from self.another_rule(c)
        yield from self.over_time()
        tries = self.tries
        for c in self.contributions:
            if c.step:
                for hypothesis in self.another_operand(c):
                    if (tries := tries - 1) < 0:
                        return
                    yield hypothesis

    # Words

    def describe(self, c: Contribution) -> str:
        if c.step == 0:
            return "the given one"
        return f"step {c.step}, {self.printed(c)}"

    def printed(self, c: Contribution, rule: Any = None) -> str:
        dz = self.handed(self.tape.steps[c.step - 1][1])
        return self.formulas.contribution(c.step, c.operand, rule, dz)

    def name(self, position: int) -> str:
        return one_line(self.tape.label(position))

    def pattern(self, kind: str, *contributions: Contribution) -> Pattern:
        """Return a kind of mistake with the contributions it is in."""
        items: list[Any] = [kind]
        for c in contributions:
            if c.step:
                op, z, *operands = self.tape.steps[c.step - 1]
                values = (self.handed(z), *(i for i in operands if i is not None))
                items += [op.symbol, c.operand, *map(ValueAt, values)]
        return tuple(items)

    # Contributions

    def missing_contributions(self) -> Hypotheses:
        """Contributions that are missing, and later ones that overwrote earlier ones."""
        all_of_them = self.contributions
        not_zero = [c for c in all_of_them if np.any(c.array)] or all_of_them
        steps = tuple(c.step for c in not_zero if c.step)
        zero = Diagnosis("it is 0: every contribution is missing", ("zero",), not_zero[-1].step, steps=steps)
        yield 0 * self.total, zero
        for k in range(1, len(all_of_them)):
            text = f"{self.lost(all_of_them[:k])}, as if = stood where += belongs at step {all_of_them[k].step}"
            yield _sum(all_of_them[k:]), self.missing("overwritten", all_of_them[:k], text, all_of_them[k].step)
        for k, c in enumerate(all_of_them) if len(all_of_them) > 1 else ():
            kept = all_of_them[:k] + all_of_them[k + 1 :]
            yield _sum(kept), self.missing("missing", [c], self.lost([c]), c.step or all_of_them[-1].step)
        for k in range(1, len(all_of_them) - 1):
            text = f"it stops early: the contributions from {self.describe(all_of_them[k])} on are missing"
            yield _sum(all_of_them[:k]), self.missing("stops early", all_of_them[k:], text, all_of_them[k].step)

    def lost(self, missing: list[Contribution]) -> str:
        if len(missing) > 1:
            more = "; …" if len(missing) > OTHERS_SHOWN else ""
            return f"the contributions of {'; '.join(map(self.describe, missing[:OTHERS_SHOWN]))}{more} are missing"
        if missing[0].step:
            return f"the contribution of {self.describe(missing[0])}, is missing"
        return "the given one is missing"

    def missing(self, kind: str, missing: list[Contribution], text: str, otherwise: int) -> Diagnosis:
        """Contributions that are not there: the steps to look at are theirs; a seed has none."""
        steps = tuple(c.step for c in missing if c.step)
        pattern = (*self.pattern(kind, *missing[:OTHERS_SHOWN]), len(missing) > OTHERS_SHOWN)
        return Diagnosis(text, pattern, steps[0] if steps else otherwise, own=True, steps=steps)

    def of_the_sum(self) -> Hypotheses:
        step = self.contributions[-1].step if len(self.contributions) == 1 else None
        yield -self.total, Diagnosis("the sign", ("sign",), step, factor=-1.0)
        if self.total.shape[0] == self.total.shape[1] > 1:
            yield self.total.T, Diagnosis("transposed", ("transposed",), step)

    def of_one_contribution(self, c: Contribution) -> Hypotheses:
        """One of several that is counted twice, has the wrong sign, or is transposed."""
        if len(self.contributions) == 1:
            return
        step = c.step or self.contributions[-1].step
        changes = [
            ("a contribution counted twice", self.total + c.array),
            ("the sign of one contribution", self.total - 2 * c.array),
        ]
        if c.array.shape[0] == c.array.shape[1] > 1:
            changes.append(("one contribution transposed", self.total - c.array + c.array.T))
        for kind, made in changes:
            yield made, Diagnosis(f"{kind}: {self.describe(c)}", self.pattern(kind, c), step, own=True)

    # The rule of a step

    def another_rule(self, c: Contribution) -> Hypotheses:
        """The rule of the step without its derivative, with that of another function, at another point, or misread."""
        op, z, *operands = self.tape.steps[c.step - 1]
        values = {"dz": self.used.column(z).T, "z": self.tape.values[z]}
        values |= {name: self.tape.values[i] for name, i in zip("xy", operands, strict=True) if i is not None}
        if has_another_axis(op):
            other, explanation = over_other_axis(op)
            array = other.deriv(values["dz"], other.run(values["x"]), values["x"])
            yield from self.replaced(c, array, explanation, "other axis")
        if op.arity == 1:
            yield from self.without_derivative(c, op, values)
        if op.formulas:
            for k, rule in enumerate(altered_rules(self.tape.formula(c.step, c.operand), op.arity == 1)):
                text = f"{self.printed(c, rule)} where {self.printed(c)} belongs, in the line of step {c.step}"
                yield from self.replaced(c, _value_or_none(rule, values), text, f"altered rule {k}")
        if op.arity == 1:
            yield from self.of_another_function(c, op, values)

    def without_derivative(self, c: Contribution, op: Op, values: dict[str, Array]) -> Hypotheses:
        """The derivative of a function left out, or taken at its result."""
        line = f"in the line of {self.describe(c)}"
        text = f"the derivative of {op.symbol} is missing {line}"
        yield from self.replaced(c, values["dz"], text, "no derivative")
        if op.formulas and values["z"].shape == values["x"].shape:
            _, z, x, _ = self.tape.steps[c.step - 1]
            again = {**values, "z": _run_or_nan(op, values["z"]), "x": values["z"]}
            text = f"the derivative of {op.symbol} is taken at {self.name(z)} instead of {self.name(x)} {line}"
            yield from self.replaced(c, _value_or_none(op.formulas[0], again), text, "another point")

    def of_another_function(self, c: Contribution, op: Op, values: dict[str, Array]) -> Hypotheses:
        for other in TABLE.values():
            if other.arity == 1 and other.formulas and other.symbol not in (op.symbol, "none", "transpose", "neg"):
                text = f"the derivative of {other.symbol} where that of {op.symbol} belongs "
                text += f"in the line of {self.describe(c)}"
                array = _value_or_none(other.formulas[0], values)
                yield from self.replaced(c, array, text, f"derivative of {other.symbol}")

    def replaced(self, c: Contribution, array: Array | None, text: str, kind: str) -> Hypotheses:
        """The total with another array in place of one contribution, if there is one and it fits."""
        if array is not None and array.shape == c.array.shape:
            yield self.total - c.array + array, Diagnosis(text, self.pattern(kind, c), c.step)

    # Another variable

    def over_time(self) -> Hypotheses:
        """All contributions of a sum over time with what belongs to another time step, or with another variable."""
        summed = self.summed_over_time()
        at = {name: i for i, name in self.tape.names.items()} if summed else {}
        bases = dict.fromkeys(timed[1] for timed in map(TIMED.fullmatch, at) if timed)
        changes = [(key, key[0], by) for key in summed for by in (1, -1)]
        changes += [(key, base, 0) for key in summed for base in bases if base != key[0]]
        for (name, derivative), base, by in changes:
            contributions = summed[name, derivative]
            total, first, changed, sign = self.total, "", 0, "∇" * derivative
            for c, i, t in contributions:
                u = at.get(f"{base}[{t + by}]")
                array = None if u is None else self.with_another(c, i, u, derivative)
                total = total - c.array + (0 if array is None else array)
                if u is not None and array is not None:
                    first = first or f"{sign}{self.name(u)} where {sign}{self.name(i)} belongs"
                    changed += 1
            some = [c for c, _, _ in contributions]
            if changed and (by or changed == len(some)):
                where = f"{first} in the line of {self.describe(some[0])}{', and so on' * (changed > 1)}"
                where += "; what has no such time step is missing" * (changed < len(some))
                kind = "shifted by one time step" if by else "another variable"
                pattern = (kind, name, derivative, base, by, changed < len(some))
                text = f"{kind} in every contribution: {where}"
                yield total, Diagnosis(text, pattern, some[0].step, steps=tuple(c.step for c in some))

    def summed_over_time(self) -> dict[tuple[str, bool], list[tuple[Contribution, int, int]]]:
        """Return {(name, whether its derivative): [(contribution with it, its position, time step)]}."""
        summed: dict[tuple[str, bool], list[tuple[Contribution, int, int]]] = {}
        for c in self.contributions if len(self.contributions) > 1 else ():
            op, z, *operands = self.tape.steps[c.step - 1] if c.step else (None, 0)
            if op is not None and op.symbol in "∘*+-":
                other = operands["yx".index(c.operand)] or 0
                for derivative, i in ((False, other), (True, self.handed(z))):
                    timed = TIMED.fullmatch(self.tape.names.get(i, ""))
                    if timed and (derivative or op.symbol in "∘*"):
                        summed.setdefault((timed[1], derivative), []).append((c, i, int(timed[2])))
        return {key: some for key, some in summed.items() if len({t for _, _, t in some}) > 1}

    def with_another(self, c: Contribution, i: int, u: int, derivative: bool) -> Array | None:
        """Return the contribution with u for its operand i, or its derivative for the result's; None if u misfits."""
        _, z, *operands = self.tape.steps[c.step - 1]
        k = "xy".index(c.operand)
        position = z if derivative else i
        if self.tape.values[u].shape != self.tape.values[position].shape:
            return None
        values = [
            self.tape.values[u if j == i and n != k and not derivative else j or 0] for n, j in enumerate(operands)
        ]
        D = self.used.column(u if derivative else z)
        array = self.tape.contributions(c.step, D, [self.tape.values[z], *values])[k]
        return None if array is None else array.T

    def another_operand(self, c: Contribution) -> Hypotheses:
        """One contribution whose line has another variable, or another derivative, in place of the right one."""
        op, z, *operands = self.tape.steps[c.step - 1]
        positions = [i for i in operands if i is not None]
        values, dz, k = [self.tape.values[i] for i in (z, *positions)], self.used.column(z), "xy".index(c.operand)
        own, line = self.computed_from(), f"in the line of {self.describe(c)}"
        above, other = self.name(self.handed(z)), self.name(positions[1 - k]) if op.symbol in "∘*" else ""
        derivative, operand = (self.pattern(f"another {kind}", c) for kind in ("derivative", "operand"))

        def made(D: Array, values: list[Array]) -> Array:
            array = self.tape.contributions(c.step, D, values)[k]
            total: Array = self.total - c.array + (0 if array is None else array.T)
            return total

        for u in self.nearest(c.step):
            value = self.tape.values[u]
            if u != z and u not in own and value.shape == dz.shape and self.used.reaches(u):
                text = f"∇{self.name(u)} where ∇{above} belongs {line}"
                yield made(self.used.column(u), values), Diagnosis(text, (*derivative, ValueAt(u)), c.step)
            if op.symbol in "∘*" and u != positions[1 - k] and value.shape == values[2 - k].shape:
                text = f"{self.name(u)} where {other} belongs {line}"
                swapped = [*values[: 2 - k], value, *values[3 - k :]]
                yield made(dz, swapped), Diagnosis(text, (*operand, ValueAt(u)), c.step)

    def computed_from(self) -> set[int]:
        """Return v and what it is computed from: their derivatives in `used` follow from v's and cannot explain it."""
        positions = {self.v.index}
        for n in range(len(self.tape.steps), 0, -1):
            if self.tape.steps[n - 1][1] in positions:
                positions |= {*derived(self.tape, n).values()}
        return positions

    def nearest(self, step: int) -> list[int]:
        """Return positions of the tape, those with names first, and of these those around a step."""
        middle = self.tape.steps[step - 1][1]
        return sorted(range(self.used.length), key=lambda u: (u not in self.tape.names, abs(u - middle)))

    def other_derivatives(self) -> Hypotheses:
        own = self.computed_from()
        for u in self.nearest(self.contributions[-1].step or 1)[: self.tries] if self.tape.steps else ():
            if u not in own and self.used.reaches(u) and self.tape.values[u].shape == self.v.shape:
                pattern = "derivative of another", ValueAt(u)
                yield self.used.column(u).T, Diagnosis(f"it is the derivative of {self.name(u)}", pattern)

    # Numbers

    def less_exact(self, hand: Array) -> Diagnosis | None:
        largest = float(np.abs(self.total).max(initial=0))
        off = float(np.abs(hand - self.total).max(initial=0)) / largest if largest else 1.0
        if off >= LESS_EXACT:
            return None
        digits = f"{-np.log10(off):.0f}"
        return Diagnosis(f"it agrees to {digits} digits: less exact, or something small is missing", ("digits", digits))

    def factors(self, hand: Array, close: Close) -> Diagnosis | None:
        """A factor on the sum, or on one contribution."""
        for c in [None, *self.contributions] if len(self.contributions) > 1 else [None]:
            scaled = self.total if c is None else c.array
            rest = self.total - scaled
            square = float(np.vdot(scaled, scaled).real)
            factor = float(np.vdot(scaled, hand - rest).real / square) if square else 0.0
            if not np.isfinite(factor) or not factor or not close(rest + factor * scaled, hand):
                continue
            shown, simple = _shown(factor)
            if hand.size == 1 and not simple:  # any number is some factor times another
                continue
            grade = Grade.LIKELY if hand.size > 1 else Grade.POSSIBLE
            if c is None:
                step = self.contributions[-1].step if len(self.contributions) == 1 else None
                text = f"a factor: {shown} times what it should be"
                return Diagnosis(text, ("factor", shown), step, grade, factor)
            text = f"a factor on one contribution: {shown} times what it should be: {self.describe(c)}"
            return Diagnosis(text, (*self.pattern("factor", c), shown), c.step, grade, own=True)
        return None


def _shown(factor: float) -> tuple[str, bool]:
    """Return a factor as a fraction if it is a simple one, and whether it is."""
    from fractions import Fraction  # 2 ms that an import of tinyad need not take

    simple = Fraction(factor).limit_denominator(SIMPLE_FACTOR)
    exact = bool(simple) and abs(factor - simple) < EXACT * abs(factor)
    return str(simple) if exact else f"{factor:.6g}", exact


def _value_or_none(rule: Any, values: dict[str, Array]) -> Array | None:
    try:
        array: Array = evaluated(rule, values)
    except (ValueError, TypeError, IndexError):  # sizes that do not fit
        return None
    return array


def _run_or_nan(op: Op, x: Array) -> Array:
    try:
        result: Array = op.run(x)
    except ValueError:  # outside of the domain
        result = np.full_like(x, np.nan)
    return result


def _sum(contributions: list[Contribution]) -> Array:
    total: Array = np.sum([c.array for c in contributions], axis=0)
    return total
