"""LoRAs and Custom Diffusion from one naming to another, and several as one; what `concepts convert` does with them."""

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import torch

from .additions import parted, read_given
from .checkpoints import (
    OURS,
    WIDTHS,
    CustomFile,
    LearnedFile,
    LoraFile,
    Shapes,
    Weighted,
    holds_additions,
    layer_shapes,
    merge_loras,
    read_custom,
    read_lora,
    unfilled,
    what_lora,
    write_additions,
    write_custom,
    write_embedding,
    write_lora,
)
from .errors import UserError
from .models.shipped import small_or
from .models.stable_diffusion import TextEncoder, UNet
from .personalisation.joining import join
from .stable_diffusion import SMALL_WORLD, Amount, StableDiffusion


class Written(NamedTuple):
    """How something is written."""

    out: Path
    naming: Optional[str]
    dtype: torch.dtype
    metadata: bool


def convert_lora(
    source: Path,
    amount: Amount,
    merge: Sequence[str],
    rank: Optional[int],
    checkpoint: Optional[Path],
    written: Written,
) -> List[Path]:
    """Write a LoRA in a naming, or several as one of a rank.

    Args:
        source: a LoRA of any naming.
        amount: of it.
        merge: others, each FILE, FILE:0.4 or FILE:unet=0.4,text=0.1, that are added to it.
        rank: the highest that a layer may have; by default as high as is exact.
        checkpoint: that they are for; by default what their shapes tell: a whole version 1, or the small one.
        written: how; the naming is kohya or diffusers.

    Raises:
        UserError: for what cannot be read, merged or written.
    """
    if written.naming == "sfumato":
        raise UserError("--naming sfumato: is of Custom Diffusion; a LoRA is written in kohya's names or diffusers'")
    unet, text = _shapes(source, checkpoint)
    loras, files = [Weighted(read_lora(source, unet, text), *amount)], [source]
    for one in merge:
        file, told = parted("--merge", one, ("--lora",))
        if any(file == other or file.samefile(other) for other in files if file.exists()):
            raise UserError(f"--merge {one}: is given twice; give it once, with the sum of its amounts")
        loras.append(Weighted(read_lora(file, unet, text), **told))
        files.append(file)
    lora = loras[0].lora
    if len(loras) > 1 or rank is not None or amount != Amount():
        enough = sum(_highest(one.lora) for one in loras)
        merged = merge_loras(loras, rank or enough)
        lora = merged.lora._replace(metadata={"modelspec.title": "merged LoRA"} if len(loras) > 1 else lora.metadata)
        left = f"{merged.error:.2%} of what is added is left out" if merged.error > 1e-6 else "nothing is left out"
        print(f"rank {_highest(lora)}: {left}")
    write_lora(written.out, lora, list(unet), written.naming or "kohya", written.dtype, written.metadata)
    return [written.out]


def _highest(lora: LoraFile) -> int:
    return max(one.rank for one in (*lora.unet.values(), *lora.text.values()))


def _shapes(source: Path, checkpoint: Optional[Path]) -> Tuple[Shapes, Shapes]:
    """The layers of the U-Net and of the text encoder that a file is for."""
    info = what_lora(source)
    context = None if info is None else info.context
    if checkpoint is not None or (context is not None and context not in WIDTHS):
        model = _loaded(checkpoint)
        return layer_shapes(model.unet), layer_shapes(model.text)
    with unfilled():
        return layer_shapes(UNet()), layer_shapes(TextEncoder())


def _loaded(checkpoint: Optional[Path]) -> StableDiffusion:
    return StableDiffusion.load(small_or(checkpoint or SMALL_WORLD, SMALL_WORLD))


def convert_custom(source: Path, checkpoint: Optional[Path], written: Written) -> List[Path]:
    """Write Custom Diffusion in diffusers' form, which holds whole weights, or in ours, which holds what is added.

    Words of ours lie beside diffusers' file, each in a file called as the word is.

    Args:
        source: of either form.
        checkpoint: whose weights are changed; the small one that ships by default.
        written: how; the naming is diffusers or sfumato, and diffusers by default.

    Raises:
        UserError: for what cannot be read or written.
    """
    if written.naming == "kohya":
        raise UserError(f"--naming kohya: is of LoRAs, and {source} is Custom Diffusion; give diffusers or sfumato")
    if not holds_additions(source) and written.naming != "sfumato":
        unet, _ = _shapes(source, checkpoint)
        write_custom(written.out, read_custom(source, unet), list(unet), written.dtype, written.metadata)
        return [written.out]
    model = _loaded(checkpoint)
    learned = read_given("--custom", source, model)
    if written.naming == "sfumato":
        write_ours(written.out, learned, written.metadata)
        return [written.out]
    whole = {}
    for layer, addition in learned.additions.items():
        network, _, name = layer.partition(".")
        if network != "unet":
            raise UserError(f"{source}: changes {layer}, which diffusers' form has no place for")
        whole[name] = model.unet.get_parameter(f"{name}.weight").detach().float() + addition.delta()
    told = {OURS + name: text for name, text in learned.metadata.items() if name != "format"}
    custom = CustomFile(whole, metadata=told)
    write_custom(written.out, custom, list(layer_shapes(model.unet)), written.dtype, written.metadata)
    return [written.out, *_words_beside(written.out, learned)]


def _words_beside(out: Path, learned: LearnedFile) -> List[Path]:
    """diffusers' script calls them <new1>.bin, beside its pytorch_custom_diffusion_weights.bin."""
    ending = ".safetensors" if out.suffix == ".safetensors" else ".bin"
    files = [out.with_name(re.sub(r"[^\w<>-]", "_", word.token) + ending) for word in learned.words]
    for path, word in zip(files, learned.words):
        write_embedding(path, word._replace(metadata={}), "diffusers")
    return files


def write_ours(out: Path, learned: LearnedFile, metadata: bool) -> None:
    """Write our form of Custom Diffusion.

    Raises:
        UserError: for a name that ends otherwise.
    """
    if out.suffix != ".safetensors":
        raise UserError(f"{out}: is written as .safetensors; give a name that ends so")
    write_additions(out, learned if metadata else learned._replace(metadata={}))


def join_custom(source: Path, merge: Sequence[str], checkpoint: Optional[Path], written: Written) -> List[Path]:
    """Files of --method custom as one.

    Raises:
        UserError: for what cannot be joined or written.
    """
    bad = next((one for one in merge if not (Path(one).is_file() and holds_additions(Path(one)))), None)
    if bad is not None:
        raise UserError(f"--merge {bad}: is no file of --method custom, which {source} could be joined with")
    if written.naming not in (None, "sfumato"):
        raise UserError(f"--naming {written.naming}: joined files are written in our form; convert the file after it")
    model, files = _loaded(checkpoint), [source, *map(Path, merge)]
    learned: Dict[Path, LearnedFile] = {file: read_given("--custom", file, model) for file in files}
    write_ours(written.out, join(model, [learned[file] for file in files]), written.metadata)
    return [written.out]
