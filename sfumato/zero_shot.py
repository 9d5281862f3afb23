"""CLIP zero-shot classification: the label whose text lies nearest to the picture (Radford et al. 2021, section 3.1).

No picture of the labels is needed beforehand: that is what zero shots means. How CLIP answers is in `by_names.py`; here
its answers are counted against the truth, which the pictures' names tell.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor

from .by_names import LONGEST_NAME, MOST_NAMES, is_name, logits_of, templates_of
from .checkpoints import read_json
from .clip import Clip
from .errors import UserError
from .images import captioned, crossed_out, open_picture, picture_files, save_image
from .outputs import holding, refuse_file
from .runs import write_note

_TOP = 5
_SHOWN, _MISTAKES, _SIDE = 5, 20, 160
_SHOWN_KEY = 40


@dataclass
class ZeroShotOptions:
    """Classify pictures with CLIP by the names of their classes alone."""

    images: Path
    """Folder of pictures named {class_id}_{image_id}.png (or another ending)."""
    labels: Path
    """The id2label.json: {"0": "bicycle", ...}."""
    template: Tuple[str, ...] = ("A photo of {}.",)
    """Texts with {} where the label goes; the mean of several."""
    ensemble: bool = False
    """Use seven templates of ours in place of --template."""
    spaces: bool = True
    """Write underscores in labels as spaces, as in "willow tree"."""
    clip: Optional[str] = None
    """A CLIP folder or a name such as openai/clip-vit-base-patch32, which is fetched; the small one, which knows digits
    only, by default."""
    out: Optional[Path] = None
    """Folder for zero-shot.json and zero-shot.png, five right and five wrong pictures with their five likeliest labels;
    no files without it."""


@dataclass
class ZeroShotScore:
    """What was measured."""

    clip: str
    templates: List[str]
    pictures: int
    top1: float
    """Share of pictures whose likeliest label is right, 0 ... 1."""
    top5: float
    """Share of pictures with the right label among the five likeliest."""
    per_class: Dict[str, float]
    """label -> top-1 share of its pictures."""
    scale: float
    """What cosines are multiplied by before the softmax: one over the temperature."""
    per_class_pictures: Dict[str, int]
    """label -> how many pictures it has."""


def zero_shot(options: ZeroShotOptions) -> ZeroShotScore:
    """Classify, print, and write where asked; see ZeroShotOptions.

    Raises:
        UserError: for what cannot be classified, before anything is.
    """
    templates = templates_of(options.template, options.ensemble)
    if options.out is not None:
        refuse_file(options.out)
    labels = _read_labels(options.labels)
    paths, wanted = _read_names(options.images, labels, options.labels)
    clip = Clip(options.clip)
    names = [label.replace("_", " ") if options.spaces else label for label in labels.values()]
    logits = logits_of(clip, paths, names, templates)
    ranked = logits.sort(dim=1, descending=True, stable=True).indices
    place = {key: number for number, key in enumerate(labels)}
    truth = torch.tensor([place[key] for key in wanted])
    right = ranked[:, 0] == truth
    score = ZeroShotScore(
        clip=clip.name,
        templates=templates,
        pictures=len(paths),
        top1=float(right.double().mean()),
        top5=float((ranked[:, :_TOP] == truth[:, None]).any(dim=1).double().mean()),
        per_class={
            name: float(right[truth == n].double().mean()) for n, name in enumerate(names) if bool((truth == n).any())
        },
        scale=clip.scale,
        per_class_pictures={name: count for n, name in enumerate(names) if (count := int((truth == n).sum()))},
    )
    if options.out is not None:
        with holding(options.out):
            _write(options.out, score, paths, names, ranked, logits.softmax(dim=1), truth)
    print(_in_words(score))
    return score


def _read_labels(path: Path) -> Dict[str, str]:
    labels = read_json(path, "give the course's id2label.json")
    if not isinstance(labels, dict) or not labels or not all(isinstance(label, str) for label in labels.values()):
        raise UserError(f'{path}: must be an object of texts, such as {{"0": "bicycle"}}')
    if len(labels) > MOST_NAMES:
        raise UserError(f"{path}: has {len(labels):,} labels; at most {MOST_NAMES:,} are told apart")
    for key, label in labels.items():
        if not is_name(label):
            raise UserError(
                f"{path}: the label of {key[:_SHOWN_KEY]!a} is no name of a class; give a line of at most"
                f" {LONGEST_NAME} letters"
            )
    return labels


def _read_names(folder: Path, labels: Dict[str, str], source: Path) -> Tuple[List[Path], List[str]]:
    """The pictures and the class id that each name begins with."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; give the one that holds the pictures")
    paths = picture_files(folder)
    if not paths:
        raise UserError(f"{folder}: holds no picture; they are named {{class_id}}_{{image_id}}.png")
    wanted = []
    for path in paths:
        key, cut, _ = path.stem.partition("_")
        if not cut:
            raise UserError(f"{path}: is not named {{class_id}}_{{image_id}}{path.suffix}")
        if key not in labels:
            raise UserError(f"{source}: misses the class {key!r}, which {path} is of")
        wanted.append(key)
    return paths, wanted


def _write(
    out: Path,
    score: ZeroShotScore,
    paths: Sequence[Path],
    names: Sequence[str],
    ranked: Tensor,
    shares: Tensor,
    truth: Tensor,
) -> None:
    right = ranked[:, 0] == truth
    # Spread over the folder, so that they are not all of one class.
    picked = [int(rows[int(place)]) for rows in _both(right) for place in torch.linspace(0, len(rows) - 1, _SHOWN)]
    shown = [
        {
            "picture": paths[index].name,
            "label": names[int(truth[index])],
            "right": bool(right[index]),
            "likeliest": [[names[int(n)], float(shares[index, n])] for n in ranked[index, :_TOP]],
        }
        for index in dict.fromkeys(picked)
    ]
    settings = {"clip": score.clip, "templates": score.templates}
    mistakes = Counter((names[int(truth[n])], names[int(ranked[n, 0])]) for n in (~right).nonzero()[:, 0])
    numbers = {**asdict(score), "shown": shown, "mistakes": [[*pair, n] for pair, n in mistakes.most_common(_MISTAKES)]}
    write_note(out / "zero-shot.json", "zero-shot", settings, **numbers)
    opened: List[Image.Image] = [open_picture(paths[index]) for index in dict.fromkeys(picked)]
    # What is wrong is seen without its text, and without colour.
    pictures = [one if told["right"] else crossed_out(one, _SIDE) for one, told in zip(opened, shown)]
    save_image(captioned(pictures, [_told(one) for one in shown], _SHOWN, _SIDE), out / "zero-shot.png")
    print(f"wrote {out / 'zero-shot.json'} and {out / 'zero-shot.png'}")


def _told(shown: Dict[str, Any]) -> str:
    """What stands below a picture."""
    first = f"{'right' if shown['right'] else 'wrong'}: {shown['label']}"
    return "\n".join([first, *(f"{share:4.0%} {name}" for name, share in shown["likeliest"])])


def _both(right: Tensor) -> List[Tensor]:
    """The numbers of the right pictures and of the wrong ones, those of the two that there are."""
    return [rows for rows in (right.nonzero()[:, 0], (~right).nonzero()[:, 0]) if len(rows)]


def _in_words(score: ZeroShotScore) -> str:
    lines = [f"{score.pictures} pictures: top-1 {score.top1:.2%}, top-5 {score.top5:.2%}, by {score.clip}"]
    width = max(map(len, score.per_class))
    lines += [f"  {name:<{width}} {share:6.1%}" for name, share in score.per_class.items()]
    return "\n".join(lines)
