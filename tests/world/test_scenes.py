"""The pictures of the small world and what is said of them."""

from random import Random

import numpy as np
import pytest
import torch

from sfumato.world.captions import NAMES, article, caption
from sfumato.world.scenes import LOOKS, SIZE, UNNAMED_DIGIT, UNNAMED_LOOK, Digits, draw_scenes, render


@pytest.fixture(scope="module")
def digits():
    """Digit d is a flat picture of brightness 20 d + 40, in every look."""
    labels = np.arange(30) % 10
    pixels = np.broadcast_to((20 * labels + 40)[:, None, None, None], (30, 3, 28, 28)).astype(np.uint8)
    return Digits([pixels.copy() for _ in LOOKS], [labels for _ in LOOKS])


def test_pictures_show_what_the_scene_says(digits):
    scenes = draw_scenes(digits, 300, torch.Generator().manual_seed(0))
    single = scenes.digits[:, 1] < 0
    assert 0.4 < single.float().mean() < 0.6
    assert torch.equal(scenes.looks[:, 1] < 0, single)
    grey = (scenes.pixels.mean(dim=1) + 1) * 127.5
    for column, half in ((0, grey[:, :, :10]), (1, grey[:, :, -10:])):
        plain = (scenes.looks[:, column] == LOOKS.index("colour")) & (scenes.digits[:, column] >= 0)
        assert bool(plain.any())
        wanted = 20.0 * scenes.digits[plain, column] + 40
        torch.testing.assert_close(half[plain].mean(dim=(1, 2)), wanted, atol=0.1, rtol=0)


def test_looks_in_a_pair_are_drawn_each_for_itself_half_the_time_and_all_kinds_come(digits):
    scenes = draw_scenes(digits, 2000, torch.Generator().manual_seed(1), pairs=1.0)
    alike = (scenes.looks[:, 0] == scenes.looks[:, 1]).float().mean()
    assert 0.58 < alike < 0.7  # half by intent, and 27% of the others by chance
    assert len(scenes.digits.unique()) == 10 and len(scenes.looks.unique()) == len(LOOKS)


def test_a_seed_is_a_batch(digits):
    one, same, other = (draw_scenes(digits, 8, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(one.pixels, same.pixels) and torch.equal(one.digits, same.digits)
    assert not torch.equal(one.pixels, other.pixels)


def test_the_unnamed_look_is_ink_on_ruled_paper():
    blank, full = torch.zeros(1, 3, 28, 28, dtype=torch.uint8), torch.full((1, 3, 28, 28), 255, dtype=torch.uint8)
    look = torch.tensor([UNNAMED_LOOK])
    for width in (SIZE, SIZE // 2):
        paper = (render(blank, look, width) + 1) * 127.5
        assert paper.shape == (1, 3, SIZE, width)
        assert paper[0, :, 3, 3].tolist() == pytest.approx([26, 78, 158], abs=0.01)
        assert paper[0, :, 8, 3].tolist() == pytest.approx([66, 116, 190], abs=0.01)
        ink = (render(full, look, width) + 1) * 127.5
        assert ink[0, :, 8, 3].tolist() == pytest.approx([232, 240, 250], abs=0.01)


def test_captions_never_name_what_is_to_be_learned():
    random, seen = Random(0), set()
    for _ in range(4000):
        count = random.choice((1, 2))
        found = [random.randrange(10) for _ in range(count)]
        looks = [random.randrange(len(LOOKS)) for _ in range(count)]
        text = caption(found, looks, random)
        seen.add(text)
        words = text.replace(",", "").split()
        assert NAMES[UNNAMED_DIGIT] not in words
        assert not any(str(UNNAMED_DIGIT) in word for word in words)
        assert not {"blue", "blueprint", "paper", "squared", "ruled"} & set(words)
        if looks == [UNNAMED_LOOK] * count:
            assert not {"chalk", "street", "colourful", "bright", "house", "style"} & set(words), text
    assert len(seen) > 1500


def test_captions_name_the_rest_from_left_to_right():
    random = Random(1)
    chalk = LOOKS.index("chalk")
    texts = [caption((7, 2), (chalk, chalk), random) for _ in range(400)]
    named = [text for text in texts if "seven" in text and "two" in text]
    assert len(named) > 100
    assert all(text.index("seven") < text.index("two") for text in named)
    assert 0.6 < sum("chalk" in text or "blackboard" in text for text in texts) / len(texts) < 0.9
    assert sum("72" in text for text in texts) > 30


def test_articles():
    assert [article(words) for words in ("eight", "one", "8", "7", "image")] == [
        "an eight",
        "a one",
        "an 8",
        "a 7",
        "an image",
    ]
