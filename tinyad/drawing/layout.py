"""The layout of a drawing where there is no Graphviz, and its SVG.

Columns stand from left to right by longest path.  A line runs level past the boxes and turns only between columns,
where each source has a channel of its own: no line crosses a box, and those of different sources meet only at heads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from unicodedata import combining, east_asian_width

from markupsafe import Markup

from tinyad.drawing.elements import BOXES, CLUSTERS, FONT, FORMULA, GREY, INK, LINE, Box, Drawing, Edge
from tinyad.printing.markup import filled, joined

SIZE, SMALL = 12.0, 10.0  # the letters of the first line in a box, and of all other lines; lengths are in pixels
MARGIN, TITLE, APART, LANE, NECK, CHANNEL, CORNER = 12.0, 16.0, 12.0, 10.0, 10.0, 7.0, 6.0
LEVEL = 0.87  # a line may be off by this and run on; no sum of sizes is this number, so rounding decides nothing
SWEEPS = 9  # odd, so that the last one goes forward

Turn = tuple[float, float]  # from which y, to which y


@dataclass(eq=False)
class Item:
    """A box, a cluster or a lane (where a line passes a column), of height 0.  x is its left side, y its middle."""

    width: float
    height: float
    cluster: bool = False
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    before: list[tuple[Item, float]] = field(default_factory=list)  # a neighbour, and how much lower than it
    after: list[tuple[Item, float]] = field(default_factory=list)  # this item's middle is when the line is straight

    @property
    def half(self) -> float:
        """Return half the height it takes up in its column."""
        return (self.height + APART if self.height else LANE) / 2


@dataclass(eq=False)
class Level:
    """The inside of a cluster: its items, and through which of them each edge runs."""

    items: list[Item] = field(default_factory=list)
    ends: dict[int, tuple[Item | None, Item | None]] = field(default_factory=dict)  # None: it crosses the frame
    through: dict[int, list[Item]] = field(default_factory=dict)
    channels: dict[tuple[int, int], float] = field(default_factory=dict)  # (gap, source) → x; gap k is before column k


class Layout:
    """A drawing with its places: an Item for each of its boxes and clusters, a list of points for each edge."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing = _with_label_boxes(drawing)
        self.boxes = [Item(*_size(box)) for box in drawing.boxes]
        self.clusters = [Item(0, 0, cluster=True) for _ in drawing.clusters]
        self.levels = [Level() for _ in drawing.clusters]
        self.ports: dict[tuple[Item, int], float] = {}  # cluster, edge: where it crosses the frame, below the middle
        self._nest()
        for c in range(len(self.levels) - 1, -1, -1):
            self._arrange(c)
        for frame, level in zip(self.clusters, self.levels, strict=True):
            for item in level.items:
                item.x, item.y = item.x + frame.x, item.y + frame.y
            level.channels = {at: x + frame.x for at, x in level.channels.items()}
        self.lines = [self._line(e) for e in range(len(drawing.edges))]

    def _nest(self) -> None:
        seen = set()
        for b in range(len(self.boxes)):
            for c, item in self._path(b):
                if item not in seen:
                    seen.add(item)
                    self.levels[c].items.append(item)
        for e, (tail, head, _) in enumerate(self.drawing.edges):
            start, end = dict(self._path(tail)), dict(self._path(head))
            for c in start | end:
                if start.get(c) is not end.get(c):
                    self.levels[c].ends[e] = start.get(c), end.get(c)

    def _path(self, b: int) -> Iterator[tuple[int, Item]]:
        """Return the clusters that a box is in, from the inside out, each with its item that is or holds the box."""
        c, item = self.drawing.boxes[b].cluster, self.boxes[b]
        while c >= 0:
            yield c, item
            c, item = self.drawing.clusters[c].parent, self.clusters[c]

    def _arrange(self, c: int) -> None:
        """Place the items of a cluster, from its left side and its middle, and so give it its size."""
        level, frame, title = self.levels[c], self.clusters[c], self.drawing.clusters[c].title
        _to_columns(level.items, list({(a, b): None for a, b in level.ends.values() if a and b}))
        columns: list[list[Item]] = [[] for _ in range(max((i.column for i in level.items), default=-1) + 1)]
        for item in level.items:
            columns[item.column].append(item)
        self._add_lanes(level, columns)
        _settle(columns)

        right = self._widen(c, columns)
        above = MARGIN + (TITLE if title else 0)
        top = min((item.y - item.half for item in level.items), default=0) + APART / 2 - above
        bottom = max((item.y + item.half for item in level.items), default=0) - APART / 2 + MARGIN
        frame.width, frame.height = max(right, _width(title, SMALL) + MARGIN) + MARGIN, bottom - top
        if c == 0:
            frame.y = frame.height / 2
        for item in level.items:
            item.y -= (top + bottom) / 2
        for e, (a, b) in level.ends.items():
            if a is None or b is None:
                last = level.through[e][0 if a is None else -1]
                self.ports[frame, e] = last.y + self.ports.get((last, e), 0)

    def _add_lanes(self, level: Level, columns: list[list[Item]]) -> None:
        """Add a lane in every column that an edge passes; edges from one box share theirs."""
        shared: dict[tuple[int, int], Item] = {}
        for e, (a, b) in level.ends.items():
            start, end = a.column if a else -1, b.column if b else len(columns)
            lanes = []
            for k in range(start + 1, end) if start < end else range(start, end - 1, -1):
                key = self.drawing.edges[e].tail, k
                if key not in shared:
                    shared[key] = Item(0, 0, column=k)
                    columns[k].append(shared[key])
                    level.items.append(shared[key])
                lanes.append(shared[key])
            level.through[e] = [item for item in (a, *lanes, b) if item]
            for left, right in pairwise(level.through[e]):
                if right.height or not right.before:  # a shared lane counts once
                    drop = self.ports.get((left, e), 0) - self.ports.get((right, e), 0)
                    if left.cluster and right.cluster:
                        drop = 0  # time steps in a row look better than straight lines between them
                    right.before.append((left, drop))
                    left.after.append((right, -drop))

    def _widen(self, c: int, columns: list[list[Item]]) -> float:
        """Place columns and channels from left to right; return where they end."""
        level = self.levels[c]
        turns: list[dict[int, dict[Turn, None]]] = [{} for _ in range(len(columns) + 1)]
        for e in level.ends:
            for gap, start, end in self._turns(c, e):
                turns[gap].setdefault(self.drawing.edges[e].tail, {})[start, end] = None
        x = MARGIN
        for k in range(len(columns) + 1):
            sources = _in_channels(turns[k])
            level.channels.update({(k, source): x + NECK + n * CHANNEL for n, source in enumerate(sources)})
            if sources or 0 < k < len(columns):
                x += 2.5 * NECK + CHANNEL * max(len(sources) - 1, 0)
            if k < len(columns):
                width = max(item.width for item in columns[k])
                for item in columns[k]:
                    item.x = x + (width - item.width) / 2
                x += width
        return x

    def _turns(self, c: int, e: int) -> Iterator[tuple[int, float, float]]:
        """Return where an edge turns in a cluster: the gap, from which y, to which y."""
        level = self.levels[c]
        a, b = level.ends[e]
        back = a is not None and b is not None and b.column <= a.column
        for left, right in pairwise(level.through[e]):
            gap = right.column if not back else left.column + (left is a)
            start, end = left.y + self.ports.get((left, e), 0), right.y + self.ports.get((right, e), 0)
            if abs(start - end) > LEVEL:
                yield gap, start, end

    def _line(self, e: int) -> list[tuple[float, float]]:
        tail, head, _ = self.drawing.edges[e]
        up = [c for c, _ in self._path(tail)]
        down = [c for c, _ in self._path(head) if c not in up]
        a, b = self.boxes[tail], self.boxes[head]
        points = [(a.x + a.width, a.y)]
        for c in (*up, *reversed(down)):
            if e in self.levels[c].ends:
                for gap, start, end in self._turns(c, e):
                    x = self.levels[c].channels[gap, tail]
                    points += [(x, start), (x, end)]
        return [*points, (b.x, b.y)]


