# %% [markdown]
# One block: attention with one head, residual, layer norm, feed-forward. Cells of a notebook.

# %%
import numpy as np

rng = np.random.default_rng(0)
T, C, F, K = 4, 6, 5, 3
X = rng.standard_normal((T, C))
Wq, Wk, Wv = (rng.standard_normal((C, C)) * 0.4 for _ in range(3))
g, b = 1 + 0.3 * rng.standard_normal(C), 0.3 * rng.standard_normal(C)
W1, c1 = rng.standard_normal((C, F)), rng.standard_normal(F)
W2, c2 = rng.standard_normal((F, K)), rng.standard_normal(K)
labels = np.array([2, 0, 0, 1])

# %%
Q, K_, V = X @ Wq, X @ Wk, X @ Wv
S = Q @ K_.T / np.sqrt(C)
S_masked = S + np.triu(np.full((T, T), -1e9), 1)
expS = np.exp(S_masked - S_masked.max(axis=1, keepdims=True))
A = expS / expS.sum(axis=1, keepdims=True)
R = X + A @ V
mu = R.mean(axis=1, keepdims=True)
Rc = R - mu
sd = np.sqrt((Rc**2).mean(axis=1, keepdims=True) + 1e-6)
xhat = Rc / sd
N = xhat * g + b
Hid = N @ W1 + c1
Act = np.maximum(Hid, 0)
logits = Act @ W2 + c2
p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
loss = -np.log(p[np.arange(T), labels]).sum()

# %%
dlogits = p - np.eye(K)[labels]
dW2, dc2 = Act.T @ dlogits, dlogits.sum(axis=0)
dAct = dlogits @ W2.T
dHid = np.where(Hid > 0, dAct, 0)
dW1, dc1 = N.T @ dHid, dHid.sum(axis=0)
dN = dHid @ W1.T
dg, db = (dN * xhat).sum(axis=0), dN.sum(axis=0)
dxhat = dN * g
dsd = -(dxhat * Rc).sum(axis=1, keepdims=True) / sd**2
dRc = dxhat / sd + dsd * Rc / (sd * C)
dmu = -dRc.sum(axis=1, keepdims=True)
dR = dRc + dmu / C

# %%
dA = dR @ V.T
dV = A.T @ dR
dS_masked = A * (dA - (A * dA).sum(axis=1, keepdims=True))
dS = dS_masked
dQ = dS @ K_ / np.sqrt(C)
dK_ = dS.T @ Q / np.sqrt(C)
dWq, dWk, dWv = X.T @ dQ, X.T @ dK_, X.T @ dV
dX = dR + dQ @ Wq.T + dK_ @ Wk.T + dV @ Wv.T
