"""The house: packages in order, public names, sizes.  Every check is shown a house that breaks it."""

import ast
import json
import re
from graphlib import CycleError, TopologicalSorter

import pytest

import tinyad
from tests.support.house import NOT_STARRED, PACKAGES, RANK, imported, imports, package, parsed, rank, read, sources
from tests.support.paths import ROOT

TINYAD = sorted((ROOT / "tinyad").rglob("*.py"))
MODELS = sorted((ROOT / "lstm_models").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Lines of the four modules to read first, of the engine, and of the engine with the packages that it stands on.
CORE, CORE_LINES, ENGINE_LINES, LINES_TO_THE_ENGINE = ("op", "table", "vjp", "tape"), 700, 853, 1_700
# What shows itself imports, when it is asked to, what shows it.
DISPLAY = {
    "engine.tape imports printing.listing",
    "engine.derivatives imports printing.listing",
    "compare.comparison imports html.comparison",
}


def breaches(modules):
    """What breaks the order of the packages, or goes in a circle; modules: {module: source}."""
    used = {module: imported(source, modules) - {module} for module, source in modules.items() if module}
    found = [
        f"{m} imports {u}"
        for m, us in used.items()
        for u in sorted(us)
        if package(u, modules) != package(m, modules) and rank(u, modules) >= rank(m, modules)
    ]
    found = [breach for breach in found if breach not in DISPLAY]
    later = {(m, u) for m, us in used.items() for u in us if f"{m} imports {u}" in DISPLAY}
    try:
        TopologicalSorter({m: {u for u in us if (m, u) not in later} for m, us in used.items()}).prepare()
    except CycleError as cycle:
        found.append(f"in a circle: {cycle.args[1]}")
    return found


def test_every_package_has_its_place():
    modules = sources()
    assert {package(module, modules) for module in modules} == set(RANK)
    assert len(RANK) == sum(map(len, PACKAGES))
    assert breaches(modules) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("arrays.matrix", "from tinyad.engine.tape import Tape"),
        ("arrays.matrix", "def f():\n    from tinyad.printing import listing"),
        ("engine.tape", "import tinyad.printing.notation"),
        ("engine.tape", "import tinyad"),
        ("printing.listing", "from tinyad.cli import main"),
        ("printing.listing", "if True:\n    from tinyad import Tape"),
        ("compare.comparison", "from tinyad.drawing.graph import dot"),
        ("compare.comparison", "from tinyad.compiled import Program"),
        ("compiled.program", "from tinyad.derivation import read"),
        ("derivation.language.reader", "from tinyad.derivation.semantics.evaluator import value"),
        ("derivation.repair.trial", "from tinyad.derivation import check_derivation"),
        ("derivation.repair.trial", "from tinyad import derivation"),
    ],
)
def test_the_order_is_held(module, source):
    names = [
        "engine.tape",
        "printing.listing",
        "printing.notation",
        "compare.comparison",
        "drawing.graph",
        "compiled.program",
    ]
    names += ["derivation.language.reader", "derivation.semantics.evaluator", "derivation.repair.trial", "cli", ""]
    good = dict.fromkeys([*names, *(name for name in RANK if name)], "import numpy")
    good["engine.tape"] = "from tinyad.arrays.matrix import size"
    good["arrays.matrix"] = "if TYPE_CHECKING:\n    from tinyad.cli import main\nelse:\n    import numpy"
    good["cli"] = "from tinyad.derivation import check_derivation\nfrom tinyad import Tape"
    assert breaches(good) == []
    assert breaches({**good, module: source}) != []


def test_init_only_imports_again():
    tree = ast.parse(read(ROOT / "tinyad/__init__.py"))
    assert only_imports(tree)
    for wrong in ("import os\nx = 1", "def f(): pass", "__all__ = []\n__all__ += ['a']", "import numpy"):
        assert not only_imports(ast.parse('"""Doc."""\n' + wrong))


