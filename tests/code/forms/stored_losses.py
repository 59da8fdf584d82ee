"""Loss classes: forward takes predictions and targets, backward takes them again and keeps the derivative."""

import numpy as np


class Loss:
    def calculate(self, output, y):
        sample_losses = self.forward(output, y)
        return np.mean(sample_losses)


class CategoricalCrossentropy(Loss):
    def forward(self, y_pred, y_true):
        samples = len(y_pred)
        y_pred_clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        if len(y_true.shape) == 1:
            correct_confidences = y_pred_clipped[range(samples), y_true]
        else:
            correct_confidences = np.sum(y_pred_clipped * y_true, axis=1)
        return -np.log(correct_confidences)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        labels = len(dvalues[0])
        if len(y_true.shape) == 1:
            y_true = np.eye(labels)[y_true]
        self.dinputs = -y_true / dvalues
        self.dinputs = self.dinputs / samples


class MeanSquaredError(Loss):
    def forward(self, y_pred, y_true):
        return np.mean((y_true - y_pred) ** 2, axis=-1)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        outputs = len(dvalues[0])
        self.dinputs = -2 * (y_true - dvalues) / outputs
        self.dinputs = self.dinputs / samples


class MSE:
    def forward(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def backward(self, y_pred, y_true):
        return 2 * (y_pred - y_true) / y_pred.size


class BCELoss:
    def forward(self, prediction, target):
        self.prediction, self.target = prediction, target
        self.loss = -np.mean(target * np.log(prediction) + (1 - target) * np.log(1 - prediction))
        return self.loss

    def backward(self):
        n = self.target.size
        self.grad_input = (self.prediction - self.target) / (self.prediction * (1 - self.prediction)) / n
        return self.grad_input


class SoftmaxLoss:
    def __call__(self, y_true, y_pred):
        p = np.exp(y_pred - y_pred.max(axis=1, keepdims=True))
        self.p = p / p.sum(axis=1, keepdims=True)
        return -np.sum(y_true * np.log(self.p)) / len(y_true)

    def backward(self, y_true, y_pred):
        return (self.p - y_true) / len(y_true)


def probabilities(seed):
    p = np.random.default_rng(seed).uniform(0.1, 1, (5, 3))
    return p / p.sum(axis=1, keepdims=True)


def example_CategoricalCrossentropy():
    return CategoricalCrossentropy(), probabilities(0), np.array([0, 2, 1, 1, 0])


def example_MeanSquaredError():
    r = np.random.default_rng(1)
    return MeanSquaredError(), r.standard_normal((5, 3)), r.standard_normal((5, 3))


def example_MSE():
    r = np.random.default_rng(2)
    return MSE(), r.standard_normal((5, 3)), r.standard_normal((5, 3))


def example_BCELoss():
    r = np.random.default_rng(3)
    return BCELoss(), r.uniform(0.1, 0.9, (5, 2)), (r.random((5, 2)) < 0.5).astype(float)


def example_SoftmaxLoss():
    return SoftmaxLoss(), np.eye(3)[[0, 2, 1, 1]], np.random.default_rng(4).standard_normal((4, 3))
