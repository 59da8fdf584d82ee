# Log-likelihoods, filters and a VAE: gradients worked out with matrix calculus (d log|S| = tr(S^-1 dS), ...)
import numpy as np
from numpy.linalg import inv, slogdet, solve


def gauss_nll_forward(X, mu, S):
    """Negative log-likelihood of rows of X under N(mu, S); S any invertible matrix with positive determinant."""
    N, D = X.shape
    Xc = X - mu
    P = inv(S)
    _, logdet = slogdet(S)
    quad = np.einsum('ni,ij,nj->', Xc, P, Xc)
    nll = 0.5 * quad + 0.5 * N * logdet + 0.5 * N * D * np.log(2 * np.pi)
    return nll, (Xc, P)


def gauss_nll_backward(cache):
    Xc, P = cache
    N = len(Xc)
    dP = 0.5 * Xc.T @ Xc
    dS = -P.T @ dP @ P.T + 0.5 * N * P.T
    dXc = 0.5 * Xc @ (P + P.T)
    dX = dXc
    dmu = -dXc.sum(axis=0)
    return dX, dmu, dS


def gp_forward(ls, sf, sn, X, y):
    """Gaussian process log marginal likelihood with the RBF kernel."""
    D2 = ((X[:, None, :] - X[None, :, :]) ** 2).sum(-1)
    Kf = sf**2 * np.exp(-0.5 * D2 / ls**2)
    K = Kf + sn**2 * np.eye(len(X))
    alpha = solve(K, y)
    lml = -0.5 * y @ alpha - 0.5 * slogdet(K)[1] - 0.5 * len(X) * np.log(2 * np.pi)
    return lml, (D2, Kf, K, alpha)


def gp_backward(ls, sf, sn, cache):
    D2, Kf, K, alpha = cache
    dL_dK = 0.5 * (np.outer(alpha, alpha) - inv(K))
    dL_dKf = dL_dK
    dL_dls = np.sum(dL_dKf * Kf * D2) / ls**3
    dL_dsf = np.sum(dL_dKf * Kf) * 2 / sf
    dL_dsn = 2 * sn * np.trace(dL_dK)
    return dL_dls, dL_dsf, dL_dsn


def kalman_step_forward(m, P, A, Q, H, R, y):
    """Predict and update; returns the new mean, the new covariance, the log-likelihood of y."""
    mp = A @ m
    Pp = A @ P @ A.T + Q
    e = y - H @ mp
    S = H @ Pp @ H.T + R
    Si = inv(S)
    PH = Pp @ H.T
    G = PH @ Si
    m_new = mp + G @ e
    P_new = Pp - G @ PH.T
    ll = -0.5 * (e @ Si @ e + slogdet(S)[1])
    return m_new, P_new, ll, (m, P, A, H, mp, Pp, e, Si, PH, G)


def kalman_step_backward(dm_new, dP_new, dll, cache):
    m, P, A, H, mp, Pp, e, Si, PH, G = cache
    # P_new = Pp - G PH',  m_new = mp + G e
    dG = np.outer(dm_new, e) - dP_new @ PH
    dPH = -dP_new.T @ G + dG @ Si.T
    dSi = PH.T @ dG - 0.5 * dll * np.outer(e, e)
    dS = -Si.T @ dSi @ Si.T - 0.5 * dll * Si.T
    dPp = dP_new + dPH @ H + H.T @ dS @ H
    de = G.T @ dm_new - 0.5 * dll * (Si + Si.T) @ e
    dmp = dm_new - H.T @ de
    dR = dS
    dH = dPH.T @ Pp + dS @ H @ Pp.T + dS.T @ H @ Pp - np.outer(de, mp)
    dQ = dPp
    dP = A.T @ dPp @ A
    dA = dPp @ A @ P.T + dPp.T @ A @ P + np.outer(dmp, m)
    dm = A.T @ dmp
    dy = de
    return dm, dP, dA, dQ, dH, dR, dy


def vae_forward(x, We, be, Wm, bm, Ws, bs, Wd, bd, noise):
    # encoder
    h = np.tanh(x @ We + be)
    mean = h @ Wm + bm
    logvar = h @ Ws + bs
    # sample
    std = np.exp(0.5 * logvar)
    z = mean + std * noise
    # Bernoulli decoder
    logits = z @ Wd + bd
    xr = 1 / (1 + np.exp(-logits))
    rec = -np.sum(x * np.log(xr) + (1 - x) * np.log(1 - xr))
    kl = -0.5 * np.sum(1 + logvar - mean**2 - np.exp(logvar))
    loss = (rec + kl) / len(x)
    cache = (x, h, mean, logvar, std, z, logits, xr, noise, We, Wm, Ws, Wd)
    return loss, cache


