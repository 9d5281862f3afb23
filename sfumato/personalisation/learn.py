"""What a few photos show is learned by a frozen Stable Diffusion: as a word, and as what is added to its weights.

Photos and their mirror images go through the autoencoder once, and each step draws latents from what it answered. The
checkpoint stays as it is to the last bit: gradients flow through the U-Net and the text encoder to what is learned.
"""

from pathlib import Path
from shlex import quote
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..checkpoints import Embedding
from ..devices import Worker
from ..images import save_image
from ..stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion
from ..training import Draw, TrainingOptions, Work, run
from .beside import Beside
from .concept import Concept
from .crops import crops_of, joined
from .crops_sheet import crops_sheet
from .first_words import initial_vectors
from .learn_options import LearnOptions
from .learned import Learned, LearnedLoss, Watch
from .learning_set import LearningSet, photo_pool
from .methods import METHODS, first_additions
from .photos import Photos, read_photos
from .previews import Previews
from .start import started
from .texts import PhotoTexts

_WATCHED = 16
"""Rows of the loss at noises and times that are always the same."""


def learn(options: LearnOptions) -> Path:
    """Learn what photos show; see LearnOptions.

    Returns:
        The file of what was learned; not there yet with `plan`.

    Raises:
        UserError: for what cannot be used, before anything is learned; if the loss explodes.
    """
    return run(*prepared(options), options.out)


def prepared(options: LearnOptions) -> Tuple[Work[Learned], TrainingOptions]:
    """What `learn` runs, and how: its checks are made, its model is loaded, and nothing is learned.

    Raises:
        UserError: for what cannot be used.
    """
    concepts = options.concepts()
    training = options.training(concepts[0].recipe)
    photos = [read_photos(concept.photos, options.reading, concept.token or None) for concept in concepts]
    checkpoint = options.checkpoint or SMALL_WORLD
    model = options.running.loaded(checkpoint, options.vae, concepts[0].recipe.batch_size)
    return _LearnWork(options, concepts, model, photos), training


class _LearnWork(Work[Learned]):
    command, seen = "concepts learn", "crops.png"

    def __init__(
        self, options: LearnOptions, concepts: Sequence[Concept], model: StableDiffusion, photos: Sequence[Photos]
    ) -> None:
        self.what = " and ".join(concept.said for concept in concepts)
        words = {
            one.token: initial_vectors(model, one.recipe.init, one.recipe.vectors) for one in concepts if one.token
        }
        method = METHODS[options.method]
        additions = first_additions(model, method, *options.sizes(), options.text_encoder, options.seed)
        if options.start is not None:
            words, additions = started(options.start, options.method, model, (words, additions))
        model.learn_words([Embedding(token, first, {}) for token, first in words.items()])
        self.network = Learned(words, additions)
        model.to(Worker.here().device())
        self._loss, self._watch = LearnedLoss(model, self.network.layers), Watch()
        self._previews = Previews(model, self._loss, self.network, concepts, photos, options)
        self._crops = [crops_of(some, options.reading, model.size, model.vae.factor, options.seed) for some in photos]
        self._texts = [PhotoTexts(some, one.templates, one.said) for some, one in zip(photos, concepts)]
        self._beside = Beside(options, concepts, model)
        share = self._beside.left / len(concepts)
        self._pools = [
            photo_pool(crops, texts, one.recipe.flip, share)
            for crops, texts, one in zip(self._crops, self._texts, concepts)
        ]
        self.weights = self._previews.finished
        self.made = {**options.settings(concepts, photos), **self._beside.settings(), **model.identity()}
        self._options, self._concepts, self._model, self._photos = options, concepts, model, photos

    def optimizers(self, network: Learned, training: TrainingOptions, dtype: torch.dtype) -> Sequence[Any]:
        recipe, groups = self._concepts[0].recipe, []
        if len(network.vectors):
            groups.append(torch.optim.AdamW(network.vectors.parameters(), lr=recipe.lr, weight_decay=0.0))
        if len(network.parts):
            assert recipe.weights_lr is not None
            groups.append(torch.optim.AdamW(network.parts.parameters(), lr=recipe.weights_lr, weight_decay=0.01))
        return groups

    def settings(self, training: TrainingOptions, precision: str) -> Dict[str, Any]:
        chosen = training.settings()
        return {"loop": chosen["loop"], "minutes": chosen["minutes"], **self.made}

    def prepared(self, device: torch.device) -> Draw:
        with self._loss.resting():
            more = self._beside.pools(self._pools)
        learned = LearningSet(self._model, [*self._pools, *more])
        self._watch = Watch()
        self._watched = learned.batches(_WATCHED, SCHEDULE, self._options.seed, len(self._pools))
        return learned.batches(self._concepts[0].recipe.batch_size, SCHEDULE, self._options.seed)

    def tried(self, device: torch.device) -> Draw:
        # Nobody should wait for what is painted first to hear how long it will take.
        learned = LearningSet(self._model, self._pools)
        return learned.batches(self._concepts[0].recipe.batch_size, SCHEDULE, self._options.seed)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        rows = self._loss(network, batch)
        self._watch.see(float(rows.detach().mean()))
        return rows

    @torch.no_grad()
    def look(self, step: int, mean: Learned) -> Mapping[str, float]:
        return self._previews.look(step, mean, self._fixed_loss(mean))

    def _fixed_loss(self, mean: Learned) -> float:
        """The loss of the photos at noises and times that are the same at each look: from step to step the training
        loss differs more by what was drawn than by what was learned."""
        device = next(self._model.unet.parameters()).device
        with self._loss.resting():
            parts = [
                self._loss(mean, [part.to(device) for part in self._watched(0, slice(row, row + 1))])
                for row in range(_WATCHED)
            ]
        return float(torch.cat(parts).mean())

    def finish(self, mean: Learned, settings: Mapping[str, Any]) -> Path:
        return self._previews.finish(mean)

    def about(self) -> List[str]:
        lines, tokenizer = [], self._model.tokenizer()
        for concept, photos, texts in zip(self._concepts, self._photos, self._texts):
            recipe = concept.recipe
            count, start = recipe.vectors, self._options.start
            begun = f"{count} vector(s) that begin as {recipe.init!r}" if start is None else f"goes on from {start}"
            begun = begun if concept.token else "no new one"
            lines.append(f"photos     {photos.about()}")
            lines.append(f"word       {concept.said}: {begun}, in {self._model.name}")
            lines += [f"read as    {line}" for line in texts.first_texts(tokenizer)]
        if self.network.layers:
            lines.append(f"added      {self._options.method} to {len(self.network.layers)} layers")
        return lines + self._beside.about()

    def leave_sheet(self, path: Path) -> None:
        """The photos as they will be learned, with their names and captions, and striped where nothing is."""
        save_image(crops_sheet(joined(self._crops), [photo for some in self._photos for photo in some]), path)

    def then(self) -> str:
        options, flag = self._options, "embeddings" if self._options.method == "word" else self._options.method
        given = (("checkpoint", options.checkpoint), ("vae", options.vae))
        checkpoint = "".join(f" --{name} {quote(str(path))}" for name, path in given if path)
        first, *more = self._concepts
        prompt = quote(" next to ".join([f"a photo of {first.said}", *(concept.beside for concept in more)]))
        return f"sfumato concepts generate painted{checkpoint} --{flag} {quote(str(self.weights))} --prompt {prompt}"
