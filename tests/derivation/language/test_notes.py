"""Notes as people write them: what is read without a declaration, right lines, and the line with a mistake in it."""

import pytest

from tinyad.derivation import check_source
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.source import DerivationError


def checked(text, suggest=False):
    return check_source(opened_text(text, "notes.md"), suggest=suggest)


def displays(*equations):
    return "\n\n".join(f"$$\n{equation}\n$$" for equation in equations)


LAYER = (r"a = W x", r"h = \tanh(a)", r"L = \tfrac12 \|h\|^2")
UNITS = (
    r"net_j = \sum_i u_{ij} x_i + c_j, \quad q_j = f(net_j)",
    r"net_k = \sum_j v_{jk} q_j + c_k, \quad o_k = g(net_k)",
    r"E = \frac12 \sum_k (o_k - t_k)^2",
    r"\delta_k = \frac{\partial E}{\partial net_k} = (o_k - t_k) g'(net_k)",
)
LAYERS = (
    r"z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}, \quad a^{(l)} = \tanh(z^{(l)})",
    r"C = \frac12 \|a^{(L)} - y\|^2",
    r"\frac{\partial C}{\partial z^{(L)}} = (a^{(L)} - y) \odot (1 - (a^{(L)})^2)",
)
ATTEND = (
    r"S_{ij} = \sum_k Q_{ik} K_{jk}",
    r"O_{ip} = \sum_j S_{ij} V_{jp}",
    r"G_{ip} := \frac{\partial L}{\partial O_{ip}}",
)

