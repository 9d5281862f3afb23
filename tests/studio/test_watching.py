"""What is watched of a painting: every step of its first batch, and fewer where a look takes long."""

import numpy as np
import pytest

pytest.importorskip("torch")

from sfumato.digits.generate import GenerateOptions, generate
from sfumato.digits.painting import Sampling
from sfumato.images import open_picture
from sfumato.pictures.painting import SEEN
from sfumato.studio import watching
from sfumato.studio.watching import Watching


@pytest.fixture
def watched(tmp_path):
    """Paints two batches of two digits in five steps, watched; what was told of the steps."""

    def paint():
        told = []
        token = SEEN.set(Watching(tmp_path / "steps", lambda **what: told.append(what)))
        try:
            options = GenerateOptions(tmp_path / "out", None, ("svhn",), (4,), 4, 0, Sampling(steps=5), batch_size=2)
            generate(options)
        finally:
            SEEN.reset(token)
        return told

    return paint


def test_every_step_of_the_first_batch(watched, tmp_path):
    told = watched()
    assert [one["step"] for one in told] == [0, 1, 2, 3, 4, 5]
    assert {one["of"] for one in told} == {5}
    names = sorted(path.name for path in (tmp_path / "steps").iterdir())
    assert names == [f"x_{which}-{step:04d}.png" for which in "0t" for step in range(6)]
    # The end of both is the painted picture.
    first = open_picture(tmp_path / "out" / "svhn" / "4_001.png")
    for which in "0t":
        sheet = open_picture(tmp_path / "steps" / f"x_{which}-0005.png")
        gap = (sheet.width - 2 * 28) // 3
        assert (np.asarray(sheet.crop((gap, gap, gap + 28, gap + 28))) == np.asarray(first)).all()


def test_long_looks_leave_steps_out_and_never_the_last(watched, monkeypatch):
    clock = iter(range(0, 1000, 1))
    monkeypatch.setattr(watching, "monotonic", lambda: next(clock) * 1.5)
    steps = [one["step"] for one in watched()]
    # A look of 1.5 s is followed by 3 s without one, in which a step comes every 1.5 s.
    assert steps == [0, 2, 4, 5]
