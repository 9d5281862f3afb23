"""Trainings that were done, each with its commands, its data, its time, and the score that it must reach.

A preset is what somebody typed and measured: whoever changes how something is trained measures it again. The quick ones
need no data but what `examples/draw_pictures.py` draws, and `make test-slow` reaches them.
"""

from dataclasses import dataclass
from typing import Dict, List, Tuple

from .errors import UserError


@dataclass(frozen=True)
class Preset:
    """One row of the table."""

    data: str
    """What it learns from."""
    commands: Tuple[str, ...]
    """As one types them, in turn; the last one measures."""
    time: str
    """That they take, and on what."""
    score: str
    """What is measured, in words."""
    where: Tuple[str, ...]
    """The file with the score, and the keys that lead to it."""
    reached: float
    """The score when it was last measured."""
    measured: str
    """When that was."""
    must: float
    """What it has to be: at least, or at most where less is better."""
    less: bool = False
    """Whether less is better."""

    def holds(self, score: float) -> bool:
        """Whether a score is as it must be."""
        return score <= self.must if self.less else score >= self.must


def _drawn(kind: str, data: str, training: str, time: str, reached: float, must: float) -> Preset:
    """One on pictures that `examples/draw_pictures.py` draws."""
    commands = (
        f"python examples/draw_pictures.py {kind} {kind}",
        f"sfumato pictures train {kind} run-{kind} {training}",
        f"sfumato pictures generate painted-{kind} --weights run-{kind} --count 100",
        f"sfumato pictures evaluate painted-{kind} --real {kind} --weights run-{kind} --features judge-svhn",
    )
    score, where = "Frechet distance at equal counts", (f"painted-{kind}/scores.json", "alike", "frechet_distance")
    return Preset(data, commands, time, score, where, reached, "2026-11-25", must, less=True)


QUICK: Dict[str, Preset] = {
    "shapes": _drawn(
        "shapes",
        "600 discs, squares and triangles of 16x16 in many colours, which the first command draws",
        "--size 16 --width 32 --blocks 1 --steps 1500 --look-every 500",
        "9 minutes on one CPU core that other work shared",
        0.35,
        0.6,
    ),
    "letters": _drawn(
        "letters",
        "1,600 letters A to H of 16x16, a little turned, in grey, which the first command draws",
        "--size 16 --grey --width 32 --blocks 1 --steps 1500 --look-every 500",
        "8 minutes on one CPU core that other work shared",
        0.272,
        0.5,
    ),
}
"""What a stranger can try at once."""

PRESETS: Dict[str, Preset] = {
    **QUICK,
    "digits": Preset(
        "the course's digits folder: MNIST-M, 56,000 pictures, and SVHN, 17,948",
        (
            "sfumato digits train hw2_data/digits A --steps 18000 --inner-blocks 4 --align-share 0.5"
            " --encoder-steps 1000 --ema 0.999 --compile --look-every 1500",
            "sfumato digits train hw2_data/digits B --start A/digits.safetensors --steps 22000 --inner-blocks 4"
            " --seed 1 --svhn-share 0.65 --decay-share 0.7 --align 0 --muon-lr 0.015 --adam-lr 0.0015 --ema 0.9995"
            " --compile --look-every 2000",
            "sfumato digits generate painted --weights B/digits.safetensors",
            "sfumato digits evaluate painted",
        ),
        "169 minutes of one CPU core",
        "mean accuracy of 1,000 pictures",
        ("painted/scores.json", "mean_accuracy"),
        0.996,
        "2026-11-29",
        0.99,
    ),
    "faces": Preset(
        "LFWcrop, 6,000 aligned colour faces of 64x64, as a zip",
        (
            "sfumato faces train faces64.zip RUN --steps 3200 --batch-size 32 --ema 0.998 --decay-share 0.5"
            " --look-every 1600 --compile",
        ),
        "44 minutes on 2 CPU cores",
        "loss of held-out faces, in the last line of the log that has it",
        ("RUN/log.jsonl", "loss/held_out"),
        0.00635,
        "2026-11-23",
        0.0065,
        less=True,
    ),
    "world": Preset(
        "the course's digits folder, and MNIST as an .npz",
        (
            "sfumato world autoencoder hw2_data/digits mnist.npz A --steps 2200 --compile",
            "sfumato world clip hw2_data/digits mnist.npz C --steps 2400 --compile",
            "sfumato world train hw2_data/digits mnist.npz A/autoencoder.safetensors C/clip W --steps 7000 --compile",
            "sfumato world train hw2_data/digits mnist.npz A/autoencoder.safetensors C/clip V"
            " --start W/world.safetensors --pool 96000 --steps 5350 --decay-share 0.6 --muon-lr 0.01"
            " --adam-lr 0.0005 --compile",
            "sfumato world evaluate scores --checkpoint V/world.safetensors",
        ),
        "178 minutes, of which 54 on one CPU core and 124 on two that other work shared",
        "share of pairs in two looks of which both digits and both looks are as asked",
        ("scores/scores.json", "measured", "two digits in two looks", "both right"),
        0.92,
        "2026-11-29",
        0.89,
    ),
}


@dataclass
class PresetsOptions:
    """Say which trainings were done, how one types them, and what they reach."""

    name: Tuple[str, ...] = ()
    """Which ones; all by default."""


def presets(options: PresetsOptions) -> None:
    """Print the table; see PresetsOptions.

    Raises:
        UserError: for a preset that there is not.
    """
    for name in options.name:
        if name not in PRESETS:
            raise UserError(f"unknown preset {name!r}; choose of {', '.join(PRESETS)}")
    for name in options.name or PRESETS:
        print("\n".join(_lines(name, PRESETS[name])))


def _lines(name: str, preset: Preset) -> List[str]:
    must = f"at {'most' if preset.less else 'least'} {preset.must:g}"
    return [
        f"{name}: {preset.data}",
        *(f"  {command}" for command in preset.commands),
        f"  {preset.time}; {preset.score}: {preset.reached:g} on {preset.measured}, must be {must}",
    ]
