"""Random derivations: right ones give no alarm, and of one mistake no other line is blamed."""

import numpy as np
import pytest

from tests.benchmarks.compared import one
from tests.support.sampling import sampled


@pytest.mark.parametrize("seed", sampled(range(90)))
def test_of_a_random_derivation_no_line_is_blamed_wrongly(seed):
    counts = one(np.random.default_rng([7, seed]), misses=False)
    assert counts["right"] == 1
    assert not {kind: counts[kind] for kind in ("alarm", "missed", "other line") if counts[kind]}
