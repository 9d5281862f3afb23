"""Autoencoders to learn latents of: ours, and those of Stable Diffusion checkpoints."""

from pathlib import Path
from typing import Dict, Optional, Tuple

import torch

from ..checkpoints import ModelFormat, loaded, read_model, read_tensors
from ..errors import UserError
from ..models.shipped import small_or
from ..models.stable_diffusion import VAE
from ..models.stable_diffusion.vae import VAEConfig
from ..runs import file_identity
from ..stable_diffusion import SMALL_WORLD, StableDiffusion

FORMAT = ModelFormat("sfumato world autoencoder 1", "small world's autoencoder", "`world autoencoder`")


def load_autoencoder(path: Path, config: Optional[VAEConfig] = None) -> Tuple[VAE, Optional[Dict[str, str]]]:
    """An autoencoder in float32, frozen, and what it is among settings.

    Args:
        path: of an autoencoder.safetensors, or of a Stable Diffusion checkpoint of any layout; the word "small" is the
            one that ships.
        config: the shape that it must be of; any by default.

    Raises:
        UserError: if it is neither, or of another shape.
    """
    path = small_or(path, SMALL_WORLD)
    if path.is_file() and read_tensors(path).metadata.get("format") == FORMAT.name:
        state, told = read_model(path, FORMAT)
        vae, identity = loaded(lambda: VAE(VAEConfig(**told)), state, path, FORMAT.what), file_identity(path)
    else:
        # In half precision what is not needed is read twice as fast; the autoencoder is never in float16.
        model = StableDiffusion.load(path, torch.float16)
        vae, identity = model.vae, {"name": path.name, "contents": model.autoencoder}
    if config not in (None, vae.config):
        raise UserError(f"{path}: is an autoencoder of {vae.config}; give its shape as network options")
    return vae, identity
