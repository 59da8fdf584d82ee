"""A class: an exercise with two mistakes, and what students hand in, right, wrong and hostile."""

import io
import os
import zipfile

from tests.support.gate import LATEX, MASTER
from tinyad.derivation.exercise.answer import Exercise, PlantedMistake, answer

FIRST = ("∇z = ∇f_t ∘ f_tᵀ ∘ (1 - f_t)ᵀ", "∇z = ∇f_t ∘ f_tᵀ")
SECOND = ("∇W_x = x_t ∇z", "∇W_x = ∇z x_t")
EXERCISE_TEXT = MASTER.replace(*FIRST).replace(*SECOND)


def line(text, part):
    return 1 + text[: text.index(part)].count("\n")


EXERCISE = Exercise(
    EXERCISE_TEXT,
    MASTER,
    "gate.md",
    (
        PlantedMistake("activation", line(EXERCISE_TEXT, FIRST[1]), *FIRST, MASTER.replace(*FIRST)),
        PlantedMistake("order", line(EXERCISE_TEXT, SECOND[1]), *SECOND, MASTER.replace(*SECOND)),
    ),
)
ANSWER = answer(EXERCISE)


def mended(*mistakes, text=EXERCISE_TEXT):
    for was, now in mistakes:
        text = text.replace(now, was)
    return text


def zipped(files, edit=lambda it: None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            it = zipfile.ZipInfo(name, (2026, 11, 29, 12, 0, 0))
            it.compress_type = zipfile.ZIP_DEFLATED
            edit(it)
            archive.writestr(it, content)
    return out.getvalue()


# File → (its content, the result, words that have to be in what is said).
HAND_INS = {
    "ada.md": (mended(FIRST, SECOND), "right", ["line 17: found and mended", "line 19: found and mended"]),
    "ben.md": (mended(FIRST), "wrong", ["line 17: found and mended", "line 19 is still wrong"]),
    "cy.md": (EXERCISE_TEXT, "wrong", ["nothing was changed"]),
    "dan.md": (
        mended(FIRST).replace(SECOND[1], SECOND[1] + "  # ?"),
        "wrong",
        ["line 19 is still wrong, but was found"],
    ),
    "eve/my solution.md": (
        mended(FIRST, SECOND).replace("5. ∇b = ∇z", "5. ∇b = 2 ∇z"),
        "wrong",
        ["in the hand-in: line 20, ∇b = 2 ∇z, was right and is wrong"],
    ),
    "fay.md": (mended(FIRST, SECOND).replace("5. ∇b = ∇z\n", ""), "wrong", ["no line sets the derivative of b"]),
    "gus.md": (
        mended(FIRST, SECOND).replace("+ b\n", "- b\n"),
        "wrong",
        ["line 17: found and mended; line 19: found and mended; in the hand-in: line 11 changes the model"],
    ),
    "hal.md": (mended(FIRST, SECOND).replace("z", "pre"), "right", ["found and mended"]),
    "ida.tex": (LATEX, "right", ["found and mended"]),
    "jo.md": (mended(FIRST, SECOND).encode("utf-16"), "right", ["UTF-16"]),
    "kim.md": (mended(FIRST, SECOND), "right", ["the same file as ada.md"]),
    "leo.md": ("Jörg\n" + "x = 1\n", "not graded", ["no block"]),
    "mia.md": ("Jörg\n```forward\n".encode("latin-1"), "not graded", ["read as Latin-1"]),
    "ned.md": ("", "not graded", ["it is empty"]),
    "ora.pdf": (b"%PDF-1.7 ...", "not graded", ["a PDF, which cannot be graded"]),
    "pat.docx": (zipped({"word/document.xml": b"<w/>"}), "not graded", ["a document of an office program"]),
    "quin.zip/bomb.md": (b"0" * 50_000_000, "not graded", ["50000000 bytes; at most 4000000 are read"]),
    "rex.zip/work/my.md": (mended(FIRST, SECOND) + "\n", "right", ["found and mended"]),
    "ray.md": (b"\x00" * 5000, "not graded", []),
    "sue.md": ("(" * 200_000, "not graded", []),
    "tom.md": (b"x" * 5_000_000, "not graded", ["at most 4000000 are read"]),
    "=uma.md": ("a,b\n", "not graded", ["no block"]),
    "vic.md": (mended(FIRST, SECOND).replace("∇h_t\n```", "∇h_t\nW_h: 9000×9000\n```"), "not graded", []),
    "<b>wes.md": ("```declare\n<script>\n```\n", "not graded", []),
    "xia.py": ("print(1)\n", "not graded", ["a file .py"]),
    "yul.ipynb": ("{}", "not graded", ["not a notebook"]),
}
IGNORED = (".DS_Store", "__MACOSX/._ada.md", "Thumbs.db", ".git/config")


def content_of(name):
    content = HAND_INS[name][0]
    return content if isinstance(content, bytes) else content.encode()


def handed_in():
    """File → its content; what is named as if an archive were a folder is in an archive."""
    files = dict.fromkeys(IGNORED, b"x")
    for name in HAND_INS:
        archive, inside, rest = name.partition(".zip/")
        files[archive + ".zip" if inside else name] = zipped({rest: content_of(name)}) if inside else content_of(name)
    return files


def write_folder(folder):
    for name, content in handed_in().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.symlink("/etc/passwd", folder / "zed.md")
    return folder


def write_archive(path):
    path.write_bytes(zipped({f"class/{name}": content for name, content in handed_in().items()}))
    return path
