"""A drawing as DOT text, and what Graphviz' `dot` makes of it where there is one."""

from __future__ import annotations

from tinyad.drawing.elements import BOXES, CLUSTERS, FONT, FORMULA, GREY, INK, LINE, Box, Drawing

TIMEOUT = 10.0  # seconds, for Graphviz
RANKS = {"right": "LR", "down": "TB"}


def dot_text(drawing: Drawing) -> str:
    """Return the drawing as DOT text."""
    from graphviz import Digraph

    lines = {
        "graph": {
            "rankdir": RANKS[drawing.direction],
            "nodesep": "0.16",
            "ranksep": "0.4",
            "nslimit": "2",
            **_letters(11, GREY),
        }
    }
    lines["node"] = {"shape": "box", "height": "0.3", "margin": "0.1,0.06", **_letters(12, INK)}
    lines["edge"] = {"color": LINE, "arrowsize": "0.6", **_letters(10, FORMULA)}
    frames = [Digraph("tape", graph_attr=lines["graph"], node_attr=lines["node"], edge_attr=lines["edge"])]
    for c, (title, parent, _) in enumerate(drawing.clusters[1:], 1):
        fill, frame = CLUSTERS[parent > 0]
        where = "l" if drawing.direction == "down" else "c" if parent else "r"  # the fewest edges pass there
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
    for a, b, label, _ in drawing.edges:
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


def svg_by_dot(text: str) -> str:
    """Return what `dot` makes of DOT text; "" if there is none, it fails or takes too long."""
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
