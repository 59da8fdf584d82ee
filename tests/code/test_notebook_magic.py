"""%%check: a cell is checked with copies of what the notebook has."""

import numpy as np

from tinyad.code.notebook_magic import check_cell, copies, read_first

SCRIPT = """\
Z = X @ W
h = np.tanh(Z)
loss = ((h - Y) ** 2).sum()
dh = 2 * (h - Y)
dZ = dh * %s
dW = X.T @ dZ
"""
PAIR = """\
%matplotlib inline
def forward(x, w):
    return x * w, (x, w)
def backward(dy, cache):
    x, w = cache
    dx = dy * w
    dw = dy * {}
    return dx, dw
def example():
    return X[0], W[:, 0].repeat(5)[:3]
"""
RIGHT, WRONG = "(1 - h**2)", "(1 - h)"


def names():
    rng = np.random.default_rng(0)
    return {"np": np, "X": rng.normal(size=(5, 3)), "W": rng.normal(size=(3, 2)), "Y": rng.normal(size=(5, 2))}


def test_a_script_is_checked():
    assert check_cell(SCRIPT % RIGHT, names()).ok
    report = check_cell(SCRIPT % WRONG, names())
    assert [(v.line, v.suggestion.replace(" ", "")) for v in report.wrong] == [(6, "dZ=dh*(1-h**2)")]
    assert "cell:6  wrong" in str(report)
    assert "dZ = dh * (1 - h)" in report._repr_html_()


def test_a_pair_is_checked():
    assert check_cell(PAIR.format("x"), names()).ok
    assert [v.line for v in check_cell(PAIR.format("w"), names()).wrong] == [8]


def test_there_are_derivatives_for_what_the_notebook_has():
    report = check_cell((SCRIPT % RIGHT).replace("X.T @ dZ", "X.T @ dh"), names())
    assert [(v.line, v.of, v.of_line, v.of_text) for v in report.wrong] == [(7, "W", 1, "W = notebook.W")]
    assert report.wrong[0].grade == "certain"


def test_a_name_of_the_cell_stays_its_own():
    given = {**names(), "notebook": 2.0, "notebook_": 1.0}
    assert check_cell("X = X * notebook * notebook_\n" + SCRIPT % RIGHT, given).ok


def test_what_is_read_before_it_is_set():
    assert read_first("a = b\na += 1\nc += a\nd = d + 1\ndef f(x):\n    return x + e\nb = 2") == [
        "b",
        "c",
        "d",
        "x",
        "e",
    ]
    assert read_first("a = (") == []


def test_the_notebook_is_left_alone():
    given = names()
    before = {name: value.copy() for name, value in given.items() if name != "np"}
    check_cell(SCRIPT % WRONG + "W -= 0.1 * dW\n", given)
    assert set(given) == {"np", "X", "W", "Y"}
    assert all(np.array_equal(given[name], value) for name, value in before.items())


def test_two_names_of_one_array_stay_two_names_of_one():
    given = names()
    given["P"] = {"W": given["W"]}
    found = copies(["P", "W"], given)
    assert list(found) == ["P", "W"]
    assert found["P"]["W"] is found["W"]
    assert found["W"] is not given["W"]


def test_what_cannot_be_copied_is_shared():
    class Alone:
        def __deepcopy__(self, memo):
            raise RuntimeError("alone")

    given = names() | {"alone": Alone()}
    assert check_cell("alone\n" + SCRIPT % RIGHT, given).ok


def test_what_cannot_be_checked_is_printed(capsys):
    for cell, said in [
        ("dx = (", "cell:2: this is not Python"),
        ("x = 1", "no pair to check"),
        (SCRIPT % RIGHT, "NameError: name 'X' is not defined"),
    ]:
        assert check_cell(cell, {}) is None
        assert said in capsys.readouterr().out
