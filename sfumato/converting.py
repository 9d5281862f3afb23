"""`sfumato concepts convert`: checkpoints, LoRAs and words from one format to another, LoRAs into checkpoints."""

import contextlib
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import torch

from .additions import given_of_any_kind, parted
from .checkpoints import (
    FORMATS,
    Parts,
    convert_words,
    holds_additions,
    holds_words,
    read_stable_diffusion,
    what_lora,
    write_stable_diffusion,
)
from .converting_additions import Written, convert_custom, convert_lora, join_custom
from .devices import DTYPES
from .errors import UserError
from .models.additions import summed
from .models.shipped import small_or
from .options import check_options, choice, number
from .outputs import holding
from .stable_diffusion import SMALL_WORLD, VAE_OPTION, Amount, StableDiffusion

NAMINGS = ("kohya", "diffusers", "sfumato")
"""Of LoRAs the first two, of Custom Diffusion the last two."""
_USED = {
    "a checkpoint": {"merge", "vae", "precision"},
    "a learned word": {"word", "pick", "rename", "metadata"},
    "a LoRA": {"merge", "rank", "naming", "checkpoint", "precision", "metadata"},
    "Custom Diffusion": {"merge", "naming", "checkpoint", "precision", "metadata"},
}
"""What the source is -> the options that do something for it."""


@dataclass
class ConvertOptions:
    """Convert a checkpoint of any layout to one with CompVis' keys, and a LoRA, Custom Diffusion or a learned word
    between formats."""

    source: Path
    """A checkpoint (.ckpt, .safetensors or a diffusers folder), the word "small" for the one that ships, or the file of
    a LoRA (or FILE:0.7 for as much of it), of Custom Diffusion, or of a learned word."""
    out: Path
    """The file to write: a checkpoint's ends in .safetensors or .ckpt, a LoRA's in .safetensors. For learned words a
    folder does too."""
    word: Optional[str] = choice(None, FORMATS)
    """The format of a learned word: sfumato (the default), diffusers, a1111, compvis, tokens, emb_params or bare."""
    pick: Optional[str] = None
    """Of a file of several words the one to take, such as <new1>."""
    rename: Optional[str] = None
    """Another token for the word, such as <new1>."""
    merge: Tuple[str, ...] = ()
    """LoRAs and files of --method custom, each FILE, FILE:0.8 or FILE:unet=0.8,text=0.3, that are added to the weights
    of the written checkpoint; words in them are no part of it. Where SOURCE is a LoRA: others that become one with it.
    Where it is a file of --method custom: others that are joined with it, each concept answered as by its own (Kumari
    et al. 2022, eq. 4)."""
    rank: Optional[int] = number(None, 1)
    """Of a written LoRA: the highest that a layer may have, kept by singular values; as high as is exact by default."""
    naming: Optional[str] = choice(None, NAMINGS)
    """kohya (the default of LoRAs, for A1111 and ComfyUI), diffusers, or sfumato (of Custom Diffusion alone)."""
    metadata: bool = True
    """Write what the file is, what triggers it and how it was trained; never a path or a photo's name."""
    checkpoint: Optional[Path] = None
    """That LoRAs and files of Custom Diffusion were learned for; of Custom Diffusion the shipped small one by default,
    of LoRAs what their shapes tell."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    precision: Optional[str] = choice(None, DTYPES)
    """Of the written weights: fp32, fp16 or bf16; by default a checkpoint's as they are, fp16 for the others."""


