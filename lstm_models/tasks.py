"""Define what a model can learn: the next character of a text, a sine, the adding problem.  One interface for training.

A task cuts its data into chunks.  Chunk n depends on n and the seed alone, so that a run can go on at any chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstm_models import losses
from lstm_models.model import Matrix
from lstm_models.sequence import Window, windows
from lstm_models.text import codes

HELD_OUT, HELD_OUT_MOST = 10, 50_000  # the last tenth of a text is not learned from, at most so many characters
STREAMS = 64  # in which it is read for the loss
HELD_OUT_CHUNKS = 4  # of a task that is drawn


class Chunk(NamedTuple):
    """The data that one update learns from: xs[t-1] is X×B, targets[t-1] is for the result of time step t, None where
    none is.

    `counted` is the number of targets of all examples.  The chunk starts from zeros if it is `fresh`, else from the
    states that the chunk before had after its time step `carried`.
    """

    xs: list[Matrix]
    targets: list[Any]
    counted: int
    lengths: Any = None
    fresh: bool = True
    carried: int = 0


class Task(Protocol):
    """X and Y are the sizes of input and result; `loss` is `losses.cross_entropy` or `losses.squared_error`.

    A chunk has `size` things, characters or examples; `unit` is that of the loss, `about` says what the data are.
    """

    X: int
    Y: int
    unit: str
    things: str
    size: int
    about: str
    loss: Callable[..., dict[str, Any]]

    def chunk(self, n: int) -> Chunk:
        """Return the chunk of update n, from 0."""

    def held_out(self) -> Iterator[Chunk]:
        """Return the chunks that no update learns from, in order."""


class Text:
    """The next character, at every time step: the text in B streams side by side, k1 time steps a chunk.

    States are carried from chunk to chunk, the backward pass goes over the last k2 time steps.  Each pass over the text
    begins its streams elsewhere.
    """

    unit, things, loss = "nats a character", "characters", staticmethod(losses.cross_entropy)

    def __init__(self, string: str, alphabet: str, B: int, k1: int, k2: int, seed: int, dtype: Any) -> None:
        self.X = self.Y = len(alphabet)
        self.size, self.about = B * k1, f"{len(string):,} characters, {self.X} different ones"
        self.B, self.seed, self.dtype = B, seed, dtype
        at = codes(string, alphabet)
        cut = len(at) - min(len(at) // HELD_OUT, HELD_OUT_MOST)
        self.learned, held = at[:cut], at[cut:]
        self.length = len(self.learned) // B  # of a stream
        if self.length < k1 + 1 or len(held) < 2:
            least = B * (k1 + 1)
            needed = max(2 * HELD_OUT, least + min((least - 1) // (HELD_OUT - 1), HELD_OUT_MOST))
            raise ValueError(
                f"the text has {len(string):,} characters; {B} streams of {k1} time steps need {needed:,}, with what "
                f"is held out: take a longer text, a smaller batch or fewer steps"
            )
        self.windows = list(windows(self.length - 1, k1, k2))
        self.held, self.held_streams = held, min(STREAMS, max(1, len(held) // (k1 + 1)))
        self.held_length = len(held) // self.held_streams
        self.held_windows = list(windows(self.held_length - 1, k1, k1))

    def chunk(self, n: int) -> Chunk:
        """Return the next k1 time steps of every stream; each pass over the text shifts where the streams begin."""
        over, k = divmod(n, len(self.windows))
        shift = np.random.default_rng([self.seed, over]).integers(len(self.learned))
        return self._cut(self.learned, shift + self.length * np.arange(self.B), self.windows, k)

    def held_out(self) -> Iterator[Chunk]:
        """Return the end of the text, in streams of its own."""
        begins = self.held_length * np.arange(self.held_streams)
        return (self._cut(self.held, begins, self.held_windows, k) for k in range(len(self.held_windows)))

    def _cut(self, at: Matrix, begins: Matrix, cuts: list[Window], k: int) -> Chunk:
        start, first, end = cuts[k]
        streams = at[(begins + np.arange(start, end + 1)[:, np.newaxis]) % len(at)]  # a row for each time step
        coded = np.zeros((len(streams), self.X, len(begins)), self.dtype)  # X×B for each time step
        coded[np.arange(len(streams))[:, np.newaxis], streams, np.arange(len(begins))] = 1
        targets = [label if t >= first else None for t, label in enumerate(coded[1:], start + 1)]
        carried = start - cuts[k - 1].start if k else 0
        return Chunk(list(coded[:-1]), targets, (end - first + 1) * len(begins), None, start == 0, carried)


class Drawn:
    """A task whose chunks are drawn at random, each for itself."""

    seed: int

    def drawn(self, rng: np.random.Generator) -> Chunk:
        """Draw one chunk."""
        raise NotImplementedError

    def chunk(self, n: int) -> Chunk:
        """Return the chunk of update n: it depends on n and the seed alone."""
        return self.drawn(np.random.default_rng([self.seed, 0, n]))

    def held_out(self) -> Iterator[Chunk]:
        """Return chunks that no update learns from."""
        return (self.drawn(np.random.default_rng([self.seed, 1, n])) for n in range(HELD_OUT_CHUNKS))


class Sine(Drawn):
    """The next value of a sine, after T values of it ("one") or after each of them ("many")."""

    X, Y, unit, things, loss = 1, 1, "mean squared error", "examples", staticmethod(losses.squared_error)

    def __init__(self, to: str, T: int, B: int, seed: int, dtype: Any) -> None:
        after = "the last" if to == "one" else "each"
        self.size, self.about = B, f"{T} values of a sine, after {after} of them the next one is asked"
        self.to, self.T, self.B, self.seed, self.dtype = to, T, B, seed, dtype

    def drawn(self, rng: np.random.Generator) -> Chunk:
        """Draw B sines of random phases, 0.2 a time step."""
        phase = rng.uniform(0, 2 * np.pi, self.B)
        values: list[Matrix] = [np.sin(phase + 0.2 * t).reshape(1, -1).astype(self.dtype) for t in range(self.T + 1)]
        targets: list[Any] = values[1:]
        if self.to == "one":
            targets = [None] * (self.T - 1) + targets[-1:]
        return Chunk(values[:-1], targets, self.B * sum(target is not None for target in targets))


class Adding(Drawn):
    """The sum of the two marked ones of many numbers.

    S. Hochreiter, J. Schmidhuber, "Long short-term memory" (1997), 5.4.  An example has T to 1.1 T time
    steps; x is a number of 0 to 1 over its mark, 1 or 0; the sum is asked at the end.  To say 1 whatever the numbers
    are has a mean squared error of 1/6.
    """

    X, Y, unit, things, loss = 2, 1, "mean squared error", "examples", staticmethod(losses.squared_error)

    def __init__(self, T: int, B: int, seed: int, dtype: Any) -> None:
        if T < 2:
            raise ValueError(f"steps = {T}: the adding problem marks two of so many numbers, expected 2 or more")
        self.T, self.B, self.seed, self.dtype = T, B, seed, dtype
        numbers = f"{T} to {T + T // 10} numbers"
        self.size, self.about = B, f"the sum of 2 marked ones of {numbers}; who knows nothing has 1/6"

    def drawn(self, rng: np.random.Generator) -> Chunk:
        """Draw B examples of T to 1.1 T numbers, two of them marked; x is 2×B, the one target 1×B."""
        lengths = rng.integers(self.T, self.T + self.T // 10 + 1, self.B)
        numbers = rng.uniform(0, 1, (lengths.max(), self.B))
        marks = np.zeros_like(numbers)
        for b, length in enumerate(lengths):
            marks[rng.choice(length, 2, replace=False), b] = 1
        target = (numbers * marks).sum(axis=0, keepdims=True).astype(self.dtype)
        xs: list[Matrix] = [np.stack(pair).astype(self.dtype) for pair in zip(numbers, marks, strict=True)]
        return Chunk(xs, [None] * (len(xs) - 1) + [target], self.B, lengths)
