"""One picture of a job again, from its note: digits, faces, and pictures of one's own."""

from typing import Any, Dict, Optional, Tuple, Type, TypeVar

import torch
from torch import Tensor

from ..devices import Worker, choose_precision
from ..diffusion import seed_of
from ..digits import painting as digits
from ..digits.labels import label_of
from ..digits.model import load_digits
from ..errors import UserError
from ..faces import painting as faces
from ..faces.model import load_faces
from ..faces.noises import read_noise
from ..images import RANGES, to_pixels, to_range
from ..model import Diffusion
from ..pictures.generate import Sampling
from ..pictures.guided import WeakGuided
from ..pictures.painting import walked
from ..runs import digest, file_identity
from .found import Files
from .told import Told

Own = TypeVar("Own", bound=WeakGuided)
Painted = Tuple[Tensor, Dict[str, Any], Dict[str, str]]
"""The picture, uint8 [H, W, channels], its note, and texts for others."""


def precision_of(told: Told, device: torch.device) -> str:
    """That a picture was painted in.

    Raises:
        UserError: if this machine has it not.
    """
    try:
        return choose_precision(device, told.text("precision"))
    except UserError as fault:
        raise told.unusable(str(fault)) from None


def found_weights(told: Told, files: Files, what: str) -> Any:
    """Where the weights are that a note names; None where they are not found."""
    weights = told.inside("weights", told.table("weights"))
    return files.find(what, weights.text("name"), weights.text("contents"))


def _sampling(cls: Type[Own], told: Told, files: Files) -> Own:
    """The settings, with the weak network where one guides."""
    table = told.table("sampling") or {name: told.table(name) for name in ("weak",) if told.has(name)}
    weak: Optional[Any] = None
    if isinstance(table.get("weak"), dict) and table["weak"]:
        named = told.inside("weak", table["weak"])
        weak = files.find("weak network", named.text("name"), named.text("contents"))
    files.check()
    return told.options(cls, weak=weak)


def paint_digit(told: Told, files: Files) -> Painted:
    """A digit."""
    weights = found_weights(told, files, "digit model")
    sampling = _sampling(digits.Sampling, told, files)
    device = Worker.here().device()
    model, (place, size) = load_digits(weights).to(device), told.batch()
    try:
        label = label_of(told.text("dataset"), told.whole("digit"))
    except ValueError as fault:
        raise told.unusable(str(fault)) from None
    labels, seeds, precision = [label] * size, [told.whole("seed")] * size, precision_of(told, device)
    pixels = digits.paint(model, labels, seeds, sampling.of(model, weights), device, precision)
    return pixels[place], told.with_weights(file_identity(weights)), {}


def paint_face(told: Told, files: Files) -> Painted:
    """A face."""
    weights = found_weights(told, files, "face model")
    sampling = _sampling(faces.Sampling, told, files)
    device = Worker.here().device()
    model = load_faces(weights).to(device)
    side = model.network.config.size

    def contents(path: Any) -> str:
        return digest(read_noise(path, side).numpy())

    noise = files.find("noise", told.text("noise"), told.text("noise_contents"), contents)
    files.check()
    assert noise is not None, "else it is missing, and told"
    place, size = told.batch()
    x = read_noise(noise, side)[None].expand(size, -1, -1, -1).contiguous().to(device)
    seeds, precision = [told.whole("seed")] * size, precision_of(told, device)
    painted = faces.paint(model, x, sampling.of(model, weights), seeds, precision)
    pixels = to_range(painted, told.one_of("saving", RANGES))[place]
    return pixels, {**told.with_weights(file_identity(weights)), "noise_contents": contents(noise)}, {}


def paint_of_own(told: Told, files: Files) -> Painted:
    """A picture of somebody's own model."""
    weights = found_weights(told, files, "model")
    given = _sampling(Sampling, told, files)
    device = Worker.here().device()
    model, (place, size) = Diffusion.load(weights, what="model of pictures").to(device), told.batch()
    if model.shape is None:
        raise UserError(f"{weights}: does not say of what size its pictures are")
    label, number, sampling = told.text("label"), told.whole("number"), given.of(model, weights)
    try:
        labels = [model.conditions.read(label)] * size if model.classes else None
    except ValueError as fault:
        raise told.unusable(str(fault)) from None
    condition = [part.to(device) for part in model.conditions.of_each(labels, size)]
    seeds = [seed_of(told.whole("seed"), label, number)] * size
    walk = sampling.begun(model, condition, seeds, device)
    pixels = to_pixels(walked(walk, model, precision_of(told, device)))
    return pixels[place], told.with_weights(file_identity(weights)), {}
