"""LaTeX as tokens: every construct, its place in the source, and every error with its line and column."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinyad.derivation.language.latex_tokens import tokens
from tinyad.derivation.language.source import DerivationError, Source

SHOWN = {"group(": "<", ")group": ">", "frac": "frac", "end": "END", "matrix(": "matrix(", ")matrix": ")matrix"}


def read(text):
    source = Source(text)
    return tokens(source, 0, len(source.text))


def spelled(text):
    """Kinds and texts in one line: < and > are groups, #1 a number, 1! is ones, =3= a tag, '...' a word, (( opens."""
    forms = {"word": "'%s'", "number": "#%s", "op": "%s", "open": "(%s", "close": "%s)", "ones": "%s!", "tag": "=%s="}
    return " ".join(
        SHOWN.get(t.kind) or forms.get(t.kind, t.kind) % ((t.text,) * (t.kind in forms)) for t in read(text)
    )


def words(text):
    return " ".join(t.text for t in read(text) if t.text)


# fmt: off
CONSTRUCTS = [
    ("a b12", "'a' 'b' #12"), ("1.5 12. 1..T", "#1.5 #12 . #1 . . 'T'"), ("f'(x)", "'f' ' (( 'x' ))"),
    (r"f^\prime f^{\prime\prime}", "'f' ' 'f' ' '"),
    # names
    ("z_{12}", "'z' _ < #12 >"), ("W_{fC}", "'W' _ < 'f' 'C' >"), ("x_1^2", "'x' _ < #1 > ^ < #2 >"),
    (r"C_{\mathrm{prev}}^{(2)}", "'C' _ < 'prev' > ^ < (( #2 )) >"), (r"x_\text{ab}", "'x' _ < 'ab' >"),
    (r"\mathbf{z} \mathbf x \mathcal{L} \bm{W} \boldsymbol{\theta}", "'z' 'x' 'L' 'W' 'θ'"),
    (r"\mathbf{h^{(t)}}", "'h' ^ < (( 't' )) >"), (r"\mathbf{I}_{n \times n}", "'I' _ < 'n' × 'n' >"),
    (r"\mathrm{d}z \mathrm{net} \operatorname{diag}", "'d' 'z' 'net' 'diag'"),
    (r"{\rm diag}(x)", "'diag' (( 'x' ))"),
    (r"\mathrm{a\_b} \mathrm{z12}", "'a_b' 'z12'"), (r"\text{name\_with\_escapes}", "'name_with_escapes'"),
    (r"\text{a\#b\^{}c\textbackslash{}d~e}", r"'a#b^c\d e'"), (r"\text{ are }", "'are'"), (r"\text{}\text{ }", ""),
    (r"\text{12} \text{*} \text{-dimensional}", "#12 * - 'dimensional'"), (r"\text{softmax}()", "'softmax' (( ))"),
    (r"\sigma \Gamma_f \varepsilon \varphi \delta h", "'σ' 'Γ' _ < 'f' > 'ε' 'φ' 'δ' 'h'"), (r"\Sigma", "'Σ'"),
    (r"\tanh \exp \log \ln \softmax \diag \tr", "'tanh' 'exp' 'log' 'log' 'softmax' 'diag' 'tr'"),
    # accents are always letter and combining character
    (r"\tilde{C} \hat y \bar{c} \dot x", "'C\u0303' 'y\u0302' 'c\u0304' 'x\u0307'"),
    ("c\u0303 \u0109", "'c\u0303' 'c\u0302'"),
    (r"\tilde{\mathbf{c}}^{(t)} \tilde\mathbf{c} \mathbf{\tilde{c}} \widehat{{y}}",
     "'c\u0303' ^ < (( 't' )) > 'c\u0303' 'c\u0303' 'y\u0302'"),
    (r"\tilde{c_t^{2}}", "'c\u0303' _ < 't' > ^ < #2 >"), (r"\hat{\bar{c}}", "'c\u0304\u0302'"),
    # ones
    (r"\mathbf{1}_{(n_a,1)} \mathbb{1} \boldsymbol 1 𝟏", "1! _ < (( 'n' _ < 'a' > , #1 )) > 1! 1! 1!"),
    (r"c^{(\mathbf{t}-\mathbf{1})}", "'c' ^ < (( 't' - #1 )) >"), (r"\mathrm{1}", "#1"),
    # scripts
    (r"A^T B^\top C^{\top} D^{-1} {A}^\top",
     "'A' ^ < 'T' > 'B' ^ < '⊤' > 'C' ^ < '⊤' > 'D' ^ < - #1 > < 'A' > ^ < '⊤' >"),
    (r"c^{<t-1>} c^{\langle t \rangle}", "'c' ^ < < 't' - #1 > > 'c' ^ < (⟨ 't' ⟩) >"),
    ("Aᵀ x² A⁻¹ z₁₂ cₜ₋₁", "'A' ^ < '⊤' > 'x' ^ < #2 > 'A' ^ < - #1 > 'z' _ < #12 > 'c' _ < 't' - #1 >"),
    (r"\left. X \right|_{\text{Comp-1}}", "'X' | _ < 'Comp-1' >"), (r"X \Big|_{Comp-2}", "'X' | _ < 'Comp-2' >"),
    (r"f|_{x^{(t)}}", "'f' | _ < 'x' ^ < (( 't' )) > >"), (r"\sum_{t=1}^T x", "Σ _ < 't' = #1 > ^ < 'T' > 'x'"),
    (r"\sum\limits_j x", "Σ _ < 'j' > 'x'"), (r"x{}^2", "'x' ^ < #2 >"), (r"x^{}", "'x' ^ < >"),
    # fractions, roots
    (r"\frac{\partial L}{\partial x}", "frac < ∂ 'L' > < ∂ 'x' >"), (r"\frac12 \dfrac ab \tfrac{a}b",
     "frac < #1 > < #2 > frac < 'a' > < 'b' > frac < 'a' > < 'b' >"), (r"\sqrt{x+1} \sqrt x",
     "'sqrt' (( 'x' + #1 )) 'sqrt' (( 'x' ))"), (r"x^\frac12", "'x' ^ < frac < #1 > < #2 > >"),
    # signs
    (r"a \circ b \odot c \oslash d \cdot e \times f \otimes g * h \ast i",
     "'a' ∘ 'b' ∘ 'c' / 'd' · 'e' × 'f' ⊗ 'g' * 'h' * 'i'"),
    (r"\nabla_{z} L \equiv x \Rightarrow y \implies z \in u", "∇ _ < 'z' > 'L' ≡ 'x' ⇒ 'y' ⇒ 'z' ∈ 'u'"),
    ("∇σ ∘ ⊙ ∂ ∑ Σ ⊗ − ′ …", "∇ 'σ' ∘ ∘ ∂ Σ Σ ⊗ - ' dots"), ("𝐱 ℒ", "'x' 'L'"), (r"\nablaσ", "∇ 'σ'"),
    (r"a += b {+}= c \mathrel{+}= d {+}{=} e \mathrel{+}\mathrel{=} f + = g",
     "'a' += 'b' += 'c' += 'd' += 'e' += 'f' + = 'g'"),
    ("x^{+}=1", "'x' ^ < + > = #1"), ("a := b => c", "'a' = 'b' ⇒ 'c'"), ("{}=", "="), ("{}", ""),
    ("{a+=}{}", "< 'a' += >"),
    (r"\left( a \right) \bigl[ b \Bigr] \{ c \} \left\{ d \right.", "(( 'a' )) ([ 'b' ]) ({ 'c' }) ({ 'd'"),
    (r"a \vert b \mid c", "'a' | 'b' | 'c'"), (r"a\quad b \, c \! d~e", "'a' quad 'b' 'c' 'd' 'e'"),
    (r"\underbrace{a + b}_{\text{\foo}} \overbrace{c}^\text{x} d", "'a' + 'b' 'c' 'd'"),
    (r"a \label{eq:1} \nonumber \notag \displaystyle b", "'a' 'b'"),
    # matrices
    (r"\begin{bmatrix} x_1 & \cdots \\ \vdots & f(a,b) \\ \end{bmatrix}",
     "matrix( 'x' _ < #1 > , dots ; dots , 'f' (( 'a' , 'b' )) )matrix"),
    (r"\begin{array}[t]{c|c} a & b \\[2mm] c & d \end{array}", "matrix( 'a' , 'b' ; 'c' , 'd' )matrix"),
    ("\\begin{pmatrix}\n a \\\\\n b\n\\end{pmatrix}; c", "matrix( 'a' ; 'b' )matrix ; 'c'"),
    # numbers, lines, comments
    (r"a & \text{eq.12} \\ b \quad \text{eq.13-1}", "'a' =12= END 'b' quad =13-1="),
    (r"a \tag{3} (12)", "'a' =3= (( #12 ))"),
    (r"12. \text{Eq. (4)} \text{equal1}", "#12 . =4= 'equal1'"),
    ("$$\\begin{aligned}\na &= b \\\\\n &= c\n + d \\\\ \\end{aligned}$$", "'a' = 'b' END = 'c' + 'd' END"),
    ("\\begin{align*}a&=b\\\\[2pt] [c] \\\\* d\\end{align*} \\tag{1}", "'a' = 'b' END ([ 'c' ]) END 'd' =1="),
    ("a=b\n\n\n(c\n+d)\n\\sigma\ne", "'a' = 'b' END (( 'c' + 'd' )) END 'σ' END 'e'"),
    ("{a\nb}\nc", "< 'a' 'b' > END 'c'"),
    ("a % {\\foo\nb # }\n c \\% \\# \\&", "'a' END 'b' END 'c' % # &"),
    ("\\[ a \\] \\(b\\) $c$ $$d$$", "'a' 'b' 'c' 'd'"),
    ("\\begin{bmatrix}\\begin{aligned}a&b\\end{aligned}&c\\end{bmatrix}", "matrix( 'a' 'b' , 'c' )matrix"),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), CONSTRUCTS)
