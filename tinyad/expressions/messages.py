"""Errors: what to write where something else was meant; one line on each row of the table."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyad.arrays.matrix import Shape, size

if TYPE_CHECKING:
    from tinyad.engine.op import Op

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
ROWS: dict[str, str] = TEXTS["rows"]
OPERANDS = {1: "one operand", 2: "two operands"}


def described(symbol: str) -> str:
    """Return the docstring of a row of the table."""
    return ROWS.get(symbol, f"{symbol}(x) of every component, N×M to N×M.")


def instead(name: str) -> str:
    """Return what to write for a function of NumPy that is no row of the table."""
    if name in TEXTS["without_derivative"]["names"]:
        return f"np.{name} has no derivative, and is no operation of the table; write np.{name}(v.value), of the array"
    if name in TEXTS["functions"]:
        return f"np.{name} is no operation of the table; write {TEXTS['functions'][name]}"
    word = name.rpartition(".")[2]
    row = f"{word} = Op({word!r}, np.{name}, rule), and call {word}(...)"
    return f"np.{name} is no operation of the table; write it with operations of the table, or add one, {row}"


def no_attribute(kind: str, name: str, row: bool) -> str:
    """Return what to say of an attribute that arrays have, or somebody hoped for; `row`: np.NAME is a row."""
    if how := TEXTS["attributes"].get(name) or f"np.{name}(v)" * row:
        return f"a {kind} has no {name!r}; write {how}"
    if name in TEXTS["functions"] or callable(getattr(np, name, None)):
        return f"a {kind} has no {name!r}; {instead(name)}"
    takes = "it takes + - * / @ ** .T, slices, .sum(), .mean(), and functions of NumPy, as in np.tanh(v)"
    return f"a {kind} has no {name!r}: {takes}; v.value is the array"


def misfit(op: Op, names: Sequence[str], shapes: Sequence[Shape], reason: object) -> str:
    """Return what to say when `op` cannot take operands of these names and shapes."""
    if op.arity == 1:
        return f"{op.symbol}({names[0]}): {names[0]} is {size(shapes[0])} ({reason})"
    if op.forward is np.matmul:
        reason = f"inner sizes {shapes[0][1]} and {shapes[1][0]}"
    elif op.forward is np.multiply and shapes[0][1] == shapes[1][0]:
        reason = f"{reason}; the matrix product, @, would"
    what = f"{op.symbol}({', '.join(names)})" if op.symbol.isidentifier() else f"{names[0]} {op.symbol} {names[1]}"
    return f"{what}: {size(shapes[0])} and {size(shapes[1])} do not fit ({reason})"
