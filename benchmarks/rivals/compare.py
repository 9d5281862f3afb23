"""sfumato's `train` against denoising-diffusion-pytorch and diffusers' unconditional training example.

    pip install denoising-diffusion-pytorch diffusers
    python benchmarks/rivals/compare.py data WORK --digits hw2_data/digits/svhn
    python benchmarks/rivals/compare.py judge WORK
    python benchmarks/rivals/compare.py pace WORK                      # on an idle machine
    python benchmarks/rivals/compare.py all WORK                       # hours; again after an interruption
    python benchmarks/rivals/compare.py score WORK --test digits_test.npz

2,500 street numbers of 28x28, enlarged to 32x32, are learned for 30 minutes on 2 CPU cores by each project and seed. A
busy machine would give one project more than another, so `pace` measures each one's seconds a step, in turns, and the
minutes are turned into steps once; `train PROJECT SEED` takes these steps, or `--steps`, at whatever speed, and goes on
from its last saved state. A judge that learned on 1,987 other digits, at 32x32 too, has the features in which Frechet
distances are measured: between 1,000 painted pictures and the real ones of the test split.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Type

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch: the comparison is of 2 CPU cores

import numpy as np
import torch
from learners import SIDE, Learner, Ours
from lucid import Lucid
from PIL import Image
from torch import Tensor
from unconditional import Diffusers

from sfumato import seed_of
from sfumato.checkpoints import atomic_path, read_json, read_npz, write_model, write_text
from sfumato.digits.data import DigitSet, read_digits, read_test_digits
from sfumato.digits.train_judge import accuracy_on
from sfumato.images import from_pixels, save_image
from sfumato.models.digit_classifier import DigitJudge
from sfumato.pictures.fitting import fitted as brought_to_size
from sfumato.pictures.judges import FORMAT, in_parts, load_judge
from sfumato.pictures.metrics import frechet_distance, precision_recall
from sfumato.pictures.train_classifier import BATCH, Fitting, fitted, moved

LEARNERS: List[Type[Learner]] = [Ours, Lucid, Diffusers]
LEARNED, DIGITS_IN_ALL = 2500, 4487
"""The first so many of train.csv are learned from, the rest of those is the judge's."""
PAINTED, SEEDS = 1000, (0, 1, 2)
_JUDGE_STEPS, _JUDGE_RATE = 1600, 3e-3
_ROUNDS, _STEPS_A_ROUND = 20, 5


