"""Listings: the slides' pages line by line, and the printed rules are the rules."""

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from lstm_models import slides
from lstm_models.model import parameters
from lstm_models.sequence import record
from tests.support import goldenfiles
from tests.support.pictures import classifier
from tests.support.points import draw, fitting
from tinyad import (
    TABLE,
    Op,
    Tape,
    check_derivation,
    deriv,
    equations,
    explore,
    first_nonfinite,
    gradients,
    graph,
    inv,
    log,
    ones,
    relu,
    routine,
    sigmoid,
    softmax,
    stack,
    tanh,
    written,
)
from tinyad.printing.listing import contribution_text, forward_text
from tinyad.printing.notation import LATEX, MATHML
from tinyad.printing.text import ASCII


def cell(B=2):
    """One cell of the slides at H = 4, X = 3, and its backward pass from dh and dC."""
    tape = Tape()
    weights = tape.variables(**parameters(slides.SLIDES, 4, 3, np.random.default_rng(0)))
    start = tape.variables(C_prev=draw((4, B)), h_prev=draw((4, B), 1), x=draw((3, B), 2))
    tape.name(slides.cell(**start, **weights))
    return tape, tape.backward({"h": draw((B, 4), 3), "C": draw((B, 4), 4)})


def formula(**values):
    """A tape with these values as Variables."""
    tape = Tape()
    return tape, *tape.variables(**values).values()


def test_the_31_equations():
    tape, _ = cell()
    assert len(equations(tape).text.splitlines()) == 31
    goldenfiles.check("equations.txt", equations(tape).text)
    goldenfiles.check("equations_shapes.txt", equations(tape, shapes=True).text)
    plain, sized = equations(tape).latex.splitlines(), equations(tape, shapes=True).latex.splitlines()
    assert [line.replace(r" && 4 \times 2", "") for line in sized] == plain
    assert sum(r" && 4 \times 2 \tag{" in line for line in sized) == 31
    goldenfiles.check("equations.tex", equations(tape).latex)


@pytest.mark.parametrize(("columns", "name"), [(1, "one_column"), (2, "two_columns")])
def test_the_gradient_pages(columns, name):
    _, d = cell(columns)
    goldenfiles.check(f"gradients_{name}.txt", gradients(d, shapes=True).text)
    goldenfiles.check(f"gradients_{name}.tex", gradients(d).latex)
    goldenfiles.check(f"routine_{name}.txt", routine(d))


def test_time_steps_in_latex():
    start = {"C": draw((4, 2)), "h": draw((4, 2), 1)}
    tape, steps = record(slides.PICTURE, start, [draw((3, 2), t) for t in (2, 3)], weights())
    d = tape.backward({steps[-1]["h"]: draw((2, 4))})
    goldenfiles.check("unrolled.tex", equations(tape).latex + "\n" + gradients(d).latex)


def weights():
    return parameters(slides.SLIDES, 4, 3, np.random.default_rng(0))


@pytest.mark.parametrize(
    "line",
    [  # as on the slides, with our ∇o for their ∇o_t L
        "∇o = ∇h ∘ z25ᵀ",
        "∇z25 = ∇h ∘ oᵀ",
        "∇C += ∇z25 ∘ (1 - tanh²(C))ᵀ",
        "∇z24 = ∇o ∘ σ(z24)ᵀ ∘ (1 - σ(z24))ᵀ",
        "∇b_o = ∇z24",
        "∇W_ox = x * ∇z22",
        "∇x = ∇z22 * W_ox",
        "∇h_prev = ∇z20 * W_oh",
        "∇C_prev = ∇z19 * W_oC",
        "∇C_tilde = ∇z18 ∘ iᵀ",
        "∇C_prev += ∇z17 ∘ fᵀ",
        "∇f = ∇z17 ∘ C_prevᵀ",
        "∇x += ∇z14 * W_Cx",
        "∇h_prev += ∇z13 * W_Ch",
    ],
)
def test_lines_of_the_slides(line):
    _, d = cell(1)
    printed = [" ".join(text.split()) for text in gradients(d).text.splitlines()]
    assert any(f" {line} step" in text for text in printed)


