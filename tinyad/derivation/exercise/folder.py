"""The folder of an exercise for a class: what students get, what the teacher keeps, and where hand-ins go."""

from __future__ import annotations

from pathlib import Path

from tinyad.derivation.exercise.answer import Exercise, answer
from tinyad.derivation.language.documents import opened_text

SHEET = """\
# Find the mistakes

`exercise{suffix}` is a derivation with {mistakes}: a line that sets a derivative is wrong, or one is missing. The
declarations and the forward equations are right.

1. Find {them}. Behind a line that is wrong you may write a comment, `{sign} why it is wrong`.
2. Write the right line in its place, in any form: what it means counts, and not its letters.
3. Leave the declarations, the names and what the forward equations compute as they are.
4. Hand in one file, your copy of `exercise{suffix}`, saved as UTF-8 and named after you: `ada-lovelace{suffix}`.
   Markdown, LaTeX and notebooks are fine; a PDF, a picture or an office document cannot be graded.

`tinyad check YOUR-FILE` shows whether the file can be read, and it shows the mistakes as well: ask whether you may use
it.
"""
README = """\
# {title}

An exercise with {mistakes}, made from `{source}` by `tinyad class init`.

| file | for whom |
| --- | --- |
| `students/exercise{suffix}` | the derivation with {mistakes}: hand it out |
| `students/sheet.md` | what to do and how to hand in: hand it out |
| `teacher/answer.json` | where the mistakes are: keep it, `tinyad grade` needs it |
| `teacher/right{suffix}` | the derivation without mistakes |
| `hand-ins/` | put here what comes back: one file or folder for each student, or a zip archive instead |

In this folder:

```sh
tinyad grade hand-ins --answer teacher/answer.json
tinyad grade hand-ins --answer teacher/answer.json --output grades.html
tinyad grade hand-ins --answer teacher/answer.json --output grades.csv
tinyad check hand-ins/ada{suffix} --against teacher/right{suffix}
```

Planted:

{planted}
"""


def write_folder(folder: Path, exercise: Exercise) -> None:
    """Write the folder of an exercise.  Raises ValueError if there is one already."""
    count = len(exercise.mistakes)
    mistakes = "one mistake" if count == 1 else f"{count} mistakes"
    planted = "\n".join(f"- line {m.line}, {m.kind}: `{_row(m.now) or 'nothing'}` instead of `{_row(m.was)}`"
                        for m in exercise.mistakes)  # fmt: skip
    suffix = Path(exercise.source).suffix or ".md"
    sign = "%" if opened_text(exercise.text, exercise.source).is_document else "#"
    texts = {
        f"students/exercise{suffix}": exercise.text,
        "students/sheet.md": SHEET.format(
            mistakes=mistakes, them="it" if count == 1 else "them", suffix=suffix, sign=sign
        ),
        "teacher/answer.json": answer(exercise),
        f"teacher/right{suffix}": exercise.original,
        "README.md": README.format(
            title=folder.name, mistakes=mistakes, source=Path(exercise.source).name, planted=planted, suffix=suffix
        ),
    }
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ValueError(f"{folder} is there already, and stays as it is; give another folder with --out") from None
    for name in ("students", "teacher", "hand-ins"):
        (folder / name).mkdir()
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)


def _row(text: str) -> str:
    return " ".join(text.split())
