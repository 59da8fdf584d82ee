"""The grading of planted mistakes that a reader has mended, or not."""

import json

import pytest

from tests.support.exercises import CELL, PAPER, ROUTINE, SEQUENCE, answer, grade, made, wrong
from tinyad.derivation import DerivationError
from tinyad.derivation.exercise.answer import Exercise, PlantedMistake
from tinyad.derivation.exercise.answer import answer as written


def exercise(kind, was, becomes, text=CELL):
    p = next(p for p in made(text, kind) if p.was == was and " ".join(p.now.split()) == becomes)
    return p, answer(p, "cell.md")


def test_the_answer():
    p, said = exercise("name", "∇z4 = ∇c_t", "∇z4 = ∇z6")
    found = json.loads(said)
    (mistake,) = found["mistakes"]
    assert [mistake[key] for key in ("kind", "line", "was", "now")] == ["name", p.line, "∇z4 = ∇c_t", "∇z4 = ∇z6"]
    assert found["source"] == "cell.md"
    assert len(found["sha256"]) == 64
    assert "∇z4" in said


def test_found_and_mended():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    good = (True, f"line {p.line}: found and mended")
    mended = p.text.replace(p.now, p.was)
    assert grade(mended, said) == good
    assert grade(mended.replace("\n", "\r\n"), said) == good
    assert grade(p.text.replace(p.now, "∇f += - ∇z6 ∘ gᵀ"), said) == good  # another way to say it
    assert grade("# My name\n\n" + mended, said) == good
    assert grade(mended.replace("∇z2 = ", "∇z1 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ\n∇z2 = "), said) == good


def test_not_found():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    assert grade(p.text, said) == (False, "nothing was changed")
    assert grade("A word.\n" + p.text, said) == (False, "nothing was changed")
    still = f"line {p.line} is still wrong"
    assert grade(p.text.replace(p.now, "∇f += ∇z5"), said) == (False, f"{still}, but was found")
    assert grade(p.text.replace("∇z1 * W_f", "∇z2 W_f"), said) == (False, still)
    assert grade(p.text.replace(p.now + "\n", ""), said) == (False, f"{still}, but was found")


def test_spoiled():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    mended = p.text.replace(p.now, p.was)
    other = 1 + CELL.split("\n").index("∇b_f = ∇z2")
    good = f"line {p.line}: found and mended"
    sign = "looks like: the sign; row 1, column 3: expected 0.0794164, found -0.0794164"
    changed = f"in the hand-in: line {other}, ∇b_f = -∇z2, was right and is wrong: {sign}"
    assert grade(mended.replace("∇b_f = ∇z2", "∇b_f = -∇z2"), said) == (False, f"{good}; {changed}")
    both = f"line {p.line} is still wrong; {changed}"
    assert grade(p.text.replace("∇b_f = ∇z2", "∇b_f = -∇z2"), said) == (False, both)
    gone = (False, f"{good}; in the hand-in: no line sets the derivative of b_f")
    assert grade(mended.replace("∇b_f = ∇z2\n", ""), said) == gone
    added = mended.replace("∇b_f = ∇z2\n", "∇b_f = ∇z2\n∇b_f += ∇z2\n")
    twice = "the path through equation 2 for z2 is there already"
    new = f"{good}; in the hand-in: line {other + 1}, ∇b_f += ∇z2, is new and wrong: {twice}"
    assert grade(added, said) == (False, new)
    cut = mended.replace("∇b_f = ∇z2", "∇b_f = ((∇z2")
    assert grade(cut, said)[1].startswith(f"{good}; in the hand-in: line {other}, ∇b_f = ((∇z2, was right and is wrong")


def test_a_line_left_out():
    p, said = exercise("missing", "∇x += ∇z1 * W_f", "")
    assert p.removed
    assert wrong(p.text)
    assert grade(p.text.replace("∇W_f = x * ∇z1", "∇W_f = x * ∇z1\n" + p.was), said)[0]
    assert grade(p.text.replace("∇x = ∇z3 W_g", "∇x = ∇z3 W_g + ∇z2 W_f"), said)[0]
    assert grade(p.text.replace("∇W_f = x * ∇z1", "∇W_f = x ∇z1"), said) == (False, f"line {p.line} is still missing")


def test_a_mistake_without_a_value_is_graded_by_its_text():
    p, said = exercise("name", "∇z1 = ∇z2", "∇z1 = ∇b_f")
    assert wrong(p.text) == []
    assert grade(p.text.replace(p.now, p.was), said)[0]
    assert grade(p.text.replace("∇z1 * W_f", "∇z1 W_f"), said) == (False, f"line {p.line} is still wrong")


