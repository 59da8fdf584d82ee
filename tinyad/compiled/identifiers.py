"""Turn users' names into Python's: z1[3] is z1_3, and no two values share one."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

from tinyad.printing.text import one_line

TAKEN = {"np", "program", "prepared", *keyword.kwlist, *keyword.softkwlist, *dir(builtins)}


class Namer:
    """A function that returns a new identifier, as near to the wished name as possible."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = TAKEN | taken
        self._last: dict[str, int] = {}  # number that was added to a name

    def __call__(self, wished: str) -> str:
        letters = unicodedata.normalize("NFKC", wished)  # as Python reads them
        name = re.sub(r"\W+", "_", letters, flags=re.ASCII if not letters.isidentifier() else 0).strip("_")
        name = f"v_{name}"[:40].rstrip("_") if not name[:1].isalpha() else name[:40]
        found, n = name, self._last.get(name, 1)
        while found in self._taken:
            n += 1
            found = f"{name}_{n}"
        self._taken.add(found)
        self._last[name] = n
        return found


def without_step(name: str) -> str:
    """Return a name without its time step: z1[3] is z1."""
    return re.sub(r"\[\w+\]$", "", name)


def listed(names: Iterable[str]) -> str:
    """Return names for a comment: x[1], x[2], ... are x[t]."""
    steps: dict[str, list[str]] = {}
    for name in names:
        steps.setdefault(without_step(name), []).append(name)
    return ", ".join(one_line(own[0] if len(own) == 1 else f"{base}[t]") for base, own in steps.items())
