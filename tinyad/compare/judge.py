"""One derivative at a time by hand against a tape: right or wrong, by its own line or by an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, as_sized, size
from tinyad.compare.hypotheses import Words
from tinyad.compare.lines import Lines
from tinyad.compare.thresholds import DECIMALS, FAR, LAST_DECIMAL, OTHERS_SHOWN
from tinyad.compare.verdicts import Cause, Finding, Grade, Verdict
from tinyad.compare.walk import Walk
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.gradcheck.rounding import SLACK, relative, spread
from tinyad.printing.listing import derived
from tinyad.printing.text import one_line


class Difference(NamedTuple):
    """How far a derivative by hand is off: in units of rounding, and where most."""

    off: float
    worst: tuple[int, int, complex, complex] | None = None


class Judge:
    """The hand's derivatives in row layout, those that follow from them, and how near is equal.

    An entry that is NaN in an array with other entries is not known.
    """

    def __init__(self, d: Derivatives, hand: Mapping[Any, Any], layout: str) -> None:
        self.d, self.tape, self.layout = d, d.tape, layout
        self.lines = Lines(d)
        self.words = Words(self.lines, layout)
        self.names: dict[int, str] = {}
        self.hand: dict[int, Array] = {}
        for key, value in hand.items():
            i = d.at(key).index
            name = key if isinstance(key, str) else self.tape.label(i)
            if i in self.tape.constants:
                raise KeyError(f"{name} is a constant: it has no derivative")
            if i in self.names:
                raise ValueError(f"{name} and {self.names[i]} are one Variable: give its derivative once")
            shape = self.true(i).shape if layout == "row" else self.true(i).shape[::-1]
            what = f"the derivative of {name} by hand"
            a = of_entries(value, what, shape) if isinstance(value, Mapping) else as_sized(value, what, shape)
            self.names[i], self.hand[i] = name, a if layout == "row" else a.T
        self.fitting = {i: a for i, a in self.hand.items() if a.shape == self.true(i).shape}
        self.rounding = relative(d)
        self.coarsest = max(map(self.coarseness_of, self.hand.values()))
        self.spread = spread(d)
        self.inherited_coarseness = self._inherited_coarseness()
        self.walk = Walk(self.lines, {i: a.T for i, a in self.fitting.items()})
        self.all_transposed = self._all_transposed()
        not_square = [i for i, a in self.hand.items() if a.shape[0] != a.shape[1]]
        self.not_square = len(not_square)
        self.fitting_transposed = sum(self.hand[i].T.shape == self.true(i).shape for i in not_square)
        self.in_other_layout = self.all_transposed or 2 * self.fitting_transposed > self.not_square

    def true(self, i: int) -> Array:
        return self.d.column(i).T  # of a recorded walk too

    # How near is equal

    def slack(self, i: int) -> float:
        """Return what rounding may do to the derivative at i: a multiple of what it does to the tape's own."""
        return SLACK * self.rounding * self.spread[i]

    def close(self, i: int, a: Array, b: Array, coarseness: float = 1.0) -> bool:
        """Return whether what is known of `a` is b to rounding, where the tape has the derivative at i."""
        true, other = (float(np.abs(m).max(initial=0)) for m in (self.true(i), b))
        slack = self.slack(i)
        if true > slack:
            slack *= max(1.0, other / true)
        else:  # 0 but for rounding: it says nothing of how exact b is
            slack = max(slack, SLACK * self.rounding * other)
        near = np.abs(np.where(np.isnan(a), b, a) - b) <= coarseness * slack
        return bool(np.all(near)) and bool(np.isfinite(other))

    def right(self, i: int) -> bool:
        """Return whether what was given for i is the tape's, to the rounding of its numbers or of those upstream."""
        return i in self.fitting and self.agrees(i, self.true(i))

    def agrees(self, i: int, expected: Array) -> bool:
        """Return whether what was given for i, of the right size, is what is expected, to rounding."""
        a = self.fitting[i]
        return not np.all(np.isnan(a)) and self.close(i, a, expected, self.coarseness(i))

    def follows(self, i: int, column: Array) -> bool:
        """Return the same as `agrees` of what is expected in the size of the variable; soon where it is far off."""
        far = np.abs(self.walk.given[i] - column).max(initial=0) > self.far[i]
        return not far and self.agrees(i, column.T)

    @cached_property
    def far(self) -> dict[int, float]:
        """Value that was given → the difference from which on nothing is equal to it, however coarse its numbers."""
        sizes = {i: float(np.abs(a).max(initial=0)) for i, a in self.walk.given.items()}
        return {i: self.coarsest * max(self.slack(i), FAR * size) for i, size in sizes.items()}

    def coarseness(self, i: int) -> float:
        """Return how coarse what was given for i may be: as its own numbers, or those given that it is made from."""
        return max(self.coarseness_of(self.fitting[i]), self.inherited_coarseness[i])

    def right_to_the_coarsest(self, i: int) -> bool:
        """Return whether it is the tape's to the rounding of the least exact array by hand."""
        return i in self.fitting and self.close(i, self.fitting[i], self.true(i), self.coarsest)

    def coarseness_of(self, a: Array) -> float:
        return max(1.0, float(np.finfo(a.dtype).eps) / self.rounding)

    def _inherited_coarseness(self) -> list[float]:
        inherited = [1.0] * self.d.length
        for _, z, x, y in reversed(self.tape.steps):
            if z < self.d.length:
                coarse = max(inherited[z], self.coarseness_of(self.fitting[z]) if z in self.fitting else 1.0)
                for i in (x, x if y is None else y):
                    inherited[i] = max(inherited[i], coarse)
        return inherited

    # What follows from what was given

    def expected(self, i: int) -> Array:
        """Return the sum of the contributions to the derivative at i, from what was given."""
        return self.walk.total(i).T

    def not_given(self, i: int) -> list[int]:
        """Return the derivatives that i's is computed from and that were not given.

        A seed alone is given.  Unnamed values on the way to i alone are part of its own line, unnamed copies are no
        lines.
        """
        found, seen, todo = list[int](), {i}, [i]
        while todo:
            for use in self.lines.uses.get(todo.pop(), ()):
                z = self.tape.steps[use.step - 1][1]
                if z in seen or (z in self.fitting and z not in self.walk.partly):
                    continue
                seen.add(z)
                line = z in self.tape.names or not (self.part_of_line(z, i) or self.is_copy(z))
                if line and z in self.lines.uses:
                    found.append(z)
                todo.append(z)
        return found

    def part_of_line(self, z: int, i: int) -> bool:
        """Return whether the derivative of an unnamed value is a part of the line of i alone."""
        return z not in self.tape.names and self.lines.owner[z] == i

    def is_copy(self, z: int) -> bool:
        """Return whether a derivative follows from another without a calculation; a seed alone is known."""
        uses = self.lines.uses.get(z, ())
        alone = len(uses) + (z in self.d.seeds) <= 1  # a sum of several may lack one of them
        return alone and all(getattr(self.tape.formula(use.step, use.operand), "head", "") == "dz" for use in uses)

    def _all_transposed(self) -> bool:
        """Return whether every derivative is right once transposed, and not all are as they stand."""
        transposed = [
            a.T.shape == self.true(i).shape and self.close(i, a.T, self.true(i), self.coarseness_of(a))
            for i, a in self.hand.items()
        ]
        return len(transposed) > 1 and all(transposed) and not all(self.right(i) for i in self.hand)

    # Findings

    def finding(self, i: int) -> Finding:
        """Return what holds of one derivative that was given; of one that breaks its own rule, or may, no more."""
        contributions = self.d.contributions(self.tape.at(i))
        step = contributions[-1].step if contributions else 0
        if not np.all(np.isfinite(self.true(i))):
            text, cause = "the tape's own derivative is not finite", Cause.NOT_FINITE
            return Finding(self.names[i], Verdict.WRONG, step, cause, text, pattern=(cause,))
        if i not in self.fitting:
            return self._of_another_size(i, step)
        difference = self._difference(i)
        if self.right(i):
            return Finding(self.names[i], Verdict.RIGHT, step, off=difference.off)
        return self._without_diagnosis(i, step, difference) or self._broken(i, contributions, step, difference)

    def _of_another_size(self, i: int, step: int) -> Finding:
        a, true = self.hand[i], self.true(i)
        sizes = [size(m.shape if self.layout == "row" else m.shape[::-1]) for m in (a, true)]
        text = f"{sizes[0]} by hand, expected {sizes[1]}"
        fits = a.T.shape == true.shape
        right = fits and self.close(i, a.T, true, self.coarseness_of(a))
        text += "; transposed it is right" if right else "; transposed it would fit" if fits else ""
        cause = Cause.LAYOUT if self.in_other_layout else Cause.SIZE
        return Finding(self.names[i], Verdict.SIZE, step, cause, text, pattern=(cause, *sizes, right))

    def _difference(self, i: int) -> Difference:
        a, true = self.fitting[i], self.true(i)
        off = np.abs(a - true)
        if not np.all(np.isnan(a)):
            off = np.where(np.isnan(a), 0.0, off)
        largest = float(np.abs(true).max(initial=0))
        right, own = self.right(i), self.coarseness_of(a)
        coarseness = self.coarseness(i) if right and not self.close(i, a, true, own) else own
        unit = self.rounding * coarseness * (largest if largest > self.slack(i) else self.spread[i])
        units = float(off.max(initial=0)) / unit if unit else float(off.max(initial=0) > 0)
        if right:
            return Difference(units)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        row, column = at if self.layout == "row" else at[::-1]
        return Difference(units, (int(row) + 1, int(column) + 1, a[at].item(), true[at].item()))

    def _without_diagnosis(self, i: int, step: int, difference: Difference) -> Finding | None:
        """What is wrong but breaks no rule of its own: in the other layout, rounded, or inherited."""
        a, true = self.fitting[i], self.true(i)
        wrong = Finding(self.names[i], Verdict.WRONG, step, off=difference.off, worst=difference.worst)
        if self.in_other_layout:
            same = a.T.shape == true.shape and self.close(i, a.T, true, self.coarseness_of(a))
            text = "transposed" if same else "not judged in this layout"
            return wrong._replace(cause=Cause.LAYOUT, looks_like=text, pattern=(Cause.LAYOUT, same))
        digits = decimals(a, true)
        if digits:
            text, pattern = f"it agrees to {digits} decimals: rounded?", (Cause.ROUNDED, digits)
            return wrong._replace(cause=Cause.ROUNDED, looks_like=text, grade=Grade.LIKELY, pattern=pattern)
        if self.agrees(i, self.expected(i)):
            return wrong._replace(cause=Cause.INHERITED)
        return None

    def _broken(self, i: int, contributions: list[Contribution], step: int, difference: Difference) -> Finding:
        """What breaks its own rule, or may."""
        step = next((c.step for c in reversed(contributions) if np.any(c.array)), step)
        above = self.not_given(i)
        cause = Cause.OPEN if above else Cause.OWN
        not_given = tuple(self.tape.names[z] for z in above if z in self.tape.names)[:OTHERS_SHOWN]
        line = self.line(self.names[i], contributions, step)
        found = Finding(self.names[i], Verdict.WRONG, step, cause, line=line, not_given=not_given)
        return found._replace(off=difference.off, worst=difference.worst)

    def line(self, name: str, contributions: list[Contribution], step: int) -> str:
        """Return what the rule of `step` adds to the derivative of `name`."""
        return "; ".join(
            f"∇{one_line(name)} {'=' if c is contributions[0] else '+='} {self.contribution(step, c.operand)}"
            for c in contributions
            if c.step == step > 0
        )

    def contribution(self, step: int, operand: str) -> str:
        dz = self.words.handed(self.tape.steps[step - 1][1])
        return self.words.formulas.contribution(step, operand, dz=dz)

    # What the numbers cannot show

    def not_exercised(self) -> list[str]:
        """Return contributions that are nothing at this point, and mistakes that would change no number here."""
        notes, size_only = [], self._size_only_operands()
        for i in self.names:
            notes += self._adding_nothing(i)
            unknown = int(np.isnan(self.hand[i]).sum())
            if unknown:
                of = f"{unknown} of {self.hand[i].size} entries"
                notes.append(f"∇{one_line(self.names[i])}: {of} {'were' if unknown > 1 else 'was'} not given (NaN)")
            if not self.d.reaches(i) and i not in size_only:
                notes.append(f"L does not depend on {one_line(self.names[i])}")
            true = self.true(i)
            if true.shape[0] == true.shape[1] > 1 and np.any(true) and self.close(i, true, true.T):
                notes.append(f"∇{one_line(self.names[i])} is symmetric: a transposition would not show")
        seeds = list(self.d.seeds.items())
        for k, (i, a) in enumerate(seeds):
            for j, b in seeds[:k]:
                if a.shape == b.shape and a.size > 1 and np.array_equal(a, b):
                    both = f"{one_line(self.tape.label(j))} and {one_line(self.tape.label(i))}"
                    notes.append(f"the seeds of {both} are equal: mixing them up would not show")
        sizes = [self.tape.values[step[1]].shape for step in self.tape.steps]
        if any(rows > 1 for rows, _ in sizes) and all(columns == 1 for _, columns in sizes):
            notes.append("there is one column: the sum over examples was not exercised")
        return notes

    def _adding_nothing(self, i: int) -> list[str]:
        return [
            f"step {c.step}: ∇{one_line(self.names[i])} += {self.contribution(c.step, c.operand)} adds nothing "
            f"({self._why(c.step, c.operand)})"
            for c in self.d.contributions(self.tape.at(i))
            if c.step and float(np.abs(c.array).max(initial=0)) <= self.slack(i)
        ]

    def _size_only_operands(self) -> set[int | None]:
        """Return operands of steps that L depends on whose derivative no rule asks for: it is 0 at every point."""
        size_only: set[int | None] = set()
        for n, (_, z, x, y) in enumerate(self.tape.steps, 1):
            if z < self.d.length and self.d.reaches(z):
                size_only |= {x, y} - {*derived(self.tape, n).values()}
        return size_only

    def _why(self, step: int, operand: str) -> str:
        op, z, x, y = self.tape.steps[step - 1]
        if not np.any(self.d.column(z)):
            return f"∇{one_line(self.tape.label(z))} = 0"
        other = y if operand == "x" else x
        if op.symbol != "stack" and other is not None and not np.any(self.tape.values[other]):
            return f"{one_line(self.tape.label(other))} = 0"
        return "negligible"


def of_entries(entries: Mapping[Any, Any], what: str, shape: tuple[int, ...]) -> Array:
    """Return a matrix with these entries, {(row, column): number}, counted from 0, and NaN for those not known."""
    a = np.full(shape, np.nan)
    for at, value in entries.items():
        try:
            a[at] = value
        except (IndexError, TypeError, ValueError):
            raise ValueError(
                f"{what}: {{(row, column): number}} for {size(shape)}, from 0, not {{{at!r}: {value!r}}}"
            ) from None
    return a


def decimals(a: Array, true: Array) -> int:
    """Return how many decimals `a` has, if it is `true` rounded to these; else 0."""
    a, true = (m[~np.isnan(a)] for m in (a, true))
    for k in DECIMALS:
        if np.array_equal(np.round(a, k), a):
            near = np.abs(a - true) <= LAST_DECIMAL / 10**k
            return k if np.any(a) and np.all(near) else 0
    return 0
