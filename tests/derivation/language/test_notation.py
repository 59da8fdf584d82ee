"""Ways of writing beyond the table of the page: what each reads as, and what is refused because it may be misread."""

import textwrap

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

SAME = "layout: same\n"
GIVEN = SAME + "W: N×M\nx: M×1\ngiven: ∇h"
COLUMN = SAME + "x: N×1\ngiven: ∇h"


def verdicts(declare, forward, backward):
    report = check_derivation(fenced(declare, forward, backward), suggest=False)
    return [str(v.verdict) for v in report.verdicts]


def said(declare, forward, backward):
    """What the first line that cannot be judged, or else the error, says."""
    try:
        return next(v.message for v in check_derivation(fenced(declare, forward, backward), suggest=False).verdicts)
    except DerivationError as error:
        return error.message


def suggested(declare, forward, backward):
    """The suggestions for the lines of a derivation."""
    found = check_derivation(fenced(declare, forward, backward)).verdicts
    return [v.suggestion for v in found]


# What a reader could take for something else


def test_a_minus_before_a_derivative_and_an_equals_sign_is_a_bullet_and_no_other_is():
    declare = SAME + "x, y: N×1\ngiven: ∇h"
    bullets = "- ∂L/∂x = ∂L/∂h\n- ∂L/∂y = -∂L/∂h"
    assert verdicts(declare, "h = x - y", bullets) == ["right", "right"]
    assert verdicts(declare, "h = x - y", bullets.replace("= -", "= ")) == ["right", "wrong"]
    continued = "∇x = ∇h\n  - ∇h ∘ y\n∇y = -∇h\n- ∇h ∘ x"
    assert verdicts(declare, "h = x - y - x ∘ y", continued) == ["right", "right"]


def test_a_list_mark_in_brackets_that_are_open_is_part_of_the_formula():
    assert verdicts(SAME + "a, b: N×1\ngiven: ∇h", "h = a ∘ (b +\na) ", "∇b = ∇h ∘ a") == ["right"]


def test_the_square_of_a_nabla_with_the_loss_is_a_second_derivative_and_without_it_a_square():
    declare, forward = SAME + "w: N×1\nX: M×N", "L = 1/2 ‖X w‖²\ng = w ∘ w"
    assert verdicts(declare, forward, "∇_w² L = Xᵀ X") == ["right"]
    assert verdicts(declare, forward, "∇_w² L = X Xᵀ") == ["does not fit"]
    assert verdicts(declare, forward, "∇_w L = Xᵀ X w\n∇_w² = (Xᵀ X w)²")[0] == "right"


def test_a_second_derivative_of_two_names_is_not_symmetric():
    declare, forward = SAME + "u: N×1\nv: M×1\nA: N×M", "L = uᵀ A v"
    assert verdicts(declare, forward, r"\frac{\partial^2 L}{\partial u \partial v} = A") == ["right"]
    assert verdicts(declare, forward, r"\frac{\partial^2 L}{\partial v \partial u} = A^\top") == ["right"]
    assert verdicts(declare, forward, "∂²L/∂u∂v = Aᵀ") == ["does not fit"]


@pytest.mark.parametrize(
    ("forward", "gradient", "hessian"),
    [
        ("L = sum(exp(X w)) + w_2ᵀ w", "Xᵀ exp(X w) + w_2", "Xᵀ diag(exp(X w)) X"),
        ("L = log(1 + wᵀ w)", "2 w / (1 + wᵀ w)", "2 I / (1 + wᵀ w) - 4 w wᵀ / (1 + wᵀ w)²"),
        ("L = sum(softplus(X w))", "Xᵀ σ(X w)", "Xᵀ diag(σ(X w) ∘ (1 - σ(X w))) X"),
        ("p = softmax(X w)\nL = pᵀ p", "Xᵀ (2 p ∘ p - 2 p pᵀ p)", None),
    ],
)
def test_second_derivatives(forward, gradient, hessian):
    declare = SAME + "w, w_2: N×1\nX: M×N"
    assert verdicts(declare, forward, f"∇w = {gradient}") == ["right"]
    if hessian:
        assert verdicts(declare, forward, f"∇²_w L = {hessian}") == ["right"]
        assert verdicts(declare, forward, f"∇²_w L = 2 ({hessian})") == ["wrong"]


