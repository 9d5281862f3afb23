"""How a walk is guided: by the label, and by a weaker network, each in its own interval of times.

    x0 = x0_label + (guidance_scale - 1) (x0_label - x0_nolabel) + (weak_scale - 1) (x0_label - x0_weak)

See `sfumato.diffusion.guidance` for the sources. The weak network is what a model's own file holds, or another file.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator, Optional, Sequence, Tuple, TypeVar

import torch
from torch import Tensor

from .. import sampling
from ..diffusion import SeededNoise, Step
from ..errors import UserError
from ..model import Diffusion
from ..options import number
from ..runs import file_identity
from ..sampling import GuidedSampling, interval

Own = TypeVar("Own", bound="WeakGuided")

_WEAK = ("weak_scale", "weak_from", "weak_to", "weak")


@dataclass(frozen=True)
class WeakGuided(sampling.Sampling):
    """What a walk of a model with or without labels can be told."""

    unasked: ClassVar[float] = 1.0
    """The weak_scale of models that have a weak network, where none is asked for."""

    weak_scale: Optional[float] = number(None, 0)
    """Of guidance by a weak network, beside the label's and as that: 1 is none, more makes pictures clearer and less
    varied. 1 by default."""
    weak_from: Optional[float] = number(None, 0)
    """The least noisy time at which the weak network guides; all by default."""
    weak_to: Optional[float] = number(None, 0)
    """The noisiest time at which it does."""
    weak: Optional[Path] = None
    """A file whose model is the weak network, in place of the one that the weights hold."""

    def of(self: Own, model: Diffusion, weights: Path) -> Own:
        """These settings for a model, which gets the weak network that they name; weak_scale is then a number.

        Args:
            model: of which they are.
            weights: where it came from, for errors.

        Raises:
            UserError: for what cannot be walked, or a weak network that is none of this model's.
        """
        self.check(model.schedule)
        if self.weak is not None:
            weak = Diffusion.load(self.weak, what="weak network").with_weak(None)
            try:
                model.with_weak(weak.to(next(model.parameters()).device))
            except ValueError as error:
                raise UserError(f"{self.weak}: {error}") from None
            if self.weak_scale in (None, 1):
                raise UserError(f"--weak {self.weak}: does nothing without --weak-scale; give one above 1")
        scale = self._scale(model)
        if scale != 1 and model.weak is None:
            raise UserError(
                f"--weak-scale {scale:g}: {weights} holds no weak network; give one as --weak FILE, or train with"
                " --weak-at"
            )
        return replace(self, weak_scale=scale)

    def guidance(self, model: Diffusion) -> Dict[str, Any]:
        """What `Diffusion.denoiser` is told of these settings."""
        return {"weak_scale": self._scale(model), "weak_interval": self.intervals()["weak"]}

    def told(self) -> Dict[str, Any]:
        """The settings as notes have them: without those of a weak network where none guides."""
        settings = super().told()
        weak = {name: settings.pop(name) for name in _WEAK}
        guides = self.weak_scale not in (None, 1)
        return {**settings, **weak, "weak": file_identity(self.weak)} if guides else settings

    def _scale(self, model: Diffusion) -> float:
        return (1.0 if model.weak is None else self.unasked) if self.weak_scale is None else self.weak_scale

    def intervals(self) -> Dict[str, Tuple[float, float]]:
        return {**super().intervals(), "weak": interval(self.weak_from, self.weak_to)}


@dataclass(frozen=True)
class Guided(WeakGuided, GuidedSampling):
    """What a walk of a model with labels can be told."""

    guidance_scale: float = number(1.0, 0)
    """1 is no guidance; more makes pictures clearer and less varied. Models without labels have none."""

    def guidance(self, model: Diffusion) -> Dict[str, Any]:
        """What `Diffusion.denoiser` is told of these settings."""
        scale = self.guidance_scale if model.classes else 1.0
        return {**super().guidance(model), "guidance_scale": scale, "interval": self.intervals()["guide"]}

    def begun(
        self, model: Diffusion, condition: Sequence[Tensor], seeds: Sequence[int], device: torch.device
    ) -> Iterator[Step]:
        """The walk of a batch from the noises of its seeds, one Step at a time.

        Args:
            model: on `device`, which knows the shape of its pictures.
            condition: of each picture, such as its label [B].
            seeds: one a picture.
            device: where to compute.
        """
        assert model.shape is not None, "who paints has checked it"
        noise = SeededNoise(seeds, model.shape, device)
        denoiser = model.denoiser(*condition, **self.guidance(model))
        return self.walk(denoiser, model.schedule.first(noise()), noise)
