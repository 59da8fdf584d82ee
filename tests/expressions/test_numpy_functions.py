"""NumPy's spellings that decompose into rows: NumPy's values, exact derivatives, and clear errors."""

import numpy as np
import pytest

from tests.support.points import close, draw, replayed
from tinyad import Tape, central_difference, equations
from tinyad.expressions.numpy_functions import DECOMPOSED

A = draw((4, 3), 1)
B = draw((2, 3), 2)
SQUARE = draw((3, 3), 3)
ROW, COLUMN, ONE = draw((1, 3), 4), draw((4, 1), 5), draw((1, 1), 6)

SPELLINGS = {
    "sum": lambda v: np.sum(v),
    "sum, axis 0": lambda v: np.sum(v, axis=0, keepdims=True),
    "sum, axis 1": lambda v: np.sum(v, axis=1, keepdims=True),
    "sum, axis -1": lambda v: np.sum(v, axis=-1, keepdims=True),
    "sum, axis -2": lambda v: np.sum(v, axis=-2, keepdims=True),
    "v.sum": lambda v: v.sum(),
    "v.sum, axis 0": lambda v: v.sum(axis=0, keepdims=True),
    "mean": lambda v: np.mean(v),
    "mean, axis 0": lambda v: np.mean(v, axis=0, keepdims=True),
    "mean, axis 1": lambda v: np.mean(v, axis=1, keepdims=True),
    "v.mean": lambda v: v.mean(),
    "v.mean, axis 1": lambda v: v.mean(axis=1, keepdims=True),
    "var": lambda v: np.var(v),
    "var, axis 0": lambda v: np.var(v, axis=0, keepdims=True),
    "var, ddof 1": lambda v: np.var(v, axis=0, ddof=1, keepdims=True),
    "var of all, ddof 1": lambda v: np.var(v, ddof=1),
    "std": lambda v: np.std(v),
    "std, axis 1": lambda v: np.std(v, axis=1, keepdims=True),
    "std, ddof 1": lambda v: np.std(v, axis=1, ddof=1, keepdims=True),
    "norm": lambda v: np.linalg.norm(v),
    "norm, fro": lambda v: np.linalg.norm(v, "fro"),
    "norm, axis 0": lambda v: np.linalg.norm(v, axis=0, keepdims=True),
    "max": lambda v: np.max(v),
    "amax": lambda v: np.amax(v),
    "max, axis 0": lambda v: np.max(v, axis=0, keepdims=True),
    "max, axis 1": lambda v: np.max(v, axis=1, keepdims=True),
    "min": lambda v: np.min(v),
    "amin": lambda v: np.amin(v),
    "min, axis 0": lambda v: np.min(v, axis=0, keepdims=True),
    "min, axis -1": lambda v: np.min(v, axis=-1, keepdims=True),
    "trace": lambda v: np.trace(v),
    "square": lambda v: np.square(v),
    "concatenate": lambda v: np.concatenate((v, v * v)),
    "concatenate, axis 1": lambda v: np.concatenate((v, v * v, v), axis=1),
    "vstack": lambda v: np.vstack((v, v * v, v)),
    "hstack": lambda v: np.hstack((v, v * v)),
    "abs": lambda v: abs(v) + np.abs(v) * np.absolute(v),
    "fabs": lambda v: np.fabs(v),
    "cube": lambda v: v**3,
    "square root of a square": lambda v: (v**2) ** 0.5,
    "reciprocal": lambda v: v**-1,
    "power": lambda v: np.power(v, 2),
    "2 to the": lambda v: 2.0**v,
    "maximum": lambda v: np.maximum(v, 0.1),
    "minimum": lambda v: np.minimum(-0.1, v),
    "masks": lambda v: (v > 0.1) * v + (v <= -0.2) * v * v + (v < 0) * 3 * v - (v >= 0.3) * v,
    "np.greater": lambda v: np.greater(v, 0.1) * v - np.greater_equal(0.2, v) * v,
    "rows": lambda v: v[1:3] * v[0:2] if v.shape[0] > 2 else v[0:1] * v,
    "columns": lambda v: v[:, 1:] * 2.0 if v.shape[1] > 1 else v[:, :],
    "a block": lambda v: v[1:3, 0:2] if v.shape[0] > 2 else v[:1, :1],
    "from the end": lambda v: v[:, -1:] @ v[-1:],
    "nothing is cut": lambda v: v[:] * v[:, :] * v[0 : v.shape[0]],
    "a step of 1": lambda v: v[0:2:1],
    "standardized": lambda v: (v - v.mean(axis=0, keepdims=True)) / (np.std(v, axis=0, keepdims=True) + 0.5),
}  # fmt: skip
POINTS = {"4×3": A, "2×3": B, "3×3": SQUARE, "1×3": ROW, "4×1": COLUMN, "1×1": ONE}
UNDEFINED = {  # a divisor n - 1 of 0, and the kink that a constant has
    ("var, ddof 1", "1×3"), ("std, ddof 1", "4×1"), ("var, ddof 1", "1×1"), ("std, ddof 1", "1×1"),
    ("var of all, ddof 1", "1×1"), ("std", "1×1"), ("std, axis 1", "4×1"), ("std, axis 1", "1×1"),
    ("standardized", "1×3"), ("standardized", "1×1"),
}  # fmt: skip
CASES = [(name, point) for name in SPELLINGS for point in POINTS if (name, point) not in UNDEFINED]


