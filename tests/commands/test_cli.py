"""The command line: what it prints, its exit status, and no traceback whatever happens."""

import os
import runpy
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

from lstm_models import demo
from tests.support.paths import ROOT
from tests.support.sampling import sampled
from tinyad import __version__, cli
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


def test_help_on_a_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--help"])
    assert not stopped.value.code
    assert "--out FOLDER" in capsys.readouterr().out


def test_wrong_arguments():
    done = tinyad()
    assert done.returncode == 2
    assert b"usage: tinyad" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demon"], "tinyad: argument command: demon is none of demo, new, "),
        (["demon"], "; did you mean demo?; `tinyad --help` says more\n"),
        (["demo", "--fast"], "tinyad demo: --fast: not known; `tinyad demo --help` says more\n"),
        (["check", "--outptu-format", "json"], "--outptu-format: not known; did you mean --output-format?; "),
        (["check", "--output-format", "jsn"], "jsn is none of text, json, github, sarif, junit; did you mean json?"),
        (["check", "--seed", "-1"], "'-1' is no whole number of 0 or more"),
        (["check", "--seed", "x"], "'x' is no whole number of 0 or more"),
        (["check", "--timeout", "soon"], "soon is no number of seconds above 0"),
        (["check", "--all=\x1b[2J"], "\\x1b[2J"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert __version__ == project["version"]
    assert tinyad("--version").stdout.decode().strip() == f"tinyad {project['version']}"


def test_the_version_of_a_folder_that_is_not_installed(monkeypatch):
    def no_version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", no_version)
    assert runpy.run_path(ROOT / "tinyad/commands/version.py")["__version__"] == "unknown"


def test_no_demo_is_registered(monkeypatch, capsys):
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    assert main(["demo"]) == 2
    assert capsys.readouterr().err == (
        "tinyad: no installed package brings a demo: none registers an entry point of the group tinyad.demo\n"
    )


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


@pytest.mark.slow
def test_the_demo_on_an_ascii_terminal(tmp_path):
    done = tinyad("demo", "--out", str(tmp_path / "a folder"), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert done.stdout.decode("ascii").splitlines()[-1].startswith("verdict: right. 283 derivatives")
    names = sorted(path.name for path in (tmp_path / "a folder").iterdir())
    assert names[:3] == ["derivation.tex", "derivation.txt", "graph.svg"]


def run_in_shell(arguments, redirection):
    command = f'"{sys.executable}" -m tinyad {arguments} {redirection}'
    return subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=300)


# arguments, what they write, what they print last
JOBS = [
    ("report rnn --out", "", "rnn, right"),
    pytest.param("demo --out", "/graph.svg", "verdict: right", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("job", "file", "last"), JOBS)
def test_a_closed_output(tmp_path, job, file, last):
    done = run_in_shell(f'{job} "{tmp_path / "out"}"', ">&-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / f"out{file}").exists()


@pytest.mark.parametrize(("job", "file", "last"), JOBS)
def test_a_closed_error_output(tmp_path, job, file, last):
    done = run_in_shell(f'{job} "{tmp_path / "out"}"', "2>&-")
    assert done.returncode == 0
    assert last in done.stdout.decode().splitlines()[-1]


@pytest.mark.parametrize(("job", "lines"), [("report rnn", 0), pytest.param("demo", 1, marks=pytest.mark.slow)])
def test_a_reader_that_stops(tmp_path, job, lines):
    done = run_in_shell(f'{job} --out "{tmp_path / "out"}"', f"| head -n {lines}")
    assert done.stderr == b""


FULL = [
    ("tinyad", ["report", "rnn"]),
    ("tinyad", ["check", "FILE"]),
    (
        "lstm_models",
        ["train", "--task", "sine-one", "--model", "rnn", "--hidden", "3", "--batch", "2", "--chunks", "2"],
    ),
]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("program", "arguments"), sampled(FULL, 2))
def test_an_output_that_is_full(tmp_path, program, arguments, unbuffered):
    """Whether the output is buffered, and so refused only when it is flushed, or not."""
    done = with_a_full_output(tmp_path, program, arguments, unbuffered)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"{program}: ")
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("program", sampled(["tinyad", "lstm_models"], 2))
def test_help_on_an_output_that_is_full(tmp_path, program):
    done = with_a_full_output(tmp_path, program, ["--help"], "")  # unbuffered, argparse itself drops the error
    assert done.returncode == 2
    assert done.stderr.startswith(f"{program}: ")
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def with_a_full_output(tmp_path, program, arguments, unbuffered):
    (tmp_path / "FILE").write_text(
        "```declare\ngiven: ∇h\nx: N×1\n```\n```forward\nh = tanh(x)\n```\n```backward\n∇x = ∇h\n```\n"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": os.getcwd()}
    with open("/dev/full", "w") as full:
        return subprocess.run(
            [sys.executable, "-m", program, *arguments],
            stdout=full, stderr=subprocess.PIPE, encoding="utf-8", env=environment, cwd=tmp_path, timeout=120,
        )  # fmt: skip
