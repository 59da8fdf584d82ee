"""One right line in every notation of the language; tokens, blocks and derivations."""

import pytest

from tests.support.derivation_texts import LATEX, RIGHT, fenced, judged
from tests.support.sampling import sampled
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.language.plain_tokens import tokens
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source


def verdict(line, **blocks):
    (only,) = judged(line, **blocks)
    return only.verdict


DERIVATIVES = [
    *["∇_{z1} L", "∇_{z_1} L", "∇_z1 L", "∇z1 L", "∇z1", "∇z_1", "∇z₁", "𝛻𝑧1", "𝛻_{𝑧1} 𝐿", "dz1", "dz_1", "𝑑𝑧₁"],
    *["dL/dz1", "dL/dz_1", "dL / dz1", "∂L/∂z1", "∂L/∂z_1", "∂L / ∂z1", "∂𝐿/∂𝑧1", "𝜕𝐿/𝜕𝑧1", "δz1", "δz_1", "δ z1"],
    *["(dL/dz1)", r"\nabla_{z_1} L", r"\nabla z_1", r"\nabla_{z_1}L", r"\frac{\partial L}{\partial z_1}"],
    *[r"\dfrac{\partial L}{\partial z_{1}}", r"\frac{dL}{dz_1}", r"\frac{\mathrm{d} L}{\mathrm{d} z_1}"],
    *[r"\partial L / \partial z_1", r"\delta z_1", r"{\delta z_1}", r"\mathbf{\delta z}_1"],
]


@pytest.mark.parametrize("spelling", sampled(DERIVATIVES, 2))
def test_a_derivative_has_many_spellings(spelling):
    right = LATEX if "\\" in spelling else RIGHT
    assert verdict(f"{spelling} = {right}") == "right"
    assert verdict(f"{spelling} += {right}") == "right"
    assert verdict(f"{spelling} = 2 {right}") == "wrong"


@pytest.mark.parametrize("spelling", ["dz_1", r"\mathrm{d}z_1"])
def test_d_is_a_derivative_in_latex_too(spelling):
    assert verdict(f"{spelling} = {LATEX}") == "right"


SHIFTED = [
    *["C_{t-1}", "Ct-1", "C_{t−1}", "C_(t-1)", "C^{<t-1>}", "C^<t-1>", "C^{(t-1)}", "C^(t-1)", "Cₜ₋₁", "C⁽ᵗ⁻¹⁾"],
    *["𝐶_{𝑡-1}", "𝐂_{t-1}", "C_{t - 1}", "C^⟨t-1⟩", r"C^{\langle t-1 \rangle}", r"\mathbf{C}_{t-1}"],
    *[r"\mathbf{C_{t-1}}", r"C_{\mathbf{t}-\mathbf{1}}", r"C_{\mathrm{t}-1}"],
]


@pytest.mark.parametrize("spelling", SHIFTED)
def test_an_earlier_time_has_many_spellings(spelling):
    line = r"\nabla f_t = %s\nabla h_t \circ (%s)^T" if "\\" in spelling else "∇f_t = %s∇h_t ∘ (%s)ᵀ"
    assert verdict(line % ("", spelling)) == "right"
    assert verdict(line % ("2 ", spelling)) == "wrong"


