"""Two processes train together; where one is killed, the other one says so, and both can go on."""

import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from lstm_models import __main__ as command
from lstm_models.training import opened
from tests.support.paths import ROOT
from tests.support.training_text import STRING

SECONDS = 120


def started(arguments, process):
    free = ["--coordinator", arguments[0], "--processes", "2", "--process", str(process)]
    return subprocess.Popen(
        [sys.executable, "-m", "lstm_models", "train", *arguments[1:], *free],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def arguments(tmp_path):
    text = tmp_path / "text"
    text.write_text(STRING, encoding="utf-8")
    sizes = "--hidden 7 --batch 4 --steps 4 --dtype float64 --every 1000 --chunks 30".split()
    return ["--text", str(text), *sizes]


def both(arguments, out):
    where = address()
    pair = [started([where, *arguments, "--out", str(out)], k) for k in range(2)]
    said = [process.communicate(timeout=SECONDS)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(arguments, tmp_path):
    pytest.importorskip("jax")
    assert command.main(["train", *arguments, "--out", str(tmp_path / "one")]) == 0
    both(arguments, tmp_path / "two")
    one, two = (opened(tmp_path / name / "run.npz")[-1]["losses"] for name in ("one", "two"))
    assert np.allclose(two, one, rtol=1e-10, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_where_one_is_killed_the_other_says_so_and_both_can_go_on(killed, arguments, tmp_path):
    pytest.importorskip("jax")
    out, where = tmp_path / "killed", address()
    pair = [started([where, *arguments[:-1], "1000000", "--out", str(out)], k) for k in range(2)]
    while not (out / "run.npz").exists() or len(opened(out / "run.npz")[-1]["losses"]) < 5:
        assert pair[0].poll() is None
        time.sleep(0.1)
    pair[killed].send_signal(signal.SIGKILL)
    begin = time.monotonic()
    said, _ = pair[1 - killed].communicate(timeout=SECONDS)
    assert time.monotonic() - begin < 30
    assert pair[1 - killed].returncode == 1, said
    assert re.search(r"lstm_models: 127.*another process has ended, .*run\.npz has every update before: --resume", said)
    pair[killed].communicate()

    done = len(opened(out / "run.npz")[-1]["losses"])
    both([*arguments[:-1], str(done + 5), "--resume"], out)
    assert command.main(["train", *arguments[:-1], str(done + 5), "--out", str(tmp_path / "one")]) == 0
    one, two = (opened(tmp_path / name / "run.npz")[-1]["losses"] for name in ("one", "killed"))
    assert np.allclose(two, one, rtol=1e-10, atol=0)


@pytest.mark.slow
def test_different_runs_are_refused(arguments, tmp_path):
    pytest.importorskip("jax")
    where = address()
    pair = [started([where, *arguments, "--out", str(tmp_path / "out"), "--seed", str(k)], k) for k in range(2)]
    for process in pair:
        assert "the processes start from different runs" in process.communicate(timeout=SECONDS)[0]
        assert process.returncode != 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--processes 2", "--coordinator, --processes and --process go together"),
        ("--coordinator here --processes 2 --process 0", "coordinator = 'here': expected HOST:PORT"),
        ("--coordinator a:1 --processes 2 --process 2", "process 2 of 2: expected 2 processes or more, counted from 0"),
        ("--coordinator a:1 --processes 1 --process 0", "process 0 of 1: expected 2 processes or more"),
    ],
)
def test_what_is_impossible(given, said, arguments, tmp_path, capsys):
    assert command.main(["train", *arguments, "--out", str(tmp_path / "out"), *given.split()]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nobody_at_the_address(arguments, tmp_path, capsys, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr("lstm_models.processes.WAIT", 0.5)
    given = ["--coordinator", address(), "--processes", "2", "--process", "1"]
    assert command.main(["train", *arguments, "--out", str(tmp_path / "out"), *given]) == 2
    assert "no process 0 in 0.5 seconds (Connection refused)" in capsys.readouterr().err
