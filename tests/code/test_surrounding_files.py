"""A checked file among others: relative imports, line ends, programs that end themselves or never end."""

import os
import sys
import textwrap
from types import ModuleType

import pytest

from tinyad.cli import main
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text, read
from tinyad.code.program import CodeError, Program, State
from tinyad.code.time_limit import TimedOut, limited

LAYERS = """import numpy as np

def affine_forward(x, w):
    return x @ w, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout
"""

MODEL = """import numpy as np
from {module} import affine_backward, affine_forward

def forward(x, w):
    a, cache = affine_forward(x, w)
    return np.tanh(a), (a, cache)

def backward(dy, cache):
    a, inner = cache
    da = dy * (1 - np.tanh(a) ** 2)
    dx, dw = affine_backward(da, inner)
    return dx, dw

def example():
    r = np.random.default_rng(0)
    return r.normal(size=(5, 4)), r.normal(size=(4, 3))
"""

SQUARE = """import numpy as np
{before}
def forward(x):
    return x**2, x

def backward(dy, x):
    {inside}
    dx = 2 * dy * x
    return dx

def example():
    return np.random.default_rng(0).normal(size=(4, 3))
"""

WAITS = """while True:
        try:
            for k in range(10**9):
                pass
        except:
            pass"""


@pytest.fixture
def imports():
    """Takes the modules that a test imports out again."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("folder", ["net_of_layers", "net_outer/net_inner"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_file_of_a_package_may_import_relatively(tmp_path, imports, folder, marked):
    place = tmp_path / folder
    place.mkdir(parents=True)
    if marked:
        for inner in {place, tmp_path / folder.split("/")[0]}:
            (inner / "__init__.py").write_text("", encoding="utf-8")
    (place / "layers.py").write_text(LAYERS, encoding="utf-8")
    model = place / "model.py"
    model.write_text(MODEL.format(module=".layers"), encoding="utf-8")
    report = check_text(read(model), Options())
    assert report.ok
    assert [v.line for v in report.verdicts] == [10, 11]
    model.write_text(MODEL.format(module=".layers").replace("(1 - np", "(2 - np"), encoding="utf-8")
    assert [v.line for v in check_text(read(model), Options()).wrong] == [10]


def test_a_file_of_a_package_may_import_from_the_package_around_it(tmp_path, imports):
    inner = tmp_path / "around_it" / "inside"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("", encoding="utf-8")
    (inner.parent / "layers.py").write_text(LAYERS, encoding="utf-8")
    (inner / "model.py").write_text(MODEL.format(module="..layers"), encoding="utf-8")
    assert check_text(read(inner / "model.py"), Options()).ok


@pytest.mark.parametrize("name", ["helper", "layers.helper"])
def test_two_folders_may_have_modules_of_one_name(tmp_path, imports, name):
    """Each file gets its own neighbours, and what a program had imported before stays."""
    kept = sys.modules.setdefault("helper", ModuleType("helper"))
    kept.__file__ = str(tmp_path / "helper.py")
    code = (
        f"from {name} import factor\n\ndef forward(x):\n    return factor * x\n\ndef backward(dy):\n    return K * dy\n"
    )
    for folder, factor in (("a", "2"), ("b", "3")):
        module = tmp_path / folder / f"{name.replace('.', '/')}.py"
        module.parent.mkdir(parents=True)
        module.write_text(f"factor = {factor}\n", encoding="utf-8")
        (tmp_path / folder / "backward.py").write_text(code.replace("K", factor), encoding="utf-8")
        report = check_text(read(tmp_path / folder / "backward.py"), Options())
        assert report.ok, report
        assert report.imported == (str(module),)
    assert sys.modules["helper"] is kept
    assert "layers" not in sys.modules


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where the limit strikes in a finalizer
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no signals")
@pytest.mark.parametrize("where", ["before", "inside"])
def test_a_bare_except_around_an_endless_loop_does_not_keep_the_limit_from_working(where):
    waiting = WAITS if where == "inside" else textwrap.dedent(f"    {WAITS}")
    source = SQUARE.format(**{"before": "", "inside": "pass", where: waiting})
    traced = sys.gettrace()
    options = Options(seconds=0.3)
    if where == "before":
        with pytest.raises(CodeError, match="did not end in"):
            check_text(Text("square.py", source), options)
    else:
        assert "did not end in" in check_text(Text("square.py", source), options).errors[0]
    assert sys.gettrace() is traced


@pytest.mark.parametrize("leaves", ["os._exit(0)", "sys.exit(0)", "leave(0)"])
@pytest.mark.parametrize("where", ["before", "inside"])
def test_a_program_that_ends_itself_has_not_passed(leaves, where, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = "import os, sys\nfrom os import _exit as leave\n" + SQUARE
    path = tmp_path / "square.py"
    path.write_text(source.format(**{"before": "", "inside": "pass", where: leaves}), encoding="utf-8")
    before = os._exit
    assert main(["check", "square.py"]) == 2
    out, err = capsys.readouterr()
    assert "ended the program with status 0" in out + err
    assert os._exit is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_process_that_the_program_starts_may_end():
    ends = "child = os.fork()\n    if not child:\n        os._exit(3)\n    assert os.waitpid(child, 0)[1] >> 8 == 3"
    source = SQUARE.format(before="import os", inside=ends)
    assert check_text(Text("square.py", source), Options()).ok


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_diff_has_the_line_ends_of_the_file(tmp_path, newline):
    path = tmp_path / "square.py"
    source = SQUARE.format(before="", inside="pass").replace("2 * dy * x", "dy * x")
    path.write_bytes(source.replace("\n", newline).encode())
    rows = check_text(read(path), Options()).diff().split("\n")
    changed = [row for row in rows if row.startswith(("+  ", "-  ", "   "))]
    assert len(changed) > 2
    assert {row.endswith("\r") for row in changed} == {newline == "\r\n"}


def test_the_builtins_of_python_are_not_put_back():
    """A time limit that ends while they are emptied and filled again would leave the process without them."""
    program = Program("x = 1", "source.py")
    program.execute()
    names = State(program.namespace).names
    assert "x" in names
    assert "__builtins__" in program.namespace
    assert "__builtins__" not in names


def test_a_limit_inside_another_one_tells_whose_time_is_over():
    tries = []

    def endless():
        while True:
            try:
                with limited(0.2):
                    while True:
                        pass
            except TimedOut:
                tries.append("inner")

    with pytest.raises(TimedOut), limited(0.7):
        endless()
    assert tries[0] == "inner"
    assert len(tries) < 5
    with limited(0.2):
        pass


HALF = """
import numpy as np

def f_forward(x):
    y = np.tanh(x)
    return y, y

def f_backward(dy, y):
    dx = dy * (1 - y ** 2)
    return dx

def example_f():
    return np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32),
"""


def test_that_another_precision_is_replaced_is_said():
    assert "float32 is computed in float64 here" in check_text(Text("f.py", HALF), Options()).text()
    assert "float64 here" not in check_text(Text("f.py", HALF.replace("np.float32", "float")), Options()).text()


def test_a_fault_of_the_check_is_not_blamed_on_the_code(monkeypatch):
    """Chains that are no chains make the judge itself raise an AttributeError."""
    monkeypatch.setattr("tinyad.code.judge.chains", lambda events: [0])
    (error,) = check_text(Text("f.py", HALF), Options()).errors
    assert "the check of f_forward and f_backward ended by a fault of tinyad itself, AttributeError" in error


def test_an_endless_backward_pass_is_not_called_a_forward_pass():
    source = HALF.replace("    dx = dy", "    while True:\n        pass\n    dx = dy")
    (error,) = check_text(Text("f.py", source), Options(seconds=0.5)).errors
    assert "f_forward and f_backward did not end in 0.5 seconds" in error
