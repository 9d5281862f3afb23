"""Small LoRAs for the tests."""

import torch

from sfumato.checkpoints import Embedding, layer_shapes, write_safetensors
from sfumato.checkpoints.low_rank import low_rank
from sfumato.models.stable_diffusion import TextConfig, TextEncoder, UNet, UNetConfig

SMALL = {"width": 32, "heads": 4, "context": 16}
UNET = layer_shapes(UNet(UNetConfig(multipliers=(1, 1), blocks=1, attention=(1,), **SMALL)))
TEXT = layer_shapes(TextEncoder(TextConfig(vocabulary=9, tokens=8, width=64, layers=1, inner=96)))
QUERY = "middle_block.1.transformer_blocks.0.attn2.to_q"
KOHYA = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_q"
DOWN, UP, ALPHA = f"{KOHYA}.lora_down.weight", f"{KOHYA}.lora_up.weight", f"{KOHYA}.alpha"
WORD = Embedding("<new1>", torch.randn(2, 64, generator=torch.Generator().manual_seed(3)), {})


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def a_lora(shapes, rank=2, alpha=3.0):
    made = {}
    for number, (name, shape) in enumerate(shapes.items()):
        down, up = drawn(rank, *shape[1:], seed=number), drawn(shape[0], rank, seed=number + 1)
        made[name] = low_rank(down, up, alpha, shape)
    return made


def file_of(path, tensors, metadata=None):
    write_safetensors(path, tensors, metadata or {})
    return path


def pair(rank=2, shape=(32, 32)):
    return {DOWN: drawn(rank, shape[1]), UP: drawn(shape[0], rank, seed=1)}
