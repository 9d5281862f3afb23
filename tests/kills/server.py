"""A process that has imported everything and forks for each run: a command starts in a moment, and can be killed.

    python -m tests.kills.server < runs

A run is a line of JSON: {"words": [...], "folder": ..., "seconds": null or when to kill, "write": null or at which
renaming of a finished file to kill, "said": the file for what it prints}. The answer is a line too: the exit status
(-9 where it was killed), the seconds, and how many files were renamed.
"""

import json
import os
import signal
import sys
import threading
import time


def child(run, counted):
    """Never returns."""
    os.chdir(run["folder"])
    said = os.open(run["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    replace = os.replace

    def renamed(source, target, **more):
        os.write(counted, b".")
        counts[0] += 1
        if counts[0] == run["write"]:
            # The name is the temporary one, and half of the file is not on the disk yet.
            os.truncate(source, os.path.getsize(source) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(source, target, **more)

    counts = [0]
    os.replace = renamed
    from sfumato.cli import main

    status = 1
    try:
        status = main(run["words"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def serve(run):
    """Fork, kill if asked, wait."""
    read, write = os.pipe()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        os.close(read)
        child(run, write)
    os.close(write)
    timer = None
    if run["seconds"] is not None:
        timer = threading.Timer(run["seconds"], lambda: os.kill(process, signal.SIGKILL))
        timer.start()
    renamed = 0
    while part := os.read(read, 4096):
        renamed += len(part)
    os.close(read)
    _, ended = os.waitpid(process, 0)
    if timer is not None:
        timer.cancel()
        timer.join()
    status = -os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)
    return {"status": status, "seconds": time.monotonic() - began, "renamed": renamed}


def main():
    """Import, then serve."""
    import accelerate
    import matplotlib.figure
    import torch._dynamo
    import torch.utils.tensorboard
    import transformers.models.clip.modeling_clip
    import tyro

    import sfumato.cli

    assert all((accelerate, matplotlib.figure, transformers, tyro, sfumato.cli, torch.utils.tensorboard))
    torch.set_num_threads(1)  # threads do not come along when a process forks
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
