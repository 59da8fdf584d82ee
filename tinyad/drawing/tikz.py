"""A drawing as TikZ, in the layout of our own: a document of LaTeX, names as the printer writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tinyad.drawing.elements import BOXES, CLUSTERS, FORMULA, GREY, INK, LINE, Box
from tinyad.drawing.layout import CORNER, SIZE, SMALL, TITLE, Item
from tinyad.drawing.paper import Paper
from tinyad.printing.notation import LATEX

DOCUMENT = r"""%% A picture by tinyad.  Compile it as it is; or, in a document with these packages, use what stands
%% between \begin{document} and \end{document}.  Names in letters that LaTeX does not know need lualatex.
\documentclass[tikz]{standalone}
\usepackage[T1]{fontenc}
\usepackage{lmodern, amsmath}
\usetikzlibrary{arrows.meta}
\begin{document}
%s
\end{document}
"""
COLOURS = {"ink": INK, "grey": GREY, "line": LINE, "formula": FORMULA}
LOOKS = {**BOXES, "time": CLUSTERS[0], "group": CLUSTERS[1]}  # fill, edge
ROUND = {"leaf": 12.0, "time": 6.0, "group": 6.0}  # corners, in pixels; the others have 2
STYLES = r"""
  tinyad letters/.style={inner sep=0pt, align=center, font=\fontsize{%(large)s}{%(large line)s}\selectfont},
  tinyad small/.style={inner sep=0pt, align=center, font=\fontsize{%(small)s}{%(small line)s}\selectfont},
  tinyad box/.style={tinyad letters, text=tinyadink}, tinyad label/.style={tinyad small, text=tinyadformula},
  tinyad title/.style={tinyad small, text=tinyadgrey, anchor=base west},
  tinyad line/.style={draw=tinyadline, rounded corners=%(turn)s},
  tinyad arrow/.style={tinyad line, -{Latex[length=%(head)s, width=%(head width)s]}},"""
SMALLER = (
    r"\def\tinyadsmall#1#2{{\fontsize{%(small)s}{%(small line)s}\selectfont\color{tinyad#1}#2}}"  # a colour, a text
)
LENGTHS = {
    "large": SIZE, "large line": SIZE + 3, "small": SMALL, "small line": SMALL + 3, "turn": CORNER, "head": 7.0,
    "head width": 6.0, "pixel": 1.0, "double": 2.0,
}  # fmt: skip


def tikz(paper: Paper) -> str:
    """Return a picture as a document of LaTeX."""
    return DOCUMENT % "\n".join([*_look(paper.scale), *_picture(paper), r"\end{tikzpicture}"])


def _look(scale: float) -> Iterator[str]:
    """Yield the colours and styles, which a reader may want to change."""
    of = {name: _points(length, scale) for name, length in LENGTHS.items()}
    colours = COLOURS | {kind: fill for kind, (fill, _) in LOOKS.items()}
    colours |= {f"{kind}edge": edge for kind, (_, edge) in LOOKS.items()}
    for name, colour in colours.items():
        yield rf"\definecolor{{tinyad{name}}}{{HTML}}{{{colour[1:].upper()}}}"
    yield SMALLER % of
    yield rf"\begin{{tikzpicture}}[x={of['pixel']}, y=-{of['pixel']}, line width={of['pixel']},"
    yield STYLES.strip("\n") % of
    for kind in LOOKS:
        corners = f"rounded corners={_points(ROUND.get(kind, 2.0), scale)}"
        double = f", double, double distance={of['double']}" if kind == "folded" else ""
        yield f"  tinyad {kind}/.style={{draw=tinyad{kind}edge, fill=tinyad{kind}, {corners}{double}}},"
    yield "]"


def _picture(paper: Paper) -> Iterator[str]:
    layout, scale, side = paper
    drawing, picture = layout.drawing, layout.clusters[0]
    yield rf"\useasboundingbox ({0 - round(side, 1):g}, 0) rectangle {_point(picture.width + side, picture.height)};"
    for cluster, frame in list(zip(drawing.clusters, layout.clusters, strict=True))[1:]:
        top, kind = frame.y - frame.height / 2, "group" if cluster.parent else "time"
        corners = _point(frame.x, top), _point(frame.x + frame.width, top + frame.height)
        yield rf"\path[tinyad {kind}] {corners[0]} rectangle {corners[1]};"
        title = rf"\bfseries ${LATEX.word(cluster.title)}$"
        yield rf"\node[tinyad title] at {_point(frame.x + frame.title, top + TITLE)} {{{title}}};"
    for edge, line in zip(drawing.edges, layout.lines, strict=True):
        look = "line" if drawing.boxes[edge.head].kind == "label" else "arrow"
        shortest = min(abs(x1 - x) + abs(y1 - y) for (x, y), (x1, y1) in pairwise(line))
        turn = f", rounded corners={_points(shortest / 2, scale)}" if shortest < 2 * CORNER else ""
        yield rf"\draw[tinyad {look}{turn}] {' -- '.join(_point(*point) for point in line)};"
    for box, place in zip(drawing.boxes, layout.boxes, strict=True):
        yield _node(box, place, scale)


def _node(box: Box, place: Item, scale: float) -> str:
    formulas = [f"${line}$" for line in box.latex or map(LATEX.word, box.lines)]
    at = _point(place.x + place.width / 2, place.y)
    if box.kind == "label":
        return rf"\node[tinyad label] at {at} {{{_lines(formulas)}}};"
    colour = "ink" if box.verdict == "own" else "grey"  # grey on red is hard to read
    small = [rf"\tinyadsmall{{{colour}}}{{{line}}}" for line in formulas[box.large :]]
    sides = f"minimum width={_points(place.width, scale)}, minimum height={_points(place.height, scale)}"
    look = f"tinyad box, tinyad {box.verdict or box.kind}, {sides}"
    return rf"\node[{look}] ({box.key}) at {at} {{{_lines([*formulas[: box.large], *small])}}};"


def _lines(formulas: Sequence[str]) -> str:
    return r" \\ ".join(formulas)


def _point(x: float, y: float) -> str:
    return f"({x:.1f}, {y:.1f})"


def _points(pixels: float, scale: float) -> str:
    return f"{pixels * scale:.5g}bp"
