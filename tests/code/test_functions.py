"""Functions that exist already: found again in their files or cells, and said where they stand."""

import linecache
import re
from functools import partial

import numpy as np
import pytest

from tinyad.code import check_code
from tinyad.code.program import CodeError

FORWARD = """\
import numpy as np


def squash(z):
    return np.tanh(z)


def forward(x, w):
    z = x * w
    y = squash(z)
    return y, (x, w, y)
"""
BACKWARD = """\
def backward(dy, cache):
    x, w, y = cache
    dz = dy * (1 - y)
    return dz * w, (dz * x).sum(axis=0)
"""
CLASS = """\
%matplotlib inline
class Scale:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return x * self.w

    def backward(self, dy):
        self.dw = (dy * self.w).sum(axis=0)
        return dy * self.w
"""
X, W = np.random.default_rng(0).normal(size=(4, 3)), np.array([0.5, -1.5, 2.0])


def in_file(folder, name, source):
    """The names that a file sets."""
    path = folder / name
    path.write_text(source, encoding="utf-8")
    names = {"__name__": name}
    exec(compile(source, str(path), "exec"), names)
    return names


def in_cell(names, source):
    """Run a cell as a kernel does: its source is in no file, but in the cache of lines, and in the history."""
    names.setdefault("In", [""]).append(source)
    path = f"/nowhere/ipykernel_1/{len(names['In'])}.py"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(re.sub(r"^%.*", "pass", source), path, "exec"), names)


def test_one_file(tmp_path):
    names = in_file(tmp_path, "both.py", f"{FORWARD}\n\n{BACKWARD}")
    report = check_code(names["forward"], names["backward"], X, W)
    assert [v.line for v in report.wrong] == [16]
    assert f"{tmp_path / 'both.py'}:16  wrong" in str(report)
    assert "is the derivative for z of line 9: z = x * w" in str(report)


def test_two_files(tmp_path):
    forward = in_file(tmp_path, "first.py", FORWARD)["forward"]
    backward = in_file(tmp_path, "second.py", BACKWARD)["backward"]
    report = check_code(forward, backward, X, W)
    assert f"{tmp_path / 'second.py'}:3  wrong" in str(report)
    assert "is the derivative for z of line 9: z = x * w" in str(report)
    assert f"wrong because of line 3 of {tmp_path / 'second.py'}" in str(report)
    assert '<td class="n">3</td>' in report._repr_html_()
    with pytest.raises(AssertionError, match=r"second.py:3  wrong"):
        report.raise_if_wrong()


def test_cells():
    names = {"__name__": "__main__"}
    in_cell(names, FORWARD)
    in_cell(names, BACKWARD)
    report = check_code(names["forward"], names["backward"], X, W)
    assert "In[2]:3  wrong" in str(report)
    assert "of line 9: z = x * w" in str(report)
    del names["In"]
    assert "cell:" in str(check_code(names["forward"], names["backward"], X, W))


def test_a_class_of_a_cell():
    names = {"__name__": "__main__"}
    in_cell(names, CLASS)
    layer = names["Scale"](W)
    report = check_code(layer.forward, layer.backward, X)
    assert [(v.line, v.name) for v in report.wrong] == [(11, "self.dw")]
    assert "In[1]:11  wrong" in str(report)
    assert not hasattr(layer, "x")


def test_what_has_no_source_is_said():
    with pytest.raises(CodeError, match="a lambda has no statements"):
        check_code(lambda x: x, lambda dy: dy, X)
    with pytest.raises(CodeError, match="the source of sin is not to be found"):
        check_code(np.sin, np.cos, X)


def test_a_partial_function_is_its_function_with_these_arguments(tmp_path):
    names = in_file(tmp_path, "layer.py", FORWARD + "\n\n" + BACKWARD)
    report = check_code(partial(names["forward"], w=W), names["backward"], X)
    assert [s.line for pair in report.pairs for s in pair.wrong] == [16]
    report = check_code(partial(names["forward"], X), names["backward"], W)
    assert [s.line for pair in report.pairs for s in pair.wrong] == [16]


def test_a_partial_backward_pass_gets_what_the_forward_pass_takes(tmp_path):
    source = FORWARD + "\n\n" + BACKWARD.replace("cache)", "cache, w)").replace("x, w, y", "x, _, y")
    names = in_file(tmp_path, "layer.py", source)
    report = check_code(names["forward"], partial(names["backward"], w=W), X, W)
    assert [s.line for pair in report.pairs for s in pair.wrong] == [16]
    with pytest.raises(CodeError, match="partial with scale: give the function itself"):
        check_code(names["forward"], partial(names["backward"], scale=2.0), X, W)


def test_a_lambda_is_refused(tmp_path):
    names = in_file(tmp_path, "layer.py", FORWARD + "\n\n" + BACKWARD)
    with pytest.raises(CodeError, match="a lambda has no statements to judge"):
        check_code(lambda x: x * 2, names["backward"], X)
    with pytest.raises(CodeError, match="a lambda has no statements to judge"):
        check_code(names["forward"], lambda dy, cache: dy, X, W)
