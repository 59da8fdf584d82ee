"""`tinyad class init` and `tinyad grade` of a class: what they write and print, and their exit status."""

import csv
import io
import json
import sys
import time

import pytest

from tests.support.class_folder import ANSWER, EXERCISE_TEXT, FIRST, SECOND, mended, zipped
from tests.support.exercises import PAPER
from tests.support.gate import MASTER
from tests.support.sampling import sampled
from tinyad.cli import main
from tinyad.commands import exercises
from tinyad.derivation.exercise.plant import DIFFICULTIES, KINDS


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate.md").write_text(MASTER, encoding="utf-8")


@pytest.fixture
def class_folder(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for name, text in (("ada", mended(FIRST, SECOND)), ("ben", mended(FIRST)), ("cy", "no derivation")):
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (tmp_path / "answer.json").write_text(ANSWER, encoding="utf-8")
    return folder


def test_a_folder_for_a_class(tmp_path, capsys):
    assert main(["class", "init", "gate.md", "--mistakes", "2", "--seed", "1"]) == 0
    assert capsys.readouterr().out == "gate-class has the exercise; gate-class/README.md says what to do with it\n"
    folder = tmp_path / "gate-class"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    assert files == [
        "README.md", "hand-ins", "students", "students/exercise.md", "students/sheet.md", "teacher",
        "teacher/answer.json", "teacher/right.md",
    ]  # fmt: skip
    found = json.loads((folder / "teacher/answer.json").read_text(encoding="utf-8"))
    exercise = (folder / "students/exercise.md").read_text(encoding="utf-8")
    assert len(found["mistakes"]) == 2
    for mistake in found["mistakes"]:
        assert mistake["removed"] or mistake["now"] in exercise.split("\n")[mistake["line"] - 1]
        assert f"line {mistake['line']}, {mistake['kind']}" in (folder / "README.md").read_text(encoding="utf-8")
    (folder / "hand-ins/ada.md").write_text(MASTER, encoding="utf-8")
    assert main(["grade", str(folder / "hand-ins"), "--answer", str(folder / "teacher/answer.json")]) == 0
    assert main(["check", "--summary", str(folder / "students/exercise.md")]) == 1
    assert main(["check", str(folder / "hand-ins/ada.md"), "--against", str(folder / "teacher/right.md")]) == 0


def test_a_document_for_a_class(tmp_path, capsys):
    (tmp_path / "paper.tex").write_text(PAPER, encoding="utf-8")
    assert main(["class", "init", "paper.tex", "--mistakes", "2"]) == 0
    folder = tmp_path / "paper-class"
    exercise = (folder / "students/exercise.tex").read_text(encoding="utf-8")
    assert (folder / "teacher/right.tex").read_text(encoding="utf-8") == PAPER
    assert sum(a != b for a, b in zip(exercise.split("\n"), PAPER.split("\n"), strict=True)) == 2
    assert "`% why it is wrong`" in (folder / "students/sheet.md").read_text(encoding="utf-8")
    assert "teacher/right.tex" in (folder / "README.md").read_text(encoding="utf-8")
    (folder / "hand-ins/ada.tex").write_text(PAPER, encoding="utf-8")
    (folder / "hand-ins/ben.tex").write_text(exercise, encoding="utf-8")
    capsys.readouterr()
    assert main(["grade", str(folder / "hand-ins"), "--answer", str(folder / "teacher/answer.json")]) == 1
    assert capsys.readouterr().out.endswith("2 hand-ins, 1 right, 1 wrong\n")


@pytest.mark.parametrize(("name", "text", "words"), [
    ("x.ipynb", "{}\n", "put the cell with the lines in a file"),
    ("x.tex", PAPER.replace("\\begin{align}", "\\input{more}\n\\begin{align}", 1),
     "x.tex:4: more.tex is not read: a text has no folder; mistakes are planted in one file"),
])  # fmt: skip
def test_what_is_no_file_for_mistakes(tmp_path, capsys, name, text, words):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["class", "init", name]) == 2
    assert words in capsys.readouterr().err


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "gate-class").mkdir()
    assert main(["class", "init", "gate.md"]) == 2
    assert "gate-class is there already, and stays as it is" in capsys.readouterr().err
    assert list((tmp_path / "gate-class").iterdir()) == []


@pytest.mark.parametrize("arguments", [["plant", "--kind"], ["class", "init", "--kinds"]])
def test_the_kinds_are_listed(capsys, arguments):
    assert main(arguments) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(KINDS)


def test_every_kind_has_a_difficulty():
    assert sorted(kind for kinds in DIFFICULTIES.values() for kind in kinds) == sorted(KINDS)


