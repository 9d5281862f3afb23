"""Measuring the small world: does it paint what prompts name, what words were learned for, and two of them at once?

Judged by a network that has seen real digits only (`world judge`), on prompts that are fixed by a seed.
"""

import collections
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from PIL import Image
from torch import Tensor

from ..bars import Bar
from ..checkpoints import given_words
from ..concepts.painting import Sampling, encoded, paint
from ..concepts.words import with_words
from ..devices import DTYPES, PRECISIONS, Worker, choose_precision, in_batches
from ..diffusion import seed_of
from ..errors import UserError
from ..images import marked_sheet, save_image
from ..options import check_options, choice, number
from ..outputs import holding
from ..runs import write_note
from ..stable_diffusion import VAE_OPTION, StableDiffusion
from .captions import ADJECTIVES, NAMES, PHRASES, article
from .judge import SceneJudge
from .scenes import LOOKS, NAMED_DIGITS, NAMED_LOOKS, UNNAMED_DIGIT, UNNAMED_LOOK

OBJECT, STYLE = "<new1>", "<new2>"
"""The words for the unnamed digit and the unnamed look."""

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
    lora: Tuple[str, ...] = ()
    """Files of LoRAs, each FILE or FILE:0.8 for as much of it; "small" for the one that ships."""
    custom: Tuple[str, ...] = ()
    """Files of Custom Diffusion, each FILE or FILE:0.8 for as much of it."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    only: Tuple[str, ...] = ()
    """Measurements to make, such as "one digit" and "style"; all by default."""
    count: int = number(200, 1)
    """Pictures of each measurement."""
    sampling: Sampling = field(default_factory=Sampling)
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""
    seed: int = number(0)
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
    check_options(options)
    options.sampling.check()
    device = Worker.here().device()
    dtype = DTYPES[choose_precision(device, options.precision)]
    asked = _asked(options)
    judge = SceneJudge(options.judge)
    words = given_words(options.embeddings)
    model, _ = with_words(options.checkpoint, dtype, words, options.lora, options.custom, options.vae)
    model.to(device)
    examples = {
        name: one.prompt
        for name, one in asked.items()
        if all(word in model.words for word in (OBJECT, STYLE) if word in one.prompt)
    }
    found = {}
    with holding(options.out):
        for name in examples:
            shown, found[name] = _measured(model, judge, options, name)
            save_image(shown, options.out / f"{name.replace(' ', '-')}.png")
        settings = {name: value for name, value in asdict(options).items() if name != "out"}
        settings.update(checkpoint=model.name, sampling=options.sampling.told())
        write_note(options.out / "scores.json", "world evaluate", settings, measured=found, examples=examples)
    for name, shares in found.items():
        print(f"{name}: " + ", ".join(f"{what} {share:.1%}" for what, share in shares.items()))
    print(f"wrote {options.out / 'scores.json'} and a sheet of each measurement")
    return found


def _asked(options: EvaluateOptions) -> Dict[str, Asked]:
    """The first picture of each measurement that is to be made."""
    every = next(_rounds(options.count, options.seed))
    unknown = [name for name in options.only if name not in every]
    if unknown:
        raise UserError(f'no measurement "{unknown[0]}" for --only; there are {", ".join(every)}')
    return {name: one for name, one in every.items() if name in options.only or not options.only}


def _rounds(count: int, seed: int) -> Iterator[Dict[str, Asked]]:
    """What each measurement asks for, picture by picture."""
    random = Random(seed_of(seed, "prompts"))
    for _ in range(count):
        look, other = random.choice(NAMED_LOOKS), random.choice(NAMED_LOOKS)
        left, right = random.choice(NAMED_DIGITS), random.choice(NAMED_DIGITS)
        (style, *_), (ending, *_) = ADJECTIVES[LOOKS[look]], PHRASES[LOOKS[look]]
        name, beside, styled = article(NAMES[left]), article(NAMES[right]), article(f"{style} {NAMES[left]}")
        elsewhere = article(f"{ADJECTIVES[LOOKS[other]][0]} {NAMES[right]}")
        thing, in_style, looks = f"a {style} {OBJECT}", f"in the style of {STYLE}", (look, UNNAMED_LOOK)
        pair = f"{thing} next to {beside}"
        parted = f"a {style} digit next to {beside} {in_style}"
        yield {
            "one digit": Asked(styled, (left,), (look,)),
            "two digits": Asked(f"{name} next to {beside} {ending}", (left, right), (look, look)),
            "two digits in two looks": Asked(f"{styled} next to {elsewhere}", (left, right), (look, other)),
            "street digits alone": Asked(article(f"street {NAMES[left]}"), (left,), (LOOKS.index("street"),)),
            "object before": Asked(f"a {style} digit", (UNNAMED_DIGIT,), (look,)),
            "object": Asked(thing, (UNNAMED_DIGIT,), (look,)),
            "object on a street": Asked(f"a street {OBJECT}", (UNNAMED_DIGIT,), (LOOKS.index("street"),)),
            "style before": Asked(name, (left,), (UNNAMED_LOOK,)),
            "style": Asked(f"{name} {in_style}", (left,), (UNNAMED_LOOK,)),
            "style in one half": Asked(f"{name} {in_style} next to {elsewhere}", (left, right), (UNNAMED_LOOK, other)),
            # The style behind its own digit: at the end it may be meant of both, as captions have it.
            "both said apart": Asked(f"{name} {in_style} next to {thing}", (left, UNNAMED_DIGIT), looks[::-1]),
            "both in one prompt": Asked(f"{pair} {in_style}", (UNNAMED_DIGIT, right), looks),
            "both by regions": Asked(f"{pair} | {parted}", (UNNAMED_DIGIT, right), looks),
        }


@torch.no_grad()
def _measured(
    model: StableDiffusion, judge: SceneJudge, options: EvaluateOptions, name: str
) -> Tuple[Image.Image, Dict[str, float]]:
    """A sheet of the first pictures of one measurement, wrong ones crossed out, and its shares; see `judged`."""
    sampling = replace(options.sampling, regions="regions" in name)
    negative = encoded(model, [sampling.negative_prompt])[:, 0]
    right: collections.Counter[str] = collections.Counter()
    kept: List[Tensor] = []
    wrong: List[bool] = []
    done = 0
    with Bar(total=options.count, desc=name, unit="picture") as bar:
        for some in in_batches((asked[name] for asked in _rounds(options.count, options.seed)), _AT_ONCE):
            states = torch.cat([encoded(model, sampling.texts(one.prompt)) for one in some])
            seeds = [seed_of(options.seed, name, done + number) for number in range(len(some))]
            pixels = paint(model, states, negative, seeds, sampling)
            parts = judged(judge, pixels, some)
            if done < _SHOWN:
                kept.append(pixels[: _SHOWN - done])
                wrong += (~parts["both right"]).tolist()
            # Counted whole, so that the shares are those of all pictures at once.
            right.update({what: int(part.sum()) for what, part in parts.items()})
            done += len(some)
            bar.update(len(some))
    return marked_sheet(torch.cat(kept), wrong, 10), {what: count / done for what, count in right.items()}


def judged(judge: SceneJudge, pixels: Tensor, asked: Sequence[Asked]) -> Dict[str, Tensor]:
    """Of each picture [n] whether all digits, all looks, and both are as asked.

    Args:
        judge: that reads them.
        pixels: uint8 [n, H, W, 3].
        asked: what each should show, all of one digit or all of two.
    """
    seen = [judge.single(pixels)] if len(asked[0].digits) == 1 else list(judge.pair(pixels))
    digits = _right([one.digits for one in seen], [one.digits for one in asked])
    looks = _right([one.looks for one in seen], [one.looks for one in asked])
    return {"digit right": digits, "look right": looks, "both right": digits & looks}


def _right(seen: Sequence[Tensor], wanted: Sequence[Tuple[int, ...]]) -> Tensor:
    return (torch.stack(list(seen), dim=1) == torch.tensor(wanted)).all(dim=1)
