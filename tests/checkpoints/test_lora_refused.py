"""LoRAs that do not fit, are none, or only almost; notes on adapters that tell alphas."""

import json
import math

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, LowRank, read_embeddings, read_lora, what_lora, write_lora
from sfumato.checkpoints.diffusers_layout import diffusers_layers
from sfumato.errors import UserError
from tests.checkpoints.loras import ALPHA, DOWN, KOHYA, QUERY, TEXT, UNET, UP, WORD, drawn, file_of, pair


@pytest.mark.parametrize(
    ("note", "alpha"),
    [
        ({"lora_alpha": 6, "r": 2}, 6),
        ({"lora_alpha": 6, "use_rslora": True}, 6 * math.sqrt(2)),
        ({"lora_alpha": 6, "alpha_pattern": {"attn2.to_k": 1, "attn2.to_q": 8}}, 8),
        ({"lora_alpha": 6, "alpha_pattern": {"^attn2.to_q": 8}}, 6),
        ({"lora_alpha": 6, "alpha_pattern": {f"^{diffusers_layers(UNET)[QUERY]}": 8}}, 8),
        ({"lora_alpha": 6, "alpha_pattern": {"n2.to_q": 8}}, 6),
    ],
)
def test_alphas_stand_in_notes(note, alpha, tmp_path):
    name = diffusers_layers(UNET)[QUERY]
    keys = [f"unet.{name}.lora_{part}.weight" for part in "AB"]
    tensors = dict(zip(keys, pair().values()))
    (tmp_path / "adapter_config.json").write_text(json.dumps(note))
    file = file_of(tmp_path / "l.safetensors", tensors)
    assert read_lora(file, UNET, TEXT).unet[QUERY].alpha == pytest.approx(alpha)
    noted = {"lora_adapter_metadata": json.dumps({f"unet.{key}": value for key, value in note.items()})}
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 99}))
    file = file_of(tmp_path / "l.safetensors", tensors, noted)
    assert read_lora(file, UNET, TEXT).unet[QUERY].alpha == pytest.approx(alpha), "the file's own note counts first"
    file = file_of(tmp_path / "l.safetensors", {**tensors, f"unet.{name}.alpha": torch.tensor(0.5)}, noted)
    assert read_lora(file, UNET, TEXT).unet[QUERY].alpha == 0.5, "a tensor counts before any note"
    file = file_of(tmp_path / "l.safetensors", pair())
    assert read_lora(file, UNET, TEXT).unet[QUERY].alpha == 2, "peft's notes say nothing of kohya's files"


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"peft_type": "LOHA"}, "is an adapter of the kind LOHA"),
        ({"use_dora": True}, "is a DoRA"),
        ({"init_lora_weights": "pissa_niter_4"}, "began by changing the checkpoint's own weights"),
        ({"alpha_pattern": {"(a+)+$": 1}}, "has the rule"),
        ({"alpha_pattern": [1]}, "alpha_pattern is a list and no table"),
        ({"lora_alpha": "much"}, "lora_alpha is much, which is no number"),
        ({"lora_alpha": True}, "lora_alpha is True"),
        ([1], "note on the adapter is a list"),
    ],
)
def test_notes_that_cannot_be_followed_are_refused(note, words, tmp_path):
    keys = [f"base_model.model.{diffusers_layers(UNET)[QUERY]}.lora_{part}.weight" for part in "AB"]
    file = file_of(tmp_path / "l.safetensors", dict(zip(keys, pair().values())))
    (tmp_path / "adapter_config.json").write_text(json.dumps(note))
    with pytest.raises(UserError, match=words):
        read_lora(file, UNET, TEXT)
    file = file_of(tmp_path / "kohya.safetensors", pair())
    assert read_lora(file, UNET, TEXT).unet[QUERY].alpha == 2, "which is not said of kohya's file beside it"


# What is refused, and what is only named.

