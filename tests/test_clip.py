"""CLIP as a measure, held against transformers' own way of using it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.clip import Clip
from sfumato.clip_pixels import read_preparation
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
    """Pixels as the network is shown them; `test_clip_pixels.py` holds them against transformers'."""
    told = read_preparation(folder / "preprocessor_config.json", "")
    return torch.from_numpy(np.stack([told.pixels(picture) for picture in pictures]))


def test_the_scores_are_those_of_transformers_own_model(clip_folder):
    """CLIPModel whole, its tokenizer, cosines and logits."""
    from transformers import PreTrainedTokenizerFast

    network = theirs(clip_folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(clip_folder / "tokenizer.json"), pad_token="<|endoftext|>", model_max_length=32
    )
    texts, pictures = ["a photo of a seven.", "Two dogs in the rain, running"], photos(4)
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        out = network(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            pixel_values=prepared(clip_folder, pictures),
        )
    clip = Clip(clip_folder)
    directions = clip.pictures(pictures)
    torch.testing.assert_close(clip.scale * directions @ clip.texts(texts).T, out.logits_per_image, atol=1e-4, rtol=0)
    torch.testing.assert_close(directions, out.image_embeds, atol=1e-5, rtol=0)


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
