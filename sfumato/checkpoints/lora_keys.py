"""How files of LoRAs call their tensors, and what other models' and other kinds' are called.

| naming | a key |
|---|---|
| kohya | lora_unet_down_blocks_0_attentions_0_..._attn1_to_q.lora_down.weight, .lora_up.weight, .alpha |
| kohya with CompVis' blocks | lora_unet_input_blocks_1_1_..._attn1_to_q.lora_down.weight |
| diffusers, until 0.20 | unet.down_blocks.0...attn1.processor.to_q_lora.down.weight |
| diffusers | unet.down_blocks.0...attn1.to_q.lora.down.weight, unet....to_q.lora_A.weight |
| peft | base_model.model.down_blocks.0...attn1.to_q.lora_A.weight, ...lora_A.default.weight |

The text encoder's begin with lora_te_ or text_encoder. (with .lora_linear_layer.down.weight in the middle versions of
diffusers). What a layer is called is the same in all once points are underscores.
"""

import re
from typing import Any, Iterable, Mapping, NamedTuple, Optional

_PART = re.compile(
    r"(.+?)(?:([._])lora[._](down|up|mid)|\.lora_linear_layer\.(down|up)|\.lora_([AB])(\.(?!weight$|bias$)[^.]+)?)"
    r"(?:\.weight)?|(.+)\.alpha"
)
_BEGINNINGS = (
    ("lora_unet_", "unet"),
    ("lora_te_", "text"),
    ("lora_te1_", "text"),  # XL's first, and what diffusers' conversion to kohya's names calls version 1's too
    ("unet.base_model.model.", "unet"),
    ("text_encoder.base_model.model.", "text"),
    ("unet.", "unet"),
    ("text_encoder.", "text"),
    ("base_model.model.unet.", "unet"),
    ("base_model.model.text_encoder.", "text"),
    ("base_model.model.", ""),
    ("diffusion_model.", "unet"),
)
_COMPVIS = re.compile(r"(input|output)_blocks_\d|middle_block_\d")

_OTHER_MODELS = (
    (r"(.*[._])?(single_transformer_blocks|double_blocks|single_blocks)[._]\d", "Flux"),
    (r"(.*[._])?(joint_blocks[._]\d|transformer_blocks[._]\d+[._]attn[._])", "Stable Diffusion 3"),
    (r"lora_prior_|prior_(unet|te)", "Stable Cascade"),
    (
        r"lora_te2_|text_encoder_2\.|.*(label_emb|add_embedding)[._]|.*[._]transformer_blocks[._]([1-9]|\d\d)[._]",
        "Stable Diffusion XL",
    ),
    (r".*blocks[._]\d+[._](self_attn|cross_attn|attention)[._](q|k|v|o|qkv|to_q)\b", "a video or transformer model"),
)
"""How a key that is none of version 1's begins -> the model that it is for."""

WIDTHS = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
"""Of the text's states -> the model that they tell what to paint."""

_OTHER_KINDS = (
    (r"\.hada_[wt]\d", "LoHa"),
    (r"\.lokr_[wt]\d", "LoKr"),
    (r"\.dora_scale$|\.lora_magnitude_vector\b", "DoRA"),
    (r"\.oft_(blocks|diag|R)\b|\.oft_r\b", "OFT"),
    (r"\.on_input$|\.ia3_l\b", "IA3"),
    (r"\.(a1|a2|b1|b2|bm1|bm2)\.weight$", "GLoRA"),
    (r"\.(w_norm|b_norm)$", "norm"),
    (r"\.(diff|diff_b|set_weight)$", "full weights (diff)"),
)
"""How a key ends -> the kind, of LyCORIS and others, that it is part of."""

_IS_LORA = re.compile(r"(lora_(unet|te\d?|prior\w*|transformer)|lycoris)_|.*[._]lora[._]|bundle_emb\.")


class LoraKey(NamedTuple):
    """What a key says of its tensor."""

    network: str
    """unet, text, or nothing where it does not say."""
    module: str
    """As diffusers, peft or kohya write it, without what stands before and behind."""
    part: str
    """down, up, mid or alpha."""
    naming: str

    @property
    def layer(self) -> str:
        """The module with underscores for points: the same in every naming."""
        return self.module.replace(".", "_")


def parsed(key: str) -> Optional[LoraKey]:
    """What a key says; None for one of no known form."""
    found = _PART.fullmatch(key)
    if found is None:
        return None
    named, joint, middle, linear, letter, adapter, with_alpha = found.groups()
    part = "alpha" if with_alpha else middle or linear or {"A": "down", "B": "up"}[letter]
    name: str = named or with_alpha
    begin, network = next((one for one in _BEGINNINGS if name.startswith(one[0])), ("", ""))
    module = name[len(begin) :]
    if name.startswith("lora_"):
        naming = "kohya with CompVis' blocks" if _COMPVIS.match(module) else "kohya"
    elif "base_model." in begin or adapter:
        naming = "peft"
    else:
        naming = "diffusers until 0.20" if ".processor" in module or joint == "_" else "diffusers"
    return LoraKey(network, _plain(module), part, naming)


def _plain(module: str) -> str:
    """A module's name without what old versions of diffusers put into it."""
    module = re.sub(r"\.processor(?=\.|$)", "", module)
    if re.search(r"self_attn\.to_(q|k|v|out)$", module):
        return re.sub(r"to_(q|k|v|out)$", r"\1_proj", module)
    return f"{module}.0" if module.endswith(".to_out") else module


def other_model(keys: Iterable[str]) -> str:
    """The model, none of version 1, that a LoRA with such keys is for; nothing if none of them says so."""
    return _first(_OTHER_MODELS, [key for key in keys if not key.startswith("bundle_emb.")], match=True)


def other_kind(keys: Iterable[str]) -> str:
    """The kind of a file that is no plain LoRA; nothing if none of its keys says so."""
    return _first(_OTHER_KINDS, list(keys), match=False)


def _first(table: Any, keys: Any, match: bool) -> str:
    for pattern, what in table:
        look = re.compile(pattern).match if match else re.compile(pattern).search
        if any(look(key) for key in keys):
            return what
    return ""


def looks_like_lora(table: Mapping[Any, Any]) -> bool:
    """Whether a file's table has keys of LoRAs or of their relatives."""
    keys = [key for key in table if isinstance(key, str)]
    return any(_IS_LORA.match(key) for key in keys) or bool(other_kind(keys))
