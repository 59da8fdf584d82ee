"""Statements of backward passes as people write them: a right one, what it was miscopied to, and where it stands."""

import ast
import copy
import textwrap
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from tinyad.code.surroundings import Scope


class Passes(NamedTuple):
    """A forward and a backward pass, statement by statement, and what is given."""

    given: dict
    forward: list
    backward: list
    loop_variables: tuple = ()


class Case(NamedTuple):
    """A wrong statement and the one that was meant, in the passes of a name."""

    passes: str
    wrong: str
    intended: str


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.maximum(0, z)


def step_backward(dnext_h, cache):
    _, _, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da.dot(Wx.T), da.dot(Wh.T)


def lines(text):
    """The statements of a text."""
    text = textwrap.dedent(text)
    return [ast.get_source_segment(text, node) for node in ast.parse(text).body]


def normal(seed, **shapes):
    """Random arrays of the given shapes."""
    draw = np.random.default_rng(seed)
    return {name: draw.standard_normal(shape) for name, shape in shapes.items()}


def two_layers():
    return Passes(
        normal(1, X=(6, 5), W1=(5, 4), b1=4, W2=(4, 3), b2=3, dout=(6, 3)) | {"reg": 0.1, "N": 6},
        lines("""
            Z1 = X.dot(W1) + b1
            A1 = np.maximum(0, Z1)
            Z2 = A1.dot(W2) + b2
            H2 = np.tanh(Z2)
        """),
        lines("""
            dZ2 = dout * (1 - H2 ** 2)
            dW2 = A1.T.dot(dZ2) / N + reg * W2
            db2 = np.sum(dZ2, axis=0)
            dA1 = dZ2.dot(W2.T)
            dZ1 = dA1 * (Z1 > 0)
            dW1 = X.T.dot(dZ1) / N + reg * W1
            db1 = np.sum(dZ1, axis=0)
            dX = dZ1.dot(W1.T)
            return dX, dW1, db1, dW2, db2
        """),
    )


def columns():
    draw = np.random.default_rng(2)
    parameters = {"W1": draw.standard_normal((4, 5)), "b1": draw.standard_normal((4, 1))}
    parameters |= {"W2": draw.standard_normal((3, 4)), "b2": draw.standard_normal((3, 1))}
    return Passes(
        {"parameters": parameters, "grads": {}, "m": 6} | normal(3, X=(5, 6), Y=(3, 6)),
        lines("""
            Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
            A1 = np.tanh(Z1)
            Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
            A2 = sigmoid(Z2)
        """),
        lines("""
            dZ2 = A2 - Y
            grads["dW2"] = 1 / m * np.dot(dZ2, A1.T)
            grads["db2"] = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
            dA1 = np.dot(parameters["W2"].T, dZ2)
            dZ1 = np.multiply(dA1, 1 - np.power(A1, 2))
            grads["dW1"] = 1 / m * np.dot(dZ1, X.T)
            grads["db1"] = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
        """),
    )


def batch_norm():
    return Passes(
        normal(4, x=(7, 4), gamma=4, beta=4, dout=(7, 4)) | {"N": 7, "D": 4, "eps": 1e-5},
        lines("""
            mu = x.mean(axis=0)
            xc = x - mu
            v = (xc ** 2).mean(axis=0)
            s = np.sqrt(v + eps)
            xhat = xc / s
            out = gamma * xhat + beta
        """),
        lines("""
            dgamma = (dout * xhat).sum(axis=0)
            dbeta = dout.sum(axis=0)
            dxhat = dout * gamma
            ds = -(dxhat * xc / s ** 2).sum(axis=0)
            dv = ds / (2 * s)
            dxc = dxhat / s + 2 * xc * dv / N
            dmu = -dxc.sum(axis=0)
            dx = dxc + dmu / N
            return dx, dgamma, dbeta
        """),
    )


def closed_batch_norm():
    return Passes(
        normal(5, x=(7, 4), gamma=4, beta=4, dy=(7, 4)) | {"N": 7, "eps": 1e-5},
        lines("""
            mean = np.mean(x, axis=0)
            var = np.var(x, axis=0)
            std = np.sqrt(var + eps)
            x_norm = (x - mean) / std
            y = gamma * x_norm + beta
        """),
        lines("""
            dx_norm = dy * gamma
            dvar = np.sum(dx_norm * (x - mean) * -0.5 * (var + eps) ** -1.5, axis=0)
            dmean = -np.sum(dx_norm / std, axis=0) - 2 * dvar * np.mean(x - mean, axis=0)
            dx = dx_norm / std + dvar * 2 * (x - mean) / N + dmean / N
            dbeta = np.sum(dy, axis=0)
            dgamma = np.sum(dy * x_norm, axis=0)
        """),
    )


