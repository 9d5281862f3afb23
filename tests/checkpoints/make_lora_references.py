"""What diffusers and peft make of LoRAs and Custom Diffusion in every naming: lora_references.json and .npz.

    pip install torch diffusers peft transformers safetensors
    PYTHONHASHSEED=0 HF_HUB_OFFLINE=1 python -m tests.checkpoints.make_lora_references

The networks are small and, as the LoRAs, have the weights of tests/reference/formula_weights.py: functions of key and
shape. So the files need not be kept, only their keys, shapes, notes, and what the networks answered with them.
Made with diffusers 0.36.0, peft 0.21.2, transformers 4.57.6 and PyTorch 2.14.1.
"""

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import torch

from sfumato.checkpoints.diffusers_layout import unet_keys
from tests.reference.formula_weights import tensor_for

HERE = Path(__file__).parent
SHAPE = {"width": 32, "multipliers": (1, 2), "blocks": 1, "attention": (1,), "heads": 4, "context": 16}
TEXT = {"vocabulary": 50, "tokens": 16, "width": 64, "layers": 2, "inner": 96}
SALT = "lora"


def drawn(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def asked():
    """What the networks are asked: latents, times, texts' states, ids."""
    return drawn(1, 1, 4, 8, 8), torch.tensor([500]), drawn(2, 1, 5, 16), torch.arange(7)[None] * 5


def new_unet():
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    )
    ours = unet_keys(list(unet.state_dict()))
    unet.load_state_dict({key: tensor_for(ours[key], v.shape, SALT) for key, v in unet.state_dict().items()})
    return unet.requires_grad_(False)


def new_text():
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=50,
        max_position_embeddings=16,
        hidden_size=64,
        num_hidden_layers=2,
        intermediate_size=96,
        num_attention_heads=1,
        hidden_act="quick_gelu",
        eos_token_id=2,
    )
    text = CLIPTextModel(config)
    outer = "" if any(key.startswith("text_model.") for key in text.state_dict()) else "text_model."
    text.load_state_dict({key: tensor_for(outer + key, v.shape, SALT) for key, v in text.state_dict().items()})
    return text.requires_grad_(False)


def pipeline():
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    needless = dict.fromkeys(("vae", "tokenizer", "safety_checker", "feature_extractor"))
    networks = {"unet": new_unet(), "text_encoder": new_text()}
    return StableDiffusionPipeline(**needless, **networks, scheduler=DDIMScheduler(), requires_safety_checker=False)


@torch.no_grad()
def answers(unet, text):
    x, t, context, ids = asked()
    return {"unet": unet(x, t, context).sample.numpy(), "text": text(ids).last_hidden_state.numpy()}


ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYWHERE = [*ATTENTION, "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2", "conv_shortcut"]
EVERYWHERE += [
    "time_emb_proj",
    "conv_in",
    "conv_out",
    "linear_1",
    "linear_2",
    "downsamplers.0.conv",
    "upsamplers.0.conv",
]
WORDS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def adapted(targets, of_text, **config):
    """Networks with peft's LoRAs, whose state dicts tell the keys."""
    from peft import LoraConfig

    unet, text = new_unet(), new_text()
    unet.add_adapter(LoraConfig(target_modules=targets, init_lora_weights="gaussian", **config))
    if of_text:
        text.add_adapter(LoraConfig(target_modules=of_text, **config))
    return unet, text


def filled(state):
    return {key: v if v.dim() == 0 else tensor_for(key, v.shape, SALT) for key, v in state.items()}


def saved(**layers):
    """A file as diffusers' own saving makes it: keys -> tensors, metadata."""
    from diffusers import StableDiffusionPipeline
    from safetensors import safe_open

    with tempfile.TemporaryDirectory() as folder:
        StableDiffusionPipeline.save_lora_weights(folder, **layers)
        with safe_open(Path(folder) / "pytorch_lora_weights.safetensors", "pt") as file:
            keys = list(file.keys())
            return {key: file.get_tensor(key) for key in keys}, dict(sorted((file.metadata() or {}).items()))


