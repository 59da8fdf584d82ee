"""Files whose statements outside functions do not come to their end: what is defined is checked all the same."""

import pytest

from tinyad.code import first_calls
from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text
from tinyad.code.program import CodeError

LAYER = """
import numpy as np
{above}

def tanh_forward(x, w):
    h = np.tanh(x @ w)
    return h, (x, w, h)

def tanh_backward(dh, cache):
    x, w, h = cache
    da = dh * (1 - h ** 2)
    return da @ w.T, x.T @ da

{below}
"""
ENDINGS = {
    "a module that is not there": ("from no_such_module_x import bar", "", "ModuleNotFoundError: No module named"),
    "a file that is not there": ("text = open('no_such_file.txt').read()", "size = len(text)", "FileNotFoundError"),
    "an exception below": ("", "rate = {}['rate']\nprint(rate)", "KeyError: 'rate'"),
}
TRAINING = """
w = np.random.default_rng(0).normal(size=(3, 2))
n = 0
while True:
    x = np.random.default_rng(n).normal(size=(4, 3))
    h, cache = tanh_forward(x, w)
    dx, dw = tanh_backward(h, cache)
    w -= 0.01 * dw
    n += 1
"""


def checked(source):
    """The report on a source."""
    return check_text(Text("top.py", source), Options())


@pytest.mark.parametrize("name", ENDINGS)
def test_what_stands_outside_functions_may_raise(name):
    above, below, said = ENDINGS[name]
    source = LAYER.format(above=above, below=below)
    report = checked(source)
    assert report.ok, report
    (pair,) = report.pairs
    assert f"the file raised {said}" in pair.notes[-1]
    line = next(n for n, text in enumerate(source.splitlines(), 1) if text and text in (above, below.split("\n")[0]))
    assert f" at line {line};" in pair.notes[-1]
    (found,) = checked(source.replace("1 - h ** 2", "1 - h")).wrong
    assert found.suggestion == "da = dh * (1 - h ** 2)"


def test_what_stands_below_the_statement_that_raises_is_run_statement_by_statement():
    below = (
        "raise ValueError('above')\nscale = missing\nscale = 2.0\ndef scaled_forward(x):\n    return scale * x, None\n"
    )
    below += "def scaled_backward(dy, cache):\n    dx = scale * dy\n    return dx\n"
    report = checked(LAYER.format(above="", below=below))
    assert report.ok, report
    assert [pair.forward for pair in report.pairs] == ["tanh_forward", "scaled_forward"]


def test_where_nothing_can_be_checked_without_it_the_exception_is_the_message():
    source = "import no_such_module_x as lib\n" + LAYER.format(above="", below="").replace("np.tanh", "lib.tanh")
    with pytest.raises(CodeError) as caught:
        checked(source)
    assert "top.py: the file raised ModuleNotFoundError: No module named 'no_such_module_x'" in str(caught.value)
    assert "; install it beside tinyad, or run python -m tinyad where it is" in str(caught.value)
    assert "top.py:1, in <module>: import no_such_module_x as lib" in str(caught.value)


def test_training_without_an_end_is_stopped_once_what_is_checked_was_called(monkeypatch):
    monkeypatch.setattr(first_calls, "MAIN_SECONDS", 0.2)
    source = LAYER.format(above="", below=TRAINING)
    report = checked(source)
    assert report.ok, report
    notes = " ".join(report.pairs[0].notes)
    assert "the check took the arguments of its first call in the file" in notes
    assert "the file was stopped after 5 seconds, when it had called what is checked, at line" in notes
    (found,) = checked(source.replace("x.T @ da", "x.T @ dh")).wrong
    assert found.suggestion.endswith("x.T @ da")


def test_a_file_finds_no_arguments_of_the_command_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["tinyad", "check", "top.py", "--rate"])
    above = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--rate', default=1)\n"
    assert checked(LAYER.format(above=above + "rate = parser.parse_args().rate", below="")).ok


def test_a_file_may_import_from_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "pieces_of_it").mkdir()
    (tmp_path / "pieces_of_it" / "acts.py").write_text("import numpy as np\nact = np.tanh\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    source = LAYER.format(above="from pieces_of_it.acts import act", below="").replace("np.tanh", "act")
    (tmp_path / "inside").mkdir()
    assert check_text(Text("inside/top.py", source), Options()).ok


RAISING = [
    ("x.T @ da", "x @ da", "it raises ValueError", "x.T @ da"),
    ("x.T @ da", "x.T @ dA", "it raises NameError: name 'dA' is not defined", "x.T @ da"),
    ("return da @ w.T", "return da @ w", "it raises ValueError", "return da @ w.T"),
]


@pytest.mark.parametrize(("right", "wrong", "message", "meant"), RAISING)
def test_a_statement_that_raises_with_arguments_that_were_drawn_is_found(right, wrong, message, meant):
    """Shapes that do not fit are the mistake that is made most, and files seldom have an example."""
    source = LAYER.format(above="", below="").replace(right, wrong)
    (found,) = checked(source).wrong
    assert wrong in found.text
    assert found.message.startswith(message)
    assert meant in found.suggestion
