"""What the work runs on: device, number format and share of the work, decided here and nowhere else."""

import contextlib
import ctypes
import functools
import itertools
import os
import shutil
import sys
from pathlib import Path
from typing import ContextManager, Iterable, Iterator, List, NamedTuple, Optional, Tuple, TypeVar

import torch

from .errors import UserError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""The types of the precisions that `choose_precision` answers."""

_BF16_IS_WHOLE = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 1)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc's mallopt calls them (malloc.h)."""

_Item = TypeVar("_Item")


class Worker(NamedTuple):
    """This process among those that `torchrun` or `accelerate launch` started; one of one without them."""

    rank: int
    world: int
    local_rank: int

    @classmethod
    def here(cls) -> "Worker":
        """Read the launcher's environment variables; an empty one is as none.

        Raises:
            UserError: for what no launcher sets, which another program or an old shell left behind.
        """
        rank, world, local = (_set_by_launcher(name, least) for name, least in _LAUNCHER)
        if rank >= world:
            raise UserError(f"RANK={rank} is none of WORLD_SIZE={world} processes; `unset RANK WORLD_SIZE LOCAL_RANK`")
        return cls(rank, world, local)

    @property
    def launch(self) -> str:
        """What the processes of one launch have in common and no other has; empty for one that is alone."""
        told = [os.environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")]
        return ":".join(told) if self.world > 1 and told[1] else ""

    def share(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """This process's part: every world-th item, so that all parts are alike; they are walked, not listed."""
        return itertools.islice(items, self.rank, None, self.world)

    def share_of(self, count: int) -> int:
        """How many of so many items `share` gives this process."""
        return max(0, -(-(count - self.rank) // self.world))

    def device(self) -> torch.device:
        """A GPU of its own where there are GPUs, else Apple's GPU, else the CPU."""
        if torch.cuda.is_available():
            return torch.device("cuda", self.local_rank % torch.cuda.device_count())
        mps = getattr(torch.backends, "mps", None)
        return torch.device("mps" if mps is not None and mps.is_available() else "cpu")


def placed(part: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device; where that is Apple's GPU, which has no float64, in float32."""
    return part.to(device, torch.float32 if device.type == "mps" and part.dtype == torch.float64 else part.dtype)


def in_batches(items: Iterable[_Item], size: int) -> Iterator[List[_Item]]:
    """So many items at once, the rest at last; they are walked, not listed."""
    walk = iter(items)
    return iter(lambda: list(itertools.islice(walk, size)), [])


_LAUNCHER = (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
"""The variables that torchrun and accelerate set, and the least that each can be, which stands where it is not set."""


def _set_by_launcher(name: str, least: int) -> int:
    text = os.environ.get(name) or str(least)
    if not text.isdecimal() or int(text) < least:
        raise UserError(f"{name}={text} is no number of a process; `unset {name}`, or start with torchrun")
    return int(text)


def choose_precision(device: torch.device, asked: str = "auto") -> str:
    """The number format to compute in.

    bf16 where the hardware multiplies it natively (GPUs from Ampere on, CPUs with AVX512-BF16 or AMX) and PyTorch has
    all layers for it (2.1 on: older ones lack group normalisation on CPUs and enlargement on GPUs); else fp16 on GPUs
    and fp32 on CPUs, which are slower in a bf16 that they emulate.

    Args:
        device: where the network runs.
        asked: "auto", or the answer itself.

    Returns:
        "fp32", "bf16" or "fp16".

    Raises:
        UserError: for a precision that is none of PRECISIONS, fp16 off a GPU, or bf16 in a PyTorch that lacks it.
    """
    if asked not in PRECISIONS:
        raise UserError(f"unknown precision {asked!r}; choose one of {', '.join(PRECISIONS)}")
    if asked == "fp16" and device.type != "cuda":
        raise UserError(f"fp16 needs a CUDA GPU and this is {device.type}; choose fp32, or bf16 where it has it")
    if asked == "bf16" and not _BF16_IS_WHOLE:
        raise UserError(f"bf16 needs PyTorch 2.1 and this is {torch.__version__}; choose fp32, or fp16 on a GPU")
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return "bf16" if _BF16_IS_WHOLE and torch.cuda.get_device_capability(device)[0] >= 8 else "fp16"
    return "bf16" if device.type == "cpu" and _BF16_IS_WHOLE and cpu_multiplies_bf16() else "fp32"


def autocast(device: torch.device, precision: str) -> ContextManager[object]:
    """The context in which a network computes in that precision."""
    if precision == "fp32":
        return contextlib.nullcontext()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype=dtype)


def cpu_multiplies_bf16() -> bool:
    """Whether Linux lists a bf16 instruction set; elsewhere the safe answer is no."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def compiler() -> Optional[str]:
    """The C++ compiler that PyTorch compiles networks with, or None; CXX names another one."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++"))


def refuse_to_compile(device: torch.device) -> None:
    """Refuse --compile where it cannot be.

    Raises:
        UserError: without a compiler on a CPU, and with a PyTorch that does not compile modules in their place.
    """
    if not hasattr(torch.nn.Module, "compile"):
        raise UserError(f"--compile needs PyTorch 2.2 and this is {torch.__version__}; leave out --compile")
    if device.type == "cpu" and compiler() is None:
        raise UserError("--compile needs a C++ compiler and there is none; install g++, or leave out --compile")


@functools.lru_cache(maxsize=None)
def keep_freed_memory() -> None:
    """Have the C library keep what tensors give back for those that come next, in place of asking the system anew.

    glibc returns freed memory at the end of its heap, and large blocks at once; the next pass then finds pages that the
    system must clear first, which takes 5 to 10% of a pass of 50 digits. Kept are at most 256 MiB, and blocks of 32 MiB
    and more are returned as before. Other C libraries do as they do.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError, ValueError):
        # What this process has loaded, without loading anything.
        library = ctypes.pythonapi
        if sys.platform == "linux" and hasattr(library, "gnu_get_libc_version"):
            library.mallopt(_MMAP_THRESHOLD, 32 << 20)
            library.mallopt(_TRIM_THRESHOLD, 256 << 20)


def main_memory() -> Optional[Tuple[int, int]]:
    """Bytes of this machine's memory that are free, and all of them; None where the system does not say it."""
    try:
        table = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        free, whole = (int(table[name].split()[0]) << 10 for name in ("MemAvailable", "MemTotal"))
    except (OSError, KeyError, ValueError):
        return None
    return free, whole


def peak_memory() -> Optional[int]:
    """The most bytes that this process has held, of its GPU where it has one; None where the system does not say it."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
