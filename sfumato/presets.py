"""Trainings that have been done, each with its commands, its data, its time and the score that it must reach.

A preset is what somebody has typed and measured; whoever changes the code of a training measures it again. The quick
ones need no data but what `examples/draw_pictures.py` draws, and `make test-slow` reaches them.
"""

from dataclasses import dataclass
from typing import Dict, Tuple


@dataclass(frozen=True)
class Preset:
    """One row of the table."""

    data: str
    """What it learns from, and where that is from."""
    commands: Tuple[str, ...]
    """As one types them, in turn; the last one measures, and writes scores.json."""
    time: str
    """That they take, and on what."""
    score: str
    """Where the score is in scores.json."""
    reached: float
    """When it was last measured."""
    must: float
    """What it has to reach: at least where more is better, at most where less is."""
    more: bool
    """Whether more is better."""
    quick: bool = False

    def holds(self, score: float) -> bool:
        """Whether a score reaches what it must."""
        return score >= self.must if self.more else score <= self.must


def _drawn(kind: str, training: str, time: str, reached: float, must: float) -> Preset:
    """One on pictures that `examples/draw_pictures.py` draws."""
    commands = (
        f"python examples/draw_pictures.py {kind} {kind}",
        f"sfumato pictures train {kind} run-{kind} {training}",
        f"sfumato pictures generate painted-{kind} --weights run-{kind} --count 60",
        f"sfumato pictures evaluate painted-{kind} --real {kind} --weights run-{kind} --features judge-svhn",
    )
    drawn = f"{kind} that the first command draws"
    return Preset(drawn, commands, time, "alike.frechet_distance", reached, must, more=False, quick=True)


_MORE = "--muon-lr 0.015 --adam-lr 0.0015 --ema 0.999 --compile --look-every 0"

PRESETS: Dict[str, Preset] = {
    "digits": Preset(
        data="the course's digits: MNIST-M, 56,000 pictures, and SVHN, 17,948",
        commands=(
            "sfumato digits train hw2_data/digits A --steps 11000 --compile --look-every 0",
            "sfumato digits train hw2_data/digits B --start A/digits.safetensors --steps 12000 --seed 1 --svhn-share 0.6"
            f" --decay-share 0.6 {_MORE}",
            "sfumato digits train hw2_data/digits C --start B/digits.safetensors --steps 13500 --seed 2 --svhn-share 0.7"
            f" --decay-share 0.7 {_MORE}",
            "sfumato digits generate painted --weights C/digits.safetensors",
            "sfumato digits evaluate painted",
        ),
        time="HOURS",
        score="mean_accuracy",
        reached=0.994,
        must=0.99,
        more=True,
    ),
}
