"""hw2_1.sh OUT: 1,000 digits into OUT/{mnistm,svhn}/{digit}_{001..050}.png."""

from pathlib import Path
from typing import List, Optional, Union

from ..errors import UserError
from .arguments import run


def paint(out: Union[str, Path], weights: Optional[Path] = None) -> List[UserError]:
    """Paint what is not there yet; the folder gets the pictures and nothing else.

    Args:
        out: the folder.
        weights: a digits.safetensors; the shipped one by default.

    Returns:
        What else lies among the pictures, to be told; empty where all is as the course asks for.

    Raises:
        UserError: for a folder that cannot be used.
    """
    from ..digits.generate import GenerateOptions, generate

    left_out: List[UserError] = []
    generate(GenerateOptions(out=Path(out), weights=weights, overwrite=True), left_out)
    return left_out


def main() -> int:
    """What the script calls."""
    return run("hw2_1.sh", ["OUT"], paint)
