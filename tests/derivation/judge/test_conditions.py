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


# Symmetric matrices.  The gain of a filter: right for covariances, and the derivative of a quadratic form.

QUADRATIC = ("layout: same\nloss: J\nu: N×1\nS: N×N\nconstant: S", "J = uᵀ S u", "dJ/du = 2 S u")
GAIN = (
    "layout: same\nloss: J\nG: N×M\nF: M×N\nP: N×N\nQ: M×M\nconstant: F, P, Q",
    "E = I - G F\nJ = tr(E P Eᵀ) + tr(G Q Gᵀ)",
    "dJ/dG = 2 G Q - 2 (I - G F) P Fᵀ",
)


def conditions(declare, forward, backward):
    return [(v.verdict, v.condition) for v in check_derivation(fenced(declare, forward, backward), suggest=False).wrong]


@pytest.mark.parametrize(("whole", "names"), [(QUADRATIC, "S"), (GAIN, "P, Q")])
def test_what_holds_for_symmetric_matrices_is_said(whole, names):
    assert conditions(*whole) == [("wrong", Condition(ConditionKind.SYMMETRIC, names))]
    declare, *rest = whole
    assert check_derivation(fenced(f"{declare}\nsymmetric: {names}", *rest)).ok
    assert check_derivation(fenced(f"{declare}\npositive definite: {names}", *rest)).ok
    text = check_derivation(fenced(*whole), suggest=False).text()
    assert f"declare `symmetric: {names}`" in text
    assert "twice" not in text


def test_a_forgotten_transposition_is_no_condition():
    """dx = W dz holds if W is symmetric, and it is not what was meant."""
    declare = "layout: same\nW: N×N\nx: N×1\nconstant: W\ngiven: dz"
    (wrong,) = check_derivation(fenced(declare, "z = W x", "dx = W dz")).wrong
    assert (wrong.condition, wrong.suggestion) == (None, "dx = Wᵀ dz")


def test_a_line_with_another_slip_has_no_condition():
    for slip in ("dJ/du = 3 S u", "dJ/du = 2 S S u", "dJ/du = -2 S u"):
        assert conditions(*QUADRATIC[:2], slip) == [("wrong", None)]


# What would make the derivative 0, or is no label.


@pytest.mark.parametrize(
    ("line", "verdict"), [("dx = 3 p ∘ (dp - pᵀ dp)", "wrong"), ("dx = dp ∘ (p - p ∘ p)", "wrong")]
)
def test_softmax_along_the_rows_of_one_column_is_no_condition(line, verdict):
    """It would be 1 everywhere, and every derivative 0."""
    assert conditions("layout: same\nx: N×1\ngiven: dp", "p = softmax(x)", line) == [(verdict, None)]


def test_a_number_is_no_column_of_labels():
    """One number sums to 1 if it is 1: then the forgotten quotient would not show."""
    declare = "layout: same\nloss: J\nz, y: K×1\nτ: 1×1\nsums to 1: y\nconstant: τ\npositive: τ"
    assert conditions(declare, "p = softmax(z / τ)\nJ = -yᵀ log(p)", "dJ/dz = p - y") == [("wrong", None)]


def test_labels_in_rows():
    declare = "layout: same\nX: B×D\nV: D×K\nY: B×K\nconstant: X, Y"
    forward = "S = X V\nQ = softmax_rows(S)\nL = -sum(Y ∘ log(Q))"
    backward = "dS = Q - Y\ndV = Xᵀ dS"
    assert conditions(declare, forward, backward) == [("wrong", Condition(ConditionKind.ROWS_SUM_TO_1, "Y"))]
    assert check_derivation(fenced(f"{declare}\nrows sum to 1: Y", forward, backward)).ok


def test_a_condition_that_spoils_another_line_is_not_said():
    """With softmax along the rows line 1 would hold, and line 2, which is right, would not."""
    declare = "layout: same\nS: N×M\ngiven: dP"
    forward = "P = softmax(S)\nR = P ∘ P"
    rows, columns = "dS = P ∘ (dP - (P ∘ dP) 1_{(M,1)} 1_{(M,1)}ᵀ)", "dS = P ∘ (dP - 1_{(N,1)} 1_{(N,1)}ᵀ (P ∘ dP))"
    alone = conditions(declare, forward, rows)
    assert [found and found.kind for _, found in alone] == [ConditionKind.SOFTMAX_ALONG_ROWS]
    both = conditions(declare, forward, f"{rows}\n{columns}")
    assert (both[0][0], both[0][1]) == ("wrong", None)


