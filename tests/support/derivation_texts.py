"""Derivations as texts: one line to vary, and four that are right: a cell, a recurrent net, a family, a batch."""

from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.source import Source

DECLARE = """\
loss: L
layout: row
*: matrix product
given: ∇h_t
W: N×M
x: M×1
C_{t-1}: N×1"""


FORWARD = """\
z1 = W x
f_t = σ(z1)
h_t = f_t ∘ C_{t-1}"""


RIGHT = "∇f_t ∘ σ'(z1)ᵀ"


LATEX = r"\nabla f_t \circ \sigma'(z_1)^T"


def fenced(declare=DECLARE, forward=FORWARD, backward="", title=""):
    blocks = {"declare": declare, "forward": forward, f"backward {title}".strip(): backward}
    return "".join(f"```{kind}\n{text}\n```\n" for kind, text in blocks.items())


def judged(line, declare=DECLARE, forward=FORWARD):
    """Return the verdicts on lines, without suggestions."""
    checked = check_without_corrections(Source(fenced(declare, forward, line)))
    return [v for _, lines in checked for v in lines.verdicts]


CELL = (
    """\
layout: row
given: ∇h, ∇c_t
W_f, W_g: N×M
x: M×1
b_f: N×1
c_{t-1}: N×1""",
    """\
1. z1 = W_f x
2. z2 = z1 + b_f
3. f = σ(z2)
4. z3 = W_g x
5. g = tanh(z3)
6. z4 = f ∘ c_{t-1}
7. z5 = 1 - f
8. z6 = z5 ∘ g
9. c_t = z4 + z6
10. h = tanh(c_t)""",
    """\
∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ
∇z4 = ∇c_t
∇z6 = ∇c_t
∇z5 = ∇z6 ∘ gᵀ
∇g = ∇z6 ∘ z5ᵀ
∇f = ∇z4 ∘ c_{t-1}ᵀ
∇f += -∇z5
∇c_{t-1} = ∇z4 ∘ fᵀ
∇z3 = ∇g ∘ (1 - g²)ᵀ
∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ
∇b_f = ∇z2
∇z1 = ∇z2
∇W_g = x ∇z3
∇x = ∇z3 W_g
∇W_f = x ∇z1
∇x += ∇z1 W_f""",
)


RNN = (
    "layout: same\ntime: t = 1..T\ngiven: ∇y_t\nW: n×m\nR: n×n\nb: n×1\nV: p×n\nx_t: m×1\nh_t: n×1",
    "1. z_t = W x_t + R h_{t-1} + b\n2. h_t = tanh(z_t)\n3. y_t = V h_t",
    """\
∇h_t = Vᵀ ∇y_t + Rᵀ ∇z_{t+1}
∇z_t = ∇h_t ∘ (1 - h_t²)
∇x_t = Wᵀ ∇z_t
∇W = Σ_t ∇z_t x_tᵀ
∇R = Σ_{t=1}^{T} ∇z_t h_{t-1}ᵀ
∇b = Σ_t ∇z_t
∇V = Σ_t ∇y_t h_tᵀ""",
)


FAMILY = (
    """\
layout: same
time: t = 1..T
indices: i, j, k
family θ: f, g
given: δy^{(t)}
function a_θ: σ for f; tanh for g
x^{(t)}: m×1
h^{(t)}: n×1
W^f, W^g: n×m
R^f, R^g: n×n
b^f, b^g: n×1
V: p×n""",
    """\
z_f^{(t)} = W^f x^{(t)} + R^f h^{(t-1)} + b^f
z_g^{(t)} = W^g x^{(t)} + R^g h^{(t-1)} + b^g
f_i^{(t)} = σ(z_{f,i}^{(t)})
g^{(t)} = tanh(z_g^{(t)})
h_i^{(t)} = f_i^{(t)} g_i^{(t)}
y_i^{(t)} = Σ_j V_{ij} h_j^{(t)}""",
    """\
δh_k^{(t)} = Σ_j V_{jk} δy_j^{(t)} + Σ_θ Σ_j R_{jk}^θ δz_{θ,j}^{(t+1)}
δf_j^{(t)} = δh_j^{(t)} g_j^{(t)}
δg^{(t)} = δh^{(t)} ∘ f^{(t)}
δz_θ^{(t)} = δθ^{(t)} ∘ a_θ'(z_θ^{(t)})
δx^{(t)} = Σ_θ (W^θ)ᵀ δz_θ^{(t)}
δW_{jk}^θ = Σ_t δz_{θ,j}^{(t)} x_k^{(t)}
δR^θ = Σ_t δz_θ^{(t)} (h^{(t-1)})ᵀ
δb_j^θ = Σ_t δz_{θ,j}^{(t)}
δV_{jk} = Σ_t δy_j^{(t)} h_k^{(t)}""",
)


BATCH = (
    "layout: same\nconstant: Y\nW: N×M\nX: M×B\nb: N×1\nY: N×B",
    "Z = W X + b\nH = tanh(Z)\nE = H - Y\nL = 1/2 sum(E ∘ E)",
    "∇E = E\n∇H = ∇E\n∇Z = ∇H ∘ (1 - H²)\n∇b = ∇Z 1_{(B,1)}\n∇W = ∇Z Xᵀ\n∇X = Wᵀ ∇Z",
)


WHOLE = {"cell": CELL, "rnn": RNN, "family": FAMILY, "batch": BATCH}


ROUTINE = (
    "layout: row\ngiven: ∇h\nW: N×M\nV: N×M\nx: M×1\nb: N×1",
    "z1 = W x\nz2 = z1 + b\nz3 = V x\nh1 = tanh(z2)\nh = h1 ∘ z3",
    """\
[dh1, dz3] += deriv(dh, h1, z3, '∘')
[dz2] += deriv(dh1, z2, 'tanh')
[dV, dx] += deriv(dz3, V, x, '*')
[dz1, db] += deriv(dz2, z1, b, '+')
[dW, dx] += deriv(dz1, W, x, '*')""",
)