def convert(options: ConvertOptions) -> Path:
    """Convert; returns what was written.

    Raises:
        UserError: for a source, format or precision that cannot be used.
    """
    check_options(options)
    if not options.out.parent.is_dir():
        raise UserError(f"{options.out.parent}: there is no such folder; make it first")
    source, amounts = small_or(Path(options.source), SMALL_WORLD), dict.fromkeys(("unet", "text"), 1.0)
    if source != SMALL_WORLD:
        source, amounts = parted("SOURCE", str(options.source), ("--lora", "--custom"))
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder; give a checkpoint, a LoRA or a learned word")
    kind = _kind(source, options.word)
    _refuse_idle(source, kind, options)
    amount = Amount(**amounts)
    if amount != Amount() and kind != "a LoRA":
        raise UserError(f"{options.source}: only a LoRA is written as much of as is asked, and {source} is {kind}")
    written = Written(options.out, options.naming, DTYPES.get(options.precision or "", torch.float16), options.metadata)
    if kind == "a LoRA":
        paths = convert_lora(source, amount, options.merge, options.rank, options.checkpoint, written)
    elif kind == "Custom Diffusion":
        paths = _convert_custom(source, options, written)
    elif kind == "a checkpoint":
        paths = [_convert_checkpoint(source, options)]
    else:
        with holding(options.out) if options.out.is_dir() else contextlib.nullcontext():
            paths = convert_words(source, options.out, options.word, options.pick, options.rename, options.metadata)
    for path in paths:
        print(f"wrote {path}")
    return options.out


def _kind(source: Path, word: Optional[str]) -> str:
    """What a source is, by its content; see _USED."""
    if holds_additions(source):
        return "Custom Diffusion"
    info = what_lora(source) if source != SMALL_WORLD else None
    if info is not None:
        return "Custom Diffusion" if info.kind == "Custom Diffusion" else "a LoRA"
    return "a learned word" if word is not None or holds_words(source) else "a checkpoint"


def _refuse_idle(source: Path, kind: str, options: ConvertOptions) -> None:
    for one in dataclasses.fields(options):
        value = getattr(options, one.name)
        if one.name not in ("source", "out") and value != one.default and one.name not in _USED[kind]:
            flag, said = f"--no-{one.name}" if value is False else f"--{one.name}", ""
            if value is not False:
                said = " " + " ".join(map(str, value if isinstance(value, tuple) else (value,)))
            raise UserError(f"{flag}: does nothing for {source}, which is {kind}; leave out {flag}{said}")


def _convert_custom(source: Path, options: ConvertOptions, written: Written) -> List[Path]:
    if options.precision is not None and (options.merge or options.naming == "sfumato"):
        raise UserError(f"--precision: does nothing for {source}, of which our form is in half precision; leave it out")
    if options.merge:
        return join_custom(source, options.merge, options.checkpoint, written)
    if options.naming is None and holds_additions(source):
        raise UserError(
            f"{source}: was learned with --method custom; give others to join it with, by --merge, or another --naming"
        )
    return convert_custom(source, options.checkpoint, written)


def _convert_checkpoint(source: Path, options: ConvertOptions) -> Path:
    if options.out.suffix not in (".safetensors", ".ckpt"):
        raise UserError(f"{options.out}: a checkpoint is written as .safetensors or .ckpt; give a name that ends so")
    parts = read_stable_diffusion(source, options.vae)
    if options.merge:
        _merge(StableDiffusion.load(source, vae=options.vae), parts, options.merge)
    networks = {"unet": parts.unet, "vae": parts.vae, "text": parts.text}
    write_stable_diffusion(options.out, networks, parts.size, DTYPES.get(options.precision or ""))
    if parts.ignored:
        print(f"left out {len(parts.ignored)} tensors that nothing needs: {', '.join(parts.ignored[:3])} ...")
    return options.out


def _merge(model: StableDiffusion, parts: Parts, given: Sequence[str]) -> None:
    """Add to the weights of a checkpoint that was read, each in float32 and rounded once to its own type."""
    for one in given_of_any_kind(model, "--merge", given):
        for layer, addition in one.learned.additions.items():
            network, _, name = layer.partition(".")
            state, key = getattr(parts, network), f"{name}.weight"
            scaled = addition._replace(scale=one.amount.of(layer) * addition.scale)
            state[key] = summed(state[key], scaled)
        for word in one.words:
            print(f"{word.word.token} is not in the checkpoint; paint with {one.flag} {one.file}:0 to have it")
