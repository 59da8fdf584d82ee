"""True derivatives: how the loss moves when the forward pass runs again with one of its values displaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tinyad.code.limits import AGREEMENT, DIRECTIONS, FULL_ENTRIES, KINK, ROUNDING, SMALLER_STEPS, STEP
from tinyad.code.pair import Pair
from tinyad.code.recording import Displaced, Target
from tinyad.code.values import Array


class Slope(NamedTuple):
    """How the loss moves along a direction: its derivative, what it may be off by, and whether the loss is smooth."""

    derivative: float
    error: float
    smooth: bool


class Truth:
    """The derivatives of a pair's loss for values of its forward run, computed when asked for."""

    def __init__(self, pair: Pair, size_of_loss: float, masks: Mapping[int, Array]) -> None:
        self.pair = pair
        self.masks = masks
        self.size_of_loss = size_of_loss
        self.scales: dict[Target, Array] = {}
        self.slopes: dict[tuple[Target, int, bytes | None], Slope] = {}
        self.adjoints: dict[Target, Array] = {}
        self.runs = 0

    def direction(self, shape: tuple[int, ...], number: int) -> Array:
        """Return one of the random directions of a shape."""
        return np.random.default_rng([self.pair.seed, 2, number, *shape]).standard_normal(shape)

    def scale(self, target: Target) -> Array:
        """Return the scale in which a target is displaced."""
        if target not in self.scales:
            self.loss(target, np.zeros(target.shape), 0.0)
        return self.scales[target]

    def loss(self, target: Target, direction: Array, size: float) -> float:
        """Return the loss of a run with a target displaced."""
        listener = Displaced(target, direction, size, self.masks)
        loss = self.pair.loss(listener)
        self.runs += 1
        self.scales.setdefault(target, np.ones(target.shape) if listener.scale is None else listener.scale)
        return loss

    def slope(self, target: Target, direction: Array) -> Slope:
        """Return how the loss moves along a direction, in units of the target's scale, by differences at two steps."""
        found = Slope(float("nan"), float("inf"), False)
        for smaller in SMALLER_STEPS:
            near, far = (
                (self.loss(target, direction, size * smaller) - self.loss(target, direction, -size * smaller))
                / (2 * size * smaller * STEP)
                for size in (1, 2)
            )
            rounding = ROUNDING * self.size_of_loss / smaller
            derivative, apart = (4 * near - far) / 3, abs(near - far)
            if not np.isfinite(derivative):
                continue
            if apart <= KINK * (abs(near) + abs(far)) + rounding:
                return Slope(derivative, apart * STEP + rounding, True)
            found = Slope(derivative, apart + rounding, False)
        return found

    def along(self, target: Target, number: int, mask: Array | None) -> tuple[Array, Slope]:
        """Return one of the random directions, 0 where the mask is false, and how the loss moves along it."""
        direction = self.direction(target.shape, number)
        if mask is not None:
            direction = np.where(mask, direction, 0.0)
        key = (target, number, None if mask is None else mask.tobytes())
        if key not in self.slopes:
            self.slopes[key] = self.slope(target, direction)
        return direction, self.slopes[key]

    def prepare(self, target: Target, mask: Array | None) -> None:
        """Compute what `agrees` needs: while the backward pass runs, the forward pass cannot."""
        self.scale(target)
        for number in range(DIRECTIONS):
            self.along(target, number, mask)

    def depends(self, target: Target, mask: Array | None) -> bool:
        """Return whether the loss moves at all with a target that is prepared."""
        return any(self.along(target, number, mask)[1].derivative != 0 for number in range(DIRECTIONS))

    def agrees(self, target: Target, value: Array, mask: Array | None) -> bool | None:
        """Return whether a value is the derivative for a target, where the mask is true; None where it has a kink."""
        if not np.all(np.isfinite(value)):
            return False
        for number in range(DIRECTIONS):
            direction, slope = self.along(target, number, mask)
            terms = value * self.scales[target] * direction
            size = float(np.sqrt(np.sum(terms**2))) + abs(slope.derivative)
            if not abs(float(np.sum(terms)) - slope.derivative) <= AGREEMENT * size + slope.error:
                return False if slope.smooth else None
        return True

    def adjoint(self, target: Target) -> Array:
        """Return the derivative for a target, entry by entry."""
        if target not in self.adjoints:
            scale = self.scale(target)
            found = np.zeros(target.shape)
            if found.size <= FULL_ENTRIES:
                for place in np.ndindex(*target.shape):
                    entry = np.zeros(target.shape)
                    entry[place] = 1.0
                    found[place] = self.slope(target, entry).derivative / scale[place]
            self.adjoints[target] = found
        return self.adjoints[target]