def _with_label_boxes(drawing: Drawing) -> Drawing:
    """Return the label of an edge as a box on its way, next to its head: so it gets a place like any other."""
    boxes, edges = list(drawing.boxes), []
    for tail, head, label in drawing.edges:
        if label:
            edges.append(Edge(tail, len(boxes)))
            tail = len(boxes)
            boxes.append(Box("", label, "label", drawing.boxes[head].cluster))
        edges.append(Edge(tail, head))
    return drawing._replace(boxes=boxes, edges=edges)


def _to_columns(items: list[Item], links: list[tuple[Item, Item]]) -> None:
    """Give each item its column by longest path: a box is as far right, near its users, and a cluster as far left
    as that allows."""
    into: dict[Item, list[Item]] = defaultdict(list)
    out: dict[Item, list[Item]] = defaultdict(list)
    for a, b in links:
        into[b].append(a)
        out[a].append(b)
    rank = {item: k for k, item in enumerate(items)}
    missing = {item: len(into[item]) for item in items}
    ready = [(missing[item] > 0, k) for k, item in enumerate(items)]
    heapify(ready)
    order: dict[Item, int] = {}
    while ready:
        # Folded groups can need each other: then the first of them goes first, and some lines run back.
        item = items[heappop(ready)[1]]
        if item not in order:
            order[item] = len(order)
            for b in out[item]:
                missing[b] -= 1
                if missing[b] == 0:
                    heappush(ready, (False, rank[b]))
    for item in order:
        item.column = max((a.column + 1 for a in into[item] if order[a] < order[item]), default=0)
    for item in reversed(order):
        if not item.cluster:
            item.column = min((b.column for b in out[item] if order[b] > order[item]), default=item.column + 1) - 1


