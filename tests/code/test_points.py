"""Other sample points: other values of the same kinds, and other sizes where the code takes them."""

import numpy as np

from tinyad.code.pair import Example
from tinyad.code.points import another, resized


def example():
    rng = np.random.default_rng(0)
    labels = np.eye(3)[[0, 2, 1, 0, 2]]
    shares = np.full((5, 3), 1 / 3)
    return Example((rng.normal(size=(5, 3)), np.array([0, 2, 1, 0, 2]), 5), {"labels": labels, "shares": shares})


def test_each_size_becomes_another_everywhere():
    first, doubled, one = resized(example(), 0)
    for new, sizes in ((first, (7, 4)), (doubled, (10, 6)), (one, (6, 3))):
        assert new.arguments[0].shape == sizes
        assert new.arguments[1].shape == sizes[:1]
        assert new.arguments[2] == sizes[0]
        assert new.keywords["labels"].shape == sizes


def test_what_the_values_are_stays_so_with_other_sizes():
    for new in resized(example(), 0):
        assert new.arguments[1].dtype.kind == "i"
        assert set(new.arguments[1]) <= {0, 1, 2}
        assert np.all(new.keywords["labels"].sum(axis=1) == 1)
        assert np.allclose(new.keywords["shares"].sum(axis=1), 1)
        rows = new.arguments[0]
        assert len(np.unique(rows)) == rows.size


def test_an_example_without_arrays_has_no_other_sizes():
    assert list(resized(Example((2.0, 3), {}), 0)) == []


def test_another_point_has_the_sizes_of_the_example():
    assert another(example(), 1).arguments[0].shape == (5, 3)
