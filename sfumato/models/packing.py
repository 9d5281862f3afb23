"""Weights in the layout that a CPU's oneDNN reads, made once for many passes and not anew in each.

Every pass of a convolution on a CPU, and in bf16 of a linear layer too, begins by reordering its weights. Where they
are many against few positions, as inside a U-Net, that takes longer than the arithmetic (3x3, 1280 channels, 8x8: 31 of
40 ms in fp32). PyTorch's compiler has private operators that reorder apart from computing, which `packed` uses:

    with packed(network), torch.no_grad():
        ...                                      # many passes; the same numbers to the bit

The layout is made for the height and width of a layer's first input and a batch of one, and serves all others: made for
the very batch it is no quicker, made for none at all a 1x1 convolution takes up to thirty times as long.

What is packed is what gives the same bits: in bf16 convolutions and linear layers, in fp32 convolutions larger than 1x1
(the others are multiplied by another library, in another order). A layer is held to that on its first input of each
shape, and left as it was where it, the device or the version of PyTorch does not do it.
"""

import contextlib
from typing import Any, Dict, Iterator, Optional, Set, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_Layer = Union[nn.Conv2d, nn.Linear]

_HAS_OPERATORS = hasattr(torch, "get_autocast_dtype") and torch.backends.mkldnn.is_available()
"""PyTorch 2.4 on; its older ones say otherwise in what they compute, or lack some of the operators."""

_SAME: Dict[Tuple[Any, ...], bool] = {}
"""Layer, input and their layouts -> whether the packed answer was the plain one to the bit."""


@contextlib.contextmanager
def packed(network: nn.Module) -> Iterator[None]:
    """Have a network's frozen layers pack their weights when they are first called, until the block ends.

    The weights that are packed are freed meanwhile, so that none is held twice: as parameters they are NaN and of the
    right shape, in `state_dict()` they are what they were. At the end all are put back, and nothing has changed.
    Layers that learn, run on another device or share their weight are left alone, as is all where gradients are on, and
    a compiled network whole.
    """
    if is_compiled(network):
        yield
        return
    holders: Dict[int, int] = {}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            holders[id(parameter)] = holders.get(id(parameter), 0) + 1
    packs = [_Pack(layer) for layer in network.modules() if _can_be_packed(layer) and holders[id(layer.weight)] == 1]
    try:
        yield
    finally:
        for pack in packs:
            pack.undo()


def is_compiled(network: nn.Module) -> bool:
    """Whether a network was compiled in its place."""
    return getattr(network, "_compiled_call_impl", None) is not None


def _can_be_packed(layer: Any) -> bool:
    # The very classes: what derives from them, or was called in another way before, may do something else.
    if not _HAS_OPERATORS or type(layer) not in (nn.Conv2d, nn.Linear) or "forward" in vars(layer):
        return False
    weight = layer.weight
    plain = weight.device.type == "cpu" and weight.layout == torch.strided and not weight.requires_grad
    return plain and (type(layer) is nn.Linear or (layer.padding_mode == "zeros" and layer.padding != "same"))


