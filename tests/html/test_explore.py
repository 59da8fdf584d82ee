"""Drawings to look around in, and what they show of each value, with and without a browser."""

import re

import numpy as np
import pytest

from lstm_models.example import example
from lstm_models.models import MODELS
from lstm_models.slides import GATES
from tests.support.pages import Seen
from tests.support.pictures import NASTY
from tinyad import Op, Tape, compare, explore, gradients, graph, sigmoid, softmax, sqrt, stack, tanh
from tinyad.drawing.svg import svg
from tinyad.html.value_details import SHOWN, ValueDetails, figure
from tinyad.printing.listing import contribution_text, forward_text, walked
from tinyad.printing.notation import MATHML


def words(html):
    """What is to be read in MathML."""
    return re.sub(r"<[^>]*>", "", html).replace("&#8289;", "")


def spelled(text):
    """A line of a listing as its MathML reads: scripts without signs, the loss after every ∇."""
    text = re.sub(r"∇([\w]+(\[\d+\])?)", r"∇\1L", text)
    text = re.sub(r"(?<=\w)_(tilde|hat)", lambda m: {"tilde": "~", "hat": "^"}[m[1]], text)
    text = re.sub(r"\[(\d+)\]", r"(\1)", text)
    for a, b in (("_", ""), (" * ", ""), ("-", "−"), ("/", "⊘"), ("ᵀ", "⊤"), ("²", "2"), ("⁻¹", "−1"), (" ", "")):
        text = text.replace(a, b)
    return text


def named(**given):
    tape = Tape()
    return tape, tape.variables(**given)


@pytest.mark.parametrize("name", MODELS)
def test_mathml_reads_as_the_listing(name):
    d, _ = example(MODELS[name])
    tape = d.tape
    unnamed = {f"_{n}" for n in range(1, len(tape) + 1)} & {tape.label(z) for _, z, _, _ in tape.steps}
    for n in range(1, len(tape) + 1):
        text = forward_text(tape, n)
        if not any(label in text for label in unnamed) and ";" not in text:
            assert words(forward_text(tape, n, MATHML)) == spelled(text)
    for n, operand, _, _ in walked(d):
        text = contribution_text(tape, n, operand)
        if not any(label in text for label in unnamed) and "[" not in re.sub(r"\[\d+\]", "", text):
            assert words(contribution_text(tape, n, operand, notation=MATHML)) == spelled(text)


def test_mathml_of_what_models_do_not_have():
    tape, v = named(A=np.eye(2) + 1, b_hat=np.ones((2, 1)), alpha=[[2.0]])
    A, b, alpha = v["A"], v["b_hat"], v["alpha"]
    odd = Op("od<d", lambda x: x, lambda dz, z, x: dz)
    made = [alpha / (alpha - 1e-5), stack(b, b), sqrt(b), -(A @ b), softmax(b), odd(b), (A @ A).T, -2 * b]
    lines = [forward_text(tape, n, MATHML) for n in range(1, len(tape) + 1)]
    Seen("".join(lines))
    assert len(made) < len(lines)
    read = [words(line) for line in lines]
    assert read[:4] == ["α−(1·10−5)", "α⊘_1", "[b^b^]", "b^"]
    assert "<msqrt>" in lines[3]
    assert read[4:] == ["Ab^", "−_5", "softmax(b^)", "od&lt;d(b^)", "AA", "_9⊤", "(−2)∘b^"]


def test_names_and_numbers_that_are_odd():
    tape, v = named(**{"lambda": [[1.0]], "λ_1": [[1.0]], "ς": [[1.0]], "x[" + "9" * 5000 + "]": [[2.0]]})
    x = v["lambda"]
    results = [x * (1e-5 + 2j), x * 1e-5j, x * -1e20, Op("q", lambda x: x * 1, lambda dz, z, x: dz * True)(x)]
    tape.name({f"z{k}": z for k, z in enumerate(results)})
    d = tape.backward({f"z{k}": [[1.0]] for k in range(len(results))})
    html = explore(d).html
    Seen(html)
    assert "<mi>λ</mi><mo>∘</mo><mn>(1e-05+2j)</mn>" in html
    assert "<mn>1e-05j</mn>" in html
    assert "<mo>−</mo><mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow><mn>20</mn></mrow></msup>" in html
    assert "<mo>∘</mo><mn>1</mn>" in html
    assert "<mi>ς</mi>" in html
    assert r"\lambda" in gradients(d).latex


