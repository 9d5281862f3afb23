"""What was learned beside words, as a command is given it: FILE, or FILE:0.8 for as much of it."""

import warnings
from pathlib import Path
from typing import List, NamedTuple, Sequence, Tuple

from ..checkpoints import (
    GivenWord,
    LearnedFile,
    holds_additions,
    holds_words,
    layer_shapes,
    ours_in,
    read_custom,
    read_embeddings,
    read_learned,
    read_lora,
    some,
    what_lora,
)
from ..errors import UserError
from ..models.additions import Addition
from ..runs import digest
from ..stable_diffusion import StableDiffusion

_MOST = 100.0


class Given(NamedTuple):
    """A file of additions, and how much of it is added."""

    flag: str
    """--lora or --custom, which takes such files."""
    file: Path
    amount: float
    learned: LearnedFile

    @property
    def words(self) -> List[GivenWord]:
        """The words that were learned with them."""
        return [GivenWord(self.file, word) for word in self.learned.words]

    @property
    def name(self) -> str:
        """Of what it adds, which decides pictures as the checkpoint does."""
        additions = self.learned.additions
        scales = {layer: one.scale for layer, one in additions.items()}
        return digest(scales, *(part.numpy() for one in additions.values() for part in one.parts))


def given_additions(model: StableDiffusion, lora: Sequence[str] = (), custom: Sequence[str] = ()) -> List[Given]:
    """Read what --lora and --custom were given.

    Args:
        model: that it is for.
        lora: files of LoRAs, or runs that learned one, each FILE or FILE:AMOUNT.
        custom: the same of Custom Diffusion.

    Raises:
        UserError: for what cannot be used.
    """
    asked = [("--lora", one) for one in lora] + [("--custom", one) for one in custom]
    found = []
    for flag, one in asked:
        file, amount = _parted(flag, one, (flag,))
        found.append(Given(flag, file, amount, read_given(flag, file, model)))
    return found


def given_of_any_kind(model: StableDiffusion, flag: str, given: Sequence[str]) -> List[Given]:
    """The same where one flag takes LoRAs and Custom Diffusion alike.

    Args:
        model: that it is for.
        flag: such as --merge.
        given: each FILE or FILE:AMOUNT.

    Raises:
        UserError: for what cannot be used.
    """
    found = []
    for one in given:
        file, amount = _parted(flag, one, ("--lora", "--custom"))
        told = what_lora(file)
        kind = "--lora" if told is not None and told.kind != "Custom Diffusion" else "--custom"
        found.append(Given(kind, file, amount, read_given(kind, file, model)))
    return found


def read_given(flag: str, file: Path, model: StableDiffusion) -> LearnedFile:
    """Read a file of additions of any kind for a model; keys that nothing is done with are named in a warning.

    Args:
        flag: --lora or --custom, which says what it should be.
        file: to read.
        model: that it is for.

    Raises:
        UserError: for another kind of file, or another model's.
    """
    told = what_lora(file)
    if told is not None and (told.kind == "Custom Diffusion") != (flag == "--custom"):
        raise UserError(f"{file}: is a {told.kind}; give it with {'--lora' if flag == '--custom' else '--custom'}")
    if told is None and holds_additions(file):
        if flag == "--lora":
            raise UserError(f"{file}: was learned with --method custom; give it with --custom")
        return read_learned(file)
    if told is None and holds_words(file):
        words = ", ".join(word.token for word in read_embeddings(file))
        raise UserError(f"{file}: holds a word alone ({words}), which --embeddings takes")
    return _lora(file, model) if flag == "--lora" else _whole(file, model)


def _lora(file: Path, model: StableDiffusion) -> LearnedFile:
    read = read_lora(file, layer_shapes(model.unet), layer_shapes(model.text))
    additions = {f"unet.{layer}": one.addition() for layer, one in read.unet.items()}
    additions.update({f"text.{layer}": one.addition() for layer, one in read.text.items()})
    _tell_unused(file, read.unused)
    told = ours_in(read.metadata)
    return LearnedFile([word._replace(metadata=told) for word in read.words], additions, told)


def _whole(file: Path, model: StableDiffusion) -> LearnedFile:
    """Custom Diffusion as diffusers keeps it: whole weights, of which what they add is taken."""
    read = read_custom(file, layer_shapes(model.unet))
    if read.biases:
        raise UserError(f"{file}: its queries and outputs were trained too, with biases, which are not read here")
    _tell_unused(file, list(read.unused))
    own = {layer: model.unet.get_parameter(f"{layer}.weight").detach().float() for layer in read.weights}
    additions = {f"unet.{layer}": Addition((whole - own[layer],)) for layer, whole in read.weights.items()}
    return LearnedFile([], additions, dict(read.metadata))


def _tell_unused(file: Path, keys: Sequence[str]) -> None:
    if keys:
        warnings.warn(
            f"{file}: {len(keys)} of its keys are for no layer of this checkpoint: {some(list(keys))}", stacklevel=4
        )


def _parted(flag: str, given: str, kinds: Sequence[str]) -> Tuple[Path, float]:
    """A file and how much of it; what is there under the whole name is a file of that name. Of a run's folder it is
    what was learned, of the kinds that a flag takes; other folders may be peft's."""
    name, colon, amount = given.rpartition(":")
    if not colon or Path(given).exists():
        name, amount = given, "1"
    try:
        found = float(amount)
    except ValueError:
        raise UserError(f"{flag} {given}: give FILE, or FILE:0.8 for as much of it") from None
    if not abs(found) <= _MOST:
        raise UserError(f"{flag} {given}: the amount must be between -{_MOST:g} and {_MOST:g}")
    learned = (Path(name) / f"{kind[2:]}.safetensors" for kind in kinds)
    return next((path for path in learned if path.is_file()), Path(name)), found


def add_given(model: StableDiffusion, given: Sequence[Given]) -> None:
    """Add to a model's weights what was given.

    Raises:
        UserError: for what was learned for another model, or twice the same file.
    """
    for one in given:
        if one.name in model.added:
            raise UserError(f"{one.file}: is given twice; give it once, with the sum of its amounts")
        model.add(one.learned.additions, one.name, one.amount, str(one.file))
