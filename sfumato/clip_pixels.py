"""Pictures as the numbers that a CLIP takes, prepared in every environment as transformers 4.19.2 did.

    scale     the shorter side to `size`, the longer one to int(size long / short); as it lies where it fits already
    crop      the middle; an odd margin is cut at int((margin + 1) / 2), black where the picture is smaller
    numbers   (values / 255 - mean) / deviation, each colour by itself

The course grades with that version. Later ones cut an odd margin at margin // 2, one pixel beside, and round otherwise:
scores of photos that are not square would depend on what is installed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import numpy as np
from PIL import Image

from .checkpoints import read_json, shortened
from .errors import UserError

_LARGEST = 4096
_LAST_FILTER = 5
_LEAST = 1e-6
"""What is divided by is no smaller, and no number larger than its inverse: all stay finite in float32."""
_DEFAULTS: Dict[str, Any] = {
    **dict.fromkeys(("do_resize", "do_center_crop", "do_rescale", "do_normalize"), True),
    **{"size": 224, "crop_size": 224, "resample": 3, "rescale_factor": 1 / 255},
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
"""What a preprocessor_config.json means where it is silent: OpenAI's way."""


@dataclass(frozen=True)
class Preparation:
    """How pictures are made numbers; what is None is not done.

    Args:
        shortest: what the shorter side is scaled to.
        scaled: (height, width) of every picture, in place of `shortest`.
        resample: Pillow's filter.
        crop: (height, width) of the middle that is kept.
        white: what values are divided by.
        mean: of each colour, taken off.
        deviation: of each colour, divided by.
    """

    shortest: Optional[int]
    scaled: Optional[Tuple[int, int]]
    resample: Image.Resampling
    crop: Optional[Tuple[int, int]]
    white: Optional[float]
    mean: Optional[Tuple[float, ...]]
    deviation: Optional[Tuple[float, ...]]

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """A picture of any size and colours as float32 [3, height, width]."""
        shown = self._cropped(self._scaled(picture.convert("RGB")))
        values = np.asarray(shown).astype(np.float32)
        if self.white is not None:
            values = values / np.float32(self.white)
        values = values.transpose(2, 0, 1)
        if self.mean is not None:
            mean, deviation = (np.array(told, np.float32)[:, None, None] for told in (self.mean, self.deviation))
            values = (values - mean) / deviation
        return values

    def _scaled(self, picture: Image.Image) -> Image.Image:
        if self.scaled is not None:
            return picture.resize(self.scaled[::-1], self.resample)
        short, long = sorted(picture.size)
        if self.shortest is None or short == self.shortest:
            return picture
        longer = int(self.shortest * long / short)
        upright = picture.width <= picture.height
        return picture.resize((self.shortest, longer) if upright else (longer, self.shortest), self.resample)

    def _cropped(self, picture: Image.Image) -> Image.Image:
        if self.crop is None:
            return picture
        height, width = self.crop
        # int() cuts towards 0, also where the picture is smaller and the margin below 0.
        top, left = int((picture.height - height + 1) * 0.5), int((picture.width - width + 1) * 0.5)
        return picture.crop((left, top, left + width, top + height))


def read_preparation(path: Path, advice: str) -> Preparation:
    """What a preprocessor_config.json says, as any version of transformers writes it; its other keys have no say.

    Args:
        path: of the file.
        advice: for a file that cannot be read.

    Raises:
        UserError: naming the key whose value says nothing of pictures.
    """
    content = read_json(path, advice)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no object; {advice}")
    told = {key: content.get(key, default) for key, default in _DEFAULTS.items()}
    for key, value in told.items():
        wanted = _unmet(key, value)
        if wanted:
            raise UserError(f"{path}: its {key} is {shortened(str(value))} and not {wanted}; get the file again")
    size = told["size"]
    shortest = size.get("shortest_edge") if isinstance(size, dict) else size
    return Preparation(
        shortest=shortest if told["do_resize"] else None,
        scaled=_sides(size) if told["do_resize"] and shortest is None else None,
        resample=Image.Resampling(told["resample"]),
        crop=_sides(told["crop_size"]) if told["do_center_crop"] else None,
        # Of 1 / 255 this is exactly 255, by which that version divides; times the factor has other last bits.
        white=1 / told["rescale_factor"] if told["do_rescale"] else None,
        mean=tuple(told["image_mean"]) if told["do_normalize"] else None,
        deviation=tuple(told["image_std"]) if told["do_normalize"] else None,
    )


def _sides(size: Any) -> Tuple[Any, Any]:
    """(height, width), None where one is not told."""
    return (size.get("height"), size.get("width")) if isinstance(size, dict) else (size, size)


def _unmet(key: str, value: Any) -> str:
    """What the value of a key should be; nothing where it is."""
    if key.startswith("do_"):
        return "" if isinstance(value, bool) else "true or false"
    if key.endswith("size"):
        shortest = isinstance(value, dict) and key == "size" and "shortest_edge" in value
        sides = [value["shortest_edge"]] if shortest else _sides(value)
        good = all(type(side) is int and 1 <= side <= _LARGEST for side in sides)
        return "" if good else f"a size of pictures (1 ... {_LARGEST})"
    if key == "resample":
        good = type(value) is int and 0 <= value <= _LAST_FILTER
        return "" if good else f"one of Pillow's filters (0 ... {_LAST_FILTER})"
    if key == "rescale_factor":
        return "" if _is_number(value) and value > _LEAST else "a factor above 0"
    numbers = isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))
    good = numbers and (key == "image_mean" or all(deviation > _LEAST for deviation in value))
    return "" if good else "three numbers" + (" above 0" if key == "image_std" else "")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1 / _LEAST
