"""A walk back as one page: the drawing, every equation and its values, every contribution, what `compare` found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tinyad.compare.comparison import Comparison, compare
from tinyad.compare.findings import found, verdict
from tinyad.compare.shared_causes import LAYOUTS
from tinyad.drawing.graph import graph
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.matrix import size
from tinyad.html.explore import canvas
from tinyad.html.page import page, table
from tinyad.html.value_details import About, formula
from tinyad.printing.listing import ABOUT_ONES, ONES, contribution_text
from tinyad.printing.text import one_line, safe


class Report:
    """One self-contained HTML page in `html`, and the `comparison` in it, None if nothing was held against the tape."""

    def __init__(self, html: str, comparison: Comparison | None) -> None:
        self.html, self.comparison = html, comparison

    def save(self, path: str | Path) -> None:
        """Write the page; it needs no other file and no network."""
        Path(path).write_text(self.html, encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        said = f"; {verdict(self.comparison)}" if self.comparison else ""
        return f'Report({len(self.html):,} characters of HTML{said}; .save("page.html") writes it)'


def report(
    d: Derivatives,
    hand: Mapping[Any, Any] | None = None,
    layout: str = "row",
    *,
    title: str = "A computation and its derivatives",
    weights: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    fold: Iterable[str | int] | None = None,
) -> Report:
    """A page with the whole of a walk back, and with what holds of the derivatives `hand`, if there are any.

    `hand` and `layout` are those of `compare`: {name or Variable: derivative}, "row" (M×N for an N×M variable) or
    "same" (of the variable's size); the page shows derivatives in that layout.  `weights`, `groups` and `fold` are
    those of `explore`.  The page works from disk, without network and without scripts.  Raises what `compare`
    and `explore` raise.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r}: there are {' and '.join(map(repr, LAYOUTS))}")
    if not isinstance(title, str):
        raise TypeError(f"title: a string, not a {type(title).__name__}")
    comparison = compare(d, hand, layout) if hand is not None else None
    about = About(d, layout, comparison, hand, marks=True)
    tape = about.tape
    picture = graph(tape, weights=weights, groups=groups, comparison=comparison)
    body = [f"<header><h1>{safe(one_line(title))}</h1><p>{_counts(about)}</p></header>", '<div class="explored">']
    if comparison:
        keys = {finding.name: about.key(tape[finding.name].index) for finding in comparison.findings}
        body += ["<section><h2>By hand against the tape</h2>", *found(comparison, keys), "</section>"]
    sizes = "row layout" if layout == "row" else "the sizes of their variables"
    body += [
        f"<section><h2>The tape</h2>{canvas(picture, fold, comparison)}</section>",
        "<section><h2>Forward</h2>",
        "<p>Every value with its equation and its size; below each its numbers, its derivative and what is added to it."
        f" Derivatives stand in {sizes}.</p>",
        *about.everything(),
        "</section>",
        "<section><h2>Backward</h2>",
        *_backward(about),
        "</section></div>",
    ]
    return Report(page(one_line(title), "\n".join(body)), comparison)


def _counts(about: About) -> str:
    seeds = ", ".join(f"∇{safe(one_line(about.tape.label(i)))}" for i in about.d.seeds)
    return f"{len(about.tape)} steps, walked back from {seeds}."


def _backward(about: About) -> Iterator[str]:
    """The walk, a row for every contribution."""
    d, walk = about.d, about.walk
    heads = (("No.", "n"), ("Derivative", "f"), ("Size", "v"), ("From", "v"))
    rows = [("", f"{formula(about.gradient(i))} given", _size(about, i), "") for i in d.seeds]
    for k, (n, operand, i, sign) in enumerate(walk, 1):
        rows.append((str(k), about.line(n, operand, i, sign), _size(about, i), about.step(n)))
    yield table(heads, [("", (k, f'<div class="scroll">{line}</div>', *rest)) for k, line, *rest in rows])
    if any(ONES.search(contribution_text(d.tape, n, operand, about.layout)) for n, operand, _, _ in walk):
        yield f"<p>{ABOUT_ONES}.</p>"


def _size(about: About, i: int) -> str:
    shape = about.tape.values[i].shape
    return size(shape[::-1] if about.layout == "row" else shape)
