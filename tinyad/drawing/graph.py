"""Draw a tape: DOT text, and SVG by `dot` where there is one, else by our own layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tinyad.arrays.matrix import size
from tinyad.drawing.elements import BOXES, CLUSTERS, FONT, FORMULA, GREY, INK, LINE, Box, Cluster, Drawing, Edge
from tinyad.drawing.layout import svg
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import contribution_text, derived, forward_text
from tinyad.printing.text import at_time, one_line

TIMEOUT = 10.0  # seconds, for Graphviz

Frame = tuple[int | None, str | None]  # time step, group


class WrongSteps(Protocol):
    """The part of a Comparison that a picture needs: step → "own" or "inherited"."""

    @property
    def wrong_steps(self) -> Mapping[int, str]: ...


class Graph:
    """A picture of a tape: `dot` is its DOT text, and `drawn_by` is "dot" or "tinyad" after `svg()`."""

    def __init__(self, drawing: Drawing, places: Sequence[Frame] = ()) -> None:
        self.drawing, self.places, self.dot, self.drawn_by = drawing, places, _dot(drawing), ""

    def svg(self) -> str:
        """Return the picture as an <svg> element, with or without Graphviz."""
        _, start, rest = _by_dot(self.dot).partition("<svg")
        if rest.rstrip().endswith("</svg>"):
            self.drawn_by = "dot"
            return start + rest
        self.drawn_by = "tinyad"
        return svg(self.drawing)

    def save(self, path: str | Path) -> None:
        """Write a .svg or a .dot file; ValueError for any other suffix."""
        suffix = Path(path).suffix.lower()
        if suffix not in (".svg", ".dot"):
            raise ValueError(f"{path}: a graph is saved as .svg or .dot")
        Path(path).write_text(self.svg() if suffix == ".svg" else self.dot, encoding="utf-8", newline="\n")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Return, for a notebook, the picture and its DOT text, which is the same on every machine."""
        return {"image/svg+xml": self.svg(), "text/vnd.graphviz": self.dot}

    def __repr__(self) -> str:
        return f"Graph({len(self.drawing.boxes)} boxes, {len(self.drawing.edges)} edges)"


def graph(  # noqa: PLR0913  options of a public function
    tape: Tape | Derivatives,
    *,
    weights: Iterable[str] | None = None,
    groups: Mapping[str, Iterable[str]] | None = None,
    fold: Iterable[str | int] = (),
    derivatives: Derivatives | None = None,
    contributions: bool = False,
    comparison: WrongSteps | None = None,
) -> Graph:
    """Draw a tape as boxes and arrows, from left to right, with a frame around each time step (from names like z1[3]).

    A backward pass is drawn as its tape, with its derivatives.  weights: leaves to show only in the labels of the steps
    that use them; without it, the leaves that have no time step if any name has one, otherwise those whose names begin
    with W or b.  groups: title → names without time step, for frames inside the time steps; a step without a name goes
    where the next named one is, if no group lists it as _3.  fold: time steps and titles of groups to draw as one box.
    derivatives: adds their sizes, in row layout, – where L does not depend on the value; contributions=True: also what
    flows back along each arrow.  comparison: colours the wrong steps.  Raises KeyError for what is not on the tape,
    ValueError for options that contradict each other.
    """
    if isinstance(tape, Derivatives):
        derivatives, tape = derivatives or tape, tape.tape
    if derivatives is not None and derivatives.tape is not tape:
        raise ValueError("derivatives: from another tape; pass what backward() of this one returned")
    if groups is not None and not isinstance(groups, Mapping):
        raise TypeError(f"groups: {{title: names}}, not a {type(groups).__name__}")
    if contributions and derivatives is None:
        raise ValueError("contributions=True: needs derivatives=tape.backward(...)")
    frames = _Frames(tape, weights, groups or {}, fold)
    boxes = [frames.box(key, derivatives, comparison.wrong_steps if comparison else {}) for key in frames.contents]
    edges = frames.edges(derivatives if contributions else None)
    return Graph(Drawing(boxes, edges, frames.clusters, frames.side_by_side(edges)), list(frames.number))


def frames_of(picture: Graph, fold: Iterable[str | int]) -> list[int]:
    """Return the frames of a picture, by their numbers in `drawing.clusters`, that `fold` names."""
    folds = _folds(fold, picture.places)
    return [c for c, (t, group) in enumerate(picture.places) if c and (t if group is None else group) in folds]


