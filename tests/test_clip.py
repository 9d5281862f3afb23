"""CLIP as a measure, held against transformers' own way of using it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.clip import Clip, _picture_processor
from sfumato.errors import UserError


def photos(count, seed=0):
    random = np.random.RandomState(seed)
    sizes = [(40, 60), (90, 50), (32, 32), (33, 47)]
    return [Image.fromarray(random.randint(0, 256, (*sizes[n % len(sizes)], 3)).astype(np.uint8)) for n in range(count)]


def theirs(folder):
    """transformers' network, put together here."""
    from transformers import CLIPConfig, CLIPModel

    told = json.loads((folder / "config.json").read_text())
    halves = {name + end: told[name] for name in ("text_config", "vision_config") for end in ("", "_dict")}
    network = CLIPModel(CLIPConfig(**halves, projection_dim=told["projection_dim"]))
    network.load_state_dict(torch.load(str(folder / "pytorch_model.bin")))
    return network.eval()


def prepared(folder, pictures):
    return _picture_processor().from_pretrained(str(folder))(images=pictures, return_tensors="pt")["pixel_values"]


def test_the_scores_are_those_of_transformers_own_model(clip_folder):
    """The course's grader: CLIPModel and its processor, cosines and logits."""
    from transformers import PreTrainedTokenizerFast

    network = theirs(clip_folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(clip_folder / "tokenizer.json"), pad_token="<|endoftext|>", model_max_length=32
    )
    texts, pictures = ["a photo of a seven.", "Two dogs in the rain, running"], photos(4)
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    pixels = _picture_processor().from_pretrained(str(clip_folder))(images=pictures, return_tensors="pt")
    with torch.no_grad():
        out = network(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            pixel_values=pixels["pixel_values"],
        )
    clip = Clip(clip_folder)
    directions = clip.pictures(pictures)
    torch.testing.assert_close(clip.scale * directions @ clip.texts(texts).T, out.logits_per_image, atol=1e-4, rtol=0)
    torch.testing.assert_close(directions, out.image_embeds, atol=1e-5, rtol=0)


def test_pictures_are_scaled_cropped_and_normalised_as_clip_was_trained(clip_folder):
    """Shorter side to 48 by Pillow's bicubic filter, the middle 48 x 48, mean and deviation 0.5."""
    picture = photos(2)[1]
    found = _picture_processor().from_pretrained(str(clip_folder))(images=[picture], return_tensors="pt")[
        "pixel_values"
    ]
    width, height = (round(48 * side / min(picture.size)) for side in picture.size)
    small = np.asarray(picture.resize((width, height), Image.BICUBIC)).astype(np.float32)
    top, left = (height - 48) // 2, (width - 48) // 2
    wanted = torch.from_numpy(small[top : top + 48, left : left + 48] / 127.5 - 1).permute(2, 0, 1)
    assert found.shape == (1, 3, 48, 48)
    assert float((found[0] - wanted).abs().max()) < 2.1 / 127.5  # one grey level of rounding at most


def test_directions_do_not_depend_on_the_batch(clip_folder):
    clip, pictures = Clip(clip_folder), photos(40)
    torch.testing.assert_close(clip.pictures(pictures)[35], clip.pictures([pictures[35]])[0], atol=1e-5, rtol=0)
    assert clip.pictures(pictures).norm(dim=1).sub(1).abs().max() < 1e-5


def test_what_is_no_clip_is_refused(tmp_path, clip_folder):
    with pytest.raises(UserError, match=r"config.json: cannot be read"):
        Clip(tmp_path)
    (tmp_path / "config.json").write_text((clip_folder / "config.json").read_text())
    (tmp_path / "preprocessor_config.json").write_text((clip_folder / "preprocessor_config.json").read_text())
    with pytest.raises(UserError, match=r"lacks the weights, model.safetensors or pytorch_model.bin"):
        Clip(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(UserError, match=r"model.safetensors"):
        Clip(tmp_path)


def test_safetensors_are_read_too(tmp_path, clip_folder):
    pytest.importorskip("safetensors")
    from sfumato.checkpoints.clip_folder import write_clip

    write_clip(tmp_path, theirs(clip_folder), "the same in half precision")
    torch.testing.assert_close(Clip(tmp_path).texts(["a dog"]), Clip(clip_folder).texts(["a dog"]), atol=2e-3, rtol=0)
    found = Clip(tmp_path).pictures(photos(2))
    torch.testing.assert_close(found, Clip(clip_folder).pictures(photos(2)), atol=2e-3, rtol=0)
