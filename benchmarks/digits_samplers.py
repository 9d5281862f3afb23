"""Accuracy, variety and time of each sampler and number of steps, with the shipped weights and judges.

    python benchmarks/digits_samplers.py [PICTURES_PER_DIGIT]

Prints the table of docs/samplers.md.
"""

import sys
import time
from typing import Dict, List

import torch
from torch import Tensor
from tqdm import tqdm

from sfumato.diffusion import seed_of
from sfumato.digits.evaluate import in_batches, real_features
from sfumato.digits.judge import load_judge
from sfumato.digits.labels import DATASETS, DIGITS, label_of
from sfumato.digits.metrics import precision_recall
from sfumato.digits.model import DigitModel
from sfumato.digits.painting import Sampling, paint

BATCH = 50
CASES = [
    *[Sampling(sampler="unipc", steps=n) for n in (6, 9, 15)],
    *[Sampling(sampler="dpmpp-2m", steps=n) for n in (6, 9, 15)],
    *[Sampling(sampler="dpm-2m", steps=n) for n in (9, 15)],
    *[Sampling(sampler="heun", steps=n) for n in (5, 9)],
    *[Sampling(sampler="ddim", steps=n) for n in (9, 25)],
    *[Sampling(sampler="ddpm", steps=n) for n in (25, 50, 100)],
    *[Sampling(guidance_scale=w) for w in (1.0, 2.0, 4.0, 9.0)],
]


def measure(model: DigitModel, sampling: Sampling, count: int) -> Dict[str, float]:
    """Paint count pictures of every label and score them."""
    row: Dict[str, float] = {}
    seconds = 0.0
    for dataset in DATASETS:
        digits = [digit for digit in range(DIGITS) for _ in range(count)]
        labels = [label_of(dataset, digit) for digit in digits]
        seeds = [seed_of(1, label, place) for place, label in enumerate(labels)]
        began = time.perf_counter()
        parts: List[Tensor] = [
            paint(model, labels[i : i + BATCH], seeds[i : i + BATCH], sampling, torch.device("cpu"))
            for i in range(0, len(labels), BATCH)
        ]
        seconds += time.perf_counter() - began
        pixels = torch.cat(parts).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        judge = load_judge(dataset)
        row[f"{dataset} accuracy"] = float((in_batches(judge, pixels).argmax(1) == torch.tensor(digits)).float().mean())
        row[f"{dataset} recall"] = precision_recall(in_batches(judge.features, pixels), real_features(dataset))[1]
    row["seconds per 1,000"] = seconds / (len(DATASETS) * DIGITS * count) * 1000
    return row


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    model = DigitModel.load()
    print("| sampler | steps | guidance | MNIST-M right | SVHN right | recall MNIST-M / SVHN | seconds per 1,000 |")
    print("|---|---|---|---|---|---|---|")
    for sampling in tqdm(CASES, desc="samplers", unit="case"):
        row = measure(model, sampling, count)
        print(
            f"| {sampling.sampler} | {sampling.steps} | {sampling.guidance_scale:g} |"
            f" {row['mnistm accuracy']:.1%} | {row['svhn accuracy']:.1%} |"
            f" {row['mnistm recall']:.2f} / {row['svhn recall']:.2f} | {row['seconds per 1,000']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
