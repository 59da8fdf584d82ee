"""tinyad check, plant and grade: exit status, JSON, page, and no traceback whatever the file is."""

import json
import re
from pathlib import Path

import pytest

import tinyad.commands.sources
from tests.support.derivation_texts import CELL, RNN, fenced
from tests.support.sampling import sampled
from tinyad.cli import main

RIGHT = fenced(*CELL)
WRONG = RIGHT.replace("∇f += -∇z5", "∇f = -∇z5").replace("∇W_g = x ∇z3", "∇W_g = ∇z3 x")
UNREADABLE = RIGHT.replace("W_f, W_g: N×M", "W_f, W_g: N")


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Runs `tinyad` in a folder with a few files: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"right.md": RIGHT, "wrong.md": WRONG, "unreadable.md": UNREADABLE}.items():
        Path(name).write_text(text, encoding="utf-8")

    def run(*arguments):
        status = main([*map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (["right.md"], 0), (["wrong.md"], 1), (["unreadable.md"], 2), (["missing.md"], 2),
        (["right.md", "right.md"], 0), (["right.md", "wrong.md"], 1), (["wrong.md", "right.md"], 1),
        (["unreadable.md", "wrong.md"], 2), (["wrong.md", "missing.md"], 2), (["right.md", "missing.md"], 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("option", sampled([["--summary"], [], ["--json"], ["--all"], ["--seed", "3"]]))
def test_exit_status(run, files, status, option):
    found, out, err = run("check", *files, *option)
    assert found == status
    assert bool(err) == (status == 2)
    if "--summary" in option:
        assert len(out.splitlines()) == len(files) + (len(files) > 1)


def test_the_first_wrong_line_is_told_in_full_and_the_others_in_one_line(run):
    _, out, _ = run("check", "wrong.md")
    assert "overwrites: = where += belongs" in out
    assert "certain: ∇f += -∇z5" in out
    assert out.count("from  ") == 2  # the rules of the first one: f stands in two equations
    _, everything, _ = run("check", "--all", "wrong.md")
    assert everything.count("from  ") > 2
    assert "∇z3 is 1×5 and x is 3×1" in everything
    assert len(everything) > len(out)


def test_what_cannot_be_read_is_told_with_its_place(run):
    status, out, err = run("check", "unreadable.md", "right.md")
    assert status == 2
    assert (
        err.startswith("tinyad: unreadable.md:3:11: 'N' is not a size")
        or "unreadable.md:4:11: 'N' is not a size" in err
    )
    assert "right.md" in out
    _, _, err = run("check", "missing.md")
    assert err == "tinyad: missing.md: No such file or directory\n"


def test_json(run):
    status, out, _ = run("check", "--json", "right.md", "wrong.md")
    assert status == 1
    right, wrong = json.loads(out)["files"]
    assert (right["ok"], wrong["ok"]) == (True, False)
    assert (right["file"], wrong["file"]) == ("right.md", "wrong.md")
    assert right["counts"] == {"right": 16}
    assert wrong["counts"] == {"right": 14, "does not fit": 1, "overwrites": 1}
    (part,) = wrong["parts"]
    assert {"title", "ok", "lines", "missing", "notes", "not_exercised"} <= set(part)
    assert len(part["lines"]) == 16
    line = next(line for line in part["lines"] if line["verdict"] == "overwrites")
    assert WRONG.split("\n")[line["line"] - 1] == line["text"] == "∇f = -∇z5"
    assert line["suggestion"] == "∇f += -∇z5"
    assert line["grade"] == "certain"
    assert line["message"].startswith("= where += belongs")
    assert set(line["spoils"]) == {"b_f", "x", "W_f"}
    assert line["at"]["line"] == line["line"]
    assert "z_1, b_f, z_2" in " ".join(part["not_exercised"])


@pytest.mark.parametrize("file", ["unreadable.md", "missing.md"])
def test_json_stays_json_where_a_file_cannot_be_read(run, file):
    status, out, err = run("check", "--json", file, "right.md")
    assert status == 2
    failed, right = json.loads(out)["files"]
    assert (right["file"], right["ok"]) == ("right.md", True)
    assert (failed["file"], failed["ok"]) == (file, False)
    assert file in failed["error"]
    assert failed["error"].split("\n")[0] in err


def test_a_file_that_fails_spoils_no_other(run, monkeypatch):
    """Not even by a fault of the program itself."""

    def checked(source, *_, **__):
        raise {"a.md": MemoryError(), "b.md": RecursionError(), "c.md": TypeError("of the program")}[source.name]

    for name in ("a.md", "b.md", "c.md"):
        Path(name).write_text(RIGHT, encoding="utf-8")
    whole = tinyad.commands.sources.check_source
    monkeypatch.setattr(
        "tinyad.commands.sources.check_source",
        lambda source, *given: (whole if source.name == "right.md" else checked)(source, *given),
    )
    status, out, err = run("check", "a.md", "b.md", "right.md", "c.md", "--summary")
    assert status == 2
    assert out.splitlines() == [
        "a.md: not checked", "b.md: not checked", "right.md: 16 of 16 lines hold", "c.md: not checked",
        "4 files: 1 right, 3 not checked",
    ]  # fmt: skip
    for said in ("a.md: more memory than there is", "b.md: nested too deeply", "TypeError: of the program"):
        assert said in err


def test_verdicts_alone(run):
    assert "certain:" in run("check", "wrong.md")[1]
    status, out, _ = run("check", "wrong.md", "--no-suggest")
    assert status == 1
    assert "certain:" not in out
    assert "overwrites" in out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_refused(run, seconds):
    with pytest.raises(SystemExit):
        run("check", "right.md", "--timeout", seconds)


def test_json_has_numbers_only(run):
    """No NaN and no Infinity: they are no JSON."""
    Path("nan.md").write_text(RIGHT.replace("∇z6 ∘ gᵀ", "log(-g²)ᵀ").replace("∇c_t ∘ fᵀ", "exp(exp(99 f))ᵀ"), "utf-8")

    def refuse(name):
        raise AssertionError(name)

    status, out, _ = run("check", "--json", "nan.md")
    assert status == 1
    json.loads(out, parse_constant=refuse)


def test_seeds_draw_other_points(run):
    def numbers(seed):
        return re.findall(r"expected (\S+), found (\S+)", run("check", "rnn.md", "--seed", seed)[1])

    Path("rnn.md").write_text(fenced(*RNN).replace("(1 - h_t²)", "(1 - z_t²)"), "utf-8")
    assert numbers(0) == numbers(0) != numbers(1)
    assert len(numbers(0)) == 1


def test_a_page(run):
    status, out, _ = run("check", "wrong.md", "--html", "page.html")
    assert status == 1
    assert "overwrites" in out
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "src=" not in page
    assert run("check", "right.md", "--html", "page.html")[0] == 0
    assert Path("page.html").read_text(encoding="utf-8") != page


def test_a_page_that_cannot_be_written(run):
    assert run("check", "right.md", "--html", Path("new") / "folder" / "page.html")[0] == 0
    assert (Path("new") / "folder" / "page.html").exists()
    status, _, err = run("check", "right.md", "--html", Path("right.md") / "page.html")
    assert status == 2
    assert "cannot write" in err
    status, _, err = run("check", "right.md", "wrong.md", "--html", "page.html")
    assert status == 2
    assert "one" in err


@pytest.mark.parametrize("arguments", [["check", "--seed", "x", "right.md"], ["plant", "--nonsense"], ["grade"]])
def test_wrong_arguments(run, arguments):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("transpose", "missing", "assign", "factor")]


@pytest.mark.parametrize("kind", ["name", "sign", *SLOW])
def test_plant_check_mend_grade(run, kind):
    status, out, _ = run("plant", "right.md", "--kind", kind, "--seed", 1, "--out", "task.md")
    assert status == 0
    assert "task.md" in out
    answer = json.loads(Path("task.md.answer.json").read_text(encoding="utf-8"))
    assert [mistake["kind"] for mistake in answer["mistakes"]] == [kind]
    task = Path("task.md").read_text(encoding="utf-8")
    assert task != RIGHT
    assert run("check", "task.md")[0] == 1
    status, out, _ = run("grade", "task.md", "--answer", "task.md.answer.json")
    assert (status, out) == (1, "nothing was changed\n")
    Path("task.md").write_text(RIGHT, encoding="utf-8")
    status, out, _ = run("grade", "task.md", "--answer", "task.md.answer.json")
    assert status == 0
    assert "found and mended" in out


def test_what_cannot_be_planted_or_graded(run):
    status, _, err = run("plant", "right.md", "--kind", "nonsense", "--out", "task.md")
    assert status == 2
    assert "'nonsense' is not a kind of mistake; the kinds are name" in err
    assert not Path("task.md").exists()
    assert run("plant", "missing.md", "--kind", "name", "--out", "task.md")[0] == 2
    assert run("plant", "unreadable.md", "--kind", "name", "--out", "task.md")[0] == 2
    assert run("plant", "right.md", "--kind", "name", "--out", Path("no") / "task.md")[0] == 2
    assert run("grade", "right.md", "--answer", "missing.json")[0] == 2
    status, _, err = run("grade", "right.md", "--answer", "wrong.md")
    assert status == 2
    assert "not an answer file" in err


def test_an_ascii_terminal(run, monkeypatch):
    """The wrong line is there, whatever it is spelled with."""
    import io
    import sys

    raw = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        assert main(["check", "wrong.md"]) == 1
        sys.stdout.flush()
        text = raw.getvalue().decode("ascii")
    assert "overwrites" in text
    assert "df = -dz5" in text


def test_nothing_writes_over_the_derivation(run):
    Path("right.md.answer.json").write_text(RIGHT, encoding="utf-8")
    for arguments in (
        ["plant", "right.md", "--kind", "sign", "--out", "right.md"],
        ["plant", "right.md", "--kind", "sign", "--out", Path("..") / Path.cwd().name / "right.md"],
        ["plant", "right.md.answer.json", "--kind", "sign", "--out", "right.md"],
        ["check", "right.md", "--html", "right.md"],
    ):
        status, _, err = run(*arguments)
        assert (status, "would write over the derivation" in err) == (2, True)
        assert Path("right.md").read_text(encoding="utf-8") == RIGHT
        assert Path("right.md.answer.json").read_text(encoding="utf-8") == RIGHT


def test_a_mistake_is_planted_in_what_is_right(run):
    status, _, err = run("plant", "wrong.md", "--kind", "sign", "--out", "copy.md")
    assert status == 2
    assert "planted in a derivation that is right, and this one has 2 mistakes already, the first is line " in err
    Path("short.md").write_text(RIGHT.replace("∇b_f = ∇z2\n", ""), encoding="utf-8")
    status, _, err = run("plant", "short.md", "--kind", "sign", "--out", "copy.md")
    assert (status, "has 1 mistake already: no line sets the derivative of b_f" in err) == (2, True)
    assert not Path("copy.md").exists()


PAPER = r"""\documentclass{article}
\begin{document}
\begin{align}
a &= W x, & L &= a^\top a, \\
\frac{\partial L}{\partial a} &= 2 a, & \frac{\partial L}{\partial W} &= \frac{\partial L}{\partial a} x^\top, \\
\frac{\partial L}{\partial x} &= W^\top \frac{\partial L}{\partial a}
\end{align}
\end{document}
"""


def test_a_document_is_checked_with_what_is_proposed_for_it(run):
    Path("bare.tex").write_text(PAPER, encoding="utf-8")
    status, out, err = run("check", "bare.tex")
    assert (status, err) == (0, "")
    assert "nothing is declared; taken: layout: same; W: N×M; x: M×1" in out
    status, declared, err = run("check", "--declare", "bare.tex")
    assert (status, err) == (0, "")
    text = PAPER.replace("\\begin{align}", declared + "\\begin{align}")
    Path("paper.tex").write_text(text, encoding="utf-8")
    assert run("check", "--summary", "paper.tex") == (
        0,
        "paper.tex: 3 of 3 lines hold; 5 equations read (2 forward, 3 backward), 0 not read\n",
        "",
    )
    Path("wrong.tex").write_text(text.replace("2 a", "a"), encoding="utf-8")
    assert run("check", "wrong.tex", "--html", "page.html")[0] == 1
    assert "Forward" in Path("page.html").read_text(encoding="utf-8")
    assert run("check", "--declare", "paper.tex") == (0, "paper.tex: nothing is left to declare\n", "")
    assert run("report", "paper.tex")[0] == 0


def test_what_cannot_be_declared_is_said_and_the_others_are_proposed(run):
    Path("bare.tex").write_text(PAPER, encoding="utf-8")
    Path("prose.tex").write_text("\\documentclass{article}\nNothing.", encoding="utf-8")
    status, out, err = run("check", "--declare", "prose.tex", "missing.tex", "bare.tex")
    assert status == 2
    assert "no equations from which declarations could follow" in err
    assert "missing.tex" in err
    assert out.startswith("% tinyad: declare\n")


@pytest.mark.parametrize(
    ("declared", "is_text"), [("<!-- tinyad: declare W: N×M, x: M×1 -->", True), ("Code below.", False)]
)
def test_a_notebook_is_a_document_if_its_markdown_declares_something(run, declared, is_text):
    formulas = PAPER.split("\\begin{document}")[1].split("\\end{document}")[0]
    cells = [{"cell_type": "markdown", "source": declared + "\n" + formulas, "metadata": {}}]
    Path("notes.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), encoding="utf-8")
    status, out, _ = run("check", "--summary", "notes.ipynb")
    assert (status == 0) == is_text
    assert ("3 of 3 lines hold" in out) == is_text


def test_a_mistake_is_planted_into_a_document(run):
    Path("bare.tex").write_text(PAPER, encoding="utf-8")
    status, _, err = run("plant", "bare.tex", "--kind", "transpose", "--out", "copy.tex")
    assert status == 2
    assert "this document declares no sizes; `tinyad check --declare bare.tex` proposes what to declare" in err
    Path("paper.tex").write_text("% tinyad: declare W: N×M, x: M×1\n" + PAPER, encoding="utf-8")
    status, _, err = run("plant", "paper.tex", "--kind", "transpose", "--out", "copy.tex")
    assert (status, err) == (0, "")
    assert run("check", "--summary", "paper.tex")[0] == 0
    status, out, _ = run("check", "--summary", "copy.tex")
    assert status == 1
    assert "2 of 3 lines hold" in out


@pytest.mark.parametrize("more", [[], ["--kind"]])
def test_plant_lists_its_kinds(run, more):
    status, out, _ = run("plant", "right.md", *more)
    assert status == 0
    assert {"sign", "transpose", "missing"} <= {row.split()[0] for row in out.splitlines()}
    status, _, err = run("plant", "right.md", "--kind", "sign")
    assert status == 2
    assert "--out COPY" in err
