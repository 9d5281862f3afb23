"""Scoring painted concepts with CLIP, as the course does.

    image score   mean over the concept's photos of 100 cosine(picture, photo)
    text score    logit of (picture, prompt), which is 100 cosine(picture, prompt) in OpenAI's CLIPs
    best five     of a prompt's 25 pictures, by image + 2.5 text; their means are the prompt's scores

A prompt passes when both its scores reach its baselines. Photos are embedded once for all prompts of a concept. They
and the pictures are taken as the course's grader takes them, not turned and not laid on white, and a photo that it does
not read is left out.
"""

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from torch import Tensor

from ..bars import Bar
from ..checkpoints import leads_out
from ..clip import Clip, scores
from ..images import exactly_pngs, graded_files, graders_picture
from ..runs import numbers_path, write_note
from .photos import photo_files
from .prompts import Source, read_input

PICTURES = 25
"""That a prompt's folder must hold."""


@dataclass
class EvaluateOptions:
    """Score painted concepts with CLIP, against the baselines in an input.json."""

    json_path: Path = field(metadata={"flag": True})
    """The input.json that the pictures were painted from."""
    input_dir: Path = field(metadata={"flag": True})
    """Folder with the photos of each source, in the folder that src_image names or that is called like the source."""
    output_dir: Path = field(metadata={"flag": True})
    """Folder that was painted into: {source}/{prompt}/ with 25 pictures."""
    clip: Optional[str] = None
    """A CLIP folder or a name such as openai/clip-vit-base-patch32, which is fetched; the small one, which knows digits
    only, by default."""
    json: Optional[Path] = None
    """Where to write the numbers; OUTPUT_DIR/scores.json by default."""


@dataclass
class PromptScore:
    """What was measured on the pictures of one prompt."""

    source: str
    prompt: str
    image: float
    """Mean image score of the best five."""
    text: float
    """Mean text score of the best five."""
    best: List[str]
    """Names of those five, the best first."""
    baseline: Optional[Tuple[float, float]]
    passed: Optional[bool]
    """Whether both scores reach the baseline; None without one."""


def evaluate(options: EvaluateOptions) -> List[PromptScore]:
    """Score, print and write; see EvaluateOptions.

    Raises:
        UserError: for what cannot be scored, before anything is.
    """
    sources = read_input(options.json_path)
    photos = {source.key: photos_of(source, options.input_dir) for source in sources}
    pictures = {
        (source.key, n): exactly_pngs(options.output_dir / source.key / str(n), PICTURES)
        for source in sources
        for n in range(len(source.prompts))
    }
    to = numbers_path(options.json, options.output_dir)
    clip = Clip(options.clip)
    found: List[PromptScore] = []
    with Bar(total=sum(map(len, pictures.values())), desc="scoring", unit="picture") as bar:
        for source in sources:
            references = clip.pictures([graders_picture(path) for path in photos[source.key]])
            for number in range(len(source.prompts)):
                paths = pictures[source.key, number]
                found.append(score_prompt(clip, source, number, paths, references))
                bar.update(len(paths))
    judged = [one.passed for one in found if one.passed is not None]
    settings = {"json_path": options.json_path, "input_dir": options.input_dir, "clip": clip.name}
    numbers = {"passed": sum(judged), "of": len(judged), "prompts": [asdict(one) for one in found]}
    write_note(to, "concepts evaluate", settings, **numbers)
    for one in found:
        print(_in_words(one))
    if judged:
        print(f"{sum(judged)} of {len(judged)} prompts pass, by {clip.name}")
    print(f"wrote {to}")
    return found


def score_prompt(
    clip: Clip, source: Source, number: int, paths: Sequence[Path], references: Tensor, best: int = 5
) -> PromptScore:
    """Score the pictures of one prompt.

    Args:
        clip: that made the references.
        source: whose prompt it is.
        number: of the prompt, from 0.
        paths: of its pictures, 25 for the course's grade; any number from 1 can be measured.
        references: directions [m, d] of the concept's photos, see `Clip.pictures`.
        best: how many pictures the means are taken over.
    """
    text = source.judged_as[number] if source.judged_as else source.prompts[number]
    measured = scores(clip, clip.pictures([graders_picture(path) for path in paths]), references, text)
    chosen = measured.weighted.sort(descending=True, stable=True).indices[:best]
    image, text_score = float(measured.image[chosen].mean()), float(measured.text[chosen].mean())
    baseline = source.baselines[number] if source.baselines else None
    passed = None if baseline is None else image >= baseline[0] and text_score >= baseline[1]
    names = [paths[int(place)].name for place in chosen]
    return PromptScore(source.key, source.prompts[number], image, text_score, names, baseline, passed)


def photos_of(source: Source, folder: Path) -> List[Path]:
    """The photos that the course's grader reads, in the folder inside `folder` that src_image names, also as a path, or
    in the one that is called like the source.

    Raises:
        UserError: if there is no such folder, or the grader reads nothing in it.
    """
    inside = source.photos
    # The file may be somebody else's.
    if leads_out(inside):
        warnings.warn(f"source {source.key}: src_image {inside!a} leads out of {folder}: not followed", stacklevel=2)
        inside = ""
    named = [folder / part for part in (inside, Path(source.photos).name, source.key) if part and part != ".."]
    return graded_files(photo_files(next((path for path in named if path.is_dir()), named[-1])))


def _in_words(one: PromptScore) -> str:
    line = f"source {one.source}: image {one.image:.2f}, text {one.text:.2f}"
    if one.baseline is not None:
        line += f" (baseline {one.baseline[0]:g}, {one.baseline[1]:g}): {'pass' if one.passed else 'fail'}"
    return f"{line}  {one.prompt}"