FORMULAS = [
    # the component-wise product
    *["∇f_t ∘ σ'(z1)ᵀ", "∇f_t ⊙ σ'(z1)ᵀ", "∇f_t ◦ σ'(z1)ᵀ", "∇f_t ○ σ'(z1)ᵀ", "σ'(z1)ᵀ ∘ ∇f_t"],
    # the transpose
    *["∇f_t ∘ σ'(z1)^T", "∇f_t ∘ σ'(z1)^⊤", "∇f_t ∘ σ'(z1).T", "∇f_t ∘ σ'(z1)'", "∇f_t ∘ σ'(z1)^{T}"],
    *["(σ'(z1) ∘ (∇f_t)ᵀ)ᵀ", "(σ'(z1) ∘ ∇f_t^T)^T", "((∇_{f_t} L)ᵀ ∘ σ'(z1))ᵀ"],
    # the derivative of a function
    *["∇f_t ∘ σ’(z1)ᵀ", "∇f_t ∘ σ′(z1)ᵀ", "∇f_t ∘ sigmoid'(z1)ᵀ", "∇f_t ∘ dσ/dx(z1)ᵀ", "∇f_t ∘ (dσ/dx(z1))ᵀ"],
    *["∇f_t ∘ σ(z1)ᵀ ∘ (1 - σ(z1))ᵀ", "∇f_t ∘ f_tᵀ ∘ (1 − f_t)ᵀ", "∇f_t ∘ ftᵀ ∘ (1-ft)ᵀ"],
    # brackets, ones, I
    *["∇f_t ∘ [f_t ∘ (1 - f_t)]ᵀ", "∇f_t ∘ {f_t ∘ (1 - f_t)}ᵀ", "∇f_t ∘ (f_t ∘ (1_{(N,1)} - f_t))ᵀ"],
    *["∇f_t ∘ (f_t ∘ (1_{N×1} - f_t))ᵀ", "∇f_t ∘ (f_t ∘ (1_N - f_t))ᵀ", "∇f_t diag(f_t) (I - diag(f_t))"],
    *["∇f_t diag(f_t) (I_N - diag(f_t))", "∇f_t diag(f_t) (I_{N×N} - diag(f_t))"],
    # squares
    *["∇f_t ∘ (f_t - f_t²)ᵀ", "∇f_t ∘ (f_t - f_t^2)ᵀ", "∇f_t ∘ (f_t - f_t^{2})ᵀ", "∇f_t ∘ (f_t - σ²(z1))ᵀ"],
    *[
        "∇f_t ∘ (f_t - σ^2(z1))ᵀ",
        "∇f_t ∘ (f_t - σ(z1)²)ᵀ",
        "∇f_t ∘ (f_t - (σ(z1))²)ᵀ",
        "∇f_t ∘ (1/4 (1 - tanh²(z1/2)))ᵀ",
    ],
    # the matrix product, Jacobians
    *["∇f_t diag(σ'(z1))", "∇f_t * diag(σ'(z1))", "∇f_t @ diag(f_t ∘ (1 - f_t))", "∇f_t diag(f_t) diag(1 - f_t)"],
    *["∇f_t ∂f_t/∂z1", "∇f_t * ∂f_t/∂z1", "∇f_t (∂f_t/∂z1)", "dL/dft ∂f_t/∂z1", "dL/dft df_t/dz1"],
    # signs, numbers, quotients
    *[
        "-(-∇f_t) ∘ σ'(z1)ᵀ",
        "+∇f_t ∘ σ'(z1)ᵀ",
        "1.0 ∇f_t ∘ σ'(z1)ᵀ",
        "2 ∇f_t ∘ σ'(z1)ᵀ / 2",
        "0.5 * 2 * ∇f_t ∘ σ'(z1)ᵀ",
    ],
    *["1/2 (∇f_t + ∇f_t) ∘ σ'(z1)ᵀ", "∇f_t ∘ f_tᵀ - ∇f_t ∘ f_tᵀ ∘ f_tᵀ", "∇f_t ∘ (exp(-z1) / (1 + exp(-z1))²)ᵀ"],
    # LaTeX
    *[LATEX, r"\nabla f_t \odot \sigma'(z_1)^\top", r"\nabla f_t \odot \left(\frac{d\sigma}{dx}(z_1)\right)^{\top}"],
    *[r"\nabla f_t \odot \frac{d \sigma}{d x}|_{z_1}^T", r"\nabla_{f_t} L \circ \sigma^\prime(z_1)^T"],
    *[r"\frac{\partial L}{\partial f_t} \frac{\partial f_t}{\partial z_1}", r"\nabla f_t * \mathrm{diag}(f_t - f_t^2)"],
    *[r"\frac{\partial L}{\partial f_t} \operatorname{diag}\bigl(f_t \circ (\mathbf{1}_{(N,1)} - f_t)\bigr)"],
    *[r"\nabla f_t \circ f_t^\top \circ (1 - f_t)^\top", r"\nabla f_t \times \mathrm{diag}(f_t - f_t^2)"],
]


