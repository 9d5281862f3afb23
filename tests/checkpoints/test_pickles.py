"""A checkpoint is read; it is never run."""

import collections
import os
import pickle

import pytest
import torch

from sfumato.checkpoints import read_pickle
from sfumato.errors import UserError


def test_tensors_and_plain_containers_come_back(tmp_path):
    path = tmp_path / "plain.pth"
    shared = torch.arange(12.0)
    state = collections.OrderedDict(
        weight=shared.reshape(3, 4).T, half=shared.half(), count=torch.tensor(7), parameter=torch.nn.Parameter(shared)
    )
    torch.save({"state_dict": state, "epoch": 3, "names": ["a", ("b", None)]}, path)
    got = read_pickle(path)
    assert got["epoch"] == 3
    assert got["names"] == ["a", ("b", None)]
    for key, value in state.items():
        assert torch.equal(got["state_dict"][key], value)
        assert got["state_dict"][key].dtype == value.dtype


@pytest.mark.filterwarnings("ignore")
def test_the_old_format_without_zip_is_read(tmp_path):
    path = tmp_path / "old.pth"
    torch.save({"weight": torch.ones(2, 2)}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_pickle(path)["weight"], torch.ones(2, 2))


class Callback:
    """Stands for a trainer's object: a class that the reading machine may not have."""

    def __init__(self):
        self.best = 0.5


def test_foreign_objects_and_classes_as_keys_become_inert(tmp_path):
    path = tmp_path / "trainer.ckpt"
    torch.save({"state_dict": {"w": torch.ones(2)}, "callbacks": {Callback: Callback()}}, path)
    got = read_pickle(path)
    assert torch.equal(got["state_dict"]["w"], torch.ones(2))
    (key,) = got["callbacks"]
    assert key is not Callback
    assert key.__qualname__ == "Callback"


class Evil:
    """Unpickled by pickle itself, it would call a function."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("function", [os.system, eval, exec])
def test_a_pickle_that_calls_something_is_refused_and_not_run(tmp_path, zipped, function):
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    argument = f"touch {trace}" if function is os.system else f"open({str(trace)!r}, 'w')"
    torch.save({"w": torch.ones(1), "x": Evil(function, argument)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=rf"evil.pth: refused: it calls \w+\.{function.__name__},"):
        read_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_truncated_files_are_refused_in_one_line(tmp_path, keep):
    path = tmp_path / "cut.pth"
    torch.save({"w": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"cut\.pth: is not a whole PyTorch checkpoint") as error:
        read_pickle(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none.pth: cannot be read \(No such file"):
        read_pickle(tmp_path / "none.pth")


def test_plain_pickle_would_have_run_it(tmp_path):
    """The danger is real: the same bytes do run in pickle itself."""
    trace = tmp_path / "trace"
    pickle.loads(pickle.dumps(Evil(os.system, f"touch {trace}")))
    assert trace.exists()
