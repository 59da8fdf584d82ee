"""The command line as a user meets it: what it prints, its exit status, and one line on stderr whatever happens."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import time
from ast import literal_eval

import numpy as np
import pytest

from lstm_models import __main__ as command
from lstm_models import checkpoint, training
from lstm_models import text as english
from lstm_models.__main__ import main
from lstm_models.curve import curve
from lstm_models.models import MODELS

SINE = "--task sine-one --model rnn --hidden 4 --batch 2 --seed 5 --chunks 7 --every 3".split()
HELLO = "hello world, hello sine " * 9
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "lstm_models", *map(str, arguments)],
        capture_output=True,
        env={**BUFFERED, **environment},
        check=False,
        timeout=60,
    )


def shell(line):
    return subprocess.run(["bash", "-c", line], capture_output=True, env=BUFFERED, check=False, timeout=60)


def arrays_of(folder):
    with np.load(folder / "run.npz", allow_pickle=False) as file:
        return {name: file[name].tobytes() for name in file.files}


@pytest.fixture
def said(capsys):
    """main() with arguments: (status, stdout, stderr)."""

    def call(*arguments):
        status = main([str(a) for a in arguments])
        return status, *capsys.readouterr()

    return call


def test_a_run_says_how_it_goes(said, tmp_path):
    status, out, err = said("train", *SINE, "--out", tmp_path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "task     sine-one: 10 values of a sine, after the last of them the next one is asked"
    assert lines[1] == f"model    rnn ({MODELS['rnn'].source}), states of 4, 29 parameters, float32"
    assert lines[2] == "updates  7, of 2 side by side, adam at 0.003, norm clipped at 1"
    assert lines[3] == f"file     {tmp_path}/run.npz, after every update"
    assert lines[5].split() == ["update", "loss", "held", "out", "examples/s", "time", "left"]
    rows = [line.split() for line in lines[6:9]]
    assert [row[0] for row in rows] == ["3", "6", "7"]
    done = training.resumed(tmp_path / "run.npz")
    means = [np.mean(done.losses[a:b]) for a, b in ((0, 3), (3, 6), (4, 7))]
    assert [float(row[1]) for row in rows] == pytest.approx(means, abs=1e-4)
    assert [float(row[2]) for row in rows] == pytest.approx([loss for _, loss in done.held_out], abs=1e-4)
    assert all(re.fullmatch(r"[\d,]+ \d+:\d\d", " ".join(row[3:])) for row in rows)
    assert lines[10].startswith("picture  ")


def test_a_run_on_text_writes(said, tmp_path):
    (tmp_path / "hello.txt").write_text(HELLO)
    small = "--hidden 4 --batch 2 --steps 3 --chunks 2".split()
    status, out, _ = said("train", "--text", tmp_path / "hello.txt", *small, "--out", tmp_path / "run")
    assert status == 0
    assert f"{len(HELLO)} characters, {len(set(HELLO))} different ones" in out
    assert "characters/s" in out
    written = literal_eval(out.splitlines()[-1].removeprefix("it writes: "))
    assert len(written) == 301
    assert set(written) <= set(HELLO)
    status, out, err = said("sample", tmp_path / "run", "--length", 20, "--prompt", "hello", "--seed", 3)
    assert (status, err) == (0, "")
    assert len(out) == 26
    assert out == said("sample", tmp_path / "run", "--length", 20, "--prompt", "hello", "--seed", 3)[1]
    status, out, err = said("sample", tmp_path / "run", "--prompt", "Hello")
    assert (status, out) == (2, "")
    assert err == "lstm_models: character 1, 'H' (U+0048), is not one of the 12 that were learned\n"


def test_the_english_text_by_default(tmp_path, monkeypatch):
    monkeypatch.setattr(english, "text", lambda: HELLO)
    run = command.begun(tmp_path / "run.npz", {"hidden": 4, "batch": 2, "steps": 3}, resume=False)
    assert run.fingerprint == english.fingerprint(HELLO)
    monkeypatch.setattr(english, "text", lambda: HELLO + "of another Python")
    with pytest.raises(ValueError, match=r"^the text that comes with this Python is not the text that "):
        command.begun(tmp_path / "run.npz", {}, resume=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "{text} is empty; expected a text file"),
        (b"abc", "the text has 3 characters; 32 streams of 50 time steps need 1,813, with what is held out: take a"),
        ("café".encode("latin-1") * 999, "{text} is not UTF-8 text: byte 0xe9 at offset 3; convert it first"),
        ("hello ".encode("utf-16") * 999, "{text} is not UTF-8 text: byte 0xff at offset 0; convert it first"),
        (None, "{text}: No such file or directory; expected a text file"),
        (os.mkdir, "{text} is a folder; expected a text file"),
        (os.mkfifo, "{text} is not a file; expected a text file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_texts_that_cannot_be_learned(content, why, said, tmp_path):
    text = tmp_path / "text.txt"
    if isinstance(content, bytes):
        text.write_bytes(content)
    elif content:
        content(text)
    status, out, err = said("train", "--text", text, "--out", tmp_path / "run")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("lstm_models: " + why.format(text=text))
    assert not (tmp_path / "run").exists()


def test_texts_are_read_as_they_are_meant(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffΕλληνικά\r\n中文\r😀\n".encode())
    assert english.read(path) == "Ελληνικά\n中文\n😀\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everything")
def test_what_the_user_may_not(said, tmp_path):
    text = tmp_path / "text.txt"
    text.touch(mode=0)
    assert said("train", "--text", text) == (2, "", f"lstm_models: {text}: Permission denied; expected a text file\n")
    tmp_path.chmod(0o500)
    why = f"lstm_models: {tmp_path}/run.npz: Permission denied; --out takes another folder\n"
    assert said("train", *SINE, "--out", tmp_path) == (2, "", why)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "the following arguments are required: command; python -m lstm_models --help says more"),
        (["train", "--hidden", "many"], "argument --hidden: invalid int value: 'many'; python -m lstm_models train"),
        (["train", "--model", "lstm"], "argument --model: invalid choice: 'lstm' (choose from "),
        (["train", "--faster"], "unrecognized arguments: --faster; "),
        (["train", "--hidden", "0"], "hidden = 0: expected a whole number of 1 or more"),
        (["train", "--steps", "0"], "steps = 0: expected a whole number of 1 or more"),
        (["train", "--batch", "0"], "batch = 0: expected a whole number of 1 or more"),
        (["train", "--rate", "nan"], "rate = nan: expected a finite number above 0"),
        (["train", "--task", "adding", "--text", "a"], "text = 'a': only the task text has one, not adding"),
        (["sample", "--temperature", "x"], "argument --temperature: invalid float value: 'x'; python -m"),
        (["sample", "no/such"], "no/such/run.npz is not there: give the folder of a run"),
    ],
)
def test_wrong_arguments(arguments, why, capsys):
    status = 0
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("lstm_models: " + why)


def test_folders(said, tmp_path):
    file, folder = tmp_path / "file", tmp_path / "a" / "b"
    file.touch()
    assert said("train", *SINE, "--out", file)[::2] == (2, f"lstm_models: {file} is a file; --out takes a folder\n")
    below = f"lstm_models: {file / 'below'}: Not a directory; --out takes another folder\n"
    assert said("train", *SINE, "--out", file / "below")[::2] == (2, below)
    assert said("train", "--resume", "--out", folder)[0] == 2
    assert not folder.exists()
    assert said("train", *SINE, "--out", folder)[0] == 0
    good = arrays_of(folder)
    there = f"lstm_models: {folder}/run.npz exists: --resume goes on with it, --out takes another folder\n"
    assert said("train", *SINE, "--out", folder)[::2] == (2, there)
    for option, own in (("--hidden 5", 4), ("--rate 0.1", 0.003), ("--text a.txt", None)):
        other = f"lstm_models: {option}: {folder}/run.npz has {own}; with --resume only --chunks may differ\n"
        assert said("train", "--resume", "--out", folder, *option.split()) == (2, "", other)
    assert arrays_of(folder) == good
    status, out, _ = said("train", *SINE, "--resume", "--chunks", 9, "--out", folder)
    assert status == 0
    assert "after every update; 7 are done" in out
    assert training.resumed(folder / "run.npz").done == 9
    with checkpoint.alone(folder):
        status, _, err = said("train", "--resume", "--chunks", 12, "--out", folder)
    assert (status, err) == (2, f"lstm_models: {folder}: another run is training there; --out takes another folder\n")


def breaking(error, after):
    """`checkpoint.save` that fails after some calls."""
    save, calls = checkpoint.save, []

    def run(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise error
        save(*arguments)

    return run


GOING_ON = "; {path} has every update before: --resume goes on"


@pytest.mark.parametrize(
    ("error", "status", "at_first", "why"),
    [
        (KeyboardInterrupt(), 130, 130, "stopped"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, 1, "nobody reads the output any more"),
        (OSError(errno.ENOSPC, "No space left on device", "a"), 1, 2, "a: No space left on device"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, 2, "the output: No space left on device"),
        (MemoryError(), 1, 2, "not enough memory; --hidden, --batch and --steps can be smaller"),
    ],
    ids=["Ctrl-C", "pipe", "disk", "output", "memory"],
)
def test_runs_that_break(error, status, at_first, why, said, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "save", breaking(error, 4))
    broken = said("train", *SINE, "--out", tmp_path)
    assert broken[::2] == (status, f"lstm_models: {why}{GOING_ON.format(path=tmp_path / 'run.npz')}\n")
    assert training.resumed(tmp_path / "run.npz").done == 3  # the first save is of none
    monkeypatch.setattr(checkpoint, "save", breaking(error, 0))
    advice = "; --out takes another folder" if getattr(error, "filename", None) else ""
    assert said("train", *SINE, "--out", tmp_path / "b") == (at_first, "", f"lstm_models: {why}{advice}\n")


def test_a_loss_that_is_not_finite(said, tmp_path):
    hot = ["--optimizer", "sgd", "--rate", 1e30, "--clip", 1e30]
    status, _, err = said("train", *SINE, *hot, "--out", tmp_path)
    assert status == 1
    assert re.fullmatch(
        r"lstm_models: update 2: the loss is not finite. First: step \d+, squared\[10\] = .*, made inf at row 1, .*; "
        rf"start again in another folder with a smaller --rate; {tmp_path}/run.npz has every update before\n",
        err,
    )
    assert training.resumed(tmp_path / "run.npz").done == 1


def test_killed_and_resumed(said, tmp_path):
    options = [*SINE, "--chunks", 400, "--every", 150, "--engine", "numpy"]
    assert said("train", *options, "--out", tmp_path / "whole")[0] == 0
    folder = tmp_path / "cut"
    process = subprocess.Popen(
        [sys.executable, "-m", "lstm_models", "train", *map(str, options), "--out", folder],
        stdout=subprocess.DEVNULL,
    )
    while not done(folder) > 30:
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert 30 < done(folder) < 400
    assert said("train", "--resume", "--out", folder)[0] == 0
    assert arrays_of(folder) == arrays_of(tmp_path / "whole")
    assert not {"run.npz.new", "run.npz.before"} & {*os.listdir(folder)}


def done(folder):
    with contextlib.suppress(ValueError):
        return len(checkpoint.load(folder / "run.npz")[1]["losses"])
    return 0


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "lstm_models", "train", *SINE, "--chunks", "100000", "--out", tmp_path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while not done(tmp_path):
        time.sleep(0.001)
    while process.poll() is None:  # the impatient too
        process.send_signal(signal.SIGINT)
        time.sleep(0.0005)
    err = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130
    assert err == f"lstm_models: stopped{GOING_ON.format(path=tmp_path / 'run.npz')}\n"
    assert os.listdir(tmp_path) == ["run.npz"]


def test_ctrl_c_where_python_drops_it(tmp_path):
    """In a __del__ an exception only gets a line on stderr: the run stops after the update, and does not go on."""
    path = tmp_path / "run.npz"
    started = command.begun(path, {"task": "sine-one", "model": "rnn", "hidden": 4, "batch": 2, "chunks": 50}, False)
    before = signal.getsignal(signal.SIGINT)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            command.stop()
        with pytest.raises(KeyboardInterrupt):
            command.trained(path, started)
    finally:
        signal.signal(signal.SIGINT, before)
    assert started.done == 1
    assert done(tmp_path) == 1


@pytest.mark.slow
def test_outputs_that_are_closed_full_or_ascii(tmp_path):
    (tmp_path / "text.txt").write_text("Ελληνικά 😀 " * 20, encoding="utf-8")
    started = f'"{sys.executable}" -m lstm_models'
    small = f'--text "{tmp_path}/text.txt" --model rnn --hidden 3 --batch 2 --steps 3 --chunks 150 --every 1'
    head = shell(f'{started} train {small} --out "{tmp_path}/a" | head -n 1; exit ${{PIPESTATUS[0]}}')
    assert head.returncode == 1
    going_on = GOING_ON.format(path=tmp_path / "a" / "run.npz")
    assert head.stderr.decode() == f"lstm_models: nobody reads the output any more{going_on}\n"
    closed = shell(f'{started} train --resume --out "{tmp_path}/a" >&-')
    assert (closed.returncode, closed.stderr) == (0, b"")
    assert done(tmp_path / "a") == 150
    ascii_ = run("sample", tmp_path / "a", "--prompt", "ά", "--length", 3, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert (ascii_.returncode, ascii_.stderr) == (0, b"")
    assert ascii_.stdout.startswith(rb"\u03ac")


def test_the_picture(tmp_path, monkeypatch, said):
    pytest.importorskip("matplotlib")
    lines = {"learned from": [(1, 3.0), (2, 2.0), (3, 1.5)], "held out": [(2, 2.5), (3, 1.8)]}
    assert curve(tmp_path / "loss.svg", lines, "nats", "title")
    drawn = (tmp_path / "loss.svg").read_text()
    assert all(f"<!-- {words} -->" in drawn for words in ("learned from", "held out", "update", "loss, nats", "title"))
    assert {"#1f4e79", "#c8551b"} <= {*re.findall("stroke: (#[0-9a-f]+)", drawn)}
    again = tmp_path / "again.svg"
    curve(again, {**lines, "held out": [(3, 1.8)]}, "nats", "title")
    assert again.exists()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(command, "curve", full)
    status, out, _ = said("train", *SINE, "--out", tmp_path / "run")
    assert status == 0
    assert out.splitlines()[-1] == f"picture  not drawn: {tmp_path}/run/loss.svg: No space left on device"
