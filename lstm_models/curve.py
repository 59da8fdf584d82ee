"""The loss over the updates as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def curve(path: Path, lines: Mapping[str, Sequence[tuple[int, float]]], unit: str, title: str) -> bool:
    """Draw lines of (update, loss) under their names; False without matplotlib."""
    try:
        import matplotlib.figure
    except ImportError:
        return False
    figure = matplotlib.figure.Figure(figsize=(6, 3.2), layout="constrained")  # pyplot would change a notebook's
    axes = figure.subplots()
    for (name, points), color in zip(lines.items(), ("#1f4e79", "#c8551b"), strict=False):
        axes.plot(*zip(*points, strict=True), color=color, linewidth=1.5, label=name)
    axes.set(xlabel="update", ylabel=f"loss, {unit}", title=title)
    axes.grid(alpha=0.3)
    if any(lines):
        axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    return True
