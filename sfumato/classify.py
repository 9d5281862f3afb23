"""CLIP's answers for anybody's pictures: which of some names fits each, and how surely. No truth is needed."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from .by_names import LONGEST_NAME, MOST_NAMES, is_name, logits_of, templates_of
from .clip import Clip
from .errors import UserError
from .images import Answered, open_picture, picture_files, save_image, with_bars
from .outputs import holding, refuse_file
from .runs import write_note

_SHOWN, _LIKELIEST, _LISTED, _SHOWN_NAME = 20, 5, 40, 40


@dataclass
class ClassifyOptions:
    """Ask CLIP which of some names fits each of your pictures best; they may be called anything."""

    pictures: Tuple[Path, ...]
    """Pictures, or folders of pictures."""
    names: Tuple[str, ...] = ()
    """What the pictures may show: two names or more, such as "a cat" "a dog"."""
    out: Optional[Path] = None
    """Folder for classify.json, with all probabilities, and classify.png, at most 20 pictures with their five likeliest
    names; no files without it."""
    clip: Optional[str] = None
    """A CLIP folder or a name such as openai/clip-vit-base-patch32, which is fetched; the small one, which knows digits
    only, by default."""
    template: Tuple[str, ...] = ("A photo of {}.",)
    """Texts with {} where the name goes; the mean of several."""
    ensemble: bool = False
    """Use seven templates of ours in place of --template."""


@dataclass
class Answer:
    """What CLIP says of one picture."""

    file: str
    """Its name, from the folder on that all of the pictures lie in."""
    probabilities: List[float]
    """Of each name, in the names' order; their sum is 1."""


@dataclass
class Classified:
    """All answers."""

    clip: str
    templates: List[str]
    names: List[str]
    pictures: List[Answer]


def classify(options: ClassifyOptions) -> Classified:
    """Ask, write where asked, and print; see ClassifyOptions.

    Raises:
        UserError: for pictures, names, templates or a CLIP that cannot be used; nothing is written then.
    """
    if not options.pictures:
        raise UserError("PICTURES: give at least one picture, or a folder of pictures")
    names = _names(options.names)
    templates = templates_of(options.template, options.ensemble)
    if options.out is not None:
        refuse_file(options.out)
    paths = _pictures(options.pictures)
    clip = Clip(options.clip)
    for text in (template.replace("{}", name) for template in templates for name in names):
        if clip.left_out(text):
            raise UserError(
                f"--names: {_short(text)} is longer than this CLIP reads; shorten the name, or the template"
            )
    # In double precision they add up to 1 as they stand in the file.
    shares = logits_of(clip, paths, names, templates).double().softmax(dim=1)
    if not bool(shares.isfinite().all()):
        raise UserError(f"{clip.name}: its answers are not finite; give another CLIP, or get its weights again")
    answers = [Answer(file, row) for file, row in zip(_files(paths), shares.tolist())]
    found = Classified(clip.name, templates, names, answers)
    if options.out is not None:
        with holding(options.out):
            _write(options.out, found, paths)
    print(_in_words(found))
    return found


def _names(given: Sequence[str]) -> List[str]:
    """The names as CLIP is asked for them.

    Raises:
        UserError: for one that is empty, too long or there twice, or fewer than two.
    """
    names = [" ".join(name.split()) for name in given]
    for name in names:
        if not name:
            raise UserError("--names: one of them is empty; give each a word or more")
        if not is_name(name):
            raise UserError(f"--names: {_short(name)} is no name; give a line of at most {LONGEST_NAME} letters")
    if not 2 <= len(names) <= MOST_NAMES:
        raise UserError(f"--names: give 2 to {MOST_NAMES:,} names to choose from, got {len(names):,}")
    # CLIP reads no capitals, so these would share one answer.
    read = [name.lower() for name in names]
    for place, name in enumerate(read):
        if name in read[:place]:
            raise UserError(f"--names: {_short(names[place])} is there twice; give each name once")
    return names


def _short(name: str) -> str:
    return ascii(name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}...")


def _pictures(given: Sequence[Path]) -> List[Path]:
    """Each picture once: those that are named, and those of the folders."""
    found: List[Path] = []
    for path in given:
        if not path.exists():
            raise UserError(f"{path}: there is no such picture or folder; check the path")
        own = picture_files(path) if path.is_dir() else [path]
        if not own:
            raise UserError(f"{path}: holds no picture; give a folder of PNG or JPEG pictures")
        found += own
    return list(dict.fromkeys(found))


def _files(paths: Sequence[Path]) -> List[str]:
    """What pictures are called: from the folder on that all lie in, so that no two share a name."""
    whole = [path.absolute() for path in paths]
    root = os.path.commonpath([path.parent for path in whole])
    return [path.relative_to(root).as_posix() for path in whole]


def _write(out: Path, found: Classified, paths: Sequence[Path]) -> None:
    # Spread over the pictures, since those of a folder often begin alike.
    count = min(_SHOWN, len(paths))
    picked = [place * len(paths) // count for place in range(count)]
    shown = [
        Answered(open_picture(paths[place]), _drawable(answer.file), _ranked(found.names, answer)[:_LIKELIEST])
        for place, answer in ((place, found.pictures[place]) for place in picked)
    ]
    settings = {name: getattr(found, name) for name in ("clip", "templates", "names")}
    figure = with_bars(shown)
    write_note(out / "classify.json", "classify", settings, **asdict(found))
    save_image(figure, out / "classify.png")
    print(f"wrote {out / 'classify.json'} and {out / 'classify.png'}")


def _drawable(file: str) -> str:
    """A file's name may hold what no letters are for."""
    return "".join(letter if letter.isprintable() else "?" for letter in file)


def _ranked(names: Sequence[str], answer: Answer) -> List[Tuple[str, float]]:
    """(name, probability), the likeliest first; of two that are alike the one that was given first."""
    return sorted(zip(names, answer.probabilities), key=lambda pair: -pair[1])


def _in_words(found: Classified) -> str:
    best = [_ranked(found.names, answer)[0] for answer in found.pictures]
    listed = list(zip(found.pictures, best))[:_LISTED]
    widths = max(len(answer.file) for answer, _ in listed), max(len(name) for _, (name, _) in listed)
    count = len(found.pictures)
    lines = [f"{count} picture{'s' * (count != 1)} by {len(found.names)} names, asked of {found.clip}"]
    lines += [f"  {answer.file:<{widths[0]}}  {name:<{widths[1]}} {share:6.1%}" for answer, (name, share) in listed]
    if count > len(listed):
        lines.append(f"  and {count - len(listed)} more, which --out FOLDER writes down")
    return "\n".join(lines)
