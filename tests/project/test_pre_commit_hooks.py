"""The hooks for pre-commit, and the workflow to copy: what the files say can be run."""

import re
import shlex
import tomllib

import pytest

from tests.support.house import read
from tests.support.paths import ROOT
from tinyad.cli import _parser
from tinyad.commands.discovery import READ

HOOKS = ROOT / ".pre-commit-hooks.yaml"
REQUIRED = {"id", "name", "entry", "language"}


def hooks(text):
    """The hooks of a file: a list of keys with values in one line each, all that such a file needs of YAML."""
    found = []
    for line in text.splitlines():
        key = re.fullmatch(r"(- |  )(\w+): (\S.*)", line)
        assert key, f"no key and value: {line}"
        found += [{}] if key[1] == "- " else []
        assert key[2] not in found[-1], f"twice: {line}"
        found[-1][key[2]] = key[3]
    return found


def test_the_hook_can_be_run():
    (hook,) = hooks(read(HOOKS))
    assert hook.keys() >= REQUIRED
    assert (hook["id"], hook["language"]) == ("tinyad-check", "python")
    program, *arguments = shlex.split(hook["entry"])
    scripts = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["scripts"]
    assert program in scripts
    options = _parser().parse_args([*arguments, "a_backward.py", "layers.py"])
    assert options.command == "check"
    assert options.force_exclude
    assert options.files == ["a_backward.py", "layers.py"]


def test_it_gets_every_file_that_may_have_something_to_check():
    (hook,) = hooks(read(HOOKS))
    for suffix in (*READ, ".PY"):
        assert re.search(hook["files"], f"in/a{suffix}")
    for name in ("a.txt", "a.pyc", "py", "md/a"):
        assert not re.search(hook["files"], name)


def test_what_is_no_hook_is_seen():
    for text in ("- id: a\n  entry\n", "id: a\n", "- id: a\n  id: b\n", "- id: a\n   name: b\n"):
        with pytest.raises(AssertionError):
            hooks(text)


WORKFLOW = ROOT / "docs/examples/tinyad.yml"


def commands_of(text):
    """What a workflow runs, from the text of its file."""
    return [shlex.split(line.partition("run:")[2]) for line in text.splitlines() if line.strip().startswith("- run:")]


def test_the_workflow_can_be_run():
    installs, checks = commands_of(read(WORKFLOW))
    assert installs[:4] == ["python", "-m", "pip", "install"]
    assert checks[0] == "tinyad"
    options = _parser().parse_args(checks[1:])
    assert (options.command, options.output_format) == ("check", "github")


def test_the_workflow_is_yaml():
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(read(WORKFLOW))
    steps = found["jobs"]["check"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert found[True] == ["push", "pull_request"]  # YAML 1.1 reads `on` as true
    assert [step["run"].split() for step in steps if "run" in step] == commands_of(read(WORKFLOW))
