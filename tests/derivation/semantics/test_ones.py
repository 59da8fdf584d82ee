"""1, where it is a column of ones: a column in products, a number next to + - ∘ /, and as long as it has to be."""

import numpy as np
import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source
from tinyad.derivation.semantics.drawing import Drawing
from tinyad.derivation.semantics.forward import Forward

MEAN = "layout: same\n1: column of ones\nx: N×1\ngiven: dm"
BATCH = "layout: same\n1: column of ones\nW: N×M\nx: M×B\nb: N×1\ngiven: da"
CENTRED = "layout: same\n1: column of ones\nx: N×1\ngiven: dc"


def held(declare, forward, backward):
    """Whether each line holds."""
    return [v.ok for v in check_derivation(fenced(declare, forward, backward)).verdicts]


def refused(declare, forward, backward="dx = 1 dm"):
    with pytest.raises(DerivationError) as caught:
        check_derivation(fenced(declare, forward, backward))
    return str(caught.value).split("\n")[0]


FACTORS = ["1/N 1ᵀ x", "(1/N) 1ᵀ x", "1ᵀ x / N", "1/N (1ᵀ x)", "1/N 1^T x", "1/N 𝟏ᵀ x", r"\frac{1}{N} 1^\top x"]


@pytest.mark.parametrize("formula", FACTORS)
def test_a_transposed_1_is_the_row_whatever_stands_before_it(formula):
    assert held(MEAN, f"m = {formula}", "dx = dm / N") == [False]
    for right in ["1 dm / N", "1/N 1 dm", "(1/N) 1 dm", "1/N dm 1"]:
        assert held(MEAN, f"m = {formula}", f"dx = {right}") == [True], right


@pytest.mark.parametrize("factor", ["2/N", "1/2", "3", "-2"])
def test_a_number_in_front_of_the_row_stays_a_factor(factor):
    assert held(MEAN, f"m = {factor} 1ᵀ x", f"dx = {factor} 1 dm") == [True]
    assert held(MEAN, f"m = {factor} 1ᵀ x", f"dx = {factor} dm") == [False]
    assert held(MEAN, f"m = {factor} 1ᵀ x", "dx = 5 1 dm") == [False]


@pytest.mark.parametrize("formula", ["1/N 1 1ᵀ x", r"\tfrac{1}{N}\, 1\, 1^\top x", "1_{(N,1)} 1ᵀ x / N"])
def test_a_column_beside_a_row_is_a_matrix_of_ones(formula):
    declare = f"{MEAN}\nm: N×1"
    assert held(declare, f"m = {formula}", "dx = 1/N 1 1ᵀ dm") == [True]
    assert held(declare, f"m = {formula}", "dx = dm / N") == [False]


def test_1_next_to_a_name_is_a_number_where_it_is_no_product():
    assert held(MEAN, "m = 1ᵀ (x ∘ (1 - x))", "dx = (1 - 2 x) ∘ (1 dm)") == [True]
    assert held(MEAN, "m = 1/N 1ᵀ (x ∘ x)", "dx = 2/N x ∘ (1 dm)") == [True]
    assert held(MEAN, "m = 1ᵀ (-1 + x ∘ x)", "dx = 2 x dm") == [True]


def test_a_product_with_the_column_needs_a_row_behind_it():
    report = check_derivation(fenced(MEAN, "m = 1ᵀ x", "dx = 1 x"))
    assert report.first_wrong.message == "1 is k×1 and x is 5×1: inner sizes 1 and 5"
    assert held(MEAN, "m = 1ᵀ x", "dx = (1ᵀ - x) ∘ dm") == [False]


def test_the_length_of_1_follows_from_the_other_summand():
    assert held(BATCH, "a = W x + b 1ᵀ", "dW = da xᵀ\ndx = Wᵀ da\ndb = da 1") == [True] * 3
    assert held(BATCH, "a = W x + b 1ᵀ", "dW = da xᵀ\ndx = Wᵀ da\ndb = 2 da 1") == [True, True, False]
    row = BATCH.replace("same", "row")
    assert held(row, "a = W x + b 1ᵀ", "dW = x da\ndx = da W\ndb = 1ᵀ da") == [True] * 3
    forward = "m = 1ᵀ x / N\nc = x - 1 m"
    assert held(CENTRED, forward, "dm = -1ᵀ dc\ndx = dc + 1 dm / N") == [True] * 2
    assert held(CENTRED, forward, "dm = -1ᵀ dc\ndx = dc + dm / N") == [True] * 2  # 1×1 with any
    assert held(CENTRED, forward, "dm = -1ᵀ dc\ndx = dc + 1 dm") == [True, False]
    assert held(MEAN, "m = x - 1 (1ᵀ x) / N", "dx = dm - 1 (1ᵀ dm) / N") == [True]
    assert held(MEAN, "m = x - 1/N 1 1ᵀ x", "dx = dm - 1 (1ᵀ dm)") == [False]