def lstm():
    given = normal(6, z=9, c_prev=5, W=(20, 9), b=20, dh_next=5, dc_next=5, dhs=(4, 5), xs=(4, 4), dW=(20, 9), db=20)
    return Passes(
        given | {"t": 2, "H": 5, "dxs": [np.zeros(4)]},
        lines("""
            a = W @ z + b
            i, f, o, g = sigmoid(a[:H]), sigmoid(a[H : 2 * H]), sigmoid(a[2 * H : 3 * H]), np.tanh(a[3 * H :])
            c = f * c_prev + i * g
            h = o * np.tanh(c)
        """),
        lines("""
            dh = dhs[t] + dh_next
            dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
            do, di, dg, df = dh * np.tanh(c), dc * g, dc * i, dc * c_prev
            da = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
            dW += np.outer(da, z)
            db += da
            dz = W.T @ da
            dh_next, dc_next = dz[:H], dc * f
            dxs.insert(0, dz[H:])
        """),
        ("t",),
    )


def gates():
    shapes = {"x": (6, 3), "h_prev": (6, 5), "c_prev": (6, 5), "dh": (6, 5), "dc_next": (6, 5)}
    shapes |= {f"W{gate}": (8, 5) for gate in "ifog"} | {f"b{gate}": 5 for gate in "ifog"}
    return Passes(
        normal(7, **shapes) | {"D": 3},
        lines("""
            xh = np.hstack([x, h_prev])
            i = sigmoid(xh @ Wi + bi)
            f = sigmoid(xh @ Wf + bf)
            o = sigmoid(xh @ Wo + bo)
            g = np.tanh(xh @ Wg + bg)
            c = f * c_prev + i * g
            tanh_c = np.tanh(c)
            h = o * tanh_c
        """),
        lines("""
            do = dh * tanh_c
            dc = dh * o * (1 - tanh_c ** 2) + dc_next
            di = dc * g
            dg = dc * i
            df = dc * c_prev
            dc_prev = dc * f
            dai = di * i * (1 - i)
            daf = df * f * (1 - f)
            dao = do * o * (1 - o)
            dag = dg * (1 - g ** 2)
            dWi = xh.T @ dai
            dWf = xh.T @ daf
            dWo = xh.T @ dao
            dWg = xh.T @ dag
            dbi = dai.sum(axis=0)
            dbf = daf.sum(axis=0)
            dxh = dai @ Wi.T + daf @ Wf.T + dao @ Wo.T + dag @ Wg.T
            dx = dxh[:, :D]
            dh_prev = dxh[:, D:]
            return dx, dh_prev, dc_prev, dWi, dWf, dWo, dWg
        """),
    )


def recurrent():
    given = normal(8, x=(6, 4, 3), h=(6, 4, 5), dh=(6, 4, 5), Wx=(3, 5), Wh=(5, 5), dprev=(6, 5), h0=(6, 5), b=5)
    given |= normal(9, dx=(6, 4, 3), dWx=(3, 5), dWh=(5, 5), db=5) | {"t": 2, "N": 6, "T": 4}
    x, h, Wx, Wh = (given[name] for name in ("x", "h", "Wx", "Wh"))
    given["cache"] = [(x[:, k], h[:, k - 1], Wx, Wh, h[:, k]) for k in range(4)]
    return Passes(
        given,
        lines("""
            a = x[:, t, :] @ Wx + h[:, t - 1, :] @ Wh + b
            h_t = np.tanh(a)
        """),
        lines("""
            dx[:, t, :], dprev = step_backward(dh[:, t, :] + dprev, cache[t])
            dht = dh[:, t, :] + dprev
            da = dht * (1 - h[:, t, :] ** 2)
            dWx += x[:, t, :].T @ da
            dWh += h[:, t - 1, :].T @ da
            db += da.sum(axis=0)
            dx[:, t, :] = da @ Wx.T
            dprev = da @ Wh.T
            return dx, dprev, dWx, dWh, db
        """),
        ("t",),
    )


def attention():
    given = normal(10, x=(6, 5, 3), Wq=(3, 7), Wk=(3, 7), Wv=(3, 8), dout=(6, 5, 8)) | {"d": 7, "N": 6, "T": 5}
    return Passes(
        given,
        lines("""
            q = x @ Wq
            k = x @ Wk
            v = x @ Wv
            scores = q @ np.swapaxes(k, 1, 2) / np.sqrt(d)
            e = np.exp(scores - scores.max(axis=-1, keepdims=True))
            p = e / e.sum(axis=-1, keepdims=True)
            out = p @ v
        """),
        lines("""
            dp = dout @ np.swapaxes(v, 1, 2)
            dv = np.swapaxes(p, 1, 2) @ dout
            dscores = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
            dq = dscores @ k / np.sqrt(d)
            dk = np.swapaxes(dscores, 1, 2) @ q / np.sqrt(d)
            dWq = np.einsum("ntd,nth->dh", x, dq)
            dWk = np.einsum("ntd,nth->dh", x, dk)
            dWv = np.einsum("ntd,nth->dh", x, dv)
            dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
        """),
    )


