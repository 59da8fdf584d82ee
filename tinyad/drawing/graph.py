"""Draw a tape: DOT text, SVG by `dot` where there is one, else by our own layout, and pictures for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tinyad.arrays.matrix import Shape, kind, size
from tinyad.drawing.dot import dot_text, svg_by_dot
from tinyad.drawing.elements import Box, Cluster, Drawing, Edge, in_lines
from tinyad.drawing.figure import pdf, png
from tinyad.drawing.paper import LONGEST, on_paper
from tinyad.drawing.svg import svg, svg_on_paper
from tinyad.drawing.tikz import tikz
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Tape, Variable
from tinyad.printing.listing import Formulas, contribution_text, derived, inlined_steps, tape_of
from tinyad.printing.notation import LATEX, TEXT
from tinyad.printing.text import at_time, one_line
from tinyad.printing.wrapped import breakable

DIRECTIONS = ("right", "down")
SUFFIXES = (".svg", ".pdf", ".png", ".tex", ".dot")
BREAKABLE = breakable(TEXT)
PICTURE = LATEX._replace(signs={**LATEX.signs, "stack": r"[%s;\, %s]", "abs": "|%s|"})  # as matplotlib can set it too

Frame = tuple[int | None, str | None]  # time step, group


class WrongSteps(Protocol):
    """The part of a Comparison that a picture needs: step → "own" or "inherited"."""

    @property
    def wrong_steps(self) -> Mapping[int, str]: ...


class Graph:
    """A picture of a tape: `dot` is its DOT text, and `drawn_by` is "dot" or "tinyad" after `svg()`.

    A `width` is that of the picture in millimetres: its formulas have more lines where they need them, and ValueError
    says how wide it is at least if letters of 6 points do not fit.
    """

    def __init__(self, formulas: Drawing, places: Sequence[Frame] = ()) -> None:
        self.formulas, self.places = formulas, places  # formulas are printed breakable there
        self.drawing = in_lines(formulas, LONGEST[0])
        self.dot, self.drawn_by = dot_text(self.drawing), ""

    def svg(self, width: float | None = None) -> str:
        """Return the picture as an <svg> element, by Graphviz if there is one and no width is given."""
        self.drawn_by = "tinyad"
        if width is not None:
            return svg_on_paper(on_paper(self.formulas, width, as_text=True))
        _, start, rest = svg_by_dot(self.dot).partition("<svg")
        if rest.rstrip().endswith("</svg>"):
            self.drawn_by = "dot"
            return start + rest
        return svg(self.drawing)

    def tikz(self, width: float | None = None) -> str:
        """Return the picture as a document of LaTeX with a tikzpicture."""
        return tikz(on_paper(self.formulas, width))

    def save(self, path: str | Path, width: float | None = None) -> None:
        """Write a .svg, .pdf, .png, .tex or .dot file: PDF and PNG, 300 pixels an inch, by matplotlib.

        Raises ValueError for any other suffix, ImportError without matplotlib.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"{path}: a graph is saved as .svg, .pdf, .png, .tex (TikZ) or .dot")
        if suffix == ".dot" and width is not None:
            raise ValueError(f"{path}: DOT text has no width")
        if suffix in (".pdf", ".png"):
            paper = on_paper(self.formulas, width)
            Path(path).write_bytes(pdf(paper) if suffix == ".pdf" else png(paper))
            return
        text = self.dot if suffix == ".dot" else self.svg(width) if suffix == ".svg" else self.tikz(width)
        Path(path).write_text(text, encoding="utf-8", newline="\n")

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
    fold_unnamed: bool = False,
    sizes: bool = True,
    derivatives: Derivatives | None = None,
    contributions: bool = False,
    comparison: WrongSteps | None = None,
    direction: str = "right",
) -> Graph:
    """Draw a tape as boxes and arrows, with a frame around each time step (from names like z1[3]).

    A backward pass is drawn as its tape, with its derivatives.

    weights: leaves to show only in the labels of the steps that use them; without it, the leaves that have no time
    step if any name has one, otherwise those whose names begin with W or b.  groups: title → names without time step,
    for frames inside the time steps; a step without a name goes where the next named one is, if no group lists it as
    _3.  fold: time steps and titles of groups to draw as one box.  fold_unnamed=True: steps without a name stand as
    formulas in the boxes that use them.  sizes=False: boxes have no sizes.  derivatives: adds their sizes, in row
    layout, – where L does not depend on the value; contributions=True: also what flows back along each arrow.
    comparison: colours the wrong steps.  direction: where arrows point, "right" or "down".  Raises KeyError for what
    is not on the tape, ValueError for options that contradict each other.
    """
    if derivatives is None and isinstance(tape, Derivatives):
        derivatives = tape
    tape = tape_of(tape, "graph")
    if derivatives is not None and not isinstance(derivatives, Derivatives):
        raise TypeError(f"derivatives: a backward pass, d = tape.backward(...), not {kind(derivatives)}")
    if comparison is not None and not hasattr(comparison, "wrong_steps"):
        raise TypeError(f"comparison: what compare(d, hand) returned, not {kind(comparison)}")
    if derivatives is not None and derivatives.tape is not tape:
        raise ValueError("derivatives: from another tape; pass what backward() of this one returned")
    if groups is not None and not isinstance(groups, Mapping):
        raise TypeError(f"groups: {{title: names}}, not {kind(groups)}")
    if contributions and derivatives is None:
        raise ValueError("contributions=True: needs derivatives=tape.backward(...)")
    if contributions and fold_unnamed:
        raise ValueError("contributions=True: every step has its own; leave out fold_unnamed")
    if direction not in DIRECTIONS:
        raise ValueError(f"direction={direction!r}: there are {' and '.join(map(repr, DIRECTIONS))}")
    frames = _Frames(tape, weights, groups or {}, fold, fold_unnamed)
    wrong = comparison.wrong_steps if comparison else {}
    boxes = [frames.box(key, sizes, derivatives, wrong) for key in frames.contents]
    edges = frames.edges(derivatives if contributions else None)
    drawing = Drawing(boxes, edges, frames.clusters, frames.side_by_side(edges), direction)
    return Graph(drawing, list(frames.number))


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
        fold_unnamed: bool,
    ) -> None:
        self.tape = tape
        self.made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1)}
        self.places = _places(tape, self.made, groups)
        listed = {name for names in groups.values() for name in names}
        kept = [z for z in self.made if tape.label(z) in listed]
        self.inlined = inlined_steps(tape, kept) if fold_unnamed else {}
        self.printed = {t: _Printed(tape, t, self.inlined) for t in {t for t, _ in self.places}}
        hidden, folds = tape.constants | _weights(tape, self.made, weights), _folds(fold, self.places)
        self.contents: dict[int | Frame, list[int]] = {}  # a value, or a folded frame → the values in the box
        for i, (t, group) in enumerate(self.places):
            if i not in hidden:
                key = (t, None) if t in folds else (t, group) if group in folds else i
                if key != i or i not in self.inlined:
                    self.contents.setdefault(key, []).append(i)
        self.box_of = {i: b for b, values in enumerate(self.contents.values()) for i in values}
        self.inside, self.sources = self._traced()
        self.clusters, self.number = _clusters([self.around(key) for key in self.contents])

    def _traced(self) -> tuple[dict[int, list[int]], dict[int, list[tuple[str, int]]]]:
        """Return for each result the steps in its formula, and the values in it with the operand that they are in."""
        inside: dict[int, list[int]] = {}
        sources: dict[int, list[tuple[str, int]]] = {}
        for n, (_, z, *operands) in enumerate(self.tape.steps, 1):
            inside[z], sources[z] = [n], []
            for operand, i in zip("xy", operands, strict=True):
                if i in self.inlined and i not in self.box_of:
                    inside[z] += inside[i]
                    sources[z] += [(operand, source) for _, source in sources[i]]
                elif i is not None:
                    sources[z].append((operand, i))
        return inside, sources

    def around(self, key: int | Frame) -> Frame:
        """Return the frame that a box is in."""
        if isinstance(key, int):
            return self.places[key]
        return (None, None) if key[1] is None else (key[0], None)

    def box(self, key: int | Frame, sizes: bool, derivatives: Derivatives | None, wrong: Mapping[int, str]) -> Box:
        values = self.contents[key]
        steps = [self.made[i] for i in values if i in self.made]
        verdicts = {wrong[n] for i in values for n in self.inside.get(i, ()) if n in wrong}
        verdict = "own" if "own" in verdicts else "inherited" if verdicts else ""
        cluster = self.number[self.around(key)]
        if isinstance(key, tuple):
            number = f"{len(steps) or len(values)} {'step' if steps else 'input'}{'s' * (len(steps or values) > 1)}"
            return Box(f"folded_{values[0] + 1}", (_title(key), number), "folded", cluster, verdict)
        text, formula = self.printed[self.places[key][0]].equation(key, self.made.get(key))
        lines, latex, shape = [text], [formula], self.tape.values[key].shape
        if sizes:
            lines.append(size(shape))
            latex.append(_latex_size(shape))
            if derivatives is not None:
                reached = _reached(derivatives, key)
                lines.append(f"∇: {size(shape[::-1]) if reached else '–'}")
                latex.append(rf"\nabla : {_latex_size(shape[::-1]) if reached else '{-}'}")
        kind = "step" if steps else "leaf"
        name = f"step_{steps[0]}" if steps else f"leaf_{key + 1}"
        return Box(name, tuple(lines), kind, cluster, verdict, tuple(latex))

    def edges(self, derivatives: Derivatives | None) -> list[Edge]:
        """Return the edges from operands to results, with the contributions that flow back if derivatives are given."""
        labels: dict[tuple[int, int], list[tuple[str, str]]] = {}
        for z, sources in self.sources.items():
            for operand, i in sources if z in self.box_of else ():
                n = self.made[z]
                if i in self.box_of and self.box_of[i] != self.box_of[z]:
                    lines = labels.setdefault((self.box_of[i], self.box_of[z]), [])
                    if derivatives is not None and _reached(derivatives, z) and operand in derived(self.tape, n):
                        lines.append(self.printed[self.places[z][0]].contribution(n, operand))
        return [
            Edge(*ends, *zip(*lines, strict=True)) if 0 < len(lines) <= 2
            else Edge(*ends, (f"{len(lines)} contributions",) * bool(lines))
            for ends, lines in labels.items()
        ]  # fmt: skip

    def side_by_side(self, edges: list[Edge]) -> list[tuple[int, int]]:
        """Pair the last box of each time step with those of the next one that no edge keeps to the right of it."""
        times = [key[0] if isinstance(key, tuple) else self.places[key][0] for key in self.contents]
        ends = sorted((values[-1], b) for b, values in enumerate(self.contents.values()))
        last = {times[b]: b for _, b in ends}
        linked = {(tail, head) for tail, head, *_ in edges}
        inner = {head for tail, head in linked if times[tail] == times[head]}
        firsts = [(b, t) for b, t in enumerate(times) if t is not None and t - 1 in last and b not in inner]
        return [(last[t - 1], b) for b, t in firsts if (last[t - 1], b) not in linked]


