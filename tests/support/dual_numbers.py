"""A second engine: lists of dual numbers, pushed forward one entry at a time.  It shares no code with tinyad."""

from __future__ import annotations

import math


class Dual:
    """a + b ε, with ε² = 0: b is the derivative of a."""

    def __init__(self, a, b=0.0):
        self.a, self.b = a, b

    def __add__(self, o):
        return Dual(self.a + o.a, self.b + o.b)

    def __sub__(self, o):
        return Dual(self.a - o.a, self.b - o.b)

    def __mul__(self, o):
        return Dual(self.a * o.a, self.a * o.b + self.b * o.a)

    def __truediv__(self, o):
        return Dual(self.a / o.a, (self.b * o.a - self.a * o.b) / o.a**2)

    def __neg__(self):
        return Dual(-self.a, -self.b)


def lift(f, slope):
    return lambda x: Dual(f(x.a), slope(x.a) * x.b)


exp = lift(math.exp, math.exp)
log = lift(math.log, lambda a: 1 / a)
sqrt = lift(math.sqrt, lambda a: 0.5 / math.sqrt(a))
tanh = lift(math.tanh, lambda a: 1 / math.cosh(a) ** 2)
sin = lift(math.sin, math.cos)
cos = lift(math.cos, lambda a: -math.sin(a))
sinh = lift(math.sinh, math.cosh)
cosh = lift(math.cosh, math.sinh)
log1p = lift(math.log1p, lambda a: 1 / (1 + a))
expm1 = lift(math.expm1, math.exp)
erf = lift(math.erf, lambda a: 2 / math.sqrt(math.pi) * math.exp(-a * a))
ONE = Dual(1.0)


def total(entries):
    result = Dual(0.0)
    for entry in entries:
        result = result + entry
    return result


def each(f):
    return lambda X: [[f(x) for x in row] for row in X]


def turned(X):
    return [list(column) for column in zip(*X, strict=True)]


def paired(f):
    """Component by component; an operand of one row or one column is repeated."""

    def op(X, Y):
        N, B = max(len(X), len(Y)), max(len(X[0]), len(Y[0]))

        def at(Z, n, b):
            return Z[n if len(Z) > 1 else 0][b if len(Z[0]) > 1 else 0]

        return [[f(at(X, n, b), at(Y, n, b)) for b in range(B)] for n in range(N)]

    return op


def product(X, Y):
    return [[total(x * y for x, y in zip(row, column, strict=True)) for column in turned(Y)] for row in X]


def softmax_rows(X):
    powers = each(exp)(X)
    return [[p / total(row) for p in row] for row in powers]


def log_softmax(X):
    """Of each column; the largest entry is taken out of the logarithm, as it is."""
    columns = []
    for column in turned(X):
        largest = max(column, key=lambda x: x.a)
        columns.append([x - largest - log(total(exp(other - largest) for other in column)) for x in column])
    return turned(columns)


def inverse(X):
    """Gauss and Jordan, with the largest pivot."""
    n = len(X)
    rows = [[*row, *(Dual(float(i == j)) for j in range(n))] for i, row in enumerate(X)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i].a))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] for entry in rows[i]]
        for r in range(n):
            if r != i:
                rows[r] = [entry - rows[r][i] * own for entry, own in zip(rows[r], rows[i], strict=True)]
    return [row[n:] for row in rows]


def largest(X):
    """The first largest entry of each column, as its row."""
    return [max(range(len(column)), key=lambda n: (column[n].a, -n)) for column in turned(X)]


def column_max(X):
    return [[X[n][b] for b, n in enumerate(largest(X))]]


def first_max(X):
    return [[Dual(float(n == at)) for at in largest(X)] for n in range(len(X))]


def some_rows(X, Y):
    start, stop, _ = (int(y.a) for y in Y[0])
    return X[start:stop]


def padded(X, Y):
    start, stop, count = (int(y.a) for y in Y[0])
    return [[Dual(0.0) for _ in X[0]] if n < start or n >= stop else X[n - start] for n in range(count)]


ROWS = {
    "none": each(lambda x: x),
    "∘": paired(lambda x, y: x * y),
    "*": product,
    "+": paired(lambda x, y: x + y),
    "-": paired(lambda x, y: x - y),
    "/": paired(lambda x, y: x / y),
    "neg": each(lambda x: -x),
    "tanh": each(tanh),
    "sigmoid": each(lambda x: ONE / (ONE + exp(-x))),
    "softmax": lambda X: turned(softmax_rows(turned(X))),
    "softmax_rows": softmax_rows,
    "inv": inverse,
    "transpose": turned,
    "exp": each(exp),
    "log": each(log),
    "sqrt": each(sqrt),
    "log_softmax": log_softmax,
    "sum": lambda X: [[total(x for row in X for x in row)]],
    "stack": lambda X, Y: [*X, *Y],
    "upper": lambda X, Y: [row for row, _ in zip(X, Y, strict=False)],
    "under": lambda X, Y: X[len(Y) :],
    "rows": some_rows,
    "padded": padded,
    ">": paired(lambda x, y: Dual(float(x.a > y.a))),
    "≥": paired(lambda x, y: Dual(float(x.a >= y.a))),
    "sign": each(lambda x: Dual(float((x.a > 0) - (x.a < 0)))),
    "first_max": first_max,
    "relu": each(lambda x: x if x.a > 0 else Dual(0.0)),
    "maximum": paired(lambda x, y: x if x.a > y.a else y),
    "minimum": paired(lambda x, y: x if x.a < y.a else y),
    "abs": each(lambda x: x if x.a > 0 else -x),
    "column_max": column_max,
    "row_max": lambda X: turned(column_max(turned(X))),
    "**": paired(lambda x, y: exp(y * log(x))),
    "sin": each(sin),
    "cos": each(cos),
    "sinh": each(sinh),
    "cosh": each(cosh),
    "log1p": each(log1p),
    "expm1": each(expm1),
    "softplus": each(lambda x: log1p(exp(x))),
    "erf": each(erf),
}


def run(leaves, program, moved=None):
    """All values of a program [(symbol, x, y or None), ...] over `leaves`; moved = (value, row, column) gets + ε."""
    values = []

    def keep(X):
        if moved and moved[0] == len(values):
            X[moved[1]][moved[2]] = X[moved[1]][moved[2]] + Dual(0.0, 1.0)
        values.append(X)

    for leaf in leaves:
        keep([[Dual(float(a)) for a in row] for row in leaf])
    for symbol, x, y in program:
        X = ROWS[symbol](values[x]) if y is None else ROWS[symbol](values[x], values[y])
        keep([list(row) for row in X])
    return values


def derivative(leaves, program, seeds, value):
    """dL/d(value) in row layout, L = Σ seeds ∘ values; seeds: {value: lists in row layout}."""
    sizes = [(len(X), len(X[0])) for X in run(leaves, program)]
    N, B = sizes[value]
    out = [[0.0] * N for _ in range(B)]
    for n in range(N):
        for b in range(B):
            values = run(leaves, program, (value, n, b))
            for i, dz in seeds.items():
                out[b][n] += sum(dz[m][k] * values[i][k][m].b for k in range(sizes[i][0]) for m in range(sizes[i][1]))
    return out
