"""Composed pictures: what stands where, what their texts say, and that each is a function of its seed and number."""

import pytest
import torch
import torch.nn.functional as F

from sfumato.errors import UserError
from sfumato.images import from_pixels
from sfumato.personalisation.mixing import (
    JOINS,
    Composed,
    Half,
    Mixing,
    compose,
    composed,
    concept_half,
    is_of_one,
    prior_half,
    said,
)
from sfumato.personalisation.recipes import TEMPLATES

SIZE = 12
NONE = Half(torch.zeros(0, 3, SIZE, SIZE), ())


def flat(level, count=2):
    """Pictures of one grey level, which a half shows wherever it is."""
    return torch.full((count, 3, SIZE, SIZE), level)


DOG = Half(flat(-0.5), (("a <dog>", "my <dog>"),) * 2)
CAT = Half(flat(0.25), (("a <cat>",),) * 2)
TREE = Half(flat(0.75), (("a tall tree",),) * 2)
LEVELS = {"<dog>": -0.5, "<cat>": 0.25, "tree": 0.75}


def levels_said(text):
    """Grey levels in the order in which a text names what has them."""
    return [level for _, level in sorted((text.index(name), level) for name, level in LEVELS.items() if name in text)]


@pytest.mark.parametrize("fit", ["squeeze", "crop"])
@pytest.mark.parametrize(("concepts", "priors"), [([DOG, CAT], TREE), ([DOG, CAT], NONE), ([DOG], TREE)])
def test_every_text_names_what_stands_at_the_left_and_then_what_stands_at_the_right(concepts, priors, fit):
    shown = list(composed(concepts, priors, 40, 0, Mixing(fit, seam=0.25)))
    for picture, texts, seam in shown:
        left, right = picture[:, :, :seam], picture[:, :, seam:]
        for text in texts:
            assert torch.allclose(torch.stack([left.mean(), right.mean()]), torch.tensor(levels_said(text)), atol=1e-6)
        assert torch.allclose(left.std() + right.std(), torch.zeros(()), atol=1e-6)
    lefts = {round(float(one.picture[0, 0, 0]), 2) for one in shown}
    assert lefts == {LEVELS[name] for name in LEVELS if any(name in one.texts[0] for one in shown)}
    assert len({one.seam for one in shown}) > 3


def test_each_picture_has_all_texts_that_fit_it():
    (one,) = composed([DOG], TREE, 1, 0)
    names = [("a tall tree", dog) for dog in DOG.names[0]]
    swapped = one.picture[0, 0, 0] < 0
    wanted = {join.format(left=b if swapped else a, right=a if swapped else b) for a, b in names for join in JOINS}
    assert set(one.texts) == wanted and len(one.texts) == len(wanted) == 2 * len(JOINS)


def test_a_picture_is_a_function_of_the_seed_and_its_number_alone():
    random = torch.Generator().manual_seed(0)
    dog = Half(torch.rand(5, 3, SIZE, SIZE, generator=random) * 2 - 1, (("a <dog>",),) * 5)
    few, many = (list(composed([dog, CAT], TREE, count, 3, Mixing(seam=0.1))) for count in (4, 9))
    for one, same in zip(few, many):
        assert torch.equal(one.picture, same.picture) and one[1:] == same[1:]
    others = list(composed([dog, CAT], TREE, 9, 4, Mixing(seam=0.1)))
    assert [one.texts for one in many] != [one.texts for one in others]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_two_concepts_stand_together_as_often_as_asked(share):
    shown = list(composed([DOG, CAT], TREE, 600, 1, Mixing(together=share)))
    together = sum("tree" not in one.texts[0] for one in shown) / len(shown)
    assert abs(together - share) <= 3 * (share * (1 - share) / len(shown)) ** 0.5
    lefts = sum(one.texts[0].index("<dog>") == 2 for one in shown if "<dog>" in one.texts[0])
    with_dog = sum("<dog>" in one.texts[0] for one in shown)
    assert abs(lefts / with_dog - 0.5) < 3 * 0.5 / with_dog**0.5


