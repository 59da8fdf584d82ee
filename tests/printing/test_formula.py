"""The printer of formulas: what is printed, read as Python, is the formula, in every notation with other brackets."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyad.compiled import readable_source
from tinyad.printing.formula import Precedence, Printed, applied, bracketed, called, number, raised, squared
from tinyad.printing.notation import LATEX, MATHML, TEXT

PYTHON = readable_source.PYTHON._replace(signs=readable_source.PYTHON.signs | {"call": "%s(%s)"})


class Value:
    """A number whose power and comparisons are arbitrary functions: no two ways to bracket them agree."""

    def __init__(self, number):
        self.number = Fraction(number)

    def __add__(self, other):
        return Value(self.number + other.number)

    def __sub__(self, other):
        return Value(self.number - other.number)

    def __mul__(self, other):
        return Value(self.number * other.number)

    def __truediv__(self, other):
        return Value(self.number / other.number)

    def __neg__(self):
        return Value(-self.number)

    def __pow__(self, other):
        return Value(3 * self.number**2 - 5 * other.number + 1)

    def __gt__(self, other):
        return Value(self.number * 7 - other.number**2 + 2)

    def __ge__(self, other):
        return Value(self.number * 11 - other.number**2 + 3)


VALUES = {"a": Value(2), "b": Value(-3), "c": Value(Fraction(5, 7))}
INFIX = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "∘": lambda a, b: a * b,
    "/": lambda a, b: a / b, "**": lambda a, b: a**b, ">": lambda a, b: a > b, "≥": lambda a, b: a >= b,
}  # fmt: skip
LEAVES = st.sampled_from([*VALUES, "2", "-3"])
SIGNS = st.sampled_from([*INFIX])
TREES = st.recursive(LEAVES, lambda t: st.tuples(SIGNS, t, t) | st.tuples(st.just("neg"), t), max_leaves=9)


def value(tree):
    if isinstance(tree, str):
        return VALUES[tree] if tree in VALUES else Value(int(tree))
    head, *operands = tree
    if head == "neg":
        return -value(operands[0])
    return INFIX[head](*map(value, operands))


def printed(tree, notation):
    if isinstance(tree, str):
        return Printed(tree) if tree in VALUES else number(tree, notation)
    head, *operands = tree
    return applied(
        "*" if head == "∘" and notation is PYTHON else head, [printed(o, notation) for o in operands], notation
    )


def read(text):
    text = re.sub(r"\d+", r"Value(\g<0>)", text).replace("∘", "*").replace("^", "**").replace("≥", ">=")
    return eval(text, {"Value": Value, **VALUES}).number


@pytest.mark.parametrize("notation", [TEXT, PYTHON], ids=["text", "python"])
@given(tree=TREES)
def test_what_is_printed_is_the_formula(notation, tree):
    try:
        expected = value(tree).number
    except ZeroDivisionError:
        return
    assert read(printed(tree, notation).text) == expected


@pytest.mark.parametrize(
    "tree",
    [
        ("*", ("+", "a", "b"), "c"), ("**", ("neg", "a"), "b"), ("**", ("/", "a", "b"), "c"),
        ("*", (">", "a", "b"), "c"), (">", (">", "a", "b"), "c"), (">", "a", ("≥", "b", "c")),
    ],
    ids=str,
)  # fmt: skip
def test_the_check_fails_without_brackets(tree):
    bare = TEXT._replace(signs={**TEXT.signs, "()": "%s"})
    assert read(printed(tree, TEXT).text) == value(tree).number
    try:
        without = read(printed(tree, bare).text)
    except AttributeError:  # a chained comparison, which has no number
        return
    assert without != value(tree).number


@pytest.mark.parametrize(
    ("tree", "text", "python"),
    [
        (("*", "a", ("*", "b", "c")), "a * b * c", "a * (b * c)"),
        (("*", ("/", "a", "b"), "c"), "(a / b) * c", "a / b * c"),
        (("neg", ("*", "a", "b")), "-a * b", "-(a * b)"),
        (("*", ("neg", "a"), "b"), "(-a) * b", "-a * b"),
        (("-", "a", ("-", "b", "c")), "a - (b - c)", "a - (b - c)"),
        (("+", "a", "-3"), "a + (-3)", "a + -3"),
        (("**", "a", "-3"), "a^(-3)", "a ** -3"),
        (("neg", ("**", "a", "b")), "-a^b", "-a ** b"),
        (("**", ("**", "a", "b"), "c"), "(a^b)^c", "(a ** b) ** c"),
        (("∘", "a", (">", "b", "c")), "a ∘ (b > c)", "a * (b > c)"),
        (("≥", ("+", "a", "b"), ("neg", "c")), "a + b ≥ -c", "a + b >= -c"),
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
    for symbol, (*_, result) in notation.grammar.binary.items():
        assert applied(symbol, [one, one], notation).precedence == result
    assert called("f", ["A"], notation).precedence == Precedence.ATOM
    assert bracketed(Printed("A", Precedence.SUM), Precedence.PRODUCT, notation) == notation.signs["()"] % "A"


def test_powers():
    assert squared(called("tanh", ["C"], TEXT), TEXT).text == "tanh²(C)"
    assert squared(Printed("a + b", Precedence.SUM), TEXT).text == "(a + b)²"
    assert raised(Printed("a"), number("2", TEXT), TEXT).text == "a²"
    assert raised(Printed("a"), number("-1", TEXT), TEXT).text == "a^(-1)"
    assert raised(Printed("a + b", Precedence.SUM), number("3", LATEX), LATEX).text == "{(a + b)}^{3}"
    assert raised(Printed("a"), Printed("b - 1", Precedence.SUM), LATEX).text == "{a}^{b - 1}"
    assert raised(Printed("a"), number("-1", LATEX), LATEX).text == r"{a}^{\circ -1}"
    assert number("1e-05", LATEX).precedence == Precedence.SUM
    assert number("1e-05", TEXT).precedence == Precedence.ATOM
    assert number("-2", TEXT).precedence == Precedence.SUM
