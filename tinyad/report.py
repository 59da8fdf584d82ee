"""A Comparison as text and as HTML: the first wrong line in full, the rest a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyad.text import one_line

if TYPE_CHECKING:
    from tinyad.compare import Comparison, Finding

MOST = 12  # lines of one kind before "and n more"


def text(comparison: Comparison) -> str:
    """The whole report."""
    counts = comparison.counts
    layout = "row layout" if comparison.layout == "row" else "the layout of the variables"
    lines = [f"{len(comparison.findings)} derivatives by hand against the tape, in {layout}: " + _counts(counts)]
    first = comparison.first_wrong
    if first:
        lines += ["", f"first wrong: {_title(first)}", *(f"  {line}" for line in _details(first))]
    others = [finding for finding in comparison.wrong if finding is not first and finding.cause != "scale"]
    if others:
        width = max(len(one_line(finding.name)) for finding in others)
        lines += ["", "also wrong:" if first else "wrong:"]
        lines += _some([f"  ∇{one_line(f.name):<{width}}  {_short(f)}" for f in others])
    if comparison.scale:
        lines += ["", comparison.scale]
    if comparison.hint:
        lines += ["", comparison.hint]
    if comparison.not_exercised:
        lines += ["", "not exercised at this point, so a mistake there would not show:"]
        lines += _some([f"  {note}" for note in comparison.not_exercised])
    if comparison.not_compared:
        lines += ["", f"not compared: {comparison.not_compared} other derivatives on the tape"]
    return "\n".join([*lines, "", f"verdict: {verdict(comparison)}"])


def verdict(comparison: Comparison) -> str:
    """One line."""
    first = comparison.first_wrong
    if comparison.ok:
        return f"right: all {len(comparison.findings)} agree {_ulps(max(f.off for f in comparison.findings))}"
    if first is None:
        return "right but for the scale" if comparison.scale else "wrong"
    return f"wrong, first at {_title(first)}"


def html(comparison: Comparison) -> str:
    """The report as a self-contained piece of HTML; everything in it is escaped."""
    from html import escape

    rows = []
    for finding in comparison.findings:
        colour = {"right": "#e8f5e9", "wrong": "#ffebee", "shape": "#ffebee"}[finding.verdict]
        colour = "#fff8e1" if finding.cause in ("inherited", "scale") else colour
        said = _ulps(finding.off) if finding.verdict == "right" else _short(finding)
        cells = (f"∇{one_line(finding.name)}", finding.verdict, str(finding.step or ""), said)
        rows.append(
            f'<tr style="background:{colour}">' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in ("derivative", "verdict", "step", "what was found"))
    return f"<pre>{escape(text(comparison))}</pre><table><tr>{head}</tr>{''.join(rows)}</table>"


def _counts(counts: dict[str, int]) -> str:
    said = {"right": "right", "wrong": "wrong", "shape": "of the wrong size"}
    return ", ".join(f"{n} {said[verdict]}" for verdict, n in counts.items() if n or verdict == "right")


def _title(finding: Finding) -> str:
    return f"step {finding.step}, ∇{one_line(finding.name)}" if finding.step else f"∇{one_line(finding.name)}"


def _details(finding: Finding) -> list[str]:
    lines = []
    if finding.line:
        lines.append(f"the rule:    {finding.line}")
    if finding.worst:
        row, column, hand, tape = finding.worst
        lines.append(f"by hand:     {hand!r} at row {row}, column {column}; on the tape {tape!r}")
    said = finding.looks_like or "no pattern known"
    lines.append(f"looks like:  {said}" + (f" ({finding.grade})" if finding.grade else ""))
    if finding.cause == "own" and not finding.worst:
        lines.append("it was not given; this one mistake explains everything that is wrong")
    if finding.cause == "open":
        lines.append("it may have inherited this: what it is made from was not given")
    return lines


def _short(finding: Finding) -> str:
    where = f"step {finding.step}" if finding.step else ""
    if finding.cause == "inherited":
        return f"{where}  inherited: its own line is right"
    return f"{where}  {finding.looks_like or 'no pattern known'}"


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST else [*lines[: MOST - 1], f"  and {len(lines) - MOST + 1} more"]


def _ulps(off: float) -> str:
    if off <= 1:
        return "within one unit of rounding"
    return f"within {off:.0f} units of rounding" if off < 1e6 else f"{off:.1g} units of rounding apart"
