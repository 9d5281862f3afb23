"""Problem 3's words: learned, judged, and the table of all that was tried.

OUT/runs/words/table.json                  what was tried, and what became of it
OUT/runs/words/seconds.json                how long that took
OUT/runs/words/{source}/{candidate}/       the run that learned it, and painted/, what was judged
"""

import json
import time
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..checkpoints import read_embeddings, read_json, write_text
from ..concepts.evaluate import PICTURES, PromptScore
from ..concepts.prompts import Source
from ..outputs import open_folder
from ..runs import write_note
from .candidates import Candidate
from .search import FEW, Tried, WordSearch, search, settings_of
from .word_learning import WORD, SourceLearning, WordLearning, pictures_of


class Words:
    """All sources' words.

    Args:
        learning: what they are learned with.
        sources: of the input.json.
        extra: concepts that no prompt is about: learned once and not judged.
        photos: folder of the textual_inversion data.
        entries: of the input.json, as they stand there.
        expected: seconds that a candidate of a source takes.
    """

    def __init__(
        self,
        learning: WordLearning,
        sources: Sequence[Source],
        extra: Sequence[Source],
        photos: Path,
        entries: Mapping[str, Any],
        expected: Callable[[Source], float],
    ) -> None:
        self._learning, self._sources = learning, [*sources, *extra]
        self._hunts: Dict[str, WordSearch] = {}
        for source in self._sources:
            work = SourceLearning(learning, source, photos, entries.get(source.key))
            judge = work.judge if learning.clip is not None and source in sources else None
            tried = learning.candidates_of(source)
            self._hunts[source.key] = WordSearch(tried, work.learn, judge, PICTURES, partial(expected, source))

    def search(self, seconds: float) -> None:
        """Try what the time allows; what an earlier run tried counts, and is not tried again."""
        self._restore()
        spent_file = open_folder(self._learning.folder) / "seconds.json"
        spent = float(read_json(spent_file, "delete it", ours=True)) if spent_file.is_file() else 0.0
        began = time.monotonic()

        def gone() -> float:
            return spent + time.monotonic() - began

        def after() -> None:
            self._write()
            write_text(spent_file, json.dumps(gone()))

        search([*self._hunts.values()], lambda: seconds - gone(), after)
        self._write()

    def best_word(self, source: Source) -> Path:
        """The file of the word that is handed in."""
        return self._best_run(source) / WORD

    def judged_pictures(self, source: Source) -> List[Path]:
        """All pictures that its word was judged by; none where nothing judges."""
        if self._hunts[source.key].best.all is None:
            return []
        painted = self._best_run(source) / "painted"
        return [path for n in range(len(source.prompts)) for path in pictures_of(painted, source, n, PICTURES)]

    def _best_run(self, source: Source) -> Path:
        self._restore()
        return self._learning.run_of(source, self._hunts[source.key].best.candidate)

    def _write(self) -> None:
        clip = self._learning.clip
        rows = [
            {
                "key": source.key,
                "token": source.token,
                "best": hunt.best.candidate.name(self._learning.made_from),
                "tried": [_row(one, self._learning.run_of(source, one.candidate)) for one in hunt.tried],
            }
            for source, hunt in zip(self._sources, self._hunts.values())
            if hunt.tried
        ]
        settings = {"checkpoint": "small" if self._learning.checkpoint is None else self._learning.checkpoint.name}
        told = {"clip": None if clip is None else clip.name, "sources": rows}
        write_note(open_folder(self._learning.folder) / "table.json", "course words", settings, **told)

    def _restore(self) -> None:
        """Stand where the table ends."""
        path = self._learning.folder / "table.json"
        rows = read_json(path, "delete it", ours=True)["sources"] if path.is_file() else []
        saved = {row["key"]: row["tried"] for row in rows}
        for key, hunt in self._hunts.items():
            for row in saved.get(key, [])[len(hunt.tried) :]:
                candidate = next(hunt.candidates)
                if row["name"] != candidate.name(self._learning.made_from):
                    # Of other photos, or another checkpoint.
                    hunt.candidates = chain([candidate], hunt.candidates)
                    break
                hunt.tried.append(_from_row(candidate, row))


def _row(one: Tried, run: Path) -> Dict[str, Any]:
    passed, of = one.passes
    whole = None if one.all is None else {"prompts": [asdict(score) for score in one.all], "passed": passed, "of": of}
    few = None if one.few is None else {"margin": one.few, "pictures": FEW}
    step = int(read_embeddings(run / WORD)[0].metadata["step"])
    return {"name": run.name, "settings": settings_of(one.candidate), "step": step, "few": few, "all": whole}


def _from_row(candidate: Candidate, row: Mapping[str, Any]) -> Tried:
    whole, few = row["all"], row["few"]
    prompts = None if whole is None else [PromptScore(**{**one, "baseline": _pair(one)}) for one in whole["prompts"]]
    return Tried(candidate, None if few is None else few["margin"], prompts)


def _pair(one: Mapping[str, Any]) -> Any:
    return None if one["baseline"] is None else tuple(one["baseline"])
