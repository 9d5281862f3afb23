"""What the captions say, and what the painting commands believe that the small model was taught."""

from random import Random

from sfumato.concepts.telling import SMALL, WORDS, unknown_to_it, words_of
from sfumato.concepts.words import shipped_words
from sfumato.world.captions import caption
from sfumato.world.scenes import LOOKS


def test_the_words_that_the_small_model_knows_are_those_of_its_captions():
    random = Random(0)
    said = set()
    for _ in range(20_000):
        count = random.choice((1, 2))
        digits, looks = ([random.randrange(n) for _ in range(count)] for n in (10, len(LOOKS)))
        said.update(words_of(caption(digits, looks, random)))
    assert {word for word in said if not word.isdigit()} == WORDS
    assert {word for word in said if word.isdigit()} == set("012356789")


def test_the_name_is_that_of_the_shipped_checkpoint():
    assert shipped_words(SMALL)


def test_unknown_words_are_told_beside_known_ones():
    assert unknown_to_it(["a chalk seven next to the digit 3", "A PHOTO of two"]) is None
    line = unknown_to_it(["a dog on a beach", "a chalk cat"])
    assert "does not know dog, beach, cat;" in line
    assert "it knows a, on, chalk." in line
