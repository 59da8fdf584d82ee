"""A GRU that is read out at every time step, with the cross-entropy of all of them divided by a count."""

import numpy as np

from lstm_models import losses, sequence
from lstm_models.model import parameters, random
from lstm_models.models import MODELS


def read_out(B, count, lengths=None):
    """Return the tape, with L and a_y[1], a_y[2], ... by name, and the parameters of the cell; T = 4, X = 2, H = 5."""
    gru, rng = MODELS["gru"], np.random.default_rng(5)
    P = parameters(gru, 5, 2, rng)
    h0, xs = rng.standard_normal((5, B)), list(rng.standard_normal((4, 2, B)))
    tape, steps = sequence.record(gru, {"h": h0}, xs, P, lengths)
    W, errors = tape.variables(**random(gru.output_shapes(5, 6), 5, rng)), []
    for t, eqs in enumerate(steps, 1):
        values, a_y = sequence.readout(gru, sequence.after(gru, eqs)["h"], W)
        loss = losses.cross_entropy(a_y, rng.integers(0, 6, B), None if lengths is None else np.array(lengths) >= t)
        tape.name(values | loss, step=t)
        errors.append(loss["e"])
    tape.name({"L": losses.over_time(errors, count)[-1]})
    return tape, P
