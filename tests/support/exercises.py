"""Right derivations in which the tests of the exercises plant mistakes, and what is then wrong."""

from functools import cache

from tinyad.derivation.exercise.answer import Exercise, answered
from tinyad.derivation.exercise.answer import answer as written
from tinyad.derivation.exercise.grade import AnswerKey, faults
from tinyad.derivation.exercise.plant import plant, plants
from tinyad.derivation.judge.check import check_without_corrections
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.source import Source

CELL = """\
# One step of a cell

```declare
layout: row
*: matrix product
given: ∇h, ∇c_t
W_f, W_g: N×M
x: M×1
b_f: N×1
c_{t-1}: N×1
```

```forward
1. z1 = W_f x
2. z2 = z1 + b_f
3. f = σ(z2)
4. z3 = W_g x
5. g = tanh(z3)
6. z4 = f ∘ c_{t-1}
7. z5 = 1 - f
8. z6 = z5 ∘ g
9. c_t = z4 + z6
10. h = tanh(c_t)
```

Lines that add and lines that set.

```backward
∇c_t += ∇h ∘ (1 - tanh²(c_t))ᵀ
∇z4 = ∇c_t
∇z6 = ∇c_t
∇z5 = ∇z6 ∘ gᵀ
∇g = ∇z6 ∘ z5ᵀ
∇f = ∇z4 ∘ c_{t-1}ᵀ
∇f += -∇z5
∇c_{t-1} = ∇z4 ∘ fᵀ
∇z3 = ∇g ∘ tanh'(z3)ᵀ
∇z2 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ
∇b_f = ∇z2
∇z1 = ∇z2
∇W_g = x ∇z3
∇x = ∇z3 W_g
∇W_f = x * ∇z1
∇x += ∇z1 * W_f
```
"""


ROUTINE = """\
```declare
layout: row
given: ∇h
W: N×M
x: M×1
b: N×1
```

```forward
z1 = W x
z2 = z1 + b
h = tanh(z2)
```

```backward
[dz2] += deriv(dh, z2, 'tanh')
[dz1, db] += deriv(dz2, z1, b, '+')
[dW, dx] += deriv(dz1, W, x, '*')
```
"""


SEQUENCE = r"""```declare
layout: same
time: t = 1..T
indices: i, j, k
family \theta: f, g
given: \delta y^{(t)}
function f_\theta: σ for f; tanh for g
x^{(t)}: m×1
h^{(t)}: n×1
W^f, W^g: n×m
R^f, R^g: n×n
b^f, b^g: n×1
V: p×n
```

```forward
z_f^{(t)} = W^f x^{(t)} + R^f h^{(t-1)} + b^f
z_g^{(t)} = W^g x^{(t)} + R^g h^{(t-1)} + b^g
f^{(t)} = \sigma(z_f^{(t)})
g^{(t)} = \tanh(z_g^{(t)})
h^{(t)} = f^{(t)} \odot g^{(t)}
y^{(t)} = V h^{(t)}
```

```backward
\delta h^{(t)} = V^T \delta y^{(t)} + \sum_\theta (R^\theta)^T \delta z_\theta^{(t+1)}
\delta f_j^{(t)} = \delta h_j^{(t)} g_j^{(t)}
\delta g^{(t)} = \delta h^{(t)} \odot f^{(t)}
\delta z_f^{(t)} = \delta f^{(t)} \odot f^{(t)} \odot (1 - f^{(t)})
\delta z_g^{(t)} = \delta g^{(t)} \odot (1 - \tanh^2(z_g^{(t)}))
= \delta g^{(t)} \odot (1 - (g^{(t)})^2)
\delta x_k^{(t)} = \sum_\theta \sum_j \delta z_{\theta,j}^{(t)} W_{jk}^\theta
\delta W^\theta = \sum_t \delta z_\theta^{(t)} (x^{(t)})^T
\delta R_{jk}^\theta = \sum_t \delta z_{\theta,j}^{(t)} h_k^{(t-1)}
\delta b^\theta = \sum_{t=1}^T \delta z_\theta^{(t)}
\delta V = \sum_t \delta y^{(t)} (h^{(t)})^T
```
"""


PAPER = r"""\documentclass{article}
\begin{document}
% tinyad: declare W: N×M, x: M×1
\begin{align}
  a &= W x & h &= \tanh(a) \\
  L &= \frac12 h^\top h
\end{align}
\begin{align}
  \frac{\partial L}{\partial a} &= h \odot (1 - h^2) \\
  \frac{\partial L}{\partial W} &= \frac{\partial L}{\partial a} x^\top \\
  \frac{\partial L}{\partial x} &= W^\top \frac{\partial L}{\partial a}
\end{align}
\end{document}
"""


@cache
def made(text, kind):
    return [p for p in plants(text) if p.kind == kind]


def wrong(text):
    """The wrong lines and what is missing."""
    return faults(check_without_corrections(Source(text)))


def plant_one(text, kind, seed, name="derivation"):
    """The mistake of an exercise that has one."""
    return plant(text, [kind], 1, seed, name).mistakes[0]


def mended(planted):
    """The text before the mistake."""
    rows = planted.text.split("\n")
    before, rest = "\n".join(rows[: planted.line - 1]), "\n".join(rows[planted.line - 1 :])
    rest = f"{planted.was}\n{rest}" if planted.removed else rest.replace(planted.now, planted.was, 1)
    return before + "\n" + rest


def answer(planted, source):
    """The answer file of an exercise with one mistake."""
    return written(Exercise(planted.text, mended(planted), source, (planted,)))


def grade(text, answer_text, name="hand-in.md"):
    """(whether all is right, what is said) about a text that is handed in."""
    found = AnswerKey(answered(answer_text)).grade(opened_text(text, name))
    return found.ok, found.message
