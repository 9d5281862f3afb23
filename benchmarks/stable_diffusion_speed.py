"""The full-size U-Net of Stable Diffusion v1 against diffusers' with the same weights: time and memory of a step.

    pip install diffusers
    python benchmarks/stable_diffusion_speed.py            time, both by turns in one process; then memory
    python benchmarks/stable_diffusion_speed.py WHOSE      peak memory of loading and one step: ours or theirs
    python benchmarks/stable_diffusion_speed.py passes     ours alone: packed or not, one or two at once (no diffusers)

A step is what each does on a CPU for one picture of 512x512 with guidance: ours is that of `concepts generate` (its own
walk: two passes of 64x64 latents, weights packed), theirs that of their pipeline (a pass of both). Weights are random;
the file that is loaded holds them in half precision, as most that are shared do.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import torch
from torch import Tensor

from sfumato.checkpoints import PREFIXES, filled, read_safetensors, write_safetensors
from sfumato.checkpoints.diffusers_layout import unet_keys
from sfumato.concepts.painting import Sampling, walk
from sfumato.devices import DTYPES, choose_precision, keep_freed_memory
from sfumato.diffusion import Step
from sfumato.models.packing import packed
from sfumato.models.stable_diffusion import VAE, TextEncoder, UNet
from sfumato.stable_diffusion import SCHEDULE, StableDiffusion

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


def ours(dtype: torch.dtype) -> UNet:
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


def painting(unet: UNet) -> Iterator[Step]:
    """The steps of one picture, as `concepts generate` walks them."""
    with torch.device("meta"):
        vae, text = VAE(), TextEncoder()
    model = StableDiffusion(unet, vae, text, SCHEDULE, "", 512, {})
    texts = torch.randn(1, 1, 77, 768).to(next(unet.parameters()).dtype)
    return walk(model, texts, texts[:, 0], [0], Sampling(steps=TURNS + 1))


@torch.no_grad()
def passes(dtype: torch.dtype) -> None:
    """Our passes by turns: the least seconds of this thread, for other work on the machine only adds to them."""
    network, x = ours(dtype), inputs(dtype)
    seconds: Dict[str, List[float]] = {}
    for _ in range(TURNS):
        for count in (1, 2):
            some = [part[:count] for part in x]
            plain = _timed(seconds, f"{count} at once", network, some)
            with packed(network):
                network(*some)
                answer = _timed(seconds, f"{count} at once, packed", network, some)
            assert torch.equal(answer, plain), "packed weights give the same bits"
    print(f"{dtype}: " + "; ".join(f"{name} {min(values):.2f} s" for name, values in seconds.items()))


def _timed(seconds: Dict[str, List[float]], name: str, network: UNet, given: List[Tensor]) -> Tensor:
    began = time.thread_time()
    answer: Tensor = network(*given)
    seconds.setdefault(name, []).append(time.thread_time() - began)
    return answer


@torch.no_grad()
def race(dtype: torch.dtype) -> None:
    """Both by turns, so that what else the machine does falls on both alike."""
    torch.manual_seed(1)
    arguments = inputs(dtype)
    unet, other = ours(dtype), theirs(dtype)
    wanted = other(*arguments).float()
    apart = (unet(*arguments).float() - wanted).norm() / wanted.norm()
    steps = painting(unet)
    runs: Dict[str, Callable[[], object]] = {"ours": lambda: next(steps), "theirs": lambda: other(*arguments)}
    seconds: Dict[str, List[float]] = {name: [] for name in runs}
    with packed(unet):
        for turn in range(TURNS + 1):
            for name, run in runs.items():
                began = time.perf_counter()
                run()
                if turn:  # the first turn packs, and warms up
                    seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"{dtype}: ours {median['ours']:.2f} s a step, theirs {median['theirs']:.2f} s,"
        f" {median['theirs'] / median['ours']:.2f}x; answers apart by {apart:.1e}"
    )


def peak_memory() -> float:
    """The most that this process has held, in GiB; getrusage would count its parent's too."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 2**20


def step(whose: str, dtype: torch.dtype) -> None:
    """Load a network and make one step with it."""
    if whose == "theirs":
        theirs(dtype)(*inputs(dtype))
        return
    unet = ours(dtype)
    with packed(unet):
        next(painting(unet))


def main() -> None:
    """Run what the module's docstring says."""
    write_weights()
    keep_freed_memory()
    if sys.argv[1:] in (["ours"], ["theirs"]):
        with torch.no_grad():
            step(sys.argv[1], torch.float32)
        print(f"{sys.argv[1]}: peak {peak_memory():.2f} GiB, fp32")
        return
    for precision in dict.fromkeys(("fp32", choose_precision(torch.device("cpu")))):
        (passes if sys.argv[1:] == ["passes"] else race)(DTYPES[precision])
    if sys.argv[1:] == ["passes"]:
        return
    for whose in ("ours", "theirs"):
        subprocess.run([sys.executable, __file__, whose], check=True)


if __name__ == "__main__":
    main()
