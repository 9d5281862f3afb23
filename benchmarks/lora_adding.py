"""A LoRA of rank 32 on a full-size Stable Diffusion v1: read, added into the weights, a step with it, and taken off.

    python benchmarks/lora_adding.py          in fp32, 7 GB; give bf16 for half of it

The weights are random; the LoRA is in kohya's names and half precision, on all layers of the U-Net's transformers and
of the text encoder's, as kohya's scripts make it. A step is one pass of the U-Net on 64x64 latents. Seconds are of
the processors, all threads together: with OMP_NUM_THREADS=1 they are what an idle machine takes.
"""

import hashlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict

import torch
from torch import nn

from sfumato.additions import given_additions
from sfumato.checkpoints import LoraFile, LowRank, layer_shapes, unfilled, write_lora
from sfumato.devices import DTYPES
from sfumato.models.additions import added
from sfumato.models.stable_diffusion import VAE, TextEncoder, UNet, VAEConfig
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion

RANK, STEPS = 32, 2


def drawn(make: Callable[[], nn.Module], dtype: torch.dtype) -> nn.Module:
    """A network with small random weights, laid out as those of a file are."""
    with unfilled():
        network = make()
    network = network.to(dtype).to_empty(device="cpu")
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.02)
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)


def a_lora(network: nn.Module, inside: str) -> Dict[str, LowRank]:
    """Of all layers whose names have that in them."""
    found = {}
    for name, shape in layer_shapes(network).items():
        if inside in name:
            kernel = [1] * (len(shape) - 2)
            down, up = torch.randn(RANK, *shape[1:]) * 0.02, torch.randn(shape[0], RANK, *kernel) * 0.02
            found[name] = LowRank(down, up, RANK)
    return found


def digests(network: nn.Module) -> Dict[str, str]:
    """Of each of its weights: copies would need as much memory again."""
    raw = {name: value.reshape(-1).view(torch.uint8).numpy() for name, value in network.state_dict().items()}
    return {name: hashlib.sha256(value.data).hexdigest() for name, value in raw.items()}


def best(work: Callable[[], object]) -> float:
    """The quickest of some, in seconds of the processors: others who use the machine do not count."""
    times = []
    for _ in range(STEPS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


@torch.no_grad()
def main() -> None:
    """Measure and print."""
    dtype = DTYPES[sys.argv[1] if len(sys.argv) > 1 else "fp32"]
    torch.manual_seed(0)
    unet, text = drawn(UNet, dtype), drawn(TextEncoder, dtype)
    vae = VAE(VAEConfig(width=32, multipliers=(1,), blocks=1))
    model = StableDiffusion(unet, vae, text, SCHEDULE, "", 512, {})  # type: ignore[arg-type]
    x, t, context = torch.randn(1, 4, 64, 64).to(dtype), torch.tensor([500]), torch.randn(1, 77, 768).to(dtype)
    before = digests(model.networks())
    unet(x, t, context)  # what is made once, is
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lora.safetensors"
        layers = list(layer_shapes(unet))
        write_lora(path, LoraFile(a_lora(unet, "transformer_blocks"), a_lora(text, "encoder.layers")), layers)
        begun = time.process_time()
        (given,) = given_additions(model, [str(path)])
        read = time.process_time()
        with added(model.networks(), given.learned.additions):
            done = time.process_time()
            print(f"{len(given.learned.additions)} layers of rank {RANK}, {path.stat().st_size / 1e6:.0f} MB in fp16")
            print(f"read {read - begun:.2f} s, added {done - read:.2f} s, together {done - begun:.2f} s")
            with_it = best(lambda: unet(x, t, context))
        without = best(lambda: unet(x, t, context))
    print(f"a step with it {with_it:.2f} s, without {without:.2f} s: {with_it / without:.3f} times")
    same = digests(model.networks()) == before
    print(f"taken off again: {'the same to the bit' if same else 'NOT THE SAME'}")


if __name__ == "__main__":
    main()
