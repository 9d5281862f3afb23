"""Two machines train one model; see tests/two_machines.py. Needs root, to lay the wire between them."""

import contextlib
import os
import time

import pytest
import torch

pytest.importorskip("accelerate", minversion="1.0")
pytest.importorskip("tyro")

from sfumato.checkpoints import read_safetensors

from .two_machines import Network, draw_pictures, launched, on_both, until

pytestmark = [pytest.mark.slow, pytest.mark.root]

LINE = (
    "sfumato: another process of this training does not answer since 90 s (after step {}); start the same command on"
    " all machines again to go on from the last saved state"
)


@pytest.fixture
def network():
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to make network namespaces")
    try:
        network = Network()
    except OSError as error:
        pytest.skip(f"network namespaces cannot be made here: {error}")
    with contextlib.closing(network):
        yield network


def ended(processes, seconds):
    try:
        return [process.wait(seconds) for process in processes]
    finally:
        for process in processes:
            process.terminate()  # upon which torchrun ends what it started
            process.wait()


def finished(out):
    return read_safetensors(out / "model.safetensors")[0]


def said(out, machine):
    return out.with_name(f"{out.name}-{machine}.txt").read_text()


def test_two_machines_train_what_two_processes_of_one_do(network, tmp_path):
    pictures, run, alone = (tmp_path / name for name in ("pictures", "run", "alone"))
    draw_pictures(pictures)
    here = launched(pictures, alone, 20, "--standalone", "--nproc-per-node", 2)
    assert ended([here], 120) == [0], said(alone, "alone")
    assert ended(on_both(network, pictures, run, 20), 120) == [0, 0], said(run, 0) + said(run, 1)
    expected, got = finished(alone), finished(run)
    assert set(expected) == set(got) and all(torch.equal(expected[key], got[key]) for key in expected)


def test_a_cut_wire_ends_both_within_two_minutes_and_each_says_so(network, tmp_path):
    pictures, run = tmp_path / "pictures", tmp_path / "run"
    draw_pictures(pictures)
    both = on_both(network, pictures, run, 1_000_000)
    assert until(lambda: list(run.glob("state-*.safetensors")), 120), said(run, 0) + said(run, 1)
    network.cut()
    cut = time.monotonic()
    # torchrun's own status is 1; that of what it started it tells.
    assert ended(both, 150) == [1, 1]
    assert time.monotonic() - cut < 120
    steps = []
    for machine in range(2):
        text = said(run, machine)
        assert "exitcode  : 2" in text
        told = [line for line in text.replace("\r", "\n").splitlines() if line.startswith("sfumato: another")]
        steps += [int(told[0].split("after step ")[1].split(")")[0])]
        assert told == [LINE.format(steps[-1])]
    assert abs(steps[0] - steps[1]) <= 1
