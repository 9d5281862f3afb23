"""Draw a folder of labelled pictures to try a training on: python examples/draw_pictures.py {shapes,letters} FOLDER"""

import sys
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw, ImageFont

COUNT = 200
"""Pictures of each label."""


def shape(name: str, random: Random) -> Image.Image:
    """A disc, square or triangle of any colour and size on a darker ground, 16x16."""
    picture = Image.new("RGB", (16, 16), tuple(random.randrange(60) for _ in range(3)))
    side, colour = random.randrange(6, 12), tuple(random.randrange(120, 256) for _ in range(3))
    left, top = random.randrange(1, 15 - side), random.randrange(1, 15 - side)
    box, draw = (left, top, left + side, top + side), ImageDraw.Draw(picture)
    if name == "triangle":
        draw.polygon([(left, top + side), (left + side / 2, top), (left + side, top + side)], colour)
    else:
        (draw.ellipse if name == "disc" else draw.rectangle)(box, colour)
    return picture


def letter(name: str, random: Random) -> Image.Image:
    """A letter, a little turned and moved, light on dark, 16x16."""
    large = Image.new("L", (96, 96), random.randrange(40))
    middle = (48 + random.uniform(-6, 6), 48 + random.uniform(-6, 6))
    font = ImageFont.load_default(random.randrange(56, 76))
    ImageDraw.Draw(large).text(middle, name, random.randrange(170, 256), font, anchor="mm")
    turned = large.rotate(random.uniform(-15, 15), Image.Resampling.BICUBIC, fillcolor=large.getpixel((0, 0)))
    return turned.resize((16, 16), Image.Resampling.BICUBIC).convert("RGB")


KINDS = {"shapes": (shape, ("disc", "square", "triangle")), "letters": (letter, tuple("ABCDEFGH"))}

if __name__ == "__main__":
    draw, names = KINDS[sys.argv[1]]
    for name in names:
        folder = Path(sys.argv[2], name)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(COUNT):
            draw(name, Random(f"{name} {number}")).save(folder / f"{number:03d}.png")
    print(f"wrote {COUNT * len(names)} pictures to {sys.argv[2]}")
