"""A little Markdown as HTML: headings, paragraphs, lists, code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup

from tinyad.html.page import NOTHING, lines

CODE = Markup("<code>{}</code>")


class Prose:
    """The prose of one page.  Headings never skip a level, whatever the file does."""

    def __init__(self) -> None:
        self._level = 1

    def html(self, text: str) -> Markup:
        """Return the next piece of prose."""
        parts = re.split(r"^[ \t]*~~~[^\n]*\n(.*?)^[ \t]*~~~+[ \t]*$", text, flags=re.MULTILINE | re.DOTALL)
        return lines(
            Markup("<pre><code>{}</code></pre>").format(part) if k % 2 else lines(self._blocks(part))
            for k, part in enumerate(parts)
        )

    def _blocks(self, text: str) -> Iterator[Markup]:
        """Yield headings, paragraphs and lists."""
        text = re.sub(r"^ {0,3}#{1,6} [^\n]*$", r"\n\n\g<0>\n\n", text, flags=re.MULTILINE)
        for block in re.split(r"\n[ \t]*\n", text):
            heading = re.match(r"\s*(#{1,6}) +(.*)", block)
            if heading:
                self._level = min(max(2, len(heading[1])), self._level + 1)
                yield Markup("<h{0}>{1}</h{0}>").format(self._level, inline(heading[2].rstrip(" #")))
            elif block.strip():
                yield from _paragraph_and_list(block)


def _paragraph_and_list(block: str) -> Iterator[Markup]:
    """Yield the paragraph before the first item, and the list; a line without a sign continues an item."""
    before, *items = re.split(r"^[ \t]*(?:[-*+][ \t]+|(?=\d+[.)] ))", block, flags=re.MULTILINE)
    if before.strip():
        yield Markup("<p>{}</p>").format(inline(before))
    if items:
        numbered = all(re.match(r"\d+[.)] ", item) for item in items)
        texts = [re.sub(r"^\d+[.)] +", "", item) if numbered else item for item in items]
        shown = NOTHING.join(Markup("<li>{}</li>").format(inline(text)) for text in texts)
        yield Markup("<{0}>{1}</{0}>").format("ol" if numbered else "ul", shown)


def inline(text: str) -> Markup:
    """Return text with what stands in backticks as code."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return NOTHING.join(CODE.format(part) if k % 2 else part for k, part in enumerate(parts))
