"""What a picture of a tape consists of, and a layout of our own for where there is no Graphviz: columns from left to
right, by longest path; lines run level beside the boxes of a column and bend only between columns.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from html import escape
from typing import NamedTuple
from unicodedata import combining, east_asian_width

FONT = "Helvetica,Arial,sans-serif"
TEXT, QUIET, LINE = "#1f2933", "#5b6773", "#8795a1"
CLUSTERS = ("#f4f6f8", "#e6ebf1")  # a time step, a group inside it
LOOK = {  # kind of box or verdict on it → fill, frame
    "step": ("#ffffff", "#7b8794"),
    "leaf": ("#e3f0fb", "#5a8fc0"),
    "folded": ("#eceaf6", "#8478b8"),
    "own": ("#f6a5a0", "#b3261e"),
    "inherited": ("#ffe9b0", "#c28e0e"),
}

SIZE, SMALL = 12.0, 10.0  # of the first line of a box and of the others; all lengths are pixels
PAD, TITLE, GAP, LANE, APART = 12.0, 18.0, 34.0, 9.0, 12.0
SWEEPS = 8


class Box(NamedTuple):
    """kind: "step", "leaf", "folded" or "label"; verdict: "own", "inherited" or ""; cluster: a position in clusters."""

    key: str
    lines: tuple[str, ...]
    kind: str
    cluster: int
    verdict: str = ""


class Edge(NamedTuple):
    """From box to box, by position; one that ends in a label has no head."""

    tail: int
    head: int
    label: str = ""


class Cluster(NamedTuple):
    """A frame around boxes; a parent stands before its children, and the first one, the picture, has parent -1."""

    title: str
    parent: int


class Drawing(NamedTuple):
    boxes: list[Box]
    edges: list[Edge]
    clusters: list[Cluster]


@dataclass(eq=False)
class Item:
    """A box, a cluster or a lane (the place of a line beside the boxes) in a column.

    x is its left side and y its middle, first within its cluster, at the end within the picture; half is half the
    height that it is given.
    """

    width: float
    height: float
    half: float
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    before: list[tuple[Item, float]] = field(default_factory=list)  # neighbour, and how much lower its middle
    after: list[tuple[Item, float]] = field(default_factory=list)  # would have to be for a straight line


@dataclass(eq=False)
class Level:
    """The inside of a cluster: its items, and how each edge runs through it."""

    items: list[Item] = field(default_factory=list)
    ends: dict[int, tuple[Item | None, Item | None]] = field(default_factory=dict)  # edge → from, to; None: outside
    lanes: dict[int, list[Item]] = field(default_factory=dict)
    columns: list[tuple[float, float]] = field(default_factory=list)  # left and right side


class Layout:
    """The places of everything in a drawing: of `boxes` and `clusters` as Items, of `lines` as points."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing = _with_labels(drawing)
        self.boxes = [Item(*_box_size(box)) for box in drawing.boxes]
        self.clusters = [Item(0, 0, 0) for _ in drawing.clusters]
        self.levels = [Level() for _ in drawing.clusters]
        self.paths = [self._path(box) for box in drawing.boxes]
        self._sort_out()
        for c in range(len(self.levels) - 1, -1, -1):
            self._arrange(c)
        for c, level in enumerate(self.levels):
            frame = self.clusters[c]
            for item in level.items + [lane for lanes in level.lanes.values() for lane in lanes]:
                item.height = item.height  # lanes of several edges are met more than once
            self._shift(level, frame.x, frame.y - frame.height / 2)
        self.lines = [self._line(e) for e in range(len(drawing.edges))]
