"""The full-size U-Net of Stable Diffusion v1 against diffusers' with the same weights: time and memory of a step.

    pip install diffusers
    python benchmarks/stable_diffusion_speed.py            time, both by turns in one process; then memory
    python benchmarks/stable_diffusion_speed.py WHOSE      peak memory of loading and one step: ours or theirs

A step is a batch of 2 (with the prompt and without it) of 64x64 latents: a 512x512 picture. Weights are random; the
file that is loaded holds them in half precision, as most that are shared do.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
from torch import Tensor

from sfumato.checkpoints import PREFIXES, filled, read_safetensors, write_safetensors
from sfumato.checkpoints.diffusers_layout import unet_keys
from sfumato.devices import choose_precision
from sfumato.models.stable_diffusion import UNet

FILE = Path(tempfile.gettempdir()) / "sfumato-benchmark-unet.safetensors"
TURNS = 3


def write_weights() -> None:
    """A U-Net's weights under CompVis' keys, small and random."""
    if FILE.exists():
        return
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in UNet().state_dict().items()}
    state = {PREFIXES["unet"] + key: (0.02 * torch.randn(shape)).half() for key, shape in shapes.items()}
    write_safetensors(FILE, state, {})


def ours(dtype: torch.dtype) -> Callable[..., Tensor]:
    """Our network from the file."""
    state = {key[len(PREFIXES["unet"]) :]: value for key, value in read_safetensors(FILE)[0].items()}
    return filled(UNet, state, FILE, "U-Net", dtype)


def theirs(dtype: torch.dtype) -> Callable[..., Tensor]:
    """Their network with the same weights, made without memory first, as their own loader does."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        network: Any = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    names = unet_keys(network.state_dict())
    stored = read_safetensors(FILE)[0]
    state = {key: stored[PREFIXES["unet"] + name].to(dtype) for key, name in names.items()}
    network.load_state_dict(state, assign=True)
    network = network.eval().requires_grad_(False)
    return lambda x, t, context: network(x, t, context).sample


def inputs(dtype: torch.dtype) -> List[Tensor]:
    """Noisy latents, times, text states."""
    return [torch.randn(2, 4, 64, 64).to(dtype), torch.tensor([981, 981]), torch.randn(2, 77, 768).to(dtype)]


@torch.inference_mode()
def race(dtype: torch.dtype) -> None:
    """Both by turns, so that what else the machine does falls on both alike."""
    torch.manual_seed(1)
    arguments = inputs(dtype)
    networks = {"ours": ours(dtype), "theirs": theirs(dtype)}
    seconds: Dict[str, List[float]] = {name: [] for name in networks}
    answers = {}
    for turn in range(TURNS + 1):
        for name, network in networks.items():
            began = time.perf_counter()
            answers[name] = network(*arguments).float()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    apart = (answers["ours"] - answers["theirs"]).norm() / answers["theirs"].norm()
    print(
        f"{dtype}: ours {median['ours']:.2f} s a step, theirs {median['theirs']:.2f} s,"
        f" {median['theirs'] / median['ours']:.2f}x; answers apart by {apart:.1e}"
    )


def peak_memory() -> float:
    """The most that this process has held, in GiB; getrusage would count its parent's too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 2**20


def main() -> None:
    """Run what the module's docstring says."""
    write_weights()
    if len(sys.argv) > 1:
        with torch.inference_mode():
            {"ours": ours, "theirs": theirs}[sys.argv[1]](torch.float32)(*inputs(torch.float32))
        print(f"{sys.argv[1]}: peak {peak_memory():.2f} GiB, fp32")
        return
    race(torch.float32)
    if choose_precision(torch.device("cpu")) == "bf16":
        race(torch.bfloat16)
    for whose in ("ours", "theirs"):
        subprocess.run([sys.executable, __file__, whose], check=True)


if __name__ == "__main__":
    main()
