"""Several optimizers that step as one.

A gradient scaler (fp16) unscales and checks the gradients of one optimizer at a time and then adjusts its scale; with
two of them in turn the second would see another scale than the one its gradients were made with.
"""

from typing import Any, Callable, Dict, Optional, Sequence

import torch


class Together(torch.optim.Optimizer):
    """Optimizers of disjoint parameters, as one.

    Args:
        optimizers: their parameter groups are shared with this one, so a learning rate set in either is set in both.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.optimizers = list(optimizers)
        super().__init__([p for o in self.optimizers for g in o.param_groups for p in g["params"]], {})
        self.share_groups()

    def share_groups(self) -> None:
        """Take the optimizers' parameter groups for its own; needed anew after one of them has loaded a state."""
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self, closure: Optional[Callable[[], float]] = None) -> None:  # type: ignore[override]
        """One step of each."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_dict(self) -> Dict[str, Any]:
        """Those of the optimizers, in order."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """Give each its own back."""
        for optimizer, state in zip(self.optimizers, state_dict["optimizers"]):
            optimizer.load_state_dict(state)
        self.share_groups()
