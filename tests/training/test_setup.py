"""A training is what its options say, whatever the environment says to Accelerate."""

import os

import pytest
import torch

pytest.importorskip("accelerate")

from accelerate.state import AcceleratorState, GradientState

from sfumato.diffusion import seed_of
from sfumato.errors import UserError
from sfumato.training import LoopOptions, start
from tests.training.test_training import make_network, make_optimizers


def begun(**changes):
    options = LoopOptions(steps=3, batch_size=12, **changes)
    return start(make_network(), options, "fp32", lambda network, dtype: make_optimizers(network))


@pytest.fixture
def fresh():
    """Accelerate reads most of the environment once in a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    yield
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def test_accelerates_variables_decide_nothing(monkeypatch, fresh):
    told = {"GRADIENT_ACCUMULATION_STEPS": "4", "DYNAMO_BACKEND": "eager", "MIXED_PRECISION": "bf16"}
    for name, value in told.items():
        monkeypatch.setenv(f"ACCELERATE_{name}", value)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.setenv(name, "")
    accelerator = begun().accelerator
    assert accelerator.gradient_accumulation_steps == 1
    assert accelerator.state.dynamo_plugin.backend.value == "NO"
    assert (accelerator.mixed_precision, accelerator.num_processes) == ("no", 1)
    assert {name: os.environ[f"ACCELERATE_{name}"] for name in told} == told


def test_what_shares_a_network_is_refused(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="ACCELERATE_USE_FSDP=true: trainings here do not share a network; `unset ACC"):
        begun()


def test_compiling_without_a_compiler_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(
        UserError, match="--compile needs a C\\+\\+ compiler and there is none; install g\\+\\+, or leave"
    ):
        begun(compile=True)


def test_first_weights_are_of_any_seed():
    def drawn(seed):
        LoopOptions(seed=seed).seed_weights()
        return torch.rand(3)

    for seed, wanted in ((7, 7), (2**63 - 1, 2**63 - 1), (10**23, seed_of(10**23))):
        assert torch.equal(drawn(seed), torch.rand(3, generator=torch.Generator().manual_seed(wanted)))
