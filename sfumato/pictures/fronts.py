"""The front of guidance: what accuracy costs in variety, by a label's guidance, a weak network's, and both.

OUT/front.json     accuracy, recall, precision and Frechet distance of every setting, written after each of them
OUT/front.png      accuracy against recall, and against the Frechet distance, of each kind of picture

The same command again goes on with the settings that are missing.
"""

import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import read_json
from ..devices import in_batches
from ..diffusion import Step
from ..errors import UserError
from ..images import from_pixels, to_pixels
from ..model import Diffusion
from ..models.digit_classifier import DigitJudge
from ..options import number
from ..outputs import holding
from ..runs import digest, file_identity, write_note
from .data import Pictures, kept_apart
from .evaluate import note_of
from .front_drawing import draw_front
from .guided import Guided
from .judges import in_parts
from .metrics import PRECISION_NEIGHBOURS, frechet_distance, precision_recall, reach
from .painting import walked

_BATCH, _BATCH_ON_GPU = 50, 500
"""Pictures at once; on a CPU larger batches are no quicker."""
MOST_REAL = 5000
"""Real pictures of a kind that are compared with."""
_WEAK_SCALES = (1.0, 1.5, 2.0)
_SWEPT = ("guidance_scale", "guide_from", "weak_scale", "weak_from")


@dataclass
class FrontOptions:
    """A sweep over guidance."""

    front: bool = False
    """Draw OUT/front.png in place of the other figures: accuracy against recall and Frechet distance at several
    guidance scales. The options below are its own."""
    front_count: int = number(50, 1)
    """Pictures of each label at each setting; the first that are painted with this seed."""
    guidance_scales: Tuple[float, ...] = number((1.5, 2.0, 3.0, 4.0), 0)
    """Points of a line: scales of the label's guidance."""
    weak_scales: Tuple[float, ...] = number((), 0)
    """Lines: scales of the weak network's guidance. By default 1, 1.5 and 2; 1, which is none, where there is none."""
    guide_starts: Tuple[float, ...] = number((), 0)
    """Lines: --guide-from of each; that of the sampling by default."""
    weak_starts: Tuple[float, ...] = number((), 0)
    """Lines: --weak-from of each; that of the sampling by default."""
    real: Optional[Path] = None
    """Real pictures to compare with: the data folder, of which what training kept apart (--held-out) is taken, or an
    .npz of others; test pictures whose features ship by default."""

    def refuse_unused(self) -> None:
        """Refuse pictures to compare with where nothing is compared.

        Raises:
            UserError: naming them.
        """
        if self.real is not None and not self.front:
            raise UserError(f"--real {self.real}: is what --front compares with; give both, or neither")

    def samplings(self, sampling: Guided, model: Diffusion, weights: Path) -> List[Guided]:
        """Every setting once, line by line; the model gets the weak network that they name.

        Raises:
            UserError: for what cannot be walked.
        """
        if not self.guidance_scales:
            raise UserError("--guidance-scales: give at least one")
        has_weak = model.weak is not None or sampling.weak is not None
        scales = self.weak_scales or (_WEAK_SCALES if has_weak else (1.0,))
        starts = self.guide_starts or (sampling.guide_from,)
        weak_starts = self.weak_starts or (sampling.weak_from,)
        replace(sampling, weak_scale=max(scales, key=lambda scale: abs(scale - 1))).of(model, weights)
        found = []
        for scale, start, weak_start in itertools.product(scales, starts, weak_starts):
            line = replace(sampling, weak_scale=scale, guide_from=start, weak_from=weak_start if scale != 1 else None)
            found += [replace(line, guidance_scale=one) for one in self.guidance_scales]
        for one in found:
            one.check(model.schedule)
        return list(dict.fromkeys(found))


class Kind(NamedTuple):
    """Pictures that are judged together."""

    name: str
    labels: Sequence[int]
    """Of the model, one a picture."""
    seeds: Sequence[int]
    """One a picture."""
    asked: Tensor
    """What the judge should read in each [N]."""
    judge: DigitJudge
    real: Tensor
    """Its features of real pictures [M, d]."""


