"""What tinyad prints of a tape, in all three forms, is read and found right; changed, it is not."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from lstm_models.models import MODELS
from tests.support.modelpoints import ModelPoint
from tests.support.points import draw
from tests.support.random_programs import examples, programs, walked
from tinyad import TABLE, Tape, check_derivation, softmax, tanh, written
from tinyad import log as ln

FORMS = ("text", "routine", "latex")
# The rows that derivations have a notation for: no comparisons, and so no kinks; no slices, no powers, and no digit in
# the name of a function.
READ = {
    symbol: op
    for symbol, op in TABLE.items()
    if symbol not in "rows padded > ≥ sign first_max relu maximum minimum abs column_max row_max ** log1p expm1".split()
}
POSITIVE = ("exp", "sigmoid", "softmax", "softmax_rows", "softplus", "cosh")  # at every sample point
SOME = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],  # a failure is printed whole: to shrink it takes minutes
)


def holds(text, seed=0):
    report = check_derivation(text, seed)
    assert report.ok, f"{report}\n\n{text}"
    assert set(report.counts) <= {"right", "given"}
    assert not [v for v in report.verdicts if v.suggestion or v.spoils]
    return report


@pytest.mark.parametrize("form", FORMS)
@examples(8, 25)
def test_random_tapes(examples, form):
    settings(SOME, max_examples=examples)(given(program=programs(READ))(assert_read))(form=form)


def assert_read(form, program):
    leaves, steps = program
    assume(not any(symbol in "-/" and x == y for symbol, x, y in steps))  # the two paths to x cancel everywhere
    made = {len(leaves) + k: symbol for k, (symbol, _, _) in enumerate(steps)}
    assume(all(symbol not in ("log", "sqrt") or made.get(x) in POSITIVE for symbol, x, _ in steps))
    _, _, d, values, _ = walked(program)
    assume(not any(cancels(d, v) for v in values))
    holds(written(d, form))


def cancels(d, v):
    """Whether the paths to a value cancel, as in x - x: then no line can be told from one that is there twice."""
    largest = max((np.abs(c.array).max() for c in d.contributions(v)), default=0.0)
    return np.abs(d[v]).max() < 1e-9 * largest


EVERY = [(name, form) for name in MODELS for form in FORMS]
# By default every third model in one form, and one small model changed in every form.
QUICK = {(name, FORMS[k % len(FORMS)]) for k, name in enumerate([*MODELS][::3])}


@pytest.mark.parametrize(
    ("name", "form"), [pytest.param(*it, marks=[] if it in QUICK else pytest.mark.slow) for it in EVERY]
)
def test_every_model(name, form):
    point = ModelPoint(MODELS[name], B=2, T=2)
    report = holds(written(point.d, form))
    used = sum(point.d.reaches(z) for _, z, _, _ in point.tape.steps)
    assert sum(v.verdict == "right" for v in report.verdicts) >= used > 0.9 * len(point.tape)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("slides", "gru")), "rnn"])
def test_a_changed_line_is_found(name, form):
    """The first line with a transposed operand, times -2; and the middle one left out."""
    text = written(ModelPoint(next(m for key, m in MODELS.items() if name in key), B=2, T=2).d, form)
    head, lines = text.split("```backward\n")
    kept = lines.rstrip("`\n").split("\n")
    if form != "routine":
        equals = [k for k, line in enumerate(kept) if "=" in line and "given" not in line]
        k = equals[len(equals) // 2]
        sign = kept[k].index("=") + 1
        begin = sign + 1 if kept[k][sign] == "&" else sign
        changed = [*kept[:k], kept[k][:begin] + " -2 " + kept[k][begin:].replace("&", "", 1), *kept[k + 1 :]]
        report = check_derivation(head + "```backward\n" + "\n".join(changed) + "\n```\n")
        assert [v.verdict for v in report.wrong] == ["wrong"]
    calls = [k for k, line in enumerate(kept) if re.search(r"\+?=", line) and "given" not in line and "#" not in line]
    k = calls[len(calls) // 2]
    report = check_derivation(head + "```backward\n" + "\n".join(kept[:k] + kept[k + 1 :]) + "\n```\n")
    assert not report.ok


@pytest.mark.parametrize("form", FORMS)
def test_constants_broadcasts_and_a_seed_in_the_middle(form):
    tape = Tape()
    v = tape.variables(W=draw((5, 3)), x=draw((3, 2), 1), b=draw((5, 1), 2))
    p = softmax(v["W"] @ v["x"] + v["b"])
    q = ln(p) * draw((5, 2), 3) * 0.5
    tape.name({"p": p, "q": q})
    d = tape.backward({"q": draw((2, 5), 4), "p": draw((2, 5), 5)})
    report = holds(written(d, form))
    assert "b" in " ".join(v.target for v in report.verdicts)


NAMES = [
    {"a": "W_fC", "z": "z1"}, {"a": "α", "z": "σ_t"}, {"a": "x_hat", "z": "C_tilde"}, {"a": "x[2]", "z": "h[3]"},
    {"a": "dW", "z": "y"}, {"a": "I", "z": "T"}, {"a": "W1", "z": "W11"}, {"a": "tanh_c", "z": "log"},
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", NAMES, ids=str)
def test_names_of_users(names, form):
    tape = Tape()
    a = tape.variable(draw((4, 3)), names["a"])
    z = tanh(a) * a
    tape.name({names["z"]: z})
    holds(written(tape.backward({z: draw((3, 4), 1)}), form))


@pytest.mark.parametrize("form", FORMS)
def test_unnamed_values(form):
    tape = Tape()
    a = tape.variable(draw((4, 3)))
    holds(written(tape.backward({tanh(a) + a: draw((3, 4), 1)}), form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["L", "loss", "J"])
def test_a_loss(name, form):
    tape = Tape()
    a = tape.variable(draw((4, 3)), "a")
    L = np.sum(tanh(a) * a)
    tape.name({name: L})
    holds(written(tape.backward(L), form))


def test_forms():
    tape = Tape()
    d = tape.backward({tanh(tape.variable(draw((4, 3)), "a")): draw((3, 4))})
    with pytest.raises(ValueError, match="form='html': there are 'text', 'routine', 'latex'"):
        written(d, "html")
    assert written(d) == written(d, "text")
    assert len({written(d, form) for form in FORMS}) == 3
