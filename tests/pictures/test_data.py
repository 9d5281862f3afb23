"""Pictures in: from folders, zips, arrays and tables to one size."""

import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

import sfumato.pictures.data
import sfumato.pictures.sources
from sfumato import Diffusion, FlowSchedule, UNet
from sfumato.errors import UserError
from sfumato.pictures.data import Pictures, grouped, kept_apart
from sfumato.pictures.plan import about

from .conftest import draw


def test_a_folder_of_folders_has_labels(flowers):
    pictures = Pictures(flowers, 16)
    assert pictures.classes == ("rose", "tulip") and pictures.counts == {"rose": 8, "tulip": 4}
    assert pictures.pixels.shape == (12, 3, 16, 16) and pictures.pixels.dtype == np.uint8
    red, blue = (pictures.pixels[pictures.labels == label].mean(axis=(0, 2, 3)) for label in (0, 1))
    assert red[0] > red[2] + 100 and blue[2] > blue[0] + 100
    assert Pictures(flowers, 16, labels="none").classes == ()


def test_the_shorter_side_fits_and_the_rest_is_cut_off_evenly(tmp_path):
    for number in range(10):
        ramp = np.zeros((16, 32, 3), np.uint8)
        ramp[:, :, 0] = np.arange(32) * 8
        (tmp_path / "p").mkdir(exist_ok=True)
        Image.fromarray(ramp).save(tmp_path / "p" / f"{number}.png")
    cut = Pictures(tmp_path / "p", 16).pixels[0, 0, 0]
    assert cut.tolist() == [8 * place for place in range(8, 24)]
    halved = Pictures(tmp_path / "p", (8, 16)).pixels[0, 0, 0]
    assert np.abs(halved.astype(int) - (np.arange(16) * 16 + 4)).max() <= 8
    padded = Pictures(tmp_path / "p", 16, fit="pad").pixels[0]
    assert (padded[:, :4] == 255).all() and (padded[:, 12:] == 255).all() and (padded[1, 5:11] == 0).all()
    squeezed = Pictures(tmp_path / "p", 16, fit="squeeze").pixels[0, 0, 0]
    assert np.abs(squeezed.astype(int) - (np.arange(16) * 16 + 4)).max() <= 8


def test_what_is_moved_is_read_larger_and_its_middle_is_what_is_seen(flowers):
    moved, larger = Pictures(flowers, (8, 6), shift=3), Pictures(flowers, (14, 12))
    assert np.array_equal(moved.whole, larger.pixels) and moved.size == (8, 6)
    assert np.array_equal(moved.pixels, larger.pixels[:, :, 3:11, 3:9])
    assert moved.identity != larger.identity and np.array_equal(moved.whole[:, :, 3:11, 3:9], moved.pixels)


def test_grey_is_one_channel_of_luma(flowers):
    colour, grey = Pictures(flowers, 16).pixels.astype(float), Pictures(flowers, 16, channels=1).pixels
    assert grey.shape == (12, 1, 16, 16)
    luma = 0.299 * colour[:, 0] + 0.587 * colour[:, 1] + 0.114 * colour[:, 2]
    assert np.abs(grey[:, 0] - luma).max() <= 1


def test_a_zip_an_npz_and_tables_give_the_same_pictures(flowers, tmp_path):
    wanted = Pictures(flowers, 16)
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for path in sorted(flowers.rglob("*.png")):
            archive.write(path, path.relative_to(flowers).as_posix())
        archive.writestr("__MACOSX/rose/._00.png", b"none of the user's")
    got = Pictures(tmp_path / "f.zip", 16)
    assert got.classes == wanted.classes and np.array_equal(got.labels, wanted.labels)
    assert np.array_equal(got.pixels, wanted.pixels)

    np.savez(tmp_path / "f.npz", images=wanted.pixels.transpose(0, 2, 3, 1), labels=wanted.labels)
    got = Pictures(tmp_path / "f.npz", 16)
    assert got.classes == ("0", "1") and np.array_equal(got.labels, wanted.labels)
    assert np.array_equal(got.pixels, wanted.pixels)

    names = [path.relative_to(flowers).as_posix() for path in sorted(flowers.rglob("*.png"))][::-1]
    kinds = [name.split("/")[0] for name in names]
    (tmp_path / "t.csv").write_text("\ufefffile,label\n" + "".join(f"{n},{k}\n" for n, k in zip(names, kinds)))
    lines = [json.dumps({"image": n, "kind": k, "year": 7}) for n, k in zip(names, kinds)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines) + "\n\n")
    for got in (
        Pictures(flowers, 16, table=tmp_path / "t.csv"),
        Pictures(tmp_path / "f.zip", 16, table=tmp_path / "t.jsonl", column="kind"),
    ):
        assert got.classes == wanted.classes and np.array_equal(got.labels, wanted.labels[::-1])
        assert np.array_equal(got.pixels, wanted.pixels[::-1])