def test_each_derivative_is_begun_once():
    _, d = cell()
    left = [text.split()[1] for text in gradients(d).text.splitlines() if " = " in text]
    assert len(left) == len(set(left)) == 47  # of 49: h is a seed, and C begins with one
    assert gradients(d).text.count(" += ") == 57 - 47


def test_only_what_the_walk_reached_is_listed():
    tape, a, b = formula(a=[[1.0, 2.0]], b=[[3.0, 4.0]])
    tape.name({"c": a * b, "e": a + b})
    text = gradients(tape.backward({"c": [[1.0], [1.0]]})).text
    assert "step 1" in text
    assert "step 2" not in text
    assert "∇e" not in text


def test_steps_of_a_recorded_walk_are_equations_too():
    tape, a = formula(a=[[0.5]])
    d = tape.backward(a * a, record=True)
    assert "_1 = a ∘ a" in " ".join(equations(tape).text.split())
    assert len(tape) > 1
    assert "step 2" not in gradients(d).text


BRACKETS = [
    (lambda a, b, c: (a + b) * c, "(a + b) ∘ c"),
    (lambda a, b, c: a - (b - c), "a - (b - c)"),
    (lambda a, b, c: a - b + c, "a - b + c"),
    (lambda a, b, c: (a * b) @ c, "(a ∘ b) * c"),
    (lambda a, b, c: a * (b @ c), "a ∘ (b * c)"),
    (lambda a, b, c: a @ (b @ c), "a * b * c"),
    (lambda a, b, c: a / (b / c), "a / (b / c)"),
    (lambda a, b, c: a / b * c, "(a / b) ∘ c"),
    (lambda a, b, c: -(a + b), "-(a + b)"),
    (lambda a, b, c: -(a * b), "-a ∘ b"),
    (lambda a, b, c: a * -b, "a ∘ (-b)"),
    (lambda a, b, c: inv(a.T), "(aᵀ)⁻¹"),
    (lambda a, b, c: (a + b).T, "(a + b)ᵀ"),
    (lambda a, b, c: (a + b) * (a + b), "(a + b)²"),
    (lambda a, b, c: a.T * a.T, "(aᵀ)²"),
    (lambda a, b, c: sigmoid(a) * sigmoid(a), "σ²(a)"),
]


@pytest.mark.parametrize(("rule", "text"), BRACKETS, ids=[text for _, text in BRACKETS])
def test_brackets_stand_where_they_are_needed(rule, text):
    op = Op("three", lambda x, y: x, lambda dz, z, x, y: (rule(dz, x, y), y))
    tape, x, y = formula(x=draw((3, 3)), y=draw((3, 3), 1))
    tape.name({"z": op(x, y)})
    expected = re.sub(r"(?<![a-z])[abc](?![a-z])", lambda m: {"a": "∇z", "b": "x", "c": "y"}[m[0]], text)
    assert contribution_text(tape, 1, "x") == expected


@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_a_printed_rule_is_the_rule(op):
    """What is printed, read as Python, gives the numbers that deriv() gives."""
    for operands in fitting(op):
        tape = Tape()
        z = op(*tape.variables(**dict(zip("xy", operands, strict=False))).values())
        tape.name({"z": z})
        dz = draw(z.shape[::-1], 3)
        out = deriv(dz, *operands, op)
        lines = gradients(tape.backward({"z": dz})).text.splitlines()
        for k, true in enumerate(out if op.arity == 2 else (out,)):
            assert sum(f"∇{'xy'[k]} " in line for line in lines) == (op.formulas[k] is not None)
            if op.formulas[k] is None:
                assert not true.any()
                continue
            text = contribution_text(tape, 1, "xy"[k])
            kept = op is TABLE["softplus"]  # σ(x) is no result there
            assert np.allclose(read(text, dz, z.value, *operands, kept=kept), true, rtol=1e-12, atol=1e-13), text


