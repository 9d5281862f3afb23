"""The ways to learn a concept, on one task with exact judges: likeness, obedience, what is forgotten, size, time.

    sfumato world photos hw2_data/digits mnist.npz PHOTOS
    sfumato world photos hw2_data/digits mnist.npz CAPTIONED --captions
    python benchmarks/methods.py PHOTOS WORK --captioned CAPTIONED --seeds 0 1 2

Each method learns <new1>, a digit, and <new2>, a look, each from five photos: apart, and with weights both together
too. All is done by the commands as one types them, with their defaults; `world evaluate` paints and judges. What was
learned alone is measured by its own prompts and by plain ones, and both by the prompts that have both. The same command
again goes on where it was stopped; `--table` only prints what there is.

Every stage that `--keep` can choose is measured too: by CLIP's scores of previews, by the loss, and the last.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from sfumato.checkpoints import LearnedFile, read_json, read_learned, write_text

WITHOUT_CAPTIONS = (("word", "new1"),)
"""A word for an object that was only read beside named looks is worse in others; all else learns better from captions,
and weights learn whatever no caption says."""
METHODS, KEPT_BY = ("word", "custom", "lora"), ("clip", "loss", "last")
WORDS = {"new1": ("<new1>", "small-object"), "new2": ("<new2>", "small-style")}
PLAIN = ("one digit", "two digits in two looks")
ALONE = {"new1": ("object", "object on a street"), "new2": ("style", "style in one half")}
BOTH = ("both said apart", "both in one prompt", "both by regions")
TOGETHER = (*PLAIN, *ALONE["new1"], *ALONE["new2"], *BOTH)
FLAGS = {"word": "--embeddings", "custom": "--custom", "lora": "--lora"}
SHARES = {"style": "look right"}
"""Measurements of which one part is what was asked for; of the others both."""


class Measured(NamedTuple):
    """One `world evaluate`."""

    name: str
    """Its folder in the seed's."""
    given: List[str]
    only: Sequence[str]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="a folder that `world photos` wrote")
    parser.add_argument("work", type=Path)
    parser.add_argument("--captioned", type=Path, help="the same with captions, for what learns better with them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--count", type=int, default=200, help="pictures of each measurement")
    parser.add_argument("--steps", type=int, default=25, help="of the pictures that are judged")
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--table", action="store_true", help="only print what was measured")
    options = parser.parse_args()
    for seed in [] if options.table else options.seeds:
        folder = options.work / str(seed)
        measure(options, folder, seed, Measured("before", [], PLAIN))
        for method in options.methods:
            learn_all(options, folder, seed, method)
            for one in measurements(folder, method):
                measure(options, folder, seed, one)
            for word in WORDS:
                measure_kept(options, folder, seed, method, word)
    print(table(options.work, options.seeds, options.methods))
    print(kept_table(options.work, options.seeds, options.methods))


def sfumato(*arguments: Any) -> None:
    """One of its commands."""
    subprocess.run([sys.executable, "-m", "sfumato", *map(str, arguments)], check=True)


def learn_all(options: argparse.Namespace, folder: Path, seed: int, method: str) -> None:
    """Both words apart, and together where more than the words is learned."""
    captioned = options.captioned or options.photos
    source = {word: options.photos if (method, word) in WITHOUT_CAPTIONS else captioned for word in WORDS}
    for word, (token, preset) in WORDS.items():
        chosen = ["--token", token, "--preset", preset]
        learn(folder, method, word, [source[word] / word], [*chosen, "--seed", seed])
    if method == "word":
        return
    tokens, presets = zip(*WORDS.values())
    photos = [source[word] / word for word in WORDS]
    learn(folder, method, "together", photos, ["--token", *tokens, "--preset", *presets, "--seed", seed])


def learn(folder: Path, method: str, name: str, photos: Sequence[Path], chosen: Sequence[Any]) -> None:
    """One run, if it is not there yet, and the seconds that it took."""
    run, (first, *others) = folder / f"{method}-{name}", photos
    seconds = run.with_name(f"{run.name}.seconds")
    if seconds.exists():
        return
    shutil.rmtree(run, ignore_errors=True)  # one that was stopped is begun again, so that its seconds are whole
    began = time.perf_counter()
    also = ["--also", *others] if others else []
    sfumato("concepts", "learn", first, run, *also, "--method", method, *chosen)
    write_text(seconds, f"{time.perf_counter() - began:.1f}")


def file_of(folder: Path, method: str, name: str) -> Path:
    """What a run kept."""
    return folder / f"{method}-{name}" / f"{method}.safetensors"


def measurements(folder: Path, method: str) -> List[Measured]:
    """What was learned alone, both joined, and both learned together."""
    flag, apart = FLAGS[method], [file_of(folder, method, word) for word in WORDS]
    plain = () if method == "word" else PLAIN  # a word alone changes no other prompt
    alone = [
        Measured(f"{method}-{word}-alone", [flag, str(file)], (*ALONE[word], *plain))
        for word, file in zip(WORDS, apart)
    ]
    joined = [flag, *map(str, apart)]
    if method == "custom":
        merged = folder / "custom-joined.safetensors"
        if not merged.exists():
            sfumato("concepts", "convert", apart[0], merged, "--merge", *apart[1:])
        joined = [flag, str(merged)]
    found = [*alone, Measured(f"{method}-joined", joined, BOTH)]
    if method != "word":
        found.append(Measured(f"{method}-at-once", [flag, str(file_of(folder, method, "together"))], TOGETHER))
    return found