# what it is about: (equations of the notes, a line that is right, the same line with a mistake)
# fmt: off
LINES = {
    "0 behind a derivative, to which it is set": (
        (r"L = \frac12 \|X w - y\|^2 + \mu (c^\top w - s)",),
        r"\frac{\partial L}{\partial w} = X^\top (X w - y) + \mu c = 0",
        r"\frac{\partial L}{\partial w} = X^\top (X w - y) - \mu c = 0"),
    "e transposed, beside e as a name": (
        (r"L = \mu (e^\mathsf{T} w - s)",),
        r"\frac{\partial L}{\partial w} = \mu e",
        r"\frac{\partial L}{\partial w} = 2 \mu e"),
    "exponents that are numbers": (
        (r"L = p u^\alpha v^\beta",),
        r"\frac{\partial L}{\partial u} = p \alpha u^{\alpha-1} v^\beta",
        r"\frac{\partial L}{\partial u} = p \alpha u^{\alpha-1} v^{\beta-1}"),
    "σ as a name": (
        (r"z = \mu + \sigma \odot \epsilon", r"L = \frac12 \|z\|^2", r"\frac{\partial L}{\partial z} = z"),
        r"\frac{\partial L}{\partial \sigma} = \frac{\partial L}{\partial z} \odot \epsilon",
        r"\frac{\partial L}{\partial \sigma} = \frac{\partial L}{\partial z} \odot \sigma"),
    "a derivative for σ², and its square": (
        (r"L = -\frac{N}{2} \log \sigma^2 - \frac{1}{2\sigma^2} \sum_{n=1}^N (x^{(n)} - \mu)^2",),
        r"\frac{dL}{d\sigma^2} = -\frac{N}{2\sigma^2} + \frac{1}{2\sigma^4} \sum_{n=1}^N (x^{(n)} - \mu)^2",
        r"\frac{dL}{d\sigma^2} = -\frac{N}{2\sigma^2} + \frac{1}{2\sigma^2} \sum_{n=1}^N (x^{(n)} - \mu)^2"),
    "d with an accent": (
        (r"L = \frac12 \|m - \hat{d}\|^2 + \tilde\delta^\top m",),
        r"\frac{\partial L}{\partial m} = m - \hat{d} + \tilde{\delta}",
        r"\frac{\partial L}{\partial m} = m - \hat{d} - \tilde{\delta}"),
    "the negative of a derivative": (
        LAYER,
        r"-\nabla_a L = -h \odot (1 - h^2)",
        r"-\nabla_a L = h \odot (1 - h^2)"),
    "an abbreviation for a component, used for another": (
        ATTEND,
        r"\frac{dL}{dV_{jp}} = \sum_{a,b} G_{ab} \frac{\partial O_{ab}}{\partial V_{jp}} = \sum_i S_{ij} G_{ip}",
        r"\frac{dL}{dV_{jp}} = \sum_{a,b} G_{ab} \frac{\partial O_{ab}}{\partial V_{jp}} = \sum_i S_{ij} G_{jp}"),
    "a name for a derivative, and a line of its own for it": (
        (r"a_i = \sum_j W_{ij} x_j", r"h_i = \tanh(a_i)", r"L = \frac12 \sum_i h_i^2",
         r"\delta_i = -\frac{\partial L}{\partial a_i}"),
        r"\delta_i = -h_i (1 - h_i^2)",
        r"\delta_i = h_i (1 - h_i^2)"),
    "units of several layers by their index": (
        UNITS,
        r"\frac{\partial E}{\partial net_j} = f'(net_j) \sum_k \delta_k v_{jk}",
        r"\frac{\partial E}{\partial net_j} = f'(net_j) \sum_k \delta_k v_{kj}"),
    "biases of several layers": (
        UNITS,
        r"\frac{\partial E}{\partial c_k} = \delta_k",
        r"\frac{\partial E}{\partial c_k} = \delta_k o_k"),
    "layers counted above names": (
        LAYERS,
        r"\frac{dC}{dz^{(l)}} = ((W^{(l+1)})^\top \frac{dC}{dz^{(l+1)}}) \odot (1 - (a^{(l)})^2)",
        r"\frac{dC}{dz^{(l)}} = (W^{(l+1)} \frac{dC}{dz^{(l+1)}}) \odot (1 - (a^{(l)})^2)"),
    "the weights of layers counted above names": (
        LAYERS,
        r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l-1)})^\top",
        r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l)})^\top"),
    "log p as one name": (
        (r"\log p(y \mid \theta) = -\frac12 (y - \theta)^2 - \frac12 \log 2\pi",),
        r"\frac{\partial}{\partial \theta} \log p(y \mid \theta) = y - \theta",
        r"\frac{\partial}{\partial \theta} \log p(y \mid \theta) = \theta - y"),
    "a loss with a script": (
        (r"J_{\text{ridge}} = \|X w - y\|^2",),
        r"\frac{\partial J}{\partial w} = 2 X^\top (X w - y)",
        r"\frac{\partial J}{\partial w} = 2 X (X w - y)"),
    "arguments with dots": (
        (r"J(p_1, \ldots, p_k, \mu) = \sum_{i=1}^k p_i \log p_i + \mu (\sum_{i=1}^k p_i - 1)",),
        r"\frac{\partial J}{\partial p_i} = \log p_i + 1 + \mu",
        r"\frac{\partial J}{\partial p_i} = \log p_i + \mu"),
    "sums over a set": (
        (r"E = \sum_{(u,i) \in \mathcal{K}} (R_{ui} - \sum_k P_{uk} Q_{ik})^2",),
        r"\frac{\partial E}{\partial P_{uk}} = -2 \sum_i (R_{ui} - \sum_l P_{ul} Q_{il}) Q_{ik}",
        r"\frac{\partial E}{\partial P_{uk}} = 2 \sum_i (R_{ui} - \sum_l P_{ul} Q_{il}) Q_{ik}"),
    "a sum from 0 to n": (
        (r"E = \frac12 \sum_{k=0}^{n} (o_k - t_k)^2",),
        r"\frac{\partial E}{\partial o_k} = o_k - t_k",
        r"\frac{\partial E}{\partial o_k} = t_k - o_k"),
    "a function that an equation says": (
        (r"s(x) = \frac{1}{1 + e^{-x}}", r"L = \sum_{i=1}^N (s(w^\top x_i) - y_i)"),
        r"\frac{\partial L}{\partial w} = \sum_{i=1}^N s(w^\top x_i) (1 - s(w^\top x_i)) x_i",
        r"\frac{\partial L}{\partial w} = \sum_{i=1}^N s(w^\top x_i) x_i"),
    "σ as the softmax": (
        (r"\sigma(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}}", r"p = \sigma(z)"),
        r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)",
        r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_i)"),
    "differentials": (
        (r"r = X w - y, \quad f = r:r",),
        r"df = 2 r:dr = 2 r:X dw = 2 X^\top r:dw",
        r"df = 2 r:dr = 2 r:X dw = 2 X r:dw"),
    "one number added to X w": (
        (r"p = X w + b", r"L = \frac1n \sum_{i=1}^n (p_i - y_i)^2"),
        r"\frac{\partial L}{\partial b} = \frac2n \sum_{i=1}^n (p_i - y_i)",
        r"\frac{\partial L}{\partial b} = \frac1n \sum_{i=1}^n (p_i - y_i)"),
    "indices in brackets": (
        (r"P[i] = \frac{e^{S[i]}}{\sum_{k=0}^{N-1} e^{S[k]}}", r"L = \sum_i y[i] P[i]"),
        r"dS[i] = P[i] (dP[i] - \sum_{j=0}^{N-1} P[j] dP[j])",
        r"dS[i] = P[i] (dP[i] - \sum_{j=0}^{N-1} dP[j])"),
    "an index with a prime": (
        (r"y_j = \frac{\exp(u_j)}{\sum_{j'=1}^V \exp(u_{j'})}", r"L = y^\top c"),
        r"\frac{\partial L}{\partial u_j} = y_j (c_j - \sum_{j'} y_{j'} c_{j'})",
        r"\frac{\partial L}{\partial u_j} = y_j (c_j - \sum_{j'} c_{j'})"),
    "x' beside ^T": (
        (r"K(x, x') = s \exp\left(-\frac{(x - x')^T (x - x')}{2 l^2}\right)",),
        r"\frac{\partial K}{\partial l} = K \frac{(x - x')^T (x - x')}{l^3}",
        r"\frac{\partial K}{\partial l} = K \frac{(x - x')^T (x - x')}{l^2}"),
    "a name with a prime before its script": (
        (r"E = -\log \sigma({v'_O}^T u) - \sum_{k=1}^K \log \sigma(-{v'_k}^T u)",),
        r"\frac{\partial E}{\partial v'_k} = \sigma({v'_k}^T u) u",
        r"\frac{\partial E}{\partial v'_k} = (\sigma({v'_k}^T u) - 1) u"),
    "a matrix by its entries": (
        (r"L = \sum_{i=1}^m (\sum_{j=1}^n a_{ij} x_j - b_i)^2",),
        r"\frac{\partial L}{\partial x} = 2 A^\top (A x - b)",
        r"\frac{\partial L}{\partial x} = 2 A (A x - b)"),
    "numbers between 0 and 1": (
        (r"L = -\sum_i (y_i \log a_i + (1 - y_i) \log(1 - a_i))",),
        r"\frac{\partial L}{\partial a_i} = \frac{1 - y_i}{1 - a_i} - \frac{y_i}{a_i}",
        r"\frac{\partial L}{\partial a_i} = \frac{1 - y_i}{1 - a_i} + \frac{y_i}{a_i}"),
    "a length that only the lines state": (
        (r"r = \sqrt{\frac1D \sum_i x_i^2}", r"L = r"),
        r"\frac{\partial L}{\partial x_i} = \frac{x_i}{D r} \sum_{j=1}^D x_j^2 / \sum_{j=1}^D x_j^2",
        r"\frac{\partial L}{\partial x_i} = \frac{x_i}{r} \sum_{j=1}^D x_j^2 / \sum_{j=1}^D x_j^2"),
    "the determinant of a covariance": (
        (r"L = \frac12 y^\top K^{-1} y + \frac12 \log |K|",),
        r"\frac{\partial L}{\partial y} = \frac12 (K^{-1} + K^{-\top}) y",
        r"\frac{\partial L}{\partial y} = \frac12 K^{-1} y"),
    "a line for i = j": (
        (r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}",),
        r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i) \quad \text{if } i = j",
        r"\frac{\partial p_i}{\partial z_j} = p_i (1 + p_i) \quad \text{if } i = j"),
    "a line for i ≠ j": (
        (r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}",),
        r"\frac{\partial p_i}{\partial z_j} = -p_i p_j \quad \text{for } i \neq j",
        r"\frac{\partial p_i}{\partial z_j} = p_i p_j \quad \text{for } i \neq j"),
    "a name for itself": (
        (r"O_{ip} = \sum_j S_{ij} V_{jp}", r"L = \sum_{i,p} O_{ip}^2"),
        r"\frac{\partial O_{ip}}{\partial V_{jq}} = \sum_c S_{ic} \frac{\partial V_{cp}}{\partial V_{jq}}",
        r"\frac{\partial O_{ip}}{\partial V_{jq}} = \sum_c S_{cj} \frac{\partial V_{cp}}{\partial V_{jq}}"),
}
# fmt: on
STATED = {
    "the determinant of a covariance": "Let $K$ be positive; $K$ is symmetric positive definite.\n\n",
    "a matrix by its entries": "Let $A = (a_{ij})$ be an $m \\times n$ matrix.\n\n",
}