def test_a_column_and_a_row_give_a_matrix():
    declare = "layout: same\n1: column of ones\nu: N×1\nv: 1×M\nX: N×M\ngiven: dY"
    right = "dX = dY\ndu = dY 1\ndv = 1ᵀ dY"
    assert held(declare, "Y = u 1ᵀ + 1 v + X", right) == [True] * 3
    assert held(f"{declare}\nY: N×M", "Y = X + (u 1ᵀ) ∘ (1 v)", "dX = dY\ndu = (dY ∘ (1 v)) 1") == [True] * 2
    assert held(declare, "Y = X + (u 1ᵀ) ∘ (1 v)", "dX = dY\ndu = dY 1") == [True, False]


def test_a_number_in_the_shape_of_a_matrix_does_not_stop_the_row():
    declare = "layout: same\n1: column of ones\ns: 1×1\nx: N×1\ngiven: dy"
    assert held(declare, "y = s 1ᵀ x", "dx = 1 dy s\nds = 1ᵀ x dy") == [True] * 2
    assert held(declare, "y = s 1ᵀ x", "dx = s dy") == [False]


def test_what_is_unclear_is_refused():
    assert refused(MEAN, "m = 1ᵀ 1 x").endswith("1 has no size here: write 1_{(N,1)}")
    said = refused(MEAN.replace("N", "H"), "m = 1 (1ᵀ x)")
    assert said.endswith("declare the size of m, or write 1_{(H,1)}, with the letter that is meant")
    assert held(f"{MEAN}\nm: N×1", "m = 1 (1ᵀ x)", "dx = 1 (1ᵀ dm)") == [True]
    assert refused(f"{MEAN}\nm: 1×N", "m = 1 (1ᵀ x)").endswith("m comes out as k×1, and is to be 1×5")
    said = refused(MEAN.replace("1: column of ones\n", ""), "m = 1ᵀ x")
    assert said.endswith("1 is a number until it is declared: `1: column of ones`")
    said = refused(MEAN.replace("1: column of ones\n", ""), "m = x 1")
    assert said.endswith("1 is a number until it is declared: `1: column of ones`")


def test_a_column_of_ones_is_no_part_that_is_zero():
    declare = "layout: same\n1: column of ones\na: N×1\nb: N×1\nx: 2N×1\ngiven: dm"
    report = check_derivation(fenced(declare, "m = x + [a; b]", "dx = [dm; 1]"))
    assert not report.first_wrong.ok
    report = check_derivation(fenced(declare, "m = [a; b]", "da = dm\ndx = [1; 0]"))
    assert [v.ok for v in report.verdicts] == [False, False]


def test_a_sum_over_time_of_columns():
    declare = "layout: same\n1: column of ones\ntime: t = 1..T\nx: N×1\ns_t: 1×1\ngiven: dy_t"
    assert held(declare, "y_t = x ∘ (1 s_t)", "dx = Σ_t dy_t ∘ (1 s_t)\nds_t = xᵀ dy_t") == [True] * 2
    assert held(declare, "y_t = 1ᵀ x + s_t", "dx = Σ_t 1 dy_t\nds_t = dy_t") == [True] * 2
    assert held(declare, "y_t = 1ᵀ x + s_t", "dx = Σ_t 2 1 dy_t\nds_t = dy_t") == [False, True]


@pytest.mark.parametrize("formula", ["1ᵀ x ∘ x", "1/N 1ᵀ x ∘ x", "xᵀ x ∘ x"])
def test_a_product_of_both_kinds_needs_brackets_though_it_is_a_number(formula):
    assert "this has two readings" in refused(MEAN, f"m = {formula}")


def test_a_column_behind_a_product_of_the_other_kind_needs_brackets():
    declare = "layout: same\n1: column of ones\nX: N×M\nY: N×M\ngiven: dZ"
    assert "(X ∘ Y) 1 and X ∘ (Y 1)" in refused(declare, "Z = X ∘ Y 1", "dX = dZ")


