"""A checkpoint is read; it is never run."""

import collections
import datetime
import io
import os
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch

from sfumato.checkpoints import StandIn, load_strictly, read_tensors
from sfumato.checkpoints.pickles import run_inert
from sfumato.checkpoints.rebuilders import as_tensor
from sfumato.checkpoints.stand_ins import DamagedError
from sfumato.errors import UserError

ways = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def saved(path, content, zipped=True, **how):
    torch.save(content, str(path), _use_new_zipfile_serialization=zipped, **how)
    return path


def inert(program):
    return run_inert(program, lambda identity: StandIn("storage")).result


@ways
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_tensors_and_plain_containers_come_back(tmp_path, zipped, protocol):
    shared = torch.arange(12.0)
    state = collections.OrderedDict(
        weight=shared.reshape(3, 4).T,
        part=shared[3:7],
        half=shared.half(),
        brain=shared.bfloat16(),
        double=shared.double(),
        count=torch.tensor(7),
        bytes=torch.tensor([0, 255], dtype=torch.uint8),
        truth=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(shared),
        learning=torch.ones(3, requires_grad=True),
        empty=torch.empty(0, 3),
    )
    content = {"state_dict": state, "epoch": 3, "names": ["a", ("b", None)], "rate": 1e-4, "big": 2**70, "raw": b"\xff"}
    read = read_tensors(saved(tmp_path / "plain.pth", content, zipped, pickle_protocol=protocol))
    assert {key: value for key, value in read.value.items() if key != "state_dict"} == {
        key: value for key, value in content.items() if key != "state_dict"
    }
    assert list(read.value["state_dict"]) == list(state)
    for key, value in state.items():
        got = read.value["state_dict"][key]
        assert torch.equal(got, value.detach())
        assert got.dtype == value.dtype
        assert not got.requires_grad
    assert read.metadata == {}


@ways
def test_numpys_numbers_and_arrays_come_back(tmp_path, zipped):
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.array([1.5, -2], dtype=">f4"),
        np.array(True),
    ]
    content = {"rate": np.float64(1e-4), "step": np.int32(5), "far": np.array(1e300)[()], "arrays": arrays}
    got = read_tensors(saved(tmp_path / "numpy.pth", content, zipped)).value
    assert (got["rate"], got["step"], got["far"]) == (1e-4, 5, 1e300)
    assert got["rate"].dtype == np.float64
    for array, one in zip(arrays, got["arrays"]):
        assert np.array_equal(one.value, array)
        assert np.array_equal(as_tensor(one).numpy(), array)


def test_numpys_objects_and_texts_stay_stand_ins(tmp_path):
    content = [np.array([print, "x"], dtype=object), np.array(["text"]), np.array(["2024-01-01"], dtype="M8[D]")]
    got = read_tensors(saved(tmp_path / "odd.pth", content)).value
    assert [one.value for one in got] == [None, None, None]
    assert as_tensor(got[0]) is None


class OfItsOwn(torch.Tensor):
    """A tensor with a class, as libraries make them."""


class Rebuilt:
    """Pickled as a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@ways
def test_tensors_of_other_kinds_come_back_plain(tmp_path, zipped):
    content = {
        "subclass": torch.arange(3.0).as_subclass(OfItsOwn),
        "device": Rebuilt(torch._utils._rebuild_device_tensor_from_numpy, np.arange(4.0), torch.float64, "cpu", False),
    }
    got = read_tensors(saved(tmp_path / "kinds.pth", content, zipped)).value
    assert type(got["subclass"]) is torch.Tensor
    assert got["subclass"].tolist() == [0, 1, 2]
    assert got["device"].tolist() == [0, 1, 2, 3]


class Callback:
    """Stands for a trainer's object: a class that the reading machine may not have."""

    def __init__(self):
        self.best = 0.5


@ways
def test_foreign_objects_and_classes_as_keys_become_stand_ins(tmp_path, zipped):
    content = {
        "state_dict": {"w": torch.ones(2)},
        "callbacks": {Callback: Callback()},
        "paths": [pathlib.PurePosixPath("/a"), datetime.datetime(2022, 1, 1)],
        "default": collections.defaultdict(list, {"a": [1]}),
        "set": {1, 2},
    }
    got = read_tensors(saved(tmp_path / "trainer.ckpt", content, zipped)).value
    assert torch.equal(got["state_dict"]["w"], torch.ones(2))
    ((key, value),) = got["callbacks"].items()
    assert key is not Callback
    assert key.name.endswith("test_pickles.Callback")
    assert value.state == {"best": 0.5}
    assert [one.name for one in got["paths"]] == ["pathlib.PurePosixPath", "datetime.datetime"]
    assert got["default"] == {"a": [1]}


