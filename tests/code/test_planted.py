"""A mistake in one statement of right code is found in its line, and nothing else; the right one is suggested."""

import ast
from functools import cache

import pytest

from tests.benchmarks.code import outcome
from tests.support.code_plants import KINDS, CodePlant, subjects
from tests.support.paths import ROOT
from tests.support.sampling import sampled

WRITTEN = ROOT / "tests/code/written"

# The kind, the file, the pair, what stands there, and what is planted.
PLANTED = [
    ("name", "normalization", "ln", "dgamma = np.sum(dout * z, axis=0)", "dgamma = np.sum(z * z, axis=0)"),
    ("name", "normalization", "ln", "return dx, dgamma, dbeta", "return dx, dgamma, dgamma"),
    ("transpose", "research", "whiten", "Phi = np.tril(L.T @ np.tril(dL))", "Phi = np.tril(L.T @ np.tril(dL).T)"),
    ("order", "normalization", "layernorm", "norm = (x - mean) * rstd", "norm = (mean - x) * rstd"),
    ("operator", "layers", "relu", "dx = dout * (x > 0)", "dx = dout + (x > 0)"),
    ("sign", "layers", "svm_loss", "dx[hot] = 1", "dx[hot] = -1"),
    ("sign", "layers", "batchnorm", "dmu = -dxmu.sum(axis=0)", "dmu = dxmu.sum(axis=0)"),
    ("factor", "activations", "leaky_relu", "gx = gout.copy()", "gx = 0.5 * gout.copy()"),
    ("factor", "layers", "batchnorm", "dv = dsd / (2 * sd)", "dv = dsd / sd"),
    ("axis", "layers", "affine", "db = np.sum(dout, axis=0)", "db = np.sum(dout, axis=1)"),
    ("keepdims", "normalization", "layernorm", "db = dout.sum((0, 1))", "db = dout.sum((0, 1), keepdims=True)"),
    ("sum_dropped", "layers", "affine", "db = np.sum(dout, axis=0)", "db = dout"),
    ("mask", "layers", "relu", "dx = dout * (x > 0)", "dx = dout * (x < 0)"),
    ("index", "normalization", "rmsnorm", "n = x.shape[-1]", "n = x.shape[1]"),
    ("equals", "normalization", "layernorm", "dx *= rstd", "dx = rstd"),
    ("equals", "scalars", "dense_loops", "dW[k, j] += x[i, k] * ds", "dW[k, j] = x[i, k] * ds"),
    ("term_dropped", "layers", "batchnorm", "dx = dx1 + dx2", "dx = dx2"),
    ("term_added", "layers", "batchnorm", "dxhat = dscaled * gamma", "dxhat = dscaled * gamma + dout"),
    ("copied", "layers", "batchnorm", "disd = (dxhat * xmu).sum(axis=0)", "disd = (dscaled * xhat).sum(axis=0)"),
    ("returned", "normalization", "layernorm", "return dx, dw, db", "return dx, db, dw"),
    ("mask", "inplace", "maxout", "dzk[which != k] = 0", "dzk[which == k] = 0"),
    ("order", "inplace", "cumulative", "dc[t - 1] += 0.5 * dc[t]", "dc[1 - t] += 0.5 * dc[t]"),
    ("mask", "sequential", "TwoLayerNet", "dZ1[self.Z1 <= 0] = 0", "dZ1[dZ1 <= 0] = 0"),
    ("mask", "research", "ppo", "active = ratio * adv <= clipped * adv", "active = ratio * adv > clipped * adv"),
    ("copied", "layers", "batchnorm", "dx1 = dxmu", "dx1 = dout"),
    (
        "name",
        "losses",
        "hinge_loss",
        "mask[range(num_train), y] = -mask.sum(axis=1)",
        "scores[range(num_train), y] = -mask.sum(axis=1)",
    ),
    ("call_dropped", "losses", "hinge_loss", "mask = (margins > 0).astype(float)", "mask = margins > 0"),
    ("name", "scans", "gated_scan", "gx[t] = acc * (1 - a[t])", "a[t] = acc * (1 - a[t])"),
    ("name", "convolution", "conv_strided", "return dx, dw", "return dx, w"),
    ("name", "research", "lowrank", "return dx, dW, dA, dB, dscale", "return dx, dW, dA, dB, scale"),
    ("sign", "script_rnn_time", "", "dWhh = 2 * 0.01 * Whh", "dWhh = -(2 * 0.01 * Whh)"),
    ("copied", "script_rnn_time", "", "dby = 0.0", "dby = 0.25"),
    (
        "axis",
        "script_char_mlp",
        "",
        "dgain      = (dscaled * unit).sum(0)",
        "dgain      = (dscaled * unit).sum(1)",
    ),
    ("keepdims", "lists_of_layers", "resnet", "dbs.insert(0, da.sum(0))", "dbs.insert(0, da.sum(0, keepdims=True))"),
    (
        "call_dropped",
        "sequence_course",
        "lstm_cell",
        "dc_next = dc_next + da_next * ot * (1 - np.square(np.tanh(c_next)))",
        "dc_next = dc_next + da_next * ot * (1 - np.square(c_next))",
    ),
    (
        "activation",
        "sequence_course",
        "lstm_cell",
        "dc_next = dc_next + da_next * ot * (1 - np.square(np.tanh(c_next)))",
        "dc_next = dc_next + da_next * ot",
    ),
    (
        "activation",
        "old_course",
        "sparse_autoencoder",
        "delta2 = (W2.T @ delta3 + beta * sparsity_delta[:, None]) * a2 * (1 - a2)",
        "delta2 = (W2.T @ delta3 + beta * sparsity_delta[:, None]) * a2 * a2",
    ),
    ("axis", "old_course", "sparse_autoencoder", "b2grad = delta3.sum(axis=1) / m", "b2grad = delta3.sum() / m"),
    ("factor", "sequential", "Residual", "self.db = grad.sum(axis=0)", "self.db = 2 * grad.sum(axis=0)"),
    (
        "keepdims",
        "sequential",
        "Sequential",
        "self.dgamma = np.sum(self.xn * grad, axis=0)",
        "self.dgamma = np.sum(self.xn * grad, axis=0, keepdims=True)",
    ),
    ("returned", "gru_by_gate", "gru", "return np.stack(dxs), dh, g", "return np.stack(dxs), g, dh"),
    ("returned", "probabilistic", "gp", "return dL_dls, dL_dsf, dL_dsn", "return dL_dsf, dL_dls, dL_dsn"),
    (
        "index",
        "lists_of_layers",
        "mlp",
        "nabla_w[-l] = np.dot(activations[-l-1].T, delta)",
        "nabla_w[-l] = np.dot(activations[-l].T, delta)",
    ),
    (
        "index",
        "old_course",
        "nnCostFunction",
        "Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]",
        "Theta1_grad += lambda_ / m * Theta1",
    ),
    ("term_dropped", "optimizers", "sgd_unrolled", "dv = dv - lr * dw", "dv = dv"),
    ("term_dropped", "activations", "quick_gelu", "gx = gout * s + 1.702 * gs * s * (1 - s)", "gx = gout * s"),
    (
        "copied",
        "research",
        "cp_loss",
        "dC = np.einsum('ijk,ir,jr->kr', E, A, B)",
        "dC = np.einsum('ijk,ir,kr->jr', E, A, C)",
    ),
    (
        "index",
        "three_layer_helpers",
        "L_model",
        'grads["db" + str(l + 1)] = db_temp',
        'grads["db" + str(1)] = db_temp',
    ),
    ("sign", "attention", "cross_attention", "d_s = a * d_a", "d_s = -(a * d_a)"),
    ("call_dropped", "script_physics", "", "darg = dosc * np.cos(arg)", "darg = dosc * arg"),
]


