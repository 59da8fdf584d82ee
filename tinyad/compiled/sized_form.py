"""Write what a program takes and returns as text, so that its numbers can be fitted to sizes, and read it at a size."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinyad.arrays.matrix import Array
from tinyad.compiled.identifiers import Namer
from tinyad.compiled.model_examples import Recorded
from tinyad.compiled.program import Part, Program
from tinyad.compiled.size_fitting import NoFormulaError, Sizes, Template

CLOSE = 1e-6  # relative, of numbers in single precision

Run = list[Any]  # key, first, last, and 1 or -1: the key with all numbers between; None for a key alone


def described(program: Program, recorded: Recorded) -> str:
    """Return as JSON the arguments of a program's source, the places of its results, and what is on the tape."""
    form = program.form()
    arguments = [
        [isinstance(argument, list), _runs(map(_kind, argument if isinstance(argument, list) else [argument]))]
        for argument in form.arguments
    ]
    tape = recorded.tape
    what = {
        "arguments": arguments,
        "places": _runs(([k, *at[:-1]], at[-1] if at else None) for k, at in form.places),
        "lengths": recorded.lengths,
        "bases": recorded.bases,
        "steps": Counter(op.symbol for op, *_ in tape.steps),
        "numbers": _numbers(recorded),
    }
    return json.dumps(what, ensure_ascii=False)


def constants(program: Program) -> list[Array]:
    """Return the constants that a program passes, in order."""
    every = (a if isinstance(a, list) else [a] for a in program.form().arguments)
    return [part.array for argument in every for part in argument if part.kind == "constant"]


def _numbers(recorded: Recorded) -> list[float]:
    """Return the different numbers among the constants of a tape, in order."""
    values = (recorded.tape.values[i] for i in sorted(recorded.tape.constants))
    return list(dict.fromkeys(float(a.real.item()) for a in values if a.size == 1))


def _kind(part: Part) -> tuple[Any, int | None]:
    """Return what a part is, and its time step."""
    base, bracket, step = part.name.rpartition("[")
    is_step = bracket and step[-1:] == "]" and step[:-1].isdecimal()
    name, t = (base, int(step[:-1])) if is_step else (part.name, None)
    return [part.kind, name, part.array.shape, str(part.array.dtype)], t


def _runs(pairs: Iterable[tuple[Any, int | None]]) -> list[Run]:
    """Return pairs (key, number) as runs."""
    runs: list[Run] = []
    for key, n in pairs:
        last = runs[-1] if runs else [None] * 4
        if n is not None and last[2] is not None and key == last[0]:
            step = n - last[2]
            if abs(step) == 1 and (last[1] == last[2] or step == last[3]):
                last[2:] = n, step
                continue
        runs.append([key, n, n, 1])
    return runs


def listed(runs: Iterable[Run]) -> list[tuple[Any, int | None]]:
    """Return the pairs of runs."""
    spans = ((key, [None] if first is None else range(first, last + step, step)) for key, first, last, step in runs)
    return [(key, n) for key, span in spans for n in span]


def has_steps_of(form: Mapping[str, Any], recorded: Recorded) -> bool:
    """Return whether a tape has as many steps of each kind, and the numbers, that a form expects of it."""
    steps = {symbol: n for symbol, n in form["steps"].items() if n}
    if steps != Counter(op.symbol for op, *_ in recorded.tape.steps) or form["lengths"] != recorded.lengths:
        return False
    found, expected = np.array(_numbers(recorded)), np.array(form["numbers"], float)
    close = np.isclose(found[:, None], expected, CLOSE, 0, equal_nan=True)
    return bool(close.any(axis=0).all() and close.any(axis=1).all())


def general_source(source: Template, forms: Mapping[Sizes, Mapping[str, Any]]) -> str:
    """Return the source for every size: prepared() takes the sizes, or program() has them from its arguments."""
    first = next(iter(forms))
    namer = Namer(set(re.findall(r"(?<![\w.])\w+", source.at(first))))
    names = namer("T"), namer("B")
    opened = [name for name, n in zip(names, first, strict=True) if n]
    text = source.text(*names)
    if "def prepared():" in text:
        return text.replace("def prepared():", f"def prepared({', '.join(opened)}):")
    head, heading, body = text.partition("def program(")
    arguments, end, body = body.partition("):\n")
    own = re.findall(r"\w+", arguments)
    lines = body.split("\n")
    at = next(k for k, line in enumerate(lines) if not line.startswith("    #"))
    used = re.sub("#.*", "", body)
    told = [_told_by(own, forms), _columns_told_by(own, forms)]
    for name, value in zip(names, told, strict=True):
        if name in opened and re.search(rf"(?<![\w.]){name}\b", used):
            if value is None:
                raise NoFormulaError(f"no argument tells {name}")
            lines.insert(at, f"    {name} = {value}")
            at += 1
    return head + heading + arguments + end + "\n".join(lines)


def with_remark(source: str, remark: str) -> str:
    """Return a source with a comment as the first line of program()."""
    return re.sub(r"^( *)(def program\([^)]*\):\n)", rf"\1\2\1    # {remark}\n", source, count=1, flags=re.MULTILINE)


def _told_by(names: Sequence[str], forms: Mapping[Sizes, Mapping[str, Any]]) -> str | None:
    """Return T as the length of an argument, in Python."""
    for k, name in enumerate(names):
        lengths = {sizes.T: len(listed(form["arguments"][k][1])) for sizes, form in forms.items()}
        more = {n - T for T, n in lengths.items()}
        if all(form["arguments"][k][0] for form in forms.values()) and len(more) == 1:
            return f"len({name})" + (f" {'-' if max(more) > 0 else '+'} {abs(max(more))}" if more != {0} else "")
    return None


def _columns_told_by(names: Sequence[str], forms: Mapping[Sizes, Mapping[str, Any]]) -> str | None:
    """Return B as the columns of an argument, or its rows, in Python."""
    for k, name in enumerate(names):
        for axis in (1, 0):
            kinds = [(sizes.B, key) for sizes, form in forms.items() for key, *_ in form["arguments"][k][1]]
            if kinds and all(key[2][axis] == B for B, key in kinds):
                return f"{name}{'[0]' * forms[next(iter(forms))]['arguments'][k][0]}.shape[{axis}]"
    return None
