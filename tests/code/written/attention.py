import numpy as np


def softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def attention_forward(Q, K, V):
    """One head on one sequence. Q: (n, d), K: (m, d), V: (m, dv)"""
    d = Q.shape[1]
    S = Q @ K.T / np.sqrt(d)
    P = softmax(S)
    O = P @ V
    return O, (Q, K, V, P)


def attention_backward(dO, cache):
    Q, K, V, P = cache
    d = Q.shape[1]
    dV = P.T @ dO
    dP = dO @ V.T
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    dQ = dS @ K / np.sqrt(d)
    dK = dS.T @ Q / np.sqrt(d)
    return dQ, dK, dV


def self_attention_forward(x, w_q, w_k, w_v, b_q, b_k, b_v, mask):
    # x: (B, T, C); mask: (B, T), True where there is a token
    q = x @ w_q + b_q
    k = x @ w_k + b_k
    v = x @ w_v + b_v
    scale = 1 / np.sqrt(q.shape[-1])
    scores = np.einsum("bid,bjd->bij", q, k) * scale
    scores = np.where(mask[:, None, :], scores, -1e9)
    attn = softmax(scores)
    out = np.einsum("bij,bjd->bid", attn, v)
    return out, (x, w_q, w_k, w_v, q, k, v, attn, mask, scale)


def self_attention_backward(dout, cache):
    x, w_q, w_k, w_v, q, k, v, attn, mask, scale = cache
    dattn = np.einsum("bid,bjd->bij", dout, v)
    dv = np.einsum("bij,bid->bjd", attn, dout)
    dscores = attn * (dattn - (attn * dattn).sum(-1, keepdims=True))
    dscores = np.where(mask[:, None, :], dscores, 0)
    dq = np.einsum("bij,bjd->bid", dscores, k) * scale
    dk = np.einsum("bij,bid->bjd", dscores, q) * scale
    db_q, db_k, db_v = dq.sum((0, 1)), dk.sum((0, 1)), dv.sum((0, 1))
    dw_q = np.einsum("btc,btd->cd", x, dq)
    dw_k = np.einsum("btc,btd->cd", x, dk)
    dw_v = np.einsum("btc,btd->cd", x, dv)
    dx = dq @ w_q.T + dk @ w_k.T + dv @ w_v.T
    return dx, dw_q, dw_k, dw_v, db_q, db_k, db_v


def mha_forward(x, Wqkv, bqkv, Wo, bo, n_head):
    """Causal multi-head self-attention, as in GPT-2."""
    B, T, C = x.shape
    hs = C // n_head
    qkv = x @ Wqkv + bqkv
    q, k, v = np.split(qkv, 3, axis=2)
    q = q.reshape(B, T, n_head, hs).transpose(0, 2, 1, 3)  # (B, nh, T, hs)
    k = k.reshape(B, T, n_head, hs).transpose(0, 2, 1, 3)
    v = v.reshape(B, T, n_head, hs).transpose(0, 2, 1, 3)
    preatt = q @ k.transpose(0, 1, 3, 2) / np.sqrt(hs)
    causal = np.tril(np.ones((T, T), dtype=bool))
    masked = np.where(causal, preatt, -np.inf)
    att = softmax(masked)
    y = att @ v
    ycat = y.transpose(0, 2, 1, 3).reshape(B, T, C)
    out = ycat @ Wo + bo
    cache = x, Wqkv, Wo, q, k, v, att, ycat, n_head
    return out, cache


def mha_backward(dout, cache):
    x, Wqkv, Wo, q, k, v, att, ycat, n_head = cache
    B, T, C = x.shape
    hs = C // n_head
    # out projection
    dycat = dout @ Wo.T
    dWo = ycat.reshape(B * T, C).T @ dout.reshape(B * T, -1)
    dbo = dout.sum(axis=(0, 1))
    # heads
    dy = dycat.reshape(B, T, n_head, hs).transpose(0, 2, 1, 3)
    datt = dy @ v.transpose(0, 1, 3, 2)
    dv = att.transpose(0, 1, 3, 2) @ dy
    dpreatt = att * (datt - (att * datt).sum(axis=-1, keepdims=True))
    dq = dpreatt @ k / np.sqrt(hs)
    dk = dpreatt.transpose(0, 1, 3, 2) @ q / np.sqrt(hs)
    # back to (B, T, C), and side by side
    merge = lambda a: a.transpose(0, 2, 1, 3).reshape(B, T, C)
    dqkv = np.concatenate([merge(dq), merge(dk), merge(dv)], axis=2)
    dWqkv = x.reshape(B * T, C).T @ dqkv.reshape(B * T, -1)
    dbqkv = dqkv.sum(axis=(0, 1))
    dx = dqkv @ Wqkv.T
    return dx, dWqkv, dbqkv, dWo, dbo


