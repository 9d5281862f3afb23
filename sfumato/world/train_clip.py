"""Training the small world's CLIP: which caption belongs to which picture (Radford et al. 2021).

    loss = (CE(logits, i) + CE(logits^T, i)) / 2,     logits_ij = exp(s) <image_i, text_j>,     both of length 1

The network is transformers' CLIPModel, small, so that whatever reads a CLIP folder reads this one. Its text half is
also where the text encoder of the world's Stable Diffusion begins, as in the original.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..diffusion import seed_of
from ..models.stable_diffusion.text_encoder import TextConfig
from ..models.stable_diffusion.tokenizer import BEGIN, END, VOCABULARY, Tokenizer
from ..training import LoopOptions, Trainer, check_intervals, resume, run_recorded, start
from .captioned import TOKENS, Captions
from .captions import NAMES, article
from .clip_folder import write_clip
from .scenes import NAMED_DIGITS, SIZE, UNNAMED_DIGIT, Digits, draw_scenes
from .upkeep import Upkeep

if TYPE_CHECKING:
    from transformers import CLIPModel

TEXT = TextConfig(vocabulary=VOCABULARY, tokens=TOKENS, width=64, layers=4, inner=256)
"""The text encoder of the world, in CLIP and in Stable Diffusion."""

_MEASURED = 256


@dataclass
class ClipOptions:
    """Train the small world's CLIP; run the same command again to go on with an interrupted run."""

    data: Path
    """The course's digits folder, which holds mnistm/ and svhn/."""
    mnist: Path
    """An .npz with MNIST's x_train and y_train."""
    out: Path
    """Folder of the run: states, log, and in the end the folder clip/."""
    loop: LoopOptions = field(
        default_factory=lambda: LoopOptions(steps=3000, batch_size=128, warmup=200, ema=0.998, decay_share=0.6)
    )
    lr: float = 1.5e-3
    """Peak learning rate (AdamW); that of the matrices (Muon) is ten times that."""
    upkeep: Upkeep = field(default_factory=Upkeep)

    def settings(self) -> Dict[str, Any]:
        """What decides the resulting weights."""
        chosen = dataclasses.asdict(self)
        return {"loop": chosen["loop"], "lr": self.lr, "precision": self.upkeep.precision}


def new_clip() -> "CLIPModel":
    """An untrained CLIP of the world's shape: 6x6-pixel patches, 4 layers in each half."""
    from transformers import CLIPConfig, CLIPModel

    text = {
        "vocab_size": TEXT.vocabulary,
        "max_position_embeddings": TEXT.tokens,
        "hidden_size": TEXT.width,
        "intermediate_size": TEXT.inner,
        "num_hidden_layers": TEXT.layers,
        "num_attention_heads": TEXT.width // 64,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "pad_token_id": END,
    }
    vision = {
        "image_size": SIZE,
        "patch_size": 6,
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))


class _Logits(nn.Module):
    """Pictures and ids to how well each picture fits each caption [n, n]."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = new_clip()

    def forward(self, pictures: Tensor, ids: Tensor) -> Tensor:
        return self.clip(input_ids=ids, pixel_values=pictures).logits_per_image


def train_clip(options: ClipOptions) -> Path:
    """Run, or go on with, a training; see ClipOptions.

    Returns:
        The finished CLIP's folder.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_intervals(options.upkeep)
    digits = Digits.read(options.data, options.mnist, options.upkeep.cache)
    torch.manual_seed(options.loop.seed)
    outside = ("clip.vision_model.embeddings.", "clip.text_model.embeddings.")
    trainer = start(_Logits(), options.loop, options.upkeep.precision, 10 * options.lr, options.lr, outside, dims=(2,))
    settings = {**options.settings(), "data": digits.digest()}
    resume(trainer, options.out, settings, "world clip")
    finished = options.out / "clip"
    batches = _Batches(digits, options.loop.batch_size, options.loop.seed)

    def finish(mean: _Logits) -> Path:
        write_clip(finished, mean.clip, note=json.dumps(settings))
        return finished

    run_recorded(
        trainer,
        batches,
        lambda net, batch: _loss(net, [part.to(trainer.accelerator.device) for part in batch]),
        finish,
        out=options.out,
        settings=settings,
        what="CLIP",
        save_every=options.upkeep.save_every,
        look=lambda step: _look(trainer, digits),
        look_every=options.upkeep.look_every,
    )
    return finished


class _Batches:
    """(step, rows) -> pictures and the ids of their captions."""

    def __init__(self, digits: Digits, count: int, seed: int) -> None:
        self._digits, self._count, self._seed = digits, count, seed
        self._captions = Captions()

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        scenes = draw_scenes(self._digits, self._count, source)
        return scenes.pixels[rows], self._captions(scenes, seed_of(self._seed, step, 1))[rows]


def _loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
    """Each process contrasts its own share of the batch."""
    logits = network(*batch).float()
    here = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, here, reduction="none") + F.cross_entropy(logits.T, here, reduction="none")) / 2


@torch.no_grad()
def _look(trainer: "Trainer[_Logits]", digits: Digits) -> Dict[str, float]:
    """How often single digits, of those that have a name, are found by their names."""
    scenes = draw_scenes(digits, _MEASURED, torch.Generator().manual_seed(1), pairs=0.0)
    tokenizer, device = Tokenizer(length=TOKENS), trainer.accelerator.device
    ids = torch.tensor([tokenizer(f"a photo of {article(NAMES[digit])}").ids for digit in NAMED_DIGITS], device=device)
    asked = scenes.digits[:, 0] != UNNAMED_DIGIT
    best = trainer.ema.network(scenes.pixels[asked].to(device), ids).argmax(dim=1).cpu()
    return {"right_digit": float((torch.tensor(NAMED_DIGITS)[best] == scenes.digits[asked, 0]).float().mean())}
