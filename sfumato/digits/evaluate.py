"""Scoring a folder of painted digits: accuracy as the course computes it, confusion, fidelity and variety.

A file's label is the first character of its name. Accuracy alone can be bought with a single perfect picture painted
500 times; so the painted digits are also compared with real ones in the judge's features.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoints import read_safetensors
from ..errors import UserError
from ..images import from_pixels, picture_files
from ..models.shipped import shipped
from ..pictures.course_judges import HubSVHN, load_course_classifier
from ..pictures.judges import confusion_matrix, in_parts, load_judge, misread
from ..pictures.metrics import frechet_distance, precision_recall
from ..runs import numbers_path, write_note
from .data import read_picture, read_test_digits
from .labels import DATASETS, DIGITS

REAL_FEATURES = shipped("real-digit-features.safetensors")
"""Features, by our judges, of real digits held out from all training."""


@dataclass
class EvaluateOptions:
    """Score painted digits in OUT/{mnistm,svhn}/{digit}_*.png."""

    folder: Path
    """The folder that `digits generate` painted into."""
    classifier: Optional[Path] = None
    """The course's Classifier.pth, to judge MNIST-M with; our own judge by default."""
    svhn_hub: bool = False
    """Judge SVHN with timm's resnet34_svhn, which is downloaded; our own judge by default."""
    real: Optional[Path] = None
    """Real digits to compare with: an .npz with {dataset}_x [N, 28, 28, 3] uint8 and {dataset}_y [N]; shipped features
    of held-out real digits by default."""
    json: Optional[Path] = None
    """Where to write the numbers; FOLDER/scores.json by default."""


@dataclass
class DatasetScore:
    """What was measured on the pictures of one dataset."""

    dataset: str
    judge: str
    pictures: int
    accuracy: float
    """Share that the judge reads as asked, 0 ... 1."""
    frechet_distance: float
    precision: float
    recall: float
    confusion: List[List[int]]
    """Rows: the digit asked for; columns: the digit read."""
    misread: List[Dict[str, Any]]
    """Every picture off the diagonal: its picture, and the digits asked and read."""


def evaluate(options: EvaluateOptions) -> List[DatasetScore]:
    """Score every dataset that the folder has; prints the scores and writes them as JSON.

    Raises:
        UserError: for folders, pictures or judges that cannot be used.
    """
    if not options.folder.is_dir():
        raise UserError(f"{options.folder}: there is no such folder; paint one with `sfumato digits generate`")
    present = [dataset for dataset in DATASETS if (options.folder / dataset).is_dir()]
    if not present:
        raise UserError(f"{options.folder}: holds neither {' nor '.join(DATASETS)}; give the folder above them")
    written = numbers_path(options.json, options.folder)
    scores = [_score(dataset, options) for dataset in present]
    mean = sum(score.accuracy for score in scores) / len(scores)
    settings = {name: getattr(options, name) for name in ("folder", "classifier", "svhn_hub", "real")}
    numbers = {"mean_accuracy": mean, "datasets": [asdict(score) for score in scores]}
    write_note(written, "digits evaluate", settings, **numbers)
    for score in scores:
        print(_in_words(score))
    print(f"mean accuracy {mean:.2%}   (numbers in {written})")
    return scores


def _score(dataset: str, options: EvaluateOptions) -> DatasetScore:
    pixels, wanted = read_painted(options.folder / dataset)
    network, name = _judge(dataset, options)
    found = in_parts(network, pixels).argmax(dim=1)
    features = in_parts(load_judge(dataset).features, pixels)
    real = real_features(dataset, options.real)
    try:
        precision, recall = precision_recall(features, real)
    except ValueError as error:
        few = options.folder / dataset if len(features) < len(real) or options.real is None else options.real
        raise UserError(f"{few}: {error}; give more pictures of {dataset}") from None
    return DatasetScore(
        dataset=dataset,
        judge=name,
        pictures=len(pixels),
        accuracy=float((found == wanted).double().mean()),
        frechet_distance=frechet_distance(features, real),
        precision=precision,
        recall=recall,
        confusion=confusion_matrix(wanted, found, DIGITS).tolist(),
        misread=misread(picture_files(options.folder / dataset, (".png",)), wanted, found),
    )


def read_painted(folder: Path) -> Tuple[Tensor, Tensor]:
    """Pictures [N, 3, 28, 28] in [-1, 1] and the digits that their names ask for [N], in order of name.

    Raises:
        UserError: if there are none, or a name or a picture cannot be used.
    """
    paths = picture_files(folder, (".png",))
    if not paths:
        raise UserError(f"{folder}: holds no PNG; paint some with `sfumato digits generate`")
    for path in paths:
        if not path.name[0].isdecimal():
            raise UserError(f"{path}: the first character of a painted digit's name is its digit, as in 7_001.png")
    pixels = torch.from_numpy(np.stack([read_picture(path) for path in paths]))
    return from_pixels(pixels), torch.tensor([int(path.name[0]) for path in paths])


def _judge(dataset: str, options: EvaluateOptions) -> Tuple[nn.Module, str]:
    if dataset == "mnistm" and options.classifier is not None:
        return load_course_classifier(options.classifier), options.classifier.name
    if dataset == "svhn" and options.svhn_hub:
        return HubSVHN(), "timm resnet34_svhn"
    return load_judge(dataset), f"sfumato judge of {dataset}"


def real_features(dataset: str, path: Optional[Path] = None) -> Tensor:
    """The shipped judge's features [N, 256] of real digits: from an .npz of pictures, or as they ship.

    Raises:
        UserError: if the file has none of this dataset.
    """
    if path is None:
        return read_safetensors(REAL_FEATURES)[0][dataset].float()
    pixels = torch.from_numpy(read_test_digits(path, dataset).pixels)
    return in_parts(load_judge(dataset).features, from_pixels(pixels))


def _in_words(score: DatasetScore) -> str:
    lines = [
        f"{score.dataset}: {score.accuracy:.2%} of {score.pictures} pictures read as asked, by {score.judge}",
        f"  against real digits: precision {score.precision:.2f}, recall {score.recall:.2f},"
        f" Frechet distance {score.frechet_distance:.2f}",
        "  confusion (row: asked for; column: read)",
        "       " + "".join(f"{digit:4d}" for digit in range(DIGITS)),
    ]
    lines += [f"    {digit:2d} " + "".join(f"{n or '.':>4}" for n in row) for digit, row in enumerate(score.confusion)]
    return "\n".join(lines)


def accuracies(painted: Dict[str, Tuple[Tensor, Tensor]]) -> Dict[str, float]:
    """Our own judges' accuracy on pictures that are in memory: dataset -> (pixels in [-1, 1], digits)."""
    return {
        dataset: float((in_parts(load_judge(dataset), pixels).argmax(dim=1) == digits).double().mean())
        for dataset, (pixels, digits) in painted.items()
    }
