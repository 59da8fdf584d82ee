"""Files as sources: derivation files with blocks, and documents with the files that they include."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tinyad.derivation.language.displays import in_latex, in_markdown, in_restructured_text
from tinyad.derivation.language.document import Document, Line
from tinyad.derivation.language.limits import FILE_CHARACTERS, INCLUDED_FILES, INCLUSIONS, NOTEBOOK_CELLS
from tinyad.derivation.language.source import DerivationError, Source, decoded, file_bytes, read

BLOCK_OF_EQUATIONS = re.compile(r"^[ \t]*```+[ \t]*(?:forward|backward)\b", re.MULTILINE)
BLOCK = re.compile(r"^[ \t]*```+[ \t]*(?:declare|forward|backward)\b", re.MULTILINE)
MAGIC = re.compile(r"\s*%%derivation[^\n]*")  # of a code cell
LATEX = re.compile(r"^[^%\n]*\\(?:documentclass|begin\s*\{document\})|^[^\n]*(?<!\\)%[ \t]*tinyad:", re.MULTILINE)
MARKDOWN = re.compile(r"<!--\s*tinyad:|\$|\\[(\[]|\\begin\{|^[ \t]*```+[ \t]*(?:math|latex|tex)\b", re.MULTILINE)
RESTRUCTURED = re.compile(r"^[ \t]*\.\. (?:tinyad:|math::)", re.MULTILINE)
SUFFIXES = {
    ".tex": "latex", ".ltx": "latex", ".latex": "latex", ".rst": "restructured text",
    ".md": "markdown", ".markdown": "markdown", ".qmd": "markdown", ".rmd": "markdown",
}  # fmt: skip
INCLUSION = re.compile(
    r"\\(?:(?P<command>input|include|subfile)(?![A-Za-z])\s*(?:\{(?P<braced>[^{}\n]*)\}|(?P<bare>[\w./-]+))"
    r"|(?:usepackage|RequirePackage)\s*(?:\[[^\]]*\])?\s*\{(?P<packages>[^{}]*)\})"
)
OF_MAIN_FILE = re.compile(r"\\(?:begin|end)\s*\{document\}|\\documentclass")
DECLARES = re.compile(r"<!--\s*tinyad:\s*declare|^[ \t]*```+[ \t]*declare\b", re.MULTILINE)


def opened(text_or_path: str | Path, seconds: float | None = None) -> Source:
    """Return the source in a file, or in a text of more than one line: a document if it has no blocks of equations."""
    if Path(str(text_or_path)[:200]).suffix.lower() == ".ipynb" and "\n" not in str(text_or_path):
        return _notebook(Path(text_or_path), seconds)
    source = read(text_or_path, seconds)
    if isinstance(text_or_path, str) and "\n" in text_or_path:
        return _of_kind(source, "", None)
    return _of_kind(source, Path(text_or_path).suffix.lower(), Path(text_or_path).absolute().parent)


def opened_text(text: str, name: str, seconds: float | None = None, folder: Path | None = None) -> Source:
    """Return the source in a text that is read as a file of this name; it includes files of `folder`, else none."""
    return _of_kind(Source(text, name, seconds), Path(name).suffix.lower(), folder)


def _of_kind(source: Source, suffix: str, folder: Path | None) -> Source:
    """Return a source as the document that it is; its folder has the files that it includes."""
    kind = _kind(source.text, suffix)
    if not kind:
        return source
    lines = [Line(text, "", number) for number, text in enumerate(source.text.split("\n"), 1)]
    if kind == "latex":
        return _latex(lines, source.name, source.seconds, folder)
    find = in_markdown if kind == "markdown" else in_restructured_text
    return Document(lines, source.name, source.seconds, kind, find)


def _kind(text: str, suffix: str) -> str:
    """Return what kind of document a text is; "" for a derivation file."""
    if BLOCK_OF_EQUATIONS.search(text):
        return ""
    kind = SUFFIXES.get(suffix, "")
    if kind in ("latex", "restructured text"):
        return kind
    if not kind and LATEX.search(text):
        return "latex"
    if MARKDOWN.search(text) and (kind or "<!--" in text):
        return "markdown"
    return "restructured text" if not kind and RESTRUCTURED.search(text) else ""


# LaTeX, with the files beside it


def _latex(lines: list[Line], name: str, seconds: float | None, folder: Path | None) -> Document:
    inclusion = _Inclusion(folder)
    every = list(inclusion.lines(lines, ()))
    document = Document(every, name, seconds, "latex", lambda source: in_latex(source, _environments(document)))
    document.left_out = inclusion.left_out
    return document


def _environments(document: Document) -> dict[str, tuple[str, str]]:
    r"""Return the macros that begin or end an environment, as \be for \begin{equation}."""
    assert document.macros is not None
    found: dict[str, tuple[str, str]] = {}
    for macro in document.macros.without_arguments():
        match = re.fullmatch(r"\s*\\(begin|end)\s*\{(\w+\*?)\}\s*", macro.body)
        if match:
            found[macro.name] = match[1], match[2]
    return found


class _Inclusion:
    r"""The files that a document reads with \input, from its own folder only; `left_out` says which were not read."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.resolve() if folder else None
        self.left_out: list[tuple[int, str]] = []  # number of the line in the whole, why
        self.files = self.characters = self.count = self.named = 0

    def lines(self, lines: list[Line], inside: tuple[str, ...]) -> Iterator[Line]:
        """Yield lines, and behind each those of the files that it includes."""
        for line in lines:
            self.count += 1
            yield line
            if "\\" not in line.text:
                continue
            for match in INCLUSION.finditer(re.sub(r"(?<!\\)%.*", "", line.text)):
                here = self.count
                for name, needed in _names(match):
                    included = self._file(name, needed, inside, here)
                    if included is not None:
                        yield from self.lines(included, (*inside, name))

    def _file(self, name: str, needed: bool, inside: tuple[str, ...], line: int) -> list[Line] | None:
        """Return the lines of an included file; None if it is not read."""
        self.named += 1
        if self.named > INCLUSIONS:
            raise DerivationError(f"more than {INCLUSIONS} files to include, {name} is one more")
        why = self._refused(name, inside)
        if why:
            if needed:
                self.left_out.append((line, f"{name} is not read: {why}"))
            return None
        assert self.folder
        path = self.folder / name
        try:
            text = decoded(file_bytes(path), str(path))
        except (OSError, ValueError) as reason:
            what = reason.message if isinstance(reason, DerivationError) else str(reason)
            self.left_out.append((line, f"{name} is not read: {what.removeprefix(f'{path}: ')}"))
            return None
        self.files += 1
        self.characters += len(text)
        if self.characters > FILE_CHARACTERS or self.files > INCLUDED_FILES:
            raise DerivationError(
                f"{self.folder / name}: with the files included so far there are {self.characters} characters in "
                f"{self.files} files; at most {FILE_CHARACTERS} in {INCLUDED_FILES} are read"
            )
        plain = OF_MAIN_FILE.sub(lambda m: " " * len(m[0]), Source(text).text)
        return [Line(text, name, number) for number, text in enumerate(plain.split("\n"), 1)]

    def _refused(self, name: str, inside: tuple[str, ...]) -> str:
        """Say why a file is not read; "" if it is."""
        if self.folder is None:
            return "a text has no folder"
        try:
            path = (self.folder / name).resolve()
            if not path.is_relative_to(self.folder):
                return "it is outside of the folder of the document"
            if name in inside:
                return "it includes itself"
            return "" if path.is_file() else "there is no such file"
        except (OSError, ValueError, RuntimeError):  # such as a name that is too long, or links in a circle
            return "it cannot be opened"