@pytest.fixture
def colours(flowers):
    """The flowers with a table of their kinds and colours: three combinations."""
    names = sorted(path.relative_to(flowers).as_posix() for path in flowers.rglob("*.png"))
    shades = {"rose": ("red", "dark, red"), "tulip": ("blue",)}
    told = [(name, name.split("/")[0], shades[name.split("/")[0]]) for name in names]
    rows = [(name, kind, shade[place % len(shade)]) for place, (name, kind, shade) in enumerate(told)]
    (flowers.parent / "t.csv").write_text("file,kind,year,colour\n" + "".join(f'{n},{k},7,"{c}"\n' for n, k, c in rows))
    lines = [json.dumps({"colour": c, "image": n, "kind": k}) for n, k, c in rows]
    (flowers.parent / "t.jsonl").write_text("\n".join(lines))
    return rows


@pytest.mark.parametrize("table", ["t.csv", "t.jsonl"])
def test_several_columns_are_several_conditions(flowers, colours, table):
    pictures = Pictures(flowers, 8, table=flowers.parent / table, column=("kind", "colour"))
    assert pictures.classes == (("rose", "tulip"), ("blue", "dark, red", "red"))
    assert pictures.labels.shape == (12, 2)
    named = [tuple(names[number] for names, number in zip(pictures.classes, row)) for row in pictures.labels]
    assert named == [row[1:] for row in colours]
    assert pictures.counts == {'rose,"dark, red"': 4, "rose,red": 4, "tulip,blue": 4}
    assert [one.tolist() for one in pictures.told([0, 11])] == pictures.labels[[0, 11]].T.tolist()
    turned = Pictures(flowers, 8, table=flowers.parent / table, column=("colour", "kind"))
    assert turned.classes == pictures.classes[::-1] and np.array_equal(turned.labels, pictures.labels[:, ::-1])
    assert turned.identity != pictures.identity
    one = Pictures(flowers, 8, table=flowers.parent / table, column=("kind",))
    assert one.classes == ("rose", "tulip") and one.labels.shape == (12,)


def test_pictures_that_a_table_leaves_out_are_counted_aloud(flowers, colours):
    lines = (flowers.parent / "t.csv").read_text().splitlines()
    (flowers.parent / "t.csv").write_text("\n".join(lines[:11]))
    with pytest.warns(UserWarning, match=r"t.csv: names no label of 2 pictures in .*flowers; they are left out"):
        assert len(Pictures(flowers, 8, table=flowers.parent / "t.csv", column="kind")) == 10


def test_arrays_may_have_several_labels_too(tmp_path):
    labels = np.arange(24).reshape(12, 2) % 3
    np.savez(tmp_path / "a.npz", x=np.zeros((12, 8, 8), np.uint8), y=labels)
    pictures = Pictures(tmp_path / "a.npz", 8)
    assert pictures.classes == (("0", "1", "2"),) * 2 and np.array_equal(pictures.labels, labels)


@pytest.mark.parametrize(("conditions", "classes"), [(1, 3), (2, 4), (4, 3), (40, 1000)])
def test_groups_are_the_labels_and_combinations_that_there_are_in_order(conditions, classes):
    labels = np.random.RandomState(0).randint(0, classes, (200, conditions)).astype(np.int64)
    labels[150:] = labels[:50]
    kinds = sorted({*map(tuple, labels.tolist())})
    wanted = [[place for place, row in enumerate(labels.tolist()) if tuple(row) == kind] for kind in kinds]
    assert [group.tolist() for group in grouped(labels)] == wanted
    if conditions == 1:
        assert [group.tolist() for group in grouped(labels[:, 0])] == wanted


def test_grey_arrays_are_grey_pictures(tmp_path):
    grey = np.random.RandomState(0).randint(0, 256, (12, 8, 8), np.uint8)
    for name, stored in (("flat", grey), ("deep", grey[..., None])):
        np.savez(tmp_path / f"{name}.npz", x=stored)
        pixels = Pictures(tmp_path / f"{name}.npz", 8).pixels
        assert np.array_equal(pixels, grey[:, None].repeat(3, axis=1))
        assert np.array_equal(Pictures(tmp_path / f"{name}.npz", 8, channels=1).pixels, grey[:, None])


def test_labels_that_are_numbers_are_in_the_order_of_numbers(tmp_path):
    for number in range(12):
        draw(tmp_path / "n" / str(number) / "a.png", number)
    assert Pictures(tmp_path / "n", 16).classes == tuple(map(str, range(12)))


