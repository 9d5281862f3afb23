"""The front of digits' guidance: what each setting is worth, of the digits that `digits generate` paints with it."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor

from ..extras import refuse_missing
from ..images import from_pixels
from ..model import Diffusion
from ..pictures.fronts import MOST_REAL, FrontOptions, Kind, sweep, unlearned
from ..pictures.judges import in_parts, load_judge
from ..runs import file_identity, say_next
from .data import read_both
from .evaluate import real_features
from .generate import Picture
from .labels import DATASETS, DIGITS, label_of
from .painting import Sampling


def front(
    model: Diffusion, weights: Path, options: FrontOptions, sampling: Sampling, seed: int, out: Path
) -> List[Path]:
    """Measure and draw the front of a model on its device; see `sweep`.

    Raises:
        UserError: for settings or real digits that cannot be used.
    """
    refuse_missing("matplotlib")
    samplings = options.samplings(sampling, model, weights)
    real, against = _real(options.real, weights)
    kinds = []
    for dataset in DATASETS:
        asked = [Picture(dataset, d, number + 1) for d in range(DIGITS) for number in range(options.front_count)]
        labels, seeds = zip(*[(label_of(dataset, one.digit), one.seed(seed)) for one in asked])
        digits = torch.tensor([one.digit for one in asked])
        kinds.append(Kind(dataset, labels, seeds, digits, load_judge(dataset), real[dataset]))
    told = {"weights": file_identity(weights), "count": options.front_count, "seed": seed, "against": against}
    written = sweep(model, kinds, samplings, out, "digits front", judge="our own judges", **told)
    say_next("digits figures", out)
    return written


def _real(path: Optional[Path], weights: Path) -> Tuple[Dict[str, Tensor], str]:
    """The judges' features of real digits of each dataset, and which digits they are."""
    if path is None or not path.is_dir():
        told = "test digits, whose features ship" if path is None else f"digits of {path.name}"
        return {dataset: real_features(dataset, path) for dataset in DATASETS}, told
    pictures, found = read_both(path), {}
    places, against = unlearned(pictures, weights)
    for dataset in DATASETS:
        rows = places[pictures.labels[places] // DIGITS == DATASETS.index(dataset)][:MOST_REAL]
        found[dataset] = in_parts(load_judge(dataset).features, from_pixels(torch.from_numpy(pictures.pixels[rows])))
    return found, against
