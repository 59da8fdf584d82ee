"""Compile a tape, or a model and examples of its arguments, to a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any, overload

import numpy as np

from tinyad.arrays.matrix import kind
from tinyad.compiled.any_size import AnySizeProgram
from tinyad.compiled.backward import Backward
from tinyad.compiled.batched_products import batch_products
from tinyad.compiled.buffered_source import BufferedSource
from tinyad.compiled.buffers import add_copies
from tinyad.compiled.deferred_products import defer_products
from tinyad.compiled.dialects import TORCH
from tinyad.compiled.explanation import PassTable
from tinyad.compiled.factors import collect_factors, factor_sums
from tinyad.compiled.fast_calls import inner_products, write_out_softmax
from tinyad.compiled.flat_sums import flatten_sums
from tinyad.compiled.forward import Forward
from tinyad.compiled.hoisting import hoist, sink
from tinyad.compiled.identifiers import listed
from tinyad.compiled.jax_engine import JaxEngine, jax
from tinyad.compiled.jax_source import JaxSource
from tinyad.compiled.model_examples import drawn, recorded
from tinyad.compiled.native_engine import missing_packages, native_engine
from tinyad.compiled.native_source import NativeSource, NoNativeFormError
from tinyad.compiled.numpy_engine import Index, numpy_engine
from tinyad.compiled.operations import LEAVES, VIEWS
from tinyad.compiled.program import Program
from tinyad.compiled.readable_source import ReadableSource
from tinyad.compiled.recording import Recording
from tinyad.compiled.recurrent_factors import pass_factors_on, spread_factors
from tinyad.compiled.rewriting import Maker, rebuilt
from tinyad.compiled.scalars import merge_scalars
from tinyad.compiled.source_writer import FOR_NUMPY
from tinyad.compiled.stacking import stack_operations, stack_products
from tinyad.compiled.time_sums import sums_over_time
from tinyad.compiled.torch_engine import TorchEngine
from tinyad.compiled.values import Value, ordered
from tinyad.engine.derivatives import Derivatives
from tinyad.engine.tape import Tape, Variable

Pass = Callable[[list[Value], Maker], list[Value]]
REWRITES: dict[str, tuple[Pass, ...]] = {
    "sums": (flatten_sums, merge_scalars, factor_sums, sums_over_time),
    "defer": (defer_products,),
    "hoist": (spread_factors, flatten_sums, pass_factors_on, collect_factors, hoist, sink),
    "stack": (stack_operations,),
    "calls": (write_out_softmax, inner_products),
    "wide": (batch_products,),
}
NATIVE_REWRITES: dict[str, tuple[Pass, ...]] = REWRITES | {  # component-wise work is fused where it is needed
    "defer": (partial(defer_products, in_loop=True),),
    "hoist": (partial(hoist, small=0), partial(sink, small=0)),
    "stack": (stack_products,),
    "calls": (),
}
TWICE = ("sums", "defer")  # what moves from a loop to the one around it can move on
PASSES = ("dead", "loops", *REWRITES, "buffers")
LITERAL = ("dead", "loops")
STYLES = {"literal": LITERAL, "grouped": PASSES, "jax": LITERAL, "torch": LITERAL}
OWN_ENGINES = {"jax": "jax", "torch": "torch"}  # of a style
FOR_JAX = ("dead", "loops", "sums", "defer", "hoist")  # XLA has the others, and plans its memory
ENGINES = ("numpy", "native", "auto", "jax")
RUNS = 5  # of each engine, to find the faster one


@overload
def compile(
    tape: Callable[..., Any],
    outputs: Iterable[str] = ...,
    derivatives: Iterable[str] = ...,
    seeds: str | Mapping[str, Any] | None = ...,
    *,
    style: str = ...,
    passes: Iterable[str] | None = ...,
    shapes: str,
    engine: str | None = ...,
    **examples: Any,
) -> AnySizeProgram: ...
@overload
def compile(
    tape: Tape | Callable[..., Any],
    outputs: Iterable[Variable | str] = ...,
    derivatives: Iterable[Variable | str] = ...,
    seeds: Variable | str | Mapping[Any, Any] | None = ...,
    *,
    style: str = ...,
    passes: Iterable[str] | None = ...,
    shapes: Mapping[str, Any] | None = ...,
    engine: str | None = ...,
    **examples: Any,
) -> Program: ...
def compile(
    tape: Tape | Callable[..., Any],
    outputs: Iterable[Variable | str] = (),
    derivatives: Iterable[Variable | str] = (),
    seeds: Variable | str | Mapping[Any, Any] | None = None,
    *,
    style: str = "grouped",
    passes: Iterable[str] | None = None,
    shapes: Mapping[str, Any] | str | None = None,
    engine: str | None = None,
    **examples: Any,
) -> Program | AnySizeProgram:
    """Return a program that computes the `outputs` and `derivatives` of a tape, given by name or as Variables.

    `seeds` are what `tape.backward` takes; without, the backward pass starts from the only 1×1 output.  `style` is
    "grouped", which is fast, or "literal", which reads as written by hand and needs NumPy only; "torch" and "jax" read
    as written by hand in PyTorch and JAX, and only a run needs these.  `passes` are the passes to run in place of a
    style's, out of PASSES.  Results are those of the tape to rounding; a sigmoid is 1/(1 + e^-x) for every x, and so 0
    where e^-x overflows.

    A model function, which takes matrices and lists of matrices by name and returns its values by name, is recorded
    first, on `examples`: arrays or sizes, also as a mapping `shapes`.  With shapes="any T" the program is one for every
    length of the lists, which are over time, with shapes="any batch" for every number of examples, the columns, and
    with shapes="any T, any batch" for both: see `AnySizeProgram`.

    `engine`, for the styles "grouped" and "literal", is "numpy", the default; "native" for machine code, which takes
    seconds to make the first time, is kept in the user's cache folder and needs numba and scipy; "auto", which measures
    both, once, and returns the faster one; or "jax", whose programs return arrays of JAX, on its devices.  Raises
    ImportError if these are not installed, ValueError for a tape that an engine cannot run.
    """
    _known("style", style, STYLES)
    if isinstance(shapes, str):
        options: Any = {"style": style, "passes": None if passes is None else tuple(passes), "engine": engine}
        asked = outputs, derivatives, seeds
        engine = _engine(style, engine)
        return AnySizeProgram(tape, partial(compile, **options), engine, shapes, examples, asked)
    tape, engine = _tape(tape, {**(shapes or {}), **examples}), _engine(style, engine)
    if engine == "auto":
        return _faster(tape, outputs, derivatives, seeds, style, passes)
    styled = FOR_JAX if engine == "jax" and style == "grouped" else STYLES[style]
    chosen = styled if passes is None else _known("pass", passes, PASSES)
    both = [(keys,) if isinstance(keys, Variable | str) else keys for keys in (outputs, derivatives)]
    wanted = [[tape[v].index for v in keys] for keys in both]
    if not any(wanted):
        raise ValueError("nothing to compute: give outputs=[...] or derivatives=[...], names or Variables")
    loss = _loss(tape, wanted[0]) if seeds is None and wanted[1] else seeds
    start = tape.start(tape[loss] if isinstance(loss, str) else loss) if wanted[1] and loss is not None else {}
    make = Maker()
    nested = engine != "numpy" or "buffers" not in chosen
    forward = Forward(Recording(tape, "loops" in chosen), make, "loops" in chosen, nested)
    leaves = {i: make.leaf("seed", i, dz.shape, dz.dtype, f"d{tape.label(i)}") for i, dz in start.items()}
    back = Backward(forward, leaves)
    roots = [forward.value(forward.source(i)) for i in wanted[0]] + [back.derivative(i) for i in wanted[1]]
    root_values = _returned_values(roots, make)
    roots = list(dict.fromkeys(v for v, _ in root_values))
    positions = [(roots.index(v), t) for v, t in root_values]
    count = len(roots)
    if "dead" not in chosen:
        roots += [*forward.everything(), *back.everything()]
    pass_table = PassTable(len(tape))
    roots = rebuilt(rebuilt(roots, make), make)
    pass_table.add("loops" if "loops" in chosen else "recorded", roots)
    for name, rewrites in (NATIVE_REWRITES if engine == "native" else REWRITES).items():
        if name in chosen:
            again = 2 if name in TWICE and _is_nested(roots) else 1
            for rewrite in rewrites * again:
                roots = rewrite(roots, make)
            if rewrites:
                pass_table.add(name, roots)
    for (k, t), i in zip(positions, [*wanted[0], *wanted[1]], strict=True):
        if not t and i in wanted[0] and roots[k].op not in (*LEAVES, *VIEWS):
            roots[k].name = roots[k].name or tape.names.get(i, "")
        if roots[k].op == "number":  # a result has a dtype
            one = np.array([[roots[k].extra]], tape.values[i].dtype)
            roots[k] = make.leaf("constant", one.tobytes(), one.shape, one.dtype, "constant")
    lost = [v.op == "all" and v.operands[0].loop is not v.extra for v in roots]  # the same in all rounds of the outer
    roots = [v.operands[0] if same else v for v, same in zip(roots, lost, strict=True)]
    if "buffers" in chosen or engine == "native":
        roots = add_copies(roots, make)
        pass_table.add("buffers", roots)
    returned = list(dict.fromkeys(roots[:count]))
    places = [(returned.index(roots[k]), t[lost[k] :][: len(roots[k].shape) - 2]) for k, t in positions]
    writer, run = _written(roots, engine, "buffers" in chosen)
    labels = [[tape.label(i) for i in indices] for indices in wanted]
    told = [listed(labels[0])] * bool(labels[0])
    told += [f"the derivatives of {listed(labels[1])}, in their sizes"] * bool(labels[1])
    source = writer.text(returned, [f"returns {', and '.join(told)}"])
    return Program(
        source,
        writer.arguments,
        {i: (tape.label(i), tape.values[i]) for i in _inputs(tape)},
        {i: (tape.label(i), dz) for i, dz in start.items()},
        writer.functions,
        (labels[0], labels[1]),
        places,
        pass_table.text(writer.memory()),
        run,
    )


def _written(
    roots: list[Value], engine: str, buffers: bool
) -> tuple[NativeSource | BufferedSource | ReadableSource, Any]:
    """Return what writes the source for an engine, and what runs it."""
    if engine == "native":
        return NativeSource(roots), native_engine
    if engine == "numpy":
        return BufferedSource(roots) if buffers else ReadableSource(roots), numpy_engine
    if buffers:
        raise ValueError("the pass 'buffers' is for NumPy: JAX and PyTorch plan their memory themselves")
    dtypes = {v.dtype for v in ordered(roots)} - {None}
    if any(dtype.kind == "c" for dtype in dtypes):
        raise ValueError(f"complex numbers: {FOR_NUMPY}")
    if engine == "torch":
        return ReadableSource(roots, TORCH), TorchEngine
    return JaxSource(roots), partial(JaxEngine, double=np.dtype(np.float64) in dtypes)


def _engine(style: str, engine: str | None) -> str:
    """Return the engine for a style; ImportError if the one that is asked for is not installed."""
    own = OWN_ENGINES.get(style)
    if own:
        if engine not in (None, own):
            raise ValueError(
                f'style="{style}" has an engine of its own: leave out engine="{engine}", or choose another style'
            )
        return own
    (engine,) = _known("engine", "numpy" if engine is None else engine, ENGINES)
    if engine == "native" and (missing := missing_packages()):
        raise ImportError(f'engine="native" needs {" and ".join(missing)}: pip install {" ".join(missing)}')
    if engine == "jax":
        jax()
    return engine


def _faster(tape: Tape, *asked: Any) -> Program:
    """Return the faster program of the two engines, with the numbers that were recorded."""
    outputs, derivatives, seeds, style, passes = asked

    def program(engine: str) -> Program:
        return compile(tape, outputs, derivatives, seeds, style=style, passes=passes, engine=engine)

    in_numpy = program("numpy")
    if missing_packages():
        return in_numpy
    try:
        native = program("native")
    except NoNativeFormError:
        return in_numpy
    times: dict[Program, list[float]] = {in_numpy: [], native: []}
    for _ in range(1 + RUNS):
        for run, known in times.items():
            begin = perf_counter()
            run()
            known.append(perf_counter() - begin)
    return min(times, key=lambda run: median(times[run][1:]))


def _returned_values(roots: list[Value], make: Maker) -> list[tuple[Value, Index]]:
    """Return each root as (value, time steps): a value over time is returned once, and its time steps by index."""
    over_time = {v.operands[0] for root in roots for v in (root, *root.operands) if v.op == "at"}

    def located(v: Value) -> tuple[Value, Index]:
        if v.op == "at":
            whole, at = located(v.operands[0])
            return whole, (*at, v.extra)
        if v.op == "last" and (every := make("all", *v.operands, extra=v.extra)) in over_time:
            return every, (v.extra.last_round,)
        return v, ()

    return [located(v) for v in roots]


def _is_nested(roots: list[Value]) -> bool:
    """Return whether there is a loop in a loop."""
    return any(v.loop is not None and v.loop.outer is not None for v in ordered(roots))


def _inputs(tape: Tape) -> list[int]:
    """Return the positions of the Variables that no step computes."""
    made = {z for _, z, _, _ in tape.steps}
    return [i for i in range(len(tape.values)) if i not in made and i not in tape.constants]


def _loss(tape: Tape, outputs: list[int]) -> Variable:
    losses = [i for i in dict.fromkeys(outputs) if tape.values[i].shape == (1, 1)]
    if len(losses) != 1:
        what = f"{len(losses)} outputs are 1×1" if losses else "no output is 1×1"
        raise ValueError(
            f"derivatives of what? {what}: give seeds, a 1×1 Variable or {{v: dv}} as tape.backward takes it"
        )
    return tape.at(losses[0])


def _known(what: str, given: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the given names as a tuple; ValueError for an unknown one."""
    if isinstance(given, str):
        given = (given,)
    given = tuple(given)
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}; there are {', '.join(known)}")
    return given


def _tape(tape: Tape | Callable[..., Any], examples: Mapping[str, Any]) -> Tape:
    """Return a tape as it is, or that of a model run on examples; TypeError for what is neither."""
    if isinstance(tape, Derivatives):
        raise TypeError("compile takes a tape: compile(d.tape, derivatives=[...]), for the d of a backward pass")
    if not isinstance(tape, Tape):
        if not callable(tape):
            own = ": compile(v.tape, outputs=[v])" if isinstance(tape, Variable) else ""
            raise TypeError(f"compile takes a tape or a model function, not {kind(tape)}{own}")
        return recorded(tape, drawn(examples)).tape
    if examples:
        raise TypeError(f"{', '.join(examples)}: a model takes examples, and this is a tape, which has its arrays")
    return tape
