"""Looking at what is learned: previews with fixed seeds, scored by CLIP; all are kept, the best in the end."""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor

from ..additions import read_given
from ..checkpoints import LearnedFile, read_learned
from ..clip import Clip, scores
from ..concepts.painting import Sampling, encoded, paint
from ..diffusion import seed_of
from ..models.additions import added
from ..outputs import open_folder
from ..pictures.stages import is_kept, keep_stage, save_stages
from ..stable_diffusion import StableDiffusion
from .concept import Concept
from .files import learned_so_far, write_learned
from .learn_options import LearnOptions
from .learned import Learned, LearnedLoss
from .photos import Photos

_SAMPLING = Sampling(steps=15)
_GROWTH = "word"
"""The figure and the film of what is painted at each step."""
_STAGES = {"word": "words"}
"""The folder of the stages, by method."""
_NOTHING = 1e-6


class Previews:
    """Paints, scores and keeps what is learned, as it is learned.

    Args:
        model: that learns, on its device.
        loss: that it learns by, which lends it what is learned.
        first: what is learned, before the first step.
        concepts: that are learned.
        photos: of each, to compare with.
        options: where and how often.
    """

    def __init__(
        self,
        model: StableDiffusion,
        loss: LearnedLoss,
        first: Learned,
        concepts: Sequence[Concept],
        photos: Sequence[Photos],
        options: LearnOptions,
    ) -> None:
        self._model, self._loss, self._concepts, self._options = model, loss, concepts, options
        self._hashes = [some.settings() for some in photos]
        self._first = learned_so_far(first, {})
        given = tuple(prompt.replace("{}", concepts[0].said) for prompt in options.preview)
        beside = (" next to ".join(one.beside for one in concepts),) if len(concepts) > 1 else ()
        self._plain = given or tuple(prompt for one in concepts for prompt in one.previews) + beside
        self._prompts = [prompt for prompt in self._plain for _ in range(options.preview_count)]
        self._folder = options.out / _STAGES.get(options.method, "stages")
        self.finished = options.out / f"{options.method}.safetensors"
        self._clip: Optional[Clip] = None
        if options.preview_every and (options.clip is not None or options.checkpoint is None):
            self._clip = Clip(options.clip)
            self._photos = [self._clip.pictures([photo.image for photo in some]) for some in photos]

    def look(self, step: int, mean: Learned, loss: float) -> Dict[str, float]:
        """Paint the previews with what is learned, keep both, and score the pictures; the first time also those of
        what was there before the first step.

        Args:
            step: of the learning.
            mean: what is learned.
            loss: at noises and times that are the same at each look.

        Returns:
            What was measured, by name.
        """
        if not is_kept(self._options.out, 0):
            self._paint(0, self._first)
        stage = self._stage(mean, step, {})
        found = {"loss/fixed": loss, **self._paint(step, stage)}
        stage.metadata.update(_told(found))
        write_learned(
            open_folder(self._folder) / f"step-{step:06d}.safetensors", self._options.method, stage, self._model
        )
        save_stages(self._options.out, _GROWTH)
        return found

    def _paint(self, step: int, stage: LearnedFile) -> Dict[str, float]:
        """Paint from the same noises at every step, and score."""
        model = self._model
        with self._loss.resting(), added(model.networks(), stage.additions):
            model.words.update({word.token: word.vectors for word in stage.words})
            states = [encoded(model, [prompt]) for prompt in self._prompts]
            negative = encoded(model, [""])[:, 0]
            seeds = [seed_of(self._options.seed, "preview", number) for number in range(len(self._prompts))]
            pixels = torch.cat([paint(model, state, negative, [seed], _SAMPLING) for state, seed in zip(states, seeds)])
        found = self._scored(pixels)
        note = {"checkpoint": model.name, "seed": self._options.seed, "sampling": _SAMPLING.told(), **found}
        keep_stage(self._options.out, step, pixels, self._plain, note)
        return found

    def _scored(self, pixels: Tensor) -> Dict[str, float]:
        """Mean image and text score over the previews, and their weighted sum."""
        if self._clip is None:
            return {}
        directions = self._clip.pictures([Image.fromarray(one.numpy()) for one in pixels])
        found = [self._score(self._clip, direction, prompt) for direction, prompt in zip(directions, self._prompts)]
        image, text, both = (float(torch.cat(part).mean()) for part in zip(*found))
        return {"image_score": image, "text_score": text, "score": both}

    def _score(self, clip: Clip, direction: Tensor, prompt: str) -> Tuple[Tensor, Tensor, Tensor]:
        """Against the photos of what the prompt says, and the prompt in plain words."""
        said = [place for place, one in enumerate(self._concepts) if one.said in prompt]
        photos = torch.cat([self._photos[place] for place in said or range(len(self._concepts))])
        for concept in self._concepts:
            prompt = prompt.replace(concept.said, concept.plain)
        found = scores(clip, direction[None], photos, prompt)
        return (*found, found.weighted)

    def _stage(self, mean: Learned, step: int, found: Mapping[str, float]) -> LearnedFile:
        first = self._concepts[0]
        told = {
            "checkpoint": self._model.name,
            "step": str(step),
            "init": first.recipe.init,
            "recipe": json.dumps(asdict(first.recipe)),
            "seed": str(self._options.seed),
            "photos": json.dumps(self._hashes[0] if len(self._hashes) == 1 else self._hashes),
            **_told(found),
        }
        return learned_so_far(mean, told)

    def _read(self, path: Path) -> LearnedFile:
        return read_given("--lora", path, self._model) if self._options.method == "lora" else read_learned(path)

    def finish(self, mean: Learned) -> Path:
        """Write the stage that is to be kept, or what there is where none was looked at; list them."""
        stages = [self._read(path) for path in sorted(self._folder.glob("step-*.safetensors"))]
        by = self._kept_by()
        kept = best_stage(stages, by) if stages else self._stage(mean, self._concepts[0].recipe.steps, {})
        for stage in stages:
            told, mark = stage.metadata, " <- kept" if stage is kept else ""
            scores = f"image {told['image_score']}, text {told['text_score']}, " if "score" in told else ""
            print(f"step {told['step']}: {scores}loss {told['loss_fixed']}{mark}")
        if _is_as_it_began(kept, self._first):
            warnings.warn("nothing was learned: all is as it began; raise --lr or --weights-lr", stacklevel=2)
        kept.metadata["kept_by"] = by
        write_learned(self.finished, self._options.method, kept, self._model)
        save_stages(self._options.out, _GROWTH, kept=int(kept.metadata["step"]), film=True)
        return self.finished

    def _kept_by(self) -> str:
        # The small CLIP, which is right of 89% of single digits, chooses no better than the clock.
        automatic = "clip" if self._clip is not None and self._options.clip is not None else "last"
        return automatic if self._options.keep == "auto" else self._options.keep


def best_stage(stages: Sequence[LearnedFile], by: str) -> LearnedFile:
    """The stage to keep.

    Args:
        stages: in the order of their steps, each with what was measured of it in its metadata.
        by: clip (the highest score of its previews), loss (the lowest loss at fixed noises and times) or last.
    """
    if by == "clip":
        return max(stages, key=lambda one: float(one.metadata["score"]))
    return min(stages, key=lambda one: float(one.metadata["loss_fixed"])) if by == "loss" else stages[-1]


def _is_as_it_began(learned: LearnedFile, first: LearnedFile) -> bool:
    """Whether no number moved by more than a millionth of what is usual for it."""
    words = zip(learned.words, first.words)
    moved = [(one.vectors - other.vectors).norm() / other.vectors.norm() for one, other in words]
    additions = learned.additions.items()
    grown = [(one.delta() - first.additions[layer].delta()).abs().max() for layer, one in additions]
    return max(map(float, (*moved, *grown)), default=0.0) < _NOTHING


def _told(found: Mapping[str, float]) -> Dict[str, str]:
    """What was measured, as a file's metadata has it."""
    return {name.replace("/", "_"): f"{value:.4f}" for name, value in found.items()}