RESULT = r"\b(σ|tanh|softmax_rows|log_softmax|softmax|exp|sqrt|expm1)(²?)\(x\)"


def read(text, dz, z, x, y=None, kept=False):
    """The value of a printed rule: its signs spelled as Python, `1` next to a product as the column of ones.

    A function of x stands for the result, unless it is `kept`.
    """
    code = text if kept else re.sub(RESULT, r"z\2", text).replace("x⁻¹", "z")
    code = re.sub(r"\b1ᵀ", "Row()", code)
    code = re.sub(r"\* 1\b", "* Column()", code)
    code = re.sub(r"^1 \*", "Column() *", code)
    code = re.sub(r"\[(.+); (.+)\]", r"stack(\1, \2)", code)
    code = re.sub(r", (\d+):(\d+)\)", r", [[\1, \2, len(x)]])", code)
    code = code.replace("∇z", "dz").replace("*", "@").replace("∘", "*").replace("ᵀ", ".T").replace("²", "**2")
    known = {"dz": dz, "z": z, "x": x, "y": y, "Row": Row, "Column": Column}
    known |= {name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "sinh", "cosh", "sign")}
    known["upper"], known["under"] = lambda a, b: a[: len(b)], lambda a, b: a[len(b) :]

    def stack(*parts):
        """0 has the rows that are missing to those of x."""
        rows = len(x) - sum(len(part) for part in parts if np.ndim(part))
        return np.vstack([part if np.ndim(part) else np.zeros((rows, x.shape[1])) for part in parts])

    def padded(a, span):
        start, stop, count = np.int_(span)[0]
        return np.vstack([np.zeros((start, a.shape[1])), a, np.zeros((count - stop, a.shape[1]))])

    def rows(a, span):
        start, stop, _ = np.int_(span)[0]
        return a[start:stop]

    def first_max(a):
        return np.array([np.arange(len(column)) == np.argmax(column) for column in a.T]).T

    known |= {"stack": stack, "padded": padded, "rows": rows, "first_max": first_max, "σ": sigmoid}
    return eval(code.replace("^", "**").replace("≥", ">="), known)


class Column:
    """1 in a product: as long as its neighbour needs."""

    __array_ufunc__ = None

    def __rmatmul__(self, a):
        return a @ np.ones((a.shape[1], 1))

    def __matmul__(self, a):
        return Stretched(a)


class Row:
    __array_ufunc__ = None

    def __matmul__(self, a):
        return np.ones((1, a.shape[0])) @ a


class Stretched:
    """1 * dz * 1ᵀ for a 1×1 dz: all entries are dz."""

    def __init__(self, dz):
        self.dz = dz

    def __matmul__(self, row):
        assert isinstance(row, Row)
        return self.dz


def gated():
    """A model with slices, reductions, functions with a kink and powers."""
    tape, z, g = formula(z=draw((4, 3)), g=np.abs(draw((2, 3), 1)))
    i, c = z[:2], np.maximum(z[2:], 0.5)
    m = np.mean(c, axis=0, keepdims=True)
    n = np.abs(c - m) ** 3 * (i > g)
    y = (relu(n) + 2) ** -0.5 + (g + 1) ** g * (i >= 0)
    tape.name({"i": i, "c": c, "m": m, "n": n, "y": y, "p": z.T[1:2].T, "r": np.minimum(i, c), "w": np.power(c, 2)})
    return tape, tape.backward({"y": draw((3, 2), 2), "p": draw((1, 4), 3), "w": draw((3, 2), 4), "r": draw((3, 2), 5)})


