"""`sfumato concepts convert`: checkpoints and learned words from one format to another, additions into checkpoints."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Sequence, Tuple

from .checkpoints import (
    FORMATS,
    Parts,
    convert_words,
    holds_additions,
    holds_words,
    read_stable_diffusion,
    write_additions,
    write_stable_diffusion,
)
from .concepts.additions import given_of_any_kind, read_given
from .devices import DTYPES
from .errors import UserError
from .models.shipped import small_or
from .options import check_options, choice
from .outputs import holding
from .personalisation.joining import join
from .stable_diffusion import SMALL_WORLD, VAE_OPTION, StableDiffusion


@dataclass
class ConvertOptions:
    """Convert a checkpoint of any layout to one with CompVis' keys, or a learned word between formats."""

    source: Path
    """A checkpoint (.ckpt, .safetensors or a diffusers folder), the word "small" for the one that ships, or the file of
    a learned word."""
    out: Path
    """The file to write: a checkpoint's ends in .safetensors or .ckpt. For learned words a folder does too."""
    word: Optional[str] = choice(None, FORMATS)
    """The format of a learned word: sfumato (the default), diffusers, a1111, compvis, tokens, emb_params or bare."""
    pick: Optional[str] = None
    """Of a file of several words the one to take, such as <new1>."""
    rename: Optional[str] = None
    """Another token for the word, such as <new1>."""
    merge: Tuple[str, ...] = ()
    """LoRAs and files of --method custom, each FILE or FILE:0.8, that are added to the weights of the written
    checkpoint; words in them are no part of it. Where SOURCE is a file of --method custom itself: others that are
    joined with it into one, each concept answered as by its own (Kumari et al. 2022, eq. 4)."""
    checkpoint: Optional[Path] = None
    """That files which are joined were learned for; the shipped small one by default."""
    vae: Optional[Path] = field(default=None, metadata=VAE_OPTION)
    precision: Optional[str] = choice(None, DTYPES)
    """Of a checkpoint's weights: fp32, fp16 or bf16; as they are by default."""


def convert(options: ConvertOptions) -> Path:
    """Convert; returns what was written.

    Raises:
        UserError: for a source, format or precision that cannot be used.
    """
    check_options(options)
    if not options.out.parent.is_dir():
        raise UserError(f"{options.out.parent}: there is no such folder; make it first")
    source = small_or(Path(options.source), SMALL_WORLD)
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder; give a checkpoint or a learned word")
    joined = holds_additions(source)
    if options.vae is not None and (joined or options.word is not None or holds_words(source)):
        raise UserError(f"--vae {options.vae}: is written into a checkpoint, which {source} is not")
    if options.checkpoint is not None and not joined:
        raise UserError(f"--checkpoint {options.checkpoint}: is for files of --method custom, which {source} is not")
    if joined:
        written = [_join(source, options)]
    elif options.word is None and not holds_words(source):
        written = [_convert_checkpoint(source, options)]
    elif options.merge:
        raise UserError(f"--merge {options.merge[0]}: is added to a checkpoint, and {source} is a learned word")
    elif options.precision is not None:
        raise UserError("--precision is for checkpoints; a learned word is written in fp32")
    else:
        with holding(options.out) if options.out.is_dir() else contextlib.nullcontext():
            written = convert_words(source, options.out, options.word, options.pick, options.rename)
    for path in written:
        print(f"wrote {path}")
    return options.out


def _convert_checkpoint(source: Path, options: ConvertOptions) -> Path:
    if options.out.suffix not in (".safetensors", ".ckpt"):
        raise UserError(f"{options.out}: a checkpoint is written as .safetensors or .ckpt; give a name that ends so")
    if options.rename is not None or options.pick is not None:
        raise UserError("--rename and --pick are for learned words, and this is a checkpoint")
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
            weight = state[key]
            state[key] = (weight.float() + one.amount.of(layer) * addition.delta().reshape(weight.shape)).to(
                weight.dtype
            )
        for word in one.words:
            print(f"{word.word.token} is not in the checkpoint; paint with {one.flag} {one.file}:0 to have it")


def _join(source: Path, options: ConvertOptions) -> Path:
    """Files of --method custom as one."""
    if not options.merge:
        raise UserError(f"{source}: was learned with --method custom; give others to join it with, by --merge")
    idle = next((name for name in ("word", "pick", "rename", "precision") if getattr(options, name) is not None), None)
    if idle is not None:
        raise UserError(f"--{idle}: does nothing for {source}, which was learned with --method custom; leave it out")
    if options.out.suffix != ".safetensors":
        raise UserError(f"{options.out}: is written as .safetensors; give a name that ends so")
    bad = next((one for one in options.merge if not (Path(one).is_file() and holds_additions(Path(one)))), None)
    if bad is not None:
        raise UserError(f"--merge {bad}: is no file of --method custom, which {source} could be joined with")
    model = StableDiffusion.load(small_or(options.checkpoint or SMALL_WORLD, SMALL_WORLD))
    files = [source, *map(Path, options.merge)]
    write_additions(options.out, join(model, [read_given("--custom", file, model) for file in files]))
    return options.out
