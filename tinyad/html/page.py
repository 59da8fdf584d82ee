"""Every HTML page and fragment of tinyad: one look, light, dark and on paper; nothing is fetched.

HTML is Markup: a plain string that is put into it is escaped, wherever that happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from tinyad.printing.text import visible

NOTHING = Markup("")
PAGE = Markup("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main class="tinyad">
{body}
</main>
<script>{script}</script>
</body>
</html>
""")


def page(title: str, body: Markup) -> str:
    """Return a self-contained page; its policy lets only the script for its drawings run."""
    script, style = resource("explore.js"), resource("style.css") + resource("page.css")
    return str(PAGE.format(policy=policy(script), title=visible(title), style=style, body=_shown(body), script=script))


def fragment(body: Markup, script: Markup = NOTHING) -> str:
    """Return the same for a notebook."""
    inside = Markup('<div class="tinyad"><style>{}</style>\n{}\n</div>').format(resource("style.css"), _shown(body))
    return str(inside + Markup("<script>{}</script>").format(script) if script else inside)


def _shown(body: Markup) -> Markup:
    """Return HTML with control characters written as escapes."""
    return Markup(visible(escape(body)))


def lines(parts: Iterable[str]) -> Markup:
    """Return parts of a page one below the other."""
    return Markup("\n").join(parts)


def table(heads: Sequence[tuple[str, str]], rows: Iterable[tuple[Markup, Sequence[str]]], caption: str = "") -> Markup:
    """Return a table; heads: (word, class of its column), rows: (attributes, cells)."""
    kinds = [Markup(' class="{}"').format(kind) if kind else NOTHING for _, kind in heads]
    words = [word for word, _ in heads]
    head = _cells(Markup('<th scope="col"{}>{}</th>'), kinds, words)
    body = [
        Markup("<tr{}>{}</tr>").format(attributes, _cells(Markup("<td{}>{}</td>"), kinds, cells))
        for attributes, cells in rows
    ]
    title = Markup("<caption>{}</caption>\n").format(caption) if caption else NOTHING
    first = Markup("<table>{}<thead><tr>{}</tr></thead>").format(title, head)
    return lines([first, Markup("<tbody>"), *body, Markup("</tbody></table>")])


def _cells(template: Markup, kinds: Sequence[Markup], cells: Sequence[str]) -> Markup:
    return NOTHING.join(template.format(kind, cell) for kind, cell in zip(kinds, cells, strict=True))


def policy(script: str) -> str:
    """Return a policy by which nothing is loaded, and nothing runs but this script."""
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


@cache
def resource(name: str) -> Markup:
    """Return a style sheet or script of this package."""
    return Markup(files("tinyad.html").joinpath(name).read_text(encoding="utf-8"))
