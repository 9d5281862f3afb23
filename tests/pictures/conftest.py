"""Small folders of pictures, drawn here."""

import numpy as np
import pytest
from PIL import Image


def draw(path, seed, side=(20, 16), colour=None):
    """A picture of noise around a colour; its height and width are `side`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = np.random.RandomState(seed)
    pixels = source.randint(0, 60, (*side, 3)) + np.array(colour or source.randint(0, 190, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.fixture
def flowers(tmp_path):
    """Twelve pictures in two folders: red roses and blue tulips."""
    for number in range(12):
        kind, colour = ("rose", (180, 20, 30)) if number % 3 else ("tulip", (30, 20, 180))
        draw(tmp_path / "flowers" / kind / f"{number:02d}.png", number, colour=colour)
    return tmp_path / "flowers"
