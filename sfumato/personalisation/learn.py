"""What a few photos show is learned by a frozen Stable Diffusion: as a word, and as what is added to its weights.

Photos and their mirror images go through the autoencoder once, and each step draws latents from what it answered. The
checkpoint stays as it is to the last bit: gradients flow through the U-Net and the text encoder to what is learned.
"""

from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor, nn

from ..bars import Bar
from ..checkpoints import Embedding
from ..concepts.photos import cropped, photo_files, photo_hashes
from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import UserError
from ..images import open_picture, save_image, sheet, to_pixels
from ..pictures.latents import LatentBatches, Texts
from ..stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion
from ..training import Draw, TrainingOptions, Work, run
from .concept import Concept
from .first_words import initial_vectors
from .learn_options import LearnOptions
from .learned import Learned, LearnedLoss, Watch
from .methods import METHODS, first_additions
from .previews import Previews

_LARGE = 256
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
    files = [photo_files(concept.photos) for concept in concepts]
    photos = [[open_picture(path) for path in some] for some in files]
    precision = choose_precision(Worker.here().device(), options.precision)
    model = StableDiffusion.load(options.checkpoint or SMALL_WORLD, DTYPES[precision])
    work = _LearnWork(options, concepts, model, photos, [photo_hashes(some) for some in files])
    # The frozen networks are in their precision by themselves; fp16 only needs its gradients scaled.
    return work, replace(training, precision="fp16" if precision == "fp16" else "fp32")


class _LearnWork(Work[Learned]):
    command = "concepts learn"

    def __init__(
        self,
        options: LearnOptions,
        concepts: Sequence[Concept],
        model: StableDiffusion,
        photos: Sequence[Sequence[Image.Image]],
        hashes: Sequence[Mapping[str, str]],
    ) -> None:
        self.what = " and ".join(concept.said for concept in concepts)
        words = {
            one.token: initial_vectors(model, one.recipe.init, one.recipe.vectors) for one in concepts if one.token
        }
        model.learn_words([Embedding(token, first, {}) for token, first in words.items()])
        alpha = options.alpha or float(options.rank)
        method = METHODS[options.method]
        additions = first_additions(model, method, options.rank, alpha, options.text_encoder, options.seed)
        self.network = Learned(words, additions)
        self._ids = [encoded_texts(model, one.templates, one.said) for one in concepts]
        model.unet.checkpointing = model.size > _LARGE if options.save_memory is None else options.save_memory
        model.to(Worker.here().device())
        self._loss, self._watch = LearnedLoss(model, self.network.layers), Watch()
        self._previews = Previews(model, self._loss, self.network, concepts, photos, options, hashes)
        self.weights = self._previews.finished
        self.made = {**options.settings(concepts, hashes), **model.identity()}
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
        options, recipe = self._options, self._concepts[0].recipe
        moments = [
            encode_photos(self._model, photos, one.recipe.flip, options.crops, options.seed)
            for one, photos in zip(self._concepts, self._photos)
        ]
        texts = texts_of(self._ids, [len(some) for some in moments])
        self._watch = Watch()
        every = torch.cat(moments)
        self._watched = LatentBatches(every, texts, _WATCHED, SCHEDULE, seed_of(options.seed, "watched"))
        return LatentBatches(every, texts, recipe.batch_size, SCHEDULE, options.seed)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        rows = self._loss(network, batch)
        self._watch.see(float(rows.detach().mean()))
        return rows

    @torch.no_grad()
    def look(self, step: int, mean: Learned) -> Mapping[str, float]:
        return self._previews.look(step, mean, self._fixed_loss(mean))

    def _fixed_loss(self, mean: Learned) -> float:
        """The loss at noises and times that are the same at each look, which the training loss cannot tell."""
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
        lines = []
        for concept, photos in zip(self._concepts, self._photos):
            recipe = concept.recipe
            begun = f"{recipe.vectors} vector(s) that begin as {recipe.init!r}" if concept.token else "no new one"
            lines.append(f"photos     {len(photos)} from {concept.photos}")
            lines.append(f"word       {concept.said}: {begun}, in {self._model.name}")
        if len(self.network.parts):
            lines.append(f"added      {self._options.method} to {len(self.network.layers)} layers")
        return lines

    def leave_sheet(self, path: Path) -> None:
        """The photos as they will be learned."""
        crops = [crops_of(some, self._model.size, self._options.crops, self._options.seed) for some in self._photos]
        save_image(sheet(to_pixels(torch.cat(crops)), 5, 1, clear=True), path)

    def then(self) -> str:
        options, flag = self._options, "embeddings" if self._options.method == "word" else self._options.method
        checkpoint = f" --checkpoint {quote(str(options.checkpoint))}" if options.checkpoint else ""
        prompt = quote(f"a photo of {' and '.join(concept.said for concept in self._concepts)}")
        return f"sfumato concepts generate painted{checkpoint} --{flag} {quote(str(self.weights))} --prompt {prompt}"


def encoded_texts(model: StableDiffusion, templates: Sequence[str], said: str) -> Tensor:
    """The ids [texts, tokens] of texts with {}, where a concept is said.

    Raises:
        UserError: for a text that is too long.
    """
    tokenizer = model.tokenizer()
    encoded = [tokenizer(template.replace("{}", said)) for template in templates]
    for template, tokens in zip(templates, encoded):
        if tokens.cut:
            limit = model.text.config.tokens
            raise UserError(f"{template!r} with {said} is longer than {limit} tokens; take fewer --vectors")
    return torch.tensor([tokens.ids for tokens in encoded])


def texts_of(ids: Sequence[Tensor], counts: Sequence[int]) -> Texts:
    """Any of its concept's texts for each picture.

    Args:
        ids: of each concept's texts [T, tokens].
        counts: of each concept's pictures, which lie one after another.
    """
    every = torch.cat(list(ids))
    many = torch.tensor([len(some) for some in ids]).repeat_interleave(torch.tensor(counts))
    first = torch.tensor([sum(map(len, ids[:place])) for place in range(len(ids))])
    first = first.repeat_interleave(torch.tensor(counts))

    def texts(picked: Tensor, step: int, source: torch.Generator) -> Tensor:
        drawn = (torch.rand(len(picked), generator=source) * many[picked]).long()
        return every[first[picked] + drawn]

    return texts


def crops_of(photos: Sequence[Image.Image], size: int, crops: int, seed: int) -> Tensor:
    """The squares of all photos that are learned, see `cropped`: [N, 3, size, size] in [-1, 1]."""
    source = torch.Generator().manual_seed(seed_of(seed, "crops"))
    return torch.cat([cropped(photo, size, crops, source) for photo in photos])


@torch.no_grad()
def encode_photos(model: StableDiffusion, photos: Sequence[Any], flip: bool, crops: int, seed: int) -> Tensor:
    """What the autoencoder answers: mean and log variance [N, 2 latent, h, w], float32 on the CPU.

    Args:
        model: on its device.
        photos: RGB.
        flip: whether mirrored ones are added.
        crops: see `cropped`.
        seed: of the random crops.
    """
    parts = crops_of(photos, model.size, crops, seed)
    shown = [side for part in parts for side in ((part, part.flip(-1)) if flip else (part,))]
    device = model.vae.quant_conv.weight.device
    answers = [model.vae.moments(one[None].to(device)) for one in Bar(shown, "encoding photos", leave=False)]
    return torch.cat([torch.cat(answer, dim=1).float().cpu() for answer in answers])
