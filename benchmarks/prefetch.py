"""A step of training whose batches are drawn beside it, against one that draws them itself, on all processors.

    python benchmarks/prefetch.py

Digits and the small world's U-Net in bf16, batches of 64 and 32; seconds of the clock, the mean of some steps.
"""

import time
from typing import Callable, Optional, Sequence

import torch
from torch import Tensor, nn

from sfumato.models.digit_unet import DigitUNet
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion
from sfumato.training.prefetch import DrawnAhead, Place

STEPS = 20


def steps(network: nn.Module, draw: Callable[[int, slice], Sequence[Tensor]], ahead: bool) -> float:
    """Seconds a step."""
    with DrawnAhead(draw) as drawn:
        for number in range(STEPS + 2):
            if number == 2:
                began = time.perf_counter()
            here, coming = (number, slice(None)), (number + 1, slice(None))
            after: Optional[Place] = coming if ahead else None
            batch = drawn.take(here, after) if ahead else draw(*here)
            with torch.autocast("cpu", torch.bfloat16):
                network(*batch).float().square().mean().backward()
    return (time.perf_counter() - began) / STEPS


def main() -> None:
    """Both networks, both ways."""
    digits, small = DigitUNet(), StableDiffusion.load(SMALL_WORLD, torch.bfloat16).unet.requires_grad_(True)
    pictures, latents = torch.randn(5000, 3, 28, 28), torch.randn(5000, 4, 12, 12).bfloat16()
    texts = torch.randn(50, 77, 64).bfloat16()

    def of_digits(step: int, rows: slice) -> Sequence[Tensor]:
        chosen = torch.randint(5000, (64,))
        return pictures[chosen] + torch.randn(64, 3, 28, 28), torch.rand(64), chosen % 20

    def of_small(step: int, rows: slice) -> Sequence[Tensor]:
        chosen = torch.randint(5000, (32,))
        return latents[chosen] + torch.randn(32, 4, 12, 12), torch.randint(1000, (32,)), texts[chosen % 50]

    for name, network, draw in (("digits", digits, of_digits), ("the small world", small, of_small)):
        beside, itself = steps(network, draw, True), steps(network, draw, False)
        print(
            f"{name}: {beside:.3f} s a step drawn beside, {itself:.3f} s by itself, {torch.get_num_threads()} threads"
        )


if __name__ == "__main__":
    main()
