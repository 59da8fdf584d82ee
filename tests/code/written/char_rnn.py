"""
Character-level vanilla RNN, one sequence at a time. Column vectors, lists (dicts) over time.
"""
import numpy as np

vocab_size = 6
hidden_size = 4


def lossFun(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
    """One pass over a piece of text (two lists of indices); also returns the state to go on from."""
    T = len(inputs)
    xs, hs, ys, ps = {}, {-1: hprev}, {}, {}
    loss = 0.0
    for t in range(T):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1.0
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        ys[t] = Why @ hs[t] + by
        e = np.exp(ys[t] - ys[t].max())
        ps[t] = e / e.sum()
        loss -= np.log(ps[t][targets[t], 0])

    dWxh, dWhh, dWhy = map(np.zeros_like, (Wxh, Whh, Why))
    dbh, dby = np.zeros(bh.shape), np.zeros(by.shape)
    dhnext = np.zeros(hprev.shape)
    for t in range(T - 1, -1, -1):
        dy = ps[t].copy()
        dy[targets[t]] -= 1.0
        dby += dy
        dWhy += dy @ hs[t].T
        dh = Why.T @ dy + dhnext
        draw = dh * (1.0 - hs[t] ** 2)
        dbh += draw
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dhnext = Whh.T @ draw

    # exploding gradients
    for d in (dWxh, dWhh, dWhy, dbh, dby):
        np.clip(d, -5, 5, out=d)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[T - 1]


def example_lossFun():
    rng = np.random.RandomState(0)
    inputs = [0, 3, 3, 5, 1]
    targets = [3, 3, 5, 1, 2]
    hprev = rng.randn(hidden_size, 1) * 0.5
    Wxh = rng.randn(hidden_size, vocab_size) * 0.6
    Whh = rng.randn(hidden_size, hidden_size) * 0.5
    Why = rng.randn(vocab_size, hidden_size) * 0.4
    bh = rng.randn(hidden_size, 1) * 0.1
    by = rng.randn(vocab_size, 1) * 0.1
    return inputs, targets, hprev, Wxh, Whh, Why, bh, by


# ------------------------------------------------------------------------------------------
# The same as a class with lists, forward and backward kept apart

class CharRNN:
    def __init__(self, n_vocab, n_hidden, rng):
        self.U = rng.randn(n_hidden, n_vocab) * 0.5
        self.W = rng.randn(n_hidden, n_hidden) * 0.5
        self.V = rng.randn(n_vocab, n_hidden) * 0.5
        self.b = rng.randn(n_hidden) * 0.2
        self.c = rng.randn(n_vocab) * 0.2

    def forward(self, X, Y, s0):
        T = len(X)
        self.X, self.Y, self.s0 = X, Y, s0
        self.s = []
        self.o = []
        self.L = 0.0
        prev = s0
        for t in range(T):
            a = self.b + self.U[:, X[t]] + self.W.dot(prev)
            prev = np.tanh(a)
            self.s.append(prev)
            z = self.c + self.V.dot(prev)
            e = np.exp(z - z.max())
            self.o.append(e / e.sum())
            self.L -= np.log(self.o[t][Y[t]])
        return self.L

    def backward(self):
        self.dU = np.zeros(self.U.shape)
        self.dW = np.zeros(self.W.shape)
        self.dV = np.zeros(self.V.shape)
        self.db = np.zeros(self.b.shape)
        self.dc = np.zeros(self.c.shape)
        carry = np.zeros(self.b.shape)
        for t in range(len(self.X))[::-1]:
            dz = self.o[t].copy()
            dz[self.Y[t]] -= 1.0
            self.dV += np.outer(dz, self.s[t])
            self.dc += dz
            ds = self.V.T.dot(dz) + carry
            da = ds * (1 - self.s[t] ** 2)
            self.db += da
            self.dU[:, self.X[t]] += da
            before = self.s[t - 1] if t > 0 else self.s0
            self.dW += np.outer(da, before)
            carry = self.W.T.dot(da)


def example_CharRNN():
    rng = np.random.RandomState(7)
    return CharRNN(5, 3, rng), ([0, 4, 4, 2], [4, 4, 2, 1], rng.randn(3))
