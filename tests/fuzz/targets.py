"""What is fuzzed: a function for each reader, which takes bytes and returns where the reader did as it promises."""

import contextlib
import json
import os
import pathlib
import resource
import struct
import sys
import tempfile
import time
from typing import Any, Callable, Dict, NamedTuple

from torch import nn

from sfumato.checkpoints import read_custom, read_embeddings, read_lora, read_tensors, what_lora
from sfumato.concepts.prompts import read_input
from sfumato.errors import UserError
from sfumato.model import Diffusion

from ..hostile.programs import new_file, old_file

MOST_SECONDS = 5
_MIB = 2**20
_ALWAYS, _A_BYTE = 64 * _MIB, 100
"""A reader may take this much, and so many times the header or pickle, and the tensors as they are stored."""
_MEMORY = "/dev/shm"
"""Thousands of files a second are written: where there is such a folder, no disk need know of them."""
_WIDE = bytes(768 * 4)
"""A storage that one vector of a learned word lies in."""
_UNET = {"input_blocks.1.1.transformer_blocks.0.attn2.to_k": (4, 6), "input_blocks.1.1.proj_in": (4, 4, 1, 1)}
_TEXT = {"text_model.encoder.layers.0.mlp.fc1": (8, 4)}
"""The layers that LoRAs are read for."""
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pty.spawn", "pickle.find_class")
_FORBIDDEN_BEGIN = ("socket.", "ctypes.", "shutil.", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod")


class PromiseBroken(Exception):
    """A reader did what it must not."""


class Target(NamedTuple):
    """A reader."""

    file: Callable[[bytes], bytes]
    """Makes a file of what is fuzzed: where a whole zip file was mutated, hardly one would be opened."""
    read: Callable[[pathlib.Path], Any]


def _safetensors(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + _WIDE


def _word(raw: bytes) -> bytes:
    return _safetensors(raw) if raw.startswith(b"{") else new_file(raw, (_WIDE, bytes(16)))


def _model(raw: bytes) -> bytes:
    """A model without weights, whose description is fuzzed: of today's format, or of the first one for digits."""
    text = raw.decode("latin-1")
    today = {"format": "sfumato diffusion 1", "model": text}
    metadata = today if '"network"' in text else {"format": "sfumato digits 1", "config": text}
    return _safetensors(json.dumps({"__metadata__": metadata}).encode())


def _read_model(path: pathlib.Path) -> Any:
    """With a network of one's own the rest of the description is looked at, with one of ours its config too."""
    with contextlib.suppress(UserError):
        Diffusion.load(path, nn.Identity())
    return Diffusion.load(path)


def _read_lora(path: pathlib.Path) -> Any:
    """With what looks at it and with what reads Custom Diffusion, whose files begin the same."""
    for read in (what_lora, lambda one: read_custom(one, _UNET)):
        with contextlib.suppress(UserError):
            read(path)
    return read_lora(path, _UNET, _TEXT)


TARGETS: Dict[str, Target] = {
    "torch-zip": Target(lambda raw: new_file(raw, (bytes(16), bytes(64))), read_tensors),
    "torch-legacy": Target(lambda raw: old_file(raw, (bytes(16), bytes(64))), read_tensors),
    "any-file": Target(lambda raw: raw, read_tensors),
    "safetensors": Target(_safetensors, read_tensors),
    "words": Target(_word, read_embeddings),
    "lora": Target(_word, _read_lora),
    "config": Target(_model, _read_model),
    "input": Target(lambda raw: raw, read_input),
}
"""Name, also of the folder of its corpus -> reader."""


class Watch:
    """Holds readers to their promises; one a process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="sfumato-fuzz-", dir=_MEMORY if os.path.isdir(_MEMORY) else None
        )
        self._path = pathlib.Path(self._folder.name) / "fuzzed"
        self._reading, self._seen = False, ""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: Any) -> None:
        if not self._reading:
            return
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in _FORBIDDEN or event.startswith(_FORBIDDEN_BEGIN):
            self._seen = f"{event} {arguments!r:.200}"

    def check(self, target: Target, raw: bytes) -> None:
        """Let a reader read.

        Raises:
            PromiseBroken: where it acts, takes too long or too much memory; any other error is the reader's, which may
                raise UserError alone.
        """
        content = target.file(raw)
        self._path.write_bytes(content)
        _forget_peak()
        resident, peak, began = _resident(), _peak(), time.monotonic()
        self._seen, self._reading = "", True
        try:
            target.read(self._path)
        except UserError as error:
            if "\n" in str(error):
                raise PromiseBroken(f"refuses in several lines: {error}") from None
        finally:
            self._reading = False
        seconds, grown = time.monotonic() - began, _peak()
        if self._seen:
            raise PromiseBroken(f"acts: {self._seen}")
        if seconds > MOST_SECONDS:
            raise PromiseBroken(f"takes {seconds:.1f} s")
        # Where the system does not forget the process's peak, it was this file's only where it rose.
        if grown > peak and grown - resident > _ALWAYS + _A_BYTE * len(raw) + len(content):
            raise PromiseBroken(f"takes {(grown - resident) / _MIB:.0f} MiB for {len(raw)} bytes")


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _forget_peak() -> None:
    """Have the system count the most memory anew from here."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _peak() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))