def test_a_jacobian_is_a_row_of_ones():
    declare = MEAN.replace("same", "row")
    assert held(declare, "m = 1ᵀ x", "∂m/∂x = 1ᵀ\ndx = dm 1ᵀ") == [True, True]
    assert held(declare, "m = 2 1ᵀ x", "∂m/∂x = 1ᵀ\n∂m/∂x = 1\ndx = 2 dm 1ᵀ") == [False, False, True]


def corrected(declare, forward, backward):
    """The one line that does not hold, as it was probably meant."""
    (wrong,) = check_derivation(fenced(declare, forward, backward)).wrong
    return wrong.suggestion


@pytest.mark.parametrize("one", ["1", "1_{(B,1)}"])
@pytest.mark.parametrize(("layout", "turn"), [("same", ""), ("row", "ᵀ")])
def test_a_forgotten_sum_over_the_columns_is_corrected(one, layout, turn):
    declare = BATCH.replace("same", layout).replace("da", "dh")
    if one != "1":
        declare = declare.replace("1: column of ones\n", "")
    forward = ("a = W x + b 1ᵀ" if one == "1" else "a = W x + b") + "\nh = tanh(a)"
    rest = "dW = da xᵀ\ndx = Wᵀ da\n" if layout == "same" else "dW = x da\ndx = da W\n"
    slope = f"dh ∘ (1 - h ∘ h){turn}"
    for term in ["da", slope]:
        found = corrected(declare, forward, f"da = {slope}\n{rest}db = {term}")
        whole = term if term == "da" else f"({term})"
        assert found == ("db = " + (f"{whole} {one}" if layout == "same" else f"{one}ᵀ {whole}"))


def test_a_number_that_belongs_to_every_entry_is_repeated():
    assert corrected(MEAN, "m = 1ᵀ x / N", "dx = dm / N") == "dx = 1 dm / N"
    assert corrected(MEAN.replace("same", "row"), "m = 1ᵀ x", "dx = dm") == "dx = dm 1ᵀ"
    declare = "layout: same\n1: column of ones\ntime: t = 1..T\nx_t: N×B\nb: N×1\ngiven: da_t"
    assert corrected(declare, "a_t = x_t + b 1ᵀ", "dx_t = da_t\ndb = Σ_t da_t") == "db = Σ_t da_t 1"


VALUES = {
    "1/N 1ᵀ x": lambda x, X, r: x.mean(keepdims=True),
    "2/N 1ᵀ X": lambda x, X, r: 2 / 5 * X.sum(0, keepdims=True),
    "X 1": lambda x, X, r: X.sum(1, keepdims=True),
    "X 1 1ᵀ X": lambda x, X, r: X.sum(1, keepdims=True) @ X.sum(0, keepdims=True),
    "1ᵀ X 1 / N / M": lambda x, X, r: X.mean(keepdims=True),
    "X - 1 (1ᵀ X) / N": lambda x, X, r: X - X.mean(0),
    "X - X 1 1ᵀ / M": lambda x, X, r: X - X.mean(1, keepdims=True),
    "x 1ᵀ + 1 r": lambda x, X, r: x + r,
    "(x 1ᵀ) ∘ X - 1 r": lambda x, X, r: x * X - r,
    "X + 1 r": lambda x, X, r: X + r,
    "1 - x": lambda x, X, r: 1 - x,
    "x / (1 + x ∘ x)": lambda x, X, r: x / (1 + x * x),
    "-1 - x": lambda x, X, r: -1 - x,
    "(1ᵀ x) r": lambda x, X, r: x.sum() * r,
    "1/2 1ᵀ (X ∘ X) 1": lambda x, X, r: (X * X).sum(keepdims=True) / 2,
    "xᵀ 1 1ᵀ X": lambda x, X, r: x.sum() * X.sum(0, keepdims=True),
    "(1/N) 1 1ᵀ x - x": lambda x, X, r: x.mean() - x,
}


@pytest.mark.parametrize("formula", VALUES)
def test_values_are_those_of_numpy(formula):
    declare = "layout: same\n1: column of ones\nx: N×1\nX: N×M\nr: 1×M"
    (one,) = derivations(Source(fenced(declare, f"y = {formula}\nL = sum(y)", "dy = 1")))
    found = {key: v.value for (key, _), v in Forward(one, Drawing(0)).values.items()}
    (x, X, r) = (found.get(key, np.zeros((1, 1))) for key in ("x", "X", "r"))
    right = VALUES[formula](x, X, r)
    assert found["y"].shape == right.shape
    assert np.allclose(found["y"], right, rtol=1e-13, atol=1e-13)
