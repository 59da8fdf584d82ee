"""The page "How to write it": every form in its tables is read, and holds where it is right alone."""

import re

import pytest

from tests.support.derivation_texts import fenced
from tests.support.paths import ROOT
from tinyad.derivation import DerivationError, check_derivation

PAGE = (ROOT / "docs" / "writing.md").read_text(encoding="utf-8")
SPAN = re.compile(r"`([^`]+)`")
BETWEEN = re.compile(r"(?<=; )|(?<=, )(?=∇)|(?<=qquad )")  # equations on one line
SIGN = re.compile(r":?=|←")


def cells(line):
    """The cells of a row of a table; \\| is a bar inside of one."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text):
    """{heading: rows} of the tables under each heading, without their first two lines."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        lines = [line for line in body.split("\n") if line.startswith("|")]
        found[heading] = [cells(line) for line in lines[2:]]
    return found


TABLES = tables(PAGE)
REFUSED = TABLES.pop("What is refused")


def variants():
    """(declare, forward, line): each forward with the first line, and each line with the first forward."""
    for rows in TABLES.values():
        for _, *columns in rows:
            declare, forwards, lines = (SPAN.findall(column) for column in columns)
            for forward in forwards:
                yield declare, forward, lines[0]
            for line in lines[1:]:
                yield declare, forwards[0], line


def report(declare, forward, line):
    text = fenced("\n".join(["layout: same", *declare]), forward, line)
    return check_derivation(text, suggest=False)


def verdicts(found):
    return [str(v.verdict) for v in found.verdicts]


FORMS = list(variants())


def test_the_page_has_its_tables():
    assert len(TABLES) == 10
    assert len(FORMS) > 200


@pytest.mark.parametrize(("declare", "forward", "line"), FORMS)
def test_every_form_is_read(declare, forward, line):
    found = report(declare, forward, line)
    assert verdicts(found)
    assert set(verdicts(found)) == {"right"}
    assert "<math" in found._repr_html_()


@pytest.mark.parametrize(("declare", "forward", "line"), FORMS)
def test_no_form_holds_three_times_over(declare, forward, line):
    *before, last = BETWEEN.split(line.rstrip(";"))
    end = SIGN.search(last).end()
    right = re.split(r"(?<=\)) = ", last[end:])[0]
    right, condition = re.fullmatch(r"(.*?)((?:(?:\\quad )?\\text\{ ?(?:if|for) \}| if )[^&]*)?", right).groups("")
    found = report(declare, forward, f"{''.join(before)}{last[:end]} 3 ({right}){condition}")
    assert verdicts(found)[-1] == "wrong"


@pytest.mark.parametrize(("what", "declare", "forward", "line", "message"), REFUSED)
def test_what_is_refused_says_what_to_write(what, declare, forward, line, message):
    text = fenced("\n".join(["layout: same", *SPAN.findall(declare)]), SPAN.findall(forward)[0], SPAN.findall(line)[0])
    try:
        found = [v.message for v in check_derivation(text, suggest=False).verdicts if not v.ok]
    except DerivationError as error:
        found = [error.message]
    assert found
    assert message in found[0]
