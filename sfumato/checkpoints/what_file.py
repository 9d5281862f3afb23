"""What a file of tensors is, by its content alone: for who looks at it, and has nothing that it should fit."""

import collections
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from torch import Tensor

from ..errors import UserError
from .embeddings import CUSTOM, read_embeddings
from .found_words import words_in
from .learned_files import read_learned
from .lora_info import LoraInfo, what_lora
from .lora_keys import WIDTHS
from .lora_metadata import told_settings
from .other_models import what_model
from .rebuilders import as_tensor
from .stable_diffusion import PREFIXES, SIZE_KEY
from .stand_ins import described, shortened
from .strict import some
from .tensor_files import Content, read_tensors
from .texts import parsed_json
from .vae_files import holds_vae
from .word_converting import holds_words

_OURS = {
    "sfumato diffusion 1": "diffusion model",
    "sfumato digits 1": "diffusion model of digits",
    "sfumato faces 1": "diffusion model of faces",
    "sfumato digit judge 1": "judge of digits (a classifier)",
    "sfumato world judge 1": "judge of the small world (a classifier)",
    "sfumato world autoencoder 1": "autoencoder (VAE) of a small world",
    "sfumato encoder 1": "encoder of pictures, which a training is aligned to",
    "sfumato digit features 1": "features of real digits, by judges",
}
"""The format in a file's metadata -> what it is."""
_BY_KEYS = (
    (r"conv1\.weight$", r"fc3\.weight$", "classifier of digits, as the course's Classifier.pth"),
    (r"time\.1\.weight$", r"downs?\.", "U-Net of faces, as the course's UNet.pt"),
    (r"Conv2d_1a_3x3\.", r"Mixed_7c\.", "Inception, by whose features pictures are compared"),
    (r"text_model\.", r"vision_model\.", "CLIP, both halves"),
)
"""Two keys that begin so -> what the file is."""
_CONTEXT = re.compile(r".*attn2\.to_k\.weight")
_INSIDE = ("state_dict", "model", "params_ema", "params")
_FEW = 8


class WhatFile(NamedTuple):
    """What is known of a file."""

    kind: str
    facts: Dict[str, str]
    """What is told of it -> in words."""


def what_file(path: Path) -> WhatFile:
    """What a file of tensors is; nothing that it names is run.

    Args:
        path: of a file, or of a folder of peft's or diffusers' with a LoRA in it.

    Raises:
        UserError: if it cannot be read, or is no file of tensors; what it is instead is named.
    """
    lora = what_lora(path)
    if lora is not None:
        return WhatFile(lora.kind, _of_lora(lora))
    content = read_tensors(path)
    kind, facts = _told(path, content)
    note = content.metadata.get("note", "")
    return WhatFile(kind, {**facts, **({"made by": shortened(note, 300)} if note else {}), **_sizes(content.value)})


def _told(path: Path, content: Content) -> Tuple[str, Dict[str, str]]:
    value, metadata = content
    named = _OURS.get(metadata.get("format", ""))
    if named is not None:
        return named, _of_model(metadata)
    if {"step", "settings", "sha256"} <= set(metadata):
        return "saved state of a training", {"step": shortened(metadata["step"])}
    if metadata.get("format") == CUSTOM:
        learned = read_learned(path)
        words = ", ".join(word.token for word in learned.words)
        told = {"words": words or "none", "layers": f"{len(learned.additions)} that are added to"}
        return "Custom Diffusion (sfumato's)", {**told, **_settings(learned.metadata)}
    tensor = as_tensor(value)
    if tensor is not None and not _is_word(path):
        return "a tensor alone, such as the noise of a picture", {"shape": str(list(tensor.shape))}
    table = _table(value)
    if table is None:
        return _word(path) or ("unknown", {"holds": described(value)})
    whole = _of_checkpoint(table) or _of_parts(table)
    if whole is not None:
        return whole
    return _word(path) or ("unknown", {"its first keys": some(list(map(str, table)))})


def _of_checkpoint(table: Mapping[str, Any]) -> Optional[Tuple[str, Dict[str, str]]]:
    """A whole checkpoint with CompVis' prefixes, of version 1 or what it is instead."""
    unet = {key: value for key, value in table.items() if key.startswith(PREFIXES["unet"])}
    if not unet:
        return None
    other, width = what_model(table), next((_length(v, 1) for key, v in unet.items() if _CONTEXT.fullmatch(key)), None)
    facts = {"texts' states": f"{width} wide"} if width else {}
    if other:
        return f"checkpoint of {other}", facts
    first = _length(unet.get(f"{PREFIXES['unet']}input_blocks.0.0.weight"), 0)
    size, parts = table.get(SIZE_KEY), ("unet", "vae", "text")
    there = {name: any(key.startswith(PREFIXES[name]) for key in table) for name in parts}
    words = {"unet": "U-Net", "vae": "autoencoder", "text": "text encoder"}
    facts["networks"] = ", ".join(words[name] for name in parts if there[name])
    if not all(there.values()):
        facts["lacks"] = ", ".join(words[name] for name in parts if not there[name])
        facts["lacks"] += " (give one with --vae)" if there["text"] and not there["vae"] else ""
    if isinstance(size, Tensor) and size.numel() == 1:
        facts["pictures"] = f"{int(size)} pixels wide"
    if first == 320 and width in WIDTHS:
        return f"checkpoint of {WIDTHS[width]}", facts
    return f"checkpoint of a small world (Stable Diffusion 1 with {first} channels)", facts


