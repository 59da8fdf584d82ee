"""The report of a backward pass: one page, right and wrong, and `tinyad report` with all that it can be given."""

import re
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape

from lstm_models.example import example
from lstm_models.models import MODELS
from lstm_models.slides import GATES
from tests.support.pages import harmless_page
from tests.support.pictures import NASTY, SEEN
from tests.support.sampling import sampled
from tinyad import Op, Tape, compare, equations, explore, gradients, log, report, sigmoid, tanh
from tinyad.cli import main
from tinyad.printing.listing import contribution_text, walked
from tinyad.printing.notation import MATHML

LINKS = r"#(step|leaf)_\d+"


def wrong():
    """The slides' LSTM, with one path of C[1] lost by hand."""
    d, hand = example(MODELS["slides"])
    return d, hand | {"C[1]": hand["C[1]"] - d.tape["W_oC"].value.T @ hand["z24[2]"]}


@pytest.mark.parametrize("name", sampled(MODELS, 7))
def test_every_model_is_right_on_its_page(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", name]) == 0
    html = (tmp_path / "build" / f"{name}-report.html").read_text(encoding="utf-8")
    harmless_page(html, LINKS)
    assert 'class="badge bad"' not in html
    assert html.count('<span class="badge good">right</span>') == 2 * len(example(MODELS[name]).hand)
    assert capsys.readouterr().out == f"{Path('build', name)}-report.html   {name}, right\n"


def test_everything_is_on_the_page():
    d, hand = wrong()
    made = report(d, hand, "same", groups=GATES, title="A <b>title</b>")
    html = made.html
    seen = harmless_page(html, LINKS)
    assert "<h1>A &lt;b&gt;title&lt;/b&gt;</h1>" in html
    assert "<title>A &lt;b&gt;title&lt;/b&gt;</title>" in html
    for n in range(1, len(d.tape) + 1):
        assert html.count(f'id="step_{n}"') == html.count(f'data-key="step_{n}"') == 1
    rows = html.partition("<h2>Backward</h2>")[2].count("<tr>") - 1
    assert rows == len(str(gradients(d)).splitlines()) - 1  # but for the line about 1
    assert len(str(equations(d.tape)).splitlines()) == len(d.tape)
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids)) == sum(i not in d.tape.constants for i in range(d.length))
    links = {value[1:] for name, value in seen.attributes if name == "href"}
    assert links <= set(ids)
    assert [tag for tag in seen.tags if re.fullmatch(r"h\d", tag)] == ["h1", *["h2"] * 3]


def test_a_page_opens_with_the_drawing():
    d, hand = wrong()
    html = report(d, hand, "same", groups=GATES).html
    first = html.partition("<svg")[0]
    assert "By hand: wrong, first at step 54, ∇C[1]." in first
    assert "<table" not in first.partition("<main")[2]
    assert (
        html.index("</svg>") < html.index("<h2>By hand, compared with the tape</h2>") < html.index("<h2>Forward</h2>")
    )


def test_inherited_rows_are_folded():
    tape = Tape()
    x = tape.variable(np.array([[0.3], [0.7]]), "x")
    a = tanh(x)
    tape.name({"a": a, "b": sigmoid(a)})
    d = tape.backward({"b": [[1.0, 2.0]]})
    hand = {"b": d["b"], "a": d["a"] + 1, "x": (d["a"] + 1) * (1 - a.value.T**2)}
    made = report(d, hand)
    assert [finding.cause for finding in made.comparison.wrong] == ["own", "inherited"]
    folded = re.search(
        r"<details><summary>1 inherited: their own lines are right</summary>(.*?)</details>", made.html, re.S
    )
    assert folded[1].count("badge unsure") == 1
    assert ">∇x</a>" in folded[1]
    assert ">∇a</a>" in made.html.partition("inherited: their own")[0]
    assert "inherited: their own" not in report(d, {"b": d["b"]}).html


def test_a_step_that_makes_another_derivative_wrong_says_which_verdict_is_whose():
    html = report(*wrong(), "same", groups=GATES).html
    summary = re.search(r'id="step_54"><summary>(.*?)</summary>', html, re.S)[1]
    assert re.sub("<[^>]*>", "", summary).endswith("∇z19[2] right ∇C[1] wrong")


def test_what_is_wrong_is_said():
    d, hand = wrong()
    made = report(d, hand, "same", groups=GATES)
    assert made.comparison == compare(d, hand, "same")
    html = made.html
    assert "wrong, first at step 54, ∇C[1]" in html
    assert "step 54, W_oCᵀ * ∇z19[2], is missing" in html
    assert html.count('class="box step own"') == 1
    part = re.search(r'<details class="value" data-about="step_22" id="step_22">.*?</details>', html, re.DOTALL)[0]
    assert '<span class="badge bad">wrong</span>' in part
    row, column, by_hand, _ = made.comparison.first_wrong.worst
    assert f"<mark>{by_hand:.4g}" in part.replace("<mark> ", "<mark>")
    assert float(re.search("<mark>(.*?)</mark>", part)[1]) == float(f"{hand['C[1]'][column - 1, row - 1]:.4g}")
    assert "wrong, first at step 54, ∇C[1]" in repr(made)
    step = re.search(r'<details class="value" data-about="step_54" id="step_54">.*?</details>', html, re.DOTALL)[0]
    assert "∇C[1]</a>: <span" in step.replace('∇<a href="#step_22" data-go="step_22">C', "∇C")
    assert "the contribution of step 54, W_oCᵀ * ∇z19[2], is missing" in step
    assert "step 54</a>" in part
    assert 'data-choose="step_54"' in html
    assert "Red: the line" in html


