"""The figures show what they say."""

import re
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
from sfumato.images import from_pixels, read_film, sheet, to_pixels
from sfumato.pictures.judges import load_judge
from sfumato.pictures.walks import watched
from tests.digits.conftest import sheet_cell
from tests.pictures.cells import cells

SEED = FiguresOptions(Path()).seed


def test_a_sheet_holds_every_picture_in_its_place():
    pixels = torch.arange(6 * 4 * 4 * 3, dtype=torch.uint8).reshape(6, 4, 4, 3)
    paper = np.asarray(sheet(pixels, columns=3, scale=2))
    assert paper.shape == (2 + 2 * (8 + 2), 2 + 3 * (8 + 2), 3)
    fifth = paper[12:20, 12:20]
    assert np.array_equal(fifth[::2, ::2], pixels[4].numpy())
    assert (paper[:2] == 255).all()


def test_the_reverse_process_goes_from_noise_to_the_pictures():
    """Of the second and the first picture of a batch of three, in that order."""
    model, device, found = load_digits(), torch.device("cpu"), []
    labels, seeds = [0, 3, 7], [5, 6, 7]
    painting = walk(model, labels, seeds, Sampling(steps=20), device)
    with torch.no_grad():
        last = list(watched(painting, model.schedule, found, [1, 0]))[-1]
    assert [one.when for one in found] == [f"t = {level}" for level in range(1000, -1, -50)]
    assert torch.equal(found[0].x, to_pixels(SeededNoise(seeds, (3, 28, 28))())[[1, 0]])
    assert torch.equal(found[-1].x, to_pixels(last.x)[[1, 0]])
    assert torch.equal(found[-1].x0, found[-1].x)
    assert torch.equal(found[-2].x0, to_pixels(last.x0)[[1, 0]])
    assert found[0].x.float().std() > 60  # noise fills the range of grey levels
    assert not torch.equal(found[0].x0, found[-1].x0)


_GUIDANCE = ("guidance.png", "guidance.webp")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder of new/figures."""
    folder = tmp_path_factory.mktemp("drawn")
    written = figures(FiguresOptions(folder / "new" / "figures"))
    assert [path.name for path in written] == [
        f"{dataset}-{what}"
        for dataset in ("mnistm", "svhn")
        for what in ("sheet.png", "first-zero.png", "reverse-process.png", "reverse-process.webp", *_GUIDANCE)
    ]
    return folder / "new" / "figures"


def read(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_sheets_rows_are_digits_and_its_columns_noises(drawn):
    """Each picture is painted here anew, in another batch: a row's digit from a column's noise."""
    model, device, sampling = load_digits(), torch.device("cpu"), Sampling(steps=10)
    seen = set()
    for dataset in DATASETS:
        paper = read(drawn / f"{dataset}-sheet.png")
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
    paper = read(drawn / f"{dataset}-sheet.png")
    cells = np.stack([sheet_cell(paper, digit, column) for digit in range(10) for column in range(10)])
    asked = from_pixels(torch.from_numpy(cells.astype(np.uint8)).permute(0, 3, 1, 2))
    with torch.no_grad():
        read_as = load_judge(dataset)(asked).softmax(dim=1)
    assert read_as.argmax(dim=1).tolist() == [digit for digit in range(10) for _ in range(10)]
    assert float(read_as[0, 0]) > 0.85


def test_other_seeds_and_steps_paint_other_sheets(tmp_path):
    told = Sampling(steps=2)
    figures(FiguresOptions(tmp_path, seed=3, sampling=told))
    model = load_digits()
    for dataset in DATASETS:
        first = sheet_cell(read(tmp_path / f"{dataset}-sheet.png"), 0, 0)
        assert alike(
            first, paint(model, [label_of(dataset, 0)], [seed_of(3, 0)], told, torch.device("cpu"))[0].int().numpy()
        )


def walked(dataset, digit):
    """x_t and the x0 seen in it at each moment of painting a sheet's first picture of a digit, by the walk itself."""
    model, device, seed = load_digits(), Worker.here().device(), seed_of(SEED, 0)
    model.network.to(device)
    noise = SeededNoise([seed], (3, 28, 28))()
    with torch.no_grad():
        steps = list(walk(model, [label_of(dataset, digit)], [seed], Sampling(steps=10), device))
    x = [noise] + [step.x for step in steps]
    x0 = [step.x0 for step in steps] + [steps[-1].x]
    return [(to_pixels(a)[0].int().numpy(), to_pixels(b)[0].int().numpy()) for a, b in zip(x, x0)]


