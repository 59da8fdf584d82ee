"""The layout of our own: where everything stands, and that the checks of it notice when it does not."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.slides import GATES
from tests.support.pictures import SVG, both_ways, gated, lstm
from tests.support.random_programs import examples
from tinyad import Tape, graph
from tinyad.drawing.elements import BOXES, Box, Cluster, Drawing, Edge
from tinyad.drawing.layout import SIZE, SMALL, TITLE, Item, Layout, _in_channels
from tinyad.drawing.letters import text_width
from tinyad.drawing.svg import svg

STATE = {"state": [*GATES["cell state"], *GATES["hidden state"]]}  # it needs the output gate, and the gate C, at once


def contributions(direction="right"):
    tape = lstm(1)
    d = tape.backward({"h[1]": np.ones((2, 4))})
    return graph(tape, groups=GATES, derivatives=d, contributions=True, direction=direction)


DRAWINGS = {
    "a cell": lambda: graph(lstm(1)),
    "time steps and gates": lambda: graph(lstm(3), groups=GATES),
    "folded time steps": lambda: graph(lstm(3), fold=(1, 3)),
    "folded gates": lambda: graph(lstm(2), groups=GATES, fold=GATES),
    "contributions": contributions,
    "a circle of groups": lambda: graph(
        lstm(2, "picture"), groups={"output gate": GATES["output gate"]} | STATE, fold=("state", "output gate")
    ),
    "a circle of time steps": lambda: graph(both_ways()),
    "no steps": lambda: graph(Tape()),
    "formulas": lambda: graph(gated(2), fold_unnamed=True),
    "down": lambda: graph(lstm(3), groups=GATES, direction="down"),
    "folded down": lambda: graph(lstm(3), groups=GATES, fold=(1, "candidate"), direction="down"),
    "formulas down": lambda: graph(gated(2), fold_unnamed=True, direction="down"),
    "contributions down": lambda: contributions("down"),
    "a circle down": lambda: graph(both_ways(), direction="down"),
}


def sides(item):
    return item.x, item.y - item.height / 2, item.x + item.width, item.y + item.height / 2


def apart(a, b):
    (left, top, right, bottom), (x0, y0, x1, y1) = sides(a), sides(b)
    return right < x0 or x1 < left or bottom < y0 or y1 < top


def within(a, b):
    (left, top, right, bottom), (x0, y0, x1, y1) = sides(a), sides(b)
    return left >= x0 and top >= y0 and right <= x1 and bottom <= y1


def crosses(line, item):
    left, top, right, bottom = sides(item)
    return any(
        max(x, x1) > left and min(x, x1) < right and max(y, y1) > top and min(y, y1) < bottom
        for (x, y), (x1, y1) in pairwise(line)
    )


def faults(layout):
    """Return what is wrong with the places in a layout."""
    return [
        *overlaps(layout), *out_of_their_frames(layout), *faults_of_lines(layout), *crossed_titles(layout)
    ]  # fmt: skip


def overlaps(layout):
    boxes, clusters, found = layout.drawing.boxes, layout.drawing.clusters, []
    for a, b in combinations(range(len(boxes)), 2):
        if not apart(layout.boxes[a], layout.boxes[b]):
            found.append(f"{boxes[a].lines} overlaps {boxes[b].lines}")
    for a, b in combinations(range(1, len(clusters)), 2):
        if clusters[a].parent == clusters[b].parent and not apart(layout.clusters[a], layout.clusters[b]):
            found.append(f"frame {a} overlaps frame {b}")
    return found


def out_of_their_frames(layout):
    found = []
    for box, place in zip(layout.drawing.boxes, layout.boxes, strict=True):
        if not within(place, layout.clusters[box.cluster]):
            found.append(f"{box.lines} stands out of its frame")
    for c, (title, parent, _) in enumerate(layout.drawing.clusters[1:], 1):
        if not within(layout.clusters[c], layout.clusters[parent]):
            found.append(f"{title} stands out of its frame")
    return found


def gates(layout, item):
    """Where lines come in, and where they go out."""
    left, top, right, bottom = sides(item)
    if layout.down:
        return (left + item.width / 2, top), (left + item.width / 2, bottom)
    return (left, item.y), (right, item.y)


def crossed_titles(layout):
    """The titles that a line runs through, where lines come from above."""
    found = []
    for cluster, frame in zip(layout.drawing.clusters, layout.clusters, strict=True):
        width = text_width(cluster.title) * SMALL
        _left, top, right, _bottom = sides(frame)
        title = Item(width, SMALL, x=frame.x + frame.title, y=top + TITLE - SMALL / 2)
        if cluster.title and title.x + width > right:
            found.append(f"{cluster.title} leaves its frame")
        if cluster.title and layout.down and any(crosses(line, title) for line in layout.lines):
            found.append(f"a line crosses {cluster.title}")
    return found


def faults_of_lines(layout):
    found = []
    for edge, line in zip(layout.drawing.edges, layout.lines, strict=True):
        ends = layout.boxes[edge.tail], layout.boxes[edge.head]
        if not np.allclose([line[0], line[-1]], [gates(layout, ends[0])[1], gates(layout, ends[1])[0]], atol=1e-9):
            found.append(f"{edge} does not join its boxes")
        if any(min(abs(x - x1), abs(y - y1)) > 1 for (x, y), (x1, y1) in pairwise(line)):
            found.append(f"{edge} is neither level nor upright")
        for box, place in zip(layout.drawing.boxes, layout.boxes, strict=True):
            if place not in ends and crosses(line, place):
                found.append(f"{edge} crosses {box.lines}")
        if not all(0 <= x <= layout.clusters[0].width and 0 <= y <= layout.clusters[0].height for x, y in line):
            found.append(f"{edge} leaves the picture")
    return found


@pytest.mark.parametrize("name", DRAWINGS)
def test_everything_has_its_place(name):
    assert faults(Layout(DRAWINGS[name]().drawing)) == []


@pytest.mark.parametrize(
    ("move", "fault"),
    [
        (lambda layout: vars(layout.boxes[3]).update(vars(layout.boxes[4])), "overlaps"),
        (lambda layout: vars(layout.clusters[1]).update(width=100.0), "out of its frame"),
        (lambda layout: vars(layout.clusters[3]).update(vars(layout.clusters[2])), "frame 2 overlaps frame 3"),
        (lambda layout: vars(layout.clusters[0]).update(height=100.0), "leaves the picture"),
        (lambda layout: layout.lines[0].reverse(), "does not join"),
        (lambda layout: layout.lines[0].insert(1, (layout.boxes[-1].x + 9, layout.boxes[-1].y)), "crosses"),
        (lambda layout: layout.lines[0].insert(1, (layout.boxes[0].x + 60, layout.boxes[0].y + 9)), "neither level"),
    ],
)
def test_a_wrong_place_is_noticed(move, fault):
    layout = Layout(DRAWINGS["time steps and gates"]().drawing)
    move(layout)
    assert any(fault in found for found in faults(layout))


def test_a_line_through_a_title_is_noticed():
    layout = Layout(DRAWINGS["down"]().drawing)
    for frame in layout.clusters:
        frame.title = 12.0
    assert any("a line crosses" in found for found in faults(layout))


@st.composite
def drawings(draw):
    clusters = [Cluster("", -1)]
    for k in range(draw(st.integers(0, 4))):
        clusters.append(Cluster(f"frame {k}", draw(st.integers(0, k))))
    places = [*range(len(clusters)), *draw(st.lists(st.integers(0, len(clusters) - 1), max_size=8))]
    boxes = [Box(f"b{k}", (f"box {k}",), "step", place) for k, place in enumerate(places)]
    number = len(boxes)
    ends = st.tuples(st.integers(0, number - 1), st.integers(0, number - 1)).filter(lambda pair: pair[0] != pair[1])
    pairs = draw(st.lists(ends, max_size=14, unique=True)) if number > 1 else []
    edges = [Edge(*pair, draw(st.sampled_from([(), ("label",)]))) for pair in pairs]
    return Drawing(boxes, edges, clusters, [], draw(st.sampled_from(["right", "down"])))


@examples(100, 300)
def test_any_drawing_has_a_layout(examples):
    settings(deadline=None, derandomize=True, max_examples=examples)(given(drawings())(assert_layout))()


def assert_layout(drawing):
    layout = Layout(drawing)
    assert faults(layout) == []
    ET.fromstring(svg(drawing))


@pytest.mark.parametrize("name", [name for name in DRAWINGS if "circle" not in name])
def test_lines_run_one_way(name):
    layout = Layout(DRAWINGS[name]().drawing)
    assert all(a[layout.down] <= b[layout.down] for line in layout.lines for a, b in pairwise(line))


def test_time_steps_stand_side_by_side():
    layout = Layout(DRAWINGS["time steps and gates"]().drawing)
    frames = {cluster.title: place for cluster, place in zip(layout.drawing.clusters, layout.clusters, strict=True)}
    for before, after in pairwise((frames["t = 1"], frames["t = 2"], frames["t = 3"])):
        assert before.x + before.width < after.x


def test_lines_of_different_sources_only_cross():
    """They never run in one another, but for the last piece before a head that they share."""
    layout = Layout(DRAWINGS["time steps and gates"]().drawing)
    pieces = []
    for edge, line in zip(layout.drawing.edges, layout.lines, strict=True):
        pieces += [(edge, x, sorted((y0, y1))) for (x, y0), (x1, y1) in pairwise(line) if x == x1]
    for (a, x, (top, bottom)), (b, x1, (y0, y1)) in combinations(pieces, 2):
        assert a.tail == b.tail or abs(x - x1) > 3 or bottom <= y0 or y1 <= top


def test_svg_shows_every_box_frame_and_label():
    drawing = contributions().drawing
    texts = [text.text for text in ET.fromstring(svg(drawing)).iter(f"{SVG}text")]
    expected = [line for box in drawing.boxes for line in box.lines]
    expected += [line for edge in drawing.edges for line in edge.label]
    expected += [cluster.title for cluster in drawing.clusters if cluster.title]
    assert sorted(texts) == sorted(expected)


def test_svg_puts_everything_where_the_layout_says():
    drawing = contributions().drawing
    layout, root = Layout(drawing), ET.fromstring(svg(drawing))
    places = list(layout.clusters)
    places += [place for box, place in zip(layout.drawing.boxes, layout.boxes, strict=True) if box.kind != "label"]
    drawn = [[float(rect.get(key)) for key in ("x", "y", "width", "height")] for rect in root.iter(f"{SVG}rect")]
    assert len(drawn) == len(places)
    for rect, place in zip(drawn, places, strict=True):
        left, top, _, _ = sides(place)
        assert rect == pytest.approx([left, top, place.width, place.height], abs=0.06)
    texts = [(t.text, float(t.get("x")), float(t.get("y"))) for t in root.iter(f"{SVG}text")]
    lines = iter(texts[len(layout.clusters) - 1 :])
    for box, place in zip(layout.drawing.boxes, layout.boxes, strict=True):
        left, top, right, bottom = sides(place)
        for line in box.lines:
            text, x, y = next(lines)
            assert text == line
            assert x == pytest.approx((left + right) / 2, abs=0.06)
            assert top + 7 < y < bottom - 1
            top = y
    for (text, x, y), frame in zip(texts, layout.clusters[1:], strict=False):
        left, top, _, _ = sides(frame)
        assert (text, left < x < left + 20, top < y < top + 20) == (text, True, True)


def test_svg_draws_lines_from_box_to_box():
    drawing = DRAWINGS["time steps and gates"]().drawing
    layout, root = Layout(drawing), ET.fromstring(svg(drawing))
    paths = [path.get("d") for path in root.iter(f"{SVG}path")]
    for line, (path, arrow) in zip(layout.lines, zip(paths[::2], paths[1::2], strict=True), strict=True):
        (x, y), (end, level) = line[0], line[-1]
        assert path.startswith(f"M{x:.1f} {y:.1f}L")
        assert path.endswith(f"L{end - 5:.1f} {level:.1f}")
        assert path.count("Q") == len(line) - 2
        assert arrow.startswith(f"M{end:.1f} {level:.1f}l-7")


def test_a_line_with_a_label_has_one_head():
    drawing = contributions().drawing
    paths = list(ET.fromstring(svg(drawing)).iter(f"{SVG}path"))
    assert sum(path.get("fill") != "none" for path in paths) == len(drawing.edges)
    assert len(paths) == len(drawing.edges) + len(Layout(drawing).lines)


def test_chains_are_straight_and_gates_stand_in_one_column():
    layout = Layout(DRAWINGS["time steps and gates"]().drawing)
    place = {box.key: item for box, item in zip(layout.drawing.boxes, layout.boxes, strict=True)}
    frame = {cluster.title: item for cluster, item in zip(layout.drawing.clusters, layout.clusters, strict=True)}
    assert place["step_5"].y == pytest.approx(place["step_6"].y)
    assert place["step_6"].y == pytest.approx(place["step_7"].y)
    assert place["step_1"].y < place["step_3"].y < place["step_2"].y
    gates = [frame[title] for title in ("forget gate", "input gate", "candidate", "output gate")]
    assert len({item.column for item in gates}) == 1
    assert all(item.x + item.width < frame["cell state"].x for item in gates)


def test_channels_are_in_the_order_with_the_fewest_crossings():
    assert _in_channels({1: {(0.0, 100.0): None}, 2: {(10.0, 110.0): None}}) == [2, 1]
    assert _in_channels({1: {(100.0, 0.0): None}, 2: {(110.0, 10.0): None}}) == [1, 2]
    assert _in_channels({1: {(0.0, 50.0): None}, 2: {(50.0, 80.0): None}}) == [2, 1]  # or one would run in the other


def test_steps_leaves_and_folded_frames_look_different():
    drawing = DRAWINGS["folded time steps"]().drawing
    rects = [rect.attrib for rect in ET.fromstring(svg(drawing)).iter(f"{SVG}rect")]
    kinds = {box.kind: [r for r in rects if r["fill"] == BOXES[box.kind][0]] for box in drawing.boxes}
    for kind in ("step", "leaf", "folded"):
        assert {r["rx"] for r in kinds[kind] if r["stroke"] == BOXES[kind][1]} == {"12" if kind == "leaf" else "2"}
    outer = kinds["folded"][0]
    inner = rects[rects.index(outer) + 1]
    assert inner["fill"] == "none"
    assert inner["stroke"] == outer["stroke"] == BOXES["folded"][1]
    for side, length in (("x", "width"), ("y", "height")):
        assert float(inner[side]) == pytest.approx(float(outer[side]) + 3, abs=0.11)
        assert float(inner[length]) == pytest.approx(float(outer[length]) - 6, abs=0.11)


def test_svg_goes_down():
    drawing = DRAWINGS["formulas down"]().drawing
    layout, root = Layout(drawing), ET.fromstring(svg(drawing))
    arrows = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("fill") != "none"]
    for line, arrow in zip(layout.lines, arrows, strict=True):
        x, y = line[-1]
        assert arrow == f"M{x:.1f} {y:.1f}l-3 -7h6z"
    first, second = (item for cluster, item in zip(drawing.clusters, layout.clusters, strict=True) if cluster.time)
    assert sides(first)[3] < sides(second)[1]


def test_smallest_letters():
    sizes = {name: Layout(DRAWINGS[name]().drawing).smallest_letters for name in ("a cell", "formulas")}
    assert set(sizes.values()) == {SMALL}
    tape = Tape()
    tape.name({"z": tape.variable([[1.0]], "x") * 2.0})
    assert Layout(graph(tape, sizes=False).drawing).smallest_letters == SIZE
