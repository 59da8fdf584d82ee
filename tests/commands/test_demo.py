"""The main job, and that it says so when something is wrong."""

import io
from functools import partial

import numpy as np
import pytest

from lstm_models import demo, losses, slides_by_hand
from lstm_models import text as english
from lstm_models.curve import curve
from lstm_models.model import linear
from tests.support.checked_sources import checked
from tests.support.points import close, complex_step, draw
from tinyad import Tape


@pytest.fixture(scope="module")
def sources_checked_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "check_derivation", lambda path: checked(path.stem))
        yield


def along_parameters(d, name, rng, along=demo.along):
    return 0.0 if "[" in name else along(d, name, rng)


SOME = (("slides",), 20, along_parameters)
ALL = pytest.param((demo.SOURCES, demo.TRAINING, demo.along), marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=[SOME, ALL], ids=["some", "all"])
def result(request, tmp_path_factory, sources_checked_once):
    out, folder = io.StringIO(), tmp_path_factory.mktemp("build")
    sources, iterations, along = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SOURCES", sources)
        patch.setattr(demo, "along", along)
        patch.setattr(demo, "train", partial(demo.train, iterations=iterations))
        return demo.run(folder, out), out.getvalue(), folder


@pytest.fixture
def quick(sources_checked_once, monkeypatch):
    monkeypatch.setattr(demo, "SOURCES", ("slides",))
    monkeypatch.setattr(demo, "T", 10)
    monkeypatch.setattr(demo, "along", lambda d, name, rng: 0.0)
    monkeypatch.setattr(demo, "train", lambda *a: iter([1.0, 0.5]))
    monkeypatch.setattr(demo, "write", lambda *a: {})  # test_the_files reads them


def test_the_verdict(result):
    right, printed, _ = result
    assert right
    assert printed.splitlines()[-1] == (
        "verdict: right. 283 derivatives, tape = hand = complex step; the planted mistake is found at step 271"
    )
    assert "WRONG" not in printed


def test_the_planted_mistake_is_located_and_named(result):
    _, printed, _ = result
    assert "first wrong: step 271, ∇C[8]" in printed
    assert "step 271, W_oCᵀ * ∇z19[9], is missing, as if = stood where += belongs at step 268" in printed


def test_nothing_is_called_wrong_before_it_is_said_that_a_mistake_was_planted(result):
    _, printed, _ = result
    before, _, after = printed.partition("a mistake that is planted here on purpose")
    assert "wrong" not in before
    report = [line for line in after.splitlines() if "wrong" in line and not line.startswith("  | ")]
    assert [line for line in report if "md: " not in line and "This report has to say wrong" not in line] == []
    assert "\n  | verdict: wrong, first at step 271, ∇C[8]\n" in after


def test_every_parameter_input_and_state_is_in_the_table(result):
    _, printed, _ = result
    lines = [line.split() for line in printed.splitlines() if line.endswith("✓")]
    assert {line[0] for line in lines} >= {*slides_by_hand_names(), "x[t]", "h[t]", "C[t]"}


def slides_by_hand_names():
    gates = [f"W_{g}{q}" for g in "fio" for q in "Chx"] + ["W_Ch", "W_Cx"] + [f"b_{g}" for g in "fiCo"]
    return [*gates, "W_y", "b_y"]


def test_the_files(result):
    _, printed, folder = result
    derivation = (folder / "derivation.txt").read_text(encoding="utf-8")
    assert "31  h[1]" in derivation
    assert "[do[1], dz25[1]] += deriv(dh[1], o[1], z25[1], '∘')" in derivation
    assert (folder / "derivation.tex").read_text(encoding="utf-8").count(r"\begin{align}") == 2
    assert "<svg" in (folder / "graph.svg").read_text(encoding="utf-8")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "step 54, W_oCᵀ * ∇z19[2], is missing" in report  # of the second time step
    assert report.count('id="step_') == 3 * 31 + 3 * 6 + 2  # cells, output layers, the sum
    for name in ("graph.svg", "derivation.txt", "derivation.tex", "report.html"):
        assert str(folder / name) in printed


