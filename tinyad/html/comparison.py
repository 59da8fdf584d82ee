"""A Comparison as HTML: the verdict, the first wrong line in full, and a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from tinyad.compare.report_text import description, details, notes, shortened, verdict
from tinyad.compare.thresholds import LINES_SHOWN
from tinyad.compare.verdicts import Cause, Finding
from tinyad.html.page import NOTHING, fragment, lines, table
from tinyad.printing.markup import filled
from tinyad.printing.text import one_line

if TYPE_CHECKING:
    from tinyad.compare.comparison import Comparison

HEADS = (("derivative", "v"), ("verdict", "v"), ("step", "n"), ("finding", ""))
# For these the line itself may be right.
MILD = (Cause.INHERITED, Cause.SCALE, Cause.ROUNDED, Cause.LAYOUT, Cause.NOT_FINITE)


def comparison_html(comparison: Comparison) -> str:
    """Return the report as a self-contained fragment."""
    return fragment(lines(sections(comparison)))


def sections(comparison: Comparison, links: Mapping[str, str] | None = None) -> Iterator[Markup]:
    """Yield the verdict, the first wrong line in full and a table; `links`: name → the section of the page about it."""
    links = links or {}
    text = [*details(comparison), *notes(comparison)]
    if comparison.not_exercised:
        text += ["", "not exercised at this point:", *shortened(list(comparison.not_exercised))]
    yield filled("<p><b>%s</b></p>", verdict(comparison))
    if text:
        yield filled("<pre>%s</pre>", "\n".join(text))
    right = [finding for finding in comparison.findings if finding.right]
    own = [finding for finding in comparison.wrong if finding.cause != Cause.INHERITED]
    inherited = [finding for finding in comparison.wrong if finding.cause == Cause.INHERITED]
    if own:
        yield _table(own, links)
    if inherited:
        folded = "<details><summary>%s inherited: their own lines are right</summary>%s</details>"
        yield filled(folded, len(inherited), _table(inherited, links))
    if right:
        opened = Markup(" open") if not comparison.wrong and len(right) <= LINES_SHOWN else NOTHING
        folded = "<details%s><summary>%s right</summary>%s</details>"
        yield filled(folded, opened, len(right), _table(right, links))


def badge(finding: Finding) -> Markup:
    """Return the verdict as a coloured word."""
    word = finding.cause if finding.cause in MILD else finding.verdict
    return filled('<span class="badge %s">%s</span>', _colour(finding), word)


def _table(findings: Iterable[Finding], links: Mapping[str, str]) -> Markup:
    rows = []
    for finding in findings:
        name = f"∇{one_line(finding.name)}"
        if finding.name in links:
            name = filled('<a href="#%s" data-go="%s">%s</a>', links[finding.name], links[finding.name], name)
        cells = name, badge(finding), str(finding.step or ""), description(finding)
        rows.append((filled(' class="%s"', _colour(finding)), cells))
    return table(HEADS, rows)


def _colour(finding: Finding) -> str:
    if finding.right:
        return "good"
    return "unsure" if finding.cause in MILD else "bad"
