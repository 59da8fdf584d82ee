"""A derivation held against the model of another one: what means the same holds, and no change of the model does."""

import json
import re
from itertools import islice

import pytest

from tests.support import variants
from tests.support.derivation_texts import fenced
from tests.support.gate import CHEATS, FAULTS, HONEST, MASTER, UNJUDGED, changed
from tests.support.paths import DERIVATIONS
from tests.support.right_derivations import TEXTS
from tests.support.sampling import sampled
from tinyad import DerivationError, check_derivation

LOSS = """\
```declare
layout: same
X: N×M
w: M×1
y: N×1
constant: X, y
```
```forward
r = X w - y
L = rᵀ r
```
```backward
∇r = 2 r
∇w = Xᵀ ∇r
```
"""
FILES = sorted(DERIVATIONS.rglob("*.md"))
RIGHT = {**{path.stem: path.read_text(encoding="utf-8") for path in FILES}, **TEXTS}


def against(text, master=MASTER):
    return check_derivation(text, against=master, suggest=False)


def said(report):
    """The findings about the model, and what is left out."""
    return [line for _, lines in report.parts for line in (*lines.headlines, *lines.faults)]


@pytest.mark.parametrize("name", HONEST)
def test_the_same_in_other_words(name):
    report = against(HONEST[name])
    assert (report.ok, said(report)) == (True, [])


@pytest.mark.parametrize("name", CHEATS)
def test_another_model(name):
    text, line, words = CHEATS[name]
    report = against(text)
    assert not report.ok
    assert any(line in sentence and "changes the model" in sentence and words in sentence for sentence in said(report))


@pytest.mark.parametrize("name", CHEATS)
def test_lines_of_another_model_are_judged_by_the_exercise(name):
    """What holds is what holds below the declarations and equations of the exercise; else nothing."""
    text = CHEATS[name][0]
    lines = "```backward" + text.split("```backward")[1]
    alone = check_derivation(MASTER.split("```backward")[0] + lines, suggest=False)
    by_exercise = set() if name in UNJUDGED else {v.text for v in alone.verdicts if v.ok}
    assert {v.text for v in against(text).verdicts if v.ok} == by_exercise


def test_where_one_equation_is_another_the_names_of_the_others_stay():
    edits = [("z", "pre"), ("h_t = f_t ∘ h_{t-1}", "h_t = f_t ∘ b")]
    report = against(changed(*edits))
    assert [v.ok for v in report.verdicts] == [True] * 7
    assert said(report)[0] == "line 13 changes the model: the exercise has h_t = f_t ∘ h_{t-1}"
    assert not against(changed(*edits, ("∇b = ∇pre", "∇b = 0 ∇pre"))).verdicts[4].ok
    assert report.summary() == "derivation: 7 of 7 lines hold; another model"


def test_equations_without_a_value_are_another_model():
    report = against(changed(("W_x x_t + b", "x_t W_x + b")))
    assert said(report)[0] == "line 11 changes the model: x_t is 3×1 and W_x is 5×3: inner sizes 1 and 5"
    assert all(v.ok for v in report.verdicts)


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_model_with_faults(name):
    report = against(FAULTS[name])
    assert not report.ok
    assert not any("changes the model" in sentence for sentence in said(report))


def test_a_sequence_is_not_one_step():
    report = against(changed(("given", "time: t = 1..T\ngiven")))
    assert said(report) == ["line 12 changes the model: the exercise is one time step, and no sequence"]