class _Frames:
    """The time step and the group of each value, and the values in each box."""

    def __init__(
        self,
        tape: Tape,
        weights: Iterable[str] | None,
        groups: Mapping[str, Iterable[str]],
        fold: Iterable[str | int],
    ) -> None:
        self.tape = tape
        self.made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
        self.places = _places(tape, self.made, groups)
        self.names = {t: _Within(tape, t) for t in {t for t, _ in self.places}}
        hidden, folds = tape.constants | _weights(tape, self.made, weights), _folds(fold, self.places)
        self.contents: dict[int | Frame, list[int]] = {}  # a value, or a folded frame → the values in the box
        for i, (t, group) in enumerate(self.places):
            if i not in hidden:
                key = (t, None) if t in folds else (t, group) if group in folds else i
                self.contents.setdefault(key, []).append(i)
        self.clusters, self.number = _clusters([self.around(key) for key in self.contents])

    def around(self, key: int | Frame) -> Frame:
        """Return the frame that a box is in."""
        if isinstance(key, int):
            return self.places[key]
        return (None, None) if key[1] is None else (key[0], None)

    def box(self, key: int | Frame, derivatives: Derivatives | None, wrong: Mapping[int, str]) -> Box:
        values = self.contents[key]
        steps = [self.made[i] for i in values if i in self.made]
        verdicts = {wrong[n] for n in steps if n in wrong}
        verdict = "own" if "own" in verdicts else "inherited" if verdicts else ""
        cluster = self.number[self.around(key)]
        if isinstance(key, tuple):
            number = f"{len(steps) or len(values)} {'step' if steps else 'input'}{'s' * (len(steps or values) > 1)}"
            return Box(f"folded_{values[0] + 1}", (_title(key), number), "folded", cluster, verdict)
        names, shape = self.names[self.places[key][0]], self.tape.values[key].shape
        lines = [one_line(names.label(key)), size(shape)]
        if derivatives is not None:
            lines.append(f"∇: {size(shape[::-1]) if _reached(derivatives, key) else '–'}")
        if not steps:
            return Box(f"leaf_{key + 1}", tuple(lines), "leaf", cluster)
        lines[0] += f" = {forward_text(names, steps[0])}"
        return Box(f"step_{steps[0]}", tuple(lines), "step", cluster, verdict)

    def edges(self, derivatives: Derivatives | None) -> list[Edge]:
        """Return the edges from operands to results, with the contributions that flow back if derivatives are given."""
        box_of = {i: b for b, values in enumerate(self.contents.values()) for i in values}
        labels: dict[tuple[int, int], list[str]] = {}
        for n, (_, z, *operands) in enumerate(self.tape.steps, 1):
            for operand, i in zip("xy", operands, strict=True):
                if i in box_of and box_of[i] != box_of[z]:
                    lines = labels.setdefault((box_of[i], box_of[z]), [])
                    if derivatives is not None and _reached(derivatives, z) and operand in derived(self.tape, n):
                        lines.append(contribution_text(self.names[self.places[z][0]], n, operand))
        return [
            Edge(*ends, tuple(lines) if len(lines) <= 2 else (f"{len(lines)} contributions",))
            for ends, lines in labels.items()
        ]

    def side_by_side(self, edges: list[Edge]) -> list[tuple[int, int]]:
        """Pair the last box of each time step with those of the next one that no edge keeps to the right of it."""
        times = [key[0] if isinstance(key, tuple) else self.places[key][0] for key in self.contents]
        ends = sorted((values[-1], b) for b, values in enumerate(self.contents.values()))
        last = {times[b]: b for _, b in ends}
        linked = {(tail, head) for tail, head, _ in edges}
        inner = {head for tail, head in linked if times[tail] == times[head]}
        firsts = [(b, t) for b, t in enumerate(times) if t is not None and t - 1 in last and b not in inner]
        return [(last[t - 1], b) for b, t in firsts if (last[t - 1], b) not in linked]


def _reached(derivatives: Derivatives, i: int) -> bool:
    return i < derivatives.length and derivatives.reaches(i)


class _Within(Tape):
    """A tape with its names as they stand in the frame of time step t: z1[t] is z1."""

    def __init__(self, tape: Tape, t: int | None) -> None:
        self.__dict__.update(tape.__dict__)
        self.t = t

    def label(self, position: int) -> str:
        name = super().label(position)
        base, t = at_time(name)
        return base if t is not None and t == self.t and base not in self.naming.positions else name


def _places(tape: Tape, made: dict[int, int], groups: Mapping[str, Iterable[str]]) -> list[Frame]:
    """Return the time step and the group of every value."""
    group_of: dict[str, str] = {}
    labels = {**{z: tape.label(z) for z in made}, **tape.names}  # _3 too
    known = {at_time(name)[0] for name in labels.values()}
    for title, names in groups.items():
        if not isinstance(title, str) or not isinstance(names, Iterable):
            raise TypeError(f"groups: {{title: names}}, and {title!r} is no title or has no names")
        for name in names:
            if name not in known:
                raise KeyError(f"groups: nothing is named {name!r}; names stand without time step, z1 for z1[3]")
            if group_of.setdefault(name, title) != title:
                raise ValueError(f"groups: {name!r} is in {group_of[name]!r} and in {title!r}")
    times = {at_time(tape.names[z])[1] for z in made if z in tape.names}
    places: list[Frame] = [(None, None)] * len(tape.values)
    following: Frame = (None, None)
    for i in range(len(places) - 1, -1, -1):
        if i in tape.names:
            name, t = at_time(tape.names[i])
            if t is None or t in times:  # C[0] stands alone if no step is at t = 0
                places[i] = t, group_of.get(name)
        elif i in made:
            places[i] = (following[0], group_of[labels[i]]) if labels[i] in group_of else following
        following = places[i] if i in made else following
    return places


