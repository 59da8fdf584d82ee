"""The forms in which people write the two passes: right code passes, and a mistake is found in its statement."""

import pytest

from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text

FORMS = ROOT / "tests/code/forms"

# The file, a part of a right statement that stands there once, and what stands there by mistake.
MISTAKES = [
    ("stored_layers", "np.dot(dvalues, self.weights.T)", "np.dot(dvalues, 2 * self.weights.T)"),
    ("stored_layers", "np.sum(dvalues, axis=0, keepdims=True)", "np.mean(dvalues, axis=0, keepdims=True)"),
    ("stored_layers", "dvalues * (1 - self.output) * self.output", "dvalues * (1 - self.output)"),
    ("stored_layers", "np.dot(jacobian, single_dvalues)", "np.dot(jacobian, single_dvalues) / 2"),
    ("stored_losses", "2 * (y_pred - y_true) / y_pred.size", "2 * (y_pred - y_true)"),
    ("stored_losses", "(self.prediction - self.target) /", "(self.target - self.prediction) /"),
    ("stored_losses", "(self.p - y_true) / len(y_true)", "(y_true - self.p) / len(y_true)"),
    ("params_and_grads", "self.grads[1][...] = db", "self.grads[1][...] = 2 * db"),
    ("params_and_grads", "[self.x.T @ dout, dout.sum(axis=0)]", "[self.x.T @ dout, dout.mean(axis=0)]"),
    ("params_and_grads", "dx[np.arange(batch_size), self.t] -= 1", "dx[np.arange(batch_size), self.t] += 1"),
    ("params_and_grads", "np.add.at(dW, self.idx, dout)", "np.add.at(dW, self.idx, 2 * dout)"),
    ("params_and_grads", "self.in_data.T @ grad_output", "self.in_data.T @ grad_output / len(grad_output)"),
    ("params_and_grads", "self.bias_grad += grad_output.sum(axis=0)", "self.bias_grad += grad_output.mean(axis=0)"),
    ("params_and_grads", "in_grad = grad_output @ self.weight.T", "in_grad = -grad_output @ self.weight.T"),
    ("contexts", "return grad_output @ w.T, x.T @ grad_output", "return grad_output @ w.T, 2 * x.T @ grad_output"),
    ("contexts", "dx = dout * ctx.y", "dx = dout + ctx.y"),
    ("contexts", "return y * grad_output, x * grad_output", "return x * grad_output, y * grad_output"),
    ("contexts", "np.sum(dout * x)", "np.mean(dout * x)"),
    (
        "backprop_method",
        "nabla_w[-1] = np.dot(delta, activations[-2].transpose())",
        "nabla_w[-1] = np.dot(delta, 2 * activations[-2].transpose())",
    ),
    (
        "backprop_method",
        "nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())",
        "nabla_w[-l] = -np.dot(delta, activations[-l - 1].transpose())",
    ),
    (
        "backprop_method",
        "np.dot(self.weights[-l + 1].transpose(), delta) * sp",
        "np.dot(self.weights[-l + 1].transpose(), delta) + sp",
    ),
    (
        "backprop_method",
        "nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())",
        "nabla_w[-l] = np.dot(delta, activations[-l].transpose())",
    ),
    ("closures", "dW = x.T @ dout", "dW = 2 * x.T @ dout"),
    ("closures", "db = dout.sum(axis=0)", "db = dout.mean(axis=0)"),
    ("closures", "dW2 = h.T @ dout", "dW2 = -h.T @ dout"),
    ("deep_model", "dZ = dA * s * (1 - s)", "dZ = dA * s"),
    ("deep_model", "db = np.sum(dZ, axis=1, keepdims=True) / m", "db = np.sum(dZ, axis=1, keepdims=True)"),
    ("names_of_gradients", "D_b = D_s.sum(axis=0)", "D_b = D_s.mean(axis=0)"),
    ("names_of_gradients", "dmse_dW = X.T @ dmse_dy_hat", "dmse_dW = X.T @ dmse_dy_hat / len(X)"),
    (
        "names_of_gradients",
        "D_m = (-2 / len(x)) * np.sum(x * (y - y_pred))",
        "D_m = (2 / len(x)) * np.sum(x * (y - y_pred))",
    ),
    ("names_of_gradients", "nabla_w = x.T @ dJdh", "nabla_w = x.T @ dLdf"),
    ("names_of_gradients", '"b": d.sum(axis=0) / n', '"b": d.sum(axis=0)'),
    ("names_of_gradients", "dZ = dA * (1 - np.tanh(Z) ** 2)", "dZ = dA * (1 - np.tanh(Z))"),
    ("train_steps", "db = dy_hat.sum(axis=0)", "db = dy_hat.mean(axis=0)"),
    ("train_steps", "grad = x.T @ (p - y)", "grad = x.T @ (y - p)"),
    ("train_steps", "dh = dout @ W2.T", "dh = dout @ W2.T * h"),
    ("train_steps", "dw = 2 * X.T @ (y_pred - y) / len(y)", "dw = X.T @ (y_pred - y) / len(y)"),
    ("training", "dw = (1 / n_samples) * np.dot(X.T, (y_predicted - y))", "dw = np.dot(X.T, (y_predicted - y))"),
    ("training", "gradient = (1 / m) * X.T @ error", "gradient = (1 / m) * X.T @ error**2"),
    ("training", "dj_db = dj_db + err\n", "dj_db = dj_db + 2 * err\n"),
    ("training", "dz = dout * (1 - out**2)", "dz = dout * (1 - out)"),
    ("training", "da1 = dz2 @ self.W2.T", "da1 = dz2 @ self.W2.T * self.a1"),
    ("training", "np.dot(d_output, self.weights2.T) * self.layer1", "np.dot(d_output, self.weights2.T)"),
    ("inherited", "return dout * self.df(self.x)", "return dout * self.f(self.x)"),
    ("inherited", "self.db = dout.sum(axis=0)", "self.db = dout.mean(axis=0)"),
]