def test_mathml_of_a_rule_that_is_no_formula():
    tape, v = named(x=[[1.0, -2.0]], y=[[3.0, 4.0]])
    larger = Op("max", np.maximum, lambda dz, z, x, y: (np.where(x.T > y.T, dz, 0), np.where(x.T > y.T, 0, dz)))
    tape.name({"z": larger(v["x"], v["y"])})
    tape.backward({"z": [[1.0], [1.0]]})
    shown = contribution_text(tape, 1, "y", notation=MATHML)
    Seen(shown)
    assert words(shown) == "deriv(∇zL,x,y,max)y"


def test_the_drawing_is_that_of_graph():
    d, _ = example(MODELS["slides"])
    picture = explore(d, groups=GATES)
    assert picture._repr_svg_() == svg(graph(d.tape, groups=GATES).drawing)
    assert picture._repr_svg_() in picture.html == picture._repr_html_()
    assert repr(picture) == f"Explorer({picture.picture!r})"


def test_a_piece_of_html():
    d, hand = example(MODELS["slides"])
    hand["o[2]"] = -hand["o[2]"]
    html = explore(d, groups=GATES, comparison=compare(d, hand, "same")).html
    seen = Seen(html)
    assert not {"html", "head", "body", "h1", "link", "img", "iframe"} & set(seen.tags)
    assert " id=" not in html
    assert "href" not in html.partition("<script>")[0]
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert html.count('class="box step own"') == 1


def folded(html):
    numbers = re.search(r'data-fold="([\d ]*)"', html)[1].split()
    titles = dict(re.findall(r'data-frame="(\d+)" data-parent="\d+">\n<rect [^>]*>\n<text [^>]*>([^<]*)<', html))
    return [titles[number] for number in numbers]


def test_what_is_folded_at_first():
    d, _ = example(MODELS["slides"])
    assert folded(explore(d, groups=GATES, fold=[]).html) == []
    assert 'class="graph">' in explore(d, groups=GATES).html  # the script folds what does not fit
    assert folded(explore(d, groups=GATES, fold=[2, "candidate"]).html) == ["candidate", "t = 2", *["candidate"] * 2]
    assert folded(explore(d, groups=GATES, fold=3).html) == ["t = 3"]
    with pytest.raises(KeyError, match="fold: no 4; there are time steps 1 to 3, candidate"):
        explore(d, groups=GATES, fold=[4])


def test_frames_are_folded_as_in_graph():
    d, _ = example(MODELS["rnn"])
    groups = {"t = 1": iter(["h"]), "all": iter(["Wx_x"] if "Wx_x[1]" in d.tape.names.values() else [])}
    html = explore(d, groups=groups, fold=["t = 1", np.int64(2)]).html
    assert folded(html) == ["t = 1", "t = 2", "t = 1", "t = 1"]
    assert html.count('class="frame time"') == 3
    assert folded(explore(d, fold=[True]).html) == ["t = 1"]


def parts(about):
    """Key → what the drawing shows of that value."""
    return {re.search(r'data-about="(\w+)"', part)[1]: part for part in about.everything()}


def numbers(part):
    """The matrices of a part, flat."""
    return [
        [float(x) for x in re.sub(r"<[^>]*>|…", "", matrix).split()]
        for matrix in re.findall(r"<pre>(.*?)</pre>", part, re.DOTALL)
    ]


