import numpy as np

# Each loss returns (loss, gradients) or comes as a pair.


def softmax_cross_entropy(logits, y):
    n = logits.shape[0]
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(n), y]))
    dlogits = p
    dlogits[np.arange(n), y] -= 1
    dlogits /= n
    return loss, dlogits


def hinge_loss(W, X, y, reg):
    """Structured SVM loss, vectorised. W: (D, C), X: (N, D)"""
    num_train = X.shape[0]
    scores = X.dot(W)
    correct = scores[range(num_train), y].reshape(-1, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[range(num_train), y] = 0
    loss = margins.sum() / num_train + reg * np.sum(W * W)

    mask = (margins > 0).astype(float)
    mask[range(num_train), y] = -mask.sum(axis=1)
    dscores = mask / num_train
    dW = X.T.dot(dscores) + 2 * reg * W
    return loss, dW


def hinge_naive(W, X, y, reg):
    # two loops, the gradient grows beside the loss
    N, C = X.shape[0], W.shape[1]
    loss = 0.0
    dW = np.zeros_like(W)
    for n in range(N):
        s = X[n] @ W
        for c in range(C):
            if c == y[n]:
                continue
            m = 1 + s[c] - s[y[n]]
            if m > 0:
                loss += m / N
                dW[:, c] += X[n] / N
                dW[:, y[n]] -= X[n] / N
    loss += reg * (W ** 2).sum()
    dW += 2 * reg * W
    return loss, dW


def contrastive_forward(x1, x2, same, margin):
    diff = x1 - x2
    dist_sq = np.sum(diff * diff, axis=1)
    dist = np.sqrt(dist_sq)
    gap = np.maximum(margin - dist, 0)
    loss = np.sum(same * dist_sq + (1 - same) * gap**2) / (2 * len(same))
    return loss, (diff, dist, gap, same)


def contrastive_backward(cache):
    diff, dist, gap, same = cache
    n = len(same)
    d_gap = (1 - same) * gap / n
    d_dist = -d_gap * (gap > 0)
    d_dist_sq = same / (2 * n) + d_dist / (2 * dist)
    d_diff = 2 * diff * d_dist_sq[:, None]
    d_x1 = d_diff
    d_x2 = -d_diff
    return d_x1, d_x2


def triplet_loss(anchor, positive, negative, alpha):
    pos_dist = np.sum((anchor - positive) ** 2, axis=-1)
    neg_dist = np.sum((anchor - negative) ** 2, axis=-1)
    basic_loss = pos_dist - neg_dist + alpha
    loss = np.maximum(basic_loss, 0.0).sum()

    active = (basic_loss > 0)[:, None]
    danchor = 2 * (negative - positive) * active
    dpositive = -2 * (anchor - positive) * active
    dnegative = 2 * (anchor - negative) * active
    return loss, (danchor, dpositive, dnegative)


def huber_forward(pred, target, delta):
    r = pred - target
    a = np.abs(r)
    small = a <= delta
    losses = np.where(small, 0.5 * r**2, delta * (a - 0.5 * delta))
    return losses.mean(), (r, small)


def huber_backward(dloss, cache, delta):
    r, small = cache
    dlosses = dloss / r.size * np.ones_like(r)
    dr = dlosses * np.where(small, r, delta * np.sign(r))
    dpred = dr
    dtarget = -dr
    return dpred, dtarget


def focal_forward(z, t, gamma, alpha):
    # binary, t in {0, 1}
    p = 1 / (1 + np.exp(-z))
    pt = np.where(t == 1, p, 1 - p)
    at = np.where(t == 1, alpha, 1 - alpha)
    mod = (1 - pt) ** gamma
    loss = np.sum(-at * mod * np.log(pt))
    return loss, (p, pt, at, mod, t)


def focal_backward(cache, gamma):
    p, pt, at, mod, t = cache
    dmod = -at * np.log(pt)
    dpt = -at * mod / pt - gamma * (1 - pt) ** (gamma - 1) * dmod
    dp = np.where(t == 1, dpt, -dpt)
    dz = dp * p * (1 - p)
    return dz


def label_smoothing_forward(logits, labels, eps):
    N, K = logits.shape
    q = np.full((N, K), eps / K)
    q[np.arange(N), labels] += 1 - eps
    m = logits.max(axis=1, keepdims=True)
    logp = logits - m - np.log(np.exp(logits - m).sum(axis=1, keepdims=True))
    loss = -(q * logp).sum() / N
    return loss, (logp, q)


def label_smoothing_backward(cache):
    logp, q = cache
    N = logp.shape[0]
    dlogp = -q / N
    dlogits = dlogp - np.exp(logp) * dlogp.sum(axis=1, keepdims=True)
    return dlogits


def logreg(w, b, X, y, C):
    """L2-penalised logistic regression, labels are 0 and 1"""
    n = X.shape[0]
    z = X @ w + b
    h = 1.0 / (1.0 + np.exp(-z))
    loss = -(y @ np.log(h) + (1 - y) @ np.log(1 - h)) / n + 0.5 * C * (w @ w)
    err = (h - y) / n
    grad_w = X.T @ err + C * w
    grad_b = err.sum()
    return loss, grad_w, grad_b


def mse_forward(W, b, X, T):
    E = X @ W + b - T
    return np.mean(E**2)


def mse_backward(W, b, X, T):
    E = X @ W + b - T
    dE = 2 * E / E.size
    dW = X.T @ dE
    db = dE.sum(0)
    dX = dE @ W.T
    dT = -dE
    return dW, db, dX, dT


def bce_logits_fwd(x, t, w):
    # stable: max(x, 0) - x t + log(1 + exp(-|x|)), a weight per column
    l = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    return (l * w).sum(axis=1), (x, t, w, l)


def bce_logits_bwd(gout, cache):
    x, t, w, l = cache
    gl = gout[:, None] * w
    gx = gl * (1 / (1 + np.exp(-x)) - t)
    gt = -gl * x
    gw = gout @ l
    return gx, gt, gw


def example_softmax_cross_entropy():
    rs = np.random.RandomState(0)
    return rs.randn(5, 3), np.array([2, 0, 0, 1, 2])


def example_hinge_loss():
    rs = np.random.RandomState(1)
    return rs.randn(4, 3), rs.randn(6, 4), np.array([0, 2, 1, 1, 0, 2]), 0.1


def example_hinge_naive():
    rs = np.random.RandomState(2)
    return rs.randn(5, 3), rs.randn(4, 5), np.array([1, 2, 0, 2]), 0.05


def example_contrastive():
    rs = np.random.RandomState(3)
    return 0.4 * rs.randn(6, 3), 0.4 * rs.randn(6, 3), np.array([1, 0, 0, 1, 0, 1]), 1.0


def example_triplet_loss():
    rs = np.random.RandomState(4)
    return rs.randn(6, 4), rs.randn(6, 4), rs.randn(6, 4), 0.2


def example_huber():
    rs = np.random.RandomState(5)
    return rs.randn(4, 3), rs.randn(4, 3), 0.9


def example_focal():
    rs = np.random.RandomState(6)
    return rs.randn(7), np.array([1, 0, 0, 1, 1, 0, 1]), 2.0, 0.3


def example_label_smoothing():
    rs = np.random.RandomState(7)
    return rs.randn(4, 5), np.array([1, 4, 0, 1]), 0.1


def example_logreg():
    rs = np.random.RandomState(8)
    return rs.randn(3), 0.4, rs.randn(7, 3), (rs.rand(7) > 0.4).astype(float), 0.6


def example_mse():
    rs = np.random.RandomState(9)
    return rs.randn(3, 2), rs.randn(2), rs.randn(5, 3), rs.randn(5, 2)


def example_bce_logits():
    rs = np.random.RandomState(10)
    return rs.randn(4, 3), rs.rand(4, 3), rs.rand(3) + 0.5
