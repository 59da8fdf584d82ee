"""Single edits: each kind is proposed, each statement once and readable, within bounds."""

import ast
import warnings

import numpy as np
import pytest

from tests.support.code_case_table import CASES
from tests.support.code_cases import Bench, Case
from tinyad.code.edit_ranks import EditKind
from tinyad.code.edits import edits, edits_of_all_places
from tinyad.code.surroundings import Scope, primal

ARRAYS = {name: np.ones((4, 3)) for name in "dh dc dc_next dx h c x mask".split()}
ARRAYS |= {"flat": np.ones(12), "dV": np.ones((3, 3)), "dp": np.ones(3)}
ARRAYS |= {"W": np.ones((3, 3)), "dW": np.ones((3, 3)), "dZ": np.ones((4, 3)), "ix": np.array([0, 1, 1, 2])}


def scaled(dh, N):
    """A function of the author's."""
    return dh / N


SCOPE = Scope(
    ARRAYS | {"s": np.ones(3), "N": 4, "T": 3, "scaled": scaled},
    {"N": 4, "T": 3, "x.shape[0]": 4},
    ["db = np.sum(dZ, axis=0)", "dx2 = dh[:, :2] * c[:, 2:]"],
    [
        "h = np.tanh(c)",
        "Z = x @ W",
        "c2 = np.maximum(0, c)",
        "Z = np.einsum('ij,jk->ik', x, V)",
        "inside = h * c",
        "u = np.tanh(inside)",
        "p = s * q",
    ],
    ["t"],
)

