"""Pages and fragments: what is no Markup is escaped, wherever it is put in; the style sheets are the drawing's."""

import re

import numpy as np
import pytest
from markupsafe import Markup

from tests.support.pages import Seen, harmless_page
from tinyad.drawing.elements import BOXES, Box, Cluster, Drawing
from tinyad.drawing.svg import svg
from tinyad.html.page import fragment, page, resource, table
from tinyad.html.value_details import figure, formula
from tinyad.printing.markup import joined
from tinyad.printing.notation import MATHML

NASTY = "\"'></title></style></script><img src=x onerror=alert(1)> & &lt; \x1b[31m\u202e"
SHOWN = "\"'></title></style></script><img src=x onerror=alert(1)> & &lt; \\x1b[31m\\u202e"
PUT_IN = {
    "a title": lambda text: page(text, Markup("<p></p>")),
    "lines": lambda text: page("", joined([text], "\n")),
    "a fragment": lambda text: fragment(text),
    "a cell": lambda text: fragment(table([("head", "v")], [(Markup(""), [text])])),
    "a head": lambda text: fragment(table([(text, "v")], [(Markup(""), ["cell"])])),
    "the class of a column": lambda text: fragment(table([("head", text)], [(Markup(""), ["cell"])])),
    "a caption": lambda text: fragment(table([("head", "v")], [], text)),
    "a name in MathML": lambda text: fragment(formula(MATHML.name(text))),
    "a word in MathML": lambda text: fragment(formula(MATHML.word(text))),
    "a number in MathML": lambda text: fragment(formula(MATHML.number(text))),
    "a figure": lambda text: fragment(figure(text, np.ones((1, 1)))),
    "the box of a drawing": lambda text: fragment(
        svg(Drawing([Box("a", (text,), "step", 0)], [], [Cluster("", -1)], []))
    ),
}


@pytest.mark.parametrize("place", PUT_IN)
def test_what_is_no_markup_is_escaped(place):
    made = PUT_IN[place](NASTY)
    seen = Seen(made)
    assert "img" not in seen.tags
    assert "\x1b" not in made
    everything = " ".join([*seen.texts, *(value or "" for _, value in seen.attributes)])
    assert SHOWN in everything


def test_markup_is_put_in_as_it_is():
    assert "<td><b>x</b></td>" in fragment(table([("head", "")], [(Markup(""), [Markup("<b>x</b>")])]))
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in fragment(table([("head", "")], [(Markup(""), ["<b>x</b>"])]))


def test_a_page_is_harmless_and_has_the_style_of_a_fragment():
    html = page("title", Markup("<p>text</p>"))
    harmless_page(html, "#a")
    assert resource("style.css") in html
    assert resource("page.css") in html
    assert resource("style.css") in fragment(Markup("<p>text</p>"))
    assert resource("page.css") not in fragment(Markup("<p>text</p>"))


def test_boxes_have_the_colours_of_the_drawing():
    rules = re.findall(
        r"^\.tinyad \.cover\.(\w+) > rect { fill: (#\w+); stroke: (#\w+); }", resource("style.css"), re.M
    )
    assert {kind: (fill, frame) for kind, fill, frame in rules} == BOXES
    dark = re.findall(r":is\(\.box, \.cover\)\.(\w+) > rect", resource("page.css"))
    assert dark == list(BOXES)
