"""AUTOMATIC1111's text as a note of ours, as far as we have what it names; what is left out is said, a line each."""

import re
import warnings
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ..checkpoints import shortened
from ..concepts.noting import SAMPLER_NAMES, SPACING_NAMES
from ..errors import UserError
from ..images import Parameters

_SAMPLERS: Dict[str, Dict[str, Any]] = {
    **{theirs: {"sampler": ours} for ours, theirs in SAMPLER_NAMES.items()},
    # DDIM's step is Euler's in x / signal over noise / signal, and with eta = 1 the ancestral one.
    "Euler": {"sampler": "ddim"},
    "Euler a": {"sampler": "ddim", "eta": 1.0},
}
_SPACINGS = {
    **{theirs: ours for ours, theirs in SPACING_NAMES.items()},
    **{"SGM Uniform": "trailing", "Uniform": "linspace", "Automatic": ""},
}
_LEADING = ("DDIM", "UniPC")
"""Samplers that go from 1 up where no schedule is named; the others' times are even from 999 to 0."""
_READ = (
    *("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Eta DDIM", "RNG"),
    *("Lora hashes", "TI hashes", "VAE", "VAE hash", "Version", "Batch size", "Batch pos"),
)
_LORA = re.compile(r"\s*<lora:([^:<>]+):([-+.\d]+)((?::[^<>]*)?)>")
_PART = re.compile(r"(?::[-+.\d]+)?")
_EMPHASIS = re.compile(r"(?<!\\)[()\[\]]|\bBREAK\b|\bAND\b")
_WEIGHT = re.compile(r":\s*[\d.]+(?=\s*(?<!\\)[)\]])")
_SHORTEST_HASH = 10
"""Of SHA-256; older versions wrote eight signs of another digest."""


def note_of_parameters(told: Parameters, picture: Path) -> Dict[str, Any]:
    """A note of `concepts generate` for what the text says.

    Args:
        told: as it was read.
        picture: for errors and what is said.

    Raises:
        UserError: if it lacks the steps, the seed or the checkpoint, or a number is none.
    """
    settings = told.settings
    for name, value in settings.items():
        if name not in _READ:
            _say(picture, f"{shortened(name)}: {shortened(value)} is not known here and is left out")
    if settings.get("RNG") != "CPU":
        _say(picture, "its noise was not drawn on a CPU (RNG), and is here, so that the picture will be another one")
    prompt, added = _without_loras(told.prompt, picture)
    width, height = _size(settings, picture)
    weights = {"name": settings.get("Model", "")}
    if len(settings.get("Model hash", "")) == _SHORTEST_HASH:
        weights["contents"] = settings["Model hash"].lower()
    if not weights["name"] and "contents" not in weights:
        raise UserError(f"{picture}: its text names no checkpoint (Model or Model hash), so it cannot be painted again")
    words = [one.rpartition(":")[0].strip() for one in settings.get("TI hashes", "").split(",")]
    plain = {"variance": None, "churn": None, "lower_order_final": None, "regions": False, "eta": 0.0}
    return {
        **{"command": "concepts generate", "batch": [0, 1], "precision": "auto", "weights": weights},
        **{"prompt": _without_emphasis(prompt, picture), "added": added, "height": height, "width": width},
        "words": {word: {"name": word} for word in words if word},
        **({"vae": {"name": settings["VAE"]}} if settings.get("VAE") else {}),
        "negative_prompt": _without_emphasis(told.negative, picture),
        "seed": _number(settings, "Seed", picture, int),
        "steps": _number(settings, "Steps", picture, int),
        "guidance_scale": _number(settings, "CFG scale", picture, float),
        **plain,
        **_walk(settings, picture),
    }


def _walk(settings: Dict[str, str], picture: Path) -> Dict[str, Any]:
    """Sampler, eta and spacing."""
    name = settings.get("Sampler", "")
    karras = name.endswith(" Karras")
    name = name[: -len(" Karras")] if karras else name
    if name not in _SAMPLERS:
        _say(picture, f"its sampler {shortened(name) or '(none)'} is not known here; painted with dpmpp-2m")
    walk = dict(_SAMPLERS.get(name, {"sampler": "dpmpp-2m"}))
    if "Eta DDIM" in settings:
        walk["eta"] = _number(settings, "Eta DDIM", picture, float)
    usual = "leading" if name in _LEADING else "linspace"
    schedule = "Karras" if karras else settings.get("Schedule type", "Automatic")
    if schedule not in _SPACINGS:
        _say(picture, f"its schedule {shortened(schedule)} is not known here; the steps are at {usual}")
    return {**walk, "spacing": _SPACINGS.get(schedule) or usual}


def _size(settings: Dict[str, str], picture: Path) -> Tuple[Any, Any]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", settings.get("Size", ""))
    if match is None:
        _say(picture, "its text does not say its size; painted in the checkpoint's")
        return None, None
    return int(match.group(1)), int(match.group(2))


def _number(settings: Dict[str, str], name: str, picture: Path, kind: Any) -> Any:
    try:
        return kind(settings[name])
    except KeyError:
        raise UserError(f"{picture}: its text does not say {name}, so it cannot be painted again") from None
    except ValueError:
        raise UserError(f"{picture}: its text cannot be used: {name} is {shortened(settings[name])}") from None


def _without_loras(prompt: str, picture: Path) -> Tuple[str, List[Dict[str, Any]]]:
    added = []
    for name, amount, more in _LORA.findall(prompt):
        try:
            # The text encoder's, and then the U-Net's where that is another.
            unet = float(more[1:] or amount) if _PART.fullmatch(more) else float(amount)
            parted = f"unet={unet:g},text={float(amount):g}"
            added.append({"name": name, "amount": unet if unet == float(amount) else parted})
        except ValueError:
            raise UserError(f"{picture}: its text cannot be used: <lora:{name}:{amount}> has no amount") from None
        if not _PART.fullmatch(more):
            _say(picture, f"<lora:{name}:{amount}{more}> tells parts of a LoRA apart; {amount} of all of it is added")
    return _LORA.sub("", prompt).strip(), added


def _without_emphasis(text: str, picture: Path) -> str:
    """A prompt without brackets that weigh its words, which our text encoder knows nothing of."""
    if _EMPHASIS.search(text):
        _say(picture, "what it emphasises with ( ) and [ ], BREAK or AND has no weight here and is painted plainly")
        text = _EMPHASIS.sub("", _WEIGHT.sub("", text))
    return re.sub(r"\\([()\[\]])", r"\1", text)


def _say(picture: Path, line: str) -> None:
    warnings.warn(f"{picture}: {line}", stacklevel=3)
