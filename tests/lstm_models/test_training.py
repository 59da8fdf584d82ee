"""Updates against steps made by hand, runs that are stopped against runs that are not, and what cannot be trained."""

import itertools
import math
import signal

import numpy as np
import pytest

from lstm_models import losses, sequence, tasks
from lstm_models.models import MODELS
from lstm_models.optimizers import OPTIMIZERS
from lstm_models.training import STEPS, Options, Run, first_nonfinite_derivative, resumed, train
from tests.support.points import close
from tests.support.sampling import sampled
from tests.support.training_text import STRING
from tinyad import Tape

SMALL = Options("sancho", hidden=4, batch=3, steps=3, chunks=9, every=4, dtype="float64")
CUTS = [  # steps, back, clip
    ("sancho", "adam", 3, 7, 0.4), ("problem4-rows", "sgd", 4, 4, 0.35), ("gru", "rmsprop", 2, 30, 0.6),
]  # fmt: skip


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(STRING, encoding="utf-8")
    return str(path)


def made(task="sine-one", **options):
    return Run(SMALL._replace(task=task, **options))


def split(run, weights):
    output = run.model.output_shapes(run.options.hidden, run.task.Y)
    return {n: w for n, w in weights.items() if n not in output}, {n: weights[n] for n in output}


def inputs(run, xs):
    return [x.T for x in xs] if run.model.rows else xs


def mean_loss(run, xs, targets, counted, start=None):
    """Recorded by hand on a tape of its own: (L, {parameter: derivative of its size}, the states after each step)."""
    cell, output = split(run, run.parameters)
    B = xs[0].shape[1]
    start = start or sequence.zeros(run.model, run.options.hidden, B)
    tape, steps = sequence.record(run.model, start, inputs(run, xs), cell)
    output = tape.variables(**output)
    after = [sequence.after(run.model, eqs) for eqs in steps]
    errors = [
        run.task.loss(sequence.readout(run.model, states[run.model.read], output)[1], target)["e"]
        for states, target in zip(after, targets, strict=True)
        if target is not None
    ]
    total = losses.over_time(errors)[-1]
    d = tape.backward({total: np.array([[1 / counted]])})
    values = [{name: v.value for name, v in states.items()} for states in after]
    return total.value.item() / counted, {name: d[name].T for name in run.parameters}, values


