"""Products of all time steps that nothing reads are one product, also where they are added up."""

import tinyad
from lstm_models.models import MODELS
from tests.support.compiled_difference import differs
from tests.support.modelpoints import ModelPoint
from tinyad.compiled import PASSES


def test_the_derivatives_of_the_inputs_of_a_gru_are_wide_products():
    """Those through the candidate and those through the gates lie side by side in two places."""
    p = ModelPoint(MODELS["gru"])
    without = tuple(name for name in PASSES if name != "wide")
    counts = [
        tinyad.compile(p.tape, [], list(p.leaves), p.seeds, passes=passes).source.count("matmul(")
        for passes in (PASSES, without)
    ]
    assert counts == [1, 3]
    assert differs(p.tape, p.seeds, PASSES, list(p.leaves)) is None
