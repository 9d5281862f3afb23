"""What is sent is looked at by its content before it is kept; of what is refused nothing stays."""

import io
import json
import pickle
import struct
import zipfile

import pytest
from PIL import Image

from sfumato.errors import UserError
from sfumato.studio.sent import keep, together

from .asking import MARKED, ask


def picture(kind="PNG", number=0):
    raw = io.BytesIO()
    Image.new("RGB", (8, 8), (number, 120, 60)).save(raw, kind)
    return raw.getvalue()


def zipped(**members):
    """A zip of names -> bytes; __ in a name is a slash."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return raw.getvalue()


def told(header, body=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


WEIGHTS = told({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, struct.pack("<2f", 1, 2))


def give(folder, kind, name, raw):
    """Send a file; what is kept of it."""
    (folder / "sent").mkdir(exist_ok=True)
    received = folder / "sent" / ".received-1"
    received.write_bytes(raw)
    try:
        return keep(kind, name, received, folder / "sent")
    finally:
        assert not received.exists()


def there(folder):
    return sorted(path.name for path in (folder / "sent").iterdir())


class Act:
    """A pickle that does something when it is read."""

    def __reduce__(self):
        return (print, ("acted",))


HTML = b"<!doctype html><html><script>alert(1)</script></html>"
ACTS = pickle.dumps(Act())
REFUSED = {
    "a pickle as a picture": ("picture", "a.png", ACTS, "a: is no picture; send a PNG"),
    "HTML as a picture": ("picture", "a.png", HTML, "is no picture"),
    "SVG as a picture": ("picture", "a.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is no picture"),
    "nothing as a picture": ("picture", "a.png", b"", "is no picture"),
    "half a picture": ("picture", "a.png", picture()[:-30], "a: "),
    "HTML with a picture's beginning": ("picture", "a.png", b"\x89PNG\r\n\x1a\n" + HTML, "a: "),
    "sound as a picture": ("picture", "a.webp", b"RIFF\x04\0\0\0WAVEfmt " + bytes(40), "is no picture"),
    "a picture as a zip": ("zip", "a.zip", picture(), "is no whole zip file"),
    "a pickle as a zip": ("zip", "a.zip", ACTS, "is no whole zip file"),
    "half a zip": ("zip", "a.zip", zipped(**{"a.png": picture()})[:-20], "is no whole zip file"),
    "a bomb": ("zip", "a.zip", zipped(**{"a.png": bytes(70 << 20)}), "says that it unpacks to 73,400,320 bytes"),
    "a path that leads out": ("zip", "a.zip", zipped(**{"../a.png": picture()}), "holds a path that leads out of it"),
    "one below": ("zip", "a.zip", zipped(**{"a.png": picture(), "b/../../c.png": b""}), "leads out of it"),
    "an absolute path": ("zip", "a.zip", zipped(**{"/a.png": picture()}), "leads out of it"),
    "another system's path": ("zip", "a.zip", zipped(**{"C:a.png": picture()}), "leads out of it"),
    "a zip of texts": ("zip", "a.zip", zipped(**{"a.txt": b"a", "png": b"b"}), "holds no picture"),
    "an empty zip": ("zip", "a.zip", zipped(), "holds no picture"),
    "a pickle as weights": ("weights", "a.safetensors", ACTS, "is no safetensors file"),
    "a zip as weights": ("weights", "a.safetensors", zipped(**{"data.pkl": ACTS}), "is no safetensors file"),
    "no weights": ("weights", "a.safetensors", b"", "is no safetensors file"),
    "a header that is none": ("weights", "a.safetensors", struct.pack("<Q", 5) + b"{umbe", "a: "),
    "weights that end early": (
        *("weights", "a.safetensors"),
        told({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, bytes(8)),
        "a: ",
    ),
    "weights that overlap": (
        *("weights", "a.safetensors"),
        told({name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "ab"}, bytes(8)),
        "a: its tensors overlap",
    ),
    "another kind": ("../picture", "a.png", picture(), "no such kind of file is taken"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_refused_leaves_nothing_behind(tmp_path, capfd, case):
    kind, name, raw, line = REFUSED[case]
    with pytest.raises(UserError) as refused:
        give(tmp_path, kind, name, raw)
    assert line in str(refused.value) and ".received" not in str(refused.value)
    assert there(tmp_path) == []
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("BMP", ".bmp"), ("GIF", ".gif"), ("TIFF", ".tiff")],
)
def test_a_picture_is_called_by_what_it_is(tmp_path, kind, ending):
    kept = give(tmp_path, "picture", "called.otherwise", picture(kind))
    assert kept.endswith(ending) and len(kept) == 16 + len(ending)
    assert (tmp_path / "sent" / kept).read_bytes() == picture(kind)


def test_a_zip_and_weights_are_kept_as_they_are(tmp_path):
    archive, weights = zipped(**{"roses/a.png": picture()}), WEIGHTS
    names = give(tmp_path, "zip", "a.zip", archive), give(tmp_path, "weights", "my lora.safetensors", weights)
    assert names[0].endswith(".zip") and names[1].endswith("-my-lora.safetensors")
    assert [(tmp_path / "sent" / name).read_bytes() for name in names] == [archive, weights]


def test_the_same_file_twice_lies_there_once(tmp_path):
    first = give(tmp_path, "picture", "a.png", picture())
    (tmp_path / "sent" / first).touch()
    before = (tmp_path / "sent" / first).stat().st_mtime_ns
    assert give(tmp_path, "picture", "another name.png", picture()) == first
    assert there(tmp_path) == [first] and (tmp_path / "sent" / first).stat().st_mtime_ns == before
    assert give(tmp_path, "picture", "a.png", picture(number=1)) != first
    assert len(there(tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("a.b.c.safetensors", "-a-b-c"),
        ("../../etc/passwd.safetensors", "-passwd"),
        ("..", ""),
        ("/etc/passwd", "-passwd"),
        ("C:\\windows\\a.safetensors", "-a"),
        (".hidden.safetensors", "-hidden"),
        ("--option.safetensors", "-option"),
        ("größe <x> $(y).safetensors", "-groe-x-y"),
        ("a\0b\n.safetensors", "-a-b"),
        ("日本.safetensors", ""),
        ("", ""),
        ("a" * 5000, f"-{'a' * 40}"),
    ],
)
def test_a_name_is_made_plain(tmp_path, name, own):
    kept = give(tmp_path, "weights", name, WEIGHTS)
    digest, ending = kept[:16], kept[16:]
    assert all(sign in "0123456789abcdef" for sign in digest) and ending == f"{own}.safetensors"
    assert there(tmp_path) == [kept]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent"]


def test_pictures_together_are_a_folder_in_their_order(tmp_path):
    names = [give(tmp_path, "picture", "", picture(number=number)) for number in (3, 1, 2)]
    folder = together(names, tmp_path / "sent")
    assert [path.name for path in sorted(folder.iterdir())] == ["000.png", "001.png", "002.png"]
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [picture(number=number) for number in (3, 1, 2)]
    assert together(names, tmp_path / "sent") == folder != together(names[::-1], tmp_path / "sent")


@pytest.mark.parametrize("name", ["../secret.png", "umber.png", "a/b.png", "", ".", "made.safetensors", "/etc/passwd"])
def test_only_pictures_that_were_sent_are_put_together(tmp_path, name):
    kept = give(tmp_path, "picture", "", picture())
    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "sent" / "made.safetensors").write_bytes(b"")
    before = there(tmp_path)
    for names in ([name], [kept, name], []):
        with pytest.raises(UserError):
            together(names, tmp_path / "sent")
    assert there(tmp_path) == before


class _NoJobs:
    """In place of a worker, where none is needed."""

    def __init__(self, place):
        pass


@pytest.fixture
def app(tmp_path, monkeypatch):
    """The server that takes files of at most 2 KiB."""
    pytest.importorskip("starlette")
    from sfumato.studio import app
    from sfumato.studio.place import Place

    monkeypatch.setattr(app, "Jobs", _NoJobs)
    return app.Studio(Place(tmp_path), 2048).app()


def test_a_file_is_sent_in_parts(app, tmp_path):
    raw = picture()
    answer = ask(app, "/api/sent/picture?name=a.png", MARKED, "POST", (raw[:20], b"", raw[20:]))
    assert answer.status == 200
    assert there(tmp_path) == [answer.json()["name"]] and answer.json()["shown"] == "a.png"


def test_a_file_that_is_too_large_is_refused_while_it_comes(app, tmp_path):
    answer = ask(app, "/api/sent/picture?name=a.png", MARKED, "POST", (picture(), bytes(2048), bytes(1 << 20)))
    assert (answer.status, there(tmp_path)) == (413, [])
    assert "start with a larger --largest" in answer.json()["line"]


def test_a_file_that_does_not_come_whole_leaves_nothing(app, tmp_path):
    answer = ask(app, "/api/sent/picture?name=a.png", MARKED, "POST", (picture(),), gone=True)
    assert (answer.status, there(tmp_path)) == (400, [])


@pytest.mark.parametrize("case", ["HTML as a picture", "a path that leads out", "weights that end early"])
def test_the_server_says_what_is_wrong_without_saying_where_it_lay(app, tmp_path, case):
    kind, name, raw, line = REFUSED[case]
    answer = ask(app, f"/api/sent/{kind}?name={name}", MARKED, "POST", (raw,))
    assert (answer.status, there(tmp_path)) == (400, [])
    assert line in answer.json()["line"] and str(tmp_path) not in answer.json()["line"]


def test_what_is_sent_is_shown_as_pictures_and_as_nothing_else(app, tmp_path):
    for kind, name, raw in (("picture", "a.png", picture()), ("zip", "a.zip", zipped(**{"a.png": picture()}))):
        kept = ask(app, f"/api/sent/{kind}?name={name}", MARKED, "POST", (raw,)).json()["name"]
        answer = ask(app, f"/files/sent/{kept}", MARKED)
        told = (answer.status, answer.headers.get("content-type"))
        assert told == ((200, "image/png") if kind == "picture" else (404, "application/json"))
