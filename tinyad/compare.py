"""Hand-derived arrays against a tape: which are wrong, which line broke first, and what the mistake looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.derivatives import Contribution, Derivatives
from tinyad.diagnosis import Diagnosis, diagnose, hypotheses
from tinyad.listing import contribution_text, first_nonfinite
from tinyad.matrix import Array, as_matrix, size
from tinyad.report import html, text
from tinyad.rounding import spread
from tinyad.text import for_terminal, one_line

LAYOUTS = ("row", "same")
SEARCH = 2000  # mistakes in lines that were not given, tried at most
IN_THE_OTHER = "; transposed it is right"


class Finding(NamedTuple):
    """What was found about one name.

    verdict: "right", "wrong" or "shape".  cause, of a wrong one: "own" (it breaks its own rule, given the hand's
    other values), "inherited" (only an earlier one is wrong), "open" (what it is made from was not given), "scale"
    (right but for one factor that many names share) or "shape".
    step: the step whose line is wrong, or that completes the derivative.  off: the largest difference in units of
    rounding; worst: (row, column, by hand, on the tape), counted from 1, in row layout.
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


class Comparison(NamedTuple):
    """The result of `compare`: findings in the order of the walk, and what the numbers could not have shown."""

    findings: list[Finding]
    layout: str
    located: Finding | None = None  # about a derivative that was not given: one mistake there explains all wrong ones
    scale: str = ""
    hint: str = ""
    not_exercised: Sequence[str] = ()
    not_compared: int = 0

    @property
    def ok(self) -> bool:
        return not self.wrong

    @property
    def wrong(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict != "right"]

    @property
    def first_wrong(self) -> Finding | None:
        """The first in walking order that breaks its own rule, or may; None if there is none."""
        return self.located or next((f for f in self.wrong if f.cause in ("own", "open", "shape")), None)

    @property
    def wrong_steps(self) -> dict[int, str]:
        """Step → "own" or "inherited"."""
        steps: dict[int, str] = {}
        for finding in [*self.wrong, *([self.located] if self.located else [])]:
            if finding.cause != "inherited" or finding.step not in steps:
                steps[finding.step] = "inherited" if finding.cause == "inherited" else "own"
        return steps

    def raise_if_wrong(self) -> None:
        if not self.ok:
            raise ValueError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """For JSON: plain strings, numbers and lists; a number that is not finite becomes its name."""
        first = self.first_wrong
        return {
            "ok": self.ok,
            "layout": self.layout,
            "counts": self.counts,
            "first_wrong": first.name if first else None,
            "findings": [_plain(finding._asdict()) for finding in self.findings],
            "scale": self.scale,
            "hint": self.hint,
            "not_exercised": list(self.not_exercised),
            "not_compared": self.not_compared,
        }

    @property
    def counts(self) -> dict[str, int]:
        verdicts = [finding.verdict for finding in self.findings]
        return {verdict: verdicts.count(verdict) for verdict in ("right", "wrong", "shape")}

    def __str__(self) -> str:
        return for_terminal(text(self))

    def _repr_html_(self) -> str:
        return html(self)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, complex):
        return _plain(value.real) if value.imag == 0 else str(value)
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)


