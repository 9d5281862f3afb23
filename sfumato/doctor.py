"""What this machine has for sfumato, in ten lines, and one more where something is wrong."""

import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import List

import torch

from . import __version__
from .devices import Worker, choose_precision, compiler, cpu_multiplies_bf16, main_memory
from .errors import UserError
from .models.shipped import shipped

_WEIGHTS = shipped()
_OPTIONAL = ("weasyprint", "timm", "detectors", "dlib", "gdown", "diffusers")
_DATA = ("digits", "face", "textual_inversion", "clip_zeroshot")
_SHIPPED = (
    *("digits", "faces64", "judge-mnistm", "judge-svhn"),
    *("real-digit-features", "world", "few-steps", "world-judge"),
)
_GIB = 2**30


@dataclass
class DoctorOptions:
    """Say what this machine has: devices, precision, memory, packages, data and weights."""

    data: Path = Path("hw2_data")
    """The course's data folder, to look for."""


def doctor(options: DoctorOptions) -> List[str]:
    """Print and return the lines."""
    launcher = []
    try:
        worker = Worker.here()
    except UserError as error:
        worker, launcher = Worker(0, 1, 0), [f"launcher   {error}: until then no other command works"]
    device = worker.device()
    precision = choose_precision(device)
    lines = [
        f"sfumato    {__version__}, Python {platform.python_version()}, torch {torch.__version__}, {platform.system()}",
        f"device     {_device(device)}",
        f"precision  {precision}: {_why(device, precision)}",
        f"threads    {torch.get_num_threads()} of {os.cpu_count()} processors",
        f"memory     {_memory(device)}",
        f"disk       {shutil.disk_usage(Path.cwd()).free / _GIB:.1f} GiB free in {Path.cwd()}",
        f"compiler   {_compiler()}",
        f"packages   {_packages()}",
        f"data       {_data(options.data)}",
        f"weights    {_weights()}",
        *launcher,
    ]
    print("\n".join(lines))
    return lines


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return f"{len(names)} GPU: {', '.join(names)}"
    return "Apple's GPU" if device.type == "mps" else f"CPU ({_cpu_name()}), no GPU"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _why(device: torch.device, precision: str) -> str:
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"the GPU has compute capability {major}.{minor}; bf16 begins with 8.0 and PyTorch 2.1"
    if device.type == "cpu" and precision == "bf16":
        return "this CPU multiplies it by itself"
    if device.type == "cpu" and cpu_multiplies_bf16():
        return "this CPU has bf16, but bf16 needs PyTorch 2.1"
    return "this CPU would emulate bf16" if device.type == "cpu" else "half precision is not used on this device"


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        free, whole = torch.cuda.mem_get_info(device)
        return f"{free / _GIB:.1f} of {whole / _GIB:.1f} GiB free on the GPU; {_main_memory()}"
    return _main_memory()


def _main_memory() -> str:
    found = main_memory()
    return f"{found[0] / _GIB:.1f} of {found[1] / _GIB:.1f} GiB free" if found else "unknown on this system"


def _compiler() -> str:
    found = compiler()
    return f"{found}: --compile will work" if found else "no C++ compiler: leave out --compile"


def _packages() -> str:
    there = [name for name in _OPTIONAL if importlib.util.find_spec(name)]
    lacking = [name for name in _OPTIONAL if name not in there]
    return f"optional: {', '.join(there) or 'none'}; not here: {', '.join(lacking) or 'none'}"


def _data(folder: Path) -> str:
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file; give the folder that holds {', '.join(_DATA)}"
    if not folder.exists():
        return f"{folder} is not here; `bash get_dataset.sh` fetches it, and nothing that ships needs it"
    there = [name for name in _DATA if (folder / name).is_dir() and any((folder / name).iterdir())]
    lacking = [name for name in _DATA if name not in there]
    return f"{folder}: {', '.join(there) or 'nothing known'}" + (f"; without {', '.join(lacking)}" if lacking else "")


def _weights() -> str:
    files = [_WEIGHTS / f"{name}.safetensors" for name in _SHIPPED] + [_WEIGHTS / "clip" / "model.safetensors"]
    lacking = [str(path.relative_to(_WEIGHTS)) for path in files if not path.is_file()]
    words = len(list((_WEIGHTS / "words").glob("*.safetensors")))
    if lacking:
        return f"{', '.join(lacking)} missing in {_WEIGHTS}; get the package again"
    return f"all that ship are there: {', '.join(_SHIPPED)}, clip, {words} words"
