"""The digits' section."""

from typing import Any, List, Mapping, Sequence

import numpy as np
import torch

from ..images import open_picture, sheet
from .curves import confusions
from .found import Found, Note, short
from .parts import Part, Section, Table, image, picture
from .section import Kind, section
from .training import training
from .words import words

NAMES = {"mnistm": "MNIST-M", "svhn": "SVHN"}
_JUDGES = {
    "Classifier.pth": "the course's Classifier.pth",
    "timm resnet34_svhn": "timm's resnet34_svhn",
    **{f"sfumato judge of {dataset}": f"our own judge of {name}" for dataset, name in NAMES.items()},
}
_SHOWN = 50
_METHOD = ("network", "objective", "guidance", *(f"difficulty.{what}" for what in ("svhn", "guidance", "time")))


def digits_section(found: Found) -> Section:
    """Pictures, the reverse process, accuracy, confusion, variety and training curves, of what is there."""
    scores = "accuracy: `sfumato digits generate OUT`, then `sfumato digits evaluate OUT`"
    kinds = [
        Kind("digits figures", _figures, "sheets and the reverse process: `sfumato digits figures OUT`"),
        Kind("digits evaluate", _scores, scores, measures="digits generate"),
        Kind("digits generate", _painted),
        Kind("digits train", training, "training curves: `sfumato digits train hw2_data/digits RUN`"),
    ]
    texts = [words(f"digits.{name}") for name in _METHOD]
    return section("Digits: two datasets, from noise", texts, kinds, found)


def _figures(note: Note) -> Part:
    kinds = {
        "sheet": ("ten by ten painted digits", "each row is a digit, each column a noise."),
        "reverse-process": (
            "ten digits coming out of noise",
            "how the sheet's first column was painted. In each pair of rows the noisy picture is above, and below it"
            " the clean one that the network sees in it.",
        ),
    }
    there = [
        (note.file(f"{dataset}-{kind}.png"), f"{alt}, {name}", f"{name}: {caption}")
        for kind, (alt, caption) in kinds.items()
        for dataset, name in NAMES.items()
    ]
    shown = [picture(path, alt, caption) for path, alt, caption in there if path]
    return Part("Painted digits", figures=shown)


def _painted(note: Note) -> Part:
    shown = []
    for dataset, name in NAMES.items():
        paths = note.pictures(dataset)
        picked = [paths[place * len(paths) // _SHOWN] for place in range(_SHOWN)] if len(paths) > _SHOWN else paths
        if picked:
            pixels = torch.stack([torch.from_numpy(np.array(open_picture(path))) for path in picked])
            text = f"{name}: {len(picked)} of {len(paths)} pictures, in the order of their names."
            shown.append(image(sheet(pixels, columns=min(10, len(picked))), f"painted digits, {name}", text))
    return Part(f"Digits in {short(note.folder)}", figures=shown)


def _scores(note: Note) -> Part:
    datasets = note.content["datasets"]
    rows = [
        [
            NAMES.get(one["dataset"], one["dataset"]),
            f"{one['accuracy']:.2%}",
            str(one["pictures"]),
            f"{one['recall']:.2f}",
            f"{one['precision']:.2f}",
            f"{one['frechet_distance']:.2f}",
            one["judge"],
        ]
        for one in datasets
    ]
    header = ["dataset", "accuracy", "pictures", "recall", "precision", "Frechet distance", "judge"]
    return Part(
        "Accuracy and variety",
        words=[words("digits.accuracy", accuracies=accuracies(datasets), mean=note.content["mean_accuracy"])],
        tables=[Table("The pictures of each dataset.", header, rows)],
        figures=[
            confusions(
                {NAMES.get(one["dataset"], one["dataset"]): one["confusion"] for one in datasets},
                "confusion matrices of the painted digits",
                "What was read in the pictures of each digit.",
            )
        ],
        glance=[
            (f"digits of {row[0]} read as asked, by {row[6]}", f"{row[1]} of {row[2]}; recall {row[3]}") for row in rows
        ],
    )


def accuracies(datasets: Sequence[Mapping[str, Any]]) -> str:
    """The accuracy of each dataset and who judged it, in words."""
    told = "; ".join(
        f"{one['accuracy']:.2%} of {one['pictures']} {NAMES.get(one['dataset'], one['dataset'])} pictures are read as"
        f" asked by {_JUDGES.get(one['judge'], one['judge'])}"
        for one in datasets
    )
    return told[:1].upper() + told[1:]


def mistakes(dataset: Mapping[str, Any]) -> List[str]:
    """What was misread, the most frequent first, in words."""
    name = NAMES.get(dataset["dataset"], dataset["dataset"])
    found = [
        (count, f"{asked} of {name} read as {read} ({count} of {sum(row)})")
        for asked, row in enumerate(dataset["confusion"])
        for read, count in enumerate(row)
        if count and asked != read
    ]
    return [text for _, text in sorted(found, key=lambda one: -one[0])]
