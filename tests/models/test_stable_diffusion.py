"""Stable Diffusion's networks against the original ones, with weights made by formula."""

import json

import numpy as np
import pytest
import torch

from sfumato.checkpoints import PREFIXES, filled
from sfumato.models.layers import attention
from sfumato.models.stable_diffusion import VAE, TextConfig, TextEncoder, UNet, UNetConfig, VAEConfig
from sfumato.models.stable_diffusion.shapes import text_config, unet_config, vae_config
from sfumato.models.stable_diffusion.tokenizer import VOCABULARY, Tokenizer
from sfumato.models.stable_diffusion.vae import LATENT_SCALE
from tests.reference.formula_weights import state_dict_from

MANIFESTS = {"unet": "sd_v1.unet_vae.keys.json", "vae": "sd_v1.unet_vae.keys.json", "text": "sd_v1.text.keys.json"}


def network_of(network_class, name, reference):
    prefix = PREFIXES[name]
    state = {
        key[len(prefix) :]: value
        for key, value in state_dict_from(reference / MANIFESTS[name], prefix).items()
        if not key.endswith("position_ids")
    }
    return filled(network_class, state, reference, name)


def drawn(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def apart(ours, theirs):
    theirs = torch.from_numpy(theirs)
    return float((ours - theirs).norm() / theirs.norm())


def test_the_u_net_is_the_originals(reference):
    stored = np.load(reference / "sd_v1.npz")
    unet = network_of(UNet, "unet", reference)
    assert sum(value.numel() for value in unet.parameters()) == 859_520_964
    eps = unet(drawn(9, 2, 4, 16, 24), torch.from_numpy(stored["t"]), drawn(10, 2, 77, 768))
    assert apart(eps, stored["unet_eps"]) < 2e-5


def test_the_autoencoder_is_the_originals(reference):
    stored = np.load(reference / "sd_v1.npz")
    vae = network_of(VAE, "vae", reference)
    moments = torch.cat(vae.moments(drawn(7, 1, 3, 64, 96).clamp(-1, 1)), dim=1)
    assert apart(moments, stored["vae_moments"]) < 2e-5
    decoded = vae.decode(LATENT_SCALE * drawn(8, 1, 4, 8, 12))[:, :, ::2, ::2]
    assert apart(decoded, stored["vae_decoded"]) < 2e-5


def test_the_text_encoder_is_the_originals(reference):
    stored = np.load(reference / "clip_text.npz")
    text = network_of(TextEncoder, "text", reference)
    assert apart(text(torch.from_numpy(stored["ids"]))[:, ::8, ::4], stored["hidden"]) < 2e-5


def test_prompts_become_the_original_ids(reference):
    tokenizer = Tokenizer()
    prompts = json.loads((reference / "clip_text.prompts.json").read_text())
    for prompt, ids in zip(prompts, np.load(reference / "clip_text.npz")["ids"]):
        assert tokenizer(prompt).ids == ids.tolist(), prompt


def test_configs_are_read_from_shapes(reference):
    shapes = {name: {} for name in PREFIXES}
    for manifest in set(MANIFESTS.values()):
        for key, shape in json.loads((reference / manifest).read_text()).items():
            for name, prefix in PREFIXES.items():
                if key.startswith(prefix):
                    shapes[name][key[len(prefix) :]] = shape
    assert unet_config(shapes["unet"]) == UNetConfig()
    assert vae_config(shapes["vae"]) == VAEConfig()
    assert text_config(shapes["text"]) == TextConfig()
    small = UNetConfig(width=64, multipliers=(1, 3), blocks=3, attention=(1,), depth=2, context=32)
    assert unet_config({key: list(value.shape) for key, value in UNet(small).state_dict().items()}) == small
    with pytest.raises(KeyError):
        unet_config({"input_blocks.0.0.weight": [32, 4, 3, 3]})


def test_what_is_cut_off_is_told():
    tokenizer = Tokenizer(length=7)
    assert tokenizer("one two three four five") == ([49406, 637, 1237, 2097, 2721, 3127, 49407], "")
    assert tokenizer("one two  three four five six seven").cut == "six seven"
    assert tokenizer("one two three four five six").ids == tokenizer("one two three four five").ids


def test_a_learned_word_is_whole_wherever_it_stands():
    tokenizer = Tokenizer({"<new1>": 2, "<new1>-b": 1}, length=10)
    first, second, other = VOCABULARY, VOCABULARY + 1, VOCABULARY + 2
    plain = Tokenizer(length=10)
    assert tokenizer("a<new1>.").ids[:5] == [49406, plain("a").ids[1], first, second, plain(".").ids[1]]
    assert tokenizer("<new1>-b").ids[:3] == [49406, other, 49407]
    assert tokenizer("one two three four five six seven <new1>").cut == "<new1>"
    assert plain("<new1>").ids[1] < VOCABULARY
    assert plain.known("dog")
    assert not plain.known("<new1>")
    assert tokenizer.known("<new1>")


def test_words_of_any_case_are_found_where_a_word_begins_and_ends():
    tokenizer = Tokenizer({"<art>": 1, "Art": 2}, length=10, any_case={"Art"}, also={"<me>": "Art"})
    exact, first, second = VOCABULARY, VOCABULARY + 1, VOCABULARY + 2
    for text in ("art", "ART", "<Art>", "<me>"):
        assert tokenizer(text).ids[:4] == [49406, first, second, 49407], text
    assert tokenizer("<art>").ids[:3] == [49406, exact, 49407], "letter for letter goes before any case"
    assert tokenizer.words("a party, art-like <ME>, Art") == ["Art"]
    assert tokenizer.without_words("an art <ME> of <art>") == "an   <ME> of  "
    assert tokenizer("a party").ids == Tokenizer(length=10)("a party").ids
    assert tokenizer("one two three four five six seven art").cut == "art"


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_same_in_slices(causal, monkeypatch):
    """What torch 1.11 computes, a few heads at a time, and what torch 2 fuses."""
    source = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 4, generator=source) for _ in range(3))
    logits = query @ key.transpose(-1, -2) / 2
    if causal:
        logits = logits + torch.full((5, 5), float("-inf")).triu(1)
    expected = torch.softmax(logits, dim=-1) @ value
    assert torch.allclose(attention(query, key, value, causal), expected, atol=1e-6)
    monkeypatch.delattr("torch.nn.functional.scaled_dot_product_attention", raising=False)
    monkeypatch.setattr("sfumato.models.layers._LARGEST_WEIGHTS", 250)  # two of six heads at once
    assert torch.allclose(attention(query, key, value, causal), expected, atol=1e-6)
