"""What a file of a LoRA or of Custom Diffusion is, by its content and without a checkpoint: for who looks at it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from torch import Tensor

from ..errors import UserError
from .custom_files import holds_custom
from .lora_alphas import Alphas
from .lora_files import lora_path
from .lora_keys import WIDTHS, LoraKey, looks_like_lora, other_kind, other_model, parsed
from .lora_metadata import OURS, TITLE, trained_words
from .lora_words import bundled
from .rebuilders import as_tensor
from .tensor_files import read_tensors


@dataclass(frozen=True)
class LoraInfo:
    """What is known of a file."""

    kind: str
    """LoRA, LoHa, LoKr, DoRA ..., or Custom Diffusion."""
    naming: str
    """kohya, kohya with CompVis' blocks, diffusers, diffusers until 0.20, or peft; nothing for other kinds."""
    architecture: str
    """Such as Stable Diffusion 1; nothing where neither names nor shapes tell it."""
    context: Optional[int]
    """Width of the texts' states that it was made for, where it changes what looks at them."""
    unet: int
    """How many layers of the U-Net it changes."""
    text: int
    """Of the text encoder."""
    ranks: Dict[int, int] = field(default_factory=dict)
    """Rank -> how many layers have it."""
    alphas: Dict[float, int] = field(default_factory=dict)
    """Alpha -> how many layers have it."""
    words: Tuple[str, ...] = ()
    """Learned words in it."""
    title: str = ""
    trigger: str = ""
    """What to say in a prompt, as the file tells it; else its words."""
    settings: Dict[str, str] = field(default_factory=dict)
    """Of the training: the metadata under ss_ and sfumato. without that beginning."""


def what_lora(path: Path) -> Optional[LoraInfo]:
    """What a LoRA's or Custom Diffusion's file is; None for a file of tensors, or a folder, that is neither.

    Raises:
        UserError: if the file cannot be read, or has words that cannot be.
    """
    path = Path(path)
    if path.is_dir():
        try:
            path = lora_path(path)
        except UserError:
            return None
    content, metadata = read_tensors(path)
    table = content.get("state_dict", content) if isinstance(content, dict) else {}
    if not isinstance(table, dict) or not (looks_like_lora(table) or holds_custom(table)):
        return None
    table = {key: value for key, value in table.items() if isinstance(key, str)}
    tensors = {key: tensor for key, tensor in ((k, as_tensor(v)) for k, v in table.items()) if tensor is not None}
    said = [(key, one) for key, one in ((key, parsed(key)) for key in tensors) if one is not None]
    context, custom = _context(tensors), holds_custom(table)
    kind = "Custom Diffusion" if custom else other_kind(table) or "LoRA"
    downs = {key: one for key, one in said if one.part == "down"}
    layers = {(_network(one), one.layer) for _, one in said}
    words = tuple(word.token for word in bundled(table, path)[0])
    return LoraInfo(
        kind=kind,
        naming="diffusers" if custom else next(iter(sorted({one.naming for one in downs.values()}, reverse=True)), ""),
        architecture=WIDTHS.get(context or 0, "") or other_model(table),
        context=context,
        unet=_custom_layers(table) if custom else sum(network == "unet" for network, _ in layers),
        text=sum(network == "text" for network, _ in layers),
        ranks=_counted([len(tensors[key]) for key in downs if tensors[key].dim()]),
        alphas=_counted(_alphas(path, metadata, tensors, downs)) if kind == "LoRA" else {},
        words=words,
        title=metadata.get(TITLE, ""),
        trigger=trained_words(metadata) or ", ".join(words),
        settings={
            key[len(begin) :]: text
            for begin in ("ss_", OURS)
            for key, text in sorted(metadata.items())
            if key.startswith(begin)
        },
    )


def _network(said: LoraKey) -> str:
    """unet or text, where the key does not say it by what is called so in neither."""
    return said.network or ("text" if "encoder_layers_" in said.layer else "unet")


def _context(tensors: Mapping[str, Tensor]) -> Optional[int]:
    """The width that keys and values of the text's attention take."""
    for key, tensor in tensors.items():
        plain = key.replace(".processor", "").replace(".", "_")
        inward = "lora_down" in plain or "lora_A" in plain or "custom_diffusion_weight" in plain
        if inward and ("attn2_to_k_" in plain or "attn2_to_v_" in plain) and tensor.dim() > 1:
            return tensor.shape[1]
    return None


def _custom_layers(table: Mapping[str, Any]) -> int:
    return sum(key.endswith("_custom_diffusion.weight") or key.endswith("_custom_diffusion.0.weight") for key in table)


def _alphas(
    path: Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor], downs: Mapping[str, LoraKey]
) -> Any:
    """The alpha of each layer, from its tensor or from the notes."""
    told = {one.layer: key for key, one in ((key, parsed(key)) for key in tensors) if one and one.part == "alpha"}
    notes: Optional[Alphas] = None
    found: List[float] = []
    for key, one in downs.items():
        alpha = tensors.get(told.get(one.layer, ""))
        if alpha is not None and alpha.numel() == 1 and not alpha.is_complex():
            found.append(float(alpha))
        elif tensors[key].dim():
            try:
                notes = notes or Alphas(path, metadata)
                found.append(notes.of(one._replace(network=_network(one)), len(tensors[key])))
            except UserError:
                return []  # it is looked at, not used: what it is can still be said
    return found


def _counted(numbers: Any) -> Dict[Any, int]:
    return {number: numbers.count(number) for number in sorted(set(numbers))}
