"""Statements that set one name together: `dW = 0`, then `dW += …` in each pass of a loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyad.code import values
from tinyad.code.probes import Kind
from tinyad.code.recording import Event
from tinyad.code.values import Array


@dataclass
class Chain:
    """The events that set one name, from an assignment to the last change of what was assigned."""

    events: list[Event]

    @property
    def last(self) -> Event:
        """The event after which the value is complete."""
        return self.events[-1]


def chains(events: Iterable[Event]) -> list[Chain]:
    """Return the chains of a run, in the order in which they begin."""
    latest: dict[tuple[int, str, Any], Chain] = {}
    found: list[Chain] = []
    for event in events:
        if event.kind not in (Kind.ASSIGNED, Kind.ITEM, Kind.STORED) or not values.differentiable(event.value):
            continue
        key = event.key if event.kind is Kind.ITEM else None
        place = (event.call, event.name, key)
        before = latest.get(place)
        same = before is not None and values.shape(before.last.value) == values.shape(event.value)
        if before is not None and (event.kind is Kind.STORED or (event.site.again and same)):
            before.events.append(event)
        else:
            latest[place] = Chain([event])
            found.append(latest[place])
    return found


def settled(chain: Chain) -> dict[int, Array]:
    """Return, by ordinal, which entries of a chain's value an event sets for good."""
    later = np.zeros(values.shape(chain.last.value), bool)
    found: dict[int, Array] = {}
    for event in reversed(chain.events):
        if values.shape(event.value) != later.shape:
            break
        writes: Any = event.touched if event.touched is not None else np.ones(later.shape, bool)
        mine = np.asarray(writes & ~later)
        later |= writes
        if np.any(mine):
            found[event.ordinal] = mine
    return found
