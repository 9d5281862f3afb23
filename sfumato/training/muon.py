"""Muon (Jordan et al. 2024): momentum whose every direction is made equally strong.

A weight matrix's gradient is dominated by a few directions, and so is each step of Adam. Muon replaces the momentum
M = U S V^T by U V^T, so that rare directions are learned at the same pace. Five Newton-Schulz iterations of a quintic
polynomial drive every singular value into the neighbourhood of 1 without a decomposition:

    X <- a X + (b A + c A^2) X,       A = X X^T,       (a, b, c) = (3.4445, -4.7750, 2.0315)

For matrices inside the network only: convolutions count as [outputs, inputs * height * width]; embeddings, norms,
biases, the first and the last layer are left to AdamW.
"""

from typing import Callable, Iterable, Optional

import torch
from torch import Tensor, nn

_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalized(matrix: Tensor, iterations: int = 5) -> Tensor:
    """U V^T of matrix = U S V^T, nearly: singular values between about 0.7 and 1.2 instead of 1.

    Args:
        matrix: [rows, columns], not all zero.
        iterations: of Newton-Schulz.
    """
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(iterations):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """The optimizer.

    Args:
        parameters: of two or more dimensions.
        lr: the size of a step, as the spectral norm of the change of a square matrix.
        momentum: of the running mean of gradients, used as Nesterov does.
        weight_decay: decoupled, times lr.
        dtype: of the iterations; where hardware multiplies bf16, it is enough and twice as fast.

    Raises:
        ValueError: if a parameter is a vector.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._dtype = dtype
        if any(p.dim() < 2 for group in self.param_groups for p in group["params"]):
            raise ValueError("Muon is for matrices; give vectors to another optimizer")

    @torch.no_grad()
    def step(self, closure: Optional[Callable[[], float]] = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient are left alone."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, parameter: Tensor, gradient: Tensor, lr: float, momentum: float, weight_decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        mean = state["momentum"].lerp_(gradient, 1 - momentum)
        direction = orthogonalized(gradient.lerp(mean, momentum).flatten(1).to(self._dtype)).to(parameter.dtype)
        # A tall matrix moves its larger output by as much as a square one would.
        rows, columns = direction.shape
        parameter.mul_(1 - lr * weight_decay)
        parameter.add_(direction.view_as(parameter), alpha=-lr * max(1.0, rows / columns) ** 0.5)
