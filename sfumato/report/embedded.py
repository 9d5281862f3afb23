"""Runs of everything that ships, for a report without runs of one's own."""

import json
import time
from pathlib import Path
from typing import Callable, Dict

from tqdm import tqdm

from ..concepts.learn import learn
from ..concepts.learn_options import LearnOptions
from ..digits.evaluate import EvaluateOptions as DigitsEvaluate
from ..digits.evaluate import evaluate as evaluate_digits
from ..digits.figures import FiguresOptions, figures
from ..digits.generate import GenerateOptions as DigitsGenerate
from ..digits.generate import generate as generate_digits
from ..faces.figures import EtaOptions, InterpolateOptions, eta, interpolate
from ..world.captions import NAMES
from ..world.evaluate import EvaluateOptions as WorldEvaluate
from ..world.evaluate import evaluate as evaluate_world
from ..world.scenes import UNNAMED_DIGIT
from ..zero_shot import ZeroShotOptions, zero_shot

_LEARNED_FROM = 5
_WORLD_PICTURES = 40


def run_embedded(folder: Path) -> None:
    """Paint and measure with the weights that ship; what is finished already is not done again.

    Args:
        folder: for one folder a run.
    """
    jobs: Dict[str, Callable[[], object]] = {
        "digits": lambda: _digits(folder / "digits"),
        "digit-figures": lambda: figures(FiguresOptions(folder / "digit-figures")),
        "faces-eta": lambda: eta(EtaOptions(folder / "faces-eta")),
        "faces-paths": lambda: interpolate(InterpolateOptions(folder / "faces-paths")),
        "word": lambda: _word(folder),
        "world": lambda: evaluate_world(WorldEvaluate(folder / "world", count=_WORLD_PICTURES)),
        "zero-shot": lambda: _zero_shot(folder),
    }
    with tqdm(jobs.items(), desc="runs of what ships", unit="run") as bar:
        for name, job in bar:
            bar.set_postfix_str(name)
            done = folder / f"{name}.done"
            if not done.exists():
                began = time.monotonic()
                job()
                done.write_text(f"{time.monotonic() - began:.1f} s\n")


def _digits(out: Path) -> None:
    generate_digits(DigitsGenerate(out, overwrite=True))
    evaluate_digits(DigitsEvaluate(out))


def _word(folder: Path) -> None:
    """The unnamed digit as a word, from five painted ones: real digits may not ship."""
    photos = folder / "photos"
    generate_digits(
        DigitsGenerate(photos, digits=(UNNAMED_DIGIT,), datasets=("mnistm",), count=_LEARNED_FROM, overwrite=True)
    )
    learn(LearnOptions(photos / "mnistm", folder / "word", token="<mine>"))


def _zero_shot(folder: Path) -> None:
    """The small CLIP on the painted handwriting; the digit that it has no name for is left out."""
    labels = folder / "id2label.json"
    labels.write_text(json.dumps({str(digit): NAMES[digit] for digit in range(10)}))
    zero_shot(ZeroShotOptions(folder / "digits" / "mnistm", labels, ("a photo of a {}",), out=folder / "zero-shot"))
