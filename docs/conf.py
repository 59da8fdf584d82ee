"""The site, by `make docs`."""

import importlib.metadata
import shutil
from pathlib import Path

from ipython_pygments_lexers import IPython3Lexer

HERE = Path(__file__).parent
shutil.rmtree(HERE / "notebooks", ignore_errors=True)
shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=shutil.ignore_patterns(".*"))

project = "tinyad"
release = importlib.metadata.version("tinyad")
extensions = ["sphinx.ext.autodoc", "myst_nb", "sphinx-mathjax-offline"]
html_theme = "furo"
html_title = f"tinyad {release}"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_show_copyright = False

nb_execution_mode = "off"  # a notebook shows what is stored in it
suppress_warnings = ["mystnb.unknown_mime_type"]  # the DOT text beside a graph's SVG
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
smartquotes = False  # in prose, too, ' may be a derivative
default_role = "code"  # docstrings write `d`, as Markdown does
add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # what goes in and comes out is said in words, with sizes


def is_field(app, what, name, obj, skip, options):
    """Fields of a NamedTuple are described in the docstring of their class."""
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app):
    app.connect("autodoc-skip-member", is_field)
    app.add_lexer("python", IPython3Lexer)  # a cell may be a %%derivation
