"""Checkpoints of all layouts give the same model; those of other models are refused by name."""

import contextlib
import json
import os
import zipfile
from pathlib import Path

import pytest
import torch

from sfumato.checkpoints import (
    PREFIXES,
    SIZE_KEY,
    Embedding,
    Parts,
    fingerprint,
    read_stable_diffusion,
    write_stable_diffusion,
)
from sfumato.checkpoints.stable_diffusion import _dotted
from sfumato.errors import UserError
from sfumato.stable_diffusion import StableDiffusion
from tests.concepts.conftest import AUTOENCODER, TEXT, UNET, lightning_checkpoint

UNET_BEGIN = "model.diffusion_model."
UNET_KEY = f"{UNET_BEGIN}input_blocks.0.0.weight"


def test_every_key_is_used_or_named_as_ignored(state, checkpoint):
    parts = read_stable_diffusion(checkpoint)
    used = len(parts.unet) + len(parts.vae) + len(parts.text)
    assert sorted(parts.ignored) == [
        "betas",
        "cond_stage_model.transformer.text_model.embeddings.position_ids",
        "model_ema.decay",
    ]
    assert used + len(parts.ignored) + 1 == len(state)
    assert parts.size == 16


def test_configs_come_from_the_shapes(checkpoint):
    model = StableDiffusion.load(checkpoint)
    assert model.unet.config == UNET
    assert model.vae.config == AUTOENCODER
    assert model.text.config == TEXT
    assert not any(value.requires_grad for value in model.unet.parameters())


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("half", [False, True])
def test_all_that_lightning_leaves_in_a_checkpoint_does_no_harm(state, tmp_path, zipped, half):
    kept = {key: value.half() if half and value.is_floating_point() else value for key, value in state.items()}
    path = tmp_path / "model.ckpt"
    torch.save(lightning_checkpoint(kept), str(path), _use_new_zipfile_serialization=zipped)
    got = StableDiffusion.load(path)
    assert got.unet.config == UNET
    expected = kept[UNET_KEY].float()
    assert torch.equal(got.unet.state_dict()["input_blocks.0.0.weight"], expected)


def renamed(state, change):
    return {change(key): value for key, value in state.items()}


def with_running_mean_alone(state):
    """As CompVis' LitEma keeps it: the U-Net's keys without their points."""
    begin = "model.diffusion_model."
    return renamed(state, lambda k: "model_ema." + k[len("model.") :].replace(".", "") if k.startswith(begin) else k)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: renamed(s, lambda k: k.replace("transformer.text_model.", "transformer.")),
        lambda s: renamed(s, lambda k: f"module.{k}"),
        lambda s: renamed(s, lambda k: k.replace("diffusion_model.", "diffusion_model._orig_mod.")),
        with_running_mean_alone,
        lambda s: {
            **s,
            "ddim_sigmas": torch.zeros(2),
            "denoiser.sigmas": torch.zeros(2),
            "embedding_manager.string_to_param_dict.*": torch.zeros(1, 64),
            "first_stage_model.loss.logvar": torch.zeros(1),
            "cond_stage_model.logit_scale": torch.tensor(4.6),
            "cond_stage_model.transformer.text_projection.weight": torch.zeros(2, 2),
            "model_ema.num_updates": torch.tensor(5),
            "model_ema.diffusion_modelinput_blocks00weight": torch.zeros(1),
        },
    ],
    ids=["transformers-5", "DataParallel", "compiled", "running-mean", "leftovers"],
)
def test_what_trainers_and_converters_leave_is_the_same_model(state, checkpoint, tmp_path, change):
    torch.save(change(state), str(tmp_path / "model.ckpt"))
    got, expected = (read_stable_diffusion(path) for path in (tmp_path / "model.ckpt", checkpoint))
    for ours, theirs in zip(got[:3], expected[:3]):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_the_running_mean_of_the_whole_network_finds_its_keys(reference):
    """The names of the full-size U-Net, whose numbers have two digits."""
    keys = json.loads((reference / "sd_v1.unet_vae.keys.json").read_text())
    unet = [key[len("model.diffusion_model.") :] for key in keys if key.startswith("model.diffusion_model.")]
    assert len(unet) == 686
    assert [_dotted(key.replace(".", "")) for key in unet] == unet