def sweep(
    model: Diffusion, kinds: Sequence[Kind], samplings: Sequence[Guided], out: Path, command: str, **settings: Any
) -> List[Path]:
    """Measure every setting that out/front.json does not hold, and draw them all; returns the files.

    Args:
        model: on its device.
        kinds: of pictures, which are measured.
        samplings: the settings.
        out: the folder; made if missing.
        command: for the note.
        settings: what else decides the numbers.

    Raises:
        UserError: for too few pictures, or a front.json that is damaged.
    """
    path, told = out / "front.json", [{name: getattr(one, name) for name in _SWEPT} for one in samplings]
    real = {kind.name: _halves(kind) for kind in kinds}
    fixed = {name: value for name, value in asdict(samplings[0]).items() if name not in (*_SWEPT, "weak")}
    settings.update(weak=file_identity(samplings[0].weak), sampling=fixed, real=real)
    done = _done(path, settings, told)
    todo = [(place, one) for place, one in enumerate(samplings) if place not in done]
    reaches = {kind.name: reach(kind.real, PRECISION_NEIGHBOURS)[0] for kind in kinds if todo}
    pictures = sum(len(kind.labels) for kind in kinds)
    length: Dict[str, Any] = {"total": sum(pictures * one.steps for _, one in todo), "unit": "step"}
    with holding(out), Bar(desc="front of guidance", **length) as bar:
        for place, one in todo:
            measured = [_measured(model, kind, one, reaches[kind.name], bar) for kind in kinds]
            done[place] = {**told[place], "datasets": measured}
            _write(path, command, settings, done)
        _write(path, command, settings, done)
        written = [path, draw_front(out / "front.png", [done[place] for place in sorted(done)], real)]
    for each in written:
        print(f"wrote {each}")
    return written


def _write(path: Path, command: str, settings: Mapping[str, Any], done: Mapping[int, Any]) -> None:
    write_note(path, command, settings, points=[done[place] for place in sorted(done)])


def _done(path: Path, settings: Mapping[str, Any], told: List[Dict[str, Any]]) -> Dict[int, Dict[str, Any]]:
    """What an earlier sweep measured of these settings, by place."""
    note = read_json(path, "remove the file, to measure anew", ours=True) if path.exists() else {}
    if not isinstance(note, dict) or note.get("settings") != json.loads(json.dumps(settings)):
        return {}
    points = [one for one in note.get("points", []) if isinstance(one, dict) and "datasets" in one]
    plain = [{name: point.get(name) for name in _SWEPT} for point in points]
    return {place: points[plain.index(one)] for place, one in enumerate(told) if one in plain}


def _halves(kind: Kind) -> Dict[str, Any]:
    """Real pictures against real ones: what no painted ones can be asked to surpass."""
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(kind.real)))
    one, other = kind.real[order[::2]], kind.real[order[1::2]]
    if min(len(kind.labels), len(other)) <= PRECISION_NEIGHBOURS:
        raise UserError(
            f"{kind.name}: recall needs more than {PRECISION_NEIGHBOURS} painted pictures and twice as many real ones,"
            f" here are {len(kind.labels)} and {len(kind.real)}; give more as --real, or a larger --front-count"
        )
    _, recall = precision_recall(one, other)
    distance = frechet_distance(one, other)
    return {
        "pictures": len(kind.real),
        "features": digest(kind.real.numpy()),
        "recall_of_halves": recall,
        "frechet_distance_of_halves": distance,
    }


@torch.no_grad()
def _measured(model: Diffusion, kind: Kind, sampling: Guided, real_reach: Tensor, bar: Bar) -> Dict[str, Any]:
    """One kind of pictures at one setting."""
    device, parts = next(model.parameters()).device, []

    def after_step(step: Step) -> None:
        bar.update(len(step.x))

    for places in in_batches(range(len(kind.labels)), _BATCH if device.type == "cpu" else _BATCH_ON_GPU):
        labels = torch.tensor([kind.labels[place] for place in places], device=device)
        steps = sampling.begun(model, (labels,), [kind.seeds[place] for place in places], device)
        parts.append(from_pixels(to_pixels(walked(steps, model, "fp32", after_step)).permute(0, 3, 1, 2)))
    features = in_parts(kind.judge.features, torch.cat(parts))
    precision, recall = precision_recall(features, kind.real, real_reach=real_reach)
    return {
        "dataset": kind.name,
        "pictures": len(features),
        "accuracy": float((kind.judge.head(features).argmax(dim=1) == kind.asked).double().mean()),
        "frechet_distance": frechet_distance(features, kind.real),
        "precision": precision,
        "recall": recall,
    }


def unlearned(pictures: Pictures, weights: Path) -> Tuple[np.ndarray, str]:
    """Places of pictures that a model did not learn from, as far as its own note says, and what they are in words.

    Args:
        pictures: of which some or all may have been learned from.
        weights: the model's file.
    """
    note, name = note_of(weights), pictures.path.name
    if note.get("pictures") == pictures.identity:
        return kept_apart(pictures, note["held_out"])[1], f"pictures of {name} that training kept apart"
    places = np.random.RandomState(0).permutation(len(pictures))
    return places, f"pictures of {name}, of which the weights do not say whether they learned from them"
