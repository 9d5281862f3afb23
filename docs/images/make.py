"""Make the pictures of README and docs, by the commands that they tell of, with the weights that ship.

    python docs/images/make.py [--only NAME ...] [--scratch build/pictures]

What the commands write is kept in the scratch folder, and not made again while it is there. On one machine the same
weights give the same bytes. `--list` says which pictures there are.
"""

import argparse
import time
from pathlib import Path
from typing import Callable, Dict

import plots
import sheets
import shots
from commands import Scratch

HERE = Path(__file__).parent


def hero(_: Scratch, path: Path) -> None:
    """The moving picture at the head of README and home page."""
    from hero import hero as make

    make(path)


Maker = Callable[[Scratch, Path], None]
FIGURES = "sfumato digits figures runs/digit-figures"
FRONT = "sfumato digits figures runs/digit-front --front --steps 9 --guidance-scales 1 1.5 2 2.5 3.5 5"
ETA = "sfumato faces eta --out runs/faces-eta"
BETWEEN = "sfumato faces interpolate --out runs/faces-paths --film"
PICTURES: Dict[str, Maker] = {
    "hero.webp": hero,
    "digits.webp": sheets.digits,
    "digits-process.webp": sheets.drawn_by(FIGURES, "runs/digit-figures/mnistm-reverse-process.png"),
    "digits-film.webp": sheets.moved_by(FIGURES, "runs/digit-figures/svhn-reverse-process.webp"),
    "digits-front.webp": sheets.drawn_by(FRONT, "runs/digit-front/front.png"),
    "faces.webp": sheets.faces,
    "faces-eta.webp": sheets.drawn_by(ETA, "runs/faces-eta/eta.png"),
    "faces-between.webp": sheets.drawn_by(BETWEEN, "runs/faces-paths/between.png"),
    "faces-film.webp": sheets.moved_by(BETWEEN, "runs/faces-paths/between.webp"),
    "faces-paths.webp": sheets.drawn_by(BETWEEN, "runs/faces-paths/paths.png"),
    "faces-scaled.webp": sheets.drawn_by(BETWEEN, "runs/faces-paths/scaled.png"),
    "concepts.webp": sheets.concepts,
    "small-world.webp": sheets.small_world,
    "several-concepts.webp": sheets.several_concepts,
    "learning.webp": sheets.learning,
    "methods.webp": sheets.methods,
    "shapes.webp": sheets.shapes,
    "zero-shot.webp": sheets.zero_shot,
    "report.webp": shots.report,
    "homework.webp": shots.homework,
    "studio.webp": shots.studio,
    "samplers-error.png": plots.samplers_error,
    "samplers-distance.png": plots.samplers_distance,
    "training-loss.svg": plots.training_curve("loss", "loss"),
    "training-rate.svg": plots.training_curve("rate", "learning rate, share of its peak"),
}
"""Name -> what makes it."""


def main() -> None:
    """Make them, and say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*PICTURES], default=[*PICTURES])
    parser.add_argument("--scratch", type=Path, default=HERE.parents[1] / "build" / "pictures")
    parser.add_argument("--list", action="store_true", help="say which there are, and end")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PICTURES))
        return
    for name in options.only:
        begin, path = time.monotonic(), HERE / name
        PICTURES[name](Scratch(options.scratch), path)
        print(f"{path}: {path.stat().st_size:,} bytes, {time.monotonic() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
