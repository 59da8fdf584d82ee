"""One derivative at a time by hand against a tape: right or wrong, by its own line or by an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from tinyad.compare.diagnosis import SEARCH, Close, Diagnosis, diagnose, hypotheses
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.engine.matrix import Array, as_matrix, size
from tinyad.engine.op import TABLE
from tinyad.gradcheck.rounding import SLACK, relative, spread
from tinyad.printing.listing import Formulas, derived, handed
from tinyad.printing.text import one_line

WAY = 12  # unnamed values on the way to a derivative, looked at at most
IN_THE_OTHER = "; transposed it is right"


class Finding(NamedTuple):
    """What was found about one name.

    verdict: "right", "wrong" or "shape".  cause, of a wrong one: "own" (it breaks its own rule, given the hand's
    other values), "inherited" (only an earlier one is wrong), "open" (what it is made from was not given), "scale"
    (right but for one factor that many names share), "rounded" (right to as many decimals as it has), "layout" (all are
    of the other one's sizes), "not finite" or "shape".
    step: the step whose line is wrong or missing, or that completes the derivative (0: a seed).  line: that line, from
    the rule.  steps: all of them, where several lines are wrong or missing.
    looks_like: what the mistake looks like, "" if like nothing known; grade: "certain", "likely" or "possible".
    off: the largest difference in units of rounding; worst: (row, column, by hand, on the tape), counted from 1, in the
    hand's layout.  factor: by hand over on the tape, where it is one number.
    """

    name: str
    verdict: str
    step: int
    cause: str = ""
    looks_like: str = ""
    grade: str = ""
    line: str = ""
    off: float = 0.0
    worst: tuple[int, int, complex, complex] | None = None
    factor: float | None = None
    steps: tuple[int, ...] = ()


def decimals(a: Array, true: Array) -> int:
    """How many decimals `a` has, if it is `true` rounded to these; else 0."""
    for k in range(2, 9):
        if np.array_equal(np.round(a, k), a):
            near = np.abs(a - true) <= (0.5 + 1e-6) / 10**k
            return k if np.any(a) and np.all(near) else 0
    return 0


class Judge:
    """The hand's derivatives in row layout, those that follow from them, and how near is equal."""

    def __init__(self, d: Derivatives, hand: Mapping[Any, Any], layout: str) -> None:
        self.d, self.tape, self.layout = d, d.tape, layout
        self.names: dict[int, str] = {}
        self.hand: dict[int, Array] = {}
        for key, value in hand.items():
            i = d.at(key).index
            name = key if isinstance(key, str) else self.tape.label(i)
            if i in self.tape.constants:
                raise KeyError(f"{name} is a constant: it has no derivative")
            if i in self.names:
                raise ValueError(f"{name} and {self.names[i]} are one Variable: give its derivative once")
            a = as_matrix(value, f"the derivative of {name} by hand")
            self.names[i], self.hand[i] = name, a if layout == "row" else a.T
        self.fits = {i: a for i, a in self.hand.items() if a.shape == self.true(i).shape}
        self.rounding = relative(d)
        self.coarsest = max(map(self.coarser, self.hand.values()))
        self.spread = spread(d)
        self.used, self.expected = self._implied()
        self.known = self._known()
        self.turned = self._turned()
        uneven = [i for i, a in self.hand.items() if a.shape[0] != a.shape[1]]
        self.sized = sum(self.hand[i].T.shape == self.true(i).shape for i in uneven)  # those that fit transposed
        self.uneven = len(uneven)
        self.in_the_other = self.turned or 2 * self.sized > self.uneven
        self.puzzles = 0  # wrong ones that look like nothing known: the more of them, the shorter the next search

    def true(self, i: int) -> Array:
        return self.d.column(i).T  # of a recorded walk too

    def slack(self, i: int) -> float:
        """What rounding may do to the derivative at i: a multiple of what it does to the tape's own."""
        return SLACK * self.rounding * self.spread[i]

    def close(self, i: int, a: Array, b: Array, coarser: float = 1.0) -> bool:
        true, other = (float(np.abs(m).max(initial=0)) for m in (self.true(i), b))
        slack = self.slack(i)
        if true > slack:
            slack *= max(1.0, other / true)
        else:  # 0 but for rounding: it says nothing of how exact b is
            slack = max(slack, SLACK * self.rounding * other)
        return bool(np.all(np.abs(a - b) <= coarser * slack))

    def right(self, i: int) -> bool:
        """Whether what was given for i is the tape's, to the rounding of its numbers or of those it is made from."""
        if i not in self.fits:
            return False
        return self.close(i, self.fits[i], self.true(i), self.grain(i))

    def grain(self, i: int) -> float:
        """How coarse what was given for i may be: as its own numbers, or those given that it is made from."""
        return max(self.coarser(self.fits[i]), self.made_from[i])

    def to_the_coarsest(self, i: int) -> bool:
        """Whether it is the tape's to the rounding of the least exact array by hand."""
        return i in self.fits and self.close(i, self.fits[i], self.true(i), self.coarsest)

    def coarser(self, a: Array) -> float:
        return max(1.0, float(np.finfo(a.dtype).eps) / self.rounding)

    def _implied(self) -> tuple[Derivatives, dict[int, Array]]:
        """The walk back in which every derivative given by hand replaces the one it would compute."""
        columns: list[Any] = [None] * self.d.length
        used = Derivatives(self.tape, columns, self.d.seeds, False)
        expected: dict[int, Array] = {}
        self.made_from = [1.0] * self.d.length
        for _, z, x, y in reversed(self.tape.steps):
            if z < self.d.length:
                coarse = max(self.made_from[z], self.coarser(self.fits[z]) if z in self.fits else 1.0)
                for i in (x, x if y is None else y):
                    self.made_from[i] = max(self.made_from[i], coarse)
        for i in range(self.d.length - 1, -1, -1):
            parts = used.contributions(self.tape.at(i))
            if parts:
                expected[i] = np.sum([part.array for part in parts], axis=0)
                columns[i] = expected[i].T
            if i in self.fits:
                columns[i] = self.fits[i].T
        return used, expected

    def finding(self, i: int) -> Finding:
        name, true = self.names[i], self.true(i)
        parts = self.d.contributions(self.tape.at(i))
        step = parts[-1].step if parts else 0
        if not np.all(np.isfinite(true)):
            return Finding(name, "wrong", step, "not finite", "the tape's own derivative is not finite")
        if i not in self.fits:
            a = self.hand[i]
            sizes = [size(m.shape if self.layout == "row" else m.shape[::-1]) for m in (a, true)]
            said = f"{sizes[0]} by hand, {sizes[1]} needed"
            if a.T.shape == true.shape:
                said += IN_THE_OTHER if self.close(i, a.T, true, self.coarser(a)) else "; transposed it would fit"
            return Finding(name, "shape", step, "layout" if self.in_the_other else "shape", said)
        a = self.fits[i]
        off = np.abs(a - true)
        largest = float(np.abs(true).max(initial=0))
        right = self.right(i)
        coarser = self.grain(i) if right and not self.close(i, a, true, self.coarser(a)) else self.coarser(a)
        unit = self.rounding * coarser * (largest if largest > self.slack(i) else self.spread[i])
        ulps = float(off.max(initial=0)) / unit if unit else float(off.max(initial=0) > 0)
        if right:
            return Finding(name, "right", step, off=ulps)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        row, column = at if self.layout == "row" else at[::-1]
        worst = (int(row) + 1, int(column) + 1, a[at].item(), true[at].item())
        if self.in_the_other:
            same = a.T.shape == true.shape and self.close(i, a.T, true, self.coarser(a))
            said = "transposed" if same else "not judged in this layout"
            return Finding(name, "wrong", step, "layout", said, off=ulps, worst=worst)
        digits = decimals(a, true)
        if digits:
            said = f"it agrees to {digits} decimals: rounded?"
            return Finding(name, "wrong", step, "rounded", said, "likely", off=ulps, worst=worst)
        if i in self.expected and self.close(i, a, self.expected[i], self.grain(i)):
            return Finding(name, "wrong", step, "inherited", off=ulps, worst=worst)
        near = lambda b, c: self.close(i, b, c, self.grain(i))  # noqa: E731
        found = diagnose(self.used, self.tape.at(i), a, near, self.layout, SEARCH // (1 + self.puzzles))
        z = i
        if found is None or (self.passes(i) and not found.own):
            z, found = self.behind(i, a, near, found)
            parts = self.d.contributions(self.tape.at(z))
        self.puzzles += found is None
        found = found or Diagnosis("", None, "")
        cause = "own" if found.own or all(part.step in self.known for part in parts) else "open"
        if found.step is None:
            step = next((part.step for part in reversed(parts) if np.any(part.array)), step)
        else:
            step = found.step
        line = self.line(name if z == i else self.tape.label(z), parts, step)
        return Finding(
            name, "wrong", step, cause, found.text, found.grade, line, ulps, worst, found.factor, found.steps
        )

    def passes(self, i: int) -> bool:
        """Whether the derivative at i is that of one unnamed value that was not given, handed on as it is or turned."""
        parts = self.d.contributions(self.tape.at(i))
        if len(parts) != 1 or parts[0].step == 0:
            return False
        op, z, _, _ = self.tape.steps[parts[0].step - 1]
        formula: Any = op.formulas["xy".index(parts[0].operand)] if op.formulas else None
        if getattr(formula, "head", "") is TABLE["transpose"]:
            formula = formula.operands[0]
        return z not in self.tape.names and z not in self.fits and getattr(formula, "head", "") == "dz"

    def behind(self, i: int, hand: Array, near: Close, found: Diagnosis | None) -> tuple[int, Diagnosis | None]:
        """The unnamed value on the way to that of i whose line explains it, and how; else who hands it on."""
        way: list[int] = []
        for v in chain([i], way):  # it grows
            steps = [part.step for part in self.d.contributions(self.tape.at(v)) if part.step]
            above = [self.tape.steps[n - 1][1] for n in steps]
            way += [z for z in above if z not in self.tape.names and z not in self.fits and z not in way][
                : WAY - len(way)
            ]
        columns: list[Any] = [self.used.column(j) for j in range(self.d.length)]
        walk = Derivatives(self.tape, columns, self.d.seeds, False)
        for z in way:
            between = [*sorted((v for v in way if i < v < z), reverse=True), i]
            tries = islice(hypotheses(self.used, self.tape.at(z), self.layout), SEARCH // (10 + 10 * self.puzzles))
            for made, mistake in tries:
                columns[z] = made.T
                for v in between:
                    columns[v] = np.sum([part.array for part in walk.contributions(self.tape.at(v))], axis=0).T
                if near(columns[i].T, hand):
                    return z, mistake
            for v in (z, *between):
                columns[v] = self.used.column(v)
        while found and self.passes(i):
            i = self.tape.steps[self.d.contributions(self.tape.at(i))[0].step - 1][1]
            steps = [part.step for part in self.d.contributions(self.tape.at(i))]
            found = found._replace(step=steps[0] if len(steps) == 1 else None)
        return i, found

    def line(self, name: str, parts: list[Contribution], step: int) -> str:
        """What the rule of `step` adds to the derivative of `name`."""
        return "; ".join(
            f"∇{one_line(name)} {'=' if part is parts[0] else '+='} "
            + Formulas(self.tape, layout=self.layout).contribution(
                step, part.operand, dz=handed(self.d, self.tape.steps[step - 1][1])
            )
            for part in parts
            if part.step == step > 0
        )

    def explains(self, z: int, made: Array) -> bool:
        """Whether every derivative given by hand follows from `made` in the place of the derivative at z."""
        columns = [self.d.column(i) for i in range(self.d.length)]
        columns[z] = made.T
        walk = Derivatives(self.tape, columns, self.d.seeds, False)
        behind = {z}
        for n in range(len(self.tape.steps), 0, -1):
            _, out, x, y = self.tape.steps[n - 1]
            if out in behind:
                behind |= {x, x if y is None else y}
        for i in sorted(behind - {z}, reverse=True):
            parts = [part.array for part in walk.contributions(self.tape.at(i))]
            columns[i] = np.sum([np.zeros_like(self.true(i)), *parts], axis=0).T
            if i in self.fits and not self.close(i, self.fits[i], columns[i].T, self.coarsest):
                return False
        return True

    def _known(self) -> set[int]:
        """The steps that start from a derivative that was given, is a seed alone, or is a copy of known ones."""
        open_ = set()  # values whose derivative was not given, nor follows from what was without a calculation
        known = {0}
        for n in range(len(self.tape.steps), 0, -1):
            op, z, _, _ = self.tape.steps[n - 1]
            if z >= self.d.length or not self.d.reaches(z):
                continue
            if z in self.fits or z not in open_:
                known.add(n)
            for operand, i in derived(self.tape, n).items():
                formula = op.formulas["xy".index(operand)] if op.formulas else None
                if not (n in known and getattr(formula, "head", "") == "dz"):
                    open_.add(i)
        return known

    def _turned(self) -> bool:
        """Whether every derivative is right once transposed, and not all are as they stand."""
        turned = [
            a.T.shape == self.true(i).shape and self.close(i, a.T, self.true(i), self.coarser(a))
            for i, a in self.hand.items()
        ]
        return len(turned) > 1 and all(turned) and not all(self.right(i) for i in self.hand)

    def not_exercised(self) -> list[str]:
        """Contributions that are nothing at this point, and mistakes that would change no number here."""
        notes, templates = [], self._templates()
        for i in self.names:
            for step, operand, c in self.d.contributions(self.tape.at(i)):
                if step and float(np.abs(c).max(initial=0)) <= self.slack(i):
                    dz = handed(self.d, self.tape.steps[step - 1][1])
                    line = Formulas(self.tape, layout=self.layout).contribution(step, operand, dz=dz)
                    notes.append(
                        f"step {step}: ∇{one_line(self.names[i])} += {line} adds nothing ({self._why(step, operand)})"
                    )
            if not self.d.reaches(i) and i not in templates:
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

    def _templates(self) -> set[int | None]:
        """Operands of steps that L depends on whose derivative no rule asks for: it is 0 at every point."""
        found: set[int | None] = set()
        for n, (_, z, x, y) in enumerate(self.tape.steps, 1):
            if z < self.d.length and self.d.reaches(z):
                found |= {x, y} - {*derived(self.tape, n).values()}
        return found

    def _why(self, step: int, operand: str) -> str:
        op, z, x, y = self.tape.steps[step - 1]
        if not np.any(self.d.column(z)):
            return f"∇{one_line(self.tape.label(z))} = 0"
        other = y if operand == "x" else x
        if op.symbol != "stack" and other is not None and not np.any(self.tape.values[other]):
            return f"{one_line(self.tape.label(other))} = 0"
        return "negligible"
