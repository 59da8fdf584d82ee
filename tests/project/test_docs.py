"""The pages of the site: their examples run, nothing public is left out, and the house is drawn as it is."""

import argparse
import importlib
import inspect
import os
import re
from functools import cache

import numpy as np
import pytest

import tinyad
from lstm_models.models import MODELS
from lstm_models.zoo import DERIVATIONS
from tests.support import examples
from tests.support.examples import blocks, rewritten, rounded, run
from tests.support.house import NOT_STARRED, imported, package, rank, read, sources
from tests.support.paths import ROOT
from tinyad.cli import _parser
from tinyad.code.report import Report as CodeReport
from tinyad.code.verdicts import PairVerdict, StatementVerdict
from tinyad.derivation.judge.verdicts import LineVerdict
from tinyad.derivation.show.report import Report
from tinyad.drawing.elements import Box, Cluster, Drawing, Edge
from tinyad.drawing.svg import svg

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
RESULTS = (Report, LineVerdict, CodeReport, PairVerdict, StatementVerdict)  # of what is public
PUBLIC = [*tinyad.__all__, *sorted(NOT_STARRED)]
LSTM = "model sequence losses layouts tasks training models".split()
DIRECTIVE = re.compile(r"^\.\. (?:auto\w+|py:data):: (.+(?:\n +(?:tinyad|lstm_models)\.\w+)*)$", re.MULTILINE)
WRITE = "differs: TINYAD_WRITE_GOLDEN=1 pytest tests/project/test_docs.py, and read the diff"


