"""What the captions say, and what the painting commands believe that the small model was taught."""

import re
from collections import Counter
from random import Random

from sfumato.concepts.telling import SMALL, WORDS, unknown_to_it, words_of
from sfumato.concepts.words import shipped_words
from sfumato.models.stable_diffusion.tokenizer import END, Tokenizer
from sfumato.world.captions import _BETWEEN, _STYLES, ADJECTIVES, PHRASES, TOKENS, caption
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


def halves(text):
    """The words of each half of a pair's caption; commas are no words."""
    return [part.replace(",", "") for part in re.split("|".join(_BETWEEN), text)]


def said(words):
    """The look that some words name, and whether they name it behind the digit; (None, False) if they name none."""
    for look in LOOKS:
        for ending in (*PHRASES.get(look, ()), *(f"in the style of {one}" for one in _STYLES.get(look, ()))):
            if words.endswith(ending):
                return look, True
        if any(f" {adjective} " in f" {words} " for adjective in ADJECTIVES.get(look, ())):
            return look, False
    return None, False


def pairs(count):
    """(looks, caption) of pairs of named digits."""
    random = Random(0)
    for _ in range(count):
        looks = [random.randrange(len(LOOKS)) for _ in range(2)]
        yield [LOOKS[look] for look in looks], caption((7, 2), looks, random)


def test_what_a_reader_understands_of_a_pair_is_so():
    told = Counter()
    for looks, text in pairs(6000):
        if "number 72" in text:
            assert said(text)[0] in (looks[0], None) and looks[0] == looks[1]
            continue
        (left, _), (right, behind) = (said(half) for half in halves(text))
        if left is None and behind:
            assert looks == [right, right], text  # an ending with nothing before it is heard as that of both
        assert left in (looks[0], None) and right in (looks[1], None), text
        told[left is not None, right is not None, looks[0] == looks[1]] += 1
    assert told[True, True, False] > 1000 and told[True, True, True] > 150
    assert told[True, False, False] > 200 and told[False, True, True] > 200


def test_a_style_is_said_of_either_half_as_a_learned_word_would_be():
    found = Counter()
    for looks, text in pairs(6000):
        parts = halves(text)
        if looks[0] != looks[1] and all(said(part)[0] for part in parts):
            found.update(place for place, part in enumerate(parts) if "in the style of" in part)
            found["in commas"] += re.search(r", in the style of [\w ]+,", text) is not None
    assert min(found[place] for place in (0, 1, "in commas")) > 60, found


def test_no_caption_is_cut():
    tokenizer = Tokenizer()
    assert max(tokenizer(text).ids.index(END) + 1 for _, text in pairs(2000)) <= TOKENS
