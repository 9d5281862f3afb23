"""One target under atheris, which looks for inputs that reach new code: `python -m tests.fuzz.one TARGET [libFuzzer]`.

The process ends with the fuzzing, as libFuzzer has it.
"""

import random
import sys
import warnings

import atheris
import torch

with atheris.instrument_imports(include=["sfumato", "pickletools", "json.decoder", "zipfile"]):
    from .mutations import MUTATIONS
    from .targets import TARGETS, Watch

_ATHERIS_SHARE = 0.25


def main() -> None:
    """Fuzz until libFuzzer's limits or the first input that breaks a promise."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    name, watch = sys.argv[1], Watch()

    def changed(raw: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < _ATHERIS_SHARE:
            return bytes(atheris.Mutate(raw, most))
        for _ in range(chance.choice((1, 1, 2, 3))):
            raw = MUTATIONS[name](raw, chance)
        return raw[:most]

    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda raw: watch.check(TARGETS[name], raw), custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
