"""The figures show what they say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.devices import Worker
from sfumato.diffusion import SeededNoise, seed_of
from sfumato.digits.figures import FiguresOptions, figures
from sfumato.digits.labels import DATASETS, label_of
from sfumato.digits.model import load_digits
from sfumato.digits.painting import Sampling, paint, walk
from sfumato.errors import UserError
from sfumato.images import from_pixels, sheet, to_pixels
from sfumato.pictures.judges import load_judge
from sfumato.pictures.walks import save_moments, watched
from tests.digits.conftest import sheet_cell

SEED = FiguresOptions(Path()).seed


def test_a_sheet_holds_every_picture_in_its_place():
    pixels = torch.arange(6 * 4 * 4 * 3, dtype=torch.uint8).reshape(6, 4, 4, 3)
    paper = np.asarray(sheet(pixels, columns=3, scale=2))
    assert paper.shape == (2 + 2 * (8 + 2), 2 + 3 * (8 + 2), 3)
    fifth = paper[12:20, 12:20]
    assert np.array_equal(fifth[::2, ::2], pixels[4].numpy())
    assert (paper[:2] == 255).all()


def watched_walk(steps, labels, seeds):
    """The moments of the first picture of a batch, and the batch."""
    model, device, found = load_digits(), torch.device("cpu"), []
    noise = SeededNoise(seeds, (3, 28, 28))()
    painting = walk(model, labels, seeds, Sampling(steps=steps), device)
    with torch.no_grad():
        last = list(watched(painting, noise, model.schedule.start, found))[-1]
    return found, to_pixels(last.x)


def test_the_reverse_process_goes_from_noise_to_the_picture():
    found, painted = watched_walk(20, [0, 3], [5, 6])
    assert [one.level for one in found] == list(range(1000, -1, -50))
    assert torch.equal(found[-1].x, painted[0])
    assert found[0].x.float().std() > 60  # noise fills the range of grey levels
    assert not torch.equal(found[0].x0, found[-1].x0)


@pytest.mark.parametrize(("steps", "levels"), [(10, [1000, 800, 600, 400, 200, 0]), (4, [1000, 750, 500, 250, 0])])
def test_the_levels_that_are_drawn_are_those_of_the_walk(tmp_path, monkeypatch, steps, levels):
    """The course's six where the walk is at them, and the nearest ones under their own names where it is not."""
    figure, kept = pytest.importorskip("matplotlib.figure").Figure, []
    monkeypatch.setattr(figure, "savefig", lambda self, path, **how: kept.append(self) or Path(path).touch())
    found, _ = watched_walk(steps, [0], [5])
    save_moments(found, tmp_path / "a.png")
    shown = kept[0].axes[: len(levels)]
    assert [axis.get_title() for axis in shown] == [f"t = {level}" for level in levels]
    there = {one.level: one for one in found}
    for axis, level in zip(shown, levels):
        assert np.array_equal(axis.images[0].get_array(), there[level].x)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder of new/figures, its settings, and the figures as matplotlib's."""
    matplotlib = pytest.importorskip("matplotlib.figure")
    folder, sampling, kept = tmp_path_factory.mktemp("drawn"), Sampling(steps=10), []

    def keep(figure, *args, **kwargs):
        kept.append(figure)
        return save(figure, *args, **kwargs)

    save = matplotlib.Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.Figure, "savefig", keep)
        written = figures(FiguresOptions(folder / "new" / "figures"))
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
        for column in (0, 1, 9):
            labels = [label_of(dataset, digit) for digit in range(10)]
            painted = paint(model, labels, [seed_of(SEED, column)] * 10, sampling, device)
            for digit in range(10):
                cell = sheet_cell(paper, digit, column)
                assert abs(cell - painted[digit].numpy()).max() <= 1, (dataset, digit, column)
        seen |= {sheet_cell(paper, digit, column).tobytes() for digit in range(10) for column in range(10)}
    assert len(seen) == 200


@pytest.mark.parametrize("dataset", DATASETS)
def test_our_judges_read_every_cell_of_the_sheets_that_are_drawn_unasked(drawn, dataset):
    """The seed was chosen for that, and for an eye that reads them too."""
    paper = read(drawn[0] / "new" / "figures" / f"{dataset}-sheet.png")
    cells = np.stack([sheet_cell(paper, digit, column) for digit in range(10) for column in range(10)])
    asked = from_pixels(torch.from_numpy(cells.astype(np.uint8)).permute(0, 3, 1, 2))
    with torch.no_grad():
        read_as = load_judge(dataset)(asked).softmax(dim=1)
    assert read_as.argmax(dim=1).tolist() == [digit for digit in range(10) for _ in range(10)]
    assert float(read_as[0, 0]) > 0.85


def test_other_seeds_and_steps_paint_other_sheets(tmp_path):
    pytest.importorskip("matplotlib")
    told = Sampling(steps=2)
    figures(FiguresOptions(tmp_path, seed=3, sampling=told))
    model = load_digits()
    for dataset in DATASETS:
        first = sheet_cell(read(tmp_path / f"{dataset}-sheet.png"), 0, 0)
        assert alike(
            first, paint(model, [label_of(dataset, 0)], [seed_of(3, 0)], told, torch.device("cpu"))[0].int().numpy()
        )


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
    assert order == [0, 2, 4, 6, 8, 10]
    levels = [axis.get_title() for axis in kept[dataset].axes[:6]]
    assert levels == ["t = 1000", "t = 800", "t = 600", "t = 400", "t = 200", "t = 0"]
    first = sheet_cell(read(folder / "new" / "figures" / f"{dataset}-sheet.png"), 0, 0)
    assert np.array_equal(shown[5], first)
    assert np.array_equal(shown[11], first)


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
