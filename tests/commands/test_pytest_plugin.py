"""`pytest --tinyad`: files as tests; and a run without it that does not even import tinyad."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.support.derivation_texts import CELL, fenced
from tests.support.paths import ROOT

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5").replace("∇W_g = x ∇z3", "∇W_g = ∇z3 x")
CODE = (
    "def forward(x):\n    return 2 * x\n\ndef backward(dy):\n    return 2 * dy\n\ndef example():\n    return (3.0,)\n"
)


@pytest.fixture
def run(tmp_path):
    """Run pytest in a folder with files: (status, output)."""

    def run(*arguments, **files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "pytest_tinyad", "-p", "no:cacheprovider", "-v", *arguments],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout

    return run


def outcomes(out):
    return dict(re.findall(r"^(\S+)::tinyad (\w+)", out, re.MULTILINE))


def test_each_file_is_a_test(run):
    status, out = run(
        "--tinyad",
        right_DOT_md=RIGHT,
        wrong_DOT_md=WRONG,
        layer_DOT_py=CODE,
        wrong_DOT_py=CODE.replace("2 * dy", "3 * dy"),
        unread_DOT_md=RIGHT.replace("W_f, W_g: N×M", "W_f, W_g: N"),
        prose_DOT_md="# Nothing\n",
        other_DOT_py="raise SystemExit('it was run')\n",
        in__right_DOT_md=RIGHT,
    )
    assert status == 1
    assert outcomes(out) == {
        "right.md": "PASSED", "wrong.md": "FAILED", "layer.py": "PASSED", "wrong.py": "FAILED", "unread.md": "FAILED",
        "in/right.md": "PASSED",
    }  # fmt: skip
    assert "overwrites" in out
    assert "does not fit" in out  # each line that is wrong
    assert "certain: ∇f += -∇z5" in out
    assert "certain: return 2 * dy" in out
    assert "'N' is not a size" in out
    assert "Traceback" not in out
    assert "pytest_items.py" not in out


def test_the_summary_says_where_the_first_one_is(run):
    cells = [
        {"cell_type": "markdown", "source": "# A layer"},
        {"cell_type": "code", "source": CODE.replace("2 * dy", "3 * dy")},
    ]
    _, out = run(
        "--tinyad", wrong_DOT_md=WRONG, n_DOT_ipynb=json.dumps({"cells": cells, "nbformat": 4}), layer_DOT_py=CODE
    )
    line = 1 + WRONG.split("\n").index(next(row for row in WRONG.split("\n") if "∇f = -∇z5" in row))
    assert re.search(rf"^FAILED wrong.md::tinyad - wrong.md:{line}: .*, and 1 more$", out, re.MULTILINE), out
    assert "FAILED n.ipynb::tinyad - n.ipynb cell 2, line 5: wrong" in out


def test_a_table_that_is_wrong_ends_the_run_at_once(run):
    status, out = run("--tinyad", pyproject_DOT_toml="[tool.tinyad]\njob = 1\n", right_DOT_md=RIGHT)
    assert status == 4
    assert "ERROR: " in out
    assert "knows no job; did you mean jobs?" in out
    assert "Traceback" not in out


def test_a_part_of_the_files(run):
    files = {
        "right_DOT_md": RIGHT,
        "wrong_DOT_md": WRONG,
        "pytest_DOT_ini": "[pytest]\naddopts = --tinyad --strict-markers\n",
    }
    for arguments in (["-k", "right"], ["right.md::tinyad"], ["--deselect", "wrong.md::tinyad"]):
        status, out = run(*arguments, **files)
        assert (status, outcomes(out)) == (0, {"right.md": "PASSED"})
    status, out = run("--collect-only", "-q", **files)
    assert "right.md" in out


def test_pyproject_is_respected(run):
    table = '[tool.tinyad]\nexclude = ["old"]\nsuggest = false\n'
    status, out = run("--tinyad", pyproject_DOT_toml=table, old__wrong_DOT_md=WRONG, wrong_DOT_md=WRONG)
    assert status == 1
    assert outcomes(out) == {"wrong.md": "FAILED"}
    assert "certain" not in out


def test_without_the_option_nothing_is_collected_and_tinyad_is_not_imported(run):
    test = "import sys\n\ndef test_it():\n    assert not {'tinyad', 'numpy'} & set(sys.modules)\n"
    status, out = run(wrong_DOT_md=WRONG, test_it_DOT_py=test)
    assert status == 0
    assert "1 passed" in out


def test_junit_and_one_file_by_its_name(run, tmp_path):
    status, _ = run("--tinyad", "--junit-xml", "out.xml", "wrong.md", wrong_DOT_md=WRONG, right_DOT_md=RIGHT)
    assert status == 1
    xml = (tmp_path / "out.xml").read_text(encoding="utf-8")
    assert 'tests="1"' in xml
    assert "overwrites" in xml
