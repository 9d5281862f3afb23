"""What `concepts distill` can be told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from ..checkpoints import read_text
from ..concepts.painting import Sampling
from ..errors import UserError, unwritable
from ..models.shipped import small_or
from ..options import check_options, number
from ..stable_diffusion import SMALL_WORLD, VAE_OPTION
from ..training import TrainingOptions
from .recipes import SMALL_PROMPTS
from .running import RunningOptions

_LCM_STEPS = 4
"""Of the 1 to 8 that it can paint in, those that previews take."""
_TEACHER_STEPS = 5
_ADVICE = "give a text file with a prompt in each line"


@dataclass
class DistillOptions:
    """Distil a Stable Diffusion into a LoRA with which it paints in few passes; run the same command again to go on
    with an interrupted run."""

    checkpoint: Path
    """A Stable Diffusion v1 (.ckpt, .safetensors or a diffusers folder), or "small" for the shipped one."""
    out: Path
    """Folder of the run: states, log, painted pictures, sheets, and in the end lcm.safetensors, or with --passes
    few-steps.safetensors."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    prompt: Tuple[str, ...] = ()
    """What the model should paint to learn from; for the small one its own 54 prompts by default."""
    prompts: Optional[Path] = None
    """A text file of more of them, one a line."""
    count: int = number(500, 1)
    """Pictures that are painted for the prompts, in turn."""
    pictures: Optional[Path] = None
    """A folder of pictures with captions, or painted by `concepts generate`, in place of painting some."""
    passes: Optional[int] = number(None, 1)
    """Learn to paint in just so many steps of DDIM, in place of 1 to 8 steps of LCM."""
    teacher_steps: Optional[int] = number(None, 1)
    """The model's own steps that each of --passes takes the place of; 5 by default."""
    guidance_scale: float = number(7.5, 1)
    """That is folded into the weights; who paints with them then gives none."""
    rank: int = number(32, 1)
    """The width of the LoRA's matrices."""
    alpha: Optional[float] = number(None, 0, above=True)
    """The LoRA counts alpha / rank times; the rank by default."""
    steps: int = number(1000, 1)
    """Optimizer steps."""
    batch_size: int = number(8, 1)
    """Pictures a step, over all processes and accumulated parts together."""
    lr: float = number(1e-4, 0, above=True)
    """Peak learning rate (AdamW)."""
    huber: float = number(0.001, 0, above=True)
    """Differences above it count by their size, those below by their square."""
    preview_every: int = number(250, 0)
    """Steps between sheets of what is painted in four steps; 0 for never."""
    seed: int = number(0)
    """Of everything drawn."""
    running: RunningOptions = field(default_factory=RunningOptions)

    @property
    def weights(self) -> Path:
        """Of the model that is distilled."""
        return small_or(self.checkpoint, SMALL_WORLD)

    def asked(self) -> Tuple[str, ...]:
        """The prompts to paint, each once; none where there is a folder of pictures.

        Raises:
            UserError: for a number out of its range, options that do not belong together, or prompts that cannot be.
        """
        check_options(self)
        given = list(self.prompt)
        if self.prompts is not None:
            given += [line.strip() for line in read_text(self.prompts, _ADVICE).splitlines() if line.strip()]
            if len(given) == len(self.prompt):
                raise UserError(f"{self.prompts}: holds no prompt; {_ADVICE}")
        if self.teacher_steps is not None and self.passes is None:
            raise UserError(f"--teacher-steps {self.teacher_steps}: does nothing without --passes; give both")
        if self.pictures is not None:
            if given:
                raise UserError(f"--pictures {self.pictures}: takes the place of prompts; give one or the other")
            return ()
        if not given and self.weights != SMALL_WORLD:
            raise UserError("give --prompts with a file of what the model should paint, or --pictures with a folder")
        for one in given:
            if not one.strip() or unwritable(one):
                raise UserError(f"--prompt {one!a}: is no prompt; say what the model should paint")
        prompts = tuple(dict.fromkeys(given or SMALL_PROMPTS))
        if len(prompts) > self.count:
            raise UserError(f"--count {self.count}: is less than the {len(prompts)} prompts; have one picture of each")
        return prompts

    def training(self) -> TrainingOptions:
        """How the loop runs."""
        return self.running.training(self.steps, self.batch_size, self.preview_every, self.seed)

    def settings(self) -> Dict[str, Any]:
        """What decides the weights, beside the model, the pictures and the loop."""
        names = ("guidance_scale", "rank", "lr", "huber")
        walk = {} if self.passes is None else {"passes": self.passes, "teacher_steps": self.each}
        return {**{name: getattr(self, name) for name in names}, **walk, "alpha": self.alpha or float(self.rank)}

    @property
    def each(self) -> int:
        """The model's steps that one of ours takes the place of."""
        return self.teacher_steps or _TEACHER_STEPS

    @property
    def sampling(self) -> Sampling:
        """How one paints with what is learned."""
        if self.passes is None:
            return Sampling(sampler="lcm", steps=_LCM_STEPS)
        return Sampling(sampler="ddim", steps=self.passes, guidance_scale=1.0)

    @property
    def name(self) -> str:
        """Of the file that is written."""
        return "lcm.safetensors" if self.passes is None else "few-steps.safetensors"