def test_an_identity_beside_a_column_does_not_fit():
    declare, forward = "u, v: N×1\ngiven: ∇w", "w = u ∘ v"
    for formula in ("∇w (I ∘ u)", "∇w (I_{N×N} ∘ u)", "∇w (u ∘ I)", "∇w ((I) ∘ u)"):
        (line,) = check_derivation(fenced(declare, forward, f"∇v = {formula}\n∇u = ∇w diag(v)"), suggest=False).wrong
        assert (line.verdict, "5×5" in line.message) == ("does not fit", True)
    assert check_derivation(fenced(declare, forward, "∇v = ∇w diag(u)\n∇u = ∇w diag(v)")).ok


# Which condition is said, of several names and several functions.

SYMMETRIC = "layout: same\nloss: J\nu: N×1\n{more}\nS: N×N\nconstant: S"
SYMMETRIC_S = [("wrong", Condition(ConditionKind.SYMMETRIC, "S"))]


@pytest.mark.parametrize(
    ("more", "forward", "backward"),
    [
        # S alone: what would hold too if P were symmetric is not asked for.
        ("P: N×N", "J = uᵀ S u + uᵀ P u", "dJ/du = 2 S u + P u + Pᵀ u"),
        # Three names at most are supposed to be symmetric: data first, and no numbers.
        (
            "A, B, C: N×N",
            "J = uᵀ S u + uᵀ A u + uᵀ B u + uᵀ C u",
            "dJ/du = 2 S u + A u + Aᵀ u + B u + Bᵀ u + C u + Cᵀ u",
        ),
        ("a, b, c: 1×1\nconstant: a, b, c", "J = a b c uᵀ S u", "dJ/du = 2 a b c S u"),
        # At the sample points at which the hinge is off the derivative is 0.
        ("m: 1×1\nconstant: m", "h = m - uᵀ S u\nJ = relu(h)", "dJ/du = -2 S u ∘ relu'(h)"),
        # The other lines stay right, those that name a label too.
        (
            "c: N×1\nconstant: c",
            "J = uᵀ S u + cᵀ u",
            "one: dJ/du = 2 S u\ntwo: dJ/du = c\ndJ/du = dJ/du|_one + dJ/du|_two",
        ),
    ],
)
def test_the_one_name_that_has_to_be_symmetric_is_said(more, forward, backward):
    assert conditions(SYMMETRIC.format(more=more), forward, backward) == SYMMETRIC_S


def test_several_names_are_said_in_the_plural():
    (wrong,) = check_derivation(fenced(*GAIN), suggest=False).wrong
    assert wrong.message == "it holds if P, Q are symmetric: declare `symmetric: P, Q`"
    (wrong,) = check_derivation(fenced(*QUADRATIC), suggest=False).wrong
    assert wrong.message == "it holds if S is symmetric: declare `symmetric: S`"


def test_a_transposition_too_many_is_no_condition():
    """dx = Wᵀ dz holds if W is symmetric, and W dz was meant."""
    declare = "layout: same\nW: N×N\nx: N×1\nconstant: W\ngiven: dz"
    assert conditions(declare, "z = Wᵀ x", "dx = Wᵀ dz") == [("wrong", None)]


def test_a_line_that_is_not_about_the_softmax_gets_no_condition_about_it():
    """With softmax along the rows O is 1 everywhere, and dv = dq holds: the factor O is forgotten all the same."""
    declare, forward = (
        "layout: same\nS, v: N×M\nconstant: S",
        "p = softmax(S)\nO = p 1_{(M,M)}\nq = O ∘ v\nL = 1/2 sum(q²)",
    )
    assert conditions(declare, forward, "dq = q\ndv = dq") == [("wrong", None)]
    assert check_derivation(fenced(declare, forward, "dq = q\ndv = dq ∘ O")).ok


def test_the_softmax_that_is_meant_is_named():
    """There is one along the rows already: it is not that one."""
    declare = "layout: same\nA: B×K\nS: N×M\ngiven: dP, dR"
    lines = ["dS = P ∘ (dP - (P ∘ dP) 1_{(M,1)})", "dA = R ∘ (dR - (R ∘ dR) 1_{(K,1)})"]
    found = conditions(declare, "R = softmax_rows(A)\nP = softmax(S)", "\n".join(lines))
    assert found == [("wrong", Condition(ConditionKind.SOFTMAX_ALONG_ROWS, "S"))]
