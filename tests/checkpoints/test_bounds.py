"""Files of a few megabytes that ask for far more: what they may cost is bounded, whatever they repeat."""

import copy
import io
import json
import struct
import time
import zipfile

import pytest

from sfumato.checkpoints import load_state, read_embeddings, read_tensors
from sfumato.checkpoints.diffusers_layout import unet_keys
from sfumato.checkpoints.pickles import run_inert
from sfumato.checkpoints.stand_ins import DamagedError
from sfumato.errors import UserError

from ..hostile.programs import built, call, listed, named, new_file, number, some, storage, table, tensor, text, whole

_RAW = b"B" + struct.pack("<I", 2**20) + bytes(2**20)


def inert(program):
    return run_inert(whole(program), lambda identity: None).result


def array(raw):
    made = call("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), some(number(0)), text("b"))
    return built(made, some(number(1), some(number(2**20)), call("numpy.dtype", text("u1")), b"\x89", raw))


def test_an_array_that_many_tensors_are_made_of_is_copied_once():
    again = named("torch._utils._rebuild_device_tensor_from_numpy") + b"h\x00\x85R"
    found = inert(listed(array(_RAW) + b"q\x00", again, again))
    assert found[1].tolist() == [0] * 2**20
    assert found[1].data_ptr() == found[2].data_ptr()


@pytest.mark.parametrize("raw", [_RAW, b"X" + struct.pack("<I", 2**20) + b"a" * 2**20])
def test_bytes_that_are_asked_for_many_times_are_refused(raw):
    some_arrays = listed(raw + b"q\x00", *[array(b"h\x00")] * 40)
    assert len(inert(some_arrays)) == 41
    with pytest.raises(DamagedError, match="more work"):
        inert(listed(raw + b"q\x00", *[array(b"h\x00")] * 50))


def colliding(count):
    """Pairs of whole numbers of one hash, by the way in which Python 3.8 and later put those of a tuple together."""
    first, second, start, wide = 11400714785074694791, 14029467366897019727, 2870177450012600261, 2**64
    pairs, number_ = [], 0
    while len(pairs) < count:
        number_ += 1
        mixed = (start + number_ * second) % wide
        turned = ((mixed << 31) | (mixed >> 33)) % wide * first
        other = (12345 - turned) * pow(second, -1, wide) % wide
        if other < 2**61 - 1:
            pairs.append((number_, other))
    return pairs


def test_keys_of_one_hash_are_bounded():
    pairs = colliding(5000)
    assert len({hash(pair) for pair in pairs}) == 1
    began = time.monotonic()
    with pytest.raises(DamagedError, match="more work"):
        inert(b"}(" + b"".join(number(one) + number(other) + b"\x86N" for one, other in pairs) + b"u")
    assert time.monotonic() - began < 5
    assert len(inert(b"}(" + b"".join(number(one) + number(2) + b"\x86N" for one in range(1000)) + b"u")) == 1000


def checkpoint(members):
    """A zip of torch.save's with several names for one storage of 1 MiB."""
    count = 2**18
    views = [tensor(storage(str(place), count), number(0), some(number(count)), some(number(1))) for place in range(9)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", whole(listed(*views[:members])))
        archive.writestr("archive/data/0", bytes(4 * count))
        for place in range(1, members):
            other = copy.copy(archive.filelist[1])
            other.filename = f"archive/data/{place}"
            archive.filelist.append(other)
    return file.getvalue()


def test_storages_that_overlap_are_refused(tmp_path):
    (tmp_path / "a.pt").write_bytes(checkpoint(1))
    assert len(read_tensors(tmp_path / "a.pt").value) == 1
    (tmp_path / "a.pt").write_bytes(checkpoint(9))
    with pytest.raises(UserError, match="overlap"):
        read_tensors(tmp_path / "a.pt")


def safetensors(path, header, size):
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(size))
    return path


def test_tensors_of_safetensors_that_overlap_are_refused(tmp_path):
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    path = safetensors(tmp_path / "a", {"a": one, "b": {**one, "data_offsets": [16, 32]}}, 32)
    assert set(read_tensors(path).value) == {"a", "b"}
    with pytest.raises(UserError, match="overlap"):
        read_tensors(safetensors(path, {"a": one, "b": one}, 16))


@pytest.mark.parametrize("shape", [[65536, 65536, 65536, 65536, 0], [0, 2**31, 2**31], [2**61, 0]])
def test_an_empty_tensor_of_endless_axes_is_refused(tmp_path, shape):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
    with pytest.raises(UserError, match="'a' is damaged"):
        read_tensors(safetensors(tmp_path / "a", {"a": entry}, 70000))


def test_an_empty_tensor_is_read(tmp_path):
    entry = {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}
    assert read_tensors(safetensors(tmp_path / "a", {"a": entry}, 0)).value["a"].shape == (0, 3)


def test_the_names_of_many_tensors_are_found_at_once():
    names = {f"down_blocks.0.resnets.{place}.norm1.weight": None for place in range(20_000)}
    began = time.monotonic()
    assert unet_keys(names)["down_blocks.0.resnets.1.norm1.weight"] == "input_blocks.2.0.in_layers.0.weight"
    assert time.monotonic() - began < 5


def test_a_number_of_thousands_of_digits_in_a_name_is_no_block():
    name = f"down_blocks.0.resnets.{'9' * 5000}.norm1.weight"
    assert unet_keys([name]) == {name: name}


def test_a_table_of_words_that_lies_in_itself_ends(tmp_path):
    (tmp_path / "a.pt").write_bytes(new_file(whole(b"}q\x00" + text("words") + b"h\x00s")))
    with pytest.raises(UserError, match="holds no embedding"):
        read_embeddings(tmp_path / "a.pt")


@pytest.mark.parametrize("tokens", [b"N", number(1), named("os.system"), b"\x88"])
def test_tokens_that_are_no_texts_are_refused(tmp_path, tokens):
    vector = tensor(storage(numbers=768), number(0), some(number(1), number(768)), some(number(768), number(1)))
    (tmp_path / "a.pt").write_bytes(new_file(whole(table(tokens=tokens, embeddings=vector)), (bytes(4 * 768),)))
    with pytest.raises(UserError, match="has 0 tokens for 1 vectors"):
        read_embeddings(tmp_path / "a.pt")


@pytest.mark.parametrize("settings", ["[]", "1", "null", "[" * 100_000])
def test_a_state_whose_settings_are_no_table_is_passed_over(tmp_path, settings):
    safetensors(tmp_path / "state-00000001.safetensors", {"__metadata__": {"step": "1", "settings": settings}}, 0)
    with pytest.warns(UserWarning, match="is passed over"), pytest.raises(UserError, match="no saved state in it is"):
        load_state(tmp_path, {"lr": 0.1})
