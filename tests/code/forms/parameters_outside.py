"""Functions whose parameters stand outside of them: a language model over letters, and a small net."""

import numpy as np

text = "the quick brown fox jumps"
letters = sorted(set(text))
index_of = {letter: k for k, letter in enumerate(letters)}
hidden, steps = 6, 4
generator = np.random.RandomState(3)
U = generator.randn(hidden, len(letters)) * 0.4
W = generator.randn(hidden, hidden) * 0.4
V = generator.randn(len(letters), hidden) * 0.4
b, c = np.full((hidden, 1), 0.1), np.full((len(letters), 1), -0.2)


def letters_loss(inputs, targets, before):
    """Loss, derivatives and the last state."""
    x, h, p = {}, {-1: before}, {}
    loss = 0.0
    for t in range(len(inputs)):
        x[t] = np.zeros((len(letters), 1))
        x[t][inputs[t]] = 1
        h[t] = np.tanh(U @ x[t] + W @ h[t - 1] + b)
        scores = V @ h[t] + c
        p[t] = np.exp(scores) / np.exp(scores).sum()
        loss -= np.log(p[t][targets[t], 0])
    dU, dW, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
    db, dc = np.zeros_like(b), np.zeros_like(c)
    dnext = np.zeros_like(before)
    for t in range(len(inputs) - 1, -1, -1):
        dscores = p[t].copy()
        dscores[targets[t]] -= 1
        dV += dscores @ h[t].T
        dc += dscores
        dh = V.T @ dscores + dnext
        draw = dh * (1 - h[t] ** 2)
        dU += draw @ x[t].T
        dW += draw @ h[t - 1].T
        db += draw
        dnext = W.T @ draw
    for gradient in (dU, dW, dV, db, dc):
        np.clip(gradient, -5, 5, out=gradient)
    return loss, dU, dW, dV, db, dc, h[len(inputs) - 1]


def example_letters_loss():
    own = np.random.RandomState(8)
    rows = [index_of[letter] for letter in text]
    return rows[:steps], rows[1 : steps + 1], 0.3 * own.randn(hidden, 1)


weights = {"w1": generator.randn(3, 5), "w2": generator.randn(5, 2)}
shift = generator.randn(5)


def net_forward(x):
    h = np.tanh(x @ weights["w1"] + shift)
    return h @ weights["w2"], (x, h)


def net_backward(dout, cache):
    x, h = cache
    grads = {"w2": h.T @ dout}
    dh = dout @ weights["w2"].T
    da = dh * (1 - h**2)
    grads["w1"] = x.T @ da
    dshift = da.sum(axis=0)
    return da @ weights["w1"].T, grads, dshift


def example_net():
    own = np.random.RandomState(8)
    return (own.randn(4, 3),)


def softmax_word_loss(centreWordVec, outsideIdx, outsideVectors):
    scores = outsideVectors @ centreWordVec
    e = np.exp(scores - scores.max())
    guess = e / e.sum()
    loss = -np.log(guess[outsideIdx])
    delta = guess.copy()
    delta[outsideIdx] -= 1
    gradCentreVec = outsideVectors.T @ delta
    gradOutsideVecs = np.outer(delta, centreWordVec)
    return loss, gradCentreVec, gradOutsideVecs


def example_softmax_word_loss():
    own = np.random.RandomState(8)
    return own.randn(3), 2, own.randn(6, 3)


def sampled_word_loss(centreWordVec, outsideIdx, outsideVectors, negatives):
    target = outsideVectors[outsideIdx]
    z = 1 / (1 + np.exp(-target @ centreWordVec))
    loss = -np.log(z)
    gradCentreVec = (z - 1) * target
    gradOutsideVecs = np.zeros_like(outsideVectors)
    gradOutsideVecs[outsideIdx] += (z - 1) * centreWordVec
    for k in negatives:
        other = outsideVectors[k]
        zk = 1 / (1 + np.exp(other @ centreWordVec))
        loss -= np.log(zk)
        gradCentreVec += (1 - zk) * other
        gradOutsideVecs[k] += (1 - zk) * centreWordVec
    return loss, gradCentreVec, gradOutsideVecs


def example_sampled_word_loss():
    own = np.random.RandomState(8)
    return own.randn(3), 2, own.randn(6, 3), [1, 4, 4, 0]