def cross_attention_fwd(h, ctx_tokens, Wq, Wk, Wv):
    # einsum only, heads are a dimension of the weights: (C, H, D)
    q = np.einsum('btc,chd->bhtd', h, Wq)
    k = np.einsum('bsc,chd->bhsd', ctx_tokens, Wk)
    v = np.einsum('bsc,chd->bhsd', ctx_tokens, Wv)
    s = np.einsum('bhtd,bhsd->bhts', q, k)
    a = softmax(s)
    o = np.einsum('bhts,bhsd->bhtd', a, v)
    return o, dict(h=h, c=ctx_tokens, Wq=Wq, Wk=Wk, Wv=Wv, q=q, k=k, v=v, a=a)


def cross_attention_bwd(d_o, cache):
    q, k, v, a = cache['q'], cache['k'], cache['v'], cache['a']
    d_a = np.einsum('bhtd,bhsd->bhts', d_o, v)
    d_v = np.einsum('bhts,bhtd->bhsd', a, d_o)
    d_s = a * d_a
    d_s -= a * d_s.sum(axis=-1, keepdims=True)
    d_q = np.einsum('bhts,bhsd->bhtd', d_s, k)
    d_k = np.einsum('bhts,bhtd->bhsd', d_s, q)
    d_Wq = np.einsum('btc,bhtd->chd', cache['h'], d_q)
    d_Wk = np.einsum('bsc,bhsd->chd', cache['c'], d_k)
    d_Wv = np.einsum('bsc,bhsd->chd', cache['c'], d_v)
    d_h = np.einsum('bhtd,chd->btc', d_q, cache['Wq'])
    d_ctx_tokens = np.einsum('bhsd,chd->bsc', d_k, cache['Wk']) + np.einsum('bhsd,chd->bsc', d_v, cache['Wv'])
    return d_h, d_ctx_tokens, d_Wq, d_Wk, d_Wv


def additive_attention_forward(query, keys, values, Wa, Ua, va):
    """Bahdanau. query: (N, H), keys: (N, T, H), values: (N, T, D)"""
    u = np.tanh((query @ Wa)[:, None, :] + keys @ Ua)
    e = u @ va
    alpha = softmax(e)
    context = (alpha[:, :, None] * values).sum(axis=1)
    return context, (query, keys, values, Wa, Ua, va, u, alpha)


def additive_attention_backward(dcontext, cache):
    query, keys, values, Wa, Ua, va, u, alpha = cache
    dvalues = alpha[:, :, None] * dcontext[:, None, :]
    dalpha = (values * dcontext[:, None, :]).sum(axis=2)
    de = alpha * (dalpha - (alpha * dalpha).sum(axis=1, keepdims=True))
    dva = np.tensordot(de, u, axes=2)
    du = de[:, :, None] * va
    dpre = du * (1 - u**2)
    dkeys = dpre @ Ua.T
    dUa = np.einsum('nth,nta->ha', keys, dpre)
    dsum = dpre.sum(axis=1)
    dquery = dsum @ Wa.T
    dWa = query.T @ dsum
    return dquery, dkeys, dvalues, dWa, dUa, dva


def example_attention():
    r = np.random.RandomState(0)
    return r.randn(4, 3), r.randn(5, 3), r.randn(5, 2)


def example_self_attention():
    r = np.random.RandomState(1)
    mask = np.array([[True, True, False, True], [False, True, True, False], [True, True, True, False]])
    return (r.randn(3, 4, 5), r.randn(5, 2), r.randn(5, 2), r.randn(5, 6), r.randn(2), r.randn(2), r.randn(6), mask)


def example_mha():
    r = np.random.RandomState(2)
    B, T, C = 4, 5, 6
    return 0.7 * r.randn(B, T, C), 0.5 * r.randn(C, 3 * C), r.randn(3 * C), r.randn(C, 7), r.randn(7), 2


def example_cross_attention():
    r = np.random.RandomState(3)
    return (r.randn(2, 5, 6), r.randn(2, 4, 7), 0.4 * r.randn(6, 3, 8), 0.4 * r.randn(7, 3, 8), r.randn(7, 3, 8))


def example_additive_attention():
    r = np.random.RandomState(4)
    return r.randn(2, 4), r.randn(2, 5, 4), r.randn(2, 5, 6), r.randn(4, 3), r.randn(4, 3), r.randn(3)
