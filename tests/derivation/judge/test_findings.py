"""Findings about the lines of a text: each thing once, where its author finds it."""

from tests.support.derivation_texts import RNN, fenced
from tests.support.gate import CHEATS, MASTER
from tinyad import check_derivation
from tinyad.derivation.judge.against import check_against, models_of
from tinyad.derivation.judge.findings import finding_of_error, findings_in
from tinyad.derivation.language.source import DerivationError, Source
from tinyad.printing.findings import Place

RIGHT = fenced(*RNN)


def findings_of(text):
    report = check_derivation(text)
    return list(findings_in(report.source, (lines for _, lines in report.parts)))


def test_a_wrong_line_with_what_stands_there():
    wrong = RIGHT.replace("1 - h_t²", "1 + h_t²")
    (finding,) = findings_of(wrong)
    row = wrong.split("\n")[finding.replaces.line - 1]
    assert finding.certain
    assert finding.replaced == finding.text == row[finding.replaces.column - 1 : finding.replaces.end_column - 1]
    assert findings_of(wrong.replace(finding.replaced, finding.suggestion)) == findings_of(RIGHT) == []


def test_a_change_of_the_model_is_said_once():
    judged, unjudged = RIGHT.replace("tanh(", "σ(", 1), CHEATS["a sequence"][0]
    for right, text, wrong in ((RIGHT, judged, 0), (MASTER, unjudged, 7)):
        source = Source(text, "mine.md")
        parts = [part for _, part in check_against(models_of(Source(right)), source)]
        assert sum(not v.ok for part in parts for v in part.verdicts) == wrong
        (finding,) = findings_in(source, parts)
        assert (finding.verdict, finding.place.file) == ("another model", "mine.md")


def test_where_a_text_cannot_be_read():
    source = Source("a = b\nc = (d\n", "x.md")
    finding = finding_of_error("x.md", DerivationError("a bracket is open", source, 10, 12))
    assert finding.place == Place("x.md", 2, 5, 2, 7)
    assert finding_of_error("y.md", ValueError("too large")).place == Place("y.md")