@pytest.mark.parametrize("layout", ["row", "same"])
def test_all_that_is_said_of_a_value(layout):
    tape, v = named(W=np.arange(6.0).reshape(2, 3), x=np.array([[1.0], [2.0], [-1.0]]))
    z = v["W"] @ v["x"]
    h = z * sigmoid(z)
    tape.name({"z": z, "h": h})
    d = tape.backward({"h": [[3.0, 5.0]]})
    said = parts(ValueDetails(d, layout))
    assert list(said) == ["leaf_1", "leaf_2", "step_1", "step_2", "step_3"]
    value, gradient, *contributions = numbers(said["step_1"])
    assert np.allclose(value, z.value.ravel(), rtol=1e-3)
    assert np.allclose(gradient, d["z"].ravel(), rtol=1e-3)
    assert np.allclose(np.sum(contributions, axis=0), gradient, rtol=1e-3)
    assert len(contributions) == 2
    assert len(numbers(said["leaf_1"])) == 2  # one contribution, which is the derivative
    assert "2×3" in said["leaf_1"]
    assert ("3×2" in said["leaf_1"]) == (layout == "row")
    (matrix,) = numbers(said["leaf_1"])[1:]
    assert np.allclose(matrix, (d["W"] if layout == "row" else d["W"].T).ravel(), rtol=1e-3)
    assert "given" in said["step_3"]
    turned = "⊤" if layout == "row" else ""
    assert f"∇zL=∇hL∘_2{turned} step 3" in words(said["step_1"])
    assert f"∇zL+=∇_2L∘σ(z){turned}∘(1−σ(z)){turned} step 2" in words(said["step_1"])


def test_what_L_does_not_depend_on():
    tape, v = named(x=[[1.0]], y=[[2.0]])
    tape.name({"z": tanh(v["x"])})
    said = parts(ValueDetails(tape.backward({"z": 1.0})))
    assert "0: L does not depend on it" in said["leaf_2"]
    assert len(numbers(said["leaf_2"])) == 1


def test_constants_are_said_as_they_are():
    tape, v = named(x=[[1.0]])
    tape.name({"z": v["x"] * 2.5 + np.ones((2, 2))})
    said = parts(ValueDetails(tape.backward({"z": np.ones((2, 2))})))
    assert list(said) == ["leaf_1", "step_1", "step_2"]
    assert ", 2.5</dd>" in said["step_1"]


def test_a_large_matrix_is_cut():
    seen = figure("A", np.arange(200.0).reshape(10, 20))
    rows = re.search(r"<pre>(.*)</pre>", seen, re.DOTALL)[1].split("\n")
    assert len(rows) == SHOWN + 1
    assert rows[-1] == "…"
    assert all(row.endswith("…") and len(row.split()) == SHOWN + 1 for row in rows[:-1])
    assert "10×20" in seen
    assert "…" not in figure("A", np.ones((SHOWN, SHOWN)))


def test_the_worst_entry_is_marked():
    shown = figure("A", np.array([[1.0, 2.0], [3.0, 4.0]]), (2, 1))
    assert re.findall("<mark>(.*?)</mark>", shown) == ["3"]
    far = figure("A", np.arange(600.0).reshape(30, 20), (29, 17))
    assert re.findall("<mark>(.*?)</mark>", far) == [f"{28 * 20 + 16}"]
    rows = far.partition("<pre>")[2].partition("</pre>")[0].splitlines()
    assert rows[0] == "…"
    assert all(row.startswith("…") for row in rows)
    assert [float(x) for x in re.sub("<.*?>", "", rows[1]).split()[1:]] == list(range(22 * 20 + 12, 22 * 20 + 20))


def test_numbers_that_are_none():
    shown = figure("A", np.array([[np.nan, -np.inf, 1 + 2j]]))
    assert re.sub("<[^>]*>", "", shown.partition("<pre>")[2]).split() == ["nan+0j", "-inf+0j", "1+2j"]


def test_names_are_escaped():
    tape, v = named(**{NASTY: np.ones((2, 1))})
    tape.name({"<b>": tanh(v[NASTY]), "</script>": tanh(v[NASTY])}, step=1)
    html = explore(tape.backward({"<b>[1]": np.ones((1, 2))}), groups={"<i>": ["<b>"]}, fold=["<i>"]).html
    seen = Seen(html)
    assert not {"b", "i", "d"} & set(seen.tags)
    assert html.count("</script>") == 1
    assert "&lt;b&gt;[1]" in html
