"""What all tests share."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List

import pytest


@pytest.fixture(scope="session")
def reference() -> Path:
    """Outputs of the original modules: tests/reference/README.md says where each comes from."""
    return Path(__file__).parent / "reference"


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps one state a process: the precision of one test's training must not be the next one's."""
    yield
    state = sys.modules.get("accelerate.state")
    if state is not None:
        state.AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def on_two_processes() -> Callable[..., str]:
    """Runs a program (a file, or "-m" and a module) with its arguments under torchrun on two processes."""

    def run(*program: object) -> str:
        # A free port: a fixed one may be another program's, or not yet given back by the test before.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={port}"]
        # The code beside these tests, whatever is installed.
        paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": paths}
        done = subprocess.run(
            [*launcher, *map(str, program)], capture_output=True, text=True, timeout=300, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def killed_then_resumed() -> Callable[[List[str], Path], None]:
    """Starts a training, kills it by a real SIGKILL once it has a state, at whatever moment it hits, and goes on."""

    def run(command: List[str], folder: Path) -> None:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(folder.glob("state-*")):
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        finished = {path.name for path in folder.glob("*.safetensors") if not path.name.startswith("state-")}
        assert not finished, "the run ended before it was killed"
        subprocess.run(command, check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory):
    """A CLIP of random weights for 48 x 48 pictures, as transformers keeps one."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    from sfumato.checkpoints.clip_folder import write_description

    torch.manual_seed(0)
    shared = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    text = {**shared, **ends, "vocab_size": 49408, "max_position_embeddings": 32}
    vision = {**shared, "image_size": 48, "patch_size": 16}
    # The halves' configs have other names in old versions.
    halves = {"text_config": text, "vision_config": vision, "text_config_dict": text, "vision_config_dict": vision}
    config = CLIPConfig(**halves, projection_dim=32)
    folder = tmp_path_factory.mktemp("clip")
    clip = CLIPModel(config)
    write_description(folder, clip)
    torch.save(clip.state_dict(), str(folder / "pytorch_model.bin"))
    return folder
