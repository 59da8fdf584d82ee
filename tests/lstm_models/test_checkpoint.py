"""Checkpoints: written whole or not at all, read with distrust, and never touched by reading."""

import errno
import io
import json
import os
import pickle
import signal
import threading
import zipfile

import numpy as np
import pytest

from lstm_models import checkpoint, training
from lstm_models.training import Options, Run, opened, resumed, train

BLOCK = np.array(((1.5, 2.5), [[3, 4, 5]]), dtype=[("W", "<f4", (2,)), ("b", "<f8", (1, 3))])
KEPT = {"block": BLOCK, "none": np.zeros((0, 2)), "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3))}


class Killed(BaseException):
    """What no handler of errors expects."""


def content(path):
    header, arrays = checkpoint.load(path)
    return header["n"], {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_what_is_saved_is_loaded_and_plain(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.save(path, {"n": 1, "text": "Ελλ 😀"}, KEPT)
    assert content(path) == (1, {name: (a.dtype, a.shape, a.tobytes()) for name, a in KEPT.items()})
    assert checkpoint.load(path)[0]["text"] == "Ελλ 😀"
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        checkpoint.save(tmp_path / "other.npz", {}, {"a": np.array([print])})
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file.files) == ["block", "columns", "header", "none"]
        assert (file["columns"] == KEPT["columns"]).all()
        assert file["block"]["b"].tolist() == [[3, 4, 5]]


def test_saves_of_other_sizes_over_one_another(tmp_path):
    path = tmp_path / "run.npz"
    for n in (900, 10, 500, 3, 0, 700):
        checkpoint.save(path, {"n": n}, {"a": np.full(n, float(n))})
        assert checkpoint.load(path)[1]["a"].tolist() == [n] * n
        assert zipfile.ZipFile(path).testzip() is None
        assert path.stat().st_size < 8 * n + 1000
    checkpoint.tidy(path)
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_run_that_is_killed_while_it_saves(call, before, tmp_path, monkeypatch):
    path, calls = tmp_path / "run.npz", []
    for n in range(before):
        checkpoint.save(path, {"n": n}, {"a": np.full(3, n)})

    def dying(function):
        def run(*arguments, **named):
            if len(calls) == call:
                if len(calls) < 2:
                    arguments[0].write(b"half of it")
                raise Killed
            calls.append(function)
            return function(*arguments, **named)

        return run

    with monkeypatch.context() as patch:
        for module, name in ((np.lib.format, "write_array"), (os, "link"), (os, "replace")):
            patch.setattr(module, name, dying(getattr(module, name)))
        with pytest.raises(Killed):
            checkpoint.save(path, {"n": 50}, {"a": np.full(4, 50)})
    assert checkpoint.load(path)[0]["n"] == (50 if call == 4 else before - 1)
    for n in (51, 52, 53):
        checkpoint.save(path, {"n": n}, {"a": np.full(n, n)})
        assert checkpoint.load(path)[1]["a"].tolist() == [n] * n
    assert {*os.listdir(tmp_path)} == {"run.npz", "run.npz.new"}


@pytest.mark.parametrize("copy", [os.link, os.symlink])
def test_another_name_for_the_file_keeps_its_content(copy, tmp_path):
    path, mine = tmp_path / "run.npz", tmp_path / "mine.npz"
    checkpoint.save(path if copy is os.link else mine, {"n": 1}, KEPT)
    copy(*((path, mine) if copy is os.link else (mine, path)))
    for n in (2, 3, 4, 5):
        checkpoint.save(path, {"n": n}, {})
    assert content(mine)[0] == 1
    assert content(path)[0] == 5


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for n in (1, 2, 3):
        checkpoint.save(tmp_path / "run.npz", {"n": n}, {})
    assert content(tmp_path / "run.npz")[0] == 3


@pytest.mark.parametrize("function", ["save", "back_up"])
def test_a_disk_that_is_full(function, tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    checkpoint.save(path, {"n": 1}, KEPT)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((np.lib.format, "write_array", full) if function == "save" else (os, "fsync", full)))
    with pytest.raises(OSError, match="No space left on device") as failed:
        checkpoint.save(path, {"n": 2}, KEPT) if function == "save" else checkpoint.back_up(path)
    assert failed.value.filename == str(path if function == "save" else checkpoint.backup(path))
    assert content(path)[0] == 1
    checkpoint.tidy(path)
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_what_belongs_together(tmp_path, monkeypatch):
    done = []
    handler = signal.getsignal(signal.SIGINT)

    def together():
        with checkpoint.undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")
        done.append("more")

    with pytest.raises(KeyboardInterrupt):
        together()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is handler

    path, write = tmp_path / "run.npz", np.lib.format.write_array

    def interrupted(*arguments, **named):
        signal.raise_signal(signal.SIGINT)
        write(*arguments, **named)

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {"n": 7}, {})
    assert content(path)[0] == 7

    def elsewhere():  # where a handler cannot be set
        with checkpoint.undisturbed():
            done.append("in a thread")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == ["all of it", "in a thread"]


def test_a_backup_for_a_power_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BACKED_UP", -1.0)
    path = tmp_path / "run.npz"
    assert len(list(train(Run(TINY), path))) == 2
    assert {*os.listdir(tmp_path)} == {"run.npz", "run.backup.npz"}
    path.write_bytes(b"")
    older = tmp_path / "run.backup.npz"
    with pytest.raises(ValueError, match=r"run.npz is damaged.*run.backup.npz is an older one: copy it there$"):
        resumed(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"run.npz is not there; .*run.backup.npz is an older one: copy it there$"):
        resumed(path)
    path.write_bytes(older.read_bytes())
    assert resumed(path).done == 2


def test_two_runs_in_one_folder(tmp_path):
    path, other = tmp_path / "run.npz", tmp_path / "other"
    other.mkdir()
    one = train(Run(TINY), path)
    next(one)
    with pytest.raises(ValueError, match="another run is training there; --out takes another folder"):
        next(train(Run(TINY), path))
    assert len(list(train(Run(TINY), other / "run.npz"))) == 2
    one.close()
    assert len(list(train(resumed(path), path))) == 1


TINY = Options(model="rnn", task="adding", steps=3, hidden=3, batch=2, chunks=2, every=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(the bytes of a checkpoint, what is in it)."""
    path = tmp_path_factory.mktemp("run") / "run.npz"
    list(train(Run(TINY), path))
    return path.read_bytes(), restored(path)


def restored(path):
    run = resumed(path)
    blocks = {name: (a.dtype, a.tobytes()) for name, a in run.arrays.items()}
    return run.options, list(run.losses), run.held_out, blocks


def refused(path, data):
    """Why the file is not resumed; None if it is.  Reading leaves it as it is."""
    path.write_bytes(data)
    os.utime(path, ns=(10**18, 10**18))
    try:
        return restored(path)
    except ValueError as error:
        why = str(error)
    assert path.read_bytes() == data
    assert path.stat().st_mtime_ns == 10**18
    assert why.startswith(str(path))
    assert "\n" not in why
    assert os.listdir(path.parent) == [path.name]
    return why[len(str(path)) + 1 :]


def test_damage_is_refused_or_does_no_harm(trained, tmp_path):
    good, content = trained
    rng = np.random.default_rng(0)
    harmless, files = 0, [good[:n] for n in rng.integers(0, len(good), 60)]
    for at in rng.integers(0, len(good), 200):
        files.append(good[:at] + bytes([good[at] ^ 1 << int(rng.integers(8))]) + good[at + 1 :])
        files.append(good[:at] + rng.bytes(int(rng.integers(40))) + good[at + int(rng.integers(40)) :])
    for data in files:
        why = refused(tmp_path / "run.npz", data)
        assert isinstance(why, str) or why == content
        harmless += not isinstance(why, str)
    assert harmless < len(files) / 5
    assert refused(tmp_path / "run.npz", good) == content


def rewritten(good, header=None, raw=None, **changes):
    """The checkpoint with another header, other options or arrays; None drops one."""
    with np.load(io.BytesIO(good)) as file:
        arrays = {name: file[name] for name in file.files}
    own = json.loads(arrays["header"].item())
    own["options"] |= (header or {}).pop("options", {})
    arrays["header"] = np.array(json.dumps(own | (header or {}))) if raw is None else raw
    stream = io.BytesIO()
    for name, change in changes.items():
        arrays[name.replace("_", " ")] = change(arrays) if callable(change) else change
    np.savez(stream, **{name: array for name, array in arrays.items() if array is not None})
    return stream.getvalue()


def first_is(number):
    def change(arrays):
        block = arrays["m"].copy()
        block["b"][0, 0] = number
        return block

    return change


HOSTILE = [  # options, and what is said of them
    ({"hidden": 10**9}, "hidden = 1000000000: the largest possible is 1,000,000"),
    ({"hidden": "3"}, "hidden = '3': expected a whole number"),
    ({"hidden": 20000}, "'parameters' is not of the sizes that follow from the options"),
    ({"hidden": 4}, "'parameters' is not of the sizes"),
    ({"batch": 10**6}, "'start' is not of the sizes"),
    ({"steps": 10**9}, "steps = 1000000000: the largest possible"),
    ({"every": 0}, "every = 0: expected a whole number of 1 or more"),
    ({"model": []}, "model []: there are slides"),
    ({"model": "gru"}, "'parameters' is not of the sizes"),
    ({"task": "text"}, "the task text with the text ''"),
    ({"rate": "fast"}, "rate = 'fast': expected a finite number above 0"),
    ({"text": 5}, "expected str, bytes or os.PathLike object, not int"),
    ({"colour": 1}, "unexpected keyword argument 'colour'"),
    ({"dtype": "float64"}, "'parameters' is not of the sizes"),
    ({"seed": None}, "seed = None: expected a whole number of 0 or more"),
]
MADE_UP = [  # changes of the file, and what is said of them
    ({"losses": None}, "does not hold together: 'losses' is missing"),
    ({"m": None}, "does not hold together: 'm' is missing"),
    ({"m": first_is(np.nan)}, "does not hold together: 'm' is not finite"),
    ({"m": first_is(np.inf)}, "does not hold together: 'm' is not finite"),
    ({"m": lambda arrays: arrays["m"].reshape(1)}, "does not hold together: 'm' is not of the sizes"),
    ({"v": np.zeros(7, np.float32)}, "does not hold together: 'v' is not of the sizes"),
    ({"losses": np.zeros((2, 1))}, "does not hold together: 'losses' is not of the sizes"),
    ({"losses": np.array(0.5)}, "does not hold together: 'losses' is not of the sizes"),
    ({"losses": np.zeros(2, np.float32)}, "does not hold together: 'losses' is not of the sizes"),
    ({"losses": np.zeros(3)}, "has 3 updates already, chunks = 2: give more, or none"),
    ({"held_out": np.zeros((1, 3))}, "does not hold together: 'held out' is not of the sizes"),
    ({"held_out": np.full((1, 2), np.inf)}, "does not hold together: 'held out' is not finite"),
    ({"header": {"version": 2}}, "has version 2, this program knows version 1: use the tinyad that wrote it"),
    ({"header": {"format": "other"}}, "is not a checkpoint of a tinyad run, but 'other'"),
    ({"header": {"alphabet": "abc"}}, "does not hold together: the task adding with the text 'abc'"),
    ({"header": {"text": None}}, "does not hold together: the task adding with the text None"),
    ({"raw": np.array("[" * 100_000)}, "is not a checkpoint of a tinyad run: it has no header"),
    ({"raw": np.array(["{}", "{}"])}, "is not a checkpoint of a tinyad run: it has no header"),
    ({"raw": np.array(1.0)}, "is not a checkpoint of a tinyad run: it has no header"),
    ({"raw": np.array([print])}, "is damaged, or not a checkpoint (header.npy has objects)"),
    ({"m": np.array([print])}, "is damaged, or not a checkpoint (m.npy has objects)"),
]


@pytest.mark.parametrize(("options", "why"), HOSTILE)
def test_options_that_somebody_made_up(options, why, trained, tmp_path):
    said = refused(tmp_path / "run.npz", rewritten(trained[0], {"options": options}))
    assert said.startswith("does not hold together: ")
    assert why in said
    assert said.endswith("; start again in another folder")


@pytest.mark.parametrize(("changes", "why"), MADE_UP, ids=lambda value: value if isinstance(value, str) else "")
def test_a_file_that_somebody_made_up(changes, why, trained, tmp_path):
    copy = changes | ({"header": dict(changes["header"])} if "header" in changes else {})
    assert why in refused(tmp_path / "run.npz", rewritten(trained[0], **copy))


def zipped(compression=zipfile.ZIP_STORED, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return stream.getvalue()


def claiming(shape, dtype="'<f8'", version=1):
    """The beginning of an .npy that says it is of this size."""
    head = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(head).to_bytes(2, "little") + head + bytes(16)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", ""),
        (b"losses: 1, 2, 3", ""),
        (pickle.dumps(Evil()), ""),
        (zipped(header=b"not an array"), ""),
        (zipped(header=claiming("(10,)"), compression=zipfile.ZIP_DEFLATED), "its arrays are compressed"),
        (zipped(header=claiming("(1000000000000,)")), ""),
        (zipped(header=claiming("(100000000, 1000000000000)")), ""),
        (zipped(header=claiming("(2,)", "[('a', '<f8', (100000, 100000))]")), ""),
        (zipped(header=claiming("(2,)", "'|O'")), "header.npy has objects"),
        (zipped(header=claiming("()", version=3)), "header.npy is of an unknown version of .npy"),
        (zipped(header=claiming("(((((")), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_something_else(data, why, tmp_path):
    said = refused(tmp_path / "run.npz", data)
    assert said.startswith("is damaged, or not a checkpoint (")
    assert why in said


def test_parts_that_share_their_bytes(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.npy", bytes(1000))
        file.filelist *= 1000
    assert "its members are larger than the file" in refused(tmp_path / "run.npz", stream.getvalue())


def test_what_is_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"run.npz is not there: give the folder of a run$"):
        checkpoint.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r" is not a file; give the folder of a run$"):
        checkpoint.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")  # to read it would wait for ever
    with pytest.raises(ValueError, match=r"pipe is not a file"):
        checkpoint.load(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be read \(Not a directory\)"):
        checkpoint.load(tmp_path / "file" / "run.npz")


def test_a_model_is_opened_without_its_text(tmp_path):
    written, path = tmp_path / "text.txt", tmp_path / "run.npz"
    written.write_text("to be or not to be " * 3)
    run = Run(Options(text=str(written), hidden=4, batch=2, steps=3))
    run.save(path)
    written.unlink()
    o, alphabet, _, arrays = opened(path)
    assert (o, alphabet) == (run.options, " benort")
    said = training.sample(o, alphabet, {name: arrays["parameters"][name] for name in run.parameters}, 9, "to")
    assert said == run.sample(9, "to")
    with pytest.raises(ValueError, match=r"text.txt: No such file or directory; expected a text file"):
        resumed(path)
