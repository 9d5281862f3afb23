"""Stable Diffusion v1: a U-Net in the latent space of an autoencoder, told what to paint by a text encoder.

Modules and their attributes are named as in CompVis' checkpoints, so that a state dict loads as it is.
"""

from .text_encoder import TextConfig, TextEncoder
from .unet import UNet, UNetConfig
from .vae import VAE, VAEConfig

__all__ = ["VAE", "TextConfig", "TextEncoder", "UNet", "UNetConfig", "VAEConfig"]
