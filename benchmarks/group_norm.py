"""Group normalisation in bf16 on a CPU: PyTorch's own, and ours, which takes float32 where that is quicker.

    OMP_NUM_THREADS=1 python benchmarks/group_norm.py

For feature maps of about two million numbers, channels-last: milliseconds of the thread to learn (there and back) and
to paint (there alone), the least of several, in turns. Then steps of learning with our networks.
"""

import time
from functools import partial
from typing import Callable, Dict

import torch
from torch import Tensor, nn

from sfumato.models.digit_unet import DigitUNet
from sfumato.models.face_unet import FACE_64, FaceUNet
from sfumato.models.layers import GroupNorm
from sfumato.models.unet import UNet
from sfumato.stable_diffusion import SMALL_WORLD, StableDiffusion

NUMBERS, TURNS = 2_000_000, 5
OURS = GroupNorm.forward


def compared(name: str, act: Callable[[], object]) -> None:
    """Time it with PyTorch's and with ours in turns, and print both."""
    least: Dict[str, float] = {}
    for _ in range(TURNS):
        for kind, forward in (("PyTorch's", nn.GroupNorm.forward), ("ours", OURS)):
            GroupNorm.forward = forward  # type: ignore[assignment, method-assign]
            act()
            began = time.thread_time()
            act()
            least[kind] = min(least.get(kind, float("inf")), time.thread_time() - began)
    theirs, ours = (1000 * one for one in least.values())
    print(f"{name:44} PyTorch's {theirs:7.1f} ms  ours {ours:7.1f} ms  {theirs / ours:4.1f}x", flush=True)


def layers() -> None:
    """One layer, by the channels of a group and by the side of the map."""
    for each in (2, 4, 8, 10, 16, 20, 40):
        groups = 32 if each < 8 else 8
        for side in (6, 12, 24, 64):
            count = max(1, NUMBERS // (groups * each * side**2))
            x = torch.randn(count, groups * each, side, side, dtype=torch.bfloat16)
            x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
            norm = GroupNorm(groups, groups * each).bfloat16().requires_grad_(False)
            above = torch.ones_like(x)
            shape = f"{each} channels a group, {side}x{side}"
            compared(f"{shape}, learning", partial(learn, norm, x, above))
            with torch.no_grad():
                compared(f"{shape}, painting", partial(norm, x))


def learn(norm: GroupNorm, x: Tensor, above: Tensor) -> None:
    """There and back."""
    norm(x).backward(above)


def networks() -> None:
    """A step of each of our networks: the loss and its gradient."""
    digits, labels = DigitUNet(), torch.arange(64) % 20
    compared("digits, 64 pictures", partial(step, digits, torch.randn(64, 3, 28, 28), torch.rand(64), labels))
    for name, network in (("faces", FaceUNet(FACE_64)), ("pictures of 64x64", UNet(64))):
        compared(f"{name}, 16 pictures", partial(step, network, torch.randn(16, 3, 64, 64), torch.rand(16)))
    small = StableDiffusion.load(SMALL_WORLD, torch.bfloat16).unet.train().requires_grad_(True)
    x, text = torch.randn(32, 4, 12, 12).bfloat16(), torch.randn(32, 77, 64).bfloat16()
    compared("the small world, 32 pictures", partial(step, small, x, torch.arange(32), text))


def step(network: nn.Module, *given: Tensor) -> None:
    """As a training in bf16 takes it."""
    with torch.autocast("cpu", torch.bfloat16):
        network(*given).float().square().mean().backward()


if __name__ == "__main__":
    torch.set_num_threads(1)
    layers()
    networks()
