"""`sfumato info` says what any file is."""

import json
import os

import pytest
import torch
from PIL import Image, PngImagePlugin

from sfumato.checkpoints import PREFIXES, write_safetensors
from sfumato.errors import UserError
from sfumato.images import save_png
from sfumato.info import InfoOptions, info
from sfumato.models.digit_classifier import CourseClassifier
from sfumato.models.shipped import shipped
from sfumato.runs import write_note


def told(path, **how):
    (found,) = info(InfoOptions((path,), **how)).values()
    return found


def saved(path, content):
    torch.save(content, str(path))
    return path


def some(**shapes):
    return {key.replace("__", "."): torch.ones(*shape) for key, shape in shapes.items()}


def test_what_ships_is_named():
    kinds = {
        "digits.safetensors": "diffusion model",
        "faces64.safetensors": "diffusion model of faces",
        "judge-svhn.safetensors": "judge of digits (a classifier)",
        "world.safetensors": "checkpoint of a small world (Stable Diffusion 1 with 64 channels)",
        "words/new1.safetensors": "learned word",
        "clip": "CLIP",
    }
    assert {name: told(shipped(name)).kind for name in kinds} == kinds
    world, word = told(shipped("world.safetensors")).facts, told(shipped("words/new1.safetensors")).facts
    assert world["networks"] == "U-Net, autoencoder, text encoder" and world["pictures"] == "48 pixels wide"
    assert world["tensors"] == "623 of 13,142,572 numbers (622 float16, 1 int64)" and world["on disk"] == "26.4 MB"
    assert told(shipped("digits.safetensors")).facts["network"] == "digit-unet"
    assert (word["words"], word["texts' states"], word["init"]) == ("<new1> (4)", "64 wide", "digit")


UNET, BEGIN = "model.diffusion_model.", "model.diffusion_model.input_blocks.0.0.weight"
TO_K = "middle_block.1.transformer_blocks.0.attn2.to_k.weight"


def version_1(**more):
    state = {BEGIN: torch.ones(320, 4, 3, 3), UNET + TO_K: torch.ones(2, 768)}
    state.update({f"{PREFIXES['vae']}w": torch.ones(1), f"{PREFIXES['text']}w": torch.ones(1)})
    return {**state, **more}


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (version_1(), "checkpoint of Stable Diffusion 1"),
        (version_1(**{BEGIN: torch.ones(320, 9, 3, 3)}), "checkpoint of a Stable Diffusion for inpainting"),
        (version_1(**{"cond_stage_model.model.w": torch.ones(1)}), "checkpoint of Stable Diffusion 2"),
        (version_1(**{"conditioner.embedders.0.w": torch.ones(1)}), "checkpoint of Stable Diffusion XL"),
        ({UNET + "double_blocks.0.w": torch.ones(1)}, "checkpoint of Flux"),
        ({UNET + "joint_blocks.0.w": torch.ones(1)}, "checkpoint of Stable Diffusion 3"),
        ({"double_blocks.0.w": torch.ones(1)}, "Flux"),
        ({"control_model.w": torch.ones(1)}, "a ControlNet"),
        ({TO_K: torch.ones(2, 2048)}, "a U-Net alone"),
        (some(text_model__w=(1,), vision_model__w=(1,)), "CLIP, both halves"),
        (some(encoder__conv_in__w=(1,), decoder__conv_in__weight=(8, 4, 3, 3)), "autoencoder (VAE) alone"),
        (
            some(encoder__conv_in__w=(1,), decoder__conv_in__weight=(8, 16, 3, 3)),
            "autoencoder (VAE) alone, of another model than Stable Diffusion 1 (16 channels)",
        ),
        (CourseClassifier().state_dict(), "classifier of digits, as the course's Classifier.pth"),
        ({"<new1>": torch.ones(768)}, "learned word"),
        ({"clip_g": torch.ones(1, 1280), "clip_l": torch.ones(1, 768)}, "a learned word that cannot be used"),
        ({"lora_unet_x.hada_w1_a": torch.ones(2, 2)}, "LoHa"),
        (torch.ones(1, 3, 256, 256), "a tensor alone, such as the noise of a picture"),
        (some(a__w=(2, 3), b__w=(4, 5)), "unknown"),
    ],
)
def test_files_of_others_are_named(table, kind, tmp_path):
    wraps = isinstance(table, dict) and "word" not in kind
    for wrapped in [table, {"state_dict": table, "epoch": 3}] if wraps else [table]:
        assert told(saved(tmp_path / "x.pth", wrapped)).kind == kind


def test_the_first_keys_of_what_is_unknown_are_said(tmp_path):
    facts = told(saved(tmp_path / "x.bin", some(a__w=(2, 3), b__w=(4, 5), c=(1,), d=(1,), e=(1,)))).facts
    assert facts["its first keys"] == "a.w, b.w, c and 2 more"
    assert facts["tensors"] == "5 of 29 numbers (5 float32)"


def test_a_checkpoint_without_an_autoencoder_says_what_to_give_it(tmp_path):
    table = {key: value for key, value in version_1().items() if not key.startswith(PREFIXES["vae"])}
    facts = told(saved(tmp_path / "x.ckpt", table)).facts
    assert facts["lacks"] == "autoencoder (give one with --vae)" and facts["texts' states"] == "768 wide"


