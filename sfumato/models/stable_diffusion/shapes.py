"""The configs of Stable Diffusion's networks, read from the shapes in a checkpoint: it says nothing else of itself."""

import re
from typing import List, Mapping, Sequence

from .text_encoder import TextConfig
from .unet import UNetConfig
from .vae import VAEConfig

Shapes = Mapping[str, Sequence[int]]
"""Key -> shape, keys without the prefix that CompVis' checkpoints give each network."""


def unet_config(shapes: Shapes) -> UNetConfig:
    """The U-Net's.

    Raises:
        KeyError: if a key is missing that every such U-Net has.
    """
    width, channels = shapes["input_blocks.0.0.weight"][:2]
    levels: List[List[int]] = [[]]
    for number in range(1, _count(shapes, r"input_blocks\.(\d+)\.")):
        if f"input_blocks.{number}.0.op.weight" in shapes:
            levels.append([])
        else:
            levels[-1].append(number)
    if not all(levels):
        raise KeyError("input_blocks.*.0.in_layers")
    firsts = [f"input_blocks.{level[0]}" for level in levels]
    attention = tuple(i for i, first in enumerate(firsts) if f"{first}.1.proj_in.weight" in shapes)
    transformer = "middle_block.1.transformer_blocks"
    return UNetConfig(
        channels=channels,
        width=width,
        multipliers=tuple(shapes[f"{first}.0.in_layers.2.weight"][0] // width for first in firsts),
        blocks=len(levels[0]),
        attention=attention,
        depth=_count(shapes, re.escape(transformer) + r"\.(\d+)\."),
        context=shapes[f"{transformer}.0.attn2.to_k.weight"][1],
    )


def vae_config(shapes: Shapes) -> VAEConfig:
    """The autoencoder's.

    Raises:
        KeyError: if a key is missing that every such autoencoder has.
    """
    width = shapes["encoder.conv_in.weight"][0]
    levels = _count(shapes, r"encoder\.down\.(\d+)\.")
    return VAEConfig(
        width=width,
        multipliers=tuple(shapes[f"encoder.down.{i}.block.0.conv1.weight"][0] // width for i in range(levels)),
        blocks=_count(shapes, r"encoder\.down\.0\.block\.(\d+)\."),
        latent=shapes["post_quant_conv.weight"][0],
    )


def text_config(shapes: Shapes) -> TextConfig:
    """The text encoder's.

    Raises:
        KeyError: if a key is missing that every such text encoder has.
    """
    vocabulary, width = shapes["text_model.embeddings.token_embedding.weight"]
    return TextConfig(
        vocabulary=vocabulary,
        tokens=shapes["text_model.embeddings.position_embedding.weight"][0],
        width=width,
        layers=_count(shapes, r"text_model\.encoder\.layers\.(\d+)\."),
        inner=shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0],
    )


def _count(shapes: Shapes, pattern: str) -> int:
    """How many numbers, from 0 on without a gap, the pattern finds at the beginning of keys."""
    found = {int(match.group(1)) for match in (re.match(pattern, key) for key in shapes) if match}
    if not found or max(found) + 1 != len(found):
        raise KeyError(pattern)
    return len(found)
