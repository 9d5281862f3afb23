"""Problem 1: digits."""

import math
from pathlib import Path
from typing import Any, Dict, List

from ...model import Diffusion
from ...models.digit_unet import DigitUNet
from ...models.shipped import shipped
from ...runs import digest
from ..digits import NAMES, accuracies, confused, first_zero, mistakes, reverse, sheets, together
from ..embedded import TRAINING
from ..found import Note, notes_in
from ..parts import Table, of
from ..training import curves
from .questions import Question, Runs

_SHIPPED = shipped("digits.safetensors")
_LEVELS = (1000, 800, 600, 400, 200, 0)
_GUIDANCE = r"\hat{x}_0 = \hat{x}_0(\mathrm{none}) + w\,(\hat{x}_0(y) - \hat{x}_0(\mathrm{none}))"
_NOISING = r"x_t = a_t x_0 + n_t \epsilon, \quad a_t = \sqrt{\bar\alpha_t}, \quad n_t = \sqrt{1 - \bar\alpha_t}"
_COSINE = r"\bar\alpha_t \propto \cos^2\!\left(\frac{t/T + 0.008}{1.008}\,\frac{\pi}{2}\right), \quad T = 1000"
_LOSS = (
    r"v = a_t \epsilon - n_t x_0, \quad"
    r" L = \mathrm{E}_{x_0, y, t, \epsilon}\,\Vert v_\theta(x_t, t, y) - v \Vert^2, \quad"
    r" \hat{x}_0 = a_t x_t - n_t v_\theta"
)


def digit_questions(runs: Runs) -> List[Question]:
    """P1.1 to P1.3."""
    return [_implementation(runs), _sheets(runs), _reverse(runs)]


def _implementation(runs: Runs) -> Question:
    question = Question("P1.1", "Implementation and difficulties", "How was the model made, and what was difficult?")
    figures, trained = runs.note("digits figures", "digit-figures"), runs.note("digits train", "train-digits")
    painted = runs.note("digits generate", "digits") or figures
    model = Diffusion.load(_weights(trained, painted), what="digit model")
    question.say("digits.network")
    if isinstance(model.network, DigitUNet):
        question.add(_layers(model.network))
    question.say("digits.objective")
    question.write(_NOISING, _COSINE, _LOSS)
    question.say("digits.guidance")
    question.write(_GUIDANCE)
    question.of(painted, runs.why("P1.1", "digits"), lambda note: _sampling(question, note, model))
    training = trained or next(iter(notes_in(TRAINING)))
    question.of(training, "", lambda note: _training(question, note))
    if trained is None:
        question.notes.remove(training)
    for what in ("svhn", "guidance", "time"):
        question.say(f"digits.difficulty.{what}")
    return question


def _weights(trained: Any, painted: Any) -> Path:
    """The file that painted: the training's, if it was that, else what ships."""
    file = trained.file("digits.safetensors") if trained else None
    asked = painted.settings.get("weights") if painted else None
    return file if file and asked in (None, digest(file.read_bytes()), str(file)) else _SHIPPED


def _layers(network: DigitUNet) -> Table:
    config = network.config
    rows = [
        ["time and label", f"64 sines and cosines, two linear layers, {config.classes} + 1 labels: {config.embedding}"],
        ["in", f"3x3 convolution, 12 to {config.width} channels, 14x14"],
        ["down", f"{config.blocks} residual block(s), {config.width} channels, 14x14"],
        ["halve", f"3x3 convolution of stride 2 to {config.inner_width} channels, 7x7"],
        [
            "inner",
            f"{config.inner_blocks} residual blocks, {config.inner_width} channels, 7x7; attention after every 2nd",
        ],
        ["enlarge", f"1x1 convolution to {4 * config.width} channels, unfolded to {config.width} at 14x14"],
        ["up", f"{config.blocks} residual block(s), {config.width} channels, 14x14, after adding the skip"],
        ["out", "normalisation, SiLU, 3x3 convolution to 12 channels, unfolded to 3x28x28"],
    ]
    groups = [
        (network.time, network.label),
        (network.enter,),
        (network.down,),
        (network.shrink,),
        (network.inner, network.attention),
        (network.grow,),
        (network.up,),
        (network.norm, network.leave),
    ]
    counts = [sum(number.numel() for part in group for number in part.parameters()) for group in groups]
    caption = f"The network: {sum(counts):,} parameters."
    return Table(caption, ["part", "layers", "parameters"], [[*row, f"{n:,}"] for row, n in zip(rows, counts)])


