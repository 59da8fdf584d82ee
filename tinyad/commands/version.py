"""The version, as pyproject.toml states it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tinyad")
except PackageNotFoundError:  # imported from a folder, without having been installed
    __version__ = "unknown"
