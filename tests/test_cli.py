"""The command line: what it prints, its exit status, and no traceback whatever happens."""

import os
import subprocess
import sys

import pytest

from lstm_models import demo
from tinyad.cli import main


def tinyad(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "tinyad", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def test_help():
    done = tinyad("--help")
    assert done.returncode == 0
    assert b"usage: tinyad" in done.stdout
    assert b"demo" in done.stdout
    assert b"--out FOLDER" in tinyad("demo", "--help").stdout


@pytest.mark.parametrize("arguments", [(), ("demon",), ("demo", "--fast")])
def test_wrong_arguments(arguments):
    done = tinyad(*arguments)
    assert done.returncode == 2
    assert b"usage: tinyad" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = tinyad("demo", "--out", str(tmp_path / "file" / "below"))
    assert done.returncode == 2
    assert done.stderr.decode().startswith("tinyad: cannot write to ")
    assert done.stderr.decode().strip().endswith("choose a folder with --out")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
def test_exit_status(monkeypatch, tmp_path, right, status):
    monkeypatch.setattr(demo, "run", lambda folder: right)
    assert main(["demo", "--out", str(tmp_path)]) == status


def test_interrupted(monkeypatch, capsys, tmp_path):
    def stop(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", stop)
    assert main(["demo", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "tinyad: stopped\n"


def test_the_demo_on_an_ascii_terminal(tmp_path):
    done = tinyad("demo", "--out", str(tmp_path / "a folder"), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert done.stdout.decode("ascii").splitlines()[-1].startswith("verdict: right. 283 derivatives")
    names = sorted(path.name for path in (tmp_path / "a folder").iterdir())
    assert names[:3] == ["derivation.tex", "derivation.txt", "graph.svg"]


def run_in_shell(redirection, folder):
    command = f'"{sys.executable}" -m tinyad demo --out "{folder}" {redirection}'
    return subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=120)


def test_a_closed_output(tmp_path):
    done = run_in_shell(">&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "graph.svg").exists()


def test_a_closed_error_output(tmp_path):
    done = run_in_shell("2>&-", tmp_path)
    assert done.returncode == 0
    assert "verdict: right" in done.stdout.decode().splitlines()[-1]


def test_a_reader_that_stops(tmp_path):
    done = run_in_shell("| head -n 1", tmp_path)
    assert done.stderr == b""
