"""The weights that come with the package."""

from pathlib import Path

_WEIGHTS = Path(__file__).parent / "weights"


def shipped(name: str = "") -> Path:
    """Where a file or folder of them is, or all of them; docs/weights.md has a card for each."""
    return _WEIGHTS / name


def small_or(given: Path, small: Path) -> Path:
    """What a command was given, where the word "small" stands for what ships.

    Args:
        given: as it was typed.
        small: what ships.
    """
    return small if str(given) == "small" else given
