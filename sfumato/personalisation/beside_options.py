"""What is learned beside the photos, and how much of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, Tuple

from ..errors import UserError
from ..options import check_options, number
from .priors import COUNT
from .recipes import SMALL_PROMPTS

_MIXED, _OF_EACH = 400, 2


@dataclass
class BesideOptions:
    """What is learned beside the photos, so that a model keeps what it knew, and keeps two concepts apart."""

    prior_share: Optional[float] = number(None, 0, 0.9)
    """Share of pictures that the model painted by itself for plain prompts (prior preservation, Ruiz et al. 2022); by
    default for custom and lora half of what is not composed."""
    prior: Tuple[str, ...] = ()
    """The plain prompts; by default what the photos are shown with, with the words of --plain for the new one."""
    prior_count: Optional[int] = number(None, 1)
    """Pictures that are painted for them, in turn: by default 200, for the small model's own prompts two of each."""
    prior_guidance: float = number(1.0, 0)
    """Guidance scale that they are painted with. At 1, without guidance, they are drawn as the model believes in them
    and teach it nothing; pictures of a higher scale make it surer than it was, and then its prompts are over-guided."""
    prior_pictures: Optional[Path] = None
    """A folder of such pictures, painted by `concepts generate` or with captions, in place of painting them."""
    mix_share: Optional[float] = number(None, 0, 0.9)
    """Share of pictures composed of two concepts' photos side by side, or of one beside a prior picture, with texts
    that say which is where (Cut-Mix, Han et al. 2023); by default the method's where there are several concepts."""
    mix_count: int = number(_MIXED, 1)
    """Composed pictures."""

    def settled(self, prior_share: float, mix_share: float, small: bool) -> "BesideOptions":
        """With a method's defaults where nothing was given.

        Raises:
            UserError: for what does not belong together.
        """
        check_options(self)
        mix = mix_share if self.mix_share is None else self.mix_share
        prior = prior_share * (1 - mix) if self.prior_share is None else self.prior_share
        if prior + mix > 0.9:
            raise UserError(f"--prior-share {prior:g} and --mix-share {mix:g}: leave at least a tenth for the photos")
        guided = self.prior_guidance != BesideOptions.prior_guidance
        if not prior and not mix and (self.prior or self.prior_pictures or self.prior_count or guided):
            given = f" {self.prior_pictures}" if self.prior_pictures else ""
            raise UserError(
                f"--prior, --prior-count, --prior-guidance and --prior-pictures{given} need a --prior-share above 0"
            )
        if self.prior_pictures is not None and (self.prior or self.prior_count or guided):
            raise UserError(
                "--prior-pictures takes the place of --prior, --prior-count and --prior-guidance; give one of them"
            )
        count = _OF_EACH * len(SMALL_PROMPTS) if small and not self.prior else COUNT
        return replace(self, prior_share=prior, prior_count=self.prior_count or count, mix_share=mix)
