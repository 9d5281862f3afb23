"""Training the small world's judge on real digits in all looks, alone and in pairs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..checkpoints import write_model
from ..diffusion import seed_of
from ..models.digit_classifier import DigitJudge
from ..options import check_options
from ..outputs import open_for_file
from ..pictures.train_classifier import BATCH, Fitting, fitted, moved
from .judge import CLASSES, FORMAT, SceneJudge, as_judged
from .scenes import DIGITS, LOOKS, SIZE, DigitFiles, Digits, Scenes, draw_scenes

_MEASURED = 2000


@dataclass
class JudgeOptions(DigitFiles):
    """Train the small world's judge, and measure it on digits that it never saw."""

    out: Path
    """The file to write, ending in .safetensors."""
    test: Optional[Path] = None
    """An .npz with mnistm_x, mnistm_y, svhn_x and svhn_y, held out; scored once, at the end, beside MNIST's test."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    fitting: Fitting = field(default_factory=Fitting)


def train_judge(options: JudgeOptions) -> Path:
    """Train and write a judge; see JudgeOptions."""
    check_options(options)
    digits = Digits.read(options.data, options.mnist, options.cache)
    held_out = Digits.read_test(options.test, options.mnist) if options.test else None
    open_for_file(options.out)

    def draw(step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(options.fitting.seed, step))
        pictures, classes = _regions(draw_scenes(digits, BATCH, source))
        picked = torch.randperm(len(classes), generator=source)[:BATCH]
        return moved(pictures[picked], source)[rows], classes[picked][rows]

    judge = fitted(lambda: DigitJudge(CLASSES), draw, options.fitting, "judge of the small world")
    write_model(options.out, judge, FORMAT, {}, note=f"{options.fitting.steps} steps of {BATCH} on real digits")
    if held_out is not None:
        for line in _measured(SceneJudge(options.out), held_out):
            print(line)
    print(f"wrote {options.out}")
    return options.out


def _regions(scenes: Scenes) -> Tuple[Tensor, Tensor]:
    """Every digit in some scenes as the judge sees it, and its class."""
    single = scenes.digits[:, 1] < 0
    halves = scenes.pixels[~single]
    middle = SIZE // 2
    parts = (scenes.pixels[single], halves[..., :middle], halves[..., middle:])
    pictures = torch.cat([as_judged(part) for part in parts])
    classes = scenes.looks * DIGITS + scenes.digits
    return pictures, torch.cat([classes[single, 0], classes[~single, 0], classes[~single, 1]])


def _measured(judge: SceneJudge, digits: Digits) -> List[str]:
    """How many digits and looks it names rightly, look by look."""
    scenes = draw_scenes(digits, _MEASURED, torch.Generator().manual_seed(0), pairs=0.0)
    seen, lines = judge.single(scenes.pixels), []
    for look, name in enumerate(LOOKS):
        rows = scenes.looks[:, 0] == look
        digit = float((seen.digits[rows] == scenes.digits[rows, 0]).float().mean())
        right = float((seen.looks[rows] == look).float().mean())
        lines.append(f"{name}: digit {digit:.1%}, look {right:.1%} of {int(rows.sum())} held-out digits")
    return lines
