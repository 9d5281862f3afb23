"""Ten thousand pictures or a million: the start of a training, its memory, and the drawing of a batch.

    python benchmarks/picture_scale.py FOLDER [COUNT ...]      by default 10,000, 100,000 and 1,000,000 pictures

For each count it makes a folder of JPEGs of 64x64 in ten folders of labels (a million take 4 GB, and 12 GB decoded),
begins a training twice, each in a process of its own, and reports of the second one:

start     seconds from the process's start to the end of the first step of the run, with the plan and its trial
          steps; and seconds of computing in them, which another program on the machine does not change
private   memory that belongs to the process alone after that step, in MiB: neither files that are mapped into it nor
          what it shares; and how much more that is than of the same network and steps without pictures ("count 0")
batch     milliseconds in which a batch of 32 is drawn, the median of 50

The network is small (--width 16 --blocks 1), so that steps are not what is measured.
"""

import io
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import torch
from PIL import Image

from sfumato import Diffusion, FlowSchedule, UNet
from sfumato.pictures.batches import PictureBatches
from sfumato.pictures.learn import LearnOptions, learn
from sfumato.pictures.training import Training
from sfumato.training import AlignedLoop, Trainer, make_optimizers, start

SIDE, CLASSES, DISTINCT, BATCH, DRAWN = 64, 10, 1000, 32, 50
TRAINING = Training(loop=AlignedLoop(steps=100, batch_size=BATCH), precision="fp32", look_every=0)


def make(folder: Path, count: int) -> None:
    """A folder of so many JPEGs: a thousand smooth pictures, each file with its number behind it."""
    source, packed = np.random.RandomState(0), []
    for _ in range(DISTINCT):
        small = Image.fromarray(source.randint(0, 256, (4, 4, 3), np.uint8))
        file = io.BytesIO()
        small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        packed.append(file.getvalue())
    for label in range(CLASSES):
        (folder / f"kind-{label}").mkdir(parents=True)
    for number in range(count):
        path = folder / f"kind-{number % CLASSES}" / f"{number:07d}.jpg"
        path.write_bytes(packed[number % DISTINCT] + str(number).encode())


def private() -> float:
    """MiB of this process alone that no file stands behind."""
    lines = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    table = {words[0]: int(words[1]) for words in lines}
    return (table["Private_Dirty:"] + table.get("Swap:", 0)) / 1024


def begin(folder: Path, run: Path) -> None:
    """Begin a training, and tell after its first step what it has taken."""
    plain, drawn = Trainer.run, PictureBatches.__init__
    batches: List[PictureBatches] = []

    def remembered(self: PictureBatches, *arguments: Any, **named: Any) -> None:
        drawn(self, *arguments, **named)
        batches[:] = [self]

    def stopped(self: "Trainer[Any]", *arguments: Any) -> Iterator[Any]:
        for progress in plain(self, *arguments):
            if self.options.steps == TRAINING.loop.steps:  # the plan's trainer takes fewer
                tell(batches[0])
            yield progress

    PictureBatches.__init__, Trainer.run = remembered, stopped  # type: ignore[method-assign, assignment]
    learn(LearnOptions(folder, run, width=16, blocks=1, training=TRAINING))


def alone() -> None:
    """The same network and steps, of noise."""
    torch.manual_seed(0)
    model = Diffusion(UNet(SIDE, CLASSES, width=16, blocks=1), FlowSchedule(), "velocity", classes=list("0123456789"))
    ends = ("network.enter.", "network.leave.")
    trainer = start(model, TRAINING.loop, "fp32", lambda one, dtype: make_optimizers(one, 0.02, 1e-3, ends, dtype))

    def draw(step: int, rows: slice) -> Any:
        x = torch.randn(BATCH, 3, SIDE, SIDE)
        return x, torch.rand(BATCH), torch.randn_like(x), torch.randint(CLASSES, (BATCH,))

    for _ in trainer.run(draw, lambda wrapped, batch: wrapped(*batch)):
        tell(None)


def tell(batches: Any) -> None:
    """Print seconds, memory and the time of a batch, and end the process."""
    now, spent, memory, times = time.time(), sum(os.times()[:2]), private(), []
    for number in range(DRAWN if batches else 0):
        began = time.perf_counter()
        batches(number, slice(None))
        times.append(1000 * (time.perf_counter() - began))
    print(f"told {now} {spent} {memory} {statistics.median(times or [0])}", flush=True)
    os._exit(0)


def measured(*arguments: object) -> Any:
    """Seconds by the clock and of computing, MiB and milliseconds of a process that does it."""
    began = time.time()
    done = subprocess.run([sys.executable, __file__, "one", *map(str, arguments)], capture_output=True, text=True)
    told = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("told ")]
    assert told, done.stdout + done.stderr
    now, spent, memory, batch = map(float, told[0])
    return now - began, spent, memory, batch


def main() -> None:
    """Run what the module's docstring says."""
    if sys.argv[1] == "one":
        begin(Path(sys.argv[2]), Path(sys.argv[3])) if len(sys.argv) > 2 else alone()
        return
    where = Path(sys.argv[1])
    seconds, spent, base, _ = measured()
    print(f"{0:>9,} pictures: start {seconds:.1f} s ({spent:.1f} s of computing), {base:.0f} MiB private", flush=True)
    for count in map(int, sys.argv[2:] or ("10000", "100000", "1000000")):
        folder = where / f"pictures-{count}"
        if not folder.exists():
            make(folder, count)
        first = measured(folder, where / f"run-{count}")[0]
        second, spent, memory, batch = measured(folder, where / f"run-{count}")
        print(
            f"{count:>9,} pictures: first start {first:.1f} s, second {second:.1f} s ({spent:.1f} s of computing),"
            f" {memory:.0f} MiB private ({memory - base:+.0f}), a batch {batch:.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
