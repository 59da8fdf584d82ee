"""A Comparison as text: the first wrong line in full, the rest a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tinyad.compare.thresholds import LINES_SHOWN, NAMES_SHOWN, UNITS_SHOWN
from tinyad.compare.verdicts import Cause, Finding
from tinyad.printing.text import apart, at_time, one_line

if TYPE_CHECKING:
    from tinyad.compare.comparison import Comparison

SECTIONS = {
    "also wrong:": (Cause.OWN, Cause.SIZE),
    "also wrong, or inherited from what was not given:": (Cause.OPEN,),
    "inherited, their own lines are right:": (Cause.INHERITED,),
}
BUT_FOR = {Cause.SCALE: "one factor", Cause.ROUNDED: "rounded decimals"}
COUNTED = {"right": "right", "wrong": "wrong", "shape": "of the wrong size"} | {
    cause: f"right but for {reason}" for cause, reason in BUT_FOR.items()
}
UNKNOWN = "no pattern known"


def report_text(comparison: Comparison) -> str:
    """Return the entire report."""
    layout = "row layout" if comparison.layout == "row" else "the layout of the variables"
    lines = [f"{_number(comparison)} by hand, compared with the tape, in {layout}: {_counts(comparison.counts)}"]
    first, groups = comparison.first_wrong, _grouped(comparison.wrong)
    if first:
        lines += ["", f"first wrong: {_title(first)}", *(f"  {line}" for line in _details(first, groups))]
    for title, causes in SECTIONS.items():
        others = [group for group in groups if group[0] is not first and group[0].cause in causes]
        if others:
            lines += ["", title, *shortened(list(_short_lines(others)))]
    for note in notes(comparison):
        lines += ["", note]
    if comparison.not_exercised:
        lines += ["", "not exercised at this point, so a mistake there would not show:"]
        lines += shortened([f"  {note}" for note in comparison.not_exercised])
    if comparison.not_compared:
        number = f"{comparison.not_compared} other derivative{'s' * (comparison.not_compared > 1)}"
        lines += ["", f"not compared: {number} on the tape"]
    return "\n".join([*lines, "", f"verdict: {verdict(comparison)}"])


def verdict(comparison: Comparison) -> str:
    """Return the verdict on all of them, in one line."""
    first, causes = comparison.first_wrong, {finding.cause for finding in comparison.wrong}
    if comparison.ok:
        return f"right: {_number(comparison)}, {_rounding(max(f.off for f in comparison.findings))}"
    if Cause.NOT_FINITE in causes:
        return "not judged: the tape is not finite"
    if Cause.LAYOUT in causes:
        other = comparison.in_other_layout
        return "not judged: the sizes are those of the other layout" if other else "right, but in the other layout"
    if first:
        return f"wrong, first at {_title(first)}"
    reasons = " and ".join(reason for cause, reason in BUT_FOR.items() if cause in causes)
    return f"right but for {reasons}" if reasons else f"wrong, at {_title(comparison.wrong[0])}"


def summary(comparison: Comparison) -> str:
    """Return the counts and the verdict."""
    return f"{_counts(comparison.counts)}; {verdict(comparison)}"


def details(comparison: Comparison) -> list[str]:
    """Return what the report says of the first wrong line, in full; nothing if there is none."""
    first = comparison.first_wrong
    return [f"first wrong: {_title(first)}", *_details(first, _grouped(comparison.wrong))] if first else []


def notes(comparison: Comparison) -> list[str]:
    """Return the sentences about all of them."""
    agree = Counter(f.looks_like for f in comparison.findings if f.cause == Cause.ROUNDED)
    rounded = "; ".join(f"{n} of them: {text}" for text, n in sorted(agree.items()))
    return [note for note in (comparison.scale, rounded, comparison.hint) if note]


def description(finding: Finding) -> str:
    """Return what holds of one of them, in one line without the step."""
    if finding.right:
        return _rounding(finding.off)
    return finding.looks_like or ("its own line is right" if finding.cause == Cause.INHERITED else UNKNOWN)


def shortened(lines: list[str]) -> list[str]:
    """Return the first lines and how many more there are."""
    if len(lines) <= LINES_SHOWN:
        return lines
    return [*lines[: LINES_SHOWN - 1], f"  and {len(lines) - LINES_SHOWN + 1} more"]


def _number(comparison: Comparison) -> str:
    n = len(comparison.findings)
    return f"{n} derivatives" if n > 1 else "1 derivative"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {COUNTED[kind]}" for kind, n in counts.items() if n or kind == "right")


def _title(finding: Finding) -> str:
    return f"step {finding.step}, ∇{one_line(finding.name)}" if finding.step else f"∇{one_line(finding.name)}"


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return findings in groups: one name at several time steps, with the same mistake."""
    groups: dict[Any, list[Finding]] = {}
    bases = {at_time(finding.name)[0] for finding in findings if at_time(finding.name)[1] is not None}
    for finding in findings:
        base, t = at_time(finding.name)
        start = finding.name.removesuffix("0").removesuffix("_")
        if t is None and start != base and start in bases:  # h0 is h[0]
            base, t = start, 0
        known = t is not None and (finding.pattern or finding.cause == Cause.INHERITED)
        pattern = () if finding.cause == Cause.INHERITED else finding.pattern
        groups.setdefault((base, finding.cause, pattern) if known else finding.name, []).append(finding)
    return list(groups.values())


