"""The figures show what they say."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.devices import Worker
from sfumato.diffusion import SeededNoise, seed_of
from sfumato.digits.figures import FiguresOptions, figures, reverse_process
from sfumato.digits.labels import DATASETS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint, walk
from sfumato.errors import UserError
from sfumato.images import sheet, to_pixels
from tests.digits.conftest import sheet_cell

SEED = 3


def test_a_sheet_holds_every_picture_in_its_place():
    pixels = torch.arange(6 * 4 * 4 * 3, dtype=torch.uint8).reshape(6, 4, 4, 3)
    paper = np.asarray(sheet(pixels, columns=3, scale=2))
    assert paper.shape == (2 + 2 * (8 + 2), 2 + 3 * (8 + 2), 3)
    fifth = paper[12:20, 12:20]
    assert np.array_equal(fifth[::2, ::2], pixels[4].numpy())
    assert (paper[:2] == 255).all()


def test_the_reverse_process_goes_from_noise_to_the_picture():
    model, device = load_digits(), torch.device("cpu")
    sampling = Sampling(steps=20)
    moments = reverse_process(model, 0, 5, sampling, device)
    assert [m.level for m in moments] == list(range(1000, -1, -50))
    assert torch.equal(moments[-1].x, paint(model, [0], [5], sampling, device)[0])
    assert moments[0].x.float().std() > 60  # noise fills the range of grey levels
    assert not torch.equal(moments[0].x0, moments[-1].x0)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder of new/figures, its settings, and the figures as matplotlib's."""
    matplotlib = pytest.importorskip("matplotlib.figure")
    folder, sampling, kept = tmp_path_factory.mktemp("drawn"), Sampling(steps=6), []

    def keep(figure, *args, **kwargs):
        kept.append(figure)
        return save(figure, *args, **kwargs)

    save = matplotlib.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.Figure, "savefig", keep)
        written = figures(FiguresOptions(folder / "new" / "figures", seed=SEED, sampling=sampling))
    assert [path.name for path in written] == [
        f"{dataset}-{what}"
        for dataset in ("mnistm", "svhn")
        for what in ("sheet.png", "reverse-process.png", "reverse-process.gif")
    ]
    return folder, sampling, dict(zip(DATASETS, kept))


def read(path):
    return np.asarray(Image.open(path)).astype(int)


def test_a_sheets_rows_are_digits_and_its_columns_noises(drawn):
    """Each picture is painted here anew, in another batch: a row's digit from a column's noise."""
    folder, sampling, _ = drawn
    model, device = load_digits(), torch.device("cpu")
    seen = set()
    for dataset in DATASETS:
        paper = read(folder / "new" / "figures" / f"{dataset}-sheet.png")
        assert paper.shape == (2 + 10 * 58, 2 + 10 * 58, 3)
        for column in range(10):
            labels = [label_of(dataset, digit) for digit in range(10)]
            painted = paint(model, labels, [seed_of(SEED, column)] * 10, sampling, device)
            for digit in range(10):
                cell = sheet_cell(paper, digit, column)
                assert abs(cell - painted[digit].numpy()).max() <= 1, (dataset, digit, column)
                seen.add(cell.tobytes())
    assert len(seen) == 200


def walked(dataset, sampling, seed):
    """x_t and the x0 seen in it at each moment of painting one 0, by the walk itself."""
    model, device = load_digits(), Worker.here().device()
    model.network.to(device)
    noise = SeededNoise([seed], (3, 28, 28))()
    with torch.no_grad():
        steps = list(walk(model, [label_of(dataset, 0)], [seed], sampling, device))
    x = [noise] + [step.x for step in steps]
    x0 = [step.x0 for step in steps] + [steps[-1].x]
    return [(to_pixels(a)[0].int().numpy(), to_pixels(b)[0].int().numpy()) for a, b in zip(x, x0)]


def alike(a, b):
    return abs(np.asarray(a).astype(int) - b).max() <= 1


@pytest.mark.parametrize("dataset", DATASETS)
def test_six_moments_show_how_the_sheets_first_0_was_painted(drawn, dataset):
    """x_t above, the x0 seen in it below, six different moments in order, from the noise to the picture."""
    folder, sampling, kept = drawn
    shown = [axis.images[0].get_array() for axis in kept[dataset].axes]
    assert len(shown) == 12
    moments = walked(dataset, sampling, seed_of(SEED, 0))
    found = [
        [n for n, (x, x0) in enumerate(moments) if alike(above, x) and alike(below, x0)]
        for above, below in zip(shown[:6], shown[6:])
    ]
    assert all(len(places) == 1 for places in found), found
    order = [places[0] for places in found]
    assert order == sorted(set(order))
    assert (order[0], order[-1]) == (0, len(moments) - 1)
    levels = [axis.get_title() for axis in kept[dataset].axes[:6]]
    assert (levels[0], levels[-1], len(set(levels))) == ("t = 1000", "t = 0", 6)
    first = sheet_cell(read(folder / "new" / "figures" / f"{dataset}-sheet.png"), 0, 0)
    assert alike(shown[5], first)
    assert alike(shown[11], first)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_animation_shows_every_moment(drawn, dataset):
    """x_t at the left, x0 at the right; a GIF has 256 colours, so the frames are like the moments, not equal."""
    folder, sampling, _ = drawn
    moments = walked(dataset, sampling, seed_of(SEED, 0))
    with Image.open(folder / "new" / "figures" / f"{dataset}-reverse-process.gif") as animation:
        assert animation.n_frames == len(moments) == sampling.steps + 1
        for index, pair in enumerate(moments):
            animation.seek(index)
            frame = np.asarray(animation.convert("RGB")).astype(int)
            for left, wanted in zip((2, 2 + 28 * 6 + 2), pair):
                part = frame[2 + 3 : 2 + 28 * 6 : 6, left + 3 : left + 28 * 6 : 6]
                assert abs(part - wanted).mean() < 20, (index, left)


def test_an_output_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="cannot be made a folder"):
        figures(FiguresOptions(tmp_path / "out"))
