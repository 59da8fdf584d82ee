"""Reverse-mode differentiation in unary and binary steps, and hand-derived gradients held against it."""

from tinyad.compare.comparison import Comparison, compare
from tinyad.compare.verdicts import Finding
from tinyad.compiled import Program
from tinyad.compiled import compile as compile  # not in __all__: `from tinyad import *` would hide Python's own
from tinyad.derivation import DerivationError, check_derivation
from tinyad.derivation.show.notebook_magic import load_ipython_extension
from tinyad.derivation.show.tape_as_derivation import written
from tinyad.drawing import plot
from tinyad.drawing.graph import Graph, graph
from tinyad.engine.derivatives import Contribution, Derivatives
from tinyad.engine.op import Op, ones
from tinyad.engine.table import (
    TABLE,
    add,
    deriv,
    div,
    exp,
    inv,
    log,
    log_softmax,
    matmul,
    neg,
    none,
    schur,
    sigmoid,
    softmax,
    softmax_rows,
    sqrt,
    stack,
    sub,
    sum,  # noqa: F401  not in __all__: `from tinyad import *` would hide Python's own
    tanh,
    transpose,
    under,
    upper,
)
from tinyad.engine.tape import Tape, Variable
from tinyad.gradcheck.numeric import central_difference, check_op, complex_step, numeric_derivative
from tinyad.html.explore import Explorer, explore
from tinyad.html.report import Report, report
from tinyad.printing.listing import Listing, equations, first_nonfinite, gradients, routine
from tinyad.version import __version__ as __version__

__all__ = [
    "TABLE",
    "Comparison",
    "Contribution",
    "DerivationError",
    "Derivatives",
    "Explorer",
    "Finding",
    "Graph",
    "Listing",
    "Op",
    "Program",
    "Report",
    "Tape",
    "Variable",
    "add",
    "central_difference",
    "check_derivation",
    "check_op",
    "compare",
    "complex_step",
    "deriv",
    "div",
    "equations",
    "exp",
    "explore",
    "first_nonfinite",
    "gradients",
    "graph",
    "inv",
    "load_ipython_extension",
    "log",
    "log_softmax",
    "matmul",
    "neg",
    "none",
    "numeric_derivative",
    "ones",
    "plot",
    "report",
    "routine",
    "schur",
    "sigmoid",
    "softmax",
    "softmax_rows",
    "sqrt",
    "stack",
    "sub",
    "tanh",
    "transpose",
    "under",
    "upper",
    "written",
]
