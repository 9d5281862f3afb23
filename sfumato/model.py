"""The model as one noun: a network, the schedule that it knows, and what it predicts; trained, sampled, saved, loaded.

    model = Diffusion(network, FlowSchedule(), predicts="velocity", shape=(3, 64, 64), classes=("rose", "tulip"))
    loss = model(x0, t, eps, label).mean()
    x = model.sample(count=16, label="tulip", steps=12, guidance_scale=3.0, seed=0)

Training wraps the model itself, not its network: its forward is the loss, so that DistributedDataParallel,
torch.compile and running means of the weights see every pass.
"""

import math
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from . import model_files
from .conditions import Conditions, Label
from .diffusion import (
    Clamped,
    Denoiser,
    Guidance,
    NetworkDenoiser,
    Schedule,
    SeededNoise,
    make_loss,
    make_sampler,
    sample,
    seed_of,
    training_loss,
)
from .keeping import kept, sharing

_SMALL_BATCH = 16
_LARGEST = 65536
"""What the shape of a picture may have of anything; files are believed no more."""


class Diffusion(nn.Module):
    """A diffusion model.

    Args:
        network: called as network(x_t, t, *condition); answers a tensor of x_t's shape.
        schedule: of the noise.
        predicts: what the network's output means: eps, x0, v, velocity or edm.
        shape: of one picture, (channels, height, width); needed for `sample`. The network's own `shape` by default.
        classes: names of the labels 0, 1 ...; of several conditions the names of each (see `conditions`); empty for a
            model without labels, or with conditions of another kind. The network's own `classes` by default.
        null: the label that means none, by which guidance knows what to lead away from; the number after the last by
            default. Of several conditions that of each.
        loss: how the times are weighted: uniform, min-snr or edm.
        sigma_data: the data's standard deviation, which "edm" and EDMSchedule scale by.
        clamp: whether the predicted picture is kept in [-1, 1] while sampling, as pixels are.

    Attributes:
        weak: a weaker model of the same pictures, which guidance can lead away from; None for none. See `with_weak`.

    Raises:
        ValueError: for an unknown prediction or loss, a prediction that the schedule does not have, or what cannot be.
    """

    network: Any

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        predicts: str = "eps",
        *,
        shape: Optional[Tuple[int, int, int]] = None,
        classes: Sequence[Union[str, Sequence[str]]] = (),
        null: Union[int, Sequence[int], None] = None,
        loss: str = "uniform",
        sigma_data: float = 0.5,
        clamp: bool = True,
    ) -> None:
        super().__init__()
        self.network, self.schedule, self.predicts = network, schedule, predicts
        shape = shape or getattr(network, "shape", None)
        self.shape = None if shape is None else _shape(shape)
        self.conditions = Conditions(tuple(classes) or tuple(getattr(network, "classes", ())), null)
        self.classes, self.null = self.conditions.classes, self.conditions.null
        if not 0 < sigma_data < math.inf:
            raise ValueError(f"sigma_data must be above 0, got {sigma_data}")
        self.loss, self.sigma_data, self.clamp = loss, sigma_data, clamp
        self._weighting = make_loss(loss)
        self._denoiser()
        self.weak: Optional[Diffusion] = None

    def forward(self, x0: Tensor, t: Tensor, eps: Tensor, *condition: Tensor) -> Tensor:
        """The loss of each picture, float32 [B].

        Args:
            x0: clean pictures [B, ...], in [-1, 1] for pixels.
            t: times [B] of the schedule, see `stratified_times`.
            eps: standard normal noise of x0's shape.
            condition: what the network takes after t, such as labels [B] of each condition.
        """
        return training_loss(self._denoiser(*condition), x0, t, eps, self._weighting)

    def save(self, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
        """Write the model, whole or not at all; see `model_files.save`."""
        model_files.save(self, path, dtype, note)

    @classmethod
    def load(cls, path: Path, network: Optional[nn.Module] = None, what: str = "diffusion model") -> "Diffusion":
        """Read a model, and its weak network, that `save` wrote, frozen and ready to sample; see `model_files.load`."""
        if network is not None:
            taken: Diffusion = model_files.load(cls, Path(path), network, what)
            return taken
        return kept((cls, str(path), what), lambda: model_files.load(cls, Path(path), None, what), sharing)

    def with_weak(self, weak: Optional["Diffusion"]) -> "Diffusion":
        """This model, with a weaker one that it is guided by where `weak_scale` is not 1, and that `save` keeps.

        Args:
            weak: such as a running mean from early in the same training, or a smaller network; None for none.

        Raises:
            ValueError: if it is of another schedule, other pictures or other labels.
        """
        if weak is not None:
            for name in ("schedule", "shape", "classes", "null"):
                mine, other = getattr(self, name), getattr(weak, name)
                if mine != other:
                    raise ValueError(f"a weak network must have the {name} of the model, {mine}; it has {other}")
            weak = weak.eval().requires_grad_(False)
        self.weak = weak
        return self

    def _denoiser(self, *condition: Tensor) -> NetworkDenoiser:
        return NetworkDenoiser(self.network, self.schedule, self.predicts, condition, self.sigma_data)

    def denoiser(
        self,
        *condition: Tensor,
        guidance_scale: float = 1.0,
        interval: Optional[Tuple[float, float]] = None,
        batched: Optional[bool] = None,
        weak: Optional["Diffusion"] = None,
        weak_scale: float = 1.0,
        weak_interval: Optional[Tuple[float, float]] = None,
        clamp: Optional[bool] = None,
        recompute_eps: bool = True,
    ) -> Denoiser:
        """What the model knows of a batch, guided.

        Args:
            condition: of the batch, such as labels [B] of each condition; what guidance leads away from are the null
                labels in their place.
            guidance_scale, interval, weak_scale, weak_interval: see `Guidance`.
            batched: see there; by default where that is quicker, on GPUs and for small batches.
            weak: a weaker model of the same schedule, which guidance leads away from too; the model's own by default.
            clamp, recompute_eps: see `Clamped`; the model's own clamp by default.

        Raises:
            ValueError: for guidance of a model without a null label, by a weaker one where there is none, or by one of
                another schedule.
        """
        guided: Denoiser = self._denoiser(*condition)
        weak = self.weak if weak is None else weak
        if weak is None and weak_scale != 1.0:
            raise ValueError("the model has no weak network to be guided by; give one, or a weak_scale of 1")
        if guidance_scale != 1.0 or weak is not None:
            nothing = self._denoiser(*self._unlabelled(condition)) if guidance_scale != 1.0 else guided
            weaker = None if weak is None else weak._denoiser(*condition)
            one_pass = _is_quicker_at_once(condition) if batched is None else batched
            both = one_pass and guidance_scale != 1.0
            guided = Guidance(guided, nothing, guidance_scale, interval, both, weaker, weak_scale, weak_interval)
        return Clamped(guided, recompute_eps) if (self.clamp if clamp is None else clamp) else guided

    def _unlabelled(self, condition: Tuple[Tensor, ...]) -> Tuple[Tensor, ...]:
        nulls = self.conditions.nulls
        if not nulls or len(condition) != len(nulls):
            raise ValueError("guidance needs one label a picture, and a model that was trained with a null label")
        return tuple(torch.full_like(part, null) for part, null in zip(condition, nulls))

    @torch.no_grad()
    def sample(
        self,
        count: int = 1,
        label: Union[Label, Sequence[Optional[Label]], None] = None,
        steps: int = 25,
        guidance_scale: float = 1.0,
        seed: int = 0,
        sampler: str = "unipc",
        spacing: str = "",
        batch_size: int = 64,
        interval: Optional[Tuple[float, float]] = None,
        weak: Optional["Diffusion"] = None,
        weak_scale: float = 1.0,
        weak_interval: Optional[Tuple[float, float]] = None,
        **options: Any,
    ) -> Tensor:
        """Paint: [count, channels, height, width] on the CPU, in about [-1, 1].

        Picture n is the same picture in any batch: it draws from a seed of its own.

        Args:
            count: of pictures.
            label: the name or number of a class, for all or a list of one for each; none for a model without, or for no
                class. Of several conditions a tuple of one for each, in which None leaves that open.
            steps, spacing: of the walk, see `Schedule.times`.
            guidance_scale, interval, weak, weak_scale, weak_interval: see `denoiser`.
            seed: other seeds give other pictures.
            sampler: one of SAMPLERS.
            batch_size: pictures at once.
            options: what the sampler can be told, such as eta.

        Raises:
            ValueError: for a label, setting or start that cannot be.
        """
        if self.shape is None:
            raise ValueError("the model does not know its pictures' shape; give it to Diffusion as shape=(3, 64, 64)")
        if count < 1 or batch_size < 1:
            raise ValueError(f"count and batch_size must be at least 1, got {count} and {batch_size}")
        walker, times = make_sampler(sampler, **options), self.schedule.times(steps, spacing)
        labels = self.conditions.of_each(label, count)
        guided: Dict[str, Any] = {"guidance_scale": guidance_scale, "interval": interval}
        guided.update(weak=weak, weak_scale=weak_scale, weak_interval=weak_interval)
        device = next((one.device for one in self.network.parameters()), torch.device("cpu"))
        was_training = self.network.training
        self.network.eval()
        painted = []
        try:
            for begin in range(0, count, batch_size):
                numbers = range(begin, min(begin + batch_size, count))
                condition = [part[begin : numbers.stop].to(device) for part in labels]
                denoiser = self.denoiser(*condition, **guided)
                noise = SeededNoise([seed_of(seed, number) for number in numbers], self.shape, device)
                painted.append(sample(walker(self.schedule.first(noise()), denoiser, times, noise)).cpu())
        finally:
            self.network.train(was_training)
        return torch.cat(painted)


def _is_quicker_at_once(condition: Sequence[Tensor]) -> bool:
    """On a GPU one large pass wins. On a CPU a large batch keeps it busy, and a doubled one leaves its caches."""
    return all(part.device.type != "cpu" or len(part) <= _SMALL_BATCH for part in condition)


def _shape(shape: Sequence[int]) -> Tuple[int, int, int]:
    channels, height, width = shape
    if not all(type(one) is int and 1 <= one <= _LARGEST for one in shape):
        raise ValueError(f"shape must be (channels, height, width), each 1 ... {_LARGEST}, got {tuple(shape)}")
    return channels, height, width