def _of_parts(table: Mapping[str, Any]) -> Optional[Tuple[str, Dict[str, str]]]:
    """A network alone, of ours or of others."""
    for one, other, what in _BY_KEYS:
        if all(any(re.match(pattern, key) for key in table) for pattern in (one, other)):
            return what, {}
    if holds_vae(table):
        naming = "diffusers" if any(".down_blocks." in key for key in table) else "CompVis"
        width = _length(table.get("decoder.conv_in.weight"), 1) or 0
        other = "" if width == 4 else f", of another model than Stable Diffusion 1 ({width} channels)"
        return f"autoencoder (VAE) alone{other}", {"naming": naming, "use": "--vae"}
    other = what_model(table)
    if not other or other.startswith("a learned word"):
        return None
    context = next((_length(value, 1) for key, value in table.items() if _CONTEXT.fullmatch(key)), None)
    model = {"architecture": WIDTHS[context]} if context in WIDTHS else {}
    return other, model


def _of_lora(lora: LoraInfo) -> Dict[str, str]:
    facts = {
        "naming": lora.naming,
        "architecture": lora.architecture or ("Stable Diffusion 1 by its names" if lora.kind == "LoRA" else ""),
        "texts' states": f"{lora.context} wide" if lora.context else "",
        "layers": f"{lora.unet} of the U-Net, {lora.text} of the text encoder",
        "rank": _counts(lora.ranks),
        "alpha": _counts(lora.alphas),
        "words": ", ".join(map(shortened, lora.words)),
        "title": shortened(lora.title),
        "triggered by": "" if lora.trigger == ", ".join(lora.words) else lora.trigger,
    }
    return {**{name: text for name, text in facts.items() if text}, **_settings(told_settings(lora.settings))}


def _of_model(metadata: Mapping[str, str]) -> Dict[str, str]:
    """What our own models' files say of themselves."""
    facts = {}
    for name in ("model", "config"):
        try:
            told = parsed_json(metadata.get(name, "{}"), ours=True, twice={})
        except ValueError:
            continue
        shown = told.items() if isinstance(told, dict) else ()
        facts.update({key: _short(value) for key, value in shown if value not in (None, "", [], {})})
    return facts


def _word(path: Path) -> Optional[Tuple[str, Dict[str, str]]]:
    """Learned words; None where there are none that prompts could use."""
    if not _is_word(path):
        return None
    try:
        words = read_embeddings(path)
    except UserError as fault:
        return "a learned word that cannot be used", {"why": str(fault).partition(": ")[2]}
    facts = {"words": ", ".join(f"{shortened(word.token)} ({len(word.vectors)})" for word in words[:_FEW])}
    width = words[0].vectors.shape[1]
    facts["texts' states"] = f"{width} wide{', ' + WIDTHS[width] if width in WIDTHS else ''}"
    return "learned word" if len(words) == 1 else f"{len(words)} learned words", {
        **facts,
        **_settings(words[0].metadata),
    }


def _is_word(path: Path) -> bool:
    """Whether a file's content is learned words by what names or shape say."""
    try:
        found = words_in(read_tensors(path).value, path) if holds_words(path) else []
    except UserError:
        return True  # it is one, of another model
    return bool(found) and all(one.vectors.dim() == 2 for one in found)


def _settings(told: Mapping[str, str]) -> Dict[str, str]:
    return {name: _short(text) for name, text in told.items() if name not in ("format", "token") and text}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return shortened(" ".join(text.split()), 100)


def _table(value: Any) -> Optional[Dict[str, Any]]:
    """The table of weights, out of what trainers wrap it in; None for what is none."""
    if not isinstance(value, dict) or not value:
        return None
    inside = next((value[name] for name in _INSIDE if isinstance(value.get(name), dict) and value[name]), value)
    return {key: one for key, one in inside.items() if isinstance(key, str)} or None


def _length(value: Any, axis: int) -> Optional[int]:
    """The length of a tensor along an axis; None where there is none."""
    return value.shape[axis] if isinstance(value, Tensor) and value.dim() > axis else None


def _counts(counts: Mapping[Any, int]) -> str:
    if len(counts) == 1:
        return f"{next(iter(counts)):g}"
    return ", ".join(f"{number:g} ({count} layers)" for number, count in counts.items())


def _sizes(value: Any) -> Dict[str, str]:
    """How many tensors and numbers, and of which types."""
    tensors: List[Tensor] = []
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        tensor = as_tensor(one)
        if tensor is not None:
            tensors.append(tensor)
        elif isinstance(one, dict):
            waiting += list(one.values())
        elif isinstance(one, (list, tuple)):
            waiting += list(one)
    types = collections.Counter(str(tensor.dtype).replace("torch.", "") for tensor in tensors)
    numbers = sum(tensor.numel() for tensor in tensors)
    said = ", ".join(f"{count} {name}" for name, count in sorted(types.items()))
    return {"tensors": f"{len(tensors)} of {numbers:,} numbers ({said})"} if tensors else {}