def _sampling(question: Question, note: Note, model: Diffusion) -> None:
    told = note.settings["sampling"]
    low, high = told["guide_from"], told["guide_to"]
    question.say("digits.guidance.settings", scale=told["guidance_scale"], low=low, high=high)
    times = model.schedule.times(told["steps"], told["spacing"])[:-1]
    passes = len(times) + sum(low <= t <= high for t in times if told["guidance_scale"] != 1)
    if "weak_scale" in told:
        question.say("digits.guidance.weak", scale=told["weak_scale"])
        ends = (told["weak_from"], told["weak_to"])
        passes += sum((ends[0] or 0) <= t <= (math.inf if ends[1] is None else ends[1]) for t in times)
    question.say("digits.sampler", sampler=told["sampler"], steps=told["steps"], start=times[0])
    if told["sampler"] == "unipc":
        question.say("digits.sampler.unipc", passes=passes)


def _training(question: Question, note: Note) -> None:
    told, loop = note.settings, note.settings["loop"]
    question.say(
        "digits.training",
        steps=loop["steps"],
        batch=loop["batch_size"],
        svhn=told["svhn_share"],
        hidden=told["hidden"],
        muon=told["muon_lr"],
        adam=told["adam_lr"],
        decay=loop["decay_share"],
        ema=loop["ema"],
    )
    if note.folder == TRAINING:
        question.say("digits.training.shipped")
    question.add(curves(note))


def _sheets(runs: Runs) -> Question:
    question = Question(
        "P1.2",
        "Ten pictures of each digit",
        "Show ten pictures of each digit of both datasets: rows are digits, columns are noises.",
    )
    note = runs.note("digits figures", "digit-figures")
    question.say("digits.sheets")
    question.of(note, runs.why("P1.2", "digit-figures"), lambda note: question.add(sheets(note)))
    scores = runs.note("digits evaluate", "digits")
    question.of(scores, runs.why("score 1", "digits"), lambda note: _accuracy(question, note))
    return question


def _accuracy(question: Question, note: Note) -> None:
    datasets: List[Dict[str, Any]] = note.content["datasets"]
    question.say("digits.accuracy", accuracies=accuracies(datasets), mean=together(datasets))
    header = ["dataset", "read as asked", "recall", "precision", "Frechet distance"]
    names = ("recall", "precision", "frechet_distance")
    rows = []
    for one in datasets:
        measured = [of(one["accuracy"], one["pictures"]), *(f"{one[name]:.2f}" for name in names)]
        rows.append([NAMES.get(one["dataset"], one["dataset"]), *measured])
    question.add(Table("How many digits are read as asked, and how they compare with real ones.", header, rows))
    if any(mistakes(one) for one in datasets):
        question.say("digits.misread", mistakes=", ".join(text for one in datasets for text in mistakes(one)[:3]))
    question.add(confused(datasets))


def _reverse(runs: Runs) -> Question:
    question = Question(
        "P1.3",
        "The reverse process",
        "Show six pictures of the reverse process of the first 0 of each dataset, at different times.",
    )
    note = runs.note("digits figures", "digit-figures")
    schedule = Diffusion.load(_weights(runs.note("digits train", "train-digits"), note), what="digit model").schedule
    levels = [schedule.levels(level - 1) for level in _LEVELS]
    rows = [
        ["signal a", *(f"{signal:.3f}" for signal, _ in levels)],
        ["noise n", *(f"{noise:.3f}" for _, noise in levels)],
    ]
    question.say("digits.reverse.why")
    question.add(Table("How much picture and noise there is.", ["t", *map(str, _LEVELS)], rows))
    question.of(note, runs.why("P1.3", "digit-figures"), lambda note: _moments(question, note))
    return question


def _moments(question: Question, note: Note) -> None:
    question.say("digits.reverse")
    told = note.settings["sampling"]
    question.say("digits.reverse.guidance", low=told["guide_from"], high=told["guide_to"])
    for dataset, name in NAMES.items():
        question.add(first_zero(note, dataset, name) or reverse(note, dataset, name))
