"""What a value is, which sizes fit, and sigmoid and softmax far out."""

import mpmath
import numpy as np
import pytest

from tests.support.points import EPS, close, draw
from tinyad import Tape, deriv, log_softmax, sigmoid, softmax, softmax_rows
from tinyad.arrays.matrix import as_matrix, broadcast, column_of_ones, size

A = draw((4, 3))


# Values


@pytest.mark.parametrize("number", [3, 3.0, np.int64(3), np.float64(3), np.array(3), np.array(3.0), [[3]], ((3,),)])
def test_numbers_become_1x1(number):
    a = as_matrix(number, "v")
    assert a.shape == (1, 1)
    assert a.dtype == np.float64
    assert a[0, 0] == 3


KEPT = [np.float64, np.float32, np.complex128, np.complex64]
PROMOTED = [bool, np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float16, ">f8"]
PROMOTIONS = [(d, d) for d in KEPT] + [(d, np.float64) for d in PROMOTED]
PROMOTIONS += [(">f4", np.float32), (">c16", np.complex128), (">c8", np.complex64), (np.clongdouble, np.complex128)]


@pytest.mark.parametrize(("given", "dtype"), PROMOTIONS, ids=str)
def test_dtypes(given, dtype):
    a = as_matrix(np.array([[1, 0, 1]]).astype(given), "v")
    assert a.dtype == dtype
    assert a.tolist() == [[1, 0, 1]]


def test_the_imaginary_part_is_kept():
    for dtype in (">c16", ">c8", np.clongdouble):
        assert as_matrix(np.array([[1 + 2j]], dtype), "v")[0, 0] == 1 + 2j


def test_a_python_number_takes_the_dtype_of_the_other_operand():
    for number in (2, 2.5, True):
        assert as_matrix(number, "v", np.float32).dtype == np.float32
    assert as_matrix(2, "v", np.complex64).dtype == np.complex64
    assert as_matrix(2j, "v", np.float32).dtype == np.complex64
    assert as_matrix(np.float64(2.5), "v", np.float32).dtype == np.float64  # as in NumPy: this one has a dtype
    assert as_matrix(10**20, "v", np.float64)[0, 0] == 1e20


def test_a_mask_of_bools_leaves_float32_alone():
    a = draw((4, 3), 1, np.float32)
    v = Tape().variable(a)
    for mask in (a > 0, np.True_):
        assert (mask * v).dtype == (mask * a).dtype == np.float32


@pytest.mark.parametrize("layout", ["C", "F", "strided", "reversed", "read-only"])
def test_values_are_copies_whatever_their_memory(layout):
    big = draw((8, 6))
    given = {"strided": big[::2, ::2], "reversed": big[3::-1, 2::-1]}.get(layout, big[:4, :3].copy(order="F"))
    if layout == "C":
        given = given.copy(order="C")
    if layout == "read-only":
        given.setflags(write=False)
    a = as_matrix(given, "v")
    assert np.array_equal(a, given)
    assert not np.shares_memory(a, given)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_np_matrix_becomes_an_array():
    assert type(as_matrix(np.matrix([[1.0, 2.0]]), "v")) is np.ndarray


def test_a_masked_array_is_refused():
    with pytest.raises(TypeError, match=r"W: .*mask"):
        as_matrix(np.ma.masked_greater(A, 0), "W")


ADVICE = "; write a.reshape(-1, 1) for a column, a.reshape(1, -1) for a row"
DATES = "W: values are matrices of numbers, not an array of datetime64[D]"
REFUSALS = [
    (ValueError, np.ones(4), "W: values are matrices (2-D), this is 1-D of shape (4,)" + ADVICE),
    (ValueError, [], "W: values are matrices (2-D), this is 1-D of shape (0,)" + ADVICE),
    (ValueError, np.ones((2, 3, 4)), "W: values are matrices (2-D), this is 3-D of shape (2, 3, 4)"),
    (ValueError, [[1, 2], [3]], "W: rows of different lengths; a matrix needs rows of one length"),
    (TypeError, "abc", "W: values are matrices of numbers, not a str"),
    (TypeError, [["a", "b"]], "W: values are matrices of numbers, not a list of strings"),
    (TypeError, None, "W: values are matrices of numbers, not None"),
    (TypeError, object(), "W: values are matrices of numbers, not an object"),
    (TypeError, [[1, None]], "W: values are matrices of numbers, not a list of objects"),
    (TypeError, {"a": 1}, "W: values are matrices of numbers, not a dict"),
    (
        TypeError,
        np.array([["2020-01-01"]], "M8[D]"),
        "W: values are matrices of numbers, not an array of datetime64[D]",
    ),
    (TypeError, 10**20, "W: values are matrices of numbers, not an int of more than 64 bits"),
]


