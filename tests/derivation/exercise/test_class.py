"""A class graded: a row for every hand-in, whatever it holds; from a folder and from an archive."""

import csv
import io
import json
import os
import stat
import time
import zipfile
from datetime import datetime
from itertools import islice

import pytest

from lstm_models.zoo import DERIVATIONS
from tests.support import variants
from tests.support.class_folder import ANSWER, EXERCISE, EXERCISE_TEXT, HAND_INS, write_archive, write_folder, zipped
from tests.support.right_derivations import TEXTS
from tests.support.sampling import sampled
from tinyad import DerivationError, check_derivation
from tinyad.derivation.exercise import hand_ins as module
from tinyad.derivation.exercise.answer import Exercise, answer, answered
from tinyad.derivation.exercise.grade import AnswerKey
from tinyad.derivation.exercise.grading import graded_class, text_of
from tinyad.derivation.exercise.hand_ins import ADVICE, HandIn, hand_ins, owner_of
from tinyad.derivation.exercise.plant import KINDS, plant
from tinyad.derivation.exercise.tables import as_csv, as_html, as_json, as_text
from tinyad.derivation.exercise.workers import Limits, in_workers
from tinyad.derivation.language.source import Source


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return graded_class(write_folder(tmp_path_factory.mktemp("hand-ins")), ANSWER)


def test_a_row_for_every_hand_in(rows):
    assert [row.file for row in rows] == sorted([*HAND_INS, "zed.md"])
    assert [row.who for row in rows if "/" in row.file] == ["eve", "quin", "rex"]


@pytest.mark.parametrize("name", HAND_INS)
def test_a_hand_in(rows, name):
    _, status, words = HAND_INS[name]
    row = next(row for row in rows if row.file == name)
    said = "; ".join([row.graded.message, *row.graded.remarks])
    assert row.status == status, said
    assert all(word in said for word in words), said
    assert "fault of tinyad" not in said


def test_a_link_is_not_followed(rows):
    row = next(row for row in rows if row.file == "zed.md")
    assert row.graded.message == "a link, which is not followed; hand in the file itself"


def test_the_same_from_an_archive(rows, tmp_path):
    packed = graded_class(write_archive(tmp_path / "class.zip"), ANSWER)
    plain = [row for row in rows if row.file != "zed.md"]
    assert [(row.who, f"class/{row.file}", row.status, row.graded.message) for row in plain] == [
        (row.who, row.file, row.status, row.graded.message) for row in packed
    ]


def test_the_answer_is_read_back():
    assert answered(ANSWER) == EXERCISE
    with pytest.raises(ValueError, match="has been changed"):
        answered(answer(EXERCISE).replace("order", "sign").replace("∇W_x = x_t ∇z", "∇W_x = 2 x_t ∇z"))


@pytest.mark.parametrize(("name", "who"), [
    ("Jürgen Müller_12_assignsubmission_file_essay.md", "Jürgen Müller"), ("Mu\u0308ller.md", "M\u00fcller"),
    ("O'Brien, \"Bob\"_7_assignsubmission_file_/x.md", "O'Brien, \"Bob\""), ("class_2/x.md", "class_2"),
    ("ada.md", "ada"), ("ada/solution.md", "ada"), ("ada/deep/down/x.md", "ada"), ("../../x.md", "x"),
    ("Ada Lovelace_123456_assignsubmission_file_/x.md", "Ada Lovelace"), ("a\\b.md", "a"), ("x" * 500 + ".md", None),
])  # fmt: skip
def test_who_it_is_from(name, who):
    shown = HandIn(name, owner_of(name), None).who
    assert shown == who if who else len(shown) == 80


def test_two_people_of_one_name(tmp_path):
    path = tmp_path / "class.zip"
    files = [f"A B_{n}_assignsubmission_{sort}_/{name}" for n, sort, name in
             [(1, "file", "x.md"), (2, "file", "y.md"), (2, "onlinetext", "onlinetext.html")]]  # fmt: skip
    path.write_bytes(zipped({name: name.encode() for name in files}))
    remarks = [row.graded.remarks for row in graded_class(path, ANSWER)]
    assert remarks == [(), (), ("A B handed in more than once",)]


def test_archives_of_windows_and_of_macos(tmp_path):
    folder = ["class\\", "class\\Jürgen\\x.md", "class\\Ida\\x.md"]
    found = made(tmp_path, dict.fromkeys(folder, b"text"))
    assert list(found) == ["class/Ida/x.md", "class/Jürgen/x.md"]
    assert [it.who for it in hand_ins(tmp_path / "class.zip")] == ["Ida", "Jürgen"]
    path = tmp_path / "class.zip"
    content = zipped({"Мария/x.md": b"text", "Ida/x.md": b"text", "Ida/~$x.docx": b"lock"})
    for record, flags in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):  # without the flag of names in UTF-8
        at = content.index(record) + flags
        content = content[:at] + b"\0" + content[at + 1 :]
    path.write_bytes(content)
    assert [it.who for it in hand_ins(path)] == ["Ida", "Мария"]