LINE = (
    ({f"{KOHYA}.hada_w1_a": drawn(2, 2)}, "is of the kind LoHa; only plain LoRAs are read"),
    ({f"{KOHYA}.lokr_w1": drawn(2, 2)}, "is of the kind LoKr"),
    ({**pair(), f"{KOHYA}.dora_scale": drawn(32, 1)}, "is of the kind DoRA"),
    ({**pair(), "unet.x.lora_magnitude_vector": drawn(2)}, "is of the kind DoRA"),
    ({f"{KOHYA}.weight": drawn(2), f"{KOHYA}.on_input": torch.ones(1)}, "is of the kind IA3"),
    ({f"{KOHYA}.a1.weight": drawn(2, 2)}, "is of the kind GLoRA"),
    ({f"{KOHYA}.diff": drawn(32, 32)}, "is of the kind full weights"),
    ({**pair(), "lora_unet_mid_block_attentions_0_norm.w_norm": drawn(32)}, "is of the kind norm"),
    ({f"{KOHYA}.oft_blocks": drawn(2, 2, 2)}, "is of the kind OFT"),
    ({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": drawn(2, 9)}, "for Stable Diffusion XL"),
    (
        {"lora_unet_input_blocks_7_1_transformer_blocks_3_attn1_to_q.lora_up.weight": drawn(9, 2)},
        "is a LoRA for Stable Diffusion XL; only LoRAs for Stable Diffusion 1 are read",
    ),
    ({"lora_unet_double_blocks_0_img_attn_proj.lora_up.weight": drawn(9, 2)}, "is a LoRA for Flux"),
    ({"transformer.single_transformer_blocks.3.attn.to_q.lora_A.weight": drawn(9, 2)}, "is a LoRA for Flux"),
    ({"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_up.weight": drawn(9, 2)}, "for Stable Diffusion 3"),
    ({"transformer.transformer_blocks.0.attn.to_q.lora_A.weight": drawn(9, 2)}, "for Stable Diffusion 3"),
    ({"lora_prior_unet_down_blocks_0_3.lora_up.weight": drawn(9, 2)}, "for Stable Cascade"),
    ({"diffusion_model.blocks.0.self_attn.q.lora_A.weight": drawn(9, 2)}, "for a video or transformer model"),
    (
        {"lora_unet_nothing_here.lora_up.weight": drawn(9, 2)},
        "of which no key fits the checkpoint, such as lora_",
    ),
    ({"model.weight": drawn(9, 2)}, "holds no LoRA, but such as model.weight"),
    ({DOWN: drawn(2, 32), f"{KOHYA}.lora_upp.weight": drawn(32, 2)}, f"no lora_up of {QUERY}; unknown is {KOHYA}"),
    ({UP: drawn(32, 2)}, f"has {UP[:70]}.* and no lora_down of"),
    (
        pair(shape=(32, 48)),
        rf"{QUERY} is \[32, 32\] in .* lora_up \[32, 2\] and lora_down \[2, 48\]",
    ),
    ({DOWN: drawn(2, 32), UP: drawn(32, 3)}, r"lora_up \[32, 3\] and lora_down \[2, 32\] do not fit"),
    ({DOWN: drawn(32), UP: drawn(32)}, r"lora_up \[32\] and lora_down \[32\] do not fit"),
    ({DOWN: drawn(0, 32), UP: drawn(32, 0)}, "do not fit"),
    ({DOWN: drawn(2, 32).int(), UP: drawn(32, 2)}, "has torch.int32 where the numbers of"),
    ({**pair(), ALPHA: drawn(2)}, "is no single number"),
    (
        {**pair(), DOWN.replace("mid_block_attentions_0", "middle_block_1"): drawn(2, 32)},
        "for one layer",
    ),
    (
        {key.replace("to_q", "to_k"): value for key, value in pair(shape=(32, 1024)).items()},
        "is a LoRA for Stable Diffusion 2, whose texts are 1024 wide; the checkpoint's are 16",
    ),
    (
        {key.replace("to_q", "to_v"): value for key, value in pair(shape=(32, 2048)).items()},
        "is a LoRA for Stable Diffusion XL, whose texts are 2048 wide",
    ),
)


@pytest.mark.parametrize(("tensors", "words"), LINE, ids=[words[:40] for _, words in LINE])
def test_what_is_no_lora_for_the_checkpoint_is_one_line(tensors, words, tmp_path):
    with pytest.raises(UserError, match=f"l.safetensors: .*{words}") as refused:
        read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)
    assert "\n" not in str(refused.value)


def test_the_texts_width_names_the_model_whatever_stands_first(tmp_path):
    text = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    tensors = {
        **pair(shape=(32, 48)),
        f"{text}.lora_down.weight": drawn(2, 1024),
        f"{text}.lora_up.weight": drawn(9, 2),
    }
    with pytest.raises(UserError, match="is a LoRA for Stable Diffusion 2, whose texts are 1024 wide"):
        read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)


def test_a_lora_in_any_naming_is_no_learned_word(tmp_path):
    for key in (
        DOWN,
        "unet.x.attn1.processor.to_q_lora.down.weight",
        "unet.x.to_q.lora.up.weight",
        f"{KOHYA}.hada_w1_a",
    ):
        with pytest.raises(UserError, match="is a LoRA, which changes a checkpoint, and no learned word"):
            read_embeddings(file_of(tmp_path / "l.safetensors", {key: drawn(2, 64)}))


def test_numbers_that_are_none_are_refused(tmp_path):
    for value, what in (
        (math.nan, "NaN or infinity"),
        ("many", "has a str where"),
        (10**400, "has a int where"),
        (torch.tensor(1j), "has torch"),
    ):
        torch.save({**pair(), ALPHA: value}, str(tmp_path / "l.pt"))
        with pytest.raises(UserError, match=what):
            read_lora(tmp_path / "l.pt", UNET, TEXT)
        assert what_lora(tmp_path / "l.pt").kind == "LoRA", "what it is can be said"


def test_keys_that_are_not_used_are_named(tmp_path):
    others = {"lora_unet_other.lora_down.weight": drawn(2, 9), "lora_unet_other.lora_up.weight": drawn(9, 2)}
    others.update({f"{KOHYA}.lora_up.bias": drawn(3), KOHYA.replace("to_q", "to_k") + ".alpha": torch.tensor(1.0)})
    lora = read_lora(file_of(tmp_path / "l.safetensors", {**pair(), **others}), UNET, TEXT)
    assert list(lora.unet) == [QUERY] and sorted(lora.unused) == sorted(others)


def test_what_cannot_be_written_is_refused_and_nothing_is_there(tmp_path):
    lora = LoraFile({QUERY: LowRank(drawn(2, 32), drawn(32, 2), 2.0)}, {})
    large = LoraFile({QUERY: LowRank(1e6 * drawn(2, 32), drawn(32, 2), 2.0)}, {})
    for args, words in (
        ((tmp_path / "l.pt", lora, UNET), "is written as .safetensors"),
        ((tmp_path / "l.safetensors", lora, UNET, "a1111"), "unknown naming 'a1111'"),
        ((tmp_path / "l.safetensors", LoraFile({}, {}), UNET), "changes no layer"),
        ((tmp_path / "l.safetensors", large, UNET), "NaN or infinity"),
        ((tmp_path / "l.safetensors", lora._replace(words=[WORD._replace(token="<a.b>")]), UNET), "no full stop"),
    ):
        with pytest.raises(UserError, match=words):
            write_lora(*args)
    assert list(tmp_path.iterdir()) == []
