"""The line that the rules give, where no edit of a wrong line leads to a right one; and what no suggestion may be."""

import pytest

from tests.support.applied_suggestions import false_suggestions, verdicts_of, with_all
from tests.support.derivation_texts import fenced
from tests.support.right_derivations import CORRECT, TEXTS
from tinyad.derivation import check_derivation
from tinyad.derivation.exercise.plant import KINDS, plants

# which right derivation, the line that stands there, what is written instead, and what is suggested
MENDED = [
    # an upstream that the author has written out is the adjoint that it equals
    ("word vectors", r"\frac{\partial J}{\partial U} = v_c (\hat{y} - y)^\top",
     r"\frac{\partial J}{\partial U} = (\hat{y} - y) v_c", "by the rule"),
    ("logistic regression", r"\nabla_w J = X^\top (s - y)", r"\nabla_w J = s - y", "by the rule"),
    ("logistic regression", r"\nabla_c J = 1^\top (s - y)", r"\nabla_c J = X^\top (s - y)", None),
    # the closed form of softmax and a cross entropy, over one column and over the mean of several
    ("word vectors", r"\frac{\partial J}{\partial \theta} = \hat{y} - y",
     r"\frac{\partial J}{\partial \theta} = - y", None),
    ("classifier", "dZ = (P - Y) / B", "dZ = P / B", None),
    # the path of the next step
    ("gates", "2. ∇c_t = ∇h_t ∘ o_t ∘ (1 - tanh²(c_t)) + ∇c_{t+1} ∘ f_{t+1}",
     "2. ∇c_t = ∇h_t ∘ o_t ∘ (1 - tanh²(c_t))", None),
    ("scan", "dh_t = c_t dy_t + a_{t+1} ∘ dh_{t+1}", "dh_t = c_t dy_t", None),
    # the sum over all times
    ("recurrent network", "3. ∇W = Σ_t ∇a_t x_tᵀ", "3. ∇W = ∇a_t x_tᵀ", "certain"),
    ("recurrent network", "4. ∇b = Σ_t ∇a_t", "4. ∇b = ∇a_t", "certain"),
    # a product of the same line in the place of one of its names
    ("root mean square", "dx = (1/R) (dy ∘ w - (1/N) (1/R²) ((dy ∘ w)ᵀ x) x)",
     "dx = (1/R) (dy ∘ w - (1/N) (1/R²) (dyᵀ x) x)", None),
    # an outer product written as an inner one
    ("quadratic", "dL/dM = 2 M + m zᵀ", "dL/dM = 2 M + mᵀ z", None),
    # the signs of the author
    ("stars", "dW1 = da * xᵀ", "dW1 = da ∘ xᵀ", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "grade"), MENDED)
def test_the_line_that_stood_there_is_suggested(name, right, wrong, grade):
    report = check_derivation(TEXTS[name].replace(right, wrong))
    (v,) = report.wrong
    assert v.suggestion == right.partition(". ")[2] if right[0].isdigit() else v.suggestion == right
    assert grade is None or v.grade == grade
    assert check_derivation(with_all(report)).ok


def suggested(declare, forward, backward, wrong=0):
    """Return the suggestion for one line, and its grade; it holds where it is put."""
    report = check_derivation(fenced(declare, forward, backward))
    assert false_suggestions(report) == []
    return report.verdicts[wrong].suggestion, report.verdicts[wrong].grade


SQUARES = ("layout: same\nW: N×M\nx: M×1\ny: N×1\nconstant: x, y", "a = W x\nL = 1/2 (a - y)ᵀ (a - y)")
SYMMETRIC = ("layout: same\nK: N×M\nH: M×N\nP: N×N\nconstant: H, P", "A = (I - K H) P (I - K H)ᵀ\nL = sum(A ∘ I)")


