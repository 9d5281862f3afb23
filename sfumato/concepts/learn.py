"""Textual inversion (Gal et al. 2022): a word whose vectors make the frozen model paint what a few photos show.

    v* = argmin_v  E_{photo, template, t, eps} | eps - eps_theta(z_t, t, text(template with v)) |^2          (eq. 2)

The vectors are the only parameters. Gradients flow through the U-Net and the text encoder, which stay as they are to
the last bit; photos and their mirror images go through the autoencoder once, and each step draws latents from what it
answered.
"""

import collections
import math
from pathlib import Path
from typing import Any, Deque, List, Sequence, Tuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoints import Embedding, read_text
from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import make_loss, seed_of, training_loss
from ..errors import UserError
from ..images import open_picture
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..models.stable_diffusion.vae import drawn_latents
from ..training import LoopOptions, Loss, Trainer, check_intervals, resume, run_recorded
from .learn_options import LearnOptions
from .model import SMALL_WORLD, TIMES, StableDiffusion
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
        The file of the best word.

    Raises:
        UserError: for what cannot be used, before anything is learned; if the loss explodes.
    """
    options.check_token()
    check_intervals(options, "preview_every")
    recipe = options.recipe()
    templates = _read_templates(options, recipe.texts or recipe.kind)
    files = photo_files(options.photos)
    photos = [open_picture(path) for path in files]
    device = Worker.here().device()
    precision = choose_precision(device, options.precision)
    model = StableDiffusion.load(options.checkpoint or SMALL_WORLD, DTYPES[precision])
    first = initial_vectors(model, recipe.init, recipe.vectors)
    model.learn_words([Embedding(options.token, first, {})])
    ids = _encoded_templates(model, options.token, templates)
    trainer = _trainer(first, recipe, options, precision)
    model.to(trainer.accelerator.device)
    model.unet.checkpointing = model.size > _LARGE if options.save_memory is None else options.save_memory
    hashes = photo_hashes(files)
    previews = Previews(model, photos, options, recipe, hashes)
    settings = options.settings(recipe, templates, model.name, hashes)
    resume(trainer, options.out, settings, "concepts learn")
    moments = encode_photos(model, photos, recipe.flip, options.crops, options.seed)
    run_recorded(
        trainer,
        Batches(moments, ids, recipe.batch_size, TIMES, options.seed),
        word_loss(model, options.token, trainer.accelerator.device),
        lambda word: previews.finish(word.vectors),
        out=options.out,
        settings=settings,
        what=options.token,
        save_every=options.save_every,
        look=lambda step: previews.look(step, trainer.ema.network.vectors),
        look_every=options.preview_every,
    )
    return previews.finished


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
    source = torch.Generator().manual_seed(seed_of(seed, "crops"))
    parts = [part for photo in photos for part in cropped(photo, model.size, crops, source)]
    shown = [side for part in parts for side in ((part, part.flip(-1)) if flip else (part,))]
    device = model.vae.quant_conv.weight.device
    answers = [model.vae.moments(one[None].to(device)) for one in tqdm(shown, "encoding photos", leave=False)]
    return torch.cat([torch.cat(answer, dim=1).float().cpu() for answer in answers])


class Batches:
    """(step, rows) -> latents of photos, times, noise, and the ids of a template.

    Args:
        moments: see `encode_photos`.
        ids: of all templates with the word in them [T, tokens].
        count: photos in a global batch.
        times: of the noise schedule.
        seed: of everything drawn.
    """

    def __init__(self, moments: Tensor, ids: Tensor, count: int, times: int, seed: int) -> None:
        self._moments, self._ids, self._count, self._times, self._seed = moments, ids, count, times, seed

    def __call__(self, step: int, rows: slice) -> Sequence[Tensor]:
        """Scaled latents [n, latent, h, w], t [n], eps like them, ids [n, tokens]."""
        source = torch.Generator().manual_seed(seed_of(self._seed, step))
        picked = torch.randint(len(self._moments), (self._count,), generator=source)
        mean, log_variance = self._moments[picked].chunk(2, dim=1)
        x0 = drawn_latents(mean, log_variance, torch.randn(mean.shape, generator=source))
        t = torch.randint(self._times, (self._count,), generator=source)
        eps = torch.randn(mean.shape, generator=source)
        ids = self._ids[torch.randint(len(self._ids), (self._count,), generator=source)]
        return x0[rows], t[rows], eps[rows], ids[rows]


def word_loss(model: StableDiffusion, token: str, device: torch.device) -> Loss:
    """(word, batch) -> the loss of each row [n], equation 2; its gradients reach the word alone.

    Args:
        model: frozen, on the device; its word becomes the one that is learned.
        token: of the word.
        device: to compute on.

    Returns:
        The loss, which raises FloatingPointError once the mean of its last 50 steps is twice that of its first 50.
    """
    early: List[float] = []
    recent: Deque[float] = collections.deque(maxlen=_RECENT)

    def loss(word: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        x0, t, eps, ids = (part.to(device) for part in batch)
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


def _trainer(first: Tensor, recipe: Recipe, options: LearnOptions, precision: str) -> "Trainer[Word]":
    loop = LoopOptions(
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        accumulate=options.accumulate,
        warmup=min(50, recipe.steps // 10),
        decay_share=0.5,
        ema=0.98,
        seed=options.seed,
    )
    cpu = Worker.here().device().type == "cpu"
    try:
        # The frozen networks are in their precision by themselves; fp16 only needs its gradients scaled.
        accelerator = Accelerator(mixed_precision="fp16" if precision == "fp16" else "no", cpu=cpu)
        return Trainer(
            Word(first),
            lambda word: [torch.optim.AdamW(word.parameters(), lr=recipe.lr, weight_decay=0.0)],
            loop,
            accelerator,
        )
    except ValueError as error:
        raise UserError(str(error)) from None


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
