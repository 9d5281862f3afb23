"""Which text each row of a batch is shown with, and what of it is read."""

import collections

import pytest
import torch

from sfumato.errors import UserError
from sfumato.models.stable_diffusion.tokenizer import Tokenizer
from sfumato.personalisation.options import PhotoOptions
from sfumato.personalisation.photos import read_photos
from sfumato.personalisation.texts import PhotoTexts, read_templates, texts_drawn

from .drawn import save_photo

TEMPLATES = ("a {}", "my {}", "the {} at sea")
TOKENIZER = Tokenizer({"<new1>": 2})


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abc"):
        save_photo(tmp_path / f"{name}.png", seed)
    return tmp_path


def texts_of(folder, captions="auto", templates=TEMPLATES, word="<new1>"):
    return PhotoTexts(read_photos(folder, PhotoOptions(captions), word), templates, word or "dog")


def caption(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def test_a_photo_has_its_caption_or_all_templates(folder):
    caption(folder, a="a {} in {}", c="two of <new1>")
    with pytest.warns(UserWarning, match=r"no caption of b\.png, shown with the templates"):
        texts = texts_of(folder)
    shared = ("a <new1>", "my <new1>", "the <new1> at sea")
    assert texts.of == [("a <new1> in <new1>",), shared, ("two of <new1>",)]
    assert texts.all() == ("a <new1> in <new1>", *shared, "two of <new1>")
    assert texts_of(folder, "templates").of == [shared] * 3
    assert texts_of(folder, "templates", word=None).of == [("a dog", "my dog", "the dog at sea")] * 3


def test_each_row_gets_a_text_of_its_own_photo_and_all_of_them_as_often(folder):
    caption(folder, a="alone <new1>", c="another <new1>")
    with pytest.warns(UserWarning, match="shown with the templates"):
        texts = texts_of(folder)
    photo = torch.tensor([0, 0, 1, 1, 2, 2])
    draw = texts_drawn(TOKENIZER, [texts.of[place] for place in photo.tolist()])
    picked = torch.arange(6).repeat(1000)
    ids = draw(picked, 0, torch.Generator().manual_seed(0))
    known = {tuple(TOKENIZER(text).ids): text for text in texts.all()}
    found = collections.Counter((int(photo[row]), known[tuple(one.tolist())]) for row, one in zip(picked, ids))
    assert {place for place, _ in found} == {0, 1, 2} and len(found) == 5
    assert found[0, "alone <new1>"] == found[2, "another <new1>"] == 2000
    # A share of a third of 2,000 is 667, and by chance within 64 (three standard deviations).
    assert all(abs(found[1, text] - 2000 / 3) < 64 for text in texts.of[1])


def test_the_first_texts_are_told_as_they_are_read(folder):
    long = "a <new1> " + "and a cat " * 30
    caption(folder, a="A Café with <new1>", b=long, c="a\u202eb <new1>")
    lines = texts_of(folder).first_texts(TOKENIZER)
    cut = TOKENIZER(" ".join(long.split())).cut
    assert lines[0] == "A Café with <new1>" and cut
    assert lines[1] == f"{' '.join(long.split())[: -len(cut)].rstrip()} | not read, too long: {cut}"
    assert lines[2] == "a\\u202eb <new1>", "what turns the line around is spelled out"
    many = [f"{number} {{}}" for number in range(14)]
    lines = texts_of(folder, "templates", many).first_texts(TOKENIZER, 10)
    assert lines == [*(f"{number} <new1>" for number in range(10)), "and 4 more"]


def test_a_text_whose_word_would_be_cut_off_is_refused_and_one_of_which_less_is_cut_is_not(folder):
    caption(folder, a="<new1> " + "cat " * 100, b="a <new1>", c="a <new1>")
    texts = texts_of(folder)
    rows = texts_drawn(TOKENIZER, texts.of)(torch.arange(3), 0, torch.Generator())
    assert rows.shape == (3, 77) and rows[0].tolist() == TOKENIZER("<new1> " + "cat " * 100).ids
    # The vectors of the word take two places, of which the second is one too many.
    caption(folder, b="cat " * 74 + "<new1>")
    with pytest.raises(UserError, match="with <new1> is longer than 77 tokens, and the word is cut off; take fewer"):
        texts_drawn(TOKENIZER, texts_of(folder).of)
    caption(folder, b="cat " * 73 + "<new1>")
    texts_drawn(TOKENIZER, texts_of(folder).of)


@pytest.mark.parametrize(
    ("text", "message"),
    [("my {}\n\nmy dog\n", "line 3: each line"), ("{} {}", "line 1"), (" \n", "it is empty: each line must have {}")],
)
def test_templates_of_ones_own_have_a_place_for_the_word(tmp_path, text, message):
    path = tmp_path / "texts.txt"
    path.write_text("  my {} at home\n\nmy {} outside")
    assert read_templates(path) == ("my {} at home", "my {} outside")
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_templates(path)
