"""What HTML is looked at with."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from tinyad.html.page import resource

SCRIPT = resource("explore.js")
EMPTY = ("meta", "br", "img", "link")
FEW = {"msub": 2, "msup": 2, "mfrac": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3, "math": 1}


class Seen(HTMLParser):
    """The tags, attributes and texts of a page; fails where an element is not closed where it should be."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts, self.attributes, self.counts = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if self.counts:
            self.counts[-1] += 1
        if tag not in EMPTY:
            self.open.append(tag)
            self.counts.append(0)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        children = self.counts.pop()
        assert children == FEW.get(tag, children), f"{tag} with {children} children"

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def harmless_page(html, links):
    """Fails where a page fetches something, or runs another script than the one that its policy names."""
    seen = Seen(html)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert ("content", policy) in seen.attributes
    assert html.count("<script") == html.count(f"<script>{SCRIPT}</script>") == 1
    assert not {"img", "link", "iframe", "object", "base", "form"} & set(seen.tags)
    for name, value in seen.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "action", "data")
        assert name != "href" or re.fullmatch(links, value)
        assert "http" not in str(value) or (name, value) == ("xmlns", "http://www.w3.org/2000/svg")
        assert "url(" not in str(value)
    assert not re.search(r"url\(|@import", resource("style.css") + resource("page.css"))
    assert not re.search(r"fetch\(|XMLHttp|import\b|eval\(|innerHTML|document\.write|https?:", SCRIPT)
    return seen
