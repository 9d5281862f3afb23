"""What the tests of hostile files must notice: a command that trusts its file."""

import contextlib
from typing import List

import torch


def main(files: List[str]) -> int:
    """Load files as nobody should."""
    for file in files:
        # What acted has acted, whether or not a tensor came of it.
        with contextlib.suppress(Exception):
            torch.load(file, weights_only=False)
    raise ValueError("and then end badly")
