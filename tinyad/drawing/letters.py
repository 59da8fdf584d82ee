"""How wide texts and formulas are, estimated: there are no fonts to measure, so rather too much."""

from __future__ import annotations

import re
from unicodedata import combining, east_asian_width

SIGNS = re.compile(r"\\[A-Za-z]+|\\.|.")
SCRIPT = 0.75  # how large an index is
BETWEEN = 1.3  # a sign between two operands, with its gaps; all widths are in letters as high as 1
WIDTHS = dict.fromkeys((r"\text", r"\mathrm", r"\mathbf", r"\tilde", r"\hat"), 0.0)
WIDTHS |= dict.fromkeys((r"\oslash", r"\times", r"\geq"), BETWEEN)
WIDTHS |= {r"\circ": 1.0, r"\top": 0.8, r"\nabla": 0.85, r"\sqrt": 0.9}
WIDTHS |= {rf"\{name}": 0.55 * len(name) for name in ("tanh", "exp", "log", "sin", "cos", "sinh", "cosh", "max", "min")}


def text_width(text: str) -> float:
    """Return the width of a text, in heights of its letters."""
    return sum(map(_width, text))


def _width(c: str) -> float:
    if combining(c):
        return 0
    if east_asian_width(c) in "WF":
        return 1
    return 0.32 if c in " ijlI.,:;'|!()[]" else 0.9 if c in "mwMW@%∇" else 0.72 if c.isupper() else 0.6


def formula_width(latex: str) -> float:
    """Return the width of a formula as LaTeX sets it."""
    total, sizes, script = 0.0, [1.0], False
    for sign in SIGNS.findall(latex):
        if sign in "_^":
            script = True
        elif sign == "}":
            sizes = sizes[:-1] or [1.0]  # a part of a formula may end a group that it did not begin
        else:
            size, script = sizes[-1] * (SCRIPT if script else 1), False
            if sign == "{":
                sizes.append(size)
            else:
                total += size * _sign_width(sign)
    return total


def _sign_width(sign: str) -> float:
    if len(sign) > 2:
        return WIDTHS.get(sign, 0.6)  # a Greek letter
    if sign in "+-=>":
        return BETWEEN
    return 0.0 if sign == " " else 0.2 if sign == r"\," else _width(sign[-1])
