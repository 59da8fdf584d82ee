"""Labels and data: lines that hold if labels sum to 1, and names that no derivative is asked for."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import Condition, ConditionKind

NETWORK = (
    "layout: same\nW: K×M\nx: M×B\nb: K×1\ny: K×B",
    "a = W x + b\np = softmax(a)\nL = -sum(y ∘ log(p)) / B",
    "da = (p - y)/B\ndW = da xᵀ\ndb = da 1_{(B,1)}",
)
IF = "it holds if every column of y sums to 1: declare `sums to 1: y`"


def report(*more, forward=NETWORK[1], backward=NETWORK[2]):
    return check_derivation(fenced("\n".join([NETWORK[0], *more]), forward, backward))


@pytest.mark.parametrize("more", [[], ["constant: x, y"]])
def test_what_holds_if_labels_sum_to_1_is_said(more):
    found = report(*more)
    assert [(v.verdict, v.message, v.suggestion) for v in found.wrong] == [("wrong", IF, "")]
    assert [v.condition for v in found.wrong] == [Condition(ConditionKind.COLUMNS_SUM_TO_1, "y")]
    assert "no correction" not in found.text()
    assert report(*more, "sums to 1: y").wrong == []


def test_it_is_not_said_of_lines_that_are_wrong_all_the_same():
    for slip in ["da = (y - p)/B", "da = p - y", "da = (p ∘ y)/B"]:
        found = report("constant: x, y", backward=NETWORK[2].replace("da = (p - y)/B", slip))
        assert [(v.message, v.condition) for v in found.wrong] == [("", None)], slip
    found = report("constant: x, y", forward=NETWORK[1].replace("softmax", "σ"))
    assert IF not in found.text()


def test_data_need_no_derivative_and_how_to_say_so_is_said():
    said = "no line sets the derivative of x, y (`constant: x, y`, if none is asked for)"
    assert report().parts[0][1].faults == [said]
    assert report("constant: x, y").parts[0][1].faults == []
    assert report("constant: x", "sums to 1: y").ok


ATTENTION = (
    "layout: same\nS: N×M\nV: M×K\ngiven: dO",
    "P = softmax(S)\nO = P V",
    "dP = dO Vᵀ\ndV = Pᵀ dO\ndS = P ∘ (dP - (P ∘ dP) 1_{(M,1)})",
)


def test_what_holds_if_softmax_goes_by_rows_is_said():
    (wrong,) = check_derivation(fenced(*ATTENTION)).wrong
    said = "it holds if softmax goes along the rows, and not down the columns: write softmax_rows(S)"
    assert (wrong.text[:2], wrong.message, wrong.suggestion) == ("dS", said, "")
    assert wrong.condition == Condition(ConditionKind.SOFTMAX_ALONG_ROWS, "S")
    declare, forward, backward = ATTENTION
    assert check_derivation(fenced(declare, forward.replace("softmax", "softmax_rows"), backward)).ok
    columns = backward.replace("(P ∘ dP) 1_{(M,1)}", "1_{(N,1)}ᵀ (P ∘ dP)")
    assert check_derivation(fenced(declare, forward, columns)).ok
    (wrong,) = check_derivation(fenced(declare, forward, columns.replace("dP -", "dP +"))).wrong
    assert "softmax_rows" not in wrong.message


def test_what_cannot_be_supposed_is_left_alone():
    declare = "layout: same\nx: K×B\npositive: y\ny: K×B\nconstant: y"
    forward = "p = softmax(x)\nq = log(sum(y) - 7)\nL = -sum(y ∘ log(p)) + q"  # 7 columns that sum to 1 make it log(0)
    (wrong,) = check_derivation(fenced(declare, forward, "dx = p + y")).wrong
    assert (wrong.verdict, wrong.message) == ("wrong", "")
