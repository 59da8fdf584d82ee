"""One cell of the slides' LSTM at a generic point, and its hand derivation with a mistake where one is asked for."""

import numpy as np

import lstm_models.slides as slides
from lstm_models.model import parameters
from tests.support.points import draw
from tinyad import Tape, deriv

FINALS = (*slides.PARAMETERS, "C_prev", "h_prev", "x")


class Cell:
    """One cell at a generic point: H = 4, X = 3, B = 2."""

    def __init__(self, form="steps", C_prev=None, B=2):
        self.form, self.tape = form, Tape()
        weights = self.tape.variables(**parameters(slides.SLIDES, 4, 3, np.random.default_rng(0)))
        start = self.tape.variables(
            C_prev=draw((4, B)) if C_prev is None else C_prev, h_prev=draw((4, B), 1), x=draw((3, B), 2)
        )
        eqs = slides.cell(**start, **weights, form=form)
        self.tape.name(eqs)
        self.dh, self.dC = draw((B, 4), 3), draw((B, 4), 4)
        self.d = self.tape.backward({"h": self.dh, "C": self.dC})
        self.values = {name: v.value for name, v in eqs.items() if hasattr(v, "tape")}

    def hand(self, monkeypatch=None, equation=None, mistake=None):
        """The deriv() sequence, with a mistake in the derivative of one equation."""
        if equation is not None:
            count = [32]

            def wrong(dz, x, *rest):
                count[0] -= 1
                out = deriv(dz, x, *rest)
                return mistake(out, dz, x) if count[0] == equation else out

            monkeypatch.setattr(slides, "deriv", wrong)
        return slides.LSTM_derivative(self.dC, self.dh, self.values, self.form)


def finals(hand):
    return {name: hand[name] for name in FINALS}
