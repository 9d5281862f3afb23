"""Pictures are painted from a Stable Diffusion of a few megabytes."""

from tests.concepts.conftest import checkpoint, state

__all__ = ["checkpoint", "state"]
