"""hw2_2.sh NOISE_DIR OUT UNet.pt: a face from every noise, exactly as the course's ground truth has it."""

from pathlib import Path
from typing import List, Union

from ..errors import UserError
from .arguments import run


def paint(noise: Union[str, Path], out: Union[str, Path], unet: Union[str, Path]) -> List[UserError]:
    """Paint what is not there yet; the folder gets the pictures and nothing else.

    Returns:
        An error for each noise that cannot be used; the others are painted.

    Raises:
        UserError: for a network or folders that cannot be used; before anything is painted.
    """
    from ..faces.generate import GenerateOptions, generate

    left_out: List[UserError] = []
    generate(GenerateOptions(noise=Path(noise), out=Path(out), unet=Path(unet), overwrite=True), left_out)
    return left_out


def main() -> int:
    """What the script calls."""
    return run("hw2_2.sh", ["NOISE_DIR", "OUT", "UNET"], paint)
