"""The table of operations: its texts compute what it says, in its sizes, and the site shows it as it is."""

import math
import os

import numpy as np
import pytest

from tests.support import stand_ins
from tests.support.paths import ROOT
from tests.support.points import draw
from tinyad.compiled.operations import DEFINITIONS, LEAVES, OPERATIONS, Column, Kind, filled, template
from tinyad.compiled.values import Value

PAGE = ROOT / "docs/programs.md"
SHAPES = [((3, 2), (3, 2)), ((3, 2), (3, 1)), ((5, 3, 2), (3, 2)), ((5, 3, 2), (5, 3, 2)), ((3, 2), (1, 1))]
EXTRA = {"rows": (1, 3), "at": 2, "span": (1, 4), "narrow": (5, 3, 2)}
TAKES = {  # shapes of the operands, where they are not those of an operation on entries
    "dot": [((3, 4), (4, 2)), ((5, 3, 4), (4, 2)), ((5, 3, 4), (5, 4, 2)), ((3, 4), (5, 4, 2))],
    "inv": [((3, 3),), ((5, 3, 3),)],
    "inner": [((3, 2), (3, 2)), ((5, 3, 2), (5, 3, 2))],
    "stack": [((3, 2), (4, 2)), ((5, 3, 2), (5, 4, 2))],
    "beside": [((3, 2), (3, 4))],
    "gather": [((3, 2), (3, 2), (3, 2))],
    "narrow": [((3, 10),)],
    **{op: [((5, 3, 2),)] for op in ("at", "span", "over", "cols", "long")},
}
TWO = ("+", "-", "*", "/", "**", ">", "≥", "maximum", "minimum", "logaddexp")
OF_BUFFERS = ("copy", "beside")  # made by the pass of this name, for NumPy alone
EXPRESSIONS = [name for name, row in OPERATIONS.items() if row.numpy and name != "step"]  # which reads t


def value(op, operands, row):
    """A value of an operation on operands, with the size that its row says."""
    parts = tuple(Value("leaf", (), k, a.shape, a.dtype, None) for k, a in enumerate(operands))
    return Value(op, parts, EXTRA.get(op), row.shape(parts, EXTRA.get(op)), operands[0].dtype, None)


def examples(op):
    shapes = TAKES.get(op) or [pair if op in TWO else pair[:1] for pair in SHAPES]
    for pair in shapes:
        yield [np.abs(draw(shape, k + 1)) + 0.2 for k, shape in enumerate(pair)]


def evaluated(op, operands, row):
    """The result of the NumPy text, and the value of the row."""
    v = value(op, operands, row)
    names = "abc"[: len(operands)]
    scope = {"np": np, **dict(zip(names, operands, strict=True))}
    exec(DEFINITIONS.get(op, ""), scope)
    return eval(filled(row.over_time if len(v.shape) == 3 and row.over_time else row.numpy, v, names), scope), v


def entry_by_entry(v, operands):
    """The result of the text of machine code, run in Python for each entry."""
    scope = {"np": np, "math": math, "exp": np.exp, "tanh": np.tanh, "one": 1.0, "zero": 0.0}
    exec(DEFINITIONS["sigmoid"], scope)
    names = "abc"[: len(operands)]
    text = filled(OPERATIONS[v.op].native, v, names)
    entries = zip(*(np.broadcast_to(a, v.shape).ravel() for a in operands), strict=True)
    return np.array([eval(text, scope | dict(zip(names, e, strict=True))) for e in entries]).reshape(v.shape)


@pytest.mark.parametrize("op", EXPRESSIONS)
def test_a_text_gives_the_size_of_its_row(op):
    for operands in examples(op):
        found, v = evaluated(op, operands, OPERATIONS[op])
        assert found.shape == v.shape


@pytest.mark.parametrize("op", [name for name, row in OPERATIONS.items() if row.ufunc])
def test_a_text_is_that_of_its_function(op):
    for operands in examples(op):
        found, _ = evaluated(op, operands, OPERATIONS[op])
        np.testing.assert_array_equal(found, getattr(np, OPERATIONS[op].ufunc)(*operands))


