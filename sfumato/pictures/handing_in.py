"""A folder that is handed in: it holds the pictures that are asked for and nothing else.

Who marks it counts its files, hidden ones too. So what is not finished lies in a folder of its own, which nobody
counts; what killed runs left is swept; and where pictures have a folder to themselves, an earlier run's that are not
asked for now go, and what was never ours is named and stays.
"""

import contextlib
from pathlib import Path
from typing import Collection, Iterator, List, Sequence

from ..checkpoints import remove_leftovers, some, temporary_folder
from ..devices import Worker
from ..errors import UserError
from ..images import note_in


@contextlib.contextmanager
def handed_in(out: Path, inside: Sequence[str], wanted: Collection[Path], left_out: List[UserError]) -> Iterator[Path]:
    """A folder to write pictures in before they take their names; it goes when the block ends.

    Args:
        out: what is handed in; held by this run.
        inside: folders in it that hold pictures alone.
        wanted: all pictures that are asked for, with their folders.
        left_out: gets an error for each folder in which lies what is none of ours.
    """
    worker = Worker.here()
    if worker.rank == 0:
        folders = [out / name for name in inside]
        for folder in (out, *folders):
            remove_leftovers(folder, of_all_hosts=worker.world == 1)
        for folder in folders:
            _clear(folder, wanted, left_out)
    with temporary_folder(out / "pictures") as unfinished:
        yield unfinished


def _clear(folder: Path, wanted: Collection[Path], left_out: List[UserError]) -> None:
    others = [path for path in sorted(folder.iterdir()) if path not in wanted]
    # A picture that tells of its run can be painted again.
    ours = [path for path in others if not path.is_symlink() and note_in(path).get("run")]
    for path in ours:
        path.unlink()
    if ours:
        print(f"removed from {folder} what an earlier run painted and this one does not: {_names(ours)}")
    strange = [path for path in others if path not in ours]
    if strange:
        left_out.append(
            UserError(
                f"{folder}: holds {_names(strange)}, which was not painted here, and who marks it counts the files;"
                " move that to another folder"
            )
        )


def _names(paths: Sequence[Path]) -> str:
    return some([path.name for path in paths])