def test_a_number_times_the_identity_is_no_number():
    declare, forward = SAME + "w: N×1\nX: M×N\nλ: scalar", "L = 1/2 ‖X w‖² + λ/2 ‖w‖²"
    for identity in ("λ I", "I λ", "λ I_N", "λ ∘ I", "λ/2 (2 I)"):
        assert verdicts(declare, forward, f"∇²_w L = Xᵀ X + {identity}") == ["right"]
    assert verdicts(declare, forward, "∇²_w L = Xᵀ X - -I λ") == ["right"]
    assert verdicts(declare, forward, "∇²_w L = Xᵀ X + λ") == ["wrong"]


def test_a_bar_is_an_adjoint_only_where_one_is_set_or_given():
    declare, forward = SAME + "x, y: N×1", "x̄ = mean(x)\nL = x̄ sum(y)"
    assert verdicts(declare, forward, "∇y = x̄ 1_{(N,1)}") == ["right"]
    assert "neither declared nor computed" in said(declare, forward, "∇x = ȳ 1_{(N,1)}")
    assert verdicts(SAME + "x: N×1\ngiven: h̄", "h = tanh(x)", "x̄ = h̄ ∘ (1 - h)") == ["wrong"]


def test_arguments_of_a_function_are_names_that_are_always_the_same():
    declare = SAME + "w: N×1"
    assert verdicts(declare, "f(w) = w ∘ w\nL(w) = sum(f(w))", "∇_w L(w) = 2 w") == ["right"]
    assert said(declare, "v = 2 w\nf(w) = w ∘ w\nL = sum(f(v))", "∇_w L = 2 w") == "f was computed for (w), not for (v)"


@pytest.mark.parametrize(
    ("declare", "forward", "line", "message"),
    [
        (SAME + "x, y: N×1", "J(x, y) = xᵀ y", "∇J(x, y) = y", "for which name? write ∇_w J"),
        (SAME + "S: N×N\npositive definite: S", "L = tr(log(S))", "∇S = S^{-T}", "the log of a matrix is not read"),
        (SAME + "x: N×1\ny: N×1\ngiven: ∇h", "h = x", "∇x = 1[y = 1] ∘ ∇h", "two values are equal nowhere by chance"),
        (COLUMN, "h = tanh(x)", "∇x = torch.var(x) ∘ ∇h", "PyTorch divides by N - 1 here"),
        (SAME + "u, v: N×1", "L = u · v", "∇u = v", "· of two columns has two readings, ⟨u, v⟩ and u ∘ v"),
        (SAME + "Σ: N×N\nx: N×1", "L = xᵀ Σ x", "∂L/∂x_i = 2 Σ_ij x_j", "Σ_ij is a sum, or a component of Σ"),
        (SAME + "X: N×M", "L = |X|", "∇X = X", "write abs(x) or ‖A‖_F"),
        (COLUMN, "h = tanh(x)", "∇x = ∇h_i", "the index i is on one side only"),
        (SAME + "X: N×M\ngiven: ∇h", "h = sum(X, axis=2)", "∇X = ∇h", "an axis is 0, over the rows, or 1"),
        (COLUMN, "h = tanh(x, axis=1)", "∇x = ∇h", "tanh has no axis"),
        (COLUMN, "h = tanh(x) = tanh(2 x)", "∇x = ∇h", "this is not what the member before it comes to"),
        (SAME + "x: N×1", r"L = \prod_{i=1}^{N-1} x_i", "∇x = x", "below and above a Σ"),
        (SAME + "x: N×1\nU: K×1", "L = Σ_{i=1}^K x_i", "∇x = x", "the index i runs to"),
        (SAME + "A: N×M", "L = det(A)", "∇A = A", "expected a square matrix"),
        (SAME + "x: N×1\ny: M×1", "L = sum(max(x, y))", "∇x = x", "sizes differ"),
        (SAME + "x: N×1\ny: M×1", "L = ⟨x, y⟩", "∇x = x", "sizes differ"),
        (
            COLUMN,
            r"h = \begin{cases} x \\ 0 \end{cases}",
            "∇x = ∇h",
            "expected a comparison such as x > 0, or otherwise",
        ),
        (COLUMN, "h = x.flatten()", "∇x = ∇h", ".flatten(...) is not read"),
        (SAME + "X: N×M\nw: M×1", "L = Σ_i (wᵀ X_i)²", "∇w = w", "a matrix has two, a column has one"),
        (SAME + "x: N×1\nw: M×1", "L = Σ_i (wᵀ x_i)²", "∇w = w", "for a product with a row of X write Σ_j w_j X_ij"),
        (COLUMN, "h = sum(x, keepdims=Tru)", "∇x = ∇h", "expected True or False"),
        (SAME + "x: N×1", "L = Σ_{j'} x_{j'}", "∇x = x", "an index is a letter without a prime"),
        (SAME + "X: N×N", "L = tr(X²)", "∇X = 2 Xᵀ", "X² of a square matrix has two readings: write X X or X ∘ X"),
        (SAME + "X: N×N\npositive: X", "L = tr(X^{1/2})", "∇X = X", "a power of a square matrix has two readings"),
        (SAME + "X: N×N", "L = tr(X³)", "∇X = X", "write X X X, X ∘ X ∘ X"),
        (COLUMN, "h = (x + x)_k", "∇x = ∇h", "only a formula in brackets has an index"),
    ],
)
def test_what_may_be_misread_is_refused(declare, forward, line, message):
    assert message in said(declare, forward, line)


