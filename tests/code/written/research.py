"""Pieces that papers need: sampling, rendering, transport, alignment, policies, graphs, tensors."""
import numpy as np


def bilinear_sample_forward(img, px, py):
    """img: (H, W, C); px, py: (n,) in pixels, inside"""
    x0 = np.floor(px).astype(int)
    y0 = np.floor(py).astype(int)
    fx = px - x0
    fy = py - y0
    I00, I01 = img[y0, x0], img[y0, x0 + 1]
    I10, I11 = img[y0 + 1, x0], img[y0 + 1, x0 + 1]
    top = I00 + fx[:, None] * (I01 - I00)
    bot = I10 + fx[:, None] * (I11 - I10)
    out = top + fy[:, None] * (bot - top)
    return out, (img.shape, x0, y0, fx, fy, I00, I01, I10, I11, top, bot)


def bilinear_sample_backward(dLdout, cache):
    shape, x0, y0, fx, fy, I00, I01, I10, I11, top, bot = cache
    dLdbot = dLdout * fy[:, None]
    dLdtop = dLdout * (1 - fy[:, None])
    dLdfy = np.sum(dLdout * (bot - top), axis=1)
    dLdfx = np.sum(dLdtop * (I01 - I00) + dLdbot * (I11 - I10), axis=1)
    dLdimg = np.zeros(shape)
    np.add.at(dLdimg, (y0, x0), dLdtop * (1 - fx[:, None]))
    np.add.at(dLdimg, (y0, x0 + 1), dLdtop * fx[:, None])
    np.add.at(dLdimg, (y0 + 1, x0), dLdbot * (1 - fx[:, None]))
    np.add.at(dLdimg, (y0 + 1, x0 + 1), dLdbot * fx[:, None])
    dLdpx = dLdfx
    dLdpy = dLdfy
    return dLdimg, dLdpx, dLdpy


def render_forward(sigma, color, delta):
    """Volume rendering. sigma, delta: (rays, samples), color: (rays, samples, 3)"""
    tau = sigma * delta
    alpha = 1 - np.exp(-tau)
    acc = np.cumsum(tau, axis=1)
    trans = np.exp(-(acc - tau))
    weight = trans * alpha
    rgb = np.einsum("rs,rsc->rc", weight, color)
    return rgb, (sigma, color, delta, tau, alpha, trans, weight)


def render_backward(grad_rgb, cache):
    sigma, color, delta, tau, alpha, trans, weight = cache
    grad_weight = np.einsum("rc,rsc->rs", grad_rgb, color)
    grad_color = weight[:, :, None] * grad_rgb[:, None, :]
    grad_alpha = grad_weight * trans
    grad_trans = grad_weight * alpha
    grad_acc = -grad_trans * trans
    # reverse cumulative sum
    grad_tau = np.cumsum(grad_acc[:, ::-1], axis=1)[:, ::-1] - grad_acc + grad_alpha * np.exp(-tau)
    grad_sigma = grad_tau * delta
    grad_delta = grad_tau * sigma
    return grad_sigma, grad_color, grad_delta


def sinkhorn_forward(C, a, b, eps, n_iter):
    K = np.exp(-C / eps)
    u = np.ones_like(a)
    us, vs = [u], []
    for _ in range(n_iter):
        v = b / (K.T @ u)
        u = a / (K @ v)
        vs.append(v)
        us.append(u)
    P = u[:, None] * K * v[None, :]
    cost = np.sum(P * C)
    return cost, (C, a, b, eps, K, us, vs, P)


def sinkhorn_backward(cache):
    C, a, b, eps, K, us, vs, P = cache
    u, v = us[-1], vs[-1]
    C_grad = P.copy()
    P_grad = C
    u_grad = (P_grad * K * v).sum(axis=1)
    v_grad = (P_grad * K * u[:, None]).sum(axis=0)
    K_grad = P_grad * np.outer(u, v)
    a_grad, b_grad = np.zeros_like(a), np.zeros_like(b)
    for n in reversed(range(len(vs))):
        u, v, u_before = us[n + 1], vs[n], us[n]
        Kv = K @ v
        a_grad += u_grad / Kv
        q = -u_grad * u / Kv
        K_grad += np.outer(q, v)
        v_grad = v_grad + K.T @ q
        Ku = K.T @ u_before
        b_grad += v_grad / Ku
        s = -v_grad * v / Ku
        K_grad += np.outer(u_before, s)
        u_grad = K @ s
        v_grad = np.zeros_like(v)
    C_grad += -K_grad * K / eps
    return C_grad, a_grad, b_grad


