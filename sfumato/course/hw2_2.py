"""hw2_2.sh NOISE_DIR OUT UNet.pt: a face from every noise, exactly as the course's ground truth has it."""

from pathlib import Path

from .arguments import run


def _paint(noise: str, out: str, unet: str) -> None:
    from ..faces.generate import GenerateOptions, generate

    generate(GenerateOptions(noise=Path(noise), out=Path(out), unet=Path(unet), overwrite=True))


if __name__ == "__main__":
    raise SystemExit(run("hw2_2.sh", ["NOISE_DIR", "OUT", "UNET"], _paint))
