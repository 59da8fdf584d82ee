"""Notes as they are typed: no blocks, no declarations, `forward` and `backward` as headings; and cells in papers."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.language.documents import opened_text
from tinyad.derivation.language.proposal import with_proposed
from tinyad.derivation.language.source import DerivationError
from tinyad.derivation.repair.checked import check_all
from tinyad.derivation.show.report import Report

LAYERS = """
forward:
  k = A u + d
  p = relu(k)
  y = B p + e
  L = 1/2 ||y - r||^2

Now backwards, where the mask is 1 for k > 0.

backward pass
dy = y - r
dB = dy p^T
de = dy
dp = B^T dy
dk = dp * (k > 0)
dA = dk u^T
dd = dk
"""
CELL = """# A cell

## Forward
a_t = sigmoid(P u_t + Q s_{t-1})
q_t = tanh(R u_t + S s_{t-1})
m_t = a_t * m_{t-1} + (1 - a_t) * q_t
s_t = tanh(m_t)

## Backward
dm_t += ds_t * (1 - s_t^2)
da_t = dm_t * (m_{t-1}
  - q_t)
dq_t = dm_t * (1 - a_t)
dm_{t-1} = dm_t * a_t
"""
STACKED = r"""
\begin{align}
g_t &= \sigma(A [s_{t-1}; u_t] + b) \\
m_t &= g_t \odot m_{t-1} + (1 - g_t) \odot \tanh(B [s_{t-1}; u_t]) \quad \text{(component-wise)}, \quad s_t = \tanh(m_t)
\end{align}
\begin{align}
\delta m_t &\mathrel{+}= \delta s_t \odot (1 - s_t^2) \\
\delta m_{t-1} &= \delta m_t \odot g_t
\end{align}
"""


def report(text, name="notes.md"):
    source = with_proposed(opened_text(text, name))
    return Report(source, check_all(source))


@pytest.mark.parametrize(("text", "lines"), [(LAYERS, 7), (CELL, 4)])
def test_right_notes(text, lines):
    found = report(text)
    assert found.ok, found.text()
    assert len(found.verdicts) == lines


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (LAYERS, "dp = B^T dy", "dp = B dy"),
        (LAYERS, "dk = dp * (k > 0)", "dk = dp * (p + 1)"),
        (LAYERS, "dA = dk u^T", "dA = dp u^T"),
        (CELL, "da_t = dm_t * (m_{t-1}\n  - q_t)", "da_t = dm_t * (m_{t-1}\n  - s_t)"),
        (CELL, "dm_{t-1} = dm_t * a_t", "dm_{t-1} = dm_t * q_t"),
        (CELL, "dm_t += ds_t * (1 - s_t^2)", "dm_t += ds_t * (1 - m_t^2)"),
    ],
)
def test_one_mistake_is_one_line(text, right, wrong):
    changed = text.replace(right, wrong)
    assert changed != text
    (found,) = report(changed).wrong
    assert " ".join(found.text.split()) == " ".join(wrong.split())
    assert found.line == 1 + text[: text.index(right)].count("\n")
    assert found.suggestion


def test_a_star_beside_products_without_a_sign_is_component_wise():
    assert "*: component-wise" in report(CELL).text()
    alone = "forward\nh = W * x\nL = h^T * h\nbackward\ndW = 2 * h * x^T\n"
    with pytest.raises(DerivationError, match="has two readings, the matrix product and component-wise"):
        report(alone)


def test_headings_are_for_notes_without_blocks():
    assert check_derivation("forward\n\n" + fenced("layout: same\nh: N×1", "L = hᵀ h", "∇h = 2 h")).ok
    for text in ("forward\nh = W x\n", "backward\ndh = W x\n", "to look forward\na = b\nbackward\nda = b\n"):
        with pytest.raises(DerivationError, match="no block"):
            report(text)


def test_columns_one_on_top_of_another():
    found = report(STACKED, "paper.tex")
    assert found.ok, found.text()
    assert "A: N×N+M" in found.text()
    assert report(STACKED.replace("[s_{t-1}; u_t]", "[s_{t-1}, u_t]"), "paper.tex").ok


def test_what_is_set_at_the_time_before_is_not_overwritten():
    """δm_{t-1} = … runs a time step before δm_t += …, which adds to it; two lines with = overwrite one another."""
    assert r"given: \delta m_T, \delta s_t" in report(STACKED, "paper.tex").text()
    (found,) = report(STACKED.replace(r"\mathrel{+}=", "="), "paper.tex").wrong
    assert str(found.verdict) == "overwrites"
