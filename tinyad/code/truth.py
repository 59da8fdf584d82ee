"""True derivatives: how the loss moves when the forward pass runs again with one of its values displaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from tinyad.code.limits import (
    AGREEMENT,
    BEND,
    DIRECTIONS,
    FULL_ENTRIES,
    KINK,
    NOISE,
    NOISE_STEPS,
    NOISY,
    ROUNDING,
    SMALLER_STEPS,
    STEP,
)
from tinyad.code.pair import Pair
from tinyad.code.probes import Kind
from tinyad.code.program import QUIET, CodeError
from tinyad.code.recording import Displaced, Recorded, Target
from tinyad.code.values import Array


class Slope(NamedTuple):
    """How the loss moves along a direction: its derivative, what it may be off by, and whether the loss is smooth.

    apart: by how much differences at two step sizes differ.  size: of the smaller one.  noisy: they differ more at
    smaller steps, as rounding makes them.
    """

    derivative: float
    error: float
    smooth: bool
    apart: float
    size: float = 1.0
    noisy: bool = False


class Needed(BaseException):
    """Something that has to be computed before a run goes on; no `except Exception` of the user's code keeps it."""

    def __init__(self, compute: Callable[[], object]) -> None:
        super().__init__(compute)
        self.compute = compute


class Truth:
    """The derivatives of a pair's loss for values of its forward run, computed when asked for."""

    def __init__(self, pair: Pair, forward: Recorded, size_of_loss: float, masks: Mapping[int, Array]) -> None:
        self.pair = pair
        self.masks = masks
        self.size_of_loss = size_of_loss
        self.base = pair.loss(QUIET)
        self.places = _lean_places(forward)
        self.lean_masks = {self.places[ordinal]: mask for ordinal, mask in masks.items()}
        self.scales: dict[Target, Array] = {}
        self.slopes: dict[tuple[Target, int, bytes | None], Slope] = {}
        self.adjoints: dict[Target, Array] = {}
        self.noises: dict[tuple[Target, int, bytes | None], float] = {}
        self.directions: dict[tuple[tuple[int, ...], int], Array] = {}
        self.noisy: set[Target] = set()  # the loss is too noisy for their derivatives to be known
        self.runs = 0
        self.running = False

    def direction(self, shape: tuple[int, ...], number: int) -> Array:
        """Return one of the random directions of a shape."""
        if (shape, number) not in self.directions:
            drawn = np.random.default_rng([self.pair.seed, 2, number, *shape]).standard_normal(shape)
            drawn = np.asarray(drawn)
            drawn.flags.writeable = False
            self.directions[shape, number] = drawn
        return self.directions[shape, number]

    def loss(self, target: Target, direction: Array, size: float) -> float:
        """Return the loss of a run with a target displaced."""
        lean = all(ordinal in self.places for ordinal in target.ordinals)
        if lean:
            ordinals = tuple(self.places[ordinal] for ordinal in target.ordinals)
            listener = Displaced(target._replace(ordinals=ordinals), direction, size, self.lean_masks, lean=True)
        else:
            listener = Displaced(target, direction, size, self.masks)
        loss = self.pair.loss(listener)
        self.runs += 1
        self.scales.setdefault(target, np.ones(target.shape) if listener.scale is None else listener.scale)
        return loss

    def slope(self, target: Target, direction: Array) -> Slope:
        """Return how the loss moves along a direction, in units of the target's scale, by differences at two steps."""
        found = Slope(float("nan"), float("inf"), False, float("inf"))
        moved = False  # to both sides, at a larger step
        for smaller in SMALLER_STEPS:
            (near, bend), (far, far_bend) = (self.differences(target, direction, size * smaller) for size in (1, 2))
            rounding = ROUNDING * self.size_of_loss / smaller
            derivative, apart = (4 * near - far) / 3, abs(near - far)
            if not np.isfinite(derivative):
                continue
            if moved and not near and not far and not bend:
                return found._replace(noisy=True)  # the step is lost in rounding
            if bend > BEND * (abs(near) + abs(far)) + 100 * rounding and far_bend < 1.5 * bend:
                closer = self.differences(target, direction, smaller / 100)[1]
                return Slope(derivative, bend + rounding, False, bend, noisy=closer > 5 * bend)
            if apart <= KINK * (abs(near) + abs(far)) + rounding:
                return Slope(derivative, apart * STEP + rounding, True, apart, smaller)
            found = Slope(derivative, apart + rounding, False, apart, noisy=apart > 10 * found.apart + rounding)
            moved = moved or bend < abs(near)
        return found

    def difference(self, target: Target, direction: Array, size: float) -> float:
        """Return the central difference of the loss along a direction."""
        return self.differences(target, direction, size)[0]

    def differences(self, target: Target, direction: Array, size: float) -> tuple[float, float]:
        """Return the central difference, and by how much those to both sides differ.

        At twice the size that is twice as much if the loss is smooth, and as much if it has a kink at the point itself.
        """
        above, below = self.loss(target, direction, size), self.loss(target, direction, -size)
        return (above - below) / (2 * size * STEP), abs(above + below - 2 * self.base) / (size * STEP)

    def along(self, target: Target, number: int, mask: Array | None) -> tuple[Array, Slope]:
        """Return one of the random directions, 0 where the mask is false, and how the loss moves along it."""
        direction, key = self._drawn(target, number, mask)
        if key not in self.slopes:
            if self.running:
                raise Needed(partial(self.along, target, number, mask))
            self.slopes[key] = self._another(target, direction, key) if number else self.slope(target, direction)
        return direction, self.slopes[key]

    def _drawn(self, target: Target, number: int, mask: Array | None) -> tuple[Array, tuple[Target, int, bytes | None]]:
        """Return one of the random directions, 0 where the mask is false, and what it is known by."""
        direction = self.direction(target.shape, number)
        if mask is not None:
            direction = np.where(mask, direction, 0.0)
        return direction, (target, number, None if mask is None else mask.tobytes())

    def noise(self, target: Target, number: int, mask: Array | None) -> float:
        """Return what the rounding of the loss may do to a slope along one of the random directions.

        Code that saturates, as log(1 - sigmoid(z)), loses most digits of its loss.  Derivatives by small steps differ
        by this noise alone: their own error shrinks with the fourth power of the step.
        """
        direction, key = self._drawn(target, number, mask)
        if key not in self.noises:
            if self.running:
                raise Needed(partial(self.noise, target, number, mask))
            size = self.along(target, number, mask)[1].size
            found = [self.extrapolated(target, direction, size * step) for step in NOISE_STEPS]
            middle = float(np.median(found))
            apart = max(step * abs(one - middle) for step, one in zip(NOISE_STEPS, found, strict=True))
            self.noises[key] = NOISE * apart
        return self.noises[key]

    def extrapolated(self, target: Target, direction: Array, size: float) -> float:
        """Return the derivative along a direction by differences at a step size and twice it."""
        near, far = (self.difference(target, direction, size * times) for times in (1, 2))
        return (4 * near - far) / 3

    def _another(self, target: Target, direction: Array, key: tuple[Target, int, bytes | None]) -> Slope:
        """Return a slope by one step size, where the first direction tells that it is precise enough."""
        first = self.slopes.get((key[0], 0, key[2]))
        rounding = ROUNDING * self.size_of_loss / (first.size if first else 1.0)
        if first is None or not first.smooth or first.apart * 10 > AGREEMENT / 10 * abs(first.derivative) + rounding:
            return self.slope(target, direction)
        near = self.difference(target, direction, first.size)
        if not np.isfinite(near):
            return self.slope(target, direction)
        return Slope(near, 10 * first.apart + rounding, True, first.apart, first.size)

    def depends(self, target: Target, mask: Array | None) -> bool:
        """Return whether the loss moves at all with a target."""
        return any(self.along(target, number, mask)[1].derivative != 0 for number in range(DIRECTIONS))

    def agrees(self, target: Target, value: Array, mask: Array | None) -> bool | None:
        """Return whether a value is the derivative for a target, where the mask is true; None where nothing tells.

        That is so at a kink, and where the noise of the loss is about as large as the derivative.
        """
        if mask is not None:
            value = np.where(mask, value, 0.0)  # elsewhere may be what np.empty has left
        if not np.all(np.isfinite(value)):
            return False
        for number in range(DIRECTIONS):
            direction, slope = self.along(target, number, mask)
            terms = value * self.scales[target] * direction
            size = float(np.sqrt(np.sum(terms**2))) + abs(slope.derivative)
            allowed = AGREEMENT * size + (slope.error if slope.smooth else ROUNDING * self.size_of_loss)
            apart = abs(float(np.sum(terms)) - slope.derivative)
            if apart <= allowed:
                continue
            if slope.noisy:
                self.noisy.add(target)
            if not slope.smooth:
                return None
            if not apart <= NOISY * size or not apart <= allowed + self.noise(target, number, mask):
                return False
            if self.noise(target, number, mask) > NOISY / 10 * size:
                self.noisy.add(target)
                return None
        return True

    def adjoint(self, target: Target) -> Array:
        """Return the derivative for a target, entry by entry."""
        if target not in self.adjoints:
            if self.running:
                raise Needed(partial(self.adjoint, target))
            self.adjoints[target] = self._entries(target)
        return self.adjoints[target]

    def _entries(self, target: Target) -> Array:
        found = np.zeros(target.shape)
        if found.size > FULL_ENTRIES:
            raise CodeError(
                f"a value of {found.size:,} entries is wrong, and the derivative is computed for at most "
                f"{FULL_ENTRIES:,}: give a smaller example"
            )
        unit = np.zeros(target.shape)
        for place in np.ndindex(*target.shape):
            unit[...] = 0.0
            unit[place] = 1.0
            found[place] = self.difference(target, unit, 1)
        scaled = found / self.scales[target]
        if self.agrees(target, scaled, None) is not True:  # kinks near the point, or strong curvature
            for place in np.ndindex(*target.shape):
                unit[...] = 0.0
                unit[place] = 1.0
                found[place] = self.slope(target, unit.copy()).derivative
            scaled = found / self.scales[target]
        return scaled

    @contextmanager
    def while_running(self) -> Iterator[None]:
        """Raise Needed inside for what is not computed yet: the forward pass cannot run while another one does."""
        self.running = True
        try:
            yield
        finally:
            self.running = False


def _lean_places(forward: Recorded) -> dict[int, int]:
    """Return, for the ordinals of all events but expressions, which of these they are: lean runs have no others."""
    kept = [event.ordinal for event in forward.events if event.kind is not Kind.EXPRESSION]
    return {ordinal: place for place, ordinal in enumerate(kept)}
