"""dlib's own files of networks, as far as its face descriptor needs them.

A layer stands in the file as a word (con_4, affine_, fc_2) and its numbers, the network's first layer first. A whole
number is a byte, whose lower four bits say how many bytes follow and whose highest one is the sign, and those bytes,
the least first. A tensor is five such numbers, its version 2 and its four sizes, and its elements as float32.
"""

import math
import re
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import torch
from torch import Tensor, nn

from ..errors import UserError
from ..models.face_descriptor import FaceDescriptor
from .strict import loaded, unfilled

_LAYER = re.compile(rb"\x01[\x04-\x07](con_4|affine_|fc_2)")
"""A word: how long it is, and its letters."""
_VERSION = 2
_MOST = 2**28
"""Bytes of a file that may be such a network."""
_WHAT = "face descriptor of dlib"


def read_face_descriptor(path: Path) -> FaceDescriptor:
    """The network of a file such as dlib_face_recognition_resnet_model_v1.dat, in float32, frozen.

    Raises:
        UserError: if the file cannot be read, or holds no such network.
    """
    try:
        if path.stat().st_size > _MOST:
            raise UserError(f"{path}: is far larger than a {_WHAT}")
        layers = list(_layers(path.read_bytes()))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise UserError(f"{path}: is no {_WHAT}, or damaged; get the file again") from None
    return loaded(FaceDescriptor, _state(layers, path), path, _WHAT)


def _state(layers: List[Tuple[str, Tensor]], path: Path) -> Dict[str, Tensor]:
    """The weights by our names, each normalisation folded into the convolution before it."""
    with unfilled():
        empty = FaceDescriptor()
    convolutions = [(name, one) for name, one in empty.named_modules() if isinstance(one, nn.Conv2d)]
    if [kind for kind, _ in layers] != ["con_4", "affine_"] * len(convolutions) + ["fc_2"]:
        raise UserError(f"{path}: is no {_WHAT}: it has other layers")
    state = {}
    numbers = [numbers for _, numbers in layers]
    for (name, layer), filters, norm in zip(convolutions, numbers[::2], numbers[1::2]):
        outputs = layer.out_channels
        if len(filters) != layer.weight.numel() + outputs or len(norm) != 2 * outputs:
            raise UserError(f"{path}: is no {_WHAT}: {name} is of another shape")
        gain, shift = norm.split(outputs)
        state[f"{name}.weight"] = filters[:-outputs].view_as(layer.weight) * gain.view(-1, 1, 1, 1)
        state[f"{name}.bias"] = filters[-outputs:] * gain + shift
    if numbers[-1].numel() != empty.last.weight.numel():
        raise UserError(f"{path}: is no {_WHAT}: its last layer is of another shape")
    state["last.weight"] = numbers[-1].view(*empty.last.weight.shape[::-1]).T
    return state


def _layers(content: bytes) -> Iterator[Tuple[str, Tensor]]:
    """Each layer's word and all its weights in a row.

    Raises:
        ValueError: where no tensor follows.
    """
    place = 0
    while True:
        found = _LAYER.search(content, place)
        if found is None:
            return
        word, place = found.group(1).decode(), found.end()
        # A matrix says its outputs and inputs first.
        for _ in range(2 if word == "fc_2" else 0):
            _, place = _whole_number(content, place)
        numbers, place = _tensor(content, place)
        yield word, numbers


def _tensor(content: bytes, place: int) -> Tuple[Tensor, int]:
    version, place = _whole_number(content, place)
    sizes = []
    for _ in range(4):
        size, place = _whole_number(content, place)
        sizes.append(size)
    count = math.prod(sizes)
    if version != _VERSION or min(sizes) < 1 or place + 4 * count > len(content):
        raise ValueError("no tensor")
    return torch.frombuffer(bytearray(content[place : place + 4 * count]), dtype=torch.float32), place + 4 * count


def _whole_number(content: bytes, place: int) -> Tuple[int, int]:
    """A whole number, and the place behind it."""
    head = content[place : place + 1]
    if not head or not 1 <= head[0] & 15 <= 8:
        raise ValueError("no whole number")
    end = place + 1 + (head[0] & 15)
    value = int.from_bytes(content[place + 1 : end], "little")
    return -value if head[0] & 128 else value, end