def _settle(columns: list[list[Item]]) -> None:
    """Order the columns and place their items, each as level with its neighbours as the others allow."""
    for column in columns:
        _stack(column, [0.0] * len(column))
    for sweep in range(SWEEPS):
        back = sweep % 2 == 1
        for column in reversed(columns) if back else columns:
            wishes = {}
            for item in column:
                levels = sorted(other.y + drop for other, drop in (item.after if back else item.before))
                middle = len(levels) // 2
                wishes[item] = (levels[middle] + levels[~middle]) / 2 if levels else item.y
            if sweep < SWEEPS - 3:
                column.sort(key=wishes.__getitem__)
            _stack(column, [wishes[item] for item in column])


def _stack(column: list[Item], wishes: list[float]) -> None:
    """Place items one under another, as near to their wishes as possible (least squares: pool adjacent violators)."""
    pools: list[tuple[float, int, int]] = []  # of items that touch: where they would start, their weight, their number
    start, starts = 0.0, []
    for item, wish in zip(column, wishes, strict=True):
        starts.append(start + item.half)
        mean, weight, number = wish - starts[-1], 8 if item.height else 1, 1
        start = starts[-1] + item.half
        while pools and pools[-1][0] > mean:
            other, w, n = pools.pop()
            mean, weight, number = (mean * weight + other * w) / (weight + w), weight + w, number + n
        pools.append((mean, weight, number))
    shifts = [mean for mean, _, number in pools for _ in range(number)]
    for item, start, shift in zip(column, starts, shifts, strict=True):
        item.y = start + shift


def _in_channels(turns: dict[int, dict[Turn, None]]) -> list[int]:
    """Order the sources that turn in a gap, from left to right, so that few lines cross and none run in one another."""
    order: list[int] = []
    for source in turns:
        best, gain, least = len(order), 0, 0
        for k in range(len(order) - 1, -1, -1):
            gain += _crossings(turns[source], turns[order[k]]) - _crossings(turns[order[k]], turns[source])
            if gain < least:
                best, least = k, gain
        order.insert(best, source)
    return order


def _crossings(left: Iterable[Turn], right: Collection[Turn]) -> int:
    """Return the cost of one source's channel being left of another's."""
    return sum(
        (min(s, e) < end < max(s, e)) + (min(start, end) < s < max(start, end)) + 9 * (abs(end - s) < 2)
        for start, end in left
        for s, e in right
    )


def _size(box: Box) -> tuple[float, float]:
    sizes = [SMALL if n or box.kind == "label" else SIZE for n in range(len(box.lines))]
    width = max(_width(line, size) for line, size in zip(box.lines, sizes, strict=True))
    if box.kind == "label":
        return width + 4, sum(sizes) + 4
    return max(width + 18, 50), sum(sizes) + 3 * len(sizes) + 9


def _width(text: str, size: float) -> float:
    """Estimate the width of a text: there are no fonts to measure, so rather too much."""

    def of(c: str) -> float:
        if combining(c):
            return 0
        if east_asian_width(c) in "WF":
            return 1
        return 0.32 if c in " ijlI.,:;'|!()[]" else 0.9 if c in "mwMW@%∇" else 0.72 if c.isupper() else 0.6

    return sum(map(of, text)) * size


