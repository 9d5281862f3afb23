"""What commands painted, as sheets: pixels as they are, with nothing between them, so that any page's ground shows."""

import json
import shutil
from pathlib import Path
from typing import Callable, List, Sequence

import numpy as np
import torch
from commands import Scratch
from PIL import Image, ImageSequence

from sfumato.checkpoints import write_text
from sfumato.images import labelled_grid, sheet

GAP = 16
LARGEST = 250_000
"""Bytes of a sheet; of a larger one the last details of its colours are left out."""
SIDE = 96
LOOKS = (0, 50, 100, 200, 400)
"""Steps at which a word that is learned is shown."""
EDGE = 2
"""Pixels between the pictures of a sheet."""


def saved(image: Image.Image, path: Path) -> None:
    """A WebP without loss, or with hardly any where that is much smaller."""
    image.save(path, lossless=True, quality=100, method=6, exact=False)
    quality = 95
    while path.stat().st_size > LARGEST:
        image.save(path, quality=quality, method=6)
        quality -= 5


def film_saved(source: Path, path: Path) -> None:
    """A film as it is; of a large one the last details of its colours are left out."""
    if source.stat().st_size <= LARGEST:
        shutil.copyfile(source, path)
        return
    film = Image.open(source)
    # A frame's time is known when it is decoded, so that it is copied first.
    shown = [(frame.copy(), frame.info["duration"]) for frame in ImageSequence.Iterator(film)]
    frames, lasting = [frame for frame, _ in shown], [milliseconds for _, milliseconds in shown]
    how = {"save_all": True, "append_images": frames[1:], "duration": lasting, "loop": 0, "exif": film.info["exif"]}
    for quality in range(90, 0, -10):
        frames[0].save(path, quality=quality, method=4, **how)
        if path.stat().st_size <= LARGEST:
            return


def opened(paths: Sequence[Path]) -> List[Image.Image]:
    """Pictures as RGB; with what is transparent where there is such."""
    pictures = [Image.open(path) for path in paths]
    return [one.convert("RGBA" if "A" in one.getbands() else "RGB") for one in pictures]


def cells(looked: Image.Image, columns: int, rows: int = 1) -> List[np.ndarray]:
    """The pictures of a sheet, of its first rows."""
    step, pixels = (looked.width - EDGE) // columns, np.asarray(looked)
    corners = [(EDGE + step * row, EDGE + step * column) for row in range(rows) for column in range(columns)]
    return [pixels[top : top + step - EDGE, left : left + step - EDGE] for top, left in corners]


def beside(pictures: Sequence[Image.Image]) -> Image.Image:
    """Side by side, with nothing between them."""
    width = sum(one.width for one in pictures) + GAP * (len(pictures) - 1)
    paper, left = Image.new("RGBA", (width, max(one.height for one in pictures))), 0
    for one in pictures:
        paper.paste(one, (left, 0))
        left += one.width + GAP
    return paper


def digits(scratch: Scratch, path: Path) -> None:
    """Both sheets of `digits figures`, and nothing between their pictures."""
    last = scratch.ran("sfumato digits figures runs/digit-figures", "runs/digit-figures/svhn-sheet.png")
    looked = opened([last.with_name("mnistm-sheet.png"), last])
    inside = [torch.from_numpy(np.stack(cells(one.convert("RGB"), columns=10, rows=10))) for one in looked]
    saved(beside([sheet(one, columns=10, scale=1, clear=True) for one in inside]), path)


def faces(scratch: Scratch, path: Path) -> None:
    """Twelve faces of drawn noises."""
    scratch.ran("sfumato faces noise noise --count 12", "noise/11.pt")
    last = scratch.ran("sfumato faces generate noise faces shipped", "faces/11.png")
    pixels = torch.from_numpy(np.stack([np.asarray(one) for one in opened(sorted(last.parent.glob("*.png")))]))
    saved(sheet(pixels, columns=6, clear=True), path)


def drawn_by(line: str, leaves: str) -> Callable[[Scratch, Path], None]:
    """A picture that a command draws as it stands here."""

    def made(scratch: Scratch, path: Path) -> None:
        saved(opened([scratch.ran(line, leaves)])[0], path)

    return made


def moved_by(line: str, leaves: str) -> Callable[[Scratch, Path], None]:
    """A film that a command makes."""

    def made(scratch: Scratch, path: Path) -> None:
        film_saved(scratch.ran(line, leaves), path)

    return made


def painted(scratch: Scratch, out: str, prompts: Sequence[str], count: int, more: str = "") -> List[List[np.ndarray]]:
    """Pictures of `concepts generate`, a list a prompt."""
    texts = " ".join(f'"{prompt}"' for prompt in prompts)
    last = f"{out}/{len(prompts) - 1}/{count - 1:03d}.png"
    line = f"sfumato concepts generate {out} --prompt {texts} --count {count} --precision fp32{more}"
    folder = scratch.ran(line, last).parents[1]
    places = range(len(prompts))
    return [[np.asarray(one) for one in opened(sorted((folder / str(place)).glob("*.png")))] for place in places]


def concepts(scratch: Scratch, path: Path) -> None:
    """Prompts, and what the small world paints of them."""
    prompts = {
        "a chalk seven": "a chalk\nseven",
        "a street two next to a chalk three": "a street two\nnext to\na chalk three",
        "a colourful five next to a chalk eight": "a colourful five\nnext to\na chalk eight",
        "a chalk <new1>": "a chalk\n<new1>",
        "a seven in the style of <new2>": "a seven in the\nstyle of <new2>",
    }
    rows = painted(scratch, "concepts", list(prompts), 5)
    saved(labelled_grid([one for row in rows for one in row], list(prompts.values()), [""] * 5, SIDE), path)


