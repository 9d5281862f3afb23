"""The face network's speed at 256x256 against the plain form of the same network, and the memory it takes.

    python benchmarks/faces_speed.py [PASSES]

Plain: fp32, eager, PyTorch's default memory layout, nothing in place. All run by turns in one process, so that what
else the machine does falls on all alike; the ratio of medians is the result.
"""

import resource
import statistics
import sys
import time
from typing import Any, Callable, Dict, List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sfumato.devices import autocast, choose_precision
from sfumato.models.face_unet import FaceUNet

CPU = torch.device("cpu")


class Plain(nn.Module):
    """The same weights in the forward pass that one writes first."""

    def __init__(self, network: FaceUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """As FaceUNet's."""
        blocks = dict(self.network.named_children())
        embedding = self.network.time(t)
        skips: List[Tensor] = []
        for name, block in blocks.items():
            if name.startswith("up") and hasattr(block, "resblocks"):
                x = torch.cat([x, skips.pop()], dim=1)
            if name != "time":
                x = _stage(block, x, embedding) if hasattr(block, "resblocks") else block(x)
            if name.startswith("down"):
                skips.append(x)
        return x


def _stage(stage: Any, x: Tensor, embedding: Tensor) -> Tensor:
    block = stage.resblocks
    hidden = block.conv1(F.silu(block.norm1(x))) + block.time(embedding)[:, :, None, None]
    return stage.attention(block.skip(x) + block.conv2(F.silu(block.norm2(hidden))))


@torch.inference_mode()
def measure(networks: Dict[str, Callable[[], Tensor]], passes: int) -> Dict[str, float]:
    """The median seconds of a pass of each."""
    seconds: Dict[str, List[float]] = {name: [] for name in networks}
    for turn in range(passes + 1):
        for name, run in networks.items():
            began = time.perf_counter()
            run()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Print the table."""
    torch.manual_seed(0)
    network = FaceUNet().eval().requires_grad_(False)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.02)
    plain = Plain(network)
    x, t = torch.randn(1, 3, 256, 256), torch.tensor([500])

    def in_bf16() -> Tensor:
        with autocast(CPU, "bf16"):
            return network(x, t)

    runs: Dict[str, Callable[[], Tensor]] = {"plain fp32": lambda: plain(x, t), "ours fp32": lambda: network(x, t)}
    if choose_precision(CPU) == "bf16":
        runs["ours bf16"] = in_bf16
    with torch.inference_mode():
        apart = (plain(x, t) - network(x, t)).norm() / plain(x, t).norm()
    medians = measure(runs, int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    for name, value in medians.items():
        print(f"{name}: {value:.2f} s a pass, {medians['plain fp32'] / value:.2f}x")
    print(f"fp32 results apart by {apart:.1e} of their norm")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
