"""Which line is blamed for what is wrong: explanations become findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyad.compare.explanations import UNCHANGED, Explanation, Search, chosen, less_exact
from tinyad.compare.hypotheses import Hypothesis, OneSum
from tinyad.compare.judge import Judge
from tinyad.compare.thresholds import APART_TRIED, MISTAKES_TOGETHER, OTHERS_SHOWN
from tinyad.compare.verdicts import BLAMED, Cause, Finding, Grade, Verdict
from tinyad.compare.walk import Change
from tinyad.printing.text import at_time, one_line

Findings = list[Finding]


def explained(judge: Judge, findings: Findings) -> tuple[Findings, Finding | None, bool]:
    """Return the findings with what explains those that break their rules, and the mistake in a line not given.

    Return also whether that is one mistake.
    """
    blamed = {judge.tape[f.name].index: f for f in findings if f.cause in BLAMED and f.verdict == Verdict.WRONG}
    broken = {i for i in blamed if np.all(np.isfinite(judge.fitting[i]) | np.isnan(judge.fitting[i]))}
    broken = {i for i in broken if not np.all(np.isnan(judge.fitting[i]))}
    if not blamed:
        return findings, None, True
    blame = Blame(judge, blamed, broken)
    told, located = blame.findings()
    return [told.get(judge.tape[f.name].index, f) for f in findings], located, blame.mistakes == 1


def explained_apart(judge: Judge, findings: Findings) -> tuple[Findings, Finding | None, bool]:
    """Return the same as `explained`, where some of what was given is wrong, and the others were not made from it.

    What breaks its own rule then is told as it is where that one, at all its times, is left out.
    """
    found, located, one_mistake = explained(judge, findings)
    unexplained = {f.name for f in found if f.cause in BLAMED and not f.looks_like}
    computed = {step[1] for step in judge.tape.steps}
    blamed = [f.name for f in found if f.cause in BLAMED and judge.tape[f.name].index in computed]
    groups = dict.fromkeys(at_time(name)[0] for name in blamed)
    best: tuple[dict[str, Finding], Finding | None] = {}, None
    for base in list(groups)[:APART_TRIED] if located is None and unexplained else ():
        apart = {name for name in judge.names.values() if at_time(name)[0] == base}
        told = _told_without(judge, apart, unexplained - apart)
        best = told if len(told[0]) > len(best[0]) else best
        if len(told[0]) == len(unexplained - apart):
            break
    better, at = best
    return [better.get(f.name, f) for f in found], located or at, one_mistake


def _told_without(judge: Judge, apart: set[str], names: set[str]) -> tuple[dict[str, Finding], Finding | None]:
    """Return what explains some names where others are left out, and the mistake in a line that was never given."""
    hand = {name: judge.hand[i] for i, name in judge.names.items() if name not in apart}
    if not names or not hand:
        return {}, None
    as_given = {name: a if judge.layout == "row" else a.T for name, a in hand.items()}
    without = Judge(judge.d, as_given, judge.layout)
    told, at, _ = explained(without, [without.finding(i) for i in without.names])
    if at is not None and at.name in apart:  # it was given, and is another
        return {}, None
    found = {f.name: f for f in told if f.name in names}
    own = {name: f for name, f in found.items() if f.cause == Cause.OWN and f.looks_like}
    inherited = {name: f for name, f in found.items() if f.cause == Cause.INHERITED and (at or own)}
    return own | inherited, at if inherited else None


class Blame:
    """The findings on derivatives that break their own rules, or may."""

    def __init__(self, judge: Judge, blamed: dict[int, Finding], broken: set[int]) -> None:
        self.judge, self.tape = judge, judge.tape
        self.told, self.broken = dict(blamed), frozenset(broken)
        self.first_search = Search(judge.walk, judge.words, judge.follows, self.broken)
        self.located: Finding | None = None
        self.mistakes = 0

    def findings(self) -> tuple[dict[int, Finding], Finding | None]:
        judge = self.judge
        self._not_inherited()
        explained, base = frozenset[int](), UNCHANGED
        for _ in range(MISTAKES_TOGETHER):
            left = self.broken - explained
            search = Search(judge.walk, judge.words, judge.follows, left, base, explained)
            found = search.all() if left else []
            if not found:
                break
            for same in chosen(found, left):
                new = same[0].explains - explained
                self.say(same, new)
                explained |= new
                self.mistakes += 1
                change = same[0].hypothesis.change
                base = Change({**base.uses, **change.uses}, {**base.values, **change.values})
        self.mistakes += len(self.told.keys() - explained)
        for i in self.told.keys() - explained:
            digits = less_exact(judge.fitting[i], judge.expected(i))
            text = f"it agrees to {digits} digits: less exact, or something small is missing"
            text = text if i in self.broken else "it has entries that are not finite"
            if digits or i not in self.broken:
                grade = Grade.LIKELY if i in self.broken else Grade.CERTAIN
                cause = self.told[i].cause if i in self.broken else Cause.OWN
                self.told[i] = self.told[i]._replace(looks_like=text, grade=grade, cause=cause, pattern=(text,))
        self._one_of_another()
        return self.told, self.located

    def suspects(self, i: int) -> list[int]:
        """Return what was not given that i's derivative is computed from, and nothing that is right."""
        judge = self.judge
        return [z for z in judge.not_given(i) if self.first_search.reached(OneSum(judge.words, (z,)))]

    def _not_inherited(self) -> None:
        """Call those their own of which all that was not given moves what is right too."""
        for i in self.broken:
            suspects = self.suspects(i)
            names = tuple(self.tape.names[z] for z in suspects if z in self.tape.names)[:OTHERS_SHOWN]
            cause = Cause.OPEN if suspects else Cause.OWN
            self.told[i] = self.told[i]._replace(cause=cause, not_given=names)

    # Words

    def line_of(self, i: int) -> int:
        """Return the value in whose line a mistake at i is: of an unnamed one, the one with a name it is a part of."""
        owner = self.judge.lines.owner[i]
        return owner if owner >= 0 else i

    def has_name(self, i: int) -> bool:
        return i in self.tape.names or i in self.judge.names

    def of_lines(self, same: list[Explanation]) -> list[list[Hypothesis]]:
        """Return the explanations of the same, by line: those in lines that have a name first.

        An unnamed copy of a derivative is no line if a mistake in the line of that derivative explains the same.
        """
        lines: dict[Any, list[Hypothesis]] = {}
        for hypothesis, _ in same:
            line = self.line_of(hypothesis.values[0])
            lines.setdefault(self.judge.lines.value_role(line), []).append(hypothesis)
        at = {self.line_of(some[0].values[0]): some for some in lines.values()}

        def copied(i: int) -> bool:
            copies = not self.has_name(i) and self.judge.is_copy(i)
            above = (self.tape.steps[use.step - 1][1] for use in self.judge.lines.uses.get(i, ()))
            return copies and any(self.line_of(z) in at for z in above)

        told = [(i, some) for i, some in at.items() if not copied(i)]
        return [some for _, some in sorted(told, key=lambda line: not self.has_name(line[0]))]

    def text(self, hypotheses: list[Hypothesis], i: int) -> str:
        """Return what is said of a mistake, with the names that would do as well: their values are equal."""
        first = hypotheses[0]
        text = first.say(i)
        if first.tie:
            tied = [h for h in hypotheses[1:] if h.tie == first.tie]
            ties = dict.fromkeys(h.say(i if i in h.values else h.values[0]) for h in tied)
            same = [tie for tie in ties if tie != text][:OTHERS_SHOWN]
            text += "".join(f"; or {tie}" for tie in same)
        return text

    # Findings

    def say(self, same: list[Explanation], explains: frozenset[int]) -> None:
        """Blame the lines of what explains some derivatives."""
        lines = self.of_lines(same)
        targets = [[i for i in some[0].values if i in explains] for some in lines]
        # A line that was given comes first: that is where the hand looks.
        order = sorted(range(len(lines)), key=lambda k: not targets[k])
        main, mine = lines[order[0]], targets[order[0]]
        also = [(lines[k], targets[k]) for k in order[1:]]
        for i in explains:
            self.told[i] = self.told[i]._replace(cause=Cause.INHERITED, looks_like="", line="")
        # Of a sum whose seed alone is missing at the last time step, the others say more.
        z = next((use.of for use in main[0].uses if use.of in main[0].values), main[0].values[0])
        everywhere = all(i in self.judge.walk.given for i in main[0].values)
        if mine and (everywhere or self.located):
            for i in mine:
                self.told[i] = self._finding(i, main, also, i)
            return
        owner = self.judge.lines.owner[z] if z not in self.tape.names else z
        owner = z if owner < 0 else owner
        if owner in explains or (len(explains) == 1 and not self.has_name(owner)):
            i = owner if owner in explains else next(iter(explains))
            self.told[i] = self._finding(i, main, also, z)
        elif self.located is None:
            self.located = self._finding(owner, main, also, z)
        else:
            first = min(explains, key=lambda i: self.judge.lines.rank[i])
            found = self._finding(first, main, also, z)
            self.told[first] = found._replace(
                looks_like=f"a mistake at ∇{one_line(self.tape.label(z))}: {found.looks_like}"
            )

    def _finding(
        self, i: int, main: list[Hypothesis], also: list[tuple[list[Hypothesis], list[int]]], z: int
    ) -> Finding:
        """Return the finding on i, with a mistake in the line of z."""
        judge, first = self.judge, main[0]
        text, grade = self.text(main, z), first.grade
        if also:
            text, grade = text + self._others(text, also), Grade.POSSIBLE
        if i not in self.told and len(first.values) > 1 and first.pattern[0] != "value":
            text += f"; the same at {len(first.values)} time steps"
        if (first.change.values or first.pattern[0] == "zero") and not self._all_of(i, z):
            text = f"∇{one_line(self.tape.label(z))}: {text}"
        uses = [use for use in first.uses if use.of == z]
        z, step = self._handed_from(z, uses[0].step if uses else self._last_step(z))
        if first.pattern[0] == "zero":
            step = self._last_step(z)
        located = i not in self.told
        name = judge.names.get(i, self.tape.label(i))
        line_name = name if z == i else self.tape.label(z)
        line = judge.line(line_name, judge.d.contributions(self.tape.at(z)), step)
        steps = tuple(use.step for use in (first.uses if located else uses))
        if first.pattern[0] in ("zero", "missing") or str(first.pattern[0]).startswith(("overwritten", "stops")):
            steps = tuple(n for n in steps if judge.walk.out.get(n))
        else:
            steps = steps if len(steps) > 1 else ()
        old = Finding(name, Verdict.WRONG, step) if located else self.told[i]
        pattern = first.pattern if uses or len(first.values) > 1 else (*first.pattern, z)
        elsewhere = any(self.line_of(some[0].values[0]) not in judge.names for some, _ in also)
        own = located or not (elsewhere or any(not judge.is_copy(z) for z in self.suspects(i)))
        return old._replace(
            step=step, cause=Cause.OWN if own else Cause.OPEN, looks_like=text, grade=grade, line=line,
            factor=first.factor, steps=steps, pattern=pattern,
        )  # fmt: skip

    def _others(self, text: str, also: list[tuple[list[Hypothesis], list[int]]]) -> str:
        """Return the other lines that would explain the same, and how where that is something else."""
        shown: dict[str, list[str]] = {}
        for some, _ in also:
            line = f"∇{one_line(self.tape.label(self.line_of(some[0].values[0])))}"
            shown.setdefault(self.text(some, some[0].values[0]), []).append(line)
        said = ""
        for how, names in list(shown.items())[:OTHERS_SHOWN]:
            where = " or ".join(names[:OTHERS_SHOWN])
            said += f"; a mistake at {where} would explain it too" + (f" ({how})" if how != text else "")
        return said

    def _last_step(self, i: int) -> int:
        uses = [use for use in self.judge.lines.uses.get(i, ()) if np.any(self.judge.walk.contribution(use))]
        return uses[-1].step if uses else 0

    def _handed_from(self, i: int, step: int) -> tuple[int, int]:
        """Return the unnamed value whose derivative is handed on unchanged as that of i, and its step."""
        while True:
            uses = self.judge.lines.uses.get(i, [])
            if len(uses) != 1 or i in self.judge.d.seeds or uses[0].step != step:
                return i, step
            z = self.tape.steps[step - 1][1]
            formula: Any = self.tape.formula(step, uses[0].operand)
            if getattr(formula, "head", "") == "transpose":
                formula = formula.operands[0]
            if self.has_name(z) or getattr(formula, "head", "") != "dz":
                return i, step
            i, step = z, self._last_step(z)

    def _all_of(self, i: int, z: int) -> bool:
        """Return whether the derivative at i is made of that at z alone."""
        while i != z:
            uses = self.judge.lines.uses.get(i, [])
            if len(uses) != 1 or i in self.judge.d.seeds:
                return False
            i = self.tape.steps[uses[0].step - 1][1]
        return True

    # One mistake told as two

    def _one_of_another(self) -> None:
        """Of two like nothing known that are ± one another, by hand and on the tape, the later one has inherited it."""
        judge = self.judge
        unexplained = [i for i, f in self.told.items() if f.cause in BLAMED and i in self.broken and not f.looks_like]
        own = sorted(unexplained, key=lambda i: judge.lines.rank[i])
        for k, j in enumerate(own):
            for i in own[:k]:
                if judge.fitting[i].shape != judge.fitting[j].shape or self.told[i].cause == Cause.INHERITED:
                    continue
                sign = next((s for s in (1, -1) if judge.close(j, judge.true(j), s * judge.true(i))), 0)
                if sign and judge.agrees(j, sign * judge.fitting[i]):
                    text = f"{'-' * (sign < 0)}∇{one_line(judge.names[i])}, as on the tape: one mistake told twice"
                    self.told[j] = self.told[j]._replace(cause=Cause.INHERITED, looks_like=text, line="")
                    break
