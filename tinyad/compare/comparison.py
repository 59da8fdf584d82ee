"""Hand-derived arrays against a tape: which are wrong, which line broke first, and what the mistake looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyad.compare.findings import html, summary, text
from tinyad.compare.judge import Finding, Judge
from tinyad.compare.shared_causes import LAYOUTS, everywhere, hint, in_one_line, on_many_lines, over_the_other_axis
from tinyad.engine.derivatives import Derivatives
from tinyad.printing.text import for_terminal

BLAMED = ("own", "open", "shape")  # causes for which a line is, or may be, wrong itself


class Comparison(NamedTuple):
    """The result of `compare`: findings in the order of the walk, and what the numbers could not have shown.

    `layout` is that of the hand's arrays.  `located` is a finding about a derivative that was not given, if one mistake
    there explains all wrong ones; `scale` one factor that many share, `hint` where all of them agree with another
    reading, "" if there is none.  `not_exercised` are sentences on paths that are 0 at this point, and `not_compared`
    counts the derivatives on the tape that were not given.
    """

    findings: list[Finding]
    layout: str
    located: Finding | None = None
    scale: str = ""
    hint: str = ""
    not_exercised: Sequence[str] = ()
    not_compared: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything that was compared is right."""
        return not self.wrong

    @property
    def wrong(self) -> list[Finding]:
        """The findings that are not right, in the order of the walk."""
        return [finding for finding in self.findings if finding.verdict != "right"]

    @property
    def first_wrong(self) -> Finding | None:
        """The first in walking order that breaks its own rule, or may; None if there is none."""
        return self.located or next((f for f in self.wrong if f.cause in BLAMED), None)

    @property
    def wrong_steps(self) -> dict[int, str]:
        """Step → "own" or "inherited"; of what is missing, the steps that should have contributed it."""
        steps: dict[int, str] = {}
        for finding in [*self.wrong, *([self.located] if self.located else [])]:
            for step in finding.steps or (finding.step,):
                if finding.cause in BLAMED:
                    steps[step] = "own"
                elif finding.cause == "inherited":
                    steps.setdefault(step, "inherited")
        return steps

    def raise_if_wrong(self) -> None:
        """ValueError with the whole report, if anything is wrong: one line of a test."""
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
        """How many are "right", "wrong" and of another "shape"; "scale" and "rounded", right but for that, if any."""
        found = [f.cause if f.cause in ("scale", "rounded") else f.verdict for f in self.findings]
        some = [cause for cause in ("scale", "rounded") if cause in found]
        return {kind: found.count(kind) for kind in ("right", *some, "wrong", "shape")}

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
    """Hold hand-derived arrays, {name or Variable: derivative}, against a walk back; returns a `Comparison`.

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
        judge = Judge(d, hand, layout)
        findings = [judge.finding(i) for i in judge.names]
        findings.sort(key=lambda finding: -finding.step if finding.step else -np.inf)  # a seed alone comes first
        located = None
        findings, scale = everywhere(judge, findings)
        if not scale:
            explained = over_the_other_axis(judge, findings)
            findings, located = explained or in_one_line(judge, findings)
        if not scale and not located:
            findings, scale = on_many_lines(judge, findings)
        rest = d.length - len(judge.names) - sum(i < d.length for i in d.tape.constants)
        said = hint(judge, findings)
        if judge.in_the_other and not judge.turned:
            other = compare(d, hand, next(name for name in LAYOUTS if name != layout))
            said += f", which finds: {summary(other)}"
        return Comparison(findings, layout, located, scale, said, judge.not_exercised(), rest)
