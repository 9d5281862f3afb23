"""What all tests share."""

import sys
from pathlib import Path

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