def test_a_method_with_an_axis_is_no_maximum_of_two():
    declare = SAME + "X: N×M"
    for line in ("L = sum(X.max(0))", "L = sum(np.max(X, 0))", "L = sum(max(X, axis=0))"):
        assert verdicts(declare, line, "∇X = (X >= 1_{(N,1)} max(X, axis=0))") == ["right"]
    assert verdicts(declare, "L = sum(max(X, 0))", "∇X = (X > 0)") == ["right"]


def test_squares_of_entries_of_a_square_matrix_have_signs_of_their_own():
    for square in ("X ∘ X", r"X^{\odot 2}", "X**2", "X^∘2", "np.square(X)"):
        assert verdicts(SAME + "X: N×N", f"L = sum({square})", "∇X = 2 X") == ["right"]
    assert verdicts(SAME + "X: N×N", "L = Σ_{i,j} X_ij²", "∂L/∂X_ij = 2 X_ij") == ["right"]
    assert verdicts(SAME + "X: N×N", "L = ‖X‖_F²", "∇X = 2 X") == ["right"]


# Names


def test_one_sign_of_latex_changes_nothing_for_the_other_lines():
    lines = ["dout = dout", "da = dout ∘ (1 - out**2)", "dWq = np.outer(da, xs)", "dxs = Wq.T @ da"]
    declare, forward = SAME + "Wq: N×M\nxs: M×1\ngiven: dout", "a = Wq xs\nout = tanh(a)"
    assert verdicts(declare, forward, "\n".join(lines[1:])) == ["right"] * 3
    assert verdicts(declare, forward, "\n".join([*lines[1:], r"dWq = da \, xs^\top"])) == ["right"] * 4
    assert verdicts(declare, forward.replace("tanh", r"\tanh"), "\n".join(lines[1:])) == ["right"] * 3


def test_a_square_can_be_part_of_a_name():
    declare = SAME + "x: N×1\nε: scalar\npositive: ε\ngiven: dy"
    forward = r"\mu = \frac1N \sum_i x_i" + "\n" + r"\sigma^2 = \frac1N \sum_i (x_i - \mu)^2" + "\n"
    forward += r"y_i = (x_i - \mu) / \sqrt{\sigma^2 + \epsilon}"
    right = r"d\sigma^2 = -\frac12 \sum_i dy_i (x_i - \mu) (\sigma^2 + \epsilon)^{-3/2}"
    assert verdicts(declare, forward, right) == ["right"]
    assert verdicts(declare, forward, right.replace("3/2", "1/2")) == ["wrong"]


def test_indices_of_names_that_have_none_where_they_are_declared():
    assert verdicts(COLUMN, "h_i = tanh(x_i)", "∂L/∂x_i = ∂L/∂h_i (1 - h_i²)") == ["right"]
    assert "x_o is not declared" in said(COLUMN, "h_o = tanh(x_o)", "∂L/∂x_o = ∂L/∂h_o")  # a name like any other
    declare = SAME + "x: N×M\nμ: M×1\ngiven: ∇h"
    assert verdicts(declare, "h_{ij} = x_{ij} - μ_j", "∂L/∂μ_j = -Σ_i ∂L/∂h_{ij}") == ["right"]
    assert verdicts(declare, "h_{ij} = x_{ij} - μ_j", "∂L/∂μ_j = Σ_i ∂L/∂h_{ij}") == ["wrong"]


