"""The works of the benchmark of compiled tapes: a model over time, forward and back, on a tape or by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import tinyad
from lstm_models.model import Model, parameters
from lstm_models.models import MODELS
from lstm_models.sequence import after, unrolled
from tests.benchmarks.gru_by_hand import gru_by_hand
from tests.benchmarks.lstm_lengths_by_hand import lengths_by_hand
from tests.benchmarks.lstm_stacked_by_hand import SLIDES, STANDARD, stacked_by_hand
from tests.benchmarks.recurrent_peers import PEERS, Given
from tests.benchmarks.unrolled_lstm import SIZES as SMALLER
from tests.benchmarks.unrolled_lstm import Problem, Run
from tinyad import Tape, Variable

SIZES = SMALLER | {"large": (256, 512, 64, 64)}  # X, H, B, T
LSTM_FORMS = ("dx after the loop", "dx in the loop", "slopes before the loop")
OTHER_FORMS = {"many entries": False, "few calls": True}


class Kind(NamedTuple):
    """A model, its cell in other libraries, and whether its sequences are of other lengths."""

    model: str
    cell: str
    lengths: bool = False


KINDS = {
    "slides": Kind("slides", "slides"),
    "standard": Kind("sancho", "standard"),
    "gru": Kind("gru", "gru"),
    "lengths": Kind("sancho", "standard", lengths=True),
}
WORKS = [*KINDS, *(f"{name}, every step" for name in KINDS)]


class Work:
    """A kind with its numbers at a size: from seeds at the last time step, or from squared errors at every one."""

    def __init__(self, name: str, size: str, dtype: str, T: int = 0) -> None:
        rng = np.random.default_rng(1)
        X, H, B, steps = SIZES[size]
        T = T or steps
        self.kind, _, every = name.partition(", ")
        model, self.cell, has_lengths = KINDS[self.kind]
        self.model: Model = MODELS[model]

        def draw(rows: int, columns: int) -> Any:
            return rng.standard_normal((rows, columns)).astype(dtype)

        weights = parameters(self.model, H, X, rng, dtype)
        C, dC = (draw(H, B), draw(B, H)) if len(self.model.states) > 1 else (None, None)
        self.p = Problem(weights, C, draw(H, B), [draw(X, B) for _ in range(T)], dC, draw(B, H))
        self.targets = np.array([draw(H, B) for _ in range(T)]) if every else None
        self.lengths = rng.integers(1, T + 1, B) if has_lengths else None
        self.dtype, self.sizes = dtype, (X, H, B, T)

    def record(self) -> tuple[Tape, dict[str, Variable], dict[Variable, Any]]:
        tape, p = Tape(), self.p
        leaves = tape.variables(**p.leaves())
        start = dict(zip(self.model.states, (leaves[name] for name in p.states()), strict=True))
        xs, weights = [leaves[name] for name in p.inputs()], {name: leaves[name] for name in p.parameters}
        steps = unrolled(self.model, start, xs, weights, self.lengths)
        if self.targets is None:
            seeds = [seed for seed in (p.dC, p.dh) if seed is not None]
            return tape, leaves, dict(zip(after(self.model, steps[-1]).values(), seeds, strict=True))
        L: Any = 0
        for t, (values, target) in enumerate(zip(steps, self.targets, strict=True), 1):
            squares = (list(after(self.model, values).values())[-1] - target) ** 2
            L = L + np.sum(squares if self.lengths is None else squares * (self.lengths >= t).reshape(1, -1))
        tape.name({"L": L})
        return tape, leaves, {L: np.ones((1, 1), self.dtype)}

    def eager(self) -> Run:
        def run() -> dict[str, Any]:
            tape, leaves, seeds = self.record()
            d = tape.backward(seeds)
            loss = {} if self.targets is None else {"L": tape["L"].value}
            return loss | {name: d[v] for name, v in leaves.items()}

        return run

    def compiled(self, **options: Any) -> Run:
        tape, leaves, seeds = self.record()
        outputs = [] if self.targets is None else ["L"]
        program, arrays = tinyad.compile(tape, outputs, list(leaves), seeds, **options), self.p.leaves()

        def run() -> dict[str, Any]:
            values, d = program(arrays)
            return values | d

        return run

    def in_jax(self) -> Run:
        run = self.compiled(engine="jax")
        return lambda: {name: np.asarray(a) for name, a in run().items()}

    def by_hand(self) -> dict[str, Callable[[], Run]]:
        """What makes the programs written for speed; which of them is the fastest depends on the size."""
        p, targets = self.p, self.targets
        if self.kind in ("slides", "standard"):
            gates = SLIDES if self.kind == "slides" else STANDARD
            return {f"by hand, {form}": partial(stacked_by_hand, p, gates, form, targets) for form in LSTM_FORMS}
        make = partial(gru_by_hand, p) if self.lengths is None else partial(lengths_by_hand, p, self.lengths)
        return {f"by hand, {form}": partial(make, few, targets) for form, few in OTHER_FORMS.items()}

    def peers(self, threads: int) -> dict[str, Run]:
        given = Given(self.cell, self.p, self.lengths, self.targets, threads)
        runs = {name: make(given) for name, make in PEERS.items()}
        return {name: run for name, run in runs.items() if run is not None}

    def products(self) -> Run:
        """The matrix products of the program by hand alone, at their sizes."""
        X, H, B, T = self.sizes
        gates = 3 if self.kind == "gru" else 4
        inside = [(gates * H, H + 1, B), (H, gates * H, B)] if gates == 3 else [(4 * H, H + X + 1, B), (H, 4 * H, B)]
        outside = [(gates * H, T * B, H + X + 1), (X, gates * H, T * B)]
        if self.kind == "gru":
            outside = [(3 * H, X + 1, T * B), (3 * H, T * B, X + 1), (3 * H, T * B, H + 1), (X, 3 * H, T * B)]
        if self.kind == "slides":
            inside += [(3 * H, H, B), (H, 3 * H, B)]
            outside += [(3 * H, T * B, H)]

        def places(sizes: list[tuple[int, int, int]]) -> list[tuple[Any, ...]]:
            return [tuple(np.ones(shape, self.dtype) for shape in ((m, k), (k, n), (m, n))) for m, k, n in sizes]

        in_loop, after_loop, dot = places(inside), places(outside), np.ndarray.dot

        def run() -> dict[str, Any]:
            for _ in range(T):
                for a, b, out in in_loop:
                    dot(a, b, out)
            for a, b, out in after_loop:
                dot(a, b, out)
            return {}

        return run