@pytest.mark.parametrize("formula", sampled(FORMULAS, 2))
def test_a_formula_has_many_spellings(formula):
    target = r"\nabla z_1" if "\\" in formula else "∇z1"
    assert verdict(f"{target} = {formula}") == "right"
    assert verdict(f"{target} = 2 ({formula})") == "wrong"


@pytest.mark.parametrize("formula", ["∇f_t ∘ (f_t ∘ (𝟏 - f_t))ᵀ", r"\delta f_t \circ [f_t \circ (\mathbf{1} - f_t)]^T"])
def test_a_bold_1_without_a_size(formula):
    target = r"\nabla z_1" if "\\" in formula else "∇z1"
    assert verdict(f"{target} = {formula}") == "right"
    assert verdict(f"{target} = 2 ({formula})") == "wrong"


def test_a_bold_1_that_fits_nothing_is_a_verdict():
    assert verdict("∇z1 = 𝟏 ∇f_t") in ("wrong", "does not fit")


def test_two_raised_signs_in_a_row():
    assert verdict("∇z1 = ∇f_t ∘ f_tᵀ - ∇f_t ∘ (f_t)²ᵀ") == "right"


def test_calls_of_deriv():
    assert verdict("[dz1] += deriv(df_t, z1, 'sigmoid')") == "right"
    assert verdict('[dz1] = deriv(dft, z1, "sigmoid")') == "right"
    assert verdict("[df_t, _] += deriv(dh_t, f_t, C_{t-1}, '∘')") == "right"
    assert verdict("[df_t, _] += deriv(dh_t, f_t, C_{t-1}, 'o')") == "right"
    assert verdict("[df_t, dC_{t-1}] += deriv(dh_t, C_{t-1}, f_t, '∘')") == "wrong"
    assert verdict("[dz1] += deriv(df_t, z1, 'tanh')") == "wrong"


NUMBERS = [
    *[("12. {}", "12"), ("12 . {}", "12"), ("(12) {}", "12"), ("12 {}", "12"), ("eq.12 {}", "12"), ("eq. 12 {}", "12")],
    *[("{} (12)", "12"), ("{}. (12)", "12"), ("{}, (12)", "12"), ("{} # (13)", ""), ("12. {} # step", "12")],
    *[("Comp-1: {}", "Comp-1"), ("7.12: {}", "7.12"), ("(7.12) {}", "7.12"), ("{} step 2", ""), ("{};", "")],
    *[(r"{} \tag{{12}}", "12"), (r"{} \text{{eq.12}}", "12"), (r"{} & \text{{eq.12}}", "12"), (r"{} \quad (12)", "12")],
    *[(r"(12)\quad {}", "12"), (r"$${} \tag{{12}}$$", "12"), ("12. {}\\\\", "12")],
]


@pytest.mark.parametrize(("style", "number"), NUMBERS)
def test_numbers_of_lines(style, number):
    line = rf"\nabla z_1 = {LATEX}" if "\\" in style else f"∇z1 = {RIGHT}"
    (only,) = judged(style.format(line))
    assert (only.verdict, only.number) == ("right", number)