def test_a_sum_over_an_index_of_two_matrices_is_their_product():
    declare = SAME + "Q: N×D\nK: M×D\nV: M×P\ngiven: ∇O"
    forward = r"S_{ij} = \sum_k Q_{ik} K_{jk}, \quad A_{ij} = \frac{\exp S_{ij}}{\sum_l \exp S_{il}}"
    forward += r", \quad O_{ip} = \sum_j A_{ij} V_{jp}"
    assert verdicts(declare, forward, "∇V = Aᵀ ∇O\n∇S = A ∘ (∇A - sum(A ∘ ∇A, axis=1) 1_{(1,M)})") == ["right"] * 2
    assert "the index k is on one side only" in said(declare, "O_{ij} = Q_{ik} K_{jk}", "∇Q = Q")
    assert verdicts(declare.replace("∇O", "∇S"), "S_{ij} = Σ_k (Q_{ik} K_{jk})", "∇Q = ∇S K") == ["right"]


def test_the_frobenius_product_of_differentials():
    declare, forward = SAME + "d: differential\nM: N×N\nz: N×1\nloss: f", "f = zᵀ M z"
    assert verdicts(declare, forward, "df = M z:dz + Mᵀ z:dz + z zᵀ:dM") == ["right"]
    assert verdicts(declare, forward, "df = M z:dz + z zᵀ:dM") == ["wrong"]


# Suggestions


@pytest.mark.parametrize(
    ("declare", "forward", "line", "expected"),
    [
        (GIVEN, "h = W x", r"\nabla_x L = W \nabla_h L", r"\nabla_x L = W^\top \nabla_h L"),
        (GIVEN.replace("∇h", r"\bar{h}"), r"h = W x", r"\bar{x} = W \bar{h}", r"\bar{x} = W^\top \bar{h}"),
        (GIVEN.replace("W:", "W':"), "h = W' x", "∇x = W' ∇h", "∇x = W'ᵀ ∇h"),
        (GIVEN, "h = W · x", "∇x = W · ∇h", "∇x = Wᵀ · ∇h"),
        (GIVEN + "\n*: component-wise", "h = np.tanh(W @ x)",
         "dx = W.T @ (dh * (1 - h))", "dx = W.T @ (dh * (1 - h**2))"),
        (SAME + "x, y: N×1", "L = 1/2 Σ_i (x_i - y_i)²", "∂L/∂x_i = x_i + y_i", "∂L/∂x_i = x_i - y_i"),
        (SAME + "w, x: N×1\ny: 1×1", "L = max(0, 1 - y wᵀ x)", "∇w = 1[y wᵀ x < 1] y x", "∇w = -1[y wᵀ x < 1] y x"),
        (SAME + "S: N×N\npositive definite: S\nA: N×N", r"L = \log|S| - \operatorname{tr}(A S)",
         r"\nabla_S L = S^{-\top} + A^\top", r"\nabla_S L = S^{-\top} - A^\top"),
    ],
)  # fmt: skip
def test_a_suggestion_keeps_the_signs_of_its_author(declare, forward, line, expected):
    assert suggested(declare, forward, line) == [expected]


def test_numbers_in_brackets_above_names_are_layers_where_there_is_no_sequence():
    text = textwrap.dedent("""
        ```declare
        layout: same
        X: D×B
        W^{[1]}: H×D
        W^{(2)}: K×H
        constant: X
        ```
        ```forward
        A^{[1]} = \\tanh(W^{[1]} X)
        Z^{(2)} = W^{(2)} A^{[1]}
        L = \\frac{1}{2} \\lVert Z^{(2)} \\rVert_F^2
        ```
        ```backward
        dZ^{(2)} = Z^{(2)}
        dW^{(2)} = dZ^{(2)} A^{[1]T}
        dA^{[1]} = W^{(2)T} dZ^{(2)}
        dW^{[1]} = (dA^{[1]} \\odot (1 - (A^{[1]})^2)) X^T
        ```
        """)
    assert check_derivation(text).ok, check_derivation(text)
    assert not check_derivation(text.replace("dZ^{(2)} A^{[1]T}", "dA^{[1]} X^T")).ok


def test_pi_is_a_number_where_nothing_declares_it():
    text = "```declare\nlayout: same\nS: N×N\n```\n```forward\nL = tr(S S) + 2 π\n```\n```backward\n∇S = 2 Sᵀ\n```\n"
    assert check_derivation(text).ok, check_derivation(text)
    assert not check_derivation(text.replace("2 Sᵀ", "π Sᵀ")).ok