@pytest.mark.parametrize(
    ("whole", "line", "right"),
    [
        (SQUARES, "∇W = (a - y)ᵀ x", "∇W = (a - y) xᵀ"),
        (SQUARES, "∇W = 3 xᵀ (a - y) + W W", "∇W = (a - y) xᵀ"),
        (SQUARES, "∇W = 3 W + W W", "∇W = (a - y) xᵀ"),  # nothing of it stands there: from the loss itself
        (SYMMETRIC, "∇K = K", "∇K = -(I - K H) Pᵀ Hᵀ - (I - K H) P Hᵀ"),
        (("layout: same\nx: N×1\nm: 1×1", "u = x / m\nL = sum(exp(u))"), "∇x = u + m x", "∇x = exp(u) / m"),
        (("layout: same\nx: N×1", "L = sum(x ∘ x ∘ x)"), "∇x = x x x", "∇x = x ∘ x + x ∘ x + x ∘ x"),
        (("layout: row\nW: N×M\nx: M×1\ngiven: ∇y", "y = relu(W x)"), "∇W = ∇y x", "∇W = x (∇y ∘ relu'(W x)ᵀ)"),
        (("layout: same\nx, b: N×1\nX: N×N\ngiven: ∇y", "y = X^{-1} b"), "∇b = X x", "∇b = (X^{-1})ᵀ ∇y"),
        (("layout: same\nx: N×1\npositive: x", "L = sum(x^{3/2})"), "∇x = x", "∇x = 1.5 x^{1/2}"),
        (("layout: same\nx: N×1\nv: 1×1\npositive: v\ngiven: ∇y", "y = x v^{-1/2}"), "∇v = v",
         "∇v = -xᵀ ∇y v^{-3/2} / 2"),
        (("layout: same\nx: N×1\npositive: x", "L = sum(x ∘ x)^4"), "∇x = x", "∇x = 8 sum(x ∘ x)^3 x"),
    ],
)  # fmt: skip
def test_from_equations_of_several_operations(whole, line, right):
    suggestion, _ = suggested(*whole, line)
    assert squeezed(suggestion) == squeezed(right) or is_right(whole, suggestion)
    assert suggestion


def is_right(whole, line):
    return all(v.ok for v in check_derivation(fenced(*whole, line)).verdicts)


LSTM = (
    "layout: same\ntime: t = 1..T\nx_t: M×1\nW_f, W_g: N×M\nR_f, R_g: N×N\nb_f, b_g: N×1\nh_t: N×1\ngiven: δh_t",
    "f_t = σ(W_f x_t + R_f h_{t-1} + b_f)\ng_t = tanh(W_g x_t + R_g h_{t-1} + b_g)\nh_t = f_t ∘ g_t",
    """\
δh_t += R_fᵀ (δf_{t+1} ∘ f_{t+1} ∘ (1 - f_{t+1})) + R_gᵀ (δg_{t+1} ∘ (1 - g_{t+1}²))
δf_t = δh_t ∘ g_t
δg_t = δh_t ∘ f_t
δW_f = Σ_t (δf_t ∘ f_t ∘ (1 - f_t)) x_tᵀ
δW_g = Σ_t (δg_t ∘ (1 - g_t²)) x_tᵀ
δR_f = Σ_t (δf_t ∘ f_t ∘ (1 - f_t)) h_{t-1}ᵀ
δR_g = Σ_t (δg_t ∘ (1 - g_t²)) h_{t-1}ᵀ
δb_f = Σ_t δf_t ∘ f_t ∘ (1 - f_t)
δb_g = Σ_t δg_t ∘ (1 - g_t²)
δx_t = W_fᵀ (δf_t ∘ f_t ∘ (1 - f_t)) + W_gᵀ (δg_t ∘ (1 - g_t²))""",
)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("δW_f = Σ_t (δf_t ∘ f_t ∘ (1 - f_t)) x_tᵀ", "δW_f = Σ_t (δg_t ∘ (1 - g_t²)) x_tᵀ"),
        ("δb_g = Σ_t δg_t ∘ (1 - g_t²)", "δb_g = δf_t ∘ f_t ∘ (1 - f_t)"),
        ("δR_g = Σ_t (δg_t ∘ (1 - g_t²)) h_{t-1}ᵀ", "δR_g = Σ_t δg_t ∘ (1 - f_t²)"),
        ("δf_t = δh_t ∘ g_t", "δf_t = δh_t ∘ f_t ∘ f_t"),
        (" + R_gᵀ (δg_{t+1} ∘ (1 - g_{t+1}²))", ""),
        (" + R_gᵀ (δg_{t+1} ∘ (1 - g_{t+1}²))", " + R_gᵀ (δg_{t+1} ∘ (1 - f_{t+1}²))"),
    ],
)
def test_letters_of_another_gate(right, wrong):
    report = check_derivation(fenced(*LSTM[:2], LSTM[2].replace(right, wrong, 1)))
    (v,) = report.wrong
    assert without_brackets(v.suggestion) in map(without_brackets, LSTM[2].split("\n"))
    assert without_brackets(right) in without_brackets(v.suggestion)


