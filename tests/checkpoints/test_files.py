"""Files are whole or not there."""

import json
import os
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from sfumato.checkpoints import (
    atomic_path,
    load_state,
    load_strictly,
    read_safetensors,
    remove_leftovers,
    save_state,
    write_safetensors,
    write_text,
)
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
    stray, running = f".7_001.{ended.pid}.png", f".7_002.{os.getpid()}.png"
    kept = {running, ".hidden.png", "7_001.png", f"7_001.{ended.pid}.png", ".sfumato-mnistm-1f-2e.npz"}
    for name in {stray, *kept}:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept


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


def test_what_the_library_writes_is_read_back(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "library.safetensors"
    tensors = {"a": torch.randn(3, 5), "b": torch.arange(4), "c": torch.randn(2, 2).half(), "t": torch.randn(3, 2).T}
    write_safetensors(path, tensors, {"k": "v"})
    got, metadata = read_safetensors(path)
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
        (raw(b"[1, 2]"), "its header is not an object"),
        (raw(b"{nonsense"), "its header is not JSON"),
        (raw({"a": {**ENTRY, "shape": [5]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "data_offsets": [-16, 0]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "dtype": "F7"}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
        (raw({"a": {**ENTRY, "shape": [-2, -2]}}, b"\0" * 20), "entry of tensor 'a' is damaged"),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path, content, words):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"bad.safetensors: .*{words}"):
        read_safetensors(path)


def test_the_newest_whole_state_is_used(tmp_path):
    pytest.importorskip("safetensors")
    settings = {"lr": 0.1, "loop": {"steps": 9}}
    for step in (1, 2, 3):
        save_state(tmp_path, step, {"w": torch.full((100,), float(step))}, settings)
    newest = tmp_path / "state-00000003.safetensors"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state-00000002.safetensors", newest.name]
    step, tensors = load_state(tmp_path, settings)
    assert (step, float(tensors["w"][0])) == (3, 3.0)
    newest.write_bytes(newest.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="state-00000003.safetensors is passed over: .*truncated"):
        step, tensors = load_state(tmp_path, settings)
    assert (step, float(tensors["w"][0])) == (2, 2.0)


def test_a_state_of_other_settings_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    save_state(tmp_path, 1, {"w": torch.ones(1)}, {"lr": 0.1})
    with pytest.raises(UserError, match=r"holds a run with lr = 0.1, not 0.2; give its settings"):
        load_state(tmp_path, {"lr": 0.2})


def test_an_empty_folder_has_no_state(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_state(tmp_path / "nowhere", {}) is None


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