def alike(a, b):
    return abs(np.asarray(a).astype(int) - b).max() <= 1


@pytest.mark.parametrize("dataset", DATASETS)
def test_six_moments_show_how_the_sheets_first_0_was_painted(drawn, dataset):
    """The course's: x_t above, the x0 seen in it below, at t = 1000, 800, 600, 400, 200 and 0, from the noise to the
    picture, which is the sheet's byte for byte."""
    rows = cells(Image.open(drawn / f"{dataset}-first-zero.png"), 28)
    assert [len(row) for row in rows] == [6, 6]
    moments = walked(dataset, 0)
    for place, (above, below) in enumerate(zip(*rows)):
        found = [n for n, (x, x0) in enumerate(moments) if alike(above, x) and alike(below, x0)]
        assert found == [2 * place]
    first = sheet_cell(read(drawn / f"{dataset}-sheet.png"), 0, 0)
    assert np.array_equal(rows[0][5], first)
    assert np.array_equal(rows[1][5], first)


@pytest.mark.parametrize("dataset", DATASETS)
def test_six_moments_of_ten_digits_stand_in_two_halves(drawn, dataset):
    """0 to 4 at the left and 5 to 9 at the right, two rows each; all end in the sheet's first column."""
    figure = Image.open(drawn / f"{dataset}-reverse-process.png")
    rows, paper = cells(figure, 28), read(drawn / f"{dataset}-sheet.png")
    assert [len(row) for row in rows] == [12] * 10
    for digit in range(10):
        left, top = 6 * (digit // 5), 2 * (digit % 5)
        for row in (top, top + 1):
            assert np.array_equal(rows[row][left + 5], sheet_cell(paper, digit, 0)), digit
    for digit in (0, 3, 8):
        left, top, moments = 6 * (digit // 5), 2 * (digit % 5), walked(dataset, digit)
        for column in range(6):
            x, x0 = moments[2 * column]
            assert alike(rows[top][left + column], x), (digit, column)
            assert alike(rows[top + 1][left + column], x0), (digit, column)
    alone = cells(Image.open(drawn / f"{dataset}-first-zero.png"), 28)
    assert np.array_equal(rows[0][:6], alone[0])
    assert np.array_equal(rows[1][:6], alone[1])


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_film_shows_every_moment_of_ten_digits_and_its_time(drawn, dataset):
    frames, labels = read_film(drawn / f"{dataset}-reverse-process.webp")
    shown = [cells(frame, 28) for frame in frames]
    judge, asked = load_judge(dataset), torch.arange(10)
    for level, label, rows in zip(range(1000, -1, -100), labels, shown):
        noisy, clean = (from_pixels(torch.from_numpy(np.stack(row)).permute(0, 3, 1, 2)) for row in rows)
        right = [int((judge(x).argmax(dim=1) == asked).sum()) for x in (clean, noisy)]
        assert label == f"t = {level}: {right[0]} of 10 read in x0, {right[1]} in x_t"
    assert {len(row) for rows in shown for row in rows} == {10}
    assert {len(rows) for rows in shown} == {2}
    for digit in (0, 6):
        for (x, x0), (above, below) in zip(walked(dataset, digit), shown):
            assert alike(above[digit], x)
            assert alike(below[digit], x0)


def test_an_output_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="cannot be made a folder"):
        figures(FiguresOptions(tmp_path / "out"))


def test_more_guidance_is_read_better_and_each_frame_says_how_well(drawn):
    from sfumato.images import read_film

    for dataset in DATASETS:
        frames, labels = read_film(drawn / f"{dataset}-guidance.webp")
        found = [re.fullmatch(r"guidance scale ([\d.]+): (\d+) of 20 read as asked", label) for label in labels]
        scales, right = zip(*((float(one[1]), int(one[2])) for one in found))
        assert scales == (0.0, 1.0, 2.0, 4.0, 8.0)
        assert right[0] <= 8 and right[-1] >= 19, "without the label most digits are others than the one asked for"
        # The pictures of the frame are those that a judge reads so, painted with the sheet's noises.
        cell = np.asarray(frames[3])[2:58:2, 2:58:2, :3]
        sampling = Sampling(steps=10, guidance_scale=4.0)
        alone = paint(load_digits(), [label_of(dataset, 0)], [seed_of(SEED, 0)], sampling, torch.device("cpu"))
        assert np.abs(cell.astype(int) - alone[0].numpy().astype(int)).max() <= 1
