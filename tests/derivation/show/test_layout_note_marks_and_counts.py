"""A layout that was not declared, what a report marks, and the words that it counts with."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

LAYER = "W: N×M\nx: M×1\nb: N×1\ngiven: ∇h", "a = W x + b\nh = tanh(a)"
SAME = "∇a = ∇h ∘ (1 - h²)\n∇W = ∇a xᵀ\n∇b = ∇a\n∇x = Wᵀ ∇a"
ROW = "∇a = ∇h ∘ (1 - h²)ᵀ\n∇W = x ∇a\n∇b = ∇a\n∇x = ∇a W"


def layer(backward, *more):
    return check_derivation(fenced("\n".join([*more, LAYER[0]]), LAYER[1], backward))


@pytest.mark.parametrize(("lines", "more", "other"), [(SAME, [], "same"), (ROW, ["layout: same"], "row")])
def test_lines_in_the_layout_that_was_not_declared_are_known(lines, more, other):
    for text, n in ((lines, 4), (lines.replace("1 - h²", "1 - h"), 3)):
        report = layer(text, *more)
        said = f"in the other layout {n} of 4 lines hold: declare `layout: {other}`"
        assert report.text().split("\n")[1] == f"    {said}"
        assert report.text().count(said) == 1
        assert report.to_dict()["parts"][0]["notes"][0] == said
        assert report.html().index(said) < report.html().index("<main") + 2000
        assert said in report._repr_html_()


def test_the_other_layout_is_not_proposed_where_no_more_lines_hold_in_it():
    wrong = ROW.replace("x ∇a", "∇a x").replace("∇a W", "W ∇a")
    assert [v.verdict for v in layer(wrong).wrong] == ["does not fit"] * 2
    assert "other layout" not in layer(wrong).text()
    assert "other layout" not in layer(ROW.replace("x ∇a", "∇a xᵀ")).text()


@pytest.mark.parametrize(("slip", "mark"), [("(1 - h)ᵀ", "h"), ("(1 - h²)", "(1 - h²)")])
def test_what_gets_an_exponent_is_marked(slip, mark):
    report = layer(ROW.replace("(1 - h²)ᵀ", slip))
    start, end = report.first_wrong.at
    assert report.source.text[start:end] == mark
    assert f"<mark>{mark}</mark>" in report.html()


def test_lines_are_counted_in_the_words_of_their_verdicts():
    text = ROW.replace("x ∇a", "∇a x").replace("∇a W", "W ∇a") + "\n∇c = ∇a"
    report = layer(text)
    assert report.summary() == "derivation: 2 of 5 lines hold; 2 do not fit, 1 undefined"
    for words in ("2 do not fit", "1 undefined"):
        assert f">{words}</span>" in report.html()
    report = layer(ROW.replace("∇x = ∇a W", ""))
    assert report.summary().endswith("; 1 left out")
    assert "Left out (1)" in report.html()