def test_equations_with_slices_reductions_and_kinks():
    tape, _ = gated()
    assert [" ".join(line.split()[1:]) for line in equations(tape).text.splitlines()] == [
        "i = z[0:2]", "_2 = z[2:4]", "c = max(_2, 0.5)", "_4 = 1ᵀ * c", "m = _4 / 2", "_6 = c - m", "_7 = |_6|",
        "_8 = _7^3", "_9 = i > g", "n = _8 ∘ _9", "_11 = relu(n)", "_12 = _11 + 2", "_13 = _12^(-0.5)", "_14 = g + 1",
        "_15 = _14^g", "_16 = i ≥ 0", "_17 = _15 ∘ _16", "y = _13 + _17", "_19 = zᵀ", "_20 = _19[1:2]", "p = _20ᵀ",
        "r = min(i, c)", "w = c²",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "∇c = ∇w ∘ (2 ∘ c)ᵀ",
        "∇i = ∇r ∘ (c > i)ᵀ",
        "∇c += ∇r ∘ (i ≥ c)ᵀ",
        "∇_19 = padded(∇_20ᵀ, 1:2)ᵀ",
        "∇_12 = ∇_13 ∘ ((-0.5) ∘ _12^(-1.5))ᵀ",
        "∇_14 = ∇_15 ∘ (g ∘ _14^(g - 1))ᵀ",
        "∇n = ∇_11 ∘ (n > 0)ᵀ",
        "∇_7 = ∇_8 ∘ (3 ∘ _7²)ᵀ",
        "∇_6 = ∇_7 ∘ sign(_6)ᵀ",
        "∇_2 = ∇c ∘ (_2 > 0.5)ᵀ",
        "∇z += padded(∇_2ᵀ, 2:4)ᵀ",
    ],
)
def test_gradients_with_slices_reductions_and_kinks(line):
    _, d = gated()
    assert any(f" {line} step" in " ".join(text.split()) for text in gradients(d).text.splitlines())


def test_a_slice_is_a_call_of_the_routine():
    _, d = gated()
    assert "[dz, _] += deriv(d_2, z, [[2, 4, 4]], 'rows')" in routine(d)
    assert "[_, _] += deriv(d_16, i, 0, '≥')" in routine(d)  # a comparison hands nothing on


@pytest.mark.parametrize(
    ("line", "latex"),
    [
        ("_2 = z[2:4]", r"{z}_{[2:4]}"),
        ("c = max(_2, 0.5)", r"\max(\text{\_2}, 0.5)"),
        ("_7 = |_6|", r"\lvert \text{\_6} \rvert"),
        ("_8 = _7^3", r"{\text{\_7}}^{3}"),
        ("_13 = _12^(-0.5)", r"{\text{\_12}}^{-0.5}"),
        ("_16 = i ≥ 0", r"i \geq 0"),
    ],
)
def test_new_signs_in_latex_and_mathml(line, latex):
    tape, _ = gated()
    n = next(
        n for n in range(1, len(tape) + 1) if line == f"{tape.label(tape.steps[n - 1][1])} = {forward_text(tape, n)}"
    )
    assert forward_text(tape, n, LATEX) == latex
    ElementTree.fromstring(f"<math>{forward_text(tape, n, MATHML)}</math>")


@pytest.mark.parametrize("op", TABLE.values(), ids=str)
def test_every_row_is_markup(op):
    for operands in fitting(op):
        tape = Tape()
        z = op(*tape.variables(**dict(zip("xy", operands, strict=False))).values())
        ElementTree.fromstring(f"<math>{forward_text(tape, 1, MATHML)}</math>")
        for k in range(op.arity):
            if op.formulas[k] is not None:
                ElementTree.fromstring(f"<math>{contribution_text(tape, 1, 'xy'[k], notation=MATHML)}</math>")
                assert "%" not in contribution_text(tape, 1, "xy"[k], notation=LATEX)
        assert z.shape