def test_safetensors_and_bare_state_dicts_are_the_same_model(state, checkpoint, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file({key: value.contiguous() for key, value in state.items()}, str(tmp_path / "m.safetensors"))
    torch.save(state, str(tmp_path / "bare.pt"))
    expected = StableDiffusion.load(checkpoint)
    for name in ("m.safetensors", "bare.pt"):
        got = StableDiffusion.load(tmp_path / name)
        assert got.name == expected.name
        for key, value in expected.unet.state_dict().items():
            assert torch.equal(got.unet.state_dict()[key], value)


def test_other_weights_have_another_name(state, checkpoint, tmp_path):
    torch.save({**state, UNET_KEY: state[UNET_KEY] + 0.01}, str(tmp_path / "other.ckpt"))
    assert StableDiffusion.load(tmp_path / "other.ckpt").name != StableDiffusion.load(checkpoint).name


def test_the_name_of_a_checkpoint_with_large_tensors_is_found():
    """More values than float32 can count: 29,491,200 is the size of the largest convolution of version 1."""
    large = torch.zeros(1).expand(29_491_200)
    parts = Parts(unet={"w": large}, vae={}, text={}, size=512, ignored=[])
    assert len(fingerprint(parts)) == 16


def test_half_precision_leaves_the_autoencoder_wide(checkpoint):
    model = StableDiffusion.load(checkpoint, torch.float16)
    types = [next(network.parameters()).dtype for network in (model.unet, model.text, model.vae)]
    assert types == [torch.float16, torch.float16, torch.float32]


class Evil:
    def __reduce__(self):
        return os.system, ("echo harm",)


def _without(state, part):
    return {key: value for key, value in state.items() if not key.startswith(part)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {**s, "conditioner.embedders.0.w": torch.zeros(1)}, "is Stable Diffusion XL"),
        (lambda s: {**s, "cond_stage_model.model.ln_final.weight": torch.zeros(1)}, "is Stable Diffusion 2"),
        (lambda s: {**s, UNET_KEY: torch.zeros(32, 9, 3, 3)}, "for inpainting"),
        (lambda s: {**s, UNET_KEY: torch.zeros(32, 8, 3, 3)}, "for instruction editing"),
        (lambda s: {"lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": torch.zeros(4, 8)}, "is a LoRA"),
        (lambda s: {"unet.mid_block.attentions.0.to_q.lora_A.weight": torch.zeros(4, 8)}, "is a LoRA"),
        (lambda s: {"<new1>": torch.zeros(768)}, "is a learned word; give it with --embeddings"),
        (
            lambda s: {k[len("first_stage_model.") :]: v for k, v in s.items() if "first_stage" in k},
            "is an autoencoder",
        ),
        (
            lambda s: {k[len("model.diffusion_model.") :]: v for k, v in s.items() if "diffusion" in k},
            "is a U-Net alone",
        ),
        (lambda s: {"model.diffusion_model.double_blocks.0.w": torch.zeros(1)}, "is Flux"),
        (lambda s: {"control_model.input_hint_block.0.weight": torch.zeros(1)}, "is a ControlNet"),
        (lambda s: {**s, UNET_KEY: Evil()}, r"has posix.system where the tensor 'input_blocks.0.0.weight' belongs"),
        (lambda s: {**s, SIZE_KEY: torch.tensor(10**9)}, "says that its pictures are 1000000000 wide"),
        (lambda s: {**s, UNET_KEY: torch.zeros(10**9, 0, 3, 3)}, "is no Stable Diffusion v1: its U-Net lacks"),
        (
            lambda s: {**s, f"{UNET_BEGIN}middle_block.1.transformer_blocks.999999999.norm1.weight": torch.zeros(1)},
            "is no Stable Diffusion v1: its U-Net lacks",
        ),
        (lambda s: {**s, f"{UNET_BEGIN}input_blocks.999999999.0.op.weight": torch.zeros(1)}, "its U-Net lacks"),
        (lambda s: _without(s, "first_stage_model."), r"has no autoencoder \(VAE\) \(first_stage_model"),
        (lambda s: {**s, "lora.up": torch.zeros(1)}, "has the unknown lora.up"),
        (lambda s: {**s, UNET_KEY: torch.full((32, 4, 3, 3), float("nan"))}, "holds NaN or infinity in input_blocks"),
        (lambda s: _without(s, "model.diffusion_model.out.2"), r"lacks out\.2\.weight, out\.2\.bias"),
        (lambda s: _without(s, "model.diffusion_model.middle_block.1"), "is no Stable Diffusion v1: its U-Net"),
        (lambda s: {"epoch": torch.zeros(1)}, "has no U-Net"),
        (lambda s: Evil(), r"holds posix.system and no table of weights"),
        (lambda s: [1, 2], "holds a list and no table of weights"),
    ],
)
def test_what_is_no_stable_diffusion_v1_is_refused(state, tmp_path, change, words):
    torch.save(change(state), str(tmp_path / "model.ckpt"))
    with pytest.raises(UserError, match=words):
        StableDiffusion.load(tmp_path / "model.ckpt")


@pytest.mark.skipif(not hasattr(torch, "float8_e4m3fn"), reason="this PyTorch has no fp8")
@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
def test_fp8_is_named(state, tmp_path, name):
    eight = {key: value.to(torch.float8_e4m3fn) if value.dim() == 4 else value for key, value in state.items()}
    if name.endswith("ckpt"):
        torch.save(eight, str(tmp_path / name))
    else:
        pytest.importorskip("safetensors.torch").save_file(eight, str(tmp_path / name))
    with pytest.raises(UserError, match=rf"{name}: holds 8-bit weights \(fp8\)"):
        StableDiffusion.load(tmp_path / name)


