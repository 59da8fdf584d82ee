"""Recurrent nets, step by step. Shapes: features x examples x time."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e_x = np.exp(x - np.max(x, axis=0))
    return e_x / e_x.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    Wya = parameters["Wya"]
    ba = parameters["ba"]
    by = parameters["by"]
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)
    yt_pred = softmax(np.dot(Wya, a_next) + by)
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache


def rnn_cell_backward(da_next, cache):
    # what reaches a_next through the prediction is in da_next already
    (a_next, a_prev, xt, parameters) = cache
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]

    dtanh = (1 - a_next ** 2) * da_next
    dxt = np.dot(Wax.T, dtanh)
    dWax = np.dot(dtanh, xt.T)
    da_prev = np.dot(Waa.T, dtanh)
    dWaa = np.dot(dtanh, a_prev.T)
    dba = np.sum(dtanh, axis=1, keepdims=True)

    gradients = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradients


def rnn_fwd(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_a = parameters["Wax"].shape[0]
    a = np.zeros((n_a, m, T_x))
    a_next = a0
    for t in range(T_x):
        a_next, _, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, caches


def rnn_bwd(da, caches):
    n_a, m, T_x = da.shape
    (a1, a0, x1, parameters) = caches[0]
    n_x = x1.shape[0]

    dx = np.zeros((n_x, m, T_x))
    dWax = np.zeros((n_a, n_x))
    dWaa = np.zeros((n_a, n_a))
    dba = np.zeros((n_a, 1))
    da_prevt = np.zeros((n_a, m))

    for t in reversed(range(T_x)):
        gradients = rnn_cell_backward(da[:, :, t] + da_prevt, caches[t])
        dxt, da_prevt, dWaxt, dWaat, dbat = gradients["dxt"], gradients["da_prev"], gradients["dWax"], gradients["dWaa"], gradients["dba"]
        dx[:, :, t] = dxt
        dWax += dWaxt
        dWaa += dWaat
        dba += dbat

    da0 = da_prevt
    return {"dx": dx, "da0": da0, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    Wf, bf = parameters["Wf"], parameters["bf"]
    Wi, bi = parameters["Wi"], parameters["bi"]
    Wc, bc = parameters["Wc"], parameters["bc"]
    Wo, bo = parameters["Wo"], parameters["bo"]

    concat = np.concatenate((a_prev, xt), axis=0)
    zf = np.dot(Wf, concat) + bf
    zi = np.dot(Wi, concat) + bi
    zc = np.dot(Wc, concat) + bc
    zo = np.dot(Wo, concat) + bo
    ft = sigmoid(zf)
    it = sigmoid(zi)
    cct = np.tanh(zc)
    c_next = ft * c_prev + it * cct
    ot = sigmoid(zo)
    a_next = ot * np.tanh(c_next)

    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, concat, parameters)
    return a_next, c_next, cache


def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, concat, parameters) = cache
    n_a = a_next.shape[0]

    dot = da_next * np.tanh(c_next)
    dc_next = dc_next + da_next * ot * (1 - np.square(np.tanh(c_next)))
    dcct = dc_next * it
    dit = dc_next * cct
    dft = dc_next * c_prev
    dc_prev = dc_next * ft

    dzo = dot * ot * (1 - ot)
    dzc = dcct * (1 - np.square(cct))
    dzi = dit * it * (1 - it)
    dzf = dft * ft * (1 - ft)

    grads = {}
    grads["dWf"] = np.dot(dzf, concat.T)
    grads["dWi"] = np.dot(dzi, concat.T)
    grads["dWc"] = np.dot(dzc, concat.T)
    grads["dWo"] = np.dot(dzo, concat.T)
    grads["dbf"] = np.sum(dzf, axis=1, keepdims=True)
    grads["dbi"] = np.sum(dzi, axis=1, keepdims=True)
    grads["dbc"] = np.sum(dzc, axis=1, keepdims=True)
    grads["dbo"] = np.sum(dzo, axis=1, keepdims=True)

    dconcat = (np.dot(parameters["Wf"].T, dzf) + np.dot(parameters["Wi"].T, dzi)
               + np.dot(parameters["Wc"].T, dzc) + np.dot(parameters["Wo"].T, dzo))
    grads["da_prev"] = dconcat[:n_a, :]
    grads["dxt"] = dconcat[n_a:, :]
    grads["dc_prev"] = dc_prev
    return grads


def lstm_fwd(x, a0, parameters):
    n_x, m, T_x = x.shape
    n_a = a0.shape[0]
    a = np.zeros((n_a, m, T_x))
    c = np.zeros((n_a, m, T_x))
    caches = []
    a_next = a0
    c_next = np.zeros(a0.shape)
    for t in range(T_x):
        a_next, c_next, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
        caches.append(cache)
    return a, caches


def lstm_bwd(da, caches):
    n_a, m, T_x = da.shape
    parameters = caches[0][-1]
    n_x = parameters["Wf"].shape[1] - n_a
    total = {"d" + k: np.zeros_like(v) for k, v in parameters.items()}
    dx = np.zeros((n_x, m, T_x))
    da_prevt = np.zeros((n_a, m))
    dc_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        grads = lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        dx[:, :, t] = grads["dxt"]
        da_prevt = grads["da_prev"]
        dc_prevt = grads["dc_prev"]
        for k in total:
            total[k] += grads[k]
    total["dx"] = dx
    total["da0"] = da_prevt
    return total


def example_rnn_cell():
    np.random.seed(1)
    xt = np.random.randn(3, 6)
    a_prev = np.random.randn(5, 6)
    parameters = {"Wax": np.random.randn(5, 3), "Waa": np.random.randn(5, 5) * 0.5, "Wya": np.random.randn(2, 5),
                  "ba": np.random.randn(5, 1), "by": np.random.randn(2, 1)}
    return xt, a_prev, parameters


def example_rnn():
    np.random.seed(2)
    x = np.random.randn(3, 6, 4)
    a0 = np.random.randn(5, 6)
    parameters = {"Wax": np.random.randn(5, 3), "Waa": np.random.randn(5, 5) * 0.5, "Wya": np.random.randn(2, 5),
                  "ba": np.random.randn(5, 1), "by": np.random.randn(2, 1)}
    return x, a0, parameters


def gates(n_a, n_x):
    return {k + g: np.random.randn(n_a, n_a + n_x if k == "W" else 1) for g in "fico" for k in "Wb"}


def example_lstm_cell():
    np.random.seed(3)
    return np.random.randn(3, 6), np.random.randn(4, 6), np.random.randn(4, 6), gates(4, 3)


def example_lstm():
    np.random.seed(4)
    return np.random.randn(2, 5, 4), np.random.randn(3, 5), gates(3, 2)
