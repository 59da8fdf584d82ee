# Echo of a bit sequence with a vanilla RNN: lists over time, one script
import numpy as np

rng = np.random.RandomState(42)
T, N, D, H = 5, 3, 2, 4

x = rng.randn(T, N, D)
target = rng.randn(T, N)
Wxh = rng.randn(D, H) * 0.7
Whh = rng.randn(H, H) * 0.6
bh = rng.randn(H) * 0.3
Why = rng.randn(H) * 0.8
by = 0.25
h0 = rng.randn(N, H) * 0.5

h = [h0]
y = []
for t in range(T):
    h.append(np.tanh(x[t] @ Wxh + h[t] @ Whh + bh))
    y.append(h[t + 1] @ Why + by)
Y = np.array(y)
E = Y - target
loss = np.mean(E ** 2) + 0.01 * np.sum(Whh ** 2)

dE = 2 * E / E.size
dY = dE
dtarget = -dE
dx = np.zeros_like(x)
dWxh = np.zeros_like(Wxh)
dWhh = 2 * 0.01 * Whh
dbh = np.zeros_like(bh)
dWhy = np.zeros_like(Why)
dby = 0.0
carry = np.zeros((N, H))
for t in reversed(range(T)):
    dWhy += dY[t] @ h[t + 1]
    dby += dY[t].sum()
    total = np.outer(dY[t], Why) + carry
    pre = total * (1 - h[t + 1] ** 2)
    dWxh += x[t].T @ pre
    dWhh += h[t].T @ pre
    dbh += pre.sum(axis=0)
    dx[t] = pre @ Wxh.T
    carry = pre @ Whh.T
dh0 = carry
