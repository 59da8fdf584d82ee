"""The house: floors, public names, sizes.  Every check is shown a house that breaks it."""

import ast
import json
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import tinyad

ROOT = Path(__file__).resolve().parents[1]
TINYAD = sorted((ROOT / "tinyad").rglob("*.py"))
MODELS = sorted((ROOT / "lstm_models").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FLOORS = {"advice": 0, "kernel": 0, "matrix": 0, "text": 0, "row": 1, "ops": 1, "derivatives": 2, "tape": 2}
FLOORS |= {"derivation": 4, "script": 5, "cli": 6, "__main__": 7}  # the others are on floor 3
ENGINE, ENGINE_LINES, FILE_LINES = ("ops.py", "tape.py"), 350, 400
NOT_STARRED = {"compile", "sum"}  # public, but `from tinyad import *` would hide Python's own


def read(path):
    return path.read_text(encoding="utf-8")


def imports(source):
    """(module, name or None) of every import but those for type checkers; `from a.b import c` is ("a.b", "c")."""
    found, ahead = [], [ast.parse(source)]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            ahead += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            found += [("." * node.level + (node.module or ""), alias.name) for alias in node.names]
        ahead += ast.iter_child_nodes(node)
    return found


def inside(source, modules):
    """The modules of tinyad that a source imports, by their first name: matrix, derivation, ..."""
    names = set()
    for module, name in imports(source):
        assert not module.startswith("."), f"relative import of {module}"
        if module.startswith("tinyad."):
            names.add(module.split(".")[1])
        elif module == "tinyad":
            names.add(name if name in modules else "__init__")
    return names


def floor(module):
    return FLOORS.get(module, 3)


def breaches(sources):
    """What breaks the floors; sources: {module: source}."""
    used = {module: inside(source, sources) - {module} for module, source in sources.items() if module != "__init__"}
    found = [f"{m} (F{floor(m)}) imports {u}" for m, us in used.items() for u in us if floor(u) > floor(m)]
    found += [f"{m} imports the public names" for m, us in used.items() if "__init__" in us and floor(m) < 4]
    found += [f"{m} uses {u}" for m, us in used.items() for u in us if (m, u) == ("row", "ops") or u == "__main__"]
    try:
        TopologicalSorter(used).prepare()
    except CycleError as cycle:
        found.append(f"in a circle: {cycle.args[1]}")
    return found


def modules(paths):
    found = {}
    for path in paths:
        parts = path.relative_to(ROOT / "tinyad").with_suffix("").parts
        found[parts[0]] = found.get(parts[0], "") + "\n" + read(path)
    return found


def test_floors():
    assert set(FLOORS) - {"derivation", "cli", "__main__"} <= set(modules(TINYAD))
    assert breaches(modules(TINYAD)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("matrix", "from tinyad.row import Op"),
        ("ops", "from tinyad.tape import Tape"),
        ("row", "from tinyad.ops import add"),
        ("tape", "def f():\n    from tinyad import listing"),
        ("tape", "import tinyad.listing"),
        ("tape", "import tinyad"),
        ("listing", "from tinyad.cli import main"),
        ("listing", "if True:\n    from tinyad import Tape"),
        ("listing", "from tinyad.graph import dot"),
        ("compiled", "from tinyad.derivation import read"),
    ],
)
def test_floors_are_held(module, source):
    good = dict.fromkeys((*FLOORS, "listing", "compiled"), "import numpy")
    good["graph"] = (
        "if TYPE_CHECKING:\n    from tinyad.cli import main\nelse:\n    from tinyad.listing import equations"
    )
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
    by_hand = ["from tinyad import tanh", "import scipy", "from lstm_models.slides import cell", "from . import slides"]
    for source in by_hand:
        assert foreign("import numpy as np\n" + source, by_hand=True)
    for source in (
        "import tinyad",
        "from tinyad.tape import Tape",
        "from tinyad import matrix",
        "import tinyad.ops as o",
    ):
        assert foreign("from tinyad import Tape, sum\n" + source, by_hand=False)
    assert not foreign("import numpy as np\nfrom collections.abc import Mapping", by_hand=True)
    assert not foreign("import scipy\nfrom tinyad import Tape, sum", by_hand=False)


def test_the_engine_is_read_in_one_sitting():
    assert too_long({"ops.py + tape.py": sum_of(read(ROOT / "tinyad" / name) for name in ENGINE)}, ENGINE_LINES) == []


def test_files_are_short():
    scripts = (ROOT / "tinyad").rglob("*.js")
    lines = {str(path.relative_to(ROOT)): sum_of([read(path)]) for path in (*TINYAD, *scripts, *MODELS, *TESTS)}
    assert too_long(lines, FILE_LINES) == []


def sum_of(sources):
    return sum(len(source.splitlines()) for source in sources)


def too_long(lines, limit):
    return [f"{name}: {n} lines" for name, n in lines.items() if n >= limit]


def test_length_is_counted():
    assert sum_of(["a\nb\n", "c"]) == 3
    assert too_long({"a": 349, "b": 350}, 350) == ["b: 350 lines"]


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
