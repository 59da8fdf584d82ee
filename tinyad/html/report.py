"""A backward pass as one page: the drawing, equations, values, contributions, and a comparison by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tinyad.arrays.matrix import kind, size
from tinyad.compare.comparison import Comparison, compare
from tinyad.compare.report_text import verdict
from tinyad.compare.shared_causes import LAYOUTS
from tinyad.drawing.graph import graph
from tinyad.engine.derivatives import Derivatives
from tinyad.html.comparison import sections
from tinyad.html.explore import canvas
from tinyad.html.page import NOTHING, lines, page, table
from tinyad.html.value_details import ValueDetails, formula
from tinyad.printing.listing import ABOUT_ONES, ONES, contribution_text
from tinyad.printing.markup import filled
from tinyad.printing.text import one_line


class Report:
    """One self-contained page, `html`, and the `comparison` in it, None if nothing was compared with the tape."""

    def __init__(self, html: str, comparison: Comparison | None) -> None:
        self.html, self.comparison = html, comparison

    def save(self, path: str | Path) -> None:
        """Write the page; it needs no other file and no network."""
        Path(path).write_text(self.html, encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        result = f"; {verdict(self.comparison)}" if self.comparison else ""
        return f'Report({len(self.html):,} characters of HTML{result}; .save("page.html") writes it)'


def report(  # noqa: PLR0913  options of a public function
    d: Derivatives,
    hand: Mapping[Any, Any] | None = None,
    layout: str = "row",
    *,
    title: str = "A computation and its derivatives",
    weights: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    fold: Iterable[str | int] | None = None,
) -> Report:
    """Return a page with an entire backward pass, and with what holds of the derivatives `hand`, if there are any.

    `hand` and `layout` are those of `compare`: {name or Variable: derivative}, "row" (M×N for an N×M variable) or
    "same" (of the variable's size); the page shows derivatives in that layout.  `weights`, `groups` and `fold` are
    those of `explore`.  The page works from disk, without network and without scripts.  Raises what `compare`
    and `explore` raise.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r}: there are {' and '.join(map(repr, LAYOUTS))}")
    if not isinstance(title, str):
        raise TypeError(f"title: a string, not {kind(title)}")
    comparison = compare(d, hand, layout) if hand is not None else None
    details = ValueDetails(d, layout, comparison, hand, marks=True)
    picture = graph(details.tape, weights=weights, groups=groups, comparison=comparison)
    result = filled(" <b>By hand: %s.</b>", verdict(comparison)) if comparison else NOTHING
    header = filled("<header><h1>%s</h1><p>%s%s</p></header>", one_line(title), _counts(details), result)
    drawn = canvas(picture, fold, comparison)
    body = [header, filled('<div class="explored"><section aria-label="The tape">%s</section>', drawn)]
    if comparison:
        keys = {finding.name: details.key(details.tape[finding.name].index) for finding in comparison.findings}
        body += [Markup("<section><h2>By hand, compared with the tape</h2>"), *sections(comparison, keys)]
        body.append(Markup("</section>"))
    sizes = "row layout" if layout == "row" else "the sizes of their variables"
    about = (
        "Every value with its equation and its size; below each its numbers, its derivative and what is added to it."
        f" Derivatives are shown in {sizes}."
    )
    body += [
        filled("<section><h2>Forward</h2>\n<p>%s</p>", about),
        *details.everything(),
        Markup("</section>\n<section><h2>Backward</h2>"),
        *_backward(details),
        Markup("</section></div>"),
    ]
    return Report(page(one_line(title), lines(body)), comparison)


def _counts(details: ValueDetails) -> str:
    seeds = ", ".join(f"∇{one_line(details.tape.label(i))}" for i in details.d.seeds)
    return f"{len(details.tape)} steps; the backward pass starts from {seeds}."


def _backward(details: ValueDetails) -> Iterator[Markup]:
    """Yield the walk, a row for every contribution."""
    d, walk = details.d, details.walk
    heads = (("No.", "n"), ("Derivative", "f"), ("Size", "v"), ("From", "v"))
    rows = [("", filled("%s given", formula(details.gradient(i))), _size(details, i), "") for i in d.seeds]
    for k, (n, operand, i, sign) in enumerate(walk, 1):
        rows.append((str(k), details.line(n, operand, i, sign), _size(details, i), details.step(n)))
    wide = '<div class="scroll">%s</div>'
    yield table(heads, [(NOTHING, (k, filled(wide, line), *rest)) for k, line, *rest in rows])
    if any(ONES.search(contribution_text(d.tape, n, operand, details.layout)) for n, operand, _, _ in walk):
        yield filled("<p>%s.</p>", ABOUT_ONES)


def _size(details: ValueDetails, i: int) -> str:
    shape = details.tape.values[i].shape
    return size(shape[::-1] if details.layout == "row" else shape)