def without_brackets(text):
    return text.replace("(", "").replace(")", "")


UNKNOWN = (
    "layout: same\ntime: t = 1..T\nfunction F: component-wise\nx_t: M×1\nW: N×M\nR: N×N\nb: N×1\nV: K×N\nc: K×1\n"
    "h_t: N×1\ngiven: ∇y_t",
    "h_t = F(W x_t + R h_{t-1} + b)\ny_t = F(V h_t + c)",
)
THROUGH_F = "∇h_t = Vᵀ (∇y_t ∘ F'(V h_t + c)) + Rᵀ (∇h_{t+1} ∘ F'(W x_{t+1} + R h_t + b))"


@pytest.mark.parametrize("lost", [" + c", " + b", " + Rᵀ (∇h_{t+1} ∘ F'(W x_{t+1} + R h_t + b))"])
def test_a_bias_or_a_path_inside_of_a_function_is_put_back(lost):
    assert suggested(*UNKNOWN, THROUGH_F.replace(lost, ""))[0] == THROUGH_F


def test_right_terms_stay_as_they_are():
    line = THROUGH_F.replace("Vᵀ (∇y_t ∘ F'(V h_t + c))", "V V V ∇y_t")
    assert suggested(*UNKNOWN, line)[0] == THROUGH_F


def squeezed(text):
    return "".join(text.split())


def test_an_unset_derivative_is_not_used_but_written_out():
    """No line sets ∇a: the line for ∇W may not name it."""
    suggestion, grade = suggested(*SQUARES, "∇W = 3 W + W W")
    assert "∇a" not in suggestion
    assert grade == "by the rule"
    named, _ = suggested(*SQUARES, "∇a = a - y\n∇W = 3 W + W W", 1)
    assert named == "∇W = ∇a xᵀ"


CHAIN = ("layout: same\ntime: t = 1..T\nx_t: N×1\ngiven: δh_t", "b_t = exp(x_t)\nz_t = b_t + x_t\nh_t = x_t ∘ z_t")
CHAIN_LINES = "1. δz_t = {}\n2. δb_t = δz_t\n3. δx_t = δb_t ∘ b_t + δz_t + δh_t ∘ z_t"


def test_a_suggestion_is_not_made_from_what_is_set_from_it():
    """δb_t is equal to δz_t, and line 2 sets it from δz_t."""
    suggestion, grade = suggested(*CHAIN, CHAIN_LINES.format("δh_t"))
    assert (suggestion, grade) == ("δz_t = δh_t ∘ x_t", "certain")
    assert suggested(*CHAIN, CHAIN_LINES.format("3 x_t"))[0] == "δz_t = δh_t ∘ x_t"


