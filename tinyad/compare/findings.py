"""A Comparison as text and as HTML: the first wrong line in full, the rest a line each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tinyad.html.page import piece, table
from tinyad.printing.text import apart, at_time, one_line, safe

if TYPE_CHECKING:
    from tinyad.compare.comparison import Comparison
    from tinyad.compare.judge import Finding

OTHERS = {"also wrong:": ("own", "open", "shape"), "inherited, their own lines are right:": ("inherited",)}
MILD = ("inherited", "scale", "rounded", "layout", "not finite")  # causes for which the line itself may be right
BUT_FOR = {"scale": "one factor", "rounded": "rounded decimals"}
RIGHT_IN_THE_OTHER = "right, but in the other layout"
STEPS = re.compile(r"step \d+|(?<!\w)_\d+")  # by which what was found differs from one time step to the next
TIMES = re.compile(r"(?<=\[)(\d{1,9})(?=\])")
SHOWN = 6  # names after "the same for"
MOST = 12  # lines of one kind before "and n more"


def text(comparison: Comparison) -> str:
    """The whole report."""
    layout = "row layout" if comparison.layout == "row" else "the layout of the variables"
    lines = [f"{_number(comparison)} by hand against the tape, in {layout}: {_counts(comparison.counts)}"]
    first, alike = comparison.first_wrong, _alike(comparison.wrong)
    if first:
        lines += ["", f"first wrong: {_title(first)}", *(f"  {line}" for line in _details(first, alike))]
    for title, causes in OTHERS.items():
        others = [group for group in alike if group[0] is not first and group[0].cause in causes]
        if others:
            width = max(len(one_line(group[0].name)) for group in others)
            said = [
                f"  ∇{one_line(f.name):<{width}}  {_short(f)}".rstrip() + (f"; {_again(rest)}" if rest else "")
                for f, *rest in others
            ]
            lines += ["", title, *_some(said)]
    for note in (comparison.scale, _rounded(comparison), comparison.hint):
        lines += ["", note] if note else []
    if comparison.not_exercised:
        lines += ["", "not exercised at this point, so a mistake there would not show:"]
        lines += _some([f"  {note}" for note in comparison.not_exercised])
    if comparison.not_compared:
        lines += ["", f"not compared: {comparison.not_compared} other derivatives on the tape"]
    return "\n".join([*lines, "", f"verdict: {verdict(comparison)}"])


def verdict(comparison: Comparison) -> str:
    """One line."""
    first, causes = comparison.first_wrong, {finding.cause for finding in comparison.wrong}
    if comparison.ok:
        return f"right: {_number(comparison)}, {_ulps(max(f.off for f in comparison.findings))}"
    if "not finite" in causes:
        return "none: the tape is not finite"
    if "layout" in causes:
        return "none: the sizes are those of the other layout" if "finds:" in comparison.hint else RIGHT_IN_THE_OTHER
    if first:
        return f"wrong, first at {_title(first)}"
    but = " and ".join(but for cause, but in BUT_FOR.items() if cause in causes)
    return f"right but for {but}" if but else f"wrong, at {_title(comparison.wrong[0])}"


def summary(comparison: Comparison) -> str:
    """The counts and the verdict."""
    return f"{_counts(comparison.counts)}; {verdict(comparison)}"


def html(comparison: Comparison) -> str:
    """The report as a self-contained piece of HTML; everything in it is escaped."""
    return piece("\n".join(found(comparison)))


def found(comparison: Comparison, links: Mapping[str, str] | None = None) -> Iterator[str]:
    """The verdict, the first wrong line in full and a table; `links`: name → the part of the page about it."""
    first, links = comparison.first_wrong, links or {}
    said = [f"first wrong: {_title(first)}", *_details(first, _alike(comparison.wrong))] if first else []
    said += [note for note in (comparison.scale, _rounded(comparison), comparison.hint) if note]
    if comparison.not_exercised:
        said += ["", "not exercised at this point:", *_some(list(comparison.not_exercised))]
    yield f"<p><b>{safe(verdict(comparison))}</b></p>"
    if said:
        yield f"<pre>{safe(chr(10).join(said))}</pre>"
    right = [finding for finding in comparison.findings if finding.verdict == "right"]
    if comparison.wrong:
        yield _table(comparison.wrong, links)
    if right:
        opened = "" if comparison.wrong or len(right) > MOST else " open"
        yield f"<details{opened}><summary>{len(right)} right</summary>{_table(right, links)}</details>"


def _table(findings: Iterable[Finding], links: Mapping[str, str]) -> str:
    rows = []
    for finding in findings:
        name = safe(f"∇{one_line(finding.name)}")
        if finding.name in links:
            name = f'<a href="#{links[finding.name]}" data-go="{links[finding.name]}">{name}</a>'
        rows.append(
            (f' class="{_colour(finding)}"', (name, badge(finding), str(finding.step or ""), safe(what(finding))))
        )
    return table((("derivative", "v"), ("verdict", "v"), ("step", "n"), ("what was found", "")), rows)


def what(finding: Finding) -> str:
    """What was found, in one line without the step."""
    if finding.verdict == "right":
        return _ulps(finding.off)
    return "its own line is right" if finding.cause == "inherited" else finding.looks_like or "no pattern known"


def badge(finding: Finding) -> str:
    """The verdict as a coloured word."""
    word = finding.cause if finding.cause in MILD else finding.verdict
    return f'<span class="badge {_colour(finding)}">{safe(word)}</span>'


def _colour(finding: Finding) -> str:
    if finding.verdict == "right":
        return "good"
    return "unsure" if finding.cause in MILD else "bad"


def _number(comparison: Comparison) -> str:
    n = len(comparison.findings)
    return f"{n} derivatives" if n > 1 else "1 derivative"


def _counts(counts: dict[str, int]) -> str:
    said = {"right": "right", "wrong": "wrong", "shape": "of the wrong size"}
    said |= {cause: f"right but for {but}" for cause, but in BUT_FOR.items()}
    return ", ".join(f"{n} {said[verdict]}" for verdict, n in counts.items() if n or verdict == "right")


def _rounded(comparison: Comparison) -> str:
    """What agrees to the decimals it has, as one sentence."""
    agree = Counter(f.looks_like for f in comparison.findings if f.cause == "rounded")
    return "; ".join(f"{n} of them: {said}" for said, n in sorted(agree.items()))


def _title(finding: Finding) -> str:
    return f"step {finding.step}, ∇{one_line(finding.name)}" if finding.step else f"∇{one_line(finding.name)}"


def _alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings in groups: one name at other time steps, for which the same was found."""
    groups: dict[Any, list[Finding]] = {}
    for finding in findings:
        base, t = at_time(finding.name)
        parts = TIMES.split(STEPS.sub("", finding.looks_like))
        parts[1::2] = [str(int(time) - (t or 0)) for time in parts[1::2]]  # seen from the time step it was found at
        said = "".join(parts)
        known = t is not None and (said or finding.cause == "inherited")
        groups.setdefault((base, finding.cause, said) if known else finding.name, []).append(finding)
    return list(groups.values())