def embedding():
    given = normal(11, C=(6, 3), W=(3, 4), b=4) | {"ix": np.array([0, 2, 2, 5, 1]), "labels": np.array([1, 0, 3, 2, 2])}
    return Passes(
        given | {"n": 5},
        lines("""
            emb = C[ix]
            hpre = emb @ W + b
            h = np.tanh(hpre)
            top = h.max(axis=1, keepdims=True)
            norm = h - top
            counts = np.exp(norm)
            total = counts.sum(axis=1, keepdims=True)
            probs = counts / total
            logprobs = np.log(probs)
            loss = -logprobs[range(n), labels].mean()
        """),
        lines("""
            dlogprobs = np.zeros_like(logprobs)
            dlogprobs[range(n), labels] = -1.0 / n
            dprobs = dlogprobs / probs
            dtotal = (-dprobs * counts / total**2).sum(axis=1, keepdims=True)
            dcounts = dprobs / total + dtotal
            dnorm = dcounts * counts
            dtop = -dnorm.sum(axis=1, keepdims=True)
            dh = dnorm + (h == top) * dtop
            dhpre = dh * (1 - h**2)
            dW = emb.T @ dhpre
            db = dhpre.sum(0)
            demb = dhpre @ W.T
            dC = np.zeros_like(C)
            np.add.at(dC, ix, demb)
        """),
    )


def dropout():
    draw = np.random.default_rng(12)
    given = normal(13, x=(6, 5), W=(5, 4), b=4, dout=(6, 4)) | {"mask": draw.random((6, 4)) > 0.4, "keep": 0.6}
    return Passes(
        given,
        lines("""
            z = x @ W + b
            a = np.where(z > 0, z, 0.1 * z)
            out = a * mask / keep
        """),
        lines("""
            da = dout * mask / keep
            dz = da * np.where(z > 0, 1, 0.1)
            dW = np.dot(x.T, dz)
            db = np.sum(dz, axis=0)
            dx = np.dot(dz, W.T)
        """),
    )


def images():
    given = normal(14, x=(2, 3, 5, 4), gamma=(1, 3, 1, 1), beta=(1, 3, 1, 1), dout=(2, 3, 5, 4))
    return Passes(
        given,
        lines("""
            N, C, H, W = x.shape
            xhat = np.tanh(x)
            out = gamma * xhat + beta
        """),
        lines("""
            dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
            dgamma = np.sum(dout * xhat, axis=(0, 2, 3), keepdims=True)
            dxhat = dout * gamma
            dx = dxhat * (1 - xhat ** 2)
        """),
    )


def layer_norm():
    return Passes(
        normal(16, x=(6, 5), g=5, b=5, dout=(6, 5)) | {"eps": 1e-5},
        lines("""
            N, D = x.shape
            mu = np.mean(x, axis=1, keepdims=True)
            var = np.var(x, axis=1, keepdims=True)
            inv = 1 / np.sqrt(var + eps)
            xn = (x - mu) * inv
            y = g * xn + b
        """),
        lines("""
            dg = np.sum(dout * xn, axis=0)
            db = np.sum(dout, axis=0)
            dxn = dout * g
            dvar = -0.5 * np.sum(dxn * (x - mu), axis=1, keepdims=True) * inv ** 3
            dmu = -np.sum(dxn * inv, axis=1, keepdims=True)
            dx = dxn * inv + 2 * dvar * (x - mu) / D + dmu / D
        """),
    )


def layer():
    given = normal(17, W=(4, 3), b=4, x=(5, 3), dout=(5, 4)) | {"labels": np.array([0, 3, 1, 1, 2])}
    self = SimpleNamespace(**{name: given.pop(name) for name in ("W", "b", "x")})
    self.dW = np.zeros((4, 3))
    return Passes(
        given | {"self": self},
        lines("""
            self.z = self.x @ self.W.T + self.b
            self.h = sigmoid(self.z)
            self.p = np.exp(self.h) / np.exp(self.h).sum(axis=1, keepdims=True)
            loss = -np.log(self.p[np.arange(len(labels)), labels]).mean()
        """),
        lines("""
            dscores = self.p.copy()
            dscores[np.arange(len(labels)), labels] -= 1
            dscores = dscores / len(labels)
            dh = dscores
            dz = dh * self.h * (1 - self.h)
            self.dW = dz.T @ self.x
            self.db = dz.sum(axis=0)
            dx = dz @ self.W
        """),
    )