def test_constructs(text, expected):
    assert spelled(text) == expected


def test_words_stand_where_their_tokens_say():
    text = "ab \\mathbf{h}^{(t)}\n + \\mathrm{prev} x_\\text{Comp-1}"
    source = Source("é\n" + text)
    found = tokens(source, 2, len(source.text))
    assert all(source.text[t.start : t.end] == t.text for t in found if t.kind in ("number", "op", "open", "close"))
    words = [source.text[t.start : t.end] for t in found if t.kind == "word"]  # a font belongs to its word
    assert words == ["a", "b", r"\mathbf{h}", "t", r"\mathrm{prev}", "x", r"\text{Comp-1}"]
    assert [t.text for t in found if t.kind == "word"] == ["a", "b", "h", "t", "prev", "x", "Comp-1"]


def test_groups_and_accents_stand_over_their_source():
    text = r"\frac{a}b \tilde{\mathbf{c}} \begin{matrix} a \end{matrix}"
    places = [(t.kind, text[t.start : t.end]) for t in read(text)]
    assert places == [
        *[("frac", r"\frac"), ("group(", "{"), ("word", "a"), (")group", "}"), ("group(", ""), ("word", "b")],
        *[(")group", ""), ("word", r"\tilde{\mathbf{c}}"), ("matrix(", r"\begin{matrix}"), ("word", "a")],
        (")matrix", r"\end{matrix}"),
    ]