def test_the_loss_falls():
    losses = list(demo.train(english.text(), np.random.default_rng(0), 30))
    assert losses[-1] < losses[0] - 0.5


def test_a_wrong_hand_derivation_is_seen(monkeypatch, tmp_path, quick):
    right = slides_by_hand.cell_backward

    def wrong(*arguments):
        d = right(*arguments)
        return d | {"W_ox": 1.0001 * d["W_ox"]}

    monkeypatch.setattr(slides_by_hand, "cell_backward", wrong)
    out = io.StringIO()
    assert not demo.run(tmp_path, out)
    assert out.getvalue().splitlines()[-1] == "verdict: WRONG, see above"
    assert any(line.startswith("W_ox") and line.endswith("✗ WRONG") for line in out.getvalue().splitlines())


def test_a_tape_that_differs_from_the_complex_step_is_seen(monkeypatch, tmp_path, quick):
    monkeypatch.setattr(demo, "along", lambda d, name, rng: 1e-9 if name == "x[7]" else 0.0)
    out = io.StringIO()
    assert not demo.run(tmp_path, out)
    assert any(line.startswith("x[t]") and line.endswith("✗ WRONG") for line in out.getvalue().splitlines())


def test_without_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert not curve(tmp_path / "loss.svg", {"": [(1, 1.0), (2, 0.5)]}, "nats", "title")


def test_a_hand_derivative_follows_the_output_layer():
    W, b, h = draw((5, 4)), draw((5, 1), 1), draw((4, 3), 2)
    y = np.eye(5)[:, [1, 4, 0]]

    def error(h, W, b):
        return losses.cross_entropy(linear(h, W, b)["a_y"], y)["e"]

    tape = Tape()
    v = tape.variables(W=W, b=b, h=h)
    d = tape.backward(error(v["h"], v["W"], v["b"]))
    (dh,), dW, db = slides_by_hand.output_backward([h], [y], W, b)
    for name, hand in (("h", dh), ("W", dW), ("b", db)):
        assert close(hand.T, d[name], 1e-14)

    assert close(complex_step(lambda moved: error(moved, W, b), h), dh.T, 1e-13)


def test_text_is_real_and_one_hot():
    string = english.text()
    assert len(string) > 300_000
    assert " the " in string
    assert "\n" not in string
    coded = losses.one_hot(english.codes("abca", "abc"), 3, 4)
    assert coded.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]]
    xs, ys = english.windows("abcabc", [0, 1], 3, "abc")
    assert [x.argmax(axis=0).tolist() for x in xs] == [[0, 1], [1, 2], [2, 0]]
    assert [y.argmax(axis=0).tolist() for y in ys] == [[1, 2], [2, 0], [0, 1]]
    assert english.fingerprint("a") == "ca978112ca1b"


def test_the_complex_step_of_the_demo_sees_a_wrong_tape():
    p = demo.problem(english.text(), np.random.default_rng(0))
    _, d = demo.recorded(p, 3)
    assert demo.along(d, "W_oh", np.random.default_rng(1)) < 1e-14
    d._d[d.tape["W_oh"].index] = d.column(d.tape["W_oh"].index) * (1 + 1e-6 * draw((demo.H, demo.H)))
    assert demo.along(d, "W_oh", np.random.default_rng(1)) > 1e-9


def test_a_mistake_that_is_not_found_is_a_wrong_run(monkeypatch, tmp_path, quick):
    right = demo.by_hand
    monkeypatch.setattr(demo, "by_hand", lambda p, mistake=None: right(p))
    out = io.StringIO()
    assert not demo.run(tmp_path, out)
    assert out.getvalue().splitlines()[-1] == "verdict: WRONG, see above"
