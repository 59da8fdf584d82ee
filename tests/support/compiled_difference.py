"""A compiled program against the tape it was made from."""

import numpy as np

from tinyad.compiled import compile as compiled

TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "complex128": 1e-12}


def differs(tape, seeds, passes, names=None, engine=None, style="grouped"):
    """What is not as on the tape, all values and derivatives asked for at once; None if all is."""
    names = [tape.label(i) for i in range(len(tape.values)) if i not in tape.constants] if names is None else names
    values, d = compiled(tape, names, names, seeds, passes=passes, engine=engine, style=style)()
    eager = tape.backward(seeds)
    right = {("", name): tape[name].value for name in names} | {("∇", name): eager[name] for name in names}
    scale = max(1.0, *(np.abs(a).max(initial=0) for a in right.values()))
    for (kind, name), expected in right.items():
        found = np.asarray((d if kind else values)[name])
        if found.shape != expected.shape or found.dtype != expected.dtype:
            return f"{kind}{name} is {found.shape} {found.dtype}, not {expected.shape} {expected.dtype}"
        if not np.abs(found - expected).max(initial=0) <= TOLERANCE[str(expected.dtype)] * scale:
            return f"{kind}{name} differs by {np.abs(found - expected).max()}"
    return None
