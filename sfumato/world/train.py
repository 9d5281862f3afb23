"""Training the small world's Stable Diffusion: the U-Net and its text encoder, on latents and captions.

The objective is the original's: eps on the scaled-linear schedule, every tenth caption empty for guidance. The text
encoder begins as CLIP's and goes on learning, since CLIP here saw no more than the same digits.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..checkpoints import load_strictly, read_stable_diffusion, write_stable_diffusion
from ..clip import SHIPPED, clip_weights
from ..concepts.painting import Sampling, encoded, paint
from ..devices import choose_precision
from ..diffusion import seed_of
from ..images import save_image, sheet
from ..model import Diffusion
from ..models.picture_encoder import EncoderConfig
from ..models.shipped import small_or
from ..models.stable_diffusion import VAE, TextEncoder, UNet
from ..models.stable_diffusion.unet import UNetConfig
from ..options import check_options, number
from ..pictures.encoders import alignment_of
from ..pictures.latents import LatentBatches
from ..pictures.train_classifier import BATCH
from ..runs import file_identity
from ..stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion, refuse_shapes
from ..training import AlignedLoop, AlignedOptions, Draw, in_turn, run
from .autoencoders import load_autoencoder
from .captions import NAMES, Captions
from .latents import Pool, encoded_pool
from .scenes import DIGITS, LOOKS, NAMED_DIGITS, SIZE, DigitFiles, Digits
from .train_clip import TEXT
from .work import SceneWork

_LOOP = AlignedLoop(steps=9000, batch_size=64, warmup=200, ema=0.9985, decay_share=0.5)
_HELD_OUT, _AT_ONCE = 200, 50
_TOLD = (DIGITS + 1, DIGITS + 1, len(LOOKS) + 1, len(LOOKS) + 1)
"""Labels of what an encoder tells apart: the digits left and right, and their looks."""
_SHOWN = [
    *(f"a {style} {NAMES[digit]}" for style in ("street", "colourful", "chalk") for digit in NAMED_DIGITS),
    "a digit",
    "a three",
    "a seven next to a two",
    "a chalk five next to a street one",
    "the number 38 on a house",
]


@dataclass
class TrainOptions(DigitFiles):
    """Train the small world's Stable Diffusion; run the same command again to go on with an interrupted run."""

    autoencoder: Path
    """An autoencoder.safetensors, or a Stable Diffusion checkpoint whose autoencoder is taken; "small" for ours."""
    clip: Path
    """A clip folder of `world clip`, or "small" for ours; its text half is where the text encoder begins."""
    out: Path
    """Folder of the run: states, log, sheets, encoded pictures, and in the end world.safetensors."""
    start: Optional[Path] = None
    """A world.safetensors whose U-Net and text encoder to begin from, or "small"."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    network: UNetConfig = field(
        default_factory=lambda: UNetConfig(width=64, multipliers=(1, 2, 2), blocks=1, context=TEXT.width)
    )
    pool: int = number(64_000, 1)
    """Pictures, encoded before the training begins."""
    silent: float = number(0.1, 0, 1)
    """Share of empty captions."""
    training: AlignedOptions = field(default_factory=lambda: AlignedOptions(_LOOP))


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
        The finished checkpoint; not there yet with `plan`.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_options(options)
    options.training.check()
    start = options.start and small_or(options.start, SMALL_WORLD)
    options = replace(options, clip=small_or(options.clip, SHIPPED), start=start)
    vae, named = load_autoencoder(options.autoencoder)
    refuse_shapes(SIZE, vae.config, options.network, TEXT)
    digits = in_turn(lambda: Digits.read(options.data, options.mnist, options.cache))
    work = _WorldWork(options, digits, vae, named)
    return run(work, options.training, options.out)


class _WorldWork(SceneWork[Diffusion]):
    command, what = "world train", "the small world"
    ends = [f"network.{end}" for end in ("unet.input_blocks.0.", "unet.out.", "text.")]
    dims = (2, 4)

    def __init__(self, options: TrainOptions, digits: Digits, vae: VAE, named: Any) -> None:
        super().__init__(digits, options.training.loop.batch_size, options.training.loop.seed)
        self.network = Diffusion(_first_networks(options), SCHEDULE, loss="min-snr", clamp=False)
        self.weights, self._vae, self._options = options.out / "world.safetensors", vae, options
        self._captions = Captions()
        self.made.update(autoencoder=named, clip=file_identity(clip_weights(options.clip)[1]))
        self.made.update(start=file_identity(options.start), encoder=file_identity(options.training.encoder))
        self.made.update(network=asdict(options.network), pool=options.pool, silent=options.silent)
        self._side = SIZE // 2 ** (len(vae.config.multipliers) - 1)
        config = EncoderConfig(vae.config.latent, (self._side, self._side), _TOLD)
        block = options.training.align_block or f"unet.input_blocks.{2 * options.network.blocks + 1}"
        self.alignment = alignment_of(
            options.training, options.out, f"network.{block}", config, self._seen, pixels=False
        )

    def prepared(self, device: torch.device) -> Draw:
        options = self._options
        path, chosen = options.out / "pool.safetensors", choose_precision(device, options.training.precision)
        pool = in_turn(lambda: encoded_pool(path, self._vae.to(device), self.digits, options.pool, self.seed, chosen))
        held_out = min(_HELD_OUT, len(pool.moments) // 10)
        self._held_out = self._batches(pool.part(slice(0, held_out)), held_out, 0.0)
        self._pool = pool.part(slice(held_out, None))
        return self._batches(self._pool, self.count, options.silent)

    def _seen(self, source: torch.Generator) -> Tuple[Tensor, Sequence[Tensor]]:
        """What the encoder learns from: latents, and what each place shows; the last label stands for nothing there."""
        latents, places = self._batches(self._pool, BATCH, 0.0).clean(source, BATCH)
        scenes = self._pool.scenes(places)
        told = torch.cat([scenes.digits, scenes.looks], dim=1) % torch.tensor(_TOLD)
        return latents, list(told.T)

    def _batches(self, pool: Pool, count: int, silent: float) -> LatentBatches:
        def texts(picked: Tensor, step: int, source: torch.Generator) -> Tensor:
            return self._captions(pool.scenes(picked), seed_of(self.seed, step, 1), silent)

        return LatentBatches(pool.moments, texts, count, SCHEDULE, self.seed)

    def tried(self, device: torch.device) -> Draw:
        # Nobody should wait for 64,000 encoded pictures to hear how long it will take.
        nothing = torch.zeros(1, 2, dtype=torch.int64)
        moments = torch.zeros(1, 2 * self._vae.config.latent, self._side, self._side, dtype=torch.float16)
        return self._batches(Pool(moments, nothing, nothing), self.count, 1.0)

    def finish(self, mean: Diffusion, settings: Mapping[str, Any]) -> Path:
        networks = {"unet": mean.network.unet, "vae": self._vae, "text": mean.network.text}
        states = {name: network.state_dict() for name, network in networks.items()}
        write_stable_diffusion(self.weights, states, SIZE, torch.float16, json.dumps(settings))
        return self.weights

    @torch.no_grad()
    def look(self, step: int, mean: Diffusion) -> Dict[str, float]:
        """Paint some prompts with the mean weights and keep the sheet."""
        networks, vae = mean.network, self._vae
        model = StableDiffusion(networks.unet, vae, networks.text, SCHEDULE, "", SIZE, {})
        states = torch.cat([encoded(model, [prompt]) for prompt in _SHOWN])
        pixels = paint(model, states, encoded(model, [""])[:, 0], list(range(len(_SHOWN))), Sampling(steps=15))
        save_image(sheet(pixels, 8, clear=True), self.weights.parent / f"sheet-{step:08d}.png")
        batch = zip(*(part.split(_AT_ONCE) for part in self._held_out(0, slice(None))))
        rows = [self.loss(mean, [part.to(states.device) for part in some]) for some in batch]
        return {"loss/held_out": float(torch.cat(rows).mean())}

    def then(self) -> str:
        return f'sfumato concepts generate painted --checkpoint {quote(str(self.weights))} --prompt "a chalk three"'


def _first_networks(options: TrainOptions) -> _TextToImage:
    networks = _TextToImage(UNet(options.network), TextEncoder(TEXT))
    if options.start is not None:
        parts = read_stable_diffusion(options.start)
        load_strictly(networks.unet, parts.unet, options.start, "U-Net of that shape")
        load_strictly(networks.text, parts.text, options.start, "text encoder of that shape")
        return networks
    state, path = clip_weights(options.clip)
    text = {key: value for key, value in state.items() if key.startswith("text_model.")}
    load_strictly(networks.text, text, path, "text encoder of the small world")
    return networks
