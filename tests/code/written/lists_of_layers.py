'''
Networks of any depth, parameters in lists.
'''
import numpy as np


def act(z):
	return np.tanh(z)


def act_prime(z):
	return 1.0 - np.tanh(z)**2


def mlp_forward(x, weights, biases):
	activation = x
	activations = [x]   # layer by layer
	zs = []
	for w, b in zip(weights, biases):
		z = np.dot(activation, w) + b
		zs.append(z)
		activation = act(z)
		activations.append(activation)
	return activation, (activations, zs, weights)


def mlp_backward(grad_out, cache):
	activations, zs, weights = cache
	nabla_w = [np.zeros(w.shape) for w in weights]
	nabla_b = [None] * len(weights)
	delta = grad_out * act_prime(zs[-1])
	nabla_b[-1] = delta.sum(axis=0)
	nabla_w[-1] = np.dot(activations[-2].T, delta)
	for l in range(2, len(weights) + 1):
		delta = np.dot(delta, weights[-l+1].T) * act_prime(zs[-l])
		nabla_b[-l] = delta.sum(axis=0)
		nabla_w[-l] = np.dot(activations[-l-1].T, delta)
	return np.dot(delta, weights[0].T), nabla_w, nabla_b


def resnet_forward(x, Ws, bs, alpha):
	# h <- h + alpha * relu(h W + b)
	h = x
	masks, hs = [], []
	for k in range(len(Ws)):
		hs.append(h)
		a = h @ Ws[k] + bs[k]
		masks.append(a > 0)
		h = h + alpha * np.where(a > 0, a, 0)
	return h, (hs, masks, Ws, bs, alpha)


def resnet_backward(dh, cache):
	hs, masks, Ws, bs, alpha = cache
	dWs, dbs = [], []
	dalpha = 0
	for k in reversed(range(len(Ws))):
		a = hs[k] @ Ws[k] + bs[k]
		dalpha += np.sum(dh * a * masks[k])
		da = alpha * dh * masks[k]
		dWs.insert(0, hs[k].T @ da)
		dbs.insert(0, da.sum(0))
		dh = dh + da @ Ws[k].T
	dx = dh
	return dx, dWs, dbs, dalpha


def stack_forward(x, layers):
	"""layers: list of dicts with W, b, g (a gain after the tanh)"""
	caches = []
	for layer in layers:
		t = np.tanh(x @ layer['W'] + layer['b'])
		caches.append((x, t, layer))
		x = t * layer['g']
	return (x ** 2).sum() / 2, (x, caches)


def stack_backward(cache):
	dx, caches = cache
	grads = []
	for x, t, layer in reversed(caches):
		dt = dx * layer['g']
		dpre = dt * (1 - t * t)
		grads.append({'g': (dx * t).sum(0), 'W': x.T @ dpre, 'b': dpre.sum(0)})
		dx = dpre @ layer['W'].T
	return dx, grads[::-1]


def example_mlp():
	np.random.seed(3)
	sizes = [4, 6, 5, 2]
	weights = [np.random.randn(i, o) / np.sqrt(i) for i, o in zip(sizes[:-1], sizes[1:])]
	biases = [0.3 * np.random.randn(o) for o in sizes[1:]]
	return np.random.randn(7, 4), weights, biases


def example_resnet():
	np.random.seed(4)
	return (np.random.randn(5, 3), [np.random.randn(3, 3) for _ in range(4)], [np.random.randn(3) for _ in range(4)], 0.4)


def example_stack():
	np.random.seed(5)
	layers = [{'W': np.random.randn(i, o), 'b': np.random.randn(o), 'g': np.random.randn(o)} for i, o in [(3, 5), (5, 2)]]
	return np.random.randn(4, 3), layers