def compare(d: Derivatives, hand: Mapping[Any, Any], layout: str = "row") -> Comparison:
    """Hold hand-derived arrays, {name or Variable: derivative}, against a walk back.

    Any subset of the names will do; intermediate ones let a wrong line be told from what it spoils.  `layout` is
    that of the hand's arrays: "row" (the slides', M×N for an N×M variable) or "same" (of the variable's size).
    Arrays agree if they agree to rounding, as it adds up over the steps of this tape.  Raises KeyError for an
    unknown name, ValueError or TypeError for what is no matrix of numbers.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r}: there are {' and '.join(map(repr, LAYOUTS))}")
    if not isinstance(d, Derivatives) or not isinstance(hand, Mapping):
        raise TypeError("compare(tape.backward(...), {name: derivative}), not what was given")
    if not hand:
        raise ValueError("nothing to compare: give {name: derivative}")
    with np.errstate(all="ignore"):  # what is not finite is reported
        judge = _Judge(d, hand, layout)
        findings = [judge.finding(i) for i in judge.names]
        findings.sort(key=lambda finding: -finding.step if finding.step else -np.inf)  # a seed alone comes first
        findings, scale = _convention(judge, findings)
        findings, located = _located(judge, findings)
        rest = d.length - len(judge.names) - sum(i < d.length for i in d.tape.constants)
        return Comparison(findings, layout, located, scale, _hint(judge, findings), judge.not_exercised(), rest)


class _Judge:
    """The hand's derivatives in row layout, those that follow from them, and how near is equal."""

    def __init__(self, d: Derivatives, hand: Mapping[Any, Any], layout: str) -> None:
        self.d, self.tape, self.layout = d, d.tape, layout
        self.names: dict[int, str] = {}
        self.hand: dict[int, Array] = {}
        for key, value in hand.items():
            i, name = self.tape[key].index, key if isinstance(key, str) else self.tape.label(self.tape[key].index)
            if i in self.names:
                raise ValueError(f"{name} and {self.names[i]} are one Variable: give its derivative once")
            a = as_matrix(value, f"the derivative of {name} by hand")
            self.names[i], self.hand[i] = name, a if layout == "row" else a.T
            self.true(i)
        self.fits = {i: a for i, a in self.hand.items() if a.shape == self.true(i).shape}
        dtypes = [a.dtype for a in (*self.hand.values(), *(self.tape.values[i] for i in d.seeds))]
        self.rounding = max(float(np.finfo(dtype).eps) for dtype in dtypes)
        self.spread = spread(d)
        self.used, self.expected = self._implied()
        self.known = self._known()
        self.turned = self._turned()

    def true(self, i: int) -> Array:
        return self.d[self.tape.at(i)]  # type: ignore[no-any-return]

    def slack(self, i: int) -> float:
        """What rounding may do to the derivative at i: 16 times what it does to the tape's own, for other orders of
        summation and longer formulas than the rules."""
        return 16 * self.rounding * self.spread[i]

    def close(self, i: int, a: Array, b: Array) -> bool:
        true, other = (float(np.abs(m).max(initial=0)) for m in (self.true(i), b))
        slack = self.slack(i) * max(1.0, other / true) if true else max(self.slack(i), 16 * self.rounding * other)
        return bool(np.all(np.abs(a - b) <= slack))

    def right(self, i: int) -> bool:
        return i in self.fits and self.close(i, self.fits[i], self.true(i))

    def _implied(self) -> tuple[Derivatives, dict[int, Array]]:
        """The walk back in which every derivative given by hand replaces the one it would compute."""
        columns: list[Any] = [None] * self.d.length
        used = Derivatives(self.tape, columns, self.d.seeds, False)
        expected: dict[int, Array] = {}
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
                said += IN_THE_OTHER if self.close(i, a.T, true) else "; transposed it would fit"
            return Finding(name, "shape", step, "layout" if self.turned else "shape", said)
        a = self.fits[i]
        off = np.abs(a - true)
        largest = float(np.abs(true).max(initial=0))
        unit = self.rounding * (largest if largest > self.slack(i) else self.spread[i])
        ulps = float(off.max(initial=0)) / unit if unit else float(off.max(initial=0) > 0)
        if self.close(i, a, true):
            return Finding(name, "right", step, off=ulps)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        row, column = at if self.layout == "row" else at[::-1]
        worst = (int(row) + 1, int(column) + 1, a[at].item(), true[at].item())
        if self.turned:
            return Finding(name, "wrong", step, "layout", "transposed", off=ulps, worst=worst)
        if i in self.expected and self.close(i, a, self.expected[i]):
            return Finding(name, "wrong", step, "inherited", off=ulps, worst=worst)
        near = lambda b, c: self.close(i, b, c)  # noqa: E731
        found = diagnose(self.used, self.tape.at(i), a, near, self.layout) or Diagnosis("", None, "")
        cause = "own" if found.own or all(part.step in self.known for part in parts) else "open"
        step = step if found.step is None else found.step
        line = self.line(name, parts, step)
        return Finding(name, "wrong", step, cause, found.text, found.grade, line, ulps, worst, found.factor)

    def line(self, name: str, parts: list[Contribution], step: int) -> str:
        """What the rule of `step` adds to the derivative of `name`."""
        return "; ".join(
            f"∇{one_line(name)} {'=' if part is parts[0] else '+='} "
            + contribution_text(self.tape, step, part.operand, self.layout)
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
            columns[i] = np.sum([part.array for part in walk.contributions(self.tape.at(i))], axis=0).T
            if i in self.fits and not self.close(i, self.fits[i], columns[i].T):
                return False
        return True

    def _known(self) -> set[int]:
        """The steps that start from a derivative that was given, is a seed alone, or is a copy of known ones."""
        open_ = set()  # values whose derivative was not given, nor follows from what was without a calculation
        known = {0}
        for n in range(len(self.tape.steps), 0, -1):
            op, z, *operands = self.tape.steps[n - 1]
            if z >= self.d.length or not self.d.reaches(z):
                continue
            if z in self.fits or z not in open_:
                known.add(n)
            for formula, i in zip(op.formulas or (None, None), operands, strict=False):
                if i is not None and not (n in known and getattr(formula, "head", "") == "dz"):
                    open_.add(i)
        return known

    def _turned(self) -> bool:
        """Whether every derivative is right once transposed, and not all are as they stand."""
        turned = [a.T.shape == self.true(i).shape and self.close(i, a.T, self.true(i)) for i, a in self.hand.items()]
        return len(turned) > 1 and all(turned) and not all(self.right(i) for i in self.hand)

    def not_exercised(self) -> list[str]:
        """Contributions that are nothing at this point, and mistakes that would change no number here."""
        notes = []
        for i in self.names:
            for step, operand, c in self.d.contributions(self.tape.at(i)):
                if step and float(np.abs(c).max(initial=0)) <= self.slack(i):
                    line = contribution_text(self.tape, step, operand, self.layout)
                    notes.append(
                        f"step {step}: ∇{one_line(self.names[i])} += {line} adds nothing ({self._why(step, operand)})"
                    )
            if not self.d.reaches(i):
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

    def _why(self, step: int, operand: str) -> str:
        op, z, x, y = self.tape.steps[step - 1]
        if not np.any(self.d.column(z)):
            return f"∇{one_line(self.tape.label(z))} = 0"
        other = y if operand == "x" else x
        if op.arity == 2 and other is not None and not np.any(self.tape.values[other]):
            return f"{one_line(self.tape.label(other))} = 0"
        return "negligible"


def _convention(judge: _Judge, findings: list[Finding]) -> tuple[list[Finding], str]:
    """One factor on many lines, each right but for it, is a scale: it is said once and blamed on no line."""
    broken = [f for f in findings if f.cause in ("own", "open", "shape")]
    factors = Counter(f"{f.factor:.9g}" for f in broken if f.factor is not None and f.factor > 0)
    if not factors:
        return findings, ""
    common, count = factors.most_common(1)[0]
    shared = [f for f in broken if f.factor is not None and f"{f.factor:.9g}" == common]
    everything = count == sum(np.any(judge.true(i)) for i in judge.names)
    one_cause = any(f.cause == "open" for f in shared) and _suspects(judge, {f.name for f in shared})
    if count < 2 or (not everything and (count < 3 or 2 * count < len(broken) or one_cause)):
        return findings, ""
    examples = {judge.tape.values[step[1]].shape[1] for step in judge.tape.steps}
    guess = "".join(f" (a mean over {b} columns?)" for b in examples if abs(float(common) * b - 1) < 1e-8)
    scaled = [f._replace(cause="scale", looks_like="the common factor") if f in shared else f for f in findings]
    return scaled, f"{count} of them are {common} times the tape's{guess}: a scale, no wrong line"


def _located(judge: _Judge, findings: list[Finding]) -> tuple[list[Finding], Finding | None]:
    """The one mistake in a line that was not given which explains every wrong derivative there is, if there is one."""
    wrong = {f.name: f for f in findings if f.verdict != "right"}
    alone = len(wrong) == 1 and any(f.looks_like for f in wrong.values())
    if not wrong or alone or any(f.cause not in ("open", "inherited") for f in wrong.values()):
        return findings, None
    tape, tries = judge.tape, SEARCH
    located: Finding | None = None
    as_well = []
    for z in _suspects(judge, set(wrong)):
        for made, found in hypotheses(judge.d, tape.at(z), judge.layout):
            tries -= 1
            if tries < 0:
                break
            if judge.explains(z, made):
                if located:
                    as_well.append(f"∇{one_line(tape.label(z))}")
                    break
                parts = judge.d.contributions(tape.at(z))
                step = found.step or parts[-1].step
                line = judge.line(tape.label(z), parts, step)
                located = Finding(tape.label(z), "wrong", step, "own", found.text, found.grade, line)
                break
    if located is None:
        return findings, None
    if as_well:
        text = f"{located.looks_like}; a mistake at {' or '.join(as_well[:3])} would explain it too"
        located = located._replace(looks_like=text, grade="possible")
    return [f._replace(cause="inherited") if f.name in wrong else f for f in findings], located


def _hint(judge: _Judge, findings: list[Finding]) -> str:
    """What the wrong ones have in common."""
    wrong = [f for f in findings if f.verdict != "right"]
    if any(f.cause == "not finite" for f in wrong):
        return first_nonfinite(judge.tape) or "the seeds are not finite"
    if judge.turned:
        other = LAYOUTS[1 - LAYOUTS.index(judge.layout)]
        return f"all of them are right in the other layout: compare(..., layout={other!r})"
    if any(f.cause == "open" for f in wrong):
        suspects = _suspects(judge, {f.name for f in wrong})
        if suspects:
            names = ", ".join(f"∇{one_line(judge.tape.label(i))}" for i in suspects[:4])
            return f"every wrong one comes from {names}, and nothing right does: give these to find the line"
    return ""


def _suspects(judge: _Judge, wrong: set[str]) -> list[int]:
    """Derivatives that were not given, from which all wrong ones come and no right one: in walking order."""
    tape, telling = judge.tape, [i for i in judge.names if judge.d.reaches(i)]
    bit = {i: 1 << k for k, i in enumerate(telling)}
    behind = [bit.get(i, 0) for i in range(judge.d.length)]
    for _, z, x, y in tape.steps:
        if z < judge.d.length:
            behind[z] |= behind[x] | (0 if y is None else behind[y])
    target = sum(bit[i] for i in telling if judge.names[i] in wrong)
    return [i for i in range(judge.d.length - 1, -1, -1) if behind[i] == target and i not in judge.names]
