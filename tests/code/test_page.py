"""Reports on code as HTML: every line of the source, every finding, nothing of the file unescaped."""

import re
from functools import cache

import pytest

from tests.support.pages import Seen, harmless_page
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text, notebook
from tinyad.code.page import fragment, page
from tinyad.code.report import Report
from tinyad.code.verdicts import Grade, PairVerdict, StatementVerdict, Verdict, WorstEntry
from tinyad.code.wording import entry

NASTY = "</script></svg><img src=x onerror=alert(1)>\"' ]]>&lt;--><!-- \x1b[31m\x07\u202e"
SEEN = "</script></svg><img src=x onerror=alert(1)>\"' ]]>&lt;--><!-- \\x1b[31m\\x07\\u202e"
SOURCE = """\
import numpy as np


def forward(x, w, b):
    z = x @ w + b
    y = np.tanh(z)
    return y, (x, w, y)


def backward(dy, cache):
    x, w, y = cache
    dz = dy * (1 - y)
    dw = (
        x.T @ dy
    )
    dx = dz @ w.T
    return dx, dw, dz.sum(0)


def example():
    r = np.random.default_rng(0)
    return r.normal(size=(5, 3)), r.normal(size=(3, 4)), r.normal(size=4)
"""


@cache
def checked():
    return check_text(Text("layer.py", SOURCE), Options())


def statement(**changes):
    given = {"line": 2, "end_line": 2, "function": "backward", "text": "dz = dy * y", "name": "dz"}
    return StatementVerdict(**({**given, "verdict": Verdict.WRONG} | changes))


def made(statements, text="def backward(dy):\n    dz = dy * y\n    dx = dz\n", **changes):
    pair = PairVerdict("", "forward", "backward", "made.py", tuple(statements), **changes)
    return Report(Text("made.py", text), [pair])


def rows(html):
    """Return {line: its row} of the table with the source."""
    source = html[html.index("<caption>Source</caption>") :]
    return dict(re.findall(r'<tr[^>]*><td class="n">([^<]*)</td>(.*?)</tr>', source, re.DOTALL))


def lacks(html, report):
    """Return the lines of wrong statements that a page does not mark."""
    found = rows(html)
    return [v.line for v in report.wrong if f">{v.verdict}</span>" not in found.get(str(v.end_line), "")]


def test_every_line_of_the_source_is_there():
    seen = harmless_page(page(checked()), "#v[0-9]+")
    texts = seen.texts
    assert all(line in texts for line in SOURCE.splitlines() if line)
    assert "layer.py" in texts


def test_every_wrong_statement_is_marked():
    report = checked()
    html = page(report)
    assert [v.line for v in report.wrong] == [12, 13]
    assert lacks(html, report) == []
    assert [f"#v{k}" for k in range(2)] == re.findall(r'href="([^"]*)"', html)
    assert [f"v{k}" for k in range(2)] == re.findall(r' id="([^"]*)"', html)
    assert ">right</span>" in rows(html)["16"]
    assert "badge" not in rows(html)["11"]


def test_a_page_without_a_mark_is_seen():
    report = checked()
    html = page(report)
    row = rows(html)["12"]
    assert lacks(html.replace(row, row.replace(">wrong</span>", ">right</span>")), report) == [12]
    assert lacks(html.replace(row, ""), report) == [12]


def test_the_first_wrong_one_is_open_and_the_others_are_folded():
    found = rows(page(checked()))
    assert '<details id="v0" open>' in found["12"]
    assert '<details id="v1">' in found["15"]
    assert "<details" not in found["16"]


def test_what_is_said_about_a_statement():
    v = statement(
        message="it has shape (2,)", of="z", of_line=1, of_text="z = x * y", passes=4, wrong_passes=3,
        worst=WorstEntry((0, 2), 1.25, -2.5), looks_like="it has the opposite sign", suggestion="dz = -dy * y",
        suggestion_line=2, suggestion_end=2, suggestion_column=4, suggestion_end_column=15, grade=Grade.LIKELY,
        others=("dz = y * -dy",), spoils=("dx", "dw"),
    )  # fmt: skip
    for html in (page(made([v])), fragment(made([v]))):
        text = re.sub(r"<[^>]+>", "¦", html)
        text = re.sub("¦+", "¦", text)
        for said in (
            "it has shape (2,)", "dz¦ is the derivative for¦z¦ of line 1, ¦z = x * y", "wrong in¦3 of 4 passes",
            "dz[0, 2]¦expected 1.25, found -2.5", "looks like¦it has the opposite sign",
            "likely¦dz = ¦dy * y¦dz = ¦-¦dy * y", "or¦dz = y * -dy", "returned wrong because of it¦dx, dw",
        ):  # fmt: skip
            assert said in text


