"""The text encoder of Stable Diffusion v1: CLIP ViT-L/14's text tower (Radford et al. 2021).

Ours and not transformers', because that package's names of the weights changed between the versions that the two
environments have, and its newest one does not load CompVis' keys strictly.
"""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import Tensor, nn

from ...options import check_fields, number
from ..layers import attention


@dataclass(frozen=True)
class TextConfig:
    """The shape of a TextEncoder; by default Stable Diffusion v1's, 123 million parameters."""

    vocabulary: int = number(49408, 1)
    """Tokens known."""
    tokens: int = number(77, 1)
    """The longest prompt, its begin and end included."""
    width: int = number(768, 1)
    """Of the states, a multiple of 64: CLIP's heads are 64 wide."""
    layers: int = number(12, 1)
    inner: int = number(3072, 1)
    """Width of the feed-forward layers."""

    def __post_init__(self) -> None:
        check_fields(self)


class TextEncoder(nn.Module):
    """Token ids to one state a token.

    Args:
        config: the shape.
    """

    def __init__(self, config: TextConfig = TextConfig()) -> None:
        super().__init__()
        self.config = config
        self.text_model = _TextModel(config)

    @property
    def token_embedding(self) -> nn.Embedding:
        """The table that a token's id is looked up in."""
        return self.text_model.embeddings.token_embedding

    def forward(self, ids: Tensor, embedded: Optional[Tensor] = None) -> Tensor:
        """The states after the final normalisation.

        Args:
            ids: int64 [B, n], n at most config.tokens.
            embedded: [B, n, width] to use in place of the looked-up embeddings, as learned tokens need.

        Returns:
            [B, n, width].
        """
        return self.text_model(self.token_embedding(ids) if embedded is None else embedded)


class _TextModel(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)
        self.final_layer_norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.embeddings.position_embedding.weight[: x.shape[1]]
        return self.final_layer_norm(self.encoder(x))


class _Embeddings(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocabulary, config.width)
        self.position_embedding = nn.Embedding(config.tokens, config.width)


class _Layers(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_Layer(config) for _ in range(config.layers)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.self_attn = _SelfAttention(config.width)
        self.layer_norm1 = nn.LayerNorm(config.width)
        self.mlp = _FeedForward(config)
        self.layer_norm2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class _FeedForward(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.inner)
        self.fc2 = nn.Linear(config.inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.fc1(x)
        # CLIP's own approximation of GELU.
        return self.fc2(hidden * torch.sigmoid(1.702 * hidden))


class _SelfAttention(nn.Module):
    """Each token looks at itself and at those before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // 64)
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        split = (self.heads, x.shape[2] // self.heads)
        query, key, value = (
            part(x).unflatten(2, split).transpose(1, 2) for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        return self.out_proj(attention(query, key, value, causal=True).transpose(1, 2).flatten(2))