def test_a_chain():
    p = next(p for p in made(SEQUENCE, "activation") if "\n" in p.was)
    assert grade(p.text.replace(p.now, p.was), answer(p, "s.md")) == (True, f"line {p.line}: found and mended")


def test_answers_that_are_none():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    with pytest.raises(ValueError, match="this is not an answer file: Expecting value"):
        grade(p.text, "line 12")
    with pytest.raises(ValueError, match="expected a JSON object"):
        grade(p.text, "[]")
    for key in json.loads(said):
        found = json.loads(said)
        del found[key]
        with pytest.raises(ValueError, match=f"'{key}' is missing"):
            grade(p.text, json.dumps(found))
    for key, value in (("line", "12"), ("removed", 0), ("kind", None), ("line", True)):
        found = json.loads(said)
        found["mistakes"][0][key] = value
        with pytest.raises(ValueError, match=f"'{key}' is missing, or not of type"):
            grade(p.text, json.dumps(found))
    with pytest.raises(ValueError, match="of an earlier version of tinyad; plant the exercise anew"):
        grade(p.text, json.dumps(json.loads(said)["mistakes"][0]))
    with pytest.raises(ValueError, match="has version 1, and 2 is read"):
        grade(p.text, json.dumps({**json.loads(said), "version": 1}))
    with pytest.raises(ValueError, match="has been changed"):
        grade(p.text, json.dumps({**json.loads(said), "text": CELL}))
    with pytest.raises(ValueError, match=r"this is not the exercise made from cell\.md"):
        grade(ROUTINE, said)
    with pytest.raises(DerivationError):
        grade(p.text.replace("z1 = W_f x", "z1 = W_f ("), said)


@pytest.mark.parametrize("text", ["[" * 200_000, "{" * 200_000, '{"a":' * 100_000, "9" * 10_000, '"\ud800"', "{}"])
def test_an_answer_file_that_is_none_is_refused(text):
    p, _ = exercise("sign", "∇f += -∇z5", "∇f += ∇z5")
    with pytest.raises(ValueError, match="this is not an answer file"):
        grade(p.text, text)


@pytest.mark.parametrize(("edits", "words"), [
    ([("z2 = z1 + b_f", "z2 = z1 - b_f"), ("∇b_f = ∇z2", "∇b_f = -∇z2")], "the exercise has z2 = z1 + b_f"),
    ([("c_{t-1}: N×1", "c_{t-1}: N×1\nconstant: b_f"), ("∇b_f = ∇z2\n", "")], "b_f is not declared `constant`"),
    ([("b_f: N×1", "b_f: 1×1"), ("∇b_f = ∇z2", "∇b_f = ∇z2 1")], "in the exercise b_f is N×1"),
    ([("10. h = tanh(c_t)", "10. h = b_f")], "the exercise has h = tanh(c_t)"),
])  # fmt: skip
def test_a_student_may_not_change_the_model(edits, words):
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    text = p.text.replace(p.now, p.was)
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    ok, message = grade(text, said)
    assert not ok
    assert "changes the model" in message
    assert words in message


def test_a_student_may_name_intermediate_values_otherwise():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    assert grade(p.text.replace(p.now, p.was).replace("z2", "pre"), said)[0]
    assert not grade(p.text.replace("z2", "pre"), said)[0]


def test_a_mark_counts_as_found():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    still = f"line {p.line} is still wrong"
    assert grade(p.text.replace(p.now, p.now + "   # z4 is wrong here"), said) == (False, f"{still}, but was found")
    other = p.text.replace("∇b_f = ∇z2", "∇b_f = ∇z2   # wrong")
    assert grade(other, said) == (False, "nothing was changed")
    both = other.replace(p.now, p.now + "   # wrong too")
    assert grade(both, said) == (False, f"{still}, but was found; in the hand-in: 1 right line is marked")


def test_a_mark_in_latex():
    line = r"\frac{\partial L}{\partial a} &= h \odot (1 - h^2)"
    wrong = line.replace("(1 - h^2)", "h^2")
    text = PAPER.replace(line, wrong)
    said = written(Exercise(text, PAPER, "paper.tex", (PlantedMistake("activation", 9, line, wrong, text),)))
    assert grade(PAPER, said, "ada.tex") == (True, "line 9: found and mended")
    assert grade(text, said, "ben.tex") == (False, "nothing was changed")
    marked = text.replace(wrong + r" \\", wrong + r" \\ % no")
    assert grade(marked, said, "cy.tex") == (False, "line 9 is still wrong, but was found")


