"""Papers that never name the argument of an activation, and what else they leave to the reader."""

import pytest

from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.proposal import with_proposed
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.repair.checked import check_all
from tinyad.derivation.show.report import Report

RNN = r"""
\[ s_t = \tanh(A u_t + B s_{t-1} + c) \]
\begin{align}
\delta p_t &= \delta s_t \odot (1 - s_t^2) \\
\delta A &= \sum_t \delta p_t u_t^\top \\
\delta B &= \sum_t \delta p_t s_{t-1}^\top \\
\delta c &= \sum_t \delta p_t \\
\delta s_{t-1} &= B^\top \delta p_t
\end{align}
"""
GATED = r"""
\begin{align}
g_t &= \sigma(A u_t + B s_{t-1}) \\
q_t &= \tanh(C u_t + D s_{t-1}) \\
s_t &= g_t \odot s_{t-1} + (1 - g_t) \odot q_t
\end{align}
\begin{align}
\nabla_{g_t} &= \nabla_{s_t} \odot (s_{t-1} - q_t) \\
\nabla_{q_t} &= \nabla_{s_t} \odot (1 - g_t) \\
\nabla_{\hat g_t} &= \nabla_{g_t} \odot g_t \odot (1 - g_t) \\
\nabla_{\hat q_t} &= \nabla_{q_t} \odot (1 - q_t^2) \\
\nabla_{D} &= \sum_t \nabla_{\hat q_t} s_{t-1}^\top \\
\nabla_{B} &= \sum_t \nabla_{\hat g_t} s_{t-1}^\top \\
\nabla_{s_{t-1}} &= \nabla_{s_t} \odot g_t + B^\top \nabla_{\hat g_t} + D^\top \nabla_{\hat q_t}
\end{align}
"""
LAYERS = r"""
\begin{align}
h &= f(V x + c) \quad \text{component-wise} \\
o &= \sigma(U h + e) \\
E &= \frac{1}{2} \|o - y\|^2
\end{align}
\begin{align}
\frac{\partial E}{\partial o} &= o - y \\
\frac{\partial E}{\partial a} &= \frac{\partial E}{\partial o} \odot o \odot (1 - o) \\
\frac{\partial E}{\partial U} &= \frac{\partial E}{\partial a} h^\top \\
\frac{\partial E}{\partial r} &= \left(U^\top \frac{\partial E}{\partial a}\right) \odot f'(r) \\
\frac{\partial E}{\partial V} &= \frac{\partial E}{\partial r} x^\top
\end{align}
"""
CLASSIFIER = r"""
\[ k = \tanh(V x + c) \]
\[ p = \mathrm{softmax}(U k) \]
\[ L = -\sum_i y_i \log p_i \]
\[ \frac{\partial L}{\partial U} = (p - y) k^\top \]
\[ \frac{\partial L}{\partial k} = U^\top (p - y) \]
"""


def report(text):
    source = with_proposed(opened_text(text, "paper.tex"))
    return Report(source, check_all(source))


@pytest.mark.parametrize(("text", "lines"), [(RNN, 5), (GATED, 7), (LAYERS, 5), (CLASSIFIER, 2)])
def test_a_right_paper(text, lines):
    found = report(text)
    assert [v.text for v in found.wrong] == []
    assert len(found.verdicts) == lines
    assert found.ok, found.text()


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (RNN, r"(1 - s_t^2)", r"(1 + s_t^2)"),
        (RNN, r"\delta s_{t-1} &= B^\top", r"\delta s_{t-1} &= B"),
        (RNN, r"\sum_t \delta p_t s_{t-1}^\top", r"\sum_t \delta p_t s_t^\top"),
        (GATED, r"g_t \odot (1 - g_t) \\", r"g_t \odot (1 - q_t) \\"),
        (GATED, r"+ D^\top \nabla_{\hat q_t}", r"+ B^\top \nabla_{\hat q_t}"),
        (GATED, r"\nabla_{q_t} \odot (1 - q_t^2)", r"\nabla_{q_t} \odot (1 - q_t)"),
        (LAYERS, r"\odot o \odot (1 - o)", r"\odot o"),
        (LAYERS, r"U^\top \frac", r"U \frac"),
        (CLASSIFIER, r"(p - y) k^\top", r"(y - p) k^\top"),
    ],
)
def test_one_mistake_is_one_line(text, right, wrong):
    assert text.count(right) == 1
    (found,) = report(text.replace(right, wrong)).wrong
    assert wrong.split("&=")[-1].split(r" \\")[0].strip() in found.text
    changed = text.replace(right, wrong).replace(found.text, found.suggestion)
    assert report(changed).ok


def test_what_is_taken_is_said():
    assert "p: the argument of the activation in s, as only its derivative says  (line 4)" in report(RNN).text()


def test_what_a_line_means_is_not_guessed():
    """Of two arguments none is chosen, and a derivative that no other line uses is no argument."""
    two = r"""
    \[ h = \tanh(V x) + \sigma(U x) \]
    \[ L = h^\top h \]
    \[ \nabla_a = 2 h \odot (1 - h^2) \]
    \[ \nabla_V = \nabla_a x^\top \]
    """
    typed = RNN.replace(r"\delta A &= \sum_t \delta p_t u_t^\top", r"\delta H &= \delta s_t \odot (1 - s_t^2)")
    for text, name in ((two, "a"), (typed, "H")):
        found = report(text)
        assert f"{name} is neither declared nor computed" in found.text()


def test_what_is_declared_is_completed():
    given = "% tinyad: declare constant: u_t\n" + RNN
    found = report(given)
    assert found.ok
    assert "taken besides what is declared: layout: same; time: t = 1..T; s_t: N×1" in found.text()
    assert not report(given.replace(r"\delta c &= \sum_t", r"\delta c &= 2 \sum_t")).ok
    sized = "% tinyad: declare A: N×M, B: N×N, c: N×1, u_t: M×1, s_t: N×1; given: δs_T; constant: u_t\n" + RNN
    assert report(sized).ok  # s_{t-1} beside Σ_t is a sequence
    with pytest.raises(DerivationError, match="no size follows for A, u_t"):
        report(sized.replace("A: N×M, ", "").replace(", u_t: M×1", ""))


def test_a_derivative_is_given_at_the_last_time():
    assert r"given: \delta s_T" in report(RNN).text()
    added = RNN.replace(r"\delta s_{t-1} &=", r"\delta s_{t-1} &+=")
    assert r"given: \delta s_{t-1}" in report(added).text()


def test_labels_of_a_softmax_sum_to_1():
    assert "sums to 1: y" in report(CLASSIFIER).text()
    rows = r"""
    The softmax is over each row.
    \[ P = \mathrm{softmax}(X W) \]
    \[ L = -\sum_{ik} Y_{ik} \log P_{ik} \]
    \[ \frac{\partial L}{\partial W} = X^\top (P - Y) \]
    """
    assert report(rows).ok
    assert "rows sum to 1: Y" in report(rows).text()
    weights = CLASSIFIER.replace(r"\mathrm{softmax}(U k)", r"\sigma(U k)")
    assert "sums to 1" not in report(weights).text()