@pytest.mark.parametrize(("kind", "value", "message"), REFUSALS)
def test_refusals(kind, value, message):
    with pytest.raises(kind) as error:
        Tape().variable(value, "W")
    assert str(error.value) == message


def test_size():
    assert size((4, 3)) == "4×3"
    assert size((1, 0)) == "1×0"


def test_ones_are_shared_and_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        column_of_ones(3, np.dtype(float))[0] = 2
    assert column_of_ones(3, np.dtype("f4")).dtype == np.float32


# Sizes


@pytest.mark.parametrize("x", [(n, m) for n in range(4) for m in range(4)])
def test_broadcast_is_numpys_without_the_outer_sums(x):
    """`how` is what brings x to the common size, and nothing fits that would enlarge both."""
    for y in [(n, m) for n in range(4) for m in range(4)]:
        how = broadcast(x, y)
        try:
            z = np.broadcast_shapes(x, y)
        except ValueError:
            assert how is None
            continue
        if z not in (x, y):
            assert how is None, (x, y)
            continue
        grown = {"": lambda s: s, "rows": lambda s, z=z: (s[0], z[1]), "columns": lambda s, z=z: (z[0], s[1])}
        for s, h in zip((x, y), how, strict=True):
            if h == "all":
                assert s == (1, 1) != z
            else:
                assert grown[h](s) == z
                assert (h == "") == (s == z)


# Far out


def exactly(f, points):
    with mpmath.workdps(60):
        return np.array([[float(f(mpmath.mpf(float(p))))] for p in points])


def relative(a, b):
    return float(np.max(np.abs(a - b) / np.abs(b)))


TAIL = [-700.0, -100.0, -80.5, -80.0, -79.5, -37.0, -36.5, -5.0, -1e-9, 0.0, 1e-9, 2.0, 37.0, 800.0]
COLUMN = np.array(TAIL)[:, None]


@pytest.fixture
def strict():
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.mark.usefixtures("strict")
def test_sigmoid_keeps_its_tail():
    right = exactly(lambda x: 1 / (1 + mpmath.exp(-x)), TAIL)
    for n in range(len(TAIL)):  # alone, and together with points that make it take the other form
        assert relative(sigmoid(COLUMN[n : n + 1]), right[n : n + 1]) < 1e-15, TAIL[n]
    assert relative(sigmoid(COLUMN), right) < 1e-15


@pytest.mark.usefixtures("strict")
def test_derivative_of_sigmoid_keeps_its_lower_tail():
    below = COLUMN[COLUMN[:, 0] <= 0]
    right = exactly(lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2, below[:, 0])
    assert relative(deriv(np.ones((1, len(below))), below, "sigmoid").T, right) < 1e-15


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_saturates_quietly(dtype):
    x = np.array([[-1000], [-800], [-750], [0], [800], [1000]], dtype)
    for a in (x, x[:2], x[4:], np.asfortranarray(x), *(x[n : n + 1] for n in range(len(x)))):
        z = sigmoid(a)
        assert z.dtype == dtype
        assert close(z, np.clip(a, 0, 1) * (a != 0) + (a == 0) / 2)
        d = deriv(np.ones(a.T.shape, dtype), a, "sigmoid").T
        assert d.dtype == dtype
        assert np.array_equal(d, (a == 0) / 4)


@pytest.mark.usefixtures("strict")
def test_sigmoid_in_float32():
    x = np.array([[-87, -60, -37, -10, 0.5, 20]], np.float32)
    right = exactly(lambda p: 1 / (1 + mpmath.exp(-p)), x[0]).T
    assert relative(sigmoid(x), right) < 3 * np.finfo(np.float32).eps
    assert 0 <= sigmoid(np.array([[-89]], np.float32)) < 1e-38  # e^89 is more than float32 can hold


