"""Plot what is easier to see than to read: errors, contributions, norms over time, gates.

Needs matplotlib: `pip install matplotlib`.  Every function returns a figure of its own, which shows itself in a
notebook and is written by `figure.savefig(path)`; nothing else of matplotlib is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, as_sized, size
from tinyad.drawing.figure import new_figure
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Tape
from tinyad.gradcheck.rounding import SLACK, relative, spread
from tinyad.printing.listing import contribution_text, tape_of, walk_back
from tinyad.printing.text import at_time, one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GREY, WRONG = "#1f2933", "#7b8794", "#b3261e"
# M. Okabe, K. Ito, "Color universal design" (2008): told apart with any kind of colour vision; black is for totals.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
OTHERS, NOT_FINITE = "#c4cbd2", "#9aa5b1"
PANELS, BARS, TICKS = 24, 16, 40  # the most that can be read
FLOOR = -16.0  # log10 of a relative error that is 0 or nearly so


def errors(d: Derivatives, hand: Mapping[Any, Any], layout: str = "row") -> Figure:
    """Draw derivatives by hand and their errors: a heat map of the errors for each name, in the order of the walk.

    `hand` maps names or Variables to matrices in `layout`, "row" (M×N for an N×M variable) or "same" (N×M), in which
    the picture shows them; a 1-D array is taken for an N×1 or 1×N one of its length.  A colour is log10 of
    `|hand - tape|` over the largest entry on the tape, or where all of them are rounding errors, over the terms they
    are left of.  A name is wrong if an entry is off by more than rounding, or if its size does not fit.  Of more than
    24 names the ones that are most wrong are shown.  Raises KeyError for an unknown name, ValueError or TypeError for
    what is no matrix of numbers, ImportError without matplotlib.
    """
    if layout not in ("row", "same"):
        raise ValueError(f"layout={layout!r}: there are 'row' and 'same'")
    if not hand:
        raise ValueError("nothing to draw: give {name: derivative}")
    panels = _panels(d, hand, layout)
    shown = sorted(sorted(panels, key=lambda panel: -panel.rank)[:PANELS], key=lambda panel: panel.order)
    columns = min(len(shown), 6)
    rows = -(-len(shown) // columns)
    figure = _figure(max(5.0, 1.75 * columns + 1.2), 1.7 * rows + 1.0)
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    image = None
    for axes, panel in zip(cells, shown, strict=False):
        image = _draw_errors(axes, panel) or image
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
    wrong = sum(panel.wrong for panel in panels)
    title = f"{len(panels)} by hand, compared with the tape: {len(panels) - wrong} right, {wrong} wrong"
    if len(shown) < len(panels):
        title += f"; the {len(shown)} with the largest errors"
    if any(np.isnan(panel.logs).any() for panel in shown):
        title += "; grey is not finite"
    figure.suptitle(title, fontsize=10, color=INK)
    if image is not None:
        bar = figure.colorbar(image, ax=list(cells), shrink=min(1.0, 1.8 / rows), pad=0.02)
        bar.set_ticks([-16, -12, -8, -4, 0], labels=["rounding", "1e-12", "1e-8", "1e-4", "1"])
        bar.ax.tick_params(labelsize=8)
        bar.set_label("|hand - tape| / largest entry", fontsize=8)
    return figure


class _Panel(NamedTuple):
    """One name: the relative errors of its entries as log10, or in `misfit` why there are none."""

    name: str
    order: float
    wrong: bool
    logs: Array
    misfit: str = ""

    @property
    def rank(self) -> float:
        """Return how large the error is, to sort by."""
        if self.misfit or np.isnan(self.logs).any():
            return np.inf
        return float(self.logs.max(initial=FLOOR)) if self.wrong else FLOOR - 1


def _panels(d: Derivatives, hand: Mapping[Any, Any], layout: str) -> list[_Panel]:
    terms, unit, panels = spread(d), relative(d), []
    for key, value in hand.items():
        v = d.at(key)
        name = one_line(key if isinstance(key, str) else d.tape.label(v.index))
        true = d.column(v.index) if layout == "same" else d.column(v.index).T
        a = as_sized(value, f"the derivative of {name} by hand", true.shape)
        order = -max((c.step for c in d.contributions(v)[-1:]), default=0) or -np.inf  # a seed alone comes first
        if a.shape != true.shape:
            misfit = f"{size(a.shape)} by hand,\nexpected {size(true.shape)}"
            panels.append(_Panel(name, order, True, np.zeros((0, 0)), misfit))
            continue
        with np.errstate(all="ignore"):  # what is not finite is drawn in a colour of its own
            off = np.abs(a - true)
            slack = SLACK * terms[v.index] * max(unit, float(np.finfo(a.dtype).eps))
            largest = float(np.abs(true).max(initial=0))
            logs = np.where(off == 0, FLOOR, np.log10(off / (largest if largest > slack else terms[v.index] or 1.0)))
        logs[~np.isfinite(off)] = np.nan
        panels.append(_Panel(name, order, not np.all(off <= slack), logs))
    return panels


def _draw_errors(axes: Any, panel: _Panel) -> Any:
    colour, weight, width = (WRONG, "bold", 2.0) if panel.wrong else (INK, "normal", 0.8)
    title = f"{'✗' if panel.wrong else '✓'} ∇{panel.name}"
    axes.set_title(title, fontsize=9, color=colour, fontweight=weight, parse_math=False)
    axes.spines[:].set(color=colour, linewidth=width)
    if not panel.logs.size:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, panel.misfit or "no entries", fontsize=8, ha="center", va="center", color=INK)
        return None
    image = _heat_map(axes, panel.logs, "YlOrBr", (FLOOR, 0.0))
    axes.tick_params(labelsize=7, length=2)
    return image


def contributions(d: Derivatives, name: Any) -> Figure:
    """Draw what a derivative is the sum of: a bar for each entry, made of the contributions of the steps.

    Positive ones stand upwards from 0, negative ones downwards, and a black mark is their sum, the derivative.  An
    entry is "row, column" in row layout (M×N for an N×M variable `name`, a name or Variable).  Of more than 16 entries
    the largest are shown, of more than 7 contributions the largest by name and the others as one.  Raises KeyError for
    an unknown name, TypeError if it is complex, ValueError if L does not depend on it or a contribution is not finite,
    ImportError without matplotlib.
    """
    v = d.at(name)
    title = one_line(name if isinstance(name, str) else d.tape.label(v.index))
    summed = d.contributions(v)
    if not summed:
        raise ValueError(f"{title} has no contributions: L does not depend on it")
    _real(summed[0].array, f"the derivative of {title}")
    if not all(np.isfinite(c.array).all() for c in summed):
        raise ValueError(f"a contribution to {title} is not finite; tinyad.first_nonfinite(tape) may say what made it")
    labels = [f"step {c.step}: {contribution_text(d.tape, c.step, c.operand)}" if c.step else "given" for c in summed]
    arrays: dict[int, Array] = {k: c.array for k, c in enumerate(summed)}
    most = len(COLOURS)
    kept = sorted(sorted(arrays, key=lambda k: -np.abs(arrays[k]).max(initial=0))[:most])
    stacked = [(labels[k], COLOURS[n], arrays[k]) for n, k in enumerate(kept)]
    if len(summed) > most:
        rest = np.sum([a for k, a in arrays.items() if k not in kept], axis=0)
        stacked.append((f"the sum of {len(summed) - most} other contributions", OTHERS, rest))
    total: Array = np.sum(list(arrays.values()), axis=0)
    entries = sorted(np.ndindex(total.shape), key=lambda entry: -abs(total[entry]))[:BARS]
    if total.size <= BARS:
        entries.sort()
    figure = _figure(max(4.8, 0.42 * len(entries) + 1.6), 2.9 + 0.19 * len(stacked))
    axes = figure.subplots()
    above, below, at = np.zeros(len(entries)), np.zeros(len(entries)), np.arange(len(entries))
    bars = []
    for _, colour, array in stacked:
        heights = np.array([array[entry] for entry in entries])
        bottom = np.where(heights >= 0, above, below)
        bars.append(axes.bar(at, heights, 0.72, bottom, color=colour, edgecolor="white", linewidth=0.5))
        above, below = above + np.maximum(heights, 0), below + np.minimum(heights, 0)
    (mark,) = axes.plot(
        at, [total[entry] for entry in entries], linestyle="", marker="D", markersize=5, color="black",
        markeredgecolor="white",
    )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(at, [f"{row + 1}, {column + 1}" for row, column in entries], fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    which = "entry: row, column"
    if len(entries) < total.size:
        which += f" (the {len(entries)} largest of {total.size:,})"
    axes.set_xlabel(which, fontsize=9)
    axes.set_ylabel("contributions and their sum", fontsize=9)
    n = len(summed)
    axes.set_title(f"∇{title} in {n} contribution{'s' * (n > 1)}", fontsize=10, color=INK, parse_math=False)
    _look(axes, "y")
    _legend(figure, [*bars, mark], [*(text for text, _, _ in stacked), f"∇{title}, their sum"])
    return figure


def norms(d: Derivatives, names: Iterable[str] | None = None) -> Figure:
    """Draw how large derivatives are, step by step, and over the time steps where names have them, such as h[3].

    A norm is the square root of the sum of the squares of all entries, of all examples together.  On the left stands
    the derivative of each step's result, on the right a line for each of `names`, written without time step; without
    `names` those with the most time steps, seven at the most.  Inputs among `names` stand on the left at step 0.  The
    scale is logarithmic; ▾ at the bottom is a norm of 0, ▴ at the top one that is not finite.  Raises KeyError for a
    name that is not on the tape, ValueError for a tape without steps, ImportError without matplotlib.
    """
    tape = walk_back(d, "norms").tape
    made = {z: n for n, (_, z, _, _) in enumerate(tape.steps, 1) if z < d.length}
    if not made:
        raise ValueError("the tape has no steps whose derivatives could be drawn")
    over = _over_time(tape, d.length)
    if names is None:
        most = max(map(len, over.values()), default=0)
        chosen = [name for name, times in over.items() if len(times) == most > 1]
    else:
        chosen = list(dict.fromkeys([names] if isinstance(names, str) else names))
    shown = {name: over[name] if name in over else {0: d.at(name).index} for name in chosen[: len(COLOURS)]}
    lines = [name for name in shown if name in over]
    sizes = {i: _norm(d.column(i)) for i in {*made, *(i for times in shown.values() for i in times.values())}}
    figure = _figure(9.0 if lines else 6.4, 3.6)
    by_step, *by_time = figure.subplots(1, 2 if lines else 1, squeeze=False, sharey=True)[0]
    coloured = {i for times in shown.values() for i in times.values()}
    _draw(by_step, [(n, sizes[i]) for i, n in made.items() if i not in coloured], GREY, ".")
    for (name, times), colour in zip(shown.items(), COLOURS, strict=False):
        _draw(by_step, [(made.get(i, 0), sizes[i]) for i in times.values()], colour, "o")
        for axes in by_time if name in over else ():
            _draw(axes, [(t, sizes[i]) for t, i in sorted(times.items())], colour, "o-")
    by_step.set_ylabel("norm of the derivative", fontsize=9)
    by_step.set_xlabel("step", fontsize=9)
    if len(made) <= TICKS and not lines:
        by_step.set_xlabel("result of step 1, 2, ...", fontsize=9)
        by_step.set_xticks(list(made.values()), [one_line(tape.label(i)) for i in made], rotation=90, parse_math=False)
    for axes in by_time:
        axes.set_xlabel("time step", fontsize=9)
        times_of_all = [t for name in lines for t in over[name]]
        _whole_numbers(axes.xaxis, min(times_of_all), max(times_of_all))
    for axes in (by_step, *by_time):
        _logarithmic(axes, sizes.values())
        _look(axes, "both")
    zeros, wild = sum(x == 0 for x in sizes.values()), sum(not np.isfinite(x) for x in sizes.values())
    title = "Norms of derivatives" + f"; {zeros} are 0 (▾)" * bool(zeros) + f"; {wild} are not finite (▴)" * bool(wild)
    if len(shown) < len(chosen):
        title += f"; {len(shown)} of {len(chosen)} names"
    figure.suptitle(title, fontsize=10, color=INK)
    if shown:
        keys = [_key(colour) for _, colour in zip(shown, COLOURS, strict=False)]
        _legend(figure, keys, [f"∇{one_line(name)}" + "[t]" * (name in over) for name in shown], columns=4)
    return figure


def gates(tape: Tape, names: Iterable[str], example: int = 1) -> Figure:
    """Draw values over time: a heat map for each name, such as a gate f for f[1], f[2], ..., units against time steps.

    `example` is the column of the N×B values that is drawn, from 1.  Values between 0 and 1, as a sigmoid's, have a
    scale from 0 to 1, others, as a tanh's, one that is symmetric about 0 and reaches at least from -1 to 1; grey is not
    finite.  Raises KeyError for a name without time steps, ValueError if there is no such example or the sizes of a
    name differ over time, TypeError if it is complex, ImportError without matplotlib.
    """
    tape = tape_of(tape, "gates")
    over, wanted = _over_time(tape, len(tape.values)), [names] if isinstance(names, str) else list(names)
    if not wanted:
        raise ValueError("nothing to draw: give names such as 'f' for f[1], f[2], ...")
    images = {name: _image(tape, over, name, example) for name in dict.fromkeys(wanted)}
    figure = _figure(6.4, 0.7 + 1.35 * len(images))
    panels = figure.subplots(len(images), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, image) in zip(panels, images.items(), strict=True):
        finite = image[np.isfinite(image)]
        far = float(np.abs(finite).max(initial=1))
        least = 0.0 if np.all((finite >= 0) & (finite <= 1)) else -far
        drawn = _heat_map(axes, image, "cividis" if least == 0 else "PuOr", (least, far), min(over[name]))
        axes.set_title(one_line(name), fontsize=9, loc="left", color=INK, parse_math=False)
        axes.set_ylabel("unit", fontsize=8)
        axes.tick_params(labelsize=8, length=2)
        figure.colorbar(drawn, ax=axes, pad=0.01, aspect=8).ax.tick_params(labelsize=8)
    panels[-1].set_xlabel(f"time step, of example {example}", fontsize=9)
    return figure


def _image(tape: Tape, over: Mapping[str, Mapping[int, int]], name: str, example: int) -> Array:
    """Return units × time steps; NaN where a time step is missing."""
    if name not in over:
        there_are = ", ".join(map(one_line, over)) or "none"
        raise KeyError(f"{name!r} has no time steps; names that have them: {there_are}")
    times = over[name]
    values = {t: tape.values[i] for t, i in times.items()}
    heights = {value.shape[0] for value in values.values()}
    if len(heights) > 1:
        raise ValueError(f"{one_line(name)} has {' and '.join(map(str, sorted(heights)))} units, by time step")
    image = np.full((heights.pop(), max(times) - min(times) + 1), np.nan)
    for t, value in values.items():
        _real(value, f"{one_line(name)}[{t}]")
        if not 1 <= example <= value.shape[1]:
            raise ValueError(f"example={example}: {one_line(name)}[{t}] has the examples 1 to {value.shape[1]}")
        image[:, t - min(times)] = value[:, example - 1]
    return image


def _over_time(tape: Tape, length: int) -> dict[str, dict[int, int]]:
    """Return {name without time step: {time step: position}}; first names, as they are printed."""
    over: dict[str, dict[int, int]] = {}
    for i, label in tape.names.items():
        name, t = at_time(label)
        if t is not None and i < length:
            over.setdefault(name, {})[t] = i
    return over


def _norm(column: Array) -> float:
    with np.errstate(all="ignore"):  # what is not finite is drawn at the top
        return float(np.linalg.norm(column.ravel()))


def _real(a: Array, what: str) -> None:
    if a.dtype.kind == "c":
        raise TypeError(f"{what} is complex; there is no picture of that")


def _figure(width: float, height: float) -> Figure:
    figure = new_figure(width, height, layout="constrained")
    setattr(figure, "_repr_png_", partial(_png, figure))  # noqa: B010  for IPython, which knows pyplot's figures only
    return figure


def _png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _heat_map(axes: Any, image: Array, colours: str, limits: tuple[float, float], first: int = 1) -> Any:
    """Draw a matrix; rows are counted from 1, columns from `first`."""
    from matplotlib import colormaps

    rows, columns = image.shape
    drawn = axes.imshow(
        image, cmap=colormaps[colours].with_extremes(bad=NOT_FINITE), vmin=limits[0], vmax=limits[1], aspect="auto",
        interpolation="nearest", extent=(first - 0.5, first + columns - 0.5, rows + 0.5, 0.5),
    )  # fmt: skip
    _whole_numbers(axes.xaxis, first, first + columns - 1)
    _whole_numbers(axes.yaxis, 1, rows)
    return drawn


def _whole_numbers(axis: Any, first: int, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    if last - first < 5:
        axis.set_ticks(range(first, last + 1))
    else:
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))


def _draw(axes: Any, points: Sequence[tuple[int, float]], colour: str, look: str) -> None:
    """Draw positive norms where they are, those of 0 at the bottom edge, those that are not finite at the top."""
    line = [y if y > 0 and np.isfinite(y) else np.nan for _, y in points]
    axes.plot([x for x, _ in points], line, look, color=colour, markersize=4, linewidth=1.5)
    zero, wild = [x for x, y in points if y == 0], [x for x, y in points if not np.isfinite(y)]
    for edge, height, at in (("v", 0.0, zero), ("^", 1.0, wild)):
        if at:
            across = axes.get_xaxis_transform()
            axes.plot(at, [height] * len(at), edge, color=colour, markersize=5, clip_on=False, transform=across)


def _key(colour: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker="o", markersize=4)


def _logarithmic(axes: Any, drawn: Iterable[float]) -> None:
    """Set a logarithmic scale that shows two decades at least."""
    positive = [y for y in drawn if y > 0 and np.isfinite(y)] or [1.0]
    low, high = np.log10(min(positive)), np.log10(max(positive))
    middle, half = (low + high) / 2, max(1.0, 0.55 * (high - low))
    axes.set(yscale="log", ylim=(10.0 ** (middle - half), 10.0 ** (middle + half)))


def _look(axes: Any, grid: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=grid, alpha=0.3)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Any, handles: list[Any], texts: list[str], columns: int = 1) -> None:
    legend = figure.legend(handles, texts, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
