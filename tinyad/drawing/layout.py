"""The layout of a drawing: where its boxes, frames and lines stand.

Columns stand from left to right by longest path.  A line runs level past the boxes and turns only between columns,
where each source has a channel of its own: no line crosses a box, and those of different sources meet only at heads.
A drawing that goes down is laid out in the same way, and then x and y are exchanged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise

from tinyad.drawing.elements import FORMULA, GREY, INK, Box, Drawing, Edge, formulas_of
from tinyad.drawing.letters import formula_width, text_width

SIZE, SMALL = 12.0, 10.0  # the letters of the large lines of a box, and of all others; lengths are in pixels
MARGIN, TITLE, APART, LANE, NECK, CHANNEL, CORNER = 12.0, 16.0, 12.0, 10.0, 10.0, 7.0, 6.0
LEVEL = 0.87  # a line may be off by this and run on; no sum of sizes is this number, so rounding decides nothing
SWEEPS = 9  # odd, so that the last one goes forward

Point = tuple[float, float]
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
    title: float = MARGIN  # of a cluster: how far its title stands from its left side
    before: list[tuple[Item, float]] = field(default_factory=list)  # a neighbour, and how much lower than it
    after: list[tuple[Item, float]] = field(default_factory=list)  # this item's middle is when the line is straight

    @property
    def half(self) -> float:
        """Return half the height it takes up in its column."""
        return (self.height + APART if self.height else LANE) / 2

    def exchange(self) -> None:
        """Exchange x and y."""
        left, middle = self.y - self.height / 2, self.x + self.width / 2
        self.x, self.y, self.width, self.height = left, middle, self.height, self.width


@dataclass(eq=False)
class Level:
    """The inside of a cluster: its items, and through which of them each edge runs."""

    items: list[Item] = field(default_factory=list)
    ends: dict[int, tuple[Item | None, Item | None]] = field(default_factory=dict)  # None: it crosses the frame
    through: dict[int, list[Item]] = field(default_factory=dict)
    channels: dict[tuple[int, int], float] = field(default_factory=dict)  # (gap, source) → x; gap k is before column k


class Layout:
    """A drawing with its places: an Item for each of its boxes and clusters, a list of points for each edge.

    Boxes have room for their lines `as_text`, or as LaTeX sets them.
    """

    def __init__(self, drawing: Drawing, as_text: bool = True) -> None:
        self.drawing = drawing = _with_label_boxes(drawing)
        self.down = drawing.direction == "down"
        sides = [_size(box, as_text) for box in drawing.boxes]
        self.boxes = [Item(height, width) if self.down else Item(width, height) for width, height in sides]
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
        if self.down:
            for item in (*self.boxes, *self.clusters):
                item.exchange()
            self.lines = [[(y, x) for x, y in line] for line in self.lines]

    @property
    def smallest_letters(self) -> float:
        """Return the size of the smallest letters that it shows."""
        titled = any(cluster.title for cluster in self.drawing.clusters)
        small = any(box.kind == "label" or len(box.lines) > box.large for box in self.drawing.boxes)
        return SMALL if titled or small else SIZE

    def _nest(self) -> None:
        seen = set()
        for b in range(len(self.boxes)):
            for c, item in self._path(b):
                if item not in seen:
                    seen.add(item)
                    self.levels[c].items.append(item)
        for e, (tail, head, *_) in enumerate(self.drawing.edges):
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

        room, across = TITLE if title else 0.0, text_width(title) * SMALL
        right = self._widen(c, columns, MARGIN + room * self.down)
        top = min((item.y - item.half for item in level.items), default=0) + APART / 2 - MARGIN
        bottom = max((item.y + item.half for item in level.items), default=0) - APART / 2 + MARGIN
        if self.down:
            top, bottom = (
                min(top, (top + bottom - across) / 2 - MARGIN),
                max(bottom, (top + bottom + across) / 2 + MARGIN),
            )
            at = self._beside_lines(level, across, top + MARGIN, bottom - MARGIN) if title else top + MARGIN
            top = min(top, at - MARGIN)
            frame.title = at - top
        else:
            top, right = top - room, max(right, across + MARGIN)
        frame.width, frame.height = right + MARGIN, bottom - top
        if c == 0:
            frame.y = frame.height / 2
        for item in level.items:
            item.y -= (top + bottom) / 2
        for e, (a, b) in level.ends.items():
            if a is None or b is None:
                last = level.through[e][0 if a is None else -1]
                self.ports[frame, e] = last.y + self.ports.get((last, e), 0)

    def _beside_lines(self, level: Level, width: float, start: float, stop: float) -> float:
        """Return where a title of this width begins, above the items and between the lines that come in there."""
        lines = sorted(
            through[0].y + self.ports.get((through[0], e), 0)
            for e, through in level.through.items()
            if level.ends[e][0] is None
        )
        clear = CORNER / 2
        for before, after in pairwise([start - clear, *lines, stop + clear]):
            if after - before >= width + 2 * clear - LEVEL:  # rounding decides nothing
                return before + clear
        return lines[0] - clear - width

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

    def _widen(self, c: int, columns: list[list[Item]], x: float) -> float:
        """Place columns and channels from left, x, to right; return where they end."""
        level = self.levels[c]
        turns: list[dict[int, dict[Turn, None]]] = [{} for _ in range(len(columns) + 1)]
        for e in level.ends:
            for gap, start, end in self._turns(c, e):
                turns[gap].setdefault(self.drawing.edges[e].tail, {})[start, end] = None
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

    def _line(self, e: int) -> list[Point]:
        tail, head, *_ = self.drawing.edges[e]
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
    for tail, head, label, latex in drawing.edges:
        if label:
            edges.append(Edge(tail, len(boxes)))
            tail = len(boxes)
            boxes.append(Box("", label, "label", drawing.boxes[head].cluster, latex=latex))
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


def towards(start: Point, corner: Point, length: float) -> Point:
    """Return the point at this distance before the corner on the way from `start`, or half the way."""
    (x0, y0), (x, y) = start, corner
    part = min(length / max(abs(x - x0) + abs(y - y0), 1e-9), 0.5)
    return x + (x0 - x) * part, y + (y0 - y) * part


def rounded(line: list[Point]) -> list[tuple[Point, Point, Point]]:
    """Return for each corner of a line where it begins to turn, the corner, and where it has turned."""
    corners = zip(line, line[1:], line[2:], strict=False)
    return [(towards(start, at, CORNER), at, towards(end, at, CORNER)) for start, at, end in corners]


def placed_lines(box: Box, place: Item) -> Iterator[tuple[float, float, float, str]]:
    """Yield for each line of a box its middle, its baseline, the size of its letters and their colour."""
    label = box.kind == "label"
    y, between = place.y - place.height / 2 + (2 if label else 6), 0 if label else 1.5
    for size, large in _letters(box):
        colour = FORMULA if label else INK if large or box.verdict == "own" else GREY  # grey on red is hard to read
        y += size + between
        yield place.x + place.width / 2, y - 2, size, colour
        y += between


def _letters(box: Box) -> list[tuple[float, bool]]:
    """Return the size of the letters of each line, and whether that is the large one."""
    large = [box.kind != "label" and n < box.large for n in range(len(box.lines))]
    return [(SIZE if it else SMALL, it) for it in large]


def _size(box: Box, as_text: bool) -> tuple[float, float]:
    sizes = [size for size, _ in _letters(box)]
    formulas = [""] * len(sizes) if as_text else formulas_of(box)
    lines = zip(box.lines, formulas, sizes, strict=True)
    width = max(formula_width(formula) * size if formula else text_width(line) * size for line, formula, size in lines)
    if box.kind == "label":
        return width + 4, sum(sizes) + 4
    return max(width + 18, 50), sum(sizes) + 3 * len(sizes) + 9
