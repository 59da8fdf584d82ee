"""Stand-ins for PyTorch and JAX on NumPy, with what the texts of compiled programs use and no more.

They are as strict as their models: a tensor has no method of NumPy's that a text could take by mistake, products are of
one dtype, and what is not yet filled is not a number.
"""

import math
import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

SAME = "tanh exp log sqrt sign sin cos sinh cosh log1p expm1".split()


def forbidden(self, *arguments, **options):
    raise AttributeError("NumPy's, not PyTorch's")


class Tensor(np.ndarray):
    astype = copy = max = transpose = forbidden
    device = "cpu"

    @property
    def T(self):
        assert self.ndim == 2
        return np.ndarray.transpose(self)

    @property
    def mT(self):
        return np.swapaxes(np.asarray(self), -2, -1).view(Tensor)

    def __matmul__(self, other):
        assert self.dtype == other.dtype
        return np.matmul(self, other)

    def __setitem__(self, at, value):
        np.asarray(self)[at] = value

    def sum(self, dim, keepdim=False):
        return np.asarray(self).sum(axis=dim, keepdims=keepdim).view(Tensor)

    def mul(self, other):
        return self * other

    def amax(self, dim, keepdim):
        return np.asarray(self).max(axis=dim, keepdims=keepdim).view(Tensor)

    def argmax(self, dim):
        return np.asarray(self).argmax(axis=dim).view(Tensor)

    def clamp(self, min=None, max=None):
        return np.clip(self, min, max)

    def clone(self):
        return np.array(self).view(Tensor)

    def to(self, what):
        return self if isinstance(what, str) else np.asarray(self).astype(what, copy=False).view(Tensor)

    def type_as(self, other):
        return self.to(other.dtype)

    def new_zeros(self, shape):
        return zeros(shape, self.dtype)

    def new_ones(self, shape):
        return ones(shape, self.dtype)

    def new_empty(self, shape):
        return empty(shape, self.dtype)

    def new_tensor(self, entries):
        return tensor(entries, self.dtype)

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return np.asarray(self)

    def is_floating_point(self):
        return self.dtype.kind == "f"


def of_tensors(function):
    def checked(*operands):
        assert all(isinstance(operand, Tensor) for operand in operands), "a number is no tensor"
        return function(*operands)

    return checked


def zeros(shape, dtype):
    return np.zeros(shape, dtype).view(Tensor)


def ones(shape, dtype):
    return np.ones(shape, dtype).view(Tensor)


def empty(shape, dtype):
    return np.full(shape, np.nan, dtype).view(Tensor)


def tensor(entries, dtype):
    return np.array(entries, dtype).view(Tensor)


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softmax(x, dim):
    e = np.exp(x - np.max(np.asarray(x), axis=dim, keepdims=True))
    return e / np.sum(np.asarray(e), axis=dim, keepdims=True)


def log_softmax(x, dim):
    return np.log(softmax(x, dim))


def softplus(x, threshold):
    return np.where(x > threshold, x, np.log1p(np.exp(np.minimum(x, threshold)))).view(Tensor)


def erf(x):
    return np.vectorize(math.erf, otypes=[x.dtype])(x).view(type(x))


def one_hot(at, count):
    return (np.asarray(at)[..., None] == np.arange(count)).astype(np.int64).view(Tensor)


def torch():
    """A module of what the texts for PyTorch use."""
    module = ModuleType("torch")
    for name in SAME:
        setattr(module, name, of_tensors(getattr(np, name)))
    module.abs, module.maximum, module.minimum = map(of_tensors, (np.abs, np.maximum, np.minimum))
    module.logaddexp = of_tensors(np.logaddexp)
    module.sigmoid, module.erf = of_tensors(sigmoid), of_tensors(erf)
    module.softmax, module.log_softmax = softmax, log_softmax
    module.cat = lambda parts, dim: np.concatenate(parts, axis=dim).view(Tensor)
    module.stack = lambda parts: np.array(parts).view(Tensor)
    module.broadcast_to = lambda x, shape: np.broadcast_to(x, shape, subok=True)
    module.zeros, module.ones, module.empty, module.tensor = zeros, ones, empty, tensor
    module.zeros_like = lambda x: zeros(x.shape, x.dtype)
    module.linalg = SimpleNamespace(inv=np.linalg.inv)
    module.nn = SimpleNamespace(functional=SimpleNamespace(softplus=softplus, one_hot=one_hot))
    module.no_grad = lambda: lambda function: function
    module.from_numpy = lambda a: a.view(Tensor)
    module.float64, module.float32, module.Tensor = np.float64, np.float32, Tensor
    return module


class Array(np.ndarray):
    def __iadd__(self, other):
        return self + other

    def __setitem__(self, at, value):
        raise TypeError("arrays of JAX are never changed")

    @property
    def at(self):
        return At(self)


class At:
    def __init__(self, array):
        self.array = array

    def __getitem__(self, at):
        def changed(value):
            new = np.array(self.array)
            new[at] = value
            return new.view(Array)

        return SimpleNamespace(set=changed)


def scan(function, first, given, length=None, reverse=False):
    """A loop that hands on what it carries, always of the same sizes and dtypes, and keeps what each round returns."""
    length = len(given[0]) if length is None else length
    carried, kept = first, [None] * length
    for t in reversed(range(length)) if reverse else range(length):
        after, kept[t] = function(carried, given and tuple(a[t] for a in given))
        for a, b in zip(carried or (), after or (), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
        carried = after
    return carried, None if kept[0] is None else tuple(
        np.array(values).view(Array) for values in zip(*kept, strict=True)
    )


def new(make):
    return lambda *arguments: make(*arguments).view(Array)


def jax():
    """A module of what the texts for JAX, and the engine, use."""
    module, numpy = ModuleType("jax"), ModuleType("jax.numpy")
    names = "maximum minimum logaddexp abs concatenate broadcast_to pad linalg vdot float64 float32".split()
    for name in [*SAME, *names]:
        setattr(numpy, name, getattr(np, name))
    for name in "asarray array stack zeros ones full zeros_like".split():
        setattr(numpy, name, new(getattr(np, name)))
    module.numpy, module.Array = numpy, Array
    module.lax = SimpleNamespace(scan=scan)
    module.nn = SimpleNamespace(
        sigmoid=sigmoid,
        softmax=lambda x, axis: softmax(x, axis),
        log_softmax=lambda x, axis: log_softmax(x, axis),
        one_hot=lambda at, count, dtype, axis: np.asarray(one_hot(at, count).mT, dtype).view(Array),
    )
    module.scipy = SimpleNamespace(special=SimpleNamespace(erf=erf))
    module.jit = lambda function: function
    module.config = SimpleNamespace(jax_enable_x64=True)
    module.default_matmul_precision = lambda precision: nullcontext()
    return module


@pytest.fixture
def stand_ins(monkeypatch):
    """PyTorch and JAX are the stand-ins, whether they are installed or not."""
    for module in (torch(), own := jax(), own.numpy):
        monkeypatch.setitem(sys.modules, module.__name__, module)
