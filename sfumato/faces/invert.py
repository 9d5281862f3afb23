"""From a picture to the noise that paints it, and back: how much of it survives, by number of steps."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import write_torch
from ..devices import Worker
from ..diffusion import DDIMInversion, sample
from ..errors import UserError
from ..images import from_pixels, labelled_grid, open_picture, save_image, save_png, to_pixels
from ..model import Diffusion
from ..options import check_options, number
from ..outputs import holding, open_folder, refuse_file
from ..pictures.fitting import fitted
from ..runs import digest, file_identity, files_digest, say_next, write_note
from .model import SHIPPED, load_faces, weights_path
from .painting import Sampling, paint

_EACH = "invert"
"""The folder of single pictures."""
_DEVIATIONS = 3
"""Of a noise's numbers that are shown as black and white; 99.7% of a true noise's lie between."""


@dataclass
class InvertOptions:
    """Find the noise of a picture by DDIM inversion and paint it again; writes OUT/invert.png, .json and noises, and
    each picture by itself into OUT/invert."""

    image: Path
    """A picture of any size and kind; its middle square is taken, and shrunk or enlarged to the network's size."""
    out: Path = Path("faces")
    """Folder to write into; made if missing."""
    unet: Path = Path(SHIPPED)
    """The course's UNet.pt, a faces.safetensors that `faces train` wrote, or the word shipped."""
    steps: Tuple[int, ...] = number((10, 25, 50, 100), 1, 1000)
    """Numbers of steps to try, the same there and back."""
    refinements: int = number(0, 0)
    """Fixed-point iterations that make each step of the inversion more exact; each costs one more pass."""


@dataclass
class Inversion:
    """What came of one number of steps."""

    steps: int
    mse: float
    """Between the picture and its reconstruction, on the scale 0 ... 255."""
    psnr: float
    """The same in decibels."""
    noise_mean: float
    noise_std: float
    """Of the noise found; 0 and 1 where the inversion ends among the noises that the network was trained on."""
    noise_norm: float
    """Of the noise found; near the root of the count of its values where it is such a noise."""


def invert(options: InvertOptions) -> List[Inversion]:
    """Invert and paint again with each number of steps; see InvertOptions.

    Raises:
        UserError: for a picture, settings, weights or a folder that cannot be used.
    """
    check_options(options)
    # The way back must not clamp: what was clamped away cannot be found again.
    samplings = [Sampling(steps=steps, clamp=False) for steps in options.steps]
    for sampling in samplings:
        sampling.check()
    if not samplings:
        raise UserError("--steps: give at least one number of steps")
    refuse_file(options.out / _EACH)
    picture = open_picture(options.image)
    model, device = load_faces(options.unet), Worker.here().device()
    model.to(device)
    size = model.network.config.size
    square = fitted(picture, (size, size), "crop", channels=3, upscale=True, where=options.image)
    x = from_pixels(torch.from_numpy(square.copy())[None]).to(device)
    found, noises, painted = [], [], []
    with holding(options.out):
        for sampling in Bar(samplings, desc="inverting", unit="number of steps"):
            noises.append(noise_of(model, x, sampling, options.refinements))
            painted.append(paint(model, noises[-1], sampling))
            found.append(_measured(x, noises[-1], painted[-1], sampling.steps))
        _write(options, found, x, noises, painted)
    for one in found:
        print(
            f"{one.steps:4d} steps: MSE {one.mse:8.3f}  PSNR {one.psnr:5.1f} dB"
            f"   noise found: mean {one.noise_mean:+.3f}, standard deviation {one.noise_std:.3f}"
            f", norm {one.noise_norm:.1f}"
        )
    print(f"wrote {options.out / 'invert.png'}")
    say_next("faces invert", options.out)
    return found


@torch.no_grad()
def noise_of(model: Diffusion, x: Tensor, sampling: Sampling, refinements: int = 0) -> Tensor:
    """The noise [B, 3, H, W] from which `sampling`, deterministic and without clamping, paints x."""
    return sample(DDIMInversion(refinements)(x, model.denoiser(clamp=False), sampling.times(model.schedule)[::-1]))


def _write(
    options: InvertOptions, found: List[Inversion], x: Tensor, noises: List[Tensor], painted: List[Tensor]
) -> None:
    """The noises, the pictures one by one and on a sheet, and the numbers."""
    folder = open_folder(options.out / _EACH)
    image = {"image": options.image.name, "image_contents": files_digest(options.image)}
    made = {"command": "faces invert", **image, "weights": file_identity(weights_path(options.unet))}
    original = _save(folder / "original.png", x, {**made, "shows": "the picture as the network sees it"})
    told = []
    for one, noise, again in zip(found, noises, painted):
        steps, how = f"{one.steps:03d}", {"steps": one.steps, "refinements": options.refinements}
        tensor = options.out / f"inverted-{steps}.pt"
        write_torch(tensor, noise.cpu())
        shown = _save(folder / f"noise-{steps}.png", noise / _DEVIATIONS, {**made, **how, "shows": "its noise"})
        back = _save(folder / f"reconstruction-{steps}.png", again, {**made, **how, "shows": "what the noise paints"})
        told.append({**asdict(one), "noise": tensor.name, "noise_picture": shown, "reconstruction": back})
    cells = [to_pixels(part)[0].numpy() for part in (x, *painted)]
    labels = ["picture", *(f"{one.steps} steps\nMSE {one.mse:.2f}" for one in found)]
    # The file's name, which may be of any length and script, stands in the note.
    save_image(labelled_grid(cells, ["there\nand back"], labels), options.out / "invert.png")
    settings = {name: value for name, value in asdict(options).items() if name != "out"}
    numbers = {"values": x.numel(), "original": original, "found": told}
    write_note(options.out / "invert.json", "faces invert", settings, **numbers)


def _save(path: Path, x: Tensor, note: Dict[str, Any]) -> str:
    """A picture [1, 3, H, W] with its note; returns where it lies from the output folder on."""
    save_png(path, to_pixels(x)[0], {**note, "saving": "fixed", "run": digest(note)})
    return f"{path.parent.name}/{path.name}"


def _measured(x: Tensor, noise: Tensor, again: Tensor, steps: int) -> Inversion:
    ours, theirs = (to_pixels(part).double() for part in (again, x))
    mse = float((ours - theirs).square().mean())
    psnr = float(10 * np.log10(255**2 / max(mse, 1e-12)))
    return Inversion(steps, mse, psnr, float(noise.mean()), float(noise.std()), float(noise.norm()))
