"""Lines in the layout that was not declared are told once, where there are several of them."""

from tests.support.derivation_texts import fenced
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.source import Source

DECLARE, FORWARD = "layout: {}\nW: N×M\nx, y: M×1\nc: N×1\nconstant: c, y", "L = cᵀ W x + yᵀ x"


def headline(layout, *lines):
    ((_, part),) = check_without_corrections(Source(fenced(DECLARE.format(layout), FORWARD, "\n".join(lines))))
    return "".join(part.headlines)


def test_two_lines_that_are_right_transposed_are_of_the_other_layout():
    """Both have a value in the layout that was declared, and neither has the size of its derivative there."""
    rows = ["dL/dx = cᵀ W + yᵀ", "dL/dW = x cᵀ"]
    assert headline("same", *rows) == "in the other layout 2 of 2 lines hold: declare `layout: row`"
    assert headline("row", *rows) == ""
    same = ["dL/dx = Wᵀ c + y", "dL/dW = c xᵀ"]
    assert headline("row", *same) == "in the other layout 2 of 2 lines hold: declare `layout: same`"


def test_one_line_is_a_mistake_of_its_own():
    assert headline("same", "dL/dx = Wᵀ c + y", "dL/dW = x cᵀ") == ""


def test_a_layout_in_which_no_more_lines_hold_is_not_told():
    """Each is right in one of the layouts, and one more does not fit in either."""
    assert headline("same", "dL/dx = Wᵀ c + y", "dL/dW = x cᵀ", "dL/dW = x yᵀ") == ""