PROPOSED = [
    (EditKind.ANALOGY, "q = 1 / h", "q = h * c"),
    (EditKind.COMPARISON, "dx[x > 1] = 0", "dx[np.abs(x) > 1] = 0"),
    (EditKind.INDEX, "dx = dh[:]", "dx = dh[::-1]"),
    (EditKind.INDEX, "dx = dh[N:N]", "dx = dh[N:N + T]"),
    (EditKind.NAME, "dx = dh * c", "dx = dh * h"),
    (EditKind.REPEATED, "dx = h * h", "dx = c * c"),
    (EditKind.TRANSPOSE, "dW = x @ dZ", "dW = x.T @ dZ"),
    (EditKind.TRANSPOSE, "dW = np.dot(x.T, dZ)", "dW = np.dot(x, dZ)"),
    (EditKind.TRANSPOSE, 'dW = np.einsum("ij,ik->jk", x, dZ)', 'dW = np.einsum("ij,ik->kj", x, dZ)'),
    (EditKind.TRANSPOSE, "dW = np.transpose(x, (0, 2, 1))", "dW = np.transpose(x, (1, 2, 0))"),
    (EditKind.ORDER, "dW = W @ dZ", "dW = dZ @ W"),
    (EditKind.ORDER, "dW = np.outer(s, x)", "dW = np.outer(x, s)"),
    (EditKind.ORDER, "dx = dh - dc", "dx = dc - dh"),
    (EditKind.ORDER, "dW = x.T @ dZ", "dW = dZ.T @ x"),
    (EditKind.OPERATOR, "dx = dh * W", "dx = dh @ W"),
    (EditKind.OPERATOR, "dx = dh.dot(W)", "dx = dh * W"),
    (EditKind.OPERATOR, "dx = dh + dc", "dx = dh - dc"),
    (EditKind.OPERATOR, "dx = dh / s", "dx = dh * s"),
    (EditKind.SIGN, "dx = dh * c", "dx = -dh * c"),
    (EditKind.SIGN, "dx = -dh * c", "dx = dh * c"),
    (EditKind.SIGN, "dx = np.exp(c)", "dx = np.exp(-c)"),
    (EditKind.BRACKETS, "dx = dh / 2 * s", "dx = dh / (2 * s)"),
    (EditKind.BRACKETS, "dx = dh * (c + h)", "dx = dh * c + h"),
    (EditKind.FACTOR, "dx = dh / s", "dx = dh / (2 * s)"),
    (EditKind.FACTOR, "dx = dh + c", "dx = dh + c / N"),
    (EditKind.FACTOR, "dx = dh * c / N", "dx = dh * c"),
    (EditKind.FACTOR, "dx = dh / N", "dx = dh / T"),
    (EditKind.FACTOR, "dx = dh / N", "dx = dh / (N * T)"),
    (EditKind.FACTOR, "dx = dh", "dx = dh * s"),
    (EditKind.FACTOR, "dx = dh", "dx = dh / s"),
    (EditKind.POWER, "dx = dh / s ** 2", "dx = dh / s ** 3"),
    (EditKind.FUNCTION, "dx = dh", "dx = dh.copy()"),
    (EditKind.FUNCTION, "dx = flat", "dx = flat.reshape(x.shape)"),
    (EditKind.FUNCTION, "dx = 2 * W", "dx = 2 * np.trace(W)"),
    (EditKind.FUNCTION, "dx = dh * hs[-1]", "dx = dh * np.exp(hs[-1])"),
    (EditKind.FUNCTION, "dx = dh / (1 + -c)", "dx = dh / (1 + np.exp(-c))"),
    (EditKind.FUNCTION, "dx = dh", "dx = scaled(dh, N)"),
    (EditKind.FUNCTION, "dx = np.repeat(dh, 2, axis=1)", "dx = np.repeat(np.repeat(dh, 2, axis=0), 2, axis=1)"),
    (EditKind.ANALOGY, "dV = x", "dV = np.einsum('ik,ij->jk', dZ, x)"),
    (EditKind.ANALOGY, "u = x", "u = np.tanh(h * c)"),
    (EditKind.MISSING_TERM, "dq = dx", "dq = dx + s * dp"),
    (EditKind.POWER, "dx = dh * s ** -1.5", "dx = dh * s ** -0.5"),
    (EditKind.POWER, "dx = dh / s ** 2", "dx = dh / s"),
    (EditKind.POWER, "dx = dh * (c - h)", "dx = dh * (c - h ** 2)"),
    (EditKind.NUMBER, "dx = 2 * dh", "dx = 3 * dh"),
    (EditKind.NUMBER, "dx = dh / 2", "dx = dh / N"),
    (EditKind.AXIS, "ds = np.sum(dh, axis=0)", "ds = np.sum(dh, axis=1)"),
    (EditKind.AXIS, "ds = np.sum(dh, axis=0)", "ds = np.sum(dh)"),
    (EditKind.AXIS, "ds = dh.sum()", "ds = dh.sum(axis=0)"),
    (EditKind.AXIS, "ds = np.sum(dh, axis=0)", "ds = np.sum(dh, axis=0, keepdims=True)"),
    (EditKind.AXIS, "ds = dh.sum(axis=0, keepdims=True)", "ds = dh.sum(axis=0)"),
    (EditKind.SUM, "ds = dh * c", "ds = np.sum(dh * c, axis=0)"),
    (EditKind.SUM, "ds = np.sum(dh, axis=0)", "ds = dh"),
    (EditKind.SUM, "ds = np.mean(dh, axis=0)", "ds = np.sum(dh, axis=0)"),
    (EditKind.SUM, "ds = -(dh * c).mean(axis=0)", "ds = -(dh * c).sum(axis=0)"),
    (EditKind.FUNCTION, "dx = dh * np.tanh(c)", "dx = dh * c"),
    (EditKind.FUNCTION, "dx = dh * c", "dx = dh * np.exp(c)"),
    (EditKind.FUNCTION, "dx = dh * np.sin(c)", "dx = dh * np.cos(c)"),
    (EditKind.ACTIVATION, "dc = dh", "dc = dh * (1 - h ** 2)"),
    (EditKind.ACTIVATION, "dc = dh", "dc = dh * (c > 0)"),
    (EditKind.ACTIVATION, "dc = dh * h * (1 - h)", "dc = dh * (1 - h ** 2)"),
    (EditKind.ACTIVATION, "dc = dh * (c > 0)", "dc = dh * (1 - h ** 2)"),
    (EditKind.COMPARISON, "dx = dh * (c > 0)", "dx = dh * (c >= 0)"),
    (EditKind.COMPARISON, "dx[c > 0] = 0", "dx[c <= 0] = 0"),
    (EditKind.NAME, "dx[c > 0] = 0", "dx[h > 0] = 0"),
    (EditKind.NAME, "h[ix] = s", "dx[ix] = s"),
    (EditKind.FUNCTION, "mask = c > 0", "mask = (c > 0).astype(float)"),
    (EditKind.INDEX, "dx[1 - t] += dh", "dx[t - 1] += dh"),
    (EditKind.INDEX, "dx = dh[:, t]", "dx = dh[:, t - 1]"),
    (EditKind.INDEX, "dx = dh[t - 1]", "dx = dh[t]"),
    (EditKind.INDEX, "dx = dh[:, :2]", "dx = dh[:, 2:]"),
    (EditKind.INDEX, "dx = dh", "dx = dh[::-1]"),
    (EditKind.INDEX, "dx[t] = dh", "dx[t + 1] = dh"),
    (EditKind.ASSIGNMENT, "dW = x.T @ dZ", "dW += x.T @ dZ"),
    (EditKind.ASSIGNMENT, "dW -= x.T @ dZ", "dW += x.T @ dZ"),
    (EditKind.ASSIGNMENT, "dx[ix] += dh", "np.add.at(dx, ix, dh)"),
    (EditKind.ASSIGNMENT, "dx[ix, t] += dh", "np.add.at(dx, (ix, t), dh)"),
    (EditKind.ASSIGNMENT, "xs.append(dh)", "xs.insert(0, dh)"),
    (EditKind.MISSING_TERM, "dc = dh * c", "dc = dh * c + dc_next"),
    (EditKind.MISSING_TERM, "dx, dp = f(dh, x)", "dx, dp = f(dh + dc_next, x)"),
    (EditKind.EXTRA_TERM, "dx = dh + dc * c", "dx = dh"),
    (EditKind.RETURNED, "return dx, dW", "return dW, dx"),
    (EditKind.RETURNED, "return dx, dW", "return dx, dW, dc"),
    (EditKind.RETURNED, "return dx, dW", "return dx"),
]


