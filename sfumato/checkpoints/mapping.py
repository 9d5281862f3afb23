"""A file's bytes without reading it."""

import mmap
import os
import weakref
from pathlib import Path
from typing import MutableMapping, Union

import torch
from torch import Tensor

Mapped = Union[mmap.mmap, bytes]

_MAPS: MutableMapping[int, mmap.mmap] = weakref.WeakValueDictionary()
"""By address."""


def mapped(path: Path) -> Mapped:
    """The file's bytes, of which the system reads only those that are looked at; changing them changes no file.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # nothing cannot be mapped
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    _MAPS[torch.frombuffer(whole, dtype=torch.uint8).data_ptr()] = whole
    return whole


def let_go(tensor: Tensor) -> None:
    """Give back the memory that a tensor's bytes take, where they lie in a mapped file: what was written there is lost.

    The file is one block, freed when its last tensor is; until then all that was looked at counts as this process's. A
    tensor that is looked at again is read again.
    """
    begin = tensor.data_ptr()
    end = begin + tensor.numel() * tensor.element_size()
    for start, whole in list(_MAPS.items()):
        if tensor.is_contiguous() and start <= begin and end <= start + len(whole) and hasattr(mmap, "MADV_DONTNEED"):
            page = mmap.PAGESIZE
            first, last = -(-(begin - start) // page) * page, (end - start) // page * page
            if first < last:
                whole.madvise(mmap.MADV_DONTNEED, first, last - first)
