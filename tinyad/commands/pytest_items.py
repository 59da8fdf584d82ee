"""Files as tests of pytest: what `pytest --tinyad` collects, and what a failure says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tinyad.commands.check import default_options
from tinyad.commands.configuration import configuration_of
from tinyad.commands.discovery import READ, has_derivation, is_excluded
from tinyad.commands.findings import result_of
from tinyad.commands.sources import checked, message_about
from tinyad.printing.findings import Finding
from tinyad.printing.text import visible


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return the file as a test if it has something to check, and pyproject.toml does not exclude it."""
    if file_path.suffix.lower() not in READ:
        return None
    found = configuration_of(Path.cwd())
    exclude = [(found.folder, pattern) for pattern in found.values.get("exclude", [])]
    if is_excluded(file_path, exclude) or not has_derivation(file_path):
        return None
    return DerivationFile.from_parent(parent, path=file_path)


class DerivationFile(pytest.File):
    """A file with a derivation, or with code."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the one test of the file."""
        yield DerivationItem.from_parent(self, name="tinyad")


class DerivationItem(pytest.Item):
    """The check of a file."""

    line: int | None = None

    def runtest(self) -> None:
        """Check the file; raise WrongError with the report if it is not right."""
        name = _shown(self.path)
        try:
            report = checked(Path(name), default_options())
        except Exception as error:
            raise WrongError(message_about(name, error)) from None
        findings = result_of(name, report).findings
        if findings:
            self.line = findings[0].place.line
            raise WrongError(f"{_heading(findings)}\n\n{report.text(everything=True)}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *given: Any, **named: Any) -> Any:
        """Return the report, and no traceback through tinyad."""
        if isinstance(excinfo.value, WrongError):
            return visible(str(excinfo.value))
        return super().repr_failure(excinfo, *given, **named)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file, the first wrong line, and the title of a failure."""
        return self.path, self.line and self.line - 1, f"tinyad check {visible(_shown(self.path))}"


def _heading(findings: Sequence[Finding]) -> str:
    """Return what the summary of pytest says, which has the first row of a failure: where, what, and how many more."""
    place = findings[0].place
    cell = f" cell {place.cell}, line " if place.cell else ":"
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{place.file}{cell}{place.line}: {findings[0].verdict}{more}"


class WrongError(Exception):
    """A file is not right, or could not be checked: the report."""


def _shown(path: Path) -> str:
    """Return a path as a user writes it in the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