def test_an_archive_in_an_archive(tmp_path):
    inner = zipped({"work/x.md": b"text", "__MACOSX/work/._x.md": b"", "work/photo.heic": b"..."})
    files = {"ada/x.zip": inner, "ben/deep.zip": zipped({"x.zip": inner}), "cy/none.zip": zipped({})}
    files |= {"dee/many.zip": zipped(dict.fromkeys(map(str, range(21)), b"x")), "eve/bad.zip": b"PK\x03\x04 bad"}
    files |= {"flo/out.zip": zipped({"../x.md": b"x"})}
    found = made(tmp_path, files)
    assert found == {
        "ada/x.zip/work/photo.heic": f"a file .heic, which cannot be graded; {ADVICE}",
        "ada/x.zip/work/x.md": "",
        "ben/deep.zip/x.zip": f"an archive, or a document of an office program, which cannot be graded; {ADVICE}",
        "cy/none.zip": f"an empty archive, which cannot be graded; {ADVICE}",
        "dee/many.zip": f"an archive of more than 20 files; {ADVICE}",
        "eve/bad.zip": "this is no zip archive: File is not a zip file",
        "flo/out.zip/../x.md": "its path leads out of the archive",
    }


def made(tmp_path, files, edit=lambda it: None):
    path = tmp_path / "class.zip"
    path.write_bytes(zipped(files, edit))
    return {it.name: it.refused for it in hand_ins(path)}


def test_what_is_hostile_in_an_archive(tmp_path):
    names = ["../../etc/x.md", "/abs.md", "C:/x.md", "a/../../b.md", "..\\x.md"]
    found = made(tmp_path, dict.fromkeys([*names, "good.md"], b"text"))
    out = {name for name, refused in found.items() if refused == "its path leads out of the archive"}
    assert out == {name.replace("\\", "/") for name in names}
    assert found["good.md"] == ""

    def link(it):
        it.external_attr = (stat.S_IFLNK | 0o777) << 16

    assert made(tmp_path, {"l.md": b"/etc/passwd"}, link)["l.md"].startswith("a link")
    assert made(tmp_path, {"b.md": b"0" * 50_000_000})["b.md"] == "50000000 bytes; at most 4000000 are read"

    def other(it):
        it.compress_type = zipfile.ZIP_LZMA

    assert "compressed in a way" in made(tmp_path, {"x.md": b"text"}, other)["x.md"]


def test_a_file_that_is_longer_than_it_says(tmp_path):
    path = tmp_path / "class.zip"
    content = zipped({"b.md": b"0" * 9_000_000})
    size = (9_000_000).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (5).to_bytes(4, "little")))
    (found,) = hand_ins(path)
    assert found.refused
    assert len(found.content) < 10


def test_archives_that_are_none(tmp_path):
    path = tmp_path / "class.zip"
    for content in (b"PK\x03\x04 no archive", b"", b"PK\x05\x06" + b"\xff" * 18):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"class\.zip"):
            list(hand_ins(path))
    with pytest.raises(ValueError, match="no such file or folder"):
        list(hand_ins(tmp_path / "none"))


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HAND_INS", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        made(tmp_path, dict.fromkeys("abcd", b"x"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "abcd":
        (folder / name).write_text("x")
    with pytest.raises(ValueError, match="more than 3 files"):
        list(hand_ins(folder))


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert [(it.name, it.refused[:15]) for it in hand_ins(tmp_path)] == [
        ("link", "a link, which i"), ("pipe.md", "no regular file"),
    ]  # fmt: skip


def test_names_that_are_no_text(tmp_path):
    (tmp_path / os.fsdecode(b"J\xf6rg\n.md")).write_text("x")
    rows = graded_class(tmp_path, ANSWER)
    assert [row.who for row in rows] == ["J\\udcf6rg\\n"]
    for table in (as_csv, as_json, as_html, as_text):
        assert table(EXERCISE, rows).encode()


def test_encodings():
    assert text_of("∇".encode("utf-8-sig")) == ("∇", "")
    assert text_of("∇".encode("utf-16")) == ("∇", "UTF-16")
    assert text_of("∇a".encode("utf-32")) == ("∇a", "UTF-32")
    assert text_of("a∇b".encode("utf-16-le")) == ("a∇b", "UTF-16 without a mark")
    assert text_of("a∇b".encode("utf-16-be")) == ("a∇b", "UTF-16 without a mark")
    assert text_of("ö".encode("latin-1"))[0] == "ö"


