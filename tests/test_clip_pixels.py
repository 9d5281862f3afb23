"""Pictures as CLIP takes them: to the bit what transformers 4.19.2 makes of them, whatever is installed."""

import hashlib
import json

import numpy as np
import pytest
import transformers
from PIL import Image

from sfumato.clip import SHIPPED, Clip
from sfumato.clip_pixels import read_preparation
from sfumato.errors import UserError
from tests.reference.formula_pictures import picture
from tests.reference.graded_cases import asked, ways

WAYS = dict(ways())
COURSE = pytest.mark.skipif(transformers.__version__ != "4.19.2", reason="the course's environment alone")


def told(folder, content):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(content))
    return read_preparation(path, "give another")


@pytest.mark.parametrize("way", list(WAYS))
def test_the_numbers_are_those_that_were_kept_of_transformers_4_19_2(tmp_path, reference, way):
    kept = json.loads((reference / "clip_pixels.json").read_text())[way]
    preparation = told(tmp_path, WAYS[way])
    found = {what: hashlib.sha256(preparation.pixels(one).tobytes()).hexdigest()[:16] for what, one in asked()}
    assert found == kept


@COURSE
@pytest.mark.parametrize("way", list(WAYS))
def test_the_numbers_are_those_of_transformers_4_19_2(tmp_path, way):
    prepare, preparation = transformers.CLIPFeatureExtractor(**WAYS[way]), told(tmp_path, WAYS[way])
    sides = [*range(1, 9), *range(40, 58), *range(90, 110, 3), 224, 225, 447]
    for number, height in enumerate(sides):
        for width in (*sides[number % 4 :: 4], 48):
            one = Image.fromarray(picture(number, height, width))
            wanted = prepare(images=[one], return_tensors="np")["pixel_values"][0]
            found = preparation.pixels(one)
            assert found.dtype == wanted.dtype and np.array_equal(found, wanted), (height, width)


def test_an_odd_margin_is_cut_as_that_version_cuts_it(tmp_path):
    """Five rows of which four stay: the first goes, where later versions cut the last."""
    rows = np.arange(5, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(3, 2)
    found = told(tmp_path, {"size": 4, "crop_size": 4, "do_normalize": False}).pixels(Image.fromarray(rows))
    assert (255 * found[0, :, 0]).round().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "content",
    [
        {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}},
        {"size": {"shortest_edge": 48, "longest_edge": None}, "crop_size": 48, "rescale_factor": 0.00392156862745098},
        {"size": 48, "crop_size": 48, "do_convert_rgb": None, "image_processor_type": "CLIPImageProcessor"},
    ],
)
def test_old_and_new_words_say_the_same(tmp_path, content):
    old = told(tmp_path, {"size": 48, "crop_size": 48})
    assert told(tmp_path, content) == old


def test_what_is_told_is_done_and_what_is_not_told_is_openais(tmp_path):
    shown = Image.fromarray(picture(1, 61, 90))
    values = np.asarray(shown).astype(np.float32).transpose(2, 0, 1)
    nothing = dict.fromkeys(("do_resize", "do_center_crop", "do_rescale", "do_normalize"), False)
    assert np.array_equal(told(tmp_path, nothing).pixels(shown), values)
    tenth = {**nothing, "do_rescale": True, "rescale_factor": 0.5}
    assert np.array_equal(told(tmp_path, tenth).pixels(shown), values / 2)
    moved = {**nothing, "do_normalize": True, "image_mean": [0, 1, 2], "image_std": [1, 2, 4]}
    assert np.array_equal(told(tmp_path, moved).pixels(shown)[2], (values[2] - 2) / 4)
    exact = {**nothing, "do_resize": True, "size": {"height": 20, "width": 30}, "resample": 0}
    wanted = np.asarray(shown.resize((30, 20), Image.Resampling.NEAREST)).transpose(2, 0, 1)
    assert np.array_equal(told(tmp_path, exact).pixels(shown), wanted)
    oblong = {**nothing, "do_center_crop": True, "crop_size": {"height": 61, "width": 90}}
    assert np.array_equal(told(tmp_path, oblong).pixels(shown), values)
    assert told(tmp_path, {}) == told(
        tmp_path, {"size": 224, "crop_size": {"height": 224, "width": 224}, "resample": 3}
    )


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("size", 0, "a size of pictures"),
        ("size", True, "a size of pictures"),
        ("size", None, "a size of pictures"),
        ("size", {"longest_edge": 48}, "a size of pictures"),
        ("size", {"shortest_edge": 48.0}, "a size of pictures"),
        ("crop_size", {"shortest_edge": 48}, "a size of pictures"),
        ("crop_size", {"height": 48}, "a size of pictures"),
        ("crop_size", [48, 48], "a size of pictures"),
        ("crop_size", 4097, "a size of pictures"),
        ("resample", 6, "one of Pillow's filters"),
        ("resample", "bicubic", "one of Pillow's filters"),
        ("do_resize", "no", "true or false"),
        ("do_normalize", None, "true or false"),
        ("rescale_factor", 0, "a factor above 0"),
        ("rescale_factor", 1e-300, "a factor above 0"),
        ("image_mean", [0.5, 0.5], "three numbers"),
        ("image_mean", [0.5, 0.5, 1e39], "three numbers"),
        ("image_mean", 0.5, "three numbers"),
        ("image_std", [1, 1, 0], "three numbers above 0"),
        ("image_std", [1, 1, "x"], "three numbers above 0"),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_it(tmp_path, key, value, wanted):
    with pytest.raises(UserError, match=rf"preprocessor_config.json: its {key} is .* and not {wanted}") as refused:
        told(tmp_path, {"size": 48, "crop_size": 48, key: value})
    assert "\n" not in str(refused.value)


def test_what_the_network_cannot_take_is_refused(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    told(tmp_path, {"size": 48, "crop_size": 48, "do_center_crop": False})
    with pytest.raises(UserError, match=r"prepares pictures as \[3, 48, 72\], and the network needs \[3, 48, 48\]"):
        Clip(tmp_path)
