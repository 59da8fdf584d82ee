"""Right derivations from many fields, and mistakes that people make in their lines: {name: Field}."""

from typing import NamedTuple


class Field(NamedTuple):
    """The blocks of a right derivation, and mistakes in it: what stands there, what is written instead."""

    declare: str
    forward: str
    backward: str
    mistakes: tuple[tuple[str, str], ...]


# fmt: off
FIELDS = {
    "Poisson regression": Field(
        """
layout: same
X: N×D
w: D×1
y: N×1
constant: X, y
1: column of ones
""",
        """
η = X w
L = 1ᵀ exp(η) - yᵀ η
""",
        """
∇η = exp(η) - y
∇w = Xᵀ (exp(η) - y)
""",
        (
            ("exp(η) - y", "exp(η) + y"),
            ("∇w = Xᵀ (exp(η) - y)", "∇w = X (exp(η) - y)"),
            ("∇w = Xᵀ (exp(η) - y)", "∇w = Xᵀ exp(η)"),
            ("∇w = Xᵀ (exp(η) - y)", "∇w = Xᵀ (η - y)"),
        ),
    ),
    "Gaussian": Field(
        r"""
layout: same
x, \mu: D×1
\Sigma: D×D
positive definite: \Sigma
constant: x
loss: \ell
""",
        r"""
r = x - \mu
\ell = \frac12 \log\det \Sigma + \frac12 r^\top \Sigma^{-1} r
""",
        r"""
\nabla_r \ell = \Sigma^{-1} r
\nabla_\mu \ell = -\Sigma^{-1} (x - \mu)
\nabla_\Sigma \ell = \frac12 \Sigma^{-1} - \frac12 \Sigma^{-1} r r^\top \Sigma^{-1}
""",
        (
            (r"\nabla_r \ell = \Sigma^{-1} r", r"\nabla_r \ell = \Sigma r"),
            (r"r r^\top \Sigma^{-1}", r"r r^\top"),
            (r"-\Sigma^{-1} (x - \mu)", r"\Sigma^{-1} (x - \mu)"),
            (r"= \frac12 \Sigma^{-1} - ", r"= \Sigma^{-1} - "),
            (r"- \frac12 \Sigma^{-1} r r^\top \Sigma^{-1}", r"- \frac12 \Sigma^{-1} r^\top r \Sigma^{-1}"),
        ),
    ),
    "learned metric": Field(
        """
layout: same
u, v: N×1
A: K×N
constant: u, v
""",
        """
d = u - v
z = A d
L = zᵀ z
""",
        """
∇z = 2 z
∇A = 2 z dᵀ
∇d = 2 Aᵀ z
""",
        (
            ("∇A = 2 z dᵀ", "∇A = z dᵀ"),
            ("∇A = 2 z dᵀ", "∇A = 2 d zᵀ"),
            ("∇d = 2 Aᵀ z", "∇d = 2 A z"),
            ("∇z = 2 z", "∇z = z"),
        ),
    ),
    "log determinant": Field(
        """
layout: same
A: N×N
B: N×M
C: M×M
positive definite: A, C
""",
        """
S = A + B C Bᵀ
L = log det(S)
""",
        """
∇S = S⁻ᵀ
∇A = S⁻ᵀ
∇B = S⁻ᵀ B Cᵀ + S⁻¹ B C
∇C = Bᵀ S⁻ᵀ B
""",
        (
            ("∇S = S⁻ᵀ", "∇S = Sᵀ"),
            ("∇C = Bᵀ S⁻ᵀ B", "∇C = B S⁻ᵀ Bᵀ"),
            ("∇B = S⁻ᵀ B Cᵀ + S⁻¹ B C", "∇B = S⁻ᵀ B Cᵀ"),
            ("∇C = Bᵀ S⁻ᵀ B", "∇C = Bᵀ S B"),
        ),
    ),
    "trace of a quadratic form": Field(
        """
layout: same
A: N×N
B: M×M
X: N×M
""",
        r"""
L = \operatorname{tr}(X^\top A X B)
""",
        r"""
\frac{\partial L}{\partial X} = A X B + A^\top X B^\top
\frac{\partial L}{\partial A} = X B^\top X^\top
\frac{\partial L}{\partial B} = X^\top A^\top X
""",
        (
            (r"A X B + A^\top X B^\top", r"A X B + A^\top X B"),
            (r"A X B + A^\top X B^\top", "A X B"),
            (r"X B^\top X^\top", r"X B X^\top"),
            (r"X^\top A^\top X", r"X^\top A^\top"),
        ),
    ),
    "linear solve": Field(
        """
layout: same
A: N×N
b: N×1
given: ∇x
""",
        """
x = A⁻¹ b
""",
        """
∇b = A⁻ᵀ ∇x
∇A = -A⁻ᵀ ∇x xᵀ
""",
        (
            ("∇A = -A⁻ᵀ ∇x xᵀ", "∇A = A⁻ᵀ ∇x xᵀ"),
            ("∇A = -A⁻ᵀ ∇x xᵀ", "∇A = -A⁻¹ ∇x xᵀ"),
            ("∇b = A⁻ᵀ ∇x", "∇b = A ∇x"),
            ("∇A = -A⁻ᵀ ∇x xᵀ", "∇A = -A⁻ᵀ ∇x bᵀ"),
        ),
    ),
    "softmax in components": Field(
        """
layout: same
x: N×1
given: ∇p
""",
        """
p_i = exp(x_i) / Σ_k exp(x_k)
""",
        """
∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)
""",
        (
            ("∂L/∂p_j - Σ_i ∂L/∂p_i p_i", "∂L/∂p_j + Σ_i ∂L/∂p_i p_i"),
            ("∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)", "∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i)"),
            ("∂L/∂x_j = p_j (∂L/∂p_j - Σ_i ∂L/∂p_i p_i)", "∂L/∂x_j = p_j ∂L/∂p_j"),
        ),
    ),
    "layer norm in components": Field(
        r"""
layout: same
x, g, b: m×1
\epsilon: 1×1
positive: \epsilon
constant: \epsilon
given: \nabla_{y} L
""",
        r"""
\mu = \frac1m \sum_i x_i
v = \frac1m \sum_i (x_i - \mu)^2
z_i = (x_i - \mu)(v + \epsilon)^{-1/2}
y_i = g_i z_i + b_i
""",
        r"""
\nabla_{b_i} L = \nabla_{y_i} L
\nabla_{g_i} L = \nabla_{y_i} L z_i
\nabla_{z_i} L = \nabla_{y_i} L g_i
\nabla_{v} L = -\frac12 \sum_i \nabla_{z_i} L (x_i - \mu) (v + \epsilon)^{-3/2}
\nabla_{\mu} L = -\sum_i \nabla_{z_i} L (v + \epsilon)^{-1/2}
\nabla_{x_i} L = \nabla_{z_i} L (v + \epsilon)^{-1/2} + \nabla_{v} L \frac{2 (x_i - \mu)}m + \frac{1}{m} \nabla_{\mu} L
""",
        (
            ("^{-3/2}", "^{-1/2}"),
            (r"-\sum_i \nabla_{z_i} L", r"\sum_i \nabla_{z_i} L"),
            (r" + \frac{1}{m} \nabla_{\mu} L", ""),
            (r"\frac{2 (x_i - \mu)}m", r"\frac{(x_i - \mu)}m"),
            (r"\nabla_{g_i} L = \nabla_{y_i} L z_i", r"\nabla_{g_i} L = \nabla_{y_i} L x_i"),
            (r"(x_i - \mu) (v + \epsilon)^{-3/2}", r"(v + \epsilon)^{-3/2}"),
        ),
    ),
    "attention in components": Field(
        """
layout: same
Q: N×D
K: M×D
V: M×P
given: ∇O
""",
        """
S_ij = Σ_k Q_ik K_jk
A_ij = exp(S_ij) / Σ_l exp(S_il)
O_ip = Σ_j A_ij V_jp
""",
        """
∂L/∂A_ij = Σ_p ∂L/∂O_ip V_jp
∂L/∂V_jp = Σ_i A_ij ∂L/∂O_ip
∂L/∂S_ij = A_ij (∂L/∂A_ij - Σ_l A_il ∂L/∂A_il)
∂L/∂Q_ik = Σ_j ∂L/∂S_ij K_jk
∂L/∂K_jk = Σ_i ∂L/∂S_ij Q_ik
""",
        (
            ("Σ_p ∂L/∂O_ip V_jp", "Σ_j ∂L/∂O_ip V_jp"),
            ("Σ_l A_il ∂L/∂A_il", "Σ_l ∂L/∂A_il"),
            ("∂L/∂Q_ik = Σ_j ∂L/∂S_ij K_jk", "∂L/∂Q_ik = Σ_j ∂L/∂S_ij Q_jk"),
            ("∂L/∂V_jp = Σ_i A_ij ∂L/∂O_ip", "∂L/∂V_jp = Σ_i S_ij ∂L/∂O_ip"),
        ),
    ),
    "attention": Field(
        r"""
layout: same
X: N×D
W_Q, W_K: D×H
W_V: D×P
s: 1×1
constant: s
given: \nabla_O L
""",
        r"""
Q = X W_Q
K = X W_K
V = X W_V
S = Q K^\top / s
A = \operatorname{softmax\_rows}(S)
O = A V
""",
        r"""
\nabla_V L = A^\top \nabla_O L
\nabla_A L = \nabla_O L V^\top
\nabla_S L = A \odot (\nabla_A L - (\nabla_A L \odot A) 1_{(N,1)} 1_{(1,N)})
\nabla_Q L = \nabla_S L K / s
\nabla_K L = \nabla_S L^\top Q / s
\nabla_{W_Q} L = X^\top \nabla_Q L
\nabla_{W_K} L = X^\top \nabla_K L
\nabla_{W_V} L = X^\top \nabla_V L
\nabla_X L = \nabla_Q L W_Q^\top + \nabla_K L W_K^\top + \nabla_V L W_V^\top
""",
        (
            (r"\nabla_K L = \nabla_S L^\top Q / s", r"\nabla_K L = \nabla_S L Q / s"),
            (r"\nabla_Q L = \nabla_S L K / s", r"\nabla_Q L = \nabla_S L K"),
            (r" + \nabla_V L W_V^\top", ""),
            (r"\nabla_{W_V} L = X^\top \nabla_V L", r"\nabla_{W_V} L = X^\top \nabla_K L"),
            (r"(\nabla_A L \odot A) 1_{(N,1)} 1_{(1,N)}", r"1_{(N,1)} 1_{(1,N)} (\nabla_A L \odot A)"),
        ),
    ),
    "relu in cases": Field(
        r"""
layout: same
W: N×M
x: M×1
b: N×1
given: \nabla_h L
""",
        r"""
a = W x + b
h = \begin{cases} a & a > 0 \\ 0 & \text{otherwise} \end{cases}
""",
        r"""
\nabla_a L = \begin{cases} \nabla_h L & a > 0 \\ 0 & \text{otherwise} \end{cases}
\nabla_W L = \nabla_a L x^\top
\nabla_b L = \nabla_a L
\nabla_x L = W^\top \nabla_a L
""",
        (
            (r"\nabla_h L & a > 0", r"\nabla_h L \odot a & a > 0"),
            (r"\nabla_h L & a > 0", r"\nabla_h L & a < 0"),
            (r"\nabla_h L & a > 0 \\ 0", r"\nabla_h L & a > 0 \\ 1"),
            (r"= W^\top \nabla_a L", r"= W^\top \nabla_h L"),
        ),
    ),
    "leaky relu": Field(
        """
layout: same
x: N×1
α: 1×1
constant: α
range α: (0, 1)
given: ∇h
""",
        r"""
h = \begin{cases} x & x > 0 \\ α x & x \leq 0 \end{cases}
""",
        r"""
∇x = \begin{cases} ∇h & x > 0 \\ α ∇h & x \leq 0 \end{cases}
""",
        (
            ("α ∇h &", "∇h &"),
            ("α ∇h &", "α x &"),
            ("α ∇h &", "-α ∇h &"),
        ),
    ),
    "Huber loss": Field(
        """
layout: same
w: D×1
X: N×D
y: N×1
δ: 1×1
positive: δ
constant: δ, X, y
1: column of ones
""",
        r"""
r = X w - y
h = \begin{cases} \frac12 r^2 & abs(r) \leq δ \\ δ (abs(r) - \frac12 δ) & \text{otherwise} \end{cases}
L = 1ᵀ h
""",
        r"""
∇r = \begin{cases} r & abs(r) \leq δ \\ δ \operatorname{sign}(r) & \text{otherwise} \end{cases}
∇w = Xᵀ ∇r
""",
        (
            (r"δ \operatorname{sign}(r)", r"\operatorname{sign}(r)"),
            (r"= \begin{cases} r &", r"= \begin{cases} 2 r &"),
            ("∇w = Xᵀ ∇r", "∇w = Xᵀ r"),
        ),
    ),
    "hinge loss": Field(
        """
layout: same
w: D×1
X: D×N
y: 1×N
λ: 1×1
constant: X, y, λ
1: column of ones
""",
        r"""
s = wᵀ X
m = 1_{(1,N)} - y ∘ s
L = sum(max(0, m)) + \frac{λ}{2} ‖w‖²
""",
        """
∇m = 1[m > 0]
∇s = -y ∘ 1[m > 0]
∇w = -X (y ∘ 1[m > 0])ᵀ + λ w
""",
        (
            (" + λ w", " + 2 λ w"),
            ("∇s = -y ∘ 1[m > 0]", "∇s = y ∘ 1[m > 0]"),
            (" + λ w", ""),
            ("∇w = -X (y ∘ 1[m > 0])ᵀ", "∇w = -X (y ∘ 1[s > 0])ᵀ"),
        ),
    ),
    "joined columns": Field(
        """
layout: same
W: N×(H+M)
h: H×1
x: M×1
b: N×1
constant: h, x
given: ∇a
""",
        """
a = W [h; x] + b
""",
        """
∇W = ∇a [h; x]ᵀ
∇b = ∇a
""",
        (
            ("∇a [h; x]ᵀ", "∇a [x; h]ᵀ"),
            ("∇a [h; x]ᵀ", "∇a h"),
            ("∇a [h; x]ᵀ", "[h; x] ∇aᵀ"),
        ),
    ),
    "weight normalisation": Field(
        """
layout: same
v: N×1
g: 1×1
x: N×1
given: ∇y
""",
        """
n = ‖v‖
w = g v / n
y = wᵀ x
""",
        """
∇w = x ∇y
∇x = w ∇y
∇g = ∇wᵀ v / n
∇v = g/n ∇w - g ∇g / n² v
""",
        (
            ("∇g = ∇wᵀ v / n", "∇g = ∇wᵀ v"),
            ("- g ∇g / n² v", "+ g ∇g / n² v"),
            ("n² v", "n v"),
            ("∇x = w ∇y", "∇x = v ∇y"),
            (" - g ∇g / n² v", ""),
        ),
    ),
    "cosine similarity": Field(
        """
layout: same
u, v: N×1
given: ∇c
""",
        """
a = ‖u‖
b = ‖v‖
c = uᵀ v / (a b)
""",
        """
∇u = ∇c (v / (a b) - c u / a²)
∇v = ∇c (u / (a b) - c v / b²)
""",
        (
            ("∇u = ∇c (v / (a b) - c u / a²)", "∇u = ∇c (v / (a b) - c u / a)"),
            ("∇v = ∇c (u / (a b) - c v / b²)", "∇v = ∇c (u / (a b) - v / b²)"),
            ("∇v = ∇c (u / (a b) - c v / b²)", "∇v = ∇c (v / (a b) - c v / b²)"),
            ("- c u / a²", "+ c u / a²"),
        ),
    ),
    "Kullback-Leibler divergence": Field(
        r"""
layout: same
\mu, s: K×1
loss: D
""",
        r"""
v = \exp(s)
D = \frac12 \sum_k (v_k + \mu_k^2 - 1 - s_k)
""",
        r"""
\nabla_\mu D = \mu
\nabla_v D = \frac12 1_{(K,1)}
\nabla_s D = \frac12 (v - 1)
""",
        (
            (r"\nabla_\mu D = \mu", r"\nabla_\mu D = 2 \mu"),
            (r"\frac12 (v - 1)", r"\frac12 (v + 1)"),
            (r"\frac12 (v - 1)", r"\frac12 v"),
            (r"\frac12 (v - 1)", "v - 1"),
        ),
    ),
    "plain recurrent network": Field(
        r"""
layout: same
time: t = 1..T
W: H×D
U: H×H
b: H×1
V: K×H
c: K×1
x_t: D×1
h_t: H×1
given: \nabla_{o_t} L
""",
        r"""
a_t = W x_t + U h_{t-1} + b
h_t = \tanh(a_t)
o_t = V h_t + c
""",
        r"""
\nabla_{h_t} L = V^\top \nabla_{o_t} L + U^\top \nabla_{a_{t+1}} L
\nabla_{a_t} L = (1 - h_t^2) \odot \nabla_{h_t} L
\nabla_c L = \sum_t \nabla_{o_t} L
\nabla_V L = \sum_t \nabla_{o_t} L h_t^\top
\nabla_W L = \sum_t \nabla_{a_t} L x_t^\top
\nabla_U L = \sum_t \nabla_{a_t} L h_{t-1}^\top
\nabla_b L = \sum_t \nabla_{a_t} L
\nabla_{x_t} L = W^\top \nabla_{a_t} L
""",
        (
            (r"+ U^\top \nabla_{a_{t+1}} L", r"+ U^\top \nabla_{a_t} L"),
            ("(1 - h_t^2)", "(1 - a_t^2)"),
            (r"L h_{t-1}^\top", r"L h_t^\top"),
            (r"\sum_t \nabla_{o_t} L h_t^\top", r"\nabla_{o_t} L h_t^\top"),
            (r"L = V^\top \nabla_{o_t} L + U^\top", r"L = V^\top \nabla_{o_t} L - U^\top"),
            (r"U^\top \nabla_{a_{t+1}} L", r"U \nabla_{a_{t+1}} L"),
        ),
    ),
    "minimal gated unit": Field(
        """
layout: same
time: t = 1..T
W, U: H×D
R, S: H×H
x_t: D×1
h_t: H×1
given: ∇h_t
""",
        """
v_t = W x_t + R h_{t-1}
z_t = σ(v_t)
u_t = U x_t + S (z_t ∘ h_{t-1})
g_t = tanh(u_t)
h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ g_t
""",
        """
∇g_t = ∇h_t ∘ z_t
∇u_t = ∇g_t ∘ (1 - g_t²)
∇z_t = ∇h_t ∘ (g_t - h_{t-1}) + (Sᵀ ∇u_t) ∘ h_{t-1}
∇v_t = ∇z_t ∘ z_t ∘ (1 - z_t)
∇h_t += ∇h_{t+1} ∘ (1 - z_{t+1}) + (Sᵀ ∇u_{t+1}) ∘ z_{t+1} + Rᵀ ∇v_{t+1}
∇U = Σ_t ∇u_t x_tᵀ
∇S = Σ_t ∇u_t (z_t ∘ h_{t-1})ᵀ
∇W = Σ_t ∇v_t x_tᵀ
∇R = Σ_t ∇v_t h_{t-1}ᵀ
∇x_t = Uᵀ ∇u_t + Wᵀ ∇v_t
""",
        (
            ("(g_t - h_{t-1})", "(g_t + h_{t-1})"),
            (" + (Sᵀ ∇u_t) ∘ h_{t-1}", ""),
            ("∇u_t (z_t ∘ h_{t-1})ᵀ", "∇u_t h_{t-1}ᵀ"),
            (" + Rᵀ ∇v_{t+1}", ""),
            ("∇h_{t+1} ∘ (1 - z_{t+1})", "∇h_{t+1} ∘ z_{t+1}"),
            ("(1 - g_t²)", "g_t ∘ (1 - g_t)"),
        ),
    ),
    "focal loss": Field(
        """
layout: same
x: 1×1
γ: 1×1
constant: γ
positive: γ
""",
        """
p = σ(x)
L = -(1 - p)^γ log(p)
""",
        """
∇p = γ (1 - p)^{γ-1} log(p) - (1 - p)^γ / p
∇x = ∇p p (1 - p)
""",
        (
            ("∇p = γ (1 - p)^{γ-1} log(p)", "∇p = γ (1 - p)^γ log(p)"),
            ("- (1 - p)^γ / p", "+ (1 - p)^γ / p"),
            ("∇x = ∇p p (1 - p)", "∇x = ∇p (1 - p)"),
            ("∇p = γ (1 - p)^{γ-1} log(p)", "∇p = (1 - p)^{γ-1} log(p)"),
        ),
    ),
    "linear autoencoder": Field(
        """
layout: same
X: D×N
W: D×K
constant: X
""",
        """
Z = Wᵀ X
R = X - W Z
L = ‖R‖_F²
""",
        """
∇R = 2 R
∇Z = -2 Wᵀ R
∇W = -2 R Zᵀ - 2 X Rᵀ W
""",
        (
            ("∇Z = -2 Wᵀ R", "∇Z = 2 Wᵀ R"),
            (" - 2 X Rᵀ W", ""),
            ("∇W = -2 R Zᵀ - 2 X Rᵀ W", "∇W = -2 R Zᵀ - 2 X R W"),
            ("∇W = -2 R Zᵀ - 2 X Rᵀ W", "∇W = -2 R Zᵀ - X Rᵀ W"),
        ),
    ),
    "differential of a trace": Field(
        """
layout: same
d: differential
X: N×N
A: N×N
positive definite: X
constant: A
loss: f
""",
        r"""
f = \operatorname{tr}(A X^{-1})
""",
        r"""
df = -\operatorname{tr}(A X^{-1} dX X^{-1})
df = -\operatorname{tr}(X^{-1} A X^{-1} dX)
\nabla_X f = -X^{-\top} A^\top X^{-\top}
""",
        (
            (r"\nabla_X f = -X", r"\nabla_X f = X"),
            (r"-\operatorname{tr}(X^{-1} A X^{-1} dX)", r"-\operatorname{tr}(X^{-1} A dX)"),
            (r"-X^{-\top} A^\top X^{-\top}", r"-X^{-\top} A X^{-\top}"),
            (r"df = -\operatorname{tr}(A X^{-1} dX X^{-1})", r"df = \operatorname{tr}(A X^{-1} dX X^{-1})"),
        ),
    ),
    "differentials of squares": Field(
        """
layout: same
d: differential
W: N×M
x: M×1
y: N×1
constant: x, y
""",
        r"""
e = W x - y
L = \frac12 e^\top e
""",
        r"""
de = dW x
dL = e^\top de
dL = \operatorname{tr}(x e^\top dW)
\nabla_W L = e x^\top
""",
        (
            (r"dL = e^\top de", r"dL = 2 e^\top de"),
            (r"\operatorname{tr}(x e^\top dW)", r"\operatorname{tr}(e x^\top dW)"),
            (r"\nabla_W L = e x^\top", r"\nabla_W L = x e^\top"),
        ),
    ),
    "cross entropy of a batch": Field(
        """
layout: same
W: K×D
X: D×N
b: K×1
Y: K×N
sums to 1: Y
1: column of ones
constant: X
""",
        r"""
Z = W X + b 1^\top
P = \operatorname{softmax}(Z)
L = -\frac1N \sum_k \sum_n Y_{kn} \log P_{kn}
""",
        r"""
\nabla_Z L = \frac1N (P - Y)
\nabla_W L = \frac1N (P - Y) X^\top
\nabla_b L = \frac1N (P - Y) 1
""",
        (
            (r"\nabla_Z L = \frac1N (P - Y)", r"\nabla_Z L = P - Y"),
            (r"\nabla_b L = \frac1N (P - Y) 1", r"\nabla_b L = \frac1N (P - Y)"),
            (r"\nabla_W L = \frac1N (P - Y) X^\top", r"\nabla_W L = \frac1N (Y - P) X^\top"),
            (r"\nabla_W L = \frac1N (P - Y) X^\top", r"\nabla_W L = \frac1N X^\top (P - Y)"),
        ),
    ),
    "perceptron in NumPy": Field(
        """
layout: same
1: column of ones
X: N×D
W1: D×H
b1: 1×H
W2: H×K
b2: 1×K
Y: N×K
*: component-wise
constant: X, Y
""",
        """
A = X @ W1 + 1 b1
H = np.tanh(A)
O = H @ W2 + 1 b2
L = np.sum((O - Y)**2) / N
""",
        """
dO = 2 * (O - Y) / N
dW2 = H.T @ dO
db2 = np.sum(dO, axis=0)
dH = dO @ W2.T
dA = dH * (1 - H**2)
dW1 = X.T @ dA
db1 = np.sum(dA, axis=0)
""",
        (
            ("dO = 2 * (O - Y) / N", "dO = (O - Y) / N"),
            ("db1 = np.sum(dA, axis=0)", "db1 = np.sum(dA, axis=1)"),
            ("dA = dH * (1 - H**2)", "dA = dH * (1 - A**2)"),
            ("dH = dO @ W2.T", "dH = dO @ W2"),
            ("dA = dH * (1 - H**2)", "dA = dH * H * (1 - H)"),
            ("dW1 = X.T @ dA", "dW1 = X.T @ dH"),
        ),
    ),
    "Student's t": Field(
        r"""
layout: same
x: N×1
\mu: N×1
\nu: 1×1
positive: \nu
constant: x, \nu
""",
        r"""
q = \|x - \mu\|^2
L = \frac{\nu + N}{2} \log(1 + q/\nu)
""",
        r"""
\frac{\partial L}{\partial q} = \frac{\nu + N}{2 (\nu + q)}
\frac{\partial L}{\partial \mu} = -\frac{\nu + N}{\nu + q} (x - \mu)
""",
        (
            (r"-\frac{\nu + N}{\nu + q} (x - \mu)", r"\frac{\nu + N}{\nu + q} (x - \mu)"),
            (r"\frac{\nu + N}{2 (\nu + q)}", r"\frac{\nu + N}{2 (1 + q)}"),
            (r"\frac{\nu + N}{\nu + q} (x", r"\frac{\nu + N}{\nu} (x"),
        ),
    ),
    "mixture of two": Field(
        """
layout: same
x: D×1
m: D×1
π: 1×1
v: 1×1
range π: (0.2, 0.8)
positive: v
constant: x, π
""",
        """
a = exp(-‖x - m‖² / (2 v))
b = exp(-‖x‖² / 2)
p = π a + (1 - π) b
L = -log(p)
""",
        """
∇p = -1/p
∇a = -π/p
∇b = -(1 - π)/p
∇m = -π a (x - m) / (p v)
∇v = -π a ‖x - m‖² / (2 p v²)
""",
        (
            ("∇p = -1/p", "∇p = 1/p"),
            ("∇m = -π a (x - m) / (p v)", "∇m = -π a (x - m) / p"),
            ("/ (2 p v²)", "/ (p v²)"),
            ("∇b = -(1 - π)/p", "∇b = -π/p"),
            ("/ (2 p v²)", "/ (2 p v)"),
        ),
    ),
    "variational Gaussian process": Field(
        """
layout: same
K: M×M
L: M×M
m: M×1
positive definite: K
loss: J
""",
        r"""
S = L L^\top
J = \frac12 \left( \operatorname{tr}(K^{-1} S) + m^\top K^{-1} m + \log\det K \right)
""",
        r"""
\nabla_S J = \frac12 K^{-1}
\nabla_L J = K^{-1} L
\nabla_m J = K^{-1} m
\nabla_K J = \frac12 (K^{-1} - K^{-1} (S + m m^\top) K^{-1})
""",
        (
            (r"\nabla_m J = K^{-1} m", r"\nabla_m J = K m"),
            (r"\nabla_L J = K^{-1} L", r"\nabla_L J = \frac12 K^{-1} L"),
            (r"(S + m m^\top)", r"(S - m m^\top)"),
            (r"(S + m m^\top) K^{-1})", r"(S + m m^\top))"),
            (r"\nabla_K J = \frac12 (K^{-1} - ", r"\nabla_K J = \frac12 (- "),
        ),
    ),
    "contrastive softmax": Field(
        """
layout: same
1: column of ones
Z: N×D
C: N×D
τ: 1×1
constant: τ
positive: τ
loss: ℓ
""",
        r"""
S = Z C^\top / τ
P = \operatorname{softmax\_rows}(S)
ℓ = -\frac1N \operatorname{tr}(S) + \frac1N \sum_i \log(\sum_j \exp(S_{ij}))
""",
        r"""
\nabla_S ℓ = \frac1N (P - I)
\nabla_Z ℓ = \frac{1}{N τ} (P - I) C
\nabla_C ℓ = \frac{1}{N τ} (P - I)^\top Z
""",
        (
            (r"\nabla_S ℓ = \frac1N (P - I)", r"\nabla_S ℓ = \frac1N (P + I)"),
            (r"\nabla_C ℓ = \frac{1}{N τ} (P - I)^\top Z", r"\nabla_C ℓ = \frac{1}{N τ} (P - I) Z"),
            (r"\nabla_Z ℓ = \frac{1}{N τ} (P - I) C", r"\nabla_Z ℓ = \frac{1}{N} (P - I) C"),
            (r"\nabla_Z ℓ = \frac{1}{N τ} (P - I) C", r"\nabla_Z ℓ = \frac{1}{N τ} P C"),
        ),
    ),
    "gated linear unit": Field(
        """
layout: same
W, V: N×M
x: M×1
U: K×N
given: ∇y
""",
        """
g = σ(W x)
u = V x
h = g ∘ u
y = U h
""",
        """
∇h = Uᵀ ∇y
∇g = ∇h ∘ u
∇u = ∇h ∘ g
∇W = (∇g ∘ g ∘ (1 - g)) xᵀ
∇V = ∇u xᵀ
∇U = ∇y hᵀ
∇x = Wᵀ (∇g ∘ g ∘ (1 - g)) + Vᵀ ∇u
""",
        (
            ("∇h = Uᵀ ∇y", "∇h = U ∇y"),
            ("∇W = (∇g ∘ g ∘ (1 - g)) xᵀ", "∇W = (∇g ∘ (1 - g²)) xᵀ"),
            ("∇V = ∇u xᵀ", "∇V = x ∇uᵀ"),
            (" + Vᵀ ∇u", " + Vᵀ ∇g"),
            ("Wᵀ (∇g ∘ g ∘ (1 - g)) + ", ""),
            ("∇U = ∇y hᵀ", "∇U = ∇y gᵀ"),
        ),
    ),
    "ridge in two forms": Field(
        r"""
layout: same
X: N×D
y: N×1
w: D×1
\lambda: 1×1
constant: X, y
""",
        r"""
L(w, \lambda) = \frac{1}{N} \|X w - y\|^2 + \lambda \|w\|^2
""",
        r"""
\nabla_w L = \frac{2}{N} X^\top (X w - y) + 2 \lambda w
\nabla_w L = \frac{2}{N} X^\top X w - \frac{2}{N} X^\top y + 2 \lambda w
\nabla_\lambda L = w^\top w
""",
        (
            (r"\frac{2}{N} X^\top (X w - y) + 2 \lambda w", r"\frac{2}{N} X^\top (X w - y) + \lambda w"),
            (r"- \frac{2}{N} X^\top y", r"- \frac{2}{N} y"),
            (r"\frac{2}{N} X^\top (X w - y)", r"\frac{1}{N} X^\top (X w - y)"),
            (r"\nabla_\lambda L = w^\top w", r"\nabla_\lambda L = w"),
        ),
    ),
    "log-sum-exp": Field(
        """
layout: same
a: N×1
y: N×1
constant: y
""",
        """
m = Σ_i exp(a_i)
L = log(m) - yᵀ a
""",
        """
∂L/∂m = 1/m
∂L/∂a_i = exp(a_i)/m - y_i
""",
        (
            ("∂L/∂m = 1/m", "∂L/∂m = 1/m²"),
            ("exp(a_i)/m - y_i", "exp(a_i)/m + y_i"),
            ("exp(a_i)/m - y_i", "1/m - y_i"),
            ("exp(a_i)/m - y_i", "exp(a_i)/m"),
        ),
    ),
    "perceptron in row layout": Field(
        """
layout: row
W_1: N×M
W_2: K×N
x: M×1
b_1: N×1
b_2: K×1
given: ∇y
""",
        """
a = W_1 x + b_1
h = σ(a)
y = W_2 h + b_2
""",
        """
∇b_2 = ∇y
∇W_2 = h ∇y
∇h = ∇y W_2
∇a = ∇h ∘ hᵀ ∘ (1 - h)ᵀ
∇W_1 = x ∇a
∇b_1 = ∇a
∇x = ∇a W_1
""",
        (
            ("∇W_2 = h ∇y", "∇W_2 = ∇y h"),
            ("∇h ∘ hᵀ ∘ (1 - h)ᵀ", "∇h ∘ hᵀ"),
            ("∇h = ∇y W_2", "∇h = ∇y W_2ᵀ"),
            ("∇x = ∇a W_1", "∇x = ∇h W_1"),
            ("∇h ∘ hᵀ ∘ (1 - h)ᵀ", "∇h ∘ aᵀ ∘ (1 - a)ᵀ"),
        ),
    ),
    "bilinear scores": Field(
        """
layout: same
1: column of ones
X: N×D
Y: M×D
W: D×D
given: ∇s
""",
        """
S = X W Yᵀ
s = mean(S, axis=1)
""",
        """
∇S = 1/M ∇s 1_{(1,M)}
∇W = Xᵀ ∇S Y
∇X = ∇S Y Wᵀ
∇Y = ∇Sᵀ X W
""",
        (
            ("∇S = 1/M ∇s 1_{(1,M)}", "∇S = ∇s 1_{(1,M)}"),
            ("∇S = 1/M ∇s 1_{(1,M)}", "∇S = 1/N ∇s 1_{(1,M)}"),
            ("∇W = Xᵀ ∇S Y", "∇W = X ∇S Y"),
            ("∇X = ∇S Y Wᵀ", "∇X = ∇S Y W"),
            ("∇Y = ∇Sᵀ X W", "∇Y = ∇S X W"),
        ),
    ),
    "capsule": Field(
        """
layout: same
s: N×1
given: ∇v
""",
        """
q = ⟨s, s⟩
v = (q / (1 + q)) s / ‖s‖
""",
        """
∇q = ⟨s, ∇v⟩ / (‖s‖ (1 + q)²)
∇s = (q / (1 + q)) (∇v / ‖s‖ - ⟨s, ∇v⟩ s / ‖s‖³) + 2 ∇q s
""",
        (
            ("- ⟨s, ∇v⟩ s / ‖s‖³", "+ ⟨s, ∇v⟩ s / ‖s‖³"),
            ("2 ∇q s", "∇q s"),
            ("(1 + q)²)", "(1 + q))"),
            ("⟨s, ∇v⟩ / (‖s‖ (1 + q)²)", "‖s‖ q"),
        ),
    ),
    "low-rank adaptation": Field(
        """
layout: same
W: N×M
A: R×M
B: N×R
α: 1×1
X: M×K
T: N×K
constant: W, α, X, T
""",
        r"""
Z = W X + (α / R) B A X
L = \frac12 \|Z - T\|_F^2
""",
        """
∇Z = Z - T
∇B = (α / R) ∇Z Xᵀ Aᵀ
∇A = (α / R) Bᵀ ∇Z Xᵀ
""",
        (
            ("∇B = (α / R) ∇Z Xᵀ Aᵀ", "∇B = (α / R) ∇Z Aᵀ Xᵀ"),
            ("∇A = (α / R) Bᵀ ∇Z Xᵀ", "∇A = Bᵀ ∇Z Xᵀ"),
            ("∇A = (α / R) Bᵀ ∇Z Xᵀ", "∇A = (α / R) B ∇Z Xᵀ"),
            ("∇B = (α / R) ∇Z Xᵀ Aᵀ", "∇B = B"),
        ),
    ),
    "mixture of experts": Field(
        """
layout: same
x: M×1
G: K×M
E: N×K
t: N×1
constant: x, t
""",
        """
g = softmax(G x)
y = E g
L = 1/2 ‖y - t‖²
""",
        """
∇y = y - t
∇E = ∇y gᵀ
∇g = Eᵀ ∇y
∇G = (g ∘ (∇g - gᵀ ∇g)) xᵀ
""",
        (
            ("g ∘ (∇g - gᵀ ∇g)", "g ∘ ∇g"),
            ("∇E = ∇y gᵀ", "∇E = g ∇yᵀ"),
            ("∇g = Eᵀ ∇y", "∇g = E ∇y"),
            ("(∇g - gᵀ ∇g)", "(∇g + gᵀ ∇g)"),
        ),
    ),
    "Kalman update": Field(
        """
layout: same
x, d: N×1
P: N×N
H: M×N
R: M×M
z: M×1
positive definite: P, R
constant: H, R, z, d, P
""",
        """
S = H P Hᵀ + R
K = P Hᵀ S⁻¹
e = z - H x
y = x + K e
L = 1/2 ⟨y - d, y - d⟩
""",
        """
∇y = y - d
∇e = Kᵀ ∇y
∇K = ∇y eᵀ
∇x = ∇y - Hᵀ ∇e
∇S = -S⁻ᵀ H Pᵀ ∇K S⁻ᵀ
""",
        (
            ("∇x = ∇y - Hᵀ ∇e", "∇x = ∇y + Hᵀ ∇e"),
            ("∇x = ∇y - Hᵀ ∇e", "∇x = -Hᵀ ∇e"),
            ("∇e = Kᵀ ∇y", "∇e = K ∇y"),
            ("∇S = -S⁻ᵀ H Pᵀ ∇K S⁻ᵀ", "∇S = -H Pᵀ ∇K S⁻ᵀ"),
        ),
    ),
    "variance of a batch": Field(
        """
layout: same
1: column of ones
X: N×D
g: 1×D
ε: 1×1
constant: ε
positive: ε
given: ∇Y
""",
        """
m = mean(X, axis=0)
v = var(X, axis=0)
s = sqrt(v + ε)
H = (X - 1 m) / (1 s)
Y = H ∘ (1 g)
""",
        """
∇g = sum(∇Y ∘ H, axis=0)
∇H = ∇Y ∘ (1 g)
∇s = -sum(∇H ∘ H, axis=0) / s
∇v = ∇s / (2 s)
∇m = -sum(∇H, axis=0) / s
∇X = ∇H / (1 s) + 1 ∇m / N + 2/N (X - 1 m) ∘ (1 ∇v)
""",
        (
            ("∇g = sum(∇Y ∘ H, axis=0)", "∇g = sum(∇Y, axis=0)"),
            ("∇m = -sum(∇H, axis=0) / s", "∇m = sum(∇H, axis=0) / s"),
            ("∇s / (2 s)", "∇s / s"),
            (" + 2/N (X - 1 m) ∘ (1 ∇v)", ""),
        ),
    ),
}
# fmt: on
