"""Fetching the course's data, with the network replaced."""

import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from sfumato.course import get_dataset
from sfumato.errors import UserError

PARTS = (
    "digits/mnistm/train.csv",
    "digits/svhn/train.csv",
    "face/noise/00.pt",
    "textual_inversion/input.json",
    "clip_zeroshot/id2label.json",
)


def archive_at(path, prefix="hw2_data/"):
    with zipfile.ZipFile(path, "w") as file:
        for part in PARTS:
            file.writestr(prefix + part, part)
    return str(path)


def use_gdown(monkeypatch, download):
    monkeypatch.setitem(sys.modules, "gdown", SimpleNamespace(download=download))


@pytest.mark.parametrize("prefix", ["hw2_data/", ""])
def test_it_is_fetched_once_resumably_and_unpacked(tmp_path, monkeypatch, prefix):
    calls = []

    def download(id, output, resume):
        calls.append((id, resume))
        return archive_at(output, prefix)

    use_gdown(monkeypatch, download)
    get_dataset.fetch(tmp_path)
    get_dataset.fetch(tmp_path)
    assert calls == [("1W6Y1OmjzNw2qHoGDCpGOwGpw27wLg1fi", True)]
    for part in PARTS:
        assert (tmp_path / "hw2_data" / part).read_text() == part


def test_a_whole_archive_is_not_fetched_again(tmp_path, monkeypatch):
    use_gdown(monkeypatch, lambda **k: pytest.fail("fetched"))
    archive_at(tmp_path / "hw2_data.zip")
    get_dataset.fetch(tmp_path)
    assert (tmp_path / "hw2_data" / PARTS[0]).exists()


def test_offline_it_says_what_is_missing_and_where_it_belongs(tmp_path, monkeypatch):
    def download(**kwargs):
        raise ConnectionError("no route to host")

    use_gdown(monkeypatch, download)
    with pytest.raises(UserError, match=r"hw2_data is missing and cannot be fetched .*by hand to .*hw2_data.zip"):
        get_dataset.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_gdown_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(UserError, match="gdown is not installed; `pip install gdown`"):
        get_dataset.fetch(tmp_path)


def test_a_damaged_archive_is_refused(tmp_path, monkeypatch):
    def download(id, output, resume):
        archive_at(output)
        with open(output, "r+b") as file:
            file.seek(60)
            file.write(b"XXXX")
        return output

    use_gdown(monkeypatch, download)
    with pytest.raises(UserError, match=r"hw2_data.zip: .*train.csv' inside it is damaged .*; remove it and run"):
        get_dataset.fetch(tmp_path)


def test_a_disk_that_fills_up_leaves_no_half_of_the_data(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    archive_at(tmp_path / "hw2_data.zip")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        get_dataset.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["hw2_data.zip"]


def test_what_a_user_put_there_stays(tmp_path):
    mine = tmp_path / "hw2_data" / PARTS[0]
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    archive_at(tmp_path / "hw2_data.zip")
    get_dataset.fetch(tmp_path)
    assert mine.read_text() == "mine"
    assert (tmp_path / "hw2_data" / PARTS[1]).read_text() == PARTS[1]


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "C:\\out.txt", "hw2_data/../../out.txt", "link"])
def test_an_archive_writes_nothing_outside(tmp_path, name):
    (tmp_path / "root").mkdir()
    path = tmp_path / "root" / "hw2_data.zip"
    archive_at(path)
    with zipfile.ZipFile(path, "a") as file:
        entry = zipfile.ZipInfo("hw2_data/" + name if name == "link" else name)
        entry.external_attr = (0o120777 if name == "link" else 0o100644) << 16
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(UserError, match=r"hw2_data.zip: '.*' in it leads out of its folder"):
        get_dataset.fetch(tmp_path / "root")
    assert sorted(part.name for part in tmp_path.rglob("*")) == ["hw2_data.zip", "root"]


def test_data_that_the_disk_does_not_hold_are_not_begun(tmp_path, monkeypatch):
    archive_at(tmp_path / "hw2_data.zip")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(UserError, match=r"has 0.0 GiB free and unpacked hw2_data.zip takes 0.0; free some space"):
        get_dataset.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["hw2_data.zip"]


def test_what_systems_add_stays_in_the_archive_and_folders_of_the_users_stay(tmp_path):
    (tmp_path / ".hw2_data.part").mkdir()
    (tmp_path / ".hw2_data.part" / "mine").write_text("mine")
    archive_at(tmp_path / "hw2_data.zip")
    with zipfile.ZipFile(tmp_path / "hw2_data.zip", "a") as file:
        file.writestr("__MACOSX/hw2_data/._digits", "x")
        file.writestr("hw2_data/.DS_Store", "x")
    get_dataset.fetch(tmp_path)
    assert (tmp_path / ".hw2_data.part" / "mine").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"hw2_data", "hw2_data.zip", ".hw2_data.part"}
    assert not list((tmp_path / "hw2_data").glob(".*"))