def vae_backward(cache):
    x, h, mean, logvar, std, z, logits, xr, noise, We, Wm, Ws, Wd = cache
    n = len(x)
    dlogits = (xr - x) / n
    dWd = z.T @ dlogits
    dbd = dlogits.sum(0)
    dz = dlogits @ Wd.T
    dmean = dz + mean / n
    dstd = dz * noise
    dlogvar = dstd * 0.5 * std + 0.5 * (np.exp(logvar) - 1) / n
    dWm = h.T @ dmean
    dbm = dmean.sum(0)
    dWs = h.T @ dlogvar
    dbs = dlogvar.sum(0)
    dh = dmean @ Wm.T + dlogvar @ Ws.T
    da = dh * (1 - h**2)
    dWe = x.T @ da
    dbe = da.sum(0)
    dx = da @ We.T - logits / n
    return dx, dWe, dbe, dWm, dbm, dWs, dbs, dWd, dbd


def mixture_nll(logits, means, log_scales, x):
    """1-D mixture of Gaussians: K components, N points"""
    N = x.shape[0]
    logpi = logits - np.log(np.sum(np.exp(logits)))
    u = (x[:, None] - means) * np.exp(-log_scales)
    logp = logpi - 0.5 * u**2 - log_scales - 0.5 * np.log(2 * np.pi)
    top = logp.max(axis=1, keepdims=True)
    lse = top[:, 0] + np.log(np.exp(logp - top).sum(axis=1))
    loss = -lse.mean()

    resp = np.exp(logp - lse[:, None])
    dlogp = -resp / N
    dlogpi = dlogp.sum(axis=0)
    dlogits = dlogpi - np.exp(logpi) * dlogpi.sum()
    du = -dlogp * u
    dmeans = -(du * np.exp(-log_scales)).sum(axis=0)
    dlog_scales = -(du * u).sum(axis=0) - dlogp.sum(axis=0)
    dx = (du * np.exp(-log_scales)).sum(axis=1)
    return loss, (dlogits, dmeans, dlog_scales, dx)


def hmm_forward(log_pi, log_A, log_B):
    """log-likelihood of one sequence; log_B: (T, K) emission scores. Scores need not be normalised."""
    T, K = log_B.shape
    alpha = np.zeros((T, K))
    alpha[0] = log_pi + log_B[0]
    for t in range(1, T):
        for k in range(K):
            v = alpha[t - 1] + log_A[:, k]
            alpha[t, k] = log_B[t, k] + np.log(np.sum(np.exp(v - v.max()))) + v.max()
    ll = np.log(np.sum(np.exp(alpha[-1] - alpha[-1].max()))) + alpha[-1].max()
    return ll, (log_A, log_B, alpha, ll)


def hmm_backward(cache):
    # forward-backward: the adjoint of alpha is the posterior
    log_A, log_B, alpha, ll = cache
    T, K = log_B.shape
    dalpha = np.zeros((T, K))
    dlog_A = np.zeros((K, K))
    dlog_B = np.zeros((T, K))
    dalpha[-1] = np.exp(alpha[-1] - ll)
    for t in range(T - 1, 0, -1):
        dlog_B[t] = dalpha[t]
        w = np.exp(alpha[t - 1][:, None] + log_A - (alpha[t] - log_B[t]))
        xi = w * dalpha[t]
        dlog_A += xi
        dalpha[t - 1] = xi.sum(axis=1)
    dlog_B[0] = dalpha[0]
    dlog_pi = dalpha[0]
    return dlog_pi, dlog_A, dlog_B


def spd(r, n):
    a = r.standard_normal((n, n))
    return a @ a.T + n * np.eye(n)


def example_gauss_nll():
    r = np.random.default_rng(0)
    return r.standard_normal((5, 3)), r.standard_normal(3), spd(r, 3) + 0.2 * r.standard_normal((3, 3))


def example_gp():
    r = np.random.default_rng(1)
    return 0.8, 1.3, 0.4, r.standard_normal((6, 2)), r.standard_normal(6)


def example_kalman_step():
    r = np.random.default_rng(2)
    return (r.standard_normal(3), spd(r, 3), r.standard_normal((3, 3)), spd(r, 3), r.standard_normal((2, 3)),
            spd(r, 2), r.standard_normal(2))


def example_vae():
    r = np.random.default_rng(3)
    n, d, h, k = 4, 5, 6, 2
    return (r.random((n, d)), r.standard_normal((d, h)), r.standard_normal(h), r.standard_normal((h, k)),
            r.standard_normal(k), 0.5 * r.standard_normal((h, k)), 0.5 * r.standard_normal(k),
            r.standard_normal((k, d)), r.standard_normal(d), r.standard_normal((n, k)))


def example_mixture_nll():
    r = np.random.default_rng(4)
    return r.standard_normal(3), r.standard_normal(3), 0.3 * r.standard_normal(3), r.standard_normal(7)


def example_hmm():
    r = np.random.default_rng(5)
    return r.standard_normal(3), r.standard_normal((3, 3)), r.standard_normal((4, 3))