@ways
@pytest.mark.parametrize("function", [os.system, eval, exec])
def test_what_a_pickle_calls_is_not_run_and_refused_where_a_tensor_is_needed(tmp_path, zipped, function):
    trace = tmp_path / "trace"
    argument = f"touch {trace}" if function is os.system else f"open({str(trace)!r}, 'w')"
    path = saved(tmp_path / "evil.pth", {"weight": torch.ones(1, 1), "bias": Rebuilt(function, argument)}, zipped)
    state = read_tensors(path).value
    assert torch.equal(state["weight"], torch.ones(1, 1))
    with pytest.raises(UserError, match=rf"evil.pth: has \w+\.{function.__name__} where the tensor 'bias' belongs"):
        load_strictly(torch.nn.Linear(1, 1), state, path, "line")
    assert not trace.exists()


def test_plain_pickle_would_have_run_it(tmp_path):
    """The danger is real: the same bytes do run in pickle itself."""
    trace = tmp_path / "trace"
    pickle.loads(pickle.dumps(Rebuilt(os.system, f"touch {trace}")))
    assert trace.exists()


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_refused_by_name_and_torch_is_never_asked(tmp_path, monkeypatch):
    path = tmp_path / "program.pt"
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1, 1)), str(path))

    def asked(*_, **__):
        raise AssertionError("asked torch to read it")

    monkeypatch.setattr(torch, "load", asked)
    monkeypatch.setattr(torch.jit, "load", asked)
    with pytest.raises(UserError, match=r"program.pt: is a TorchScript program"):
        read_tensors(path)


def test_a_modules_source_and_changes_to_functions_are_not_followed(tmp_path, monkeypatch):
    """PyTorch writes `X.patch` for a class whose source changed, and BUILD alters what lies on the stack."""
    monkeypatch.chdir(tmp_path)
    before = dict(vars(torch._utils._rebuild_tensor_v2))
    program = (
        b"\x80\x02(X\x06\x00\x00\x00modulectorch.nn\nLinear\nX\x04\x00\x00\x00nameX\x03\x00\x00\x00oldtQ0"
        b"ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01sb."
    )
    whole = b"".join(pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    path = tmp_path / "module.pt"
    path.write_bytes(whole + program + pickle.dumps([], 2))
    got = read_tensors(path).value
    assert isinstance(got, StandIn)
    assert vars(torch._utils._rebuild_tensor_v2) == before
    assert [one.name for one in tmp_path.iterdir()] == ["module.pt"]


def rewritten(path, change):
    """The file with its members changed: change(name, bytes) -> bytes or None."""
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for info, content in members:
            new = change(info.filename, content)
            if new is not None:
                archive.writestr(info.filename, new)
    path.write_bytes(out.getvalue())
    return path


def test_numbers_of_the_other_byte_order_are_turned(tmp_path):
    content = {"f": torch.tensor([1.5, -2.0]), "h": torch.tensor([3.0]).half(), "b": torch.tensor([1, 2]).byte()}
    path = saved(tmp_path / "big.pt", content)
    widths = iter((4, 2, 1))

    def swap(name, raw):
        if name.endswith("byteorder"):
            return None
        width = next(widths) if "/data/" in name else 1
        return b"".join(raw[i : i + width][::-1] for i in range(0, len(raw), width)) if width > 1 else raw

    rewritten(path, swap)
    with zipfile.ZipFile(path, "a") as archive:
        root = archive.namelist()[0].split("/")[0]
        archive.writestr(f"{root}/byteorder", "big")
    got = read_tensors(path).value
    assert {key: value.tolist() for key, value in got.items()} == {"f": [1.5, -2.0], "h": [3.0], "b": [1, 2]}


def test_a_zip_that_was_packed_again_is_told_so(tmp_path):
    path = saved(tmp_path / "packed.pt", {"w": torch.zeros(1000)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    with pytest.raises(UserError, match=r"packed.pt: is a zip whose files overlap or are compressed"):
        read_tensors(path)


@ways
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.9, 0.999])
def test_truncated_files_are_refused_in_one_line(tmp_path, zipped, share):
    path = saved(tmp_path / "cut.pth", {"w": torch.ones(100), "v": torch.ones(2)}, zipped)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(UserError, match=r"cut\.pth: ") as error:
        read_tensors(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.pth: cannot be read \(No such file"):
        read_tensors(tmp_path / "none.pth")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b"", "no whole pickle"),
        (b"\x80\x02", "no whole pickle"),
        (b"N", "no whole pickle"),
        (b".", "no whole pickle"),
        (b"0.", "no whole pickle"),
        (b"t.", "no whole pickle"),
        (b"N\x85\x87.", "no whole pickle"),
        (b"h\x07.", "no whole pickle"),
        (b"\x82\x01.", "instruction EXT1"),
        (b"Pname\n.", "instruction PERSID"),
        (b"NNR.", "calls a NoneType"),
        (b"\x80\x04NN\x93.", "names a function by something else"),
        (b"}]Ns.", "a list as the key"),
        (b"}N\x85\x85Ns.", "a tuple as the key"),
        (b"\x80\x02]q\x00" + b"0h\x00" * 800_000 + b".", "more work than any checkpoint"),
    ],
)
def test_broken_programs_are_refused(program, words):
    with pytest.raises(DamagedError, match=words):
        inert(program)


