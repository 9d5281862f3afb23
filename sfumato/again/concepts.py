"""One picture of a prompt again, from its note, or from what another program's text comes to."""

import warnings
from pathlib import Path
from typing import List, Optional, Tuple

from ..checkpoints import given_words, read_embeddings, shortened, what_lora
from ..concepts.noting import PaintedFrom
from ..concepts.painting import Sampling, encoded, paint
from ..concepts.words import with_words
from ..devices import DTYPES, PRECISIONS, Worker
from ..errors import UserError
from ..images import PARAMETERS
from ..runs import digest
from ..stable_diffusion import StableDiffusion
from .found import Files
from .jobs import Painted, precision_of
from .told import Told


def paint_prompt(told: Told, files: Files) -> Painted:
    """A picture of a prompt."""
    prompt, seed, (place, size) = told.text("prompt"), told.whole("seed"), told.batch()
    sampling = told.options(Sampling)
    device = Worker.here().device()
    told.one_of("precision", PRECISIONS)
    dtype = DTYPES[precision_of(told, device)]
    checkpoint = _checkpoint(told, files)
    loras, customs = _additions(told, files)
    words, vae = _words(told, files), _autoencoder(told, files)
    files.check()
    model, given = with_words(checkpoint, dtype, given_words(words), loras, customs, vae)
    _tell_changed(told, model)
    model.to(device)
    negative = encoded(model, [sampling.negative_prompt])[:, 0]
    states = encoded(model, sampling.texts(prompt)).repeat(size, 1, 1, 1)
    pixels = paint(model, states, negative, [seed] * size, sampling)[place]
    made = PaintedFrom(checkpoint, model, len(loras), given, vae)
    note = {"prompt": prompt, "seed": seed, **made.note(prompt, sampling), **sampling.told()}
    return pixels, note, {PARAMETERS: made.parameters(prompt, seed, sampling)}


def _checkpoint(told: Told, files: Files) -> Optional[Path]:
    weights = told.inside("weights", told.table("weights"))
    contents = weights.text("contents") if weights.has("contents") else ""
    return files.find("checkpoint", weights.text("name"), contents)


def _autoencoder(told: Told, files: Files) -> Optional[Path]:
    """What is given to --vae."""
    if not told.table("vae"):
        return None
    vae = told.inside("vae", told.table("vae"))
    ours, name = vae.has("contents"), vae.text("name")
    found = files.find("autoencoder", name, vae.text("contents") if ours else "", needed=ours)
    if found is None and not ours:
        # Another program's may be the checkpoint's own under another name.
        warnings.warn(
            f"{told.picture}: the autoencoder {shortened(name)} is not found; painted with the checkpoint's own",
            stacklevel=2,
        )
    return found


def _additions(told: Told, files: Files) -> Tuple[List[str], List[str]]:
    """What is given to --lora, and to --custom."""
    loras: List[str] = []
    customs: List[str] = []
    for one in told.each("added"):
        # Another program's text may name what has no effect, or is nowhere; the picture is painted without it.
        ours = one.has("contents")
        contents, name = one.text("contents") if ours else "", one.text("name")
        file = files.find("addition", name, contents, needed=ours)
        if file is not None:
            kind = what_lora(file)
            custom = kind is None or kind.kind == "Custom Diffusion"
            (customs if custom else loras).append(f"{file}:{one.amount()}")
        elif not ours:
            warnings.warn(f"{told.picture}: the LoRA {shortened(name)} is not found; painted without it", stacklevel=2)
    return loras, customs


def _words(told: Told, files: Files) -> List[Path]:
    """What is given to --embeddings."""
    found = []
    for token, entry in told.table("words").items():
        word = told.inside("words", entry)
        if not word.has("name"):
            continue  # it came with an addition
        ours = word.has("contents")
        name = word.text("name")
        file = files.find(f"word {shortened(token)}", name, word.text("contents") if ours else "", needed=ours)
        if file is None and not ours:
            warnings.warn(f"{told.picture}: the word {shortened(token)} is not found; painted without it", stacklevel=2)
        if file is not None:
            inside = [one.token for one in read_embeddings(file)]
            found.append(file if token in inside or len(inside) > 1 or not ours else Path(f"{file}={token}"))
    return list(dict.fromkeys(found))


def _tell_changed(told: Told, model: StableDiffusion) -> None:
    """Say what a folder's weights, or a word's vectors, are not what they were; refuse a word that nobody knows."""
    for name, now in (("checkpoint", model.name), ("autoencoder", model.autoencoder)):
        if told.has(name) and told.text(name) != now:
            warnings.warn(f"{told.picture}: was painted with another {name}; it is painted with this one", stacklevel=2)
    for token, entry in told.table("words").items():
        word = told.inside("words", entry)
        if token not in model.words:
            if word.has("contents"):
                raise UserError(f"{told.picture}: its word {shortened(token)} is in none of the files that it names")
        elif word.has("vectors") and word.text("vectors") != digest(model.words[token].numpy()):
            warnings.warn(f"{told.picture}: its word {shortened(token)} has other vectors by now", stacklevel=2)
    if told.has("compiled"):
        warnings.warn(f"{told.picture}: its U-Net was compiled, and is not here; pixels may differ", stacklevel=2)