def _weights(tape: Tape, made: dict[int, int], names: Iterable[str] | None) -> set[int]:
    if names is not None:
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            if not isinstance(name, str | Variable):
                raise TypeError(f"weights: the names of leaves, not a {type(name).__name__}")
        chosen = {tape[name].index: name for name in names}
        for i in chosen.keys() & made.keys():
            raise ValueError(f"weights: {chosen[i]!r} is the result of step {made[i]}; a weight is a leaf")
        return set(chosen)
    timed = any(at_time(name)[1] is not None for name in tape.names.values())
    leaves = {i: name for i, name in tape.names.items() if i not in made}
    return {i for i, name in leaves.items() if (at_time(name)[1] is None if timed else name.startswith(("W", "b")))}


def _folds(fold: Iterable[str | int], places: Iterable[Frame]) -> set[str | int]:
    known = {part for place in places for part in place if part is not None}
    folds: set[str | int] = {fold} if isinstance(fold, str | int) else set(fold)
    for unknown in folds - known:
        times, titles = [t for t in known if isinstance(t, int)], sorted(t for t in known if isinstance(t, str))
        there_are = [f"time steps {min(times)} to {max(times)}"] if times else []
        raise KeyError(f"fold: no {unknown!r}; there are {', '.join(there_are + titles) or 'no frames'}")
    return folds


def _clusters(places: list[Frame]) -> tuple[list[Cluster], dict[Frame, int]]:
    """Return the frames, parents first, and the number of each."""
    titles: dict[int | None, dict[str, None]] = {}
    for t, group in places:
        titles.setdefault(t, {}).update({} if group is None else {group: None})
    clusters: list[Cluster] = [Cluster("", -1)]
    number: dict[Frame, int] = {(None, None): 0}
    for t, inner in titles.items():
        if t is not None:
            number[t, None] = len(clusters)
            clusters.append(Cluster(_title((t, None)), 0, True))
        for group in inner:
            number[t, group] = len(clusters)
            clusters.append(Cluster(_title((t, group)), number[t, None]))
    return clusters, number


def _title(place: Frame) -> str:
    return f"t = {place[0]}" if place[1] is None else one_line(place[1])


def _dot(drawing: Drawing) -> str:
    from graphviz import Digraph

    lines = {"graph": {"rankdir": "LR", "nodesep": "0.16", "ranksep": "0.4", "nslimit": "2", **_letters(11, GREY)}}
    lines["node"] = {"shape": "box", "height": "0.3", "margin": "0.1,0.06", **_letters(12, INK)}
    lines["edge"] = {"color": LINE, "arrowsize": "0.6", **_letters(10, FORMULA)}
    frames = [Digraph("tape", graph_attr=lines["graph"], node_attr=lines["node"], edge_attr=lines["edge"])]
    for c, (title, parent, _) in enumerate(drawing.clusters[1:], 1):
        fill, frame = CLUSTERS[parent > 0]
        where = "c" if parent else "r"  # the fewest edges pass there
        look = {"style": "rounded,filled", "fillcolor": fill, "color": frame, "labeljust": where}
        frames.append(Digraph(f"cluster_{c}", graph_attr={"label": _quoted((title,)), **look}))
    for box in drawing.boxes:
        frames[box.cluster].node(box.key, _quoted(box.lines), **_look(box))
    inner: list[list[int]] = [[] for _ in frames]
    for c in range(len(frames) - 1, -1, -1):  # children stand after their parents: each is complete when it is put in
        for child in reversed(inner[c]):
            frames[c].subgraph(frames[child])
        if c:
            inner[drawing.clusters[c].parent].append(c)
    keys = [box.key for box in drawing.boxes]
    for a, b, label in drawing.edges:
        frames[0].edge(keys[a], keys[b], _quoted(label) if label else None)
    for a, b in drawing.side_by_side:
        frames[0].edge(keys[a], keys[b], style="invis")
    text: str = frames[0].source
    return text


def _letters(points: int, colour: str) -> dict[str, str]:
    return {"fontname": FONT, "fontsize": str(points), "fontcolor": colour}


def _look(box: Box) -> dict[str, str]:
    fill, frame = BOXES[box.verdict or box.kind]
    look = {"style": "rounded,filled" if box.kind == "leaf" else "filled", "fillcolor": fill, "color": frame}
    return {**look, "peripheries": "2"} if box.kind == "folded" else look


def _quoted(lines: tuple[str, ...]) -> str:
    r"""Return a label quoted: in DOT \ begins an escape such as \N, & an HTML entity, and <...> would be HTML."""
    from graphviz import escape, nohtml

    label: str = nohtml(r"\n".join(escape(line).replace("&", "&amp;") for line in lines))
    return label


def _by_dot(text: str) -> str:
    """Return what `dot` makes of a text; "" if there is none, it fails or takes too long."""
    import subprocess
    from shutil import which

    try:
        return subprocess.run(
            [which("dot") or "", "-Tsvg"],
            input=text,
            capture_output=True,
            check=True,
            timeout=TIMEOUT,
            encoding="utf-8",
        ).stdout
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
