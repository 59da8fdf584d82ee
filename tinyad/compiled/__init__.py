"""Compile a tape to a straight-line NumPy program.

The steps become values (`forward`), repeated time steps a loop (`loop_detection`), the backward pass more values
(`backward`).  Passes rewrite them (`rewriting`), each for one reason: `flat_sums`, `deferred_products`, `hoisting`,
`stacking` by `wavefronts`, `batched_products`.  `readable_source` prints them as a person would write them,
`buffered_source` with memory planned for every result (`buffers`).
"""

from tinyad.compiled.build import PASSES, compile
from tinyad.compiled.program import Program

__all__ = ["PASSES", "Program", "compile"]
