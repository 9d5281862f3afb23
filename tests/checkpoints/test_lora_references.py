"""LoRAs and Custom Diffusion in every naming give what diffusers' and peft's own loaders give.

Their answers and the keys of the files are in lora_references; make_lora_references.py made both.
"""

import json
import re

import numpy as np
import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import (
    LORA_NAMINGS,
    layer_shapes,
    read_custom,
    read_lora,
    write_custom,
    write_lora,
    write_safetensors,
)
from sfumato.models.stable_diffusion import TextConfig, TextEncoder, UNet, UNetConfig
from tests.checkpoints.make_lora_references import HERE, SALT, SHAPE, TEXT, asked
from tests.reference.formula_weights import tensor_for

MANIFEST = json.loads((HERE / "lora_references.json").read_text())
LORAS = [name for name in MANIFEST if not name.startswith("custom")]


def networks():
    unet, text = UNet(UNetConfig(**SHAPE)).eval(), TextEncoder(TextConfig(**TEXT)).eval()
    for network in (unet, text):
        network.load_state_dict({key: tensor_for(key, v.shape, SALT) for key, v in network.state_dict().items()})
        network.requires_grad_(False)
    return unet, text


def written(name, folder, ending=".safetensors"):
    """The file of a case, as it was given to diffusers or peft."""
    case = MANIFEST[name]
    if case["note"]:
        (folder / "adapter_config.json").write_text(json.dumps(case["note"]))
    state = {
        key: value if isinstance(value, dict) else torch.tensor(value) if isinstance(value, float) else None
        for key, value in case["state"].items()
    }
    state = {key: tensor_for(key, case["state"][key], SALT) if v is None else v for key, v in state.items()}
    path = folder / f"lora{ending}"
    if ending == ".safetensors":
        write_safetensors(path, state, case["metadata"])
    else:
        torch.save(state, str(path))
    return path


def added(lora, unet, text):
    for layers, network in ((lora.unet, unet), (lora.text, text)):
        for name, one in layers.items():
            network.get_submodule(name).weight.data += one.delta()


def answers(unet, text):
    x, t, context, ids = asked()
    return {"unet": unet(x, t, context), "text": text(ids)}


def distances(name, unet, text):
    """Of our answers from theirs, relative to the answers."""
    arrays, number = np.load(HERE / "lora_references.npz"), list(MANIFEST).index(name)
    theirs = {key: torch.from_numpy(arrays[f"{number} {key}"]) for key in ("unet", "text")}
    return {key: float((value - theirs[key]).norm() / value.norm()) for key, value in answers(unet, text).items()}


@pytest.mark.parametrize("name", LORAS)
def test_the_networks_answer_as_with_the_loaders_of_others(name, tmp_path):
    unet, text = networks()
    lora = read_lora(written(name, tmp_path), layer_shapes(unet), layer_shapes(text))
    pairs = sum(re.search(r"lora[._](down|A)\b|layer\.down", key) is not None for key in MANIFEST[name]["state"])
    assert lora.unused == [] and len(lora.unet) + len(lora.text) == pairs
    before = distances(name, unet, text)
    added(lora, unet, text)
    after = distances(name, unet, text)
    assert before["unet"] > 1e-2 and (not lora.text or before["text"] > 1e-2)
    assert after["unet"] < 1e-5 and after["text"] < 1e-5


@pytest.mark.parametrize("name", LORAS)
def test_what_is_written_anew_answers_the_same(name, tmp_path):
    unet, text = networks()
    shapes = layer_shapes(unet), layer_shapes(text)
    lora = read_lora(written(name, tmp_path), *shapes)
    (tmp_path / "adapter_config.json").unlink(missing_ok=True)
    for kind in LORA_NAMINGS:
        write_lora(tmp_path / "again.safetensors", lora, shapes[0], kind, torch.float32)
        again = read_lora(tmp_path / "again.safetensors", *shapes)
        assert set(again.unet) == set(lora.unet) and set(again.text) == set(lora.text)
        for there, here in ((again.unet, lora.unet), (again.text, lora.text)):
            for layer, one in here.items():
                torch.testing.assert_close(there[layer].delta(), one.delta(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("ending", [".bin", ".safetensors"])
@pytest.mark.parametrize("name", [name for name in MANIFEST if name.startswith("custom")])
def test_custom_diffusions_weights_take_the_place_of_the_layers(name, ending, tmp_path):
    unet, text = networks()
    shapes = layer_shapes(unet)
    custom = read_custom(written(name, tmp_path, ".bin"), shapes)
    write_custom(tmp_path / f"again{ending}", custom, shapes, torch.float32)
    again = read_custom(tmp_path / f"again{ending}", shapes)
    assert custom.unused == [] == again.unused
    if ending == ".bin":
        file = torch.load(tmp_path / "again.bin")
        assert {key: list(v.shape) if torch.is_tensor(v) else v for key, v in file.items()} == MANIFEST[name]["state"]
    for table, kind in ((again.weights, "weight"), (again.biases, "bias")):
        for layer, value in table.items():
            getattr(unet.get_submodule(layer), kind).copy_(value)
    assert len(again.weights) == (16 if "queries" in name else 8)
    after = distances(name, unet, text)
    assert after["unet"] < 1e-5 and after["text"] < 1e-5
