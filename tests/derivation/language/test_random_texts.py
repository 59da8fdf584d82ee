"""Any text is read and checked, or refused by a DerivationError that has a place in it."""

import pytest

from tests.support.random_texts import texts
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.judge.verdicts import Verdict
from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source

MORE = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8)]


def assert_place(error, text):
    rows = text.split("\n")
    assert 1 <= error.line <= len(rows)
    assert 1 <= error.column <= len(rows[error.line - 1].expandtabs(4)) + 1
    assert error.message


@pytest.mark.parametrize("seed", [0, *MORE])
def test_any_text_is_read_or_refused(seed):
    read = 0
    for text in texts(seed, 400):
        try:
            found = derivations(Source(text))
        except DerivationError as error:
            assert_place(error, text)
        else:
            read += 1
            assert all(lines for derivation in found for lines in derivation.backward.values())
    assert read > 50  # most of the texts would be of no use otherwise


@pytest.mark.parametrize("seed", [100, *MORE])
def test_any_text_is_checked_or_refused(seed):
    verdicts = set()
    for text in texts(seed, 25):
        try:
            report = check_derivation(text, suggest=False)
        except DerivationError as error:
            assert_place(error, text)
        else:
            verdicts |= {v.verdict for v in report.verdicts}
            assert report.text(True).replace("\n", "").isprintable()
            assert all(v.start <= v.at[0] <= v.at[1] for v in report.verdicts)
    assert Verdict.RIGHT in verdicts
    assert len(verdicts) > 2