@pytest.mark.parametrize("name", LINES)
def test_a_right_line_holds(name):
    equations, right, _ = LINES[name]
    report = checked(STATED.get(name, "") + displays(*equations, right))
    assert report.verdicts
    assert not report.wrong, report.text()


@pytest.mark.parametrize("name", LINES)
def test_its_mistake_is_found_and_in_no_other_line(name):
    equations, _, wrong = LINES[name]
    text = STATED.get(name, "") + displays(*equations, wrong)
    report = checked(text)
    line = text.split("\n").index(wrong) + 1
    assert [v.line for v in report.wrong] == [line], report.text()


# fmt: off
MEANT = {  # what it is about: the equations of the notes, the last one wrong, and the line that was meant
    "a descent": (
        (*LAYER, r"-\nabla_x L = -W (h \odot (1 - h^2))"), r"-\nabla_x L = -W^\top (h \odot (1 - h^2))"),
    "a descent with the wrong sign": (
        (*LAYER, r"-\nabla_h L = h"), r"-\nabla_h L = -h"),
    "a name for the negative of a derivative": (
        (*LAYER, r"\delta = -\frac{\partial L}{\partial a}", r"\delta = h \odot (1 - h^2)"),
        r"\delta = -h \odot (1 - h^2)"),
    "0 behind a derivative": (
        (r"J = \frac12 \|w\|^2 - \mu c^\top w", r"\frac{\partial J}{\partial w} = w + \mu c = 0"),
        r"\frac{\partial J}{\partial w} = w - \mu c = 0"),
    "a rule for a formula": (
        (r"\frac{\partial}{\partial x} (x^\top A x) = (A - A^\top) x",),
        r"\frac{\partial}{\partial x} (x^\top A x) = (A + A^\top) x"),
    "a rule for a function": (
        (r"\tanh'(z) = 1 - \tanh(z)",), r"\tanh'(z) = 1 - \tanh(z)^2"),
    "layers": (
        (*LAYERS, r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l)})^\top"),
        r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l-1)})^\top"),
    "a line for i ≠ j": (
        (r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}",
         r"\frac{\partial p_i}{\partial z_j} = p_i p_j \quad \text{for } i \neq j"),
        r"\frac{\partial p_i}{\partial z_j} = -p_i p_j \quad \text{for } i \neq j"),
    "units": (
        (*UNITS, r"\frac{\partial E}{\partial q_j} = \sum_k \delta_k v_{kj}"),
        r"\frac{\partial E}{\partial q_j} = \sum_k \delta_k v_{jk}"),
}
# fmt: on


