"""What a batch of `hw2_1.sh` costs: seconds of the processor, and pages that the system had to clear for it.

    python benchmarks/digits_batch.py [BATCHES]

Other work on the machine is in the clock and hardly in these seconds. The digest tells whether the pictures are the
same.
"""

import hashlib
import resource
import sys

import torch

from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint

COUNT = 50


def main() -> None:
    """Print the least of all batches."""
    model, seconds, pages = load_digits(), [], []
    for batch in range(int(sys.argv[1]) if len(sys.argv) > 1 else 4):
        before = resource.getrusage(resource.RUSAGE_SELF)
        seeds = range(COUNT * batch, COUNT * (batch + 1))
        pixels = paint(model, [3] * COUNT, seeds, Sampling(), torch.device("cpu"))
        after = resource.getrusage(resource.RUSAGE_SELF)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        pages.append(after.ru_minflt - before.ru_minflt)
    digest = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:12]
    print(f"torch {torch.__version__}: {min(seconds):.3f} s and {min(pages)} pages a batch of {COUNT}; {digest}")


if __name__ == "__main__":
    main()
