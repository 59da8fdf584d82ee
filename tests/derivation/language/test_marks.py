"""Bars as adjoints and π as a name, in texts that declare neither; what was taken is said."""

import pytest

from tests.support.derivation_texts import fenced
from tinyad.derivation import DerivationError, check_derivation

FORWARD = [r"a &= W x + b", r"h &= \tanh(a)", r"L &= \tfrac12 \|h\|^2"]
BARS = [
    r"\bar h &= h",
    r"\bar a &= \bar h \odot (1 - h^2)",
    r"\bar b &= \bar a",
    r"\bar W &= \bar a x^\top",
    r"\bar x &= W^\top \bar a",
]
PI_ROW = "π is the number 3.14159: nothing declares, computes or derives for it"


def paper(*equations, prose=""):
    rows = " \\\\\n".join(equations)
    body = f"{prose}\n\\begin{{align}}\n{rows}\n\\end{{align}}"
    return f"\\documentclass{{article}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"


def checked(tmp_path, *equations, prose=""):
    path = tmp_path / "paper.tex"
    path.write_text(paper(*equations, prose=prose), encoding="utf-8")
    return check_derivation(path)


def taken(report):
    """What was taken for what is not declared."""
    return [row for part in report.to_dict()["parts"] for row in part.get("assumed", ())]


def test_bars_of_a_paper_are_adjoints(tmp_path):
    report = checked(tmp_path, *FORWARD, *BARS)
    assert report.ok
    assert len(report.verdicts) == 5
    assert "bars: adjoints" in taken(report)[0]


def test_a_wrong_line_with_bars_is_found(tmp_path):
    report = checked(tmp_path, *FORWARD, *BARS[:2], r"\bar b &= \bar h", *BARS[3:])
    (v,) = report.wrong
    assert (v.target, v.suggestion) == (r"\bar b", r"\bar b &= \bar a")


def test_the_adjoint_that_is_not_set_is_given(tmp_path):
    report = checked(
        tmp_path, "y &= W x + b", r"\bar W &= \bar y x^\top", r"\bar b &= \bar y", r"\bar x &= W^\top \bar y"
    )
    assert report.ok
    assert "taken as given: \\bar y" in taken(report)


@pytest.mark.parametrize(
    "equations",
    [
        (r"\bar x &= \frac1N \sum_i x_i", r"L &= \sum_i (x_i - \bar x)^2", r"\nabla_x L &= 2 (x - \bar x)"),
        # another notation for derivatives: the bar is that of a mean, though no forward equation has it
        (r"L &= \sum_i x_i^2 - \frac1N (\sum_i x_i)^2", r"\bar x &= \frac1N \sum_i x_i",
         r"\frac{\partial L}{\partial x} &= 2 (x - \bar x)"),
    ],
)  # fmt: skip
def test_a_mean_with_a_bar_is_a_name(tmp_path, equations):
    report = checked(tmp_path, *equations, prose=r"Let $x \in \mathbb{R}^N$.")
    assert report.ok
    assert not any("bars" in row for row in taken(report))


def test_means_alone_are_no_adjoints(tmp_path):
    with pytest.raises(DerivationError, match="no line"):
        checked(
            tmp_path, r"L &= \sum_i (y_i - w x_i)^2", r"\bar x &= \frac1N \sum_i x_i", r"\bar y &= \frac1N \sum_i y_i"
        )


def test_bars_are_declared():
    declare, forward = "layout: same\nbars: {}\nW: N×M\nx: M×1\nconstant: x", "h = W x\nL = hᵀ h"
    assert check_derivation(fenced(declare.format("adjoints"), forward, r"\bar W = 2 h xᵀ")).ok
    with pytest.raises(DerivationError) as caught:
        check_derivation(fenced(declare.format("perhaps"), forward, r"\bar W = 2 h xᵀ"))
    assert caught.value.message.startswith("bars: write `bars: adjoints`")
    assert not check_derivation(fenced(declare.format("names"), forward, r"\bar W = 2 h xᵀ")).ok


GAUSSIAN = "layout: same\nx, μ: D×1\ns: scalar\npositive: s\nconstant: x, s", "L = 1/(2 s) ‖x - μ‖² + D/2 log(2 π s)"


def test_the_number_is_said():
    report = check_derivation(fenced(*GAUSSIAN, "∇μ = (μ - x) / s"))
    assert report.ok
    assert taken(report) == [PI_ROW]
    assert PI_ROW in str(report)


@pytest.mark.parametrize(
    ("declare", "forward", "line"),
    [
        ("π, y: K×1\nconstant: y", "L = πᵀ y", "∂L/∂π = y"),
        ("z, r: K×1\nconstant: r", "π = softmax(z)\nL = -rᵀ log(π)", "∇π = -r / π\n∇z = π ∘ ∇π - π πᵀ ∇π"),
    ],
)
def test_a_declared_or_computed_name_is_no_number(declare, forward, line):
    report = check_derivation(fenced(f"layout: same\n{declare}", forward, line))
    assert report.ok
    assert taken(report) == []


@pytest.mark.parametrize(
    ("equations", "size"),
    [
        ([r"L &= -\log \sum_k \pi_k p_k", r"\frac{\partial L}{\partial \pi_k} &= -\frac{p_k}{\sum_j \pi_j p_j}"],
         r"\pi: N×1"),
        ([r"L &= -\log(\pi a + b)", r"\frac{\partial L}{\partial \pi} &= -\frac{a}{\pi a + b}"], r"\pi: 1×1"),
        ([r"L &= -\log(\pi a + b)", r"\nabla_\pi L &= -\frac{a}{\pi a + b}"], r"\pi: 1×1"),
        ([r"L &= -\log(\pi a + b)", r"d\pi &= -\frac{a}{\pi a + b}"], r"\pi: 1×1"),
    ],
)  # fmt: skip
def test_a_name_with_an_index_or_a_derivative_is_no_number(tmp_path, equations, size):
    report = checked(tmp_path, *equations)
    assert report.ok
    assert size in taken(report)[0]
    assert PI_ROW not in taken(report)


def test_a_name_that_is_derived_for_has_to_be_declared():
    with pytest.raises(DerivationError) as caught:
        check_derivation(fenced("layout: same\nx, y: K×1\nconstant: x, y", "L = π yᵀ y + xᵀ x", "∂L/∂π = yᵀ y"))
    assert caught.value.message == "π is not declared; declare its size, `π: N×1`"
