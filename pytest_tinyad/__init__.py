"""The plugin of pytest: `--tinyad`.  It stands beside tinyad, so that a run without the option does not import it."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("tinyad").addoption(
        "--tinyad",
        action="store_true",
        help="check derivations with declarations, and Python with a forward and a backward pass; each file is a test",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load what collects the files, if it is asked for."""
    if config.getoption("--tinyad"):
        from tinyad.commands import pytest_items
        from tinyad.commands.configuration import configuration_of

        try:
            configuration_of(Path.cwd())
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(pytest_items, "tinyad_items")
