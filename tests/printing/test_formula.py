"""The printer of formulas: what is printed, read as Python, is the formula, in every notation with other brackets."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyad.compiled.readable_source import PYTHON
from tinyad.printing.formula import Precedence, Printed, applied, bracketed, called, number, squared
from tinyad.printing.notation import LATEX, MATHML, TEXT

VALUES = {"a": Fraction(2), "b": Fraction(-3), "c": Fraction(5, 7)}
INFIX = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "∘": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else Fraction(11),
}  # fmt: skip
LEAVES = st.sampled_from([*VALUES, "2", "-3"])
SIGNS = st.sampled_from(["+", "-", "*", "∘", "/"])
TREES = st.recursive(LEAVES, lambda t: st.tuples(SIGNS, t, t) | st.tuples(st.just("neg"), t), max_leaves=9)


def value(tree):
    if isinstance(tree, str):
        return VALUES[tree] if tree in VALUES else Fraction(tree)
    head, *operands = tree
    if head == "neg":
        return -value(operands[0])
    return INFIX[head](*map(value, operands))


def divides_by_zero(tree):
    if isinstance(tree, str):
        return False
    return (tree[0] == "/" and value(tree[2]) == 0) or any(map(divides_by_zero, tree[1:]))


def printed(tree, notation):
    if isinstance(tree, str):
        return Printed(tree) if tree in VALUES else number(tree, notation)
    head, *operands = tree
    return applied(
        "*" if head == "∘" and notation is PYTHON else head, [printed(o, notation) for o in operands], notation
    )


def read(text):
    for literal in ("2", "3"):
        text = text.replace(literal, f"Fraction({literal})")
    return eval(text.replace("∘", "*"), {"Fraction": Fraction, **VALUES})


@pytest.mark.parametrize("notation", [TEXT, PYTHON], ids=["text", "python"])
@given(tree=TREES)
def test_what_is_printed_is_the_formula(notation, tree):
    if not divides_by_zero(tree):
        assert read(printed(tree, notation).text) == value(tree)


def test_the_check_fails_without_brackets():
    bare = TEXT._replace(signs={**TEXT.signs, "()": "%s"})
    tree = ("*", ("+", "a", "b"), "c")
    assert read(printed(tree, TEXT).text) == value(tree) != read(printed(tree, bare).text)


@pytest.mark.parametrize(
    ("tree", "text", "python"),
    [
        (("*", "a", ("*", "b", "c")), "a * b * c", "a * (b * c)"),
        (("*", ("/", "a", "b"), "c"), "(a / b) * c", "a / b * c"),
        (("neg", ("*", "a", "b")), "-a * b", "-(a * b)"),
        (("*", ("neg", "a"), "b"), "(-a) * b", "-a * b"),
        (("-", "a", ("-", "b", "c")), "a - (b - c)", "a - (b - c)"),
        (("+", "a", "-3"), "a + (-3)", "a + -3"),
    ],
)
def test_people_and_python_write_other_brackets(tree, text, python):
    assert printed(tree, TEXT).text == text
    assert printed(tree, PYTHON).text == python


@pytest.mark.parametrize("notation", [TEXT, LATEX, MATHML, PYTHON], ids=["text", "latex", "mathml", "python"])
def test_every_sign_has_its_place(notation):
    one = Printed("A")
    for symbol in notation.grammar.infix:
        assert applied(symbol, [one, one], notation).precedence == notation.grammar.infix[symbol]
    for symbol, (_, result) in notation.grammar.unary.items():
        assert applied(symbol, [one], notation).precedence == result
    assert called("f", ["A"], notation).precedence == Precedence.ATOM
    assert bracketed(Printed("A", Precedence.SUM), Precedence.PRODUCT, notation) == notation.signs["()"] % "A"


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (("**", ("**", "a", "b"), "c"), "(a^b)^c"),
        (("**", "a", ("**", "b", "c")), "a^(b^c)"),
        (("**", ("neg", "a"), ("+", "b", "2")), "(-a)^(b + 2)"),
        (("neg", ("**", "a", "2")), "-a^2"),
        ((">", ("+", "a", "b"), "c"), "a + b > c"),
        (("∘", "a", ("≥", "b", "c")), "a ∘ (b ≥ c)"),
        ((">", (">", "a", "b"), "c"), "(a > b) > c"),
    ],
)
def test_powers_and_comparisons_are_read_in_one_way(tree, text):
    assert printed(tree, TEXT).text == text


def test_powers():
    assert squared(called("tanh", ["C"], TEXT), TEXT).text == "tanh²(C)"
    assert squared(Printed("a + b", Precedence.SUM), TEXT).text == "(a + b)²"
    assert number("1e-05", LATEX).precedence == Precedence.SUM
    assert number("1e-05", TEXT).precedence == Precedence.ATOM
    assert number("-2", TEXT).precedence == Precedence.SUM