def test_they_are_decoded_once_and_anew_when_they_change(flowers, monkeypatch):
    decoded = []
    plain = sfumato.pictures.data.fitted
    monkeypatch.setattr(sfumato.pictures.data, "fitted", lambda *arguments: decoded.append(1) or plain(*arguments))
    first = Pictures(flowers, 16)
    assert len(decoded) == 12
    again = Pictures(flowers, 16)
    assert len(decoded) == 12 and np.array_equal(again.pixels, first.pixels) and again.identity == first.identity
    caches = list(flowers.glob(".sfumato-*.npy"))
    assert len(caches) == 1 and np.array_equal(np.load(caches[0]), first.pixels)

    draw(flowers / "rose" / "01.png", 99, side=(40, 40), colour=(0, 180, 0))
    changed = Pictures(flowers, 16)
    assert len(decoded) == 24 and changed.identity != first.identity
    assert changed.pixels[0, 1].mean() > 100
    assert len(list(flowers.glob(".sfumato-*.npy"))) == 1, "the earlier contents are forgotten"


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: b"\x93NUMPZ" + raw[6:], lambda raw: b""])
def test_a_damaged_cache_is_made_again(flowers, tmp_path, damage):
    wanted = Pictures(flowers, 16, cache=tmp_path / "cache").pixels.copy()
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    assert np.array_equal(Pictures(flowers, 16, cache=tmp_path / "cache").pixels, wanted)


def test_duplicates_are_counted_and_the_plan_says_so(flowers):
    model = Diffusion(UNet(16, ["rose", "tulip"], width=8, blocks=1), FlowSchedule(), "velocity")
    for count, words in enumerate(("1 held out", "1 held out, 1 is a duplicate", "1 held out, 2 are duplicates")):
        if count:
            shutil.copy(flowers / "rose" / "01.png", flowers / "rose" / f"9{count}.png")
        pictures = Pictures(flowers, 16)
        assert pictures.duplicates() == count
        assert about(pictures, 1, model)[0].endswith(f"; {words}")


def test_a_tenth_is_kept_apart(flowers):
    seen, held_out = kept_apart(Pictures(flowers, 16))
    assert len(held_out) == 1 and sorted([*seen, *held_out]) == list(range(12))


TWO = {"column": ("kind", "hue")}


def cut_off(flowers):
    path = flowers / "rose" / "04.png"
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("before", "settings", "words"),
    [
        (cut_off, {}, "rose/04.png: cannot be decoded"),
        (lambda f: None, {"size": 32}, r"rose/01.png: is 16x20, smaller than the 32x32 asked for; .*--upscale"),
        (lambda f: (f / "lily").mkdir(), {}, "lily: holds no picture of its label"),
        (lambda f: draw(f / "a.png", 1), {"labels": "folders"}, "a.png lies in no folder that could be its label"),
        (lambda f: shutil.rmtree(f / "rose"), {}, "4 pictures are too few to learn from; give 10 or more"),
        (lambda f: shutil.rmtree(f), {}, "there is no such file or folder"),
        (lambda f: [shutil.rmtree(f / k) for k in ("rose", "tulip")], {}, "holds no picture"),
        (lambda f: None, {"size": 12, "shift": 4}, r"smaller than the 20x20 that 12x12 moved by 4 need; .*--upscale"),
        (lambda f: None, {"shift": -1}, "shift must be at least 0 and below the pictures' 16 pixels, got -1"),
        (lambda f: None, {"shift": 16}, "shift must be"),
        (lambda f: None, {"fit": "stretch"}, "fit must be crop or pad or squeeze"),
        (lambda f: None, {"labels": "names"}, "unknown labels 'names'"),
        (lambda f: None, {"channels": 2}, "channels 1 or 3"),
        (lambda f: None, {"size": (0, 8)}, "sizes above 0"),
    ],
)
def test_what_cannot_be_used_is_named(flowers, before, settings, words):
    before(flowers)
    with pytest.raises(UserError, match=words):
        Pictures(flowers, **{"size": 16, **settings})
    assert not list(flowers.parent.rglob(".sfumato-*")), "nothing half-written is left"


