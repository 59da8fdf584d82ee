"""Right derivations whose equations are more than one operation, in several notations: {name: text}."""

from tests.support.derivation_texts import fenced

CORRECT = {
    "logistic regression": (
        "layout: same\nloss: J\n1: column of ones\nX: N×M\nw: M×1\nc: 1×1\ny: N×1\nconstant: X, y",
        r"s = \sigma(X w + c 1)" + "\n" + r"J = -y^\top \ln(s) - (1 - y)^\top \ln(1 - s)",
        r"\nabla_w J = X^\top (s - y)" + "\n" + r"\nabla_c J = 1^\top (s - y)",
    ),
    "word vectors": (
        "layout: same\nloss: J\nU: D×W\nv_c: D×1\ny: W×1\nsums to 1: y",
        "\\theta = U^\\top v_c\n\\hat{y} = \\softmax(\\theta)\nJ = -y^\\top \\log(\\hat{y})",
        "\\frac{\\partial J}{\\partial \\theta} = \\hat{y} - y\n"
        "\\frac{\\partial J}{\\partial v_c} = U (\\hat{y} - y)\n"
        "\\frac{\\partial J}{\\partial U} = v_c (\\hat{y} - y)^\\top",
    ),
    "root mean square": (
        "layout: same\nx, w: N×1\ne: 1×1\nconstant: e\npositive: e\ngiven: dy",
        "R = sqrt(xᵀ x / N + e)\ny = w ∘ x / R",
        "dx = (1/R) (dy ∘ w - (1/N) (1/R²) ((dy ∘ w)ᵀ x) x)\ndw = dy ∘ x / R",
    ),
    "scan": (
        "layout: same\ntime: t = 1..T\nh_t, a_t, b_t, c_t: N×1\nx_t: 1×1\ngiven: dy_t",
        "h_t = a_t ∘ h_{t-1} + b_t x_t\ny_t = c_tᵀ h_t",
        "dh_t = c_t dy_t + a_{t+1} ∘ dh_{t+1}\nda_t = dh_t ∘ h_{t-1}\ndb_t = dh_t x_t\ndx_t = b_tᵀ dh_t\n"
        "dc_t = h_t dy_t\ndh_0 = a_1 ∘ dh_1",
    ),
    "gates": (
        "layout: same\ntime: t = 1..T\nf_t, o_t, u_t: N×1\nc_t: N×1\ngiven: ∇h_t",
        "c_t = f_t ∘ c_{t-1} + u_t\nh_t = o_t ∘ tanh(c_t)",
        "1. ∇o_t = ∇h_t ∘ tanh(c_t)\n2. ∇c_t = ∇h_t ∘ o_t ∘ (1 - tanh²(c_t)) + ∇c_{t+1} ∘ f_{t+1}\n"
        "3. ∇f_t = ∇c_t ∘ c_{t-1}\n4. ∇u_t = ∇c_t",
    ),
    "recurrent network": (
        "layout: same\ntime: t = 1..T\nx_t: M×1\nW: N×M\nR: N×N\nb: N×1\nh_t: N×1\ngiven: ∇h_t",
        "a_t = W x_t + R h_{t-1} + b\nh_t = tanh(a_t)",
        "1. ∇h_t += Rᵀ ∇a_{t+1}\n2. ∇a_t = ∇h_t ∘ (1 - h_t²)\n3. ∇W = Σ_t ∇a_t x_tᵀ\n4. ∇b = Σ_t ∇a_t\n"
        "5. ∇R = Σ_t ∇a_t h_{t-1}ᵀ\n6. ∇x_t = Wᵀ ∇a_t",
    ),
    "classifier": (
        "layout: same\n1: column of ones\nX: D×B\nY: C×B\nW: C×H\nV: H×D\nb: C×1\nconstant: X\nsums to 1: Y",
        "H = tanh(V X)\nZ = W H + b 1ᵀ\nP = softmax(Z)\nL = -sum(Y ∘ log(P)) / B",
        "dZ = (P - Y) / B\ndW = dZ Hᵀ\ndb = dZ 1\ndH = Wᵀ dZ\ndV = (dH ∘ (1 - H ∘ H)) Xᵀ",
    ),
    "rows": (
        "layout: row\nW: N×M\nV: K×N\nx: M×1\nb: N×1\ngiven: ∇y",
        "h = tanh(W x + b)\ny = V h",
        "∇V = h ∇y\n∇h = ∇y V\n∇b = ∇h ∘ (1 - h²)ᵀ\n∇W = x ∇b\n∇x = ∇b W",
    ),
    "quadratic": (
        "layout: same\nM: N×N\nm, z, g: N×1\nconstant: z, g",
        "L = sum(M ∘ M) + mᵀ (M z - g)",
        "dL/dM = 2 M + m zᵀ\ndL/dm = M z - g",
    ),
    "softmax alone": (
        "layout: same\nx, w: N×1\ngiven: ∇q",
        "p = softmax(x)\nq = p ∘ w",
        "∇p = ∇q ∘ w\n∇w = ∇q ∘ p\n∇x = p ∘ ∇p - p pᵀ ∇p",
    ),
    "stars": (
        "layout: same\n*: matrix product\nW1: H×D\nW2: K×H\nx: D×1\ngiven: dy",
        "a = W1 * x\nh = tanh(a)\ny = W2 * h",
        "dW2 = dy * hᵀ\ndh = W2ᵀ * dy\nda = dh ∘ (1 - h²)\ndW1 = da * xᵀ\ndx = W1ᵀ * da",
    ),
}  # fmt: skip
TEXTS = {name: fenced(*whole) for name, whole in CORRECT.items()}
