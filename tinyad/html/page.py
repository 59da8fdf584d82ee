"""What every HTML page and piece of tinyad is made with: one look, light, dark and on paper; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tinyad.drawing.elements import BOXES, GREY, INK
from tinyad.printing.text import safe

# The colours of `drawing` are those of paper; a dark page has its own: fill, frame.
DARK = {
    "step": ("#20272f", "#76828e"),
    "leaf": ("#16324a", "#5a8fc0"),
    "folded": ("#2f2a4a", "#9a8fd0"),
    "own": ("#6d1f1a", "#ff8a80"),
    "inherited": ("#5a4300", "#e0b040"),
}


def _coloured(place: str, colours: Mapping[str, tuple[str, str]]) -> str:
    return "".join(
        f"{place}.{kind} > rect {{ fill: {fill}; stroke: {frame}; }}\n" for kind, (fill, frame) in colours.items()
    )


STYLE = (
    f"""
.tinyad .cover text {{ fill: {GREY}; }}
.tinyad .cover text:first-of-type {{ fill: {INK}; }}
{_coloured(".tinyad .cover", BOXES)}"""
    + """
.tinyad.tinyad table { border-collapse: collapse; table-layout: auto; width: 100%; margin: .6em 0 1em; }
.tinyad caption { text-align: left; font-weight: 600; padding: .3em 0; }
.tinyad.tinyad th, .tinyad.tinyad td { text-align: left; vertical-align: baseline; padding: .35em .7em;
  border-bottom: 1px solid var(--line, #8886); background: none; }
.tinyad.tinyad th { font-size: .8em; font-weight: 600; color: var(--dim, inherit); }
.tinyad.tinyad .n { text-align: right; width: 2.6em; white-space: nowrap; font-variant-numeric: tabular-nums; }
.tinyad.tinyad td.n { color: var(--dim, inherit); }
.tinyad .v { width: 1%; white-space: nowrap; max-width: 16em; overflow: hidden; text-overflow: ellipsis; }
.tinyad .f { width: 100%; max-width: 0; }
.tinyad .scroll { overflow-x: auto; overflow-y: hidden; padding: .1em 0; }
.tinyad math { font-size: 1.1em; font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math",
  "DejaVu Math TeX Gyre", math; }
.tinyad tr.bad > td:first-child { box-shadow: inset 4px 0 #b3261e; }
.tinyad tr.unsure > td:first-child { box-shadow: inset 4px 0 #7a4d00; }
.tinyad .badge { display: inline-block; border-radius: .7em; padding: .05em .7em; font-size: .82em; color: #fff;
  background: #b3261e; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.tinyad .good .badge, .tinyad .badge.good { background: #1a6e3c; }
.tinyad .unsure .badge, .tinyad .badge.unsure { background: #7a4d00; }
.tinyad mark { background: #ffe27a; color: #1d1600; border-radius: .15em; print-color-adjust: exact; }
.tinyad pre { margin: .5em 0; padding: .5em .7em; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--soft, #8882); border-radius: .3em; font-size: .9em; line-height: 1.45; }
.tinyad code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.tinyad dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15em .9em; margin: .4em 0; }
.tinyad.tinyad dt { color: var(--dim, inherit); float: none; width: auto; font-weight: normal; white-space: nowrap; }
.tinyad dd { grid-column: 2; margin: 0; padding-bottom: .2em; overflow-wrap: anywhere; overflow-x: auto;
  overflow-y: hidden; }
.tinyad td p { margin: .4em 0; }
.tinyad summary { cursor: pointer; }
.tinyad .said { margin: .2em 0 1em; }
.tinyad .view { overflow: auto; border: 1px solid var(--line, #8886); border-radius: .3em; }
.tinyad .view svg { display: block; }
.tinyad .view svg.live { width: 100%; cursor: grab; touch-action: pan-y; user-select: none; -webkit-user-select: none; }
.tinyad .live .box, .tinyad .live .cover, .tinyad .live .frame text { cursor: pointer; }
.tinyad .live :focus { outline: none; }
.tinyad .live :is(.box, .cover):focus rect, .tinyad .chosen rect { stroke: #0b5cad; stroke-width: 2.5; }
.tinyad .live .frame:focus > text { fill: #0b5cad; text-decoration: underline; }
.tinyad .near path { stroke: #0b5cad; stroke-width: 2; }
.tinyad .bar { display: flex; flex-wrap: wrap; gap: .4em; margin: .4em 0; }
.tinyad .bar button { font: inherit; font-size: .9em; padding: .15em .8em; border-radius: .3em; cursor: pointer;
  color: inherit; background: var(--soft, #8882); border: 1px solid var(--line, #8886); }
.tinyad button.link { font: inherit; color: var(--link, #0b5cad); background: none; border: 0; padding: 0;
  text-decoration: underline; cursor: pointer; }
.tinyad .told:focus { outline: none; }
.tinyad .told { margin: .6em 0; min-height: 3em; }
.tinyad .told section { border-left: 4px solid #0b5cad; padding: .1em 0 .1em .9em; }
.tinyad .told .title { font-size: 1.1em; margin: 0; padding: .3em 0; max-width: none;
  overflow-x: auto; overflow-y: hidden; }
.tinyad .value > summary { padding: .15em 0; overflow-x: auto; overflow-y: hidden; }
.tinyad .value > div { padding: .1em 0 .6em 2.6em; }
.tinyad .value .n { display: inline-block; margin-right: .6em; color: var(--dim, inherit); }
.tinyad .size { color: var(--dim, inherit); font-size: .85em; margin: 0 .6em; white-space: nowrap; }
.tinyad .matrices { display: flex; flex-wrap: wrap; gap: .2em 1.6em; align-items: start; }
.tinyad figure { margin: .3em 0; max-width: 100%; }
.tinyad figure pre { white-space: pre; overflow-x: auto; width: max-content; max-width: 100%; box-sizing: border-box; }
.tinyad figcaption { font-size: .9em; overflow-x: auto; overflow-y: hidden; padding-bottom: .35em; }
"""
)
LOOK = (
    """
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --soft: #f2f5f8; --line: #d3dae1; --dim: #56616d;
  --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ed; --paper: #14181d; --soft: #20272f; --line: #3a4550;
  --dim: #a5b0bb; --link: #85bdf7; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #f2f5f8; --line: #bbb; --dim: #444; }
  body { font-size: 10pt; }  .tinyad tr, .tinyad svg { break-inside: avoid; }
  details:not(.value)::details-content { content-visibility: visible; block-size: auto; }
  .tinyad .bar, .tinyad .told:not(:has(section)) { display: none; }
  .tinyad .scroll { overflow: visible; }
  .tinyad svg.live { height: auto !important; }  .tinyad svg { max-width: 100%; height: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1.2rem 4rem; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 1.6em 0 .5em; }
h1 { margin-top: 0; }
p, li { max-width: 46rem; }
a { color: var(--link); }
@media screen and (prefers-color-scheme: dark) {
.view svg > rect { fill: var(--paper); }
.view .frame > rect { fill: #191f26; stroke: #3a4550; }  .view .frame:not([data-parent="0"]) > rect { fill: #222a33; }
.view .edge path { stroke: #76828e; }  .view .edge path + path { fill: #76828e; }
.tinyad .view text { fill: #a5b0bb; }  .tinyad .view :is(.box, .cover) text:first-of-type { fill: var(--ink); }
.tinyad .near path, .tinyad .chosen rect { stroke: #85bdf7; }
"""
    + _coloured(".view .box", DARK)
    + _coloured(".tinyad .view .cover", DARK)
    + "}\n"
)


def page(title: str, body: str) -> str:
    """A self-contained page; all that its policy lets run is the script for its drawings."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy(explorer())}">
<title>{safe(title)}</title>
<style>{STYLE}{LOOK}</style>
</head>
<body>
<main class="tinyad">
{body}
</main>
<script>{explorer()}</script>
</body>
</html>
"""


def piece(body: str, script: str = "") -> str:
    """The same for a notebook."""
    return f'<div class="tinyad"><style>{STYLE}</style>\n{body}\n</div>' + (
        f"<script>{script}</script>" if script else ""
    )


def table(heads: Sequence[tuple[str, str]], rows: Iterable[tuple[str, Sequence[str]]], caption: str = "") -> str:
    """heads: (word, kind of its column); rows: (attributes, cells as HTML)."""
    kinds = [f' class="{kind}"' if kind else "" for _, kind in heads]
    above = "".join(f'<th scope="col"{kind}>{word}</th>' for (word, _), kind in zip(heads, kinds, strict=True))
    below = [
        f"<tr{attributes}>{''.join(f'<td{kind}>{cell}</td>' for kind, cell in zip(kinds, cells, strict=True))}</tr>"
        for attributes, cells in rows
    ]
    title = f"<caption>{safe(caption)}</caption>\n" if caption else ""
    return "\n".join([f"<table>{title}<thead><tr>{above}</tr></thead>", "<tbody>", *below, "</tbody></table>"])


def policy(script: str) -> str:
    """Nothing is loaded, and nothing runs but this script."""
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


@cache
def explorer() -> str:
    """The script that makes a drawing a thing to look around in."""
    return Path(__file__).with_name("explore.js").read_text(encoding="utf-8")