def soft_dtw_forward(D, gamma):
    m, n = D.shape
    R = np.full((m + 2, n + 2), np.inf)
    R[0, 0] = 0
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            r = -np.array([R[i - 1, j - 1], R[i - 1, j], R[i, j - 1]]) / gamma
            top = r.max()
            R[i, j] = D[i - 1, j - 1] - gamma * (np.log(np.sum(np.exp(r - top))) + top)
    return R[m, n], (D, R, gamma)


def soft_dtw_backward(dout, cache):
    D, R, gamma = cache
    m, n = D.shape
    E = np.zeros((m + 2, n + 2))
    E[m, n] = dout
    soft = lambda i, j, k, l: np.exp((R[i, j] - D[i - 1, j - 1] - R[k, l]) / gamma)
    for i in range(m, 0, -1):
        for j in range(n, 0, -1):
            if i < m:
                E[i, j] += E[i + 1, j] * soft(i + 1, j, i, j)
            if j < n:
                E[i, j] += E[i, j + 1] * soft(i, j + 1, i, j)
            if i < m and j < n:
                E[i, j] += E[i + 1, j + 1] * soft(i + 1, j + 1, i, j)
    dD = E[1:-1, 1:-1]
    return dD


def ppo_forward(logits, actions, old_logp, adv, clip, c_ent):
    N = len(actions)
    z = logits - logits.max(1, keepdims=True)
    logp_all = z - np.log(np.exp(z).sum(1, keepdims=True))
    p = np.exp(logp_all)
    logp = logp_all[np.arange(N), actions]
    ratio = np.exp(logp - old_logp)
    clipped = np.clip(ratio, 1 - clip, 1 + clip)
    surr = np.minimum(ratio * adv, clipped * adv)
    ent = -(p * logp_all).sum(1)
    loss = -surr.mean() - c_ent * ent.mean()
    return loss, (actions, adv, logp_all, p, ratio, clipped)


def ppo_backward(cache, c_ent):
    actions, adv, logp_all, p, ratio, clipped = cache
    N = len(actions)
    dsurr = -np.ones(N) / N
    active = ratio * adv <= clipped * adv
    dratio = dsurr * adv * active
    dlogp = dratio * ratio
    dent = -c_ent / N * np.ones(N)
    dlogp_all = -dent[:, None] * p * (1 + logp_all)
    dlogp_all[np.arange(N), actions] += dlogp
    dlogits = dlogp_all - p * dlogp_all.sum(1, keepdims=True)
    return dlogits


def gcn_forward(A, H, W, b):
    # A: symmetric adjacency, weighted, differentiable as well
    At = A + np.eye(len(A))
    deg = At.sum(axis=1)
    s = deg ** -0.5
    An = s[:, None] * At * s[None, :]
    HW = H @ W
    Z = An @ HW + b
    out = np.maximum(Z, 0)
    return out, (At, deg, s, An, H, W, HW, Z)


def gcn_backward(dout, cache):
    At, deg, s, An, H, W, HW, Z = cache
    dZ = dout * (Z > 0)
    db = dZ.sum(axis=0)
    dHW = An.T @ dZ
    dAn = dZ @ HW.T
    dW = H.T @ dHW
    dH = dHW @ W.T
    M = dAn * At
    ds = M @ s + M.T @ s
    ddeg = -0.5 * deg ** -1.5 * ds
    dAt = s[:, None] * dAn * s[None, :] + ddeg[:, None]
    dA = dAt
    return dA, dH, dW, db


def cp_loss(X, A, B, C):
    """CANDECOMP/PARAFAC of a three-way tensor"""
    Xhat = np.einsum('ir,jr,kr->ijk', A, B, C)
    E = Xhat - X
    loss = 0.5 * np.sum(E * E)
    dA = np.einsum('ijk,jr,kr->ir', E, B, C)
    dB = np.einsum('ijk,ir,kr->jr', E, A, C)
    dC = np.einsum('ijk,ir,jr->kr', E, A, B)
    dX = -E
    return loss, {'A': dA, 'B': dB, 'C': dC, 'X': dX}


def lowrank_forward(x, W, A, B, scale):
    # LoRA
    u = x @ A
    y = x @ W + scale * (u @ B)
    return y, (x, W, A, B, u, scale)


