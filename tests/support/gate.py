"""A right derivation that is an exercise, and what students make of it: the same in other words, and something else."""

MASTER = """\
# One gate

```declare
h_{t-1}, b: N×1
x_t: M×1
W_h: N×N
W_x: N×M
given: ∇h_t
```
```forward
1. z = W_h h_{t-1} + W_x x_t + b
2. f_t = σ(z)
3. h_t = f_t ∘ h_{t-1}
```
```backward
1. ∇f_t = ∇h_t ∘ h_{t-1}ᵀ
2. ∇z = ∇f_t ∘ f_tᵀ ∘ (1 - f_t)ᵀ
3. ∇W_h = h_{t-1} ∇z
4. ∇W_x = x_t ∇z
5. ∇b = ∇z
6. ∇x_t = ∇z W_x
7. ∇h_{t-1} = ∇z W_h + ∇h_t ∘ f_tᵀ
```
"""

LATEX = r"""\documentclass{article}
\begin{document}
The forward pass and its derivative are
\begin{align}
z &= W_h h_{t-1} + W_x x_t + b \\
f_t &= \sigma(z) \\
h_t &= f_t \odot h_{t-1}
\end{align}
\begin{align}
\nabla f_t &= \nabla h_t \odot h_{t-1}^T \\
\nabla z &= \nabla f_t \odot f_t^T \odot (1 - f_t)^T \\
\nabla W_h &= h_{t-1} \nabla z \\
\nabla W_x &= x_t \nabla z \\
\nabla b &= \nabla z \\
\nabla x_t &= \nabla z W_x \\
\nabla h_{t-1} &= \nabla z W_h + \nabla h_t \odot f_t^T
\end{align}
\end{document}
"""

SAME_LAYOUT = """\
```declare
layout: same
h_{t-1}, b: n×1
x_t: k×1
W_h: n×n
W_x: n×k
given: ∇h_t
```
```forward
h_t = h_{t-1} ∘ 1/(1 + exp(-(b + W_x x_t + W_h h_{t-1})))
q = W_h h_{t-1}
```
```backward
∇b = ∇h_t ∘ h_t ∘ (1 - h_t / h_{t-1})
∇W_x = ∇b x_tᵀ
∇W_h = ∇b h_{t-1}ᵀ
∇x_t = W_xᵀ ∇b
∇h_{t-1} = W_hᵀ ∇b + ∇h_t ∘ h_t / h_{t-1}
```
"""


