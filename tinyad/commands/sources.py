"""One file, or the text of one, checked with the options of the command line: as code, or as a text."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tinyad.commands.configuration import for_file
from tinyad.commands.findings import is_code
from tinyad.derivation import check_source
from tinyad.derivation.language.documents import declares_in_markdown, opened, opened_text
from tinyad.derivation.language.source import Source

if TYPE_CHECKING:
    from tinyad.code.files import Text
    from tinyad.commands.findings import Report
    from tinyad.derivation.show.report import Report as TextReport

SECONDS_FOR_TEXT = 5.0  # for one text on the command line: the longest derivation takes two
CODE = (".py", ".ipynb")
FOR_CODE = ("example", "shapes", "pair", "name", "sandbox")


def checked(path: Path, options: argparse.Namespace) -> Report:
    """Return the report on a file, as code or as a text."""
    is_code = path.suffix.lower() == ".py" or (path.suffix.lower() == ".ipynb" and not declares_in_markdown(path))
    own = for_file(options, path, is_code)
    if is_code:
        from tinyad.code.files import read

        return _of_code(read(path), own)
    return _of_derivation(opened(path, own.timeout or SECONDS_FOR_TEXT), own)


def checked_text(name: str, text: str, options: argparse.Namespace) -> Report:
    """Return the report on the text that stands, or would stand, in a file of this name."""
    is_code = Path(name).suffix.lower() in CODE
    own = for_file(options, Path(name), is_code)
    if is_code:
        from tinyad.code.files import text_named

        return _of_code(text_named(name, text), own)
    folder = Path(name).absolute().parent
    return _of_derivation(opened_text(text, name, own.timeout or SECONDS_FOR_TEXT, folder), own)


def _of_code(source: Text, options: argparse.Namespace) -> Report:
    from tinyad.code import command

    if options.suggest is False:
        raise ValueError(f"--no-suggest is for texts, and {source.name} is read as code")
    if options.against:
        raise ValueError(f"--against is for texts, and {source.name} is read as code")
    return command.check_source(source, options)


def _of_derivation(source: Source, options: argparse.Namespace) -> Report:
    for option in FOR_CODE:
        if getattr(options, option):
            raise ValueError(f"--{option} is for code, and {source.name} is read as a text; code ends in .py or .ipynb")
    exercise = opened(options.against, options.timeout or SECONDS_FOR_TEXT) if options.against else None
    return check_source(source, options.seed, options.suggest, exercise)


def files_read(report: Report) -> tuple[str, ...]:
    """Return the other files that a check has read: neighbours of code, and what a document includes."""
    if is_code(report):
        return report.imported
    source = cast("TextReport", report).source
    parts = dict.fromkeys(part for part, _ in getattr(source, "origins", ()))
    beside = (str(Path(source.name).parent / part) for part in parts if part)
    return tuple(file for file in beside if Path(file).is_file())


def message_about(file: str, error: Exception) -> str:
    """Say why a file was not checked."""
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{file}: more memory than there is"
    if isinstance(error, RecursionError):
        return f"{file}: nested too deeply"
    if isinstance(error, OSError):
        return f"{file}: {error.strerror}"
    return f"{file}: a fault of tinyad itself, {type(error).__name__}: {message_of(error)}"


def message_of(error: BaseException) -> str:
    """Return the message of an exception, whatever it is."""
    try:
        return str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    except Exception:  # an exception whose __str__ fails
        return "no message"