def lowrank_backward(dy, cache):
    x, W, A, B, u, scale = cache
    dW = x.T @ dy
    dB = scale * u.T @ dy
    du = scale * dy @ B.T
    dA = x.T @ du
    dx = dy @ W.T + du @ A.T
    dscale = np.sum(dy * (u @ B))
    return dx, dW, dA, dB, dscale


def moe_forward(x, Wg, We):
    """Dense mixture of experts. x: (N, D), Wg: (D, E), We: (E, D, M)"""
    g = np.exp(x @ Wg)
    g = g / g.sum(axis=1, keepdims=True)
    h = np.einsum('nd,edm->enm', x, We)
    a = np.tanh(h)
    y = np.einsum('ne,enm->nm', g, a)
    return y, (x, Wg, We, g, a)


def moe_backward(dy, cache):
    x, Wg, We, g, a = cache
    dg = np.einsum('nm,enm->ne', dy, a)
    da = np.einsum('nm,ne->enm', dy, g)
    dh = da * (1 - a ** 2)
    dWe = np.einsum('nd,enm->edm', x, dh)
    dlogit = g * (dg - (g * dg).sum(axis=1, keepdims=True))
    dWg = x.T @ dlogit
    dx = np.einsum('enm,edm->nd', dh, We) + dlogit @ Wg.T
    return dx, dWg, dWe


def whiten_forward(X, shift):
    # Cholesky whitening of the columns
    n = len(X)
    mu = X.mean(axis=0)
    Xc = X - mu
    S = Xc.T @ Xc / n + shift * np.eye(X.shape[1])
    L = np.linalg.cholesky(S)
    Y = np.linalg.solve(L, Xc.T).T
    return Y, (Xc, L, Y, n)


def whiten_backward(dY, cache):
    Xc, L, Y, n = cache
    dXc = np.linalg.solve(L.T, dY.T).T
    dL = -dXc.T @ Y
    # through the Cholesky factor, S symmetric
    Phi = np.tril(L.T @ np.tril(dL))
    Phi[np.diag_indices(len(L))] *= 0.5
    Li = np.linalg.inv(L)
    Sbar = Li.T @ Phi @ Li
    Sbar = 0.5 * (Sbar + Sbar.T)
    dXc += 2 * Xc @ Sbar / n
    dmu = -dXc.sum(axis=0)
    dX = dXc + dmu / n
    dshift = np.trace(Sbar)
    return dX, dshift


def example_bilinear_sample():
    r = np.random.default_rng(0)
    return r.standard_normal((4, 5, 3)), r.uniform(0.1, 3.9, 7), r.uniform(0.1, 2.9, 7)


def example_render():
    r = np.random.default_rng(1)
    return r.uniform(0.1, 2, (2, 5)), r.random((2, 5, 3)), r.uniform(0.1, 0.5, (2, 5))


def example_sinkhorn():
    r = np.random.default_rng(2)
    a, b = r.random(3) + 0.2, r.random(4) + 0.2
    return r.random((3, 4)), a / a.sum(), b / b.sum(), 0.4, 3


def example_soft_dtw():
    return np.random.default_rng(3).random((4, 5)), 0.5


def example_ppo():
    r = np.random.default_rng(4)
    return (r.standard_normal((6, 3)), np.array([0, 2, 1, 1, 0, 2]), np.log(r.uniform(0.15, 0.6, 6)),
            r.standard_normal(6), 0.2, 0.03)


def example_gcn():
    r = np.random.default_rng(5)
    A = r.random((4, 4))
    return A + A.T, r.standard_normal((4, 3)), r.standard_normal((3, 5)), r.standard_normal(5)


def example_cp_loss():
    r = np.random.default_rng(6)
    return r.standard_normal((3, 4, 5)), r.standard_normal((3, 2)), r.standard_normal((4, 2)), r.standard_normal((5, 2))


def example_lowrank():
    r = np.random.default_rng(7)
    return r.standard_normal((5, 4)), r.standard_normal((4, 3)), r.standard_normal((4, 2)), r.standard_normal((2, 3)), 0.6


def example_moe():
    r = np.random.default_rng(8)
    return r.standard_normal((4, 3)), 0.7 * r.standard_normal((3, 2)), r.standard_normal((2, 3, 5))


def example_whiten():
    return np.random.default_rng(9).standard_normal((6, 3)), 0.1