def changed(*edits, text=MASTER):
    """The text with (old, new) replaced, all of them."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


HONEST = {
    "as it is": MASTER,
    "LaTeX without declarations": LATEX,
    "another layout, other letters of sizes, one equation": SAME_LAYOUT,
    "another name of an intermediate": changed(("z", "pre")),
    "an equation in two": changed(
        ("1. z = W_h h_{t-1} + W_x x_t + b", "a = W_h h_{t-1}\nc = W_x x_t\nz = c + b + a"),
        ("6. ∇x_t = ∇z W_x", "∇c = ∇z\n∇x_t = ∇c W_x"),
    ),
    "two equations in one": changed(
        ("1. z = W_h h_{t-1} + W_x x_t + b\n2. f_t = σ(z)", "f_t = σ(W_h h_{t-1} + W_x x_t + b)"),
        ("2. ∇z = ", "∇b = "),
        ("5. ∇b = ∇z\n", ""),
        ("∇z", "∇b"),
    ),
    "another order": changed(
        ("5. ∇b = ∇z\n6. ∇x_t = ∇z W_x", "∇x_t = ∇z W_x\n∇b = ∇z"), ("W_x x_t + b", "b + W_x x_t")
    ),
    "another form of the same function": changed(("σ(z)", "1 / (1 + exp(-z))")),
    "the sizes of intermediates too": changed(("given", "f_t, z: N×1\ngiven")),
    "an intermediate value that is positive": changed(("given", "positive: f_t\ngiven")),
    "what is given stands there again": changed(("```backward\n", "```backward\n∇h_t given\n")),
    "nothing is given": changed(("given: ∇h_t\n", "")),
    "declared in blocks, and prose": changed(("```forward", "Now the forward.\n\n```forward"), ("# One", "# My one")),
}

# A model that is another one, and words that have to be in what is said of it.
CHEATS = {
    "a sign": (
        changed(("+ b", "- b"), ("∇b = ∇z", "∇b = -∇z")),
        "line 11",
        "the exercise has z = W_h h_{t-1} + W_x x_t + b",
    ),
    "h = b": (changed(("= f_t ∘ h_{t-1}\n", "= b\n")), "line 13", "the exercise has h_t = f_t ∘ h_{t-1}"),
    "a constant": (
        changed(("given", "constant: b\ngiven"), ("5. ∇b = ∇z\n", "")),
        "line 8",
        "b is not declared `constant`",
    ),
    "a positive name": (changed(("given", "positive: W_x\ngiven")), "line 8", "W_x is not declared `positive`"),
    "a range": (changed(("given", "range b: (0, 1)\ngiven")), "line 8", "b is not declared `range`"),
    "a symmetric matrix": (
        changed(("given", "symmetric: W_h\ngiven"), ("∇z W_h", "∇z W_hᵀ")),
        "line 8",
        "W_h is not declared `symmetric`",
    ),
    "other sizes": (changed(("W_x: N×M", "W_x: N×N"), ("x_t: M×1", "x_t: N×1")), "line 5", "x_t is M×1"),
    "sizes in numbers": (changed(("W_x: N×M", "W_x: 5×3"), ("x_t: M×1", "x_t: 3×1")), "line 5", "x_t is M×1"),
    "more is given": (
        changed(("∇h_t\n```\n```f", "∇h_t, ∇z\n```\n```f"), ("2. ∇z", "∇z given\n2. ∇z")),
        "line 8",
        "∇z is not given",
    ),
    "another result is given": (
        changed(("given: ∇h_t", "given: ∇f_t"), ("1. ∇f_t = ∇h_t ∘ h_{t-1}ᵀ\n", ""), (" + ∇h_t ∘ f_tᵀ", "")),
        "line 8",
        "∇f_t is not given",
    ),
    "a result is an input": (
        changed(("given", "z: N×1\ngiven"), ("1. z = W_h h_{t-1} + W_x x_t + b\n", "")),
        "line 12",
        "the exercise has z = W_h",
    ),
    "an equation is gone": (changed(("1. z = W_h h_{t-1} + W_x x_t + b\n", "")), "line 11", "z is not computed here"),
    "an input is a result": (
        changed(("2. f_t", "b = W_x x_t\n2. f_t"), ("x_t + b", "x_t + W_x x_t")),
        "line 12",
        "b is declared",
    ),
    "another name of a parameter": (changed(("W_x", "V")), "line 11", "the exercise has no V"),
    "a loss of one's own": (changed(("3. h_t", "L = 0 f_tᵀ f_t\n3. h_t")), "line 13", "the exercise has no loss L"),
    "a sequence": (
        changed(
            ("given", "time: t = 1..T\ngiven"),
            ("z", "z_t"),
            ("∇h_{t-1} = ∇z_t W_h + ∇h_t ∘ f_tᵀ", "∇h_t += ∇z_{t+1} W_h"),
        ),
        "",
        "one time step",
    ),
    "a function of one's own": (
        changed(("given", "function σ: component-wise\ngiven")),
        "line 13",
        "the exercise has f_t = σ(z)",
    ),
    "z is passed by": (
        changed(
            ("2. f_t = σ(z)", "2. f_t = σ(W_h h_{t-1} + W_x x_t + b)"),
            ("2. ∇z", "2. ∇b"),
            ("5. ∇b = ∇z", "∇z = 0 ∇b"),
            (" ∇z\n", " ∇b\n"),
            ("∇z W", "∇b W"),
        ),
        "line 11",
        "the derivative of z is another one here",
    ),
}

UNJUDGED = ("a sequence", "a function of one's own")  # where no equation of the exercise can stand in

# Lines that are wrong, or not there, in the model of the exercise: the verdict on the file is what is missing or wrong.
FAULTS = {
    "a derivative is missing": changed(("6. ∇x_t = ∇z W_x\n", "")),
    "a line in a comment": changed(("6. ∇x_t = ", "# 6. ∇x_t = ")),
    "a line in a block of another kind": changed(
        ("6. ∇x_t = ∇z W_x\n", ""), ("```\n```backward", "```\n~~~\n∇x_t = ∇z W_x\n~~~\n```backward")
    ),
    "a line is wrong": changed(("6. ∇x_t = ∇z W_x", "6. ∇x_t = 2 ∇z W_x")),
    "the given derivative is set to 0": changed(("```backward\n", "```backward\n∇h_t = 0 ∇h_t\n")),
    "a derivative is itself": changed(("5. ∇b = ∇z", "5. ∇b = ∇b")),
    "derivatives in a circle": changed(("2. ∇z = ∇f_t ∘ f_tᵀ ∘ (1 - f_t)ᵀ", "2. ∇z = ∇b")),
    "a name is defined again": changed(("5. ∇b = ∇z", "b = 0 b\n5. ∇b = ∇z")),
    "only a Jacobian": MASTER.split("```backward")[0] + "```backward\n∂z/∂b = I\n```\n",
    "only equations between names": MASTER.split("```backward")[0] + "```backward\nb = b\n```\n",
    "only what is given": MASTER.split("```backward")[0] + "```backward\n∇h_t given\n```\n",
    "another name of a parameter, which has no derivative then": changed(
        ("1. z", "V = W_x\n1. z"), ("W_x x_t + b", "V x_t + b"), ("∇W_x", "∇V"), ("∇z W_x", "∇z V")
    ),
}
