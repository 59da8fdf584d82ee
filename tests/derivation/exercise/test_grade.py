"""The grading of planted mistakes that a reader has mended, or not."""

import json

import pytest

from tests.support.exercises import CELL, ROUTINE, SEQUENCE, made, wrong
from tinyad.derivation import DerivationError
from tinyad.derivation.exercise.plant import Grade, answer, grade


def exercise(kind, was, becomes, text=CELL):
    p = next(p for p in made(text, kind) if p.was == was and " ".join(p.now.split()) == becomes)
    return p, answer(p, "cell.md")


def test_the_answer():
    p, said = exercise("name", "∇z4 = ∇c_t", "∇z4 = ∇z6")
    found = json.loads(said)
    assert (found["kind"], found["line"], found["was"], found["now"]) == ("name", p.line, "∇z4 = ∇c_t", "∇z4 = ∇z6")
    assert found["source"] == "cell.md"
    assert len(found["sha256"]) == 64
    assert "∇z4" in said


def test_found_and_mended():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    good = Grade(True, f"line {p.line}: found and mended")
    mended = p.text.replace(p.now, p.was)
    assert grade(mended, said) == good
    assert grade(mended.replace("\n", "\r\n"), said) == good
    assert grade(p.text.replace(p.now, "∇f += - ∇z6 ∘ gᵀ"), said) == good  # another way to say it
    assert grade("# My name\n\n" + mended, said) == good
    assert grade(mended.replace("∇z2 = ", "∇z1 = ∇f ∘ fᵀ ∘ (1 - f)ᵀ\n∇z2 = "), said) == good


def test_not_found():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    assert grade(p.text, said) == Grade(False, "nothing was changed")
    assert grade("A word.\n" + p.text, said) == Grade(False, "nothing was changed")
    still = f"line {p.line} is still wrong"
    assert grade(p.text.replace(p.now, "∇f += ∇z5"), said) == Grade(False, still)
    assert grade(p.text.replace("∇z1 * W_f", "∇z2 W_f"), said) == Grade(False, still)
    assert grade(p.text.replace(p.now + "\n", ""), said) == Grade(False, still)


def test_spoiled():
    p, said = exercise("name", "∇f += -∇z5", "∇f += -∇z4")
    mended = p.text.replace(p.now, p.was)
    other = 1 + CELL.split("\n").index("∇b_f = ∇z2")
    changed = f"line {other} was right and was changed"
    assert grade(mended.replace("∇b_f = ∇z2", "∇b_f = -∇z2"), said) == Grade(False, changed)
    both = f"line {p.line} is still wrong; {changed}"
    assert grade(p.text.replace("∇b_f = ∇z2", "∇b_f = -∇z2"), said) == Grade(False, both)
    gone = Grade(False, f"line {other} was right and is gone")
    assert grade(mended.replace("∇b_f = ∇z2\n", ""), said) == gone
    added = mended.replace("∇b_f = ∇z2\n", "∇b_f = ∇z2\n∇b_f += ∇z2\n")
    assert grade(added, said) == Grade(False, f"line {other + 1} of the new file was added and is wrong")


def test_a_line_left_out():
    p, said = exercise("missing", "∇x += ∇z1 * W_f", "")
    assert p.removed
    assert wrong(p.text)
    assert grade(p.text.replace("∇W_f = x * ∇z1", "∇W_f = x * ∇z1\n" + p.was), said).found
    assert grade(p.text.replace("∇x = ∇z3 W_g", "∇x = ∇z3 W_g + ∇z2 W_f"), said).found
    assert grade(p.text.replace("∇W_f = x * ∇z1", "∇W_f = x ∇z1"), said) == Grade(
        False, f"line {p.line} is still missing"
    )


def test_a_mistake_without_a_value_is_graded_by_its_text():
    p, said = exercise("name", "∇z1 = ∇z2", "∇z1 = ∇b_f")
    assert wrong(p.text) == []
    assert grade(p.text.replace(p.now, p.was), said).found
    assert grade(p.text.replace("∇z1 * W_f", "∇z1 W_f"), said) == Grade(False, f"line {p.line} is still wrong")


def test_a_chain():
    p = next(p for p in made(SEQUENCE, "activation") if "\n" in p.was)
    assert grade(p.text.replace(p.now, p.was), answer(p, "s.md")) == Grade(True, f"line {p.line}: found and mended")


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
    with pytest.raises(ValueError, match="'line' is missing, or not of type int"):
        grade(p.text, json.dumps({**json.loads(said), "line": "12"}))
    with pytest.raises(ValueError, match="has been changed"):
        grade(p.text, json.dumps({**json.loads(said), "text": CELL}))
    with pytest.raises(ValueError, match=r"belongs to another file, made from cell\.md"):
        grade(ROUTINE, said)
    with pytest.raises(DerivationError):
        grade(p.text.replace("z1 = W_f x", "z1 = W_f ("), said)


@pytest.mark.parametrize("text", ["[" * 200_000, "{" * 200_000, '{"a":' * 100_000, "9" * 10_000, '"\ud800"', "{}"])
def test_an_answer_file_that_is_none_is_refused(text):
    p, _ = exercise("sign", "∇f += -∇z5", "∇f += ∇z5")
    with pytest.raises(ValueError, match="this is not an answer file"):
        grade(p.text, text)
