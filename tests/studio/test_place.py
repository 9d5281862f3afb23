"""The page names what is the studio's, and nothing else on the machine."""

import os

import pytest

from sfumato.additions import FEW_PASSES, parted
from sfumato.errors import UserError
from sfumato.studio.found import additions
from sfumato.studio.place import SHIPPED, Place

OURS = ("0001-digits/svhn/7_001.png", "0001-digits/log.txt", "sent/a.png", "12345-own/model.safetensors")


@pytest.fixture
def place(tmp_path):
    """A studio with some of everything, and something beside it."""
    for name in (*OURS, "jobs/0001/log.txt", "sent/.received-x", "sent/.hidden/a.png", "others/a.png", "a.png"):
        (tmp_path / "studio" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "studio" / name).write_text(name)
    for name in ("xl/a.safetensors", "b.ckpt", "c.CKPT", ".d.ckpt", "e.txt"):
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / name).write_text(name)
    (tmp_path / "secret.png").write_text("secret")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.png").write_text("secret")
    return Place(tmp_path / "studio", tmp_path / "models")


@pytest.mark.parametrize("name", OURS)
def test_what_lies_in_the_studio_is_named_relative_to_it(place, name):
    assert str(place.path(name)) == name
    assert (place.folder / place.path(name)).read_text() == name


def test_a_folder_of_a_job_is_named_too(place):
    assert str(place.path("0001-digits")) == "0001-digits"


def test_models_are_named_by_where_they_are(place, tmp_path):
    assert place.path("models/xl/a.safetensors") == tmp_path / "models" / "xl" / "a.safetensors"
    assert sorted(place.model_files()) == ["models/b.ckpt", "models/c.CKPT", "models/xl/a.safetensors"]


def test_the_lora_that_ships_is_listed_and_called_as_commands_call_it(place):
    (one,) = [one for one in additions(place) if one.name == SHIPPED]
    assert (SHIPPED, one.kind) == ("shipped/few-steps.safetensors", "lora")
    assert parted("--lora", f"{place.path(SHIPPED)}:0.5", ["--lora"]) == (FEW_PASSES, {"unet": 0.5, "text": 0.5})


@pytest.mark.parametrize(
    "name",
    [
        *("shipped", "shipped/world.safetensors", "shipped/../shipped/few-steps.safetensors", "small"),
        *("", ".", "..", "/", "sent", "sent/", "sent/.", "models", "models/", "models/..", "jobs", "jobs/0001/log.txt"),
        *("a.png", "others/a.png", "../secret.png", "sent/../../secret.png", "sent/../a.png", "0001-digits/../a.png"),
        *(
            "models/../secret.png",
            "models/xl/../../secret.png",
            "/etc/passwd",
            "sent//etc/passwd",
            "models//etc/passwd",
        ),
        *("sent/.received-x", "sent/.hidden/a.png", "models/.d.ckpt", ".", "~/a.png", "C:/a.png", "sent\\a.png"),
        *("sent/a.png\0", "sent/..\\a.png", "0001-digits\n/a.png", "001-digits/a.png", "0001-Digits/a.png", "0001-"),
        *("sent/missing.png", "0002-digits/a.png", "models/missing.ckpt", f"sent/{'a' * 5000}.png", "sent/a.png/b"),
        *("models/" + "a/" * 5000 + "b", "\ud800", "sent/\ud800"),
    ],
)
def test_anything_else_is_refused_in_a_line(place, name):
    with pytest.raises(UserError) as refused:
        place.path(name)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400


def test_an_absolute_path_into_the_studio_is_refused_too(place):
    with pytest.raises(UserError, match="is no file of the studio"):
        place.path(str(place.folder / "sent" / "a.png"))


@pytest.mark.parametrize("name", ["sent/link.png", "0001-digits/link.png", "models/link.ckpt"])
def test_a_link_that_leads_out_is_none_of_it(place, tmp_path, name):
    first, _, rest = name.partition("/")
    root = tmp_path / "models" if first == "models" else place.folder / first
    os.symlink(tmp_path / "secret.png", root / rest)
    with pytest.raises(UserError, match="is not there any more"):
        place.path(name)


def test_a_linked_folder_that_leads_out_is_none_of_it(place, tmp_path):
    for name in ("sent/link", "0003-digits"):
        os.symlink(tmp_path / "secrets", place.folder / name)
        with pytest.raises(UserError, match="is not there any more"):
            place.path(f"{name}/a.png")


def test_a_link_inside_is_as_good_as_a_file(place):
    os.symlink(place.folder / "sent" / "a.png", place.folder / "0001-digits" / "link.png")
    assert str(place.path("0001-digits/link.png")) == "0001-digits/link.png"


def test_a_link_goes_round(place):
    os.symlink("round.png", place.sent / "round.png")
    with pytest.raises(UserError):
        place.path("sent/round.png")


def test_without_a_folder_of_models_none_are_named(tmp_path):
    place = Place(tmp_path / "studio")
    (tmp_path / "studio" / "models").mkdir()
    (tmp_path / "studio" / "models" / "a.ckpt").write_text("")
    assert place.model_files() == {}
    with pytest.raises(UserError, match="is no file of the studio"):
        place.path("models/a.ckpt")


def test_folders_of_jobs_are_listed_the_newest_first(place):
    (place.folder / "0020-faces").mkdir()
    assert [path.name for path in place.outputs()] == ["12345-own", "0020-faces", "0001-digits"]


def test_a_folder_of_models_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for models in ("umber", "file"):
        with pytest.raises(UserError, match="give --models the one that holds"):
            Place(tmp_path / "studio", tmp_path / models)
    assert not (tmp_path / "studio").exists()


def test_what_a_killed_server_was_being_sent_is_removed(tmp_path):
    kept = Place(tmp_path / "studio").sent / "0123456789abcdef.png"
    kept.write_bytes(b"kept")
    (kept.parent / ".received-abc").write_bytes(b"half a fi")
    Place(tmp_path / "studio")
    assert list(kept.parent.iterdir()) == [kept]
