"""`[tool.tinyad]` in pyproject.toml, and folders in the place of files."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.derivation_texts import CELL, fenced
from tinyad.cli import main
from tinyad.commands.configuration import KEYS, configuration_of
from tinyad.commands.discovery import files_in, has_derivation, is_excluded

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5")
CODE = "def forward(x):\n    return 2 * x\n\ndef backward(dy):\n    return 2 * dy\n\n"
CODE += "def example():\n    return (3.0,)\n\ndef other():\n    return (4.0,)\n"


def notebook(kind, text):
    return json.dumps({"cells": [{"cell_type": kind, "source": text}], "nbformat": 4})


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run `tinyad check` in an empty folder: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    configuration_of.cache_clear()

    def run(*arguments):
        status = main(["check", *arguments])
        return (status, *capsys.readouterr())

    yield run
    configuration_of.cache_clear()


def write(name, text):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def configure(text, folder="."):
    write(f"{folder}/pyproject.toml", f"[project]\nname = 'x'\n[tool.tinyad]\n{text}\n")


def test_paths_without_files(run):
    configure('paths = ["texts", "layer.py"]')
    write("texts/a.md", RIGHT)
    write("texts/deep/b.md", WRONG)
    write("texts/prose.md", "# Nothing to check\n\n```python\nx\n```\n")
    write("layer.py", CODE)
    status, out, _ = run("--summary")
    assert status == 1
    assert [row.partition(":")[0] for row in out.splitlines()] == [
        "texts/a.md",
        "texts/deep/b.md",
        "layer.py",
        "3 files",
    ]


def test_the_command_line_wins(run):
    configure('paths = ["a.md"]\noutput-format = "json"\nsuggest = false\njobs = 2\nseed = 3')
    write("a.md", WRONG)
    _, out, _ = run()
    (finding,) = json.loads(out)["files"][0]["findings"]
    assert not finding["suggestion"]
    _, out, _ = run("--suggest", "--output-format", "text")
    assert "certain: ∇f += -∇z5" in out


def test_a_table_is_found_upwards_from_the_file(run, monkeypatch):
    configure("suggest = false")
    write("in/pyproject.toml", "[project]\nname = 'y'\n")  # without a table: the next one above
    write("in/a.md", WRONG)
    configure("suggest = true", "other")
    write("other/b.md", WRONG)
    assert "certain" not in run("in/a.md")[1]
    assert "certain" in run("other/b.md")[1]
    monkeypatch.chdir("in")
    assert "certain" not in run("a.md")[1]


def test_what_is_for_texts_leaves_code_alone_and_the_other_way_round(run):
    configure('suggest = false\nsandbox = true\nexample = "other"')
    write("a.md", RIGHT)
    write("layer.py", CODE)
    status, out, _ = run("a.md", "layer.py", "--summary")
    assert (status, out.splitlines()[-1]) == (0, "2 files: 2 right")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("job = 2", "[tool.tinyad] knows no job; did you mean jobs?"),
        ("output_format = 'json'", "knows no output_format; did you mean output-format?"),
        ("zzz = 1", f"knows no zzz; there are {', '.join(KEYS)}"),
        ("jobs = 0", "jobs in [tool.tinyad] is 0, expected a whole number of 1 or more"),
        ("jobs = true", "expected a whole number"),
        ("seed = -1", "seed in [tool.tinyad] is -1, expected a whole number of 0 or more"),
        ("timeout = 'soon'", "expected a number of seconds above 0"),
        ("timeout = nan", "expected a number of seconds above 0"),
        ("paths = 'a'", "expected a list of strings"),
        ("exclude = [1]", "expected a list of strings"),
        ("suggest = 1", "expected true or false"),
        ("output-format = 'xml'", "expected one of text, json, github, sarif, junit"),
        ("output-format = ['xml']", "expected one of text"),
        ("jobs = ", "pyproject.toml: "),
    ],
)
def test_what_is_not_known_is_refused(run, line, said):
    configure(line)
    write("a.md", RIGHT)
    status, _, err = run("a.md")
    assert status == 2
    assert said in err
    assert "pyproject.toml" in err


def test_every_key_is_an_option(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    said = capsys.readouterr().out
    assert [key for key in KEYS if f"--{key}" not in said] == ["paths"]


def test_a_table_that_is_none(run):
    write("pyproject.toml", "[tool]\ntinyad = 3\n")
    write("a.md", RIGHT)
    assert "expected a table [tool.tinyad]" in run("a.md")[2]


def test_a_broken_file_of_others_is_their_matter(run):
    write("pyproject.toml", "[tool.other\n")
    write("a.md", RIGHT)
    assert run("a.md")[0] == 0


def test_nothing_to_check(run):
    assert "no file in there has a derivation" in run()[2]
    Path("empty").mkdir()
    status, _, err = run("empty")
    assert status == 2
    assert "empty: no file in there has a derivation" in err


def test_without_files_and_paths_this_folder_is_checked(run):
    write("in/a.md", RIGHT)
    Path("empty").mkdir()
    assert run("--summary")[1] == "in/a.md: 16 of 16 lines hold\n"
    assert run("--summary", "empty", "in")[0] == 0


def test_the_colour_of_the_table_counts_unless_the_command_line_says_another(run):
    configure('color = "always"')
    write("a.md", WRONG)
    assert "\x1b[3" in run("a.md")[1]
    assert "\x1b" not in run("a.md", "--color", "never")[1]


def test_a_diff_and_declarations_are_what_they_are_whatever_the_table_says(run):
    configure('output-format = "json"')
    write("a.md", WRONG)
    assert run("a.md", "--diff")[1].startswith("--- a.md")
    assert "```declare" in run("a.md", "--declare")[1]
    assert "leave out --output-format" in run("a.md", "--diff", "--json")[2]
    for option in ("--json", "--fix", "--diff", "--watch"):
        assert "--declare is an output of its own" in run("a.md", "--declare", option)[2]


def test_what_git_ignores_and_environments_are_left_out(run):
    subprocess.run(["git", "init", "-q", "."], check=True)
    write(".gitignore", "drafts/\n")
    for name in ("a b.md", "drafts/c.md", "env/lib/d.md", "lib/site-packages/e.md"):
        write(name, RIGHT)
    write("env/pyvenv.cfg", "")
    assert files_in(["."]) == ["a b.md"]
    assert files_in(["drafts"]) == ["drafts/c.md"]  # it was asked for by its name


def test_without_git_nothing_is_ignored(run, monkeypatch):
    write("a.md", RIGHT)
    monkeypatch.setenv("PATH", "")
    assert files_in(["."]) == ["a.md"]


def test_force_exclude_leaves_out_files_that_were_given(run):
    configure('exclude = ["old"]')
    for name, text in {"a.md": RIGHT, "old/b.md": WRONG, "prose.md": "# Nothing", "run.py": "raise SystemExit"}.items():
        write(name, text)
    given = ("a.md", "old/b.md", "prose.md", "run.py")
    assert run(*given, "--summary", "--force-exclude") == (0, "a.md: 16 of 16 lines hold\n", "")
    assert run(*given[1:], "--force-exclude") == (0, "", "")
    assert json.loads(run("prose.md", "--json", "--force-exclude")[1])["files"] == []


@pytest.mark.parametrize("pattern", ["old", "old/", "./old", "old/**", "**/old", "**/old/**", "o*", "old/*"])
def test_patterns_of_folders(tmp_path, pattern):
    assert is_excluded(tmp_path / "old/b.md", [(tmp_path, pattern)])
    assert is_excluded(tmp_path / "old/in/b.md", [(tmp_path, pattern)])
    assert is_excluded(tmp_path / "old/b.md", [(tmp_path, str(tmp_path / pattern))])
    assert not is_excluded(tmp_path / "new/b.md", [(tmp_path, pattern)])


def test_exclude(run):
    for name in ("a.md", "old/b.md", "new/c.md", "new/d.tex", ".git/e.md", "build/f.md"):
        write(name, RIGHT if name.endswith("md") else "% tinyad: declare\n")
    every = ["a.md", "new/c.md", "new/d.tex", "old/b.md"]
    assert files_in(["."]) == every
    here = Path.cwd()
    assert files_in(["."], [(here, "old")]) == ["a.md", "new/c.md", "new/d.tex"]
    assert files_in(["."], [(here, "*.tex"), (here, "new/c.*")]) == ["a.md", "old/b.md"]
    assert files_in(["old/b.md"], [(here, "old")]) == ["old/b.md"]  # it was asked for by its name
    assert files_in(["a.md", "."]) == every
    status, out, _ = run(".", "--exclude", "*.tex", "--exclude", "old", "--summary")
    assert (status, out.splitlines()[-1]) == (0, "2 files: 2 right")
    configure('exclude = ["new", "old"]')
    configuration_of.cache_clear()
    assert run(".", "--summary")[1] == "a.md: 16 of 16 lines hold\n"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", RIGHT, True),
        ("a.md", "<!-- tinyad: declare x: 1×1 -->", True),
        ("a.tex", "  % tinyad: declare", True),
        ("a.rst", ".. tinyad: declare", True),
        ("a.md", "# The word tinyad: no derivation", False),
        ("a.md", "\0", False),
        ("a.py", CODE, True),
        ("a.py", "def loss(w):\n    return w * w, 2 * w\n", False),
        ("a.py", "L = 1\ndx = 1\nopen('gone', 'w')\n", False),
        ("a.py", "def backward(:", False),
        ("a.py", "def forward(x): return x\n\ndef backward(:", True),  # the check says that it is not Python
        ("a.py", "def forward(x): return x\n\ndef backward(dy): return dy  # caf\udce9", True),
        ("a.py", "def feedforward(x):\n    return x\n\ndef backprop(dy):\n    return dy\n", True),
        ("a.ipynb", notebook("code", CODE), True),
        ("a.ipynb", notebook("markdown", RIGHT), True),
        ("a.ipynb", notebook("code", "x = 1"), False),
        ("a.ipynb", "{}", False),
        ("a.py", "def backward(dy):\n    return dy\n", False),
    ],
)
def test_what_has_something_to_check(tmp_path, name, text, expected):
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert has_derivation(path) == expected


def test_links_and_loops_are_not_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("in/a.md", RIGHT)
    Path("in/loop").symlink_to(tmp_path / "in")
    Path("in/link.md").symlink_to("a.md")
    assert files_in(["in"]) == ["in/a.md"]