@pytest.mark.parametrize("layout", ["row", "same"])
@pytest.mark.parametrize("at", [(0, 1), (1, 2), (1, 0)])
def test_the_worst_entry_is_where_the_text_says(layout, at):
    tape = Tape()
    tape.name({"y": tape.variable(np.arange(6.0).reshape(2, 3), "x") * 2.0})
    d = tape.backward({"y": np.ones((3, 2))})
    hand = d["x"].T.copy()
    hand[at] = 9
    made = report(d, {"x": hand if layout == "same" else hand.T}, layout)
    row, column, *_ = made.comparison.first_wrong.worst
    assert (row - 1, column - 1) == (at if layout == "same" else at[::-1])
    matrix = made.html.partition("by hand <span")[2].partition("<pre>")[2].partition("</pre>")[0].splitlines()
    assert matrix[row - 1].split()[column - 1] == "<mark>9</mark>"
    assert made.html.count("<mark>") == 1


@pytest.mark.parametrize("layout", ["row", "same"])
def test_a_1d_array_is_taken_as_the_size_that_is_known(layout):
    tape = Tape()
    tape.name({"y": tape.variable(np.arange(4.0).reshape(4, 1), "x") * 2.0})
    d = tape.backward({"y": np.ones((1, 4))})
    assert report(d, {"x": np.full(4, 2.0)}, layout).comparison.ok
    made = report(d, {"x": [2.0, 2.0, 9.0, 2.0]}, layout)
    assert made.comparison.first_wrong.worst[:2] == ((1, 3) if layout == "row" else (3, 1))
    shown = made.html.partition("by hand <span")[2].partition("</figure>")[0]
    assert "<mark>9</mark>" in shown
    assert ("1×4" if layout == "row" else "4×1") in shown
    with pytest.raises(ValueError, match=r"the derivative of x by hand: .* 1-D .*reshape"):
        report(d, {"x": np.zeros(3)}, layout)


def test_a_worst_entry_far_down_is_shown():
    tape = Tape()
    tape.name({"y": tape.variable(np.ones((30, 20)), "x") * 2.0})
    d = tape.backward({"y": np.ones((20, 30))})
    hand = d["x"].copy()
    hand[18, 29] = 9
    assert "<mark>9</mark>" in report(d, {"x": hand}).html


def test_a_tape_that_went_on():
    """Only what was there at the walk: later steps, and a walk that is recorded itself."""
    tape = Tape()
    y = tanh(tape.variable([[0.5]], "x"))
    tape.name({"y": y})
    d = tape.backward(y)
    alone = report(d).html
    tape.name({"later": tanh(y)})
    assert report(d).html == alone
    assert "later" not in explore(d).html
    recorded = tape.backward(y, record=True)
    html = report(recorded).html
    assert "2 steps; the backward pass starts from" in html
    links = {value[1:] for name, value in harmless_page(html, LINKS).attributes if name == "href"}
    assert links <= {value for name, value in harmless_page(html, LINKS).attributes if name == "id"}
    assert len(tape) > 2
    assert tape.backward("later")["x"].item() != d["x"].item()  # and the tape is as it was


def test_a_rule_that_gives_none():
    gate = Op("gate", lambda x, y: np.where(y > 0, x, 0), lambda dz, z, x, y: (np.where(y.T > 0, dz, 0), None))
    tape = Tape()
    v = tape.variables(x=[[1.0, 2.0]], y=[[1.0, -2.0]])
    tape.name({"a": tanh(v["y"])})
    tape.name({"z": tape["a"] + gate(v["x"], v["y"])})
    d = tape.backward({"z": [[1.0], [1.0]]})
    assert "∇y   = ∇a ∘" in str(gradients(d))
    assert str(gradients(d)).count("∇y ") == 1
    html = report(d).html
    assert "deriv" in html
    assert html.count("<mi>y</mi></mrow></msub><mi>L</mi><mo>+=</mo>") == 1  # its rule, of step 1
    assert html.count("<mi>y</mi></mrow></msub><mi>L</mi><mo>=</mo>") == 2  # in its part, and backward


