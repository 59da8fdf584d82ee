"""A drawing of a tape to look around in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markupsafe import Markup

from tinyad.drawing.graph import Graph, WrongSteps, frames_of, graph
from tinyad.drawing.svg import svg
from tinyad.engine.derivatives import Derivatives
from tinyad.html.page import NOTHING, fragment, lines, resource
from tinyad.html.value_details import ValueDetails
from tinyad.printing.markup import filled

LEGEND = "Red: the line of this step is wrong by hand. Yellow: a derivative has only inherited a mistake."


class Explorer:
    """A drawing that a notebook shows; `html` is the same as a self-contained fragment of HTML."""

    def __init__(self, picture: Graph, html: str) -> None:
        self.picture, self.html = picture, html

    def _repr_html_(self) -> str:
        return self.html

    def _repr_svg_(self) -> str:
        return svg(self.picture.drawing)

    def __repr__(self) -> str:
        return f"Explorer({self.picture!r})"


def explore(
    d: Derivatives,
    *,
    weights: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    fold: Iterable[str | int] | None = None,
    comparison: WrongSteps | None = None,
) -> Explorer:
    """Draw the tape of a backward pass, to look around in.

    A click on a step shows its rule, its size, its value, its derivative in row layout and every contribution to it;
    a click on the title of a time step or a group folds it.  Where scripts are stripped it is a plain SVG with a list
    of the steps below.  The options are those of `graph`; `fold` is what is folded at first, without it as much as lets
    all of the drawing be seen in the window.  Raises what `graph` raises, and ValueError for more than 2,000 steps.
    """
    details = ValueDetails(d, comparison=comparison)
    picture = graph(details.tape, weights=weights, groups=groups, comparison=comparison)
    listed = filled("<details><summary>Every value</summary>\n%s\n</details>", lines(details.everything()))
    inside = filled('<div class="explored">%s\n%s</div>', canvas(picture, fold, comparison), listed)
    return Explorer(picture, fragment(inside, resource("explore.js")))


def canvas(picture: Graph, fold: Iterable[str | int] | None, comparison: WrongSteps | None = None) -> Markup:
    """Return the drawing, to which the script adds its own elements; `fold` as in `explore`.

    It opens at the first wrong step of a comparison.
    """
    folded = NOTHING if fold is None else filled(' data-fold="%s"', " ".join(map(str, frames_of(picture, fold))))
    wrong = comparison.wrong_steps if comparison else {}
    first = max((n for n, kind in wrong.items() if kind == "own"), default=0)
    begin = filled(' data-choose="step_%s"', first) if first else NOTHING
    legend = filled("<p>%s</p>", LEGEND) if wrong else NOTHING
    return filled(
        '<div class="graph"%s%s><div class="view">%s</div>%s</div>', folded, begin, svg(picture.drawing), legend
    )