@pytest.mark.parametrize("name", MEANT)
def test_the_line_that_was_meant(name):
    equations, meant = MEANT[name]
    (wrong,) = checked(displays(*equations), suggest=True).wrong
    assert wrong.suggestion == meant
    assert wrong.grade in ("certain", "likely")


# Where formulas stand


BOXES = {
    "eqalign": "$$\\eqalign{\na &= W x \\\\\nL &= \\frac12 \\|a\\|^2 \\cr}$$\n$$\\eqalign{ \\nabla_W L &= a x^T }$$",
    "a system in a brace": (
        "$$\\left\\{ \\begin{array}{ll} a = W x \\\\ L = \\frac12 \\|a\\|^2 \\end{array} \\right.$$\n\n"
        "$$\\begin{cases} \\nabla_W L = a x^T \\end{cases}$$"
    ),
    "alone on a line": "$a = W x$\n\n$L = \\frac12 \\|a\\|^2$,\n\n- $\\nabla_W L = a x^T$\n",
    "within a paragraph": (
        "Let \\[a = W x\\] and \\[L = \\frac12 \\|a\\|^2\\]; then\n"
        "we have \\begin{align} \\nabla_W L &= a x^T \\end{align}"
    ),
    "a chain across displays": "$$a = W x$$ $$L = \\frac12 \\|a\\|^2$$\n$$\\nabla_W L = a x^T$$\n$$= W x x^T$$",
    "lines without an equals sign": "$$a = W x, \\quad L = \\frac12 \\|a\\|^2$$\n$$\n\\nabla_W L =\na\nx^T\n$$",
    "defined in the prose": "For $a = W x$:\n$$\\nabla_W L = a x^T$$\nwhere $L = \\frac12 \\|a\\|^2$ , the loss.",
    "an abbreviation in the prose": (
        "For $a = W x$ with the upstream derivative $G = \\partial L / \\partial a$ we have\n$$\\nabla_W L = G x^T$$"
    ),
    "phantoms and colours": (
        "$$a = \\underbrace{\\vphantom{\\frac{A}{B}} W {\\color{blue} x}}_{\\text{linear}}, "
        "\\quad L = \\frac12 \\|a\\|^2$$\n$$\\nabla_W L = a \\color{red}{x^T}$$"
    ),
}


@pytest.mark.parametrize("name", BOXES)
def test_where_formulas_stand(name):
    text = BOXES[name].replace("\\cr", "")
    report = checked(text)
    assert [str(v.verdict) for v in report.verdicts] == ["right"], report.text()
    wrong = checked(text.replace("x^T", "x").replace("a\nx\n", "a x\n"))
    assert [v.ok for v in wrong.verdicts] == [False], wrong.text()


