"""What `concepts generate` can be told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from ..devices import PRECISIONS, Worker, refuse_to_compile
from ..errors import UserError, unwritable
from ..options import check_options, choice, number
from ..pictures.filming import FILM, check_filming
from ..stable_diffusion import VAE_OPTION
from .painting import Sampling


@dataclass
class GenerateOptions:
    """Paint prompts with Stable Diffusion v1; the same command again goes on where it stopped."""

    out: Path
    """Folder to paint into; made if missing."""
    checkpoint: Optional[Path] = None
    """A .ckpt or .safetensors with CompVis' keys, or a diffusers folder; the small one that ships by default, which
    knows digits."""
    prompt: Tuple[str, ...] = ()
    """What to paint."""
    input: Optional[Path] = None
    """The course's input.json, in place of prompts."""
    embeddings: Tuple[Path, ...] = ()
    """Files of learned words, or folders of such files; "FILE=<dog>" calls a file's word <dog>."""
    lora: Tuple[str, ...] = ()
    """Files of LoRAs (kohya's, diffusers' or peft's names), each FILE, FILE:0.8 for as much of it, or
    FILE:unet=0.8,text=0.3 for as much in each network; "small" for the one that ships, with which the small model
    paints in four passes (--sampler ddim --steps 4 --guidance-scale 1)."""
    custom: Tuple[str, ...] = ()
    """Files of `concepts learn --method custom`, or diffusers' Custom Diffusion, each FILE or FILE:0.8."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    count: int = number(25, 1)
    """Pictures of each prompt."""
    seed: int = number(0)
    """Other seeds give other pictures."""
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = number(5, 1)
    """Pictures painted at once."""
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""
    compile: bool = False
    """Compile the U-Net first, which takes minutes; pictures then differ a little by what is painted beside them."""
    overwrite: bool = False
    """Paint over pictures of other settings; those of the same settings stand, for they would be the same."""
    film: Optional[Path] = field(default=None, metadata=FILM)

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)
        self.sampling.check()
        check_filming(self.film, self.out)
        if self.compile:
            refuse_to_compile(Worker.here().device())
        if bool(self.prompt) == (self.input is not None):
            raise UserError("give either --prompt, with at least one prompt, or --input with an input.json")
        for text in (*self.prompt, self.sampling.negative_prompt):
            if unwritable(text):
                raise UserError(f"{text!a}: has half a character or a NUL in it; give the prompt as UTF-8 text")