@pytest.mark.parametrize(("kind", "statement", "expected"), PROPOSED)
def test_each_kind_is_proposed(kind, statement, expected):
    found = {edit.text: edit for edit in [*edits(statement, SCOPE), *edits_of_all_places(statement, SCOPE)]}
    assert expected in found
    assert found[expected].kind is kind


def test_every_kind_is_in_the_table():
    assert {kind for kind, _, _ in PROPOSED} == set(EditKind) - {EditKind.TWO}


def test_what_the_forward_pass_computes_is_proposed_where_it_is_computed_again():
    found = {edit.text: edit for edit in edits("h = np.tanh(x)", SCOPE)}
    assert found["h = np.tanh(c)"].kind in (EditKind.ANALOGY, EditKind.NAME)
    assert "Z = x @ W" in {edit.text for edit in edits("Z = x * W", SCOPE)}
    assert "Z = np.tanh(c)" not in {edit.text for edit in edits("Z = 1.0", SCOPE)}


def test_a_statement_after_another():
    bench = Bench(Case("two_layers", "", "dW1 = X.T.dot(dZ1) / N + reg * W1"))
    found = {edit.text: edit for edit in edits("dW1 = A1.T.dot(dZ1)", bench.scope)}
    assert found["dW1 = X.T.dot(dZ1) / N + reg * W1"].kind is EditKind.ANALOGY


def test_names_that_are_likelier_come_first():
    names = [edit.text for edit in edits("dZ1 = dA1 * (Z2 > 0)", Bench(Case(*CASES[0])).scope)]
    assert names.index("dZ1 = dA1 * (Z1 > 0)") < names.index("dZ1 = dA1 * (W1 > 0)")


@pytest.mark.parametrize("row", CASES[::6], ids=lambda row: row[1][:40])
def test_edits_are_statements_each_once_by_rank(row):
    case = Case(*row)
    found = list(edits(case.wrong, Bench(case).scope))
    texts = [edit.text for edit in found]
    assert case.wrong not in texts
    assert len(set(texts)) == len(texts)
    assert [edit.rank for edit in found] == sorted(edit.rank for edit in found)
    assert {edit.changes for edit in found} == {1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in texts:
            assert len(ast.parse(text).body) == 1


def test_a_long_statement_has_less_than_five_thousand():
    names = {f"d{letter}{k}": np.ones((4, 3)) for letter in "abcde" for k in range(3)}
    names |= {f"{letter}{k}": np.ones((4, 3)) for letter in "abcde" for k in range(3)}
    statement = (
        "da0 = (db0 * c0 * (1 - a0 ** 2) + dc1 * np.tanh(b1) * d2 / (2 * e0)).sum(axis=0) + np.dot(da1.T, dc2) / N"
        " - (de0 * (a1 > 0) + dd1 * np.exp(-c1)).mean(axis=0) * 2 + db2.dot(e1.T) * (1 - d1)"
    )
    assert len(statement) >= 180
    found = list(edits(statement, Scope(names, {"N": 4, "D": 3}, ["x = 1"] * 10, ["a = np.tanh(b)"] * 10, [])))
    assert 1_000 < len(found) < 5_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dX", "X"),
        ("d_X", "X"),
        ("dLdX", "X"),
        ("gX", "X"),
        ("grad_X", "X"),
        ("X_grad", "X"),
        ("delta_X", "X"),
        ("deltaX", "X"),
        ("self.dX", "X"),
        ('grads["X"]', "X"),
        ('grads["dX"]', "X"),
        ("dX[t]", "X"),
        ("X", None),
        ("self.W", None),
        ("gamma", None),
        ("D", None),
    ],
)
def test_names_of_derivatives(name, expected):
    assert primal(name) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "return tuple(f(x) for x in dh)",
        'x = f"{dh} and {c}"',
        "x = [*dh, c, h]",
        "x = sum(dh[k] * c for k in range(3))",
        "raise ValueError(dh)",
    ],
)
def test_statements_of_other_kinds_stay_readable(statement):
    for edit in [*edits(statement, SCOPE), *edits_of_all_places(statement, SCOPE)]:
        assert len(ast.parse(edit.text).body) == 1, edit.text
