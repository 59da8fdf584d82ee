"""What torch hands to the two passes of a `torch.autograd.Function`, as far as they use it between themselves."""

from __future__ import annotations

from typing import Any


class Context:
    """A `ctx` that keeps what the forward pass saves for the backward pass."""

    def __init__(self, count: int) -> None:
        self.saved_tensors: tuple[Any, ...] = ()
        self.needs_input_grad = (True,) * count

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors as `saved_tensors`."""
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *_: Any) -> None:
        """Accept what torch accepts; every output is differentiated here."""

    mark_dirty = set_materialize_grads = save_for_forward = mark_non_differentiable
