"""Run a program's source in JAX, as one function that XLA compiles, on one device or on several."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from tinyad.compiled.numpy_engine import Functions, Places


def jax() -> Any:
    """Return the module; ImportError that says how to install it."""
    try:
        return import_module("jax")
    except ImportError:
        raise ImportError("this program runs in JAX, which is not installed: pip install jax") from None


class Sharing(NamedTuple):
    """The devices, a number or a Mesh, and for each argument, output and derivative the axis that the devices share."""

    devices: Any
    arguments: Sequence[int | None]
    results: Sequence[int | None]


class JaxEngine:
    """A function of a program's arguments: it returns `outputs` outputs, then derivatives in row layout.

    `double` says whether there is any float64, which JAX computes in only where it is told to: it is here, and nowhere
    else.  Products are computed in full precision on every device.

    With a `sharing` the arguments are laid out on the devices, and XLA adds the sums over what they share: the function
    stays the same.
    """

    def __init__(
        self,
        source: str,
        functions: Functions,
        places: Places,
        outputs: int,
        double: bool,
        sharing: Sharing | None = None,
    ) -> None:
        self._jax = jax()
        self._double = double
        self._places = [((k, j >= outputs), t) for j, (k, t) in enumerate(places)]
        self._results = list(dict.fromkeys(result for result, _ in self._places))
        self._sharing = sharing
        names: dict[str, Any] = {}
        exec(compile(source, "<program of tinyad>", "exec"), names)

        def run(*arguments: Any) -> list[Any]:
            with self._jax.default_matmul_precision("highest"):
                results = names["program"](*arguments)
            return [results[k].swapaxes(-2, -1) if turned else results[k] for k, turned in self._results]

        options = {}
        if sharing is not None:
            self._mesh = mesh_of(sharing.devices)
            axes = dict[Any, int | None]()
            for (result, t), axis in zip(self._places, sharing.results, strict=True):
                if axes.get(result) is None:
                    axes[result] = None if axis is None else axis + len(t)
            options["out_shardings"] = [self._layout(axes[result]) for result in self._results]
        self._run = self._jax.jit(run, **options)
        self._at = self._jax.jit(lambda over_time, t: over_time[t])  # in `run` each t is one more kernel to compile

    def takes(self, value: Any, dtype: Any) -> bool:
        return (type(value) is np.ndarray or isinstance(value, self._jax.Array)) and value.dtype == dtype

    def __call__(self, arguments: Sequence[Any]) -> list[Any]:
        alone = self._double and not self._jax.config.jax_enable_x64
        with self._jax.enable_x64(True) if alone else nullcontext():
            given = list(map(_own, arguments))
            if self._sharing is not None:
                given = [self._placed(a, axis) for a, axis in zip(given, self._sharing.arguments, strict=True)]
            found = dict(zip(self._results, self._run(*given), strict=True))
            return [self._at(found[result], t) if t else found[result] for result, t in self._places]

    def _layout(self, axis: int | None) -> Any:
        sharding = self._jax.sharding
        spec = () if axis is None else (*[None] * axis, self._mesh.axis_names)
        return sharding.NamedSharding(self._mesh, sharding.PartitionSpec(*spec))

    def _placed(self, argument: Any, axis: int | None) -> Any:
        """Return an argument with its examples shared among the devices."""
        if isinstance(argument, list):
            return [self._placed(part, axis) for part in argument]
        layout = self._layout(None if axis is None else axis + argument.ndim - 2)
        if isinstance(argument, np.ndarray) and not layout.is_fully_addressable:  # every process has it whole
            return self._jax.make_array_from_callback(argument.shape, layout, argument.__getitem__)
        return self._jax.device_put(argument, layout)


def mesh_of(devices: Any) -> Any:
    """Return a Mesh of one axis; ValueError if there are fewer devices than asked for."""
    own = jax()
    if isinstance(devices, int):
        there = own.devices()
        if not 1 <= devices <= len(there):
            many = "--xla_force_host_platform_device_count"
            raise ValueError(f"{devices} devices: JAX has {len(there)}; XLA_FLAGS={many}=N makes N of one CPU")
        devices = there[:devices]
    else:
        devices = devices.devices.ravel()
    return own.sharding.Mesh(np.array(devices), ("examples",))


def _own(argument: Any) -> Any:
    """Return arrays of NumPy as copies, for XLA reads them after the call, and over time as one array."""
    if isinstance(argument, list):
        return np.array(argument) if all(type(part) is np.ndarray for part in argument) else list(map(_own, argument))
    return argument.copy() if type(argument) is np.ndarray else argument
