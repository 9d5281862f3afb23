"""Training the small world's Stable Diffusion: the U-Net and its text encoder, on latents and captions.

The objective is the original's: eps on the scaled-linear schedule, every tenth caption empty for guidance. The text
encoder begins as CLIP's and goes on learning, since CLIP here saw no more than the same digits.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

import torch
from torch import Tensor, nn

from ..checkpoints import (
    PREFIXES,
    SIZE_KEY,
    load_strictly,
    loaded,
    read_model,
    read_safetensors,
    read_stable_diffusion,
    write_safetensors,
)
from ..concepts.model import StableDiffusion
from ..concepts.painting import Sampling, encoded, paint
from ..devices import choose_precision
from ..diffusion import (
    NetworkDenoiser,
    ScaledLinearSchedule,
    Schedule,
    make_loss,
    seed_of,
    stratified_times,
    training_loss,
)
from ..errors import UserError
from ..images import save_image, sheet
from ..models.stable_diffusion import VAE, TextEncoder, UNet
from ..models.stable_diffusion.unet import UNetConfig
from ..models.stable_diffusion.vae import VAEConfig, drawn_latents
from ..runs import file_identity
from ..training import LoopOptions, Loss, Trainer, check_intervals, resume, run_recorded, start
from . import train_autoencoder
from .captioned import Captions
from .captions import NAMES
from .latents import Pool, encoded_pool
from .scenes import NAMED_DIGITS, SIZE, Digits
from .train_clip import TEXT
from .upkeep import Upkeep

_SHOWN = [
    *(f"a {style} {NAMES[digit]}" for style in ("street", "colourful", "chalk") for digit in NAMED_DIGITS),
    "a digit",
    "a three",
    "a seven next to a two",
    "a chalk five next to a street one",
    "the number 38 on a house",
]


@dataclass
class TrainOptions:
    """Train the small world's Stable Diffusion; run the same command again to go on with an interrupted run."""

    data: Path
    """The course's digits folder, which holds mnistm/ and svhn/."""
    mnist: Path
    """An .npz with MNIST's x_train and y_train."""
    autoencoder: Path
    """The autoencoder.safetensors of `world autoencoder`."""
    clip: Path
    """The clip folder of `world clip`; its text half is where the text encoder begins."""
    out: Path
    """Folder of the run: states, log, sheets, encoded pictures, and in the end world.safetensors."""
    start: Optional[Path] = None
    """A world.safetensors whose U-Net and text encoder to begin from."""
    loop: LoopOptions = field(
        default_factory=lambda: LoopOptions(steps=9000, batch_size=64, warmup=200, ema=0.9985, decay_share=0.5)
    )
    network: UNetConfig = field(
        default_factory=lambda: UNetConfig(width=64, multipliers=(1, 2, 2), blocks=1, context=TEXT.width)
    )
    pool: int = 64_000
    """Pictures, encoded before the training begins."""
    silent: float = 0.1
    """Share of empty captions."""
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions and matrices inside the U-Net (Muon)."""
    adam_lr: float = 1e-3
    """Peak learning rate of everything else (AdamW)."""
    upkeep: Upkeep = field(default_factory=Upkeep)

    def settings(self) -> Dict[str, Any]:
        """What decides the resulting weights."""
        chosen = dataclasses.asdict(self)
        names = ("loop", "network", "pool", "silent", "muon_lr", "adam_lr")
        weights = {"autoencoder": self.autoencoder, "clip": self.clip / "model.safetensors", "start": self.start}
        files = {name: file_identity(path) for name, path in weights.items()}
        return {**{name: chosen[name] for name in names}, **files, "precision": self.upkeep.precision}


class _TextToImage(nn.Module):
    """The two networks that learn."""

    def __init__(self, unet: UNet, text: TextEncoder) -> None:
        super().__init__()
        self.unet, self.text = unet, text

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        return self.unet(x, t, self.text(ids))


def train(options: TrainOptions) -> Path:
    """Run, or go on with, a training; see TrainOptions.

    Returns:
        The finished checkpoint.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_intervals(options.upkeep)
    digits = Digits.read(options.data, options.mnist, options.upkeep.cache)
    vae = _read_autoencoder(options.autoencoder)
    torch.manual_seed(options.loop.seed)
    ends = ("unet.input_blocks.0.", "unet.out.", "text.")
    trainer = start(
        _first_networks(options),
        options.loop,
        options.upkeep.precision,
        options.muon_lr,
        options.adam_lr,
        ends,
        dims=(2, 4),
    )
    device = trainer.accelerator.device
    settings = {**options.settings(), "data": digits.digest()}
    resume(trainer, options.out, settings, "world train")
    precision = choose_precision(device, options.upkeep.precision)
    pool = encoded_pool(
        options.out / "pool.safetensors", vae.to(device), digits, options.pool, options.loop.seed, precision
    )
    finished = options.out / "world.safetensors"

    def finish(mean: _TextToImage) -> Path:
        write_world(finished, mean.unet, vae, mean.text, note=json.dumps(settings))
        return finished

    run_recorded(
        trainer,
        Batches(pool, options.loop.batch_size, options.silent, options.loop.seed),
        _loss_of(ScaledLinearSchedule(), device),
        finish,
        out=options.out,
        settings=settings,
        what="the small world",
        save_every=options.upkeep.save_every,
        look=lambda step: _look(step, trainer, vae, options.out),
        look_every=options.upkeep.look_every,
    )
    return finished


