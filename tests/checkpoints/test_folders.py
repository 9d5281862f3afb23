"""One rule for what systems put beside the user's files."""

from pathlib import Path, PurePosixPath

import pytest

from sfumato.checkpoints import is_hidden, leads_out, visible_entries, visible_files

HIDDEN = [
    *("._00.pt", ".ipynb_checkpoints/a.png", "in/.DS_Store", "@eaDir/a.png/THUMB.jpg", "__MACOSX/in/._a.png"),
    *("Thumbs.db", "in/thumbs.db", "Desktop.ini", "in/.git/x/y"),
]
SHOWN = ["a.png", "in/b.png", "in/deep/eaDir/c.pt", "x.y.z", "Thumbs.db.png"]


def test_hidden_things_are_skipped_and_all_else_is_there(tmp_path):
    for name in (*HIDDEN, *SHOWN):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert all(is_hidden(PurePosixPath(name)) for name in HIDDEN)
    assert not any(is_hidden(PurePosixPath(name)) for name in (*SHOWN, "../a.png", "."))
    assert visible_files(tmp_path, deep=True) == sorted(tmp_path / name for name in SHOWN)
    assert visible_files(tmp_path) == [tmp_path / name for name in ("Thumbs.db.png", "a.png", "x.y.z")]


def test_folders_above_the_one_that_was_given_do_not_count(tmp_path):
    folder = tmp_path / ".cache" / "__MACOSX" / "run"
    folder.mkdir(parents=True)
    (folder / "a.png").write_text("x")
    assert visible_files(folder, deep=True) == [folder / "a.png"]
    assert visible_files(tmp_path, deep=True) == []


def test_links_that_are_given_or_lie_in_a_folder_are_followed_and_loops_end(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_text("x")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "b.png").symlink_to(tmp_path / "real" / "a.png")
    (tmp_path / "real" / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [path.name for path in visible_files(tmp_path / "link", deep=True)] == ["a.png", "b.png"]
    assert visible_files(tmp_path / "nowhere") == visible_files(tmp_path / "real" / "a.png") == []


@pytest.mark.parametrize("name", ["../a", "a/../../b", "..", "/a", "\\a", "a\\..\\b", "C:a", "c:/a", "a\0b"])
def test_paths_that_leave_a_folder_are_known(name):
    assert leads_out(name)


@pytest.mark.parametrize("name", ["a", "a/b.png", "a..b/c", "...", "./a", "ab:c", "1:2"])
def test_paths_that_stay_in_a_folder_are_known(name):
    assert not leads_out(name)


def test_entries_are_in_the_order_of_paths_and_folders_are_closed_again(tmp_path):
    """Also of folders far inside one another, and where a walk is left before its end."""
    names = ["a-b/x.png", "a/x.png", "a.png", "a/b/y.png", "a/" + "d/" * 150 + "z.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    opened = Path("/proc/self/fd")
    before = len(list(opened.iterdir())) if opened.exists() else 0
    walked = [(name, entry.stat().st_size) for name, entry in visible_entries(tmp_path, deep=True)]
    assert walked == [(name, len(name)) for name in sorted(names, key=lambda name: name.split("/"))]
    left = visible_entries(tmp_path, deep=True)
    next(left)
    left.close()
    assert before == (len(list(opened.iterdir())) if opened.exists() else 0)
    assert visible_files(tmp_path, deep=True) == sorted(tmp_path / name for name in names)
