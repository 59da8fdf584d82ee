"""A tiny network in a few lines, then the same with a third layer. No functions."""
import numpy as np

np.random.seed(1)

X = np.array([[0, 0, 1, 0.5],
              [0, 1, 1, -0.3],
              [1, 0, 1, 0.2],
              [1, 1, 1, -0.8],
              [0, 1, 0, 1.1]])
y = np.array([[0], [1], [1], [0], [1]])

syn0 = 2 * np.random.random((4, 6)) - 1
syn1 = 2 * np.random.random((6, 3)) - 1
syn2 = 2 * np.random.random((3, 1)) - 1
bias0 = 2 * np.random.random(6) - 1
bias1 = 2 * np.random.random(3) - 1

# forward
z1 = X.dot(syn0) + bias0
l1 = 1 / (1 + np.exp(-z1))
z2 = l1.dot(syn1) + bias1
l2 = 1 / (1 + np.exp(-z2))
z3 = l2.dot(syn2)
l3 = 1 / (1 + np.exp(-z3))
l3_error = l3 - y
loss = 0.5 * np.sum(l3_error ** 2)

# backward: grad_ of each
grad_l3 = l3_error
grad_z3 = grad_l3 * l3 * (1 - l3)
grad_syn2 = l2.T.dot(grad_z3)
grad_l2 = grad_z3.dot(syn2.T)
grad_z2 = grad_l2 * l2 * (1 - l2)
grad_bias1 = grad_z2.sum(axis=0)
grad_syn1 = l1.T.dot(grad_z2)
grad_l1 = grad_z2.dot(syn1.T)
grad_z1 = grad_l1 * l1 * (1 - l1)
grad_bias0 = grad_z1.sum(axis=0)
grad_syn0 = X.T.dot(grad_z1)