def _read_autoencoder(path: Path) -> VAE:
    state, config = read_model(path, train_autoencoder.FORMAT)
    return loaded(lambda: VAE(VAEConfig(**config)), state, path, train_autoencoder.FORMAT.what)


def _first_networks(options: TrainOptions) -> _TextToImage:
    networks = _TextToImage(UNet(options.network), TextEncoder(TEXT))
    if options.start is not None:
        parts = read_stable_diffusion(options.start)
        load_strictly(networks.unet, parts.unet, options.start, "U-Net of that shape")
        load_strictly(networks.text, parts.text, options.start, "text encoder of that shape")
        return networks
    path = options.clip / "model.safetensors"
    if not path.is_file():
        raise UserError(f"{path}: is missing; give the folder that `world clip` wrote")
    state = {key: value for key, value in read_safetensors(path)[0].items() if key.startswith("text_model.")}
    load_strictly(networks.text, state, path, "text encoder of the small world")
    return networks


def write_world(path: Path, unet: UNet, vae: VAE, text: TextEncoder, note: str = "") -> None:
    """Write a whole small checkpoint with CompVis' keys, in half precision."""
    networks = {"unet": unet, "vae": vae, "text": text}
    tensors = {
        prefix + key: value.to(torch.float16)
        for name, prefix in PREFIXES.items()
        for key, value in networks[name].state_dict().items()
    }
    tensors[SIZE_KEY] = torch.tensor(SIZE)
    write_safetensors(path, tensors, {"format": "sfumato stable diffusion v1", "note": note})


class Batches:
    """(step, rows) -> scaled latents, times, noise and token ids.

    Args:
        pool: of encoded pictures.
        count: in a global batch.
        silent: share of empty captions.
        seed: of everything drawn.
    """

    def __init__(self, pool: Pool, count: int, silent: float, seed: int) -> None:
        self._pool, self._count, self._silent, self._seed = pool, count, silent, seed
        self._captions = Captions()

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """x0 [n, 4, 12, 12], t [n], eps like x0, ids [n, tokens]."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._pool.moments), (self._count,), generator=source)
        mean, log_variance = self._pool.moments[picked].float().chunk(2, dim=1)
        x0 = drawn_latents(mean, log_variance, torch.randn(mean.shape, generator=source))
        t = stratified_times(ScaledLinearSchedule(), self._count, source)
        eps = torch.randn(mean.shape, generator=source)
        ids = self._captions(self._pool.scenes(picked), seed_of(self._seed, step, 1), self._silent)
        return x0[rows], t[rows], eps[rows], ids[rows]


def _loss_of(schedule: Schedule, device: torch.device) -> Loss:
    def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, t, eps, ids = (part.to(device) for part in batch)
        return training_loss(NetworkDenoiser(network, schedule, "eps", (ids,)), x0, t, eps, make_loss("min-snr"))

    return loss


@torch.no_grad()
def _look(step: int, trainer: "Trainer[_TextToImage]", vae: VAE, out: Path) -> Dict[str, float]:
    """Paint some prompts with the mean weights and keep the sheet."""
    mean = trainer.ema.network
    model = StableDiffusion(mean.unet, vae, mean.text, ScaledLinearSchedule(), "", SIZE, {})
    states = torch.cat([encoded(model, [prompt]) for prompt in _SHOWN])
    pixels = paint(model, states, encoded(model, [""])[:, 0], list(range(len(_SHOWN))), Sampling(steps=15))
    save_image(sheet(pixels, 8), out / f"sheet-{step:08d}.png")
    return {}