def _names(match: re.Match[str]) -> Iterator[tuple[str, bool]]:
    """Yield the files that a command includes, and whether it is worth a word if they are not there."""
    if match["command"]:
        name = (match["braced"] or match["bare"] or "").strip().strip('"')
        yield name if Path(name).suffix else name + ".tex", True
    for package in (match["packages"] or "").split(","):
        if package.strip():
            yield package.strip() + ".sty", False


# Notebooks


def _notebook(path: Path, seconds: float | None) -> Source:
    """Return the cells of a notebook that have blocks of equations; else its Markdown cells, as a document."""
    cells = derivation_cells(path)
    with_blocks = [(number, text) for number, text in cells if BLOCK.search(text)]
    blocks = any(BLOCK_OF_EQUATIONS.search(text) for _, text in with_blocks)
    lines: list[Line] = []
    for number, text in with_blocks if blocks else cells:
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        lines += [Line(line, f"cell {number}", k) for k, line in enumerate(plain.split("\n"), 1)]
        lines.append(Line("", f"cell {number}", plain.count("\n") + 2))
    if not blocks:
        return Document(lines, str(path), seconds, "markdown", in_markdown)
    source = Source("\n".join(line.text for line in lines), str(path), seconds)
    source.origins = [(line.part, line.number) for line in lines]
    return source


def derivation_cells(path: Path, kinds: Sequence[str] = ("markdown", "code")) -> list[tuple[int, str]]:
    """Return the cells of a notebook with text, or with the magic %%derivation, and their numbers from 1 on."""
    try:
        raw = file_bytes(path)
    except OSError as reason:
        raise DerivationError(f"{path}: {reason.strerror}") from None
    except ValueError as reason:
        raise DerivationError(f"{path}: {reason}") from None
    try:
        cells: Any = json.loads(decoded(raw, str(path)))["cells"]
        if len(cells) > NOTEBOOK_CELLS:
            raise DerivationError(f"{path}: {len(cells)} cells; at most {NOTEBOOK_CELLS} are read")
        texts = [(k, cell["cell_type"], cell["source"]) for k, cell in enumerate(cells, 1)]
        plain = [(k, kind, "".join(text)) for k, kind, text in texts if kind in kinds]  # of a text, or of its lines
        return [(k, MAGIC.sub("", text, 1)) for k, kind, text in plain if kind == "markdown" or MAGIC.match(text)]
    except DerivationError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DerivationError(f"{path}: this is not a notebook: no JSON with a list of cells") from None


def declares_in_markdown(path: Path) -> bool:
    """Return whether the Markdown cells of a notebook declare the names of a derivation."""
    try:
        return any(DECLARES.search(text) for _, text in derivation_cells(path, ("markdown",)))
    except DerivationError:
        return False
