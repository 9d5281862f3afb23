"""The running mean of a network's weights, which samples better than the last of them (Song & Ermon 2020)."""

import copy
from typing import Generic, List, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class EMA(Generic[Network]):
    """Exponential moving average of all parameters and buffers.

    Args:
        network: copied at once; the copy is `self.network`, in eval mode and without gradients.
        decay: of the mean; early on it is (1 + n) / (10 + n) after n updates, so that the random start is forgotten.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, updates: int) -> None:
        """Take in the network's present weights.

        Args:
            network: the one being trained.
            updates: how many came before this one.
        """
        decay = min(self.decay, (1 + updates) / (10 + updates))
        for mean, value in zip(_floats(self.network), _floats(network)):
            mean.lerp_(value, 1 - decay)


def _floats(network: nn.Module) -> List[Tensor]:
    return [value for value in network.state_dict().values() if value.is_floating_point()]