# The same, where two statements that follow one another make what is wrong, so that either may be.
MISTAKES_IN_TWO = [
    ("stored_layers", "self.dinputs[self.inputs <= 0] = 0", "self.dinputs[self.inputs >= 0] = 0", -1),
    ("stored_losses", "self.dinputs = -y_true / dvalues", "self.dinputs = y_true / dvalues", 1),
    ("stored_losses", "-2 * (y_true - dvalues) / outputs", "-(y_true - dvalues) / outputs", 1),
]


def read(form):
    """The source of a form."""
    return (FORMS / f"{form}.py").read_text(encoding="utf-8")


def checked(form, source):
    """The report on a form."""
    return check_text(Text(f"{form}.py", source), Options())


@pytest.mark.parametrize("form", sampled([path.stem for path in sorted(FORMS.glob("*.py"))], one_in=2))
def test_every_example_is_judged_and_nothing_right_is_called_wrong(form):
    source = read(form)
    report = checked(form, source)
    assert [(v.line, v.name) for v in report.wrong] + report.errors == []
    assert len(report.pairs) == source.count("def example")
    assert not [name for pair in report.pairs for name in pair.open]


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    sampled([m if m[0] != "deep_model" else pytest.param(*m, marks=pytest.mark.slow) for m in MISTAKES], one_in=9),
)
def test_a_mistake_is_found_in_its_statement(form, right, wrong):
    source = read(form)
    assert source.count(right) == 1
    line = source[: source.index(right)].count("\n") + 1
    report = checked(form, source.replace(right, wrong))
    assert {v.suggestion_line or v.line for v in report.wrong} == {line}


@pytest.mark.parametrize(("form", "right", "wrong", "other"), MISTAKES_IN_TWO)
def test_a_mistake_in_one_of_two_statements_is_found_in_one_of_them(form, right, wrong, other):
    source = read(form)
    assert source.count(right) == 1
    line = source[: source.index(right)].count("\n") + 1
    report = checked(form, source.replace(right, wrong))
    assert len(report.wrong) == 1
    assert report.wrong[0].line in (line, line + other)
