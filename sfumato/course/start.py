"""What the shell scripts start by its path: `python3 .../sfumato/course/start.py hw2_1 OUT`.

By its path, for `python3 -m` would look into the folder that the user stands in first, and import the random.py or
torch.py that may lie there. Nor is any folder of ours put on the path: the package is taken from where this file lies,
whatever signs that place has in its name and whatever lies beside it.
"""

import os
import sys


def _forget_folders() -> None:
    """Take this file's folder, and the one that the user stands in, from the path: an empty part of PYTHONPATH means
    the latter. What Python itself brings along stays, wherever the user stands."""
    try:
        here = os.path.realpath(os.curdir)
    except OSError:
        here = ""  # the folder is no more
    if here.startswith(tuple(os.path.join(os.path.realpath(path), "") for path in (sys.prefix, sys.base_prefix))):
        here = ""
    unwanted = (here, os.path.dirname(os.path.realpath(__file__)))
    sys.path[:] = [path for path in sys.path if path and os.path.realpath(path) not in unwanted]


def _package(folder: str) -> None:
    """Import the package in a folder that is not on the path."""
    import importlib.util

    place = importlib.util.spec_from_file_location(
        "sfumato", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert place is not None and place.loader is not None, "a folder with an __init__.py"
    sys.modules["sfumato"] = importlib.util.module_from_spec(place)
    place.loader.exec_module(sys.modules["sfumato"])


if __name__ == "__main__":
    _forget_folders()
    _package(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    from sfumato.course import arguments

    raise SystemExit(arguments.start(sys.argv.pop(1)))
