"""Words that the text and the page of a report have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tinyad.code.limits import NAMES_SHOWN
from tinyad.code.verdicts import PairVerdict, Verdict, WorstEntry
from tinyad.printing.text import apart

ENTRY = re.compile(r"[\w.]+(?:\[[^][]*\])*")  # a name, an attribute, or an item of them


def holding(right: int, statements: int) -> str:
    """Say how many statements hold."""
    return f"{right} of {statements} statement{'s' * (statements != 1)} hold{'s' * (right == 1 or statements == 1)}"


def holding_of(pair: PairVerdict) -> str:
    """Say how many statements of a pair hold, and how many do not."""
    judged = sum(v.verdict is not Verdict.NOT_JUDGED for v in pair.statements)
    wrong = len(pair.wrong)
    return holding(judged - wrong, judged) + (f", {wrong} do{'es' * (wrong == 1)} not" if wrong else "")


def entry(name: str, worst: WorstEntry) -> str:
    """Return the entry of an array as Python writes it."""
    if not worst.where:
        return name
    array = name if ENTRY.fullmatch(name) else f"({name})"
    return f"{array}[{', '.join(map(str, worst.where))}]"


def numbers(worst: WorstEntry) -> str:
    """Say what was expected and what was found, in digits that tell them apart."""
    expected, found = apart(worst.expected, worst.found)
    return f"expected {expected}, found {found}"


def returned_wrong(pair: PairVerdict) -> Iterator[str]:
    """Yield which returned derivatives are wrong, by the statements that make them so."""
    for v in pair.wrong:
        names = [name for name in v.spoils if name in pair.returned]
        if names:
            yield f"{listed(names)} {'is' if len(names) == 1 else 'are'} wrong because of line {v.line}"
    alone = [name for name in pair.returned if not any(name in v.spoils for v in pair.wrong)]
    if alone:
        yield f"{listed(alone)} {'is' if len(alone) == 1 else 'are'} wrong"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words, at most NAMES_SHOWN of them."""
    shown = [*names[:NAMES_SHOWN], *(["…"] if len(names) > NAMES_SHOWN else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
