"""The moving picture of the README: noise turns into digits, faces and what prompts say."""

from pathlib import Path
from typing import Iterator, List, NamedTuple, Sequence, Tuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from sfumato.checkpoints import atomic_path
from sfumato.concepts.painting import Sampling as ConceptSampling
from sfumato.concepts.painting import encoded
from sfumato.concepts.painting import walk as concept_walk
from sfumato.concepts.words import with_words
from sfumato.diffusion import SeededNoise, Step, seed_of
from sfumato.digits.data import SIZE
from sfumato.digits.figures import FiguresOptions
from sfumato.digits.labels import DATASETS, DIGITS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling as DigitSampling
from sfumato.digits.painting import walk as digit_walk
from sfumato.faces.model import SHIPPED, load_faces
from sfumato.faces.noises import drawn_noises
from sfumato.faces.painting import Sampling as FaceSampling
from sfumato.faces.painting import walk as face_walk
from sfumato.images import INK, clear_paper, font, to_pixels

TILE, GAP, LEFT, TEXT = 88, 4, 148, 15
COLUMNS = 7
STEPS, MILLISECONDS, HOLD = 32, 90, 2000
"""Of each of the two rounds: ten seconds together."""
ROUNDS = (
    ("a chalk seven", "a street two next to a colourful six"),
    ("a <new1> in the style of <new2>", "a colourful three"),
)
_QUALITY = 62


class Row(NamedTuple):
    """What is painted side by side."""

    label: Sequence[str]
    moments: List[List[Image.Image]]
    """Of each time from noise to picture, the pictures."""


def hero(path: Path) -> Path:
    """Paint it, and write it as an animated WebP without a ground."""
    frames: List[Image.Image] = []
    stays: List[int] = []
    for number, prompts in enumerate(ROUNDS):
        rows = [_digits(number), _faces(number), *_prompts(prompts)]
        count = len(rows[0].moments)
        frames += [_frame(rows, moment) for moment in range(count)]
        stays += [MILLISECONDS] * (count - 1) + [HOLD]
    with atomic_path(path) as beside:
        told = {"save_all": True, "append_images": frames[1:], "duration": stays, "loop": 0}
        frames[0].save(beside, format="WEBP", quality=_QUALITY, method=6, **told)
    return path


def _frame(rows: Sequence[Row], moment: int) -> Image.Image:
    height = len(rows) * (TILE + GAP)
    paper = clear_paper(LEFT + COLUMNS * (TILE + GAP) - GAP, height + 2)
    draw = ImageDraw.Draw(paper)
    for number, row in enumerate(rows):
        top = number * (TILE + GAP)
        draw.multiline_text((0, top + TILE // 2), "\n".join(row.label), INK, font(TEXT), anchor="lm", spacing=5)
        for column, picture in enumerate(row.moments[moment]):
            paper.paste(picture, (LEFT + column * (TILE + GAP), top))
    # How far the walk is.
    draw.rectangle((LEFT, height, LEFT + (paper.width - LEFT) * moment // STEPS, height + 1), fill=(*INK, 255))
    return paper


def _moments(first: Tensor, steps: Iterator[Step]) -> List[Tensor]:
    """x_t at each time, from the noise."""
    return [first, *(step.x for step in steps)]


def _tiles(pixels: Tensor) -> List[Image.Image]:
    return [Image.fromarray(one.numpy()).resize((TILE, TILE), Image.Resampling.BICUBIC) for one in pixels]


@torch.no_grad()
def _digits(number: int) -> Row:
    model, sampling, device = load_digits(), DigitSampling(steps=STEPS), torch.device("cpu")
    # The noises of `digits figures`.
    seeds = [seed_of(FiguresOptions.seed, column) for column in range(COLUMNS)]
    labels = [label_of(DATASETS[column % 2], (5 * number + column) % DIGITS) for column in range(COLUMNS)]
    noise = SeededNoise(seeds, (3, SIZE, SIZE), device)()
    walk = digit_walk(model, labels, seeds, sampling, device)
    return Row(("digits", f"{SIZE} x {SIZE}"), [_tiles(to_pixels(x)) for x in _moments(noise, walk)])


@torch.no_grad()
def _faces(number: int) -> Row:
    model = load_faces(Path(SHIPPED))
    size = model.network.config.size
    noises = drawn_noises(COLUMNS, size, number)
    walk = face_walk(model, noises, FaceSampling(steps=STEPS))
    return Row(("faces", f"{size} x {size}"), [_tiles(to_pixels(x)) for x in _moments(noises, walk)])


@torch.no_grad()
def _prompts(prompts: Tuple[str, ...]) -> List[Row]:
    model, _ = with_words(None, torch.float32, [])
    sampling, rows = ConceptSampling(steps=STEPS), []
    for prompt in prompts:
        seeds = [seed_of(0, prompt, column) for column in range(COLUMNS)]
        noise = SeededNoise(seeds, model.latent_shape(None, None))()
        texts = torch.cat([encoded(model, [prompt])] * COLUMNS)
        walk = concept_walk(model, texts, encoded(model, [""])[:, 0], seeds, sampling)
        decoded = [_tiles(to_pixels(model.vae.decode(x))) for x in _moments(noise, walk)]
        rows.append(Row(_in_lines(f'"{prompt}"'), decoded))
    return rows


def _in_lines(prompt: str) -> List[str]:
    lines = [""]
    for word in prompt.split():
        longer = f"{lines[-1]} {word}".strip()
        if font(TEXT).getlength(longer) < LEFT - 12:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