def derived(f, x):
    """The value of f on a tape, the derivative by x, its seed, and the tape."""
    tape = Tape()
    v = tape.variable(x, "x")
    z = f(v)
    dz = draw(z.shape[::-1], 9).astype(x.dtype)
    return z.value, tape.backward({z: dz})["x"], dz, tape, z


@pytest.mark.parametrize(("name", "point"), CASES)
def test_values_are_numpys_and_derivatives_exact(name, point):
    f, x = SPELLINGS[name], POINTS[point]
    value, dx, dz, tape, z = derived(f, x)
    assert close(value, np.reshape(f(x), value.shape), 1e-14)
    assert close(dx, replayed(tape, {z.index: dz}, 0), 1e-13)
    true, error = central_difference(lambda a: (dz.T * f(a)).sum(), x)
    assert np.all(np.abs(dx - true) <= 10 * error + 1e-12)


@pytest.mark.parametrize("name", SPELLINGS)
def test_float32_stays(name):
    f, x = SPELLINGS[name], A.astype(np.float32)
    value, dx, *_ = derived(f, x)
    assert value.dtype == dx.dtype == np.float32
    assert close(dx, derived(f, x.astype(float))[1], 1e-4)


def test_the_comparison_fails_on_another_axis_or_divisor():
    value, dx, dz, *_ = derived(SPELLINGS["var, ddof 1"], SQUARE)
    assert not close(value, np.var(SQUARE, axis=0, keepdims=True))
    assert not close(value, np.var(SQUARE, axis=1, ddof=1, keepdims=True).T)
    true, error = central_difference(lambda a: (dz.T * np.var(a, axis=0, keepdims=True)).sum(), SQUARE)
    assert not np.all(np.abs(dx - true) <= 10 * error + 1e-12)


def test_every_function_is_tried():
    tried = set()

    class Seen(np.ndarray):
        def __array_function__(self, function, types, operands, options):
            tried.add(function)
            return super().__array_function__(function, types, operands, options)

        def __array_ufunc__(self, ufunc, method, *operands, **options):
            tried.add(ufunc)
            return getattr(ufunc, method)(*(np.asarray(a) for a in operands), **options)

    for f in SPELLINGS.values():
        f(A.view(Seen))
    assert set(DECOMPOSED) <= tried


def test_of_equal_entries_the_first_is_the_largest():
    x = np.array([[2.0, 1.0], [2.0, 3.0]])
    _, dx, dz, *_ = derived(SPELLINGS["max, axis 0"], x)
    assert np.array_equal(dx.T, [[dz[0, 0], 0], [0, dz[1, 0]]])
    _, dx, dz, *_ = derived(SPELLINGS["max"], np.ones((2, 2)))
    assert np.array_equal(dx, [[dz[0, 0], 0], [0, 0]])


def test_a_slice_of_nothing_has_no_rows():
    value, dx, *_ = derived(lambda v: v[2:2] @ v[:3], SQUARE)
    assert value.shape == (0, 3)
    assert np.array_equal(dx, np.zeros((3, 3)))