def test_a_slice_whose_bounds_are_a_variable_is_a_call():
    tape, x, y = formula(x=draw((5, 2)), y=[[1.0, 4.0, 5.0]])
    tape.name({"z": TABLE["rows"](x, y)})
    assert forward_text(tape, 1) == "rows(x, y)"
    assert contribution_text(tape, 1, "x") == "padded(∇zᵀ, y)ᵀ"


def test_constant_bounds_read_as_the_rule():
    x, dz = draw((5, 2)), draw((2, 3), 1)
    tape = Tape()
    z = tape.variable(x, "x")[1:4]
    tape.name({"z": z})
    text = contribution_text(tape, 1, "x")
    assert text == "padded(∇zᵀ, 1:4)ᵀ"
    assert np.array_equal(read(text, dz, z.value, x), tape.backward({"z": dz})["x"])


def test_signs_for_terminals_that_have_none():
    tape, _ = gated()
    assert "i >= 0" in str(equations(tape)).translate(ASCII)
    assert all(ord(c) < 128 for c in str(equations(tape)).translate(ASCII))


def test_numbers_are_themselves():
    tape, x = formula(x=[[1.0, 2.0]])
    y = 1 - 2 * x / -0.5
    tape.name({"y": y})
    assert [forward_text(tape, n) for n in (1, 2, 3)] == ["2 ∘ x", "_1 / (-0.5)", "1 - _2"]
    text = gradients(tape.backward({"y": [[1.0], [1.0]]})).text
    assert "∇_1 = ∇_2 / (-0.5)" in " ".join(text.split())
    assert "∇2" not in text


def test_a_rule_that_is_no_expression_is_printed_as_a_call():
    relu = Op("relu", lambda x: np.where(x > 0, x, 0), lambda dz, z, x: np.where(x.T > 0, dz, 0))
    tape, x = formula(x=[[1.0, -2.0]])
    tape.name({"y": relu(x)})
    d = tape.backward({"y": [[1.0], [1.0]]})
    assert "∇x = deriv(∇y, x, 'relu')" in " ".join(gradients(d).text.split())
    assert "[dx] += deriv(dy, x, 'relu')" in routine(d)


def test_numbers_and_arrays_of_a_users_rule():
    Q, half = draw((3, 3)), np.float64(-0.5)
    op = Op("mixed", lambda x: x @ Q * half, lambda dz, z, x: half * (Q @ dz))
    tape, x = formula(x=draw((4, 3)))
    tape.name({"y": op(x)})
    d = tape.backward({"y": draw((3, 4))})
    assert "∇x = (-0.5) ∘ (array * ∇y)" in " ".join(gradients(d).text.split())
    assert r"(-0.5) \circ (\text{array} \, \nabla_{y} L)" in gradients(d).latex


def test_users_symbols_in_latex():
    relu = Op("re}lu%\n", lambda x: np.where(x > 0, x, 0), lambda dz, z, x: np.where(x.T > 0, dz, 0))
    tape, x = formula(x=[[1.0, -2.0]])
    tape.name({"y": relu(x) + 1e-5})
    d = tape.backward({"y": [[1.0], [1.0]]})
    assert r"\text{re\}lu\%\textbackslash{}n}(x)" in equations(tape).latex
    assert r"+ (1 \cdot 10^{-5})" in equations(tape).latex
    assert r"\mathrm{deriv}(\nabla_{\text{\_1}} L, x, \text{re\}lu\%\textbackslash{}n})" in gradients(d).latex


@pytest.mark.parametrize("symbol", ["1", "0", "tanh", "+", "∇", "()", "square", "neg"])
def test_a_users_row_is_printed_as_a_function_whatever_its_symbol(symbol):
    tape, x = formula(x=[[1.0, 2.0]])
    both = Op(symbol, lambda x, y: x * y, lambda dz, z, x, y: (dz * y.T, dz * x.T))
    tape.name({"a": Op(symbol, lambda x: 2 * x, lambda dz, z, x: 2 * dz)(x), "b": both(x, x)})
    assert [forward_text(tape, n) for n in (1, 2)] == [f"{symbol}(x)", f"{symbol}(x, x)"]
    assert f"\\text{{{symbol}}}(x)" in equations(tape).latex


