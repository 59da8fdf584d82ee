"""The layout of our own: where everything stands, and that the checks of it notice when it does not."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_models.slides import GATES, parameters, record
from tinyad import Tape, graph, tanh
from tinyad.drawing import Box, Cluster, Drawing, Edge
from tinyad.layout import Layout, svg

STATE = {"state": [*GATES["cell state"], *GATES["hidden state"]]}  # it needs the output gate, and the gate C, at once


def lstm(steps, form="steps"):
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal((3, 2)) for _ in range(steps)]
    return record(rng.standard_normal((4, 2)), rng.standard_normal((4, 2)), xs, parameters(4, 3, rng), form)[0]


def both_ways():
    """Two chains through the same time steps, one of them from the last to the first."""
    tape = Tape()
    forth, back, forths = tape.variable(1.0, "f[0]"), tape.variable(1.0, "b[4]"), {}
    for t in (1, 2, 3):
        forths[t] = forth = tanh(forth)
        tape.name({"f": forth}, step=t)
    for t in (3, 2, 1):
        back = tanh(back)
        tape.name({"b": back, "o": back * forths[t]}, step=t)
    return tape


def contributions():
    tape = lstm(1)
    d = tape.backward({"h[1]": np.ones((2, 4))})
    return graph(tape, groups=GATES, derivatives=d, contributions=True)


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
    """What is wrong with the places in a layout."""
    boxes, clusters, edges = layout.drawing.boxes, layout.drawing.clusters, layout.drawing.edges
    found = []
    for a, b in combinations(range(len(boxes)), 2):
        if not apart(layout.boxes[a], layout.boxes[b]):
            found.append(f"{boxes[a].lines} overlaps {boxes[b].lines}")
    for a, b in combinations(range(1, len(clusters)), 2):
        if clusters[a].parent == clusters[b].parent and not apart(layout.clusters[a], layout.clusters[b]):
            found.append(f"frame {a} overlaps frame {b}")
    for box, place in zip(boxes, layout.boxes, strict=True):
        if not within(place, layout.clusters[box.cluster]):
            found.append(f"{box.lines} stands out of its frame")
    for c, (title, parent) in enumerate(clusters[1:], 1):
        if not within(layout.clusters[c], layout.clusters[parent]):
            found.append(f"{title} stands out of its frame")
    for edge, line in zip(edges, layout.lines, strict=True):
        ends = layout.boxes[edge.tail], layout.boxes[edge.head]
        if line[0] != (ends[0].x + ends[0].width, ends[0].y) or line[-1] != (ends[1].x, ends[1].y):
            found.append(f"{edge} does not join its boxes")
        for box, place in zip(boxes, layout.boxes, strict=True):
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
    ],
)
def test_a_wrong_place_is_noticed(move, fault):
    layout = Layout(DRAWINGS["time steps and gates"]().drawing)
    move(layout)
    assert any(fault in found for found in faults(layout))


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
    return Drawing(boxes, [Edge(*pair, draw(st.sampled_from([(), ("label",)]))) for pair in pairs], clusters, [])


@settings(deadline=None, max_examples=200)
@given(drawings())
def test_any_drawing_has_a_layout(drawing):
    layout = Layout(drawing)
    assert faults(layout) == []
    ET.fromstring(svg(drawing))


@pytest.mark.parametrize("name", [name for name in DRAWINGS if "circle" not in name])
def test_lines_run_from_left_to_right(name):
    layout = Layout(DRAWINGS[name]().drawing)
    assert all(a <= b for line in layout.lines for (a, _), (b, _) in pairwise(line))


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
    texts = [text.text for text in ET.fromstring(svg(drawing)).iter("{http://www.w3.org/2000/svg}text")]
    expected = [line for box in drawing.boxes for line in box.lines]
    expected += [line for edge in drawing.edges for line in edge.label]
    expected += [cluster.title for cluster in drawing.clusters if cluster.title]
    assert sorted(texts) == sorted(expected)
