"""Hand-derived arrays against a tape: which are wrong, which line broke first, and what the mistake looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import kind
from tinyad.compare.blame import explained, explained_apart
from tinyad.compare.conventions import Convention, convention
from tinyad.compare.judge import Judge
from tinyad.compare.other_models import other_model
from tinyad.compare.report_text import report_text, summary
from tinyad.compare.shared_causes import (
    LAYOUTS,
    hint,
    over_the_other_axis,
    shared_factor,
    sign_from_the_first,
)
from tinyad.compare.verdicts import BLAMED, Cause, Finding, Grade, Verdict
from tinyad.engine.derivatives import Derivatives
from tinyad.printing.text import for_terminal


class Comparison(NamedTuple):
    """The result of `compare`: findings in the order of the walk, and what the numbers could not have shown.

    `layout` is that of the hand's arrays.  `located` is a finding about a derivative that was not given, if one mistake
    there explains all wrong ones; `scale` one factor that many share, `hint` where all of them agree with another
    reading, "" if there is none.  `not_exercised` are sentences on paths that are 0 at this point, and `not_compared`
    counts the derivatives on the tape that were not given.  `in_other_layout` is the comparison in the other layout,
    if the sizes are of that one.
    """

    findings: list[Finding]
    layout: str
    located: Finding | None = None
    scale: str = ""
    hint: str = ""
    not_exercised: Sequence[str] = ()
    not_compared: int = 0
    in_other_layout: Comparison | None = None

    @property
    def ok(self) -> bool:
        """Whether everything that was compared is right."""
        return not self.wrong

    @property
    def wrong(self) -> list[Finding]:
        """The findings that are not right, in the order of the walk."""
        return [finding for finding in self.findings if not finding.right]

    @property
    def first_wrong(self) -> Finding | None:
        """The first in walking order that breaks its own rule, or may; None if there is none."""
        first = next((f for f in self.wrong if f.cause in BLAMED), None)
        return self.located if self.located and (not first or self.located.step >= first.step > 0) else first

    @property
    def wrong_steps(self) -> dict[int, str]:
        """Step → "own", or "inherited" for what is or may be so; of what is missing, the steps that should be there."""
        steps: dict[int, str] = {}
        for finding in [*self.wrong, *([self.located] if self.located else [])]:
            for step in finding.steps or (finding.step,):
                if finding.cause in (Cause.OWN, Cause.SIZE):
                    steps[step] = Cause.OWN
                elif finding.cause in (Cause.INHERITED, Cause.OPEN):
                    steps.setdefault(step, Cause.INHERITED)
        return steps

    def raise_if_wrong(self) -> None:
        """Raise ValueError with the entire report if anything is wrong: one line of a test."""
        if not self.ok:
            raise ValueError(str(self))

    def to_dict(self) -> dict[str, Any]:
        """Return plain strings, numbers and lists, for JSON; a number that is not finite becomes its name."""
        first = self.first_wrong
        return {
            "ok": self.ok,
            "layout": self.layout,
            "counts": self.counts,
            "first_wrong": first.name if first else None,
            "findings": [_plain(_without_pattern(finding)) for finding in self.findings],
            "scale": self.scale,
            "hint": self.hint,
            "not_exercised": list(self.not_exercised),
            "not_compared": self.not_compared,
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many are "right", "wrong" and of another "shape"; "scale" and "rounded", right but for that, if any."""
        almost = (Cause.SCALE, Cause.ROUNDED)
        kinds = [str(f.cause if f.cause in almost else f.verdict) for f in self.findings]
        shown = [Verdict.RIGHT, *(cause for cause in almost if cause in kinds), Verdict.WRONG, Verdict.SIZE]
        return {str(kind): kinds.count(kind) for kind in shown}

    def __str__(self) -> str:
        return for_terminal(report_text(self))

    def _repr_html_(self) -> str:
        from tinyad.html.comparison import comparison_html

        return comparison_html(self)


def _without_pattern(finding: Finding) -> dict[str, Any]:
    return {field: value for field, value in finding._asdict().items() if field != "pattern"}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, complex):
        return _plain(value.real) if value.imag == 0 else str(value)
    if isinstance(value, str):
        return str(value)
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)


