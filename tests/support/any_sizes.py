"""A model over time for programs of every size, and what differs from the tape at some of them."""

import numpy as np

import tinyad
from tinyad import Tape

H, X, Y = 4, 3, 2
SIZES = [(T, B) for T in (1, 2, 3, 7, 20) for B in (1, 2, 5)]
BOTH = "any T, any batch"


def arrays(names, T, B, seed=0, dtype=np.float64):
    """Examples of T time steps and B columns of the model `rnn`, and of others with its names."""
    rng = np.random.default_rng(seed)
    sizes = {"W": (H, X), "R": (H, H), "b": (H, 1), "h0": (H, B), "xs": (X, B), "targets": (Y, B), "masks": (1, B)}
    sizes |= {"W_y": (Y, H), "b_y": (Y, 1)}

    def one(name):
        a = rng.standard_normal(sizes[name]) if name != "masks" else rng.integers(0, 2, sizes[name])
        return a.astype(dtype)

    return {name: [one(name) for _ in range(T)] if name in ("xs", "targets", "masks") else one(name) for name in names}


NAMES = ("W", "R", "b", "h0", "xs")


def states(W, R, b, h0, xs):
    hs = [h0]
    for x in xs:
        hs.append(tinyad.tanh(W @ x + R @ hs[-1] + b))
    return hs[1:]


def rnn(W, R, b, h0, xs):
    """The mean over T and B of h∘h, and every state."""
    hs = states(W, R, b, h0, xs)
    return {"L": sum(np.sum(h * h) for h in hs) / (len(xs) * h0.shape[1]), "hs": hs, "h_T": hs[-1]}


def compiled(model=rnn, names=NAMES, outputs=("L", "hs", "h_T"), shapes=BOTH, T=4, B=3, **options):
    examples = arrays(names, T, B, dtype=options.pop("dtype", np.float64))
    return tinyad.compile(model, outputs, options.pop("derivatives", names), shapes=shapes, **options, **examples)


def on_tape(model, given, seeds=None):
    """The results and derivatives of the eager tape, in lists where the model has them."""
    tape = Tape()
    v = {
        name: [tape.variable(part) for part in a] if isinstance(a, list) else tape.variable(a)
        for name, a in given.items()
    }
    results = model(**v)
    if seeds is None:
        start = results["L"]
    else:
        flat = {name: a if isinstance(a, list) else [a] for name, a in seeds.items()}
        start = {}
        for name, parts in flat.items():
            own = results[name] if isinstance(results[name], list) else [results[name]]
            start |= dict(zip(own, parts, strict=True))
    eager = tape.backward(start)

    def of(read, value):
        return [read(part) for part in value] if isinstance(value, list) else read(value)

    return (
        {name: of(lambda part: part.value, value) for name, value in results.items()},
        {name: of(lambda part: eager[part], value) for name, value in v.items()},
    )


def equal(found, expected, tolerance=1e-12):
    if isinstance(expected, list):
        return len(found) == len(expected) and all(equal(a, b, tolerance) for a, b in zip(found, expected, strict=True))
    found = np.asarray(found)
    close = np.abs(found - expected).max(initial=0) <= tolerance * max(1, np.abs(expected).max(initial=0))
    return found.shape == expected.shape and found.dtype == expected.dtype and bool(close)


def wrong(program, model, names, sizes=SIZES, seeds=None, tolerance=1e-12, dtype=np.float64):
    """The sizes and names where a program differs from the tape."""
    found = []
    for k, (T, B) in enumerate(sizes):
        given = arrays(names, T, B, k + 1, dtype)
        own = None if seeds is None else seeds(T, B)
        out, expected = program(given, seeds=own), on_tape(model, given, own)
        for a, b in zip(out, expected, strict=True):
            found += [(T, B, name) for name in a if not equal(a[name], b[name], tolerance)]
    return found