def test_late(tmp_path):
    for name, when in (("early.md", "2026-11-29T17:00"), ("late.md", "2026-11-29T19:00")):
        (tmp_path / name).write_text("x")
        at = datetime.fromisoformat(when).timestamp()
        os.utime(tmp_path / name, (at, at))
    early, late = graded_class(tmp_path, ANSWER, datetime(2026, 11, 29, 18))
    assert early.graded.remarks == ()
    assert late.graded.remarks == ("late", "the same file as early.md")


# Tables


def test_a_spreadsheet(rows):
    text = as_csv(EXERCISE, rows)
    table = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(table) == len(rows)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row.values())
    assert table[[row.file for row in rows].index("=uma.md")]["who"] == "'=uma"
    ben = next(row for row in table if row["who"] == "ben")
    assert [ben[key] for key in ("line 17, activation", "line 19, order", "found", "mended")] == [
        "mended",
        "not found",
        "1",
        "1",
    ]


def test_a_table_for_programs(rows):
    found = json.loads(as_json(EXERCISE, rows))
    assert found["version"] == 1
    gus, ben = (next(row for row in found["hand_ins"] if row["who"] == who) for who in ("gus", "ben"))
    (change,) = gus["findings"]
    assert change == {
        "file": "gus.md", "line": 11, "column": 4, "end_line": 11, "end_column": 33, "cell": None,
        "verdict": "another model", "message": "the exercise has z = W_h h_{t-1} + W_x x_t + b", "text": "",
        "suggestion": "", "grade": "", "certain": False, "replaces": None,
    }  # fmt: skip
    assert [finding["line"] for finding in ben["findings"]] == [19]


def test_a_page(rows):
    page = as_html(EXERCISE, rows)
    assert "<b>wes" not in page
    assert "&lt;b&gt;wes" in page
    assert "line 11 changes the model" in page
    assert "<script>\n" not in page


def test_lines(rows):
    assert len(as_text(EXERCISE, rows).splitlines()) == len(rows)


# Processes


def maker(setup):
    def job(what):
        if what == "sleep":
            time.sleep(60)
        if what == "end":
            os._exit(3)
        if what == "memory":
            return len(bytearray(10**11))
        return f"{setup} {what}"

    def careful(what):
        try:
            return job(what)
        except MemoryError:
            return "no memory"

    return careful


@pytest.mark.slow
def test_a_job_takes_no_other_with_it():
    jobs = ["a", "sleep", "b", "end", "c", "memory", "d"]
    found = {done.number: done for done in in_workers(maker, "got", jobs, Limits(2, 3.0, 3_000_000_000))}
    assert [found[k].result for k in (0, 2, 4, 6)] == ["got a", "got b", "got c", "got d"]
    assert found[1].lost == "it takes more than 3 seconds"
    assert found[3].lost.startswith("its process ended")
    assert found[5].result == "no memory"


def test_no_jobs_no_processes():
    assert list(in_workers(maker, "", [], Limits(2, 3.0, 3_000_000_000))) == []


def test_one_exercise_is_not_another(tmp_path):
    (tmp_path / "a.md").write_text(
        "```declare\nx: N×1\ngiven: ∇y\n```\n```forward\ny = tanh(x)\n```\n```backward\n∇x = ∇y\n```\n"
    )
    (row,) = graded_class(tmp_path, ANSWER)
    assert row.graded.message == "this is not the exercise made from gate.md: it has other names and lines"


def test_an_exercise_without_mistakes_in_it(tmp_path):
    (tmp_path / "a.md").write_text(EXERCISE_TEXT)
    (row,) = graded_class(tmp_path, answer(Exercise(EXERCISE_TEXT, EXERCISE_TEXT, "gate.md", ())))
    assert row.status == "right"


def key_of(exercise):
    return AnswerKey(answered(answer(exercise)))


def check_grades(text):
    """An exercise with two mistakes is graded right: unchanged, mended, one mended only, and right in other forms."""
    exercise = plant(text, list(KINDS), 2, 0)
    key = key_of(exercise)
    assert key.grade(Source(exercise.original)).ok
    assert key.grade(Source(exercise.text)).unchanged
    for k, other in ((0, 1), (1, 0)):
        grade = key.grade(Source(exercise.mistakes[other].text))
        assert [m.mended for m in grade.mistakes] == [m.found for m in grade.mistakes] == [k == 0, k == 1]
        assert (grade.made, grade.missing, grade.changes) == ((), (), ())
    for variant in (v for kind in (variants.renamed, variants.split) for v in islice(kind(exercise.original), 2)):
        assert not holds(variant) or key.grade(Source(variant)).ok, variant


def holds(text):
    try:
        return check_derivation(text, suggest=False).ok
    except DerivationError:
        return False


@pytest.mark.parametrize("text", sampled(list(TEXTS.values()), 3))
def test_grades(text):
    check_grades(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", DERIVATIONS)
def test_grades_of_all_derivations(name):
    text = DERIVATIONS[name].read_text(encoding="utf-8")
    if holds(text):
        check_grades(text)