def compare(d: Derivatives, hand: Mapping[Any, Any], layout: str = "row") -> Comparison:
    """Hold hand-derived arrays, {name or Variable: derivative}, against a backward pass; returns a `Comparison`.

    Any subset of the names will do; with intermediate ones a wrong line can be told from what it spoils.  `layout` is
    that of the hand's arrays: "row" (the slides', M×N for an N×M variable) or "same" (of the variable's size).  A 1-D
    array is taken for an N×1 or 1×N derivative of its length, a number for a 1×1 one.  Entries that are not known are
    NaN, or left out of {(row, column): number}.  Arrays agree if they agree to rounding, as it adds up over the steps
    of this tape.  Raises KeyError for an unknown name, ValueError or TypeError for what is no matrix of numbers.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r}: there are {' and '.join(map(repr, LAYOUTS))}")
    if not isinstance(d, Derivatives):
        raise TypeError(f"compare(d, ...) takes a backward pass, d = tape.backward(...), not {kind(d)}")
    if not isinstance(hand, Mapping):
        raise TypeError(f"compare(d, {{name: derivative}}) takes a mapping, not {kind(hand)}")
    if not hand:
        raise ValueError("nothing to compare: give {name: derivative}")
    with np.errstate(all="ignore"):  # what is not finite is reported
        judge = Judge(d, hand, layout)
        findings = [judge.finding(i) for i in judge.names]
        findings.sort(key=lambda finding: -finding.step if finding.step else -np.inf)  # a seed alone comes first
        findings, scale, located = _with_shared_causes(judge, findings)
        rest = d.length - len(judge.names) - sum(i < d.length for i in d.tape.constants)
        text, other = hint(judge, findings), None
        if judge.in_other_layout and not judge.all_transposed:
            other = compare(d, hand, next(name for name in LAYOUTS if name != layout))
            text += f", which gives: {summary(other)}"
        return Comparison(findings, layout, located, scale, text, judge.not_exercised(), rest, other)


def _with_shared_causes(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str, Finding | None]:
    """Return the findings with what they have in common, that as a sentence, and the one root cause if there is one."""
    findings, scale = shared_factor(judge, findings)
    if scale:
        return findings, scale, None
    if same_sign := sign_from_the_first(judge, findings):
        return same_sign, "", None
    wrong = [judge.hand[judge.tape[f.name].index] for f in findings if not f.right]
    if not any(map(np.any, wrong)):  # 0 is right for any forward that does not depend on it
        found, located, _ = explained(judge, findings)
        return found, "", located
    if other_forward := over_the_other_axis(judge, findings):
        return other_forward[0], "", other_forward[1]
    return _with_explanations(judge, findings)


def _with_explanations(judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str, Finding | None]:
    """Return the findings with another forward, a convention or mistakes that explain them."""
    model = other_model(judge, findings)
    if model and model[1].steps:  # of a loop: what it computes goes on to be used, as in no wrong backward pass
        return model[0], "", model[1]
    found, located, one_mistake = explained_apart(judge, findings)
    shared = convention(judge)
    if shared and (shared.sure or not one_mistake):
        return _under(shared, judge, findings)
    if model and not one_mistake:
        return model[0], "", model[1]
    return found, "", located


def _under(shared: Convention, judge: Judge, findings: list[Finding]) -> tuple[list[Finding], str, Finding | None]:
    """Return the same judged under a convention: what is right but for its factor is so, the rest may be wrong."""
    hand = {judge.names[i]: a / (shared.factor if i in shared.scaled else 1) for i, a in judge.hand.items()}
    under = Judge(judge.d, {name: a if judge.layout == "row" else a.T for name, a in hand.items()}, judge.layout)
    was = {f.name: f for f in findings}
    found, located, _ = explained(under, [under.finding(under.tape[f.name].index) for f in findings])
    scaled = {judge.names[i] for i in shared.scaled}

    def told(f: Finding) -> Finding:
        if not f.right or f.name not in scaled:
            return f
        return was[f.name]._replace(
            verdict=Verdict.WRONG, cause=Cause.SCALE, looks_like="the common factor", grade=Grade.NONE, line="",
            pattern=(Cause.SCALE,),
        )  # fmt: skip

    return [told(f) for f in found], shared.text, located
