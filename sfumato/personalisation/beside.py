"""What is learned beside photos: prior pictures, painted or read, and pictures composed of them and the photos."""

from pathlib import Path
from typing import Any, Dict, List, Sequence

from ..concepts.painting import Sampling
from ..images import picture_files
from ..stable_diffusion import StableDiffusion
from .captions import read_captions
from .concept import Concept
from .folders import photo_groups
from .learn_options import LearnOptions
from .learning_set import Pool, mixed_pool, no_priors, prior_pool
from .mixing import Mixing
from .priors import Priors, paint_priors, prior_hashes, prior_prompts, read_priors

_FOLDER = "prior"


class Beside:
    """What one learning has beside its photos.

    Args:
        options: see LearnOptions.
        concepts: that are learned.
        model: on its device, to paint with.

    Raises:
        UserError: for prior pictures or prompts that cannot be used.
    """

    def __init__(self, options: LearnOptions, concepts: Sequence[Concept], model: StableDiffusion) -> None:
        self._options, self._model, self._told = options, model, options.settled()
        told, small = self._told, options.checkpoint is None
        self._read = None if told.prior_pictures is None else given_priors(told.prior_pictures)
        prompts = [prior_prompts(told.prior, one.templates, one.plain, small) for one in concepts]
        self._prompts = tuple(dict.fromkeys(prompt for some in prompts for prompt in some))
        # One concept is composed with prior pictures even where these are no share by themselves.
        self._has_priors = bool(told.prior_share) or (bool(told.mix_share) and len(concepts) == 1)

    @property
    def left(self) -> float:
        """The photos' share of all."""
        return 1.0 - (self._told.prior_share or 0.0) - (self._told.mix_share or 0.0)

    def settings(self) -> Dict[str, Any]:
        """What of it decides what is learned; nothing where nothing is beside the photos."""
        told = self._told
        found: Dict[str, Any] = {}
        if told.mix_share:
            found.update(mix_share=told.mix_share, mix_count=told.mix_count)
        if self._has_priors:
            found["prior_share"] = told.prior_share
            if self._read is not None:
                found["prior_pictures"] = prior_hashes(self._read)
            else:
                painted = {"prior_count": told.prior_count, "prior_guidance": told.prior_guidance}
                found.update(prior=self._prompts, **painted)
        return found

    def about(self) -> List[str]:
        """Lines for the plan."""
        told, lines = self._told, []
        if self._has_priors:
            count = told.prior_count if self._read is None else len(self._read.pictures)
            where = "painted first" if self._read is None else f"from {told.prior_pictures}"
            lines.append(f"beside     {count} prior pictures, {where}: {told.prior_share:.0%} of what is drawn")
        if told.mix_share:
            lines.append(f"beside     {told.mix_count} composed pictures: {told.mix_share:.0%}")
        return lines

    def pools(self, photos: Sequence[Pool]) -> List[Pool]:
        """Paint what is not painted yet, and compose.

        Args:
            photos: those of the concepts.

        Raises:
            UserError: for prompts that say a learned word, or a folder that holds something else.
        """
        options, told, model = self._options, self._told, self._model
        size, factor, found = model.size, model.vae.factor, []
        priors = no_priors(size, factor)
        if self._has_priors:
            pictures = self._read
            if pictures is None:
                assert told.prior_count is not None
                out = options.out / _FOLDER
                sampling = Sampling(guidance_scale=told.prior_guidance)
                pictures = paint_priors(model, self._prompts, out, told.prior_count, options.seed, sampling)
            priors = prior_pool(pictures, size, factor, told.prior_share or 0.0)
        if told.prior_share:
            found.append(priors)
        if told.mix_share:
            mixed = (told.mix_count, options.seed, Mixing(), factor, told.mix_share)
            found.append(mixed_pool(photos, priors, *mixed))
        return found


def given_priors(folder: Path) -> Priors:
    """A folder of prior pictures, with captions beside them or prompts in them; see `read_priors`."""
    # One that `concepts generate` painted into has its pictures in folders of their own.
    groups = photo_groups(folder, False) if folder.is_dir() and picture_files(folder) else []
    return read_priors(folder, {path: told.text for path, told in read_captions(folder, groups).items()})