class _Pack:
    """In the place of a layer's forward: packs at the first call, and computes with what is packed."""

    def __init__(self, layer: Any) -> None:
        self._layer: _Layer = layer
        self._held: Set[Tuple[Any, ...]] = set()
        """The inputs' layouts for which the packed weights were found to give the same bits."""
        self._packed: Optional[Tensor] = None
        self._kept: Optional[Tensor] = None
        """The plain weights where they were not freed."""
        self._stride: Tuple[int, ...] = ()
        self._saving = layer._register_state_dict_hook(self._tell)
        layer.forward = self

    def undo(self) -> None:
        """Give the layer its weights and its forward back."""
        self._unpack()
        self._saving.remove()
        vars(self._layer).pop("forward", None)

    def __call__(self, x: Tensor) -> Tensor:
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else self._layer.weight.dtype
        if torch.is_grad_enabled() or not _is_one_algorithm(self._layer, x, dtype):
            self.undo()
            return self._layer(x)  # type: ignore[no-any-return]
        x = x.to(dtype)
        return self._computed(x) if (x.shape, x.stride(), dtype) in self._held else self._first(x)

    def _first(self, x: Tensor) -> Tensor:
        """The plain answer to an input of a layout that is new, to which the packed one is held."""
        plain, key = self._plainly(x), (*_told(self._layer), x.shape, x.stride(), x.dtype)
        with contextlib.suppress(RuntimeError, TypeError, AttributeError):  # a version whose operators are others
            self._pack(x)
            if key not in _SAME:
                answer = self._computed(x)
                _SAME[key] = answer.stride() == plain.stride() and torch.equal(answer, plain)
        if _SAME.get(key):
            self._held.add((x.shape, x.stride(), x.dtype))
        else:
            self.undo()
        return plain

    def _pack(self, x: Tensor) -> None:
        if self._packed is not None and self._packed.dtype == x.dtype:
            return
        self._unpack()
        layer, weight = self._layer, self._layer.weight
        narrow = weight.detach().to(x.dtype)
        if isinstance(layer, nn.Conv2d):
            where = (layer.padding, layer.stride, layer.dilation, layer.groups, [1, *x.shape[1:]])
            self._packed = torch.ops.mkldnn._reorder_convolution_weight(narrow, *where)
        else:
            self._packed = torch.ops.mkldnn._reorder_linear_weight(narrow, None)
        # Wider weights could not be had back, and leaving a part of a mapped file would free nothing.
        if narrow.data_ptr() == weight.data_ptr() and weight.untyped_storage().nbytes() == weight.nbytes:
            self._stride = weight.stride()
            weight.data = weight.new_full((), float("nan")).expand(weight.shape)
        else:
            self._kept = weight.data

    def _unpack(self) -> None:
        self._layer.weight.data = self._dense()
        self._packed = self._kept = None
        self._held.clear()

    def _dense(self) -> Tensor:
        """The plain weights, as they were."""
        if self._packed is None or self._kept is not None:
            return self._layer.weight.data
        with torch.inference_mode(False):
            weight = self._packed.to_dense()
            return weight.new_empty_strided(weight.shape, self._stride).copy_(weight)

    def _tell(self, layer: nn.Module, state: Dict[str, Any], prefix: str, _: object) -> None:
        state[f"{prefix}weight"] = self._dense()

    def _computed(self, x: Tensor) -> Tensor:
        layer, bias = self._layer, self._layer.bias
        told = (x, self._packed, None if bias is None else bias.to(x.dtype))
        if isinstance(layer, nn.Conv2d):
            where = (layer.padding, layer.stride, layer.dilation, layer.groups)
            answer: Tensor = torch.ops.mkldnn._convolution_pointwise(*told, *where, "none", [], "")
        else:
            answer = torch.ops.mkldnn._linear_pointwise(*told, "none", [], "")
        return answer

    def _plainly(self, x: Tensor) -> Tensor:
        layer, bias = self._layer, self._layer.bias
        told = (x, self._dense().to(x.dtype), None if bias is None else bias.to(x.dtype))
        if isinstance(layer, nn.Conv2d):
            return F.conv2d(*told, layer.stride, layer.padding, layer.dilation, layer.groups)
        return F.linear(*told)


def _is_one_algorithm(layer: _Layer, x: Tensor, dtype: torch.dtype) -> bool:
    """Whether plain and packed weights are multiplied by the same algorithm, as far as is known beforehand."""
    if isinstance(layer, nn.Linear):
        return dtype == torch.bfloat16
    if not x.is_contiguous(memory_format=torch.channels_last):
        return False
    return dtype == torch.bfloat16 or (dtype == torch.float32 and max(layer.kernel_size) > 1)


def _told(layer: _Layer) -> Tuple[Any, ...]:
    where = (layer.padding, layer.stride, layer.dilation, layer.groups) if isinstance(layer, nn.Conv2d) else ()
    return type(layer), tuple(layer.weight.shape), layer.bias is None, where
