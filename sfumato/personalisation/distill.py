"""A LoRA with which a Stable Diffusion paints in a few passes, distilled from the model itself.

It needs no photos: the model paints what it learns from, and its own guided steps are what it learns. The checkpoint
stays as it is to the last bit. `distilling.py` has the mathematics.
"""

from pathlib import Path
from shlex import quote
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor, nn

from ..checkpoints import LearnedFile
from ..concepts.painting import Sampling, encoded, paint
from ..concepts.telling import paints_with
from ..devices import Worker
from ..diffusion import seed_of
from ..images import save_image, sheet
from ..models.additions import added
from ..stable_diffusion import SCHEDULE, SMALL_WORLD, StableDiffusion
from ..training import Draw, TrainingOptions, Work, run
from .beside import given_priors
from .distill_options import DistillOptions
from .distilling import EVERYWHERE, SPACED, ConsistencyLoss, DistillLoss, StepsLoss
from .files import learned_so_far, write_learned
from .learned import Learned
from .learning_set import LearningSet, prior_pool
from .methods import first_additions
from .priors import Priors, paint_priors, prior_hashes

_SHOWN, _WATCHED, _AT_ONCE = 8, 32, 8
_FOLDER = "painted"


def distill(options: DistillOptions) -> Path:
    """Distil; see DistillOptions.

    Returns:
        The LoRA's file; not there yet with `plan`.

    Raises:
        UserError: for what cannot be used, before anything is learned.
    """
    prompts, training = options.asked(), options.training()
    given = None if options.pictures is None else given_priors(options.pictures)
    model = options.running.loaded(options.weights, options.vae, options.batch_size)
    return run(_DistillWork(options, prompts, given, model), training, options.out)


