"""A `torch.autograd.Function`, where torch is installed."""

import pytest

from tinyad.code.checking import Options, check_text
from tinyad.code.files import Text

pytest.importorskip("torch")

SOURCE = """
import torch

class LinearTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, W, b):
        h = torch.tanh(x @ W.t() + b)
        ctx.save_for_backward(x, W, h)
        return h

    @staticmethod
    def backward(ctx, grad_output):
        x, W, h = ctx.saved_tensors
        grad_a = grad_output * (1 - h ** 2)
        return grad_a @ W, grad_a.t() @ x, grad_a.sum(0)

def example_LinearTanh():
    g = torch.Generator().manual_seed(0)
    return torch.randn(5, 4, generator=g), torch.randn(3, 4, generator=g), torch.randn(3, generator=g)
"""


def test_a_function_of_torch_is_judged():
    assert check_text(Text("layer.py", SOURCE), Options()).ok
    wrong = check_text(Text("layer.py", SOURCE.replace("h ** 2", "h")), Options())
    assert [v.suggestion for v in wrong.wrong] == ["grad_a = grad_output * (1 - h ** 2)"]
