"""What a LoRA's file tells of itself: words, metadata, kind."""

import json

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import LoraFile, read_lora, what_lora, write_lora
from sfumato.errors import UserError
from tests.checkpoints.loras import KOHYA, TEXT, UNET, WORD, a_lora, drawn, file_of, pair


@pytest.mark.parametrize("part", ["string_to_param.*", "clip_l", "emb_params"])
def test_words_in_a_loras_file(part, tmp_path):
    tensors = {**pair(), f"bundle_emb.Tabby.{part}": WORD.vectors, f"bundle_emb.<dog>.{part}": WORD.vectors[0].half()}
    lora = read_lora(file_of(tmp_path / "l.safetensors", tensors), UNET, TEXT)
    tabby, dog = sorted(lora.words, key=lambda word: word.token, reverse=True)
    assert (tabby.token, tabby.any_case, dog.token, dog.any_case) == ("Tabby", True, "<dog>", False)
    assert torch.equal(tabby.vectors, WORD.vectors) and dog.vectors.shape == (1, 64) and not lora.unused


def test_a_word_twice_or_of_another_model_is_refused(tmp_path):
    twice = {"bundle_emb.a.clip_l": WORD.vectors, "bundle_emb.a.string_to_param.*": WORD.vectors.clone()}
    for more, words in (
        (twice, "has the word a twice"),
        ({"bundle_emb.a.clip_l": drawn(1, 1280)}, "Stable Diffusion XL"),
    ):
        with pytest.raises(UserError, match=words):
            read_lora(file_of(tmp_path / "l.safetensors", {**pair(), **more}), UNET, TEXT)


def test_metadata_tells_what_it_is_and_no_paths(tmp_path):
    path = tmp_path / "l.safetensors"
    told = {"modelspec.title": "A dog", "modelspec.resolution": "48x48", "sfumato.steps": "300", "ss_seed": "7"}
    secret = {"ss_sd_model_name": "/home/me/sd.ckpt", "ss_dataset_dirs": '{"me.jpg": 1}', "ss_tag_frequency": "{}"}
    secret.update({"modelspec.thumbnail": "data:", "lora_adapter_metadata": "{}", "ss_training_comment": "me.jpg"})
    lora = LoraFile(a_lora(UNET, 2, 3.0), {}, [WORD], {**told, **secret})
    write_lora(path, lora, UNET)
    found = read_lora(path, UNET, TEXT).metadata
    assert not set(secret) & set(found) and {key: found[key] for key in told} == told
    assert found["modelspec.trigger_phrase"] == "<new1>" and "modelspec.date" not in found
    assert found["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert found["modelspec.sai_model_spec"] == "1.0.1" and found["ss_base_model_version"] == "sd_v1"
    assert (found["ss_network_module"], found["ss_network_dim"], found["ss_network_alpha"]) == (
        "networks.lora",
        "2",
        "3.0",
    )
    assert json.loads(found["ss_network_args"]) == {"conv_dim": "2", "conv_alpha": "3.0"}
    write_lora(path, lora, UNET, metadata=False)
    assert read_lora(path, UNET, TEXT).metadata == {}


def test_what_a_file_is(tmp_path):
    path = tmp_path / "l.safetensors"
    write_lora(path, LoraFile(a_lora(UNET), a_lora(TEXT), [WORD], {"ss_seed": "7"}), UNET)
    info = what_lora(path)
    assert (info.kind, info.naming, info.unet, info.text) == ("LoRA", "kohya", len(UNET), len(TEXT))
    assert info.ranks == {2: len(UNET) + len(TEXT)} and info.alphas == {3.0: len(UNET) + len(TEXT)}
    assert info.words == ("<new1>",) and info.trigger == "<new1>" == info.title and info.context == 16
    assert info.settings["seed"] == "7" and info.architecture == ""
    for width, name in ((768, "Stable Diffusion 1"), (2048, "Stable Diffusion XL")):
        file_of(path, {key.replace("to_q", "to_k"): value for key, value in pair(shape=(32, width)).items()})
        info = what_lora(path)
        assert (info.architecture, info.context, info.alphas) == (name, width, {2.0: 1})
    file_of(path, {f"{KOHYA}.hada_w1_a": drawn(2, 2)})
    assert what_lora(path).kind == "LoHa"
    file_of(path, {"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": drawn(2, 9)})
    assert what_lora(path).architecture == "Flux"
    file_of(path, {"unet.mid_block.attentions.0.proj_in.lora_A.weight": drawn(2, 9)}, {"lora_adapter_metadata": "no"})
    assert what_lora(path).alphas == {}
    for other in ({"model.weight": drawn(2, 2)}, {"<new1>": drawn(2, 2)}):
        assert what_lora(file_of(path, other)) is None
    torch.save(drawn(2), str(tmp_path / "t.pt"))
    assert what_lora(tmp_path / "t.pt") is None
