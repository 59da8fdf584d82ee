"""The checker of links finds what is broken, and nothing else."""

import pytest

from tests.support.links import broken

INDEX = """<html><head><link rel="stylesheet" href="static/a.css?v=1"><script src="static/a.js"></script></head>
<body id="top"><a href="#top">.</a> <a href="more/page.html#a%C3%A9">.</a> <a href="more/">.</a> <a name="old"></a>
<a href="https://example.org/x#y">.</a> <a href="mailto:a@example.org">.</a> <img src="data:image/png;base64,AA">
{}</body></html>"""
PAGE = '<p id="aé"><a href="../index.html#old">.</a> <a href="../static/a.js">.</a> <a href="">.</a></p>'


@pytest.fixture
def site(tmp_path):
    """Writes a site in which one thing may be added, and says what is broken."""

    def write(added="", css=""):
        for name, text in {
            "index.html": INDEX.format(added),
            "more/page.html": PAGE,
            "more/index.html": "<p>.</p>",
            "static/a.css": f"@import 'b.css'; p {{ background: url(data:image/svg+xml,x) }} {css}",
            "static/b.css": "",
            "static/a.js": "'https://example.org' // in a script it is text",
        }.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return broken(tmp_path)

    return write


def test_a_whole_site(site):
    assert site() == []


@pytest.mark.parametrize(
    ("added", "found"),
    [
        ('<a href="none.html">.</a>', "index.html: none.html: no such file"),
        ('<a href="more/none.html#a">.</a>', "index.html: more/none.html#a: no such file"),
        ('<a href="#none">.</a>', "index.html: #none: no such anchor"),
        ('<a href="more/page.html#none">.</a>', "index.html: more/page.html#none: no such anchor"),
        ('<a href="more/#a">.</a>', "index.html: more/#a: no such anchor"),
        ('<img src="none.png">', "index.html: none.png: no such file"),
        ('<img srcset="none.png 2x">', "index.html: none.png: no such file"),
        ('<a href="/index.html">.</a>', "index.html: /index.html: outside of the site"),
        ('<a href="../x">.</a>', "index.html: ../x: outside of the site"),
        ('<script src="https://example.org/a.js"></script>', "https://example.org/a.js: loaded from another site"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "//example.org/a.css: loaded from another site"),
        ('<img src="http://example.org/a.png">', "http://example.org/a.png: loaded from another site"),
        ('<p style="background: url(http://example.org/a.png)">', "http://example.org/a.png: loaded from another site"),
        ("<style>@import 'https://example.org/a.css'</style>", "https://example.org/a.css: loaded from another site"),
        ('<svg><use xlink:href="https://example.org/a.svg#b"/></svg>', "a.svg#b: loaded from another site"),
    ],
)
def test_what_is_broken_is_found(site, added, found):
    (line,) = site(added)
    assert line.endswith(found)


def test_styles_are_read(site):
    assert site(css="@font-face { src: url('https://example.org/a.woff') }") == [
        "static/a.css: https://example.org/a.woff: loaded from another site"
    ]
    assert site(css='p { background: url("none.png") }') == ["static/a.css: none.png: no such file"]


def test_no_site(tmp_path):
    assert broken(tmp_path / "none") == [f"{tmp_path.resolve() / 'none'}: no pages"]