CONTINUED = [
    *["∇z1 = ∇f_t\n∘ σ'(z1)ᵀ", "∇z1 = ∇f_t ∘\nσ'(z1)ᵀ", "∇z1 =\n∇f_t ∘ σ'(z1)ᵀ", "∇z1\n= ∇f_t ∘ σ'(z1)ᵀ"],
    *["∇z1 = ∇f_t ∘ f_tᵀ\n - ∇f_t ∘ (f_t²)ᵀ", "∇z1 = -∇f_t ∘ (f_t²)ᵀ\n + ∇f_t ∘ f_tᵀ", "∇z1 +=\n∇f_t ∘ σ'(z1)ᵀ"],
    *[
        "∇z1 = (∇f_t ∘ f_tᵀ\n\n - ∇f_t ∘ (f_t²)ᵀ)",
        "∇z1 = ∇f_t ∘ # first\n  σ'(z1)ᵀ # second",
        "∇z1 = ∇f_t\n* diag(σ'(z1))",
    ],
    *["∇z1 = ∇f_t\n@ diag(σ'(z1))", "∇z1 = ∇f_t ∘ f_tᵀ\n\n# a comment\n\n - ∇f_t ∘ (f_t²)ᵀ"],
    *[r"\nabla z_1 &= \nabla f_t \\ &\quad \circ \sigma'(z_1)^T", "∇z1 = ∇f_t ∘ σ'(z1)ᵀ = ∇f_t ∂f_t/∂z1"],
    *["∇z1 = ∇f_t ∘ σ'(z1)ᵀ\n    = ∇f_t ∘ (f_t ∘ (1 - f_t))ᵀ", "∇z1 ≡ ∇f_t ∘ σ'(z1)ᵀ", "∇z1 := ∇f_t ∘ σ'(z1)ᵀ"],
]


@pytest.mark.parametrize("lines", CONTINUED)
def test_one_line_may_take_several(lines):
    assert verdict(lines) == "right"


@pytest.mark.parametrize("end", [" = 2 ∇f_t ∂f_t/∂z1", "\n= 2 ∇f_t ∂f_t/∂z1", "\n+ ∇f_t", "\n∘ σ'(z1)ᵀ"])
def test_what_follows_on_the_next_line_counts(end):
    assert verdict(f"∇z1 = {RIGHT}{end}") == "wrong"


def test_an_arrow_begins_a_line():
    assert [v.verdict for v in judged(f"∇z1 = {RIGHT} ⇒ ∇W = x ∇z1")] == ["right", "right"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("z24", "word"), ("z₂₄ᵀ", "word op group( number )group op group( word )group"), ("1.5", "number"),
        ("1..3", "number op op number"), ("a\nb", "word end word"), ("(a\nb)", "open word word close"),
        ("𝟏 1", "ones number"), ("deriv(x, '∘')", "word open word op string close"), ("…", "dots"), ("# x", ""),
    ],
)  # fmt: skip
def test_plain_tokens(text, kinds):
    source = Source(text)
    found = tokens(source, 0, len(text))
    assert " ".join(t.kind for t in found[:-1]) == kinds
    assert found[-1].kind == "end"
    assert all(0 <= t.start <= t.end <= len(text) for t in found)


def test_blocks_and_derivations():
    text = (
        fenced(backward=f"∇z1 = {RIGHT}", title="one")
        + "```backward\n∇W = x ∇z1\n```\n```backward two\n∇x = ∇z1 W\n```\n"
    )
    found = derivations(Source(text + text))
    assert [{title: len(lines) for title, lines in d.backward.items()} for d in found] == [{"one": 2, "two": 1}] * 2
    assert [len(d.forward) for d in found] == [3, 3]


SIZES = "layout: row\nx, z: N×1\nW: N×M\nu: M×B"