def test_an_unknown_name_hides_a_wrong_term_no_longer():
    whole = "layout: same\nV, W: N×M\nx: M×1\ngiven: ∇c", "a = V x\nb = W x\nc = tanh(a) ∘ b"
    lines = "∇a = ∇c ∘ b ∘ (1 - tanh²(a))\n∇b = ∇c ∘ tanh(a)\n∇x = Vᵀ ∇b + Wᵀ (∇C ∘ tanh(a))"
    report = check_derivation(fenced(*whole, lines))
    (v,) = report.wrong
    assert v.suggestion == "∇x = Vᵀ ∇a + Wᵀ ∇b"
    assert report.source.text[slice(*v.at)] == "∇C"
    assert check_derivation(with_all(report)).ok  # with the lines for V and W, which are left out


JACOBIANS = "layout: same\nx: N×1\nW: M×N\ngiven: ∇p", "s = σ(x)\nu = W s\np = softmax(u)"


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("∂p/∂u = diag(p) - p", "∂p/∂u = diag(p) - p pᵀ"),
        ("∂p/∂u = σ(u) ∘ (1 - σ(u))", "∂p/∂u = diag(p) - p pᵀ"),
        ("∂u/∂s = s W", "∂u/∂s = Wᵀ"),
        ("∂s/∂x = 1 - tanh²(x)", "∂s/∂x = diag(s ∘ (1 - s))"),
        ("∂s/∂x = diag(s) - s sᵀ", "∂s/∂x = diag(s ∘ (1 - s))"),
        ("∂p/∂u = diag(σ(u)) - σ(u) σ(u)ᵀ", "∂p/∂u = diag(p) - p pᵀ"),
        ("∂u/∂x = W", "∂u/∂x = diag(s ∘ (1 - s)) Wᵀ"),
    ],
)
def test_jacobians(line, right):
    suggestion, _ = suggested(*JACOBIANS, line)
    assert suggestion == right


@pytest.mark.parametrize("name", TEXTS)
def test_a_line_left_out_is_proposed(name):
    """The last line of each, which nothing but the derivation itself needs."""
    declare, forward, backward = CORRECT[name]
    *lines, last = backward.split("\n")
    report = check_derivation(fenced(declare, forward, "\n".join(lines)))
    if not report.parts[0][1].faults:  # dh_0 is not asked for
        return
    assert report.parts[0][1].proposed, last
    assert check_derivation(with_all(report)).ok


EACH = 1  # of a kind in a derivation


def sample(name):
    found = list(plants(TEXTS[name], name))
    kinds = ([p for p in found if p.kind == kind] for kind in KINDS)
    return [p for some in kinds for p in some[:: max(1, len(some) // EACH)][:EACH]]


@pytest.mark.parametrize(
    "name", [*list(TEXTS)[:2], *(pytest.param(n, marks=pytest.mark.slow) for n in list(TEXTS)[2:])]
)
def test_what_is_suggested_for_planted_mistakes_holds_and_spoils_no_line(name):
    located = suggestions = 0
    for p in sample(name):
        report = check_derivation(p.text)
        assert false_suggestions(report) == [], (p.was, p.now)
        own = [v for v in report.wrong if v.line == p.line and not p.removed]
        located += len(own)
        suggestions += sum(bool(v.suggestion) for v in own)
    assert suggestions >= 0.9 * located > 0


def test_a_false_suggestion_is_seen():
    """The test of the tests: what is put in its place and does not hold, or spoils another line."""
    report = check_derivation(TEXTS["quadratic"].replace("2 M + m zᵀ", "M + m zᵀ"))
    part = report.parts[0][1]
    assert false_suggestions(report) == []
    part.verdicts[:] = [v._replace(suggestion="dL/dM = 3 M") if not v.ok else v for v in part.verdicts]
    assert false_suggestions(report) == ["dL/dM = 3 M"]
    assert verdicts_of("```forward\n(\n```\n") is None
