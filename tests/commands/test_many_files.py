"""Many files at once: the same output as one after the other, and a process that ends takes no other file with it."""

import json

import pytest

from tests.support.derivation_texts import CELL, RNN, fenced
from tests.support.sampling import sampled
from tinyad.cli import main


@pytest.fixture
def files(tmp_path):
    texts = {"cell.md": fenced(*CELL), "rnn.md": fenced(*RNN), "wrong.md": fenced(*RNN).replace("1 - h_t²", "1 + h_t²")}
    texts["nothing.md"] = "no blocks"
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [str(tmp_path / name) for name in texts]


@pytest.mark.parametrize("option", sampled(["--json", "--summary"], 2))
def test_several_processes_print_what_one_does(files, capsys, option):
    printed = []
    for jobs in ("1", "3"):
        assert main(["check", "--no-suggest", option, "--jobs", jobs, *files]) == 2
        printed.append(capsys.readouterr())
    assert printed[0] == printed[1]
    assert printed[0].out.count("wrong.md") >= 1
    assert "nothing.md" in printed[0].err


def test_a_process_that_ends_takes_no_other_file_with_it(files, tmp_path, capsys):
    pair = "def forward(x):\n    return x\n\ndef backward(dy):\n    return dy\n"
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n\n" + pair
    (tmp_path / "leaves.py").write_text(code, encoding="utf-8")
    arguments = [files[0], str(tmp_path / "leaves.py"), files[1]]
    assert main(["check", "--json", "--jobs", "2", *arguments]) == 2
    out, err = capsys.readouterr()
    first, second, third = json.loads(out)["files"]
    assert (first["ok"], third["ok"]) == (True, True)
    assert (second["file"], second["ok"]) == (arguments[1], False)
    assert second["error"] == f"{arguments[1]}: the process that checked it ended before it was done"
    assert "ended before it was done" in err


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_jobs_are_a_whole_number(jobs, capsys):
    with pytest.raises(SystemExit):
        main(["check", "--jobs", jobs, "file.md"])
    assert "is no whole number of 1 or more" in capsys.readouterr().err


def test_either_this_machine_or_a_cluster(capsys):
    assert main(["check", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1", "file.md"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert main(["check", "--fix", "--scheduler", "tcp://127.0.0.1:1", "file.py"]) == 2
    assert "leave out --scheduler" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_prints_what_one_process_does(files, capsys):
    distributed = pytest.importorskip("distributed")
    assert main(["check", "--no-suggest", "--summary", *files]) == 2
    expected = capsys.readouterr()
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        assert main(["check", "--no-suggest", "--summary", "--scheduler", cluster.scheduler_address, *files]) == 2
    found = capsys.readouterr()
    assert found.out == expected.out
    assert "nothing.md" in found.err


@pytest.mark.filterwarnings("ignore")
def test_no_scheduler_is_told(monkeypatch, files, capsys):
    pytest.importorskip("distributed")
    monkeypatch.setattr("tinyad.commands.distribution.SECONDS_TO_CONNECT", 1)
    assert main(["check", "--scheduler", "tcp://127.0.0.1:9", files[0]]) == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
