"""Other forms of a derivation: an intermediate value with another name, an equation in two, lines in another order.

Some are no derivation any more, such as lines that use what is set later: whoever uses them looks whether they hold.
"""

import random
import re

from tinyad.derivation.language.reader import derivations
from tinyad.derivation.language.source import Source


def renamed(text):
    """The text with another name for each name that an equation computes, but for results."""
    for derivation in derivations(Source(text)):
        results = {ref.key for ref, _, _ in derivation.declarations.given} | {derivation.declarations.names.loss}
        for equation in derivation.forward:
            key = equation.left[0].value.key
            if key not in results and re.fullmatch("[A-Za-z][A-Za-z0-9]*", key):
                yield from (in_blocks(text, key, new) for new in ("q", "quux", "ξ"))


def in_blocks(text, key, new):
    rows, inside = [], False
    for row in text.split("\n"):
        if row.startswith("```"):
            inside = row != "```"
        elif inside:
            row = re.sub(rf"(?<![A-Za-z\\0-9_^{{])([dδ]?){key}(?![A-Za-z0-9(])", lambda found: found[1] + new, row)
        rows.append(row)
    return "\n".join(rows)


def split(text):
    """The text with an equation of its own for an operand of another one."""
    for derivation in derivations(Source(text)):
        source, text = derivation.source, derivation.source.text
        for equation in derivation.forward:
            member, timed = equation.members[0], equation.left[0].value.time
            for part in member.parts if len(equation.members) == 1 else ():
                if part.kind not in ("number", "name", "ones"):
                    new = "qq" + "_t" * bool(derivation.declarations.names.last and timed)
                    at = source.line_start(source.place(equation.start)[0])
                    formula = text[part.start : part.end]
                    yield f"{text[:at]}{new} = {formula}\n{text[at : part.start]}({new}){text[part.end :]}"


def reordered(text):
    """The text with two lines of every block in the place of each other."""
    rows = text.split("\n")
    for seed in range(3):
        rng, out, block = random.Random(seed), list(rows), None
        for k, row in enumerate(rows):
            if row.startswith("```") and block:
                a, b = (rng.choice(block), rng.choice(block))
                out[a], out[b] = rows[b], rows[a]
            if row.startswith("```"):
                block = [] if row.startswith(("```forward", "```backward")) else None
            elif block is not None and row.strip():
                block.append(k)
        yield "\n".join(out)
