"""Looking at a word while it is learned: previews with fixed seeds, scored by CLIP, the best word kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor

from ..checkpoints import Embedding, read_embeddings, write_embedding
from ..clip import Clip, scores
from ..diffusion import seed_of
from ..outputs import open_folder
from ..pictures.stages import is_kept, keep_stage, save_stages
from ..stable_diffusion import StableDiffusion
from .learn_options import LearnOptions
from .painting import Sampling, encoded, paint
from .recipes import PREVIEWS, Recipe

_SAMPLING = Sampling(steps=15)
_GROWTH = "word"
"""The figure and the film of what the word paints at each step."""


class Previews:
    """Paints, scores and keeps the word as it is learned.

    Args:
        model: that learns, on its device.
        photos: RGB, to compare with.
        options: where and how often.
        recipe: with the kind and the first words.
        hashes: of the photos' files, for the word's metadata.
    """

    def __init__(
        self,
        model: StableDiffusion,
        photos: Sequence[Image.Image],
        options: LearnOptions,
        recipe: Recipe,
        hashes: Mapping[str, str],
    ) -> None:
        self._model, self._options, self._recipe, self._hashes = model, options, recipe, hashes
        self._first = model.words[options.token].clone()
        self._plain = options.preview or PREVIEWS[recipe.texts or recipe.kind]
        self._prompts = [prompt for prompt in self._plain for _ in range(options.preview_count)]
        self._words = options.out / "words"
        self.finished = options.out / "word.safetensors"
        self._clip: Optional[Clip] = None
        if options.preview_every and (options.clip is not None or options.checkpoint is None):
            self._clip = Clip(options.clip)
            self._photos = self._clip.pictures(photos)

    @torch.no_grad()
    def look(self, step: int, vectors: Tensor) -> Dict[str, float]:
        """Paint the previews with a word's vectors, keep both, and score the pictures; the first time also those of
        the word that it began as."""
        if not is_kept(self._options.out, 0):
            self._paint(0, self._first)
        found = self._paint(step, vectors)
        self._write(open_folder(self._words) / f"step-{step:06d}.safetensors", step, vectors, found)
        save_stages(self._options.out, _GROWTH)
        return found

    def _paint(self, step: int, vectors: Tensor) -> Dict[str, float]:
        """Paint from the same noises at every step, and score."""
        model, token = self._model, self._options.token
        before, model.words[token] = model.words[token], vectors.detach().float()
        states = [encoded(model, [prompt.replace("{}", token)]) for prompt in self._prompts]
        negative = encoded(model, [""])[:, 0]
        seeds = [seed_of(self._options.seed, "preview", number) for number in range(len(self._prompts))]
        pixels = torch.cat([paint(model, state, negative, [seed], _SAMPLING) for state, seed in zip(states, seeds)])
        model.words[token] = before
        found = self._scored(pixels)
        prompts = [prompt.replace("{}", token) for prompt in self._plain]
        note = {"checkpoint": model.name, "seed": self._options.seed, "sampling": asdict(_SAMPLING), **found}
        keep_stage(self._options.out, step, pixels, prompts, note)
        return found

    def _scored(self, pixels: Tensor) -> Dict[str, float]:
        """Mean image and text score over the previews, and their weighted sum."""
        if self._clip is None:
            return {}
        directions = self._clip.pictures([Image.fromarray(one.numpy()) for one in pixels])
        plain = self._options.plain or self._recipe.init
        found = [
            scores(self._clip, direction[None], self._photos, prompt.replace("{}", plain))
            for direction, prompt in zip(directions, self._prompts)
        ]
        image, text = (float(torch.cat(part).mean()) for part in zip(*found))
        return {"image_score": image, "text_score": text, "score": float(torch.cat([s.weighted for s in found]).mean())}

    def _write(self, path: Path, step: int, vectors: Tensor, found: Mapping[str, float]) -> None:
        told = {
            "checkpoint": self._model.name,
            "step": str(step),
            "init": self._recipe.init,
            "recipe": json.dumps(asdict(self._recipe)),
            "seed": str(self._options.seed),
            "photos": json.dumps(self._hashes),
            **{name: f"{value:.4f}" for name, value in found.items()},
        }
        write_embedding(path, Embedding(self._options.token, vectors.detach().float().cpu(), told))

    def finish(self, vectors: Tensor) -> Path:
        """Write the best of all scored words, or the last where none was; list them."""
        kept = [(step, word) for step, word in self._kept() if "score" in word.metadata]
        if kept:
            step, best = max(kept, key=lambda one: float(one[1].metadata["score"]))
            for number, one in kept:
                told, mark = one.metadata, " <- kept" if number == step else ""
                print(f"step {number}: image {told['image_score']}, text {told['text_score']}{mark}")
            write_embedding(self.finished, best)
        else:
            step = self._recipe.steps
            self._write(self.finished, step, vectors, {})
        save_stages(self._options.out, _GROWTH, kept=step, film=True)
        return self.finished

    def _kept(self) -> List[Tuple[int, Embedding]]:
        """(step, word) of every preview, those of an interrupted part of the run included."""
        found = [read_embeddings(path)[0] for path in sorted(self._words.glob("step-*.safetensors"))]
        return [(int(word.metadata["step"]), word) for word in found]