def svg(drawing: Drawing) -> Markup:
    """Return the drawing as SVG; what its groups stand for is in their data attributes, for scripts that fold."""
    layout = Layout(drawing)
    picture = layout.clusters[0]
    size = Markup('width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.1f} {1:.1f}"').format(
        picture.width, picture.height
    )
    first = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" {} font-family="{}" font-size="{:g}" text-anchor="middle" '
        'xml:space="preserve">'
    ).format(size, FONT, SIZE)
    parts = [first, _rectangle(picture, "#ffffff", "none")]
    boxes = layout.drawing.boxes
    for c, (cluster, frame) in list(enumerate(zip(layout.drawing.clusters, layout.clusters, strict=True)))[1:]:
        kind = "frame time" if cluster.time else "frame"
        parts += [
            filled('<g class="%s" data-frame="%s" data-parent="%s">', kind, c, cluster.parent),
            _rectangle(frame, *CLUSTERS[cluster.parent > 0], radius=6),
            _title(frame.x + MARGIN, frame.y - frame.height / 2 + TITLE, cluster.title) + Markup("</g>"),
        ]
    for edge, line in zip(layout.drawing.edges, layout.lines, strict=True):
        ends = boxes[edge.tail].key, boxes[edge.head].key
        arrow = _arrow(line, boxes[edge.head].kind != "label")
        parts.append(filled('<g class="edge" data-tail="%s" data-head="%s">%s</g>', *ends, arrow))
    for box, place in zip(boxes, layout.boxes, strict=True):
        kind, inside = f"box {box.kind} {box.verdict}".rstrip(), joined(_box(box, place), "\n")
        group = '<g class="%s" data-key="%s" data-frame="%s">%s</g>'
        parts.append(filled(group, kind, box.key, box.cluster, inside))
    return joined([*parts, Markup("</svg>\n")], "\n")


def _box(box: Box, place: Item) -> Iterator[Markup]:
    label, y = box.kind == "label", place.y - place.height / 2 + (2 if box.kind == "label" else 6)
    if not label:
        look = BOXES[box.verdict or box.kind]
        yield _rectangle(place, *look, radius=12 if box.kind == "leaf" else 2)
        if box.kind == "folded":
            inner = Item(place.width - 6, place.height - 6, x=place.x + 3, y=place.y)
            yield _rectangle(inner, "none", look[1], radius=2)
    for n, line in enumerate(box.lines):
        size = SMALL if n or label else SIZE
        colour = FORMULA if label else GREY if n and box.verdict != "own" else INK  # grey on red is hard to read
        y += size + (0 if label else 1.5)
        text = '<text x="%.1f" y="%.1f" font-size="%g" fill="%s">%s</text>'
        yield filled(text, place.x + place.width / 2, y - 2, size, colour, line)
        y += 0 if label else 1.5


def _rectangle(item: Item, fill: str, frame: str, radius: float = 0) -> Markup:
    sides = item.x, item.y - item.height / 2, item.width, item.height
    rectangle = '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%g" fill="%s" stroke="%s"/>'
    return filled(rectangle, *sides, radius, fill, frame)


def _title(x: float, y: float, text: str) -> Markup:
    title = '<text x="%.1f" y="%.1f" font-size="%g" fill="%s" text-anchor="start" font-weight="bold">%s</text>'
    return filled(title, x, y, SMALL, GREY, text)


def _arrow(line: list[tuple[float, float]], head: bool) -> Markup:
    """Return the line with rounded corners; without a head where it goes on behind a label."""
    end, y = line[-1]
    line = [*line[:-1], (end - 5 * head, y)]
    path = "M{:.1f} {:.1f}".format(*line[0])
    for before, corner, after in zip(line, line[1:], line[2:], strict=False):
        near, far = _towards(before, corner), _towards(after, corner)
        path += "L{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}".format(*near, *corner, *far)
    path += "L{:.1f} {:.1f}".format(*line[-1])
    drawn = filled('<path d="%s" fill="none" stroke="%s"/>', path, LINE)
    arrow = filled('\n<path d="M%.1f %.1fl-7 -3v6z" fill="%s"/>', end, y, LINE)
    return drawn + arrow if head else drawn


def _towards(start: tuple[float, float], corner: tuple[float, float]) -> tuple[float, float]:
    """Return where the line from `start` begins to round the corner."""
    (x0, y0), (x, y) = start, corner
    part = min(CORNER / max(abs(x - x0) + abs(y - y0), 1e-9), 0.5)
    return x + (x0 - x) * part, y + (y0 - y) * part