def sums():
    """Sums by products with ones, and ones that are no factor."""
    tape, x, W = formula(x=draw((3, 2)), W=draw((4, 4), 1))
    y = W @ stack(x, np.ones((1, 2)))
    s = ones(y).T @ y
    tape.name({"y": y, "s": s, "q": s @ ones(s.T)})
    return tape, tape.backward("q")


def test_ones_are_printed_as_1():
    tape, d = sums()
    assert [forward_text(tape, n) for n in (1, 2, 3, 5)] == ["[x; _v2]", "W * _1", "1ᵀ * y", "s * 1"]
    assert contribution_text(tape, 3, "y") == "∇s * 1ᵀ"
    assert contribution_text(tape, 3, "y", "same") == "1 * ∇s"
    assert r"s &= {\mathbf{1}}^\top \, y" in equations(tape).latex
    assert "s = 1ᵀ * y" in graph(tape).dot
    assert "dy += ds * 1ᵀ" in routine(d).splitlines()
    for text in (str(gradients(d)), routine(d), graph(tape).dot, explore(d).html):
        assert "_v4" not in text
        assert "_v7" not in text


@pytest.mark.parametrize("form", ["text", "routine", "latex"])
def test_ones_are_read_again(form):
    report = check_derivation(written(sums()[1], form))
    assert report.ok
    assert report.verdicts


def test_a_named_column_of_ones_keeps_its_name():
    tape, x = formula(x=draw((3, 2)))
    tape.name({"z": tape.variable(np.ones((1, 3)), "e") @ x})
    assert forward_text(tape, 1) == "e * x"


def test_constants_have_no_place_in_the_routine():
    tape, x = formula(x=[[1.0, 2.0]])
    tape.name({"y": 3 * x})
    assert "[_, dx] += deriv(dy, 3, x, '∘')" in routine(tape.backward({"y": [[1.0], [1.0]]}))


@pytest.mark.parametrize("name", ["a\nb", "tab\there", "\x1b[31mred", "a\u2028b"])
def test_a_name_stays_on_its_line(name):
    tape = Tape()
    x = tape.variable([[1.0]], name)
    tape.name({"y": x + x})
    text = equations(tape).text
    assert len(text.splitlines()) == 1
    assert text.isprintable()


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("z12", "z_{12}"),
        ("W_fC", "W_{fC}"),
        ("b_o", "b_{o}"),
        ("C_tilde", r"\tilde{C}"),
        ("y_hat[3]", r"\hat{y}^{(3)}"),
        ("h_prev[2]", r"h_{\mathrm{prev}}^{(2)}"),
        ("alpha1", r"\alpha_{1}"),
        ("θ", r"\theta"),
        ("loss", r"\mathrm{loss}"),
        ("a b", r"\text{a b}"),
        (r"\input{x}", r"\text{\textbackslash{}input\{x\}}"),
        ("50%_$", r"\text{50\%\_\$}"),
    ],
)
def test_names_in_latex(name, latex):
    tape = Tape()
    tape.name({"q": tape.variable([[1.0]], name) + 1})
    assert f"q &= {latex} + 1 \\tag{{1}}" in equations(tape).latex


def test_a_tape_prints_itself():
    tape, d = cell()
    assert str(tape) == equations(tape).text
    assert str(d) == gradients(d).text
    assert tape._repr_latex_() == equations(tape).latex
    assert d._repr_latex_() == equations(tape)._repr_latex_().replace(equations(tape).latex, gradients(d).latex)
    assert str(Tape()) == "(no steps)"


