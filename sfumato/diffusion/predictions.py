"""What a network's output means: each kind turns it into (x0, eps), and says what a perfect network would answer."""

from abc import ABC, abstractmethod
from typing import Dict, NamedTuple, Optional, Tuple, Union

from torch import Tensor

from .names import named
from .schedules import Schedule

Scale = Union[Tensor, float]


class Prediction(NamedTuple):
    """A denoiser's answer: the clean picture and the noise, both of x_t's shape [B, ...]."""

    x0: Tensor
    eps: Tensor


class Levels(NamedTuple):
    """What a kind may use besides the tensors: numbers ready to multiply them."""

    signal: Tensor
    """[B or 1, 1, ...], as noise."""
    noise: Tensor
    sigma_data: float
    """The data's standard deviation."""


class Predicts(ABC):
    """A kind of prediction.

    Attributes:
        needs_signal: whether it divides by the signal, and so means nothing where that is 0.
    """

    needs_signal = False

    def check(self, schedule: Schedule) -> None:  # noqa: B027  most kinds are defined everywhere
        """Raise ValueError for a schedule on which the kind means nothing."""

    @abstractmethod
    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        """(x0, eps) from a network's output, all [B, ...]."""

    @abstractmethod
    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        """What a perfect network answers: the inverse of `read`."""

    @abstractmethod
    def x0_gain(self, levels: Levels) -> Scale:
        """How far x0 moves when the output moves by 1: what turns a loss on x0 into one on the output."""

    def input_scale(self, levels: Levels) -> Optional[Scale]:
        """What x_t is multiplied by before the network sees it; None leaves it to the schedule."""
        return None


def from_x0(x0: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
    """The prediction whose picture is known: eps = (x_t - signal x0) / noise."""
    return Prediction(x0, (x_t - levels.signal * x0) / levels.noise)


class Eps(Predicts):
    """The noise (Ho et al. 2020, section 3.2): x0 = (x_t - noise eps) / signal."""

    needs_signal = True

    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        return Prediction((x_t - levels.noise * output) / levels.signal, output)

    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        return eps

    def x0_gain(self, levels: Levels) -> Scale:
        return levels.noise / levels.signal


class X0(Predicts):
    """The clean picture: eps = (x_t - signal x0) / noise."""

    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        return from_x0(output, x_t, levels)

    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        return x0

    def x0_gain(self, levels: Levels) -> Scale:
        return 1.0


class V(Predicts):
    """v = signal eps - noise x0 (Salimans & Ho 2022, appendix D).

    x0 = signal x_t - noise v and eps = noise x_t + signal v, because signal^2 + noise^2 = 1, and only there.
    """

    def check(self, schedule: Schedule) -> None:
        if not schedule.preserves_variance:
            raise ValueError(f"v is defined where signal^2 + noise^2 = 1, not on {schedule}; take velocity")

    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        signal, noise, _ = levels
        return Prediction(signal * x_t - noise * output, noise * x_t + signal * output)

    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        return levels.signal * eps - levels.noise * x0

    def x0_gain(self, levels: Levels) -> Scale:
        return levels.noise


class Velocity(Predicts):
    """That of the straight line, u = eps - x0 (Liu et al. 2022, eq. 1; Lipman et al. 2022, eq. 23), on any schedule:

    x0 = (x_t - noise u) / (signal + noise),      eps = (x_t + signal u) / (signal + noise)
    """

    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        signal, noise, _ = levels
        whole = signal + noise
        return Prediction((x_t - noise * output) / whole, (x_t + signal * output) / whole)

    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        return eps - x0

    def x0_gain(self, levels: Levels) -> Scale:
        return levels.noise / (levels.signal + levels.noise)


class EDM(Predicts):
    """F of EDM's preconditioning (Karras et al. 2022, eq. 7 and table 1), on any schedule.

    With sigma = noise / signal, y = x_t / signal and sd the data's standard deviation,

        x0 = c_skip y + c_out F(c_in y),      c_skip = sd^2 / (sigma^2 + sd^2),
        c_out = sigma sd / sqrt(sigma^2 + sd^2),      c_in = 1 / sqrt(sigma^2 + sd^2)

    so that what the network sees and what it answers have a variance of 1.
    """

    needs_signal = True

    def input_scale(self, levels: Levels) -> Tensor:
        """c_in / signal, for x_t."""
        signal, noise, sigma_data = levels
        return (noise**2 + (signal * sigma_data) ** 2).rsqrt()

    def read(self, output: Tensor, x_t: Tensor, levels: Levels) -> Prediction:
        skip, out = self._skip_and_out(levels)
        return from_x0(skip * x_t / levels.signal + out * output, x_t, levels)

    def target(self, x0: Tensor, eps: Tensor, levels: Levels) -> Tensor:
        skip, out = self._skip_and_out(levels)
        return (x0 - skip * (x0 + levels.noise / levels.signal * eps)) / out

    def x0_gain(self, levels: Levels) -> Scale:
        return self._skip_and_out(levels)[1]

    def _skip_and_out(self, levels: Levels) -> Tuple[Tensor, Tensor]:
        sigma = levels.noise / levels.signal
        both = sigma**2 + levels.sigma_data**2
        return levels.sigma_data**2 / both, sigma * levels.sigma_data * both.rsqrt()


PREDICTIONS: Dict[str, Predicts] = {"eps": Eps(), "x0": X0(), "v": V(), "velocity": Velocity(), "edm": EDM()}
"""Kinds by the names that commands and files take; tests run over all of them."""


def prediction_of(name: str) -> Predicts:
    """The kind of that name; ValueError for an unknown one."""
    return named(PREDICTIONS, name, "prediction")
