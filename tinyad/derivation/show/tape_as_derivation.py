"""A tape as a derivation file: what the listings print is itself a derivation, to be checked or changed."""

from __future__ import annotations

import numpy as np

from tinyad.arrays.matrix import size
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Tape
from tinyad.printing.listing import ABOUT_ONES, equations, gradients, names_ones, routine, walk_back
from tinyad.printing.notation import latex_name
from tinyad.printing.text import Lines, one_line

FORMS = ("text", "routine", "latex")


def written(d: Derivatives, form: str = "text") -> str:
    """Return a backward pass as a derivation file that `check_derivation` reads.

    form: "text" (numbered gradients), "routine" (deriv() calls) or "latex".  The values stay behind: the check draws
    its own.  Raises ValueError for another form.
    """
    if form not in FORMS:
        raise ValueError(f"form={form!r}: there are {', '.join(map(repr, FORMS))}")
    tape, latex = walk_back(d, "written").tape, form == "latex"
    forward = equations(tape).latex if latex else equations(tape).text
    backward = gradients(d).latex if latex else routine(d) if form == "routine" else gradients(d).text
    blocks = {
        "declare": "\n".join(_declarations(d, latex)),
        "forward": forward,
        "backward": backward.removesuffix(f"\n    ({ABOUT_ONES})"),
    }
    return Lines("\n".join(f"```{kind}\n{text}\n```\n" for kind, text in blocks.items()))


def _declarations(d: Derivatives, latex: bool) -> list[str]:
    """Return the layout, the sizes of all names that no step computes, and the derivatives that are given."""
    tape = d.tape

    def name(i: int) -> str:
        return latex_name(tape.label(i)) if latex else one_line(tape.label(i))

    read = [(op, i) for op, _, *operands in tape.steps for i in operands if i is not None]
    ones = {i for op, i in read if names_ones(tape, op, i)} - {i for op, i in read if not names_ones(tape, op, i)}
    made = {z for _, z, _, _ in tape.steps}
    leaves = [i for i in range(d.length) if i not in made and not _is_number(tape, i) and i not in ones]
    declared = ["layout: row", "*: matrix product", "1: column of ones"]
    declared += [f"{name(i)}: {size(tape.values[i].shape)}" for i in leaves]
    constants = [name(i) for i in leaves if i in tape.constants]
    declared += [f"constant: {', '.join(constants)}"] if constants else []
    positive = [name(i) for i in leaves if np.all(tape.values[i] > 0)]
    declared += [f"positive: {', '.join(positive)}"] if positive else []
    seeds = [rf"\nabla_{{{name(i)}}} L" if latex else f"∇{name(i)}" for i in d.seeds]
    return [*declared, f"given: {', '.join(seeds)}"]


def _is_number(tape: Tape, i: int) -> bool:
    """Return whether a value is a plain number, which stands in the formulas as such."""
    return i in tape.constants and i not in tape.names and tape.values[i].size == 1
