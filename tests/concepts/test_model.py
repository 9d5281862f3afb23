"""Checkpoints of all layouts give the same model; those of other models are refused by name."""

import os

import pytest
import torch

from sfumato.checkpoints import SIZE_KEY, Embedding, Parts, fingerprint, read_stable_diffusion
from sfumato.concepts.model import StableDiffusion
from sfumato.errors import UserError
from tests.concepts.conftest import AUTOENCODER, TEXT, UNET

UNET_KEY = "model.diffusion_model.input_blocks.0.0.weight"


class ModelCheckpoint:
    """Stands for Lightning's callback, by whose class the callbacks of a real checkpoint are keyed."""

    def __init__(self):
        self.best_model_path = "nowhere"


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


def test_lightnings_objects_inside_do_no_harm(state, tmp_path):
    torch.save({"state_dict": state, "callbacks": {ModelCheckpoint: ModelCheckpoint()}}, str(tmp_path / "model.ckpt"))
    assert StableDiffusion.load(tmp_path / "model.ckpt").unet.config == UNET


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
        (lambda s: _without(s, "first_stage_model."), r"has no vae \(first_stage_model"),
        (lambda s: {**s, "lora.up": torch.zeros(1)}, "has the unknown lora.up"),
        (lambda s: {**s, UNET_KEY: torch.full((32, 4, 3, 3), float("nan"))}, "holds NaN or infinity in input_blocks"),
        (lambda s: _without(s, "model.diffusion_model.out.2"), r"lacks out\.2\.weight, out\.2\.bias"),
        (lambda s: _without(s, "model.diffusion_model.middle_block.1"), "is no Stable Diffusion v1: its U-Net"),
        (lambda s: {"epoch": torch.zeros(1)}, "has no unet"),
        (lambda s: Evil(), "refused: it calls"),
        (lambda s: [1, 2], "holds no state_dict"),
    ],
)
def test_what_is_no_stable_diffusion_v1_is_refused(state, tmp_path, change, words):
    torch.save(change(state), str(tmp_path / "model.ckpt"))
    with pytest.raises(UserError, match=words):
        StableDiffusion.load(tmp_path / "model.ckpt")


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


def test_sizes_that_do_not_divide_are_refused(checkpoint):
    model = StableDiffusion.load(checkpoint)
    assert model.latent_shape(None, None) == (4, 8, 8)
    assert model.latent_shape(32, 8) == (4, 16, 4)
    with pytest.raises(UserError, match="height must be a multiple of 4 for this checkpoint, got 18"):
        model.latent_shape(18, 16)


def test_the_size_that_a_checkpoint_does_not_tell_is_512(state, tmp_path):
    torch.save({key: value for key, value in state.items() if key != SIZE_KEY}, str(tmp_path / "model.ckpt"))
    assert StableDiffusion.load(tmp_path / "model.ckpt").size == 512
