"""How good painted pictures are, beside real ones: like them, as varied as they, and no copies of them.

PAINTED/scores.json           the numbers
PAINTED/sheet-nearest.png     the painted pictures that come nearest to training pictures, each above its own
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..checkpoints import parsed_json, read_tensors
from ..devices import Worker
from ..errors import UserError
from ..images import save_image
from ..model import Diffusion
from ..options import check_options
from ..runs import numbers_path, write_note
from .comparing import Comparison, compare
from .copying import COPIES
from .data import HELD_OUT, Pictures
from .features import choose_features
from .generate import weights_path
from .painted import Painted, read_painted
from .pairs import pairs_sheet
from .reading import Reading

SHEET = "sheet-nearest.png"
FEWEST = 4
"""Painted pictures; of fewer there is no recall."""


@dataclass
class EvaluateOptions:
    """Measure painted pictures against real ones, and look for copies."""

    painted: Path
    """The folder that was painted into, searched through all its folders."""
    real: Path = field(metadata={"flag": True})
    """What was learned from: a folder of pictures, a .zip, or an .npz."""
    weights: Optional[Path] = None
    """The run or model.safetensors that painted: whether it learned from these pictures is checked, and of a model of
    grey pictures real ones are made grey."""
    features: str = ""
    """dlib (faces only), judge-mnistm, judge-svhn, torchvision:NAME, timm:NAME, or the path of Inception weights in
    pytorch-fid's form. By default the best of the others that is at hand."""
    reading: Reading = field(default_factory=Reading)
    json: Optional[Path] = None
    """Where to write the numbers; PAINTED/scores.json by default."""


def evaluate(options: EvaluateOptions) -> Comparison:
    """Measure, print and write the numbers and the sheet; see EvaluateOptions.

    Raises:
        UserError: for pictures, weights or features that cannot be used.
    """
    check_options(options)
    features = choose_features(options.features, Worker.here().device())
    painted = read_painted(options.painted)
    if len(painted.names) < FEWEST:
        raise UserError(f"{options.painted}: holds only {len(painted.names)} pictures; paint {FEWEST} or more")
    written = numbers_path(options.json, options.painted)
    channels = 3 if options.weights is None else _channels(options.weights, painted, options.painted)
    height, width = painted.pixels.shape[2:]
    pictures = options.reading.of(options.real, (height, width), channels)
    note = {} if options.weights is None else note_of(options.weights)
    most = note.get("held_out")
    found = compare(painted, pictures, features, most if isinstance(most, int) else HELD_OUT)
    if options.weights is not None:
        found.cautions.extend(_learned_others(options.weights, note, pictures))
    settings = {name: value for name, value in asdict(options).items() if name != "json"}
    write_note(written, "pictures evaluate", settings, **_numbers(found, painted, pictures))
    sheet = save_image(pairs_sheet(found.copying, painted, pictures), options.painted / SHEET)
    print(_in_words(found, options.reading.fit, pictures))
    print(f"numbers in {written}, the nearest pairs in {sheet}")
    return found


def _channels(given: Path, painted: Painted, folder: Path) -> int:
    """What a model paints, once it is known that it paints pictures of this size."""
    shape = Diffusion.load(weights_path(given), what="model of pictures").shape
    height, width = painted.pixels.shape[2:]
    if shape is None or shape[1:] != (height, width):
        paints = "pictures of a size it does not say" if shape is None else f"{shape[2]}x{shape[1]}"
        raise UserError(f"{folder}: holds pictures of {width}x{height}, and {given} paints {paints}; give its own")
    return shape[0]


def note_of(given: Path) -> Dict[str, Any]:
    """The settings that a model's file says it was trained with; empty where it says none."""
    try:
        note = parsed_json(read_tensors(weights_path(given)).metadata.get("note", ""), ours=True, twice={})
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _learned_others(given: Path, note: Dict[str, Any], pictures: Pictures) -> List[str]:
    """A sentence where a model's own note does not say that it learned from these pictures."""
    if "pictures" not in note:
        return [f"{given} does not say what it learned from: copies of other pictures than these are not found"]
    if note["pictures"] == pictures.identity:
        return []
    return [
        f"{given} learned from other pictures than {pictures.path} holds now, or they were read in another way then"
        " (--labels, --table, --column, --fit, --upscale, --shift): copies of others are not found"
    ]


def _numbers(found: Comparison, painted: Painted, pictures: Pictures) -> Dict[str, Any]:
    """As the note has them; each painted picture with its nearest."""
    numbers = {"size": pictures.size, **asdict(found)}
    copying, names = numbers["copying"], pictures.names
    columns = zip(painted.names, copying.pop("nearest"), copying.pop("distance"), copying.pop("nearness"))
    copying["nearest"] = [
        {"painted": name, "learned": names[place], "distance": distance, "nearness": nearness}
        for name, place, distance, nearness in columns
    ]
    return numbers


def _in_words(found: Comparison, fit: str, pictures: Pictures) -> str:
    columns, (height, width) = (found.painted, found.alike, found.real), pictures.size
    rows = [
        ("", ["all painted", "painted", "real"]),
        ("pictures", [f"{one.pictures:,}" for one in columns]),
        ("against real ones", [f"{one.against:,}" for one in columns]),
        ("Frechet distance", [f"{one.frechet_distance:.3f}" for one in columns]),
        ("kernel distance x 1000", [f"{1000 * one.kernel_distance:.3f}" for one in columns]),
        ("precision", [f"{one.precision:.3f}" for one in columns]),
        ("recall", [f"{one.recall:.3f}" for one in columns]),
        ("coverage", [f"{one.coverage:.3f}" for one in columns]),
    ]
    if found.painted.found is not None:
        rows.append(("faces found", [f"{one.found:.1%}" for one in columns]))
    copying = found.copying
    verdict = "IT COPIES" if copying.verdict == COPIES else copying.verdict
    return "\n".join(
        [
            f"features   {found.features}, {found.dimensions} dimensions, weights {found.features_digest}",
            f"resizing   real pictures to {width}x{height} ({fit}), then all to {found.resizing}",
            *(f"{name:<24}" + "".join(f"{cell:>14}" for cell in cells) for name, cells in rows),
            f"copying    {verdict}: {copying.share:.1%} of the painted pictures come nearer to a training picture than"
            f" one in twenty unlearned ones does; of fresh ones it would be {copying.fresh_share:.1%}",
            *(f"caution    {caution}" for caution in found.cautions),
        ]
    )