def test_what_a_display_defines_is_not_taken_from_the_prose():
    text = "$$a = W x, \\quad L = \\frac12 \\|a\\|^2$$\nElse $a = V x + c$, another one.\n$$\\nabla_a L = a$$"
    assert not checked(text).wrong


def test_what_no_line_needs_is_not_taken_from_the_prose():
    text = "$$a = W x, \\quad L = \\frac12 \\|a\\|^2$$\nwith $k = m + \\infty$ and $q = \\foo + 1$\n$$\\nabla_a L = a$$"
    report = checked(text)
    assert not report.wrong
    assert "not read" not in report.text().replace("0 not read", "")


# What is not judged, and what is said of what is not read


def test_a_derivative_that_is_set_to_0_is_a_condition():
    text = displays(*LAYER, r"\nabla_a L = h \odot (1 - h^2)", r"\nabla_a L = 0")
    report = checked(text)
    assert not report.wrong
    assert "a condition, as for an optimum, is not judged" in report.text()
    assert checked(displays(*LAYER, r"\nabla_a L = 0")).wrong  # then it is what the author says of it


def test_a_condition_from_which_something_follows():
    text = displays(*LAYER, r"\nabla_h L = h", r"\nabla_a L = 0 \implies h \odot (1 - h^2) = 0")
    assert not checked(text).wrong


def test_one_of_two_cases():
    softmax = r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}"
    report = checked(displays(softmax, r"\frac{\partial p_i}{\partial z_j} = -p_i p_j"))
    (line,) = report.verdicts
    assert line.verdict is Verdict.NOT_EVALUABLE
    assert "this holds where i ≠ j; for i = j it is something else" in line.message
    report = checked(displays(softmax, r"\frac{\partial p_i}{\partial z_j} = -2 p_i p_j"))
    assert report.verdicts[0].verdict is Verdict.WRONG


def test_labels_that_sum_to_1_beside_a_softmax_in_components():
    text = displays(
        r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}",
        r"L = -\sum_i y_i \log p_i",
        r"\frac{\partial L}{\partial z_k} = p_k - y_k",
    )
    (line,) = checked(text).wrong
    assert line.message == "it holds if every column of y sums to 1: declare `sums to 1: y`"


def test_a_derivative_with_no_finite_value_is_not_called_wrong():
    text = "<!-- tinyad: declare x: 1×1, c: 1×1 -->\n" + displays(
        r"L = c x", r"\frac{\partial}{\partial x} \log x = \frac1x"
    )
    (line,) = checked(text).verdicts
    assert line.verdict is Verdict.NOT_EVALUABLE
    assert "declare `positive: x`" in line.message


# fmt: off
REFUSED = {
    r"\nabla_b L = \sum_i \delta_{i,:}": "rows and columns of a matrix, as A_{i,:}, are not read",
    r"\nabla_W L = \sum_{i \in A} x_i + \sum_{i \in B} x_i": "i runs over two sets, A and B",
}
# fmt: on


@pytest.mark.parametrize("line", REFUSED)
def test_what_a_line_says_that_is_not_read(line):
    text = displays(r"a = W x + b", r"L = \frac12 \sum_i a_i^2", line)
    assert REFUSED[line] in checked(text).verdicts[0].message


def test_a_mistake_that_turns_the_order_of_lines_is_in_one_line():
    forward = (r"m = \frac1D \sum_{i=1}^D x_i", r"c_i = x_i - m", r"L = \sum_i y_i \exp(c_i)")
    lines = (
        r"dc_i = y_i \exp(c_i)",
        r"dm = -\sum_{j=1}^D dx_j",  # of dc_j
        r"dx_i = dc_i + \frac{1}{D} dm",
    )
    (wrong,) = checked(displays(*forward, *lines)).wrong
    assert wrong.text == lines[1]


def test_the_message_says_which_formulas_are_not_read_and_why():
    with pytest.raises(DerivationError) as error:
        checked("Some notes.\n\n" + displays(r"\frac{\partial L}{\partial W} = \forall x", r"u = v + w"))
    assert "line 4: \\forall is not known" in str(error.value)
    assert "line 8: no line needs u" in str(error.value)


def test_sums_over_sets_are_said():
    text = displays(r"L = \sum_{i \in S} x_i^2", r"\frac{\partial L}{\partial x_i} = 2 x_i")
    assert "sums over S are read as sums over all values of their index" in checked(text).text()
