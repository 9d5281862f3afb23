"""Every picture comes in right, or is refused in a line."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from sfumato.errors import UserError
from sfumato.images import graders_picture, open_picture, open_with_alpha

ROOT = Path(__file__).parents[2]


def noise(*shape):
    return np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)


def shown(path, raw=None):
    picture = open_picture(path, raw)
    assert type(picture) is Image.Image and picture.mode == "RGB"
    return np.asarray(picture).astype(int)


def png(width, height, depth, colour, rows, *chunks):
    """A PNG by hand, of what Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(*one) for one in chunks) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp", "PNG"])
def test_plain_pictures_come_in_to_the_byte(tmp_path, ending):
    pixels, path = noise(20, 30, 3), tmp_path / f"a.{ending}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if ending == "webp" else {}))
    assert np.array_equal(shown(path), pixels)
    assert np.array_equal(shown(tmp_path / "elsewhere.png", path.read_bytes()), pixels)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_are_divided_by_257(tmp_path, ending):
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(16, 32)
    Image.fromarray(ramp).save(tmp_path / f"a.{ending}")
    assert np.array_equal(shown(tmp_path / f"a.{ending}")[..., 0], np.round(ramp / 257))


def test_sixteen_bits_of_the_other_order_and_from_white_to_black_and_twelve_bits(tmp_path):
    """TIFFs by hand: byte order, bits and photometric interpretation as the standard has them."""

    def tiff(order, bits, zero_is, data, width=2):
        entries = [(256, width), (257, 1), (258, bits), (259, 1), (262, zero_is), (273, 122), (277, 1), (278, 1)]
        entries.append((279, len(data)))
        file = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
        file += b"".join(struct.pack(order + "HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
        return file + struct.pack(order + "I", 0) + data

    for raw, expected in (
        (tiff(">", 16, 1, struct.pack(">HH", 257, 25700)), [1, 100]),
        (tiff("<", 16, 1, struct.pack("<HH", 257, 25700)), [1, 100]),
        (tiff("<", 16, 0, struct.pack("<HH", 257, 65535)), [254, 0]),
        (tiff("<", 12, 1, bytes([0xFF, 0xF8, 0x00])), [255, 128]),
    ):
        assert shown(tmp_path / "a.tif", raw)[0, :, 2].tolist() == expected


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_without_a_white_are_refused(tmp_path, kind):
    Image.fromarray(np.ones((4, 4), dtype=kind)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a.tif: holds numbers of which it does not say which one is white"):
        open_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_what_is_transparent_is_laid_on_white(tmp_path, ending):
    pixels = noise(16, 16, 4)
    pixels[:4, :, 3], pixels[4:8, :, 3] = 0, 255
    Image.fromarray(pixels).save(tmp_path / f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + 255 * (1 - alpha)
    got = shown(tmp_path / f"a.{ending}")
    assert (got[:4] == 255).all() and np.array_equal(got[4:8], pixels[4:8, :, :3])
    assert abs(got - expected).max() <= 0.51


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_colours_and_opacity_come_in_apart(tmp_path, ending):
    """What is half transparent has the colour that it has by itself, as well as 8 bits tell it."""
    pixels = noise(16, 16, 4)
    pixels[:4, :, 3], pixels[4:8, :, 3] = 0, 255
    how = {"lossless": True, "exact": True} if ending == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"a.{ending}", **how)
    colours, opacity = open_with_alpha(tmp_path / f"a.{ending}")
    assert (colours.mode, opacity.mode) == ("RGB", "L")
    found, seen = np.asarray(colours).astype(int), np.asarray(opacity).astype(int)
    assert np.array_equal(seen[:8], pixels[:8, :, 3]) and abs(seen - pixels[..., 3]).max() <= 1
    assert (found[:4] == 255).all() and np.array_equal(found[4:8], pixels[4:8, :, :3])
    weighed = abs(found - pixels[..., :3]) * (pixels[..., 3:] / 255)
    assert weighed.max() <= 1.5


def test_what_is_opaque_all_over_has_no_opacity_and_notes_of_the_camera_turn_both(tmp_path):
    pixels, exif = noise(20, 30, 4), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels[..., :3]).save(tmp_path / "rgb.png", exif=exif)
    Image.fromarray(np.dstack([pixels[..., :3], np.full((20, 30), 255, np.uint8)])).save(tmp_path / "full.png")
    pixels[..., 3] = np.where(pixels[..., 3] > 99, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    for name in ("rgb.png", "full.png"):
        colours, opacity = open_with_alpha(tmp_path / name)
        assert opacity is None and np.array_equal(np.asarray(colours), shown(tmp_path / name))
    colours, opacity = open_with_alpha(tmp_path / "turned.png")
    assert np.array_equal(np.asarray(opacity), np.rot90(pixels[..., 3], -1))
    whole = np.where(np.asarray(opacity)[..., None] == 255, np.rot90(pixels[..., :3], -1), 255)
    assert np.array_equal(np.asarray(colours), whole)


def test_grey_with_alpha_and_palettes_with_it_are_laid_on_white(tmp_path):
    Image.fromarray(np.array([[[10, 0], [10, 255], [10, 51]]], dtype=np.uint8)).save(tmp_path / "la.png")
    assert shown(tmp_path / "la.png")[0, :, 1].tolist() == [255, 10, 206]
    palette = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(tmp_path / "one.png", transparency=1)
    palette.save(tmp_path / "one.gif", transparency=1)
    for name in ("one.png", "one.gif"):
        assert shown(tmp_path / name)[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]
    palette.save(tmp_path / "table.png", transparency=bytes([255, 0, 51]))
    assert shown(tmp_path / "table.png")[0].tolist() == [[255, 0, 0], [255, 255, 255], [204, 204, 255]]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (png(2, 1, 1, 0, [b"\x40"], (b"tRNS", b"\0\1")), [[0] * 3, [255] * 3]),
        (png(2, 1, 1, 0, [b"\x40"], (b"tRNS", b"\0\0")), [[255] * 3, [255] * 3]),
        (png(2, 1, 2, 0, [b"\x60"], (b"tRNS", b"\0\1")), [[255] * 3, [170] * 3]),
        (png(2, 1, 4, 0, [b"\x3a"], (b"tRNS", b"\0\3")), [[255] * 3, [170] * 3]),
        (png(2, 1, 8, 0, [b"\x03\x04"], (b"tRNS", b"\0\3")), [[255] * 3, [4] * 3]),
        (png(2, 1, 16, 0, [b"\x03\x01\x03\x02"], (b"tRNS", b"\3\1")), [[255] * 3, [3] * 3]),
        (png(2, 1, 8, 2, [b"\1\2\3\1\2\4"], (b"tRNS", b"\0\1\0\2\0\3")), [[255] * 3, [1, 2, 4]]),
    ],
)
def test_a_colour_that_stands_for_nothing_is_white(tmp_path, raw, expected):
    assert shown(tmp_path / "a.png", raw)[0].tolist() == expected
    (tmp_path / "a.png").write_bytes(raw)
    colours, opacity = open_with_alpha(tmp_path / "a.png")
    assert np.array_equal(np.asarray(colours)[0], expected)
    levels = np.asarray(opacity)[0].tolist()
    assert sorted(levels) == [0, 255] and expected[levels.index(0)] == [255] * 3


def test_sixteen_bits_a_colour_keep_their_upper_byte_and_may_not_have_a_key(tmp_path):
    row = struct.pack(">6H", 0, 256, 65535, 32768, 514, 7)
    assert shown(tmp_path / "a.png", png(2, 1, 16, 2, [row]))[0].tolist() == [[0, 1, 255], [128, 2, 0]]
    with pytest.raises(UserError, match=r"a.png: has 16 bits a colour and one that is transparent"):
        open_picture(tmp_path / "a.png", png(2, 1, 16, 2, [row], (b"tRNS", bytes(6))))


def test_palettes_cmyk_grey_and_one_bit(tmp_path):
    palette = Image.fromarray(np.array([[0, 2]], dtype=np.uint8))
    palette.putpalette([9, 8, 7, 0, 0, 0, 60, 50, 40])
    palette.save(tmp_path / "p.png")
    assert shown(tmp_path / "p.png")[0].tolist() == [[9, 8, 7], [60, 50, 40]]
    Image.fromarray(np.array([[3, 200]], dtype=np.uint8)).save(tmp_path / "l.png")
    assert shown(tmp_path / "l.png")[0].tolist() == [[3] * 3, [200] * 3]
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "1.png")
    assert shown(tmp_path / "1.png")[0].tolist() == [[255] * 3, [0] * 3]
    # Pillow writes CMYK JPEGs with Adobe's mark, inverted.
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    assert abs(shown(tmp_path / "c.jpg") - [255, 0, 0]).max() <= 2


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    for name, more in (("a.gif", {}), ("a.webp", {"lossless": True}), ("a.png", {})):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **more)
        assert (shown(tmp_path / name) == [255, 0, 0]).all(), name


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "jfif"])
def test_pictures_are_turned_as_their_camera_says(tmp_path, orientation, ending):
    path, exif = tmp_path / f"a.{ending}", Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise(6, 9, 3)).save(path, exif=exif)
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    assert expected.shape == ((9, 6, 3) if 5 <= orientation <= 8 else (6, 9, 3))
    assert np.array_equal(shown(path), expected)