def test_white_space_is_marked():
    spaced = [t.spaced for t in read(r"a b\mathbf c\,d\left(e {+}= \nabla f")]
    assert spaced == [False, True, False, True, False, False, True, True, True]


def test_only_the_asked_part_is_read():
    source = Source("{ \\foo\nab")
    assert [t[:4] for t in tokens(source, 7, 9)] == [("word", "a", 7, 8), ("word", "b", 8, 9)]


# fmt: off
FORMULAS = [
    r"$$\begin{aligned} d\mathbf{z}_y^{(t)} &= d(\mathbf{W}_{ya}^\top \mathbf{a}^{(t)} + \mathbf{b}_y) \\ "
    r"&= d(\mathbf{W}_{ya}^\top) \mathbf{a}^{(t)} + d\mathbf{b}_y \end{aligned} \quad \text{eq.13-1}$$",
    r"$$\frac{\partial J}{\partial \mathbf{c}^{(t)}} = \left. \frac{\partial J}{\partial \mathbf{c}^{(t)}} "
    r"\right|_{\text{Comp-1}} + \left. \frac{\partial J}{\partial \mathbf{c}^{(t)}} \right|_{\text{Comp-2}}$$",
    r"&= \frac{\partial J}{\partial \mathbf{a}^{(t)}} \circ [\Gamma_o^{(t)} \circ (\mathbf{1}_{(n_a,1)} - "
    r"\tanh^2(\mathbf{c}^{(t)}))]^{\top}",
    r"\mathbf{W}_{*a}, * \in \{f, u, o, c\} &\text{ are } (n_a, n_a)\text{-dimensional parameter matrices} \\",
    r"&\quad (\text{see } \oplus \text{ labeled as } 3, 4, \text{ and } 5 \text{ in figure-2}) \\",
    r"&\Rightarrow \frac{\partial J}{\partial \mathbf{b}_y} = \text{tr} \left(\frac{\partial J}{\partial "
    r"\mathbf{z}_y^{(t)}} \right)^\top",
    r"$$\delta h_k^{(t)} \equiv \frac{\partial \mathcal{L}}{\partial h_k^{(t)}} + \sum_j \left( \sum_{\theta} "
    r"\frac{\partial "
    r"\mathcal{L}}{\partial \theta_j^{(t+1)}} \frac{\partial \theta_j^{(t+1)}}{\partial h_k^{(t)}} \right)$$" "\n(8)",
    r"$$\begin{split} \delta\mathbf{h}^{(\mathbf{t})} &= (\mathbf{W}^y)^T \bigg( \delta\mathbf{y} \odot "
    r"\frac{df_y}{dx}|_{x^{(t)}} \bigg) "
    r"+ \sum_{\theta = \mathbf{f}, \mathbf{g}} (\mathbf{R}^\theta)^T \\ \delta\mathbf{o^{(t)}} &= \frac{d\tanh}{dx} "
    r"\tag{18} \end{split}$$",
    r"$$\frac{\partial L}{\partial W_x^f} = \sum_{t=1}^T \left\{ \frac{\partial L}{\partial c_t} * c_{t-1} * [f_t * "
    r"(1-f_t)] \right\} x_t^T$$",
    r"$$\frac{\partial \tilde{c}_t}{\partial h_{t-1}} = (W_h^c)^T (1 - \tilde{c}_t^2)$$",
]
# fmt: on


