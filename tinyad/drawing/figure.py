"""A drawing as a figure of matplotlib, in the layout of our own: for PDF and PNG."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from tinyad.drawing.elements import BOXES, CLUSTERS, GREY, LINE, Box, formulas_of
from tinyad.drawing.layout import SMALL, TITLE, Item, Point, placed_lines, rounded
from tinyad.drawing.paper import Paper

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 300
LARGEST_PNG, LARGEST_PDF = 100_000_000, 14_400  # pixels in all; points on a side, as the format allows
FONTS: Any = {  # TrueType, which every publisher takes; letters that the first one lacks are of the second one
    "font.family": ["STIXGeneral", "DejaVu Sans"], "mathtext.fontset": "stix", "pdf.fonttype": 42,
}  # fmt: skip


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """Return an empty figure, in inches; ImportError where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("a picture needs matplotlib: pip install matplotlib") from None
    return Figure(figsize=(width, height), **options)  # pyplot would change a notebook's settings


def pdf(paper: Paper) -> bytes:
    """Return a picture as PDF, letters included; ValueError if it is larger than the format allows."""
    width, height = paper.sides
    if max(width, height) > LARGEST_PDF:
        raise ValueError(f"{width / 72:,.0f}×{height / 72:,.0f} inches are too many for PDF; fold some of the steps")
    return _saved(paper, "pdf", {"CreationDate": None})


def png(paper: Paper) -> bytes:
    """Return a picture as PNG with 300 pixels an inch; ValueError if these are too many."""
    width, height = (side / 72 * DPI for side in paper.sides)
    if width * height > LARGEST_PNG or max(width, height) >= 2**16:
        raise ValueError(
            f"{width:,.0f}×{height:,.0f} pixels are too many for PNG; choose PDF, or fold some of the steps"
        )
    return _saved(paper, "png", {"Software": None})


def _saved(paper: Paper, kind: str, about: dict[str, Any]) -> bytes:
    made = new_figure(*(side / 72 for side in paper.sides))
    from matplotlib import rc_context, rcdefaults, rcParams

    file = BytesIO()
    with rc_context():
        rcdefaults()  # whatever the style of a notebook
        rcParams.update(FONTS)
        _draw(made, paper)
        made.savefig(file, format=kind, dpi=DPI, metadata=about)
    return file.getvalue()


def _draw(made: Figure, paper: Paper) -> None:
    layout, scale, side = paper
    drawing, picture = layout.drawing, layout.clusters[0]
    axes = made.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-side, picture.width + side), ylim=(picture.height, 0))
    axes.set_axis_off()
    for cluster, frame in list(zip(drawing.clusters, layout.clusters, strict=True))[1:]:
        _rectangle(axes, frame, CLUSTERS[cluster.parent > 0], scale, 6)
    for edge, line in zip(drawing.edges, layout.lines, strict=True):
        _arrow(axes, line, drawing.boxes[edge.head].kind != "label", layout.down, scale)
    for cluster, frame in list(zip(drawing.clusters, layout.clusters, strict=True))[1:]:
        at = frame.x + frame.title, frame.y - frame.height / 2 + TITLE
        axes.text(*at, cluster.title, fontsize=SMALL * scale, color=GREY, fontweight="bold", parse_math=False)
    for box, place in zip(drawing.boxes, layout.boxes, strict=True):
        _box(axes, box, place, scale)


def _box(axes: Any, box: Box, place: Item, scale: float) -> None:
    if box.kind != "label":
        look = BOXES[box.verdict or box.kind]
        _rectangle(axes, place, look, scale, 12 if box.kind == "leaf" else 2)
        if box.kind == "folded":
            inner = Item(place.width - 6, place.height - 6, x=place.x + 3, y=place.y)
            _rectangle(axes, inner, ("none", look[1]), scale, 2)
    formulas = formulas_of(box)
    for line, formula, (x, y, size, colour) in zip(box.lines, formulas, placed_lines(box, place), strict=True):
        text = f"${formula}$" if formula else line
        axes.text(x, y, text, fontsize=size * scale, color=colour, ha="center", parse_math=bool(formula))


def _rectangle(axes: Any, item: Item, look: tuple[str, str], scale: float, radius: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    fill, edge = look
    shape = f"round,pad=0,rounding_size={min(radius, item.height / 2)}"
    at = item.x, item.y - item.height / 2
    axes.add_patch(FancyBboxPatch(at, item.width, item.height, shape, fc=fill, ec=edge, lw=scale))


def _arrow(axes: Any, line: list[Point], head: bool, down: bool, scale: float) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    x, y = line[-1]
    line = [*line[:-1], (x - 5 * head * (not down), y - 5 * head * down)]
    points, codes = [line[0]], [Path.MOVETO]
    for corner in rounded(line):
        points += corner
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    path = Path([*points, line[-1]], [*codes, Path.LINETO])
    axes.add_patch(PathPatch(path, fc="none", ec=LINE, lw=scale, capstyle="butt"))
    if head:
        back = [(x - 3, y - 7), (x + 3, y - 7)] if down else [(x - 7, y - 3), (x - 7, y + 3)]
        axes.add_patch(Polygon([(x, y), *back], fc=LINE, ec="none"))