@pytest.mark.parametrize(("model", "optimizer", "steps", "back", "clip"), CUTS)
def test_updates_are_the_steps_made_by_hand(model, optimizer, steps, back, clip, written):
    options = Options(model, "text", written, 4, 3, steps, back, optimizer, clip=clip, seed=3, dtype="float64")
    run, other = Run(options), Run(options)
    length = (len(STRING) - len(STRING) // 10) // 3
    cuts = list(sequence.windows(length - 1, steps, back))
    kept = {name: [np.zeros_like(p) for _ in OPTIMIZERS[optimizer].keeps] for name, p in other.parameters.items()}
    states, clipped = {}, 0
    for n in range(len(cuts) + 3):  # into the second pass
        cut, chunk = cuts[n % len(cuts)], other.task.chunk(n)
        L, ds, after = mean_loss(other, chunk.xs, chunk.targets, 3 * (cut.end - cut.first + 1), states.get(cut.start))
        states = {t: values for t, values in enumerate(after, cut.start + 1) if t < length - 1}
        size = math.sqrt(sum((d**2).sum() for d in ds.values()))
        clipped += size > clip
        for name, p in other.parameters.items():
            d = ds[name] * min(1, clip / size)
            OPTIMIZERS[optimizer].update(p, d, OPTIMIZERS[optimizer].rate, n + 1, *kept[name])
        assert run.update() == pytest.approx(L, rel=1e-12)
        for name, p in other.parameters.items():
            assert close(run.parameters[name], p, 1e-10), (n, name)
    assert 0 < clipped < n
    assert run.losses[0] > run.losses[-1]


@pytest.mark.parametrize("model", ["sancho", "problem4-rows"])
def test_examples_of_other_lengths_count_as_if_each_were_alone(model):
    run = made("adding", model=model, steps=20, batch=5, optimizer="sgd", rate=1.0, clip=1e9)
    chunk = run.next
    assert len(set(chunk.lengths)) > 1
    alone = []
    for b, length in enumerate(chunk.lengths):
        xs, target = [x[:, b : b + 1] for x in chunk.xs[:length]], chunk.targets[-1][:, b : b + 1]
        alone.append(mean_loss(run, xs, [None] * (length - 1) + [target], 1))
    before = {name: p.copy() for name, p in run.parameters.items()}
    assert run.update() == pytest.approx(np.mean([L for L, _, _ in alone]), rel=1e-13)
    for name, p in run.parameters.items():
        assert close(before[name] - p, np.mean([ds[name] for _, ds, _ in alone], axis=0), 1e-12), name


@pytest.mark.parametrize("model", ["sancho", "problem4-rows"])
@pytest.mark.parametrize(("steps", "streams"), [(2, 2), (4, 1)])  # in one chunk, and in two that overlap
def test_the_loss_on_the_held_out_text(model, steps, streams, written, monkeypatch):
    monkeypatch.setattr(tasks, "STREAMS", streams)
    run = Run(SMALL._replace(model=model, text=written, steps=steps))
    run.update()
    places = [run.alphabet.index(c) for c in STRING[-(len(STRING) // 10) :]]
    length = len(places) // streams
    cell, output = split(run, run.parameters)
    at = np.array(places[: streams * length]).reshape(streams, length)
    xs = [np.eye(len(run.alphabet))[:, at[:, t]] for t in range(length - 1)]
    steps = sequence.unrolled(run.model, sequence.zeros(run.model, 4, streams), inputs(run, xs), cell)
    surprise = []
    for t, eqs in enumerate(steps, 1):
        h = eqs[run.model.read].T if run.model.rows else eqs[run.model.read]
        a = output["W_y"] @ h + output["b_y"]
        surprise += list(np.log(np.exp(a).sum(axis=0)) - a[at[:, t], np.arange(streams)])
    assert run.loss_held_out() == pytest.approx(np.mean(surprise), rel=1e-12)


def test_the_loss_on_drawn_examples_that_are_held_out():
    run = made("adding", steps=20)
    cell, output = split(run, run.parameters)
    squares = []
    for chunk in run.task.held_out():
        for b, length in enumerate(chunk.lengths):
            xs = [x[:, b : b + 1] for x in chunk.xs[:length]]
            eqs = sequence.unrolled(run.model, sequence.zeros(run.model, 4, 1), xs, cell)[-1]
            squares.append((output["W_y"] @ eqs["h"] + output["b_y"] - chunk.targets[-1][:, b]).item() ** 2)
    assert len(squares) == 12
    assert run.loss_held_out() == pytest.approx(np.mean(squares), rel=1e-12)


def file_of(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name].tobytes() for name in file.files}


@pytest.mark.parametrize(("optimizer", "task"), sampled(itertools.product(OPTIMIZERS, ("text", "adding"))))
def test_a_resumed_run_ends_bit_for_bit_like_one_that_was_not_stopped(task, optimizer, written, tmp_path):
    options = SMALL._replace(task=task, optimizer=optimizer, batch=5, chunks=8, dtype="float32")
    if task == "text":
        options = options._replace(text=written, back=7)  # a pass has 4 chunks
    whole, cut = tmp_path / "whole" / "run.npz", tmp_path / "cut" / "run.npz"
    for path in (whole, cut):
        path.parent.mkdir()
    assert len(list(train(Run(options), whole))) == 8
    Run(options).save(cut)
    for n in (1, 2, 1, 3):
        assert len(list(itertools.islice(train(resumed(cut), cut), n))) == n
    run = resumed(cut)
    assert run.done == 7
    list(train(run, cut))
    assert file_of(cut) == file_of(whole)
    assert [n for n, _ in run.held_out] == [4, 8]
    assert file_of(cut)["parameters"] != Run(options).arrays["parameters"].tobytes()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_during_an_update_leaves_it_done_or_undone(monkeypatch):
    run, other = made(), made()
    move = run._move

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        move(*arguments)

    monkeypatch.setattr(run, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.update()
    monkeypatch.undo()
    other.update()
    assert run.update() == other.update()
    assert run.arrays["parameters"].tobytes() == other.arrays["parameters"].tobytes()


def test_a_finished_run_is_given_more_updates(tmp_path):
    path = tmp_path / "run.npz"
    list(train(made(chunks=2), path))
    assert len(list(train(resumed(path, 5), path))) == 3
    assert resumed(path).done == resumed(path).options.chunks == 5
    with pytest.raises(ValueError, match=r"run.npz has 5 updates already, chunks = 4: give more, or none"):
        resumed(path, 4)


def test_a_text_that_has_changed(written, tmp_path):
    path = tmp_path / "run.npz"
    Run(SMALL._replace(text=written)).save(path)
    with open(written, "a") as file:
        file.write("!")
    with pytest.raises(
        ValueError, match=r"text.txt is not the text that .*run.npz learned from: its fingerprint is \w{12}, not"
    ):
        resumed(path)


@pytest.mark.parametrize(("task", "least"), [("sine-one", 0.1), ("sine-many", 0.1), ("text", 0.6)])
def test_it_learns(task, least, written):
    run = made(task, text=written if task == "text" else None, hidden=16, steps=None, batch=1, rate=0.02)
    if task == "text":
        run = Run(run.options._replace(steps=30, back=30))
    before = run.loss_held_out()
    for _ in range(120):
        run.update()
    assert run.loss_held_out() < least * before
    assert np.mean(run.losses[-9:]) < least * run.losses[0]


@pytest.mark.parametrize(("task", "model"), sampled(itertools.product(("text", "adding"), MODELS), 5))
def test_every_model_trains_and_says_what_made_the_first_nan(model, task, written):
    run = made(task, model=model, text=written if task == "text" else None, steps=12)
    before = {name: p.copy() for name, p in run.parameters.items()}
    for _ in range(2):
        run.update()
    assert all((p != before[name]).any() for name, p in run.parameters.items())
    first = next(iter(run.parameters))
    run.parameters[first][1, 0] = np.nan
    why = f"update 3: the loss is not finite. First: {first} was given with nan at row 2, column 1 "
    with pytest.raises(FloatingPointError) as failed:
        run.update()
    assert str(failed.value).startswith(why)


@pytest.mark.parametrize(
    ("done", "changes", "why"),
    [
        (0, {"rate": 1e39}, "update 1: a parameter is not finite. First: W_f, moved by adam"),
        (1, {"optimizer": "sgd", "rate": 1e30}, r"update 2: the loss is not finite. First: step \d+, squared\[1\] = "),
    ],
)
def test_a_run_that_breaks_leaves_the_file_of_the_update_before(done, changes, why, tmp_path):
    run, path = made("sine-many", dtype="float32", clip=1e30, **changes), tmp_path / "run.npz"
    run.save(path)
    updates = train(run, path)
    for _ in range(done):
        next(updates)
    good = path.read_bytes()
    with pytest.raises(FloatingPointError, match=rf"^{why}"):
        next(updates)
    assert path.read_bytes() == good
    assert resumed(path).done == done
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_derivative_that_overflows():
    run = made(dtype="float32", model="rnn")
    for name, p in run.parameters.items():
        p[...] = {"W_y": 1e21, "b_y": 0}.get(name, 1e-3)
    why = r"^update 1: a derivative is not finite. First: the derivative of h\[3\], by step \d+, Wh_y\[3\] \(\*\)$"
    with pytest.raises(FloatingPointError, match=why):
        run.update()


def test_what_is_held_out_and_not_finite(monkeypatch):
    run = made()
    run.update()
    bad = run.next._replace(xs=[np.full_like(run.next.xs[0], np.nan), *run.next.xs[1:]])
    monkeypatch.setattr(run.task, "held_out", lambda: iter([run.next, bad]))
    why = r"^update 2: the loss on what is held out, before it, is not finite. First: x\[1\] was given with nan"
    with pytest.raises(FloatingPointError, match=why):
        run.loss_held_out()


def test_the_first_derivative_of_a_walk_that_is_not_finite():
    tape = Tape()
    x = tape.variable(np.full((2, 1), 1e-38, np.float32), "x")
    y = x * np.float32(1e30)
    z = y * np.float32(1e30)
    tape.name({"y": y, "z": z})
    with np.errstate(over="ignore"):
        d = tape.backward({"z": np.ones((1, 2), np.float32)})
        assert first_nonfinite_derivative(d) == "the derivative of x, by step 1, y (∘)"
        both = tape.backward({"y": np.full((1, 2), 3e8, np.float32), "z": np.full((1, 2), 1e-22, np.float32)})
        assert first_nonfinite_derivative(both) == "the derivative of x, by step 1, y (∘)"
        large = {v: np.full((1, 1), 3e38, np.float32) for v in (np.sum(x), np.sum(x))}
        added = first_nonfinite_derivative(tape.backward(large))
    assert added == "the derivative of x, by step 3, _3 (sum)"  # the second of two that are finite
    fine = tape.backward({"z": np.zeros((1, 2), np.float32)})
    assert first_nonfinite_derivative(fine) == "the norm of the derivatives, which overflows"


ABAB = "aab" * 40


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "aab.txt"
    path.write_text(ABAB, encoding="utf-8")
    run = Run(Options(text=str(path), hidden=12, batch=3, steps=9, rate=0.03))
    for _ in range(80):
        run.update()
    return run


def test_it_writes_what_it_learned(writer):
    assert writer.sample(10, "aab", temperature=0.2) == "aabaabaabaaba"  # which needs a memory
    assert writer.sample(10, "abaa", temperature=1e-300) == "abaabaabaabaab"
    assert writer.sample(0, "ba") == "ba"
    assert len(writer.sample(7)) == 8


def test_samples_depend_on_the_seed_and_on_the_temperature(writer):
    hot = [writer.sample(200, "a", temperature=50.0, seed=seed) for seed in (0, 0, 1)]
    assert hot[0] == hot[1] != hot[2]
    assert 80 < hot[0].count("b") < 121  # as good as even; it has learned a third
    assert writer.sample(40, "a", temperature=0.2, seed=1) in ABAB


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((5, "aXb"), r"character 2, 'X' \(U\+0058\), is not one of the 2 that were learned"),
        ((5, "a", 0.0), "temperature = 0.0: expected a number above 0"),
        ((5, "a", math.nan), "temperature = nan: expected"),
        ((-1,), "length = -1: expected 0 or more"),
        ((5, "a", 1.0, -1), "seed = -1: expected 0 or more"),
    ],
)
def test_what_cannot_be_sampled(writer, arguments, why):
    with pytest.raises(ValueError, match=why):
        writer.sample(*arguments)


def test_a_task_without_text_is_not_sampled():
    with pytest.raises(ValueError, match="the task sine-one has no text to sample"):
        made().sample(3)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": "lstm"}, "model 'lstm': there are slides, picture, "),
        ({"task": "sine"}, "task 'sine': there are text, sine-one, sine-many, adding"),
        ({"optimizer": []}, r"optimizer \[\]: there are sgd, rmsprop, adam"),
        ({"dtype": "float16"}, "dtype 'float16': there are float32, float64"),
        ({"hidden": 0}, "hidden = 0: expected a whole number of 1 or more"),
        ({"batch": 2.5}, "batch = 2.5: expected a whole number"),
        ({"steps": 0}, "steps = 0: expected a whole number of 1 or more"),
        ({"chunks": "5"}, "chunks = '5': expected a whole number"),
        ({"every": True}, "every = True: expected a whole number"),
        ({"seed": -1}, "seed = -1: expected a whole number of 0 or more"),
        ({"hidden": 10**9}, "hidden = 1000000000: the largest possible is 1,000,000"),
        ({"hidden": 10**6}, "hidden = 1000000, batch = 3: more than the 2 GB that a run can keep"),
        ({"rate": 0.0}, "rate = 0.0: expected a finite number above 0"),
        ({"rate": math.inf}, "rate = inf: expected"),
        ({"rate": 10**400}, "rate = 1000"),
        ({"beta1": 1.0}, "beta1 = 1.0: expected a number from 0 and below 1"),
        ({"eps": 0.0}, "eps = 0.0: expected a number above 0 and below 1"),
        ({"optimizer": "sgd", "beta2": 0.5}, "beta2 = 0.5: sgd has beta1"),
        ({"optimizer": "rmsprop", "beta1": 0.5}, "beta1 = 0.5: rmsprop has beta2 and eps"),
        ({"weight_decay": -1.0}, "weight_decay = -1.0: expected 0 or more"),
        ({"weight_decay": 1e6}, "weight_decay = 1000000.0: expected 0 or more, and below 1 when multiplied by"),
        ({"clip": math.nan}, "clip = nan: expected a finite number above 0"),
        ({"steps": 5, "back": 4}, "back = 4: the backward pass goes over the 5 steps of a chunk, or more"),
        ({"back": 12}, "back = 12: only the task text has one, not sine-one"),
        ({"text": "a.txt"}, "text = 'a.txt': only the task text has one, not sine-one"),
    ],
)
def test_options_that_cannot_be(changes, why):
    with pytest.raises(ValueError, match=rf"^{why}"):
        Run(SMALL._replace(**{"task": "sine-one", **changes}))


