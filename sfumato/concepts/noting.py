"""What a painted prompt's picture says of itself: which files it was painted from, and all of it as others write it.

Files are named and told by their contents; no path of the machine is written. What others read is AUTOMATIC1111's text,
see `images/parameters.py`; what that has no word for (regions, Custom Diffusion) stands in our own note alone.
"""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from .. import __version__
from ..checkpoints import GivenWord, read_safetensors
from ..errors import UserError
from ..images import Parameters, parameters_text
from ..models.shipped import shipped
from ..runs import digest, file_identity, files_digest
from ..stable_diffusion import SMALL_WORLD, Amount, StableDiffusion
from .painting import Sampling

SAMPLER_NAMES = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "dpmpp-2m": "DPM++ 2M",
    "dpmpp-2m-sde": "DPM++ 2M SDE",
    "dpm-2m": "DPM-Solver 2M",
    "heun": "Heun",
    "edm": "EDM",
    "unipc": "UniPC",
    "lcm": "LCM",
}
"""Our samplers -> what others call them."""
SPACING_NAMES = {"trailing": "Simple", "leading": "DDIM", "linspace": "Normal", "karras": "Karras"}
"""Our ways to space the steps -> what others call the same times."""
_SHORT, _SHORT_LORA = 10, 12
"""Hexadecimal digits of SHA-256 by which others name checkpoints and words, and LoRAs."""


class PaintedFrom:
    """The files behind the pictures of one painting; their digests are made once.

    Args:
        checkpoint: file or folder; the small one that ships by default.
        model: that was made of all of them, as `with_words` does.
        loras: how many of its additions, the first ones, are LoRAs.
        given: the words that did not ship.
        vae: the autoencoder's file or folder, where it is not the checkpoint's own.
    """

    def __init__(
        self,
        checkpoint: Optional[Path],
        model: StableDiffusion,
        loras: int,
        given: Sequence[GivenWord],
        vae: Optional[Path] = None,
    ) -> None:
        path = checkpoint or SMALL_WORLD
        self._model, self._name = model, path.stem if path.is_file() else path.resolve().name
        self._weights, self._vae = _identity(path), {} if vae is None else _identity(vae)
        added = [(Path(one.called), one.amount) for one in model.added.values()]
        self._loras = [(file.stem, amount, _lora_digest(file)) for file, amount in added[:loras]]
        self._added = [
            {**(file_identity(file) or {}), "amount": amount.unet if amount.unet == amount.text else str(amount)}
            for file, amount in added
        ]
        files = {f"<{file.stem}>": file for file in shipped("words").glob("*.safetensors")}
        files.update((one.word.token, one.file) for one in given)
        # Those that came with an addition are found by it.
        inside = {file for file, _ in added}
        self._words = {token: file for token, file in files.items() if token in model.words and file not in inside}

    def note(self, prompt: str, sampling: Sampling) -> Dict[str, Any]:
        """The files, and the words that are said in a prompt or against it, for our own note."""
        said = self._said(prompt, sampling)
        words = {token: {**(file_identity(self._words.get(token)) or {}), "vectors": said[token]} for token in said}
        told = {**self._model.identity(), "weights": self._weights, "words": words, "added": self._added}
        told["vae"] = self._vae
        return {name: value for name, value in told.items() if not name.startswith("added ") and value not in ({}, [])}

    def parameters(self, prompt: str, seed: int, sampling: Sampling) -> str:
        """The text that others read.

        Args:
            prompt: as it was given.
            seed: of the picture.
            sampling: how it was painted.
        """
        height, width = (side or self._model.size for side in (sampling.height, sampling.width))
        settings = {
            "Steps": f"{sampling.steps}",
            "Sampler": SAMPLER_NAMES[sampling.sampler],
            "Schedule type": SPACING_NAMES.get(sampling.settled().spacing, ""),
            "CFG scale": f"{sampling.scale:g}",
            "Seed": f"{seed}",
            "Size": f"{width}x{height}",
            **({"Model hash": self._weights["contents"][:_SHORT]} if "contents" in self._weights else {}),
            "Model": self._name,
            **({"VAE hash": self._vae["contents"][:_SHORT]} if "contents" in self._vae else {}),
            "VAE": self._vae.get("name", ""),
            **({"Eta DDIM": f"{sampling.eta:g}"} if sampling.eta else {}),
            "Lora hashes": ", ".join(f"{name}: {short}" for name, _, short in self._loras),
            "TI hashes": ", ".join(
                f"{token}: {files_digest(self._words[token])[:_SHORT]}"
                for token in self._said(prompt, sampling)
                if token in self._words
            ),
            "RNG": "CPU",
            "Version": f"sfumato {__version__}",
        }
        loras = "".join(f" <lora:{name}:{_as_others_write(amount)}>" for name, amount, _ in self._loras)
        told = {name: value for name, value in settings.items() if value}
        return parameters_text(Parameters(prompt + loras, sampling.negative_prompt, told))

    def _said(self, prompt: str, sampling: Sampling) -> Dict[str, str]:
        """The learned words of a prompt and the negative one -> digests of their vectors."""
        tokenizer = self._model.tokenizer()
        found: List[str] = [
            word for text in (*sampling.texts(prompt), sampling.negative_prompt) for word in tokenizer.words(text)
        ]
        return {word: digest(self._model.words[word].numpy()) for word in dict.fromkeys(found)}


def _identity(path: Path) -> Dict[str, Any]:
    # A folder holds more than the weights; the fingerprint of what was read of it stands in the note.
    return (path.is_file() and file_identity(path)) or {"name": path.resolve().name}


def _as_others_write(amount: Amount) -> str:
    """Of all of a LoRA, or of its text encoder's part and then the U-Net's."""
    return f"{amount.unet:g}" if amount.unet == amount.text else f"{amount.text:g}:{amount.unet:g}"


def _lora_digest(file: Path) -> str:
    """By what others name a LoRA: its trainer's digest, or SHA-256 of the tensors alone, so that titles may change."""
    if not file.is_file():
        return (file_identity(file) or {})["contents"][:_SHORT_LORA]
    try:
        told = read_safetensors(file)[1].get("sshs_model_hash", "")
    except UserError:  # of another format
        return files_digest(file)[:_SHORT_LORA]
    with open(file, "rb") as opened:
        header = int.from_bytes(opened.read(8), "little")
    return told[:_SHORT_LORA] or files_digest(file, begin=8 + header)[:_SHORT_LORA]
