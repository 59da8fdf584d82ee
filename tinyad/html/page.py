"""Every HTML page and fragment of tinyad: one look, light, dark and on paper; nothing is fetched.

HTML is Markup: a plain string that is put into it is escaped, wherever that happens.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from tinyad.printing.markup import filled, joined
from tinyad.printing.text import visible

NOTHING = Markup("")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="%s">
<title>%s</title>
<style>%s</style>
</head>
<body>
<main class="tinyad">
%s
</main>
<script>%s</script>
</body>
</html>
"""


def page(title: str, body: Markup) -> str:
    """Return a self-contained page; its policy lets only the script for its drawings run."""
    script, style = resource("explore.js"), resource("style.css") + resource("page.css")
    return str(filled(PAGE, policy(script), visible(title), style, _shown(body), script))


def fragment(body: Markup, script: Markup = NOTHING) -> str:
    """Return the same for a notebook."""
    inside = filled('<div class="tinyad"><style>%s</style>\n%s\n</div>', resource("style.css"), _shown(body))
    return str(inside + filled("<script>%s</script>", script) if script else inside)


def _shown(body: Markup) -> Markup:
    """Return HTML with control characters written as escapes."""
    return Markup(visible(escape(body)))


def lines(parts: Iterable[str]) -> Markup:
    """Return parts of a page one below the other."""
    return joined(parts, "\n")


def table(heads: Sequence[tuple[str, str]], rows: Iterable[tuple[Markup, Sequence[str]]], caption: str = "") -> Markup:
    """Return a table; heads: (word, class of its column), rows: (attributes, cells)."""
    kinds = [filled(' class="%s"', kind) if kind else NOTHING for _, kind in heads]
    words = [word for word, _ in heads]
    head = _cells('<th scope="col"%s>%s</th>', kinds, words)
    body = [filled("<tr%s>%s</tr>", attributes, _cells("<td%s>%s</td>", kinds, cells)) for attributes, cells in rows]
    title = filled("<caption>%s</caption>\n", caption) if caption else NOTHING
    first = filled("<table>%s<thead><tr>%s</tr></thead>", title, head)
    return lines([first, Markup("<tbody>"), *body, Markup("</tbody></table>")])


def _cells(template: str, kinds: Sequence[Markup], cells: Sequence[str]) -> Markup:
    return joined(filled(template, kind, cell) for kind, cell in zip(kinds, cells, strict=True))


def file_name(path: str) -> str:
    """Return the name of a file without its folders: a page may be shown where nobody has these."""
    return os.path.basename(path)


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
