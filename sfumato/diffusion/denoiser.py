"""What is known of a noisy picture, in one form whatever a network was trained to predict.

A Denoiser is anything that has a `schedule` and answers (x_t, t) with a Prediction(x0, eps), where
x_t = signal x0 + noise eps: a network, an exact formula, a guided pair, parts side by side.
"""

from typing import Any, Callable, Protocol, Sequence, Tuple

from torch import Tensor

from .predictions import Levels, Prediction, from_x0, prediction_of
from .schedules import Schedule


class Denoiser(Protocol):
    """Whatever has a schedule and can be called is one."""

    @property
    def schedule(self) -> Schedule:
        """On which its times lie."""

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        """What is known of x_t [B, ...] at times t [B]."""


def schedule_of(*denoisers: Denoiser) -> Schedule:
    """The schedule that all of these denoisers carry.

    Raises:
        TypeError: for what carries none.
        ValueError: if they carry different ones.
    """
    for denoiser in denoisers:
        if not isinstance(getattr(denoiser, "schedule", None), Schedule):
            raise TypeError(f"{denoiser!r} is no Denoiser: it carries no schedule")
        if denoiser.schedule != denoisers[0].schedule:
            raise ValueError(f"denoisers of different schedules: {denoisers[0].schedule} and {denoiser.schedule}")
    return denoisers[0].schedule


class NetworkDenoiser:
    """A network with its condition, as a Denoiser.

    The answer is in x_t's own type: a network in half precision does not round the sampler's arithmetic.

    Args:
        network: called as network(x_t, t, *condition); answers a tensor of x_t's shape.
        schedule: the schedule that the network was trained on.
        predicts: what its output means, one of PREDICTIONS.
        condition: tensors whose first dimension is the batch, such as labels [B] or text [B, 77, 768].
        sigma_data: the data's standard deviation; "edm" and EDMSchedule scale by it.

    Raises:
        ValueError: for an unknown prediction, or one that the schedule does not have.
    """

    def __init__(
        self,
        network: Callable[..., Tensor],
        schedule: Schedule,
        predicts: str = "eps",
        condition: Tuple[Tensor, ...] = (),
        sigma_data: float = 0.5,
    ) -> None:
        self.network, self.schedule, self.predicts = network, schedule, predicts
        self.condition, self.sigma_data = tuple(condition), sigma_data
        self.prediction = prediction_of(predicts)
        self.prediction.check(schedule)

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        levels = self.levels(t, x_t)
        if self.prediction.needs_signal and self.schedule.ends_without_signal and bool((levels.signal == 0).any()):
            raise ValueError(f"{self.predicts} divides by the signal, which is 0 at time {self.schedule.start}")
        return self.prediction.read(self.output(x_t, t, levels).to(x_t.dtype), x_t, levels)

    def levels(self, t: Tensor, like: Tensor) -> Levels:
        """What the prediction may use at times t [B], in the type of pictures like it."""
        return Levels(*self.schedule.signal_noise(t, like), self.sigma_data)

    def output(self, x_t: Tensor, t: Tensor, levels: Levels) -> Tensor:
        """What the network itself answers: x_t is scaled by its prediction, or else by its schedule; never by both."""
        scale = self.prediction.input_scale(levels)
        if scale is None:
            scale = self.schedule.input_scale(t, x_t, self.sigma_data)
        time = self.schedule.network_time(t)
        return self.network(scale * x_t, time.float() if time.is_floating_point() else time, *self.condition)


class Clamped:
    """A Denoiser whose x0 stays inside [-1, 1], as pixels do; where it is no number any more, it stays none.

    Args:
        denoiser: the one to wrap.
        recompute_eps: whether eps is made to agree with the clamped x0, so that x_t = signal x0 + noise eps stays true;
            the DDIM of many pixel models leaves eps as the network said it.
    """

    def __init__(self, denoiser: Denoiser, recompute_eps: bool = True) -> None:
        self.denoiser, self.recompute_eps = denoiser, recompute_eps
        self.schedule = schedule_of(denoiser)

    def __call__(self, x_t: Tensor, t: Tensor) -> Prediction:
        x0, eps = self.denoiser(x_t, t)
        x0 = x0.clamp(-1, 1) + 0 * x0.square()  # what has overflown, or whose square does, is hidden by no picture
        if not self.recompute_eps:
            return Prediction(x0, eps)
        return from_x0(x0, x_t, Levels(*self.schedule.signal_noise(t, x_t), 0.0))


def mixed(answers: Sequence[Prediction], weights: Sequence[Any]) -> Prediction:
    """The sum of predictions of one x_t by weights that are numbers, or tensors that multiply x0.

    Where the weights' sum is 1, x_t = signal x0 + noise eps stays true.
    """
    x0 = sum(w * answer.x0 for w, answer in zip(weights, answers))
    return Prediction(x0, sum(w * answer.eps for w, answer in zip(weights, answers)))  # type: ignore[arg-type]