ERRORS = [
    (lambda v: np.sum(v, axis=0), ValueError, "axis=0 without keepdims=True gives a 1-D array"),
    (lambda v: v.mean(axis=1), ValueError, "axis=1 without keepdims=True gives a 1-D array"),
    (lambda v: np.max(v, axis=-1), ValueError, "axis=-1 without keepdims=True gives a 1-D array"),
    (lambda v: np.linalg.norm(v, axis=0), ValueError, "axis=0 without keepdims=True"),
    (lambda v: np.sum(v, axis=2, keepdims=True), ValueError, "axis=2: a matrix has the axes 0 and 1"),
    (lambda v: np.mean(v, axis=(0, 1), keepdims=True), ValueError, r"axis=\(0, 1\): a matrix has the axes 0 and 1"),
    (lambda v: np.sum(v, where=A > 0), TypeError, r"np.sum takes v, axis, keepdims here \(.*'where'\)"),
    (lambda v: np.sum(v, dtype=float), TypeError, r"np.sum takes v, axis, keepdims here \(.*'dtype'\)"),
    (lambda v: np.var(v, mean=0), TypeError, r"np.var takes v, axis, ddof, keepdims here \(.*'mean'\)"),
    (lambda v: np.trace(v, offset=1), TypeError, r"np.trace takes v here \(.*'offset'\)"),
    (lambda v: np.linalg.norm(v, 1), TypeError, "only the root of the sum of squares decomposes into rows"),
    (lambda v: np.linalg.norm(v, np.inf), TypeError, "only the root of the sum of squares decomposes into rows"),
    (lambda v: np.vstack((v, v), dtype=float), TypeError, r"np.vstack takes parts, axis here \(.*'dtype'\)"),
    (lambda v: v[0], TypeError, r"v\[...\] takes slices, v\[2:5\] or v\[:, 2:3\]"),
    (lambda v: v[0, 1], TypeError, r"one entry is v\[i:i\+1, j:j\+1\]"),
    (lambda v: v[:, 0], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[::2], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[::-1], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[[0, 1]], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[A > 0], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[None], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[()], TypeError, r"v\[...\] takes slices"),
    (lambda v: v[:, :, :], TypeError, r"v\[...\] takes slices"),
    (lambda v: np.vstack((v, v[:, :2])), ValueError, "3 and 2 columns"),
    (lambda v: np.clip(v, 0, 1), TypeError, r"np.clip .*write np.maximum\(np.minimum\(v, high\), low\)"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS, ids=[message[:40] for *_, message in ERRORS])
def test_errors_say_what_to_write(call, kind, message):
    tape = Tape()
    v = tape.variable(A, "v")
    with pytest.raises(kind, match=message):
        call(v)
    assert v.tape is tape
    assert all(line.split() for line in str(equations(tape)).splitlines())


def test_what_is_recorded_reads_well():
    tape = Tape()
    v = tape.variable(A, "v")
    m = np.mean(v, axis=0, keepdims=True)
    tape.name({"m": m, "s": v[1:3], "c": v[:, 0:2], "t": v.sum(), "k": np.max(v, axis=0, keepdims=True)})
    tape.name({"n": np.linalg.norm(v), "b": np.vstack((v, m))})
    assert [" ".join(line.split()[1:]) for line in str(equations(tape)).splitlines()] == [
        "_1 = 1ᵀ * v", "m = _1 / 4", "s = v[1:3]", "_4 = vᵀ", "_5 = _4[0:2]", "c = _5ᵀ", "t = sum(v)",
        "k = column_max(v)", "_9 = v ∘ v", "_10 = sum(_9)", "n = sqrt(_10)", "b = [v; m]",
    ]  # fmt: skip


def test_two_tapes_and_plain_arrays():
    tape = Tape()
    v = tape.variable(A, "v")
    assert np.array_equal(np.vstack((v, A)).value, np.vstack((A, A)))
    assert np.array_equal(np.hstack((A, v)).value, np.hstack((A, A)))
    with pytest.raises(ValueError, match="is on another tape"):
        np.vstack((v, Tape().variable(A, "w")))
