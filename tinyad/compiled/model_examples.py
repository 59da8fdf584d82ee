"""Record a model on examples of its arguments: matrices, sizes, or lists of these, one for each time step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from tinyad.arrays.matrix import Array, as_matrix
from tinyad.engine.tape import Tape, Variable


def drawn(examples: Mapping[str, Any]) -> dict[str, Any]:
    """Return the examples as matrices and lists of matrices; where a size is given, of numbers between 0.5 and 1.5."""
    rng = np.random.default_rng(0)

    def matrix(example: Any, name: str) -> Array:
        return as_matrix(rng.uniform(0.5, 1.5, example) if isinstance(example, tuple) else example, name)

    return {
        name: [matrix(part, f"{name}[{t}]") for t, part in enumerate(example, 1)]
        if is_over_time(example)
        else matrix(example, name)
        for name, example in examples.items()
    }


def is_over_time(example: Any) -> bool:
    """Return whether it is a list of matrices, or of sizes, or one array of several matrices."""
    if isinstance(example, list):
        return bool(example) and all(isinstance(part, tuple) or np.ndim(part) == 2 for part in example)
    return getattr(example, "ndim", 2) == 3


class Recorded(NamedTuple):
    """A tape, the lengths of the lists that a model takes and returns, and their names there: xs are x[1], x[2], ..."""

    tape: Tape
    lengths: dict[str, int]
    bases: dict[str, str]

    def labels(self, name: str) -> list[str]:
        """Return the names on the tape of a matrix, or of those in a list."""
        return steps(self.bases[name], self.lengths[name]) if name in self.lengths else [name]


def steps(base: str, length: int) -> list[str]:
    return [f"{base}[{t}]" for t in range(1, length + 1)]


def _bases(lists: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Return the name of one of each list: x of xs, if no list has that name itself."""
    singular = {name: name.removesuffix("s") for name in lists}
    taken = {"", *known}
    return {name: name if one in taken else one for name, one in singular.items()}


def recorded(model: Callable[..., Any], examples: Mapping[str, Any]) -> Recorded:
    """Record a model, a function that takes matrices and lists of them by name and returns its values by name."""
    tape = Tape()
    lengths = {name: len(example) for name, example in examples.items() if isinstance(example, list)}
    bases = _bases(lengths, lengths)
    given: dict[str, Any] = {}
    for name, example in examples.items():
        if name in lengths:
            labels = steps(bases[name], len(example))
            given[name] = [tape.variable(part, label) for part, label in zip(example, labels, strict=True)]
        else:
            given[name] = tape.variable(example, name)
    try:
        signature(model).bind(**given)
    except TypeError as reason:
        raise TypeError(f"the model takes an example of each of its arguments, compile(model, x=x): {reason}") from None
    results = model(**given)
    tape.name(results)
    returned = {name: values for name, values in results.items() if name not in lengths and _is_list(values)}
    bases |= _bases(returned, [*lengths, *returned])
    lengths |= {name: len(values) for name, values in returned.items()}
    for name, values in returned.items():
        tape.name(dict(zip(steps(bases[name], len(values)), values, strict=True)))
    return Recorded(tape, lengths, bases)


def _is_list(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(v, Variable) for v in values)