@pytest.mark.parametrize(
    ("declared", "forward", "lines"),
    [
        ("given: ∇h", "h = x³", "∇x = ∇h ∘ (3 x²)ᵀ"), ("given: ∇h", "h = (x + z)^4", "∇x = ∇h ∘ (4 (x + z)³)ᵀ"),
        ("given: ∇h", "h = tanh(x)", "∇x = ∇h ∘ sech²(x)ᵀ"), ("given: ∇h", "h = tanh(x)", "∇x = ∇h ∘ (1/cosh²(x))ᵀ"),
        ("given: ∇h", "h = sinh(x)", "∇x = ∇h ∘ cosh(x)ᵀ"), ("given: ∇h", "h = cosh(x)", "∇x = ∇h ∘ sinh(x)ᵀ"),
        ("given: ∇h", "h = sin(x)", "∇x = ∇h ∘ cos(x)ᵀ"), ("given: ∇h", "h = cos(x)", "∇x = -∇h ∘ sin(x)ᵀ"),
        ("given: ∇h", "h = sech(x)", "∇x = -∇h ∘ (h ∘ tanh(x))ᵀ"), ("given: ∇h", "h = relu(x)", "∇x = ∇h ∘ relu'(x)ᵀ"),
        ("given: ∇h", "h = 1/(1 + e^{-x})", "∇x = ∇h ∘ (e^{-x} ∘ h²)ᵀ"), ("given: ∇h", "h = e^x", "∇x = ∇h ∘ hᵀ"),
        ("given: ∇h\n⊗: component-wise", "h = x ⊗ z", "∇x = ∇h ⊗ zᵀ\n∇z = ∇h ⊗ xᵀ"),
        ("loss: L", "p = W u\nL = 1/B sum(p ∘ p)", "∇p = 2/B pᵀ"),
        ("time: t = 1..T\ny_t: M×1\nV: N×M", "h_t = V y_t\nL = 1/T Σ_t sum(h_t ∘ h_t)", "∇h_t = 2/T h_tᵀ"),
        ("sums to 1: y\nconstant: y\ny: N×1", "p = softmax(x)\nL = -yᵀ log(p)", "∇p = -(y/p)ᵀ\n∇x = (p - y)ᵀ"),
    ],
)  # fmt: skip
def test_what_derivations_use_besides_the_slides_operations(declared, forward, lines):
    def verdicts(lines):
        return [v.verdict for v in check_derivation(fenced(f"{SIZES}\n{declared}", forward, lines)).verdicts]

    assert set(verdicts(lines)) == {"right"}
    assert set(verdicts(lines.replace(" = ", " = 3 "))) == {"wrong"}


def test_labels_that_do_not_sum_to_1_give_another_derivative():
    forward = "p = softmax(x)\nL = -yᵀ log(p)"
    (v,) = check_derivation(fenced(f"{SIZES}\ny: N×1\npositive: y", forward, "∇x = (p - y)ᵀ")).verdicts
    assert v.verdict == "wrong"


def test_a_name_that_is_declared_is_no_number_and_no_power():
    whole = fenced(
        "layout: row\ngiven: ∇h\nB: N×N\nW^3: N×N\nx: N×1\ne: N×1", "h = B W^3 x + e", "∇e = ∇h\n∇x = ∇h B W^3"
    )
    assert [v.verdict for v in check_derivation(whole).verdicts] == ["right", "right"]


@pytest.mark.parametrize("plain", ["∇z = ∇h ∘ tanh'(z)ᵀ", "∇z = ∇h ∘ (1 - tanh²(z))ᵀ", "∇z = ∇h ∘ (1 - (tanh z)²)ᵀ"])
def test_a_line_in_latex_changes_no_other(plain):
    text = fenced("W: N×M\nx: M×1\ngiven: ∇h", "z = W x\nh = tanh(z)", plain + "\n\\nabla W = x \\nabla z\n∇x = ∇z W")
    assert check_derivation(text, suggest=False).ok


def test_a_bracket_that_is_not_closed_stays_in_its_line():
    lines = "∇h_t = (∇z\n∇f_t = ∇h_t ∘\n  C_{t-1}ᵀ\n∇z1 = ∇f_t ∘ σ'(z1)ᵀ]\n∇W = x ∇z1"
    found = check_derivation(fenced(backward=lines)).verdicts
    assert [(v.line, v.verdict) for v in found] == [
        (16, "unreadable"),
        (17, "right"),
        (19, "unreadable"),
        (20, "right"),
    ]
    assert "not closed" in found[0].message
    assert "] where ) is expected, for the bracket opened in line 16" in found[2].message


def test_a_loss_that_is_no_number_is_shown():
    with pytest.raises(DerivationError, match="it has to be one number") as caught:
        check_derivation(fenced("x: N×1", "z = x\nL = z + x", "∇z = 1"))
    assert caught.value.line == 6
