"""Training the small world's CLIP: which caption belongs to which picture (Radford et al. 2021).

    loss = (CE(logits, i) + CE(logits^T, i)) / 2,     logits_ij = exp(s) <image_i, text_j>,     both of length 1

The network is transformers' CLIPModel, small, so that whatever reads a CLIP folder reads this one. Its text half is
also where the text encoder of the world's Stable Diffusion begins, as in the original.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import load_strictly
from ..checkpoints.clip_folder import write_clip
from ..clip import SHIPPED, clip_weights
from ..models.shipped import small_or
from ..models.stable_diffusion.text_encoder import TextConfig
from ..models.stable_diffusion.tokenizer import BEGIN, END, VOCABULARY, Tokenizer
from ..options import check_options
from ..runs import file_identity
from ..training import LoopOptions, TrainingOptions, in_turn, run
from .captions import NAMES, TOKENS, Captions, article
from .scenes import NAMED_DIGITS, SIZE, UNNAMED_DIGIT, DigitFiles, Digits, Scenes, draw_scenes
from .work import SceneWork

if TYPE_CHECKING:
    from transformers import CLIPModel

TEXT = TextConfig(vocabulary=VOCABULARY, tokens=TOKENS, width=64, layers=4, inner=256)
"""The text encoder of the world, in CLIP and in Stable Diffusion."""

_MEASURED = 256
_LOOP = LoopOptions(steps=3000, batch_size=128, warmup=200, ema=0.998, decay_share=0.6)


@dataclass
class ClipOptions(DigitFiles):
    """Train the small world's CLIP; run the same command again to go on with an interrupted run."""

    out: Path
    """Folder of the run: states, log, and in the end the folder clip/."""
    start: Optional[Path] = None
    """A clip folder or the word "small" for the one that ships, to begin from; random weights by default."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    training: TrainingOptions = field(default_factory=lambda: TrainingOptions(_LOOP, muon_lr=1.5e-2, adam_lr=1.5e-3))


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
        The finished CLIP's folder; not there yet with `plan`.

    Raises:
        UserError: for data or settings that cannot be used.
    """
    check_options(options)
    start = options.start and clip_weights(small_or(options.start, SHIPPED))
    work = _ClipWork(options, in_turn(lambda: Digits.read(options.data, options.mnist, options.cache)))
    if start:
        load_strictly(work.network.clip, *start, "CLIP of the small world")
        work.made["start"] = file_identity(start[1])
    return run(work, options.training, options.out)


class _ClipWork(SceneWork[_Logits]):
    command, what = "world clip", "CLIP"
    ends = ("clip.vision_model.embeddings.", "clip.text_model.embeddings.")
    dims = (2,)

    def __init__(self, options: ClipOptions, digits: Digits) -> None:
        super().__init__(digits, options.training.loop.batch_size, options.training.loop.seed)
        self.network, self.weights = _Logits(), options.out / "clip"
        self._captions = Captions()

    def batch(self, scenes: Scenes, seed: int, source: torch.Generator) -> Sequence[Tensor]:
        """Pictures and the ids of their captions."""
        return scenes.pixels, self._captions(scenes, seed)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Each process contrasts its own share of the batch."""
        logits = network(*batch).float()
        here = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, here, reduction="none") + F.cross_entropy(logits.T, here, reduction="none")) / 2

    def finish(self, mean: _Logits, settings: Mapping[str, Any]) -> Path:
        write_clip(self.weights, mean.clip, note=json.dumps(settings))
        return self.weights

    @torch.no_grad()
    def look(self, step: int, mean: _Logits) -> Dict[str, float]:
        """How often single digits, of those that have a name, are found by their names."""
        scenes = draw_scenes(self.digits, _MEASURED, torch.Generator().manual_seed(1), pairs=0.0)
        tokenizer, device = Tokenizer(length=TOKENS), mean.clip.device
        ids = torch.tensor([tokenizer(f"a photo of {article(NAMES[digit])}").ids for digit in NAMED_DIGITS])
        asked = scenes.digits[:, 0] != UNNAMED_DIGIT
        best = mean(scenes.pixels[asked].to(device), ids.to(device)).argmax(dim=1).cpu()
        return {"right_digit": float((torch.tensor(NAMED_DIGITS)[best] == scenes.digits[asked, 0]).float().mean())}
