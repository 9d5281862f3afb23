"""Figures and tables are numbered in the order in which they stand, and texts refer to them by these numbers.

A text says (@eta); it becomes "(Figure 5)" with a link where a figure of that key is on the page, and nothing where
there is none.
"""

import re
from typing import Any, Dict, Iterable

from .parts import Figure, Table

REFERENCE = re.compile(r" ?\(@([\w-]+(?:, ?@[\w-]+)*)\)")


def numbered(blocks: Iterable[Any]) -> None:
    """Give every figure and every table among some blocks its number, from 1."""
    counts: Dict[type, int] = {Figure: 0, Table: 0}
    for block in blocks:
        if isinstance(block, (Figure, Table)):
            counts[type(block)] += 1
            block.number = counts[type(block)]


def numbers_of(blocks: Iterable[Any]) -> Dict[str, int]:
    """Key -> number of the figures among some blocks; of several of one key the first."""
    found: Dict[str, int] = {}
    for block in blocks:
        if isinstance(block, Figure) and block.key:
            found.setdefault(block.key, block.number)
    return found