class _DistillWork(Work[Learned]):
    command, what, seen = "concepts distill", "a few-step LoRA", ""

    def __init__(
        self, options: DistillOptions, prompts: Tuple[str, ...], given: Optional[Priors], model: StableDiffusion
    ) -> None:
        alpha = options.alpha or float(options.rank)
        additions = first_additions(model, EVERYWHERE, options.rank, alpha, False, options.seed)
        self.network, self.weights = Learned({}, additions), options.out / options.name
        model.to(Worker.here().device())
        self._loss = _loss(options, model, self.network.layers)
        self._options, self._prompts, self._given, self._model = options, prompts, given, model
        told = {"prompts": prompts, "count": options.count} if given is None else {"pictures": prior_hashes(given)}
        self.made = {**options.settings(), **told, **model.identity()}
        if given is not None:
            self.seen = "pictures.png"

    def optimizers(self, network: Learned, training: TrainingOptions, dtype: torch.dtype) -> Sequence[Any]:
        return [torch.optim.AdamW(network.parts.parameters(), lr=self._options.lr, weight_decay=0.01)]

    def settings(self, training: TrainingOptions, precision: str) -> Dict[str, Any]:
        chosen = training.settings()
        return {"loop": chosen["loop"], "minutes": chosen["minutes"], **self.made}

    def prepared(self, device: torch.device) -> Draw:
        options, priors = self._options, self._given
        if priors is None:
            with self._loss.resting():
                out = options.out / _FOLDER
                sampling = Sampling(guidance_scale=options.guidance_scale)
                priors = paint_priors(self._model, self._prompts, out, options.count, options.seed, sampling)
        learned = self._learning_set(priors)
        self._watched = learned.batches(_WATCHED, SCHEDULE, seed_of(options.seed, "watched"))
        return learned.batches(options.batch_size, SCHEDULE, options.seed)

    def tried(self, device: torch.device) -> Draw:
        # Nobody should wait for what is painted first to hear how long it will take.
        blank = Priors((Image.new("RGB", (self._model.size,) * 2),), ("",))
        return self._learning_set(blank).batches(self._options.batch_size, SCHEDULE, self._options.seed)

    def _learning_set(self, priors: Priors) -> LearningSet:
        return LearningSet(self._model, [prior_pool(priors, self._model.size, self._model.vae.factor, 1.0)])

    def loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        return self._loss(network, batch)

    @torch.no_grad()
    def look(self, step: int, mean: Learned) -> Mapping[str, float]:
        """Paint some prompts in few steps with the mean weights; the loss at noises and times that are the same at
        each look."""
        model, stage = self._model, learned_so_far(mean, {})
        prompts = self._prompts or tuple(dict.fromkeys(self._given.prompts if self._given else ()))
        shown = prompts[:: max(1, len(prompts) // _SHOWN)][:_SHOWN]
        with self._loss.resting(), added(model.networks(), stage.additions):
            states = torch.cat([encoded(model, [prompt]) for prompt in shown])
            seeds = [seed_of(self._options.seed, "preview", prompt) for prompt in shown]
            pixels = paint(model, states, encoded(model, [""])[:, 0], seeds, self._options.sampling)
        save_image(sheet(pixels, len(shown), clear=True), self.weights.parent / f"sheet-{step:08d}.png")
        batches = (self._watched(0, slice(row, row + _AT_ONCE)) for row in range(0, _WATCHED, _AT_ONCE))
        device = next(model.unet.parameters()).device
        with self._loss.resting():
            rows = [self._loss(mean, [part.to(device) for part in some]) for some in batches]
        return {"loss/fixed": float(torch.cat(rows).mean())}

    def finish(self, mean: Learned, settings: Mapping[str, Any]) -> Path:
        told = {
            "checkpoint": self._model.name,
            **_told(self._options),
            "guidance_scale": f"{self._options.guidance_scale:g}",
        }
        learned: LearnedFile = learned_so_far(mean, told)
        write_learned(self.weights, "lora", learned, self._model)
        return self.weights

    def about(self) -> List[str]:
        options, given = self._options, self._given
        from_folder = "" if given is None else f"{len(given.pictures)} from {options.pictures}"
        every, times = options.passes, f"{SCHEDULE.start + 1:,} times, guidance {options.guidance_scale:g}"
        taught = (
            f"DDIM over {SPACED} of {times}"
            if every is None
            else (f"{every * options.each} steps of DDIM over {times}, of which {every} are made")
        )
        return [
            f"pictures   {from_folder or f'{options.count} painted first, for {len(self._prompts)} prompts'}",
            f"teacher    {self._model.name}: {taught}",
            f"added      a LoRA of rank {options.rank} to {len(self.network.layers)} layers",
        ]

    def leave_sheet(self, path: Path) -> None:
        """Some of the pictures of the folder."""
        assert self._given is not None
        some = self._given.crops(self._model.size)[: 4 * _SHOWN]
        save_image(sheet(some.permute(0, 2, 3, 1), _SHOWN, clear=True), path)

    def then(self) -> str:
        options = self._options
        given = (("checkpoint", None if options.weights == SMALL_WORLD else options.checkpoint), ("vae", options.vae))
        checkpoint = "".join(f" --{name} {quote(str(path))}" for name, path in given if path)
        prompt = next(iter(self._prompts or (self._given.prompts if self._given else ("",))))
        return (
            f"sfumato concepts generate painted{checkpoint} --lora {quote(str(self.weights))}"
            f" {paints_with(_told(options)['distilled'])} --prompt {quote(prompt)}"
        )


def _loss(options: DistillOptions, model: StableDiffusion, layers: Sequence[str]) -> DistillLoss:
    common = model, layers, options.guidance_scale, options.huber
    if options.passes is None:
        return ConsistencyLoss(*common)
    return StepsLoss(*common, options.passes, options.each)


def _told(options: DistillOptions) -> Dict[str, str]:
    """What the file says of how one paints with it."""
    if options.passes is None:
        hint = "sampler LCM, 1 to 8 steps, guidance scale 1"
        return {"distilled": "lcm", "modelspec.title": "LCM-LoRA", "modelspec.usage_hint": hint}
    return {
        "distilled": f"ddim-{options.passes}",
        "modelspec.title": f"{options.passes}-step LoRA",
        "modelspec.usage_hint": f"sampler DDIM, {options.passes} trailing steps, guidance scale 1",
    }
