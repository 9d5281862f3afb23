"""Accuracy, variety and cost of each sampler and number of steps, with the shipped weights and judges.

    python benchmarks/digits_samplers.py [PICTURES_PER_LABEL]

Prints the table of docs/samplers.md, from which docs/images/make.py draws the Frechet distances.
"""

import argparse
from typing import List, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from sfumato.diffusion import seed_of
from sfumato.digits.evaluate import real_features
from sfumato.digits.labels import DATASETS, DIGITS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint
from sfumato.model import Diffusion
from sfumato.pictures.judges import in_parts, load_judge
from sfumato.pictures.metrics import frechet_distance, precision_recall

BATCH = 50
CASES = [
    *[Sampling(sampler="unipc", steps=n) for n in (4, 6, 9, 15, 25)],
    *[Sampling(sampler="dpmpp-2m", steps=n) for n in (4, 6, 9, 15, 25)],
    *[Sampling(sampler="dpm-2m", steps=n) for n in (6, 9, 15, 25)],
    *[Sampling(sampler="dpmpp-2m-sde", steps=n) for n in (6, 9, 15, 25, 50)],
    *[Sampling(sampler="heun", steps=n) for n in (3, 5, 8, 13)],
    *[Sampling(sampler="edm", churn=0.2 * n, steps=n) for n in (5, 8, 13, 25)],
    *[Sampling(sampler="ddim", steps=n) for n in (4, 6, 9, 15, 25, 50)],
    *[Sampling(sampler="ddpm", steps=n) for n in (9, 15, 25, 50, 100)],
]
GUIDED = [Sampling(guidance_scale=w) for w in (1.0, 2.0, 3.5, 6.0)]
INTERVALS = [Sampling(guide_from=low, guide_to=high) for low, high in ((0, 999), (150, 999), (150, 900), (300, 800))]


class Row(NamedTuple):
    """What was measured of one way to sample; accuracies and recalls are those of MNIST-M and SVHN."""

    sampling: Sampling
    passes: float
    """Through the network, for one picture."""
    accuracy: List[float]
    recall: List[float]
    frechet: float
    """To real digits, the mean over the two datasets."""

    def __str__(self) -> str:
        one = self.sampling
        right = " | ".join(f"{share:.1%}" for share in self.accuracy)
        found = " / ".join(f"{share:.2f}" for share in self.recall)
        how = f"{one.sampler} | {one.steps} | {one.guidance_scale:g} at {one.guide_from:g} to {one.guide_to:g}"
        return f"| {how} | {right} | {found} | {self.frechet:.2f} | {self.passes:.0f} |"


def measure(model: Diffusion, sampling: Sampling, count: int) -> Row:
    """Paint count pictures of every label and score them."""
    asked: List[int] = []
    watching = model.network.register_forward_pre_hook(lambda network, given: asked.append(len(given[0])))
    accuracy, recall, frechet = [], [], []
    for dataset in DATASETS:
        digits = [digit for digit in range(DIGITS) for _ in range(count)]
        labels = [label_of(dataset, digit) for digit in digits]
        seeds = [seed_of(1, label, place) for place, label in enumerate(labels)]
        parts: List[Tensor] = [
            paint(model, labels[i : i + BATCH], seeds[i : i + BATCH], sampling, torch.device("cpu"))
            for i in range(0, len(labels), BATCH)
        ]
        pixels = torch.cat(parts).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        judge = load_judge(dataset)
        features, real = in_parts(judge.features, pixels), real_features(dataset)
        accuracy.append(float((in_parts(judge, pixels).argmax(1) == torch.tensor(digits)).float().mean()))
        recall.append(precision_recall(features, real)[1])
        frechet.append(frechet_distance(features, real))
    watching.remove()
    pictures = len(DATASETS) * DIGITS * count
    mean = sum(frechet) / len(frechet)
    return Row(sampling, sum(asked) / pictures, accuracy, recall, mean)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=50, help="pictures of each of the 20 labels")
    options = parser.parse_args()
    model = load_digits()
    print("| sampler | steps | guidance | MNIST-M right | SVHN right | recall | Frechet | passes |")
    print("|---|---|---|---|---|---|---|---|")
    for sampling in tqdm([*GUIDED, *INTERVALS, *CASES], desc="samplers", unit="case"):
        print(measure(model, sampling, options.count), flush=True)


if __name__ == "__main__":
    main()