def _short_lines(groups: list[list[Finding]]) -> Iterator[str]:
    width = max(len(one_line(group[0].name)) for group in groups)
    for first, *rest in groups:
        where = f"step {first.step}" if first.step else ""
        unknown = "" if first.cause == Cause.INHERITED else UNKNOWN
        short = f"{where}  {first.looks_like or unknown}"
        line = f"  ∇{one_line(first.name):<{width}}  {short}".rstrip()
        yield f"{line}; {_the_same_for(rest)}" if rest else line


def _the_same_for(rest: list[Finding]) -> str:
    names = ", ".join(f"∇{one_line(f.name)}" for f in rest[:NAMES_SHOWN]) + ", …" * (len(rest) > NAMES_SHOWN)
    return f"the same for {len(rest)} more: {names}"


def _details(finding: Finding, groups: list[list[Finding]]) -> list[str]:
    lines = []
    if finding.line:
        lines.append(f"the rule:    {finding.line}")
    if finding.worst:
        row, column, hand, tape = finding.worst
        by_hand, on_tape = apart(hand, tape)
        lines.append(f"by hand:     {by_hand} at row {row}, column {column}; on the tape {on_tape}")
    text = finding.looks_like or UNKNOWN
    lines.append(f"looks like:  {text}" + (f" ({finding.grade})" if finding.grade else ""))
    if finding.pattern[:1] == ("another forward",):
        lines.append("all that was given is right for that forward")
    elif finding.cause == Cause.OWN and not finding.worst:
        everything = all(f.cause == Cause.INHERITED for group in groups for f in group)
        what = "everything that is wrong" if everything else "all that is inherited from it"
        lines.append(f"it was not given; this one mistake explains {what}")
    if finding.cause == Cause.OPEN:
        names = ", ".join(f"∇{one_line(name)}" for name in finding.not_given)
        what = f"{names} {'were' if len(finding.not_given) > 1 else 'was'}" if names else "what it is computed from was"
        lines.append(f"it may be inherited: {what} not given")
    rest = next((group[1:] for group in groups if group[0] is finding), [])
    return [*lines, _the_same_for(rest)] if rest else lines


def _rounding(off: float) -> str:
    if off < UNITS_SHOWN:
        return f"within {max(off, 1):.0f} unit{'s' if off >= 1.5 else ''} of rounding"
    return f"{off:.1g} units of rounding apart"
