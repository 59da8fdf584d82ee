"""Random tapes, straight ones and random cells that repeat: compiled = eager, in every style and for every pass."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compiled_difference import differs
from tests.support.random_cells import SOME, cells, subsets
from tests.support.random_programs import examples, programs, recorded


@examples(25, 150)
def test_straight_tapes(examples):
    dtypes = st.sampled_from([np.float64, np.float32])
    settings(SOME, max_examples=examples)(given(programs(), subsets, dtypes)(straight_tape))()


def straight_tape(program, passes, dtype):
    tape, seeds = recorded(program, dtype)
    assert not seeds or differs(tape, seeds, passes) is None


@examples(20, 250)
def test_cells_that_repeat(examples):
    settings(SOME, max_examples=examples)(given(cells, subsets)(cell_that_repeats))()


def cell_that_repeats(cell, passes):
    tape, seeds = cell.record()
    assert differs(tape, seeds, passes) is None
    leaves = [tape.label(i) for i in range(len(tape.values)) if tape.label(i)[0] in "spx"]
    assert differs(tape, seeds, passes, leaves) is None
