"""The notebooks of examples/ run anew, and what they show is stored in them.

    python -m tests.notebooks [NAME ...] [--check]

A notebook's file is its one source: change its cells in any editor of notebooks, then run this. Each runs in a kernel
of its own, in an empty folder, on one thread, where warnings are errors as in the tests. What is stored is the same for
the same code: no times, no counts of runs, no paths of the machine, and of bars nothing. With --check nothing is
stored, and what differs from the stored outputs is listed.

A cell with the tag "varies" shows what another processor or another version of matplotlib makes otherwise: a training's
end, or a drawing. Of it only the words are compared, and of which kind the outputs are.
"""

import argparse
import base64
import copy
import io
import itertools
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping
from unittest import mock

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
LARGEST = 600_000
"""Bytes of a file."""
LONGEST = 900
"""Seconds that a cell may take, on the slowest machine."""
_NEAR = 4.0
"""Grey levels by which a picture may differ, in the mean, from what another processor painted."""
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|tensorboard")
warnings.filterwarnings("ignore", module="ipykernel|IPython|jupyter_client|zmq")
warnings.filterwarnings("ignore", message=".*pin_memory.*", category=UserWarning)
"""
"""As pyproject.toml has it for the tests."""
_NUMBER = re.compile(r"[-+]?\d[\d,.]*(?:e[-+]?\d+)?%?")


def executed(path: Path) -> Any:
    """The notebook of a file with the outputs of a run, as they are stored.

    Raises:
        nbclient.exceptions.CellExecutionError: for a cell that fails, with its traceback; a warning is one, too.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        here = dict.fromkeys(("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"), folder)
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        work = Path(folder, "work")
        work.mkdir()
        with mock.patch.dict(os.environ, {**here, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}):
            run = copy.deepcopy(notebook)
            run.cells.insert(0, nbformat.v4.new_code_cell(_STRICT))
            client = NotebookClient(
                run, timeout=LONGEST, kernel_name="python3", record_timing=False, extra_arguments=["--log-level=ERROR"]
            )
            client.execute(cwd=str(work))
    for cell, ran in zip(notebook.cells, run.cells[1:]):
        if cell.cell_type == "code":
            cell.outputs = [nbformat.from_dict(_kept(one)) for one in _joined(ran.outputs)]
    return stripped(notebook)


def stripped(notebook: Any) -> Any:
    """A notebook without what differs from machine to machine: its cells are counted from 1."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    for cell in notebook.cells:
        cell.metadata = {name: value for name, value in cell.metadata.items() if name == "tags"}
    notebook.metadata = copy.deepcopy(_METADATA)
    return notebook


def _joined(outputs: List[Any]) -> Iterator[Any]:
    """Outputs without the standard error's, where bars are drawn; what is printed between two others as one text."""
    shown = [one for one in outputs if one.get("name") != "stderr"]
    for printed, some in itertools.groupby(shown, lambda one: one.output_type == "stream"):
        if printed:
            several = list(some)
            yield {**several[0], "text": "".join(one.text for one in several)}
        else:
            yield from some


def _kept(output: Mapping[str, Any]) -> Dict[str, Any]:
    """An output, of which the words beside a picture only say that it is one."""
    kept = {**output}
    if "data" in kept and "image/png" in kept["data"]:
        kept["data"] = {"image/png": kept["data"]["image/png"], "text/plain": "a picture"}
        kept["metadata"] = {}
    return kept


def differences(stored: Any, run: Any) -> Iterator[str]:
    """A line for each cell whose stored outputs are not those of a run; see the module on what may differ."""
    for kept, ran in zip(stored.cells, run.cells):
        if kept.cell_type != "code":
            continue
        varies = "varies" in kept.metadata.get("tags", [])
        shown = [[_shown(one, varies) for one in cell.outputs] for cell in (kept, ran)]
        if shown[0] != shown[1]:
            yield f"{kept.id}: stored {shown[0]}, now {shown[1]}"
        elif not varies:
            for before, now in zip(*(_pictures(cell) for cell in (kept, ran))):
                away = np.abs(before - now).mean() if before.shape == now.shape else np.inf
                if away > _NEAR:
                    yield f"{kept.id}: the stored picture is {away:.1f} grey levels from what is painted now"


def _shown(output: Mapping[str, Any], varies: bool) -> List[str]:
    """The kind of an output and its words; of those that vary without numbers."""
    data = output.get("data", {})
    words = output.get("text", data.get("text/plain", ""))
    # Shorter numbers leave more space in a table.
    return [output["output_type"], *sorted(data), " ".join(_NUMBER.sub("#", words).split()) if varies else words]


def _pictures(cell: Any) -> List[np.ndarray]:
    found = [one["data"]["image/png"] for one in cell.outputs if "image/png" in one.get("data", {})]
    opened = [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]
    return [np.asarray(one.convert("RGB"), dtype=float) for one in opened]


def main() -> int:
    """Run some and store what they show; with --check the exit status is 1 where that is not what is stored."""
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [path.stem for path in NOTEBOOKS]
    parser.add_argument("names", nargs="*", default=names, metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--check", action="store_true", help="store nothing, list what differs")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"unknown notebook {', '.join(sorted(unknown))}")
    found: List[str] = []
    for path in (path for path in NOTEBOOKS if path.stem in options.names):
        run = executed(path)
        lines = list(differences(nbformat.read(path, as_version=4), run))
        found += lines
        if not options.check:
            nbformat.write(run, path)
        print(
            "\n".join([f"{path.name}: {path.stat().st_size:,} bytes, {len(lines)} cells show something else", *lines])
        )
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