def test_a_lora_tells_its_naming_rank_and_words(tmp_path):
    pytest.importorskip("safetensors")
    from sfumato.checkpoints import LoraFile, write_lora
    from tests.checkpoints.loras import TEXT, UNET, WORD, a_lora

    path = tmp_path / "l.safetensors"
    told_by = {"ss_learning_rate": "1e-4", "ss_lr_scheduler": "None", "ss_tag_frequency": '{"1_a": {"sks dog": 3}}'}
    write_lora(path, LoraFile(a_lora(UNET), a_lora(TEXT), [WORD], told_by), UNET)
    found = told(path)
    assert found.kind == "LoRA" and found.facts["naming"] == "kohya"
    assert found.facts["layers"] == f"{len(UNET)} of the U-Net, {len(TEXT)} of the text encoder"
    assert (found.facts["rank"], found.facts["alpha"], found.facts["words"]) == ("2", "3", "<new1>")
    assert found.facts["learning_rate"] == "1e-4" and "lr_scheduler" not in found.facts
    flux = {"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": torch.ones(4, 9)}
    facts = told(saved(tmp_path / "flux.pt", flux)).facts
    assert (facts["architecture"], facts["rank"]) == ("Flux", "4")
    xl = {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": torch.ones(8, 2048)}
    assert told(saved(tmp_path / "xl.pt", xl)).facts["architecture"] == "Stable Diffusion XL"


def test_pictures_and_runs_tell_their_settings(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    save_png(run / "a.png", torch.zeros(4, 6, 3, dtype=torch.uint8), {"prompt": "a seven", "seed": 3, "added": {}})
    found = told(run / "a.png")
    assert found.kind == "picture, painted by sfumato"
    assert {**found.facts, "on disk": ""} == {"pixels": "6 x 4", "prompt": "a seven", "seed": "3", "on disk": ""}
    assert f"{run / 'a.png'}: picture, painted by sfumato\n  pixels   6 x 4\n" in capsys.readouterr().out
    of_others = PngImagePlugin.PngInfo()
    of_others.add_text("parameters", "a dog\nSteps: 20\x1b[2J")
    Image.new("RGB", (2, 2)).save(run / "b.png", pnginfo=of_others)
    assert told(run / "b.png").facts["parameters"] == "a dog Steps: 20?[2J"
    Image.new("RGB", (2, 2)).save(run / "c.webp")
    assert told(run / "c.webp").kind == "picture"
    write_note(run / "run.json", "concepts generate", {"seed": 5, "sampling": {"steps": 2}, "nothing": None})
    for path in (run, run / "run.json"):
        found = told(path)
        assert found.kind == "run" and found.facts["command"] == "concepts generate"
        assert (found.facts["seed"], found.facts["sampling"]) == ("5", '{"steps": 2}')
    (tmp_path / "input.json").write_text(json.dumps({"0": {"token_name": "<new1>", "prompt": ["a"]}}))
    assert told(tmp_path / "input.json").facts["words"] == "<new1>"


def test_a_diffusers_folder_is_told_by_its_width(tmp_path):
    for part in ("unet", "text_encoder"):
        (tmp_path / part).mkdir()
    (tmp_path / "unet" / "config.json").write_text('{"cross_attention_dim": 2048}')
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    found = told(tmp_path)
    assert found.kind == "diffusers' folder of Stable Diffusion XL"
    assert found.facts == {"class": "StableDiffusionXLPipeline", "parts": "text_encoder, unet"}


def test_the_hash_is_that_of_the_file(tmp_path):
    (tmp_path / "a.json").write_bytes(b"{}")
    expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert told(tmp_path / "a.json", sha256=True).facts["SHA-256"] == expected
    assert "SHA-256" not in told(tmp_path / "a.json").facts


def test_what_should_be_a_table_and_is_none_is_left_out(tmp_path):
    """Any program may have written it."""
    pytest.importorskip("safetensors")
    for format_ in ("sfumato diffusion 1", "sfumato faces 1"):
        path = tmp_path / "x.safetensors"
        write_safetensors(path, {"a": torch.ones(2)}, {"format": format_, "model": "[1]", "config": '"text"'})
        assert set(told(path).facts) == {"tensors", "on disk"}
    for part in ("unet", "text_encoder"):
        (tmp_path / "folder" / part).mkdir(parents=True)
        (tmp_path / "folder" / part / "config.json").write_text("[]")
    (tmp_path / "folder" / "model_index.json").write_text("[1]")
    assert told(tmp_path / "folder").facts == {"parts": "text_encoder, unet"}
    (tmp_path / "run.json").write_text('{"command": 1, "settings": [], "versions": 2}')
    (tmp_path / "log.jsonl").write_text('{"loss": 1}\n{"step": "many"}\n')
    assert told(tmp_path / "run.json").kind == "run"


class Evil:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_nothing_of_a_pickle_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for content in (Evil(), {"state_dict": Evil()}, {"state_dict": {"a.w": Evil()}}):
        found = told(saved(tmp_path / "x.pt", content))
        assert found.kind == "unknown" and not (tmp_path / "harm").exists()
    assert told(saved(tmp_path / "x.pt", Evil())).facts["holds"] == "posix.mkdir"


def test_what_can_be_told_is_told_before_what_cannot_be_read_is_named(tmp_path, capsys):
    (tmp_path / "page.ckpt").write_text("<html>")
    (tmp_path / "empty").mkdir()
    good = saved(tmp_path / "good.pt", {"<new1>": torch.ones(768)})
    names = [tmp_path / name for name in ("none.pt", "page.ckpt", "empty")]
    with pytest.raises(UserError) as fault:
        info(InfoOptions((names[0], good, *names[1:])))
    assert f"{good}: learned word\n" in capsys.readouterr().out
    told = str(fault.value).split("; ")
    assert told[0] == f"{names[0]}: there is no such file or folder"
    assert any("page.ckpt: is a web page" in one for one in told)
    assert any("empty: is a folder of nothing that is known" in one for one in told)
    with pytest.raises(UserError, match="give at least one"):
        info(InfoOptions(()))
