"""The flags by which a command chooses a sampler, the same for every job."""

import math
from dataclasses import dataclass, field, fields
from typing import Optional

from .diffusion import SAMPLERS, Sampler, make_sampler

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
class SamplerOptions:
    """How to walk from noise to a picture."""

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
