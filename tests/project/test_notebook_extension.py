"""%load_ext tinyad brings the magics."""

import numpy as np

import tinyad
from tinyad.derivation.show.notebook_magic import derivation

CELL = "h = np.tanh(x)\nloss = h.sum()\ndh = np.ones_like(h)\ndx = dh * (1 - h**2)\n"


class Shell:
    """As much of IPython as an extension needs."""

    def __init__(self, names):
        self.magics, self.user_ns = {}, names

    def register_magic_function(self, function, kind, name):
        self.magics[kind, name] = function


def test_the_extension_brings_the_magics():
    shell = Shell({"np": np, "x": np.arange(3.0)})
    tinyad.load_ipython_extension(shell)
    assert list(shell.magics) == [("cell", "derivation"), ("cell", "check")]
    assert shell.magics["cell", "derivation"] is derivation
    check = shell.magics["cell", "check"]
    assert check("", CELL).ok
    shell.user_ns["x"] = "no array"
    assert check("", CELL) is None
