"""From a picture to the noise that paints it, and back: how much of it survives, by number of steps."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np
import torch
from torch import Tensor

from ..bars import Bar
from ..checkpoints import write_torch
from ..devices import Worker
from ..diffusion import DDIMInversion, sample
from ..errors import UserError
from ..images import from_pixels, labelled_grid, open_picture, save_image, to_pixels
from ..model import Diffusion
from ..options import check_options, number
from ..outputs import holding
from ..pictures.fitting import fitted
from ..runs import say_next, write_note
from .model import SHIPPED, load_faces
from .painting import Sampling, paint


@dataclass
class InvertOptions:
    """Find the noise of a picture by DDIM inversion and paint it again; writes OUT/invert.png, .json and noises."""

    image: Path
    """A picture; its middle square is taken, and shrunk or enlarged to the network's size."""
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
    picture = open_picture(options.image)
    model, device = load_faces(options.unet), Worker.here().device()
    model.to(device)
    size = model.network.config.size
    square = fitted(picture, (size, size), "crop", channels=3, upscale=True, where=options.image)
    x = from_pixels(torch.from_numpy(square.copy())[None]).to(device)
    found, painted = [], []
    with holding(options.out):
        for sampling in Bar(samplings, desc="inverting", unit="number of steps"):
            noise = noise_of(model, x, sampling, options.refinements)
            again = paint(model, noise, sampling)
            found.append(_measured(x, noise, again, sampling.steps))
            painted.append(again)
            write_torch(options.out / f"inverted-{sampling.steps:03d}.pt", noise.cpu())
        cells = [to_pixels(part)[0].numpy() for part in (x, *painted)]
        labels = ["picture", *(f"{one.steps} steps\nMSE {one.mse:.2f}" for one in found)]
        # The file's name, which may be of any length and script, stands in the note.
        save_image(labelled_grid(cells, ["there\nand back"], labels), options.out / "invert.png")
        settings = {name: value for name, value in asdict(options).items() if name != "out"}
        write_note(options.out / "invert.json", "faces invert", settings, found=[asdict(one) for one in found])
    for one in found:
        print(
            f"{one.steps:4d} steps: MSE {one.mse:8.3f}  PSNR {one.psnr:5.1f} dB"
            f"   noise found: mean {one.noise_mean:+.3f}, standard deviation {one.noise_std:.3f}"
        )
    print(f"wrote {options.out / 'invert.png'}")
    say_next("faces invert", options.out)
    return found


@torch.no_grad()
def noise_of(model: Diffusion, x: Tensor, sampling: Sampling, refinements: int = 0) -> Tensor:
    """The noise [B, 3, H, W] from which `sampling`, deterministic and without clamping, paints x."""
    return sample(DDIMInversion(refinements)(x, model.denoiser(clamp=False), sampling.times(model.schedule)[::-1]))


def _measured(x: Tensor, noise: Tensor, again: Tensor, steps: int) -> Inversion:
    ours, theirs = (to_pixels(part).double() for part in (again, x))
    mse = float((ours - theirs).square().mean())
    psnr = float(10 * np.log10(255**2 / max(mse, 1e-12)))
    return Inversion(steps, mse, psnr, float(noise.mean()), float(noise.std()))
