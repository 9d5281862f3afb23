"""Textual inversion (Gal et al. 2022): a word whose vectors make the frozen model paint what a few photos show.

    v* = argmin_v  E_{photo, template, t, eps} | eps - eps_theta(z_t, t, text(template with v)) |^2          (eq. 2)

The vectors are the only parameters. Gradients flow through the U-Net and the text encoder, which stay as they are to
the last bit; photos and their mirror images go through the autoencoder once, and each step draws latents from what it
answered.
"""

import collections
import math
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, Deque, Dict, List, Mapping, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor, nn

from ..bars import Bar
from ..checkpoints import Embedding, read_text
from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import make_loss, seed_of, training_loss
from ..errors import UserError
from ..images import open_picture, save_image, sheet, to_pixels
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..pictures.latents import LatentBatches, Texts
from ..stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion
from ..training import Draw, Loss, TrainingOptions, Work, run
from .learn_options import LearnOptions
from .photos import cropped, photo_files, photo_hashes
from .previews import Previews
from .recipes import TEMPLATES, Recipe

_LARGE = 256
_RECENT, _EXPLODED = 50, 2.0


class Word(nn.Module):
    """The parameters of the learning: the vectors of one word [n, width]."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(vectors.clone().float())

    def forward(self) -> Tensor:
        """The vectors, as a part of the graph."""
        return self.vectors * 1.0


def learn(options: LearnOptions) -> Path:
    """Learn a word; see LearnOptions.

    Returns:
        The file of the best word; not there yet with `plan`.

    Raises:
        UserError: for what cannot be used, before anything is learned; if the loss explodes.
    """
    return run(*prepared(options), options.out)


def prepared(options: LearnOptions) -> Tuple[Work[Word], TrainingOptions]:
    """What `learn` runs, and how: its checks are made, its model is loaded, and nothing is learned.

    Raises:
        UserError: for what cannot be used.
    """
    recipe = options.recipe()
    options.check_token()
    training = options.training(recipe)
    templates = _read_templates(options, recipe.texts or recipe.kind)
    files = photo_files(options.photos)
    photos = [open_picture(path) for path in files]
    precision = choose_precision(Worker.here().device(), options.precision)
    model = StableDiffusion.load(options.checkpoint or SMALL_WORLD, DTYPES[precision])
    work = _WordWork(options, recipe, templates, model, photos, photo_hashes(files))
    # The frozen networks are in their precision by themselves; fp16 only needs its gradients scaled.
    return work, replace(training, precision="fp16" if precision == "fp16" else "fp32")


class _WordWork(Work[Word]):
    command = "concepts learn"

    def __init__(
        self,
        options: LearnOptions,
        recipe: Recipe,
        templates: Tuple[str, ...],
        model: StableDiffusion,
        photos: Sequence[Image.Image],
        hashes: Mapping[str, str],
    ) -> None:
        self.what = options.token
        first = initial_vectors(model, recipe.init, recipe.vectors)
        model.learn_words([Embedding(options.token, first, {})])
        self.network, self._ids = Word(first), _encoded_templates(model, options.token, templates)
        model.unet.checkpointing = model.size > _LARGE if options.save_memory is None else options.save_memory
        self._previews = Previews(model.to(Worker.here().device()), photos, options, recipe, hashes)
        self.weights = self._previews.finished
        self.made = {**options.settings(recipe, templates, hashes), **model.identity()}
        self._options, self._recipe, self._model, self._photos = options, recipe, model, photos

    def optimizers(self, network: Word, training: TrainingOptions, dtype: torch.dtype) -> Sequence[Any]:
        return [torch.optim.AdamW(network.parameters(), lr=self._recipe.lr, weight_decay=0.0)]

    def settings(self, training: TrainingOptions, precision: str) -> Dict[str, Any]:
        chosen = training.settings()
        return {"loop": chosen["loop"], "minutes": chosen["minutes"], **self.made}

    def prepared(self, device: torch.device) -> Draw:
        recipe, options = self._recipe, self._options
        moments = encode_photos(self._model, self._photos, recipe.flip, options.crops, options.seed)
        self._loss = word_loss(self._model, options.token)
        return LatentBatches(moments, one_of(self._ids), recipe.batch_size, SCHEDULE, options.seed)

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        return self._loss(network, batch)

    def look(self, step: int, mean: Word) -> Mapping[str, float]:
        return self._previews.look(step, mean.vectors)

    def finish(self, mean: Word, settings: Mapping[str, Any]) -> Path:
        return self._previews.finish(mean.vectors)

    def about(self) -> List[str]:
        recipe = self._recipe
        return [
            f"photos     {len(self._photos)} from {self._options.photos}",
            f"word       {recipe.vectors} vector(s) that begin as {recipe.init!r}, in {self._model.name}",
        ]

    def leave_sheet(self, path: Path) -> None:
        """The photos as they will be learned."""
        crops = crops_of(self._photos, self._model.size, self._options.crops, self._options.seed)
        save_image(sheet(to_pixels(crops), 5, 1, clear=True), path)

    def then(self) -> str:
        options = self._options
        checkpoint = f" --checkpoint {quote(str(options.checkpoint))}" if options.checkpoint else ""
        prompt = quote(f"a photo of {options.token}")
        return (
            f"sfumato concepts generate painted{checkpoint} --embeddings {quote(str(self.weights))} --prompt {prompt}"
        )


def initial_vectors(model: StableDiffusion, init: str, count: int) -> Tensor:
    """What new vectors begin as [count, width], given words that the model knows.

    As many vectors as tokens take one each. More tokens than vectors are averaged in groups of neighbours. Fewer are
    repeated in turn, each repetition moved by a hundredth of its length, so that they can part.

    Raises:
        UserError: if the words have no tokens.
    """
    ids = Tokenizer().plain(init)
    if not ids:
        raise UserError(f"--init {init!r}: the tokenizer knows nothing in it; give a plain word, such as dog")
    known = model.text.token_embedding.weight.detach()[ids].float().cpu()
    if len(ids) >= count:
        return torch.stack([group.mean(dim=0) for group in known.tensor_split(count)])
    repeated = known[torch.arange(count) % len(ids)]
    nudge = torch.randn(repeated.shape, generator=torch.Generator().manual_seed(0))
    nudge[: len(ids)] = 0
    return repeated + 0.01 * repeated.norm(dim=1, keepdim=True) / math.sqrt(repeated.shape[1]) * nudge


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


def one_of(ids: Tensor) -> Texts:
    """Any of some texts [T, tokens] for each picture."""
    return lambda picked, step, source: ids[torch.randint(len(ids), (len(picked),), generator=source)]


def word_loss(model: StableDiffusion, token: str) -> Loss:
    """(word, batch) -> the loss of each row [n], equation 2; its gradients reach the word alone.

    Args:
        model: frozen, on the device; its word becomes the one that is learned.
        token: of the word.

    Returns:
        The loss, which raises FloatingPointError once the mean of its last 50 steps is twice that of its first 50.
    """
    early: List[float] = []
    recent: Deque[float] = collections.deque(maxlen=_RECENT)

    def loss(word: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, t, eps, ids = batch
        model.words[token] = word()
        rows = training_loss(model.denoiser(model.states(ids)), x0, t, eps, make_loss("uniform"))
        recent.append(float(rows.detach().mean()))
        if len(early) < _RECENT:
            early.append(recent[-1])
        elif sum(recent) > _EXPLODED * sum(early):
            raise FloatingPointError(
                f"the mean loss of {_RECENT} steps rose from {sum(early) / _RECENT:.3g} to {sum(recent) / _RECENT:.3g};"
                " lower --lr, or raise --batch-size"
            )
        return rows

    return loss


def _read_templates(options: LearnOptions, texts: str) -> Tuple[str, ...]:
    if options.templates is None:
        return TEMPLATES[texts]
    lines = read_text(options.templates, "give a text file").splitlines()
    found = tuple(line.strip() for line in lines if line.strip())
    bad = next((number for number, line in enumerate(lines, 1) if line.strip() and line.count("{}") != 1), None)
    if bad is not None or not found:
        where = f"line {bad}" if bad else "it is empty"
        raise UserError(f"{options.templates}: {where}: each line must have {{}} once, where the word goes")
    return found


def _encoded_templates(model: StableDiffusion, token: str, templates: Sequence[str]) -> Tensor:
    tokenizer = model.tokenizer()
    encoded = [tokenizer(template.replace("{}", token)) for template in templates]
    for template, tokens in zip(templates, encoded):
        if tokens.cut:
            limit = model.text.config.tokens
            raise UserError(f"{template!r} with {token} is longer than {limit} tokens; take fewer --vectors")
    return torch.tensor([tokens.ids for tokens in encoded])
