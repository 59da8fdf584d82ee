"""The links of a built site: `python -m tests.support.links FOLDER` lists what is broken or loaded from afar.

Every local address has its file, and every #fragment its anchor.  A link to another site is a link, and is not
followed; a script, style, font or picture from there is an error, for the site is read without a network.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script", "link", "img", "source", "iframe", "object", "embed", "video", "audio", "image", "use"}
STYLE = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")


class Page(HTMLParser):
    """`anchors` of a page, and its `addresses`: (address, whether it is loaded with the page)."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.addresses, self.inside = set(), [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            if name in ("href", "src", "data", "poster", "xlink:href") and value:
                self.addresses.append((value, tag in LOADS))
            if name == "srcset" and value:
                self.addresses += [(part.split()[0], True) for part in value.split(",")]
            if name == "style" and value:
                self.addresses += styled(value)

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "style":
            self.addresses += styled(data)


def styled(css):
    return [(address or imported, True) for address, imported in STYLE.findall(css)]


def broken(folder):
    """A sentence for each address of the site that does not lead to where it says, or loads from elsewhere."""
    folder = Path(folder).resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    found = [] if pages else [f"{folder}: no pages"]
    addresses = [(path, *each) for path, page in pages.items() for each in page.addresses]
    for path in sorted(folder.rglob("*.css")):
        addresses += [(path, *each) for each in styled(path.read_text(encoding="utf-8"))]
    for path, address, loaded in addresses:
        why = fault(folder, pages, path, address, loaded)
        found += [f"{path.relative_to(folder)}: {address}: {why}"] if why else []
    return list(dict.fromkeys(found))


def fault(folder, pages, path, address, loaded):
    """What is wrong with one address; "" if nothing is."""
    url = urlsplit(address)
    if url.scheme == "data":
        return ""
    if url.scheme or url.netloc:
        return "loaded from another site" if loaded else ""
    target = (path.parent / unquote(url.path)).resolve() if url.path else path
    if url.path.startswith("/") or not target.is_relative_to(folder):
        return "outside of the site"
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "no such file"
    if url.fragment and target in pages and unquote(url.fragment) not in pages[target].anchors:
        return "no such anchor"
    return ""


if __name__ == "__main__":
    wrong = broken(sys.argv[1])
    print("\n".join(wrong) or "every link of the site leads somewhere, and no page needs a network")
    sys.exit(bool(wrong))