def gru():
    shapes = {"x": 3, "h": 5, "dh_next": 5} | {f"W{k}": (5, 3) for k in "zrh"} | {f"U{k}": (5, 5) for k in "zrh"}
    return Passes(
        normal(18, **shapes),
        lines("""
            z = sigmoid(np.dot(Wz, x) + np.dot(Uz, h))
            r = sigmoid(np.dot(Wr, x) + np.dot(Ur, h))
            rh = r * h
            n = np.tanh(np.dot(Wh, x) + np.dot(Uh, rh))
            h_next = (1 - z) * h + z * n
        """),
        lines("""
            dn = dh_next * z
            dz = dh_next * (n - h)
            dan = dn * (1 - n ** 2)
            drh = np.dot(Uh.T, dan)
            dr = drh * h
            daz = dz * z * (1 - z)
            dar = dr * r * (1 - r)
            dUh = np.outer(dan, rh)
            dUz = np.outer(daz, h)
            dWz = np.outer(daz, x)
            dh = dh_next * (1 - z) + drh * r + np.dot(Uz.T, daz) + np.dot(Ur.T, dar)
            dx = np.dot(Wz.T, daz) + np.dot(Wr.T, dar) + np.dot(Wh.T, dan)
        """),
    )


def largest():
    return Passes(
        normal(15, x=(6, 5), dout=(6, 1)),
        lines("""
            m = np.max(x, axis=1, keepdims=True)
            out = np.exp(m)
        """),
        lines("""
            dm = dout * out
            dx = dm * (x == m)
        """),
    )


PASSES = {
    build.__name__: build
    for build in (
        two_layers, columns, batch_norm, closed_batch_norm, lstm, gates, recurrent, attention, embedding, dropout,
        images, largest, layer_norm, layer, gru,
    )
}  # fmt: skip


class Bench:
    """A case set up: its scope, and whether a statement does what the intended one does."""

    def __init__(self, case):
        passes = PASSES[case.passes]()
        self.names = {"np": np, "sigmoid": sigmoid, "relu": relu, "step_backward": step_backward}
        self.state = dict(passes.given)
        at = passes.backward.index(case.intended)
        for statement in [*passes.forward, *passes.backward[:at]]:
            exec(statement, self.names, self.state)
        values = {"sigmoid": sigmoid, "relu": relu, "step_backward": step_backward} | self.state
        for name, value in self.state.items():
            if isinstance(value, dict):
                values |= {f'{name}["{key}"]': inner for key, inner in value.items()}
            if isinstance(value, SimpleNamespace):
                values |= {f"{name}.{key}": inner for key, inner in vars(value).items()}
        others = [statement for statement in passes.backward if statement != case.intended]
        self.scope = Scope(values, self.sizes(), others, passes.forward, passes.loop_variables)
        self.set = self.names_set(case.intended)
        for name, value in values.items():
            if isinstance(value, np.ndarray) and name not in self.set:
                value.flags.writeable = False  # an edit that writes elsewhere fails
        self.expected = self.after(case.intended)

    def names_set(self, statement):
        """The names that a statement sets, or whose arrays it changes."""
        tree = ast.parse(statement).body[0]
        if isinstance(tree, ast.Expr):
            return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"dC", "dxs"}
        targets = tree.targets if isinstance(tree, ast.Assign) else [getattr(tree, "target", ast.Constant(0))]
        nodes = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        return {node.id for node in nodes} - {"t", "ix", "range", "n", "labels", "np", "len"}

    def sizes(self):
        """Whole numbers of the scope, by name and by shape."""
        found = {name: value for name, value in self.state.items() if isinstance(value, int) and name != "t"}
        for name, value in self.state.items():
            if isinstance(value, np.ndarray):
                found |= {f"{name}.shape[{axis}]": size for axis, size in enumerate(value.shape)}
        return found

    def after(self, statement):
        """What a statement sets or returns."""
        state = self.state | {name: copy.deepcopy(self.state[name]) for name in self.set if name in self.state}
        if statement.startswith("return"):
            return eval(statement.removeprefix("return "), self.names, state)
        exec(statement, self.names, state)
        return {name: state[name] for name in self.set}

    def fits(self, statement):
        """Whether a statement does what the intended one does."""
        try:
            with np.errstate(all="ignore"):
                return same(self.after(statement), self.expected)
        except Exception:
            return False


def same(one, two):
    """Whether two values are equal up to rounding."""
    if isinstance(one, dict):
        return isinstance(two, dict) and one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return isinstance(two, list | tuple) and len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, SimpleNamespace):
        return same(vars(one), vars(two))
    if np.shape(one) != np.shape(two):
        return False
    return bool(np.all(np.abs(np.asarray(one) - two) <= 1e-12 + 1e-9 * np.abs(two)))
