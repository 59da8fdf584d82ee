"""Names of values: given, looked up, and what is shown of a value that has none."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Mapping
from difflib import get_close_matches
from typing import Any

from tinyad.arrays.matrix import kind


class Naming:
    """The names of the values of one tape: `names` has the first name of each position, `positions` every name."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.positions: dict[str, int] = {}

    def give(self, position: int, name: Any) -> None:
        """Name a value, which keeps its first name; ValueError for a name that is taken or is _1, _2, ..."""
        if not isinstance(name, str):
            raise TypeError(f"a name is a string, not {name!r}")
        if not name or re.fullmatch(r"_v?[0-9]+", name):
            raise ValueError(f"{name!r} is no name: _1, _2, ... are the results of steps that have none")
        if self.positions.setdefault(name, position) != position:
            advice = f"tape.name(..., step=t) makes it {name}[t], or begin a new Tape()"
            raise ValueError(f"the name {name!r} is taken; {advice}")
        self.names.setdefault(position, name)

    def unknown(self, key: Any) -> KeyError:
        """Return the error for a name that no value has."""
        folded = {name.casefold(): name for name in self.positions}
        near = [folded[name] for name in get_close_matches(str(key).casefold(), folded)]
        return KeyError(f"no Variable is named {key!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))

    def first(self, length: int) -> Naming:
        """Return the names of the first `length` values."""
        part = Naming()
        part.names = {i: name for i, name in self.names.items() if i < length}
        part.positions = {name: i for name, i in self.positions.items() if i < length}
        return part


def number_label(number: complex) -> str:
    """Return a number as it is written in formulas, 2 for 2.0."""
    whole = number == number.real and abs(number) < 1e15 and number.real % 1 == 0
    return str(int(number.real)) if whole else repr(number)


def keywords(given: tuple[Any, ...], values: dict[str, Any]) -> ItemsView[str, Any]:
    """Return the keywords of `variables`; TypeError if there is anything else."""
    if given:
        raise TypeError("variables takes keywords: variables(W=W, ...), or variables(**...) for a mapping")
    return values.items()


def seeded(seeds: Any, record: Any) -> ItemsView[Any, Any]:
    """Return the items of the seeds of a backward pass; TypeError for what is no mapping, or has a second beside it."""
    if not isinstance(seeds, Mapping) or not isinstance(record, bool):
        wrong = f"not {kind(seeds)}" if isinstance(record, bool) else "all seeds in one mapping, {v: dv, w: dw}"
        raise TypeError(f"backward takes a 1×1 loss, backward(L), or {{v: dv}}, {wrong}")
    return seeds.items()


def named(variables: Any) -> ItemsView[str, Any]:
    """Return the items of a mapping; TypeError for anything else."""
    if not isinstance(variables, Mapping):
        reason = f"expected a mapping of names to Variables, not {kind(variables)}"
        raise TypeError(f"tape.name(locals()) or tape.name({{'z': z}}): {reason}")
    return variables.items()


def value_first(value: Any, name: Any, operand: bool) -> None:
    """TypeError for what cannot be the value of a Variable, or for its name and value in the wrong order."""
    if operand:
        raise TypeError(f"{name or 'variable'}: {kind(value)} already; tape.name gives it a name")
    if hasattr(name, "shape") or (isinstance(value, str) and not isinstance(name, str | None)):
        raise TypeError("variable(value, name): the value comes first, the name, a string, second")