def test_the_usual_options():
    for task, steps in STEPS.items():
        full = Options(task=task).checked()
        assert (full.steps, full.back, full.rate) == (steps, steps, 3e-3)
        assert full.checked() == full
    assert len(made("sine-one", steps=None).next.xs) == 10
    assert made(seed=1).parameters["W_f"][0, 0] != made(seed=2).parameters["W_f"][0, 0]


def test_decays_are_options_of_a_run():
    moves = {}
    for decays in ({}, {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, {"beta1": 0.5}, {"weight_decay": 0.5}):
        run = made(**decays)
        before = {name: p.copy() for name, p in run.parameters.items()}
        for _ in range(2):
            run.update()
        moves[str(decays)] = np.concatenate([(run.parameters[n] - before[n]).ravel() for n in before]).tobytes()
    first, second, *others = moves.values()
    assert first == second
    assert len({first, *others}) == 3


def test_weight_decay_takes_a_part_of_every_parameter():
    run, other = made(weight_decay=0.5, rate=0.01), made(rate=0.01)
    before = {name: p.copy() for name, p in run.parameters.items()}
    for one in (run, other):
        one._move(np.zeros(sum(p.size for p in before.values()), one.options.dtype), 1.0)
    for name, p in before.items():
        np.testing.assert_allclose(run.parameters[name], p * (1 - 0.01 * 0.5), rtol=1e-6)
        assert np.array_equal(other.parameters[name], p)
