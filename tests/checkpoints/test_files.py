"""Files are whole or not there."""

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sfumato.checkpoints import (
    atomic_path,
    filled,
    load_strictly,
    read_safetensors,
    temporary_folder,
    write_safetensors,
    write_text,
)
from sfumato.checkpoints.files import _runs, remove_leftovers
from sfumato.checkpoints.mapping import let_go
from sfumato.errors import UserError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="half-way"):
        _fail_half_way(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_leftovers_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with atomic_path(tmp_path / "7_001.png") as running:
        running.touch()
        mark, host, process, name = re.fullmatch(r"(\.sfumato-tmp)\.(\w{8})\.(\d+)\.(.*)", running.name).groups()
        assert (process, name) == (str(os.getpid()), "7_001.png")
        strays = {f"{mark}.{host}.{ended.pid}.{name}" for name in ("a.png", "\udcff odd\n.name", "no-ending")}
        kept = {
            *(running.name, ".hidden.png", "7_001.1.png", f".7_001.{ended.pid}.png", ".sfumato-mnistm-1f-2e.npz"),
            *(".env.2024.bak", ".notes.20240131.txt", f"{mark}.{host}x.{ended.pid}.a.png", f"{mark}.{host}.x.a.png"),
            *(f"{mark}.elsewhere.{ended.pid}.a.png", f"x{mark}.{host}.{ended.pid}.a.png"),
        }
        for name in {*strays, *kept} - {running.name}:
            (tmp_path / name).write_text("x")
        (tmp_path / f"{mark}.{host}.{ended.pid}.folder" / "inside").mkdir(parents=True)
        remove_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == kept
    remove_leftovers(tmp_path / "nowhere")
    another = f"{mark}.{'0' * 8 if host != '0' * 8 else '1' * 8}.{os.getpid()}.a.png"
    (tmp_path / another).touch()
    remove_leftovers(tmp_path)
    assert (tmp_path / another).exists(), "of another host's nobody can ask whether it runs"
    with atomic_path(tmp_path / "7_001.png") as running:
        running.touch()
        remove_leftovers(tmp_path, of_all_hosts=True)
        assert running.exists() and not (tmp_path / another).exists()


def test_a_file_is_written_elsewhere_first_where_that_is_on_the_same_disk(tmp_path, monkeypatch):
    (tmp_path / "counted").mkdir()
    with temporary_folder(tmp_path / "unfinished") as folder:
        with atomic_path(tmp_path / "counted" / "a.txt", within=folder) as path:
            assert path.parent == folder and path.suffix == ".txt"
            path.write_text("whole")
        assert [path.read_text() for path in (tmp_path / "counted").iterdir()] == ["whole"]
        if Path("/dev/shm").is_dir() and os.stat("/dev/shm").st_dev != os.stat(tmp_path).st_dev:
            with atomic_path(tmp_path / "counted" / "b.txt", within=Path("/dev/shm")) as path:
                assert path.parent == tmp_path / "counted"
                path.write_text("whole too")


@pytest.mark.parametrize(
    "name", ["x" * 246 + ".png", "\u00e9" * 120 + ".json", "a." + "y" * 240, "\n odd \udcff", ".dot"]
)
def test_names_of_every_length_and_sign_are_written(tmp_path, name):
    write_text(tmp_path / name, "whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "whole"


def test_long_names_that_begin_alike_are_written_side_by_side(tmp_path):
    one, two = (tmp_path / ("x" * 100 + end) for end in ("1.txt", "2.txt"))
    with atomic_path(one) as first, atomic_path(two) as second:
        assert first != second and first.suffix == second.suffix == ".txt"
        first.write_text("1")
        second.write_text("2")
    assert (one.read_text(), two.read_text()) == ("1", "2")


def test_what_goes_to_the_disk_is_open_for_writing(tmp_path, monkeypatch):
    """As Windows demands it; there a process is never asked by a signal either."""
    modes = []
    monkeypatch.setattr(os, "fsync", lambda file: modes.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE))
    write_text(tmp_path / "a", "b")
    assert modes == [os.O_RDWR]
    windows = SimpleNamespace(name="nt", kill=lambda *told: pytest.fail("killed"))
    monkeypatch.setattr("sfumato.checkpoints.files.os", windows)
    assert _runs(1)


def test_a_temporary_folder_goes_with_all_that_is_in_it(tmp_path):
    with pytest.raises(RuntimeError, match="half-way"):
        _fail_in_a_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _fail_in_a_folder(where):
    with temporary_folder(where / "data") as folder:
        (folder / "inside").mkdir()
        assert folder.parent == where and folder.name.startswith(".sfumato-tmp.")
        raise RuntimeError("half-way")


LARGEST = """
import resource, signal, sys, torch
from pathlib import Path
from sfumato.checkpoints import write_safetensors, write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    if sys.argv[1].endswith("txt"):
        write_text(Path(sys.argv[1]), "x" * 5000)
    else:
        write_safetensors(Path(sys.argv[1]), {"x": torch.ones(5000)}, {})
except OSError as error:
    print(error.filename, error.strerror, sep="|")
"""


@pytest.mark.parametrize("name", ["note.txt", "model.safetensors"])
def test_a_file_that_the_system_does_not_let_grow_is_named_and_not_left(tmp_path, name):
    pytest.importorskip("safetensors")
    path = tmp_path / name
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", LARGEST, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == f"{path}|File too large"
    assert list(tmp_path.iterdir()) == []


def _fail_half_way(path):
    with atomic_path(path) as beside:
        beside.write_text("ne")
        raise RuntimeError("half-way")


def test_the_ending_of_the_name_is_kept_for_libraries_that_look_at_it(tmp_path):
    with atomic_path(tmp_path / "a.png") as beside:
        assert beside.suffix == ".png"
        beside.write_bytes(b"x")
    assert (tmp_path / "a.png").read_bytes() == b"x"


def raw(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_safetensors_are_read_as_the_format_says(tmp_path):
    """Bytes written by hand from the format's description, at an offset that no type is aligned to."""
    path = tmp_path / "hand.safetensors"
    header = {
        "__metadata__": {"who": "hand"},
        "byte": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "float": {"dtype": "F32", "shape": [1, 2], "data_offsets": [3, 11]},
        "brain": {"dtype": "BF16", "shape": [], "data_offsets": [11, 13]},
        "none": {"dtype": "I64", "shape": [0, 4], "data_offsets": [13, 13]},
    }
    path.write_bytes(raw(header, bytes([1, 2, 255]) + struct.pack("<ff", 0.5, -2.0) + b"\x80\x3f"))
    tensors, metadata = read_safetensors(path)
    assert metadata == {"who": "hand"}
    assert tensors["byte"].tolist() == [1, 2, 255]
    assert tensors["float"].tolist() == [[0.5, -2.0]]
    assert tensors["brain"].dtype == torch.bfloat16
    assert float(tensors["brain"]) == 1.0
    assert tensors["none"].shape == (0, 4)


@pytest.mark.parametrize("name", ["library.safetensors", "library", "x" * 240, ".hidden", "a.folder"])
def test_what_the_library_writes_is_read_back(tmp_path, name):
    pytest.importorskip("safetensors")
    path = tmp_path / name
    tensors = {"a": torch.randn(3, 5), "b": torch.arange(4), "c": torch.randn(2, 2).half(), "t": torch.randn(3, 2).T}
    write_safetensors(path, tensors, {"k": "v"})
    got, metadata = read_safetensors(path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert metadata == {"k": "v"}
    assert set(got) == set(tensors)
    for key, value in tensors.items():
        assert torch.equal(got[key], value)
        assert got[key].dtype == value.dtype


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a safetensors file"),
        (b"PK\x03\x04 a zip file of some kind", "is not a safetensors file"),
        (raw({"a": ENTRY})[:20], "truncated inside its header"),
        (raw({"a": ENTRY}, b"\0" * 10), "truncated: tensor 'a' ends at byte 16 of 10"),
        (raw(b"[1, 2]"), "is not a safetensors file"),
        (raw(b'{"a": [1, 2]}'), "entry of tensor 'a' is damaged"),
        (raw(b'{"a": ' + b"[" * 10**5), "its header is not JSON"),
        (raw(b'{"__metadata__": {"a": 1}}'), "its metadata is not an object of texts"),
        (raw({"a": {**ENTRY, "shape": [1e400]}}), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "shape": [True, 4]}}, b"\0" * 16), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "shape": [0, 2**62 - 1], "data_offsets": [0, 0]}}), "entry of tensor 'a' is damaged"),
        (struct.pack("<Q", 2**25) + b"{" * 2**25, "has a header of 33554432 bytes"),
        (raw(b"{nonsense"), "its header is not JSON"),
        (raw({"a": {**ENTRY, "shape": [5]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "data_offsets": [-16, 0]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "shape": [-2, -2]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path, content, words):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"bad.safetensors: .*{words}"):
        read_safetensors(path)


def test_strict_loading_names_what_does_not_fit(tmp_path):
    network = torch.nn.Linear(2, 3)
    good = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    load_strictly(network, good, tmp_path / "w", "line")
    assert torch.equal(network.weight, torch.ones(3, 2))
    cases = {
        "lacks bias": {"weight": good["weight"]},
        "has the unknown gain": {**good, "gain": torch.ones(1)},
        r"has of another shape weight \[2, 3\] for \[3, 2\]": {**good, "weight": torch.ones(2, 3)},
        "holds NaN or infinity in bias": {**good, "bias": torch.tensor([0.0, float("nan"), 0.0])},
        "holds no plain table of weights": [1, 2],
    }
    for words, state in cases.items():
        with pytest.raises(UserError, match=words):
            load_strictly(network, state, tmp_path / "w", "line")
    assert torch.equal(network.weight, torch.ones(3, 2))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux what is in memory")
def test_a_network_in_another_precision_leaves_no_page_of_its_file_in_memory(tmp_path):
    pytest.importorskip("safetensors")

    def resident():
        """KiB of mapped files that count as this process's."""
        (line,) = re.findall(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(line)

    values = torch.arange(2**24, dtype=torch.float32).reshape(4096, 4096)
    write_safetensors(tmp_path / "wide.safetensors", {"weight": values, "bias": values[0].clone()}, {})
    state = read_safetensors(tmp_path / "wide.safetensors")[0]
    kept, before = state["weight"], resident()
    layer = filled(lambda: torch.nn.Linear(4096, 4096), state, tmp_path, "layer", torch.bfloat16)
    assert resident() - before < 2**14  # of 2**16
    assert torch.equal(layer.weight, values.bfloat16())
    assert torch.equal(kept, values)  # read again


def test_what_is_let_go_is_read_again_and_its_neighbours_stay(tmp_path):
    pytest.importorskip("safetensors")
    size = 3 * 4096 // 4
    stored = {name: torch.full((size,), float(value)) for value, name in enumerate("abc")}
    write_safetensors(tmp_path / "three.safetensors", stored, {})
    found = read_safetensors(tmp_path / "three.safetensors")[0]
    for one in found.values():
        one.add_(10)
    let_go(found["b"])
    let_go(torch.ones(5))  # of no file: nothing happens
    assert found["a"].eq(10).all() and found["c"].eq(12).all()
    assert sorted(set(found["b"].tolist())) == [1, 11]  # whole pages went, the rest of its first and last did not
