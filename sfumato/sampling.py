"""How every job walks from noise to a picture: the sampler, what it is told, and the times that it visits."""

import math
from dataclasses import dataclass, field, fields
from typing import Callable, Iterator, List, Optional

from torch import Tensor

from .diffusion import SAMPLERS, Denoiser, Sampler, Schedule, Step, make_sampler
from .errors import UserError

SPACING_HELP = "Where the steps are; one of the schedule's own ways by default."
SAMPLER_HELP = {"help": f"{', '.join(SAMPLERS)}."}
"""Of a field that names a sampler."""


def _told(option: str) -> str:
    """What an option is and allows, from the samplers that have it."""
    having = {name: one for name, cls in SAMPLERS.items() for one in fields(cls) if one.name == option}
    one = next(iter(having.values()))
    low, high = one.metadata.get("range", (None, None))
    ends = "" if low is None else f"{low:g} and more" if math.isinf(high) else f"{low:g} ... {high:g}"
    allowed = " or ".join(one.metadata.get("choices", ())) or ends
    return f"{allowed + '; ' if allowed else ''}for {', '.join(having)}, {one.default} by default."


@dataclass(frozen=True)
class Sampling:
    """How noise becomes a picture; each job has its own defaults, and what more its own can be told."""

    sampler: str = field(default="unipc", metadata=SAMPLER_HELP)
    """One of SAMPLERS."""
    eta: float = field(default=0.0, metadata={"help": f"How much of the posterior's noise is added. {_told('eta')}"})
    """DDIM's."""
    variance: Optional[str] = field(default=None, metadata={"help": f"Of the noise added. {_told('variance')}"})
    """DDPM's."""
    churn: Optional[float] = field(default=None, metadata={"help": f"Noise put in anew. {_told('churn')}"})
    """EDM's."""
    lower_order_final: Optional[bool] = field(
        default=None,
        metadata={"help": f"Whether the last of few steps is of first order. {_told('lower_order_final')}"},
    )
    """The multistep solvers'."""

    steps: int = 25
    """Denoising steps."""
    spacing: str = field(default="", metadata={"help": SPACING_HELP})
    """A way to space them, see `Schedule.times`."""

    def times(self, schedule: Schedule) -> List[float]:
        """The times to visit.

        Raises:
            ValueError: if there are no such times.
        """
        return schedule.times(self.steps, self.spacing)

    def check(self, schedule: Schedule) -> None:
        """Refuse what cannot be walked.

        Raises:
            UserError: naming the setting.
        """
        try:
            self.made().check(schedule, self.times(schedule))
        except ValueError as error:
            raise UserError(str(error)) from None

    def walk(self, denoiser: Denoiser, x: Tensor, noise: Optional[Callable[[], Tensor]] = None) -> Iterator[Step]:
        """The steps from x, which is as noisy as the schedule begins.

        Args:
            denoiser: what the model knows, guided.
            x: pictures [B, ...].
            noise: draws what is added on the way, where the sampler adds any.
        """
        return self.made()(x, denoiser, self.times(denoiser.schedule), noise)

    def made(self) -> Sampler:
        """The sampler.

        Raises:
            ValueError: for an unknown one, or what it cannot be told.
        """
        given = {name: getattr(self, name) for name in ("eta", "variance", "churn", "lower_order_final")}
        # An eta of 0 is what every other sampler does without being told.
        told = {
            name: value for name, value in given.items() if value is not None and not (name == "eta" and value == 0)
        }
        return make_sampler(self.sampler, **told)
