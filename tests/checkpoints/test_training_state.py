"""States of a training: which are kept, which are believed, and which a run goes on from."""

import re
import warnings

import pytest
import torch

pytest.importorskip("safetensors")

from sfumato.checkpoints import load_state, read_safetensors, save_state
from sfumato.errors import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def save(folder, *steps, settings=None, steady=0):
    for step in steps:
        save_state(folder, step, {"w": torch.full((100,), float(step))}, settings or {}, steady)


def flip_a_bit(path):
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(bytes(raw))


def test_copies_beside_training_states_are_left_alone(tmp_path):
    mine = {"state-best.safetensors", "state-00000001 (copy).safetensors", "state-1.safetensors"}
    for name in mine:
        (tmp_path / name).write_text("mine")
    for step in (1, 2, 3):
        save_state(tmp_path, step, {"w": torch.ones(1)}, {})
    states = {"state-00000002.safetensors", "state-00000003.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == mine | states


def test_the_newest_sound_state_is_used(tmp_path):
    settings = {"lr": 0.1, "loop": {"steps": 9}}
    save(tmp_path, 1, 2, 3, settings=settings)
    newest = tmp_path / "state-00000003.safetensors"
    assert names(tmp_path) == ["state-00000002.safetensors", newest.name]
    saved = load_state(tmp_path, settings)
    assert (saved.step, float(saved.tensors["w"][0]), saved.settings) == (3, 3.0, settings)
    newest.write_bytes(newest.read_bytes()[:-50])
    with pytest.warns(UserWarning, match="state-00000003.safetensors is passed over: .*truncated"):
        saved = load_state(tmp_path, settings)
    assert (saved.step, float(saved.tensors["w"][0])) == (2, 2.0)


def test_a_bit_that_fell_over_is_noticed(tmp_path):
    save(tmp_path, 1, 2)
    flip_a_bit(tmp_path / "state-00000002.safetensors")
    with pytest.warns(UserWarning, match="state-00000002.safetensors is passed over: its numbers are not those"):
        assert load_state(tmp_path, {}).step == 1


def test_a_run_with_damaged_states_alone_does_not_begin_anew_in_silence(tmp_path):
    save(tmp_path, 1, 2)
    for path in tmp_path.iterdir():
        flip_a_bit(path)
    told = "no saved state in it is sound; remove its state-* files to begin anew"
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(UserError, match=re.escape(told)):
        load_state(tmp_path, {})


def test_damaged_states_never_push_a_sound_one_out(tmp_path):
    """Two damaged ones of later steps: the run goes on from before them, and what it saves stays."""
    save(tmp_path, 100, 200)
    for step in (300, 400):
        (tmp_path / f"state-{step:08d}.safetensors").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="passed over"):
        assert load_state(tmp_path, {}).step == 200
    save(tmp_path, 250)
    assert names(tmp_path) == ["state-00000200.safetensors", "state-00000250.safetensors"]
    assert load_state(tmp_path, {}).step == 250


def test_the_last_state_before_the_learning_rate_fell_stays(tmp_path):
    save(tmp_path, *range(10, 101, 10), steady=55)
    assert names(tmp_path) == [f"state-{step:08d}.safetensors" for step in (50, 90, 100)]
    assert load_state(tmp_path, {}, lambda saved: saved.step <= 55).step == 50
    assert load_state(tmp_path, {}, lambda saved: saved.step <= 40) is None


def test_numbers_of_many_digits_are_in_order(tmp_path):
    """By their value, not by their letters."""
    save(tmp_path, 99_999_999, 100_000_000, 100_000_001)
    assert load_state(tmp_path, {}).step == 100_000_001
    assert names(tmp_path) == ["state-100000000.safetensors", "state-100000001.safetensors"]


def test_a_state_of_other_settings_is_refused_and_of_another_length_is_not(tmp_path):
    save(tmp_path, 1, settings={"lr": 0.1, "loop": {"steps": 9, "seed": 0}})
    with pytest.raises(UserError, match=r"holds a run with lr = 0.1, not 0.2; give its settings"):
        load_state(tmp_path, {"lr": 0.2, "loop": {"steps": 9, "seed": 0}})
    with pytest.raises(UserError, match=r"holds a run with loop.seed = 0, not 1; give its settings"):
        load_state(tmp_path, {"lr": 0.1, "loop": {"steps": 9, "seed": 1}})
    assert load_state(tmp_path, {"lr": 0.1, "loop": {"steps": 12, "seed": 0}}).step == 1


def test_an_empty_folder_has_no_state(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_state(tmp_path / "nowhere", {}) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_states_hold_tensors_of_every_type_and_shape(tmp_path, dtype):
    tensors = {"a": torch.tensor([[0, 1], [1, 0]]).to(dtype), "none": torch.zeros(0, 3, dtype=dtype)}
    tensors["one"] = torch.tensor(1).to(dtype)
    save_state(tmp_path, 7, tensors, {})
    found = load_state(tmp_path, {}).tensors
    assert all(torch.equal(found[key], value) for key, value in tensors.items())


def test_what_is_not_finite_is_not_saved_and_the_state_before_it_stays(tmp_path):
    save(tmp_path, 1)
    with pytest.raises(UserError, match=r"state-00000002\.safetensors: is not written, for w would hold NaN"):
        save_state(tmp_path, 2, {"w": torch.tensor([1.0, float("nan")])}, {})
    assert names(tmp_path) == ["state-00000001.safetensors"]


def test_the_same_state_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save(tmp_path / name, 5, settings={"b": [1, 2], "a": '\u00e9 \x1f \\ " /'})
    one, two = ((tmp_path / name / "state-00000005.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    metadata = read_safetensors(tmp_path / "one" / "state-00000005.safetensors")[1]
    assert list(metadata) == ["settings", "sha256", "step"]


def test_the_package_leaves_nothing_of_its_own_beside_a_file(tmp_path, monkeypatch):
    """It writes to a name that it makes up, which nobody could tell from a user's own file after a kill."""
    import safetensors.torch

    def killed(tensors, path, metadata):
        (tmp_path / path).with_name(".tmpXyZ").touch()
        there.extend(path.name for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    there = []
    monkeypatch.setattr(safetensors.torch, "save_file", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 1)
    assert there and all(name.startswith(".sfumato-tmp.") for name in there)
    assert names(tmp_path) == []
