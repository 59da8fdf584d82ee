"""Mistakes in derivations of many fields: the line is blamed alone, and what is suggested for it holds."""

import pytest

from tests.support.applied_suggestions import false_suggestions
from tests.support.derivation_texts import fenced
from tests.support.field_derivations import FIELDS
from tinyad.derivation import check_derivation

RESTORED = 0.8  # share of the lines that come back letter by letter, at least
EVERY = [name if k % 4 == 0 else pytest.param(name, marks=pytest.mark.slow) for k, name in enumerate(FIELDS)]


def text_of(name, backward=None):
    field = FIELDS[name]
    return fenced(field.declare.strip(), field.forward.strip(), (backward or field.backward).strip())


def planted(name):
    """Yield (right line, wrong text, which line of the block) for all mistakes of a derivation."""
    block = FIELDS[name].backward.strip()
    for old, new in FIELDS[name].mistakes:
        number = block[: block.index(old)].count("\n")
        yield block.split("\n")[number], text_of(name, block.replace(old, new, 1)), number


@pytest.mark.parametrize("name", FIELDS)
def test_the_derivation_is_right(name):
    assert check_derivation(text_of(name), suggest=False).ok


@pytest.mark.parametrize("name", EVERY)
def test_every_mistake_is_found_in_its_line_and_mended(name):
    for right, text, number in planted(name):
        report = check_derivation(text)
        assert [n for n, v in enumerate(report.verdicts) if not v.ok] == [number], right
        assert report.wrong[0].suggestion, right
        assert false_suggestions(report) == [], right


@pytest.mark.slow
def test_most_lines_come_back_as_they_were():
    restored = [
        "".join(right.split()) in ["".join(v.suggestion.split()) for v in check_derivation(text).wrong]
        for name in FIELDS
        for right, text, _ in planted(name)
    ]
    assert sum(restored) >= RESTORED * len(restored)
