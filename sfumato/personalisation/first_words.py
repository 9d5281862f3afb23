"""What the vectors of a new word begin as."""

import math

import torch
from torch import Tensor

from ..errors import UserError
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..stable_diffusion import StableDiffusion


def initial_vectors(model: StableDiffusion, init: str, count: int) -> Tensor:
    """What new vectors begin as [count, width], given words that the model knows.

    As many vectors as tokens take one each. More tokens than vectors are averaged in groups of neighbours. Fewer are
    repeated in turn, each repetition moved by a hundredth of its length, so that they can part.

    Raises:
        UserError: if the words have no tokens.
    """
    ids = Tokenizer().plain(init)
    if not ids:
        raise UserError(f"--init {init!r}: the tokenizer knows nothing in it; give a plain word, such as dog")
    known = model.text.token_embedding.weight.detach()[ids].float().cpu()
    if len(ids) >= count:
        return torch.stack([group.mean(dim=0) for group in known.tensor_split(count)])
    repeated = known[torch.arange(count) % len(ids)]
    nudge = torch.randn(repeated.shape, generator=torch.Generator().manual_seed(0))
    nudge[: len(ids)] = 0
    return repeated + 0.01 * repeated.norm(dim=1, keepdim=True) / math.sqrt(repeated.shape[1]) * nudge