def data(options: argparse.Namespace) -> None:
    """Write WORK/pictures (what is learned from) and WORK/others.npz (the judge's)."""
    digits = read_digits(options.digits, options.work)
    larger = _enlarged(digits.pixels[:DIGITS_IN_ALL])
    folder = options.work / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(larger[:LEARNED]):
        save_image(Image.fromarray(pixels.transpose(1, 2, 0)), folder / f"{number:04d}.png")
    with atomic_path(options.work / "others.npz") as beside:
        np.savez(beside, pixels=larger[LEARNED:], labels=digits.labels[LEARNED:DIGITS_IN_ALL])


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N, 3, 28, 28] to [N, 3, 32, 32], all by one rule, so that it is no difference between two sets."""
    images = (Image.fromarray(one.transpose(1, 2, 0)) for one in pixels)
    return np.stack([brought_to_size(one, (SIDE, SIDE), "crop", 3, True, Path("digit")) for one in images])


def judge(options: argparse.Namespace) -> None:
    """Train the classifier in whose features distances are measured."""
    found = read_npz(options.work / "others.npz", ["pixels", "labels"])
    others = DigitSet(found["pixels"], found["labels"])

    def draw(step: int, rows: slice) -> Sequence[Tensor]:
        source = torch.Generator().manual_seed(seed_of(0, step))
        picked = torch.randint(len(others.labels), (BATCH,), generator=source)
        shown = moved(from_pixels(torch.from_numpy(others.pixels)[picked]), source)
        return shown[rows], torch.from_numpy(others.labels)[picked][rows]

    network = fitted(DigitJudge, draw, Fitting(_JUDGE_STEPS, _JUDGE_RATE), "judge of the rivals")
    note = f"{_JUDGE_STEPS} steps of {BATCH} on {len(others.labels)} real digits of svhn, 32x32"
    write_model(options.work / "judge.safetensors", network, FORMAT, {}, note=note)


def pace(options: argparse.Namespace) -> None:
    """Measure seconds a step of each project, in turns; the lower quartile of its rounds counts."""
    learners = [kind(options.work / "pictures", options.work / "pace" / kind.name, 10_000, 0) for kind in LEARNERS]
    taken: Dict[str, List[float]] = {one.name: [] for one in learners}
    for turn in range(_ROUNDS + 1):
        for one in learners:
            began = time.perf_counter()
            one.advance(_STEPS_A_ROUND)
            if turn:  # the first one warms up
                taken[one.name].append((time.perf_counter() - began) / _STEPS_A_ROUND)
    # The rounds that other work on the machine disturbed least.
    quick = {name: statistics.quantiles(seconds, n=4)[0] for name, seconds in taken.items()}
    for name, seconds in taken.items():
        print(f"{name}: {quick[name]:.3f} s a step, rounds {[round(one, 3) for one in seconds]}")
    write_text(options.work / "pace.json", json.dumps(quick, indent=2) + "\n")


def train(options: argparse.Namespace) -> None:
    """Train one project with one seed, or go on with it."""
    _learner(options, options.project, options.seed).finish()


def paint(options: argparse.Namespace) -> None:
    """Paint 1,000 pictures with a finished run."""
    _paint(options, options.project, options.seed)


def run_all(options: argparse.Namespace) -> None:
    """Train and paint what is not there yet: one seed of all projects, then the next seed."""
    for seed in SEEDS:
        for kind in LEARNERS:
            if not _painted(options.work, kind.name, seed).exists():
                _learner(options, kind.name, seed).finish()
                _paint(options, kind.name, seed)


def _learner(options: argparse.Namespace, name: str, seed: int) -> Learner:
    kind = next(kind for kind in LEARNERS if kind.name == name)
    steps = options.steps
    if steps is None:
        seconds = read_json(options.work / "pace.json", "measure it with `pace`", ours=True)[name]
        steps = round(60 * options.minutes / seconds)
    return kind(options.work / "pictures", options.work / "runs" / f"{name}-{seed}", steps, seed)


def _paint(options: argparse.Namespace, name: str, seed: int) -> None:
    pixels, path = _learner(options, name, seed).paint(PAINTED, seed), _painted(options.work, name, seed)
    path.parent.mkdir(exist_ok=True)
    with atomic_path(path) as beside:
        np.savez(beside, pixels=pixels.transpose(0, 3, 1, 2))


def _painted(work: Path, name: str, seed: int) -> Path:
    return work / "painted" / f"{name}-{seed}.npz"


def score(options: argparse.Namespace) -> None:
    """Measure all that is painted, and print a table."""
    network = load_judge("svhn", options.work / "judge.safetensors").eval()
    real = read_test_digits(options.test, "svhn")
    larger = _enlarged(real.pixels)
    target = _features(network, larger)
    seen = np.stack([np.asarray(Image.open(path)) for path in sorted((options.work / "pictures").glob("*.png"))])
    learned = _features(network, seen.transpose(0, 3, 1, 2))
    print(f"the judge reads {accuracy_on(network, DigitSet(larger, real.labels)):.2%} of the {len(target)} real ones")
    print("| what | seed | Frechet | precision | recall |\n|---|---|---|---|---|")
    rows: List[Tuple[str, Any, Tensor]] = [
        (f"the {len(learned)} pictures learned from", "", learned),
        (f"the first {PAINTED} of them", "", learned[:PAINTED]),
        *((name, seed, _features(network, pixels)) for name, seed, pixels in _all_painted(options.work)),
    ]
    means: Dict[str, List[float]] = {}
    for name, seed, features in rows:
        distance = frechet_distance(features, target)
        means.setdefault(name, []).append(distance)
        precision, recall = precision_recall(features, target)
        print(f"| {name} | {seed} | {distance:.3f} | {precision:.2f} | {recall:.2f} |")
    for name, distances in means.items():
        if len(distances) > 1:
            print(f"| {name} | mean of {len(distances)} | {statistics.mean(distances):.3f} | | |")


def _features(network: Any, pixels: np.ndarray) -> Tensor:
    return in_parts(network.features, from_pixels(torch.from_numpy(pixels)))


def _all_painted(work: Path) -> Iterator[Tuple[str, int, np.ndarray]]:
    for kind in LEARNERS:
        for seed in SEEDS:
            path = _painted(work, kind.name, seed)
            if path.exists():
                yield kind.name, seed, read_npz(path, ["pixels"])["pixels"]


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    for verb in (data, judge, pace, train, paint, run_all, score):
        one = verbs.add_parser(verb.__name__.replace("run_", ""), help=verb.__doc__)
        one.set_defaults(verb=verb)
        one.add_argument("work", type=Path, metavar="WORK", help="folder of the comparison")
        if verb in (train, paint):
            one.add_argument("project", choices=[kind.name for kind in LEARNERS])
            one.add_argument("seed", type=int)
        if verb in (train, paint, run_all):
            one.add_argument("--minutes", type=float, default=30, help="of training, at the pace measured")
            one.add_argument("--steps", type=int, help="of training, in place of the minutes")
        one.add_argument("--threads", type=int, default=2, help="the result is the same but for rounding")
    verbs.choices["data"].add_argument("--digits", type=Path, required=True, help="holds train.csv and data/")
    verbs.choices["score"].add_argument("--test", type=Path, required=True, help="an .npz with svhn_x and svhn_y")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.verb(options)


if __name__ == "__main__":
    main()
