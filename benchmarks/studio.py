"""How soon the studio's page answers, how soon its first digit is there, and whether 200 paintings make it larger.

python benchmarks/studio.py [--paintings 200]
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, List, Optional


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        command = [sys.executable, "-m", "sfumato", "studio", f"{folder}/studio", "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None, "the studio did not open"
            _measure(found.group(), process.pid, began, options.paintings)
        finally:
            process.terminate()
            process.wait()


def _measure(url: str, server: int, began: float, paintings: int) -> None:
    with urllib.request.urlopen(url) as answer:
        answer.read()
    print(f"the page answers after {time.monotonic() - began:.1f} s")
    _asked(f"{url}/api/tabs")
    print(f"its forms are there after {time.monotonic() - began:.1f} s")
    _painted(url, 0)
    print(f"the first digit is there after {time.monotonic() - began:.1f} s")
    sizes = []
    for number in range(1, paintings + 1):
        _painted(url, number)
        if number in (paintings // 10, paintings):
            sizes.append([_megabytes(process) for process in (server, _worker(server))])
            print(f"after {number} paintings: server {sizes[-1][0]:.0f} MB, worker {sizes[-1][1]:.0f} MB")
    grown = [last - first for first, last in zip(*sizes)]
    print(f"grown since a tenth of them: server {grown[0]:+.1f} MB, worker {grown[1]:+.1f} MB")


def _painted(url: str, seed: int) -> None:
    values = {"digit": "3", "count": 1, "seed": seed, "watch": True}
    number = _asked(f"{url}/api/jobs", {"form": "digits", "values": values})["number"]
    while (state := _asked(f"{url}/api/jobs/{number}")["state"]) in ("waiting", "running"):
        time.sleep(0.02)
    assert state == "done", state


def _asked(url: str, body: Optional[Dict[str, Any]] = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"X-Sfumato": "1"})) as answer:
        return json.load(answer)


def _worker(server: int) -> int:
    children: List[str] = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    others = [Path(f"/proc/{server}/task").iterdir()]
    found = children or [
        child for tasks in others for task in tasks for child in (task / "children").read_text().split()
    ]
    return int(found[0])


def _megabytes(process: int) -> float:
    """Of main memory that a process holds; Linux tells it."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
