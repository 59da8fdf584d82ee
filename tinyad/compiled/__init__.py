"""A tape as a straight-line NumPy program.

A tape becomes values (`forward`), time steps that repeat a loop (`repeats`), and the walk back more values (`back`).
Passes rewrite them, each for one reason: `sums`, `defer`, `hoist`, `stack` over the wavefronts of `waves`.  `plain`
writes them down as a person would, `planned` with a place for every result (`places`).
"""

from tinyad.compiled.build import PASSES, compile
from tinyad.compiled.program import Program

__all__ = ["PASSES", "Program", "compile"]