@pytest.mark.parametrize(
    ("table", "settings", "words"),
    [
        ("file,label\nrose/01.png,\n", {}, "row 2: 'rose/01.png' has no label"),
        ("file,label\nrose/xx.png,a\n", {}, "row 2: 'rose/xx.png' is no picture in"),
        ("file,label\n../a.png,a\n", {}, "leads out of"),
        ("name,label\nrose/01.png,a\n", {}, "has no column image_name or"),
        (
            "file,kind,year\nrose/01.png,a,b\n",
            {},
            "which column has the labels. give --column, one or several of kind, year",
        ),
        ("file,kind\nrose/01.png,a\n", {"column": "year"}, "give --column, one or several of kind; got year"),
        ("file,label\n", {}, "has no row"),
        (
            "file,kind,hue\nrose/01.png,a,b\nrose/02.png,a\n",
            TWO,
            "row 3: 'rose/02.png' has no label in the column 'hue'",
        ),
        ("file,kind,hue\nrose/01.png, ,b\n", TWO, "row 2: 'rose/01.png' has no label in the column 'kind'"),
        ("file,kind,year\nrose/01.png,a,b\n", TWO, "one or several of kind, year; got kind, hue"),
        ("file,kind\nrose/01.png,a\n", {"column": ("kind", "kind")}, "one or several of kind; got kind, kind"),
    ],
)
def test_tables_that_cannot_be_used_are_named(flowers, tmp_path, table, settings, words):
    (tmp_path / "t.csv").write_text(table)
    with pytest.raises(UserError, match=words):
        Pictures(flowers, 16, table=tmp_path / "t.csv", **settings)
    (tmp_path / "t.jsonl").write_text("[1]\n")
    with pytest.raises(UserError, match="line 1 is no JSON object"):
        Pictures(flowers, 16, table=tmp_path / "t.jsonl")


def test_rows_are_named_by_their_place_in_the_file(flowers, tmp_path):
    row = json.dumps({"file": "rose/01.png", "label": "a"})
    (tmp_path / "t.jsonl").write_text(f"{row}\n\n\n" + json.dumps({"file": "x.png", "label": "a"}) + "\n")
    with pytest.raises(UserError, match=r"row 4: 'x.png' is no picture in"):
        Pictures(flowers, 16, table=tmp_path / "t.jsonl")
    (tmp_path / "t.csv").write_text("file,label\n\nrose/01.png,a\nx.png,a\n")
    with pytest.raises(UserError, match=r"row 4: 'x.png' is no picture in"):
        Pictures(flowers, 16, table=tmp_path / "t.csv")


def test_a_zip_is_closed_where_its_labels_cannot_be_used(flowers, tmp_path):
    """An open file would be a warning, and that an error."""
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.write(flowers / "rose" / "01.png", "a.png")
    with pytest.raises(UserError, match=r"a.png lies in no folder"):
        Pictures(tmp_path / "f.zip", 16, labels="folders")


def test_arrays_that_cannot_be_used_are_named(tmp_path):
    for arrays, words in (
        ({"a": np.zeros((12, 8, 8), np.uint8)}, "has no array pictures or images"),
        ({"x": np.zeros((12, 8, 8))}, r"x is float64 \[12, 8, 8\]; it must be uint8"),
        ({"x": np.zeros((12, 8, 8, 4), np.uint8)}, "it must be uint8"),
        ({"x": np.zeros((12, 8, 8), np.uint8), "y": np.zeros(11, int)}, "12 pictures and 11 labels"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(UserError, match=words):
            Pictures(tmp_path / "a.npz", 8)


def test_large_sets_are_decoded_into_their_file(flowers, monkeypatch):
    wanted = Pictures(flowers, 16).pixels.copy()
    (kept,) = flowers.glob(".sfumato-*")
    kept.unlink()
    monkeypatch.setattr("sfumato.pictures.cache._SMALL", 0)
    assert np.array_equal(Pictures(flowers, 16).pixels, wanted)
    assert np.array_equal(np.load(kept), wanted)
    kept.unlink()
    cut_off(flowers)
    with pytest.raises(UserError, match=r"rose/04.png: cannot be decoded"):
        Pictures(flowers, 16)
    assert not list(flowers.glob(".sfumato-*")), "nothing half-written is left"


def test_a_full_disk_is_told(flowers, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UserError, match=r"cannot be kept there \(No space left on device\); give another folder"):
        Pictures(flowers, 16, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("few", [True, False])
def test_a_changed_picture_is_noticed_even_where_its_size_and_time_are_set_back(tmp_path, monkeypatch, few):
    """Few pictures are told apart by their contents; of many a second time of change is looked at, which no program
    sets."""
    monkeypatch.setattr(sfumato.pictures.sources, "_MOST_READ", 1000 if few else 11)
    for number in range(12):
        draw(tmp_path / "p" / f"{number:02d}.bmp", number)
    path = tmp_path / "p" / "01.bmp"
    before, first = path.stat(), Pictures(tmp_path / "p", 16)
    draw(path, 99)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    changed = Pictures(tmp_path / "p", 16)
    assert changed.identity != first.identity and not np.array_equal(changed.pixels[1], first.pixels[1])


def test_a_copy_of_few_pictures_is_the_same_pictures(flowers, tmp_path):
    """So that a run can go on elsewhere."""
    copy = tmp_path / "elsewhere" / "flowers"
    shutil.copytree(flowers, copy, copy_function=shutil.copyfile)
    assert Pictures(copy, 16).identity == Pictures(flowers, 16).identity