def states(unet, text, converted):
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import get_peft_model_state_dict

    convert = convert_state_dict_to_diffusers if converted else dict
    found = {"unet_lora_layers": convert(get_peft_model_state_dict(unet))}
    if hasattr(text, "peft_config"):
        found["text_encoder_lora_layers"] = convert(get_peft_model_state_dict(text))
    return found


def loaded(state, metadata):
    """The networks with a file's LoRA, put there by diffusers' own loader."""
    from safetensors.torch import save_file

    pipe = pipeline()
    with tempfile.TemporaryDirectory() as folder:
        save_file(state, str(Path(folder) / "lora.safetensors"), metadata=metadata or {"format": "pt"})
        pipe.load_lora_weights(folder, weight_name="lora.safetensors")
    return answers(pipe.unet, pipe.text_encoder)


def of_diffusers(targets, of_text, converted=True, noted=False, **config):
    """As diffusers' example scripts save a training: by default without a word on alpha, which is the rank then."""
    from diffusers.training_utils import _collate_lora_metadata

    unet, text = adapted(targets, of_text, **config)
    notes = _collate_lora_metadata({"unet": unet, "text_encoder": text if of_text else None}) if noted else {}
    state, metadata = saved(**states(unet, text, converted), **notes)
    state = filled(state)
    return state, metadata, {}, loaded(state, metadata)


def old_diffusers():
    """As diffusers saved before it had peft (0.14 to 0.20): one processor an attention."""
    state = {}
    for key, value in of_diffusers(ATTENTION, WORDS[:4], r=3)[0].items():
        old = re.sub(r"\.(attn\d)\.(to_(?:q|k|v|out))(?:\.0)?\.lora\.", r".\1.processor.\2_lora.", key)
        old = re.sub(r"\.(q|k|v|out)_proj\.lora_linear_layer\.", r".to_\1_lora.", old)
        assert old != key, key
        state[old] = tensor_for(old, value.shape, SALT)
    return state, {}, {}, loaded(state, {})


def kohya(targets, of_text, alpha, **config):
    """As diffusers translates to kohya's names; its loader takes alpha from there."""
    from diffusers.utils import convert_state_dict_to_kohya

    found = states(*adapted(targets, of_text, **config), converted=False)
    unet = {f"unet.{key}": value for key, value in found["unet_lora_layers"].items()}
    text = {f"text_encoder.{key}": value for key, value in found.get("text_encoder_lora_layers", {}).items()}
    # kohya's own scripts say te, not te1, and have the outer name that transformers 5 has no more.
    names = convert_state_dict_to_kohya({**unet, **text})
    names = {re.sub(r"^lora_te1_(text_model_)?", "lora_te_text_model_", key): v for key, v in names.items()}
    state = filled(names)
    for key in list(state):
        if alpha is not None and key.endswith("lora_down.weight"):
            # One number for all: diffusers' loader mixes up several.
            state[key.replace("lora_down.weight", "alpha")] = torch.tensor(alpha)
    return state, {}, {}, loaded(state, {})


def of_peft(adapter_named=False, **config):
    """As peft saves a U-Net that it wraps itself: adapter_model.safetensors, adapter_config.json."""
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    model = get_peft_model(new_unet(), LoraConfig(target_modules=[*ATTENTION, "proj_in"], **config))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        names = load_file(str(Path(folder) / "adapter_model.safetensors"))
        note = json.loads((Path(folder) / "adapter_config.json").read_text())
    if adapter_named:
        names = {re.sub(r"lora_([AB])", r"lora_\1.default", key): value for key, value in names.items()}
    state = filled(names)
    set_peft_model_state_dict(model, {key.replace(".default", ""): value for key, value in state.items()})
    return state, {}, note, answers(model, new_text())