def measure(options: argparse.Namespace, folder: Path, seed: int, one: Measured) -> None:
    """Paint and judge, if that is not done yet."""
    if not (folder / one.name / "scores.json").exists():
        asked = ["--count", options.count, "--steps", options.steps, "--seed", seed, "--only", *one.only]
        sfumato("world", "evaluate", folder / one.name, *one.given, *asked)


def stages(folder: Path, method: str, word: str) -> Dict[str, Tuple[Path, LearnedFile]]:
    """Rule of `--keep` -> the stage that it takes of a run."""
    from sfumato.personalisation.previews import best_stage

    kept = folder / f"{method}-{word}" / ("words" if method == "word" else "stages")
    paths = sorted(kept.glob("step-*.safetensors"))
    read = [stage(path, method) for path in paths]
    return {by: next(one for one in zip(paths, read) if one[1] is best_stage(read, by)) for by in KEPT_BY}


def stage(path: Path, method: str) -> LearnedFile:
    """What a stage says of itself; a LoRA's is read without a model, for its metadata alone."""
    if method != "lora":
        return read_learned(path)
    from sfumato.checkpoints import ours_in, read_safetensors

    return LearnedFile([], {}, ours_in(read_safetensors(path)[1]))


def measure_kept(options: argparse.Namespace, folder: Path, seed: int, method: str, word: str) -> None:
    """The stages that the rules of `--keep` take, each measured once."""
    for path, _ in stages(folder, method, word).values():
        name = f"{method}-{word}-{path.stem}"
        measure(options, folder, seed, Measured(name, [FLAGS[method], str(path)], ALONE[word]))


def shares(folder: Path, name: str) -> Dict[str, float]:
    """Measurement -> share that is right, of one `world evaluate`; nothing where it was not made."""
    path = folder / name / "scores.json"
    if not path.exists():
        return {}
    measured = read_json(path, "remove it")["measured"]
    return {one: found[SHARES.get(one, "both right")] for one, found in measured.items()}


def over_seeds(work: Path, seeds: Sequence[int], name: str, measurement: str) -> str:
    """Mean of the seeds, and the lowest and highest."""
    found = [shares(work / str(seed), name).get(measurement) for seed in seeds]
    known = [100 * one for one in found if one is not None]
    return f"{statistics.mean(known):.1f} ({min(known):.0f}-{max(known):.0f})" if known else "-"


def table(work: Path, seeds: Sequence[int], methods: Sequence[str]) -> str:
    """A row for each method and way, in percent: mean over the seeds, lowest and highest."""
    names = {"before": "before"}
    for method in methods:
        for way in (*(f"{word}-alone" for word in WORDS), "joined", "at-once"):
            names[f"{method}-{way}"] = f"{method}, {way.replace('-', ' ')}"
    header = ["%", *TOGETHER, "seconds", "KB"]
    lines = [header, ["---"] * len(header)]
    for name, shown in names.items():
        row = [over_seeds(work, seeds, name, one) for one in TOGETHER]
        if set(row) != {"-"}:
            lines.append([shown, *row, *cost(work, seeds, name)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def cost(work: Path, seeds: Sequence[int], name: str) -> Tuple[str, str]:
    """Seconds of learning and kilobytes of the file; of what was joined nothing was learned."""
    method, _, way = name.partition("-")
    run = f"{method}-{'together' if way == 'at-once' else way.replace('-alone', '')}"
    times = [work / str(seed) / f"{run}.seconds" for seed in seeds]
    known = [float(path.read_text()) for path in times if path.exists()]
    files = [work / str(seed) / run / f"{method}.safetensors" for seed in seeds]
    sizes = [path.stat().st_size / 1000 for path in files if path.exists()]
    return (f"{statistics.mean(known):.0f}" if known else "-", f"{statistics.mean(sizes):.1f}" if sizes else "-")


def kept_table(work: Path, seeds: Sequence[int], methods: Sequence[str]) -> str:
    """What each rule of `--keep` chooses, by the judge: mean over the seeds, and the steps that it took."""
    names = [(word, one) for word in WORDS for one in ALONE[word]]
    lines = [["%, kept by", *(one for _, one in names), "steps"], ["---"] * (len(names) + 2)]
    for method in methods:
        for by in KEPT_BY:
            rows: Dict[str, List[float]] = {one: [] for _, one in names}
            steps: List[str] = []
            for folder in (work / str(seed) for seed in seeds):
                for word in WORDS:
                    if not (folder / f"{method}-{word}.seconds").exists():
                        continue
                    path, told = stages(folder, method, word)[by]
                    steps.append(told.metadata["step"])
                    found = shares(folder, f"{method}-{word}-{path.stem}")
                    for one in ALONE[word]:
                        rows[one] += [100 * found[one]] if one in found else []
            means = [f"{statistics.mean(row):.1f}" if row else "-" for row in rows.values()]
            lines.append([f"{method}, {by}", *means, " ".join(steps)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
