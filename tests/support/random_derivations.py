"""Random tapes written as derivations, which are right by construction."""

import random

import numpy as np

from tinyad import TABLE, Tape, written

ROWS = "* * ∘ ∘ + - / tanh sigmoid exp softmax transpose relu sin cos stack".split()
NAMES = "hcfgiqrsuvzpkma"


def right_derivation(seed):
    """The text of a derivation of 3 to 10 named steps, from one given derivative to all inputs."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    N, M, B = rng.sample([2, 3, 4, 5], 3)
    tape = Tape()
    sizes = {"x": (M, B), "W": (N, M), "b": (N, 1), "V": (N, N), "y": (N, B)}
    values = list(tape.variables(**{name: numbers.uniform(0.3, 1.2, size) for name, size in sizes.items()}).values())
    names = rng.sample(NAMES, rng.randint(3, 10))
    while names:
        op = TABLE[rng.choice(ROWS)]
        operands = [rng.choice(values[-4:] + values) for _ in range(op.arity)]
        if step_fits(op, operands):
            z = op(*operands)
            tape.name({names.pop(): z})
            values.append(z)
    return written(tape.backward({z: numbers.uniform(0.5, 1.5, z.shape[::-1])}))


def step_fits(op, operands):
    """Whether the sizes fit, the values stay moderate, the result is no constant: x - x, x / x, softmax of a row."""
    if op.symbol in "-/" and operands[0] is operands[-1]:
        return False
    if op.symbol == "softmax" and operands[0].shape[0] == 1:
        return False
    try:
        with np.errstate(all="ignore"):
            z = op.forward(*(v.value for v in operands))
    except ValueError:
        return False
    if op.symbol == "/" and not (np.abs(operands[1].value) > 0.2).all():
        return False
    repeats = op.arity == 2 and op.symbol in "∘+-/" and z.shape not in [v.shape for v in operands]
    return not repeats and 2 <= z.size <= 30 and bool((np.abs(z) < 20).all())
