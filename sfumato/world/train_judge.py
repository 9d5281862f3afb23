"""Training the small world's judge on real digits in all looks, alone and in pairs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import write_model
from ..diffusion import seed_of
from ..images import from_pixels
from ..models.digit_classifier import DigitJudge
from ..options import check_options
from ..outputs import open_for_file
from ..pictures.train_classifier import BATCH, Fitting, fitted, moved, recoloured
from .judge import CLASSES, FORMAT, SceneJudge, as_judged
from .scenes import DIGITS, LOOKS, SIZE, DigitFiles, Digits, draw_scenes, render

_MEASURED = 2000
_LOOK_SHARES = (0.5, 0.3, 0.1, 0.1)
"""Of what it learns from: street numbers are few and hard to read."""


@dataclass
class JudgeOptions(DigitFiles):
    """Train the small world's judge, and measure it on digits that it never saw."""

    out: Path
    """The file to write, ending in .safetensors."""
    test: Optional[Path] = None
    """An .npz with mnistm_x, mnistm_y, svhn_x and svhn_y, held out; scored once, at the end, beside MNIST's test."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    fitting: Fitting = field(default_factory=lambda: Fitting(steps=3600))


def train_judge(options: JudgeOptions) -> Path:
    """Train and write a judge; see JudgeOptions."""
    check_options(options)
    digits = Digits.read(options.data, options.mnist, options.cache)
    held_out = Digits.read_test(options.test, options.mnist) if options.test else None
    open_for_file(options.out)

    def draw(step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(options.fitting.seed, step))
        pictures, classes = _regions(digits, source)
        return moved(pictures, source)[rows], classes[rows]

    judge = fitted(lambda: DigitJudge(CLASSES), draw, options.fitting, "judge of the small world")
    write_model(options.out, judge, FORMAT, {}, note=f"{options.fitting.steps} steps of {BATCH} on real digits")
    if held_out is not None:
        _tell(SceneJudge(options.out), held_out)
    print(f"wrote {options.out}")
    return options.out


def _regions(digits: Digits, source: torch.Generator) -> Tuple[Tensor, Tensor]:
    """A batch of digits as the judge sees them, alone and in pairs, and the class of each."""
    values = torch.randint(DIGITS, (BATCH,), generator=source)
    looks = torch.multinomial(torch.tensor(_LOOK_SHARES), BATCH, replacement=True, generator=source)
    drawn = [digits.draw(source, look, value) for look, value in zip(looks.tolist(), values.tolist())]
    pixels, photos = from_pixels(torch.stack(drawn)), looks < LOOKS.index("chalk")
    pixels[photos] = recoloured(pixels[photos], source)
    raw, middle = (pixels + 1) * 127.5, BATCH // 2
    alone, paired = render(raw[:middle], looks[:middle]), render(raw[middle:], looks[middle:], SIZE // 2)
    return torch.cat([as_judged(alone), as_judged(paired)]), looks * DIGITS + values


def _tell(judge: SceneJudge, digits: Digits) -> None:
    """Print how many digits and looks it names rightly, look by look."""
    scenes = draw_scenes(digits, _MEASURED, torch.Generator().manual_seed(0), pairs=0.0)
    seen = judge.single(scenes.pixels)
    for look, name in enumerate(LOOKS):
        rows = scenes.looks[:, 0] == look
        digit = float((seen.digits[rows] == scenes.digits[rows, 0]).float().mean())
        right = float((seen.looks[rows] == look).float().mean())
        print(f"{name}: digit {digit:.1%}, look {right:.1%} of {int(rows.sum())} held-out digits")