def test_the_difference_is_marked():
    html = page(checked())
    assert "<del>dz = dy * (1 - y<mark></mark>)</del><ins>dz = dy * (1 - y<mark>**2</mark>)</ins>" in html.replace(
        " ** ", "**"
    )


def test_a_suggestion_for_another_line():
    v = statement(
        suggestion="dx = -dz", suggestion_line=3, suggestion_end=3, suggestion_column=4, suggestion_end_column=11,
        grade=Grade.CERTAIN,
    )  # fmt: skip
    assert "<code>line 3\n<del>dx = <mark></mark>dz</del><ins>dx = <mark>-</mark>dz</ins>" in page(made([v]))


def test_what_is_said_about_a_pair():
    v = statement(verdict=Verdict.NOT_JUDGED, name="q", message="it has no meaning")
    report = made(
        [statement(spoils=("dx",)), v], returned=("dx", "db"), unjudged=(("dq", 3, "nothing is called q"),),
        convention="dz is 3 times the derivative", notes=("a note",), not_seen=("the mask was not tried",),
    )  # fmt: skip
    for html in (page(report), fragment(report)):
        for said in (
            "dx is wrong because of line 2", "db is wrong", "dq (line 3): nothing is called q",
            "q (line 2): it has no meaning",
            "convention: dz is 3 times the derivative", "a note", "the mask was not tried",
        ):  # fmt: skip
            assert f"<li>{said}</li>" in html


def test_a_pair_that_could_not_be_judged():
    report = made([], error="forward raised ZeroDivisionError: division by zero")
    for html in (page(report), fragment(report)):
        assert "ZeroDivisionError" in html
        assert "1 pair not judged" in html


@pytest.mark.parametrize("shown", [page, fragment])
def test_hostile_text_is_escaped(shown):
    v = statement(
        text=NASTY, name=NASTY, message=NASTY, of=NASTY, of_line=1, of_text=f"2 {NASTY}", looks_like=NASTY,
        worst=WorstEntry((1,), 1.0, 2.0), suggestion=f"dz = {NASTY}", suggestion_line=2, suggestion_end=2,
        suggestion_column=4, suggestion_end_column=9, grade="likely", others=(NASTY,), spoils=(NASTY,),
    )  # fmt: skip
    pair = PairVerdict(
        NASTY, NASTY, NASTY, NASTY, (v,), returned=(NASTY,), unjudged=((NASTY, 1, NASTY),), convention=NASTY,
        notes=(NASTY,), not_seen=(NASTY,),
    )  # fmt: skip
    failed = PairVerdict(NASTY, NASTY, NASTY, NASTY, (), error=NASTY)
    html = shown(Report(Text(NASTY, f"# {NASTY}\nx = 1  # {NASTY}\n"), [pair, failed]))
    seen = harmless_page(html, "#v[0-9]+") if shown is page else Seen(html)
    assert "img" not in seen.tags
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html)
    assert sum(SEEN in text for text in seen.texts) >= 12


def test_a_fragment_has_no_source_and_no_script():
    html = fragment(checked())
    seen = Seen(html)
    assert html == checked()._repr_html_()
    assert "script" not in seen.tags
    assert "import numpy as np" not in html
    assert html.count("<details open>") == 1  # the first wrong statement
    assert "Statements that hold, and notes" in html


def test_a_notebook_counts_lines_in_cells():
    lines = SOURCE.splitlines(keepends=True)
    cells = [{"cell_type": "code", "source": lines[:8]}, {"cell_type": "code", "source": lines[8:]}]
    text = notebook("n.ipynb", f'{{"cells": {cells!r}}}'.replace("'", '"'))
    report = check_text(text, Options())
    assert ">wrong</span>" in rows(page(report))["2:4"]
    places = [s["place"] for s in report.to_dict()["pairs"][0]["statements"] if s["verdict"] == "wrong"]
    assert places == ["n.ipynb cell 2, line 4", "n.ipynb cell 2, line 5"]
    for said in (report.text(), page(report)):
        assert "line 5 of cell 1" in said
        assert "wrong because of line 4 of cell 2" in said


def test_lines_without_text_are_cut():
    html = page(made([], text="\n" * 500 + "def backward(dy):\n    return dy\n"))
    assert list(rows(html)) == ["1", "2", "501", "502"]


def test_the_same_report_gives_the_same_page():
    again = check_text(Text("layer.py", SOURCE), Options())
    assert page(again) == page(checked())
    assert fragment(again) == fragment(checked())


def test_an_entry_of_an_expression_has_parentheses():
    first = WorstEntry((0, 1), 1.0, 2.0)
    assert entry("dW", first) == "dW[0, 1]"
    assert entry("self.grads['W'][t]", first) == "self.grads['W'][t][0, 1]"
    assert entry("X.T @ dZ", first) == "(X.T @ dZ)[0, 1]"
    assert entry("dloss", WorstEntry((), 1.0, 2.0)) == "dloss"
