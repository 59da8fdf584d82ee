"""Embeddings and similarities (notes to a blog post)"""
import numpy as np

# --- L2 normalisation -----------------------------------------------------------------------

def l2_normalize_forward(x, eps=1e-8):
    sq = np.sum(x**2, axis=1, keepdims=True)
    norm = np.sqrt(sq + eps)
    y = x / norm
    return y, (x, norm, y)

def l2_normalize_backward(dL_dy, cache):
    x, norm, y = cache
    dL_dx = (dL_dy - y * np.sum(dL_dy * y, axis=1, keepdims=True)) / norm
    return dL_dx

# --- cosine similarity ----------------------------------------------------------------------

def cosine_forward(a, b):
    dot = np.sum(a * b, axis=1)
    na = np.linalg.norm(a, axis=1)
    nb = np.linalg.norm(b, axis=1)
    cos = dot / (na * nb)
    return cos, (a, b, dot, na, nb, cos)

def cosine_backward(dL_dcos, cache):
    a, b, dot, na, nb, cos = cache
    dL_ddot = dL_dcos / (na * nb)
    dL_dna = -dL_dcos * cos / na
    dL_dnb = -dL_dcos * cos / nb
    dL_da = dL_ddot[:, None] * b + (dL_dna / na)[:, None] * a
    dL_db = dL_ddot[:, None] * a + (dL_dnb / nb)[:, None] * b
    return dL_da, dL_db

# --- InfoNCE with a learned temperature -----------------------------------------------------

def info_nce_forward(za, zb, log_tau):
    na = np.sqrt((za * za).sum(1, keepdims=True))
    nb = np.sqrt((zb * zb).sum(1, keepdims=True))
    ua, ub = za / na, zb / nb
    S = ua @ ub.T
    tau = np.exp(log_tau)
    L = S / tau
    n = len(L)
    P = np.exp(L - L.max(1, keepdims=True))
    P = P / P.sum(1, keepdims=True)
    loss = -np.mean(np.log(np.diag(P)))
    return loss, (na, nb, ua, ub, S, tau, P, n)

def info_nce_backward(cache):
    na, nb, ua, ub, S, tau, P, n = cache
    dL = (P - np.eye(n)) / n
    dS = dL / tau
    dlog_tau = -np.sum(dL * S) / tau
    dua = dS @ ub
    dub = dS.T @ ua
    dza = (dua - ua * (ua * dua).sum(1, keepdims=True)) / na
    dzb = (dub - ub * (ub * dub).sum(1, keepdims=True)) / nb
    return dza, dzb, dlog_tau

# --- word2vec, skip-gram with negative samples ----------------------------------------------

def neg_sampling_loss(center, outside, negatives, V_in, V_out):
    sigmoid = lambda s: 1 / (1 + np.exp(-s))
    grad_V_in = np.zeros_like(V_in)
    grad_V_out = np.zeros_like(V_out)
    v = V_in[center]
    p = sigmoid(V_out[outside] @ v)
    loss = -np.log(p)
    grad_v = (p - 1) * V_out[outside]
    grad_V_out[outside] += (p - 1) * v
    for k in negatives:                # a word may come twice
        q = sigmoid(-V_out[k] @ v)
        loss -= np.log(q)
        grad_v += (1 - q) * V_out[k]
        grad_V_out[k] += (1 - q) * v
    grad_V_in[center] = grad_v
    return loss, grad_V_in, grad_V_out

# --- pairwise squared distances by the binomial formula, RBF kernel regression --------------

def rbf_net_forward(X, C, w, log_gamma):
    D = (X**2).sum(1)[:, None] - 2 * X @ C.T + (C**2).sum(1)
    gamma = np.exp(log_gamma)
    Phi = np.exp(-gamma * D)
    f = Phi @ w
    return f, (X, C, w, D, gamma, Phi)

def rbf_net_backward(df, cache):
    X, C, w, D, gamma, Phi = cache
    dw = Phi.T @ df
    dPhi = np.outer(df, w)
    dD = -gamma * dPhi * Phi
    dgamma = -np.sum(dPhi * Phi * D)
    dlog_gamma = dgamma * gamma
    dX = 2 * X * dD.sum(1, keepdims=True) - 2 * dD @ C
    dC = 2 * C * dD.sum(0)[:, None] - 2 * dD.T @ X
    return dX, dC, dw, dlog_gamma


def example_l2_normalize():
    return (np.random.RandomState(0).randn(4, 3),)

def example_cosine():
    r = np.random.RandomState(1)
    return r.randn(5, 3), r.randn(5, 3)

def example_info_nce():
    r = np.random.RandomState(2)
    return r.randn(4, 3), r.randn(4, 3), -0.5

def example_neg_sampling_loss():
    r = np.random.RandomState(3)
    return 2, 4, [1, 5, 1, 0], r.randn(6, 3), r.randn(6, 3)

def example_rbf_net():
    r = np.random.RandomState(4)
    return 0.7 * r.randn(5, 2), 0.7 * r.randn(3, 2), r.randn(3), -0.3
