"""What CLIP's preparation and the course's grader are asked: pictures that are a function of a seed."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.reference.formula_pictures import picture

SIDES = (20, 47, 48, 49, 61, 90)
"""Shorter, one less, as long as, one more, and margins of both kinds."""
WAYS = {
    "as shipped": {"size": 48, "crop_size": 48},
    "crop within": {"size": 51, "crop_size": 48},
    "crop beyond": {"size": 41, "crop_size": 48},
    "as openai's": {"size": 224, "crop_size": 224, "image_mean": None, "image_std": None},
    "another filter": {"size": 48, "crop_size": 48, "resample": 2},
    "not scaled": {"size": 48, "crop_size": 48, "do_resize": False},
}
"""What is told of a preparation, in the words of transformers 4.19.2; its mean and deviation are 0.5 where not told."""
_HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def ways():
    """name -> what a preprocessor_config.json says; a value of None is left out."""
    for name, told in WAYS.items():
        yield name, {key: value for key, value in {**_HALF, **told}.items() if value is not None}


def asked():
    """(name, picture) of all heights and widths, then of all kinds of colours."""
    for height in SIDES:
        for width in SIDES:
            yield f"{height}x{width}", Image.fromarray(picture(height * 100 + width, height, width))
    shown = picture(1, 61, 90)
    four = np.dstack([shown, shown[..., 0]])
    yield "grey", Image.fromarray(shown[..., 0])
    yield "grey and alpha", Image.fromarray(np.ascontiguousarray(four[..., 2:]))
    yield "alpha", Image.fromarray(four)
    yield "palette", palette(shown[..., 0])
    yield "1 bit", Image.fromarray(shown[..., 0] > 100)
    yield "CMYK", Image.frombytes("CMYK", (90, 61), four.tobytes())


def palette(indices):
    """A picture whose colours are looked up: no program has to choose them."""
    found = Image.frombytes("P", indices.shape[::-1], np.ascontiguousarray(indices).tobytes())
    found.putpalette([(step * index + 7 * step) % 256 for index in range(256) for step in (1, 3, 5)])
    return found


INPUT = {
    "0": {
        "src_image": "dog",
        "token_name": "<new1>",
        "prompt": ["A <new1> beside an eight.", "A chalk <new1>."],
        "prompt_4_clip_eval": ["A dog beside an eight.", "A chalk seven."],
        "baseline": [[34.9, 1.1], [55.1, 0]],
    },
    "1": {
        "src_image": "style",
        "token_name": "<new2>",
        "prompt": ["A three in the style of <new2>."],
        "prompt_4_clip_eval": ["A three in the style of chalk."],
        "baseline": [[57.9, -4.9]],
    },
}
PHOTOS = Path(__file__).parent / "graded"
"""The photos of both sources: a program that writes a JPEG anew may write another."""


def write_photos():
    """Into PHOTOS, once: tall, wide, odd, noted as turned, of other colours, moving, and of a kind that is not read."""
    turned = Image.Exif()
    turned[0x0112] = 6
    for folder in INPUT:
        (PHOTOS / folder).mkdir(parents=True, exist_ok=True)
    first, second = PHOTOS / "0", PHOTOS / "1"
    Image.fromarray(picture(1, 97, 60)).save(first / "tall.jpg", quality=90)
    Image.fromarray(picture(2, 62, 111)).save(first / "turned.JPEG", quality=90, exif=turned)
    frames = [palette(picture(seed, 53, 80)[..., 0]) for seed in (3, 4)]
    frames[0].save(first / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(picture(5, 64, 64)).save(first / "not-read.webp", lossless=True)
    shown = picture(6, 40, 75)
    Image.fromarray(np.dstack([shown, 255 * (shown[..., 0] > 99).astype(np.uint8)])).save(second / "hidden.png")
    Image.fromarray(picture(7, 81, 50)[..., 0]).save(second / "grey.png")
    Image.fromarray(picture(8, 30, 45)).save(second / "small.bmp")


def write_course(folder):
    """An input.json and the 25 pictures of each of its prompts in a folder; returns both paths."""
    for key, source in INPUT.items():
        for prompt in range(len(source["prompt"])):
            there = folder / "out" / key / str(prompt)
            there.mkdir(parents=True)
            for number in range(25):
                height, width = (64, 64) if prompt else (64, 83)
                shown = picture(1000 * prompt + 100 * int(key) + number, height, width, lightest=60 + 7 * number)
                Image.fromarray(shown).save(there / f"source{key}_prompt{prompt}_{number}.png")
    (folder / "input.json").write_text(json.dumps(INPUT))
    return folder / "input.json", folder / "out"