def _again(rest: list[Finding]) -> str:
    names = ", ".join(f"∇{one_line(f.name)}" for f in rest[:SHOWN]) + ", …" * (len(rest) > SHOWN)
    return f"the same for {len(rest)} more: {names}"


def _details(finding: Finding, alike: list[list[Finding]]) -> list[str]:
    lines = []
    if finding.line:
        lines.append(f"the rule:    {finding.line}")
    if finding.worst:
        row, column, hand, tape = finding.worst
        by_hand, on_tape = apart(hand, tape)
        lines.append(f"by hand:     {by_hand} at row {row}, column {column}; on the tape {on_tape}")
    said = finding.looks_like or "no pattern known"
    lines.append(f"looks like:  {said}" + (f" ({finding.grade})" if finding.grade else ""))
    if finding.cause == "own" and not finding.worst:
        lines.append("it was not given; this one mistake explains everything that is wrong")
    if finding.cause == "open":
        lines.append("it may have inherited this: what it is made from was not given")
    rest = next((group[1:] for group in alike if group[0] is finding), [])
    return [*lines, _again(rest)] if rest else lines


def _short(finding: Finding) -> str:
    where = f"step {finding.step}" if finding.step else ""
    return where if finding.cause == "inherited" else f"{where}  {finding.looks_like or 'no pattern known'}"


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST else [*lines[: MOST - 1], f"  and {len(lines) - MOST + 1} more"]


def _ulps(off: float) -> str:
    if off < 1e6:
        return f"within {max(off, 1):.0f} unit{'s' if off >= 1.5 else ''} of rounding"
    return f"{off:.1g} units of rounding apart"
