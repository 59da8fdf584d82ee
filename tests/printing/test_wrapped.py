"""Long formulas in lines: where they end, and that text and LaTeX end at the same places."""

import numpy as np
import pytest

from tests.support.pictures import gated
from tinyad import Tape, sigmoid, sqrt, tanh
from tinyad.printing.listing import Formulas, inlined_steps
from tinyad.printing.notation import LATEX, TEXT
from tinyad.printing.wrapped import BREAK, GROUPS, breakable, in_lines


def lines(make, longest, **names):
    """The lines of a formula of Variables, as text and as LaTeX."""
    tape = Tape()
    values = tape.variables(**dict.fromkeys(names or "abcd", np.ones((2, 2))))
    tape.name({"z": make(*values.values())})
    inlined, n = inlined_steps(tape), len(tape)
    both = (Formulas(tape, breakable(notation), inlined=inlined).forward(n) for notation in (TEXT, LATEX))
    text, latex = (f"z = {formula}" for formula in both)
    return in_lines(text, latex, longest, lambda text, latex: len(text))


def test_a_short_formula_has_one_line():
    assert lines(lambda a, b, c, d: a @ b + c, 20) == (["z = a * b + c"], [r"z = a \, b + c"])


@pytest.mark.parametrize(
    ("make", "longest", "text"),
    [
        (lambda a, b, c, d: a * b + c * d, 10, ["z = a ∘ b", "+ c ∘ d"]),  # a sum rather than a product
        (lambda a, b, c, d: tanh(a + b) - sigmoid(c + d), 18, ["z = tanh(a + b)", "- σ(c + d)"]),  # outermost
        (lambda a, b, c, d: tanh(a @ b + c @ d + a), 20, ["z = tanh(a * b", "+ c * d + a)"]),  # inside, if need be
        (lambda a, b, c, d: a + b + c + d + a + b, 21, ["z = a + b + c", "+ d + a + b"]),  # equally long
        (lambda a, b, c, d: a @ b @ c @ d, 8, ["z = a * b * c * d"]),  # a product of matrices stays together
    ],
)
def test_where_lines_end(make, longest, text):
    assert lines(make, longest)[0] == text


def test_no_line_of_latex_ends_inside_a_group():
    text, latex = lines(lambda a, b, c, d: sqrt(a + b + c + d) * (a + b).T, 8)
    assert latex == [r"z = \sqrt{a + b + c + d}", r"{} \circ {(a + b)}^\top"]
    assert text == ["z = sqrt(a + b + c + d)", "∘ (a + b)ᵀ"]


@pytest.mark.parametrize("longest", [1, 5, 10, 20, 40, 400])
def test_lines_are_the_formula(longest):
    """Put together they are what is printed in one line, and every line of LaTeX is complete."""
    tape = gated(1)
    inlined = inlined_steps(tape)
    for n, (_, z, _, _) in enumerate(tape.steps, 1):
        if z not in inlined:
            text, latex = (Formulas(tape, breakable(it), inlined=inlined).forward(n) for it in (TEXT, LATEX))
            texts, latexes = in_lines(text, latex, longest, lambda text, latex: len(text))
            assert " ".join(texts) == Formulas(tape, TEXT, inlined=inlined).forward(n)
            assert " ".join(latexes).replace(" {} ", " ") == Formulas(tape, LATEX, inlined=inlined).forward(n)
            assert len(texts) == len(latexes)
            for line in latexes:
                assert GROUPS.findall(line).count("{") == GROUPS.findall(line).count("}")
            assert not any(BREAK in line for line in texts + latexes)


def test_names_with_brackets_and_braces():
    text, latex = lines(lambda a, b: a + b + a + b, 12, **{"}{(": 1, "[x": 1})
    assert " ".join(text) == "z = }{( + [x + }{( + [x"
    assert len(text) == len(latex) > 1
