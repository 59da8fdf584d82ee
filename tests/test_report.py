"""The report of a walk back: one page, right and wrong, and `tinyad report` with all that it can be given."""

import re

import numpy as np
import pytest

from lstm_models.example import example
from lstm_models.models import MODELS
from lstm_models.slides import GATES
from tests.pages import harmless_page
from tests.pictures import NASTY, SEEN
from tinyad import Tape, compare, equations, explore, gradients, report, sigmoid, tanh
from tinyad.cli import main
from tinyad.listing import contribution_text, walked
from tinyad.notation import MATHML
from tinyad.pages import explorer

LINKS = r"#(step|leaf)_\d+"


def wrong():
    """The slides' LSTM, with one path of C[1] lost by hand."""
    d, hand = example(MODELS["slides"])
    return d, hand | {"C[1]": hand["C[1]"] - d.tape["W_oC"].value.T @ hand["z24[2]"]}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_right_on_its_page(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", name]) == 0
    html = (tmp_path / "build" / f"{name}.html").read_text(encoding="utf-8")
    harmless_page(html, LINKS)
    assert 'class="badge bad"' not in html
    assert html.count('<span class="badge good">right</span>') == 2 * len(example(MODELS[name]).hand)
    assert capsys.readouterr().out == f"build/{name}.html   {name}, right\n".replace("/", re.escape("/")[-1])


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
    assert [tag for tag in seen.tags if re.fullmatch(r"h\d", tag)] == ["h1", *["h2"] * 4]


def test_what_is_wrong_is_said():
    d, hand = wrong()
    made = report(d, hand, "same", groups=GATES)
    assert made.comparison == compare(d, hand, "same")
    html = made.html
    assert "wrong, first at step 51, ∇C[1]" in html
    assert "missing is step 54, W_oCᵀ * ∇z19[2]" in html
    assert html.count('class="box step own"') == 1
    part = re.search(r'<details class="value" data-about="step_22" id="step_22">.*?</details>', html, re.DOTALL)[0]
    assert '<span class="badge bad">wrong</span>' in part
    row, column, by_hand, _ = made.comparison.first_wrong.worst
    assert f"<mark>{by_hand:.4g}" in part.replace("<mark> ", "<mark>")
    assert float(re.search("<mark>(.*?)</mark>", part)[1]) == float(f"{hand['C[1]'][column - 1, row - 1]:.4g}")
    assert repr(made).endswith("wrong, first at step 51, ∇C[1])")


def test_nothing_by_hand():
    d, _ = example(MODELS["gru"])
    made = report(d)
    assert made.comparison is None
    assert "By hand" not in made.html
    assert "badge" not in made.html.partition("<main")[2].partition("<script>")[0]
    assert re.fullmatch(r"Report\([\d,]+ characters of HTML\)", repr(made))


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
    assert SEEN.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in html
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
    for _ in range(5001):
        x = tanh(x)
    d = tape.backward(x)
    for look in (report, explore):
        with pytest.raises(ValueError, match="5,001 steps are too many to look at: there is a place for 5,000"):
            look(d)


# The command

SCRIPT = """\
import numpy as np
from tinyad import Tape, tanh
tape = Tape()
v = tape.variables(W=np.ones((2, 3)), x=np.ones((3, 1)))
tape.name({"h": tanh(v["W"] @ v["x"])})
d = tape.backward({"h": np.ones((1, 2))})
"""


def written(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ("", 0, "not held against anything"),
        ("hand = {'W': d['W'].T}\nlayout = 'same'\ntitle = 'Mine'", 0, "right"),
        ("hand = {'W': 2 * d['W']}", 1, "not right"),
    ],
)
def test_a_python_file(tmp_path, capsys, more, status, said):
    out = tmp_path / "page.html"
    assert main(["report", written(tmp_path, SCRIPT + more), "--out", str(out)]) == status
    assert capsys.readouterr().out.endswith(f"mine.py, {said}\n")
    html = out.read_text(encoding="utf-8")
    harmless_page(html, LINKS)
    assert ("<h1>Mine</h1>" if "title" in more else "<h1>mine.py</h1>") in html


def test_a_file_that_imports_its_neighbour(tmp_path):
    (tmp_path / "its_neighbour.py").write_text("from tinyad import tanh as squash\n")
    path = written(
        tmp_path, SCRIPT.replace("import Tape, tanh", "import Tape\nfrom its_neighbour import squash as tanh")
    )
    assert main(["report", path, "--out", str(tmp_path / "page.html")]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "mine.py: leaves no walk back; end it with d = tape.backward(...)"),
        (SCRIPT + "\n1 / 0", "mine.py, line 8: ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('no <b>')\n\nf()", "mine.py, line 2: KeyError: no <b>"),
        ("x = (", "mine.py, line 1: '(' was never closed"),
        ("import sys\nsys.exit('enough')", "mine.py, line 2: SystemExit: enough"),
        (SCRIPT + "hand = {'V': 1}", "mine.py: no Variable is named 'V'"),
        (SCRIPT + "hand = 3", "mine.py: compare(tape.backward(...), {name: derivative}), not what was given"),
        (SCRIPT + "fold = [2]", "mine.py: fold: no 2; there are no frames"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, capsys, text, said):
    assert main(["report", written(tmp_path, text), "--out", str(tmp_path / "page.html")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinyad: ")
    assert error.rstrip().endswith(said)
    assert not (tmp_path / "page.html").exists()


def test_what_there_is_not(tmp_path, capsys):
    for what in ("slide", str(tmp_path / "no.md")):
        assert main(["report", what]) == 2
        assert capsys.readouterr().err.startswith(f"tinyad: {what}: no file, and no model; there are slides, picture,")
    assert main(["report", str(tmp_path / "no.py")]) == 2
    assert capsys.readouterr().err == f"tinyad: {tmp_path / 'no.py'}: no such file\n"


def test_a_place_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    assert main(["report", "rnn", "--out", str(tmp_path / "no" / "page.html")]) == 2
    assert capsys.readouterr().err.endswith("choose a page with --out\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build").write_text("a file")
    assert main(["report", "rnn"]) == 2
    assert capsys.readouterr().err.startswith("tinyad: cannot write to build")


def test_a_derivation(tmp_path, capsys):
    text = "```declare\ngiven: ∇h\nx: N×1\n```\n```forward\nh = tanh(x)\n```\n```backward\n∇x = ∇h\n```\n"
    path = tmp_path / "mine.md"
    path.write_text(text, encoding="utf-8")
    assert main(["report", str(path), "--out", str(tmp_path / "page.html")]) == 1
    assert capsys.readouterr().out.endswith("not right\n")
    assert explorer() in (tmp_path / "page.html").read_text(encoding="utf-8")