@pytest.mark.parametrize("op", [name for name, row in OPERATIONS.items() if row.native and name != "copy"])
def test_the_machine_codes_text_is_that_of_one_entry(op):
    for operands in examples(op):
        found, v = evaluated(op, operands, OPERATIONS[op])
        np.testing.assert_allclose(entry_by_entry(v, operands), found, rtol=1e-14)


def test_another_row_is_found():
    wrong = OPERATIONS["rows"]._replace(over_time="{0}[{extra[0]}:{extra[1]}]")
    found, v = evaluated("rows", [draw((5, 3, 2), 1)], wrong)
    assert (found.shape, v.shape) == ((2, 3, 2), (5, 2, 2))
    swapped = OPERATIONS["-"]._replace(numpy="{1} - {0}")
    a, b = draw((3, 2), 1), draw((3, 2), 2)
    assert not np.allclose(evaluated("-", [a, b], swapped)[0], a - b)


def test_many_matrices_have_their_own_text():
    matrix, many = (Value("T", (), None, shape, np.dtype(float), None) for shape in ((2, 3), (5, 2, 3)))
    assert filled(template(matrix, Column.NUMPY), matrix, ["a"]) == "a.T"
    assert filled(template(many, Column.JAX), many, ["a"]) == "a.swapaxes(-2, -1)"


def test_a_library_has_the_numpy_text_unless_it_has_its_own():
    v = value("tanh", [draw((3, 2), 1)], OPERATIONS["tanh"])
    assert filled(template(v, Column.JAX), v, ["x"], "jnp") == "jnp.tanh(x)"
    assert filled(template(v, Column.TORCH), v, ["x"], "torch") == "torch.tanh(x)"
    for own in (OPERATIONS["sigmoid"].jax, OPERATIONS["sigmoid"].torch):
        assert own != OPERATIONS["sigmoid"].numpy


def in_library(v, operands, column):
    """The result of the text of a library, run by its stand-in; in JAX T matrices lie in another order."""
    torch, jax = stand_ins.torch(), stand_ins.jax()
    kind = stand_ins.Tensor if column is Column.TORCH else stand_ins.Array
    names = "abc"[: len(operands)]
    scope = {name: a.view(kind) for name, a in zip(names, operands, strict=True)}
    text = filled(template(v, column), v, names, "torch" if column is Column.TORCH else "jnp")
    return np.asarray(eval(text, scope | {"torch": torch, "jax": jax, "jnp": jax.numpy}))


@pytest.mark.parametrize("column", [Column.JAX, Column.TORCH])
@pytest.mark.parametrize("op", [op for op in EXPRESSIONS if op not in OF_BUFFERS])
def test_the_text_of_a_library_gives_what_that_of_numpy_gives(op, column):
    for operands in examples(op):
        expected, v = evaluated(op, operands, OPERATIONS[op])
        found = in_library(v, operands, column)
        assert found.shape == v.shape
        if column is Column.TORCH or op not in ("cols", "long", "narrow"):
            np.testing.assert_allclose(found, expected, rtol=1e-14)


# The site


def table():
    """The table as Markdown."""
    lines = ["| operation | size | NumPy | machine code | JAX | PyTorch | in a loop |", "| --- " * 7 + "|"]
    for kind in Kind:
        lines.append(f"| **{kind}** | | | | | | |")
        for name, row in OPERATIONS.items():
            if row.kind is not kind:
                continue
            size = "" if name in LEAVES else row.shape.__doc__.removeprefix("Return ").rstrip(".")
            cells = [code(name), size, *map(code, (row.numpy, row.native, row.jax, row.torch)), row.in_loop]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def code(text):
    shown = text.replace("{np}", "np" if "jax" not in text else "jnp").replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def test_the_site_shows_the_table_as_it_is():
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split("<!-- operations -->")
    _, after = rest.split("<!-- end of operations -->")
    made = f"{before}<!-- operations -->\n\n{table()}\n<!-- end of operations -->{after}"
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == made, "docs/programs.md differs: TINYAD_WRITE_GOLDEN=1 writes it anew"
