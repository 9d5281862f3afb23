"""LoRAs that are written and read again, in every naming and shape."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, LowRank, read_lora, what_lora, write_lora
from sfumato.checkpoints.diffusers_layout import diffusers_layers, unet_keys
from sfumato.checkpoints.low_rank import without_mid
from sfumato.errors import UserError
from sfumato.models.stable_diffusion import UNet, UNetConfig
from tests.checkpoints.loras import ALPHA, DOWN, QUERY, SMALL, TEXT, UNET, UP, WORD, a_lora, drawn, file_of, pair


@pytest.mark.parametrize("kind", ["kohya", "diffusers"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
def test_a_written_lora_is_read_as_it_was(kind, dtype, tmp_path):
    path = tmp_path / "lora.safetensors"
    lora = LoraFile(a_lora(UNET), a_lora(TEXT), [WORD], {})
    write_lora(path, lora, UNET, kind, dtype)
    again = read_lora(path, UNET, TEXT)
    assert again.unused == [] and (set(again.unet), set(again.text)) == (set(UNET), set(TEXT))
    for there, here in ((again.unet, lora.unet), (again.text, lora.text)):
        for layer, one in here.items():
            assert there[layer].delta().shape == (UNET if here is lora.unet else TEXT)[layer]
            if kind == "kohya":
                assert torch.equal(there[layer].down, one.down.to(dtype).float())
                assert torch.equal(there[layer].up, one.up.to(dtype).float()) and there[layer].alpha == one.alpha
            else:
                expected = (one.alpha / one.rank * one.up).to(dtype).float()
                assert torch.equal(there[layer].up, expected) and there[layer].alpha == one.rank
    (word,) = again.words
    assert word.token == "<new1>" and torch.equal(word.vectors, WORD.vectors)
    first = path.read_bytes()
    write_lora(path, again._replace(metadata={}) if kind == "kohya" else lora, UNET, kind, dtype)
    assert path.read_bytes() == first, "the same LoRA gives the same bytes"


def test_a_torch_file_and_one_that_is_wrapped_are_read_too(tmp_path):
    tensors = {key: torch.nn.Parameter(value.half()) for key, value in pair().items()}
    for number, content in enumerate(({**tensors, ALPHA: 1.0}, {"state_dict": {**tensors, ALPHA: torch.ones(1)}})):
        torch.save(content, str(tmp_path / f"{number}.pt"))
        one = read_lora(tmp_path / f"{number}.pt", UNET, TEXT).unet[QUERY]
        assert one.alpha == 1 and one.rank == 2 and one.down.dtype == torch.float32 and not one.down.requires_grad


def test_the_folder_of_an_adapter_stands_for_its_file(tmp_path):
    assert what_lora(tmp_path) is None
    with pytest.raises(UserError, match="is a folder without adapter_model or pytorch_lora_weights"):
        read_lora(tmp_path, UNET, TEXT)
    file_of(tmp_path / "pytorch_lora_weights.safetensors", pair())
    assert list(read_lora(tmp_path, UNET, TEXT).unet) == [QUERY] and what_lora(tmp_path).kind == "LoRA"


NAMES = {
    "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_q.lora_{}.weight": ("down", "up"),
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_q.lora_{}.weight": ("down", "up"),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_q_lora.{}.weight": ("down", "up"),
    "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_q_lora.{}.weight": ("down", "up"),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.lora.{}.weight": ("down", "up"),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.lora_{}.weight": ("A", "B"),
    "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.lora_{}.weight": ("A", "B"),
    "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.lora_{}.mine.weight": ("A", "B"),
    "unet.base_model.model.mid_block.attentions.0.transformer_blocks.0.attn2.to_q.lora_{}.weight": ("A", "B"),
    "diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_q.lora_{}.weight": ("A", "B"),
}


@pytest.mark.parametrize("name", list(NAMES))
def test_one_layer_in_every_naming(name, tmp_path):
    tensors = pair()
    keys = [name.format(part) for part in NAMES[name]]
    lora = read_lora(file_of(tmp_path / "l.safetensors", dict(zip(keys, tensors.values()))), UNET, TEXT)
    assert list(lora.unet) == [QUERY] and lora.unused == [] and lora.unet[QUERY].alpha == 2, "alpha is the rank"
    torch.testing.assert_close(lora.unet[QUERY].delta(), tensors[UP] @ tensors[DOWN])


TEXTS = (
    "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_{}.weight",
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_{}.weight",
    "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.{}.weight",
    "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.{}.weight",
    "text_encoder.encoder.layers.0.self_attn.q_proj.lora_{}.weight",
    "base_model.model.text_model.encoder.layers.0.self_attn.q_proj.lora_{}.weight",
)


@pytest.mark.parametrize("name", TEXTS)
def test_one_layer_of_the_text_encoder_in_every_naming(name, tmp_path):
    parts = ("A", "B") if name.startswith(("base", "text_encoder.encoder")) else ("down", "up")
    tensors = dict(zip([name.format(part) for part in parts], (drawn(2, 64), drawn(64, 2))))
    lora = read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)
    assert list(lora.text) == ["text_model.encoder.layers.0.self_attn.q_proj"] and not lora.unet and not lora.unused


# Shapes.


@pytest.mark.parametrize("wide", [(), (1, 1)])
@pytest.mark.parametrize("layer", ["middle_block.1.proj_in", QUERY])
def test_matrices_and_1x1_convolutions_fit_each_other(layer, wide, tmp_path):
    begin = "lora_unet_" + layer.replace(".", "_")
    tensors = {f"{begin}.lora_down.weight": drawn(2, 32, *wide), f"{begin}.lora_up.weight": drawn(32, 2, *wide)}
    one = read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT).unet[layer]
    assert one.delta().shape == UNET[layer]


def test_a_locon_is_the_convolutions_one_after_the_other(tmp_path):
    layer, x = "middle_block.0.in_layers.2", drawn(1, 32, 6, 6, seed=9)
    begin = "lora_unet_mid_block_resnets_0_conv1"
    down, mid, up = drawn(2, 32, 1, 1), drawn(2, 2, 3, 3, seed=1), drawn(32, 2, 1, 1, seed=2)
    names = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up, "alpha": torch.tensor(3.0)}
    file_of(tmp_path / "l.safetensors", {f"{begin}.{key}": value for key, value in names.items()})
    one = read_lora(tmp_path / "l.safetensors", UNET, TEXT).unet[layer]
    expected = 3 / 2 * F.conv2d(F.conv2d(F.conv2d(x, down), mid, padding=1), up)
    torch.testing.assert_close(F.conv2d(x, one.delta(), padding=1), expected, rtol=1e-4, atol=1e-4)
    plain = LowRank(without_mid(down, mid), up, 3.0)
    again = 3 / 2 * F.conv2d(F.conv2d(x, plain.down, padding=1), plain.up)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-4)


def test_every_layer_has_diffusers_name_and_back():
    shapes = {"blocks": 1, "multipliers": (1, 1, 1)}, {"blocks": 3, "multipliers": (1,)}, {"depth": 2, "blocks": 2}
    for shape in shapes:
        state = UNet(UNetConfig(**{**SMALL, "multipliers": (1, 1), "attention": (1,), **shape})).state_dict()
        theirs = diffusers_layers({key.rpartition(".")[0] for key in state})
        keys = {f"{theirs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": key for key in state}
        assert unet_keys(list(keys)) == keys
        short = [name.replace(".", "_") for pair in theirs.items() for name in set(pair)]
        assert len(short) == len(set(short)), "no two layers are one in kohya's names"
