"""Two slips in one line: both are underlined, in text and page, and both are said."""

from tests.support.derivation_texts import fenced
from tinyad.derivation import check_derivation

DECLARE = "layout: same\ngiven: ∇h_t\nh_t, c_t, x_t: N×1\nW: N×N"
FORWARD = "z_t = W x_t\na_t = tanh(z_t)\nh_t = a_t ∘ c_t"
RIGHT = "∇a_t = ∇h_t ∘ c_t\n∇c_t = ∇h_t ∘ a_t\n∇z_t = ∇a_t ∘ (1 - a_t ∘ a_t)\n∇W = ∇z_t x_tᵀ\n∇x_t = Wᵀ ∇z_t"


def report_with(line):
    backward = RIGHT.replace("∇W = ∇z_t x_tᵀ", line)
    assert backward != RIGHT
    return check_derivation(fenced(DECLARE, FORWARD, backward))


def test_both_are_marked_and_said():
    report = report_with("∇W = ∇a_t x_t")
    (wrong,) = [v for v in report.verdicts if not v.ok]
    assert wrong.suggestion == "∇W = ∇z_t x_tᵀ"
    assert wrong.notes[-1] == "two slips: ∇z_t for ∇a_t; ᵀ is missing"
    assert "    ∇W = ∇a_t x_t\n         ^^^^ ^^^\n" in str(report)
    assert report.html().count("<mark>") == 2
    (entry,) = [v for part in report.to_dict()["parts"] for v in part["lines"] if v["verdict"] != "right"]
    assert [entry["at"]["text"], *(place["text"] for place in entry["also"])] == ["∇a_t", "x_t"]


def test_one_slip_is_marked_alone():
    report = report_with("∇W = ∇a_t x_tᵀ")
    (wrong,) = [v for v in report.verdicts if not v.ok]
    assert wrong.also == ()
    assert not any("slips" in note for note in wrong.notes)
    assert "         ^^^^\n" in str(report)
    assert report.html().count("<mark>") == 1
