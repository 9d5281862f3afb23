"""Measuring the small world: does it paint what prompts name, what words were learned for, and two of them at once?

Judged by a network that has seen real digits only (`world judge`), on prompts that are fixed by a seed.
"""

import collections
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor
from tqdm import tqdm

from ..concepts.model import StableDiffusion
from ..concepts.painting import Sampling, encoded, paint
from ..concepts.words import with_words
from ..devices import DTYPES, Worker, choose_precision
from ..diffusion import seed_of
from ..errors import in_range
from ..pictures import save_image, sheet
from ..runs import open_folder, write_note
from .captions import NAMES, article
from .judge import SceneJudge
from .scenes import LOOKS, NAMED_DIGITS, NAMED_LOOKS, UNNAMED_DIGIT, UNNAMED_LOOK

OBJECT, STYLE = "<new1>", "<new2>"
"""The words for the unnamed digit and the unnamed look."""

_ADJECTIVES = {"street": "street", "colour": "colourful", "chalk": "chalk"}
_ENDINGS = {"street": "on a house", "colour": "in bright colours", "chalk": "in white chalk"}
_SHOWN = 40
_AT_ONCE = 20


@dataclass
class EvaluateOptions:
    """Paint the small world's prompts and have a judge read the pictures."""

    out: Path
    """Folder for scores.json and a sheet of each measurement."""
    checkpoint: Optional[Path] = None
    """A world.safetensors; the shipped one by default."""
    embeddings: Tuple[Path, ...] = ()
    """Files of learned words in place of the shipped ones."""
    judge: Optional[Path] = None
    """A file that `world judge` wrote; the shipped one by default."""
    count: int = 200
    """Pictures of each measurement."""
    sampling: Sampling = field(default_factory=Sampling)
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    seed: int = 0
    """Of the prompts and of all noise."""


class Asked(NamedTuple):
    """A prompt and what the picture should show, from left to right."""

    prompt: str
    digits: Tuple[int, ...]
    looks: Tuple[int, ...]


def evaluate(options: EvaluateOptions) -> Dict[str, Dict[str, float]]:
    """Paint, judge, print and write; see EvaluateOptions.

    Returns:
        measurement -> share of the pictures by what was right, 0 ... 1.

    Raises:
        UserError: for what cannot be used.
    """
    options.sampling.check()
    in_range(options, "count", 1)
    device = Worker.here().device()
    dtype = DTYPES[choose_precision(device, options.precision)]
    judge = SceneJudge(options.judge)
    model = with_words(options.checkpoint, dtype, options.embeddings).to(device)
    open_folder(options.out)
    measurements = {
        name: asked
        for name, asked in _measurements(options.count, options.seed).items()
        if all(word in model.words for word in (OBJECT, STYLE) if any(word in one.prompt for one in asked))
    }
    found = {}
    for name, asked in measurements.items():
        pixels = _painted(model, asked, options, name)
        save_image(sheet(pixels[:_SHOWN], 10), options.out / f"{name.replace(' ', '-')}.png")
        found[name] = judged(judge, pixels, asked)
        print(f"{name}: " + ", ".join(f"{what} {share:.1%}" for what, share in found[name].items()))
    settings = {name: value for name, value in asdict(options).items() if name != "out"}
    settings["checkpoint"] = model.name
    examples = {name: asked[0].prompt for name, asked in measurements.items()}
    write_note(options.out / "scores.json", "world evaluate", settings, measured=found, examples=examples)
    print(f"wrote {options.out / 'scores.json'} and a sheet of each measurement")
    return found


def _measurements(count: int, seed: int) -> Dict[str, List[Asked]]:
    random = Random(seed_of(seed, "prompts"))
    found: Dict[str, List[Asked]] = collections.defaultdict(list)
    for _ in range(count):
        look, other = random.choice(NAMED_LOOKS), random.choice(NAMED_LOOKS)
        left, right = random.choice(NAMED_DIGITS), random.choice(NAMED_DIGITS)
        style, ending = _ADJECTIVES[LOOKS[look]], _ENDINGS[LOOKS[look]]
        name, beside = NAMES[left], article(NAMES[right])
        found["one digit"].append(Asked(f"{article(f'{style} {name}')}", (left,), (look,)))
        found["two digits"].append(Asked(f"{article(name)} next to {beside} {ending}", (left, right), (look, look)))
        mixed = f"{article(f'{style} {name}')} next to {article(f'{_ADJECTIVES[LOOKS[other]]} {NAMES[right]}')}"
        found["two digits in two looks"].append(Asked(mixed, (left, right), (look, other)))
        found["object before"].append(Asked(f"a {style} digit", (UNNAMED_DIGIT,), (look,)))
        found["object"].append(Asked(f"a {style} {OBJECT}", (UNNAMED_DIGIT,), (look,)))
        found["style before"].append(Asked(article(name), (left,), (UNNAMED_LOOK,)))
        found["style"].append(Asked(f"{article(name)} in the style of {STYLE}", (left,), (UNNAMED_LOOK,)))
        both, wanted = f"a {style} {OBJECT} next to {beside} in the style of {STYLE}", (look, UNNAMED_LOOK)
        found["both in one prompt"].append(Asked(both, (UNNAMED_DIGIT, right), wanted))
        one = f"a {style} {OBJECT} next to {beside}"
        two = f"a {style} digit next to {beside} in the style of {STYLE}"
        found["both by regions"].append(Asked(f"{one} | {two}", (UNNAMED_DIGIT, right), wanted))
    return found


@torch.no_grad()
def _painted(model: StableDiffusion, asked: Sequence[Asked], options: EvaluateOptions, name: str) -> Tensor:
    """uint8 [n, H, W, 3]."""
    sampling = replace(options.sampling, regions="regions" in name)
    negative = encoded(model, [sampling.negative_prompt])[:, 0]
    found = []
    with tqdm(total=len(asked), desc=name, unit="picture") as bar:
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            states = torch.cat([encoded(model, sampling.texts(one.prompt)) for one in some])
            seeds = [seed_of(options.seed, name, start + number) for number in range(len(some))]
            found.append(paint(model, states, negative, seeds, sampling))
            bar.update(len(some))
    return torch.cat(found)


def judged(judge: SceneJudge, pixels: Tensor, asked: Sequence[Asked]) -> Dict[str, float]:
    """Shares of pictures in which all digits, all looks, and both are as asked.

    Args:
        judge: that reads them.
        pixels: uint8 [n, H, W, 3].
        asked: what each should show, all of one digit or all of two.
    """
    seen = [judge.single(pixels)] if len(asked[0].digits) == 1 else list(judge.pair(pixels))
    digits = _right([one.digits for one in seen], [one.digits for one in asked])
    looks = _right([one.looks for one in seen], [one.looks for one in asked])
    parts = {"digit right": digits, "look right": looks, "both right": digits & looks}
    return {name: float(right.double().mean()) for name, right in parts.items()}


def _right(seen: Sequence[Tensor], wanted: Sequence[Tuple[int, ...]]) -> Tensor:
    return (torch.stack(list(seen), dim=1) == torch.tensor(wanted)).all(dim=1)
