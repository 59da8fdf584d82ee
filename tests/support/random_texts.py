"""Random texts in the grammar of derivations, most of them nearly right: what a careless author may write."""

import random

from tests.support.derivation_texts import BATCH, CELL, FAMILY, RNN, fenced

NAMES = [
    "x",
    "W",
    "h_t",
    "h_{t-1}",
    "z1",
    "z_{t+1}",
    "W^θ",
    "x_j",
    "W_{ij}",
    "c̃",
    "L",
    "B",
    "N",
    "I",
    "1",
    "e",
    "t",
    "T",
]
DERIVATIVES = ["∇x", "∂L/∂W", "dz1", "δh_t", "∇_{h_t} L", r"\frac{\partial L}{\partial W}", "dL/dx", "∂h/∂x", "d(x)"]
NUMBERS = ["0", "1", "2", "-1", "0.5", "1e3", "1/2", "½", "9999999999", "1_{(N,1)}", "1_{(999,999)}", "I_{N×N}"]
OPERATORS = [" + ", " - ", " ∘ ", " ", " / ", " * ", " · ", " @ ", "ᵀ ", " = ", " += ", ", ", "; ", " < ", " ⊗ "]
AROUND = [
    "({})",
    "[{}; {}]",
    "σ({})",
    "tanh'({})",
    "-{}",
    "{}²",
    "{}ᵀ",
    "{}^{{-1}}",
    "Σ_j {}",
    "Σ_t {}",
    "Σ_{{t=1}}^T {}",
]
AROUND += ["Σ_θ {}", "softmax({})", "sum({})", "diag({})", "tr({})", "log({})", "relu({})", r"\sqrt{{{}}}", "e^{{{}}}"]
AROUND += [
    "Σ_{{i<j}} {}",
    "Σ_{{j≠i}} {}",
    "Σ_{{j=1}}^{{i-1}} {}",
    "1[i < j] {}",
    "({})_i",
    "∂/∂x {}",
    "∇_x {}",
    "{}^{{x}}",
]
AROUND += ["{}.sum(axis=0, keepdims=True)", "{}.reshape(-1, 1)", "np.dot({}, {})"]
AROUND += [r"\frac{{{}}}{{{}}}", "deriv({}, {}, {}, '*')", "[{}, {}]", "|{}|", "{}|_{{a}}", "exp({})", "{}^3", "I ∘ {}"]
DECLARATIONS = [
    "layout: same", "layout: row", "time: t = 1..T", "indices: j, k, i", "family θ: f, i, o", "loss: J",
    "1: column of ones",
    "x: N×1", "W: N×M", "h_t: N×1", "W^θ: N×M", "z: N×N", "given: ∇h_t", "given: ∇x", "given total: ∇z", "constant: x",
    "positive: x, W", "sums to 1: x", "rows sum to 1: W", "range x: (-1, 1)", "symmetric: z", "orthogonal: z",
    "positive definite: z", "function f: tanh", "function f_θ: σ for f, i; tanh for o", "at x in f: W x",
    "d: differential",
    "*: matrix product", "·: component-wise", "⊗: matrix product", "W: 64×64", "x: 3×3", "W: N × (N+M)", "x: N+2M×1",
    "W: (N-1)×(C*9)", "x: vector of length N", "W ∈ R^{N×M}",
    "given: ∂L/∂W |_{a}", "constant:", "family: a", "time: T", "x x: N", ": ", "range: ", "#", "a: N×1 # b",
]  # fmt: skip
SIGNS = list("∇∂Σ∘^_{}[]()|'\\&$%#,;:=+-*/·⊗×@.0123456789xWhtTjθeILNσδd~`\"\u202e\x1b\u0303\ud7ff\n\t ")


def formula(rng, depth=3):
    """A formula of at most so many levels."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(rng.choice([NAMES, NAMES, DERIVATIVES, NUMBERS]))
    if rng.random() < 0.5:
        return rng.choice(OPERATORS).join(formula(rng, depth - 1) for _ in range(rng.randint(1, 3)))
    form = rng.choice(AROUND)
    return form.format(*(formula(rng, depth - 1) for _ in range(4)))


def line(rng):
    """A backward line."""
    number = rng.choice(["", "", "", "1. ", "(2) ", "a: ", "eq. 3 ", "∴ "])
    sign = rng.choice([" = ", " = ", " = ", " += ", " ≡ ", " "])
    left = rng.choice([*DERIVATIVES, *NAMES, "[∇x, ∇W]", "∂h/∂x", "d(x)"])
    members = rng.choice([" = ", " = ", "\n= "]).join(formula(rng) for _ in range(rng.choice([1, 1, 1, 2, 3])))
    return number + left + sign + members


def invented(rng):
    """A text that no author has begun with: declarations, equations and lines by chance."""
    declare = "\n".join(rng.sample(DECLARATIONS, rng.randint(1, 8)))
    forward = "\n".join(f"{rng.choice(NAMES[:11])} = {formula(rng)}" for _ in range(rng.randint(1, 3)))
    return fenced(declare, forward, "\n".join(line(rng) for _ in range(rng.randint(1, 3))))


def spoiled(rng):
    """A right text after a few careless edits."""
    blocks = [list(block.split("\n")) for block in rng.choice([CELL, RNN, FAMILY, BATCH])]
    for _ in range(rng.randint(1, 3)):
        block = blocks[rng.choice([0, 1, 2, 2, 2])]
        at = rng.randrange(len(block))
        block[at] = edited(rng, block[at])
        if rng.random() < 0.1:
            block.insert(at, rng.choice([rng.choice(DECLARATIONS), line(rng), rng.choice(block)]))
    text = fenced(*("\n".join(block) for block in blocks))
    return edited(rng, text) if rng.random() < 0.2 else text


def edited(rng, text):
    """A text with one edit: signs exchanged, left out, put in, or a part said twice."""
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice([0, 1, 1, 2, 5]))
    part = text[start:end]
    news = ["", rng.choice(SIGNS), rng.choice(NAMES), formula(rng, 1), part + part, part * 40, part[::-1]]
    return text[:start] + rng.choice(news) + text[end:]


def texts(seed, count):
    """So many texts, always the same for a seed."""
    rng = random.Random(seed)
    return (rng.choice([invented, spoiled, spoiled])(rng) for _ in range(count))