def test_only_what_was_changed_is_named():
    report = against(CHEATS["a sign"][0])
    change = "line 11 changes the model: the exercise has z = W_h h_{t-1} + W_x x_t + b"
    assert said(report) == [change, "the lines are judged with what the exercise has there"]
    assert "line 11 changes the model" in str(report)
    assert report.summary() == "derivation: 6 of 7 lines hold; 1 wrong, another model"
    (part,) = json.loads(json.dumps(report.to_dict()))["parts"]
    place = {"line": 11, "column": 4, "text": "z = W_h h_{t-1} + W_x x_t - b"}
    assert part["changes"] == [{"at": place, "message": "the exercise has z = W_h h_{t-1} + W_x x_t + b"}]
    assert "line 11 changes the model" in report.html()


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([("L = rᵀ r", "L = 0 rᵀ r"), ("2 r", "0 r")], "line 10 changes the model: the exercise has L = rᵀ r"),
        ([("X w - y", "y - X w"), ("2 r", "2 r"), ("Xᵀ ∇r", "-Xᵀ ∇r")], "line 9 changes the model"),
        (
            [("y\n```\n```f", "y, w\n```\n```f"), ("∇w = Xᵀ ∇r\n", "")],
            "w is not declared `constant`",
        ),
        ([("L = rᵀ r", "J = rᵀ r r"), ("layout", "loss: J\nlayout"), ("∇r = 2 r", "∇r = 2 r")], None),
        ([("L = rᵀ r\n", "")], "the loss is not computed here; the exercise has L = rᵀ r"),
        ([("∇r = 2 r", "∇L = 0\n∇r = 2 r")], None),
    ],
)
def test_a_loss(edits, words):
    assert against(LOSS, LOSS).ok
    try:
        report = against(changed(*edits, text=LOSS), LOSS)
    except DerivationError:
        assert words is None
        return
    assert not report.ok
    assert words is None or words in "; ".join(said(report))


def test_an_intermediate_value_that_is_declared_constant_has_a_derivative_all_the_same():
    constant = changed(("y\n```\n```f", "y, r\n```\n```f"), text=LOSS)
    assert against(constant, LOSS).ok
    assert not against(changed(("Xᵀ ∇r", "0 Xᵀ ∇r"), text=constant), LOSS).ok


def test_a_loss_may_have_another_name():
    other = changed(("L = rᵀ r", "J = rᵀ r"), ("layout", "loss: J\nlayout"), ("∇r = 2 r", "∂J/∂r = 2 r"), text=LOSS)
    assert against(other, LOSS).ok


def test_any_function_is_not_the_sine():
    master = fenced("given: ∇h\nx: N×1\nfunction F: component-wise", "h = F(x)", "∇x = ∇h ∘ F'(x)ᵀ")
    assert against(master, master).ok
    sine = changed(("function F: component-wise", "function F: sin"), ("F'(x)", "cos(x)"), text=master)
    assert "in the exercise F is any function" in said(against(sine, master))[0]


def test_a_file_has_as_many_derivations_as_the_exercise():
    with pytest.raises(DerivationError, match="the exercise has 2 derivations"):
        against(MASTER, MASTER + MASTER.replace("# One gate", "# Another"))
    assert against(MASTER * 2, MASTER * 2).ok


def test_all_sets_of_lines_are_asked_for():
    two = MASTER + re.search(r"```backward\n(.*?)```\n", MASTER, re.DOTALL)[0].replace("backward", "backward again")
    assert against(two, two).ok
    assert said(against(MASTER, two)) == ["no lines of again"]


SEQUENCE = fenced(
    "time: t = 1..T\nlayout: same\nx_t: N×1\nh_t: N×1\na: N×1\ngiven: ∇h_t",
    "h_t = a ∘ h_{t-1} + x_t",
    "∇h_t += a ∘ ∇h_{t+1}\n∇a = Σ_t ∇h_t ∘ h_{t-1}\n∇x_t = ∇h_t\n∇h_0 = a ∘ ∇h_1",
)
JACOBIANS = fenced("x: N×1\nW: N×N", "z = W x\ny = tanh(z)", "∂z/∂x = W\n∂y/∂x = diag(1 - y²) W")