def test_formulas_of_the_derivations():
    for formula in FORMULAS:
        assert len(read(formula)) > 10
    assert words(FORMULAS[-1]) == "frac ∂ c\u0303 _ t ∂ h _ t - 1 = ( W _ h ^ c ) ^ T ( 1 - c\u0303 _ t ^ 2 )"
    assert [t.text for t in read(FORMULAS[1]) if t.text.startswith("Comp")] == ["Comp-1", "Comp-2"]
    assert [t.text for f in FORMULAS for t in read(f) if t.kind == "tag"] == ["13-1", "18"]


def test_what_a_listing_prints():
    text = (
        "\\begin{align}\n\\nabla_{z_{12}} L &{+}= {\\mathbf{1}}^\\top \\, {(A \\oslash B)}^{-1} \\tag{1} \\\\\n"
        "\\nabla_{\\tilde{C}} L &= \\mathrm{deriv}_{x}(a, \\text{*}) - 2.5 \\cdot 10^{-5} \\tag{2}\n\\end{align}"
    )
    assert spelled(text) == (
        "∇ _ < 'z' _ < #12 > > 'L' += < 1! > ^ < '⊤' > < (( 'A' / 'B' )) > ^ < - #1 > =1= END "
        "∇ _ < 'C\u0303' > 'L' = 'deriv' _ < 'x' > (( 'a' , * )) - #2.5 · #10 ^ < - #5 > =2="
    )


