"""Long lists of cases: one in so many runs by default, all of them where slow tests run."""

import pytest


def sampled(cases, one_in=3):
    """Return the cases for `parametrize`; a tuple is the values of several parameters."""
    found = []
    for k, case in enumerate(cases):
        if hasattr(case, "marks"):
            values, marks, name = case.values, case.marks, case.id
        else:
            values, marks, name = case if isinstance(case, tuple) else (case,), (), None
        found.append(pytest.param(*values, marks=[*marks, *[pytest.mark.slow] * (k % one_in > 0)], id=name))
    return found
