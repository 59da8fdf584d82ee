"""What a wrong derivative looks like: hypotheses about the contributions that should have made it, tried in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from tinyad.compare.altered_rules import Turned, has_another_axis, slips, value_of
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.engine.matrix import Array
from tinyad.engine.op import TABLE, Op
from tinyad.engine.tape import Variable
from tinyad.printing.listing import Formulas, derived, handed
from tinyad.printing.text import one_line

Close = Callable[[Array, Array], bool]
SEARCH = 4_000  # other variables tried in the place of an operand, at most
AT_A_TIME = re.compile(r"(.*)\[(-?\d+)\]", re.DOTALL)
ALMOST = 1e-5  # relative; nearer is a matter of precision


class Diagnosis(NamedTuple):
    """What the difference looks like, the step it points to (None: no one step), and how much that says.

    own: nothing upstream could look like this, so the line itself is wrong.  steps: all it points to, if several.
    """

    text: str
    step: int | None = None
    grade: str = "likely"
    factor: float | None = None
    own: bool = False
    steps: tuple[int, ...] = ()


Hypotheses = Iterator[tuple[Array, Diagnosis]]


def diagnose(
    used: Derivatives, v: Variable, hand: Array, close: Close, layout: str, most: int = SEARCH
) -> Diagnosis | None:
    """The first hypothesis that turns the contributions to v into `hand` (row layout), given the derivatives `used`.

    `layout` is the one to print rules in; `most` other variables are tried in the place of an operand.
    """
    if not np.all(np.isfinite(hand)):
        return Diagnosis("it has entries that are not finite", None, "certain")
    lines = _Lines(used, v, layout, most)
    for made, found in chain(lines.mistakes(), lines.others()) if lines.parts else ():
        if made.shape == hand.shape and close(made, hand):
            return found
    return lines.unlike(hand, close) if lines.parts else None


def hypotheses(used: Derivatives, v: Variable, layout: str) -> Hypotheses:
    """(what the derivative of v would be, the mistake that makes it so) for the mistakes people make in one line."""
    lines = _Lines(used, v, layout)
    return lines.mistakes() if lines.parts else iter(())


class _Lines:
    """The lines that make the derivative of v, a contribution each, and what they make with a mistake in one."""

    def __init__(self, used: Derivatives, v: Variable, layout: str, most: int = SEARCH) -> None:
        self.used, self.tape, self.v, self.layout, self.most = used, used.tape, v, layout, most
        self.parts = used.contributions(v)
        self.total = _sum(self.parts)

    def mistakes(self) -> Hypotheses:
        yield from self.sums()
        yield from self.whole()
        for part in self.parts:
            yield from self.contribution(part)
        for part in self.parts:
            if part.step:
                yield from self.rule(part)
        yield from self.over_time()
        budget = self.most
        for part in self.parts:
            if part.step:
                for hypothesis in self.operands(part):
                    if (budget := budget - 1) < 0:
                        return
                    yield hypothesis

    def said(self, part: Contribution, formula: Any = None) -> str:
        if part.step == 0:
            return "the given one"
        return f"step {part.step}, {self.printed(part, formula)}"

    def printed(self, part: Contribution, formula: Any = None) -> str:
        dz = handed(self.used, self.tape.steps[part.step - 1][1])
        return Formulas(self.tape, layout=self.layout).contribution(part.step, part.operand, formula, dz)

    def name(self, position: int) -> str:
        return one_line(self.tape.label(position))

    def sums(self) -> Hypotheses:
        """Contributions that are missing, and later ones that overwrote earlier ones."""
        parts = self.parts
        some = [part for part in parts if np.any(part.array)] or parts
        steps = tuple(part.step for part in some if part.step)
        yield 0 * self.total, Diagnosis("it is 0: every contribution is missing", some[-1].step, steps=steps)
        for k in range(1, len(parts)):
            text = f"{self.lost(parts[:k])}, as if = stood where += belongs at step {parts[k].step}"
            yield _sum(parts[k:]), self.missing(parts[:k], text, parts[k].step)
        for k, part in enumerate(parts) if len(parts) > 1 else ():
            kept = parts[:k] + parts[k + 1 :]
            yield _sum(kept), self.missing([part], self.lost([part]), part.step or parts[-1].step)
        for k in range(1, len(parts) - 1):
            text = f"it stops early: the contributions from {self.said(parts[k])} on are missing"
            yield _sum(parts[:k]), self.missing(parts[k:], text, parts[k].step)

    def lost(self, parts: list[Contribution]) -> str:
        if len(parts) > 1:
            more = "; …" if len(parts) > 3 else ""
            return f"the contributions of {'; '.join(map(self.said, parts[:3]))}{more} are missing"
        return f"the contribution of {self.said(parts[0])}, is missing" if parts[0].step else "the given one is missing"

    def missing(self, parts: list[Contribution], text: str, otherwise: int) -> Diagnosis:
        """Contributions that are not there: the steps to look at are theirs; a seed has none."""
        steps = tuple(part.step for part in parts if part.step)
        return Diagnosis(text, steps[0] if steps else otherwise, own=True, steps=steps)

    def whole(self) -> Hypotheses:
        step = self.parts[-1].step if len(self.parts) == 1 else None
        yield -self.total, Diagnosis("the sign", step, factor=-1.0)
        if self.total.shape[0] == self.total.shape[1] > 1:
            yield self.total.T, Diagnosis("transposed", step)

    def contribution(self, part: Contribution) -> Hypotheses:
        """One of several that is counted twice, has the wrong sign, or is transposed."""
        if len(self.parts) > 1:
            c, step = part.array, part.step or self.parts[-1].step
            yield self.total + c, Diagnosis(f"a contribution counted twice: {self.said(part)}", step, own=True)
            yield self.total - 2 * c, Diagnosis(f"the sign of one contribution: {self.said(part)}", step, own=True)
            if c.shape[0] == c.shape[1] > 1:
                text = f"one contribution transposed: {self.said(part)}"
                yield self.total - c + c.T, Diagnosis(text, step, own=True)

    def rule(self, part: Contribution) -> Hypotheses:
        """The rule of the step without its derivative, with that of another function, at another point, or misread."""
        op, z, *operands = self.tape.steps[part.step - 1]
        values = {"dz": self.used.column(z).T, "z": self.tape.values[z]}
        values |= {name: self.tape.values[i] for name, i in zip("xy", operands, strict=True) if i is not None}
        line = f"in the line of {self.said(part)}"
        if has_another_axis(op):
            turned = Turned(op)
            c = turned.kernel(values["dz"].T, turned.run(values["x"]), values["x"]).T
            yield from self.made(part, c, turned.says)
        if op.arity == 1:
            yield from self.made(part, values["dz"], f"the derivative of {op.symbol} is missing {line}")
            if op.formulas and values["z"].shape == values["x"].shape:
                again = {**values, "z": _or_nothing(op, values["z"]), "x": values["z"]}
                where = f"is taken at {self.name(z)} instead of {self.name(operands[0] or 0)} {line}"
                yield from self.made(part, (op.formulas[0], again), f"the derivative of {op.symbol} {where}")
        if op.formulas:
            rule = op.formulas["xy".index(part.operand)]
            for slip in slips(rule, op.arity == 1):
                text = f"{self.printed(part, slip)} where {self.printed(part)} belongs, in the line of step {part.step}"
                yield from self.made(part, (slip, values), text)
        if op.arity == 1:
            for other in TABLE.values():
                if other.arity == 1 and other.formulas and other.symbol not in (op.symbol, "none", "transpose", "neg"):
                    text = f"the derivative of {other.symbol} where that of {op.symbol} belongs {line}"
                    yield from self.made(part, (other.formulas[0], values), text)

    def made(self, part: Contribution, what: Any, text: str) -> Hypotheses:
        """The total with `what`, an array or a formula with its values, in the place of one contribution."""
        try:
            c = value_of(*what) if isinstance(what, tuple) else what
        except (ValueError, TypeError):  # sizes that do not fit
            return
        if c.shape == part.array.shape:
            yield self.total - part.array + c, Diagnosis(text, part.step)

    def over_time(self) -> Hypotheses:
        """All contributions of a sum over time with what belongs to another time step, or with another variable."""
        found: dict[tuple[str, bool], list[tuple[Contribution, int, int]]] = {}
        for part in self.parts if len(self.parts) > 1 else ():
            op, z, *operands = self.tape.steps[part.step - 1] if part.step else (None, 0)
            if op is not None and op.symbol in "∘*+-":
                other = operands["yx".index(part.operand)] or 0
                for of, i in ((False, other), (True, handed(self.used, z))):
                    timed = AT_A_TIME.fullmatch(self.tape.names.get(i, ""))
                    if timed and (of or op.symbol in "∘*"):
                        found.setdefault((timed[1], of), []).append((part, i, int(timed[2])))
        found = {key: some for key, some in found.items() if len({t for _, _, t in some}) > 1}
        at = {name: i for i, name in self.tape.names.items()} if found else {}
        bases = dict.fromkeys(timed[1] for timed in map(AT_A_TIME.fullmatch, at) if timed)
        shifts = [(key, key[0], by) for key in found for by in (1, -1)]
        for key, base, by in [*shifts, *((key, base, 0) for key in found for base in bases if base != key[0])]:
            total, moved, sign = self.total, [], "∇" * key[1]
            for part, i, t in found[key]:
                u = at.get(f"{base}[{t + by}]")
                c = None if u is None else self.with_another(part, i, u, key[1])
                total = total - part.array + (0 if c is None else c)
                moved += [] if u is None or c is None else [f"{sign}{self.name(u)} where {sign}{self.name(i)} belongs"]
            some = [part for part, _, _ in found[key]]
            if moved and (by or len(moved) == len(some)):
                where = f"{moved[0]} in the line of {self.said(some[0])}{', and so on' * (len(moved) > 1)}"
                where += "; what has no such time step is missing" * (len(moved) < len(some))
                text = f"{'shifted by one time step' if by else 'another variable'} in every contribution: {where}"
                yield total, Diagnosis(text, some[0].step, steps=tuple(part.step for part in some))

    def with_another(self, part: Contribution, i: int, u: int, derivative: bool) -> Array | None:
        """The contribution with u for its operand i, or with the derivative of u for its own; None if it cannot be."""
        op, z, *operands = self.tape.steps[part.step - 1]
        k = "xy".index(part.operand)
        position = z if derivative else i
        if self.tape.values[u].shape != self.tape.values[position].shape:
            return None
        values = [
            self.tape.values[u if j == i and n != k and not derivative else j or 0] for n, j in enumerate(operands)
        ]
        out = op.kernel(self.used.column(u if derivative else z), self.tape.values[z], *values)
        result: Array = out[k].T
        return result

    def operands(self, part: Contribution) -> Hypotheses:
        """One contribution whose line has another variable, or another derivative, in the place of the right one."""
        op, z, *operands = self.tape.steps[part.step - 1]
        positions = [i for i in operands if i is not None]
        values, dz, k = [self.tape.values[i] for i in (z, *positions)], self.used.column(z), "xy".index(part.operand)
        own = self.made_from()

        def made(D: Array, values: list[Array]) -> Array:
            out = op.kernel(D, *values)
            total: Array = self.total - part.array + (out[k] if op.arity == 2 else out).T
            return total

        for u in self.nearest(part.step):
            value = self.tape.values[u]
            if u != z and u not in own and value.shape == dz.shape and self.used.reaches(u):
                text = (
                    f"∇{self.name(u)} where ∇{self.name(handed(self.used, z))} belongs in the line of {self.said(part)}"
                )
                yield made(self.used.column(u), values), Diagnosis(text, part.step)
            if op.symbol in "∘*" and u != positions[1 - k] and value.shape == values[2 - k].shape:
                text = f"{self.name(u)} where {self.name(positions[1 - k])} belongs in the line of {self.said(part)}"
                swapped = [*values[: 2 - k], value, *values[3 - k :]]
                yield made(dz, swapped), Diagnosis(text, part.step)

    def made_from(self) -> set[int]:
        """v and what it is computed from: their derivatives in `used` follow from v's and cannot explain it."""
        found = {self.v.index}
        for n in range(len(self.tape.steps), 0, -1):
            if self.tape.steps[n - 1][1] in found:
                found |= {*derived(self.tape, n).values()}
        return found

    def nearest(self, step: int) -> list[int]:
        """Positions of the tape, those with names first, and of these those around a step."""
        middle = self.tape.steps[step - 1][1]
        return sorted(range(self.used.length), key=lambda u: (u not in self.tape.names, abs(u - middle)))

    def others(self) -> Hypotheses:
        own = self.made_from()
        for u in self.nearest(self.parts[-1].step or 1)[: self.most] if self.tape.steps else ():
            if u not in own and self.used.reaches(u) and self.tape.values[u].shape == self.v.shape:
                yield self.used.column(u).T, Diagnosis(f"it is the derivative of {self.name(u)}")

    def unlike(self, hand: Array, close: Close) -> Diagnosis | None:
        """A factor on the whole, or on one contribution, or a number that is only less exact."""
        from fractions import Fraction  # 2 ms that an import of tinyad need not take

        largest = float(np.abs(self.total).max(initial=0))
        off = float(np.abs(hand - self.total).max(initial=0)) / largest if largest else 1.0
        if off < ALMOST:
            return Diagnosis(f"it agrees to {-np.log10(off):.0f} digits: less exact, or something small is missing")
        for part in [None, *self.parts] if len(self.parts) > 1 else [None]:
            scaled = self.total if part is None else part.array
            rest = self.total - scaled
            square = float(np.vdot(scaled, scaled).real)
            factor = float(np.vdot(scaled, hand - rest).real / square) if square else 0.0
            if not np.isfinite(factor):
                continue
            simple = Fraction(factor).limit_denominator(1000)
            exact = bool(simple) and abs(factor - simple) < 1e-9 * abs(factor)
            if not factor or not close(rest + factor * scaled, hand) or (hand.size == 1 and not exact):
                continue
            said = f"{simple if exact else f'{factor:.6g}'} times what it should be"
            grade = "likely" if hand.size > 1 else "possible"
            if part is None:
                step = self.parts[-1].step if len(self.parts) == 1 else None
                return Diagnosis(f"a factor: {said}", step, grade, factor)
            text = f"a factor on one contribution: {said}: {self.said(part)}"
            return Diagnosis(text, part.step, grade, own=True)
        return None


def _or_nothing(op: Op, x: Array) -> Array:
    try:
        result: Array = op.run(x)
    except ValueError:  # outside of the domain
        result = np.full_like(x, np.nan)
    return result


def _sum(parts: list[Contribution]) -> Array:
    total: Array = np.sum([part.array for part in parts], axis=0)
    return total
