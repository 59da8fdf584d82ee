"""Helpers such as sigmoid_prime: one that is not the derivative is the cause of what is wrong where it is called."""

import pytest

from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text

NET = """
import numpy as np

def act(z):
    return {of}

def {name}({argument}):
    return {derivative}

def net(x, W):
    z = x @ W
    a = act(z)
    return a, (x, z, a)

def net_backward(da, cache):
    x, z, a = cache
    dz = da * {name}({argument})
    dW = x.T @ dz
    return dW

def example_net():
    r = np.random.default_rng(0)
    return r.standard_normal((5, 3)), r.standard_normal((3, 2))
"""
RIGHT = [
    ("np.tanh(z)", "act_prime", "z", "1 - np.tanh(z) ** 2"),
    ("np.tanh(z)", "dact", "a", "1 - a ** 2"),
    ("1 / (1 + np.exp(-z))", "actGradient", "z", "act(z) * (1 - act(z))"),
    ("1 / (1 + np.exp(-z))", "d_act", "a", "a * (1 - a)"),
    ("np.maximum(z, 0)", "act_derivative", "z", "np.where(z > 0, 1.0, 0.0)"),
]
WRONG = [
    (0, "np.tanh(z)", "1 - np.tanh(z) ** 2"),
    (0, "1 - np.tanh(z)", "1 - np.tanh(z) ** 2"),
    (1, "1 - a", "1 - a ** 2"),
    (2, "act(z) * (act(z) - 1)", "-act(z) * (act(z) - 1)"),
    (2, "act(z)", "act(z) * (1 - act(z))"),
    (3, "a", "a * (1 - a)"),
    (4, "np.where(z < 0, 1.0, 0.0)", "np.where(z < 0, 0.0, 1.0)"),
]


def source(of, name, argument, derivative):
    return NET.format(of=of, name=name, argument=argument, derivative=derivative)


def checked(text):
    return check_text(Text("net.py", text, "net.py"), Options())


@pytest.mark.parametrize("helper", RIGHT)
def test_a_right_helper_of_the_argument_or_of_the_value_is_no_cause(helper):
    """What is wrong where it is called is blamed there."""
    text = source(*helper)
    assert checked(text).ok
    report = checked(text.replace("dz = da *", "dz = -da *"))
    assert [(v.line, v.suggestion) for v in report.wrong] == [(17, f"dz = da * {helper[1]}({helper[2]})")]


@pytest.mark.parametrize(("right", "derivative", "meant"), WRONG)
def test_a_wrong_helper_is_blamed_and_corrected(right, derivative, meant):
    """The statement that calls it could be changed too, and is not: its name says what the helper returns."""
    (found,) = checked(source(*RIGHT[right][:3], derivative)).wrong
    assert (found.line, found.grade, found.suggestion) == (8, "certain", f"return {meant}")
    assert checked(source(*RIGHT[right][:3], meant)).ok


def test_what_is_right_for_the_value_is_blamed_where_it_gets_the_argument():
    """a * (1 - a) is the derivative of the sigmoid in terms of a, and the call passes z."""
    (found,) = checked(source("1 / (1 + np.exp(-z))", "act_prime", "z", "z * (1 - z)")).wrong
    assert (found.line, found.suggestion) == (17, "dz = da * act_prime(a)")


def test_a_function_of_whole_rows_is_not_taken_for_one_of_numbers():
    """softmax_prime is called for rows: nothing is said of it by its name."""
    report = checked(source("np.exp(z) / np.exp(z).sum()", "act_prime", "z", "act(z) * (1 - act(z))"))
    assert all(v.line != 8 for v in report.wrong)
    assert report.wrong


ACTIVATIONS = """
import numpy as np

def relu(x):
    return np.maximum(x, 0)

def relu_prime(x):
    return np.where(x > 0, 1, 0)

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def sigmoid_derivative(x):
    return x * (1 - x)

class Tanh:
    def __call__(self, x):
        return np.tanh(x)

    def gradient(self, x):
        return 1 - self(x) ** 2
"""


def test_functions_of_numbers_and_their_derivatives_are_checked_alone():
    """The derivative may be whole numbers, or written in what the function returned; softmax is no such function."""
    report = check_text(Text("activations.py", ACTIVATIONS), Options())
    assert report.ok, report
    assert [pair.backward for pair in report.pairs] == ["relu_prime", "sigmoid_derivative", "Tanh.gradient"]
    assert "returned as it stands" not in str(report)
    softmax = "\ndef softmax(x):\n    return np.exp(x) / np.exp(x).sum()\n\ndef softmax_prime(x):\n"
    softmax += "    return softmax(x) * (1 - softmax(x))\n"
    assert "takes no adjoint" in check_text(Text("a.py", ACTIVATIONS + softmax), Options()).errors[0]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("np.where(x > 0, 1, 0)", "np.where(x > 0, x, 0)"), ("x * (1 - x)", "x * (1 + x)"), ("self(x) ** 2", "self(x)")],
)
def test_the_wrong_derivative_of_a_function_of_numbers_is_found(right, wrong):
    (found,) = check_text(Text("activations.py", ACTIVATIONS.replace(right, wrong)), Options()).wrong
    assert wrong in found.text


def test_the_derivative_at_a_number_may_be_a_whole_number():
    source = "def relu(x):\n    return x if x > 0 else 0.0\n\ndef relu_prime(x):\n    return 1 if x > 0 else 0\n\n"
    report = check_text(Text("relu.py", source + "def example_relu():\n    return 0.5\n"), Options())
    assert report.ok, report
    assert "returned as it stands" not in str(report)


NAMED_LIKE_INPUTS = """
import numpy as np

class Sigmoid:
    def forward(self, M):
        s = 1 / (1 + np.exp(-M))
        self.output = s
        self.inputs = s

    def backward(self, dvalues):
        s = self.inputs
        self.dinputs = s * (1 - s) * dvalues
"""


def test_dinputs_is_the_derivative_for_the_argument_also_where_another_value_is_called_inputs():
    report = check_text(Text("sigmoid.py", NAMED_LIKE_INPUTS), Options())
    assert report.ok, report
    assert check_text(Text("sigmoid.py", NAMED_LIKE_INPUTS.replace("1 - s)", "1 + s)")), Options()).wrong