SLOW = {"grading"}


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=pytest.mark.slow if p.stem in SLOW else (), id=p.stem) for p in PAGES]
)
def test_every_example(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = read(page)
    shown = list(run(blocks(text)))
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        page.write_text(rewritten(text, shown), encoding="utf-8", newline="\n")
        return
    for printed, expected in shown:
        assert rounded(printed) == rounded(expected), f"{page.name} {WRITE}"


def test_a_changed_output_is_seen(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    page = "````markdown a.md\n```declare\n```\n````\n```sh\ncat a.md\n```\n```text\n?\n```\n```python\nprint(1)\n```\n"
    shown = list(run(blocks(page)))
    assert shown == [("```declare\n```\n", "?\n"), ("1\n", "")]
    assert rewritten(page, shown) == page.replace("?\n", "```declare\n```\n")
    assert examples.said("tinyad none\n").startswith("tinyad: argument command: ")
    assert examples.said("tinyad none 2>&1 > /dev/null | head -1").startswith("tinyad: argument command: ")


def documented(pages):
    """What the pages describe, in their order: tinyad.Tape, lstm_models.model, ..."""
    return [name for page in pages for names in DIRECTIVE.findall(page) for name in names.split()]


def test_every_public_name_is_described_once():
    found = documented(map(read, PAGES))
    results = [f"{kind.__module__}.{kind.__name__}" for kind in RESULTS]
    modules = ["tinyad.drawing.plot", *(f"lstm_models.{name}" for name in LSTM), "lstm_models.models.MODELS"]
    assert sorted(found) == sorted([*(f"tinyad.{name}" for name in PUBLIC), *results, *modules])


def test_what_is_described_is_read():
    page = ".. autoclass:: tinyad.Tape\n   :members:\n.. py:data:: tinyad.add\n             tinyad.sub\n\n   Text.\n"
    assert documented([page]) == ["tinyad.Tape", "tinyad.add", "tinyad.sub"]


def undescribed(owner, name, thing):
    """The functions, classes, methods and properties without a docstring, of a public name."""
    missing = []
    if inspect.isroutine(thing) or isinstance(thing, property):
        missing += [] if thing.__doc__ else [f"{owner}.{name}"]
    if inspect.isclass(thing):
        missing += [] if thing.__doc__ and not thing.__doc__.startswith(f"{name}(") else [f"{owner}.{name}"]
        bases = [base for base in thing.__mro__ if base.__module__.startswith(("tinyad", "lstm_models", __name__))]
        for base in bases:
            public = {key: value for key, value in vars(base).items() if not key.startswith("_")}
            missing += [m for key, value in public.items() for m in undescribed(f"{owner}.{name}", key, value)]
    return missing


def test_everything_public_has_a_docstring():
    things = [("tinyad", name, getattr(tinyad, name)) for name in PUBLIC]
    things += [("tinyad", kind.__name__, kind) for kind in RESULTS]
    for part in ("tinyad.drawing.plot", *(f"lstm_models.{name}" for name in LSTM)):
        module = importlib.import_module(part)
        own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
        things += [(module.__name__, name, getattr(module, name)) for name in own if not name.startswith("_")]
    assert [missing for thing in things for missing in undescribed(*thing)] == []


def test_a_missing_docstring_is_seen():
    class Bare:
        @property
        def size(self):
            return 0

        def method(self):
            """Described."""

        def other(self):
            pass

    assert undescribed("here", "Bare", Bare) == ["here.Bare", "here.Bare.size", "here.Bare.other"]
    assert undescribed("here", "f", lambda: None) == ["here.f"]


def test_every_command_is_shown():
    (commands,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    shown = [code for kind, _, code in blocks(read(DOCS / "commands.md")) if kind == "sh"]
    assert {f"tinyad {name} --help\n" for name in commands.choices} <= set(shown)


@cache
def used_by():
    """Return {package: the packages that its modules import}, but for what a display imports when it is asked to."""
    modules = sources()
    used = {}
    for module, source in modules.items():
        mine = package(module, modules)
        lower = {other for other in imported(source, modules) if rank(other, modules) < rank(module, modules)}
        others = {package(other, modules) for other in lower}
        used[mine] = used.get(mine, set()) | {other for other in others if other and other != mine}
    return {name: used[name] for name in sorted(used, key=in_order) if name}


def in_order(name):
    return rank(name, {name: "", f"{name}.module": ""}), name


def first_sentence(name):
    path = ROOT / "tinyad" / name.replace(".", "/") / "__init__.py"
    return re.search(r'^r?"""(.+?\.)(?:\s|""")', read(path), re.DOTALL)[1].replace("\n", " ")


def table(used):
    rows = [(f"`{name}`", first_sentence(name), " ".join(sorted(used[name], key=in_order))) for name in used]
    lines = [("package", "what it is", "imports"), ("---",) * 3, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def picture(used):
    """An arrow from each package to those that import it, but where there is a way round."""

    @cache
    def below(name):
        return used[name].union(*map(below, used[name]))

    names = list(used)
    kinds = ["leaf" if name == "engine" else "step" for name in names]
    arrows = []
    for name in names:
        around = set().union(*map(below, used[name]))
        arrows += [Edge(names.index(other), names.index(name)) for other in sorted(used[name] - around)]
    boxes = [Box(name, (name,), kind, 0) for name, kind in zip(names, kinds, strict=True)]
    return svg(Drawing(boxes, arrows, [Cluster("", -1)], []))


def test_the_house_is_drawn_as_it_is():
    page, drawing = DOCS / "house.md", DOCS / "packages.svg"
    before, rest = read(page).split("<!-- packages -->")
    _, after = rest.split("<!-- end of packages -->")
    made = f"{before}<!-- packages -->\n\n{table(used_by())}\n<!-- end of packages -->{after}"
    if os.environ.get("TINYAD_WRITE_GOLDEN"):
        page.write_text(made, encoding="utf-8", newline="\n")
        drawing.write_text(picture(used_by()), encoding="utf-8", newline="\n")
    assert read(page) == made, f"docs/house.md {WRITE}"
    assert read(drawing) == picture(used_by()), f"docs/packages.svg {WRITE}"


def test_another_import_is_another_house():
    used = used_by()
    other = used | {"gradcheck": used["gradcheck"] | {"drawing"}, "drawing": set()}
    assert table(other) != table(used)
    assert picture(other) != picture(used)
    assert picture(used | {"html": used["html"] | {"engine"}}) == picture(used)  # by way of others


def test_every_model_is_in_the_table():
    rows = read(DOCS / "models.md").partition("| source ")[2].partition("\n\n")[0].splitlines()[2:]
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[2])]
    assert sorted(named) == sorted(MODELS)


def notation(text):
    """The notation of a derivation, as its signs and declarations tell."""
    signs = {" @ ": "NumPy", "\\": "LaTeX", "": "Unicode"}
    words = {"time: ": "times", "d: differential": "differentials"}
    kind = next(kind for sign, kind in signs.items() if sign in text)
    return kind, [word for start, word in words.items() if f"\n{start}" in text]


def test_every_derivation_is_in_the_table_of_the_zoo():
    rows = [row.split("|")[1:3] for row in read(DOCS / "zoo.md").partition("| --- |")[2].splitlines()[1:]]
    shown = {name.strip(" `"): kind.strip().split(", ") for name, kind in rows}
    assert list(shown) == list(DERIVATIONS)
    for name, (sign, *more) in shown.items():
        assert (sign, [word for word in more if word != "components"]) == notation(read(DERIVATIONS[name])), name


def operations(text):
    """Return the code in the first column of the table of operations."""
    rows = text.partition("<!-- operations -->")[2].partition("\n\n| ")[2].partition("\n\n")[0].splitlines()[2:]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_operation_of_the_page_runs():
    found = operations(read(DOCS / "tape.md"))
    assert len(found) > 50
    v = tinyad.Tape().variables(W=np.ones((4, 6)), A=np.eye(6), x=np.full((6, 6), 0.5), y=np.full((6, 6), 2.0))
    names = vars(tinyad) | v | {"np": np}
    for code in found:
        result = eval(code, names)
        assert (result(v["x"]) if callable(result) else result).shape, code
    with pytest.raises(TypeError):
        eval("np.clip(x, 0, 1)", names)


def modules_named(text):
    """The modules in the table of tinyad/code in CONTRIBUTING.md, as often as they are there."""
    table = text.partition("<!-- code -->")[2].partition("<!-- end of code -->")[0]
    return re.findall(r"`(\w+)`", table)


def test_every_module_of_code_has_its_place():
    found = modules_named(read(ROOT / "CONTRIBUTING.md"))
    assert sorted(found) == sorted(["check_code", *(path.stem for path in (ROOT / "tinyad/code").glob("*.py"))])
    assert modules_named("`a`\n<!-- code -->\n| what | `b`, `c` |\n<!-- end of code -->\n`d`") == ["b", "c"]