@pytest.mark.parametrize(("arguments", "words"), [
    (["class", "init", "gate.md", "--kinds", "none"], "'none' is not a kind of mistake"),
    (["class", "init", "gate.md", "--mistakes", "0"], "0 mistakes: from 1 to 10 can be planted"),
    (["class", "init", "gate.md", "--mistakes", "10", "--kinds", "bracket"], "ask for fewer"),
    (["class", "init", "gate.md", "--kinds", "sign", "--difficulty", "easy"], "give it or --kinds, not both"),
    (["class", "init"], "give the derivation, FILE"),
    (["plant", "gate.md", "--kind", "sign"], "give the copy that is written, --out COPY"),
    (["class", "init", "none.md"], "none.md"),
])  # fmt: skip
def test_what_cannot_be_made(capsys, tmp_path, arguments, words):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["gate.md"]


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_difficulty_chooses_the_kinds(tmp_path, difficulty):
    assert main(["class", "init", "gate.md", "--difficulty", difficulty]) == 0
    (mistake,) = json.loads((tmp_path / "gate-class/teacher/answer.json").read_text(encoding="utf-8"))["mistakes"]
    assert mistake["kind"] in DIFFICULTIES[difficulty]


def test_lines_for_a_class(class_folder, capsys):
    assert main(["grade", str(class_folder), "--answer", "answer.json"]) == 2
    ada, ben, cy, counts = capsys.readouterr().out.splitlines()
    assert ada == "ada  right       line 17: found and mended; line 19: found and mended"
    assert ben == "ben  wrong       line 17: found and mended; line 19 is still wrong"
    assert cy.startswith("cy   not graded  line 1: no block")
    assert counts == "3 hand-ins, 1 right, 1 wrong, 1 not graded"
    (class_folder / "cy.md").unlink()
    assert main(["grade", str(class_folder), "--answer", "answer.json"]) == 1


@pytest.mark.parametrize("suffix", sampled([".html", ".csv", ".json"]))
def test_tables(class_folder, tmp_path, capsys, suffix):
    arguments = ["grade", str(class_folder), "--answer", "answer.json", "--output", f"table{suffix}"]
    assert main(arguments) == 2
    assert capsys.readouterr().out == f"table{suffix}   3 hand-ins, 1 right, 1 wrong, 1 not graded\n"
    text = (tmp_path / f"table{suffix}").read_text(encoding="utf-8")
    if suffix == ".csv":
        who = [row["who"] for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]
        assert who == ["ada", "ben", "cy"]
    elif suffix == ".json":
        assert [row["result"] for row in json.loads(text)["hand_ins"]] == ["right", "wrong", "not graded"]
    else:
        assert "1 not graded" in text


def test_an_archive(tmp_path, capsys):
    (tmp_path / "answer.json").write_text(ANSWER, encoding="utf-8")
    (tmp_path / "class.zip").write_bytes(zipped({"ada/x.md": mended(FIRST, SECOND), "ben/x.md": EXERCISE_TEXT}))
    assert main(["grade", "class.zip", "--answer", "answer.json"]) == 1
    assert capsys.readouterr().out.splitlines()[1] == "ben  wrong       nothing was changed"


def test_one_file(class_folder, capsys):
    assert main(["grade", str(class_folder / "ben.md"), "--answer", "answer.json"]) == 1
    assert capsys.readouterr().out == "line 17: found and mended; line 19 is still wrong\n"


@pytest.mark.parametrize(("arguments", "words"), [
    (["class", "--output", "x.xlsx"], "the ending says which table: .csv, .json, .html"),
    (["class/ada.md", "--output", "x.csv"], "are for a folder or an archive"),
    (["none"], "none"),
])  # fmt: skip
def test_what_cannot_be_graded(class_folder, capsys, arguments, words):
    assert main(["grade", *arguments, "--answer", "answer.json"]) == 2
    assert words in capsys.readouterr().err


def test_a_time_that_is_none(class_folder):
    with pytest.raises(SystemExit):
        main(["grade", "class", "--answer", "answer.json", "--due", "tomorrow"])


def test_against(tmp_path, capsys):
    (tmp_path / "other.md").write_text(
        MASTER.replace("+ b\n", "- b\n").replace("∇b = ∇z", "∇b = -∇z"), encoding="utf-8"
    )
    assert main(["check", "gate.md", "--against", "gate.md"]) == 0
    assert main(["check", "other.md"]) == 0
    capsys.readouterr()
    assert main(["check", "other.md", "--against", "gate.md"]) == 1
    assert "line 11 changes the model: the exercise has z = W_h h_{t-1} + W_x x_t + b" in capsys.readouterr().out
    (tmp_path / "code.py").write_text("x = 1\n")
    assert main(["check", "code.py", "--against", "gate.md"]) == 2
    assert "--against is for texts" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "silent", "shown"), [
    (Terminal, 0.0, "1 graded\r\r2 graded"), (Terminal, 60.0, ""), (io.StringIO, 0.0, ""),
])  # fmt: skip
def test_progress(monkeypatch, stream, silent, shown):
    monkeypatch.setattr(exercises, "SECONDS_SILENT", silent)
    monkeypatch.setattr("sys.stderr", stream())
    progress = exercises._Progress()
    time.sleep(0.01)
    progress(1)
    progress(2)
    assert sys.stderr.getvalue().strip("\r") == shown
