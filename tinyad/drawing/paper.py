"""How large a picture is on paper, so that its letters can be read there."""

from __future__ import annotations

from math import ceil, isfinite
from typing import NamedTuple

from tinyad.drawing.elements import Drawing, in_lines
from tinyad.drawing.layout import SIZE, Layout

MM = 72 / 25.4  # points in a millimetre
PIXEL = 0.75  # points in a pixel of the layout, where no width is asked for
READABLE = 6.0  # points: smaller letters cannot be read on paper; the indices in formulas are smaller still
LARGEST = 12.0  # points: letters grow no further, and a wider picture has empty sides
LONGEST = (36, 30, 24, 18, 14, 10)  # characters in a line of a formula: shorter ones only where the width asks for it


class Paper(NamedTuple):
    """A layout, how many points one of its pixels is, and how many pixels are empty at its left and at its right."""

    layout: Layout
    scale: float
    side: float = 0.0

    @property
    def sides(self) -> tuple[float, float]:
        """Return the width and the height in points."""
        picture = self.layout.clusters[0]
        return (picture.width + 2 * self.side) * self.scale, picture.height * self.scale


def on_paper(drawing: Drawing, width: float | None = None, as_text: bool = False) -> Paper:
    """Return the layout of a drawing whose formulas are printed breakable, for a picture `width` millimetres wide.

    Formulas have more lines where the width asks for it; `as_text` says that they are not set as LaTeX sets them.  A
    drawing whose letters would be larger than 12 points stands in the middle of the width.
    Raises ValueError where letters would be too small to be read all the same.
    """
    if width is None:
        return Paper(Layout(in_lines(drawing, LONGEST[0], as_text), as_text), PIXEL)
    if isinstance(width, bool) or not isinstance(width, int | float) or not width > 0 or not isfinite(width):
        raise ValueError(f"width={width!r}: a number of millimetres above 0")
    needed = []
    for longest in LONGEST:
        layout = Layout(in_lines(drawing, longest, as_text), as_text)
        needed.append(ceil(READABLE / layout.smallest_letters * layout.clusters[0].width / MM))
        if needed[-1] <= width:
            scale = min(width * MM / layout.clusters[0].width, LARGEST / SIZE)
            return Paper(layout, scale, max(width * MM / scale - layout.clusters[0].width, 0.0) / 2)
    raise ValueError(
        f"width={width:g}: too little for letters of {READABLE:g} points, with which this picture is {min(needed)} mm"
        " wide; fold_unnamed=True, sizes=False, fold=[...] or another direction may make it less wide"
    )