def test_a_huge_memo_and_deep_nesting_cost_nothing():
    assert inert(b"\x80\x02Nr\xff\xff\xff\xff.") is None
    deep = inert(b"N" + b"\x85" * 500_000 + b".")
    assert isinstance(deep, tuple)
    with pytest.raises(DamagedError, match="nested more than 10000 levels"):
        inert(b"(" * 10_001 + b"l" * 10_001 + b".")
    assert isinstance(inert(b"(" * 10_000 + b"l" * 10_000 + b"."), list)


def crafted(count, size, stride=(1,), offset=0, key="0"):
    """A zip whose only tensor says this of itself, over a storage of four floats."""
    text = lambda one: b"X" + struct.pack("<I", len(one)) + one.encode()  # noqa: E731
    number = lambda one: b"\x8a\x08" + struct.pack("<q", one)  # noqa: E731
    numbers = lambda some: b"(" + b"".join(map(number, some)) + b"t"  # noqa: E731
    program = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
    program += text(key) + text("cpu") + number(count) + b"tQ" + number(offset) + numbers(size) + numbers(stride)
    program += b"\x89NtR."
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", program)
        archive.writestr("a/data/0", struct.pack("<4f", 1, 2, 3, 4))
    return out.getvalue()


def test_the_crafted_file_is_a_good_one(tmp_path):
    (tmp_path / "a.pt").write_bytes(crafted(4, (2, 2), (2, 1)))
    assert read_tensors(tmp_path / "a.pt").value.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"count": 5, "size": (5,)}, "16 bytes for a storage of 20"),
        ({"count": 4, "size": (5,)}, "a tensor of 5 numbers on a storage of 4"),
        ({"count": 4, "size": (2,), "offset": 3}, "a tensor of 2 numbers on a storage of 4"),
        ({"count": 4, "size": (2**40,), "stride": (0,)}, "on a storage of 4"),
        ({"count": 4, "size": (1,), "offset": -1}, "begins nowhere"),
        ({"count": 4, "size": (1,), "key": "7"}, "lacks the storage '7'"),
        ({"count": -4, "size": (1,)}, "without type, key or size"),
    ],
)
def test_a_tensor_cannot_reach_beyond_its_storage(tmp_path, claims, words):
    (tmp_path / "a.pt").write_bytes(crafted(**claims))
    with pytest.raises(UserError, match=words):
        read_tensors(tmp_path / "a.pt")


@pytest.mark.parametrize("claims", [{"size": (-1,)}, {"size": (2, 2)}, {"size": (1,) * 40, "stride": (1,) * 40}])
def test_a_shape_that_is_none_makes_no_tensor(tmp_path, claims):
    (tmp_path / "a.pt").write_bytes(crafted(4, **claims))
    assert isinstance(read_tensors(tmp_path / "a.pt").value, StandIn)


def test_reading_changes_no_file_and_maps_it(tmp_path):
    path = saved(tmp_path / "a.pt", {"w": torch.ones(1000)})
    before = path.read_bytes()
    weights = read_tensors(path).value["w"]
    weights.zero_()
    assert path.read_bytes() == before
