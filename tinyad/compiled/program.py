"""Run compiled programs: the values and derivatives of a tape for other numbers of the same sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

from tinyad.arrays.matrix import Array, Shape, as_sized, size
from tinyad.compiled.identifiers import without_step
from tinyad.compiled.jax_engine import JaxEngine, Sharing, mesh_of
from tinyad.compiled.numpy_engine import Functions, Places
from tinyad.compiled.source_writer import Argument, constant


class Engine(Protocol):
    """What runs the source of a program on its arguments, of which an array over time is a list."""

    def takes(self, value: Any, dtype: Any) -> bool: ...  # an array of this dtype, as it is

    def __call__(self, arguments: Sequence[Any]) -> Sequence[Any]: ...


class Part(NamedTuple):
    """What is passed for an argument, or in one for a time step: an array that is "given" or a "seed", by name, or a
    constant."""

    kind: str
    name: str
    array: Array


class Form(NamedTuple):
    """What a program passes to its source, a list of parts for an array over time; the names of its seeds; where the
    results are; whose rows it calls."""

    arguments: list[Part | list[Part]]
    seeds: list[str]
    places: Places
    functions: Functions


class Program:
    """A compiled tape: `values, d = program(**arrays)`, its text `source`, and what the passes did, `explain()`.

    Arrays are passed by name, or in a mapping where a name such as x[3] is none of Python's; what is not passed is as
    it was recorded, or as given to `compile`, seeds too.  `values` are the outputs and `d` the derivatives in row
    layout, by name, in arrays of their own.  Threads can run one program at a time: each has its own workspace.  A 1-D
    array is taken for an N×1 or 1×N one of its length.  ValueError names an array of another size or dtype: for these,
    record and compile again.
    """

    def __init__(
        self,
        source: str,
        arguments: Sequence[Argument],
        given: Mapping[int, tuple[str, Array]],
        seeds: Mapping[int, tuple[str, Array]],
        functions: Functions,
        names: tuple[list[str], list[str]],
        places: Places,
        explained: str,
        engine: Callable[..., Engine],
    ) -> None:
        self.source, self._functions, self._names, self._places = source, dict(functions), names, places
        self._explained, self._engine = explained, engine
        self._slots: list[Array] = []  # what is passed, argument by argument
        self._arguments: list[int | slice] = []
        self._given: dict[str, list[int]] = {name: [] for name, _ in given.values()}
        self._seeds: dict[str, list[int]] = {name: [] for name, _ in seeds.values()}
        self._needed = {name: (a.shape, a.dtype, self._given[name]) for name, a in given.values()}
        for argument in arguments:
            begin = len(self._slots)
            for part in argument.parts:
                if part.op == "constant":
                    self._slots.append(constant(part))
                else:
                    where, known = (given, self._given) if part.op == "leaf" else (seeds, self._seeds)
                    name, a = where[part.extra]
                    known[name].append(len(self._slots))
                    self._slots.append(a)
            self._arguments.append(slice(begin, len(self._slots)) if argument.over_time else begin)

    @cached_property
    def _run(self) -> Engine:
        return self._engine(self.source, self._functions, self._places, len(self._names[0]))

    def __call__(
        self, arrays: Mapping[str, Any] | None = None, /, *, seeds: Mapping[str, Any] | None = None, **named: Any
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        if arrays is not None and not isinstance(arrays, Mapping):
            raise TypeError("a program takes arrays by name, program(W=...), or {name: array}")
        slots, run = self._slots.copy(), self._run
        needed, takes = self._needed, run.takes
        for given in (arrays, named) if arrays else (named,):
            for name, value in given.items():
                if name not in needed:
                    raise KeyError(unknown(name, needed, "array"))
                shape, dtype, places = needed[name]
                if not takes(value, dtype) or value.shape != shape:
                    value = _fitting(name, value, shape, dtype)
                for k in places:
                    slots[k] = value
        for name, value in (seeds or {}).items():
            at = self._seeds.get(name)
            if at is None:
                raise KeyError(unknown(name, self._seeds, "seed"))
            for k in at:
                slots[k] = _fitting(f"the seed of {name}", value, slots[k].shape[::-1], slots[k].dtype).T
        out = run([slots[at] for at in self._arguments])
        outputs, derivatives = self._names
        return dict(zip(outputs, out, strict=False)), dict(zip(derivatives, out[len(outputs) :], strict=True))

    def sharded(self, devices: Any, *, columns: Iterable[str] = (), rows: Iterable[str] = ()) -> Program:
        """Return the program for several devices of JAX, a number of them or a Mesh, that share the examples.

        Examples are the columns, or the rows, of what is named: x for x[1], x[2], ..., for their derivatives and seeds
        too.  All else, as parameters and their derivatives, is whole on every device.  What is named changes where
        something is computed, never what: a mean over the examples is that over the examples of all devices.
        """
        if getattr(self._engine, "func", None) is not JaxEngine:
            raise ValueError('this program runs on one device: compile it with engine="jax"')
        axes = dict.fromkeys(rows, 0) | dict.fromkeys(columns, 1)
        labels = [*self._given, *self._seeds, *self._names[0], *self._names[1]]
        known = {name: None for label in labels for name in (label, without_step(label))}
        for name in axes:
            if name not in known:
                raise KeyError(unknown(name, known, "matrix"))
        count = mesh_of(devices).size
        slots: dict[int, int | None] = {}
        for where in (self._given, self._seeds):
            for label, places in where.items():
                axis = axes.get(label, axes.get(without_step(label)))
                slots |= dict.fromkeys(places, axis)
                for k in places if axis is not None else ():
                    examples = self._slots[k].shape[axis or 0]
                    if examples % count:
                        what = f"{examples} {'columns' if axis else 'rows'}"
                        raise ValueError(f"{label} has {what}, which {count} devices cannot share equally")
        shared = [axes.get(label, axes.get(without_step(label))) for names in self._names for label in names]
        outputs = len(self._names[0])
        shared[outputs:] = [None if axis is None else 1 - axis for axis in shared[outputs:]]  # row layout
        arguments = [slots.get(at.start if isinstance(at, slice) else at) for at in self._arguments]
        new = Program.__new__(Program)
        new.__setstate__(
            {**self.__getstate__(), "_engine": partial(self._engine, sharing=Sharing(devices, arguments, shared))}
        )
        return new

    def form(self) -> Form:
        """Return what the program passes to its source, and where the results are."""
        kinds = {"given": self._given, "seed": self._seeds}
        names = {k: (kind, name) for kind, known in kinds.items() for name, places in known.items() for k in places}
        parts = [Part(*names.get(k, ("constant", "")), a) for k, a in enumerate(self._slots)]
        return Form([parts[at] for at in self._arguments], list(self._seeds), self._places, self._functions)

    def explain(self) -> str:
        """Return a table of what every pass left of the program: operations, products and their cost."""
        return self._explained

    def __repr__(self) -> str:
        return f"Program({', '.join(self._names[0] + [f'∇{name}' for name in self._names[1]])})"

    def __getstate__(self) -> dict[str, Any]:
        if self._functions:
            rows = ", ".join(sorted({op.symbol for _, op in self._functions.values()}))
            raise TypeError(f"this program calls rows, {rows}, which cannot be pickled: compile it where it runs")
        return {name: value for name, value in self.__dict__.items() if name != "_run"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def unknown(name: str, known: Mapping[str, Any], what: str) -> str:
    """Say that a program has nothing of a name, and which names are like it."""
    from difflib import get_close_matches

    near = get_close_matches(str(name), known) or list(known)[:9]
    there = "there is" if len(near) == 1 else "there are"
    return f"no {what} of this program is named {name!r}; {there} {', '.join(near)}"


def _fitting(name: str, value: Any, shape: Shape, dtype: Any) -> Array:
    """Return the value as a matrix; ValueError if it is not of this size and dtype."""
    if hasattr(value, "detach"):
        value = _from_torch(name, value, dtype)
    a = as_sized(value, name, shape, dtype)
    if a.shape != shape:
        turned = "; pass its .T" if a.shape == shape[::-1] else "; for other sizes record a tape of them and compile it"
        raise ValueError(f"{name} is {size(a.shape)}, this program takes {size(shape)}{turned}")
    if a.dtype != dtype:
        raise ValueError(
            f"{name} is {a.dtype}, this program takes {dtype}: pass its .astype('{dtype}'), "
            f"or record a tape in {a.dtype} and compile it"
        )
    return a


def _from_torch(name: str, tensor: Any, dtype: Any) -> Array:
    """Return a tensor, which may have a history and be on another device, as an array; ValueError for other floats."""
    found = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_floating_point() and found != str(dtype):
        raise ValueError(f"{name} is {found}, this program takes {dtype}: pass its .to(torch.{dtype})")
    a: Array = tensor.detach().cpu().numpy()
    return a