# fmt: off
ERRORS = [
    ("a\n \\foo x", 2, 2, "\\foo is not known"), ("\\tahn x", 1, 1, "did you mean \\tanh?"),
    ("a {b", 1, 3, "this { has no }"),
    ("a }", 1, 3, "this } has no {"), ("\\begin{aligned}\n{a \\end{aligned}", 2, 1, "this { has no }"),
    ("x \\begin{aligned} a", 1, 3, "has no \\end{aligned}"), ("{\\begin{split} }", 1, 2, "has no \\end{split}"),
    ("a \\end{matrix}", 1, 3, "has no \\begin{matrix}"), ("\\begin{foo}\\end{foo}", 1, 1, "there are Bmatrix, align"),
    ("\\begin x", 1, 1, "needs the name of an environment in braces"), ("a\\", 1, 2, "nothing follows this backslash"),
    ("x^", 1, 2, "nothing follows ^"),
    ("x_^2", 1, 2, "nothing follows _"), ("x_(t)", 1, 2, "write _{...}"), ("\\frac{a}", 1, 1, "nothing follows \\frac"),
    ("z_12", 1, 2, "write _{12}"), ("A^-1", 1, 2, "write ^{-1}"), ("\\tilde{ab}", 1, 1, "\\tilde stands over one name"),
    ("\\tilde{c_t + d}", 1, 1, "stands over one name"), ("\\hat{}", 1, 1, "stands over one name"),
    ("a!", 1, 2, "'!' is not a known sign"),
    ("\\tag 3", 1, 1, "\\tag needs braces"), ("{a \\\\ b}", 1, 4, "between { and }"),
    ("\\sqrt[3]{x}", 1, 1, "nothing follows \\sqrt"),
    ("{" * 61 + "}" * 61, 1, 61, "deeper than 60"), ("{" * 100_000, 1, 61, "deeper than 60"),
    ("\\tilde" * 1000 + "c", 1, 367, "deeper than 60"), ("\\begin{matrix}" * 61, 1, 841, "deeper than 60"),
    ("\\text", 1, 1, "nothing follows \\text"), ("\\σ", 1, 1, "\\σ is not known"),
]
# fmt: on


@pytest.mark.parametrize(("text", "line", "column", "said"), ERRORS)
def test_errors_say_where(text, line, column, said):
    with pytest.raises(DerivationError) as caught:
        read(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert said in caught.value.message


def test_sixty_deep_is_read():
    assert len(read("{" * 60 + "a" + "}" * 60)) == 121
    assert len(read("x^{" * 60 + "a" + "}" * 60)) == 60 * 4 + 1


def test_two_hundred_lines_are_quick():
    line = r"\frac{\partial J}{\partial \mathbf{c}^{(t)}} &= \Gamma_u^{(t)} \circ \tilde{\mathbf{c}}^{(t)} \tag{1} \\"
    begun = time.perf_counter()
    assert len(read("\n".join([line] * 200))) == 200 * 37
    assert time.perf_counter() - begun < 2  # 0.2 where nothing else runs


FRAGMENTS = r"""\ { } [ ] ( ) $ $$ \[ \] \( \) ^ _ & \\ \\[2mm] % # ~ ' | . \left \right \left. \big \Big \{ \} \|
\begin{ \end{
\begin{aligned} \end{aligned} \begin{bmatrix} \end{bmatrix} \begin{array}{c} \end{array} \begin{foo} \begin \end
\frac \sqrt \tilde
\hat{ \mathbf \mathbf{1} \mathrm{ \mathrm \operatorname* \text \text{eq.1} \text{a\_b} \_ \tag{3} \tag \label{
\underbrace \sum \sum_{
\sigma \foo \top \cdots , ; \, \! \quad \rm \mathrel{+} {+} + = > : - * x y 1 12 T C ² ᵀ ₁ ⁻ σ ∇ ∘ 𝐱 ̃ é 𝟏 ! " ½ ٣ ﬁ
\σ \prime ^\prime {} |_{Comp-1} \not""".split()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*FRAGMENTS, "\n", " ", "\n\n", "\\\n"]), max_size=30).map("".join))
@example("{}=")
@example("\\mathrm{a{b}}")
def test_anything_gives_tokens_or_an_error_with_its_place(text):
    try:
        found, line = read(text), 1
    except DerivationError as error:
        found, line = [], error.line
    assert 1 <= line <= text.count("\n") + 1
    assert all(0 <= t.start <= t.end <= len(text) for t in found)
    assert sum((t.kind == "group(") - (t.kind == ")group") for t in found) == 0
