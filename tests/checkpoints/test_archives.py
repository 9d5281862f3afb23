"""Zip files say of themselves what they like; nothing of it is believed."""

import io
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sfumato.checkpoints import member_bytes, opened_zip
from sfumato.checkpoints.archives import opened_member
from sfumato.errors import UserError

ROOT = Path(__file__).parents[2]


def zipped(path, method=zipfile.ZIP_DEFLATED, **files):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def patched(path, local, central, value):
    """One byte changed in each header of a zip of one file."""
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\3\4") + local] = value
    raw[raw.index(b"PK\1\2") + central] = value
    path.write_bytes(raw)
    return path


def unpacked(path, name="a", most=10**6):
    with opened_zip(path, advice="fetch it again") as archive:
        return member_bytes(archive, name, most)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_out_as_they_went_in(tmp_path, method):
    content = np.random.RandomState(0).bytes(3 << 20)
    path = zipped(tmp_path / "a.zip", method, a=content, b=b"")
    assert unpacked(path, most=len(content)) == content
    assert unpacked(path, "b") == b""
    with opened_zip(path) as archive, opened_member(archive, archive.infolist()[0], 10**8) as member:
        assert (member.read(5), member.left, member.read(1 << 21)) == (
            content[:5],
            len(content) - 5,
            content[5:][: 1 << 21],
        )
        assert member.read() == content[5 + (1 << 21) :] and member.read() == b""


def test_each_fault_is_one_line(tmp_path):
    noise = np.random.RandomState(0).bytes(5000)
    path = tmp_path / "a.zip"
    with pytest.raises(UserError, match=r"nope.zip: there is no such file; check the path"):
        unpacked(tmp_path / "nope.zip")
    with pytest.raises(UserError, match=r"is no file; give a zip file"):
        unpacked(tmp_path)
    for content in (b"", b"no zip", zipped(path, a=noise).read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a.zip: is no whole zip file \(.+\); fetch it again") as error:
            unpacked(path)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"a.zip: 'a' inside it is encrypted; unpack it by hand"):
        unpacked(patched(zipped(path, a=noise), 6, 8, 1))
    with pytest.raises(UserError, match=r"'a' inside it is packed by a method that is not read \(Deflate64\); pack it"):
        unpacked(patched(zipped(path, a=noise), 8, 10, 9))
    for method, name in ((zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")):
        with pytest.raises(UserError, match=rf"not read \({name}\)"):
            unpacked(zipped(path, method, a=noise))
    with pytest.raises(UserError, match=r"'b' inside it is missing; fetch it again"):
        unpacked(zipped(path, a=noise), "b")
    with pytest.raises(UserError, match=r"'a' inside it has 5,000 bytes; at most 4,999 are read"):
        unpacked(zipped(path, a=noise), most=4999)
    for place in (2, 40, 60, 2000, 4000):
        raw = bytearray(zipped(path, a=noise, b=b"x").read_bytes())
        raw[place : place + 50] = bytes(byte ^ 0xFF for byte in raw[place : place + 50])
        path.write_bytes(raw)
        with pytest.raises(UserError, match=r"'a' inside it is damaged \(.+\); fetch it again") as error:
            unpacked(path)
        assert "\n" not in str(error.value)


def test_errors_of_the_block_itself_pass(tmp_path):
    with pytest.raises(ValueError, match="mine"), opened_zip(zipped(tmp_path / "a.zip", a=b"x")):
        raise ValueError("mine")


def test_sizes_that_are_not_true_are_found(tmp_path):
    """A declared size too small gives no more than that, and then the sum is wrong; one too large ends early."""
    content = b"abc" * 1000
    for size in (100, 4000):
        raw = bytearray(zipped(tmp_path / "a.zip", a=content).read_bytes())
        for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            begin = raw.index(mark) + place
            raw[begin : begin + 4] = struct.pack("<I", size)
        (tmp_path / "a.zip").write_bytes(raw)
        with pytest.raises(UserError, match=r"'a' inside it is damaged \((Bad CRC|it ends early)"):
            unpacked(tmp_path / "a.zip")


def test_what_unpacks_to_far_more_than_it_is_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", a=bytes(40 << 20), b=bytes(30 << 20))
    with pytest.raises(UserError, match=r"a.zip: says that it unpacks to 73,400,320 bytes, [\d,]+ times its size"):
        unpacked(path, "a", 10**9)
    assert len(unpacked(zipped(path, a=bytes(40 << 20)), "a", 10**9)) == 40 << 20


def entries(count):
    """A zip of that many entries, all of which are the same few bytes."""
    local = io.BytesIO()
    with zipfile.ZipFile(local, "w") as archive:
        archive.writestr("a", b"x")
    raw = local.getvalue()
    begin, end = raw.index(b"PK\1\2"), raw.index(b"PK\5\6")
    directory = raw[begin:end] * count
    many = min(count, 0xFFFF)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, many, many, len(directory), begin, 0)
    return raw[:begin] + directory + last


PEAK = """
import resource, sys, time
from pathlib import Path
from sfumato.checkpoints import opened_zip
from sfumato.errors import UserError
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    with opened_zip(Path(sys.argv[1])) as archive:
        print(len(archive.infolist()))
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, time.perf_counter() - begun)
"""


@pytest.mark.parametrize(("count", "words"), [(350_000, "350000"), (3_000_000, "its list of files is of 134 MiB")])
def test_millions_of_entries_take_bounded_time_and_memory(tmp_path, count, words):
    (tmp_path / "a.zip").write_bytes(entries(count))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "a.zip")],
        capture_output=True, text=True, check=True, timeout=100, env=environment,
    )  # fmt: skip
    said, numbers = done.stdout.splitlines()
    peak, seconds = map(float, numbers.split())
    assert words in said
    assert peak < (400 if count < 10**6 else 20)
    assert seconds < 10


def test_a_bomb_of_overlapping_files_is_refused_at_once(tmp_path):
    """Every entry is the same packed megabyte."""
    path = zipped(tmp_path / "a.zip", a=np.zeros(1 << 20, np.uint8).tobytes())
    raw = path.read_bytes()
    begin, end = raw.index(b"PK\1\2"), raw.index(b"PK\5\6")
    directory = raw[begin:end] * 1000
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000, 1000, len(directory), begin, 0)
    path.write_bytes(raw[:begin] + directory + last)
    begun = time.perf_counter()
    with pytest.raises(UserError, match=r"says that it unpacks to 1,048,576,000 bytes"):
        unpacked(path)
    assert time.perf_counter() - begun < 2
