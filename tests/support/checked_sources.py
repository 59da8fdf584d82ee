"""The derivations of the sources, each checked once in a run of the tests: a check takes up to ten seconds."""

from functools import cache

from tests.support.paths import DERIVATIONS
from tinyad import check_derivation


@cache
def checked(name):
    """Return the report on a derivation of the project: slides, slides-corrected, ..."""
    return check_derivation(DERIVATIONS / f"{name}.md")