def test_the_state_that_a_sequence_starts_from_is_asked_for_if_the_exercise_derives_it():
    assert against(SEQUENCE, SEQUENCE).ok
    without = changed(("\n∇h_0 = a ∘ ∇h_1", ""), text=SEQUENCE)
    assert said(against(without, SEQUENCE)) == ["no line sets the derivative of h[0]"]
    assert against(without, without).ok


def test_jacobians_are_asked_for():
    assert against(JACOBIANS, JACOBIANS).ok
    assert said(against(changed(("\n∂y/∂x = diag(1 - y²) W", ""), text=JACOBIANS), JACOBIANS)) == ["no line sets ∂y/∂x"]
    assert against(changed(("z", "q"), text=JACOBIANS), JACOBIANS).ok
    other = changed(("y = tanh(z)", "y2 = tanh(z)"), ("∂y", "∂y2"), ("1 - y²", "1 - y2²"), text=JACOBIANS)
    assert against(other, JACOBIANS).ok
    without = changed(("\n∂y2/∂x = diag(1 - y2²) W", ""), text=other)
    assert said(against(without, JACOBIANS)) == ["no line sets ∂y/∂x"]
    assert said(against(changed(("y2 = tanh(z)", "y2 = σ(z)"), text=without), JACOBIANS)) == ["no line sets ∂y/∂x"]


def test_suggestions_are_made_where_the_model_is_the_same():
    report = check_derivation(FAULTS["a line is wrong"], against=MASTER)
    assert [v.suggestion for v in report.wrong] == ["∇x_t = ∇z W_x"]
    assert check_derivation(CHEATS["a sign"][0], against=MASTER).first_wrong.suggestion == ""


@pytest.mark.parametrize("name", sampled(list(RIGHT), 4))
def test_right_derivations_hold_against_themselves(name):
    if not check_derivation(RIGHT[name], suggest=False).ok:  # those of other people, with their mistakes
        return
    report = against(RIGHT[name], RIGHT[name])
    assert (report.ok, said(report)) == (True, [])


@pytest.mark.parametrize("kind", [variants.renamed, variants.split, variants.reordered])
@pytest.mark.parametrize("name", sampled([*TEXTS, "gates", "gru", "attention", "state-space"], 7))
def test_variants_hold(kind, name):
    """What holds alone after names were changed, equations split or lines moved holds against the original."""
    for text in islice(kind(RIGHT[name]), 6):
        assert not holds(text) or holds(text, RIGHT[name]), text


@pytest.mark.slow
@pytest.mark.parametrize("kind", [variants.renamed, variants.split, variants.reordered])
@pytest.mark.parametrize("name", RIGHT)
def test_all_variants_hold(kind, name):
    for text in islice(kind(RIGHT[name]), 6):
        assert not holds(text) or holds(text, RIGHT[name]), text


def holds(text, master=None):
    try:
        return check_derivation(text, against=master, suggest=False).ok
    except DerivationError:
        return False


def test_a_changed_model_is_said_once():
    report = against(LOSS.replace("layout", "time: t = 1..T\nlayout"), LOSS)
    assert report.text().count("the model") == 1
    assert "is not that of the exercise" in report.text(everything=True)
    assert "2 are not judged" in report.text()


def test_a_derivative_that_is_left_out_of_an_exercise_is_not_to_be_declared_constant():
    without = LOSS.replace("∇w = Xᵀ ∇r\n", "")
    assert said(against(without, LOSS)) == ["no line sets the derivative of w"]
    assert "`constant: w`, if none is asked for" in said(check_derivation(without, suggest=False))[0]


def test_what_a_text_lacks_is_that_of_the_exercise():
    lines = "```backward" + MASTER.split("```backward")[1]
    assert against("# Mine\n" + lines).ok
    assert against(MASTER.split("```forward")[0] + lines).ok
    assert against(MASTER.split("```forward")[0] + "```forward\n\n```\n" + lines).ok
    with pytest.raises(DerivationError, match="no forward block"):
        check_derivation(MASTER.split("```forward")[0] + lines)
