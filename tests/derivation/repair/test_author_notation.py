"""What is suggested stands in the signs of its author, and is found in texts with names that are hard to write."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tests.support.field_derivations import FIELDS
from tinyad.derivation import check_derivation

S = "layout: same\n"
NORM = (
    "layout: same\nx: N×1\nε: scalar\npositive: ε\ngiven: dy",
    r"\mu = \frac1N \sum_i x_i" + "\n" + r"\sigma^2 = \frac1N \sum_i (x_i - \mu)^2" + "\n"
    r"y_i = (x_i - \mu) / \sqrt{\sigma^2 + \epsilon}",
)
RNN = (
    "layout: same\ntime: t = 1..T\nU: H×H\nV: K×H\nh_t: H×1\ngiven: \\nabla_{o_t} L",
    "a_t = U h_{t-1}\nh_t = \\tanh(a_t)\no_t = V h_t",
    r"\nabla_{h_t} L = V^\top \nabla_{o_t} L + U^\top \nabla_{a_{t+1}} L" + "\n"
    r"\nabla_{a_t} L = (1 - h_t^2) \odot \nabla_{h_t} L" + "\n" + r"\nabla_V L = \sum_t \nabla_{o_t} L h_t^\top",
)


def suggested(declare, forward, lines):
    """Return the suggestions for the wrong lines, each of which holds where it is put."""
    report = check_derivation(fenced(declare, forward, lines))
    assert false_suggestions(report) == []
    return [v.suggestion for v in report.wrong]


@pytest.mark.parametrize(
    ("declare", "forward", "wrong", "right"),
    [
        # inverses, transposed and not
        ("A: N×N\nb: N×1\ngiven: ∇x", "x = A⁻¹ b", "∇b = A⁻¹ ∇x", "∇b = A⁻ᵀ ∇x"),
        ("A: N×N\nb: N×1\ngiven: ∇x", "x = A^{-1} b", "∇b = A ∇x", "∇b = A^{-T} ∇x"),
        ("S: N×N\nx: N×1\npositive definite: S", r"L = \frac12 x^\top S^{-1} x",
         r"\nabla_S L = -\frac12 S^{-1} x x^\top", r"\nabla_S L = -\frac12 S^{-1} x x^\top S^{-1}"),
        # sizes and numbers, in fractions and in front of them
        ("x, y: N×1", r"L = \frac1N \|x - y\|^2", r"\nabla_x L = \frac{1}{N} (x - y)",
         r"\nabla_x L = \frac{2}{N} (x - y)"),
        ("x, y: N×1", r"L = \frac1N \|x - y\|^2", r"\nabla_x L = 2 (x - y)", r"\nabla_x L = \frac{2}{N} (x - y)"),
        ("X: N×M\ngiven: ∇s", "s = mean(X, axis=1)", "∇X = 1/N ∇s 1_{(1,M)}", "∇X = 1/M ∇s 1_{(1,M)}"),
        ("x, y: N×1\nτ: scalar\npositive: τ", "s = x / τ\nL = yᵀ s", "∇s = y\n∇x = y", "∇x = y / τ"),
        # exponents
        ("v: N×1\np: scalar\npositive: v, p\ngiven: ∇h", "h = v^p", "∇v = p v^p ∘ ∇h", "∇v = p v^{p-1} ∘ ∇h"),
        ("v: N×1\npositive: v\ngiven: ∇h", "h = v^{-1/2}", "∇v = -1/2 ∇h ∘ v^{-1/2}", "∇v = -1/2 ∇h ∘ v^{-3/2}"),
        # letters of sums, components as factors
        ("A: N×M\nx: M×1\ngiven: ∇y", "y_i = Σ_j A_ij x_j", "∂L/∂x_j = Σ_j ∂L/∂y_i A_ij", "∂L/∂x_j = Σ_i ∂L/∂y_i A_ij"),
        ("A: N×M\nx: M×1\ngiven: ∇y", "y_i = Σ_j A_ij x_j", "∂L/∂x_j = Σ_i ∂L/∂y_i", "∂L/∂x_j = Σ_i ∂L/∂y_i A_ij"),
        # conditions
        ("x: N×1\ngiven: ∇h", r"h = \begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}",
         r"∇x = \begin{cases} ∇h & x < 0 \\ 0 & \text{otherwise} \end{cases}",
         r"∇x = \begin{cases} ∇h & x > 0 \\ 0 & \text{otherwise} \end{cases}"),
        ("x: N×1\ngiven: ∇h", r"h = \begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}",
         r"∇x = \begin{cases} ∇h & x > 0 \\ 1 & \text{otherwise} \end{cases}",
         r"∇x = \begin{cases} ∇h & x > 0 \\ 0 & \text{otherwise} \end{cases}"),
        # a bracket of another line in another order
        ("x, y: N×1\nW: M×N", "r = x - y\nL = rᵀ r", "∇r = 2 (x - y)\n∇x = 2 (y - x)", "∇x = 2 (x - y)"),
        # names, and indices, in each other's place
        ("A: N×N\nu, v: N×1\nconstant: u, v", r"L = 3 u^\top A v", r"\nabla_A L = 3 v u^\top",
         r"\nabla_A L = 3 u v^\top"),
        ("A: N×M\nx: M×1\ngiven: ∇y", "y_i = Σ_j A_ij x_j", "∂L/∂x_j = Σ_i ∂L/∂y_i A_ji", "∂L/∂x_j = Σ_i ∂L/∂y_i A_ij"),
        # a term before a minus, and one more in a bracket
        ("x: N×1\ngiven: ∇p", "p_i = exp(x_i) / Σ_k exp(x_k)", "∂L/∂x_j = p_j (- Σ_i ∂L/∂p_i p_i)",
         "∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)"),
        ("z, y: N×1\nτ: scalar\nsums to 1: y\nconstant: y, τ\nloss: J",
         "u = z / τ\np = softmax(u)\nJ = -Σ_k y_k log(p_k)", "∂J/∂u_k = p_k - y_k\n∂J/∂z_k = (p_k) / τ",
         "∂J/∂z_k = (p_k - y_k) / τ"),
        ("x: N×1\ngiven: ∇p", "p = softmax(x)", "∂p_i/∂x_j = p_i (δ_ij)", "∂p_i/∂x_j = p_i (δ_ij - p_j)"),
        # a factor in a trace
        ("d: differential\nX, A: N×N\npositive definite: X\nconstant: A\nloss: f", "f = tr(A X⁻¹)",
         "df = -tr(A X⁻¹ dX X⁻¹)\ndf = -tr(X⁻¹ A dX)", "df = -tr(X⁻¹ A X⁻¹ dX)"),
        # what stands there twice
        ("W: N×M\nx: M×1\ny: N×1\nconstant: x, y", "e = W x - y\nL = eᵀ e",
         "∇e = 2 e\n∇W = 2 e xᵀ + 2 e xᵀ", "∇W = 2 e xᵀ"),
        ("W: N×M\nx: M×1\ny: N×1\nconstant: x, y", "e = W x - y\nL = eᵀ e", "∇e = 1/2 2 e", "∇e = 2 e"),
        # what a later line sets
        ("W: N×M\nx: M×1\nb: N×1\nconstant: x\ngiven: ∇a", "a = W x + b", "∇W = ∇b xᵀ\n∇b = ∇a", "∇W = ∇a xᵀ"),
        # above a fraction
        ("v, w: N×1\nn, g: scalar\npositive: n\nconstant: w, n", "L = g wᵀ v / n", "∇g = wᵀ / n", "∇g = wᵀ v / n"),
        # the differential of a differential is none
        ("d: differential\nW: N×M\nx: M×1\ny: N×1\nconstant: x, y", r"e = W x - y" "\n" r"L = e^\top e",
         r"dL = e^\top de + e^\top de + e^\top de", r"dL = e^\top de + e^\top de"),
        # a left-hand side that is not there
        ("x: N×1\ngiven: ∇p", "p_i = exp(x_i) / Σ_k exp(x_k)", "∂L/∂q_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)",
         "∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)"),
        # what a line sets is not used in it
        ("W: N×M\nx: M×1\ngiven: ∇a", "a = W x", "∇x = Wᵀ ∇x\n∇W = ∇a xᵀ", "∇x = Wᵀ ∇a"),
        # the gradient of a loss with its arguments
        ("X: M×N\nw: N×1\ny: M×1\nconstant: X, y", "r = X w - y\n" r"J(w) = \frac12 \lVert r \rVert_2^2",
         r"\nabla_q J = r" + "\n" + r"\nabla_w J(w) = X^\top (X w - y)", r"\nabla_r J = r"),
    ],
)  # fmt: skip
def test_the_line_that_was_meant(declare, forward, wrong, right):
    assert suggested(S + declare, forward, wrong) == [right]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (r"d\sigma^2 = \frac12 \sum_i dy_i (x_i - \mu) (\sigma^2 + \epsilon)^{-3/2}",
         r"d\sigma^2 = -\frac12 \sum_i dy_i (x_i - \mu) (\sigma^2 + \epsilon)^{-3/2}"),
        (r"d\sigma^2 = -\frac12 \sum_i dy_i (x_i^T - \mu) (\sigma^2 + \epsilon)^{-3/2}",
         r"d\sigma^2 = -\frac12 \sum_i dy_i (x_i - \mu) (\sigma^2 + \epsilon)^{-3/2}"),
    ],
)  # fmt: skip
def test_a_square_that_is_part_of_a_name(wrong, right):
    assert suggested(*NORM, wrong) == [right]


def test_a_name_with_an_index_gets_braces_in_the_place_of_one_without():
    lines = RNN[2].replace(r"V^\top \nabla_{o_t} L", r"V^\top \nabla_V L")
    assert suggested(*RNN[:2], lines) == [RNN[2].split("\n")[0]]


def test_a_transposed_derivative_is_no_part_of_its_name():
    """The line by the rule has ∇a, which the author wrote only as ∇aᵀ."""
    declare = S + "W: N×(H+M)\nh: H×1\nx: M×1\nconstant: h, x\ngiven: ∇a"
    assert suggested(declare, "a = W [h; x]", "∇W = [h; x] ∇aᵀ") == ["∇W = ∇a [h; x]ᵀ"]


def test_what_holds_at_a_few_points_by_chance_is_not_suggested():
    """Which entries are positive tells little about what is compared."""
    declare = S + "s, y: K×1\nconstant: y"
    lines = "∂L/∂c = -Σ_k 1[y_k - c + 1 > 0]"
    (suggestion,) = suggested(declare, "c = yᵀ s\nL = Σ_k max(0, s_k - c + 1)", lines)
    assert "s_k - c + 1" in suggestion


def test_a_fraction_without_braces_takes_one_sign_alone():
    """A function of N would not be below the fraction in \\frac1N."""
    field = FIELDS["contrastive softmax"]
    lines = field.backward.strip().replace(r"\frac1N (P - I)", r"\frac1N (P - \frac1N I)", 1)
    (suggestion,) = suggested(field.declare.strip(), field.forward.strip(), lines)
    assert "(N)" not in suggestion


def test_a_term_that_is_zero_at_one_point_is_no_term_of_zeros():
    """The hinge is off at the first point."""
    declare = S + "m, d: scalar\npositive: m, d\nconstant: m"
    lines = "∂L/∂d = d - max(0, m + d)"
    (suggestion,) = suggested(declare, r"L = 1/2 d² + 1/2 max(0, m - d)²", lines)
    assert suggestion == "∂L/∂d = d - max(0, m - d)"


@pytest.mark.parametrize(
    ("declare", "forward", "line"),
    [
        (
            "F: N×N\nu: N×1",
            "J = Σ_i log(F_ii²) + uᵀ F u",
            "∂J/∂F_ij = 2 δ_ij / F_ii + u_i ∘ u_i",
        ),  # δ alone is not read
        ("x: N×1\nA: N×N\ngiven: ∇h", "h = A x", "∇x = Iᵀ ∇h"),
        ("x: N×1\ngiven: ∇h", "h = abs(x)", "∇x = ∇h ∘ sign'(x)"),
    ],
)
def test_a_formula_that_cannot_stand_alone_ends_no_check(declare, forward, line):
    assert not check_derivation(fenced(S + declare, forward, line)).verdicts[0].ok
