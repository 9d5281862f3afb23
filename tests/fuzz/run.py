"""The long round: `python -m tests.fuzz.run --minutes 60` fuzzes every target in turn and ends with a line on each.

What is found is kept in build/fuzz/TARGET: inputs that reach new code, and those that broke a promise (crash-*). Where
one was found the target is begun again with the time that is left.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

from .seeds import CORPUS
from .targets import MOST_SECONDS, TARGETS

_LONGEST = 4096
_LEAST = 5
"""Seconds for which it is worth beginning again."""


class Round(NamedTuple):
    """What came of fuzzing one target."""

    inputs: int
    coverage: int
    """Places in the code that were reached."""
    broken: int


def fuzzed(name: str, seconds: float, work: pathlib.Path) -> Round:
    """Fuzz one target for so long."""
    found, log = work / name, work / f"{name}.log"
    shutil.copytree(CORPUS / name, found, dirs_exist_ok=True)
    end, inputs, broken = time.monotonic() + seconds, 0, 0
    log.write_text("")
    while end - time.monotonic() > _LEAST:
        limits = {
            "max_total_time": round(end - time.monotonic()),
            "max_len": _LONGEST,
            "timeout": 2 * MOST_SECONDS,
            "rss_limit_mb": 4096,
            "print_final_stats": 1,
            "artifact_prefix": f"{found}/",
        }
        flags = [f"-{key}={value}" for key, value in limits.items()]
        with open(log, "a") as file:
            ended = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.one", name, *flags, str(found)],
                stdout=file,
                stderr=file,
                check=False,
            )
        said = log.read_text(errors="replace")
        inputs = sum(map(int, re.findall(r"number_of_executed_units:\s*(\d+)", said)))
        if ended.returncode:
            broken += 1
            for crash in found.glob("*-[0-9a-f]*"):
                if crash.name.startswith(("crash-", "oom-", "timeout-", "leak-")):
                    # It would break the next beginning too.
                    crash.rename(work / f"{name}-{crash.name}")
    coverage = max(map(int, re.findall(r"\bcov: (\d+)", log.read_text(errors="replace"))), default=0)
    return Round(inputs, coverage, broken)


def main() -> int:
    """Fuzz; the exit status is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/fuzz"))
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    options = parser.parse_args()
    rounds = {}
    for name in options.targets:
        rounds[name] = fuzzed(name, 60 * options.minutes / len(options.targets), options.work)
        print(
            f"{name}: {rounds[name].inputs:,} inputs, coverage {rounds[name].coverage}, {rounds[name].broken} broken",
            flush=True,
        )
    inputs, broken = sum(one.inputs for one in rounds.values()), sum(one.broken for one in rounds.values())
    print(f"{len(rounds)} targets, {options.minutes:g} minutes, {inputs:,} inputs, {broken} broke a promise")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
