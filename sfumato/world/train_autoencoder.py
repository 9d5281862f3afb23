"""Training the small world's autoencoder: Stable Diffusion's, narrow, with latents of a quarter of the side.

    loss = |x' - x| + |grad x' - grad x| + kl_weight KL(q(z | x) || N(0, 1))          (Rombach et al. 2022, appendix G)

Differences of neighbouring pixels stand in for the perceptual loss of the original, whose network we do not have: they
keep strokes sharp. In the end the latents are scaled so that those for the U-Net have unit variance with Stable
Diffusion's own constant.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..checkpoints import write_model
from ..images import save_image, sheet, to_pixels
from ..models.stable_diffusion import VAE
from ..models.stable_diffusion.vae import LATENT_SCALE, VAEConfig, drawn_latents
from ..options import check_options, number
from ..stable_diffusion import refuse_shapes
from ..training import LoopOptions, TrainingOptions, in_turn, run
from .autoencoders import FORMAT, load_autoencoder
from .scenes import SIZE, DigitFiles, Digits, Scenes, draw_scenes
from .work import SceneWork

_SHOWN = 16
_MEASURED = 256
_AT_ONCE = 32
_LOOP = LoopOptions(steps=3000, batch_size=16, warmup=100, ema=0.998, decay_share=0.5)


@dataclass
class AutoencoderOptions(DigitFiles):
    """Train the small world's autoencoder; run the same command again to go on with an interrupted run."""

    out: Path
    """Folder of the run: states, log, sheets, and in the end autoencoder.safetensors."""
    start: Optional[Path] = None
    """An autoencoder.safetensors, a Stable Diffusion checkpoint or the word "small" for the one that ships, to begin
    from; random weights by default."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    network: VAEConfig = field(default_factory=lambda: VAEConfig(width=64, multipliers=(1, 1, 2), blocks=1))
    kl_weight: float = number(0.003, 0)
    """How much the latents are drawn to a normal distribution."""
    training: TrainingOptions = field(default_factory=lambda: TrainingOptions(_LOOP, muon_lr=0.01))


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
        The finished autoencoder's file; not there yet with `plan`.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_options(options)
    refuse_shapes(SIZE, options.network)
    start = options.start and load_autoencoder(options.start, options.network)
    work = _AutoencoderWork(options, in_turn(lambda: Digits.read(options.data, options.mnist, options.cache)))
    if start:
        vae, work.made["start"] = start
        work.network.vae.load_state_dict(vae.state_dict())
    return run(work, options.training, options.out)


class _AutoencoderWork(SceneWork[_RoundTrip]):
    command, what = "world autoencoder", "autoencoder"
    ends = [
        *(f"vae.{half}.{end}." for half in ("encoder", "decoder") for end in ("conv_in", "conv_out")),
        *("vae.quant", "vae.post"),
    ]

    def __init__(self, options: AutoencoderOptions, digits: Digits) -> None:
        super().__init__(digits, options.training.loop.batch_size, options.training.loop.seed)
        self.network, self.weights = _RoundTrip(VAE(options.network)), options.out / "autoencoder.safetensors"
        self.made.update(network=asdict(options.network), kl_weight=options.kl_weight)
        self._options = options

    def batch(self, scenes: Scenes, seed: int, source: torch.Generator) -> Sequence[Tensor]:
        """Pictures, and the noise that their latents are drawn with."""
        config = self._options.network
        side = SIZE // 2 ** (len(config.multipliers) - 1)
        return scenes.pixels, torch.randn(len(scenes.pixels), config.latent, side, side, generator=source)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        pictures, noise = batch
        painted, divergence = network(pictures, noise)
        error = painted.float() - pictures
        edges = error.diff(dim=2).abs().flatten(1).mean(dim=1) + error.diff(dim=3).abs().flatten(1).mean(dim=1)
        return error.abs().flatten(1).mean(dim=1) + edges + self._options.kl_weight * divergence

    def finish(self, mean: _RoundTrip, settings: Mapping[str, Any]) -> Path:
        rescale(mean.vae, self._measured(mean))
        write_model(self.weights, mean.vae, FORMAT, asdict(self._options.network), note=json.dumps(settings))
        return self.weights

    @torch.no_grad()
    def look(self, step: int, mean: _RoundTrip) -> Dict[str, float]:
        """Keep pictures beside what becomes of them, and measure how near they are."""
        vae, pictures = mean.vae, self._measured(mean)
        painted = torch.cat([vae.decode(vae.encode(some)) for some in pictures.split(_AT_ONCE)]).clamp(-1, 1)
        both = torch.stack([pictures[:_SHOWN], painted[:_SHOWN]], dim=1).flatten(0, 1)
        save_image(sheet(to_pixels(both), 8, clear=True), self.weights.parent / f"sheet-{step:08d}.png")
        error = (painted - pictures).square().flatten(1).mean(dim=1)
        return {"psnr": float((10 * (4 / error).log10()).mean())}

    def _measured(self, mean: _RoundTrip) -> Tensor:
        device = mean.vae.quant_conv.weight.device
        return draw_scenes(self.digits, _MEASURED, torch.Generator().manual_seed(0)).pixels.to(device)


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
