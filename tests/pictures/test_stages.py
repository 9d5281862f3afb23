"""What a training paints from the same noises stands in columns, unharmed, and moves in a film."""

import numpy as np
import pytest
import torch

from sfumato.images import open_picture, read_film, sheet, sheet_cells
from sfumato.pictures.stages import is_kept, keep_stage, save_stages, stages_in

PROMPTS = ["a photo of <x>", "a <x> in the style of somebody"]


def grey(step, number, side=32):
    """A picture of its own for each step and noise."""
    return torch.full((side, side, 3), (7 * step + 50 * number) % 251, dtype=torch.uint8)


def kept_in(folder, steps, side=32, scores=True):
    for step in steps:
        pixels = torch.stack([grey(step, number, side) for number in range(4)])
        keep_stage(folder, step, pixels, PROMPTS, {"score": 100.0 + step} if scores else {})
    return folder


def cells_of(grid, rows, columns, side):
    """The pictures of a grid, which stand at its right and lower end."""
    size = side + 2
    pixels = np.asarray(grid)[-rows * size :, -columns * size :]
    return pixels.reshape(rows, size, columns, size, -1)[:, 1:-3, :, 1:-3].transpose(0, 2, 1, 3, 4)


def test_a_sheets_pictures_are_read_back():
    pixels = torch.arange(7 * 5 * 4 * 3, dtype=torch.uint8).reshape(7, 5, 4, 3)
    assert np.array_equal(sheet_cells(sheet(pixels, 3, 1), 3, 7), pixels.numpy())
    with pytest.raises(ValueError, match="are no sheet"):
        sheet_cells(sheet(pixels, 3, 1).crop((0, 0, 18, 22)), 3, 7)


def test_a_row_is_a_prompt_and_a_column_a_step_from_the_first_noise(tmp_path):
    written = save_stages(kept_in(tmp_path, (0, 5, 10)), "word", kept=5)
    assert [path.name for path in written] == ["word.png"]
    found = cells_of(open_picture(written[0]), 2, 3, 128)
    for row in range(2):
        for column, step in enumerate((0, 5, 10)):
            assert (found[row, column] == int(grey(step, 2 * row)[0, 0, 0])).all(), (row, step)


def test_a_film_shows_every_step_and_all_noises(tmp_path):
    _, film = save_stages(kept_in(tmp_path, range(0, 100, 5)), "word", film=True)
    frames, labels = read_film(film)
    assert labels == [f"step {step}, score {100 + step:.1f}" for step in range(0, 100, 5)]
    for frame, step in zip(frames, range(0, 100, 5)):
        found = cells_of(frame.convert("RGB"), 2, 2, 128)
        for number in range(4):
            assert (found[number // 2, number % 2] == int(grey(step, number)[0, 0, 0])).all()


def test_many_steps_are_thinned_evenly_with_the_last_and_the_kept_one(tmp_path):
    kept_in(tmp_path, range(0, 21))
    (written,) = save_stages(tmp_path, "word", kept=13)
    steps = [0, 3, 6, 9, 12, 13, 15, 18, 20]
    found = cells_of(open_picture(written), 2, len(steps), 128)
    assert [int(cell[0, 0, 0]) for cell in found[0]] == [int(grey(step, 0)[0, 0, 0]) for step in steps]


def test_large_pictures_are_made_smaller_and_unscored_ones_have_no_score(tmp_path):
    kept_in(tmp_path, (0, 1), side=512, scores=False)
    _, film = save_stages(tmp_path, "word", film=True)
    assert read_film(film)[1] == ["step 0", "step 1"]
    assert {stage.pictures.shape for stage in stages_in(tmp_path)} == {(2, 2, 256, 256, 3)}


def test_previews_without_a_note_are_none_and_a_folder_without_any_draws_nothing(tmp_path):
    sheet(torch.zeros(4, 8, 8, 3, dtype=torch.uint8), 2, 1).save(tmp_path / "preview-000000.png")
    assert not is_kept(tmp_path, 0)
    assert save_stages(tmp_path, "word", film=True) == []
    assert not (tmp_path / "word.png").exists()
    kept_in(tmp_path, (0,))
    assert is_kept(tmp_path, 0)
