"""Custom Diffusion as files; what diffusers makes of them stands in test_lora_references.py."""

import math

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import CustomFile, read_custom, read_safetensors, what_lora, write_custom, write_safetensors
from sfumato.errors import UserError
from tests.checkpoints.loras import UNET, drawn, file_of, pair

KEY = "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_{}_custom_diffusion.weight"
LAYERS = [layer for layer in UNET if layer.endswith(("attn2.to_k", "attn2.to_v"))]
CUSTOM = CustomFile({layer: drawn(*UNET[layer], seed=n) for n, layer in enumerate(LAYERS)}, metadata={"sfumato.x": "1"})


@pytest.mark.parametrize("ending", [".safetensors", ".bin"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_what_is_written_is_read_as_it_was(ending, dtype, tmp_path):
    path = tmp_path / f"custom{ending}"
    write_custom(path, CUSTOM, UNET, dtype)
    first, again = path.read_bytes(), read_custom(path, UNET)
    assert again.unused == [] and list(again.weights) and set(again.weights) == set(CUSTOM.weights)
    for layer, weight in CUSTOM.weights.items():
        assert torch.equal(again.weights[layer], weight.to(dtype).float())
    assert again.metadata == ({"sfumato.x": "1", "format": "pt"} if ending == ".safetensors" else {})
    write_custom(path, CUSTOM, UNET, dtype)
    assert path.read_bytes() == first
    info = what_lora(path)
    assert (info.kind, info.context, info.unet, info.ranks) == ("Custom Diffusion", 16, len(LAYERS), {})


def test_without_metadata_there_is_none(tmp_path):
    write_custom(tmp_path / "c.safetensors", CUSTOM, UNET, metadata=False)
    tensors, metadata = read_safetensors(tmp_path / "c.safetensors")
    assert metadata == {} and len(tensors) == len(LAYERS)


def test_keys_that_are_not_used_are_named(tmp_path):
    tensors = {KEY.format("k"): drawn(32, 16), KEY.format("k").replace("mid", "no"): drawn(2), "x": drawn(1)}
    found = read_custom(file_of(tmp_path / "c.safetensors", tensors), UNET)
    assert sorted(found.unused) == sorted(list(tensors)[1:])
    assert list(found.weights) == ["middle_block.1.transformer_blocks.0.attn2.to_k"]


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (pair(), "holds no Custom Diffusion, but such as lora_unet_mid"),
        ({KEY.format("k"): drawn(32, 17)}, r"attn2.to_k is \[32, 16\] in the checkpoint and \[32, 17\] here"),
        ({KEY.format("k").replace("mid", "no"): drawn(2)}, "of which no key fits the checkpoint, such as no_block"),
        ({KEY.format("k"): drawn(32, 16).int()}, "where the numbers of mid_block"),
        ({KEY.format("k"): [1]}, "has a list where the numbers of mid_block"),
        ({KEY.format("k"): torch.full((32, 16), math.nan)}, "holds NaN or infinity in mid_block"),
    ],
)
def test_what_does_not_fit_is_one_line(tensors, words, tmp_path):
    torch.save(tensors, str(tmp_path / "c.bin"))
    with pytest.raises(UserError, match=words):
        read_custom(tmp_path / "c.bin", UNET)


def test_what_cannot_be_written_is_refused_and_nothing_is_there(tmp_path):
    large = CustomFile({LAYERS[0]: 1e6 * CUSTOM.weights[LAYERS[0]]})
    for name, custom, words in (
        ("c.npz", CUSTOM, "written as .safetensors or .bin"),
        ("c.bin", CustomFile({}), "changes no layer"),
        ("c.bin", large, "NaN or infinity"),
        ("c.safetensors", large, "NaN or infinity"),
    ):
        with pytest.raises(UserError, match=words):
            write_custom(tmp_path / name, custom, UNET)
    assert list(tmp_path.iterdir()) == []


def test_a_plain_file_of_tensors_is_neither(tmp_path):
    write_safetensors(tmp_path / "x.safetensors", {"middle_block.1.proj_in.weight": drawn(2, 2)}, {})
    assert what_lora(tmp_path / "x.safetensors") is None
