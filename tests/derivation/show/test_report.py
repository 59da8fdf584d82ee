"""The words of a report, and what programs get of it."""

import json

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.derivation import check_derivation
from tinyad.derivation.judge.verdicts import POSSIBLY_RIGHT, Verdict
from tinyad.derivation.show.report import holding_text


@pytest.mark.parametrize(
    ("holding", "lines", "text"),
    [
        (3, 4, "3 of 4 lines hold"),
        (1, 4, "1 of 4 lines holds"),
        (0, 4, "0 of 4 lines hold"),
        (1, 1, "1 of 1 line holds"),
        (0, 1, "0 of 1 line holds"),
        (0, 0, "0 of 0 lines hold"),
    ],
)
def test_how_many_lines_hold(holding, lines, text):
    assert holding_text(holding, lines) == text


def test_one_wrong_line_and_several():
    one = CELL[2].replace("∇f += -∇z5", "∇f += ∇z5")
    two = one.replace("∇W_g = x ∇z3", "∇W_g = ∇z3 x")
    texts = [check_derivation(fenced(*CELL[:2], lines)).text() for lines in (one, two)]
    assert "15 of 16 lines hold, 1 does not\n" in texts[0]
    assert "14 of 16 lines hold, 2 do not\n" in texts[1]
    assert "run as code, this line alone makes these derivatives wrong: " in texts[0]


@pytest.mark.parametrize("verdict", Verdict)
def test_verdicts_are_counted_in_words(verdict):
    assert verdict.counted(1) == f"1 {verdict}"
    assert verdict.counted(2).startswith("2 ")
    assert not (verdict.holds and verdict in POSSIBLY_RIGHT)
    assert [v for v in Verdict if v.holds] == [Verdict.RIGHT, Verdict.GIVEN]


def test_programs_get_plain_words():
    report = check_derivation(fenced(*CELL[:2], CELL[2].replace("∇f += -∇z5", "∇f = -∇z5")))
    kinds = {type(v["verdict"]) for v in report.to_dict()["parts"][0]["lines"]} | {type(k) for k in report.counts}
    assert kinds == {str}
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