@cache
def subject(file, name):
    """A pair of right code."""
    return next(subjects(WRITTEN / f"{file}.py", lambda found: found.name == name))


def planted(right, kind, was, now):
    """A mistake in the one statement of a pair that reads so."""
    (statement,) = (s for s in right.statements if right.text(s) == was)
    return CodePlant(kind, statement.line, statement.end_line, was, now, right.replaced(statement.line, was, now))


@pytest.mark.parametrize(("kind", "file", "name", "was", "now"), sampled(PLANTED, 8), ids=lambda value: str(value)[:24])
def test_a_mistake_is_found_in_its_line_and_mended(kind, file, name, was, now):
    right = subject(file, name)
    found = outcome(right, planted(right, kind, was, now))
    assert {"located", "right"} <= found.counted, found.wrong
    assert "false" not in found.counted, found.wrong


KINDS_OF_PAIRS = [
    pytest.param(kind, file, name)
    for file, name in (("layers", "batchnorm"), ("losses", "hinge_loss"), ("gru", "gru_v1"))
    for kind in KINDS
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "file", "name"), KINDS_OF_PAIRS)
def test_mistakes_of_each_kind_are_found_in_their_line(kind, file, name):
    right = subject(file, name)
    for plant in right.plants(kind, 2, seed=0):
        found = outcome(right, plant)
        assert "located" in found.counted, (plant.was, plant.now, found.wrong)
        assert "false" not in found.counted, (plant.was, plant.now, found.wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "name"), [("layers", "batchnorm"), ("losses", "hinge_loss"), ("gru", "gru_v1")])
def test_no_mistake_passes_in_silence(file, name):
    right = subject(file, name)
    plants = [plant for kind in KINDS for plant in right.plants(kind, 2, seed=0)]
    found = [outcome(right, plant) for plant in plants]
    assert [(p.was, p.now) for p, o in zip(plants, found, strict=True) if not o.wrong and not o.error] == []


@pytest.mark.parametrize("kind", sampled(KINDS, 2))
def test_a_planted_mistake_changes_one_statement(kind):
    right = subject("gru", "gru_v1")
    for plant in right.candidates(kind):
        was, now = plant.was.count("\n"), plant.now.count("\n")
        lines, new = right.source.splitlines(), plant.source.splitlines()
        assert lines[: plant.line - 1] == new[: plant.line - 1]
        assert lines[plant.line + was :] == new[plant.line + now :]
        assert ast.dump(ast.parse(plant.was)) != ast.dump(ast.parse(plant.now))


def test_a_change_without_effect_is_no_mistake():
    right = subject("layers", "affine")
    assert not right.has_effect(right.source.replace("np.sum(dout, axis=0)", "dout.sum(axis=0)"))
    assert right.has_effect(right.source.replace("np.sum(dout, axis=0)", "dout.sum(axis=1)"))
