"""dlib's face descriptor is read from its own file, and gives dlib's own numbers."""

import numpy as np
import pytest
import torch

from sfumato.checkpoints.dlib_file import read_face_descriptor
from sfumato.errors import UserError
from sfumato.models.face_descriptor import DEVIATION, MEAN, SIDE
from tests.reference.dlib_file import formula_file
from tests.reference.formula_pictures import picture


@pytest.fixture(scope="module")
def of_dlib(reference):
    with np.load(reference / "dlib_face.npz") as found:
        return dict(found)


@pytest.fixture(scope="module")
def content(of_dlib):
    return formula_file(of_dlib)


def test_the_descriptors_are_those_of_dlib(of_dlib, content, tmp_path):
    """Of the same file, with a formula's weights: to a ten thousandth of what distinguishes the pictures."""
    path = tmp_path / "formula.dat"
    path.write_bytes(content)
    expected = of_dlib["features"]
    pixels = np.stack([picture(seed, SIDE, SIDE) for seed in range(len(expected))])
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - torch.tensor(MEAN).view(3, 1, 1)) / DEVIATION
    found = read_face_descriptor(path)(x)
    apart = float(np.std(expected[0] - expected[1]))
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=2e-4 * apart)


def test_what_is_no_descriptor_or_a_part_of_one_is_told_in_a_line(content, tmp_path):
    path = tmp_path / "given.dat"
    first = content.index(b"con_4")
    for given, said in (
        (b"", "it has other layers"),
        (b"\x01\x05con_4", "or damaged"),
        (content[: first + 8], "or damaged"),
        (content[:-1000], "or damaged"),
        (content[: len(content) // 2], "or damaged"),
        (content[: content.index(b"fc_2") - 2], "it has other layers"),
        (content[first:] + content[first:], "it has other layers"),
        # A tensor of version 3, of no numbers, and of more than the file has.
        (content.replace(b"con_4\x01\x02", b"con_4\x01\x03", 1), "or damaged"),
        (content.replace(b"con_4\x01\x02\x02\x80\x12", b"con_4\x01\x02\x02\x00\x00", 1), "or damaged"),
        (content.replace(b"con_4\x01\x02\x02\x80\x12", b"con_4\x01\x02\x03\xff\xff\xff", 1), "or damaged"),
        # One number of a bias less: what follows begins a layer all the same.
        (content.replace(b"con_4\x01\x02\x02\x80\x12", b"con_4\x01\x02\x02\x7f\x12", 1), "first is of another shape"),
    ):
        path.write_bytes(given)
        with pytest.raises(UserError, match=said) as raised:
            read_face_descriptor(path)
        assert str(path) in str(raised.value)
    with pytest.raises(UserError, match=r"cannot be read"):
        read_face_descriptor(tmp_path / "missing.dat")


def test_weights_that_are_not_finite_are_refused(content, tmp_path):
    path, begin = tmp_path / "nan.dat", content.index(b"con_4") + 16
    path.write_bytes(content[:begin] + np.full(1, np.nan, "<f4").tobytes() + content[begin + 4 :])
    with pytest.raises(UserError, match=r"holds NaN or infinity in first\.weight"):
        read_face_descriptor(path)
