"""Precision is decided by the hardware and by what PyTorch can compute."""

import ctypes
import itertools
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from sfumato import devices
from sfumato.devices import Worker, choose_precision, in_batches
from sfumato.errors import UserError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("whole", "native", "chosen"), [(True, True, "bf16"), (True, False, "fp32"), (False, True, "fp32")]
)
def test_a_cpu_computes_in_bf16_only_where_all_of_it_is_there(monkeypatch, whole, native, chosen):
    monkeypatch.setattr(devices, "_BF16_IS_WHOLE", whole)
    monkeypatch.setattr(devices, "cpu_multiplies_bf16", lambda: native)
    assert choose_precision(CPU) == chosen


def test_what_was_asked_for_is_taken_or_refused(monkeypatch):
    assert choose_precision(CPU, "fp32") == "fp32"
    with pytest.raises(UserError, match="unknown precision 'fp8'"):
        choose_precision(CPU, "fp8")
    with pytest.raises(UserError, match="fp16 needs a CUDA GPU"):
        choose_precision(CPU, "fp16")
    monkeypatch.setattr(devices, "_BF16_IS_WHOLE", False)
    with pytest.raises(UserError, match=r"bf16 needs PyTorch 2\.1"):
        choose_precision(CPU, "bf16")


def test_the_chosen_precision_can_compute_our_networks():
    """Group normalisation and enlargement in bf16 are what old versions lack."""
    from sfumato.models.face_unet import FaceUNet
    from tests.faces.conftest import TINY

    with torch.no_grad(), devices.autocast(CPU, choose_precision(CPU)):
        assert FaceUNet(TINY)(torch.zeros(1, 3, 16, 16), torch.tensor([1])).shape == (1, 3, 16, 16)


def launched(monkeypatch, **variables):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Worker.here()


def test_a_worker_is_what_the_launcher_says(monkeypatch):
    assert launched(monkeypatch) == (0, 1, 0)
    assert launched(monkeypatch, RANK="", WORLD_SIZE="", LOCAL_RANK="") == (0, 1, 0)
    assert launched(monkeypatch, RANK="3", WORLD_SIZE="4", LOCAL_RANK="1") == (3, 4, 1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"RANK": "abc"}, "RANK=abc is no number of a process; `unset RANK`"),
        ({"WORLD_SIZE": "auto"}, "WORLD_SIZE=auto is no number of a process; `unset WORLD_SIZE`"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0 is no number"),
        ({"RANK": "-1"}, "RANK=-1 is no number"),
        ({"LOCAL_RANK": "1.5"}, "LOCAL_RANK=1.5 is no number"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2 is none of WORLD_SIZE=2 processes; `unset RANK WORLD_SIZE"),
    ],
)
def test_what_no_launcher_says_is_named(monkeypatch, variables, message):
    with pytest.raises(UserError, match=f"^{message}"):
        launched(monkeypatch, **variables)


def test_apples_gpus_are_given_float32():
    class Part:
        dtype = torch.float64

        def to(self, device, dtype):
            return device.type, dtype

    part, apples = Part(), SimpleNamespace(type="mps")  # of which old versions of PyTorch do not know
    assert devices.placed(part, apples) == ("mps", torch.float32)
    assert devices.placed(part, torch.device("cuda")) == ("cuda", torch.float64)
    part.dtype = torch.int64
    assert devices.placed(part, apples) == ("mps", torch.int64)


def test_processes_share_work_evenly_and_wholly():
    shares = [list(Worker(rank, 3, 0).share(range(8))) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == list(range(8))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for count in range(10):
        for rank in range(3):
            assert Worker(rank, 3, 0).share_of(count) == len(list(Worker(rank, 3, 0).share(range(count))))


def test_work_is_walked_and_not_listed():
    batches = in_batches(Worker(1, 2, 0).share(itertools.count()), 3)
    assert [next(batches), next(batches)] == [[1, 3, 5], [7, 9, 11]]
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches([], 2)) == []


@pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")), reason="glibc's alone"
)
def test_freed_memory_is_kept_for_what_comes_next():
    code = """
import resource, torch
from sfumato.devices import keep_freed_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        tensors = [torch.full((1 << 20,), 1.0) for _ in range(12)]
        del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages()
first = pages()
keep_freed_memory()
pages()
print(first, pages())
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    before, after = map(int, told.split())
    # Five times 48 MiB in blocks of 4, asked for anew, are 61,440 pages of 4 KiB; how many glibc gives back varies.
    assert after < max(before, 1000) / 10