def test_of_three_concepts_every_two_stand_together():
    bird = Half(flat(-1.0), (("a <bird>",),) * 2)
    said_of = {
        frozenset(w for w in one.texts[0].split() if w[0] == "<") for one in composed([DOG, CAT, bird], NONE, 60, 0)
    }
    assert said_of == {frozenset(two) for two in (("<dog>", "<cat>"), ("<dog>", "<bird>"), ("<cat>", "<bird>"))}


def test_a_squeezed_half_is_the_whole_picture_and_a_cropped_one_its_middle():
    ramp = torch.linspace(-1, 1, SIZE).expand(3, SIZE, SIZE)
    squeezed, cropped = (compose(ramp, -ramp, SIZE // 2, fit) for fit in ("squeeze", "crop"))
    assert torch.equal(cropped[..., : SIZE // 2], ramp[..., SIZE // 4 : -SIZE // 4])
    assert torch.equal(cropped[..., SIZE // 2 :], -ramp[..., SIZE // 4 : -SIZE // 4])
    narrow = ramp.reshape(3, SIZE, SIZE // 2, 2).mean(dim=3)
    # An antialiased ramp is the ramp of half the width, but at its ends, where there is nothing beyond.
    assert torch.allclose(squeezed[..., 2 : SIZE // 2 - 2], narrow[..., 2:-2], atol=1e-6)
    assert float(squeezed[0, 0, 0]) < -0.8 and float(squeezed[0, 0, SIZE // 2 - 1]) > 0.8


def test_bytes_are_composed_as_the_numbers_that_they_stand_for():
    pixels = torch.randint(256, (2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert torch.equal(compose(*pixels, 5), compose(*from_pixels(pixels), 5))
    half = F.interpolate(from_pixels(pixels[:1]), (SIZE, 5), mode="bicubic", antialias=True, align_corners=False)
    assert torch.equal(compose(*pixels, 5)[..., :5], half[0].clamp(-1, 1))


@pytest.mark.parametrize(
    ("seam", "fit", "words"), [(0, "crop", "the seam"), (SIZE, "crop", "the seam"), (3, "paste", "unknown")]
)
def test_a_seam_outside_and_an_unknown_fit_are_refused(seam, fit, words):
    with pytest.raises(ValueError, match=words):
        compose(flat(0.0)[0], flat(0.0)[0], seam, fit)


def test_one_concept_alone_is_refused():
    with pytest.raises(UserError, match="nothing to stand beside"):
        composed([DOG], NONE, 1, 0)
    with pytest.raises(UserError, match="seam"):
        composed([DOG], TREE, 1, 0, Mixing(seam=0.4))


def test_texts_of_one_thing_are_said_without_the_photo_around_it():
    spoken = {said(text.replace("{}", "<new1>")) for text in TEMPLATES["object"]}
    assert spoken == {"a <new1>", "the <new1>", "<new1>", "my <new1>", "a <new1> seen from near"}
    assert said("a picture in the style of <new2>") == "a picture in the style of <new2>"
    assert {said(text) for text in TEMPLATES["digits in a style"]} == {
        f"a {what} in the style of {{}}" for what in ("digit", "number", "numeral")
    }
    half = concept_half(flat(0.0), [("a photo of a <new1>", "a <new1>"), ("the <new1>",)])
    assert half.names == (("a <new1>",), ("the <new1>",))


def test_prior_pictures_of_two_things_are_no_halves():
    assert [is_of_one(join.format(left="a two", right="a six")) for join in JOINS] == [False] * len(JOINS)
    pictures = torch.arange(3.0)[:, None, None, None].expand(3, 3, SIZE, SIZE)
    half = prior_half(pictures, ["a photo of a dog", "a dog next to a cat", "a sand castle"])
    assert half.names == (("a dog",), ("a sand castle",)) and half.pictures[:, 0, 0, 0].tolist() == [0.0, 2.0]


def test_what_is_composed_is_a_picture():
    (one,) = composed([DOG, CAT], NONE, 1, 0)
    assert isinstance(one, Composed) and one.picture.shape == (3, SIZE, SIZE) and one.picture.dtype == torch.float32
