"""The figures show what they say."""

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.digits.figures import FiguresOptions, figures, reverse_process
from sfumato.digits.model import DigitModel
from sfumato.digits.painting import Sampling, paint
from sfumato.errors import UserError
from sfumato.pictures import sheet


def test_a_sheet_holds_every_picture_in_its_place():
    pixels = torch.arange(6 * 4 * 4 * 3, dtype=torch.uint8).reshape(6, 4, 4, 3)
    paper = np.asarray(sheet(pixels, columns=3, scale=2))
    assert paper.shape == (2 + 2 * (8 + 2), 2 + 3 * (8 + 2), 3)
    fifth = paper[12:20, 12:20]
    assert np.array_equal(fifth[::2, ::2], pixels[4].numpy())
    assert (paper[:2] == 255).all()


def test_the_reverse_process_goes_from_noise_to_the_picture():
    model, device = DigitModel.load(), torch.device("cpu")
    sampling = Sampling(steps=20)
    moments = reverse_process(model, 0, 5, sampling, device)
    assert [m.level for m in moments] == list(range(1000, -1, -50))
    assert torch.equal(moments[-1].x, paint(model, [0], [5], sampling, device)[0])
    assert moments[0].x.float().std() > 60  # noise fills the range of grey levels
    assert not torch.equal(moments[0].x0, moments[-1].x0)


def test_all_figures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    written = figures(FiguresOptions(tmp_path / "new" / "figures", sampling=Sampling(steps=2), process_steps=10))
    assert [path.name for path in written] == [
        f"{dataset}-{what}"
        for dataset in ("mnistm", "svhn")
        for what in ("sheet.png", "reverse-process.png", "reverse-process.gif")
    ]
    with Image.open(written[0]) as picture:
        assert picture.size == (2 + 10 * 58, 2 + 10 * 58)
    with Image.open(written[2]) as animation:
        assert animation.n_frames == 11


def test_an_output_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="cannot be made a folder"):
        figures(FiguresOptions(tmp_path / "out"))
