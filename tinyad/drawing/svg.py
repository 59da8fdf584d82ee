"""A drawing as SVG, in the layout of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from markupsafe import Markup

from tinyad.drawing.elements import BOXES, CLUSTERS, FONT, GREY, LINE, Box, Drawing
from tinyad.drawing.layout import SIZE, SMALL, TITLE, Item, Layout, Point, placed_lines, rounded
from tinyad.drawing.paper import MM, Paper
from tinyad.printing.markup import filled, joined


def svg(drawing: Drawing) -> Markup:
    """Return the drawing as SVG; what its groups stand for is in their data attributes, for scripts that fold."""
    layout = Layout(drawing)
    picture = layout.clusters[0]
    return _drawn(layout, filled('width="%.0f" height="%.0f"', picture.width, picture.height))


def svg_on_paper(paper: Paper) -> Markup:
    """Return the same with its sides in millimetres."""
    size = filled('width="%.2fmm" height="%.2fmm"', *(side / MM for side in paper.sides))
    return _drawn(paper.layout, size, paper.side)


def _drawn(layout: Layout, size: Markup, side: float = 0.0) -> Markup:
    picture = layout.clusters[0]
    sides = 0 - round(side, 1), picture.width + 2 * side, picture.height
    first = filled(
        '<svg xmlns="http://www.w3.org/2000/svg" %s viewBox="%g 0 %.1f %.1f" font-family="%s" font-size="%g" '
        'text-anchor="middle" xml:space="preserve">',
        size, *sides, FONT, SIZE,
    )  # fmt: skip
    parts = [first, _rectangle(replace(picture, x=picture.x - side, width=sides[1]), "#ffffff", "none")]
    boxes = layout.drawing.boxes
    for c, (cluster, frame) in list(enumerate(zip(layout.drawing.clusters, layout.clusters, strict=True)))[1:]:
        kind = "frame time" if cluster.time else "frame"
        parts += [
            filled('<g class="%s" data-frame="%s" data-parent="%s">', kind, c, cluster.parent),
            _rectangle(frame, *CLUSTERS[cluster.parent > 0], radius=6),
            _title(frame.x + frame.title, frame.y - frame.height / 2 + TITLE, cluster.title) + Markup("</g>"),
        ]
    for edge, line in zip(layout.drawing.edges, layout.lines, strict=True):
        ends = boxes[edge.tail].key, boxes[edge.head].key
        arrow = _arrow(line, boxes[edge.head].kind != "label", layout.down)
        parts.append(filled('<g class="edge" data-tail="%s" data-head="%s">%s</g>', *ends, arrow))
    for box, place in zip(boxes, layout.boxes, strict=True):
        kind, inside = f"box {box.kind} {box.verdict}".rstrip(), joined(_box(box, place), "\n")
        group = '<g class="%s" data-key="%s" data-frame="%s">%s</g>'
        parts.append(filled(group, kind, box.key, box.cluster, inside))
    return joined([*parts, Markup("</svg>\n")], "\n")


def _box(box: Box, place: Item) -> Iterator[Markup]:
    if box.kind != "label":
        look = BOXES[box.verdict or box.kind]
        yield _rectangle(place, *look, radius=12 if box.kind == "leaf" else 2)
        if box.kind == "folded":
            inner = Item(place.width - 6, place.height - 6, x=place.x + 3, y=place.y)
            yield _rectangle(inner, "none", look[1], radius=2)
    for line, (x, y, size, colour) in zip(box.lines, placed_lines(box, place), strict=True):
        text = '<text x="%.1f" y="%.1f" font-size="%g" fill="%s">%s</text>'
        yield filled(text, x, y, size, colour, line)


def _rectangle(item: Item, fill: str, frame: str, radius: float = 0) -> Markup:
    sides = item.x, item.y - item.height / 2, item.width, item.height
    rectangle = '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%g" fill="%s" stroke="%s"/>'
    return filled(rectangle, *sides, radius, fill, frame)


def _title(x: float, y: float, text: str) -> Markup:
    title = '<text x="%.1f" y="%.1f" font-size="%g" fill="%s" text-anchor="start" font-weight="bold">%s</text>'
    return filled(title, x, y, SMALL, GREY, text)


def _arrow(line: list[Point], head: bool, down: bool) -> Markup:
    """Return the line with rounded corners; without a head where it goes on behind a label."""
    end, y = line[-1]
    line = [*line[:-1], (end - 5 * head * (not down), y - 5 * head * down)]
    path = "M{:.1f} {:.1f}".format(*line[0])
    for near, corner, far in rounded(line):
        path += "L{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}".format(*near, *corner, *far)
    path += "L{:.1f} {:.1f}".format(*line[-1])
    drawn = filled('<path d="%s" fill="none" stroke="%s"/>', path, LINE)
    arrow = filled('\n<path d="M%.1f %.1fl%s" fill="%s"/>', end, y, "-3 -7h6z" if down else "-7 -3v6z", LINE)
    return drawn + arrow if head else drawn
