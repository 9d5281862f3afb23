"""The weights that come with the package."""

from pathlib import Path

_WEIGHTS = Path(__file__).parent / "weights"


def shipped(name: str = "") -> Path:
    """Where a file or folder of them is, or all of them; docs/weights.md has a card for each."""
    return _WEIGHTS / name
