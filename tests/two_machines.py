"""Two machines on one: two network namespaces with an address each, and a wire between them that can be cut.

    python -m tests.two_machines FOLDER [--cut]

trains on both what `tests/test_two_machines.py` compares, as root; with --cut the wire is cut in the middle.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

HOST, PORT = "10.77.0.10", 29500
SMALL = ["--size", "8", "--width", "8", "--blocks", "1", "--batch-size", "4", "--precision", "fp32"]


class Network:
    """Made at once, of namespaces whose names no other run has; `close` takes all of it away.

    The two are joined through a switch in a third one, so that at both ends the wire looks whole when it is cut: what
    is sent is lost without a word.

    Raises:
        OSError: where the system does not let us.
    """

    def __init__(self):
        self._names = [f"sfumato-{os.getpid()}-{name}" for name in ("switch", "0", "1")]
        try:
            for name in self._names:
                _ip("netns", "add", name)
            switch, *machines = self._names
            _ip("-n", switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", switch, "link", "set", "switch", "up")
            for number, machine in enumerate(machines):
                port, address = f"port{number}", HOST[:-1] + str(number)
                _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", machine)
                _ip("-n", switch, "link", "set", port, "master", "switch", "up")
                _ip("-n", machine, "addr", "add", f"{address}/24", "dev", "eth0")
                for link in ("lo", "eth0"):
                    _ip("-n", machine, "link", "set", link, "up")
        except OSError:
            self.close()
            raise

    def inside(self, machine):
        """What a command begins with to run on a machine, 0 or 1."""
        return ["ip", "netns", "exec", self._names[1 + machine]]

    def cut(self):
        """Lose from now on whatever one machine sends to the other."""
        _ip("-n", self._names[0], "link", "set", "port1", "nomaster")

    def close(self):
        for name in self._names:
            with contextlib.suppress(OSError):
                _ip("netns", "del", name)


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def draw_pictures(folder):
    """A dozen, in two kinds."""
    for number in range(12):
        path = folder / ("rose" if number % 3 else "tulip") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.RandomState(number).randint(0, 255, (12, 12, 3), np.uint8)).save(path)


def launched(pictures, out, steps, *launch, inside=()):
    """torchrun of a tiny training, started; what it says lies beside the run's folder."""
    training = ["-m", "sfumato", "pictures", "train", str(pictures), str(out), *SMALL]
    training += ["--save-every", "5", "--steps", str(steps)]
    command = [*inside, sys.executable, "-m", "torch.distributed.run", *map(str, launch), *training]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    if inside:
        # Not every machine's own name leads to the address at which others reach it.
        environment["GLOO_SOCKET_IFNAME"] = "eth0"
    with open(out.with_name(f"{out.name}-{inside[-1][-1] if inside else 'alone'}.txt"), "w") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, env=environment)


def on_both(network, pictures, out, steps):
    """The same command on each machine but for its number, as docs/training.md has it."""
    launch = ["--nnodes", 2, "--nproc-per-node", 1, "--master-addr", HOST, "--master-port", PORT]
    return [
        launched(pictures, out, steps, *launch, "--node-rank", number, inside=network.inside(number))
        for number in range(2)
    ]


def until(found, seconds):
    """Wait until found() is true; whether it became so in time."""
    end = time.monotonic() + seconds
    while not found() and time.monotonic() < end:
        time.sleep(0.1)
    return found()


def main():
    folder, cut = Path(sys.argv[1]), "--cut" in sys.argv
    draw_pictures(folder / "pictures")
    with contextlib.closing(Network()) as network:
        both = on_both(network, folder / "pictures", folder / "run", 1_000_000 if cut else 20)
        if cut and until(lambda: list((folder / "run").glob("state-*")), 120):
            network.cut()
        print(f"torchrun ended with {[one.wait() for one in both]}; {folder}/run-0.txt and run-1.txt say why")


if __name__ == "__main__":
    main()