def test_what_is_not_finite_is_not_called_wrong():
    tape = Tape()
    v = tape.variables(x=[[0.0]], y=[[1.0]])
    with np.errstate(all="ignore"):
        tape.name({"L": v["y"] * log(v["x"])})
        d = tape.backward({"L": [[1.0]]})
        html = report(d, {"x": d["x"], "L": [[1.0]]}).html
    assert '<span class="badge unsure">not finite</span>' in html
    assert 'class="badge bad"' not in html


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layout": "rows"}, "layout='rows': there are 'row' and 'same'"),
        ({"groups": ["h"]}, "groups: {title: names}, not a list"),
        ({"groups": {1: ["z"]}}, "groups: {title: names}, and 1 is no title or has no names"),
        ({"groups": {"a": 3}}, "groups: {title: names}, and 'a' is no title or has no names"),
        ({"weights": np.ones((2, 2))}, "weights: the names of leaves, not an array"),
        ({"title": 3}, "title: a string, not an int"),
        ({"fold": [9]}, "fold: no 9; there are time steps 1 to 3"),
    ],
)
def test_options_that_are_none(wrong, said):
    d, _ = example(MODELS["rnn"])
    with pytest.raises((TypeError, ValueError, KeyError), match=re.escape(said)):
        report(d, **wrong)


@pytest.mark.parametrize("look", [report, explore])
@pytest.mark.parametrize("what", [{}, None, Tape()])
def test_what_is_no_walk_back(look, what):
    with pytest.raises(
        TypeError, match=r"a page shows a backward pass, d = tape\.backward\(\.\.\.\), not (a dict|None|a Tape)"
    ):
        look(what)


def test_nothing_by_hand():
    d, _ = example(MODELS["gru"])
    made = report(d)
    assert made.comparison is None
    assert "By hand" not in made.html
    assert "badge" not in made.html.partition("<main")[2].partition("<script>")[0]
    assert "Red: the line" not in made.html
    assert "data-choose=" not in made.html.partition("<script>")[0]
    assert re.fullmatch(r'Report\([\d,]+ characters of HTML; \.save\("page\.html"\) writes it\)', repr(made))


def test_of_another_size_and_in_the_other_layout():
    d, hand = example(MODELS["rnn"])
    odd = report(d, {"h[1]": np.ones((2, 2)), "h[2]": hand["h[2]"]}, "same")
    assert [f.verdict for f in odd.comparison.findings] == ["right", "shape"]
    assert "2×2" in odd.html
    row = report(d, {"h[2]": hand["h[2]"].T}).html
    assert "row layout" in row
    assert "row layout" not in odd.html
    other = report(d, {"h[2]": hand["h[2]"]}, "same").html
    for n, operand, _, _ in walked(d):
        lines = [contribution_text(d.tape, n, operand, layout, notation=MATHML) for layout in ("row", "same")]
        assert [line in page for line, page in zip(lines, (row, other), strict=True)] == [True, True]
        assert lines[0] == lines[1] or not (lines[0] in other or lines[1] in row)


def test_ones_are_explained():
    tape = Tape()
    v = tape.variables(x=np.ones((2, 3)), b=np.ones((2, 1)))
    tape.name({"z": v["x"] + v["b"]})
    assert "1 is a column of ones" in report(tape.backward({"z": np.ones((3, 2))})).html
    other = Tape()
    other.name({"y": tanh(other.variable([[2.0]], "x"))})
    assert "1 is a column of ones" not in report(other.backward({"y": [[1.0]]})).html


def test_a_page_is_the_same_twice_and_saved_as_it_is(tmp_path):
    d, hand = wrong()
    made = report(d, hand, "same", groups=GATES)
    made.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes().decode() == made.html
    assert report(*wrong(), "same", groups=GATES).html == made.html


def test_names_are_escaped():
    tape = Tape()
    x = tape.variable(np.ones((2, 1)), NASTY)
    tape.name({"</script><script>alert(1)</script>": tanh(x), "<b>": sigmoid(x)})
    d = tape.backward({"<b>": np.ones((1, 2)), "</script><script>alert(1)</script>": np.ones((1, 2))})
    html = report(d, {"<b>": np.zeros((1, 2))}, title="</title><script>\x1b").html
    harmless_page(html, LINKS)
    assert "<b>&lt;b&gt;" not in html
    assert escape(SEEN) in html
    assert "\x1b" not in html


def test_errors_are_those_of_compare_and_graph():
    d, hand = example(MODELS["rnn"])
    with pytest.raises(KeyError, match="no Variable is named 'h'"):
        report(d, {"h": hand["h[1]"]})
    with pytest.raises(KeyError, match="fold: no 9"):
        report(d, fold=[9])
    with pytest.raises(ValueError, match="layout='rows'"):
        report(d, hand, "rows")


def test_a_tape_for_which_no_page_is_made():
    tape = Tape()
    x = tape.variable([[0.5]], "x")
    for _ in range(2001):
        x = tanh(x)
    d = tape.backward(x)
    for look in (report, explore):
        with pytest.raises(ValueError, match="2,001 steps are too many to look at: a page shows 2,000 at most"):
            look(d)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("<p>", "<p onclick=x>"),
        ("<header>", "<header><script>alert(1)</script>"),
        ("<header>", '<header><a href="https://example.org">x</a>'),
        ("<header>", '<header><img src="x">'),
        ("sha256-", "sha256-A"),
    ],
)
def test_what_a_page_may_not_have_is_noticed(good, bad):
    html = report(example(MODELS["rnn"]).d).html
    harmless_page(html, LINKS)
    with pytest.raises(AssertionError):
        harmless_page(html.replace(good, bad, 1), LINKS)
