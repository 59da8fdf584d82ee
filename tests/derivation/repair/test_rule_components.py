"""The line that the rules give for components, traces, determinants, norms, sums, cases and differentials."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

# what is declared besides the layout, the forward, a line that no edit makes right, and what is suggested
# fmt: off
LINES = [
    ("x: N×1\ngiven: ∇p", "p_i = exp(x_i) / Σ_k exp(x_k)",
     "∂L/∂x_j = 3.7 x_j", "∂L/∂x_j = ∂L/∂p_j p_j - p_j (Σ_k ∂L/∂p_k p_k)"),
    ("Q: N×D\nK: M×D\ngiven: ∇S", "S_ij = Σ_k Q_ik K_jk",
     "∂L/∂K_jk = 3.7 K_jk", "∂L/∂K_jk = Σ_i ∂L/∂S_ij Q_ik"),
    ("Q: N×D\nK: M×D\ngiven: ∇S", "S_ij = Σ_k Q_ik K_jk",
     "∂L/∂Q_ik = 3.7 K_ik", "∂L/∂Q_ik = Σ_j ∂L/∂S_ij K_jk"),
    ("x, y: N×1", "L = Σ_i (x_i - y_i)³ / N",
     "∂L/∂x_j = 3.7 x_j + y_j", "∂L/∂x_j = 3 (x_j - y_j)² / N"),
    ("x, y: N×1", "L = Σ_i log(1 + (x_i y_i)²)",
     "∂L/∂x_j = 3.7 x_j + y_j", "∂L/∂x_j = 2 (x_j y_j / (1 + (x_j y_j)²)) y_j"),
    ("X: N×M\nw: M×1", "L = Σ_i log(1 + (X w)_i²)",
     "∂L/∂w_j = 3.7 w_j", "∂L/∂w_j = 2 (Σ_i ((X w)_i / (1 + (X w)_i²)) X_ij)"),
    ("X: N×M\nw: M×1", "L = Σ_i log(1 + (X w)_i²)",
     "∇w = 3.7 w", "∇w = 2 Xᵀ ((1 / (1 + (X w)²)) ∘ (X w))"),
    ("X: N×M\nw: M×1\ny: N×1", "L = sum((X w - y)²)",
     "∂L/∂w_j = Σ_i 3.7 w_j X_ij", "∂L/∂w_j = 2 (Σ_i ((X w)_i - y_i) X_ij)"),
    ("x: N×1", "L = Σ_i max(0, x_i - 1/2)",
     "∂L/∂x_i = 3.7 x_i", "∂L/∂x_i = 1[x_i - 1/2 > 0]"),
    ("x: N×1", "L = Σ_i |x_i| x_i",
     "∂L/∂x_i = 3.7 x_i", "∂L/∂x_i = x_i sign(x_i) + |x_i|"),
    ("A: N×N\nx: N×1\nconstant: x", "L = Σ_i A_ii x_i",
     "∂L/∂A_ij = 3.7 A_ij x_i x_j", "∂L/∂A_ij = δ_ij x_i"),
    ("v: N×1\np: scalar\npositive: v, p\ngiven: ∇h", "h = v^p",
     "∇v = 3.7 v", "∇v = ∇h ∘ (p v^{p-1})"),
    ("A, X: N×N", "L = tr(Xᵀ A X)",
     "∇X = 3.7 A", "∇X = A X + Aᵀ X"),
    ("S: N×N\npositive definite: S", "L = log det(S)",
     "∇S = 3.7 S", "∇S = S⁻¹"),
    ("X: N×N", "L = det(X)",
     "∇X = 3.7 X", "∇X = det(X) X⁻ᵀ"),
    ("X: N×N\nb: N×1\ngiven: ∇y", "y = X⁻¹ b",
     "∇X = 3.7 X", "∇X = -X⁻ᵀ ∇y bᵀ X⁻ᵀ"),
    ("X: N×M\ngiven: ∇h", "h = mean(X, axis=1)",
     "∇X = 3.7 X", "∇X = ∇h 1_{(1,M)} / M"),
    ("X: N×M\ngiven: ∇h", "h = sum(X, axis=0)",
     "∇X = 3.7 X", "∇X = 1_{(N,1)} ∇h"),
    ("x, y: N×1", "L = ⟨x, y⟩²",
     "∇x = 3.7 x", "∇x = 2 ⟨x, y⟩ y"),
    ("x, y: N×1", "L = ‖x - y‖",
     "∇x = 3.7 x", "∇x = (x - y) / ‖x - y‖"),
    ("x, y: N×1", "L = ‖x - y‖²",
     "∇x = 3.7 x", "∇x = 2 (x - y)"),
    ("X: N×M\ngiven: ∇P", "P = softmax(X, axis=1)",
     "∇X = 3.7 X", "∇X = (∇P - (∇P ∘ P) 1_{(M,1)} 1_{(1,M)}) ∘ P"),
    ("W: N×(H+M)\nh: H×1\nx: M×1\nconstant: h, x\ngiven: ∇a", "a = W [h; x]",
     "∇W = 3.7 W", "∇W = ∇a [h; x]ᵀ"),
    ("x: N×1\na: scalar\ngiven: ∇h", r"h = \begin{cases} x² & x > 0 \\ a x & x \leq 0 \end{cases}",
     "∇x = 3.7 x", r"∇x = \begin{cases} 2 ∇h \circ x & x > 0 \\ a ∇h & x \leq 0 \end{cases}"),
    ("x: N×1\na: scalar\ngiven: ∇h", r"h = \begin{cases} x^2 & x > 0 \\ a x & \text{otherwise} \end{cases}",
     "∇a = 3.7 a", r"∇a = sum(\begin{cases} 0 & x > 0 \\ ∇h \circ x & \text{otherwise} \end{cases})"),
    ("x, y: N×1\ngiven: ∇h", "h = max(x, y)",
     "∇y = 3.7 y", "∇y = ∇h ∘ 1[y > x]"),
    ("x: N×1\ngiven: ∇h", "h = relu(x)",
     "∇x = 3.7 x", "∇x = ∇h ∘ relu'(x)"),
    ("X: N×M\nγ: M×1\ngiven: ∇Y", "m_j = 1/N Σ_i X_ij\nY_ij = γ_j (X_ij - m_j)",
     "∂L/∂m_j = 3.7 m_j", "∂L/∂m_j = -Σ_i ∂L/∂Y_ij γ_j"),
    ("X: N×M\nγ: M×1\ngiven: ∇Y", "m_j = 1/N Σ_i X_ij\nY_ij = γ_j (X_ij - m_j)",
     "∂L/∂γ_j = 3.7 m_j", "∂L/∂γ_j = Σ_i ∂L/∂Y_ij (X_ij - m_j)"),
    ("X: N×M\nγ: M×1\ngiven: ∇Y", "m_j = 1/N Σ_i X_ij\nY_ij = γ_j (X_ij - m_j)",
     "∂L/∂m_j = -Σ_i ∂L/∂Y_ij γ_j\n∂L/∂X_ij = 3.7 X_ij", "∂L/∂X_ij = ∂L/∂m_j / N + ∂L/∂Y_ij γ_j"),
    ("layout: row\nA, X: N×N", "L = tr(Xᵀ A X)",
     "∇X = 3.7 A", "∇X = Xᵀ Aᵀ + Xᵀ A"),
    ("layout: row\nX: N×M\ngiven: ∇h", "h = mean(X, axis=1)",
     "∇X = 3.7 Xᵀ", "∇X = 1_{(1,M)}ᵀ ∇h / M"),
    ("layout: row\nx, y: N×1\ngiven: ∇h", "h = max(x, y)",
     "∇y = 3.7 yᵀ", "∇y = ∇h ∘ 1[y > x]ᵀ"),
]
# fmt: on


def last_line(declare, forward, lines):
    """Return the verdict on the last line; what is suggested for it holds where it is put."""
    layout = "" if declare.startswith("layout") else "layout: same\n"
    report = check_derivation(fenced(layout + declare, forward, lines))
    assert false_suggestions(report) == []
    return report.verdicts[-1]


@pytest.mark.parametrize(("declare", "forward", "lines", "expected"), LINES)
def test_the_line_by_the_rule(declare, forward, lines, expected):
    v = last_line(declare, forward, lines)
    assert (v.suggestion, v.grade) == (expected, "by the rule")


SOLVED = ("d: differential\nX, A: N×N\npositive definite: X\nconstant: A\nloss: f", "f = tr(A X⁻¹)")
SQUARES = ("d: differential\nW: N×M\nx: M×1\ny: N×1\nconstant: x, y", "e = W x - y\nL = 1/2 eᵀ e")
GAUSS = ("d: differential\nS: N×N\nr: N×1\npositive definite: S\nloss: f", "f = log det(S) + rᵀ S⁻¹ r")
PRODUCT = ("d: differential\nX: N×M\nY: M×N", "P = X Y\nL = tr(P)")
TIED = ("d: differential\nX: D×N\nW: K×D\nconstant: X", "E = Wᵀ W X - X\nL = tr(Eᵀ E)")
LAYER = ("d: differential\nx, b: N×1\ny: N×1\nconstant: y", "a = x ∘ b\nh = tanh(a)\nL = sum((h - y) ∘ (h - y))")


@pytest.mark.parametrize(
    ("whole", "line", "expected"),
    [
        (SOLVED, "df = tr(A dX)", "df = -tr(A X⁻¹ dX X⁻¹)"),
        (SOLVED, "df = A dX", "df = -tr(A X⁻¹ dX X⁻¹)"),
        (SQUARES, "de = dW", "de = dW x"),
        (SQUARES, "de = W x", "de = dW x"),
        (SQUARES, "dL = tr(e dW)", "dL = eᵀ dW x"),
        (SQUARES, "dL = e de", "dL = eᵀ de"),
        (GAUSS, "df = tr(S dS)", "df = tr(S⁻¹ dS) - rᵀ S⁻¹ dS S⁻¹ r"),
        (PRODUCT, "dP = X dX + Y dY", "dP = dX Y + X dY"),
        (TIED, "dE = tr(Eᵀ dWᵀ W X)", "dE = (dWᵀ W + Wᵀ dW) X"),
        (LAYER, "dh = (1 - a²) ∘ da", "dh = (1 - h²) ∘ da"),
        (LAYER, "dL = 2 (h - y) dh", "dL = 2 (h - y)ᵀ dh"),
    ],
)
def test_differentials(whole, line, expected):
    assert last_line(*whole, line).suggestion == expected


def test_a_sum_of_components_becomes_a_product_of_matrices():
    """The equation is written in components, and the line is not."""
    v = last_line(
        r"U: K×D" + "\nu, v: D×1", r"J = -\log \sigma(u^\top v) - \sum_k \log \sigma(-(U v)_k)", r"\nabla_v J = 3.7 v"
    )
    assert v.grade == "by the rule"
    assert "U^\\top" in v.suggestion
    v = last_line("x, s: K×1\nloss: D", "D = 1/2 Σ_k (x_k² - s_k)", "∇s = 3.7 x")
    assert v.suggestion == "∇s = -1/2 1_{(K,1)}"


def test_a_derivative_that_no_line_sets_is_written_out():
    v = last_line("x, y: N×1\nloss: J", "p = exp(x)\nJ = Σ_i p_i y_i", "∂J/∂x_i = 3.7 x_i")
    assert v.suggestion == "∂J/∂x_i = y_i p_i"


def test_a_half_beside_ones_is_a_number():
    """1 is a column in products, and the number in 1/2."""
    v = last_line(
        "1: column of ones\nS: N×N\npositive definite: S", r"L = \frac12 \log|S|", r"\nabla_S L = 1 1^\top S S"
    )
    assert v.suggestion == r"\nabla_S L = \frac12 S^{-1}"
