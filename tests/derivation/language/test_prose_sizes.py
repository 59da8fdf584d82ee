"""Sizes that the prose of a document states, and sums over examples: read, and taken where nothing is declared."""

import pytest

from tinyad.derivation import check_derivation
from tinyad.derivation.language.documents import opened
from tinyad.derivation.language.proposal import proposed_declarations
from tinyad.derivation.language.prose_sizes import stated_sizes
from tinyad.derivation.language.sizes import size_text

END = "\n\n$$ L = X $$\n"

# fmt: off
STATED = [
    (r"Let $X \in \mathbb{R}^{N\times D}$ and $u, v \in \R^{n+1}$.", {"X": "N×D", "u": "n+1×1", "v": "n+1×1"}),
    (r"$A\in\mathbb{R}^{m \times n}, x\in\mathbb{R}^n$", {"A": "m×n", "x": "n×1"}),
    (r"where $W_1 \in \mathbf{R}^{d_{\text{in}} \times d_{\text{out}}}$", {"W_1": "din×dout"}),
    (r"labels $t \in \{0,1\}^n$ and $c \in \mathbb{R}$", {"t": "n×1", "c": "1×1"}),
    (r"$W$ is an $N \times M$ matrix", {"W": "N×M"}),
    (r"a weight matrix $W$ of shape $D \times M$", {"W": "D×M"}),
    (r"$Q$ with shape $(n, d)$; $r$ ($D \times 1$)", {"Q": "n×d", "r": "D×1"}),
    (r"$w$ is a vector of length $d$, $b$ is a row vector of length $M$", {"w": "d×1", "b": "1×M"}),
    (r"$q$ is a $K$-dimensional vector and $z$ is a vector with $H$ entries", {"q": "K×1", "z": "H×1"}),
    (r"$\gamma$, $\beta$ are scalars, and so is the scalar $c$", {r"\gamma": "1×1", r"\beta": "1×1", "c": "1×1"}),
    (r"Shapes: $F$ is $N \times D$, $G$ is $D\times M$.", {"F": "N×D", "G": "D×M"}),
    (r"$x_1, \dots, x_n \in \mathbb{R}^d$", {}),
    (r"$p$ is the probability that $W$ is large; $N \times M$ numbers", {}),
    (r"$\eta$ is small, $k = 3$, and $f(x)$ is a scalar function of $N$ vectors", {"f(x)": "1×1"}),
]
# fmt: on


@pytest.mark.parametrize(("prose", "sizes"), STATED)
def test_sizes_that_are_stated(tmp_path, prose, sizes):
    path = tmp_path / "text.md"
    path.write_text(prose + END, encoding="utf-8")
    source = opened(path)
    found = {source.text[it.start : it.end]: it.sides for it in stated_sizes(source) if it.sides}
    assert {name: "×".join(map(size_text, sides)) for name, sides in found.items()} == sizes