def test_a_terminal_without_unicode():
    program = (
        "from tinyad import *\nt = Tape()\nx = t.variable([[1.0]], 'x')\nt.name({'ÿ': sigmoid(x) * x})\n"
        "print(t)\nprint(t.backward('ÿ' and {'ÿ': 1.0}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"sigmoid(x)" in done.stdout
    assert rb"\xff   = _1 .* x" in done.stdout


def test_the_first_step_that_made_a_nan():
    tape, x = formula(x=[[1.0, 0.0]])
    assert first_nonfinite(tape) is None
    with np.errstate(divide="ignore", invalid="ignore"):
        y = log(x)
        tape.name({"y": y, "z": softmax(y.T) * 0})
    assert first_nonfinite(tape) == "step 1, y = log(x), made -inf at row 1, column 2 (1 of 2 entries)"
    tape.variable([[np.nan]], "given")
    other = Tape()
    other.variable([[1.0], [np.nan]], "given")
    assert first_nonfinite(other) == "given was given with nan at row 2, column 1 (1 of 2 entries)"


def test_calls_show_their_lines():
    tape, x = formula(x=[[1.0, -2.0]])
    tape.name({"y": tanh(x)})
    d = tape.backward({"y": [[1.0], [1.0]]})
    for text in (routine(d), written(d)):
        assert repr(text) == text
        assert text.count("\n") > 1
        assert isinstance(text, str)


def test_steps_without_a_name_stand_in_the_equation_that_uses_them():
    listing = equations(classifier(), shapes=True, fold_unnamed=True)
    assert listing.text.splitlines() == [
        "2  z  = W * x + b                4×2",
        "3  p  = softmax(z)               4×2",
        "8  L  = (-sum(Y ∘ log(p))) / 2   1×1",
    ]
    goldenfiles.check("equations_folded.tex", listing.latex)


def test_a_result_that_nothing_uses_keeps_its_equation():
    tape, x = formula(x=draw((2, 1)))
    tape.name({"z": tanh(2 * x)})
    sigmoid(-tape["z"])
    assert equations(tape, fold_unnamed=True).text.splitlines() == [
        "2  z   = tanh(2 ∘ x)",
        "4  _4  = σ(-z)",
    ]


UNARY = (np.negative, tanh, np.transpose)
BINARY = (np.add, np.subtract, np.multiply, np.matmul, np.divide)


@pytest.mark.parametrize("seed", range(60))
def test_a_folded_formula_has_the_value_of_its_steps(seed):
    """What is printed, read as Python, gives the numbers on the tape: its brackets are right."""
    rng = np.random.default_rng(seed)
    values = {name: rng.uniform(0.5, 2, (2, 2)) for name in "abc"}
    tape = Tape()
    made = list(tape.variables(**values).values())
    with np.errstate(all="ignore"):  # x - x is 0 and may be divided by
        for _ in range(8):
            op = (UNARY + BINARY)[rng.integers(8)]
            operands = rng.integers(max(0, len(made) - 4), len(made), 1 if op in UNARY else 2)
            made.append(op(*(made[k] for k in operands)))
        tape.name({"z": made[-1]})
        text = equations(tape, fold_unnamed=True).text.splitlines()[-1].partition(" = ")[2]
        code = text.replace("*", "@").replace("∘", "*").replace("ᵀ", ".T")
        found = eval(code, {"tanh": np.tanh, **values})
    assert np.allclose(found, made[-1].value, rtol=1e-9, equal_nan=True), text


def test_a_formula_that_nobody_could_read_is_not_folded():
    tape, x = formula(x=np.ones((2, 2)))
    for _ in range(60):
        x = x * x
    tape.name({"z": x})
    lines = equations(tape, fold_unnamed=True).text.splitlines()
    assert 5 < len(lines) < 30
    assert all(len(line) < 500 for line in lines)
    tape, x = formula(x=np.ones((2, 2)))
    for _ in range(3000):
        x = x.T
    tape.name({"z": x})
    assert len(equations(tape, fold_unnamed=True).text.splitlines()) > 15
