"""Training the small world's autoencoder: Stable Diffusion's, narrow, with latents of a quarter of the side.

    loss = |x' - x| + |grad x' - grad x| + kl_weight KL(q(z | x) || N(0, 1))          (Rombach et al. 2022, appendix G)

Differences of neighbouring pixels stand in for the perceptual loss of the original, whose network we do not have: they
keep strokes sharp. In the end the latents are scaled so that those for the U-Net have unit variance with Stable
Diffusion's own constant.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..checkpoints import ModelFormat, write_model
from ..diffusion import seed_of
from ..images import save_image, sheet, to_pixels
from ..models.stable_diffusion import VAE
from ..models.stable_diffusion.vae import LATENT_SCALE, VAEConfig, drawn_latents
from ..training import LoopOptions, Trainer, check_intervals, resume, run_recorded, start
from .scenes import SIZE, Digits, draw_scenes
from .upkeep import Upkeep

FORMAT = ModelFormat("sfumato world autoencoder 1", "small world's autoencoder", "`world autoencoder`")
_SHOWN = 16
_MEASURED = 256
_AT_ONCE = 32


@dataclass
class AutoencoderOptions:
    """Train the small world's autoencoder; run the same command again to go on with an interrupted run."""

    data: Path
    """The course's digits folder, which holds mnistm/ and svhn/."""
    mnist: Path
    """An .npz with MNIST's x_train and y_train."""
    out: Path
    """Folder of the run: states, log, sheets, and in the end autoencoder.safetensors."""
    loop: LoopOptions = field(
        default_factory=lambda: LoopOptions(steps=3000, batch_size=16, warmup=100, ema=0.998, decay_share=0.5)
    )
    network: VAEConfig = field(default_factory=lambda: VAEConfig(width=64, multipliers=(1, 1, 2), blocks=1))
    kl_weight: float = 0.003
    """How much the latents are drawn to a normal distribution."""
    muon_lr: float = 0.01
    """Peak learning rate of the convolutions inside the network (Muon)."""
    adam_lr: float = 1e-3
    """Peak learning rate of everything else (AdamW)."""
    upkeep: Upkeep = field(default_factory=Upkeep)

    def settings(self) -> Dict[str, Any]:
        """What decides the resulting weights."""
        chosen = dataclasses.asdict(self)
        names = ("loop", "network", "kl_weight", "muon_lr", "adam_lr")
        return {**{name: chosen[name] for name in names}, "precision": self.upkeep.precision}


class _RoundTrip(nn.Module):
    """Pictures and noise to painted pictures and the latents' KL divergence from N(0, 1), a number a picture."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pictures: Tensor, noise: Tensor) -> Tuple[Tensor, Tensor]:
        mean, log_variance = (part.float() for part in self.vae.moments(pictures))
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
        return self.vae.decode(drawn_latents(mean, log_variance, noise)), divergence.flatten(1).mean(dim=1)


def train_autoencoder(options: AutoencoderOptions) -> Path:
    """Run, or go on with, a training; see AutoencoderOptions.

    Returns:
        The finished autoencoder's file.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_intervals(options.upkeep)
    digits = Digits.read(options.data, options.mnist, options.upkeep.cache)
    torch.manual_seed(options.loop.seed)
    network = _RoundTrip(VAE(options.network))
    ends = ("vae.encoder.conv_in.", "vae.encoder.conv_out.", "vae.decoder.conv_in.", "vae.decoder.conv_out.")
    trainer = start(
        network,
        options.loop,
        options.upkeep.precision,
        options.muon_lr,
        options.adam_lr,
        (*ends, "vae.quant", "vae.post"),
    )
    settings = {**options.settings(), "data": digits.digest()}
    resume(trainer, options.out, settings, "world autoencoder")
    finished = options.out / "autoencoder.safetensors"

    def finish(mean: _RoundTrip) -> Path:
        measured = draw_scenes(digits, _MEASURED, torch.Generator().manual_seed(0)).pixels
        rescale(mean.vae, measured.to(trainer.accelerator.device))
        write_model(finished, mean.vae, FORMAT, dataclasses.asdict(options.network), note=json.dumps(settings))
        return finished

    run_recorded(
        trainer,
        _Batches(digits, options),
        lambda net, batch: _loss(net, [part.to(trainer.accelerator.device) for part in batch], options.kl_weight),
        finish,
        out=options.out,
        settings=settings,
        what="autoencoder",
        save_every=options.upkeep.save_every,
        look=lambda step: _look(step, trainer, digits, options),
        look_every=options.upkeep.look_every,
    )
    return finished


class _Batches:
    """(step, rows) -> pictures and the noise that their latents are drawn with."""

    def __init__(self, digits: Digits, options: AutoencoderOptions) -> None:
        self._digits, self._count, self._seed = digits, options.loop.batch_size, options.loop.seed
        self._latent, self._factor = options.network.latent, 2 ** (len(options.network.multipliers) - 1)

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        pictures = draw_scenes(self._digits, self._count, source).pixels
        side = SIZE // self._factor
        noise = torch.randn(self._count, self._latent, side, side, generator=source)
        return pictures[rows], noise[rows]


def _loss(network: nn.Module, batch: Sequence[Tensor], kl_weight: float) -> Tensor:
    pictures, noise = batch
    painted, divergence = network(pictures, noise)
    error = painted.float() - pictures
    edges = error.diff(dim=2).abs().flatten(1).mean(dim=1) + error.diff(dim=3).abs().flatten(1).mean(dim=1)
    return error.abs().flatten(1).mean(dim=1) + edges + kl_weight * divergence


@torch.no_grad()
def rescale(vae: VAE, pictures: Tensor) -> None:
    """Scale an autoencoder's latents, and nothing else that it does, to the standard deviation 1 / 0.18215.

    Args:
        vae: changed in place: its last layer before the latents and its first after them.
        pictures: to measure with [n, 3, H, W] in [-1, 1].
    """
    mean, log_variance = (torch.cat(part) for part in zip(*(vae.moments(some) for some in pictures.split(_AT_ONCE))))
    deviation = float((mean.var() + log_variance.exp().mean()).sqrt())
    factor = 1 / (LATENT_SCALE * deviation)
    latent = vae.config.latent
    vae.quant_conv.weight[:latent] *= factor
    vae.quant_conv.bias[:latent] *= factor  # type: ignore[index]
    vae.quant_conv.bias[latent:] += 2 * torch.tensor(factor).log()  # type: ignore[index]
    vae.post_quant_conv.weight /= factor


@torch.no_grad()
def _look(step: int, trainer: "Trainer[_RoundTrip]", digits: Digits, options: AutoencoderOptions) -> Dict[str, float]:
    """Keep pictures beside what becomes of them, and measure how near they are."""
    vae = trainer.ema.network.vae
    pictures = draw_scenes(digits, _MEASURED, torch.Generator().manual_seed(0)).pixels.to(trainer.accelerator.device)
    painted = torch.cat([vae.decode(vae.encode(some)) for some in pictures.split(_AT_ONCE)]).clamp(-1, 1)
    both = torch.stack([pictures[:_SHOWN], painted[:_SHOWN]], dim=1).flatten(0, 1)
    save_image(sheet(to_pixels(both), 8), options.out / f"sheet-{step:08d}.png")
    error = (painted - pictures).square().flatten(1).mean(dim=1)
    return {"psnr": float((10 * (4 / error).log10()).mean())}