def test_two_lines_in_a_row_of_latex():
    beside = PAPER.replace("x^\\top \\\\\n", "x^\\top &")
    line = r"\frac{\partial L}{\partial x} &= W^\top \frac{\partial L}{\partial a}"
    wrong = line.replace(r"W^\top", "W")
    assert line in beside.split("\n")[9]
    text = beside.replace(line, wrong)
    said = written(Exercise(text, beside, "paper.tex", (PlantedMistake("transpose", 10, line, wrong, text),)))
    assert grade(beside, said, "ada.tex") == (True, "line 10: found and mended")
    assert grade(text, said, "ben.tex") == (False, "nothing was changed")
    attempt = text.replace(wrong, line.replace(r"W^\top", "-W"))
    assert grade(attempt, said, "cy.tex") == (False, "line 10 is still wrong, but was found")


def test_a_line_that_is_gone_is_not_mended():
    p, said = exercise("name", "∇z4 = ∇c_t", "∇z4 = ∇z6")
    ok, message = grade(p.text.replace(p.now + "\n", ""), said)
    assert not ok
    assert message.startswith(f"line {p.line} is still wrong, but was found; in the hand-in: line 33 uses ∇z4")
    p, said = exercise("name", "∇b_f = ∇z2", "∇b_f = ∇z1")
    for text in (p.text.replace(p.now + "\n", ""), p.text.replace(p.now, "# " + p.now)):
        assert not grade(text, said)[1].startswith(f"line {p.line}: found and mended")


def test_a_line_may_be_gone_if_no_other_needs_it():
    p, said = exercise("name", "∇z4 = ∇c_t", "∇z4 = ∇z6")
    without = p.text.replace(p.now + "\n", "").replace("∇z4", "∇c_t")
    good = f"line {p.line}: found and mended"
    assert grade(without, said) == (True, good)
    assert grade(without.replace("∇W_g = x ∇z3", "∇W_g = 2 x ∇z3"), said)[1].startswith(good)  # not from ∇z4
    assert not grade(without.replace("∇W_f = x * ∇z1", "∇W_f = 2 x ∇z1"), said)[1].startswith(good)


def test_the_same_mistake_in_other_signs_was_not_found():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    still = f"line {p.line} is still wrong"
    latex = p.text.replace("∇f += -∇z4", r"\frac{\partial L}{\partial f} += -\frac{\partial L}{\partial z4}")
    for text in (latex, p.text.replace("∇f += -∇z4", "∇f += -1 ∇z4"), p.text.replace("z2", "pre")):
        assert grade(text, said) == (False, still)


def test_a_planted_mistake_counts_where_the_model_is_another_one():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    other = ("7. z5 = 1 - f", "7. z5 = 1 + f")
    mended = p.text.replace(p.now, p.was).replace(*other)
    change = "in the hand-in: line 20 changes the model: the exercise has z5 = 1 - f"
    assert grade(mended, said) == (False, f"line {p.line}: found and mended; {change}")
    assert grade(p.text.replace(*other), said) == (False, f"line {p.line} is still wrong; {change}")


def test_a_forward_that_is_quite_another_one():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    head, lines = p.text.replace(p.now, p.was).split("```forward")[0], p.text.split("```backward")[1]
    lines = lines.replace(p.now, "∇f += - ∇z5").replace(" = ", " =  1 ")  # no line as it was
    message = grade(f"{head}```forward\nh = c_{{t-1}}\nc_t = h\n```\n```backward{lines}", said)[1]
    assert message.startswith(f"line {p.line}: found and mended; in the hand-in: line 19 changes the model")


def test_lines_may_be_in_the_other_layout():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    other = p.text.replace(p.now, p.was).replace("layout: row", "layout: same")
    assert grade(other, said) == (True, f"line {p.line}: found and mended")
    mixed = other.replace("∇W_f = x * ∇z1", "∇W_f = ∇z1 xᵀ")
    assert not grade(mixed, said)[0]


def test_comments_of_the_exercise_are_no_marks():
    text = CELL.replace("∇f += -∇z5", "∇f += -∇z5   # the second path")
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4", text)
    assert grade(p.text, said) == (False, "nothing was changed")
    other = p.text.replace("# the second path", "# the second path is wrong")
    assert grade(other, said) == (False, f"line {p.line} is still wrong, but was found")
