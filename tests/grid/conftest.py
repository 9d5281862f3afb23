"""Cells are painted from a Stable Diffusion of a few megabytes, where not from what ships."""

from tests.concepts.conftest import checkpoint, state

__all__ = ["checkpoint", "state"]