BROKEN = [
    b"Exif\0\0II*\0\x08\0\0\0\x05\0",
    b"Exif\0\0II*\0\xff\xff\xff\xff",
    b"Exif\0\0rubbish",
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x02\0\0\0x\0\0\0" + bytes(4),
]


@pytest.mark.parametrize("notes", BROKEN)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_broken_notes_are_a_warning_and_the_picture_lies_as_it_lies(tmp_path, notes, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(6, 9, 3)).save(path, exif=notes)
    with pytest.warns(
        UserWarning, match=rf"a.{ending}: its EXIF notes are damaged \(.+\); it is taken as it lies"
    ) as said:
        assert shown(path).shape == (6, 9, 3)
    assert len(said) == 1 and "\n" not in str(said[0].message)


def test_notes_that_are_damaged_behind_the_orientation_still_turn(tmp_path):
    path = tmp_path / "a.jpg"
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x010F, 2, 99, 5000)
    Image.fromarray(noise(6, 9, 3)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + bytes(4))
    assert shown(path).shape == (9, 6, 3)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n(x) show\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("reader", [open_picture, graders_picture])
@pytest.mark.parametrize("content", [EPS, b"\xc5\xd0\xd3\xc6" + EPS, b"%PDF-1.4", b"no picture", b"\0" * 100])
def test_what_would_start_a_program_is_none_of_the_kinds(tmp_path, monkeypatch, reader, content):
    for place in ("subprocess.Popen", "os.system", "os.popen"):
        monkeypatch.setattr(place, lambda *told, **more: pytest.fail("a program was started"))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a.png: cannot be decoded \(its bytes are none of PNG, JPEG"):
        reader(tmp_path / "a.png")


@pytest.mark.parametrize("reader", [open_picture, graders_picture])
def test_what_is_missing_empty_or_a_folder_is_called_so(tmp_path, reader):
    with pytest.raises(UserError, match=r"nope.png: there is no such file; check the path"):
        reader(tmp_path / "nope.png")
    with pytest.raises(UserError, match=r"is a folder; give a picture"):
        reader(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(UserError, match=r"a.png: is empty; get the file again"):
        reader(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"b.png: is empty; get the file again"):
        open_picture(tmp_path / "b.png", b"")
    os.mkfifo(str(tmp_path / "pipe.png"))
    with pytest.raises(UserError, match=r"pipe.png: is no file; give a picture"):
        reader(tmp_path / "pipe.png")


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_pictures_that_end_early_are_one_line(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(64, 64, 3)).save(path)
    whole = path.read_bytes()
    for length in range(1, len(whole) - 600, len(whole) // 20):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=rf"a.{ending}: cannot be decoded") as error:
            open_picture(path)
        assert "\n" not in str(error.value)


def bomb(side):
    """Some hundred kilobytes that are side x side pixels of one grey."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + packer.flush()
    whole = png(side, side, 1, 0, [])
    begin, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    checked = struct.pack(">I", zlib.crc32(b"IDAT" + data))
    return whole[:begin] + struct.pack(">I", len(data)) + b"IDAT" + data + checked + whole[end:]


@pytest.mark.parametrize("side", [8001, 9500, 15000, 60000])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch, side):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"a.png: (is \d+x\d+; shrink it below 64,000,000|has far too many) pixels"):
        open_picture(tmp_path / "a.png", png(side, side, 8, 2, []))


def test_a_text_that_unpacks_to_far_too_much_is_refused(tmp_path):
    text = b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20))
    with pytest.raises(UserError, match=r"a.png: cannot be decoded \("):
        open_picture(tmp_path / "a.png", png(1, 1, 8, 0, [b"\1"], text))


PEAK = """
import resource, sys, warnings
from pathlib import Path
from sfumato.errors import UserError
from sfumato.images import open_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    print(open_picture(Path(sys.argv[1])).size)
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("side", [7999, 30000])
def test_the_memory_that_a_picture_takes_is_bounded(tmp_path, side):
    (tmp_path / "a.png").write_bytes(bomb(side))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEAK, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    said, peak = done.stdout.splitlines()
    assert ("(7999, 7999)" if side == 7999 else "too many pixels") in said
    assert int(peak) < (1024 if side == 7999 else 100)


def test_the_graders_pictures_are_pillows_rgb_and_no_more(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = noise(6, 9, 4)
    pixels[..., 3] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(np.asarray(graders_picture(tmp_path / "a.png")), pixels[..., :3])
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "p.png", transparency=bytes([255, 7]))
    assert np.asarray(graders_picture(tmp_path / "p.png"))[0].tolist() == [[255, 0, 0], [0, 255, 0]]
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as picture:
        assert np.array_equal(np.asarray(graders_picture(tmp_path / "a.jpg")), np.asarray(picture.convert("RGB")))


def test_many_threads_may_open_pictures_with_notes(tmp_path):
    """Catching Pillow's warnings changes what the whole process does with warnings, for a moment."""
    from concurrent.futures import ThreadPoolExecutor

    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(noise(6, 9, 3)).save(buffer, "JPEG", exif=exif)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        sizes = set(pool.map(lambda n: open_picture(tmp_path / f"{n}.jpg", buffer.getvalue()).size, range(200)))
    assert sizes == {(6, 9)} and list(warnings.filters) == before
