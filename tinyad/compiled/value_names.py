"""Name values: as the author does, else after what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from tinyad.compiled.identifiers import without_step
from tinyad.compiled.operations import UFUNCS
from tinyad.compiled.values import Value

DEEP = 4  # operations within operations that a name tells
LONGEST = 36  # letters
MOST = 12  # operands that a name tells
WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "by", "**": "to_the", ">": "above", "≥": "from"}
# Of views and layouts, after the name of what they show.
ENDS = {"cols": "_side_by_side", "all": "s", "step": "_t", "narrow": "_by_step"}
SHOWS = ("copy", "rows", "at", "last", "span", "long", "place", "spread", *ENDS)
GIVEN_NAMES = {"ones": "ones", "zeros": "zeros", "number": "number", "constant": "constant", "given": "given"}


def value_name(v: Value) -> str:
    """Return the author's name, or one made from those of the operands that is not too long; not yet an identifier."""
    names = (_named(v, depth) for depth in range(DEEP, -1, -1))
    return next((name for name in names if len(name) <= LONGEST), _noun(v))


def _named(v: Value, depth: int) -> str:
    if v.name:
        return v.name + "s" * (len(v.shape) == 3)
    if not v.operands:
        return "one" if v.op == "number" and v.extra == 1 else GIVEN_NAMES.get(v.op, v.op)
    if depth == 0 or len(v.operands) > MOST:
        return _noun(v)
    if v.op == "carry":
        return f"{without_step(_named(v.operands[0], depth))}_prev"
    if v.op == "long" and v.operands[0].op == "T":
        return f"{_named(v.operands[0].operands[0], depth)}_as_rows"
    if v.op == "T":
        return turned(_named(v.operands[0], depth))
    if v.op == "rows" and v.operands[0].op == "stack":
        return joined([_named(part, depth - 1) for part in _parts(v)])
    if v.op in SHOWS:
        return _named(v.operands[0], depth) + ENDS.get(v.op, "")
    names = [_named(operand, depth - 1) for operand in v.operands]
    if v.op in ("stack", "gather", "beside"):
        return joined(names)
    if v.op == "dot":  # one with ones sums, or repeats
        name = "_".join(name for name in names if name != "ones") or "ones"
        left, right = v.operands
        return f"{name}_summed" if right.op == "ones" or (left.op == "T" and left.operands[0].op == "ones") else name
    if v.op == "*" and v.operands[0] is v.operands[1]:
        return f"{names[0]}_squared"
    if v.op == "sum":
        return "_plus_".join(names)
    if v.op == "neg":
        return f"minus_{names[0]}"
    return f"_{WORDS[v.op]}_".join(names) if v.op in WORDS else f"{_noun(v)}_of_{names[0]}"


def _noun(v: Value) -> str:
    """Return a word for what an operation gives."""
    nouns = {"dot": "product", "*": "product", "sum": "sum", "+": "sum", "entries": "sum", "over": "sum", "-": "rest"}
    return nouns.get(v.op) or UFUNCS.get(v.op) or (v.op if v.op.isidentifier() else "result")


def _parts(rows: Value) -> list[Value]:
    """Return the parts of a stack that are among some rows of it."""
    at, found = 0, []
    for part in rows.operands[0].operands:
        if at < rows.extra[1] and rows.extra[0] < at + part.shape[-2]:
            found.append(part)
        at += part.shape[-2]
    return found


def turned(name: str) -> str:
    """Return the name of a transposed value."""
    return name if name == "ones" else name.removesuffix("_T") if name.endswith("_T") else f"{name}_T"


def joined(names: Sequence[str]) -> str:
    """Return the names in one, what begins and ends all of them once: W_fx, W_ix and W_ox are W_fiox."""
    names = list(dict.fromkeys(names))
    for end in ("_T", ENDS["cols"]):
        ended = [name for name in names if name.endswith(end)]
        if len(names) > 1 and ended and len(ended) + names.count("ones") == len(names):
            return joined([name.removesuffix(end) for name in names]) + end
    begin = _common(names) if len(names) > 1 else ""
    end = _common([name[len(begin) :][::-1] for name in names])[::-1] if begin else ""
    middles = [name[len(begin) : len(name) - len(end)] for name in names]
    if not begin or not all(middles):
        return "_".join(names)
    return begin + ("" if all(len(middle) == 1 for middle in middles) else "_").join(middles) + end


def _common(names: Sequence[str]) -> str:
    """Return the letters that all names begin with."""
    letters = list(takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False)))
    return "".join(column[0] for column in letters)
