"""What all tests share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference() -> Path:
    """Outputs of the original modules: tests/reference/README.md says where each comes from."""
    return Path(__file__).parent / "reference"