def test_a_checkpoint_is_known_by_its_content(state, checkpoint, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    expected = read_stable_diffusion(checkpoint)
    for name in ("model.ckpt", "MODEL.SAFETENSORS", "model"):
        safetensors.save_file({key: value.contiguous() for key, value in state.items()}, str(tmp_path / name))
        assert fingerprint(read_stable_diffusion(tmp_path / name)) == fingerprint(expected)
    (tmp_path / "pickle.safetensors").write_bytes(checkpoint.read_bytes())
    assert fingerprint(read_stable_diffusion(tmp_path / "pickle.safetensors")) == fingerprint(expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html>", "is a web page"),
        (b"", "is empty"),
        (b"\x1f\x8b\x08\0", "is packed with gzip"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"GGUF\3\0\0\0", "is a GGUF file"),
        (b"\x80\x04N.", "is a pickle that torch.save did not write"),
        (b'{"a": 1}', "is a text in JSON"),
        (b"\0" * 600, "is no file of tensors that is known"),
        (b"\0" * 257 + b"ustar" + b"\0" * 200, "is a tar archive"),
    ],
)
def test_what_is_no_checkpoint_at_all_is_named(tmp_path, content, words):
    (tmp_path / "model.ckpt").write_bytes(content)
    with pytest.raises(UserError, match=f"model.ckpt: {words}"):
        read_stable_diffusion(tmp_path / "model.ckpt")


def test_a_zip_around_the_file_is_told_to_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.ckpt", "w") as archive:
        archive.writestr("sd-v1-4.ckpt", b"...")
    with pytest.raises(UserError, match=r"model.ckpt: is a zip around 'sd-v1-4.ckpt'; unpack it"):
        read_stable_diffusion(tmp_path / "model.ckpt")


def test_a_truncated_checkpoint_is_refused(checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    for share in (0.001, 0.5, 0.999):
        (tmp_path / "model.ckpt").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match="may be truncated"):
            StableDiffusion.load(tmp_path / "model.ckpt")


def test_learned_words_take_the_place_of_their_ids(checkpoint):
    model = StableDiffusion.load(checkpoint)
    vectors = torch.arange(128.0).reshape(2, 64)
    model.learn_words([Embedding("<a>", torch.zeros(1, 64), {}), Embedding("<b>", vectors, {})])
    ids = torch.tensor([model.tokenizer()("x <b>").ids])
    embedded = model.embedded(ids)
    assert torch.equal(embedded[0, 2:4], vectors)
    table = model.text.token_embedding.weight
    assert torch.equal(embedded[0, 1], table[ids[0, 1]])
    # A word whose vector is a vocabulary token's own says what that token says.
    dog = model.tokenizer()("dog").ids[1]
    model.learn_words([Embedding("<c>", table[dog][None], {})])
    tokenizer = model.tokenizer()
    assert torch.allclose(*(model.encode([tokenizer(text)]) for text in ("a dog here", "a <c> here")), atol=1e-5)


def test_words_that_do_not_fit_are_refused(checkpoint):
    model = StableDiffusion.load(checkpoint)
    with pytest.raises(UserError, match="32 wide, the checkpoint's 64; it was learned for another model"):
        model.learn_words([Embedding("<a>", torch.zeros(1, 32), {})])
    with pytest.raises(UserError, match="dog: is in the vocabulary already"):
        model.learn_words([Embedding("dog", torch.zeros(1, 64), {})])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a Linux device")
def test_a_full_disk_is_said_so(state, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def full(path, durable):
        yield Path("/dev/full")

    monkeypatch.setattr("sfumato.checkpoints.torch_saving.atomic_path", full)
    networks = {name: {"weight": torch.ones(9)} for name in PREFIXES}
    with pytest.raises(OSError, match="No space left on device"):
        write_stable_diffusion(tmp_path / "model.ckpt", networks, 64)


def test_sizes_that_do_not_divide_are_refused(checkpoint):
    model = StableDiffusion.load(checkpoint)
    assert model.latent_shape(None, None) == (4, 8, 8)
    assert model.latent_shape(32, 8) == (4, 16, 4)
    with pytest.raises(UserError, match="height must be a multiple of 4 for this checkpoint, got 18"):
        model.latent_shape(18, 16)


def test_the_size_that_a_checkpoint_does_not_tell_is_512(state, tmp_path):
    torch.save({key: value for key, value in state.items() if key != SIZE_KEY}, str(tmp_path / "model.ckpt"))
    assert StableDiffusion.load(tmp_path / "model.ckpt").size == 512