def report(tmp_path, text, name="text.md"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return check_derivation(path, suggest=False)


def verdicts(found):
    return [str(v.verdict) for v in found.verdicts]


LAYER = r"""Here $X$ is $N \times D$, $W$ is $D \times M$ and $b$ is a row vector of length $M$.

$$Z = X W + \mathbf{1} b$$

$$\frac{\partial L}{\partial W} = X^\top \frac{\partial L}{\partial Z}, \qquad
\frac{\partial L}{\partial b} = \mathbf{1}^\top \frac{\partial L}{\partial Z}$$
"""


def test_a_row_that_the_prose_states_is_no_column(tmp_path):
    right = report(tmp_path, LAYER)
    assert verdicts(right) == ["right", "right"]
    assert "X: N×D; W: D×M; b: 1×M" in right.text()
    assert verdicts(report(tmp_path, LAYER.replace(r"X^\top", "X"))) == ["does not fit", "right"]


def test_what_is_stated_twice_with_different_sizes_is_not_taken(tmp_path):
    text = LAYER + "\nIn another place $X$ is a vector of length $D$.\n"
    path = tmp_path / "text.md"
    path.write_text(text, encoding="utf-8")
    proposed = proposed_declarations(opened(path))
    assert "W: D×M   # stated in the text" in proposed
    assert "X: N×D\n" in proposed  # from the equations


def test_what_does_not_fit_with_the_products_is_not_taken(tmp_path):
    text = r"Let $x \in \mathbb{R}^D$ and $W \in \mathbb{R}^{D \times M}$." "\n\n$$ L = \\|x W\\|^2_F $$\n\n"
    line = r"$$ \nabla_W L = 2 x^\top x W $$" "\n"
    assert verdicts(report(tmp_path, text + line)) == ["right"]
    assert verdicts(report(tmp_path, text + line.replace("2", "3"))) == ["wrong"]


def test_one_hot_labels_and_a_softmax_over_each_row(tmp_path):
    text = r"""Let $y$ be a one-hot vector, and $\hat{y} = \mathrm{softmax}(U v)$.

$$\hat{y} = \mathrm{softmax}(U v), \quad J = -y^\top \log \hat{y}$$

$$\frac{\partial J}{\partial v} = U^\top (\hat y - y)$$
"""
    assert verdicts(report(tmp_path, text)) == ["right"]
    taken = report(tmp_path, text.replace("one-hot", "given"))  # labels all the same, which the report says
    assert verdicts(taken) == ["right"]
    assert "sums to 1: y" in taken.text()
    assert verdicts(report(tmp_path, text.replace("-y^\\top \\log", "-2 y^\\top \\log"))) == ["wrong"]
    rows = r"""The softmax is taken over each row.

$$P = \operatorname{softmax}(S)$$

$$\frac{\partial L}{\partial S} = P \odot (\frac{\partial L}{\partial P} -
\operatorname{rowsum}(P \odot \frac{\partial L}{\partial P}))$$
"""
    assert verdicts(report(tmp_path, rows)) == ["right"]
    assert verdicts(report(tmp_path, rows.replace("each row", "all"))) == ["wrong"]


def test_symmetric_matrices(tmp_path):
    text = r"""Let $S \in \mathbb{R}^{n\times n}$ be symmetric positive definite.

$$f(X) = \operatorname{tr}(S X^\top X), \qquad \nabla_X f(X) = 2 X S$$
"""
    right = report(tmp_path, text)
    assert verdicts(right) == ["right"]
    assert "positive definite: S" in right.text()
    assert "; symmetric: S" in report(tmp_path, text.replace(" positive definite", "")).text()
    assert verdicts(report(tmp_path, text.replace("symmetric positive definite", "given"))) == ["wrong"]


def test_components_of_a_formula_have_sizes(tmp_path):
    text = r"""$$ J = \sum_{i,j} f_{ij} ( (W V^\top)_{ij} + b_i + c_j - X_{ij} )^2 $$

$$ \frac{\partial J}{\partial b_i} = 2 \sum_j f_{ij} ( (W V^\top)_{ij} + b_i + c_j - X_{ij} ) $$
"""
    assert verdicts(report(tmp_path, text)) == ["right"]
    assert verdicts(report(tmp_path, text.replace("= 2", "= 4"))) == ["wrong"]


def test_a_name_in_the_argument_of_a_macro_is_declared_as_it_stands_elsewhere(tmp_path):
    text = r"""\documentclass{article}
\newcommand{\norm}[1]{\left\lVert #1 \right\rVert}
\begin{document}
Let $X \in \mathbb{R}^{n\times d}$ and $y \in \mathbb{R}^n$.
\[ J(w) = \norm{X w - y}_2^2, \qquad \nabla_w J(w) = 2 X^\top (X w - y) \]
\end{document}
"""
    right = report(tmp_path, text, "norm.tex")
    assert verdicts(right) == ["right"]
    assert verdicts(report(tmp_path, text.replace("2 X^", "X^"), "norm.tex")) == ["wrong"]


def test_a_sum_over_examples_that_are_vectors(tmp_path):
    text = r"""\documentclass{article}
\begin{document}
\[ J(w) = \frac{1}{n} \sum_{i=1}^n (w^\top x_i - y_i)^2 + \lambda \|w\|^2 \]
\[ \nabla_w J(w) = \frac{2}{n} \sum_{i=1}^n (w^\top x_i - y_i) x_i + 2 \lambda w \]
\end{document}
"""
    right = report(tmp_path, text, "ridge.tex")
    assert verdicts(right) == ["right"]
    assert "time: i = 1..n; w: N×1; x_i: N×1; y_i: 1×1" in right.text()
    assert verdicts(report(tmp_path, text.replace("2 \\lambda w", "\\lambda w"), "ridge.tex")) == ["wrong"]


def test_blocks_without_declarations_are_checked_with_those_that_are_proposed():
    text = """# A layer

```forward
a = W x + b
h = tanh(a)
L = 1/2 ‖h - y‖²
```

```backward
∇h = h - y
∇a = ∇h ∘ (1 - h²)
∇W = ∇a xᵀ
```
"""
    right = check_derivation(text, suggest=False)
    assert verdicts(right) == ["right"] * 3
    assert "nothing is declared; taken: layout: same; W: N×M; x: M×1; b: N×1" in right.text()
    (wrong,) = check_derivation(text.replace("∇a xᵀ", "∇a hᵀ"), suggest=False).wrong
    assert (wrong.line, str(wrong.verdict)) == (12, "does not fit")
