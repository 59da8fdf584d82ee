"""The elements of a picture of a tape, and their colours."""

from __future__ import annotations

import re
from typing import NamedTuple

from tinyad.drawing.letters import formula_width
from tinyad.printing import wrapped

FONT = "Helvetica,Arial,sans-serif"
INK, GREY, LINE, FORMULA = "#1f2933", "#616e7c", "#8795a1", "#8a3b12"
CLUSTERS = (("#f5f7fa", "#cbd2d9"), ("#e8edf3", "#b8c4d0"))  # a time step, a group inside it: fill, frame
BOXES = {  # kind of a box, or verdict on it: fill, frame
    "step": ("#ffffff", "#7b8794"),
    "leaf": ("#e1effb", "#5a8fc0"),
    "folded": ("#ece9f7", "#8478b8"),
    "own": ("#f4a19b", "#b3261e"),
    "inherited": ("#ffe8ad", "#c28e0e"),
}

TEXTUAL = re.compile(r"\\(textbackslash|\^|~)|[^\x00-\x7f]")  # what matplotlib cannot set in a formula
CHARACTER = 0.6  # how wide one is, of its height


class Box(NamedTuple):
    """A value, or a folded frame.

    kind: "step", "leaf", "folded" or "label"; cluster: its position in clusters; verdict: "own", "inherited", "".
    latex: the lines as formulas of LaTeX, () if they are none.  The first `large` lines have large letters.
    """

    key: str
    lines: tuple[str, ...]
    kind: str
    cluster: int
    verdict: str = ""
    latex: tuple[str, ...] = ()
    large: int = 1


class Edge(NamedTuple):
    tail: int
    head: int
    label: tuple[str, ...] = ()
    latex: tuple[str, ...] = ()


class Cluster(NamedTuple):
    """A frame around boxes.  Parents stand before their children; the first one is the picture, with parent -1."""

    title: str
    parent: int
    time: bool = False  # whether it is a time step


class Drawing(NamedTuple):
    """side_by_side: boxes that Graphviz has to be told stand one after the other; direction: "right" or "down"."""

    boxes: list[Box]
    edges: list[Edge]
    clusters: list[Cluster]
    side_by_side: list[tuple[int, int]]
    direction: str = "right"


def formulas_of(box: Box) -> list[str]:
    """Return the lines of a box as formulas of LaTeX; "" for one that is set as text."""
    return ["" if TEXTUAL.search(line) else line for line in box.latex] or [""] * len(box.lines)


def in_lines(drawing: Drawing, longest: int, as_text: bool = True) -> Drawing:
    """Return the drawing with its formulas, which are printed breakable, in lines of at most so many characters.

    These are the characters of the text, or as many as the line is long as LaTeX sets it.
    """

    def length(text: str, latex: str) -> float:
        return len(text) if as_text else formula_width(latex) / CHARACTER

    boxes = []
    for box in drawing.boxes:
        if box.large and box.latex:
            text, latex = wrapped.in_lines(box.lines[0], box.latex[0], longest, length)
            lines = (*text, *box.lines[1:]), (*latex, *box.latex[1:])
            box = box._replace(lines=lines[0], latex=lines[1], large=len(text))
        boxes.append(box)
    return drawing._replace(boxes=boxes)
