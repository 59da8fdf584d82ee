"""The elements of a picture of a tape, and their colours."""

from __future__ import annotations

from typing import NamedTuple

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


class Box(NamedTuple):
    """kind: "step", "leaf", "folded" or "label"; cluster: its position in clusters; verdict: "own", "inherited", ""."""

    key: str
    lines: tuple[str, ...]
    kind: str
    cluster: int
    verdict: str = ""


class Edge(NamedTuple):
    tail: int
    head: int
    label: tuple[str, ...] = ()


class Cluster(NamedTuple):
    """A frame around boxes.  Parents stand before their children; the first one is the picture, with parent -1."""

    title: str
    parent: int
    time: bool = False  # whether it is a time step


class Drawing(NamedTuple):
    """side_by_side: boxes that Graphviz has to be told stand left and right of one another."""

    boxes: list[Box]
    edges: list[Edge]
    clusters: list[Cluster]
    side_by_side: list[tuple[int, int]]
