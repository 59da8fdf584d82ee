"""Compile a tape to a program in NumPy, as machine code, in JAX or in PyTorch.

The steps (`recording`) become values (`forward`), repeated time steps a loop (`loop_detection`), the backward pass more
values (`backward`).  Passes rewrite them (`rewriting`), each for one reason: `flat_sums`, `factors` and `time_sums`,
`deferred_products`, `hoisting`, `stacking` by `wavefronts`, `batched_products`.  Then they are written: by
`readable_source` as a person would, for NumPy or PyTorch (`dialects`), by `buffered_source` with memory planned for
every result (`buffers`), by `native_source` as loops over entries, by `jax_source` as scans; `value_names` names them.
An engine runs the source.

For every size at once, `any_size` compiles a model at several and fits the numbers in the sources (`size_fitting`,
`sized_form`); `model_examples` records it, `open_sizes` and `tied_sizes` find which sizes of its examples are open.
"""

from tinyad.compiled.any_size import AnySizeProgram
from tinyad.compiled.build import PASSES, compile
from tinyad.compiled.program import Program

__all__ = ["PASSES", "AnySizeProgram", "Program", "compile"]
