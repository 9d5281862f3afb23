"""Arrays are read as NumPy wrote them, and a header gets nothing that is not there."""

import struct
import zipfile

import numpy as np
import pytest

from sfumato.checkpoints import read_npz
from sfumato.errors import UserError


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path, write):
    arrays = {
        "a": np.random.RandomState(0).randint(0, 256, (1000, 28, 28, 3)).astype(np.uint8),
        "columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        "one": np.array(5.5),
        "none": np.zeros((0, 5), dtype=">f4"),
        "texts": np.array(["a", "bcd"]),
        "bits": np.array([True, False]),
    }
    write(tmp_path / "a.npz", other=np.arange(3), **arrays)
    found = read_npz(tmp_path / "a.npz", list(arrays))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype, name
        assert found[name].flags.writeable


def npy(shape, kind="'|u1'", body=b"", version=1, fortran="False"):
    text = f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + body


@pytest.mark.parametrize("version", [1, 2])
def test_what_others_write_is_read(tmp_path, version):
    for content in (npy("(2L,)", body=b"\1\2", version=version), npy("(2, )", '"|u1"', b"\1\2", version)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", content)
        assert read_npz(tmp_path / "a.npz", ["a"])["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy("(1000000000000,)"), "describes 1,000,000,000,000 bytes and has 0"),
        (npy("(3,)", body=b"12"), "describes 3 bytes and has 2"),
        (npy("(1,)", body=b"12"), "describes 1 bytes and has 2"),
        (npy("(0, 99999999999999999999999)"), ""),
        (npy("(10000000000,)", "'|S0'"), ""),
        (npy("(-1,)", body=b"1"), "is described as"),
        (npy("(10**9,)"), "is described as"),
        (npy("(True,)", body=b"1"), "is described as"),
        (npy("(" * 5000 + ")" * 5000), "is described as"),
        (npy("-" * 9000 + "1"), "is described as"),
        (npy("(1,)", "'|O'", b"cos\nsystem\n(S'true'\ntR."), "is described as"),
        (npy("(1,)", "[('a', '|u1')]", b"1"), "is described as"),
        (npy("(1,)", "__import__('os').system('true')", b"1"), "is described as"),
        (npy("(1,)", fortran="maybe", body=b"1"), "is described as"),
        (b"\x93NUMPY\2\0\xff\xff\xff\xff", "describes itself in 4,294,967,295 bytes"),
        (b"\x93NUMPY\7\0", "does not begin like an .npy"),
        (b"", "does not begin like an .npy"),
        (b"\x93NUMPY", "does not begin like an .npy"),
    ],
)
def test_what_a_header_asks_for_is_not_given(tmp_path, content, words):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(UserError, match=rf"a.npz: a is no array of numbers \(.*{words}.*\); give an .npz with a$"):
        read_npz(tmp_path / "a.npz", ["a"])


def test_what_is_missing_or_no_npz_or_too_much_is_one_line(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(UserError, match=r"a.npz: there is no such file; check the path"):
        read_npz(path, ["a"])
    np.savez(path, a=np.zeros(1000, np.uint8), b=np.zeros(1000, np.uint8))
    with pytest.raises(UserError, match=r"a.npz: has no array c; give an .npz with a and c"):
        read_npz(path, ["a", "c"])
    with pytest.raises(UserError, match=r"a.npz: 'b.npy' inside it has 1,128 bytes; at most 1,127 are read"):
        read_npz(path, ["a", "b"], most=2 * 1128 - 1)
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").rename(path)
    with pytest.raises(UserError, match=r"a.npz: is no whole .npz of numbers \(.*\); give an .npz with a"):
        read_npz(path, ["a"])


def test_an_array_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((3000, 28, 28, 30), np.uint8))
    with pytest.raises(UserError, match=r"a.npz: says that it unpacks to 70,560,128 bytes"):
        read_npz(tmp_path / "a.npz", ["a"])