def _reached(derivatives: Derivatives, i: int) -> bool:
    return i < derivatives.length and derivatives.reaches(i)


def _latex_size(shape: Shape) -> str:
    return r" \times ".join(map(str, shape))


class _Printed:
    """The equations of a tape with its names as they stand in the frame of time step t: z1[t] is z1."""

    def __init__(self, tape: Tape, t: int | None, inlined: Mapping[int, int]) -> None:
        self.names = names = _Within(tape, t)
        self.text = Formulas(names, BREAKABLE, inlined=inlined)
        self.latex = Formulas(names, breakable(PICTURE), inlined=inlined)

    def equation(self, key: int, step: int | None) -> tuple[str, str]:
        """Return a name, with its formula if it is the result of a step, as text and as LaTeX."""
        label = self.names.label(key)
        text, latex = one_line(label), LATEX.name(label)
        if step is None:
            return text, latex
        return f"{text} = {self.text.forward(step)}", f"{latex} = {self.latex.forward(step)}"

    def contribution(self, n: int, operand: str) -> tuple[str, str]:
        return (
            contribution_text(self.names, n, operand),
            contribution_text(self.names, n, operand, notation=PICTURE),
        )


class _Within(Tape):
    """A tape with its names as they stand in the frame of time step t."""

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
                raise TypeError(f"weights: the names of leaves, not {kind(name)}")
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
