"""Convolutions and pooling, from loops to strides."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv_naive_forward(x, w, b, conv_param):
    """x: (N, C, H, W), w: (F, C, HH, WW)"""
    stride, pad = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode='constant')
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[n, :, i * stride:i * stride + HH, j * stride:j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    cache = (x, w, b, conv_param, x_pad)
    return out, cache


def conv_naive_backward(dout, cache):
    x, w, b, conv_param, x_pad = cache
    stride, pad = conv_param['stride'], conv_param['pad']
    N, F, H_out, W_out = dout.shape
    _, _, HH, WW = w.shape
    dx_pad = np.zeros_like(x_pad)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(H_out):
                for j in range(W_out):
                    hs, ws = i * stride, j * stride
                    dw[f] += dout[n, f, i, j] * x_pad[n, :, hs:hs + HH, ws:ws + WW]
                    dx_pad[n, :, hs:hs + HH, ws:ws + WW] += dout[n, f, i, j] * w[f]
    dx = dx_pad[:, :, pad:-pad, pad:-pad]
    return dx, dw, db


def im2col(x, fh, fw, pad, stride):
    """rows: channel and place in the filter; columns: place in the output and example"""
    N, C, H, W = x.shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    cols = np.empty((C, fh, fw, oh, ow, N))
    for a in range(fh):
        for c in range(fw):
            patch = xp[:, :, a:a + stride * oh:stride, c:c + stride * ow:stride]
            cols[:, a, c] = patch.transpose(1, 2, 3, 0)
    return cols.reshape(C * fh * fw, oh * ow * N)


def col2im(cols, x_shape, fh, fw, pad, stride):
    N, C, H, W = x_shape
    oh = (H + 2 * pad - fh) // stride + 1
    ow = (W + 2 * pad - fw) // stride + 1
    cols = cols.reshape(C, fh, fw, oh, ow, N)
    xp = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    for a in range(fh):
        for c in range(fw):
            xp[:, :, a:a + stride * oh:stride, c:c + stride * ow:stride] += cols[:, a, c].transpose(3, 0, 1, 2)
    return xp[:, :, pad:pad + H, pad:pad + W]


def conv_fwd(X, W, b, stride=1, padding=1):
    K, C, fh, fw = W.shape
    N, _, H, Wd = X.shape
    oh = (H + 2 * padding - fh) // stride + 1
    ow = (Wd + 2 * padding - fw) // stride + 1
    X_col = im2col(X, fh, fw, padding, stride)
    W_col = W.reshape(K, -1)
    out_col = W_col @ X_col + b
    out = out_col.reshape(K, oh, ow, N).transpose(3, 0, 1, 2)
    return out, (X.shape, W.shape, X_col, W_col, stride, padding)


def conv_bwd(dout, cache):
    X_shape, W_shape, X_col, W_col, stride, padding = cache
    dout_col = dout.transpose(1, 2, 3, 0).reshape(W_shape[0], -1)
    db = dout_col.sum(axis=1, keepdims=True)
    dW_col = dout_col @ X_col.T
    dW = dW_col.reshape(W_shape)
    dX_col = W_col.T @ dout_col
    dX = col2im(dX_col, X_shape, W_shape[2], W_shape[3], padding, stride)
    return dX, dW, db


def conv_strided_forward(x, w):
    # valid convolution, stride 1, NHWC; w: (kh, kw, cin, cout)
    kh, kw, _, _ = w.shape
    windows = sliding_window_view(x, (kh, kw), axis=(1, 2))  # (N, oh, ow, C, kh, kw)
    out = np.einsum('nhwcij,ijcf->nhwf', windows, w)
    return out, (windows, w)


def conv_strided_backward(dout, cache):
    windows, w = cache
    kh, kw, _, _ = w.shape
    dw = np.einsum('nhwcij,nhwf->ijcf', windows, dout)
    # full correlation with the flipped filter
    dout_pad = np.pad(dout, ((0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)))
    dwin = sliding_window_view(dout_pad, (kh, kw), axis=(1, 2))
    dx = np.einsum('nhwfij,ijcf->nhwc', dwin, w[::-1, ::-1])
    return dx, dw


def conv1d_forward(x, w, b):
    """causal, over time. x: (B, T, D), w: (K, D, M)"""
    B, T, D = x.shape
    K = w.shape[0]
    xp = np.concatenate([np.zeros((B, K - 1, D)), x], axis=1)
    y = np.zeros((B, T, w.shape[2])) + b
    for k in range(K):
        y += xp[:, k:k + T] @ w[k]
    return y, (xp, w)


def conv1d_backward(dy, cache):
    xp, w = cache
    K = w.shape[0]
    T = dy.shape[1]
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for k in range(K):
        dxp[:, k:k + T] += dy @ w[k].T
        dw[k] = np.tensordot(xp[:, k:k + T], dy, axes=([0, 1], [0, 1]))
    dx = dxp[:, K - 1:]
    db = dy.sum(axis=(0, 1))
    return dx, dw, db


def depthwise_forward(x, w):
    N, C, H, W = x.shape
    _, k, l = w.shape
    out = np.zeros((N, C, H - k + 1, W - l + 1))
    for i in range(k):
        for j in range(l):
            out += x[:, :, i:i + out.shape[2], j:j + out.shape[3]] * w[None, :, i, j, None, None]
    return out, (x, w)


def depthwise_backward(dout, cache):
    x, w = cache
    _, _, oh, ow = dout.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(w.shape[1]):
        for j in range(w.shape[2]):
            dx[:, :, i:i + oh, j:j + ow] += dout * w[None, :, i, j, None, None]
            dw[:, i, j] = (dout * x[:, :, i:i + oh, j:j + ow]).sum(axis=(0, 2, 3))
    return dx, dw


def max_pool_naive_forward(x, pool_param):
    ph, pw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    out = np.zeros((N, C, (H - ph) // s + 1, (W - pw) // s + 1))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = np.max(x[:, :, i * s:i * s + ph, j * s:j * s + pw], axis=(2, 3))
    return out, (x, pool_param)


def max_pool_naive_backward(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, oh, ow = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(oh):
                for j in range(ow):
                    patch = x[n, c, i * s:i * s + ph, j * s:j * s + pw]
                    mask = patch == np.max(patch)
                    dx[n, c, i * s:i * s + ph, j * s:j * s + pw] += mask * dout[n, c, i, j]
    return dx


def max_pool_reshape_forward(x, size):
    N, C, H, W = x.shape
    x_reshaped = x.reshape(N, C, H // size, size, W // size, size)
    out = x_reshaped.max(axis=3).max(axis=4)
    return out, (x, x_reshaped, out)


def max_pool_reshape_backward(dout, cache):
    x, x_reshaped, out = cache
    out_newaxis = out[:, :, :, np.newaxis, :, np.newaxis]
    mask = (x_reshaped == out_newaxis)
    dout_newaxis = dout[:, :, :, np.newaxis, :, np.newaxis]
    dout_broadcast, _ = np.broadcast_arrays(dout_newaxis, x_reshaped)
    dx_reshaped = np.zeros_like(x_reshaped)
    dx_reshaped[mask] = dout_broadcast[mask]
    dx = dx_reshaped.reshape(x.shape)
    return dx


def avg_pool_forward(x, k):
    N, C, H, W = x.shape
    out = x.reshape(N, C, H // k, k, W // k, k).mean(axis=(3, 5))
    return out


def avg_pool_backward(dout, k):
    dx = np.repeat(np.repeat(dout, k, axis=2), k, axis=3) / (k * k)
    return dx


def global_avg_pool_forward(x):
    return x.mean(axis=(2, 3)), x.shape


def global_avg_pool_backward(dout, cache):
    N, C, H, W = cache
    dx = np.ones(cache) * dout[:, :, None, None] / (H * W)
    return dx


def upsample_forward(x, scale):
    out = x.repeat(scale, axis=1).repeat(scale, axis=2)
    return out, (x.shape, scale)


def upsample_backward(dout, cache):
    (N, H, W, C), s = cache
    dx = dout.reshape(N, H, s, W, s, C).sum(axis=(2, 4))
    return dx


def example_conv_naive():
    np.random.seed(0)
    return (np.random.randn(2, 3, 5, 6), np.random.randn(4, 3, 3, 2), np.random.randn(4), {'stride': 2, 'pad': 1})


def example_conv():
    np.random.seed(1)
    return np.random.randn(2, 3, 4, 5), np.random.randn(4, 3, 3, 2), np.random.randn(4, 1), 1, 1


def example_conv_strided():
    np.random.seed(2)
    return np.random.randn(2, 5, 4, 3), np.random.randn(4, 2, 3, 5)


def example_conv1d():
    np.random.seed(3)
    return np.random.randn(2, 5, 3), np.random.randn(4, 3, 6), np.random.randn(6)


def example_depthwise():
    np.random.seed(4)
    return np.random.randn(2, 4, 3, 5), np.random.randn(4, 2, 3)


def example_max_pool_naive():
    np.random.seed(5)
    return np.random.randn(2, 3, 5, 4), {'pool_height': 3, 'pool_width': 2, 'stride': 1}


def example_max_pool_reshape():
    np.random.seed(6)
    return np.random.randn(2, 3, 4, 6), 2


def example_avg_pool():
    np.random.seed(7)
    return np.random.randn(2, 3, 6, 4), 2


def example_global_avg_pool():
    np.random.seed(8)
    return (np.random.randn(3, 4, 2, 5),)


def example_upsample():
    np.random.seed(9)
    return np.random.randn(2, 3, 4, 5), 2
