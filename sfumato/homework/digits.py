"""Problem 1: a thousand digits, their score, the sheets and the reverse process."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

from ..course import hw2_1
from ..digits.evaluate import EvaluateOptions, evaluate
from ..digits.figures import FiguresOptions, figures
from ..digits.model import SHIPPED
from ..digits.train import TrainOptions, prepared, train
from ..errors import UserError
from ..outputs import open_folder
from ..training import pace_of
from .found import known_by
from .setup import Setup
from .stages import Stage, refuse_left_out

_PICTURES, _FIGURES = 1000, 220
_JUDGING = 10.0
"""Seconds; a small network's look at a thousand small pictures."""


def digit_weights(setup: Setup) -> Optional[Path]:
    """Where the weights lie that were trained here; None for those that ship."""
    return setup.runs / "train-digits" / "digits.safetensors" if setup.options.train_digits else None


def digit_stages(setup: Setup) -> List[Stage]:
    """What problem 1 takes."""
    options, weights = setup.options, digit_weights(setup)
    pictures, scores = setup.out / "pictures" / "digits", setup.runs / "digits" / "scores.json"
    training = _training(setup)
    made_from = known_by(SHIPPED if training is None else setup.found.digits)
    after = [] if training is None else ["train-digits"]
    told = "the weights that ship" if training is None else "the weights trained here"
    stages = [
        Stage(
            "digits",
            "1",
            f"paint 1,000 digits with {told}",
            lambda: _PICTURES * setup.digit,
            made_from,
            lambda: refuse_left_out(hw2_1.paint(pictures, weights)),
            made=[pictures],
            after=after,
        ),
        Stage(
            "digit-scores",
            "1",
            "judge them " + ("by the course's classifier" if setup.found.classifier else "by our own judges"),
            lambda: _JUDGING,
            known_by(setup.found.classifier),
            lambda: _judge(setup, pictures, scores),
            made=[scores],
            after=["digits"],
        ),
        Stage(
            "digit-figures",
            "1",
            "draw the sheets of ten by ten, and the reverse process",
            lambda: _FIGURES * setup.digit,
            None,
            lambda: figures(FiguresOptions(out=setup.runs / "digit-figures", weights=weights)),
            made=[setup.runs / "digit-figures"],
            after=["digits"],
        ),
    ]
    if training is None:
        return stages
    return [
        Stage(
            "train-digits",
            "1",
            f"train on {setup.found.digits}, {training.training.loop.steps:,} steps",
            lambda: training.training.loop.steps * (pace_of(*prepared(training)) or 0.0),
            [made_from, options.digit_steps],
            lambda: train(training),
            made=[weights] if weights is not None else [],
        ),
        *stages,
    ]


def _training(setup: Setup) -> Optional[TrainOptions]:
    if not setup.options.train_digits or setup.found.digits is None:
        return None
    options = TrainOptions(setup.found.digits, setup.runs / "train-digits")
    if setup.options.digit_steps is not None:
        training, steps = options.training, setup.options.digit_steps
        # Of a few steps the encoder's should not be the most.
        encoder_steps = min(training.encoder_steps, max(1, steps // 4))
        options.training = replace(training, loop=replace(training.loop, steps=steps), encoder_steps=encoder_steps)
    return options


def _judge(setup: Setup, pictures: Path, scores: Path) -> None:
    open_folder(scores.parent)
    judged = EvaluateOptions(pictures, classifier=setup.found.classifier, json=scores)
    if all(importlib.util.find_spec(package) for package in ("timm", "detectors")):
        try:
            evaluate(replace(judged, svhn_hub=True))
            return
        except UserError as fault:
            print(f"SVHN is judged by our own judge: {fault}")
    evaluate(judged)