@pytest.mark.usefixtures("strict")
def test_sigmoid_of_infinities_and_nan():
    z = sigmoid(np.array([[-np.inf, np.nan, np.inf]]))
    assert z[0, 0] == 0
    assert np.isnan(z[0, 1])
    assert z[0, 2] == 1


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", [softmax, softmax_rows])
def test_softmax_far_out(op, dtype):
    x = np.array([[1000, -1000, -800], [999, -999, 800], [-1000, -1000.5, 799.5], [0, -1001, 0]], dtype)
    axis = 0 if op is softmax else 1
    lines = x.T if axis == 0 else x
    right = []
    with mpmath.workdps(60):
        for line in lines.tolist():
            powers = [mpmath.exp(mpmath.mpf(p)) for p in line]
            right.append([float(p / mpmath.fsum(powers)) for p in powers])
    right = np.array(right).T if axis == 0 else np.array(right)
    z = op(x)
    assert z.dtype == dtype
    assert np.allclose(z, right, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    assert np.allclose(z.sum(axis), 1, rtol=1e-6)
    d = deriv(draw(x.T.shape, 1, dtype), x, op)
    assert d.dtype == dtype
    assert np.isfinite(d).all()


def test_softmax_keeps_its_tail():
    x = np.array([[0.0], [-37.0], [-100.0], [-700.0]])
    with mpmath.workdps(60):
        powers = [mpmath.exp(p) for p in x[:, 0].tolist()]
        right = np.array([[float(p / mpmath.fsum(powers))] for p in powers])
    assert relative(softmax(x), right) < 1e-15


@pytest.mark.parametrize("op", [softmax, softmax_rows])
def test_softmax_of_one_entry_is_one_and_flat(op):
    x = draw((1, 3) if op is softmax else (4, 1))
    assert np.array_equal(op(x), np.ones(x.shape))
    assert np.abs(deriv(draw(x.T.shape, 1), x, op)).max() <= EPS


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_log_softmax_far_out(dtype):
    """Where softmax is 0 its logarithm is about -2000, and the derivative is that of the exact one."""
    x = np.array([[1000, -1000, -800], [999, -999, 800], [-1000, -1000.5, 799.5], [0, -1001, 0]], dtype)
    dz = draw((3, 4), 1, dtype)
    right, slopes = np.empty((4, 3)), np.empty((3, 4))
    with mpmath.workdps(60):
        for m, column in enumerate(x.T.tolist()):
            powers = [mpmath.exp(mpmath.mpf(p)) for p in column]
            given = [mpmath.mpf(a) for a in dz[m].tolist()]
            for n, power in enumerate(powers):
                right[n, m] = mpmath.log(power / mpmath.fsum(powers))
                slopes[m, n] = given[n] - mpmath.fsum(given) * power / mpmath.fsum(powers)
    z, d = log_softmax(x), deriv(dz, x, "log_softmax")
    tape = Tape()
    v = tape.variable(x)
    walked = tape.backward({log_softmax(v): dz})[v]
    assert z.dtype == d.dtype == walked.dtype == dtype
    assert z.min() < -2000
    assert relative(z, right) < 4 * np.finfo(dtype).eps
    for found in (d, walked):
        assert np.abs(found - slopes).max() < 8 * np.finfo(dtype).eps


def test_log_softmax_is_of_each_column():
    x = draw((4, 3))
    assert np.allclose(np.exp(log_softmax(x)), softmax(x), rtol=1e-14)
    assert np.allclose(log_softmax(x + draw((1, 3), 1)), log_softmax(x), rtol=1e-14, atol=1e-14)
    assert np.array_equal(log_softmax(draw((1, 3))), np.zeros((1, 3)))


@pytest.mark.parametrize("op", [sigmoid, softmax, softmax_rows, log_softmax])
def test_numbers_and_integers_need_no_tape(op):
    """The same model runs on plain arrays: what a Variable may hold, an array may."""
    whole = np.array([[1, 2, 0], [3, 1, 2]])
    assert np.array_equal(op(whole), op(whole.astype(float)))
    assert np.array_equal(op([[1, 2]]), op(np.array([[1.0, 2.0]])))
    v = Tape().variable(0.5)
    assert np.array_equal(np.reshape(op(0.5), (1, 1)), op(v).value)