def custom_diffusion(query_too):
    """As diffusers' example script saves: every attention's processor, those without weights as empty tables."""
    from diffusers.models.attention_processor import CustomDiffusionAttnProcessor

    unet = new_unet()
    widths = {name: v.shape[0] for name, v in unet.state_dict().items() if name.endswith("to_q.weight")}
    processors = {}
    for name in unet.attn_processors:
        trained = ".attn2." in name
        width = widths[name.replace("processor", "to_q.weight")]
        processors[name] = CustomDiffusionAttnProcessor(trained, trained and query_too, width, 16 if trained else None)
    unet.set_attn_processor(processors)
    with tempfile.TemporaryDirectory() as folder:
        unet.save_attn_procs(folder, safe_serialization=False)
        path = Path(folder) / "pytorch_custom_diffusion_weights.bin"
        state = torch.load(path, weights_only=True)
        state = {key: tensor_for(key, v.shape, SALT) if torch.is_tensor(v) else v for key, v in state.items()}
        torch.save(state, path)
        pipe = pipeline()
        # Without the pipeline diffusers 0.36 reads the file and changes nothing.
        pipe.unet.load_attn_procs(folder, weight_name=path.name, _pipeline=pipe)
    return state, {}, {}, answers(pipe.unet, pipe.text_encoder)


SOME = {"rank_pattern": {"attn1.to_q": 2, "proj_in": 1}, "alpha_pattern": {"attn1.to_q": 6, "proj_in": 5}}

CASES = {
    # conv_in, conv_out and those of the time are left out by diffusers' loader of kohya's names.
    "kohya, all layers, alpha": lambda: kohya(EVERYWHERE[:-6] + EVERYWHERE[-2:], WORDS, 1.5, r=2),
    "kohya, attention, no alpha": lambda: kohya(ATTENTION, [], None, r=4),
    "diffusers until 0.20": old_diffusers,
    "diffusers": lambda: of_diffusers(ATTENTION, WORDS, r=2, lora_alpha=7),
    # Converted, it has two namings, and its loader leaves out the attentions.
    "diffusers, all layers": lambda: of_diffusers(EVERYWHERE, WORDS, False, r=2, lora_alpha=7),
    "diffusers, noted": lambda: of_diffusers(["proj_in", *ATTENTION], WORDS, False, True, r=4, lora_alpha=3, **SOME),
    "peft": lambda: of_peft(r=4, lora_alpha=6, **SOME),
    "peft, adapter named, rank-stabilised": lambda: of_peft(True, r=4, lora_alpha=3, use_rslora=True),
    "custom diffusion": lambda: custom_diffusion(False),
    "custom diffusion, queries too": lambda: custom_diffusion(True),
}


def check_ours(state, answer):
    """What we write of a LoRA is read by diffusers' loader as what we read was."""
    from sfumato.checkpoints import LORA_NAMINGS, layer_shapes, read_lora, write_lora, write_safetensors
    from sfumato.models.stable_diffusion import TextConfig, TextEncoder, UNet, UNetConfig

    shapes = layer_shapes(UNet(UNetConfig(**SHAPE))), layer_shapes(TextEncoder(TextConfig(**TEXT)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lora.safetensors"
        for kind in LORA_NAMINGS:
            write_safetensors(path, state, {})
            write_lora(path, read_lora(path, *shapes), shapes[0], kind, torch.float32)
            pipe = pipeline()
            pipe.load_lora_weights(folder, weight_name=path.name)
            for key, value in answers(pipe.unet, pipe.text_encoder).items():
                assert np.abs(value - answer[key]).max() < 1e-5, (kind, key)


def kept(value):
    """A tensor as its shape, a lone number as itself."""
    if not torch.is_tensor(value):
        return value
    return list(value.shape) if value.dim() else float(value)


def note_of(value):
    """What JSON can hold of a config: sets are lists there."""
    return sorted(value) if isinstance(value, set) else str(value)


def main():
    manifest, arrays = {}, {}
    for number, (name, make) in enumerate(CASES.items()):
        state, metadata, note, answer = make()
        manifest[name] = {"state": {key: kept(v) for key, v in state.items()}, "metadata": metadata, "note": note}
        arrays.update({f"{number} {key}": value for key, value in answer.items()})
        if "kohya" in name or "20" in name:
            check_ours(state, answer)
        print(name, len(state), {key: float(np.abs(value).mean()) for key, value in answer.items()})
    lines = json.dumps(manifest, separators=(",", ":"), default=note_of)
    (HERE / "lora_references.json").write_text(lines + "\n")
    np.savez_compressed(HERE / "lora_references.npz", **arrays)


if __name__ == "__main__":
    main()