def small_world(scratch: Scratch, path: Path) -> None:
    """Its looks in rows, some of its digits in columns; words that were learned stand for what it has no name for."""
    looks = {
        "street": "a street {}",
        "colourful": "a colourful {}",
        "chalk": "a chalk {}",
        "in the style\nof <new2>": "a {} in the style of <new2>",
    }
    names = ["zero", "three", "<new1>", "six", "eight", "nine"]
    prompts = [text.format(name) for text in looks.values() for name in names]
    cells = [row[0] for row in painted(scratch, "small-world", prompts, 1)]
    saved(labelled_grid(cells, list(looks), names, SIDE), path)


def several_concepts(scratch: Scratch, path: Path) -> None:
    """Two learned words in one prompt, and the same by regions."""
    one = ["a chalk <new1> next to a two in the style of <new2>"]
    parted = ["a chalk <new1> next to a two | a chalk digit next to a two in the style of <new2>"]
    cells = painted(scratch, "merged", one, 6)[0] + painted(scratch, "regions", parted, 6, " --regions")[0]
    saved(labelled_grid(cells, ["one\nprompt", "regions"], [""] * 6, SIDE), path)


def learning(scratch: Scratch, path: Path) -> None:
    """Five photos of fours, and what a word that begins as "one" paints of the same noises while it learns them."""
    photos = scratch.ran(
        "sfumato digits generate fours --digits 4 --datasets mnistm --count 5", "fours/mnistm/4_005.png"
    )
    line = 'sfumato concepts learn fours/mnistm {} --token "<mine>" --preset small-object --init one {}'
    words = scratch.ran(line.format("word", "--preview-every 50"), "word/word.safetensors").parent / "words"
    # As it begins: one step of nothing.
    scratch.ran(line.format("word-0", "--steps 1 --lr 1e-12 --preview-every 0"), "word-0/word.safetensors")
    shown = {0: "word-0/word.safetensors"}
    for stage in words.glob("step-*.safetensors"):
        shown[int(stage.stem.split("-")[1])] = f"word/words/{stage.name}"
    small = opened(sorted(photos.parent.glob("*.png")))
    rows = {"five\nphotos": [np.asarray(one.resize((48, 48), Image.Resampling.BICUBIC)) for one in small]}
    for step in LOOKS:
        told = f" --embeddings {shown[step]}"
        rows[f"step {step}"] = painted(scratch, f"look-{step}", ["a chalk <mine>"], 5, told)[0]
    saved(labelled_grid([one for row in rows.values() for one in row], list(rows), [""] * 5, SIDE), path)


def methods(scratch: Scratch, path: Path) -> None:
    """The same fours as a word, by Custom Diffusion and by a LoRA, each as no photo shows it."""
    last = "painted-fours/mnistm/4_005.png"
    photos = scratch.ran("sfumato digits generate painted-fours --digits 4 --datasets mnistm --count 5", last).parent
    for photo in photos.glob("*.png"):
        write_text(photo.with_suffix(".txt"), "a colourful {}\n")
    ways = {"word": (" --captions templates", "embeddings"), "custom": ("", "custom"), "lora": ("", "lora")}
    prompts = {
        "a street <mine>": "a street\n<mine>",
        "a chalk <mine>": "a chalk\n<mine>",
        "a <mine> next to a chalk two": "a <mine>\nnext to a\nchalk two",
    }
    rows = []
    for method, (texts, flag) in ways.items():
        file = f"by-{method}/{method}.safetensors"
        told = f'--method {method} --token "<mine>" --preset small-object{texts}'
        scratch.ran(f"sfumato concepts learn painted-fours/mnistm by-{method} {told}", file)
        rows.append(painted(scratch, f"painted-by-{method}", list(prompts), 2, f" --{flag} {file}"))
    above = [lines for lines in prompts.values() for _ in range(2)]
    saved(labelled_grid([one for row in rows for pair in row for one in pair], list(ways), above, SIDE), path)


def shapes(scratch: Scratch, path: Path) -> None:
    """What a training of the preset `shapes` sees, and what it paints at its looks."""
    scratch.ran("python examples/draw_pictures.py shapes shapes", "shapes")
    line = "sfumato pictures train shapes run-shapes --size 16 --width 32 --blocks 1 --steps 1500 --look-every 500"
    run = scratch.ran(line, "run-shapes/model.safetensors").parent
    shown = {"what it sees": run / "pictures.png"}
    for look in sorted(run.glob("sheet-*.png")):
        shown[f"painted,\nstep {int(look.stem.split('-')[1]):,}"] = look
    rows = [cells(one, columns=8) for one in opened(list(shown.values()))]
    saved(labelled_grid([one for row in rows for one in row], list(shown), [""] * 8, side=64), path)


def zero_shot(scratch: Scratch, path: Path) -> None:
    """Five right and five wrong pictures of street digits that were painted, with their likeliest labels."""
    pictures = scratch.ran("sfumato digits generate street --datasets svhn --count 30", "street/svhn/9_030.png").parent
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    (scratch.folder / "id2label.json").write_text(json.dumps(dict(enumerate(names))))
    line = f'sfumato zero-shot street/{pictures.name} id2label.json --template "a photo of a {{}}" --out zero-shot'
    saved(opened([scratch.ran(line, "zero-shot/zero-shot.png")])[0], path)