def only_imports(tree):
    doc, *rest = tree.body
    assigned = [node for node in rest if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    imported = [node for node in rest if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinyad.")]
    return isinstance(doc, ast.Expr) and len(assigned) <= 1 and len(assigned) + len(imported) == len(rest)


def names_out_of_order(names, imported):
    wrong = [name for name in imported - set(names) - NOT_STARRED if not name.startswith("_")]
    wrong += [name for name in names if name not in imported]
    key = [(not n.isupper(), not n[0].isupper(), n) for n in names]  # constants, classes, functions
    return wrong + [n for a, b, n in zip(key, sorted(key), names, strict=True) if a != b]


def test_all_is_sorted_and_complete():
    imported = {name for _, name in imports(read(ROOT / "tinyad/__init__.py"))}
    assert names_out_of_order(tinyad.__all__, imported) == []
    assert len(set(tinyad.__all__)) == len(tinyad.__all__)
    assert all(hasattr(tinyad, name) for name in tinyad.__all__)
    for names in (["Op", "add"], ["TABLE", "add", "Op"], ["TABLE", "Op", "add", "more"]):
        assert names_out_of_order(names, {"TABLE", "Op", "add", "sum"})


def foreign(source, by_hand):
    """Imports that a model may not have: by hand NumPy only, else tinyad's public names only."""
    wrong = []
    for module, name in imports(source):
        top = module.split(".")[0]
        if by_hand:
            wrong += [module] * (top not in ("numpy", "__future__", "collections", "typing"))
        elif top == "tinyad":
            public = module == "tinyad" and name in {*tinyad.__all__, *NOT_STARRED}
            wrong += [] if public else [f"{module}: {name}"]
    return wrong


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_models_use_public_names(path):
    assert foreign(read(path), path.stem.endswith("_by_hand")) == []


def test_models_are_held_to_it():
    assert any(path.stem.endswith("_by_hand") for path in MODELS)
    by_hand = ["from tinyad import tanh", "import scipy", "from lstm_models.slides import cell"]
    for source in by_hand:
        assert foreign("import numpy as np\n" + source, by_hand=True)
    for source in (
        "import tinyad",
        "from tinyad.engine.tape import Tape",
        "from tinyad import matrix",
        "import tinyad.engine.table as o",
    ):
        assert foreign("from tinyad import Tape, sum\n" + source, by_hand=False)
    assert not foreign("import numpy as np\nfrom collections.abc import Mapping", by_hand=True)
    assert not foreign("import scipy\nfrom tinyad import Tape, sum", by_hand=False)


def imports_models(source):
    return any(module.split(".")[0] == "lstm_models" for module, _ in imports(source))


def test_tinyad_finds_models_by_entry_points_alone():
    assert [path for path in TINYAD if imports_models(read(path))] == []
    for source in ("import lstm_models.demo", "def f():\n    from lstm_models.demo import run"):
        assert imports_models(f"import tinyad\n{source}")


def imported_tests(source):
    """Return the tests that a source imports."""
    parts = {part for module, name in imports(source) for part in (*module.split("."), name or "")}
    return sorted(part for part in parts if part.startswith("test_"))


def test_no_test_imports_another():
    assert {path.name: imported_tests(read(path)) for path in TESTS if imported_tests(read(path))} == {}
    for source in (
        "from tests.engine.test_op import mesh",
        "from tests.engine import test_op",
        "def f():\n    import tests.engine.test_op as t",
        "from tests.engine.test_op import *",
    ):
        assert imported_tests(f"from tests.support import points\n{source}") == ["test_op"]


def lines_of(paths):
    return sum(len(read(path).splitlines()) for path in paths)


def test_the_engine_is_read_in_one_sitting():
    folder = ROOT / "tinyad/engine"
    assert lines_of(folder / f"{name}.py" for name in CORE) < CORE_LINES
    assert lines_of(folder.rglob("*.py")) < ENGINE_LINES
    folders = [ROOT / "tinyad" / name for name in ("arrays", "expressions", "engine")]
    below = [path for folder in folders for kind in ("*.py", "*.toml") for path in folder.rglob(kind)]
    assert lines_of(below) < LINES_TO_THE_ENGINE


def test_lines_are_counted(tmp_path):
    (tmp_path / "a.py").write_text("a\nb\n")
    (tmp_path / "b.py").write_text("c")
    assert lines_of(sorted(tmp_path.iterdir())) == 3


def chains(modules):
    """Classes with more than two of our own classes in a line of inheritance, itself included."""
    bases = {}
    for source in modules.values():
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases]

    def depth(name):
        return 1 + max((depth(base) for base in bases[name] if base in bases and base != name), default=0)

    return sorted(name for name in bases if depth(name) > 2)


REASONED = ["JaxSource"]  # chains of three; the docstring says why


def test_no_ladders_of_classes():
    assert chains(sources()) == REASONED
    assert chains({"a": "class A: pass\nclass B(A): pass", "b": "class C(m.B): pass\nclass D(int): pass"}) == ["C"]


WORDS = ["TO" + "DO", "FIX" + "ME"]  # apart, or this file would find itself
UNFINISHED = re.compile("|".join(WORDS))


def test_nothing_is_left_to_do():
    others = ("*.md", "*.toml", "Makefile", ".ci/*")
    texts = [path for pattern in others for path in ROOT.glob(pattern) if path.is_file()]
    assert [path for path in (*TINYAD, *MODELS, *TESTS, *texts) if UNFINISHED.search(read(path))] == []
    for path in ROOT.glob("notebooks/*.ipynb"):
        cells = json.loads(read(path))["cells"]  # what they say, not the letters that a picture is made of
        assert not UNFINISHED.search("".join("".join(cell["source"]) for cell in cells)), path
    assert all(UNFINISHED.search(f"x = 1  # {word} later") for word in WORDS)


FROM_AN_INDEX = re.compile(r"pip install\b.*\btinyad\b")  # no index has it; what is missing is named itself


def test_nobody_is_sent_to_an_index_for_tinyad():
    this = ROOT / "tests/project/test_house.py"
    texts = [*TINYAD, *MODELS, *(path for path in TESTS if path != this), *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    assert [path for path in texts if FROM_AN_INDEX.search(read(path))] == []
    for wrong in ("pip install tinyad", "pip install 'tinyad[plot]'", "pip install -U tinyad"):
        assert FROM_AN_INDEX.search(f"write `{wrong}`")
    assert not FROM_AN_INDEX.search("pip install matplotlib\ntinyad demo")
